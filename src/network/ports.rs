//! Sets of (protocol, port) as canonical intervals, interned so that equal sets are one number.

use std::collections::HashMap;

use crate::inventory::object::Protocol;

/// Ports 1–65535 of TCP, UDP and SCTP. Canonical: intervals are sorted, disjoint and not adjacent, so equality of sets is
/// equality of values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet {
    by_protocol: [Vec<(u16, u16)>; 3],
}

const FULL: (u16, u16) = (1, u16::MAX);

impl PortSet {
    /// No port of any protocol.
    pub fn empty() -> Self {
        PortSet::default()
    }

    /// Every port of every protocol.
    pub fn all() -> Self {
        PortSet { by_protocol: [vec![FULL], vec![FULL], vec![FULL]] }
    }

    /// `from..=to` of one protocol; empty when `from > to`. Port 0 is not a port.
    pub fn range(protocol: Protocol, from: u16, to: u16) -> Self {
        let mut set = PortSet::default();
        let from = from.max(1);
        if from <= to {
            set.by_protocol[protocol as usize].push((from, to));
        }
        set
    }

    /// A single port of one protocol; empty for port 0.
    pub fn one(protocol: Protocol, port: u16) -> Self {
        Self::range(protocol, port, port)
    }

    /// Whether the set has no port of any protocol.
    pub fn is_empty(&self) -> bool {
        self.by_protocol.iter().all(Vec::is_empty)
    }

    /// Whether the set has every port of every protocol.
    pub fn is_all(&self) -> bool {
        self.by_protocol.iter().all(|r| r.as_slice() == [FULL])
    }

    /// Inclusive ranges of one protocol, sorted and disjoint.
    pub fn ranges(&self, protocol: Protocol) -> &[(u16, u16)] {
        &self.by_protocol[protocol as usize]
    }

    /// Whether the set has this port of this protocol.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ranges(protocol).iter().any(|(a, b)| (*a..=*b).contains(&port))
    }

    /// Ports in either set.
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| {
            let mut all: Vec<(u16, u16)> = a.iter().chain(b).copied().collect();
            normalize(&mut all);
            all
        })
    }

    /// Ports in any of the sets. Sorts all ranges once, where one union after the other would sort them again and again.
    pub(super) fn union_of<'a>(sets: impl IntoIterator<Item = &'a PortSet>) -> Self {
        let mut out = PortSet::default();
        for set in sets {
            for (all, ranges) in out.by_protocol.iter_mut().zip(&set.by_protocol) {
                all.extend_from_slice(ranges);
            }
        }
        out.by_protocol.iter_mut().for_each(normalize);
        out
    }

    /// Ports in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| {
            let (mut i, mut j, mut out) = (0, 0, Vec::new());
            while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
                let (from, to) = (x.0.max(y.0), x.1.min(y.1));
                if from <= to {
                    out.push((from, to));
                }
                if x.1 < y.1 { i += 1 } else { j += 1 }
            }
            out
        })
    }

    /// Ports in `self` and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, |a, b| {
            let mut out = Vec::new();
            for &(from, to) in a {
                // Wider than u16, since one past the last port must be a value.
                let mut at = u32::from(from);
                for &(x, y) in b {
                    let (x, y) = (u32::from(x), u32::from(y));
                    if y < at || x > u32::from(to) {
                        continue;
                    }
                    if x > at {
                        out.push((at as u16, (x - 1) as u16));
                    }
                    at = y + 1;
                }
                if at <= u32::from(to) {
                    out.push((at as u16, to));
                }
            }
            out
        })
    }

    fn zip(&self, other: &Self, f: impl Fn(&[(u16, u16)], &[(u16, u16)]) -> Vec<(u16, u16)>) -> Self {
        let mut out = PortSet::default();
        for i in 0..3 {
            out.by_protocol[i] = f(&self.by_protocol[i], &other.by_protocol[i]);
        }
        out
    }
}

/// Sorts ranges, and joins those that overlap or touch.
fn normalize(ranges: &mut Vec<(u16, u16)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let joins = next.0 <= last.1.saturating_add(1);
        if joins {
            last.1 = last.1.max(next.1);
        }
        joins
    });
}

/// For people: `TCP 80, 443, UDP 53`, `all ports`, `TCP all`, `no port`.
impl std::fmt::Display for PortSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_all() {
            return f.write_str("all ports");
        }
        if self.is_empty() {
            return f.write_str("no port");
        }
        let mut first = true;
        for p in Protocol::ALL {
            let ranges = self.ranges(p);
            if ranges.is_empty() {
                continue;
            }
            if !first {
                f.write_str(", ")?;
            }
            first = false;
            write!(f, "{p} ")?;
            if ranges == [FULL] {
                f.write_str("all")?;
                continue;
            }
            for (i, (a, b)) in ranges.iter().enumerate() {
                let sep = if i == 0 { "" } else { ", " };
                if a == b {
                    write!(f, "{sep}{a}")?;
                } else {
                    write!(f, "{sep}{a}-{b}")?;
                }
            }
        }
        Ok(())
    }
}

/// Number of an interned set.
pub type SetId = u32;
/// The empty set, in every [`Pool`].
pub const NONE: SetId = 0;
/// Every port of every protocol, in every [`Pool`].
pub const ALL: SetId = 1;

/// The interned sets, with their unions and intersections remembered.
#[derive(Debug)]
pub struct Pool {
    sets: Vec<PortSet>,
    ids: HashMap<PortSet, SetId>,
    unions: HashMap<(SetId, SetId), SetId>,
    intersections: HashMap<(SetId, SetId), SetId>,
}

