//! A resource of the GKE API as raw JSON, read field by field.
//!
//! The API leaves out a plain field with its zero value, and an `optional` one that was not reported: absent is known.
//! A null, a wrong type and an enum value that this version does not know are never taken for absent or for off: what
//! depends on them is unknown, with the raw value in the reason.

use serde_json::Value as Json;

use crate::inventory::{Known, ObjectRef, Origin, Reason};

use super::found::Found;
use super::schema::Evidence;

/// A resource and where it was read.
pub struct Document<'a> {
    json: &'a Json,
    object: ObjectRef,
    origin: &'a Origin,
}

/// What stands at a path.
enum At<'a> {
    Absent,
    Value(&'a Json),
    /// The path ends early, at a value that has no fields.
    Broken(String, &'a Json),
}

/// Longest raw value that a reason repeats, in characters.
const RAW: usize = 80;

impl<'a> Document<'a> {
    pub fn new(json: &'a Json, object: ObjectRef, origin: &'a Origin) -> Self {
        Document { json, object, origin }
    }

    pub fn object(&self) -> &ObjectRef {
        &self.object
    }

    fn at(&self, path: &str) -> At<'a> {
        let mut at = self.json;
        let mut walked = String::new();
        for step in steps(path) {
            let next = match (step, at) {
                (Step::Key(key), Json::Object(map)) => map.get(key),
                (Step::Index(i), Json::Array(items)) => items.get(i),
                _ => return At::Broken(walked, at),
            };
            match (step, walked.is_empty()) {
                (Step::Key(key), true) => walked.push_str(key),
                (Step::Key(key), false) => walked.extend([".", key]),
                (Step::Index(i), _) => walked.push_str(&format!("[{i}]")),
            }
            match next {
                None => return At::Absent,
                Some(v) => at = v,
            }
        }
        At::Value(at)
    }

    fn evidence(&self, path: &str, value: Json) -> Vec<Evidence> {
        vec![Evidence {
            object: self.object.clone(),
            path: path.to_owned(),
            value,
            rule: None,
            source: (*self.origin != Origin::default()).then(|| self.origin.clone()),
        }]
    }

    /// Reads one value: `take` answers `None` where it is not of the expected form; `absent` is what its absence means.
    fn read<T>(&self, path: &str, expected: &str, absent: T, take: impl FnOnce(&'a Json) -> Option<T>) -> Found<T> {
        let (value, shown) = match self.at(path) {
            At::Absent => (Known::Value(absent), Json::Null),
            At::Value(v) => match take(v) {
                Some(t) => (Known::Value(t), v.clone()),
                None => (Known::unknown(unexpected(path, v, expected)), v.clone()),
            },
            At::Broken(where_, v) => (Known::unknown(unexpected(&where_, v, "an object")), Json::Null),
        };
        Found { value, evidence: self.evidence(path, shown) }
    }

    /// A plain boolean: absent is false.
    pub fn flag(&self, path: &str) -> Found<bool> {
        self.read(path, "true or false", false, Json::as_bool)
    }

    /// An `optional` boolean: absent is not reported.
    pub fn optional(&self, path: &str) -> Found<Option<bool>> {
        self.read(path, "true or false", None, |v| v.as_bool().map(Some))
    }

    /// A text: absent is the empty one.
    pub fn text(&self, path: &str) -> Found<String> {
        self.read(path, "a text", String::new(), |v| v.as_str().map(str::to_owned))
    }

    /// A text that every resource of the kind has.
    pub fn required(&self, path: &str) -> Found<String> {
        self.text(path).then(|text| match text.is_empty() {
            true => Found::unknown(Reason::missing(format!("{path} is not in the cluster configuration"))),
            false => Found::of(text),
        })
    }

    /// The name of an enum value: absent is the empty one, a name outside of `known` is unknown.
    pub fn word(&self, path: &str, known: &[&str]) -> Found<String> {
        self.text(path).then(|word| {
            if word.is_empty() || known.contains(&word.as_str()) {
                return Found::of(word);
            }
            Found::unknown(Reason::undecided(format!(
                "{path} has the value {}, which this version does not know",
                raw(&Json::String(word))
            )))
        })
    }

    /// A list of texts: absent is the empty one.
    pub fn texts(&self, path: &str) -> Found<Vec<String>> {
        self.read(path, "a list of texts", Vec::new(), |v| {
            v.as_array()?.iter().map(|i| i.as_str().map(str::to_owned)).collect()
        })
    }

    /// Whether a list of texts contains one. A number in it is an enum value of which no name is known.
    pub fn contains(&self, path: &str, text: &str) -> Found<bool> {
        self.read(path, "a list of texts", Some(false), |v| {
            let items = v.as_array()?;
            match items.iter().any(|i| i.as_str() == Some(text)) {
                true => Some(Some(true)),
                false => items.iter().all(Json::is_string).then_some(Some(false)),
            }
        })
        .map(|found| found == Some(true))
    }

    /// A whole number; the API prints those of 64 bits as texts. Absent is 0.
    pub fn number(&self, path: &str) -> Found<i64> {
        self.read(path, "a whole number", 0, |v| v.as_i64().or_else(|| v.as_str()?.parse().ok()))
    }

    /// Whether a message is there, with or without fields.
    pub fn has(&self, path: &str) -> Found<bool> {
        self.read(path, "an object", false, |v| v.is_object().then_some(true))
    }

    /// The paths of a list's members: absent is none. Evidence only where there is none: else its members are.
    pub fn each(&self, path: &str) -> Found<Vec<String>> {
        let paths = |v: &'a Json| Some((0..v.as_array()?.len()).map(|i| format!("{path}[{i}]")).collect());
        members_say_it(self.read(path, "a list", Vec::new(), paths))
    }

    /// The keys of a map that the user names, in order: absent is none. Evidence as of [`each`](Self::each).
    pub fn keys(&self, path: &str) -> Found<Vec<String>> {
        let keys = |v: &'a Json| v.as_object().map(|m| m.keys().cloned().collect());
        members_say_it(self.read(path, "an object", Vec::new(), keys))
    }

    /// A time of RFC 3339, a date, which is its first moment in UTC, or seconds since 1970 as Go marshals a timestamp; `None`
    /// where absent.
    pub fn time(&self, path: &str) -> Found<Option<jiff::Timestamp>> {
        self.read(path, "a time such as 2027-01-31T00:00:00Z", None, |v| {
            match v {
                Json::String(s) => s.parse().or_else(|_| format!("{s}T00:00:00Z").parse()).ok(),
                Json::Object(m) => {
                    m.get("seconds").and_then(Json::as_i64).and_then(|s| jiff::Timestamp::from_second(s).ok())
                }
                _ => None,
            }
            .map(Some)
        })
    }
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

/// `nodePools[1].x["a.b"]` → nodePools, 1, x, a.b.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((key, after)) = rest.strip_prefix("[\"").and_then(|r| r.split_once("\"]")) {
            steps.push(Step::Key(key));
            rest = after;
        } else if let Some((index, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            // Paths are written by this program; an index that is none leads nowhere.
            steps.push(index.parse().map_or(Step::Key(index), Step::Index));
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            steps.push(Step::Key(&plain[..end]));
            rest = &plain[end..];
        }
    }
    steps
}

