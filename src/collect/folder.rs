//! Walks folders for files that may hold evidence.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::document::Problem;

use super::{kustomization, rendering};

/// Names of the configuration file, which is no evidence. Another file of such a name may be.
pub const CONFIG_NAMES: [&str; 2] = ["gke-posture.yaml", "gke-posture.yml"];

/// Deeper folders than any repository has: a tree that goes on is an error.
const MOST_LEVELS: usize = 64;

/// What a walk gave.
#[derive(Default)]
pub(super) struct Listing {
    /// YAML and JSON files, and kustomizations; sorted.
    pub files: Vec<PathBuf>,
    /// Terraform's own files, sorted.
    pub terraform: Vec<PathBuf>,
    /// Other files, sorted.
    pub ignored: Vec<PathBuf>,
    pub problems: Vec<Problem>,
}

/// Lists all YAML and JSON files below `folder`, hidden ones too, as `kubectl apply -R -f` does. Only `.git` is not entered.
/// Symbolic links are followed. `seen` holds the real paths of folders and files of this run: each is listed once.
pub(super) fn list_files(folder: &Path, seen: &mut HashSet<PathBuf>) -> Listing {
    let mut listing = Listing::default();
    let mut pending = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, level)) = pending.pop() {
        if level > MOST_LEVELS {
            let message =
                format!("more than {MOST_LEVELS} levels of folders: give the folders that hold the manifests");
            listing.problems.push(Problem { file: name(&folder), line: 0, column: 0, message });
            continue;
        }
        let mut below = Vec::new();
        if let Err((verb, e)) = list_folder(&folder, seen, &mut below, &mut listing) {
            listing.problems.push(problem(&folder, verb, &e));
        }
        pending.extend(below.into_iter().map(|folder| (folder, level + 1)));
    }
    for list in [&mut listing.files, &mut listing.terraform, &mut listing.ignored] {
        list.sort();
    }
    listing.files.retain(|path| std::fs::canonicalize(path).map_or(true, |real| seen.insert(real)));
    listing
}

/// # Errors
/// What could not be done with the folder itself, as a verb, and why.
fn list_folder(
    folder: &Path,
    seen: &mut HashSet<PathBuf>,
    pending: &mut Vec<PathBuf>,
    listing: &mut Listing,
) -> Result<(), (&'static str, io::Error)> {
    if !seen.insert(std::fs::canonicalize(folder).map_err(|e| ("open", e))?) {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(|e| ("list", e))? {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(e) => {
                listing.problems.push(problem(folder, "list", &e));
                continue;
            }
        };
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        match std::fs::metadata(&path) {
            Ok(m) if m.is_dir() && name == ".git" => {}
            Ok(m) if m.is_dir() => pending.push(path),
            // Opening a named pipe may block forever.
            Ok(m) if !m.is_file() => {
                let message =
                    "a named pipe, a socket or a device, which cannot be evidence in a folder: remove it".to_owned();
                listing.problems.push(Problem { file: self::name(&path), line: 0, column: 0, message });
            }
            Ok(_) if rendering::is_terraform(&path) => listing.terraform.push(path),
            Ok(_) if kustomization::is_named_so(&path) => listing.files.push(path),
            Ok(_) => match path.extension().and_then(|e| e.to_str()) {
                Some("yaml" | "yml" | "json") => listing.files.push(path),
                _ => listing.ignored.push(path),
            },
            // A broken or circular link holds nothing, and is reported all the same.
            Err(e) => listing.problems.push(problem(&path, "follow", &e)),
        }
    }
    Ok(())
}

/// A path as text.
pub(super) fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The problem that `verb` cannot be done with a path.
pub(super) fn problem(path: &Path, verb: &str, e: &io::Error) -> Problem {
    let hint = match e.kind() {
        io::ErrorKind::NotFound => " (is the path right?)",
        io::ErrorKind::PermissionDenied => " (the current user lacks permission)",
        _ => "",
    };
    let message = format!("cannot {verb}: {e}{hint}");
    Problem { file: name(path), line: 0, column: 0, message }
}
