//! Label selectors over labels that may not be fully known.
//!
//! Semantics: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>. `NotIn` and
//! `DoesNotExist` match an object that lacks the key; `{k: ""}` needs the key to be present.

use std::collections::BTreeMap;

use super::object::{LabelSelector, Labels, Operator};

/// Three-valued truth: `No < Maybe < Yes`, so AND is `min` and OR is `max`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tri {
    #[default]
    /// Certainly false.
    No,
    /// The evidence does not decide it.
    Maybe,
    /// Certainly true.
    Yes,
}

impl std::ops::Not for Tri {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Tri::No => Tri::Yes,
            Tri::Maybe => Tri::Maybe,
            Tri::Yes => Tri::No,
        }
    }
}

impl From<bool> for Tri {
    fn from(b: bool) -> Self {
        if b { Tri::Yes } else { Tri::No }
    }
}

/// Labels of an object, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelView {
    /// Keys with their value.
    pub known: Labels,
    /// Keys whose value is not known; `true`: the key is there, `false`: it may be.
    pub open: BTreeMap<String, bool>,
    /// Any other key may be there too (a Namespace whose object is not in the input).
    pub more: bool,
}

impl LabelView {
    /// A view of labels that are fully known: any other key is absent.
    pub fn known(labels: Labels) -> Self {
        LabelView { known: labels, ..LabelView::default() }
    }

    fn requirement<'v>(&self, key: &str, operator: Operator, values: impl IntoIterator<Item = &'v str>) -> Tri {
        if let Some(value) = self.known.get(key) {
            let listed = values.into_iter().any(|v| v == value);
            return match operator {
                Operator::In => listed.into(),
                Operator::NotIn => (!listed).into(),
                Operator::Exists => Tri::Yes,
                Operator::DoesNotExist => Tri::No,
            };
        }
        let present = match self.open.get(key) {
            Some(true) => Tri::Yes,
            Some(false) => Tri::Maybe,
            None if self.more => Tri::Maybe,
            None => Tri::No,
        };
        match operator {
            Operator::Exists => present,
            Operator::DoesNotExist => !present,
            Operator::In => present.min(Tri::Maybe),
            Operator::NotIn => !present.min(Tri::Maybe),
        }
    }

    /// Whether a selector matches.
    pub fn matches(&self, selector: &LabelSelector) -> Tri {
        let mut result = Tri::Yes;
        for (key, value) in selector.match_labels.iter() {
            result = result.min(self.requirement(key, Operator::In, [value]));
        }
        for e in &selector.match_expressions {
            result = result.min(self.requirement(&e.key, e.operator, e.values.iter().map(String::as_str)));
        }
        result
    }

    /// Whether an equality selector (of a Service) matches.
    pub fn matches_all(&self, selector: &Labels) -> Tri {
        selector.iter().map(|(k, v)| self.requirement(k, Operator::In, [v])).min().unwrap_or(Tri::Yes)
    }
}

/// The keys a selector looks at.
pub fn keys(selector: &LabelSelector) -> impl Iterator<Item = &str> {
    selector.match_labels.keys().chain(selector.match_expressions.iter().map(|e| e.key.as_str()))
}

/// A selector in the form of `kubectl -l`, for people.
pub fn display(selector: &LabelSelector) -> String {
    let mut parts: Vec<String> = selector.match_labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    for e in &selector.match_expressions {
        parts.push(match e.operator {
            Operator::In => format!("{} in ({})", e.key, e.values.join(",")),
            Operator::NotIn => format!("{} notin ({})", e.key, e.values.join(",")),
            Operator::Exists => e.key.clone(),
            Operator::DoesNotExist => format!("!{}", e.key),
        });
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::object::Requirement;

    fn one(key: &str, operator: Operator, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_expressions: vec![Requirement {
                key: key.into(),
                operator,
                values: values.iter().map(|v| (*v).into()).collect(),
            }],
            ..LabelSelector::default()
        }
    }

    #[test]
    fn operators_follow_the_table_for_absent_present_and_open_keys() {
        use Operator::*;
        let view = LabelView {
            known: [("a".to_owned(), "1".to_owned()), ("empty".to_owned(), String::new())].into(),
            open: [("hash".to_owned(), true), ("perhaps".to_owned(), false)].into(),
            more: false,
        };
        for (key, operator, values, expected) in [
            ("a", In, &["1"][..], Tri::Yes),
            ("a", In, &["2"], Tri::No),
            ("a", NotIn, &["2"], Tri::Yes),
            ("a", NotIn, &["1"], Tri::No),
            ("a", Exists, &[], Tri::Yes),
            ("a", DoesNotExist, &[], Tri::No),
            ("b", In, &["1"], Tri::No),
            ("b", NotIn, &["1"], Tri::Yes),
            ("b", Exists, &[], Tri::No),
            ("b", DoesNotExist, &[], Tri::Yes),
            ("empty", In, &[""], Tri::Yes),
            ("b", In, &[""], Tri::No),
            ("hash", In, &["x"], Tri::Maybe),
            ("hash", NotIn, &["x"], Tri::Maybe),
            ("hash", Exists, &[], Tri::Yes),
            ("hash", DoesNotExist, &[], Tri::No),
            ("perhaps", In, &["x"], Tri::Maybe),
            ("perhaps", NotIn, &["x"], Tri::Maybe),
            ("perhaps", Exists, &[], Tri::Maybe),
            ("perhaps", DoesNotExist, &[], Tri::Maybe),
        ] {
            assert_eq!(view.matches(&one(key, operator, values)), expected, "{key} {operator:?} {values:?}");
        }
    }

    #[test]
    fn expressions_on_one_key_are_anded_and_an_empty_selector_matches() {
        let view = LabelView::known([("app".to_owned(), "b".to_owned())].into());
        let mut s = one("app", Operator::In, &["a", "b"]);
        s.match_expressions.extend(one("app", Operator::NotIn, &["b"]).match_expressions);
        assert_eq!(view.matches(&s), Tri::No);
        assert_eq!(view.matches(&LabelSelector::default()), Tri::Yes);
    }

    #[test]
    fn an_unread_namespace_may_have_any_label_but_its_name() {
        let view = LabelView {
            known: [("kubernetes.io/metadata.name".to_owned(), "z".to_owned())].into(),
            more: true,
            ..LabelView::default()
        };
        assert_eq!(view.matches(&one("team", Operator::In, &["red"])), Tri::Maybe);
        assert_eq!(view.matches(&one("team", Operator::NotIn, &["red"])), Tri::Maybe);
        assert_eq!(view.matches(&one("kubernetes.io/metadata.name", Operator::In, &["y"])), Tri::No);
    }
}
