//! Keeps equal pod specifications, such as those of a Deployment and its ReplicaSet, and equal strings of labels in memory
//! once.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::inventory::object::{Labels, PodSpec};

/// Shared by the readers of all lists of one cluster.
#[derive(Default)]
pub struct Interner {
    tables: Mutex<Tables>,
    /// Each with a random key of its own, so that no input can be made to collide in both.
    hashers: [RandomState; 2],
}

#[derive(Default)]
struct Tables {
    /// By the key of the tree that they were parsed from.
    specs_by_key: HashMap<[u64; 2], Arc<PodSpec>>,
    /// By a hash; specifications of one hash need not be equal.
    specs_by_hash: HashMap<u64, Vec<Arc<PodSpec>>>,
    /// Keys and values of labels.
    strings: HashSet<Arc<str>>,
}

impl Interner {
    /// A key that values have in common only if they are hashed alike.
    pub fn key_of(&self, value: &impl Hash) -> [u64; 2] {
        self.hashers.each_ref().map(|hasher| hasher.hash_one(value))
    }

    /// The specification that was remembered with this key.
    pub fn spec_of_key(&self, key: [u64; 2]) -> Option<Arc<PodSpec>> {
        self.lock().specs_by_key.get(&key).cloned()
    }

    /// Remembers what the tree with this key was parsed to.
    pub fn remember_spec(&self, key: [u64; 2], spec: Arc<PodSpec>) {
        self.lock().specs_by_key.insert(key, spec);
    }

    /// An earlier specification that equals this one, else this one.
    pub fn intern_spec(&self, spec: PodSpec) -> Arc<PodSpec> {
        let [hash, _] = self.key_of(&spec);
        let mut tables = self.lock();
        let same_hash = tables.specs_by_hash.entry(hash).or_default();
        if let Some(earlier) = same_hash.iter().find(|s| ***s == spec) {
            return earlier.clone();
        }
        let spec = Arc::new(spec);
        same_hash.push(spec.clone());
        spec
    }

    /// Replaces the strings of labels by earlier ones that equal them.
    pub fn intern_labels(&self, labels: &mut Labels) {
        if labels.is_empty() {
            return;
        }
        let strings = &mut self.lock().strings;
        labels.share(|string| match strings.get(string) {
            Some(earlier) => *string = earlier.clone(),
            None => drop(strings.insert(string.clone())),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // A thread that panicked leaves nothing half done here.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_specifications_become_one_and_others_stay() {
        let interner = Interner::default();
        let named = |name: &str| PodSpec { service_account: Some(name.to_owned()), ..PodSpec::default() };
        let (a, b, c) =
            (interner.intern_spec(named("a")), interner.intern_spec(named("a")), interner.intern_spec(named("c")));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(*c, named("c"));
        let key = interner.key_of(&"tree");
        assert!(interner.spec_of_key(key).is_none());
        interner.remember_spec(key, a.clone());
        assert!(Arc::ptr_eq(&a, &interner.spec_of_key(interner.key_of(&"tree")).unwrap()));
        assert!(interner.spec_of_key(interner.key_of(&"other")).is_none());
    }

    #[test]
    fn equal_strings_become_one() {
        let interner = Interner::default();
        let mut all = [Labels::from([("app", "web"), ("tier", "app")]), Labels::from([("app", "api"), ("x", "web")])];
        let before = all.clone();
        all.iter_mut().for_each(|labels| interner.intern_labels(labels));
        assert_eq!(all, before);
        assert!(std::ptr::eq(all[0].get("app").unwrap(), all[1].get("x").unwrap()));
    }
}
