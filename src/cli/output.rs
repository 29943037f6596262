//! Where output goes: standard output, or files written whole.

use std::io::{IsTerminal, Write};
use std::path::Path;

use super::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether standard output gets color: <https://no-color.org/>.
    pub(super) fn enabled(self) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal()
                    && !set("NO_COLOR")
                    && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
            }
        }
    }
}

/// Wider lines are hard to read, and `format!` pads to at most 65,535 columns.
const WIDEST: usize = 1000;

/// Columns: the terminal's, else `COLUMNS`, else 80.
pub(super) fn width() -> usize {
    if std::io::stdout().is_terminal()
        && let Some((terminal_size::Width(w), _)) = terminal_size::terminal_size()
    {
        return usize::from(w).min(WIDEST);
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.trim().parse().ok());
    columns.filter(|w| *w > 0).unwrap_or(80).min(WIDEST)
}

/// Prints to standard output. A reader that stops reading (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    stream(|out| out.write_all(text.as_bytes()))
}

/// As [`print`], for output that is too large to hold: `write` writes it piece by piece, and is stopped if the reader stops.
pub(super) fn stream(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure { text: format!("cannot write to standard output: {e}"), status: 2 }),
    }
}

/// Writes a file whole or not at all; missing folders are made.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::input(format!("cannot write {}: {e}", path.display()));
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    crate::collect::write_atomically(path, bytes).map_err(failed)
}

/// Adds text wrapped at words, each line indented; further lines of the paragraph by `hang` columns more.
pub(super) fn paragraph(out: &mut String, text: &str, width: usize, indent: usize, hang: usize) {
    let mut line = String::new();
    let mut at = indent;
    for word in text.split_whitespace() {
        if !line.is_empty() && at + line.chars().count() + 1 + word.chars().count() > width {
            out.push_str(&format!("{:at$}{line}\n", ""));
            line.clear();
            at = indent + hang;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.push_str(&format!("{:at$}{line}\n", ""));
    }
}
