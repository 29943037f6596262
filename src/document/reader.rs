//! Reads a JSON document by path, with three answers: absent, a value, or unknown for a reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::{Step, join, steps};
use super::unavailable::Unavailable;

/// What is at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup<T> {
    /// Certainly not there: the zero value of the field, in documents of Google's APIs.
    Absent,
    Value(T),
    /// The document does not decide it. The text is a whole sentence that names the path.
    Unknown(String),
}

impl<T> Lookup<T> {
    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Lookup::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// Which fields a source records that does not give the whole document. What it does not record is unknown if it is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Why any other field is unknown.
    pub otherwise: Unavailable,
    pub fields: Fields,
}

/// A set of fields as a tree. List indexes are no part of it; a key `*` is any key of a map whose keys users choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, Fields>);

/// Any key.
const ANY: &str = "*";
/// Any key, and all that is below it.
const ALL_BELOW: &str = "**";

impl Fields {
    /// Adds a field, and the objects that it is in. Returns what is known of the fields below it.
    pub fn insert(&mut self, path: &str) -> &mut Fields {
        path.split('.').filter(|key| !key.is_empty()).fold(self, |at, key| at.0.entry(key.to_owned()).or_default())
    }

    /// Adds a map whose keys users choose. Returns what is known of the fields below each.
    pub fn insert_map(&mut self, path: &str) -> &mut Fields {
        self.insert(path).0.entry(ANY.to_owned()).or_default()
    }

    /// Adds a field, and all that is below it.
    pub fn insert_all_below(&mut self, path: &str) {
        self.insert(path).0.entry(ALL_BELOW.to_owned()).or_default();
    }

    fn get(&self, step: Step<'_>) -> Option<&Fields> {
        match step {
            Step::Index(_) => Some(self),
            Step::Key(_) if self.0.contains_key(ALL_BELOW) => Some(self),
            Step::Key(key) => self.0.get(key).or_else(|| self.0.get(ANY)),
        }
    }

    /// What is known of the fields below one; `None` if it is not in the set.
    pub(crate) fn below(&self, path: &str) -> Option<&Fields> {
        steps(path).iter().copied().try_fold(self, Fields::get)
    }

    /// The names of the fields of the first level; none of a map whose keys users choose.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|name| ![ANY, ALL_BELOW].contains(name)).collect()
    }

    /// The paths of all fields that have none below them.
    pub fn leaves(&self) -> Vec<String> {
        let below = |(key, fields): (&String, &Fields)| -> Vec<String> {
            match fields.0.is_empty() {
                true => vec![key.clone()],
                false => fields.leaves().iter().map(|leaf| join(key, leaf)).collect(),
            }
        };
        self.0.iter().flat_map(below).collect()
    }
}

/// Reads one document, or a part of one.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    json: &'a Value,
    partial: Option<Partial<'a>>,
}

/// What a source that does not give all fields records of this document.
#[derive(Clone, Copy, Debug)]
struct Partial<'a> {
    otherwise: Unavailable,
    /// `None`: nothing.
    fields: Option<&'a Fields>,
}

enum Place<'a> {
    Absent,
    /// The source could not give what is at this path: the value itself, or an object that it is in.
    Unavailable(String, Unavailable),
    Found(&'a Value),
    /// The path ends early, at a value that has no such parts.
    Broken {
        path: String,
        value: &'a Value,
    },
}

/// Longest raw value that a reason repeats, in characters.
const LONGEST_VALUE: usize = 80;

impl<'a> Reader<'a> {
    /// `recorded`: the fields that the document's source records; `None`: all, so that absent means absent.
    pub fn new(json: &'a Value, recorded: Option<&'a Recorded>) -> Self {
        let partial = recorded.map(|r| Partial { otherwise: r.otherwise, fields: Some(&r.fields) });
        Reader { json, partial }
    }

