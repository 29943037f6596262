//! Address ranges: blocks with exceptions, and the partition of all addresses that a set of blocks makes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::inventory::Tri;
use crate::inventory::object::{IpBlock, parse_cidr};

/// An inclusive range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Range {
    /// First and last IPv4 address, as numbers.
    V4(u32, u32),
    /// First and last IPv6 address, as numbers.
    V6(u128, u128),
}

impl Range {
    /// Every IPv4 address: `0.0.0.0/0`.
    pub const ALL_V4: Range = Range::V4(0, u32::MAX);
    /// Every IPv6 address: `::/0`.
    pub const ALL_V6: Range = Range::V6(0, u128::MAX);

    /// The range that holds `ip` only.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(a) => Range::V4(a.into(), a.into()),
            IpAddr::V6(a) => Range::V6(a.into(), a.into()),
        }
    }

    /// Parses a CIDR; bits below the mask are ignored. `None` for other text, and for a bare address.
    pub fn parse(cidr: &str) -> Option<Self> {
        parse_cidr(cidr).map(Range::from)
    }

    /// Whether every address of `other` is in `self`; `false` across families.
    pub fn contains(&self, other: &Range) -> bool {
        match (self, other) {
            (Range::V4(a, b), Range::V4(c, d)) => a <= c && d <= b,
            (Range::V6(a, b), Range::V6(c, d)) => a <= c && d <= b,
            _ => false,
        }
    }

    /// Whether the ranges share an address; `false` across families.
    pub fn overlaps(&self, other: &Range) -> bool {
        match (self, other) {
            (Range::V4(a, b), Range::V4(c, d)) => a <= d && c <= b,
            (Range::V6(a, b), Range::V6(c, d)) => a <= d && c <= b,
            _ => false,
        }
    }

    /// Whether it is a range of IPv4 addresses.
    pub fn is_v4(&self) -> bool {
        matches!(self, Range::V4(..))
    }

    /// The lowest address.
    pub fn first(&self) -> IpAddr {
        match self {
            Range::V4(a, _) => Ipv4Addr::from(*a).into(),
            Range::V6(a, _) => Ipv6Addr::from(*a).into(),
        }
    }

    /// The highest address, which is part of the range.
    pub fn last(&self) -> IpAddr {
        match self {
            Range::V4(_, b) => Ipv4Addr::from(*b).into(),
            Range::V6(_, b) => Ipv6Addr::from(*b).into(),
        }
    }

    /// Joins `self` with a range that does not start before it, if they overlap or touch.
    fn merged(&self, next: &Range) -> Option<Range> {
        match (self, next) {
            (Range::V4(a, b), Range::V4(c, d)) if *c <= b.saturating_add(1) => Some(Range::V4(*a, *b.max(d))),
            (Range::V6(a, b), Range::V6(c, d)) if *c <= b.saturating_add(1) => Some(Range::V6(*a, *b.max(d))),
            _ => None,
        }
    }

    /// Addresses in both ranges.
    fn overlap(&self, other: &Range) -> Option<Range> {
        match (self, other) {
            (Range::V4(a, b), Range::V4(c, d)) if a.max(c) <= b.min(d) => Some(Range::V4(*a.max(c), *b.min(d))),
            (Range::V6(a, b), Range::V6(c, d)) if a.max(c) <= b.min(d) => Some(Range::V6(*a.max(c), *b.min(d))),
            _ => None,
        }
    }

    /// Whether the last address is lower than that of `other`; IPv4 is lower than IPv6.
    fn ends_before(&self, other: &Range) -> bool {
        match (self, other) {
            (Range::V4(_, b), Range::V4(_, d)) => b < d,
            (Range::V6(_, b), Range::V6(_, d)) => b < d,
            (a, _) => a.is_v4(),
        }
    }

    /// Joins `self` with a range that starts right after it.
    pub fn joined(&self, next: &Range) -> Option<Range> {
        match (self, next) {
            (Range::V4(a, b), Range::V4(c, d)) if b.checked_add(1) == Some(*c) => Some(Range::V4(*a, *d)),
            (Range::V6(a, b), Range::V6(c, d)) if b.checked_add(1) == Some(*c) => Some(Range::V6(*a, *d)),
            _ => None,
        }
    }
}

impl From<IpNet> for Range {
    fn from(net: IpNet) -> Self {
        match net {
            IpNet::V4(n) => Range::V4(n.network().into(), n.broadcast().into()),
            IpNet::V6(n) => Range::V6(n.network().into(), n.broadcast().into()),
        }
    }
}

impl Range {
    /// As a CIDR where it is one, for people; as first and last address otherwise.
    pub fn cidr(&self) -> String {
        let (address, size, bits) = match self {
            Range::V4(a, b) => (u128::from(*a), u128::from(b - a), 32),
            Range::V6(a, b) => (*a, b - a, 128),
        };
        // All host bits of a CIDR's last address are ones, and all of its first are zeros.
        let aligned = size & size.wrapping_add(1) == 0 && address & size == 0;
        if aligned { format!("{}/{}", self.first(), bits - size.count_ones()) } else { self.to_string() }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.first(), self.last())
    }
}

