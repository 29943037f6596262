//! The house: which room may use which, and who may touch the outside. Each arrow in the code must be in this table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// (room, rooms it may use). A room is a folder or a file directly below `src/`.
const ARROWS: [(&str, &[&str]); 16] = [
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

/// Rooms that may read files, the clock, the environment or a socket.
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

/// Each source file with its room and its text without line comments.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).expect("below src").to_owned();
            let first = relative.components().next().expect("not empty").as_os_str().to_string_lossy().into_owned();
            let room = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code: Vec<&str> = text.lines().map(|l| l.split("//").next().unwrap_or(l)).collect();
            (room, relative, code.join("\n"))
        })
        .collect()
}

/// Rooms that a text uses: what follows `crate::` or `gke_posture::`, also inside one pair of braces.
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
                    // `use crate::{a, b::c};` names a room after each comma of its own level.
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
fn every_arrow_between_rooms_is_in_the_table() {
    let known: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (room, file, text) in rooms() {
        if room == "lib" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(r, _)| *r == room) else {
            wrong.push(format!("{}: room {room} is not in the table", file.display()));
            continue;
        };
        for other in used(&text) {
            // Macros of the crate's root (`facts!`) and items are no rooms.
            if other != room && known.contains(other.as_str()) && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{}: {room} must not use {other}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_outer_rooms_touch_the_outside() {
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
    for (room, file, text) in rooms() {
        if OUTSIDE.contains(&room.as_str()) || file.file_name().is_some_and(|n| n.to_string_lossy().contains("test")) {
            continue;
        }
        // Tests at the end of a file may read fixtures.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text);
        let code = code.split("#[cfg(test)]\npub(crate) mod tests {").next().unwrap_or(code);
        for io in IO {
            if code.contains(io) {
                wrong.push(format!("{}: {io} in room {room}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_uses_sees_nested_and_grouped_ones() {
    let text = "use crate::{check::{A, B}, config};\nuse crate::facts::x;\nfn f() { crate::network::y(); }";
    let found: Vec<String> = used(text).into_iter().collect();
    assert_eq!(found, ["check", "config", "facts", "network"]);
}
