//! Applies the table of attributes to a resource: out comes the JSON that the GKE API would print.
//!
//! What is not known stands in that JSON as a marker of a type that no field has there, so that no reader takes it for a
//! value, nor for absent: where the API has an object, the marker is in a list.

use serde_json::{Map, Value, json};

use super::document::{Form, Resource, SENSITIVE, marked};
use super::mapping::{Absent, Kind, Presence, Rule, Unrecorded};

/// Why a value is not known, as the key of a marker.
#[derive(Clone, Copy)]
pub enum Why {
    AfterApply,
    Sensitive,
    /// The document does not hold the attribute: the provider's version does not record it.
    Unrecorded,
    /// Not written in a Config Connector resource, so that GKE chooses.
    Unwritten,
    /// Not of the type that the provider gives it.
    Unreadable,
}

impl Why {
    fn marker(self) -> Value {
        let key = match self {
            Why::AfterApply => "$unknownUntilApply",
            Why::Sensitive => SENSITIVE,
            Why::Unrecorded => "$notInTerraform",
            Why::Unwritten => "$notWritten",
            Why::Unreadable => "$unreadable",
        };
        json!({ key: true })
    }

    /// Where the API has a text, a number, a switch or a list.
    pub fn plain(self) -> Value {
        self.marker()
    }

    /// Where the API has an object.
    pub fn object(self) -> Value {
        Value::Array(vec![self.marker()])
    }
}

/// A value of Terraform that has a field in the API.
pub struct Written {
    pub attribute: String,
    /// Path in the API.
    pub path: String,
    pub kind: Kind,
}

pub struct Mapper {
    form: Form,
    created: bool,
    /// What the resource says about itself, for comparing.
    pub written: Vec<Written>,
}

impl Mapper {
    pub fn new(form: Form, resource: &Resource) -> Self {
        Mapper { form, created: resource.created, written: Vec::new() }
    }

    /// Maps the attributes of one object. `values` is it, `unknown` has the shape of what is known after the apply.
    pub fn map(&mut self, rules: &[Rule], values: &Value, unknown: &Value) -> Map<String, Value> {
        let mut out = Map::new();
        self.object(rules, values, unknown, &mut out, &Place::default());
        out
    }

    fn object(&mut self, rules: &[Rule], values: &Value, unknown: &Value, out: &mut Map<String, Value>, at: &Place) {
        for rule in rules {
            let value = values.get(rule.tf);
            let unknown = unknown.get(rule.tf).unwrap_or(&Value::Null);
            let at = at.below(rule);
            match rule.kind {
                Kind::Block(presence, inner) => self.block(rule, presence, inner, value, unknown, out, &at),
                _ => {
                    if let Some(found) = self.leaf(rule, value, unknown, &at) {
                        set(out, rule.api, found);
                    }
                }
            }
        }
    }

