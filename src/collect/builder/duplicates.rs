//! An object that is given twice: the later one counts, as for `kubectl apply`.

use crate::inventory::object::Meta;

use super::super::kubernetes::Head;
use super::Builder;

impl Builder {
    /// Notes a repeated object and removes the earlier one.
    pub(super) fn replace_duplicate(&mut self, head: &Head<'_>, meta: &Meta) {
        // Of a template or a generated name there may be several.
        if meta.name.ends_with('*') {
            return;
        }
        let identity = (format!("{}/{}", head.group(), head.kind), meta.namespace.clone(), meta.name.clone());
        let Some(earlier) = self.seen.insert(identity, meta.origin.clone()) else { return };
        self.snapshot.notes.push(format!(
            "{} is given twice: {} replaces {earlier}, as `kubectl apply` would",
            meta.object_ref(),
            meta.origin
        ));
        self.snapshot.remove(meta);
    }
}
