//! YAML and JSON as one tree in which every node knows its place, and a cursor that reads it and collects problems.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::inventory::object::Labels;

use super::spec_text::SpecText;

/// A value with the line and column (1-based; 0 where not known) of its first character. Texts are those of what it was
/// read from, where they stand there as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'a> {
    pub kind: Kind<'a>,
    pub line: u32,
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Cow<'a, str>),
    Seq(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
    /// The specification of a pod, not yet taken apart; only of lists of pods and controllers.
    Spec(Box<SpecText<'a>>),
}

impl Kind<'_> {
    fn name(&self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Str(_) => "a string",
            Kind::Seq(_) => "a list",
            Kind::Map(_) | Kind::Spec(_) => "an object",
        }
    }
}

/// How the nodes of one format learn their place.
pub trait Place {
    fn node<'de, D: Deserializer<'de>>(d: D) -> Result<Node<'de>, D::Error>
    where
        Self: Sized;
}

/// Nodes of serde-saphyr, which wraps each in `Spanned`.
pub struct Yaml;
/// Nodes of serde_json, which has no places.
pub struct Json;
impl Place for Yaml {
    fn node<'de, D: Deserializer<'de>>(d: D) -> Result<Node<'de>, D::Error> {
        let spanned = serde_saphyr::Spanned::<Raw<'_, Yaml>>::deserialize(d)?;
        let at = spanned.referenced;
        Ok(Node { kind: spanned.value.0, line: at.line() as u32, column: at.column() as u32 })
    }
}

impl Place for Json {
    fn node<'de, D: Deserializer<'de>>(d: D) -> Result<Node<'de>, D::Error> {
        Ok(Node { kind: Walk::<Json>(PhantomData).deserialize(d)?, line: 0, column: 0 })
    }
}

/// A node as a serde target, `P` says of which format.
pub struct Placed<'a, P>(pub Node<'a>, PhantomData<P>);

impl<'de, P: Place> Deserialize<'de> for Placed<'de, P> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Placed(P::node(d)?, PhantomData))
    }
}

/// As [`Placed`], where the text that it was read from does not stay.
pub struct Owned<P>(pub Node<'static>, PhantomData<P>);

impl<'de, P: Place> Deserialize<'de> for Owned<P> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Owned(P::node(d)?.into_owned(), PhantomData))
    }
}

struct Raw<'a, P>(Kind<'a>, PhantomData<P>);

impl<'de, P: Place> Deserialize<'de> for Raw<'de, P> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Walk::<P>(PhantomData).deserialize(d).map(|k| Raw(k, PhantomData))
    }
}

/// Reads one value.
struct Walk<P>(PhantomData<P>);

impl<'de, P: Place> DeserializeSeed<'de> for Walk<P> {
    type Value = Kind<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Kind<'de>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, P: Place> Visitor<'de> for Walk<P> {
    type Value = Kind<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Kind<'de>, E> {
        Ok(Kind::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Kind<'de>, E> {
        Ok(Kind::Int(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Kind<'de>, E> {
        Ok(i64::try_from(v).map_or(Kind::Float(v as f64), Kind::Int))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Kind<'de>, E> {
        Ok(Kind::Float(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Kind<'de>, E> {
        Ok(Kind::Str(Cow::Owned(v.to_owned())))
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Kind<'de>, E> {
        Ok(Kind::Str(Cow::Borrowed(v)))
    }
    fn visit_string<E>(self, v: String) -> Result<Kind<'de>, E> {
        Ok(Kind::Str(Cow::Owned(v)))
    }
    fn visit_unit<E>(self) -> Result<Kind<'de>, E> {
        Ok(Kind::Null)
    }
    fn visit_none<E>(self) -> Result<Kind<'de>, E> {
        Ok(Kind::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Kind<'de>, D::Error> {
        self.deserialize(d)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Kind<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(x) = a.next_element::<Placed<'de, P>>()? {
            items.push(x.0);
        }
        Ok(Kind::Seq(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Kind<'de>, A::Error> {
        let mut entries: Vec<(Cow<'de, str>, Node<'de>)> = Vec::new();
        while let Some((k, v)) = a.next_entry::<Key<'de>, Placed<'de, P>>()? {
            entries.push((k.0, v.0));
        }
        Ok(Kind::Map(entries))
    }
}

/// A key; borrowed where it can be.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Node<'a> {
    /// The value of `key` in a map; `null` counts as absent, a repeated key's last value counts.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        match &self.kind {
            Kind::Map(entries) => {
                entries.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v).filter(|v| v.kind != Kind::Null)
            }
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The same with texts of its own.
    pub fn into_owned(self) -> Node<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let kind = match self.kind {
            Kind::Null => Kind::Null,
            Kind::Bool(b) => Kind::Bool(b),
            Kind::Int(i) => Kind::Int(i),
            Kind::Float(f) => Kind::Float(f),
            Kind::Str(s) => Kind::Str(own(s)),
            Kind::Seq(items) => Kind::Seq(items.into_iter().map(Node::into_owned).collect()),
            Kind::Map(entries) => Kind::Map(entries.into_iter().map(|(k, v)| (own(k), v.into_owned())).collect()),
            Kind::Spec(spec) => Kind::Spec(Box::new(spec.into_owned())),
        };
        Node { kind, line: self.line, column: self.column }
    }

    /// As plain JSON.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Int(i) => Value::from(*i),
            Kind::Float(f) => Value::from(*f),
            Kind::Str(s) => Value::String(s.clone().into_owned()),
            Kind::Seq(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|(k, v)| (k.clone().into_owned(), v.to_json())).collect())
            }
            Kind::Spec(spec) => {
                let value = |json: &str| serde_json::from_str(json).unwrap_or_default();
                Value::Object(spec.fields().map(|(key, json)| (key.to_owned(), value(json))).collect())
            }
        }
    }
}

