//! A document as a tree.

use std::borrow::Cow;

/// A value with the position of its first character. Its strings are slices of the text that it was read from, where
/// that holds them without escapes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node<'a> {
    pub content: Content<'a>,
    /// 1-based; 0 where not known.
    pub line: u32,
    /// 1-based, in characters; 0 where not known.
    pub column: u32,
}

/// The value of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<Entry<'a>>),
}

/// One entry of an object. The position is that of the key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry<'a> {
    pub key: Cow<'a, str>,
    pub line: u32,
    pub column: u32,
    pub value: Node<'a>,
}

impl Content<'_> {
    /// What a message calls a value of this type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Content::Null => "null",
            Content::Bool(_) => "a boolean",
            Content::Int(_) | Content::Float(_) => "a number",
            Content::Str(_) => "a string",
            Content::List(_) => "a list",
            Content::Object(_) => "an object",
        }
    }
}

impl<'a> From<Content<'a>> for Node<'a> {
    /// A node without a position.
    fn from(content: Content<'a>) -> Self {
        Node { content, line: 0, column: 0 }
    }
}

impl<'a, K: Into<Cow<'a, str>>> From<(K, Node<'a>)> for Entry<'a> {
    /// An entry whose key has no position.
    fn from((key, value): (K, Node<'a>)) -> Self {
        Entry { key: key.into(), line: 0, column: 0, value }
    }
}

impl<'a> Node<'a> {
    /// Whether this is `null`; in YAML also a value that is left empty.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// The value of `key` in an object. `null` counts as absent; if a key repeats, the last value wins.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        match &self.content {
            Content::Object(entries) => {
                entries.iter().rev().find(|e| e.key == key).map(|e| &e.value).filter(|v| !v.is_null())
            }
            _ => None,
        }
    }

    /// The string that this node is, if it is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.content {
            Content::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The same with strings of its own.
    pub(crate) fn into_owned(self) -> Node<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let content = match self.content {
            Content::Null => Content::Null,
            Content::Bool(b) => Content::Bool(b),
            Content::Int(i) => Content::Int(i),
            Content::Float(f) => Content::Float(f),
            Content::Str(s) => Content::Str(own(s)),
            Content::List(items) => Content::List(items.into_iter().map(Node::into_owned).collect()),
            Content::Object(entries) => {
                let owned = |e: Entry<'_>| Entry {
                    key: own(e.key),
                    line: e.line,
                    column: e.column,
                    value: e.value.into_owned(),
                };
                Content::Object(entries.into_iter().map(owned).collect())
            }
        };
        Node { content, line: self.line, column: self.column }
    }

    /// As plain JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(b) => Value::Bool(*b),
            Content::Int(i) => Value::from(*i),
            Content::Float(f) => Value::from(*f),
            Content::Str(s) => Value::String(s.clone().into_owned()),
            Content::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Content::Object(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.clone().into_owned(), e.value.to_json())).collect())
            }
        }
    }
}
