//! Positions inside of a scalar: a mistake in an expression is reported where a person sees it in the file.

use super::node::Node;

impl Node<'_> {
    /// Line and column in `text`, which this string was read from, of byte `at` of its value: exact for plain, quoted and
    /// block scalars as people write them, else (aliases, escapes that change characters) that of the scalar itself.
    pub(crate) fn position_of(&self, text: &str, at: usize) -> (u32, u32) {
        let start = (self.line, self.column);
        let Some(value) = self.as_str() else { return start };
        let Some(raw) = offset_of(text, self.line, self.column).and_then(|offset| text.get(offset..)) else {
            return start;
        };
        let found = align(raw, value, at, None).or_else(|| {
            let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            align(raw.get(1..)?, value, at, Some(quote)).map(|i| i + 1)
        });
        let Some(before) = found.and_then(|found| raw.get(..found)) else { return start };
        let count = |part: &str| u32::try_from(part.chars().count()).unwrap_or(u32::MAX);
        match before.rsplit_once('\n') {
            None => (self.line, self.column.saturating_add(count(before))),
            Some((lines, last)) => {
                let breaks = u32::try_from(lines.matches('\n').count()).unwrap_or(u32::MAX);
                (self.line.saturating_add(breaks).saturating_add(1), count(last).saturating_add(1))
            }
        }
    }
}

/// Byte offset of a line and column.
fn offset_of(text: &str, line: u32, column: u32) -> Option<usize> {
    let (line, column) = (usize::try_from(line).ok()?.checked_sub(1)?, usize::try_from(column).ok()?.checked_sub(1)?);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?;
    let within = rest.char_indices().map(|(i, _)| i).chain([rest.len()]).nth(column)?;
    Some(start + within)
}

/// Byte index in `raw` of the character that byte `at` of `value` came from. White space may differ (folding,
/// indentation), every other character must be the same one. `at` behind the end gives the position behind the last.
fn align(raw: &str, value: &str, at: usize, quote: Option<char>) -> Option<usize> {
    let mut rest = raw.char_indices().peekable();
    let mut end = 0;
    for (i, c) in value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        while rest.next_if(|(_, r)| r.is_whitespace()).is_some() {}
        let (here, mut found) = rest.next()?;
        match (quote, found) {
            (Some('\''), '\'') => found = rest.next()?.1,
            (Some('"'), '\\') => found = rest.next().map(|(_, e)| e).filter(|e| matches!(e, '"' | '\\' | '/'))?,
            _ => {}
        }
        if found != c {
            return None;
        }
        if i >= at {
            return Some(here);
        }
        end = here + found.len_utf8();
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::super::{Content, parse_yaml};
    use super::*;

    fn scalar(text: &str) -> (Node<'static>, String) {
        let Content::Object(entries) = parse_yaml("t", text).unwrap().content else { panic!("an object") };
        let node = entries.into_iter().next().unwrap().value;
        let Content::Str(value) = node.content.clone() else { panic!("a string, not {:?}", node.content) };
        (node, value.into_owned())
    }

    #[test]
    fn a_position_in_a_scalar_maps_back_to_the_file() {
        for (text, expected) in [
            ("k: a == bad", (1, 9)),
            ("k: \"é\\\"é bad\"", (1, 10)),
            ("ü: \"é bad\"", (1, 7)),
            ("k: 'it''s bad'", (1, 11)),
            ("k: |\n  a &&\n    bad\n", (3, 5)),
            ("k: >-\n  a &&\n  bad\n", (3, 3)),
            ("k: >-\r\n  a &&\r\n  bad\r\n", (3, 3)),
            ("k: a\n  bad", (2, 3)),
            ("k: |\n  \"a\" == bad\n", (2, 10)),
            ("# é\n\nk: a == bad", (3, 9)),
            // An escape that changes a character, and an alias: the start of the scalar.
            ("k: \"\\x41 bad\"", (1, 4)),
        ] {
            let (node, value) = scalar(text);
            let at = value.find("bad").unwrap();
            assert_eq!(node.position_of(text, at), expected, "{text}");
        }
    }

    #[test]
    fn an_alias_has_the_position_of_its_own() {
        let text = "a: &x a == bad\nb: *x\n";
        let root = parse_yaml("t", text).unwrap();
        assert_eq!(root.get("a").unwrap().position_of(text, 5), (1, 12));
        assert_eq!(root.get("b").unwrap().position_of(text, 5), (2, 4));
    }

    #[test]
    fn positions_beyond_the_end_and_empty_scalars_do_not_panic() {
        let (node, _) = scalar("k: abc\nl: d");
        assert_eq!(node.position_of("k: abc\nl: d", 99), (1, 7));
        let (node, _) = scalar("k: ''");
        assert_eq!(node.position_of("k: ''", 0), (1, 4));
        assert_eq!(node.position_of("", 0), (1, 4));
    }
}
