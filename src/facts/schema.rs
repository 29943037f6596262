//! The typed vocabulary that checks may use: which facts a subject kind has, their types, and what each needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::inventory::{Known, Need, ObjectRef, Origin, Reason};

/// The kind of subject that a check evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SubjectKind {
    /// The GKE cluster: the Cluster resource of the GKE API.
    Cluster,
    /// A node pool: an entry of `nodePools` of the Cluster resource.
    NodePool,
    /// A namespace.
    Namespace,
    /// The topmost controller of some pods, such as a Deployment, or a pod without one.
    Workload,
    /// A NetworkPolicy of the API group `networking.k8s.io`.
    NetworkPolicy,
    /// A Service.
    Service,
    /// A PostgreSQL database: a Cluster of CloudNativePG, or a server in an ordinary workload.
    Database,
    /// One connection of a container to PostgreSQL, as its environment configures it.
    DatabaseClient,
}

impl SubjectKind {
    /// Every kind; the cluster first.
    pub const ALL: [SubjectKind; 8] = [
        SubjectKind::Cluster,
        SubjectKind::NodePool,
        SubjectKind::Namespace,
        SubjectKind::Workload,
        SubjectKind::NetworkPolicy,
        SubjectKind::Service,
        SubjectKind::Database,
        SubjectKind::DatabaseClient,
    ];

    /// Name in check files and reports; also the CEL variable.
    pub fn name(self) -> &'static str {
        match self {
            SubjectKind::Cluster => "cluster",
            SubjectKind::NodePool => "nodePool",
            SubjectKind::Namespace => "namespace",
            SubjectKind::Workload => "workload",
            SubjectKind::NetworkPolicy => "networkPolicy",
            SubjectKind::Service => "service",
            SubjectKind::Database => "database",
            SubjectKind::DatabaseClient => "databaseClient",
        }
    }
}

/// A subject of checks. `id` is `cluster`, `nodePool/NAME`, `namespace/NAME`, `NAMESPACE/Kind/NAME`, or
/// `WORKLOAD/container/profile` for a database client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Subject {
    /// Waivers match it. `*` stands for all subjects of the kind.
    pub id: String,
    /// Kind of the subject.
    pub kind: SubjectKind,
    /// The object that it is, or that it is a part of.
    pub object: ObjectRef,
}

/// Type of a fact as an expression sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactType {
    /// CEL type `bool`.
    Bool,
    /// CEL type `int`, a signed 64-bit integer.
    Int,
    /// CEL type `string`.
    String,
    /// CEL type `list(string)`.
    StringList,
}

/// One documented fact of a subject kind.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// camelCase, used as `subject.name` in expressions.
    pub name: &'static str,
    /// Type of a value that is not `null`.
    pub ty: FactType,
    /// The value may be `null`, which means that there is none. Such a fact may only be compared with `==` and `!=`.
    pub nullable: bool,
    /// Its documentation: the lines of its doc comment, each with a leading space and a line break.
    pub doc: &'static str,
    /// What must be read to compute it; may be empty.
    pub needs: &'static [Need],
}

/// A computed fact: a value (`null` only if nullable), or the reasons why it is unknown.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// The value, of the field's type.
    Value(Json),
    /// Why it is unknown; never empty.
    Unknown(Vec<Reason>),
}

/// Evidence of a fact: an object, a field in it with its value, and the rule that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// The object that the field is in.
    pub object: ObjectRef,
    /// Field path, such as `spec.postgresql.pg_hba[0]`; empty for the object as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The value there, already masked.
    #[serde(default)]
    pub value: Json,
    /// The rule that decides, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// That the field is omitted, and the default with which GKE creates it; the value is that default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted: Option<String>,
    /// Where the object was read; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Origin>,
}

/// The facts of one subject, by field name, with the evidence behind each.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// What the facts are about.
    pub subject: Subject,
    /// Facts by field name.
    pub values: BTreeMap<&'static str, Fact>,
    /// Evidence by field name; absent or empty if there is none.
    pub evidence: BTreeMap<&'static str, Vec<Evidence>>,
}

/// All subjects of one audit.
#[derive(Clone, Debug, Default)]
pub struct FactTable {
    /// Facts of the cluster, also visible to checks of every other kind. `None`: no cluster configuration given.
    pub cluster: Option<Facts>,
    /// Whether only node pools are described: the cluster itself is out of scope.
    pub pools_only: bool,
    /// Every other kind, sorted by subject id. A kind that is absent here is out of scope.
    pub subjects: BTreeMap<SubjectKind, Vec<Facts>>,
    /// Kinds whose subjects could not be listed, and why: each check of the kind gives one unknown with subject `*`.
    pub unlisted: BTreeMap<SubjectKind, Vec<Reason>>,
}

