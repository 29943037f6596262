//! JSON: every element of a list on one line, so that large reports stay small and can be compared line by line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::{Document, Options};

pub(super) fn render(document: &Document<'_>, _options: &Options<'_>) -> Result<String, String> {
    match &document.framework {
        None => to_json(document.report),
        Some(framework) => to_json(framework),
    }
}

/// A value as JSON with a newline at the end.
///
/// # Errors
/// What cannot be written as JSON.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, String> {
    let failed = |e: &dyn std::fmt::Display| format!("cannot write the report as JSON: {e}");
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Lines::default())).map_err(|e| failed(&e))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|e| failed(&e))
}

/// Indents objects, and writes each element of a list on one line.
#[derive(Default)]
struct Lines {
    pretty: PrettyFormatter<'static>,
    /// Inside a list that is not part of an element.
    in_list: bool,
    /// Objects and lists around the current value, from the element of a list on.
    depth: usize,
}

impl Lines {
    /// Whether the current value is part of an element.
    fn is_compact(&self) -> bool {
        self.depth > 0
    }

    /// Begins an object or a list; answers whether it is on one line.
    fn begin(&mut self) -> bool {
        let compact = self.in_list || self.is_compact();
        self.depth += usize::from(compact);
        compact
    }

    /// Ends an object or a list; answers whether it was on one line.
    fn end(&mut self) -> bool {
        let compact = self.is_compact();
        self.depth -= usize::from(compact);
        compact
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.begin() {
            return CompactFormatter.begin_array(w);
        }
        self.in_list = true;
        self.pretty.begin_array(w)
    }

    fn end_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.end() {
            return CompactFormatter.end_array(w);
        }
        self.in_list = false;
        self.pretty.end_array(w)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if self.is_compact() { CompactFormatter.begin_array_value(w, first) } else { self.pretty.begin_array_value(w, first) }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.is_compact() { CompactFormatter.end_array_value(w) } else { self.pretty.end_array_value(w) }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.begin() { CompactFormatter.begin_object(w) } else { self.pretty.begin_object(w) }
    }

    fn end_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.end() { CompactFormatter.end_object(w) } else { self.pretty.end_object(w) }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if self.is_compact() { CompactFormatter.begin_object_key(w, first) } else { self.pretty.begin_object_key(w, first) }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.is_compact() { CompactFormatter.begin_object_value(w) } else { self.pretty.begin_object_value(w) }
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.is_compact() { CompactFormatter.end_object_value(w) } else { self.pretty.end_object_value(w) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::report::sample::sample;
    use serde_json::{Value as Json, json};

    #[test]
    fn elements_of_lists_stand_on_one_line_each() {
        let value = json!({
            "a": {"b": {"list": [{"x": [1, {"y": 2}], "z": {}}, [], "s", [[3]]]}, "empty": []},
            "o": {},
        });
        let text = to_json(&value).unwrap();
        assert_eq!(
            text,
            r#"{
  "a": {
    "b": {
      "list": [
        {"x":[1,{"y":2}],"z":{}},
        [],
        "s",
        [[3]]
      ]
    },
    "empty": []
  },
  "o": {}
}
"#
        );
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), value);
    }

    #[test]
    fn a_report_is_read_back_as_it_was_and_each_result_is_a_line() {
        let report = sample();
        let text = to_json(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        assert_eq!(text, to_json(&sample()).unwrap());
        let lines = text.lines().filter(|l| l.contains("\"fingerprint\":"));
        assert_eq!(lines.count(), report.results.len());
    }

    #[test]
    fn a_check_is_stated_once_and_a_result_refers_to_it() {
        let json: Json = serde_json::from_str(&to_json(&sample()).unwrap()).unwrap();
        assert_eq!(json["schemaVersion"], 2);
        let checks: Vec<&str> = json["checks"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
        for r in json["results"].as_array().unwrap() {
            assert!(checks.contains(&r["check"].as_str().unwrap()));
            for key in ["title", "controls", "why", "references"] {
                assert_eq!(r.get(key), None, "{r}");
            }
            assert!(r.get("fix").is_none() || r["verdict"] == "fail", "{r}");
            let empty = |v: &Json| v.is_null() || v == &json!([]) || v == &json!({});
            assert!(!r.as_object().unwrap().values().any(empty), "{r}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_no_empty_report() {
        struct Broken;
        impl Serialize for Broken {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("broken"))
            }
        }
        assert_eq!(to_json(&[Broken]).unwrap_err(), "cannot write the report as JSON: broken");
    }
}
