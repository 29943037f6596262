//! Counting by a closed set of values: results by verdict or severity, clusters by outcome, controls by status.

use std::fmt;
use std::marker::PhantomData;
use std::ops::AddAssign;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::check::{Severity, Verdict};

use super::Outcome;

/// A closed set of `N` values that something is counted by.
pub trait Countable<const N: usize>: Copy + PartialEq + JsonSchema {
    /// Every value, in the order in which counts are written.
    const ALL: [Self; N];

    /// The key of the value's count in JSON.
    fn key(self) -> &'static str;
}

impl Countable<5> for Verdict {
    const ALL: [Self; 5] = Verdict::ALL;
    fn key(self) -> &'static str {
        self.name()
    }
}

impl Countable<5> for Severity {
    const ALL: [Self; 5] = Severity::ALL;
    fn key(self) -> &'static str {
        self.name()
    }
}

impl Countable<5> for Outcome {
    const ALL: [Self; 5] = Outcome::ALL;
    fn key(self) -> &'static str {
        self.name()
    }
}

/// How often each value occurs. In JSON an object with one key for every value, also for those that do not occur.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Counts<K, const N: usize> {
    /// In the order of [`Countable::ALL`].
    numbers: [usize; N],
    values: PhantomData<K>,
}

/// Results by verdict. Results with `causedBy` are counted nowhere.
pub type VerdictCounts = Counts<Verdict, 5>;

/// Results by severity.
pub type SeverityCounts = Counts<Severity, 5>;

/// Clusters by outcome.
pub type OutcomeCounts = Counts<Outcome, 5>;

impl<K: Countable<N>, const N: usize> Counts<K, N> {
    /// Counts one more.
    pub fn add(&mut self, value: K) {
        self.add_many(value, 1);
    }

    fn add_many(&mut self, value: K, n: usize) {
        for (number, _) in self.numbers.iter_mut().zip(K::ALL).filter(|(_, v)| *v == value) {
            *number += n;
        }
    }

    /// The count of one value.
    pub fn of(&self, value: K) -> usize {
        self.iter().find(|(v, _)| *v == value).map_or(0, |(_, n)| n)
    }

    /// All values together.
    pub fn total(&self) -> usize {
        self.numbers.iter().sum()
    }

    /// Every value with its count.
    fn iter(&self) -> impl Iterator<Item = (K, usize)> + '_ {
        K::ALL.into_iter().zip(self.numbers)
    }

    /// The values that occur, with their counts, in the order of [`Countable::ALL`].
    pub fn nonzero(&self) -> impl Iterator<Item = (K, usize)> + '_ {
        self.iter().filter(|(_, n)| *n > 0)
    }
}

impl VerdictCounts {
    /// Results to which the check applies.
    pub fn applicable(&self) -> usize {
        self.total() - self.of(Verdict::NotApplicable)
    }
}

impl<K, const N: usize> Default for Counts<K, N> {
    fn default() -> Self {
        Counts { numbers: [0; N], values: PhantomData }
    }
}

impl<K: Countable<N>, const N: usize> fmt::Debug for Counts<K, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.nonzero().map(|(value, n)| (value.key(), n))).finish()
    }
}

impl<K: Countable<N>, const N: usize> AddAssign for Counts<K, N> {
    fn add_assign(&mut self, other: Self) {
        self.numbers.iter_mut().zip(other.numbers).for_each(|(sum, n)| *sum += n);
    }
}

impl<K: Countable<N>, const N: usize> FromIterator<K> for Counts<K, N> {
    fn from_iter<I: IntoIterator<Item = K>>(values: I) -> Self {
        values.into_iter().fold(Counts::default(), |mut counts, value| {
            counts.add(value);
            counts
        })
    }
}

impl<K: Countable<N>, const N: usize, const M: usize> From<[(K, usize); M]> for Counts<K, N> {
    fn from(pairs: [(K, usize); M]) -> Self {
        pairs.into_iter().fold(Counts::default(), |mut counts, (value, n)| {
            counts.add_many(value, n);
            counts
        })
    }
}