/// Collects the problems of one object.
#[derive(Default)]
pub struct Problems {
    list: RefCell<Vec<Found>>,
}

struct Found {
    /// Address of the node, by which its path is found.
    node: usize,
    line: u32,
    column: u32,
    /// What stands between the path and the message.
    separator: &'static str,
    message: String,
}

fn address(node: &Node<'_>) -> usize {
    std::ptr::from_ref(node).addr()
}

impl Problems {
    fn add(&self, at: &Node<'_>, separator: &'static str, message: String) {
        let found = Found { node: address(at), line: at.line, column: at.column, separator, message };
        self.list.borrow_mut().push(found);
    }

    pub fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    /// The problems of the tree under `root`, each as (line, column, message); a message begins with the path of its
    /// node, as `spec.containers[0].name`. Few trees have one, and to keep the way to each node would cost more than all
    /// other reading.
    pub fn take(&self, root: &Node<'_>) -> Vec<(u32, u32, String)> {
        let list = std::mem::take(&mut *self.list.borrow_mut());
        if list.is_empty() {
            return Vec::new();
        }
        let mut paths: HashMap<usize, String> = list.iter().map(|found| (found.node, String::new())).collect();
        find_paths(root, &mut String::new(), &mut paths);
        list.into_iter()
            .map(|found| {
                let path = paths.get(&found.node).map_or("", String::as_str);
                let separator = if path.is_empty() { "" } else { found.separator };
                (found.line, found.column, format!("{path}{separator}{}", found.message))
            })
            .collect()
    }
}

