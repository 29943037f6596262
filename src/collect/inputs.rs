//! Files, folders and standard input as evidence.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::document::{Problem, parse_yaml_documents};
use crate::inventory::Snapshot;
use crate::lexicon::mask_text;

use super::archive;
use super::builder::{Builder, Options};
use super::config_connector;
use super::content::{read_text, text_of};
use super::folder::{self, Listing, list_files};
use super::kustomization::{self, Kustomization};
use super::rendering;

const STANDARD_INPUT: &str = "(standard input)";

/// Reads `inputs` (`-` is standard input) into one snapshot.
///
/// # Errors
/// Everything that is wrong with any input, each with file and line.
pub fn read(inputs: &[String], options: Options) -> Result<Snapshot, Vec<Problem>> {
    let mut reader = InputReader::new(options);
    inputs.iter().for_each(|input| reader.read_input(input));
    reader.report_terraform();
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
    for (name, text) in files {
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

/// The kustomization in a file, if that is what it holds.
fn kustomization_of(bytes: &[u8]) -> Option<Kustomization> {
    let documents = parse_yaml_documents("", std::str::from_utf8(bytes).ok()?, str::to_owned).ok()?;
    kustomization::read(documents.first()?)
}

/// A note on files, of which it names some.
fn some_of(files: &[PathBuf], one: &str, several: &str) -> Option<String> {
    const MOST: usize = 5;
    let names: Vec<String> = files.iter().take(MOST).map(|f| folder::name(f)).collect();
    match files.len() {
        0 => None,
        1 => Some(format!("{} {one}", names.join(", "))),
        n if n > MOST => Some(format!("{n} files {several}: {} and {} more", names.join(", "), n - MOST)),
        n => Some(format!("{n} files {several}: {}", names.join(", "))),
    }
}

struct InputReader {
    builder: Builder,
    /// The snapshot among the inputs.
    snapshot: Option<Snapshot>,
    /// Whether a file held evidence other than a snapshot.
    has_objects: bool,
    /// Real paths that have been read.
    seen: HashSet<PathBuf>,
    /// Terraform's own files, which are not read.
    terraform: Vec<PathBuf>,
}

impl InputReader {
    fn new(options: Options) -> Self {
        InputReader {
            builder: Builder::new(options),
            snapshot: None,
            has_objects: false,
            seen: HashSet::new(),
            terraform: Vec::new(),
        }
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
            Ok(m) if m.is_dir() => self.read_folder(path),
            Ok(_) if rendering::is_terraform(path) => self.builder.problem(whole(input, rendering::TERRAFORM)),
            Ok(_) => self.read_file(path, true),
        }
    }

    fn read_folder(&mut self, path: &Path) {
        let Listing { files, mut terraform, ignored, problems } = list_files(path, &mut self.seen);
        problems.into_iter().for_each(|p| self.builder.problem(p));
        self.terraform.append(&mut terraform);
        let snapshot = self.builder.snapshot_mut();
        snapshot.ignored_files += u32::try_from(ignored.len()).unwrap_or(u32::MAX);
        snapshot.notes.extend(some_of(&ignored, "is neither YAML nor JSON", "are neither YAML nor JSON"));
        let charts = self.reject_charts(&files);
        for file in files.iter().filter(|file| !charts.iter().any(|chart| file.starts_with(chart))) {
            self.read_file(file, false);
        }
    }

    /// The folders among these files that are Helm charts with templates; each is a problem.
    /// <https://helm.sh/docs/topics/charts/#the-chart-file-structure>
    fn reject_charts(&mut self, files: &[PathBuf]) -> Vec<PathBuf> {
        let mut charts: Vec<PathBuf> = Vec::new();
        let roots = files.iter().filter(|f| f.file_name().is_some_and(|n| n == "Chart.yaml"));
        for root in roots.filter_map(|f| f.parent()) {
            // Charts in the folder `charts` of another are rendered with it.
            if charts.iter().any(|chart| root.starts_with(chart)) {
                continue;
            }
            let templates = root.join("templates");
            let is_template = |f: &&PathBuf| {
                f.starts_with(&templates) && std::fs::read(f).is_ok_and(|b| b.windows(2).any(|w| w == b"{{"))
            };
            if files.iter().any(|f| is_template(&f)) {
                let folder = folder::name(root);
                self.builder.problem(whole(&folder, rendering::chart(&folder)));
                charts.push(root.to_path_buf());
            }
        }
        charts
    }

    /// Terraform's own files beside other evidence are left out; alone they are an error.
    fn report_terraform(&mut self) {
        let is_alone = !self.has_objects && self.snapshot.is_none();
        match self.terraform.first() {
            Some(first) if is_alone => self.builder.problem(whole(&folder::name(first), rendering::TERRAFORM)),
            _ => {
                let files = std::mem::take(&mut self.terraform);
                let what = "of Terraform's own language: only the output of `terraform show -json` is read";
                let note = some_of(&files, &format!("is {what}"), &format!("are {what}"));
                self.builder.snapshot_mut().notes.extend(note);
            }
        }
    }

    /// Reads what a kustomization lists, where it changes nothing of it.
    fn read_kustomization(&mut self, path: &Path, kustomization: &Kustomization) {
        let file = folder::name(path);
        let folder = path.parent().unwrap_or(Path::new(""));
        if !kustomization.changes.is_empty() {
            let message = rendering::kustomization(&folder::name(folder), &kustomization.changes);
            self.builder.problem(whole(&file, message));
            return;
        }
        self.has_objects |= !kustomization.resources.is_empty();
        for resource in &kustomization.resources {
            if kustomization::is_remote(resource) {
                let keys = [format!("it fetches {}", mask_text(resource))];
                self.builder.problem(whole(&file, rendering::kustomization(&folder::name(folder), &keys)));
                continue;
            }
            let path = folder.join(resource);
            match std::fs::metadata(&path) {
                Err(e) => self.builder.problem(folder::problem(&path, "read", &e)),
                Ok(m) if m.is_dir() => self.read_folder(&path),
                // Each file is read once, whether by its folder or by a kustomization.
                Ok(_) => {
                    if std::fs::canonicalize(&path).map_or(true, |real| self.seen.insert(real)) {
                        self.read_file(&path, true);
                    }
                }
            }
        }
    }

    /// `named`: the user names this very file, and not a folder that holds it.
    fn read_file(&mut self, path: &Path, named: bool) {
        match std::fs::read(path) {
            Ok(bytes) if kustomization::is_named_so(path) => match kustomization_of(&bytes) {
                Some(kustomization) => self.read_kustomization(path, &kustomization),
                None => self.read_bytes(&folder::name(path), bytes, named),
            },
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
