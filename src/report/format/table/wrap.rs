//! Wrapping by display width: at spaces, inside a word only where it is longer than the column.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Programs whose command lines may be continued with a backslash, so that a wrapped one can still be pasted.
const COMMANDS: [&str; 5] = ["gke-posture ", "kubectl ", "gcloud ", "terraform ", "gsutil "];

/// Columns that a text takes on a terminal.
pub(crate) fn width(s: &str) -> usize {
    s.width()
}

/// Lines of at most `max` columns (at least one; a `max` below 2 is taken as 2). Line breaks and indents are kept; a
/// no-break space does not break.
pub(crate) fn wrap(text: &str, max: usize) -> Vec<String> {
    let max = max.max(2);
    let mut out = Vec::new();
    for line in text.split('\n') {
        let line = line.trim_end();
        if width(line) <= max {
            out.push(line.to_string());
        } else {
            wrap_line(line, max, &mut out);
        }
    }
    out
}

fn wrap_line(line: &str, max: usize, out: &mut Vec<String>) {
    let body = line.trim_start();
    // Only spaces are left to trim: text was cleaned of other blanks, and an odd one is a space's width anyway.
    // Two columns are left for text in any case: that is what the widest character takes.
    let most = (max / 2).min(max - 2);
    let indent = (line.chars().count() - body.chars().count()).min(most);
    let command = indent > 0 && COMMANDS.iter().any(|c| body.starts_with(c));
    let (hang, tail) = if command { (indent + 2, " \\") } else { (indent, "") };
    let hang = hang.min(most);
    let mut current = " ".repeat(indent);
    let mut empty = true;
    for word in body.split(' ').filter(|w| !w.is_empty()) {
        let pieces = split(word, max.saturating_sub(hang.max(indent) + tail.len()).max(2));
        for (i, piece) in pieces.iter().enumerate() {
            let space = usize::from(!empty && i == 0);
            if !empty && (i > 0 || width(&current) + space + width(piece) + tail.len() > max) {
                // The break of a cut word takes no backslash: the shell would join what it continues anyway.
                let end = if i == 0 { tail } else { tail.trim_start() };
                out.push(std::mem::replace(&mut current, " ".repeat(if command && i > 0 { 0 } else { hang })) + end);
            } else if space == 1 {
                current.push(' ');
            }
            current.push_str(piece);
            empty = false;
        }
    }
    out.push(current);
}

/// Whether a text takes more than `max` columns. Mostly its beginning decides: this is called for each piece of a long word.
fn wider(text: &str, max: usize) -> bool {
    let cut = text.char_indices().nth(2 * max + 2).map_or(text.len(), |(at, _)| at);
    width(&text[..cut]) > max || cut < text.len() && width(text) > max
}

/// A word in pieces of at most `max` columns, broken after `/` or `-`, else after other punctuation, else anywhere.
fn split(word: &str, max: usize) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = word;
    while wider(rest, max) {
        let (mut used, mut hard, mut soft, mut softer) = (0, 0, 0, 0);
        for (at, c) in rest.char_indices() {
            used += c.width().unwrap_or(1);
            if used > max {
                break;
            }
            hard = at + c.len_utf8();
            match c {
                '/' | '-' => soft = hard,
                '.' | ',' | ':' | ';' | '=' | '_' | '@' | '&' => softer = hard,
                _ => {}
            }
        }
        // A break that leaves most of the line empty is worse than a less natural one.
        let far = hard / 3;
        let at = if soft > far {
            soft
        } else if softer > far {
            softer
        } else {
            hard
        };
        // Not even one character fits: let it stand out rather than loop.
        let at = if at == 0 { rest.chars().next().map_or(rest.len(), char::len_utf8) } else { at };
        let (piece, tail) = rest.split_at(at);
        out.push(piece);
        rest = tail;
    }
    if !rest.is_empty() {
        out.push(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prose_breaks_at_spaces_only() {
        assert_eq!(wrap("a cross-environment client", 18), ["a", "cross-environment", "client"]);
        assert_eq!(wrap("one two", 7), ["one two"]);
    }

    #[test]
    fn ids_break_at_slash_and_dash() {
        assert_eq!(
            wrap("data/CronJob/nightly-backup-to-object-storage", 20),
            ["data/CronJob/", "nightly-backup-to-", "object-storage"]
        );
        assert_eq!(wrap("spec.template.metadata", 16), ["spec.template.", "metadata"]);
        assert_eq!(wrap(&"x".repeat(25), 10), ["x".repeat(10), "x".repeat(10), "x".repeat(5)]);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(wrap("數據庫數據庫", 7), ["數據庫", "數據庫"]);
        assert_eq!(wrap(" 庫", 2), ["庫"]);
        assert_eq!(wrap("  庫", 3), [" 庫"]);
    }

    #[test]
    fn line_breaks_and_indents_stay() {
        assert_eq!(wrap("Paste:\n  environments:\n    prod: production", 40).len(), 3);
        assert_eq!(wrap("  one two three", 9), ["  one two", "  three"]);
    }

    #[test]
    fn a_wrapped_command_can_be_pasted() {
        let command = "gke-posture reach --from tomoda/frontend --to data/postgres-prod --port 5432";
        let lines = wrap(&format!("      {command}"), 40);
        assert!(lines.iter().all(|l| width(l) <= 40), "{lines:?}");
        let joined = lines.join("\n").replace("\\\n", "");
        assert_eq!(joined.split_whitespace().collect::<Vec<_>>().join(" "), command);
    }

    proptest! {
        #[test]
        fn never_wider_and_nothing_lost(text in "[ -~\u{4e00}-\u{4eff}\u{300}-\u{310}\u{1f600}-\u{1f640}\u{e0}-\u{ff}]{0,120}", max in 2usize..90) {
            let lines = wrap(&text, max);
            prop_assert!(!lines.is_empty());
            for l in &lines {
                prop_assert!(width(l) <= max, "{l:?} is wider than {max}");
            }
            if !COMMANDS.iter().any(|c| text.trim_start().starts_with(c)) {
                let squeeze = |s: &str| s.split_whitespace().collect::<String>();
                prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
            }
        }
    }
}
