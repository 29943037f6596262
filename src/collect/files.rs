//! Files, folders and standard input as evidence. What a file is, its content says.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::document::{Content, Problem, parse_json, parse_yaml_documents};
use crate::inventory::{Origin, Snapshot};
use crate::lexicon::mask_text;

use super::archive;
use super::builder::{Builder, Options};

/// Name of the configuration file, which is no evidence.
pub const CONFIG_NAMES: [&str; 2] = ["gke-posture.yaml", "gke-posture.yml"];

/// Reads `inputs` (`-` is standard input) into one snapshot.
///
/// # Errors
/// Everything that is wrong with any input, each with file and line.
pub fn read(inputs: &[String], options: Options) -> Result<Snapshot, Vec<Problem>> {
    let mut builder = Builder::new(options);
    let mut loaded: Option<Snapshot> = None;
    let mut seen = HashSet::new();
    let mut any = false;
    for input in inputs {
        if input == "-" {
            let mut bytes = Vec::new();
            match std::io::stdin().lock().read_to_end(&mut bytes) {
                Ok(_) => any |= content(&mut builder, &mut loaded, "(standard input)", bytes, true),
                Err(e) => builder.problem(whole("(standard input)", format!("cannot read: {e}"))),
            }
            continue;
        }
        match std::fs::metadata(input) {
            Err(e) => builder.problem(whole(input, cannot("read", &e))),
            Ok(m) if m.is_dir() => {
                let mut files = Vec::new();
                walk(&mut builder, Path::new(input), &mut seen, &mut files);
                for path in files {
                    let name = path.to_string_lossy().into_owned();
                    match std::fs::read(&path) {
                        Ok(bytes) => any |= content(&mut builder, &mut loaded, &name, bytes, false),
                        Err(e) => builder.problem(whole(&name, cannot("read", &e))),
                    }
                }
            }
            Ok(_) => match std::fs::read(input) {
                Ok(bytes) => any |= content(&mut builder, &mut loaded, input, bytes, true),
                Err(e) => builder.problem(whole(input, cannot("read", &e))),
            },
        }
    }
    if let Some(snapshot) = loaded {
        if any || inputs.len() > 1 {
            builder.problem(whole(
                &inputs.join(", "),
                "a snapshot is evidence of its own: give it without other inputs".into(),
            ));
        }
        builder.finish()?;
        return Ok(snapshot);
    }
    let names: Vec<&str> = inputs.iter().map(|i| if i == "-" { "(standard input)" } else { i.as_str() }).collect();
    builder.snapshot_mut().source = format!("files: {}", names.join(", "));
    builder.finish()
}

/// Reads files that are already in memory, such as the built-in example: (name, text).
///
/// # Errors
/// As [`read`].
pub fn read_embedded(files: &[(&str, &str)], source: &str, options: Options) -> Result<Snapshot, Vec<Problem>> {
    let mut builder = Builder::new(options);
    for (name, text) in files {
        if !CONFIG_NAMES.iter().any(|c| name.ends_with(c)) {
            content(&mut builder, &mut None, name, text.as_bytes().to_vec(), false);
        }
    }
    builder.snapshot_mut().source = source.to_owned();
    builder.finish()
}

fn cannot(what: &str, e: &std::io::Error) -> String {
    let hint = match e.kind() {
        std::io::ErrorKind::NotFound => " (is the path right?)",
        std::io::ErrorKind::PermissionDenied => " (who runs this may not read it)",
        _ => "",
    };
    format!("cannot {what}: {e}{hint}")
}

fn whole(file: &str, message: String) -> Problem {
    Problem { file: file.to_owned(), line: 0, column: 0, message }
}

