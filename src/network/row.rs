//! What the rules of one bundle of policies open: to which terms and address blocks, on which ports.

use std::collections::BTreeMap;

use crate::inventory::Tri;
use crate::inventory::object::Protocol;

use super::index::TermId;
use super::policy::{Port, PortMatch};
use super::ports::{Decision, Pool, PortSet};

/// The ports of some rules. Those that depend on the destination are kept as names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PortProfile {
    /// Ports that are the same towards every destination; `None` if there are none.
    pub fixed: Option<Decision>,
    /// Names of container ports, which each destination resolves.
    pub names: Vec<(Protocol, String)>,
}

/// The rules of one bundle in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Rules without peers: every destination or source.
    pub anywhere: Option<PortProfile>,
    /// Ascending.
    pub terms: Vec<(TermId, PortProfile)>,
    /// Index of the block, ascending.
    pub blocks: Vec<(usize, PortProfile)>,
}

impl Row {
    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.terms.len() + self.blocks.len()
    }

    /// The profiles of the rules that may match a peer, with how certainly they do.
    pub(super) fn matching<'a>(
        &'a self,
        term: impl Fn(TermId) -> Tri + 'a,
        block: impl Fn(usize) -> Tri + 'a,
    ) -> impl Iterator<Item = (&'a PortProfile, Tri)> + 'a {
        let anywhere = self.anywhere.iter().map(|p| (p, Tri::Yes));
        let terms = self.terms.iter().map(move |(t, p)| (p, term(*t)));
        let blocks = self.blocks.iter().map(move |(b, p)| (p, block(*b)));
        anywhere.chain(terms).chain(blocks).filter(|(_, matched)| *matched > Tri::No)
    }
}

/// Rules on their way to a [`Row`]: the lists of ports of each peer.
#[derive(Debug, Default)]
pub(super) struct RowBuilder<'a> {
    pub anywhere: Vec<&'a [Port]>,
    pub terms: BTreeMap<TermId, Vec<&'a [Port]>>,
    pub blocks: BTreeMap<usize, Vec<&'a [Port]>>,
}

impl RowBuilder<'_> {
    /// Merges the ports of each peer.
    pub(super) fn build(self, mut profile: impl FnMut(&[&[Port]]) -> PortProfile) -> Row {
        Row {
            anywhere: (!self.anywhere.is_empty()).then(|| profile(&self.anywhere)),
            terms: self.terms.iter().map(|(t, ports)| (*t, profile(ports))).collect(),
            blocks: self.blocks.iter().map(|(b, ports)| (*b, profile(ports))).collect(),
        }
    }
}

/// Merges lists of ports. `range` gives the ports that a range certainly and possibly opens; `name` those of a name, or
/// `None` where they depend on the destination.
pub(super) fn merge_ports(
    lists: &[&[Port]],
    pool: &mut Pool,
    mut range: impl FnMut(&Port, u16, u16) -> (PortSet, PortSet),
    mut name: impl FnMut(Protocol, &str) -> Option<(PortSet, PortSet)>,
) -> PortProfile {
    if lists.iter().any(|l| l.is_empty()) {
        return PortProfile { fixed: Some(Decision::ALL), names: Vec::new() };
    }
    let (mut certain, mut possible, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for port in lists.iter().copied().flatten() {
        let sets = match &port.what {
            PortMatch::All => {
                let set = PortSet::range(port.protocol, 1, u16::MAX);
                Some((set.clone(), set))
            }
            PortMatch::Range(a, b) => Some(range(port, *a, *b)),
            PortMatch::Named(text) => {
                let sets = name(port.protocol, text);
                if sets.is_none() {
                    names.push((port.protocol, text.clone()));
                }
                sets
            }
        };
        if let Some((c, p)) = sets {
            certain.push(c);
            possible.push(p);
        }
    }
    names.sort_unstable();
    names.dedup();
    let fixed = (!possible.is_empty()).then(|| Decision {
        certain: pool.intern(PortSet::union_of(&certain)),
        possible: pool.intern(PortSet::union_of(&possible)),
    });
    PortProfile { fixed, names }
}
