//! An object that is given twice: the later one counts, as for `kubectl apply`.

use crate::inventory::object::*;

use super::super::kubernetes::Head;
use super::Builder;

impl Builder {
    fn identity(head: &Head<'_>, meta: &Meta) -> (String, String, String) {
        (format!("{}/{}", head.group(), head.kind), meta.namespace.clone(), meta.name.clone())
    }

    /// Notes a repeated object; answers whether there was an earlier one.
    pub(super) fn note_duplicate(&mut self, head: &Head<'_>, meta: &Meta) -> bool {
        match self.seen.insert(Self::identity(head, meta), meta.origin.clone()) {
            None => false,
            Some(earlier) => {
                self.snapshot.notes.push(format!(
                    "{} is given twice: {} replaces {}, as `kubectl apply` would",
                    meta.object_ref(),
                    meta.origin,
                    earlier
                ));
                true
            }
        }
    }

    pub(super) fn replace_duplicate(&mut self, head: &Head<'_>, meta: &Meta) {
        if !self.note_duplicate(head, meta) {
            return;
        }
        let same = |m: &Meta| {
            m.kind == meta.kind
                && m.namespace == meta.namespace
                && m.name == meta.name
                && m.api_version.rsplit_once('/').map(|(g, _)| g) == meta.api_version.rsplit_once('/').map(|(g, _)| g)
        };
        let s = &mut self.snapshot;
        s.namespaces.retain(|o| !same(&o.meta));
        s.controllers.retain(|o| !same(&o.meta));
        s.services.retain(|o| !same(&o.meta));
        s.endpoints.retain(|o| !same(&o.meta));
        s.config_maps.retain(|o| !same(&o.meta));
        s.secrets.retain(|o| !same(&o.meta));
        s.network_policies.retain(|o| !same(&o.meta));
        s.ingresses.retain(|o| !same(&o.meta));
        s.cnpg_clusters.retain(|o| !same(&o.meta));
        s.cnpg_poolers.retain(|o| !same(&o.meta));
        s.compute_classes.retain(|o| !same(&o.meta));
        s.opaque_policies.retain(|o| !same(o));
    }
}
