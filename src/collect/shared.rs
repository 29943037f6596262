//! Equal pod specifications, each in memory once: those of a Deployment and its ReplicaSet, for one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::inventory::object::PodSpec;

/// What the lists of one cluster share.
#[derive(Default)]
pub struct Specs {
    hasher: RandomState,
    /// By a hash; specifications of one hash need not be equal.
    found: Mutex<HashMap<u64, Vec<Arc<PodSpec>>>>,
}

impl Specs {
    /// The one that is there already, if it is equal.
    pub fn share(&self, spec: &mut Arc<PodSpec>) {
        let hash = self.hasher.hash_one(&*spec);
        // A reader that panicked leaves nothing half done here.
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let equal = found.entry(hash).or_default();
        match equal.iter().find(|s| *s == spec) {
            Some(earlier) => *spec = earlier.clone(),
            None => equal.push(spec.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_specifications_become_one_and_others_stay() {
        let specs = Specs::default();
        let named = |name: &str| PodSpec { service_account: Some(name.to_owned()), ..PodSpec::default() };
        let (mut a, mut b, mut c) = (Arc::new(named("a")), Arc::new(named("a")), Arc::new(named("c")));
        [&mut a, &mut b, &mut c].into_iter().for_each(|s| specs.share(s));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(*c, named("c"));
    }
}