    /// Why a value that is not there is not known; `None`: it is not set.
    fn absent(&self, rule: &Rule, present: bool) -> Option<Why> {
        match (rule.absent, self.form) {
            (Absent::Computed, Form::Plan) if self.created || !present => Some(Why::AfterApply),
            (Absent::Computed, Form::State) if !present => Some(Why::Unrecorded),
            (Absent::Computed, Form::Spec) => Some(Why::Unwritten),
            _ => None,
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn block(
        &mut self,
        rule: &Rule,
        presence: Presence,
        inner: &[Rule],
        value: Option<&Value>,
        unknown: &Value,
        out: &mut Map<String, Value>,
        at: &Place,
    ) {
        let not_known = |why: Why, out: &mut Map<String, Value>| match presence {
            // The object has fields of others too: only its own are not known.
            Presence::Shared => {
                for own in inner {
                    set(out, &dot(rule.api, own.api), blank(own, why));
                }
            }
            _ => set(out, rule.api, why.object()),
        };
        let content = match (value, unknown) {
            (_, Value::Bool(true)) => return not_known(Why::AfterApply, out),
            // A part of it is known after the apply, and the rest not there.
            (None | Some(Value::Null), unknown) if marked(unknown) => return not_known(Why::AfterApply, out),
            (Some(Value::Array(items)), unknown) if items.is_empty() && marked(unknown) => {
                return not_known(Why::AfterApply, out);
            }
            (Some(v), _) if v.get(SENSITIVE).is_some() => return not_known(Why::Sensitive, out),
            (Some(Value::Array(items)), _) if items.len() == 1 => match &items[0] {
                Value::Null => json!({}),
                v if v.get(SENSITIVE).is_some() => return not_known(Why::Sensitive, out),
                v @ Value::Object(_) => v.clone(),
                _ => return not_known(Why::Unreadable, out),
            },
            (Some(Value::Array(items)), _) if items.is_empty() => {
                return self.absent(rule, true).map_or((), |why| not_known(why, out));
            }
            (None | Some(Value::Null), _) => {
                return self.absent(rule, value.is_some()).map_or((), |why| not_known(why, out));
            }
            _ => return not_known(Why::Unreadable, out),
        };
        let unknown = match unknown {
            Value::Array(items) => items.first().unwrap_or(&Value::Null),
            _ => &Value::Null,
        };
        if *unknown == Value::Bool(true) {
            return not_known(Why::AfterApply, out);
        }
        let mut fields = Map::new();
        self.object(inner, &content, unknown, &mut fields, at);
        let enabled = match presence {
            Presence::Enabled => Some(Value::Bool(true)),
            Presence::EnabledBy(field) => Some(match fields.get(field) {
                None => Value::Bool(false),
                Some(Value::String(_)) => Value::Bool(true),
                Some(marker) => marker.clone(),
            }),
            Presence::Silent | Presence::Shared => None,
        };
        if let Some(enabled) = enabled {
            let (attribute, path) = (at.attribute.clone(), dot(&at.path, "enabled"));
            self.written.extend(enabled.is_boolean().then_some(Written { attribute, path, kind: Kind::Bool }));
            fields.insert("enabled".to_owned(), enabled);
        }
        merge(out, rule.api, fields);
    }

    fn leaf(&mut self, rule: &Rule, value: Option<&Value>, unknown: &Value, at: &Place) -> Option<Value> {
        if marked(unknown) {
            return Some(blank(rule, Why::AfterApply));
        }
        let value = match value {
            None | Some(Value::Null) => {
                return match (rule.absent, self.absent(rule, value.is_some())) {
                    (Absent::Bool(b), _) => Some(Value::Bool(b)),
                    (Absent::Text(t), _) => Some(Value::from(t)),
                    (_, Some(why)) => Some(blank(rule, why)),
                    (_, None) => None,
                };
            }
            Some(v) => v,
        };
        if is_sensitive(value) {
            return Some(blank(rule, Why::Sensitive));
        }
        let written = || Written { attribute: at.attribute.clone(), path: at.path.clone(), kind: rule.kind };
        let found = match (rule.kind, value) {
            (Kind::Bool, Value::Bool(_)) => value.clone(),
            (Kind::Text, Value::String(s)) => match s.is_empty() {
                // The API leaves out an empty text.
                true => return None,
                false => value.clone(),
            },
            (Kind::TextBool, Value::String(s)) => match s.as_str() {
                "" => return None,
                "TRUE" => Value::Bool(true),
                "FALSE" => Value::Bool(false),
                _ => return Some(Why::Unreadable.plain()),
            },
            (Kind::VpcNative, Value::String(s)) => match s.as_str() {
                "" => return None,
                "VPC_NATIVE" => Value::Bool(true),
                "ROUTES" => Value::Bool(false),
                _ => return Some(Why::Unreadable.plain()),
            },
            (Kind::Number, Value::Number(_)) => value.clone(),
            (Kind::Texts, Value::Array(items)) if items.iter().all(Value::is_string) => match items.is_empty() {
                // The API leaves out an empty list, and the object that would hold nothing else.
                true => {
                    self.written.push(written());
                    return None;
                }
                false => value.clone(),
            },
            (Kind::Labels, Value::Object(map)) if map.values().all(|v| v.is_string() || v.is_null()) => value.clone(),
            (Kind::Repeated(rules), Value::Array(items)) if items.iter().all(Value::is_object) => {
                Value::Array(items.iter().map(|i| Value::Object(self.member(rules, i))).collect())
            }
            (Kind::Exclusions(rules), Value::Array(items)) => {
                let mut by_name = Map::new();
                for item in items {
                    let Some(name) = item.get("exclusion_name").and_then(Value::as_str) else {
                        return Some(Why::Unreadable.object());
                    };
                    by_name.insert(name.to_owned(), Value::Object(self.member(rules, item)));
                }
                Value::Object(by_name)
            }
            _ => return Some(blank(rule, Why::Unreadable)),
        };
        self.written.push(written());
        Some(found)
    }

    /// A member of a list, which has no place of its own to compare at.
    fn member(&self, rules: &[Rule], value: &Value) -> Map<String, Value> {
        let mut own = Mapper { form: self.form, created: self.created, written: Vec::new() };
        own.map(rules, value, &Value::Null)
    }
}

/// Marks what Terraform does not record, where nothing else is known of it.
pub fn mark_unrecorded(form: Form, config: &mut Map<String, Value>, fields: &[Unrecorded]) {
    let why = if form == Form::Spec { Why::Unwritten } else { Why::Unrecorded };
    for field in fields {
        let marker = if field.object { why.object() } else { why.plain() };
        mark(config, field.api, marker);
    }
}

fn mark(out: &mut Map<String, Value>, path: &str, marker: Value) {
    match path.split_once('.') {
        None => {
            out.entry(path).or_insert(marker);
        }
        Some((key, rest)) => {
            if let Value::Object(inner) = out.entry(key).or_insert_with(|| json!({})) {
                mark(inner, rest, marker);
            }
        }
    }
}

/// A marker of the type that the rule's field does not have.
fn blank(rule: &Rule, why: Why) -> Value {
    match rule.kind {
        Kind::Block(..) | Kind::Labels | Kind::Exclusions(_) => why.object(),
        _ => why.plain(),
    }
}

fn is_sensitive(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key(SENSITIVE) || map.values().any(is_sensitive),
        Value::Array(items) => items.iter().any(is_sensitive),
        _ => false,
    }
}

/// Puts a value at a path. What is not known on the way stays as it is.
fn set(out: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            out.insert(path.to_owned(), value);
        }
        Some((key, rest)) => {
            if let Value::Object(inner) = out.entry(key).or_insert_with(|| json!({})) {
                set(inner, rest, value);
            }
        }
    }
}

/// Puts fields into the object at a path, which is there afterwards even without any.
fn merge(out: &mut Map<String, Value>, path: &str, fields: Map<String, Value>) {
    match path.split_once('.') {
        None => {
            if let Value::Object(inner) = out.entry(path).or_insert_with(|| json!({})) {
                inner.extend(fields);
            }
        }
        Some((key, rest)) => {
            if let Value::Object(inner) = out.entry(key).or_insert_with(|| json!({})) {
                merge(inner, rest, fields);
            }
        }
    }
}

fn dot(a: &str, b: &str) -> String {
    if a.is_empty() { b.to_owned() } else { format!("{a}.{b}") }
}

/// Where a rule is, in Terraform and in the API.
#[derive(Default)]
struct Place {
    attribute: String,
    path: String,
}

impl Place {
    fn below(&self, rule: &Rule) -> Place {
        Place { attribute: dot(&self.attribute, rule.tf), path: dot(&self.path, rule.api) }
    }
}
