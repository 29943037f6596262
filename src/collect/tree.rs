//! YAML and JSON as one tree in which every node knows its place, and a cursor that reads it and collects problems.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::inventory::object::Labels;

/// A value with the line and column (1-based; 0 where not known) of its first character.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub kind: Kind,
    pub line: u32,
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Seq(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Str(_) => "a string",
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "an object",
        }
    }
}

/// How the nodes of one format learn their place, and which of them are read.
pub trait Place {
    /// `free`: the keys of this map are its author's own, as those of `labels`.
    fn node<'de, D: Deserializer<'de>>(d: D, free: bool) -> Result<Node, D::Error>
    where
        Self: Sized;

    /// Whether the value of a key is passed over.
    fn skips(_key: &str) -> bool {
        false
    }
}

/// Nodes of serde-saphyr, which wraps each in `Spanned`.
pub struct Yaml;
/// Nodes of serde_json, which has no places.
pub struct Json;
/// Nodes of serde_json as the Kubernetes API gives them, without what no reader of this room asks for. Most of a pod's
/// bytes are such.
pub struct Api;

impl Place for Yaml {
    fn node<'de, D: Deserializer<'de>>(d: D, _free: bool) -> Result<Node, D::Error> {
        let spanned = serde_saphyr::Spanned::<Raw<Yaml>>::deserialize(d)?;
        let at = spanned.referenced;
        Ok(Node { kind: spanned.value.0, line: at.line() as u32, column: at.column() as u32 })
    }
}

impl Place for Json {
    fn node<'de, D: Deserializer<'de>>(d: D, free: bool) -> Result<Node, D::Error> {
        Ok(Node { kind: Walk::<Json>(free, PhantomData).deserialize(d)?, line: 0, column: 0 })
    }
}

impl Place for Api {
    fn node<'de, D: Deserializer<'de>>(d: D, free: bool) -> Result<Node, D::Error> {
        Ok(Node { kind: Walk::<Api>(free, PhantomData).deserialize(d)?, line: 0, column: 0 })
    }

    fn skips(key: &str) -> bool {
        // No name that a rule of a policy may have one day: a field that is not known must be seen there.
        const UNREAD: [&str; 46] = [
            "affinity",
            "blockOwnerDeletion",
            "containerStatuses",
            "creationTimestamp",
            "defaultMode",
            "divisor",
            "dnsPolicy",
            "downwardAPI",
            "emptyDir",
            "ephemeralContainerStatuses",
            "imagePullPolicy",
            "initContainerStatuses",
            "internalTrafficPolicy",
            "ipFamilies",
            "ipFamilyPolicy",
            "lastProbeTime",
            "lastTransitionTime",
            "lifecycle",
            "livenessProbe",
            "loadBalancer",
            "managedFields",
            "monitoring",
            "nodeSelector",
            "observedGeneration",
            "preemptionPolicy",
            "progressDeadlineSeconds",
            "qosClass",
            "readinessProbe",
            "resources",
            "revisionHistoryLimit",
            "schedulerName",
            "securityContext",
            "sessionAffinity",
            "startTime",
            "startupProbe",
            "storage",
            "targetRef",
            "terminationGracePeriodSeconds",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "tolerations",
            "topology",
            "topologySpreadConstraints",
            "uid",
            "updateStrategy",
            "zone",
        ];
        UNREAD.binary_search(&key).is_ok()
    }
}

/// Maps whose keys are the author's own, so that none of them is passed over.
fn is_free(key: &str) -> bool {
    matches!(
        key,
        "labels" | "annotations" | "matchLabels" | "selector" | "data" | "binaryData" | "stringData" | "parameters"
    )
}

/// A node as a serde target, `P` says of which format.
pub struct Placed<P>(pub Node, PhantomData<P>);

impl<'de, P: Place> Deserialize<'de> for Placed<P> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Placed(P::node(d, false)?, PhantomData))
    }
}

struct Raw<P>(Kind, PhantomData<P>);

impl<'de, P: Place> Deserialize<'de> for Raw<P> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Walk::<P>(false, PhantomData).deserialize(d).map(|k| Raw(k, PhantomData))
    }
}

/// Reads one value; `.0`: its keys are its author's own.
struct Walk<P>(bool, PhantomData<P>);

