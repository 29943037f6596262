//! YAML and JSON texts become trees.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_saphyr::Spanned;

use super::node::{Content, Entry, Node};
use super::problem::Problem;

/// Deepest nesting of YAML: no object of Kubernetes is nested that deep. That of JSON is serde_json's own, 128.
const MAX_DEPTH: usize = 200;

/// Hides what of a text may be a secret: a parser's message may quote it.
type Mask = fn(&str) -> String;

/// Reads a file of this program's own format: one document, of which an empty one is `Null`. Only `true` and `false` are
/// booleans: YAML 1.1 would read a namespace called `on` as true.
///
/// # Errors
/// A syntax error, a duplicate key or more than one document: the first such mistake, since nothing after it can be
/// trusted.
pub(crate) fn parse_yaml(file: &str, text: &str) -> Result<Node<'static>, Problem> {
    let mut documents = documents::<true>(file, text, str::to_owned)?.into_iter();
    let first = documents.next().unwrap_or(Content::Null.into());
    match documents.next() {
        None => Ok(first),
        Some(second) => Err(Problem {
            file: file.to_owned(),
            line: second.line,
            column: second.column,
            message: "a second YAML document, expected one".to_owned(),
        }),
    }
}

/// Reads the documents of a manifest, of which null ones are left out. Words such as `yes` are booleans, as they are for
/// kubectl. Keys have no position: it would cost a sixth of the time.
///
/// # Errors
/// As of [`parse_yaml`], with what `mask` leaves of the parser's words.
pub(crate) fn parse_yaml_documents(file: &str, text: &str, mask: Mask) -> Result<Vec<Node<'static>>, Problem> {
    documents::<false>(file, text, mask)
}

/// `OWN`: of this program's own format.
///
/// The budget grows with the file: the parser's defaults refuse clusters of ordinary size, while aliases stay bounded by
/// what the text itself could hold.
fn documents<const OWN: bool>(file: &str, text: &str, mask: Mask) -> Result<Vec<Node<'static>>, Problem> {
    let size = text.len().max(1 << 16);
    let options = serde_saphyr::options! {
        strict_booleans: OWN,
        budget: serde_saphyr::budget! {
            max_events: size.saturating_mul(2),
            max_nodes: size,
            max_documents: size,
            max_total_scalar_bytes: size.saturating_mul(2),
            max_depth: MAX_DEPTH,
        },
    };
    let documents: Vec<OwnedNode<OWN>> = serde_saphyr::from_multiple_with_options(text, options).map_err(|e| {
        let position = e.location();
        Problem {
            file: file.to_owned(),
            line: position.map_or(0, |l| narrow(l.line())),
            column: position.map_or(0, |l| narrow(l.column())),
            message: format!("not valid YAML: {}", mask(&yaml_message(&e))),
        }
    })?;
    Ok(documents.into_iter().map(|d| d.0).collect())
}

fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The parser's message without its own position and without the snippet of the text.
fn yaml_message(e: &serde_saphyr::Error) -> String {
    use serde_saphyr::{Error, budget::BudgetBreach};
    match e.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => return format!("the key \"{key}\" is given twice"),
        Error::DuplicateMappingKey { key: None, .. } => return "a key is given twice".to_owned(),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            return format!("nested deeper than {MAX_DEPTH} levels");
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            return "its aliases would make it many times as large as it is".to_owned();
        }
        // What goes wrong inside of an alias is wrapped.
        Error::AliasError { error, .. } => return yaml_message(error),
        _ => {}
    }
    let text = e.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = match line.split_once(": ") {
        Some((position, rest)) if position.starts_with("line ") => rest,
        _ => line,
    };
    line.split_once(" at line ").map_or(line, |(message, _)| message).to_owned()
}

/// Reads a JSON file. Its root has the line on which it starts, and so have the items of a list, as
/// `kubectl get --output=json` prints it; other nodes have no position.
///
/// # Errors
/// The first syntax error, with what `mask` leaves of the parser's words.
pub(crate) fn parse_json<'a>(file: &str, text: &'a str, mask: Mask) -> Result<Node<'a>, Problem> {
    json(text).map_err(|e| json_problem(file, 1, &e, mask))
}

/// Why some JSON could not be read.
pub(crate) type JsonError = serde_json::Error;

/// The problem of a JSON text that begins at `line` of a file.
pub(crate) fn json_problem(file: &str, line: u32, e: &JsonError, mask: Mask) -> Problem {
    let text = e.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(m, _)| m);
    Problem {
        file: file.to_owned(),
        line: narrow(e.line() as u64).saturating_add(line.saturating_sub(1)),
        column: narrow(e.column() as u64),
        message: format!("not valid JSON: {}", mask(message)),
    }
}

/// Reads one JSON value, without positions.
///
/// # Errors
/// As serde_json gives them.
pub(crate) fn parse_json_value(text: &str) -> Result<Node<'_>, JsonError> {
    serde_json::from_str::<FormatNode<'_, Json>>(text).map(|n| n.0)
}

fn json(text: &str) -> Result<Node<'_>, JsonError> {
    let whole: &RawValue = serde_json::from_str(text)?;
    let mut lines = Lines::new(text);
    let raw = whole.get();
    if !raw.starts_with('[') {
        return lines.node(whole);
    }
    let items: Vec<&RawValue> = serde_json::from_str(raw)?;
    let items = items.into_iter().map(|item| lines.node(item)).collect::<Result<_, JsonError>>()?;
    Ok(Node { content: Content::List(items), line: 1, column: 0 })
}