/// The path of a map's entry whose key the user has named.
pub fn entry(path: &str, key: &str) -> String {
    match key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') && !key.is_empty() {
        true => format!("{path}.{key}"),
        false => format!("{path}[\"{key}\"]"),
    }
}

fn members_say_it(found: Found<Vec<String>>) -> Found<Vec<String>> {
    match found.value.value() {
        Some(list) if !list.is_empty() => Found { evidence: Vec::new(), ..found },
        _ => found,
    }
}

fn unexpected(path: &str, value: &Json, expected: &str) -> Reason {
    let what = if path.is_empty() { "the resource" } else { path };
    if let Some(why) = crate::network::dataplane::not_known(value) {
        return Reason::undecided(format!("{what} is {why}"));
    }
    Reason::undecided(format!("{what} is {}, where {expected} is expected", raw(value)))
}

/// A value as it stands in the file, cut where it is long.
fn raw(value: &Json) -> String {
    let text = match value {
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(RAW) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known<T: Clone>(f: &Found<T>) -> Option<T> {
        f.value.value().cloned()
    }

    fn said<T>(f: &Found<T>) -> &str {
        &f.value.reasons()[0].text
    }

    #[test]
    fn absent_is_known_and_broken_is_not() {
        let json = json!({"a": {"on": true, "b": null}, "n": null, "list": [1], "text": "x", "names": ["A", 7]});
        let origin = Origin::default();
        let d = Document::new(&json, ObjectRef::default(), &origin);
        assert_eq!(known(&d.flag("a.on")), Some(true));
        assert_eq!(known(&d.flag("a.off")), Some(false));
        assert_eq!(known(&d.flag("z.y.x")), Some(false));
        assert_eq!(known(&d.optional("a.off")), Some(None));
        for path in ["a.b", "a.b.c", "n", "n.x", "text", "text.x", "list.x"] {
            assert_eq!(known(&d.flag(path)), None, "{path}");
            assert_eq!(known(&d.optional(path)), None, "{path}");
        }
        assert_eq!(said(&d.flag("a.b.c")), "a.b is null, where an object is expected");
        assert_eq!(said(&d.flag("text")), "text is \"x\", where true or false is expected");
        assert_eq!(known(&d.has("a")), Some(true));
        assert_eq!(known(&d.has("b")), Some(false));
        assert_eq!(known(&d.has("list")), None);
        assert_eq!(known(&d.contains("names", "A")), Some(true));
        assert_eq!(known(&d.contains("names", "B")), None, "7 may be it");
        assert_eq!(known(&d.texts("names")), None);
    }

    #[test]
    fn a_word_that_is_not_known_is_repeated() {
        let json = json!({"mode": "BRAND_NEW", "good": "A"});
        let origin = Origin::default();
        let d = Document::new(&json, ObjectRef::default(), &origin);
        assert_eq!(known(&d.word("good", &["A"])).as_deref(), Some("A"));
        assert_eq!(known(&d.word("none", &["A"])).as_deref(), Some(""));
        assert_eq!(said(&d.word("mode", &["A"])), "mode has the value \"BRAND_NEW\", which this version does not know");
    }

    #[test]
    fn paths_go_into_lists_and_evidence_names_them() {
        let json = json!({"pools": [{"s": "A"}, {"s": "B"}], "n": "12", "date": "2027-01-31"});
        let origin = Origin::default();
        let d = Document::new(&json, ObjectRef::default(), &origin);
        let found = d.text("pools[1].s");
        assert_eq!((known(&found).as_deref(), found.evidence[0].path.as_str()), (Some("B"), "pools[1].s"));
        assert_eq!(known(&d.each("pools")).unwrap(), ["pools[0]", "pools[1]"]);
        assert_eq!(known(&d.each("n")), None);
        assert_eq!(known(&d.number("n")), Some(12));
        assert_eq!(known(&d.time("n")), None);
        let date = known(&d.time("date")).flatten().map(|t| t.to_string());
        assert_eq!(date.as_deref(), Some("2027-01-31T00:00:00Z"));
    }

    #[test]
    fn a_key_of_the_users_own_may_have_dots() {
        let json = json!({"m": {"a.b": {"x": "1"}, "": {"x": "2"}, "c": {"x": "3"}}});
        let origin = Origin::default();
        let d = Document::new(&json, ObjectRef::default(), &origin);
        for (key, expected) in [("a.b", "1"), ("", "2"), ("c", "3")] {
            let path = format!("{}.x", entry("m", key));
            assert_eq!(known(&d.text(&path)).as_deref(), Some(expected), "{path}");
        }
    }
}
