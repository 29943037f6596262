//! A YAML document as a tree in which every node knows its place, so that all mistakes of a file can be
//! reported in one go, each with line and column.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::Problem;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    /// Byte offset in the text; `None` where an alias stands for the value.
    offset: Option<usize>,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Seq(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What a person calls this kind of value.
    pub fn describe(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Str(_) => "text",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads one document. An empty one is `Null`.
///
/// # Errors
/// A syntax error, a duplicate key or more than one document: the first such mistake, since nothing after it can be
/// trusted.
pub fn parse(file: &str, text: &str) -> Result<Node, Problem> {
    // YAML 1.1 would read a namespace called `on` as true.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options::<Node>(text, options).map_err(|e| {
        let plain = e.without_snippet();
        let (line, column) = e.location().map_or((0, 0), |l| (narrow(l.line()), narrow(l.column())));
        let message = plain.to_string();
        let place = format!(" at line {line}, column {column}");
        Problem { file: file.into(), line, column, message: message.replace(&place, "") }
    })
}

fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined } = Spanned::<Value>::deserialize(deserializer)?;
        let offset = referenced.span().byte_offset().and_then(|o| usize::try_from(o).ok());
        Ok(Node {
            value,
            line: narrow(referenced.line()),
            column: narrow(referenced.column()),
            offset: offset.filter(|_| referenced == defined),
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Value::deserialize(d)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E>(self, i: i64) -> Result<Value, E> {
        Ok(Value::Int(i))
    }
    fn visit_u64<E>(self, u: u64) -> Result<Value, E> {
        Ok(i64::try_from(u).map_or(Value::Float(u as f64), Value::Int))
    }
    fn visit_f64<E>(self, f: f64) -> Result<Value, E> {
        Ok(Value::Float(f))
    }
    fn visit_str<E: de::Error>(self, s: &str) -> Result<Value, E> {
        Ok(Value::Str(s.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Seq(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key()? {
            entries.push((key, map.next_value()?));
        }
        Ok(Value::Map(entries))
    }
}

impl Node {
    /// Line and column in `text` of byte `at` of this scalar's value: exact for plain, quoted and block scalars as
    /// people write them, else (escapes that change characters, aliases) the start of the scalar.
    pub fn place_of(&self, text: &str, at: usize) -> (u32, u32) {
        let start = (self.line, self.column);
        let (Value::Str(value), Some(offset)) = (&self.value, self.offset) else { return start };
        let Some(raw) = text.get(offset..) else { return start };
        let found = align(raw, value, at, None).or_else(|| {
            let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            align(&raw[1..], value, at, Some(quote)).map(|i| i + 1)
        });
        let Some(found) = found else { return start };
        let before = &raw[..found];
        let newlines = before.matches('\n').count();
        match before.rfind('\n') {
            None => (self.line, self.column + narrow(before.chars().count() as u64)),
            Some(i) => {
                (self.line + narrow(newlines as u64), narrow(before[i + 1..].chars().count() as u64).saturating_add(1))
            }
        }
    }
}

/// Byte index in `raw` of the character that byte `at` of `value` came from. White space may differ (folding,
/// indentation), every other character must be the same one. `at` behind the end gives the place behind the last.
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
    use super::*;

    fn scalar(text: &str) -> (Node, String) {
        let Value::Map(entries) = parse("t", text).unwrap().value else { panic!("a map") };
        let node = entries.into_iter().next().unwrap().1;
        let Value::Str(value) = node.value.clone() else { panic!("a string, not {:?}", node.value) };
        (node, value)
    }

    #[test]
    fn a_place_in_a_scalar_maps_back_to_the_file() {
        for (text, expected) in [
            ("k: a == bad", (1, 9)),
            ("k: \"é\\\"é bad\"", (1, 10)),
            ("k: 'it''s bad'", (1, 11)),
            ("k: |\n  a &&\n    bad\n", (3, 5)),
            ("k: >-\n  a &&\n  bad\n", (3, 3)),
            ("k: a\n  bad", (2, 3)),
            ("k: |\n  \"a\" == bad\n", (2, 10)),
            // An escape that changes a character: the start of the scalar.
            ("k: \"\\x41 bad\"", (1, 4)),
        ] {
            let (node, value) = scalar(text);
            let at = value.find("bad").unwrap();
            assert_eq!(node.place_of(text, at), expected, "{text}");
        }
    }

    #[test]
    fn places_beyond_the_end_and_empty_scalars_do_not_panic() {
        let (node, _) = scalar("k: abc\nl: d");
        assert_eq!(node.place_of("k: abc\nl: d", 99), (1, 7));
        let (node, _) = scalar("k: ''");
        assert_eq!(node.place_of("k: ''", 0), (1, 4));
        assert_eq!(node.place_of("", 0), (1, 4));
    }

    #[test]
    fn syntax_errors_have_one_place_and_no_snippet() {
        let p = parse("f.yaml", "a: 1\na: 2\n").unwrap_err();
        assert_eq!((p.line, p.column), (2, 1));
        assert!(p.message.starts_with("duplicate mapping key: a"), "{p}");
        assert!(!p.message.contains("line 2"), "{p}");
        assert!(parse("f", &"[".repeat(100_000)).is_err());
        assert!(parse("f", "a: 1\n---\nb: 1\n").is_err());
    }

    #[test]
    fn words_of_yaml_1_1_are_text() {
        let Value::Seq(items) = parse("f", "[on, no, y, 2027-01-31, 1.5, 7, ~]").unwrap().value else { panic!() };
        let kinds: Vec<_> = items.iter().map(|n| n.value.describe()).collect();
        assert_eq!(kinds, ["text", "text", "text", "text", "a number", "a number", "nothing"]);
    }
}