/// A Rust type that can be a fact.
pub trait FactValue {
    /// Its type in expressions.
    const TYPE: FactType;
    /// Whether a value may be `null`.
    const NULLABLE: bool = false;
    /// The value as JSON, of the type `TYPE` or `null`.
    fn into_json(self) -> Json;
}

impl FactValue for bool {
    const TYPE: FactType = FactType::Bool;
    fn into_json(self) -> Json {
        Json::Bool(self)
    }
}
impl FactValue for i64 {
    const TYPE: FactType = FactType::Int;
    fn into_json(self) -> Json {
        Json::from(self)
    }
}
impl FactValue for String {
    const TYPE: FactType = FactType::String;
    fn into_json(self) -> Json {
        Json::String(self)
    }
}
impl FactValue for Vec<String> {
    const TYPE: FactType = FactType::StringList;
    fn into_json(self) -> Json {
        Json::from(self)
    }
}
impl<T: FactValue> FactValue for Option<T> {
    const TYPE: FactType = T::TYPE;
    const NULLABLE: bool = true;
    fn into_json(self) -> Json {
        self.map_or(Json::Null, T::into_json)
    }
}

impl<T: FactValue> From<Known<T>> for Fact {
    fn from(k: Known<T>) -> Fact {
        match k {
            Known::Value(v) => Fact::Value(v.into_json()),
            Known::Unknown(r) => Fact::Unknown(r),
        }
    }
}

/// Declares the facts of one subject kind: a struct of [`Known`] values, its schema, and the conversion to a fact map.
#[macro_export]
macro_rules! facts {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $( $(#[doc = $doc:literal])+ $field:ident / $fact:literal : $ty:ty => [$($need:ident),*] ),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $doc])+ pub $field: $crate::inventory::Known<$ty>, )+
        }

        impl $name {
            /// The documented facts, in order of declaration.
            pub const SCHEMA: &'static [$crate::facts::schema::Field] = &[
                $( $crate::facts::schema::Field {
                    name: $fact,
                    ty: <$ty as $crate::facts::schema::FactValue>::TYPE,
                    nullable: <$ty as $crate::facts::schema::FactValue>::NULLABLE,
                    doc: concat!($($doc, "\n"),+),
                    needs: &[$($crate::inventory::Need::$need),*],
                } ),+
            ];

            /// The facts by name.
            pub fn into_values(self) -> std::collections::BTreeMap<&'static str, $crate::facts::schema::Fact> {
                let mut map = std::collections::BTreeMap::new();
                $( map.insert($fact, self.$field.into()); )+
                map
            }
        }
    };
}

/// Facts with their evidence, of one topic or of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// Facts by field name.
    pub values: BTreeMap<&'static str, Fact>,
    /// Evidence by field name; absent or empty if there is none.
    pub evidence: BTreeMap<&'static str, Vec<Evidence>>,
}

impl Sheet {
    /// Adds the facts of another topic.
    pub fn add(&mut self, other: Sheet) {
        self.values.extend(other.values);
        self.evidence.extend(other.evidence);
    }
}

/// Declares facts that are read from a configuration, one topic of a subject kind: a struct of
/// [`Reading`](super::reading::Reading) values, its schema, and the conversion to facts with evidence. Behind each fact stands the
/// rule by which its fields are read, in one sentence.
#[macro_export]
macro_rules! configuration_facts {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $( $(#[doc = $doc:literal])+ $field:ident / $fact:literal : $ty:ty => [$($need:ident),*], $rule:literal; )+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $doc])+ pub $field: $crate::facts::reading::Reading<$ty>, )+
        }

        impl $name {
            /// The documented facts, in order of declaration.
            pub(crate) const SCHEMA: &'static [$crate::facts::schema::Field] = &[
                $( $crate::facts::schema::Field {
                    name: $fact,
                    ty: <$ty as $crate::facts::schema::FactValue>::TYPE,
                    nullable: <$ty as $crate::facts::schema::FactValue>::NULLABLE,
                    doc: concat!($($doc, "\n"),+),
                    needs: &[$($crate::inventory::Need::$need),*],
                } ),+
            ];

            /// The facts by name.
            pub(crate) fn into_sheet(self) -> $crate::facts::schema::Sheet {
                let mut sheet = $crate::facts::schema::Sheet::default();
                $(
                    let (value, evidence) = self.$field.into_parts($rule);
                    sheet.values.insert($fact, value);
                    sheet.evidence.insert($fact, evidence);
                )+
                sheet
            }
        }
    };
}
