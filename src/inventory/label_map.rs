//! A small map of texts: labels, annotations and the equalities of selectors.

use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Labels by key. A large cluster holds hundreds of thousands of such maps with few entries each and the same texts over
/// and over: they are kept as short sorted lists, whose texts can be shared.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<(Arc<str>, Arc<str>)>);

impl Labels {
    /// Makes an empty map.
    pub fn new() -> Self {
        Labels::default()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(k, _)| (**k).cmp(key))
    }

    /// The value of a key; `None` if the key is absent.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.place(key).ok().map(|i| &*self.0[i].1)
    }

    /// Whether the key is present, even with an empty value.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_ok()
    }

    /// Puts a value in the place of an earlier one of the same key.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) {
        let key = key.into();
        match self.place(&key) {
            Ok(i) => self.0[i].1 = value.into(),
            Err(i) => self.0.insert(i, (key, value.into())),
        }
    }

    /// Removes the entry of a key, if there is one.
    pub fn remove(&mut self, key: &str) {
        if let Ok(i) = self.place(key) {
            self.0.remove(i);
        }
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.0.retain(|(k, v)| keep(k, v));
    }

    /// In order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }

    /// Keys in ascending order.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|(k, _)| &**k)
    }

    /// Values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|(_, v)| &**v)
    }

    /// Puts for each text the one that `share` gives, which must be equal, and frees what is not needed.
    pub fn share(&mut self, mut share: impl FnMut(&mut Arc<str>)) {
        for (key, value) in &mut self.0 {
            share(key);
            share(value);
        }
        self.0.shrink_to_fit();
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>> Extend<(K, V)> for Labels {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        self.0.extend(entries.into_iter().map(|(k, v)| (k.into(), v.into())));
        // Stable, so that of equal keys the last one is the last.
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        self.0.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(&mut later.1, &mut earlier.1);
            }
            same
        });
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut labels = Labels::new();
        labels.extend(entries);
        labels
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>, const N: usize> From<[(K, V); N]> for Labels {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Labels;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Labels, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = a.next_entry::<String, String>()? {
                    entries.push(entry);
                }
                Ok(entries.into_iter().collect())
            }
        }
        d.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(entries in proptest::collection::vec(("[a-d]", "[x-z]"), 0..12), removed in "[a-d]") {
            let mut map: BTreeMap<String, String> = entries.iter().cloned().collect();
            let mut labels: Labels = entries.into_iter().collect();
            map.remove(&removed);
            labels.remove(&removed);
            prop_assert_eq!(labels.len(), map.len());
            prop_assert!(labels.iter().eq(map.iter().map(|(k, v)| (k.as_str(), v.as_str()))));
            for key in ["a", "b", "c", "d", "e"] {
                prop_assert_eq!(labels.get(key), map.get(key).map(String::as_str));
                prop_assert_eq!(labels.contains_key(key), map.contains_key(key));
            }
            let text = serde_json::to_string(&labels).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(&serde_json::from_str::<Labels>(&text).unwrap(), &labels);
            prop_assert_eq!(format!("{labels:?}"), format!("{map:?}"));
        }
    }
}