impl<K: Countable<N>, const N: usize> Serialize for Counts<K, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(value, n)| (value.key(), n)))
    }
}

impl<'de, K: Countable<N>, const N: usize> Deserialize<'de> for Counts<K, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CountsVisitor(PhantomData))
    }
}

struct CountsVisitor<K, const N: usize>(PhantomData<K>);

impl<'de, K: Countable<N>, const N: usize> Visitor<'de> for CountsVisitor<K, N> {
    type Value = Counts<K, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counts<K, N>, A::Error> {
        let mut counts = Counts::default();
        let mut missing = K::ALL.to_vec();
        while let Some(key) = map.next_key::<String>()? {
            match K::ALL.into_iter().find(|value| value.key() == key) {
                Some(value) => {
                    counts.add_many(value, map.next_value()?);
                    missing.retain(|m| *m != value);
                }
                // Of the object that the counts are flattened into.
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        missing.first().map_or(Ok(counts), |value| Err(A::Error::missing_field(value.key())))
    }
}

impl<K: Countable<N>, const N: usize> JsonSchema for Counts<K, N> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}Counts", K::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let count = usize::json_schema(generator).to_value();
        let properties: serde_json::Map<_, _> =
            K::ALL.map(|value| (value.key().to_owned(), count.clone())).into_iter().collect();
        schemars::json_schema!({
            "type": "object",
            "properties": properties,
            "required": K::ALL.map(Countable::key).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn json_has_a_key_for_every_value() {
        let counts = VerdictCounts::from([(Verdict::NotApplicable, 2)]);
        let json = serde_json::to_value(counts).unwrap();
        assert_eq!(json, json!({ "pass": 0, "fail": 0, "unknown": 0, "not-applicable": 2, "waived": 0 }));
        assert_eq!(serde_json::from_value::<VerdictCounts>(json).unwrap(), counts);
        let outcomes = serde_json::to_value(OutcomeCounts::from_iter([Outcome::FindingsIncomplete])).unwrap();
        assert_eq!(outcomes["findings-incomplete"], 1);
        assert_eq!(outcomes.as_object().unwrap().len(), 5);
    }

    #[test]
    fn a_missing_count_is_an_error_and_an_unknown_key_is_not() {
        let error = |json| serde_json::from_value::<SeverityCounts>(json).unwrap_err().to_string();
        let mut json = json!({ "critical": 1, "high": 0, "medium": 0, "low": 0, "info": 0, "later": "x" });
        assert_eq!(serde_json::from_value::<SeverityCounts>(json.clone()).unwrap().total(), 1);
        json.as_object_mut().unwrap().remove("info");
        assert!(error(json.clone()).contains("missing field `info`"));
        json["info"] = (-1).into();
        assert!(error(json).contains("-1"));
    }

    #[test]
    fn the_schema_describes_the_json() {
        let schema = schemars::schema_for!(SeverityCounts).to_value();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut json = serde_json::to_value(SeverityCounts::default()).unwrap();
        assert!(validator.is_valid(&json));
        json["low"] = (-1).into();
        assert!(!validator.is_valid(&json));
        json.as_object_mut().unwrap().remove("low");
        assert!(!validator.is_valid(&json));
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_parts(a in prop::collection::vec(0usize..5, 0..20), b in prop::collection::vec(0usize..5, 0..20)) {
            let count = |list: &[usize]| list.iter().map(|&i| Verdict::ALL[i]).collect::<VerdictCounts>();
            let mut sum = count(&a);
            sum += count(&b);
            prop_assert_eq!(sum.total(), a.len() + b.len());
            prop_assert_eq!(sum, count(&[a, b].concat()));
            prop_assert_eq!(sum.nonzero().map(|(_, n)| n).sum::<usize>(), sum.total());
        }
    }
}
