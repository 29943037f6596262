//! The facts that a check may name.

use super::lexical::display_name;
use crate::document::hint;
use crate::facts::schema::{Field, SubjectKind};

/// Facts by subject kind.
pub type Vocabulary = fn(SubjectKind) -> &'static [Field];

/// A fact as an expression names it.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// The cluster, or the kind of subject that the check is about.
    pub kind: SubjectKind,
    /// The fact, as declared for that kind.
    pub field: &'static Field,
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.field.name) == (other.kind, other.field.name)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.kind.name(), self.field.name)
    }
}

/// Facts of earlier versions, with the names that they have now.
const RENAMES: [(&str, &str); 15] = [
    ("md5Reachable", "acceptsMd5"),
    ("trustReachable", "acceptsTrust"),
    ("cutOff", "blockedPeers"),
    ("cutOffEmpty", "blockedPeersEmpty"),
    ("cutOffMaybe", "blockedPeersMaybe"),
    ("md5Stored", "storesMd5"),
    ("excessClients", "unexpectedClients"),
    ("excessClientsEmpty", "unexpectedClientsEmpty"),
    ("excessClientsMaybe", "unexpectedClientsMaybe"),
    ("credentialHoldersExcess", "unexpectedCredentialHolders"),
    ("credentialHoldersExcessEmpty", "unexpectedCredentialHoldersEmpty"),
    ("credentialHoldersExcessMaybe", "unexpectedCredentialHoldersMaybe"),
    ("deadPeers", "unmatchedPeers"),
    ("deadPeersEmpty", "unmatchedPeersEmpty"),
    ("deadPeersMaybe", "unmatchedPeersMaybe"),
];

/// What the expressions of a check may see: its subject and the cluster.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    pub subject: SubjectKind,
    pub vocabulary: Vocabulary,
}

impl Scope {
    /// The subject kind of the variable with this name.
    pub(super) fn kind(self, root: &str) -> Option<SubjectKind> {
        let root = display_name(root);
        [self.subject, SubjectKind::Cluster].into_iter().find(|k| k.name() == root)
    }

    /// The fact at `root.name`.
    ///
    /// # Errors
    /// The problem, as a message.
    pub(super) fn fact(self, root: &str, name: &str) -> Result<Path, String> {
        let root = display_name(root);
        let kind = self.kind(root).ok_or_else(|| self.unknown_root(root))?;
        let fields = (self.vocabulary)(kind);
        fields.iter().find(|f| f.name == name).map(|field| Path { kind, field }).ok_or_else(|| {
            let renamed = RENAMES.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
            let name_now = renamed.filter(|new| fields.iter().any(|f| f.name == *new));
            let hint = hint(name_now.unwrap_or(name), fields.iter().map(|f| f.name));
            format!("unknown fact \"{root}.{name}\"{hint}")
        })
    }

    /// The message for an unknown variable.
    pub(super) fn unknown_root(self, root: &str) -> String {
        let subject = self.subject.name();
        let visible = if self.subject == SubjectKind::Cluster {
            "`cluster`".to_string()
        } else {
            format!("`{subject}` and `cluster`")
        };
        format!("unknown name \"{root}\"{}; a {subject} check sees {visible}", hint(root, [subject, "cluster"]))
    }
}
