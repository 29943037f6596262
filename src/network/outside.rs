//! What a class may open to addresses outside the cluster, as sets of addresses: never address range by address range.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::inventory::object::Protocol;
use crate::inventory::{ClassId, Tri};

use super::address::{AddressSet, Atoms, Block, Range};
use super::index::SignatureId;
use super::policy::Direction;
use super::ports::{ALL, Decision, NONE, PortSet, SetId};
use super::reach::Reach;

/// Special-purpose blocks, which are not public: RFC 6890.
const SPECIAL: [Range; 9] = [
    Range::V4(0x0000_0000, 0x00ff_ffff), // 0.0.0.0/8
    Range::V4(0x0a00_0000, 0x0aff_ffff), // 10.0.0.0/8
    Range::V4(0x6440_0000, 0x647f_ffff), // 100.64.0.0/10
    Range::V4(0x7f00_0000, 0x7fff_ffff), // 127.0.0.0/8
    Range::V4(0xa9fe_0000, 0xa9fe_ffff), // 169.254.0.0/16
    Range::V4(0xac10_0000, 0xac1f_ffff), // 172.16.0.0/12
    Range::V4(0xc0a8_0000, 0xc0a8_ffff), // 192.168.0.0/16
    Range::V4(0xc612_0000, 0xc613_ffff), // 198.18.0.0/15
    Range::V4(0xe000_0000, 0xffff_ffff), // multicast and reserved
];

/// The side of pods that one list of policies selects, on one dataplane; with the number of their list of ports, where
/// ingress rules name some. Classes with the same sides are treated alike.
pub(super) type SideKey = (usize, Option<Decision>, SignatureId, Option<usize>);

/// Ports that are open towards the addresses of each block; `None` is every address.
type Grants = BTreeMap<Option<usize>, SetId>;

/// What must hold for a certain answer, and what may.
#[derive(Default)]
struct Grounds {
    /// A port is certain where it is in all of these.
    certain: Vec<Grants>,
    /// Nothing is certain.
    open: bool,
    /// A port is possible where it is in one of these.
    possible: Vec<Grants>,
    /// Everything is possible.
    all_possible: bool,
}

