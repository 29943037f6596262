//! A value together with the fields that it was read from.

use crate::inventory::{Known, Reason};

use super::schema::{Evidence, Fact, FactValue};

/// What a configuration states, and in which fields. An absent field is evidence too: its value is null.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<T> {
    /// The value, or why it is unknown.
    pub value: Known<T>,
    /// Without a rule: that of the fact is put in.
    pub evidence: Vec<Evidence>,
}

impl<T> Reading<T> {
    /// A value that rests on no field.
    pub fn known(value: T) -> Self {
        Reading { value: Known::Value(value), evidence: Vec::new() }
    }

    /// An unknown value without evidence.
    pub fn unknown(reason: Reason) -> Self {
        Reading { value: Known::unknown(reason), evidence: Vec::new() }
    }

    /// Applies `f` to a known value; the evidence stays the same.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        Reading { value: self.value.map(f), evidence: self.evidence }
    }

    /// What follows from the value, with the evidence of both.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
        match self.value {
            Known::Value(v) => f(v).with_earlier_evidence(self.evidence),
            Known::Unknown(reasons) => Reading { value: Known::Unknown(reasons), evidence: self.evidence },
        }
    }

    /// Without the evidence that an object is there, if its fields are evidence too.
    pub fn without_ancestors(mut self) -> Self {
        let paths: Vec<String> = self.evidence.iter().map(|e| e.path.clone()).collect();
        self.evidence
            .retain(|e| !paths.iter().any(|p| p.strip_prefix(&e.path).is_some_and(|rest| rest.starts_with('.'))));
        self
    }

    /// The same with more evidence in front.
    pub fn with_earlier_evidence(mut self, mut evidence: Vec<Evidence>) -> Self {
        for e in self.evidence {
            if !evidence.contains(&e) {
                evidence.push(e);
            }
        }
        self.evidence = evidence;
        self
    }

    /// Both, in any case with the evidence of both.
    pub fn with<U>(self, other: Reading<U>) -> Reading<(T, U)> {
        let evidence = self.evidence;
        let value = match (self.value, other.value) {
            (Known::Value(a), Known::Value(b)) => Known::Value((a, b)),
            (Known::Unknown(a), Known::Unknown(b)) => Known::Unknown([a, b].concat()),
            (Known::Unknown(a), _) => Known::Unknown(a),
            (_, Known::Unknown(b)) => Known::Unknown(b),
        };
        Reading { value, evidence: other.evidence }.with_earlier_evidence(evidence)
    }

    /// All values: known only if each is.
    pub fn all(items: impl IntoIterator<Item = Reading<T>>) -> Reading<Vec<T>> {
        let start = Reading::known(Vec::new());
        items.into_iter().fold(start, |list, one| {
            list.with(one).map(|(mut list, one)| {
                list.push(one);
                list
            })
        })
    }

    /// The fact and its evidence, each piece with a rule.
    pub fn into_parts(self, rule: &str) -> (Fact, Vec<Evidence>)
    where
        T: FactValue,
    {
        let ruled = |e: Evidence| Evidence { rule: e.rule.or_else(|| Some(rule.to_owned())), ..e };
        (self.value.into(), self.evidence.into_iter().map(ruled).collect())
    }
}

impl Reading<bool> {
    /// Three-valued: false if either is, whatever the other. The evidence is that of the side that decides.
    pub fn and(self, other: impl FnOnce() -> Reading<bool>) -> Reading<bool> {
        match self.value {
            Known::Value(false) => self,
            _ => match other() {
                Reading { value: Known::Value(false), evidence } => Reading { value: Known::Value(false), evidence },
                right => self.with(right).map(|(a, b)| a && b),
            },
        }
    }

    /// Three-valued: true if either is, whatever the other. The evidence is that of the side that decides.
    pub fn or(self, other: impl FnOnce() -> Reading<bool>) -> Reading<bool> {
        !(!self).and(|| !other())
    }
}

