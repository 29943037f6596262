//! Which clusters of a fleet belong to which of several runs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The largest number of shards: as many tasks as a Cloud Run job may have.
const MAX_SHARDS: u32 = 10_000;

/// One of `count` equal parts; `index` counts from 0 and is below `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "UncheckedShard")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// A [`Shard`] in a file, before it is checked.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Shard")]
struct UncheckedShard {
    /// From 0, below `count`.
    index: u32,
    count: u32,
}

impl TryFrom<UncheckedShard> for Shard {
    type Error = String;

    fn try_from(n: UncheckedShard) -> Result<Shard, String> {
        Shard::new(n.index, n.count)
    }
}

impl Shard {
    /// # Errors
    /// A phrase for a person, which does not repeat the numbers.
    pub fn new(index: u32, count: u32) -> Result<Shard, String> {
        if count == 0 {
            return Err("the number of shards is at least 1".into());
        }
        if count > MAX_SHARDS {
            return Err(format!("a fleet is split into at most {MAX_SHARDS} shards"));
        }
        if index >= count {
            let last = count - 1;
            return Err(format!("shards are counted from 0, so the last of {count} is {last}/{count}"));
        }
        Ok(Shard { index, count })
    }

    /// From 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many there are, at least 1.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether this shard is the whole fleet.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Whether a cluster belongs to this shard. `name` is its full resource name, always written the same way
    /// (`projects/P/locations/L/clusters/C`): another spelling is another cluster.
    pub fn contains(self, name: &str) -> bool {
        assign_shard(name, self.count) == self.index
    }
}

/// Returns the shard that a name belongs to, of `count` (at least 1): the one with the highest weight for it ("rendezvous
/// hashing", Thaler and Ravishankar 1998). It depends on nothing but the name and `count`, and of a larger `count` only
/// the new shards get names from others.
pub fn assign_shard(name: &str, count: u32) -> u32 {
    let name = Sha256::digest(name.as_bytes());
    let weight = |index: u32| {
        let mut hash = Sha256::new();
        hash.update(name);
        hash.update(index.to_be_bytes());
        // Arrays compare as the numbers that they are in big-endian order.
        <[u8; 32]>::from(hash.finalize())
    };
    // Of equals, which SHA-256 does not give, the last would win: that is the same everywhere too.
    (0..count).max_by_key(|&index| weight(index)).unwrap_or(0)
}

/// `I/N`, as `--shard` takes it.
impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten();
        match text.split_once('/').map(|(i, n)| (number(i), number(n))) {
            Some((Some(index), Some(count))) => Shard::new(index, count),
            _ => Err("a shard is written INDEX/TOTAL, such as 0/8 for the first of eight".into()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("projects/p{}/locations/europe-west{}/clusters/c{i}", i % 7, i % 3)).collect()
    }

    #[test]
    fn a_shard_is_index_and_total() {
        for (text, index, count) in [("0/1", 0, 1), ("0/8", 0, 8), ("7/8", 7, 8), ("9999/10000", 9999, 10_000)] {
            let shard: Shard = text.parse().unwrap();
            assert_eq!((shard.index(), shard.count(), shard.to_string().as_str()), (index, count, text));
            assert_eq!(shard.is_whole(), count == 1);
        }
        for text in ["", "3", "/", "1/", "/2", "a/b", "-1/2", "+0/2", " 0/2", "0/2/3", "1.0/2", "99999999999/2", "0\\2"]
        {
            let e = text.parse::<Shard>().unwrap_err();
            assert!(e.contains("INDEX/TOTAL"), "{text}: {e}");
        }
        for (text, says) in [
            ("0/0", "at least 1"),
            ("8/8", "the last of 8 is 7/8"),
            ("1/1", "the last of 1 is 0/1"),
            ("0/10001", "at most 10000"),
        ] {
            let e = text.parse::<Shard>().unwrap_err();
            assert!(e.contains(says), "{text}: {e}");
        }
    }

    #[test]
    fn a_shard_from_a_file_is_checked() {
        let shard: Shard = serde_json::from_str(r#"{"index": 3, "count": 8}"#).unwrap();
        assert_eq!(shard, Shard::new(3, 8).unwrap());
        assert_eq!(serde_json::to_string(&shard).unwrap(), r#"{"index":3,"count":8}"#);
        assert!(serde_json::from_str::<Shard>(r#"{"index": 8, "count": 8}"#).is_err());
    }

    /// Shards of one fleet may run on different versions of a machine, but never on different assignments: these values
    /// may only change together with the version of the fleet report.
    #[test]
    fn the_assignment_is_fixed() {
        let of = |count| names(12).iter().map(|n| assign_shard(n, count)).collect::<Vec<_>>();
        assert_eq!(of(1), [0; 12]);
        assert_eq!(of(8), [3, 1, 3, 3, 7, 4, 5, 1, 6, 6, 1, 1]);
    }

    #[test]
    fn shards_are_about_equal() {
        // 2,000 names on 8 shards: 250 each with a standard deviation of 15.
        let mut sizes = [0; 8];
        for name in names(2000) {
            sizes[assign_shard(&name, 8) as usize] += 1;
        }
        assert!(sizes.iter().all(|n| (190..310).contains(n)), "{sizes:?}");
    }

    proptest! {
        #[test]
        fn every_name_belongs_to_exactly_one_shard(name in "[a-z0-9/.:-]{0,60}", count in 1u32..40) {
            let shards = (0..count).filter(|&i| Shard::new(i, count).unwrap().contains(&name)).count();
            prop_assert_eq!(shards, 1);
        }

        #[test]
        fn the_order_of_names_does_not_matter(mut list in proptest::collection::vec("[a-z0-9/-]{1,30}", 1..30), count in 1u32..20) {
            let shares = |list: &[String]| -> Vec<BTreeSet<String>> {
                let of = |i| Shard::new(i, count).unwrap();
                (0..count).map(|i| list.iter().filter(|n| of(i).contains(n)).cloned().collect()).collect()
            };
            let before = shares(&list);
            list.reverse();
            prop_assert_eq!(shares(&list), before);
        }

        #[test]
        fn another_shard_only_gets(name in "[a-z0-9/-]{1,40}", count in 1u32..40) {
            let (before, after) = (assign_shard(&name, count), assign_shard(&name, count + 1));
            prop_assert!(after == before || after == count, "{} moved from {} to {}", name, before, after);
        }
    }

    #[test]
    fn another_shard_gets_its_share_and_no_more() {
        let moved = names(2000).iter().filter(|n| assign_shard(n, 8) != assign_shard(n, 9)).count();
        assert!((150..300).contains(&moved), "{moved} of 2000 moved, where a ninth is 222");
    }
}
