//! A resource of the GKE API as raw JSON, read field by field.
//!
//! The API leaves out a plain field with its zero value, and an `optional` one that was not reported: absent is known. A
//! null, a wrong type, an enum value that this version does not know, and what the source could not give are never taken
//! for absent or for off: what depends on them is unknown, with the reason.

use serde_json::Value as Json;

use crate::document::path::join;
use crate::document::{Lookup, Reader, describe};
use crate::inventory::{ClusterConfig, Known, ObjectRef, Origin, Reason};

use super::reading::Reading;
use super::schema::Evidence;

/// A resource and where it was read.
pub(super) struct Resource<'a> {
    reader: Reader<'a>,
    object: ObjectRef,
    cluster: &'a ClusterConfig,
    /// Path of the resource from the cluster; empty for the cluster itself.
    prefix: String,
}

impl<'a> Resource<'a> {
    /// The cluster itself.
    pub(super) fn new(cluster: &'a ClusterConfig, object: ObjectRef) -> Self {
        Resource { reader: cluster.reader(), object, cluster, prefix: String::new() }
    }

    /// A resource that is a part of this one, by its path; `None` if there is nothing.
    pub(super) fn part(&self, path: &str, name: impl FnOnce(&Reader<'a>) -> ObjectRef) -> Option<Self> {
        let reader = self.reader.part(path)?;
        Some(Resource { object: name(&reader), reader, cluster: self.cluster, prefix: join(&self.prefix, path) })
    }

    pub(super) fn object(&self) -> &ObjectRef {
        &self.object
    }

    fn evidence(&self, path: &str) -> Vec<Evidence> {
        vec![Evidence {
            object: self.object.clone(),
            path: path.to_owned(),
            value: self.reader.shown(path),
            rule: None,
            omitted: self.omission(path),
            source: (self.cluster.origin != Origin::default()).then(|| self.cluster.origin.clone()),
        }]
    }

    /// That a field is omitted where the resource is created, and its default.
    fn omission(&self, path: &str) -> Option<String> {
        let creation = self.cluster.creation.as_ref()?;
        creation.omission(&join(&self.prefix, path)).map(str::to_owned)
    }

    /// Reads one value: `parse` returns `None` if it is not of the expected form; `absent` is what its absence means.
    fn read<T>(&self, path: &str, expected: &str, absent: T, parse: impl FnOnce(&'a Json) -> Option<T>) -> Reading<T> {
        let value = match self.reader.read(path, expected, parse) {
            Lookup::Absent => Known::Value(absent),
            Lookup::Value(value) => Known::Value(value),
            // No document of that kind has it.
            Lookup::Unknown(why) if self.reader.is_outside_source(path) => Known::unknown(Reason::missing(why)),
            Lookup::Unknown(why) => Known::unknown(Reason::undecided(why)),
        };
        Reading { value, evidence: self.evidence(path) }
    }

    /// A plain boolean: absent is false.
    pub(super) fn flag(&self, path: &str) -> Reading<bool> {
        self.read(path, "true or false", false, Json::as_bool)
    }

    /// An `optional` boolean: absent is not reported.
    pub(super) fn optional(&self, path: &str) -> Reading<Option<bool>> {
        self.read(path, "true or false", None, |v| v.as_bool().map(Some))
    }

    /// A text: absent is the empty one.
    pub(super) fn text(&self, path: &str) -> Reading<String> {
        self.read(path, "a text", String::new(), |v| v.as_str().map(str::to_owned))
    }

    /// A text that every resource of the kind has.
    pub(super) fn required(&self, path: &str) -> Reading<String> {
        self.text(path).and_then(|text| match text.is_empty() {
            true => Reading::unknown(Reason::missing(format!("{path} is not in the cluster configuration"))),
            false => Reading::known(text),
        })
    }

    /// The name of an enum value: absent is the empty one, a name outside of `known` is unknown.
    pub(super) fn word(&self, path: &str, known: &[&str]) -> Reading<String> {
        #[cfg(test)]
        ENUMS_READ.with_borrow_mut(|paths| paths.insert(join(&self.prefix, path)));
        self.text(path).and_then(|word| {
            if word.is_empty() || known.contains(&word.as_str()) {
                return Reading::known(word);
            }
            Reading::unknown(Reason::undecided(format!(
                "{path} has the value {}, which this version does not know",
                describe(&Json::String(word))
            )))
        })
    }

    /// A list of texts: absent is the empty one.
    pub(super) fn texts(&self, path: &str) -> Reading<Vec<String>> {
        self.read(path, "a list of texts", Vec::new(), |v| {
            v.as_array()?.iter().map(|i| i.as_str().map(str::to_owned)).collect()
        })
    }

    /// Whether a list of texts contains one. A number in it is an enum value of which no name is known.
    pub(super) fn contains(&self, path: &str, text: &str) -> Reading<bool> {
        #[cfg(test)]
        ENUMS_READ.with_borrow_mut(|paths| paths.insert(join(&self.prefix, path)));
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
    pub(super) fn number(&self, path: &str) -> Reading<i64> {
        self.read(path, "a whole number", 0, |v| v.as_i64().or_else(|| v.as_str()?.parse().ok()))
    }

    /// Whether a message is there, with or without fields.
    pub(super) fn has(&self, path: &str) -> Reading<bool> {
        self.read(path, "an object", false, |v| v.is_object().then_some(true))
    }

    /// The paths of a list's members: absent is none. Evidence only where there is none: else its members are.
    pub(super) fn each(&self, path: &str) -> Reading<Vec<String>> {
        let paths = |v: &'a Json| Some((0..v.as_array()?.len()).map(|i| format!("{path}[{i}]")).collect());
        list_evidence(self.read(path, "a list", Vec::new(), paths))
    }

    /// The keys of a map that the user names, in order: absent is none. Evidence as of [`each`](Self::each).
    pub(super) fn keys(&self, path: &str) -> Reading<Vec<String>> {
        let keys = |v: &'a Json| v.as_object().map(|m| m.keys().cloned().collect());
        list_evidence(self.read(path, "an object", Vec::new(), keys))
    }

    /// A time of RFC 3339, a date, which is its first moment in UTC, or seconds since 1970 as Go marshals a timestamp; `None`
    /// where absent.
    pub(super) fn time(&self, path: &str) -> Reading<Option<jiff::Timestamp>> {
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

fn list_evidence(reading: Reading<Vec<String>>) -> Reading<Vec<String>> {
    match reading.value.value() {
        Some(list) if !list.is_empty() => Reading { evidence: Vec::new(), ..reading },
        _ => reading,
    }
}

#[cfg(test)]
thread_local! {
    static ENUMS_READ: std::cell::RefCell<std::collections::BTreeSet<String>> = const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

/// The fields, from the cluster, of which facts read the names of enum values while `run` ran in this thread.
#[cfg(test)]
pub(crate) fn enums_read(run: impl FnOnce()) -> Vec<String> {
    ENUMS_READ.take();
    run();
    ENUMS_READ.take().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::path::entry;
    use serde_json::json;

    fn known<T: Clone>(f: &Reading<T>) -> Option<T> {
        f.value.value().cloned()
    }

    fn reason<T>(f: &Reading<T>) -> &str {
        &f.value.reasons()[0].text
    }

    fn of(config: Json) -> ClusterConfig {
        ClusterConfig { config, origin: Origin::default(), recorded: None, creation: None, pools_only: false }
    }

    #[test]
    fn absent_is_known_and_broken_is_not() {
        let cluster = of(json!({"a": {"on": true, "b": null}, "n": null, "list": [1], "text": "x", "names": ["A", 7]}));
        let d = Resource::new(&cluster, ObjectRef::default());
        assert_eq!(known(&d.flag("a.on")), Some(true));
        assert_eq!(known(&d.flag("a.off")), Some(false));
        assert_eq!(known(&d.flag("z.y.x")), Some(false));
        assert_eq!(known(&d.optional("a.off")), Some(None));
        for path in ["a.b", "a.b.c", "n", "n.x", "text", "text.x", "list.x"] {
            assert_eq!(known(&d.flag(path)), None, "{path}");
            assert_eq!(known(&d.optional(path)), None, "{path}");
        }
        assert_eq!(reason(&d.flag("a.b.c")), "a.b is null, where an object is expected");
        assert_eq!(reason(&d.flag("text")), "text is \"x\", where true or false is expected");
        assert_eq!(known(&d.has("a")), Some(true));
        assert_eq!(known(&d.has("b")), Some(false));
        assert_eq!(known(&d.has("list")), None);
        assert_eq!(known(&d.contains("names", "A")), Some(true));
        assert_eq!(known(&d.contains("names", "B")), None, "7 may be it");
        assert_eq!(known(&d.texts("names")), None);
    }

    #[test]
    fn a_word_that_is_not_known_is_repeated() {
        let cluster = of(json!({"mode": "BRAND_NEW", "good": "A"}));
        let d = Resource::new(&cluster, ObjectRef::default());
        assert_eq!(known(&d.word("good", &["A"])).as_deref(), Some("A"));
        assert_eq!(known(&d.word("none", &["A"])).as_deref(), Some(""));
        assert_eq!(
            reason(&d.word("mode", &["A"])),
            "mode has the value \"BRAND_NEW\", which this version does not know"
        );
    }

    #[test]
    fn paths_go_into_lists_and_evidence_names_them() {
        let cluster = of(json!({"pools": [{"s": "A"}, {"s": "B"}], "n": "12", "date": "2027-01-31"}));
        let d = Resource::new(&cluster, ObjectRef::default());
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
        let cluster = of(json!({"m": {"a.b": {"x": "1"}, "": {"x": "2"}, "c": {"x": "3"}}}));
        let d = Resource::new(&cluster, ObjectRef::default());
        for (key, expected) in [("a.b", "1"), ("", "2"), ("c", "3")] {
            let path = format!("{}.x", entry("m", key));
            assert_eq!(known(&d.text(&path)).as_deref(), Some(expected), "{path}");
        }
    }
}