/// Counts lines up to slices of one text, which come in its order.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lines { text, at: 0, line: 1 }
    }

    fn node(&mut self, raw: &'a RawValue) -> Result<Node<'a>, JsonError> {
        Ok(Node { line: self.line_of(raw.get()), ..parse_json_value(raw.get())? })
    }

    pub(super) fn line_of(&mut self, part: &str) -> u32 {
        let offset = part.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        if let Some(between) = self.text.as_bytes().get(self.at..offset) {
            self.line += narrow(between.iter().filter(|b| **b == b'\n').count() as u64);
            self.at = offset;
        }
        self.line
    }
}

/// How the nodes and keys of one format get their position.
trait Syntax: Sized {
    fn node<'de, D: Deserializer<'de>>(d: D) -> Result<Node<'de>, D::Error>;
    /// A key with line and column.
    fn key<'de, D: Deserializer<'de>>(d: D) -> Result<(Cow<'de, str>, u32, u32), D::Error>;
}

/// serde-saphyr, which wraps what has a position in `Spanned`.
struct Yaml<const KEY_POSITIONS: bool>;
/// serde_json, which has no positions.
struct Json;

impl<const KEY_POSITIONS: bool> Syntax for Yaml<KEY_POSITIONS> {
    fn node<'de, D: Deserializer<'de>>(d: D) -> Result<Node<'de>, D::Error> {
        let spanned = Spanned::<FormatContent<'_, Self>>::deserialize(d)?;
        let position = spanned.referenced;
        Ok(Node { content: spanned.value.0, line: narrow(position.line()), column: narrow(position.column()) })
    }
    fn key<'de, D: Deserializer<'de>>(d: D) -> Result<(Cow<'de, str>, u32, u32), D::Error> {
        if !KEY_POSITIONS {
            return Ok((Key::deserialize(d)?.0, 0, 0));
        }
        let spanned = Spanned::<Key<'_>>::deserialize(d)?;
        let position = spanned.referenced;
        Ok((spanned.value.0, narrow(position.line()), narrow(position.column())))
    }
}

impl Syntax for Json {
    fn node<'de, D: Deserializer<'de>>(d: D) -> Result<Node<'de>, D::Error> {
        Ok(ContentVisitor::<Json>(PhantomData).deserialize(d)?.into())
    }
    fn key<'de, D: Deserializer<'de>>(d: D) -> Result<(Cow<'de, str>, u32, u32), D::Error> {
        Ok((Key::deserialize(d)?.0, 0, 0))
    }
}

struct FormatNode<'a, F>(Node<'a>, PhantomData<F>);

impl<'de, F: Syntax> Deserialize<'de> for FormatNode<'de, F> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        F::node(d).map(|node| FormatNode(node, PhantomData))
    }
}

/// A node of YAML; serde-saphyr reads many documents only into what does not borrow from them.
struct OwnedNode<const KEY_POSITIONS: bool>(Node<'static>);

impl<'de, const KEY_POSITIONS: bool> Deserialize<'de> for OwnedNode<KEY_POSITIONS> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Yaml::<KEY_POSITIONS>::node(d).map(|node| OwnedNode(node.into_owned()))
    }
}

struct FormatContent<'a, F>(Content<'a>, PhantomData<F>);

impl<'de, F: Syntax> Deserialize<'de> for FormatContent<'de, F> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        ContentVisitor::<F>(PhantomData).deserialize(d).map(|content| FormatContent(content, PhantomData))
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct FormatKey<'a, F>((Cow<'a, str>, u32, u32), PhantomData<F>);

impl<'de, F: Syntax> Deserialize<'de> for FormatKey<'de, F> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        F::key(d).map(|key| FormatKey(key, PhantomData))
    }
}

/// Reads one value.
struct ContentVisitor<F>(PhantomData<F>);

impl<'de, F: Syntax> DeserializeSeed<'de> for ContentVisitor<F> {
    type Value = Content<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Content<'de>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, F: Syntax> Visitor<'de> for ContentVisitor<F> {
    type Value = Content<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Content<'de>, E> {
        Ok(Content::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Content<'de>, E> {
        Ok(Content::Int(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Content<'de>, E> {
        Ok(i64::try_from(v).map_or(Content::Float(v as f64), Content::Int))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Content<'de>, E> {
        Ok(Content::Float(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Content<'de>, E> {
        Ok(Content::Str(Cow::Owned(v.to_owned())))
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Content<'de>, E> {
        Ok(Content::Str(Cow::Borrowed(v)))
    }
    fn visit_string<E>(self, v: String) -> Result<Content<'de>, E> {
        Ok(Content::Str(Cow::Owned(v)))
    }
    fn visit_unit<E>(self) -> Result<Content<'de>, E> {
        Ok(Content::Null)
    }
    fn visit_none<E>(self) -> Result<Content<'de>, E> {
        Ok(Content::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Content<'de>, D::Error> {
        self.deserialize(d)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<FormatNode<'de, F>>()? {
            items.push(item.0);
        }
        Ok(Content::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content<'de>, A::Error> {
        let mut entries: Vec<Entry<'de>> = Vec::new();
        while let Some((key, value)) = map.next_entry::<FormatKey<'de, F>, FormatNode<'de, F>>()? {
            let (key, line, column) = key.0;
            entries.push(Entry { key, line, column, value: value.0 });
        }
        Ok(Content::Object(entries))
    }
}
