//! Which pods every selector selects: each selector is evaluated once, on the pods that have a label it requires.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

use crate::inventory::object::{LabelSelector, Operator};
use crate::inventory::{Tri, labels};

use super::model::{Cell, Namespace};
use super::policy::{Peer, Policy};

/// Number of a [`Term`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TermId(u32);

/// Number of a [`Bundle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BundleId(u32);

/// Number of a list of bundles. Cells with the same number are selected by the same policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignatureId(u32);

impl TermId {
    /// Place in a list with one entry for each term.
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

impl BundleId {
    /// Place in a list with one entry for each bundle.
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// How certainly each of some items is selected, by index in ascending order. Items that are not selected are absent.
pub(super) type Selected = Vec<(usize, Tri)>;

/// A `from` or `to` entry with selectors, which policies share.
#[derive(Clone, Debug)]
struct Term {
    /// Namespaces that it selects pods of.
    namespaces: Selected,
    /// `podSelector`; `None` selects every pod.
    pods: Option<LabelSelector>,
    /// Cells that it selects, evaluated when they are first needed.
    cells: OnceCell<Selected>,
}

/// Policies of one namespace that select the same pods, and that a dataplane enforces in the same directions.
#[derive(Clone, Debug, Default)]
pub(super) struct Bundle {
    /// By index, in ascending order; never empty.
    pub policies: Vec<usize>,
}

/// What distinguishes policies with one `podSelector`: see [`Bundle`].
#[derive(PartialEq, Eq, Hash)]
struct BundleKey<'a> {
    namespace: usize,
    selector: &'a LabelSelector,
    isolates: [bool; 2],
    has_rules: [bool; 2],
    other_network: bool,
}

/// The selectors of all policies, and what they select.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    terms: Vec<Term>,
    /// Terms by the namespace of the policy, where that decides, and the entry of its rule.
    term_ids: HashMap<(Option<usize>, Peer), TermId>,
    bundles: Vec<Bundle>,
    signatures: Vec<Vec<(BundleId, Tri)>>,
    labels: LabelIndex,
}

impl Index {
    /// Numbers the selectors, and gives each cell its signature. `candidates` lists the namespaces that a
    /// `namespaceSelector` may match.
    pub(super) fn new(
        cells: &mut [Cell],
        namespaces: &[Namespace],
        policies: &[Policy],
        candidates: impl Fn(&LabelSelector) -> Vec<usize>,
    ) -> Self {
        let mut index = Index { labels: LabelIndex::new(cells, policies), ..Index::default() };
        let mut matching: HashMap<&LabelSelector, Selected> = HashMap::new();
        for (own, namespace) in namespaces.iter().enumerate() {
            for peer in namespace.policies.iter().flat_map(|p| policies[*p].peers_of_rules()) {
                let Peer::Pods { namespaces: selector, pods } = peer else { continue };
                let key = (selector.is_none().then_some(own), peer.clone());
                let next = TermId(index.terms.len() as u32);
                let id = *index.term_ids.entry(key).or_insert(next);
                if id != next {
                    continue;
                }
                let selected = match selector {
                    None => vec![(own, Tri::Yes)],
                    Some(s) => matching
                        .entry(s)
                        .or_insert_with(|| {
                            let all = candidates(s).into_iter().map(|n| (n, namespaces[n].labels.matches(s)));
                            all.filter(|(_, matched)| *matched > Tri::No).collect()
                        })
                        .clone(),
                };
                index.terms.push(Term { namespaces: selected, pods: pods.clone(), cells: OnceCell::new() });
            }
        }
        index.bundle(cells, namespaces, policies);
        index
    }

