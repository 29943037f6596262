//! Links in the documentation, and from code comments to `docs/semantics.md`, lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Files below `folder` with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(files(&entry, extension));
        } else if entry.extension().is_some_and(|e| e == extension) {
            found.push(entry);
        }
    }
    found
}

/// The anchors that GitHub gives to the headings of a page.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let mut anchors = BTreeSet::new();
    for line in markdown.lines() {
        in_code ^= line.starts_with("```");
        if let Some((_, heading)) =
            line.split_once("# ").filter(|(marks, _)| !in_code && marks.chars().all(|c| c == '#'))
        {
            let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            anchors.insert(kept.collect::<String>().to_lowercase().replace(' ', "-"));
        }
    }
    anchors
}

#[test]
fn links_between_pages_lead_to_files_and_headings() {
    let mut pages = vec!["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
        .into_iter()
        .map(|p| root().join(p))
        .collect::<Vec<_>>();
    for folder in ["docs", "deploy", "examples", "reports", "checks"] {
        pages.extend(files(&root().join(folder), "md"));
    }
    let mut links = 0;
    for page in &pages {
        let text = read(page);
        for link in text.split("](").skip(1).filter_map(|l| l.split(')').next()) {
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() && target.extension().is_some_and(|e| e == "md") {
                assert!(anchors(&read(&target)).contains(anchor), "{}: {link}", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 30, "{links}");
}

#[test]
fn comments_link_to_headings_of_the_semantics() {
    const PAGE: &str = "docs/semantics.md#";
    let anchors = anchors(&read(&root().join("docs/semantics.md")));
    let mut links = 0;
    for file in files(&root().join("src"), "rs").into_iter().chain(files(&root().join("checks"), "yaml")) {
        for link in read(&file).split(PAGE).skip(1) {
            let anchor: String = link.chars().take_while(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
            assert!(anchors.contains(&anchor), "{}: {PAGE}{anchor}", file.display());
            links += 1;
        }
    }
    assert!(links > 5, "{links}");
}

#[test]
fn anchors_are_those_of_github() {
    let page = "# A page\n\n## DNS and metadata\n```sh\n# no heading\n```\n### pg_hba\n## What's `new`?\n";
    assert_eq!(anchors(page), ["a-page", "dns-and-metadata", "pg_hba", "whats-new"].map(String::from).into());
}