impl std::ops::Not for Reading<bool> {
    type Output = Reading<bool>;

    fn not(self) -> Reading<bool> {
        self.map(|b| !b)
    }
}

impl<T> Reading<Option<T>> {
    /// The value, or what else decides where there is none.
    pub fn or_else(self, other: impl FnOnce() -> Reading<T>) -> Reading<T> {
        self.and_then(|v| v.map_or_else(other, Reading::known))
    }
}

/// A list whose certain members decide: known where nothing is in doubt, or where something is in it anyway.
///
/// For lists that must be empty: what is in doubt cannot make a list with a member empty.
pub fn members(items: Vec<Reading<Option<String>>>) -> Reading<Vec<String>> {
    let (mut list, mut reasons) = (Vec::new(), Vec::new());
    let (mut certain, mut doubtful, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        match item.value {
            Known::Value(Some(v)) => {
                list.push(v);
                certain.extend(item.evidence);
            }
            Known::Value(None) => empty.extend(item.evidence),
            Known::Unknown(r) => {
                reasons.extend(r);
                doubtful.extend(item.evidence);
            }
        }
    }
    let (value, evidence) = match (list.is_empty(), reasons.is_empty()) {
        (false, _) => (Known::Value(list), certain),
        (true, false) => (Known::Unknown(reasons), doubtful),
        (true, true) => (Known::Value(list), empty),
    };
    Reading { value, evidence: Vec::new() }.with_earlier_evidence(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ObjectRef;
    use serde_json::Value as Json;

    fn reading<T>(value: Known<T>, path: &str) -> Reading<T> {
        let evidence = Evidence {
            object: ObjectRef::default(),
            path: path.to_owned(),
            value: Json::Null,
            rule: None,
            omitted: None,
            source: None,
        };
        Reading { value, evidence: vec![evidence] }
    }

    fn paths<T>(f: &Reading<T>) -> Vec<&str> {
        f.evidence.iter().map(|e| e.path.as_str()).collect()
    }

    #[test]
    fn and_is_three_valued_and_keeps_the_evidence_that_decides() {
        let u = || Known::unknown(Reason::undecided("x"));
        let and = |a: Known<bool>, b: Known<bool>| reading(a, "a").and(|| reading(b, "b"));
        let no = and(Known::Value(false), Known::Value(true));
        assert_eq!((no.value.value(), paths(&no)), (Some(&false), vec!["a"]));
        let no = and(u(), Known::Value(false));
        assert_eq!((no.value.value(), paths(&no)), (Some(&false), vec!["b"]));
        let no = and(Known::Value(true), Known::Value(false));
        assert_eq!((no.value.value(), paths(&no)), (Some(&false), vec!["b"]));
        let yes = and(Known::Value(true), Known::Value(true));
        assert_eq!((yes.value.value(), paths(&yes)), (Some(&true), vec!["a", "b"]));
        assert_eq!(and(u(), Known::Value(true)).value.value(), None);
        assert_eq!(and(Known::Value(true), u()).value.value(), None);
        let or = reading(u(), "a").or(|| reading(Known::Value(true), "b"));
        assert_eq!((or.value.value(), paths(&or)), (Some(&true), vec!["b"]));
    }

    #[test]
    fn a_doubtful_member_leaves_a_list_open_only_while_it_has_no_certain_one() {
        let item = |v: Known<Option<String>>, path: &str| reading(v, path);
        let doubt = || item(Known::unknown(Reason::undecided("x")), "d");
        assert_eq!(members(vec![doubt(), item(Known::Value(None), "n")]).value.value(), None);
        let some = members(vec![doubt(), item(Known::Value(Some("m".into())), "m")]);
        assert_eq!((some.value.value().map(Vec::len), paths(&some)), (Some(1), vec!["m"]));
        assert_eq!(members(Vec::new()).value.value().map(Vec::len), Some(0));
    }
}