impl<'de, P: Place> DeserializeSeed<'de> for Walk<P> {
    type Value = Kind;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Kind, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, P: Place> Visitor<'de> for Walk<P> {
    type Value = Kind;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Kind, E> {
        Ok(Kind::Int(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Kind, E> {
        Ok(i64::try_from(v).map_or(Kind::Float(v as f64), Kind::Int))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Kind, E> {
        Ok(Kind::Float(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Kind, E> {
        Ok(Kind::Str(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Kind, E> {
        Ok(Kind::Str(v))
    }
    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Kind, D::Error> {
        self.deserialize(d)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(x) = a.next_element::<Placed<P>>()? {
            items.push(x.0);
        }
        Ok(Kind::Seq(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Kind, A::Error> {
        struct Seed<P>(bool, PhantomData<P>);
        impl<'de, P: Place> DeserializeSeed<'de> for Seed<P> {
            type Value = Node;
            fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Node, D::Error> {
                P::node(d, self.0)
            }
        }
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some(k) = a.next_key_seed(Key::<P>(self.0, PhantomData))? {
            let Some(k) = k else {
                a.next_value::<IgnoredAny>()?;
                continue;
            };
            let free = is_free(&k);
            entries.push((k, a.next_value_seed(Seed::<P>(free, PhantomData))?));
        }
        Ok(Kind::Map(entries))
    }
}

/// Reads one key, `None` where it is passed over: most are, and cost no memory then. `.0`: keys are their author's own.
struct Key<P>(bool, PhantomData<P>);

impl<'de, P: Place> DeserializeSeed<'de> for Key<P> {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_string(self)
    }
}

impl<P: Place> Visitor<'_> for Key<P> {
    type Value = Option<String>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok((self.0 || !P::skips(v)).then(|| v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Self::Value, E> {
        Ok((self.0 || !P::skips(&v)).then_some(v))
    }
}

impl Node {
    /// The value of `key` in a map; `null` counts as absent, a repeated key's last value counts.
    pub fn get(&self, key: &str) -> Option<&Node> {
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

    /// As plain JSON.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Int(i) => Value::from(*i),
            Kind::Float(f) => Value::from(*f),
            Kind::Str(s) => Value::String(s.clone()),
            Kind::Seq(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => Value::Object(entries.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
        }
    }
}

/// Collects the problems of one object.
#[derive(Default)]
pub struct Problems {
    /// (line, column, message)
    list: RefCell<Vec<(u32, u32, String)>>,
}

impl Problems {
    pub fn add(&self, at: &Node, message: impl Into<String>) {
        self.list.borrow_mut().push((at.line, at.column, message.into()));
    }

    pub fn take(&self) -> Vec<(u32, u32, String)> {
        std::mem::take(&mut self.list.borrow_mut())
    }
}

/// A node with its path, for reading: a wrong type is a problem and reads as absent.
#[derive(Clone)]
pub struct Cursor<'a> {
    pub node: &'a Node,
    path: String,
    problems: &'a Problems,
}

impl<'a> Cursor<'a> {
    pub fn new(node: &'a Node, problems: &'a Problems) -> Self {
        Cursor { node, path: String::new(), problems }
    }

    pub fn problem(&self, message: impl fmt::Display) {
        let sep = if self.path.is_empty() { "" } else { ": " };
        self.problems.add(self.node, format!("{}{sep}{message}", self.path));
    }

    fn expected(&self, what: &str) {
        self.problem(format_args!("expected {what}, found {}", self.node.kind.name()));
    }

    fn child(&self, key: &str, node: &'a Node) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Cursor { node, path, problems: self.problems }
    }

    /// The field `key`; absent when missing, null, or when this is not an object (which is a problem).
    pub fn get(&self, key: &str) -> Option<Cursor<'a>> {
        if !matches!(self.node.kind, Kind::Map(_) | Kind::Null) {
            self.expected("an object");
            return None;
        }
        self.node.get(key).map(|n| self.child(key, n))
    }

    /// A field by a dotted path.
    pub fn at(&self, path: &str) -> Option<Cursor<'a>> {
        path.split('.').try_fold(self.clone(), |c, key| c.get(key))
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
            Kind::Seq(items) => items
                .iter()
                .enumerate()
                .map(|(i, n)| Cursor { node: n, path: format!("{}[{i}]", self.path), problems: self.problems })
                .collect(),
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
            Kind::Map(entries) => entries.iter().map(|(k, n)| (k.as_str(), self.child(k, n))).collect(),
            Kind::Null => Vec::new(),
            _ => {
                self.expected("an object");
                Vec::new()
            }
        }
    }

    /// A map of strings; a null value is the empty string, as in the API server.
    pub fn strings(&self) -> Labels {
        self.entries()
            .into_iter()
            .filter_map(|(k, v)| match v.node.kind {
                Kind::Null => Some((k.to_owned(), String::new())),
                _ => v.str().map(|s| (k.to_owned(), s.to_owned())),
            })
            .collect()
    }

    /// Fields that nothing knows are problems: a misspelt one would silently mean its absence.
    pub fn only(&self, known: &[&str], consequence: &str) {
        let Kind::Map(entries) = &self.node.kind else { return };
        let unknown = |(k, n): &&(String, Node)| !known.contains(&k.as_str()) && n.kind != Kind::Null;
        for (key, node) in entries.iter().filter(unknown) {
            let hint = crate::problem::hint(key, known.iter().copied());
            self.child(key, node).problem(format_args!("unknown field{hint}; {consequence}"));
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
