//! Keeps equal pod specifications, such as those of a Deployment and its ReplicaSet, and equal strings of labels in memory
//! once.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::inventory::object::{Labels, PodSpec};

/// Shared by the readers of all lists of one cluster.
#[derive(Default)]
pub struct Interner(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    /// By the digest of the text that they were parsed from.
    specs_by_digest: HashMap<[u8; 32], Arc<PodSpec>>,
    hasher: RandomState,
    /// By a hash; specifications of one hash need not be equal.
    specs_by_hash: HashMap<u64, Vec<Arc<PodSpec>>>,
    /// Keys and values of labels.
    strings: HashSet<Arc<str>>,
}

impl Interner {
    /// The specification of a text with this digest: an earlier one, else what `parse` makes of it, which is kept unless
    /// it is `None`.
    pub fn spec_of_text(&self, digest: [u8; 32], parse: impl FnOnce() -> Option<PodSpec>) -> Option<Arc<PodSpec>> {
        if let Some(spec) = self.lock().specs_by_digest.get(&digest) {
            return Some(spec.clone());
        }
        let spec = self.intern_spec(parse()?);
        self.lock().specs_by_digest.insert(digest, spec.clone());
        Some(spec)
    }

    /// An earlier specification that equals this one, else this one.
    pub fn intern_spec(&self, spec: PodSpec) -> Arc<PodSpec> {
        let mut tables = self.lock();
        let hash = tables.hasher.hash_one(&spec);
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let of_text = |n: u8, name: &str| interner.spec_of_text([n; 32], || Some(named(name))).unwrap();
        assert!(Arc::ptr_eq(&a, &of_text(1, "a")));
        assert!(Arc::ptr_eq(&a, &of_text(1, "never parsed")));
        assert!(Arc::ptr_eq(&c, &of_text(2, "c")));
        assert!(interner.spec_of_text([3; 32], || None).is_none());
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
