//! Numbers, dates and nouns for people, and the cleaning of text that comes from data.

use crate::facts::schema::SubjectKind;

/// Text on one line without anything that a terminal would act on.
pub(crate) fn line(s: &str) -> String {
    block(s).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text with its line breaks, but without anything that a terminal would act on: controls and marks that reorder or
/// hide what follows become a visible replacement.
pub(crate) fn block(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.replace("\r\n", "\n").chars() {
        match c {
            '\n' => out.push('\n'),
            '\t' | '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => out.push(' '),
            // Variation selectors change widths that terminals disagree about.
            '\u{fe00}'..='\u{fe0f}' => {}
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => out.push('\u{fffd}'),
            '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => {
                out.push('\u{fffd}')
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Whether a terminal would act on the character, or show nothing.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{ad}' | '\u{61c}'
            | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text of a whole output as it may go to a terminal: line breaks, tabs and, where `color` is true, the colors that
/// this program sets stay; every other character on which a terminal would act becomes a visible replacement.
pub(crate) fn for_terminal(text: &str, color: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if color && let Some(length) = color_sequence(rest) {
            let (sequence, tail) = rest.split_at(length);
            out.push_str(sequence);
            rest = tail;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if rest.starts_with('\n') => {}
            c if is_active(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The length of the sequence that sets a color, at the start of the text: `ESC [ 1 ; 31 m`.
fn color_sequence(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    body[end..].starts_with('m').then_some(end + 3)
}

/// JSON as it may go to a terminal: the characters on which a terminal would act, which can only be in strings, are
/// written as escapes, so the values stay the same.
pub(crate) fn json_for_terminal(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(c),
            c if is_active(c) => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
            c => out.push(c),
        }
    }
    out
}

/// `1 workload`, `1,200 workloads`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// A number with thousands separated: `42,000`.
pub(crate) fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `100 %` of all only, and `0 %` of none only; nothing where there is nothing to share.
pub(crate) fn percent(part: usize, whole: usize) -> Option<String> {
    match (part, whole) {
        (_, 0) => None,
        (0, _) => Some("0 %".into()),
        (p, w) if p.saturating_mul(100) < w => Some("<1 %".into()),
        (p, w) => Some(format!("{} %", p.saturating_mul(100) / w)),
    }
}

/// `3 (100 %)`, `0`, or a dash where there is nothing to share.
pub(crate) fn share(part: usize, whole: usize) -> String {
    match percent(part, whole) {
        None => "–".into(),
        Some(_) if part == 0 => "0".into(),
        Some(p) => format!("{} ({p})", number(part)),
    }
}

/// `2026-11-23 09:00 UTC` from an RFC 3339 time in UTC; anything else as it is.
pub(crate) fn time(rfc3339: &str) -> String {
    match rfc3339.ends_with('Z').then(|| rfc3339.parse::<jiff::Timestamp>()) {
        Some(Ok(time)) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        _ => line(rfc3339),
    }
}

/// What one and several subjects of a kind are called.
pub(crate) fn noun(kind: SubjectKind) -> (&'static str, &'static str) {
    match kind {
        SubjectKind::Cluster => ("cluster", "clusters"),
        SubjectKind::NodePool => ("node pool", "node pools"),
        SubjectKind::Namespace => ("namespace", "namespaces"),
        SubjectKind::Workload => ("workload", "workloads"),
        SubjectKind::NetworkPolicy => ("network policy", "network policies"),
        SubjectKind::Service => ("service", "services"),
        SubjectKind::Database => ("database", "databases"),
        SubjectKind::DatabaseClient => ("database client", "database clients"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shares() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(share(3, 3), "3 (100 %)");
        assert_eq!(share(999, 1000), "999 (99 %)");
        assert_eq!(share(1, 1000), "1 (<1 %)");
        assert_eq!(share(0, 5), "0");
        assert_eq!(share(0, 0), "–");
    }

    #[test]
    fn times() {
        assert_eq!(time("2026-11-23T09:00:05Z"), "2026-11-23 09:00 UTC");
        assert_eq!(time("2026-11-23T09:00:05+08:00"), "2026-11-23T09:00:05+08:00");
        assert_eq!(time("yesterday"), "yesterday");
        assert_eq!(time("數據庫數據庫數據庫數據庫Z"), "數據庫數據庫數據庫數據庫Z");
    }

    #[test]
    fn an_output_keeps_its_own_colors_only() {
        let text = "a\u{1b}[1;31mb\u{1b}[0m\tc\r\nd\u{1b}]0;x\u{7}\u{1b}[2J\u{200d}\u{9b}";
        let rest = "\tc\nd\u{fffd}]0;x\u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}";
        assert_eq!(for_terminal(text, true), format!("a\u{1b}[1;31mb\u{1b}[0m{rest}"));
        assert_eq!(for_terminal(text, false), format!("a\u{fffd}[1;31mb\u{fffd}[0m{rest}"));
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({"a": "b\u{202e}\u{7f}\u{9b}\u{e0041}\u{1b}é"});
        let text = json_for_terminal(&value.to_string());
        assert!(text.contains("\\u202e") && !text.contains('\u{202e}') && !text.contains('\u{9b}'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(line("a\u{1b}[31mb\n\tc\u{202e}"), "a\u{fffd}[31mb c\u{fffd}");
        assert_eq!(block("a\r\nb\u{7}"), "a\nb\u{fffd}");
    }
}