    /// Merges policies into bundles, and finds the bundles of each cell.
    fn bundle(&mut self, cells: &mut [Cell], namespaces: &[Namespace], policies: &[Policy]) {
        let mut ids: HashMap<BundleKey<'_>, BundleId> = HashMap::new();
        let mut selectors = Vec::new();
        for (n, namespace) in namespaces.iter().enumerate() {
            for &p in &namespace.policies {
                let policy = &policies[p];
                let key = BundleKey {
                    namespace: n,
                    selector: &policy.selector,
                    isolates: policy.isolates,
                    has_rules: [!policy.rules[0].is_empty(), !policy.rules[1].is_empty()],
                    other_network: policy.network.is_some(),
                };
                let next = BundleId(self.bundles.len() as u32);
                let id = *ids.entry(key).or_insert(next);
                if id == next {
                    self.bundles.push(Bundle::default());
                    selectors.push((n, &policy.selector));
                }
                self.bundles[id.place()].policies.push(p);
            }
        }
        let mut of_cell: Vec<Vec<(BundleId, Tri)>> = vec![Vec::new(); cells.len()];
        for (b, (namespace, selector)) in selectors.into_iter().enumerate() {
            for (cell, matched) in self.labels.select(cells, namespaces, &[(namespace, Tri::Yes)], Some(selector)) {
                of_cell[cell].push((BundleId(b as u32), matched));
            }
        }
        let mut numbers: HashMap<Vec<(BundleId, Tri)>, SignatureId> = HashMap::new();
        for (cell, bundles) in cells.iter_mut().zip(of_cell) {
            let next = SignatureId(numbers.len() as u32);
            cell.signature = *numbers.entry(bundles).or_insert(next);
        }
        let mut list: Vec<_> = numbers.into_iter().collect();
        list.sort_unstable_by_key(|(_, id)| *id);
        self.signatures = list.into_iter().map(|(bundles, _)| bundles).collect();
    }