impl Default for Pool {
    fn default() -> Self {
        let mut pool =
            Pool { sets: Vec::new(), ids: HashMap::new(), unions: HashMap::new(), intersections: HashMap::new() };
        pool.intern(PortSet::empty());
        pool.intern(PortSet::all());
        pool
    }
}

impl Pool {
    /// Returns the number of a set, and adds the set if it is new.
    pub fn intern(&mut self, set: PortSet) -> SetId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let id = self.sets.len() as SetId;
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    /// Returns the set with this number.
    ///
    /// # Panics
    /// If the pool has no set with this number.
    pub fn get(&self, id: SetId) -> &PortSet {
        &self.sets[id as usize]
    }

    /// Number of the union of two sets.
    pub fn union(&mut self, a: SetId, b: SetId) -> SetId {
        match (a, b) {
            (NONE, x) | (x, NONE) => x,
            (ALL, _) | (_, ALL) => ALL,
            (a, b) if a == b => a,
            (a, b) => {
                let key = (a.min(b), a.max(b));
                if let Some(id) = self.unions.get(&key) {
                    return *id;
                }
                let set = self.get(a).union(self.get(b));
                let id = self.intern(set);
                self.unions.insert(key, id);
                id
            }
        }
    }

    /// Number of the union of any number of sets.
    pub(super) fn union_all(&mut self, ids: &mut Vec<SetId>) -> SetId {
        if ids.contains(&ALL) {
            return ALL;
        }
        ids.sort_unstable();
        ids.dedup();
        match *ids.as_slice() {
            [] => NONE,
            [one] => one,
            [a, b] => self.union(a, b),
            _ => {
                let set = PortSet::union_of(ids.iter().map(|id| self.get(*id)));
                self.intern(set)
            }
        }
    }

    /// Number of the intersection of two sets.
    pub fn intersection(&mut self, a: SetId, b: SetId) -> SetId {
        match (a, b) {
            (NONE, _) | (_, NONE) => NONE,
            (ALL, x) | (x, ALL) => x,
            (a, b) if a == b => a,
            (a, b) => {
                let key = (a.min(b), a.max(b));
                if let Some(id) = self.intersections.get(&key) {
                    return *id;
                }
                let set = self.get(a).intersection(self.get(b));
                let id = self.intern(set);
                self.intersections.insert(key, id);
                id
            }
        }
    }
}

/// What one side, or a whole pair, allows: certainly, and possibly. `certain` is a subset of `possible`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decision {
    /// Ports that are certainly allowed.
    pub certain: SetId,
    /// Ports that are certainly or possibly allowed.
    pub possible: SetId,
}

impl Decision {
    /// Everything is certainly allowed.
    pub const ALL: Decision = Decision { certain: ALL, possible: ALL };
    /// Nothing is allowed, not even possibly.
    pub const NONE: Decision = Decision { certain: NONE, possible: NONE };
    /// Nothing is known.
    pub const OPEN: Decision = Decision { certain: NONE, possible: ALL };

    /// Both must allow, such as the egress and the ingress side of a connection.
    pub fn and(self, other: Self, pool: &mut Pool) -> Self {
        Decision {
            certain: pool.intersection(self.certain, other.certain),
            possible: pool.intersection(self.possible, other.possible),
        }
    }

    /// Both may be the case: certain is what both are certain of, possible what either allows.
    pub fn either(self, other: Self, pool: &mut Pool) -> Self {
        Decision {
            certain: pool.intersection(self.certain, other.certain),
            possible: pool.union(self.possible, other.possible),
        }
    }

    /// Both apply: whatever either allows is allowed.
    pub fn or(self, other: Self, pool: &mut Pool) -> Self {
        Decision {
            certain: pool.union(self.certain, other.certain),
            possible: pool.union(self.possible, other.possible),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(items: &[(usize, u16, u16)]) -> PortSet {
        items.iter().fold(PortSet::empty(), |s, (p, a, b)| s.union(&PortSet::range(Protocol::ALL[*p], *a, *b)))
    }

    #[test]
    fn adjacent_ranges_join_and_the_whole_range_is_all() {
        let s = set(&[(0, 80, 80), (0, 82, 82), (0, 81, 81), (1, 53, 53)]);
        assert_eq!(s.to_string(), "TCP 80-82, UDP 53");
        let all = set(&[(0, 1, 100), (0, 101, 65535), (1, 1, 65535), (2, 1, 65535)]);
        assert!(all.is_all());
        assert_eq!(PortSet::range(Protocol::Tcp, 0, 0), PortSet::empty());
    }

    proptest! {
        #[test]
        fn operations_agree_with_membership(
            a in proptest::collection::vec((0usize..3, 1u16..40, 1u16..40), 0..6),
            b in proptest::collection::vec((0usize..3, 1u16..40, 1u16..40), 0..6),
        ) {
            let (x, y) = (set(&a), set(&b));
            let (u, i, d) = (x.union(&y), x.intersection(&y), x.difference(&y));
            for p in Protocol::ALL {
                for port in 1..=41u16 {
                    let (in_x, in_y) = (x.contains(p, port), y.contains(p, port));
                    prop_assert_eq!(u.contains(p, port), in_x || in_y);
                    prop_assert_eq!(i.contains(p, port), in_x && in_y);
                    prop_assert_eq!(d.contains(p, port), in_x && !in_y);
                }
                for s in [&u, &i, &d] {
                    // Canonical: a gap of at least one port between neighbours.
                    prop_assert!(s.ranges(p).windows(2).all(|w| w[0].1 + 1 < w[1].0));
                }
            }
        }
    }
}
