//! Tells specifications of pods apart before anything of them is parsed: most pods have that of another pod.

use std::hash::{Hash, Hasher};

use crate::document::{Content, Node};

/// Name without what is random of the volume that admission gives to pods for their token.
pub(super) const ACCESS: &str = "kube-api-access";

/// What random names are made of: k8s.io/apimachinery/pkg/util/rand.
const RANDOM: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether a volume is that of the service account's token, as admission names it: `kube-api-access-` and five random
/// characters (plugin ServiceAccount, `ServiceAccountVolumeName`). By that name no pod would be like any other.
pub(super) fn is_access(name: &str) -> bool {
    let random = name.strip_prefix(ACCESS).and_then(|rest| rest.strip_prefix('-'));
    random.is_some_and(|r| r.len() == 5 && r.bytes().all(|b| RANDOM.contains(&b)))
}

/// A specification, hashed without what differs between the pods of one controller: the name of the node, and that of
/// the token's volume. Specifications that are hashed alike are parsed alike.
pub(super) struct SpecKey<'a> {
    spec: &'a Node<'a>,
    /// The name of the token's volume, which is hashed as [`ACCESS`].
    access: Option<&'a str>,
}

impl<'a> SpecKey<'a> {
    pub(super) fn new(spec: &'a Node<'a>) -> Self {
        let items = match spec.get("volumes").map(|volumes| &volumes.content) {
            Some(Content::List(items)) => items.as_slice(),
            _ => &[],
        };
        let mut names = items.iter().filter_map(|volume| volume.get("name")?.as_str());
        let access = names.clone().find(|name| is_access(name));
        SpecKey { spec, access: access.filter(|_| names.all(|name| name != ACCESS)) }
    }

    /// `of_volume`: the node is a volume or the mount of one.
    fn hash_node<H: Hasher>(&self, node: &Node<'_>, of_volume: bool, state: &mut H) {
        std::mem::discriminant(&node.content).hash(state);
        match &node.content {
            Content::Null => {}
            Content::Bool(b) => b.hash(state),
            Content::Int(i) => i.hash(state),
            Content::Float(f) => f.to_bits().hash(state),
            Content::Str(text) => text.hash(state),
            Content::List(items) => {
                items.len().hash(state);
                items.iter().for_each(|item| self.hash_node(item, of_volume, state));
            }
            Content::Object(entries) => {
                entries.len().hash(state);
                for entry in entries {
                    entry.key.hash(state);
                    let access = self.access.filter(|access| entry.value.as_str() == Some(access));
                    match (access, &*entry.key) {
                        (Some(_), "name") if of_volume => ACCESS.hash(state),
                        (_, key) => self.hash_node(&entry.value, matches!(key, "volumes" | "volumeMounts"), state),
                    }
                }
            }
        }
    }
}

impl Hash for SpecKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Content::Object(entries) = &self.spec.content else { return self.hash_node(self.spec, false, state) };
        for entry in entries.iter().filter(|e| e.key != "nodeName") {
            entry.key.hash(state);
            self.hash_node(&entry.value, entry.key == "volumes", state);
        }
    }
}
