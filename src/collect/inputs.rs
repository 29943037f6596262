//! Files, folders and standard input as evidence.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::document::Problem;
use crate::inventory::Snapshot;

use super::archive;
use super::builder::{Builder, Options};
use super::config_connector;
use super::content::{read_text, text_of};
use super::folder::{self, CONFIG_NAMES, list_files};

const STANDARD_INPUT: &str = "(standard input)";

/// Reads `inputs` (`-` is standard input) into one snapshot.
///
/// # Errors
/// Everything that is wrong with any input, each with file and line.
pub fn read(inputs: &[String], options: Options) -> Result<Snapshot, Vec<Problem>> {
    let mut reader = InputReader::new(options);
    inputs.iter().for_each(|input| reader.read_input(input));
    let InputReader { mut builder, snapshot, has_objects, .. } = reader;
    if let Some(snapshot) = snapshot {
        if has_objects || inputs.len() > 1 {
            let message = "a snapshot is evidence of its own: give it without other inputs";
            builder.problem(whole(&inputs.join(", "), message));
        }
        return finish(builder).map(|_| snapshot);
    }
    let names: Vec<&str> = inputs.iter().map(|i| if i == "-" { STANDARD_INPUT } else { i.as_str() }).collect();
    builder.snapshot_mut().source = format!("files: {}", names.join(", "));
    finish(builder)
}

/// Reads files that are already in memory, such as the built-in example: (name, text).
///
/// # Errors
/// As [`read`].
pub fn read_embedded(files: &[(&str, &str)], source: &str, options: Options) -> Result<Snapshot, Vec<Problem>> {
    let mut builder = Builder::new(options);
    for (name, text) in files.iter().filter(|(name, _)| !CONFIG_NAMES.iter().any(|c| name.ends_with(c))) {
        read_text(&mut builder, name, text, false);
    }
    builder.snapshot_mut().source = source.to_owned();
    finish(builder)
}

/// A cluster may be described in several objects and files, which are all there only now.
fn finish(mut builder: Builder) -> Result<Snapshot, Vec<Problem>> {
    builder.choose_described_cluster();
    config_connector::describe_cluster(&mut builder);
    builder.finish()
}

/// A problem of a whole file.
fn whole(file: &str, message: impl Into<String>) -> Problem {
    Problem { file: file.to_owned(), line: 0, column: 0, message: message.into() }
}

struct InputReader {
    builder: Builder,
    /// The snapshot among the inputs.
    snapshot: Option<Snapshot>,
    /// Whether a file held evidence other than a snapshot.
    has_objects: bool,
    /// Real paths that have been read.
    seen: HashSet<PathBuf>,
}

impl InputReader {
    fn new(options: Options) -> Self {
        InputReader { builder: Builder::new(options), snapshot: None, has_objects: false, seen: HashSet::new() }
    }

    fn read_input(&mut self, input: &str) {
        if input == "-" {
            let mut bytes = Vec::new();
            match std::io::stdin().lock().read_to_end(&mut bytes) {
                Ok(_) => self.read_bytes(STANDARD_INPUT, bytes, true),
                Err(e) => self.builder.problem(whole(STANDARD_INPUT, format!("cannot read: {e}"))),
            }
            return;
        }
        let path = Path::new(input);
        match std::fs::metadata(path) {
            Err(e) => self.builder.problem(folder::problem(path, "read", &e)),
            Ok(m) if m.is_dir() => {
                let listing = list_files(path, &mut self.seen);
                listing.problems.into_iter().for_each(|p| self.builder.problem(p));
                self.builder.snapshot_mut().ignored_files += listing.ignored;
                listing.files.iter().for_each(|file| self.read_file(file, false));
            }
            Ok(_) => self.read_file(path, true),
        }
    }

    /// `named`: the user names this very file, and not a folder that holds it.
    fn read_file(&mut self, path: &Path, named: bool) {
        match std::fs::read(path) {
            Ok(bytes) => self.read_bytes(&path.to_string_lossy(), bytes, named),
            Err(e) => self.builder.problem(folder::problem(path, "read", &e)),
        }
    }

    fn read_bytes(&mut self, file: &str, bytes: Vec<u8>, named: bool) {
        if archive::is_snapshot(&bytes) {
            match archive::decode(&bytes) {
                Ok(_) if self.snapshot.is_some() => {
                    self.builder.problem(whole(file, "a second snapshot; one audit is about one cluster"));
                }
                Ok(snapshot) => self.snapshot = Some(snapshot),
                Err(message) => self.builder.problem(whole(file, message)),
            }
            return;
        }
        match text_of(file, bytes) {
            Ok(text) => self.has_objects |= read_text(&mut self.builder, file, &text, named),
            Err(problem) => self.builder.problem(problem),
        }
    }
}
