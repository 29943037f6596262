//! A value together with the fields that it was found in.

use crate::inventory::{Known, Reason};

use super::schema::{Evidence, Fact, FactValue};

/// What a configuration says, and where it says so. An absent field is evidence too: its value is null.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    pub value: Known<T>,
    /// Without a rule, for which the rule of the fact is put in.
    pub evidence: Vec<Evidence>,
}

impl<T> Found<T> {
    /// A value that no field says.
    pub fn of(value: T) -> Self {
        Found { value: Known::Value(value), evidence: Vec::new() }
    }

    pub fn unknown(reason: Reason) -> Self {
        Found { value: Known::unknown(reason), evidence: Vec::new() }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: self.value.map(f), evidence: self.evidence }
    }

    /// Goes on with what follows from the value; the evidence of both counts.
    pub fn then<U>(self, f: impl FnOnce(T) -> Found<U>) -> Found<U> {
        match self.value {
            Known::Value(v) => f(v).after(self.evidence),
            Known::Unknown(reasons) => Found { value: Known::Unknown(reasons), evidence: self.evidence },
        }
    }

    /// Without the evidence that a message is there, where its fields say more.
    pub fn leaves(mut self) -> Self {
        let paths: Vec<String> = self.evidence.iter().map(|e| e.path.clone()).collect();
        self.evidence
            .retain(|e| !paths.iter().any(|p| p.strip_prefix(&e.path).is_some_and(|rest| rest.starts_with('.'))));
        self
    }

    /// The same with more evidence in front.
    pub fn after(mut self, mut evidence: Vec<Evidence>) -> Self {
        for e in self.evidence {
            if !evidence.contains(&e) {
                evidence.push(e);
            }
        }
        self.evidence = evidence;
        self
    }

    /// Both, in any case with the evidence of both.
    pub fn with<U>(self, other: Found<U>) -> Found<(T, U)> {
        let evidence = self.evidence;
        let value = match (self.value, other.value) {
            (Known::Value(a), Known::Value(b)) => Known::Value((a, b)),
            (Known::Unknown(a), Known::Unknown(b)) => Known::Unknown([a, b].concat()),
            (Known::Unknown(a), _) => Known::Unknown(a),
            (_, Known::Unknown(b)) => Known::Unknown(b),
        };
        Found { value, evidence: other.evidence }.after(evidence)
    }

    /// Known only if all are.
    pub fn all(items: impl IntoIterator<Item = Found<T>>) -> Found<Vec<T>> {
        let start = Found::of(Vec::new());
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

impl Found<bool> {
    /// Three-valued: false if either is, whatever the other. The evidence is that of the side that decides.
    pub fn and(self, other: impl FnOnce() -> Found<bool>) -> Found<bool> {
        match self.value {
            Known::Value(false) => self,
            _ => match other() {
                Found { value: Known::Value(false), evidence } => Found { value: Known::Value(false), evidence },
                right => self.with(right).map(|(a, b)| a && b),
            },
        }
    }

    /// Three-valued: true if either is, whatever the other. The evidence is that of the side that decides.
    pub fn or(self, other: impl FnOnce() -> Found<bool>) -> Found<bool> {
        !(!self).and(|| !other())
    }
}

impl std::ops::Not for Found<bool> {
    type Output = Found<bool>;

    fn not(self) -> Found<bool> {
        self.map(|b| !b)
    }
}

impl<T> Found<Option<T>> {
    /// The value, or what else decides where there is none.
    pub fn or_else(self, other: impl FnOnce() -> Found<T>) -> Found<T> {
        self.then(|v| v.map_or_else(other, Found::of))
    }
}

/// A list whose certain members decide: known where nothing is in doubt, or where something is in it anyway.
///
/// For lists that must be empty: what is in doubt cannot make a list with a member empty.
pub fn members(items: Vec<Found<Option<String>>>) -> Found<Vec<String>> {
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
    Found { value, evidence: Vec::new() }.after(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ObjectRef;
    use serde_json::Value as Json;

    fn found<T>(value: Known<T>, path: &str) -> Found<T> {
        let evidence = Evidence {
            object: ObjectRef::default(),
            path: path.to_owned(),
            value: Json::Null,
            rule: None,
            source: None,
        };
        Found { value, evidence: vec![evidence] }
    }

    fn paths<T>(f: &Found<T>) -> Vec<&str> {
        f.evidence.iter().map(|e| e.path.as_str()).collect()
    }

    #[test]
    fn and_is_three_valued_and_keeps_the_evidence_that_decides() {
        let u = || Known::unknown(Reason::undecided("x"));
        let and = |a: Known<bool>, b: Known<bool>| found(a, "a").and(|| found(b, "b"));
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
        let or = found(u(), "a").or(|| found(Known::Value(true), "b"));
        assert_eq!((or.value.value(), paths(&or)), (Some(&true), vec!["b"]));
    }

    #[test]
    fn a_doubtful_member_leaves_a_list_open_only_while_it_has_no_certain_one() {
        let item = |v: Known<Option<String>>, path: &str| found(v, path);
        let doubt = || item(Known::unknown(Reason::undecided("x")), "d");
        assert_eq!(members(vec![doubt(), item(Known::Value(None), "n")]).value.value(), None);
        let some = members(vec![doubt(), item(Known::Value(Some("m".into())), "m")]);
        assert_eq!((some.value.value().map(Vec::len), paths(&some)), (Some(1), vec!["m"]));
        assert_eq!(members(Vec::new()).value.value().map(Vec::len), Some(0));
    }
}