impl Reach {
    /// The sides of a class in one direction: one of each kind of its pods and each dataplane that may be the case.
    pub(super) fn sides(&self, class: ClassId, direction: Direction) -> Vec<SideKey> {
        let mut keys: Vec<SideKey> = Vec::new();
        for (e, engine) in self.engines.iter().enumerate() {
            for cell in self.model.cells_of(class) {
                let fixed = engine.without_rows(&self.model, direction, *cell);
                let signature = self.model.cells[*cell].signature;
                let named = engine
                    .bundles_list(&self.model, *cell, direction)
                    .iter()
                    .any(|(b, _)| engine.row_key(&self.model, direction, *b, *cell).1.is_some());
                let key = match fixed {
                    Some(_) => (e, fixed, SignatureId::default(), None),
                    None => (e, None, signature, named.then_some(self.model.cells[*cell].ports_id)),
                };
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// What the side of a class allows towards or from every elementary address range; `None` if it does not depend on the
    /// address.
    pub(super) fn by_atom(&mut self, class: ClassId, direction: Direction) -> Option<Vec<Decision>> {
        let mut result: Option<Vec<Decision>> = None;
        let mut depends = false;
        for e in 0..self.engines.len() {
            for cell in self.model.cells_of(class).to_vec() {
                let (blocks, one) = self.by_atom_of(e, cell, direction);
                depends |= blocks;
                result = Some(match result {
                    None => one,
                    Some(r) => r.into_iter().zip(one).map(|(a, b)| a.either(b, &mut self.pool)).collect(),
                });
            }
        }
        result.filter(|_| depends)
    }

    /// As [`Reach::by_atom`] for one cell on one dataplane, with whether the rules have a block.
    fn by_atom_of(&mut self, e: usize, cell: usize, direction: Direction) -> (bool, Vec<Decision>) {
        let count = self.model.atoms.ranges.len();
        let engine = &mut self.engines[e];
        if let Some(d) = engine.without_rows(&self.model, direction, cell) {
            return (false, vec![d; count]);
        }
        let bundles = engine.bundles_list(&self.model, cell, direction);
        let isolated = bundles.iter().any(|(_, enforced)| *enforced == Tri::Yes);
        let mut all = vec![if isolated { Decision::NONE } else { Decision::ALL }; count];
        let (mut depends, outside) = (false, self.model.atom(0));
        for (bundle, enforced) in bundles {
            let key = engine.row_key(&self.model, direction, bundle, cell);
            let row = engine.row(&self.model, &mut self.pool, direction, key, cell);
            let everywhere = row.anywhere.as_ref().map(|p| engine.resolve(&self.model, &mut self.pool, p, outside));
            let mut alone = vec![everywhere.unwrap_or(Decision::NONE); count];
            for (block, profile) in &row.blocks {
                depends = true;
                let d = engine.resolve(&self.model, &mut self.pool, profile, outside);
                for range in self.model.blocks[*block].addresses().ranges() {
                    let within = self.model.atoms.find(range.first())..=self.model.atoms.find(range.last());
                    for slot in &mut alone[within] {
                        *slot = slot.or(d, &mut self.pool);
                    }
                }
            }
            for (all, d) in all.iter_mut().zip(alone) {
                *all = match (isolated, enforced) {
                    (true, Tri::Yes) => all.or(d, &mut self.pool),
                    (true, _) => all.or(Decision { certain: NONE, possible: d.possible }, &mut self.pool),
                    (false, _) => Decision { certain: self.pool.intersection(all.certain, d.certain), possible: ALL },
                };
            }
        }
        (depends, all)
    }

    /// Addresses of which one is likely to have any uncertainty that the egress rules of a class leave: one of each block.
    pub fn egress_examples(&self, class: ClassId) -> Vec<IpAddr> {
        let mut blocks: Vec<usize> = Vec::new();
        for (_, fixed, signature, _) in self.sides(class, Direction::Egress) {
            if fixed.is_none() {
                for (bundle, _) in self.model.selectors.bundles_of(signature) {
                    for p in &self.model.selectors.bundle_of(*bundle).policies {
                        blocks.extend(self.model.policies[*p].blocks_of_rules(Direction::Egress));
                    }
                }
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        let held = blocks.into_iter().filter_map(|b| self.model.blocks[b].addresses().ranges().first().copied());
        [Range::ALL_V4, Range::ALL_V6].into_iter().chain(held).map(|r| r.first()).collect()
    }

    /// Which of some ports a class may send to on every IPv4 address: for a destination whose address is not known.
    pub(super) fn every_address(&mut self, engine: usize, class: ClassId, ports: &[(Protocol, u16)]) -> Decision {
        let sides: Vec<SideKey> =
            self.sides(class, Direction::Egress).into_iter().filter(|(e, ..)| *e == engine).collect();
        let grounds = self.grounds(&sides, class);
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        for (protocol, port) in ports {
            let opens = |set: &SetId| self.pool.get(*set).contains(*protocol, *port);
            let everywhere = |grants: &Grants| {
                let ranges = grants.iter().filter(|(_, set)| opens(set)).flat_map(|(block, _)| match block {
                    Some(b) => self.model.blocks[*b].addresses().ranges().to_vec(),
                    None => vec![Range::ALL_V4],
                });
                AddressSet::union_of(ranges).ranges().contains(&Range::ALL_V4)
            };
            if !grounds.open && grounds.certain.iter().all(everywhere) {
                certain.push(PortSet::one(*protocol, *port));
            }
            if grounds.all_possible || grounds.possible.iter().flatten().any(|(_, set)| opens(set)) {
                possible.push(PortSet::one(*protocol, *port));
            }
        }
        Decision {
            certain: self.pool.intern(PortSet::union_of(&certain)),
            possible: self.pool.intern(PortSet::union_of(&possible)),
        }
    }

    /// Whether a class reaches the internet at large, and on which ports: some port of more than half of the public IPv4
    /// addresses, so that "everything but a few ranges" counts and an allow-list does not.
    pub fn internet(&mut self, class: ClassId) -> Decision {
        let sides = self.sides(class, Direction::Egress);
        if let Some(known) = self.internet.get(&sides) {
            return *known;
        }
        let grounds = self.grounds(&sides, class);
        let public = AddressSet::union_of(SPECIAL.into_iter().chain([Range::ALL_V6])).complement();
        let (addresses, ports) = self.certain_reach(&grounds, &public);
        let certain = if addresses * 2 > public.count_v4() { ports } else { NONE };
        let (addresses, ports) = if grounds.all_possible {
            (public.count_v4(), ALL)
        } else {
            let (set, ports) = self.reach_of(grounds.possible.iter().flatten(), &public);
            (set.count_v4(), ports)
        };
        let possible = if addresses * 2 > public.count_v4() { ports } else { NONE };
        let d = Decision { certain, possible };
        self.internet.insert(sides, d);
        d
    }

    /// The rules of some sides. `class` is the one that they are of.
    fn grounds(&mut self, sides: &[SideKey], class: ClassId) -> Grounds {
        let mut grounds = Grounds { open: sides.is_empty(), all_possible: sides.is_empty(), ..Grounds::default() };
        let outside = self.model.atom(0);
        for (e, fixed, signature, _) in sides {
            if let Some(fixed) = fixed {
                grounds.all_possible = true;
                grounds.open |= fixed.certain == NONE;
                continue;
            }
            let cells = self.model.cells_of(class).to_vec();
            let Some(cell) = cells.into_iter().find(|c| self.model.cells[*c].signature == *signature) else { continue };
            let (mut certain, mut possible, mut isolated, mut left) = (Grants::new(), Grants::new(), false, Vec::new());
            let engine = &mut self.engines[*e];
            for (bundle, enforced) in engine.bundles_list(&self.model, cell, Direction::Egress) {
                let key = engine.row_key(&self.model, Direction::Egress, bundle, cell);
                let row = engine.row(&self.model, &mut self.pool, Direction::Egress, key, cell);
                let everyone = row.anywhere.iter().map(|p| (None, p));
                let mut alone = Grants::new();
                for (block, profile) in everyone.chain(row.blocks.iter().map(|(b, p)| (Some(*b), p))) {
                    let d = engine.resolve(&self.model, &mut self.pool, profile, outside);
                    let mut add = |grants: &mut Grants, ports: SetId| {
                        let all = grants.entry(block).or_insert(NONE);
                        *all = self.pool.union(*all, ports);
                    };
                    add(&mut possible, d.possible);
                    add(if enforced == Tri::Yes { &mut certain } else { &mut alone }, d.certain);
                }
                isolated |= enforced == Tri::Yes;
                if enforced != Tri::Yes {
                    left.push(alone);
                }
            }
            if isolated {
                grounds.certain.push(certain);
                grounds.possible.push(possible);
            } else {
                // Perhaps isolated: what certainly stays is what each policy alone would leave.
                grounds.certain.extend(left);
                grounds.all_possible = true;
            }
        }
        grounds
    }

    /// The addresses of `within` towards which some port is granted, and all ports that are granted towards any of them.
    fn reach_of<'a>(
        &mut self,
        grants: impl Iterator<Item = (&'a Option<usize>, &'a SetId)>,
        within: &AddressSet,
    ) -> (AddressSet, SetId) {
        let (mut ranges, mut ports) = (Vec::new(), Vec::new());
        for (block, set) in grants.filter(|(_, set)| **set != NONE) {
            let held = match block {
                Some(b) => self.model.blocks[*b].addresses().intersection(within),
                None => within.clone(),
            };
            if !held.is_empty() {
                ranges.extend_from_slice(held.ranges());
                ports.push(*set);
            }
        }
        (AddressSet::union_of(ranges), self.pool.union_all(&mut ports))
    }

    /// The number of addresses of `within` towards which some port is certain, and all ports that are towards any of them.
    fn certain_reach(&mut self, grounds: &Grounds, within: &AddressSet) -> (u64, SetId) {
        let [first, rest @ ..] = grounds.certain.as_slice() else {
            return if grounds.open { (0, NONE) } else { (within.count_v4(), ALL) };
        };
        if grounds.open {
            return (0, NONE);
        }
        let (mut addresses, mut ports) = self.reach_of(first.iter(), within);
        if rest.is_empty() {
            return (addresses.count_v4(), ports);
        }
        // At most: addresses and ports that every list has. At least: what every list grants towards one and the same block.
        for grants in rest {
            let (a, p) = self.reach_of(grants.iter(), within);
            addresses = addresses.intersection(&a);
            ports = self.pool.intersection(ports, p);
        }
        let mut common = Grants::new();
        for (block, set) in first {
            let mut all = *set;
            for grants in rest {
                let same = grants.get(block).copied().unwrap_or(NONE);
                let everywhere = grants.get(&None).copied().unwrap_or(NONE);
                let granted = self.pool.union(same, everywhere);
                all = self.pool.intersection(all, granted);
            }
            common.insert(*block, all);
        }
        let (least, least_ports) = self.reach_of(common.iter(), within);
        if least == addresses && least_ports == ports {
            return (addresses.count_v4(), ports);
        }
        self.certain_by_range(&grounds.certain, within)
    }

    /// As [`Reach::certain_reach`], range by range.
    fn certain_by_range(&mut self, lists: &[Grants], within: &AddressSet) -> (u64, SetId) {
        let blocks: Vec<Block> =
            lists.iter().flat_map(|l| l.keys()).flatten().map(|b| self.model.blocks[*b].clone()).collect();
        let (mut count, mut ports) = (0, Vec::new());
        for range in Atoms::new(blocks.iter()).ranges {
            let held = AddressSet::union_of([range]).intersection(within).count_v4();
            if held == 0 {
                continue;
            }
            let mut all = ALL;
            for grants in lists {
                let holds = |b: &Option<usize>| b.is_none_or(|b| self.model.blocks[b].covers(&range) == Tri::Yes);
                let mut granted: Vec<SetId> = grants.iter().filter(|(b, _)| holds(b)).map(|(_, set)| *set).collect();
                let granted = self.pool.union_all(&mut granted);
                all = self.pool.intersection(all, granted);
            }
            if all != NONE {
                count += held;
                ports.push(all);
            }
        }
        (count, self.pool.union_all(&mut ports))
    }
}
