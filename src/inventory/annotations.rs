//! The annotations of an object, with those that the evidence does not decide.

use serde::{Deserialize, Serialize};

use crate::document::Unavailable;
use crate::lexicon::keep_annotation;

use super::label_map::Labels;
use super::source::{Known, Reason};

/// The annotations that the analysis reads. `collect` keeps no others, and a Terraform plan may not know them yet: a
/// missing one can be unknown.
///
/// In JSON a map of texts. Where some are unavailable, the key `$unavailable` says why; the API allows no such key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Annotations(Labels);

impl Annotations {
    /// Keeps the annotations that the analysis reads, and the reason for which others are unavailable.
    pub(crate) fn collect<'a>(
        all: impl IntoIterator<Item = (&'a str, &'a str)>,
        mask: impl Fn(&str, &str) -> String,
    ) -> Self {
        let kept = all.into_iter().filter(|(key, _)| keep_annotation(key) || *key == Unavailable::KEY);
        Annotations(kept.map(|(key, text)| (key, mask(key, text))).collect())
    }

    /// Whether the object has no annotation that the analysis reads.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The annotation `key`: `None` if the object does not have it, unknown if the evidence does not decide that.
    pub fn get(&self, key: &str) -> Known<Option<&str>> {
        match (self.0.get(key), self.0.get(Unavailable::KEY)) {
            (Some(text), _) => Known::Value(Some(text)),
            (None, Some(code)) => {
                let why = Unavailable::from_code(code).reason();
                Known::unknown(Reason::missing(format!("the annotation {key} is {why}")))
            }
            (None, None) if keep_annotation(key) => Known::Value(None),
            (None, None) => Known::unknown(Reason::undecided(format!("the annotation {key} is not collected"))),
        }
    }

    /// The map itself, to share its texts with those of other objects.
    pub(crate) fn texts_mut(&mut self) -> &mut Labels {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Cause;

    #[test]
    fn only_an_annotation_that_would_have_been_kept_is_certainly_absent() {
        let of =
            |all: &[(&'static str, &'static str)]| Annotations::collect(all.iter().copied(), |_, text| text.to_owned());
        let known = of(&[("cloud.google.com/neg", "{}"), ("example.com/x", "1")]);
        assert_eq!(known.get("cloud.google.com/neg"), Known::Value(Some("{}")));
        assert_eq!(known.get("iam.gke.io/gcp-service-account"), Known::Value(None));
        assert_eq!(known.get("example.com/x").reasons()[0].cause, Cause::Undecided);

        let planned = of(&[("cloud.google.com/neg", "{}"), ("$unavailable", "known-after-apply")]);
        assert_eq!(planned.get("cloud.google.com/neg"), Known::Value(Some("{}")));
        let unknown = planned.get("iam.gke.io/gcp-service-account");
        let text = "the annotation iam.gke.io/gcp-service-account is known after apply (Terraform plan)";
        assert_eq!(unknown.reasons(), [Reason::missing(text)]);

        let text = serde_json::to_string(&planned).unwrap();
        assert_eq!(text, r#"{"$unavailable":"known-after-apply","cloud.google.com/neg":"{}"}"#);
        assert_eq!(serde_json::from_str::<Annotations>(&text).unwrap(), planned);
    }
}