/// An `ipBlock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// `cidr`.
    pub range: Range,
    /// `except`: ranges that the block does not hold, in the order of the policy.
    pub except: Vec<Range>,
}

impl Block {
    /// `None` for text that is not a range; such a policy is refused when it is read.
    pub fn new(block: &IpBlock) -> Option<Self> {
        Some(Block {
            range: Range::parse(&block.cidr)?,
            except: block.except.iter().filter_map(|e| Range::parse(e)).collect(),
        })
    }

    /// The addresses that the block holds.
    pub(super) fn addresses(&self) -> AddressSet {
        let excepted = AddressSet::union_of(self.except.iter().copied());
        AddressSet { ranges: vec![self.range] }.intersection(&excepted.complement())
    }

    /// Whether the block holds an address of which only a range is known.
    pub fn covers(&self, range: &Range) -> Tri {
        if !self.range.overlaps(range) || self.except.iter().any(|e| e.contains(range)) {
            return Tri::No;
        }
        if self.range.contains(range) && !self.except.iter().any(|e| e.overlaps(range)) {
            return Tri::Yes;
        }
        Tri::Maybe
    }
}

/// Addresses as sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AddressSet {
    ranges: Vec<Range>,
}

impl AddressSet {
    /// The addresses of any of the ranges. Sorts all of them once.
    pub(super) fn union_of(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut ranges: Vec<Range> = ranges.into_iter().collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, last| {
            let joined = last.merged(next);
            if let Some(joined) = joined {
                *last = joined;
            }
            joined.is_some()
        });
        AddressSet { ranges }
    }

    /// The ranges, IPv4 first.
    pub(super) fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Addresses in both sets.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let (mut i, mut j, mut ranges) = (0, 0, Vec::new());
        while let (Some(a), Some(b)) = (self.ranges.get(i), other.ranges.get(j)) {
            ranges.extend(a.overlap(b));
            if a.ends_before(b) { i += 1 } else { j += 1 }
        }
        AddressSet { ranges }
    }

    /// Addresses that are not in the set, of both families.
    pub(super) fn complement(&self) -> Self {
        let (mut v4, mut v6, mut ranges) = (Some(0), Some(0), Vec::new());
        for range in &self.ranges {
            match *range {
                Range::V4(a, b) => {
                    ranges.extend(v4.zip(a.checked_sub(1)).filter(|(x, y)| x <= y).map(|(x, y)| Range::V4(x, y)));
                    v4 = b.checked_add(1);
                }
                Range::V6(a, b) => {
                    ranges.extend(v6.zip(a.checked_sub(1)).filter(|(x, y)| x <= y).map(|(x, y)| Range::V6(x, y)));
                    v6 = b.checked_add(1);
                }
            }
        }
        ranges.extend(v4.map(|x| Range::V4(x, u32::MAX)));
        ranges.extend(v6.map(|x| Range::V6(x, u128::MAX)));
        ranges.sort_unstable();
        AddressSet { ranges }
    }

    /// Whether the set has no address.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Number of IPv4 addresses.
    pub(super) fn count_v4(&self) -> u64 {
        let size = |r: &Range| match r {
            Range::V4(a, b) => u64::from(b - a) + 1,
            Range::V6(..) => 0,
        };
        self.ranges.iter().map(size).sum()
    }
}

/// The elementary ranges between the cut points of some blocks, both families, sorted.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    /// IPv4 before IPv6, sorted; the ranges of each family cover it without gaps.
    pub ranges: Vec<Range>,
}

impl Atoms {
    /// Cuts both families at the bounds of the blocks and of their exceptions.
    pub fn new<'a>(blocks: impl Iterator<Item = &'a Block>) -> Self {
        let (mut v4, mut v6) = (vec![0u32], vec![0u128]);
        for block in blocks {
            for range in std::iter::once(&block.range).chain(&block.except) {
                match *range {
                    Range::V4(a, b) => {
                        v4.push(a);
                        v4.extend(b.checked_add(1));
                    }
                    Range::V6(a, b) => {
                        v6.push(a);
                        v6.extend(b.checked_add(1));
                    }
                }
            }
        }
        v4.sort_unstable();
        v4.dedup();
        v6.sort_unstable();
        v6.dedup();
        let mut ranges = Vec::with_capacity(v4.len() + v6.len());
        for (i, start) in v4.iter().enumerate() {
            ranges.push(Range::V4(*start, v4.get(i + 1).map_or(u32::MAX, |n| n - 1)));
        }
        for (i, start) in v6.iter().enumerate() {
            ranges.push(Range::V6(*start, v6.get(i + 1).map_or(u128::MAX, |n| n - 1)));
        }
        Atoms { ranges }
    }

    /// Index of the elementary range that holds `ip`.
    pub fn find(&self, ip: IpAddr) -> usize {
        let at = Range::of(ip);
        // The ranges of a family cover it without a gap, so the last one that starts at or before `ip` holds it.
        self.ranges.partition_point(|r| *r <= Range::end_marker(&at)).saturating_sub(1)
    }
}