/// Puts in the path of each node that is wanted.
fn find_paths(at: &Node<'_>, path: &mut String, paths: &mut HashMap<usize, String>) {
    if let Some(wanted) = paths.get_mut(&address(at)) {
        wanted.clone_from(path);
    }
    let length = path.len();
    match &at.kind {
        Kind::Map(entries) => {
            for (key, node) in entries {
                path.push_str(if length == 0 { "" } else { "." });
                path.push_str(key);
                find_paths(node, path, paths);
                path.truncate(length);
            }
        }
        Kind::Seq(items) => {
            for (i, node) in items.iter().enumerate() {
                path.push_str(&format!("[{i}]"));
                find_paths(node, path, paths);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// A node of a tree, for reading: a wrong type is a problem and reads as absent.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    pub node: &'a Node<'a>,
    problems: &'a Problems,
}

impl<'a> Cursor<'a> {
    pub fn new(node: &'a Node<'a>, problems: &'a Problems) -> Self {
        Cursor { node, problems }
    }

    pub fn problem(&self, message: impl fmt::Display) {
        self.problems.add(self.node, ": ", message.to_string());
    }

    /// A problem of a text that this node stands for, with the path in it.
    pub fn problem_below(&self, message: &str) {
        self.problems.add(self.node, ".", message.to_owned());
    }

    fn expected(&self, what: &str) {
        self.problem(format_args!("expected {what}, found {}", self.node.kind.name()));
    }

    fn child(&self, node: &'a Node<'a>) -> Self {
        Cursor { node, ..*self }
    }

    /// The field `key`; absent when missing, null, or when this is not an object (which is a problem).
    pub fn get(&self, key: &str) -> Option<Cursor<'a>> {
        if !matches!(self.node.kind, Kind::Map(_) | Kind::Spec(_) | Kind::Null) {
            self.expected("an object");
            return None;
        }
        self.node.get(key).map(|n| self.child(n))
    }

    /// A field by a dotted path.
    pub fn at(&self, path: &str) -> Option<Cursor<'a>> {
        path.split('.').try_fold(*self, |c, key| c.get(key))
    }

    pub fn str(&self) -> Option<&'a str> {
        let text = self.node.as_str();
        match (&self.node.kind, text) {
            (_, Some(_)) => {}
            // YAML reads an unquoted y, no or 1.0 as something else, as does kubectl.
            (Kind::Bool(_) | Kind::Int(_) | Kind::Float(_), None) => {
                self.problem(format_args!("expected a string, found {} (put it in quotes)", self.node.kind.name()))
            }
            (_, None) => self.expected("a string"),
        }
        text
    }

    pub fn bool(&self) -> Option<bool> {
        match self.node.kind {
            Kind::Bool(b) => Some(b),
            _ => {
                self.expected("true or false");
                None
            }
        }
    }

    pub fn int(&self) -> Option<i64> {
        match self.node.kind {
            Kind::Int(i) => Some(i),
            _ => {
                self.expected("a whole number");
                None
            }
        }
    }

    /// A port number, 1–65535.
    pub fn port(&self) -> Option<u16> {
        let n = self.int()?;
        let port = u16::try_from(n).ok().filter(|p| *p > 0);
        if port.is_none() {
            self.problem(format_args!("port {n} is not in 1–65535"));
        }
        port
    }

    /// The items of a list.
    pub fn list(&self) -> Vec<Cursor<'a>> {
        match &self.node.kind {
            Kind::Seq(items) => items.iter().map(|n| self.child(n)).collect(),
            _ => {
                self.expected("a list");
                Vec::new()
            }
        }
    }

    /// The items of the list `key`, none when absent.
    pub fn items(&self, key: &str) -> Vec<Cursor<'a>> {
        self.get(key).map(|c| c.list()).unwrap_or_default()
    }

    /// The entries of a map.
    pub fn entries(&self) -> Vec<(&'a str, Cursor<'a>)> {
        match &self.node.kind {
            Kind::Map(entries) => entries.iter().map(|(k, n)| (&**k, self.child(n))).collect(),
            Kind::Null => Vec::new(),
            _ => {
                self.expected("an object");
                Vec::new()
            }
        }
    }

    /// The entries of a map of strings; a null value is the empty string, as in the API server.
    pub fn texts(&self) -> Vec<(&'a str, &'a str)> {
        let text = |v: &Cursor<'a>| if v.node.kind == Kind::Null { Some("") } else { v.str() };
        self.entries().into_iter().filter_map(|(k, v)| Some((k, text(&v)?))).collect()
    }

    /// A map of strings.
    pub fn strings(&self) -> Labels {
        self.texts().into_iter().collect()
    }

    /// Fields that nothing knows are problems: a misspelt one would silently mean its absence.
    pub fn only(&self, known: &[&str], consequence: &str) {
        let Kind::Map(entries) = &self.node.kind else { return };
        let unknown = |(k, n): &&(Cow<'_, str>, Node<'_>)| !known.contains(&&**k) && n.kind != Kind::Null;
        for (key, node) in entries.iter().filter(unknown) {
            let hint = crate::problem::hint(key, known.iter().copied());
            self.child(node).problem(format_args!("unknown field{hint}; {consequence}"));
        }
    }

    pub fn string_at(&self, key: &str) -> Option<String> {
        self.get(key)?.str().map(str::to_owned)
    }

    pub fn bool_at(&self, key: &str) -> Option<bool> {
        self.get(key)?.bool()
    }

    pub fn string_list(&self, key: &str) -> Vec<String> {
        self.items(key).iter().filter_map(|c| c.str().map(str::to_owned)).collect()
    }
}