    /// The bundles that select the cells of a signature, and how certainly.
    pub(super) fn bundles_of(&self, signature: SignatureId) -> &[(BundleId, Tri)] {
        self.signatures.get(signature.0 as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// The bundle of this number.
    pub(super) fn bundle_of(&self, id: BundleId) -> &Bundle {
        &self.bundles[id.place()]
    }

    /// The cells of a namespace that a `podSelector` selects, also those on the host's network.
    pub(super) fn cells_of_selector(
        &self,
        namespace: usize,
        selector: &LabelSelector,
        cells: &[Cell],
        namespaces: &[Namespace],
    ) -> Selected {
        self.labels.select(cells, namespaces, &[(namespace, Tri::Yes)], Some(selector))
    }

    /// Number of terms.
    pub(super) fn count_terms(&self) -> usize {
        self.terms.len()
    }

    /// Every term.
    pub(super) fn term_ids(&self) -> impl Iterator<Item = TermId> + use<> {
        (0..self.terms.len() as u32).map(TermId)
    }

    /// The term of a rule's entry; `None` for an `ipBlock`. `own` is the namespace of the policy.
    pub(super) fn term_of(&self, own: usize, peer: &Peer) -> Option<TermId> {
        let Peer::Pods { namespaces, .. } = peer else { return None };
        self.term_ids.get(&(namespaces.is_none().then_some(own), peer.clone())).copied()
    }

    /// How certainly a term selects a cell. It never selects pods on the host's network.
    pub(super) fn term_selects(&self, term: TermId, cell: &Cell) -> Tri {
        let term = &self.terms[term.place()];
        if cell.host_network {
            return Tri::No;
        }
        let in_namespace = find(&term.namespaces, cell.namespace);
        if in_namespace == Tri::No {
            return Tri::No;
        }
        in_namespace.min(term.pods.as_ref().map_or(Tri::Yes, |s| cell.labels.matches(s)))
    }

    /// The cells that a term selects.
    pub(super) fn cells_of_term(&self, term: TermId, cells: &[Cell], namespaces: &[Namespace]) -> &Selected {
        let term = &self.terms[term.place()];
        term.cells.get_or_init(|| {
            let mut selected = self.labels.select(cells, namespaces, &term.namespaces, term.pods.as_ref());
            selected.retain(|(cell, _)| !cells[*cell].host_network);
            selected
        })
    }
}

fn find(selected: &[(usize, Tri)], item: usize) -> Tri {
    selected.binary_search_by_key(&item, |(i, _)| *i).map_or(Tri::No, |at| selected[at].1)
}

/// The cells by the labels that selectors require. Labels that no selector names are not in it: an index of all of them
/// would be larger than the evidence.
#[derive(Clone, Debug, Default)]
struct LabelIndex {
    keys: HashMap<String, KeyIndex>,
}

#[derive(Clone, Debug, Default)]
struct KeyIndex {
    /// Cells with this value of the key, in ascending order.
    by_value: HashMap<String, Vec<usize>>,
    /// Cells that have the key with a value that is not known, or may have it.
    open: Vec<usize>,
}

impl LabelIndex {
    fn new(cells: &[Cell], policies: &[Policy]) -> Self {
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for p in policies {
            used.extend(labels::keys(&p.selector));
            for peer in p.peers_of_rules() {
                if let Peer::Pods { pods: Some(s), .. } = peer {
                    used.extend(labels::keys(s));
                }
            }
        }
        let mut keys: HashMap<String, KeyIndex> = used.iter().map(|k| ((*k).to_owned(), KeyIndex::default())).collect();
        for (i, cell) in cells.iter().enumerate() {
            for (key, value) in cell.labels.known.iter() {
                if let Some(index) = keys.get_mut(key) {
                    index.by_value.entry(value.to_string()).or_default().push(i);
                }
            }
            if cell.labels.more {
                keys.iter_mut()
                    .filter(|(key, _)| cell.labels.known.get(key.as_str()).is_none())
                    .for_each(|(_, index)| index.open.push(i));
                continue;
            }
            for key in cell.labels.open.keys().filter(|k| cell.labels.known.get(k.as_str()).is_none()) {
                if let Some(index) = keys.get_mut(key) {
                    index.open.push(i);
                }
            }
        }
        LabelIndex { keys }
    }

    /// Cells that may match a selector: those with the rarest label that it requires. `None`: it requires none.
    fn candidates(&self, selector: &LabelSelector) -> Option<Vec<usize>> {
        let equal = selector.match_labels.iter().map(|(k, v)| (k, vec![v]));
        let listed = selector
            .match_expressions
            .iter()
            .filter(|e| e.operator == Operator::In)
            .map(|e| (e.key.as_str(), e.values.iter().map(String::as_str).collect::<Vec<_>>()));
        let lists = equal.chain(listed).map(|(key, values)| {
            let index = self.keys.get(key);
            let with_value = values.iter().filter_map(|v| index?.by_value.get(*v));
            with_value.chain(index.map(|i| &i.open)).collect::<Vec<&Vec<usize>>>()
        });
        let rarest = lists.min_by_key(|lists| lists.iter().map(|l| l.len()).sum::<usize>())?;
        let mut found: Vec<usize> = rarest.into_iter().flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// The cells of some namespaces that a selector selects; `None` selects every one.
    fn select(
        &self,
        cells: &[Cell],
        all: &[Namespace],
        within: &[(usize, Tri)],
        selector: Option<&LabelSelector>,
    ) -> Selected {
        let evaluate = |cell: usize, in_namespace: Tri| {
            let matched = in_namespace.min(selector.map_or(Tri::Yes, |s| cells[cell].labels.matches(s)));
            (matched > Tri::No).then_some((cell, matched))
        };
        let size: usize = within.iter().map(|(n, _)| all[*n].cells.len()).sum();
        let candidates = selector.and_then(|s| self.candidates(s)).filter(|c| c.len() < size);
        if let Some(candidates) = candidates {
            return candidates.into_iter().filter_map(|c| evaluate(c, find(within, cells[c].namespace))).collect();
        }
        let each = within.iter().flat_map(|(n, matched)| all[*n].cells.iter().map(move |c| (*c, *matched)));
        let mut found: Selected = each.filter_map(|(c, matched)| evaluate(c, matched)).collect();
        found.sort_unstable();
        found
    }
}
