//! What is equal, in memory once: pod specifications, as those of a Deployment and its ReplicaSet, and the texts of labels.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::inventory::object::{Labels, PodSpec};

/// What the lists of one cluster share. Of two that it gives, equal ones are one.
#[derive(Default)]
pub struct Shared(Mutex<Found>);

#[derive(Default)]
struct Found {
    /// By the digest of the text that they were read from.
    by_text: HashMap<[u8; 32], Arc<PodSpec>>,
    hasher: RandomState,
    /// By a hash; specifications of one hash need not be equal.
    by_value: HashMap<u64, Vec<Arc<PodSpec>>>,
    /// Keys and values of labels.
    texts: HashSet<Arc<str>>,
}

impl Shared {
    /// What was read of a text of the same digest before, else what `read` makes of it; what it answers `None` for is
    /// not kept.
    pub fn of_text(&self, digest: [u8; 32], read: impl FnOnce() -> Option<PodSpec>) -> Option<Arc<PodSpec>> {
        if let Some(spec) = self.lock().by_text.get(&digest) {
            return Some(spec.clone());
        }
        let spec = self.share(read()?);
        self.lock().by_text.insert(digest, spec.clone());
        Some(spec)
    }

    /// The one that is there already, if it is equal.
    pub fn share(&self, spec: PodSpec) -> Arc<PodSpec> {
        let mut found = self.lock();
        let hash = found.hasher.hash_one(&spec);
        let equal = found.by_value.entry(hash).or_default();
        if let Some(earlier) = equal.iter().find(|s| ***s == spec) {
            return earlier.clone();
        }
        let spec = Arc::new(spec);
        equal.push(spec.clone());
        spec
    }

    /// Puts for the texts of some labels those that are there already.
    pub fn share_texts(&self, labels: &mut Labels) {
        if labels.is_empty() {
            return;
        }
        let texts = &mut self.lock().texts;
        labels.share(|text| match texts.get(text) {
            Some(earlier) => *text = earlier.clone(),
            None => drop(texts.insert(text.clone())),
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Found> {
        // A reader that panicked leaves nothing half done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_specifications_become_one_and_others_stay() {
        let specs = Shared::default();
        let named = |name: &str| PodSpec { service_account: Some(name.to_owned()), ..PodSpec::default() };
        let (a, b, c) = (specs.share(named("a")), specs.share(named("a")), specs.share(named("c")));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(*c, named("c"));
        let of_text = |n: u8, name: &str| specs.of_text([n; 32], || Some(named(name))).unwrap();
        assert!(Arc::ptr_eq(&a, &of_text(1, "a")));
        assert!(Arc::ptr_eq(&a, &of_text(1, "never read")));
        assert!(Arc::ptr_eq(&c, &of_text(2, "c")));
        assert!(specs.of_text([3; 32], || None).is_none());
    }

    #[test]
    fn equal_texts_become_one() {
        let shared = Shared::default();
        let mut all = [Labels::from([("app", "web"), ("tier", "app")]), Labels::from([("app", "api"), ("x", "web")])];
        let before = all.clone();
        all.iter_mut().for_each(|labels| shared.share_texts(labels));
        assert_eq!(all, before);
        assert!(std::ptr::eq(all[0].get("app").unwrap(), all[1].get("x").unwrap()));
    }
}
