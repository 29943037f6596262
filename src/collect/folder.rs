//! Walks folders for files that may hold evidence.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::document::Problem;

/// Name of the configuration file, which is no evidence.
pub const CONFIG_NAMES: [&str; 2] = ["gke-posture.yaml", "gke-posture.yml"];

/// What a walk gave.
#[derive(Default)]
pub(super) struct Listing {
    /// YAML and JSON files, sorted.
    pub files: Vec<PathBuf>,
    /// Number of files that are neither.
    pub ignored: u32,
    pub problems: Vec<Problem>,
}

/// Lists all YAML and JSON files below `folder`. Symbolic links are followed. `seen` holds the real paths of folders and
/// files of this run: each is listed once.
pub(super) fn list_files(folder: &Path, seen: &mut HashSet<PathBuf>) -> Listing {
    let mut listing = Listing::default();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(folder) = pending.pop() {
        if let Err((verb, e)) = list_folder(&folder, seen, &mut pending, &mut listing) {
            listing.problems.push(problem(&folder, verb, &e));
        }
    }
    listing.files.sort();
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
        if name.starts_with('.') {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(m) if m.is_dir() => pending.push(path),
            Ok(_) if CONFIG_NAMES.contains(&name.as_str()) => {}
            // Opening a named pipe may block forever.
            Ok(m) if !m.is_file() => listing.ignored += 1,
            Ok(_) => match path.extension().and_then(|e| e.to_str()) {
                Some("yaml" | "yml" | "json") => listing.files.push(path),
                _ => listing.ignored += 1,
            },
            // A broken or circular link holds nothing, and is reported all the same.
            Err(e) => listing.problems.push(problem(&path, "follow", &e)),
        }
    }
    Ok(())
}

/// The problem that `verb` cannot be done with a path.
pub(super) fn problem(path: &Path, verb: &str, e: &io::Error) -> Problem {
    let hint = match e.kind() {
        io::ErrorKind::NotFound => " (is the path right?)",
        io::ErrorKind::PermissionDenied => " (the current user lacks permission)",
        _ => "",
    };
    let message = format!("cannot {verb}: {e}{hint}");
    Problem { file: path.to_string_lossy().into_owned(), line: 0, column: 0, message }
}