/// All YAML and JSON files below `dir`, sorted. Symbolic links are followed, each real folder once.
fn walk(builder: &mut Builder, dir: &Path, seen: &mut HashSet<PathBuf>, files: &mut Vec<PathBuf>) {
    let mut pending = vec![dir.to_path_buf()];
    let mut found = Vec::new();
    while let Some(dir) = pending.pop() {
        let name = dir.to_string_lossy().into_owned();
        match std::fs::canonicalize(&dir) {
            Ok(real) if !seen.insert(real.clone()) => continue,
            Ok(_) => {}
            Err(e) => {
                builder.problem(whole(&name, cannot("open", &e)));
                continue;
            }
        }
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) => {
                builder.problem(whole(&name, cannot("list", &e)));
                continue;
            }
        };
        for entry in entries {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(e) => {
                    builder.problem(whole(&name, cannot("list", &e)));
                    continue;
                }
            };
            let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if file_name.starts_with('.') {
                continue;
            }
            match std::fs::metadata(&path) {
                Ok(m) if m.is_dir() => pending.push(path),
                Ok(_) if CONFIG_NAMES.contains(&file_name.as_str()) => {}
                // Whoever opens a named pipe may wait for ever.
                Ok(m) if !m.is_file() => builder.snapshot_mut().ignored_files += 1,
                Ok(_) => match path.extension().and_then(|e| e.to_str()) {
                    Some("yaml" | "yml" | "json") => found.push(path),
                    _ => builder.snapshot_mut().ignored_files += 1,
                },
                // A link to nowhere or round in circles holds nothing, but it is said.
                Err(e) => builder.problem(whole(&path.to_string_lossy(), cannot("follow", &e))),
            }
        }
    }
    found.sort();
    for path in found {
        match std::fs::canonicalize(&path) {
            Ok(real) if !seen.insert(real.clone()) => {}
            _ => files.push(path),
        }
    }
}

/// One file's bytes. `named` says that the user named this very file. Answers whether objects were read.
fn content(builder: &mut Builder, loaded: &mut Option<Snapshot>, file: &str, bytes: Vec<u8>, named: bool) -> bool {
    if archive::is_snapshot(&bytes) {
        match archive::decode(&bytes) {
            Ok(_) if loaded.is_some() => {
                builder.problem(whole(file, "a second snapshot; one audit is about one cluster".into()))
            }
            Ok(snapshot) => *loaded = Some(snapshot),
            Err(message) => builder.problem(whole(file, message)),
        }
        return false;
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let at = e.utf8_error().valid_up_to();
            let line = 1 + e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() as u32;
            let message = "not text: neither YAML, JSON nor a snapshot of this tool".to_owned();
            builder.problem(Problem { file: file.to_owned(), line, column: 0, message });
            return false;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.trim().is_empty() {
        if named {
            builder.problem(whole(file, "the file is empty".into()));
        } else {
            builder.snapshot_mut().notes.push(format!("{file} is empty"));
        }
        return false;
    }
    if text.contains('\0') {
        builder.problem(whole(file, "not text: neither YAML, JSON nor a snapshot of this tool".into()));
        return false;
    }
    let documents = match text.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => match parse_json(file, text, mask_text) {
            Ok(document) => Ok(vec![document]),
            // A flow-style YAML file may start like JSON.
            Err(json_error) => parse_yaml_documents(file, text, mask_text).map_err(|yaml_error| {
                let is_json = Path::new(file).extension().is_some_and(|e| e == "json");
                if is_json { json_error } else { yaml_error }
            }),
        },
        _ => parse_yaml_documents(file, text, mask_text),
    };
    let documents = match documents {
        Ok(documents) => documents,
        Err(problem) => {
            builder.problem(problem);
            return false;
        }
    };
    let mut any = false;
    for node in &documents {
        let read = match &node.content {
            Content::Null => continue,
            Content::List(items) => {
                items.iter().map(|i| builder.document(file, i)).fold(!items.is_empty(), |all, one| all && one)
            }
            _ => builder.document(file, node),
        };
        any |= read;
        if !read {
            if named {
                let message = "neither a Kubernetes object (apiVersion and kind), nor a cluster as \
                               `gcloud container clusters describe --format=json` prints it, nor a plan or state as \
                               `terraform show -json` does"
                    .to_owned();
                builder.problem(Problem { file: file.to_owned(), line: node.line.max(1), column: 0, message });
            } else {
                builder.snapshot_mut().notes.push(format!(
                    "{} is not a Kubernetes object and was left out",
                    Origin::file(file, node.line.max(1))
                ));
            }
        }
    }
    any
}
