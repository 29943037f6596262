//! Which module may use which, and which may do I/O. Each dependency in the code must be in this table, and in that of
//! CONTRIBUTING.md.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// (module, modules it may use). A module is a folder or a file directly below `src/`.
const DEPENDENCIES: [(&str, &[&str]); 16] = [
    ("document", &[]),
    ("lexicon", &[]),
    ("config", &["document"]),
    // `document` for what a source could not give: the cluster's configuration in the snapshot is such a document.
    ("inventory", &["document", "lexicon"]),
    ("platform", &["document", "inventory"]),
    ("network", &["inventory"]),
    ("database", &["inventory", "lexicon"]),
    ("collect", &["document", "inventory", "lexicon"]),
    ("facts", &["config", "database", "document", "inventory", "network", "platform"]),
    // `inventory` and `facts` for the vocabulary of results: subjects, evidence, reasons.
    ("check", &["config", "document", "facts", "inventory"]),
    ("report", &["check", "config", "facts", "inventory"]),
    // `audit` and `collect`: it finds, reads and audits clusters.
    ("fleet", &["audit", "check", "collect", "config", "inventory", "report"]),
    ("example", &["collect", "inventory"]),
    // `collect` for the digest of the evidence and the comparison with the Terraform state.
    ("audit", &["check", "collect", "config", "facts", "inventory", "network", "platform", "report"]),
    (
        "cli",
        &[
            "audit",
            "check",
            "collect",
            "config",
            "document",
            "example",
            "facts",
            "fleet",
            "inventory",
            "lexicon",
            "network",
            "platform",
            "report",
        ],
    ),
    ("main", &["cli"]),
];

/// Modules that may read files, the clock, the environment or a socket.
const OUTSIDE: [&str; 3] = ["collect", "cli", "main"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Each source file with its module and its text without line comments.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).expect("below src").to_owned();
            let first = relative.components().next().expect("not empty").as_os_str().to_string_lossy().into_owned();
            let module = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code: Vec<&str> = text.lines().map(|l| l.split("//").next().unwrap_or(l)).collect();
            (module, relative, code.join("\n"))
        })
        .collect()
}

