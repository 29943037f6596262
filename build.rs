//! Embeds every `*.yaml` below `checks/`, so that adding a check is adding one file, and the example for `--demo`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    embed("checks", &["yaml"], "builtin_checks.rs")?;
    embed("examples/tomoda", &["yaml", "json"], "example.rs")
}

/// Writes a sorted list of (path, text) of all files of these kinds below `folder`.
fn embed(folder: &str, extensions: &[&str], target: &str) -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let top = root.join(folder);
    println!("cargo:rerun-if-changed={}", top.display());
    let mut files = Vec::new();
    if top.is_dir() {
        collect(&top, extensions, &mut files)?;
    }
    let mut named: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap_or(&path);
            let parts: Vec<_> = relative.components().map(|c| c.as_os_str().to_string_lossy()).collect();
            (parts.join("/"), path.clone())
        })
        .collect();
    named.sort();
    let mut code = String::from("&[\n");
    for (name, path) in named {
        let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string());
    }
    code.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join(target), code)
}

fn collect(folder: &Path, extensions: &[&str], files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, extensions, files)?;
        } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
            files.push(path);
        }
    }
    Ok(())
}
