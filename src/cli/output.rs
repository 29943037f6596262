//! Where output goes: standard output, or files written whole.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::Path;

use super::Failure;
use crate::lexicon::redact;
use crate::report::text::{for_terminal, json_for_terminal};

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

/// Whether the text is JSON, of which the values must stay. No text for people begins so.
fn is_json(text: &str) -> bool {
    text.starts_with(['{', '['])
}

/// Prints to standard output: the only way there. Credentials of the process are redacted, and nothing that a terminal
/// would act on is printed but this program's own colors. A reader that stops reading (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let text = redact(text);
    let text = if is_json(&text) { json_for_terminal(&text) } else { for_terminal(&text, true) };
    flush(std::io::stdout().lock(), |out| out.write_all(text.as_bytes()))
}

/// As [`print`], for output that is too large to hold: `write` writes it piece by piece, and is stopped if the reader
/// stops.
pub(super) fn stream(json: bool, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    let out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    flush(Lines { out, json, line: Vec::new() }, write)
}

/// Cleans each line before it is written.
struct Lines<W> {
    out: W,
    json: bool,
    /// What has no end yet.
    line: Vec<u8>,
}

impl<W: Write> Lines<W> {
    fn clean(&mut self) -> std::io::Result<()> {
        let text = String::from_utf8_lossy(&self.line);
        let text = redact(&text);
        let text = if self.json { json_for_terminal(&text) } else { for_terminal(&text, false) };
        self.out.write_all(text.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.clean()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.clean()?;
        self.out.flush()
    }
}

fn flush(mut out: impl Write, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure { text: format!("cannot write to standard output: {e}"), status: 2 }),
    }
}

/// Writes a file whole or not at all, without credentials of the process; missing folders are made.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::input(format!("cannot write {}: {e}", path.display()));
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let bytes = std::str::from_utf8(bytes).map_or(Cow::Borrowed(bytes), |text| match redact(text) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    });
    crate::collect::write_atomically(path, &bytes).map_err(failed)
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
