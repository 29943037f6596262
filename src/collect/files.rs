//! Files, folders and standard input as evidence. What a file is, its content says.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use crate::inventory::{Origin, Snapshot};
use crate::problem::Problem;

use super::archive;
use super::builder::{Builder, Options};
use super::tree::{Json, Kind, Node, Owned, Placed, Yaml};

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
        Some(b'{' | b'[') => match json(text) {
            Ok(documents) => Ok(documents),
            // A flow-style YAML file may start like JSON.
            Err(json_error) => yaml(file, text).map_err(|yaml_error| {
                if Path::new(file).extension().is_some_and(|e| e == "json") {
                    problem_of_json(file, &json_error)
                } else {
                    yaml_error
                }
            }),
        },
        _ => yaml(file, text),
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
        let read = match &node.kind {
            Kind::Null => continue,
            Kind::Seq(items) => {
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

/// No object of Kubernetes is nested that deep.
const MAX_DEPTH: usize = 200;

/// YAML documents. The budget grows with the file: the parser's defaults refuse clusters of ordinary size, while aliases
/// stay bounded by what the text itself could hold.
pub(super) fn yaml(file: &str, text: &str) -> Result<Vec<Node<'static>>, Problem> {
    let size = text.len().max(1 << 16);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: size.saturating_mul(2),
            max_nodes: size,
            max_documents: size,
            max_total_scalar_bytes: size.saturating_mul(2),
            max_depth: MAX_DEPTH,
        },
    };
    let documents: Vec<Owned<Yaml>> = serde_saphyr::from_multiple_with_options(text, options).map_err(|e| {
        let at = e.location();
        Problem {
            file: file.to_owned(),
            line: at.map_or(0, |l| l.line() as u32),
            column: at.map_or(0, |l| l.column() as u32),
            message: format!("not valid YAML: {}", first_line(&e)),
        }
    })?;
    Ok(documents.into_iter().map(|d| d.0).collect())
}

const TOO_LARGE: &str = "its aliases would make it many times as large as it is";

/// The parser's message without its own place and without the snippet, which could quote a secret.
fn first_line(e: &serde_saphyr::Error) -> String {
    use serde_saphyr::{Error, budget::BudgetBreach};
    match e.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            return format!("the key \"{}\" is given twice", crate::lexicon::mask_text(key));
        }
        Error::DuplicateMappingKey { key: None, .. } => return "a key is given twice".to_owned(),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            return format!("nested deeper than {MAX_DEPTH} levels");
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => return TOO_LARGE.to_owned(),
        // What goes wrong inside of an alias is wrapped.
        Error::AliasError { error, .. } => return first_line(error),
        _ => {}
    }
    let text = e.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = match line.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest,
        _ => line,
    };
    // The place is said before the message.
    let line = line.split_once(" at line ").map_or(line, |(message, _)| message);
    crate::lexicon::mask_text(line)
}

/// One JSON value; the items of a list get the line that each starts on.
fn json(text: &str) -> Result<Vec<Node<'_>>, serde_json::Error> {
    let whole: &RawValue = serde_json::from_str(text)?;
    let mut lines = Lines { text, at: 0, line: 1 };
    let raw = whole.get();
    if raw.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(raw)?;
        let nodes = items.into_iter().map(|i| json_node(i, &mut lines)).collect::<Result<Vec<_>, _>>()?;
        return Ok(vec![Node { kind: Kind::Seq(nodes), line: 1, column: 0 }]);
    }
    #[derive(serde::Deserialize)]
    struct List<'a> {
        #[serde(rename = "apiVersion", default)]
        api_version: Option<String>,
        #[serde(default)]
        kind: Option<String>,
        #[serde(borrow, default)]
        items: Option<Vec<&'a RawValue>>,
    }
    match serde_json::from_str::<List<'_>>(raw) {
        Ok(List { api_version: Some(api), kind: Some(kind), items: Some(items) }) if kind.ends_with("List") => {
            let nodes = items.into_iter().map(|i| json_node(i, &mut lines)).collect::<Result<Vec<_>, _>>()?;
            let scalar = |s: String| Node { kind: Kind::Str(s.into()), line: 0, column: 0 };
            let entries = vec![
                ("apiVersion".into(), scalar(api)),
                ("kind".into(), scalar(kind)),
                ("items".into(), Node { kind: Kind::Seq(nodes), line: 1, column: 0 }),
            ];
            Ok(vec![Node { kind: Kind::Map(entries), line: 1, column: 0 }])
        }
        _ => Ok(vec![json_node(whole, &mut lines)?]),
    }
}

fn json_node<'a>(raw: &'a RawValue, lines: &mut Lines<'_>) -> Result<Node<'a>, serde_json::Error> {
    let mut node = serde_json::from_str::<Placed<'_, Json>>(raw.get())?.0;
    node.line = lines.of(raw.get());
    Ok(node)
}

/// Counts lines up to slices of one text, which are asked for in order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, part: &str) -> u32 {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if let Some(between) = self.text.as_bytes().get(self.at..offset) {
            self.line += between.iter().filter(|b| **b == b'\n').count() as u32;
            self.at = offset;
        }
        self.line
    }
}

fn problem_of_json(file: &str, e: &serde_json::Error) -> Problem {
    let text = e.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(m, _)| m);
    Problem {
        file: file.to_owned(),
        line: e.line() as u32,
        column: e.column() as u32,
        message: format!("not valid JSON: {}", crate::lexicon::mask_text(message)),
    }
}