impl Range {
    /// The greatest range that starts at the start of `self`.
    fn end_marker(&self) -> Range {
        match self {
            Range::V4(a, _) => Range::V4(*a, u32::MAX),
            Range::V6(a, _) => Range::V6(*a, u128::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(cidr: &str, except: &[&str]) -> Block {
        Block::new(&IpBlock { cidr: cidr.into(), except: except.iter().map(|e| (*e).into()).collect() }).unwrap()
    }

    #[test]
    fn host_bits_are_ignored_and_families_never_cross() {
        assert_eq!(Range::parse("203.0.113.77/24"), Range::parse("203.0.113.0/24"));
        let v4 = block("0.0.0.0/0", &[]);
        assert_eq!(v4.covers(&Range::of("2001:db8::7".parse().unwrap())), Tri::No);
        assert_eq!(v4.covers(&Range::ALL_V4), Tri::Yes);
    }

    #[test]
    fn a_range_that_is_a_cidr_reads_as_one() {
        for cidr in ["0.0.0.0/0", "10.4.0.0/16", "169.254.169.254/32", "2001:db8::/32", "::/0"] {
            assert_eq!(Range::parse(cidr).unwrap().cidr(), cidr);
        }
        assert_eq!(Range::V4(1, 2).cidr(), "0.0.0.1-0.0.0.2");
    }

    #[test]
    fn an_exception_takes_away_and_a_partly_known_address_may_be_either() {
        let b = block("10.0.0.0/8", &["10.4.0.0/16"]);
        assert_eq!(b.covers(&Range::of("10.4.1.1".parse().unwrap())), Tri::No);
        assert_eq!(b.covers(&Range::of("10.5.1.1".parse().unwrap())), Tri::Yes);
        assert_eq!(b.covers(&Range::parse("10.0.0.0/8").unwrap()), Tri::Maybe);
        assert_eq!(b.covers(&Range::parse("10.4.128.0/17").unwrap()), Tri::No);
    }

    fn set(ranges: &[(u8, u8)]) -> AddressSet {
        AddressSet::union_of(ranges.iter().map(|(a, n)| Range::V4((*a).into(), u32::from(*a) + u32::from(*n))))
    }

    proptest! {
        #[test]
        fn address_sets_agree_with_membership(
            a in proptest::collection::vec((0u8..60, 0u8..9), 0..8),
            b in proptest::collection::vec((0u8..60, 0u8..9), 0..8),
        ) {
            let holds = |s: &AddressSet, n: u32| s.ranges().iter().any(|r| r.contains(&Range::V4(n, n)));
            let (x, y) = (set(&a), set(&b));
            let (both, not) = (x.intersection(&y), x.complement());
            for n in 0..80u32 {
                let is_in = |list: &[(u8, u8)]| {
                    list.iter().any(|(a, len)| (u32::from(*a)..=u32::from(*a) + u32::from(*len)).contains(&n))
                };
                prop_assert_eq!(holds(&x, n), is_in(&a));
                prop_assert_eq!(holds(&both, n), is_in(&a) && is_in(&b));
                prop_assert_eq!(holds(&not, n), !is_in(&a));
            }
            prop_assert!(not.ranges().contains(&Range::ALL_V6));
            prop_assert!(x.ranges().windows(2).all(|w| w[0].merged(&w[1]).is_none()));
            prop_assert_eq!(x.count_v4() + not.count_v4(), 1 << 32);
        }

        #[test]
        fn atoms_partition_both_families_and_never_split_a_block(
            blocks in proptest::collection::vec((any::<u32>(), 0u8..=32), 0..8),
            probe in any::<u32>(),
        ) {
            let blocks: Vec<Block> = blocks.iter().map(|(a, len)| block(&format!("{}/{len}", Ipv4Addr::from(*a)), &[])).collect();
            let atoms = Atoms::new(blocks.iter());
            let v4: Vec<_> = atoms.ranges.iter().filter(|r| r.is_v4()).collect();
            prop_assert_eq!(v4[0].first(), IpAddr::from(Ipv4Addr::UNSPECIFIED));
            prop_assert_eq!(v4[v4.len() - 1].last(), IpAddr::from(Ipv4Addr::BROADCAST));
            prop_assert!(v4.windows(2).all(|w| w[0].joined(w[1]).is_some()));
            let ip = IpAddr::from(Ipv4Addr::from(probe));
            let atom = atoms.ranges[atoms.find(ip)];
            prop_assert!(atom.contains(&Range::of(ip)));
            for b in &blocks {
                prop_assert_ne!(b.covers(&atom), Tri::Maybe);
                prop_assert_eq!(b.covers(&atom), b.covers(&Range::of(ip)));
            }
        }
    }
}