    /// Reads the document's part at a path, such as `nodePools[0]`; `None` if there is nothing.
    pub fn part(&self, path: &str) -> Option<Reader<'a>> {
        let Place::Found(json) = self.find(path) else { return None };
        let partial = self.partial.map(|partial| Partial { fields: partial.below(&steps(path)), ..partial });
        Some(Reader { json, partial })
    }

    /// What a report shows of a path: null if it is absent.
    pub fn shown(&self, path: &str) -> Value {
        match self.find(path) {
            Place::Found(value) => value.clone(),
            Place::Unavailable(_, why) => why.to_json(),
            Place::Absent | Place::Broken { .. } => Value::Null,
        }
    }

    /// Reads a value of one form: `parse` returns `None` for a value of another form. `expected` describes the form.
    pub fn read<T>(&self, path: &str, expected: &str, parse: impl FnOnce(&'a Value) -> Option<T>) -> Lookup<T> {
        let unexpected = |path: &str, value: &Value, expected: &str| {
            Lookup::Unknown(format!("{} is {}, where {expected} is expected", named(path), describe(value)))
        };
        match self.find(path) {
            Place::Absent => Lookup::Absent,
            Place::Unavailable(path, why) => Lookup::Unknown(format!("{path} is {}", why.reason())),
            Place::Found(value) => parse(value).map_or_else(|| unexpected(path, value, expected), Lookup::Value),
            Place::Broken { path, value } => unexpected(&path, value, "an object"),
        }
    }

    /// Whether no document of the source has such a field, and this one does not have it either.
    pub fn is_outside_source(&self, path: &str) -> bool {
        self.partial.is_some_and(|partial| partial.below(&steps(path)).is_none())
            && matches!(self.find(path), Place::Unavailable(at, _) if at == path)
    }

    pub fn boolean(&self, path: &str) -> Lookup<bool> {
        self.read(path, "true or false", Value::as_bool)
    }

    pub fn text(&self, path: &str) -> Lookup<&'a str> {
        self.read(path, "a text", Value::as_str)
    }

    /// An object, with or without fields.
    pub fn object(&self, path: &str) -> Lookup<&'a serde_json::Map<String, Value>> {
        self.read(path, "an object", Value::as_object)
    }

    pub fn list(&self, path: &str) -> Lookup<&'a [Value]> {
        self.read(path, "a list", |v| v.as_array().map(Vec::as_slice))
    }

    fn find(&self, path: &str) -> Place<'a> {
        #[cfg(test)]
        log_request(path);
        let mut value = self.json;
        let mut before = String::new();
        let steps = steps(path);
        for step in &steps {
            let next = match (step, value) {
                (Step::Key(key), Value::Object(map)) => map.get(*key),
                (Step::Index(i), Value::Array(items)) => items.get(*i),
                _ => return Place::Broken { path: before, value },
            };
            let Some(next) = next else {
                let unrecorded = self.partial.filter(|partial| partial.below(&steps).is_none());
                let missing = |partial: Partial<'_>| Place::Unavailable(path.to_owned(), partial.otherwise);
                return unrecorded.map_or(Place::Absent, missing);
            };
            match step {
                Step::Key(key) => before = join(&before, key),
                Step::Index(i) => before.push_str(&format!("[{i}]")),
            }
            if let Some(why) = Unavailable::from_json(next) {
                return Place::Unavailable(before, why);
            }
            value = next;
        }
        Place::Found(value)
    }
}

