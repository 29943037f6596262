//! A list of Kubernetes objects in JSON, as kubectl and API servers write it. It is read an item at a time: of a large
//! list no more than its text and one item is ever held.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::node::Node;
use super::parse::{JsonError, Lines, parse_json_value};

/// A list, whose items are still text. The text is valid JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonList<'a> {
    #[serde(borrow, default)]
    pub api_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub kind: Option<Cow<'a, str>>,
    #[serde(default)]
    pub metadata: Option<ListMeta>,
    /// `Some(None)` is `null`.
    #[serde(borrow, default, deserialize_with = "present")]
    pub items: Option<Option<Vec<&'a RawValue>>>,
}

/// Metadata of a list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListMeta {
    /// Absent or empty on the last page.
    #[serde(rename = "continue")]
    pub token: Option<String>,
    pub resource_version: Option<String>,
    /// A list has none: what has a name is an object of a kind that is called so.
    pub name: Option<IgnoredAny>,
}

/// Keeps `null` and absent apart.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

impl<'a> JsonList<'a> {
    /// Reads all but the items.
    ///
    /// # Errors
    /// The text is not JSON, or a field that every list has is of another type. Items may be anything.
    pub(crate) fn parse(text: &'a str) -> Result<Self, JsonError> {
        // A sequence of the fields' values would be taken for the structure.
        let text = if text.trim_start().starts_with('[') { "{}" } else { text };
        serde_json::from_str(text)
    }

    /// As [`parse`](Self::parse), of a text that may be anything: `None` where it is no list of Kubernetes objects.
    pub(crate) fn detect(text: &'a str) -> Option<Self> {
        let list = Self::parse(text).ok()?;
        let named = list.metadata.as_ref().is_some_and(|m| m.name.is_some());
        let is_list = list.kind.as_ref()?.ends_with("List") && list.api_version.is_some() && !named;
        (is_list && matches!(list.items, Some(Some(_)))).then_some(list)
    }

    /// Parses the items of the list in this text one after the other. Each has the line where it begins; an item that is
    /// nested too deep is an error with its line in the text.
    pub(crate) fn nodes<'l>(
        &'l self,
        text: &'l str,
    ) -> impl Iterator<Item = Result<Node<'a>, (u32, JsonError)>> + use<'a, 'l> {
        let mut lines = Lines::new(text);
        let items = self.items.iter().flatten().flatten();
        items.map(move |item| {
            let line = lines.line_of(item.get());
            parse_json_value(item.get()).map(|node| Node { line, ..node }).map_err(|e| (line, e))
        })
    }
}
