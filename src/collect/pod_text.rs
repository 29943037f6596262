//! The pods of one owner stand side by side in a list, and say the same, to the byte, but for their names, nodes, addresses
//! and what else nobody reads: of such a pod no more is read than that.

use std::borrow::Cow;
use std::sync::Arc;

use crate::document::{Cursor, Problems};
use crate::inventory::object::{Labels, Member};

use super::api_format::{Part, Reader};
use super::json_text::Walk;
use super::kubernetes;

/// What of a pod's metadata is in [`kubernetes::parse_meta`], beside its name and namespace.
const SHARED: [&str; 3] = ["annotations", "labels", "ownerReferences"];

/// The pod before, by which its siblings are known.
pub(super) struct PodText<'a> {
    namespace: Option<Cow<'a, str>>,
    /// JSON of [`SHARED`].
    shared: [Option<&'a str>; 3],
}

impl<'a> PodText<'a> {
    /// Of the text of a pod, which has been read. `None` where it has no specification, or anything that is compared is
    /// no object or array.
    pub(super) fn new(pod: &'a str) -> Option<Self> {
        let mut walk = Walk::new(pod);
        let mut found = PodText { namespace: None, shared: [None; 3] };
        let (mut first, mut metadata, mut spec) = (true, false, false);
        while let Some(key) = walk.key(&mut first).ok()? {
            match &*key {
                // Of two the last counts.
                "metadata" if metadata => return None,
                "metadata" => {
                    metadata = true;
                    found.metadata(&mut walk)?;
                }
                "spec" => spec = walk.skip().ok()?.starts_with('{'),
                _ => drop(walk.skip().ok()?),
            }
        }
        spec.then_some(found)
    }

    fn metadata(&mut self, walk: &mut Walk<'a>) -> Option<()> {
        let mut first = true;
        while let Some(key) = walk.key(&mut first).ok()? {
            if key == "namespace" {
                self.namespace = Some(walk.string().ok()?);
                continue;
            }
            let value = walk.skip().ok()?;
            if let Some(i) = SHARED.iter().position(|k| *k == key) {
                self.shared[i] = Some(value).filter(|v| v.starts_with(['{', '[']));
                self.shared[i]?;
            }
        }
        Some(())
    }

    /// Reads the pod at the reader's place, if it is one of the same group; if not, the place stays. It has the labels of
    /// the pod before, which are not in the answer.
    pub(super) fn sibling(&self, reader: &mut Reader<'a>) -> Option<Member> {
        let start = reader.walk.clone();
        let member = self.read(reader);
        if member.is_none() {
            reader.walk = start;
        }
        member
    }

    fn read(&self, reader: &mut Reader<'a>) -> Option<Member> {
        let (mut name, mut spec, mut status) = (None, None, None);
        let mut first = true;
        while let Some(key) = reader.walk.key(&mut first).ok()? {
            match &*key {
                "metadata" if name.is_some() => return None,
                "metadata" => name = Some(self.same_metadata(&mut reader.walk)?),
                "spec" => spec = Some(reader.spec_like_last()?),
                "status" => status = Some(reader.node(Part::PodStatus).ok()?),
                _ => drop(reader.walk.skip().ok()?),
            }
        }
        let problems = Problems::default();
        let status = status.as_ref().map(|s| Cursor::new(s, &problems));
        if kubernetes::has_finished(status.as_ref()) {
            return None;
        }
        let node = spec?.node.map(Cow::into_owned);
        let member = kubernetes::parse_member(name?.into_owned(), node, status.as_ref(), Arc::new(Labels::new()));
        problems.is_empty().then_some(member)
    }

    /// The name of a pod that has otherwise the same metadata.
    fn same_metadata(&self, walk: &mut Walk<'a>) -> Option<Cow<'a, str>> {
        let (mut name, mut namespace, mut seen) = (None, None, [false; 3]);
        let mut first = true;
        while let Some(key) = walk.key(&mut first).ok()? {
            match &*key {
                "name" => name = Some(walk.string().ok()?),
                "namespace" => namespace = Some(walk.string().ok()?),
                key => match SHARED.iter().position(|k| *k == key) {
                    Some(i) => {
                        walk.peek().ok()?;
                        walk.forward_if(self.shared[i]?)?;
                        seen[i] = true;
                    }
                    None => drop(walk.skip().ok()?),
                },
            }
        }
        let same = namespace == self.namespace && seen == self.shared.map(|value| value.is_some());
        name.filter(|_| same)
    }
}