impl<'a> Partial<'a> {
    fn below(&self, steps: &[Step<'_>]) -> Option<&'a Fields> {
        steps.iter().copied().try_fold(self.fields?, Fields::get)
    }
}

fn named(path: &str) -> &str {
    if path.is_empty() { "the resource" } else { path }
}

/// A value as the document has it, shortened, for a message.
pub(crate) fn describe(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
thread_local! {
    static REQUESTED: std::cell::RefCell<std::collections::BTreeSet<String>> = const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

#[cfg(test)]
fn log_request(path: &str) {
    REQUESTED.with_borrow_mut(|paths| paths.insert(path.to_owned()));
}

/// The paths that readers of this thread were asked for while `run` ran, each from the part that its reader reads.
#[cfg(test)]
pub(crate) fn requested_paths(run: impl FnOnce()) -> Vec<String> {
    REQUESTED.take();
    run();
    REQUESTED.take().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unknown<T>(lookup: Lookup<T>) -> String {
        match lookup {
            Lookup::Unknown(text) => text,
            _ => panic!("known"),
        }
    }

    #[test]
    fn absent_and_unknown_are_different_answers() {
        let json = json!({"a": {"on": true, "null": null}, "list": [{"x": "1"}], "text": "x"});
        let reader = Reader::new(&json, None);
        assert_eq!(reader.boolean("a.on"), Lookup::Value(true));
        assert_eq!(reader.text("list[0].x"), Lookup::Value("1"));
        for path in ["b", "b.c.d", "a.off", "list[1]", "list[1].x"] {
            assert_eq!(reader.boolean(path), Lookup::Absent, "{path}");
        }
        for (path, expected) in [
            ("a.null", "a.null is null, where true or false is expected"),
            ("a.null.b", "a.null is null, where an object is expected"),
            ("text", "text is \"x\", where true or false is expected"),
            ("text.x", "text is \"x\", where an object is expected"),
            ("list.x", "list is a list, where an object is expected"),
            ("", "the resource is an object, where true or false is expected"),
        ] {
            assert_eq!(unknown(reader.boolean(path)), expected);
        }
        assert_eq!(
            unknown(Reader::new(&json!(7), None).boolean("a")),
            "the resource is 7, where an object is expected"
        );
    }

    #[test]
    fn what_a_source_could_not_give_is_never_a_value_nor_absent() {
        let marker = Unavailable::KnownAfterApply.to_json();
        let json = json!({"object": marker, "list": [marker], "inner": {"value": marker}});
        let reader = Reader::new(&json, None);
        for (path, named) in
            [("object", "object"), ("object.any", "object"), ("list[0].x", "list[0]"), ("inner.value", "inner.value")]
        {
            let text = format!("{named} is known after apply (Terraform plan)");
            assert_eq!(unknown(reader.boolean(path)), text);
            assert_eq!(unknown(reader.text(path)), text);
            assert_eq!(unknown(reader.object(path)), text);
            assert_eq!(unknown(reader.list(path)), text);
            assert_eq!(reader.shown(path), marker);
        }
        // A document cannot switch something on with an object of its own.
        let forged = json!({"addon": {"$unavailable": "x", "disabled": false}, "on": {"$unavailable": true}});
        let reader = Reader::new(&forged, None);
        unknown(reader.object("addon"));
        unknown(reader.boolean("addon.disabled"));
        unknown(reader.boolean("on"));
    }

    #[test]
    fn a_field_that_the_source_does_not_record_is_unknown_and_not_absent() {
        let mut fields = Fields::default();
        fields.insert("a.b");
        fields.insert("pools").insert("config.image");
        fields.insert_map("exclusions").insert("scope");
        fields.insert_map("labels");
        assert_eq!(fields.leaves(), ["a.b", "exclusions.*.scope", "labels.*", "pools.config.image"]);
        let recorded = Recorded { otherwise: Unavailable::NotRecorded, fields };
        let json = json!({"present": true, "pools": [{"present": true}]});
        let reader = Reader::new(&json, Some(&recorded));
        for path in ["a", "a.b", "pools[0].config", "pools[7].config.image", "exclusions.x.scope", "labels[\"k.l\"]"] {
            assert_eq!(reader.boolean(path), Lookup::Absent, "{path}");
        }
        for path in ["b", "a.c", "a.b.c", "pools[0].image", "exclusions.x.end", "labels.x.y"] {
            let text = format!("{path} is not recorded by Terraform: audit the live cluster to know it");
            assert_eq!(unknown(reader.boolean(path)), text);
            assert_eq!(reader.shown(path), Unavailable::NotRecorded.to_json());
        }
        assert_eq!(reader.boolean("present"), Lookup::Value(true));
        let pool = reader.part("pools[0]").unwrap();
        assert_eq!(pool.boolean("present"), Lookup::Value(true));
        assert_eq!(pool.boolean("config.image"), Lookup::Absent);
        unknown(pool.boolean("status"));
        // Nothing below a field that is not recorded becomes known.
        let nothing = Recorded { otherwise: Unavailable::NotWritten, fields: Fields::default() };
        let pool = Reader::new(&json, Some(&nothing)).part("pools[0]").unwrap();
        assert_eq!(pool.boolean("present"), Lookup::Value(true));
        assert!(unknown(pool.boolean("config")).contains("not written in the Config Connector resource"));
        let again: Recorded = serde_json::from_value(serde_json::to_value(&recorded).unwrap()).unwrap();
        assert_eq!(again, recorded);
    }

    #[test]
    fn a_long_value_is_shortened() {
        let json = json!({"x": "ä".repeat(100)});
        let text = unknown(Reader::new(&json, None).boolean("x"));
        assert!(text.contains("…, where") && text.chars().count() < 130, "{text}");
    }
}
