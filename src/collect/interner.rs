//! Keeps equal values in memory once: pod specifications, such as those of a Deployment and its ReplicaSet, and the texts
//! of labels.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::inventory::object::{Labels, PodSpec};

/// Values that the lists of one cluster share.
#[derive(Default)]
pub struct Interner(Mutex<Interned>);

#[derive(Default)]
struct Interned {
    /// By the digest of the text that they were read from.
    specs_by_text: HashMap<[u8; 32], Arc<PodSpec>>,
    hasher: RandomState,
    /// By a hash; specifications of one hash need not be equal.
    specs_by_hash: HashMap<u64, Vec<Arc<PodSpec>>>,
    /// Keys and values of labels.
    texts: HashSet<Arc<str>>,
}

impl Interner {
    /// The specification of a text with this digest: the one that was read before, else what `read` returns.
    pub fn spec_of_text(&self, digest: [u8; 32], read: impl FnOnce() -> Option<PodSpec>) -> Option<Arc<PodSpec>> {
        if let Some(spec) = self.lock().specs_by_text.get(&digest) {
            return Some(spec.clone());
        }
        let spec = self.intern_spec(read()?);
        self.lock().specs_by_text.insert(digest, spec.clone());
        Some(spec)
    }

    /// The equal specification that is there already, else this one.
    pub fn intern_spec(&self, spec: PodSpec) -> Arc<PodSpec> {
        let mut interned = self.lock();
        let hash = interned.hasher.hash_one(&spec);
        let same_hash = interned.specs_by_hash.entry(hash).or_default();
        if let Some(earlier) = same_hash.iter().find(|s| ***s == spec) {
            return earlier.clone();
        }
        let spec = Arc::new(spec);
        same_hash.push(spec.clone());
        spec
    }

    /// Replaces the texts of labels by equal ones that are there already.
    pub fn intern_labels(&self, labels: &mut Labels) {
        if labels.is_empty() {
            return;
        }
        let texts = &mut self.lock().texts;
        labels.share(|text| match texts.get(text) {
            Some(earlier) => *text = earlier.clone(),
            None => drop(texts.insert(text.clone())),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Interned> {
        // No update is left half done by a reader that panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_specifications_become_one_and_others_stay() {
        let specs = Interner::default();
        let named = |name: &str| PodSpec { service_account: Some(name.to_owned()), ..PodSpec::default() };
        let (a, b, c) = (specs.intern_spec(named("a")), specs.intern_spec(named("a")), specs.intern_spec(named("c")));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(*c, named("c"));
        let of_text = |n: u8, name: &str| specs.spec_of_text([n; 32], || Some(named(name))).unwrap();
        assert!(Arc::ptr_eq(&a, &of_text(1, "a")));
        assert!(Arc::ptr_eq(&a, &of_text(1, "never read")));
        assert!(Arc::ptr_eq(&c, &of_text(2, "c")));
        assert!(specs.spec_of_text([3; 32], || None).is_none());
    }

    #[test]
    fn equal_texts_become_one() {
        let interner = Interner::default();
        let mut all = [Labels::from([("app", "web"), ("tier", "app")]), Labels::from([("app", "api"), ("x", "web")])];
        let before = all.clone();
        all.iter_mut().for_each(|labels| interner.intern_labels(labels));
        assert_eq!(all, before);
        assert!(std::ptr::eq(all[0].get("app").unwrap(), all[1].get("x").unwrap()));
    }
}