/// Modules that a text uses: what follows `crate::` or `gke_posture::`, also inside one pair of braces.
fn used(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let word = |s: &str| -> String { s.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect() };
    for start in ["crate::", "gke_posture::"] {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at + start.len()..];
            match rest.strip_prefix('{') {
                None => {
                    found.insert(word(rest));
                }
                Some(inner) => {
                    // `use crate::{a, b::c};` names a module after each comma of its own level.
                    let mut depth = 0;
                    let mut expect = true;
                    for (i, c) in inner.char_indices() {
                        match c {
                            '{' => depth += 1,
                            '}' if depth == 0 => break,
                            '}' => depth -= 1,
                            ',' if depth == 0 => expect = true,
                            c if expect && (c.is_ascii_alphabetic() || c == '_') => {
                                found.insert(word(&inner[i..]));
                                expect = false;
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    found
}

#[test]
fn every_dependency_between_modules_is_in_the_table() {
    let known: BTreeSet<&str> = DEPENDENCIES.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for (module, file, text) in modules() {
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = DEPENDENCIES.iter().find(|(r, _)| *r == module) else {
            wrong.push(format!("{}: module {module} is not in the table", file.display()));
            continue;
        };
        for other in used(&text) {
            // Macros of the crate's root (`facts!`) and items are not modules.
            if other != module && known.contains(other.as_str()) && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{}: {module} must not use {other}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_outer_modules_do_io() {
    const IO: [&str; 8] = [
        "std::fs",
        "std::env::",
        "std::process",
        "std::io::std",
        "SystemTime::now",
        "Timestamp::now",
        "TcpStream",
        "println!",
    ];
    let mut wrong = Vec::new();
    for (module, file, text) in modules() {
        if OUTSIDE.contains(&module.as_str()) || file.file_name().is_some_and(|n| n.to_string_lossy().contains("test"))
        {
            continue;
        }
        // Tests at the end of a file may read fixtures.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text);
        let code = code.split("#[cfg(test)]\npub(crate) mod tests {").next().unwrap_or(code);
        for io in IO {
            if code.contains(io) {
                wrong.push(format!("{}: {io} in module {module}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn contributing_has_the_same_table() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md")).expect("a page");
    let table = page.split("| Module | Contents | May use |").nth(1).expect("the table of modules");
    let names = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut documented = Vec::new();
    for row in table.lines().skip(2).take_while(|l| l.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        documented.push((names(cells[1]), names(cells[3])));
    }
    let expected: Vec<_> = DEPENDENCIES
        .iter()
        .filter(|(module, _)| *module != "main")
        .map(|(module, uses)| (BTreeSet::from([(*module).to_owned()]), uses.iter().map(|u| (*u).to_owned()).collect()))
        .collect();
    assert_eq!(documented.len(), expected.len());
    for row in expected {
        assert!(documented.contains(&row), "CONTRIBUTING.md has no row such as {row:?}");
    }
}

#[test]
fn the_reader_of_uses_sees_nested_and_grouped_ones() {
    let text = "use crate::{check::{A, B}, config};\nuse crate::facts::x;\nfn f() { crate::network::y(); }";
    let found: Vec<String> = used(text).into_iter().collect();
    assert_eq!(found, ["check", "config", "facts", "network"]);
}

/// The modules directly below a folder of `src`, each with the siblings that it uses by `super::`.
fn siblings(folder: &str) -> Vec<(String, BTreeSet<String>)> {
    let files: Vec<(PathBuf, String)> = modules()
        .into_iter()
        .filter_map(|(_, path, text)| Some((path.strip_prefix(folder).ok()?.to_owned(), text)))
        .filter(|(path, _)| path != Path::new("mod.rs"))
        .collect();
    let name =
        |path: &Path| path.iter().next().expect("not empty").to_string_lossy().trim_end_matches(".rs").to_owned();
    let names: BTreeSet<String> = files.iter().map(|(path, _)| name(path)).collect();
    let uses = |module: &String| {
        let mut found = BTreeSet::new();
        for (path, text) in files.iter().filter(|(path, _)| name(path) == *module) {
            // Of `a/mod.rs` the siblings of `a` are one level up, of `a/b.rs` two, of `a/b/mod.rs` two.
            let file_is_module = path.ends_with("mod.rs");
            let up = "super::".repeat(path.components().count() - usize::from(file_is_module));
            let code = text.split("#[cfg(test)]").next().unwrap_or(text);
            let at_level = |(at, _): &(usize, &str)| !code[..*at].ends_with("super::");
            for (at, _) in code.match_indices(&up).filter(at_level) {
                let rest = &code[at + up.len()..];
                let list =
                    rest.strip_prefix('{').map_or(rest.split([':', ';', ' ', '(']).next().unwrap_or(rest), |l| {
                        l.split('}').next().unwrap_or(l)
                    });
                found.extend(
                    list.split(',').map(|part| part.trim().split([':', ' ']).next().unwrap_or_default().to_owned()),
                );
            }
        }
        found.remove(module);
        found.intersection(&names).cloned().collect()
    };
    names.iter().map(|module| (module.clone(), uses(module))).collect()
}

#[test]
fn no_modules_of_collect_use_each_other_in_a_circle() {
    let mut left = siblings("collect");
    // Else the test looks at nothing.
    let arrow = |from: &str, to: &str| left.iter().any(|(module, uses)| module == from && uses.contains(to));
    for (from, to) in
        [("inputs", "content"), ("content", "terraform"), ("terraform", "builder"), ("live", "kubernetes")]
    {
        assert!(arrow(from, to), "{from} uses {to}: {left:?}");
    }
    // Whatever uses nothing that is left is in no circle.
    while let Some(i) = left.iter().position(|(_, uses)| !left.iter().any(|(module, _)| uses.contains(module))) {
        left.remove(i);
    }
    assert!(left.is_empty(), "circles: {left:#?}");
}
