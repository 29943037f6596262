//! Applies the table of attributes to a resource: the result is the JSON that the GKE API would print.
//!
//! Where the document does not have a value, the JSON has the reason in its place.

use serde_json::{Map, Value, json};

use crate::document::Unavailable;
use crate::document::path::join;

use super::document::{Form, Resource, is_marked};
use super::mapping::{Absent, Kind, Presence, Rule};

/// A value of Terraform that has a field in the API.
pub struct Written {
    pub attribute: String,
    /// Path in the API.
    pub path: String,
    pub kind: Kind,
}

pub(super) struct Mapper {
    form: Form,
    created: bool,
    /// What the resource states, for comparing.
    pub written: Vec<Written>,
}

impl Mapper {
    pub(super) fn new(form: Form, resource: &Resource) -> Self {
        Mapper { form, created: resource.created, written: Vec::new() }
    }

    /// Maps the attributes of one object. `unknown` has the shape of `values`, with `true` for what is known after apply.
    pub(super) fn map(&mut self, rules: &[Rule], values: &Value, unknown: &Value) -> Map<String, Value> {
        self.object(rules, values, unknown, &Place::default())
    }

    fn object(&mut self, rules: &[Rule], values: &Value, unknown: &Value, place: &Place) -> Map<String, Value> {
        let mut out = Map::new();
        for rule in rules {
            let value = values.get(rule.attribute);
            let unknown = unknown.get(rule.attribute).unwrap_or(&Value::Null);
            let place = place.below(rule);
            match rule.kind {
                Kind::Block(presence, inner) => match self.content(rule, value, unknown) {
                    Ok(None) => {}
                    Ok(Some((content, unknown))) => {
                        let fields = self.block(presence, inner, content, unknown, &place);
                        merge(&mut out, &rule.path(), fields);
                    }
                    // The object has fields of other attributes too: only its own are unknown.
                    Err(why) if presence == Presence::Shared => {
                        for own in inner {
                            set(&mut out, &join(&rule.path(), &own.path()), why.to_json());
                        }
                    }
                    Err(why) => set(&mut out, &rule.path(), why.to_json()),
                },
                _ => match self.leaf(rule, value, unknown, place) {
                    Ok(None) => {}
                    Ok(Some(value)) => set(&mut out, &rule.path(), value),
                    Err(why) => set(&mut out, &rule.path(), why.to_json()),
                },
            }
        }
        out
    }

    /// Why a value that is not there is not known; `None`: it is not set. `listed`: the document has the attribute.
    fn absent(&self, rule: &Rule, listed: bool) -> Option<Unavailable> {
        match (rule.absent, self.form) {
            (Absent::Computed, Form::Plan) if self.created || !listed => Some(Unavailable::KnownAfterApply),
            (Absent::Computed, Form::State) if !listed => Some(Unavailable::NotRecorded),
            (Absent::Computed, Form::Spec) => Some(Unavailable::NotWritten),
            _ => None,
        }
    }

    /// The content of a block with the shape of what is unknown in it; `None`: the block is not there.
    fn content<'v>(
        &self,
        rule: &Rule,
        value: Option<&'v Value>,
        unknown: &'v Value,
    ) -> Result<Option<(&'v Value, &'v Value)>, Unavailable> {
        if *unknown == Value::Bool(true) {
            return Err(Unavailable::KnownAfterApply);
        }
        let items = match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items.as_slice(),
            Some(other) => return Err(Unavailable::from_json(other).unwrap_or(Unavailable::Unreadable)),
        };
        let of_item = unknown.get(0).unwrap_or(&Value::Null);
        if *of_item == Value::Bool(true) {
            return Err(Unavailable::KnownAfterApply);
        }
        match items {
            // A part of it is known after apply, and the rest is not there.
            [] if is_marked(unknown) => Err(Unavailable::KnownAfterApply),
            [] => self.absent(rule, value.is_some()).map_or(Ok(None), Err),
            [item @ (Value::Object(_) | Value::Null)] => match Unavailable::from_json(item) {
                Some(why) => Err(why),
                None => Ok(Some((item, of_item))),
            },
            _ => Err(Unavailable::Unreadable),
        }
    }

    /// The fields of a block that is there.
    fn block(
        &mut self,
        presence: Presence,
        rules: &[Rule],
        content: &Value,
        unknown: &Value,
        place: &Place,
    ) -> Map<String, Value> {
        let mut fields = self.object(rules, content, unknown, place);
        let enabled = match presence {
            Presence::Enabled => Value::Bool(true),
            Presence::EnabledBy(field) => match fields.get(field) {
                None => Value::Bool(false),
                Some(Value::String(_)) => Value::Bool(true),
                Some(unavailable) => unavailable.clone(),
            },
            Presence::Silent | Presence::Shared => return fields,
        };
        if enabled.is_boolean() {
            let (attribute, path) = (place.attribute.clone(), join(&place.path, "enabled"));
            self.written.push(Written { attribute, path, kind: Kind::Bool });
        }
        fields.insert("enabled".to_owned(), enabled);
        fields
    }

    /// The value of an attribute that is no block; `None`: the API leaves the field out.
    fn leaf(
        &mut self,
        rule: &Rule,
        value: Option<&Value>,
        unknown: &Value,
        place: Place,
    ) -> Result<Option<Value>, Unavailable> {
        if is_marked(unknown) {
            return Err(Unavailable::KnownAfterApply);
        }
        let value = match (value, rule.absent) {
            (None | Some(Value::Null), Absent::Bool(default)) => return Ok(Some(Value::Bool(default))),
            (None | Some(Value::Null), Absent::Text(default)) => return Ok(Some(Value::from(default))),
            (None | Some(Value::Null), _) => return self.absent(rule, value.is_some()).map_or(Ok(None), Err),
            (Some(value), _) => value,
        };
        if let Some(why) = Unavailable::within(value) {
            return Err(why);
        }
        let found = match (rule.kind, value) {
            (Kind::Text | Kind::TextBool | Kind::VpcNative | Kind::Words(_), Value::String(s)) if s.is_empty() => {
                return Ok(None);
            }
            (Kind::Bool, Value::Bool(_)) | (Kind::Text, Value::String(_)) | (Kind::Number, Value::Number(_)) => {
                value.clone()
            }
            (Kind::TextBool, Value::String(s)) if matches!(s.as_str(), "TRUE" | "FALSE") => Value::Bool(s == "TRUE"),
            (Kind::VpcNative, Value::String(s)) if matches!(s.as_str(), "VPC_NATIVE" | "ROUTES") => {
                Value::Bool(s == "VPC_NATIVE")
            }
            (Kind::Words(words), Value::String(s)) => match words.iter().find(|(terraform, _)| terraform == s) {
                Some((_, api)) => Value::from(*api),
                None => value.clone(),
            },
            (Kind::Allowlist, Value::Array(items)) if *items == [json!("")] => json!([]),
            (Kind::Texts | Kind::Allowlist, Value::Array(items)) if items.iter().all(Value::is_string) => value.clone(),
            (Kind::Labels, Value::Object(map)) if map.values().all(|v| v.is_string() || v.is_null()) => value.clone(),
            (Kind::Repeated(rules), Value::Array(items)) if items.iter().all(Value::is_object) => {
                items.iter().map(|item| self.member(rules, item)).collect()
            }
            (Kind::Exclusions(rules), Value::Array(items)) => {
                let by_name = items.iter().map(|item| {
                    let name = item.get("exclusion_name").and_then(Value::as_str).ok_or(Unavailable::Unreadable)?;
                    Ok((name.to_owned(), self.member(rules, item)))
                });
                Value::Object(by_name.collect::<Result<_, _>>()?)
            }
            _ => return Err(Unavailable::Unreadable),
        };
        self.written.push(Written { attribute: place.attribute, path: place.path, kind: rule.kind });
        // The API leaves out an empty list, and the object that would hold nothing else.
        let is_left_out = matches!(rule.kind, Kind::Texts | Kind::Allowlist) && *value == json!([]);
        Ok((!is_left_out).then_some(found))
    }

    /// A member of a list, which has no place of its own to compare at.
    fn member(&self, rules: &[Rule], value: &Value) -> Value {
        let mut own = Mapper { form: self.form, created: self.created, written: Vec::new() };
        Value::Object(own.map(rules, value, &Value::Null))
    }
}

/// Puts a value at a path.
fn set(out: &mut Map<String, Value>, path: &str, value: Value) {
    if let Some((object, key)) = enclosing_object(out, path) {
        object.insert(key.to_owned(), value);
    }
}

/// Puts fields into the object at a path, which is there afterwards even without any.
fn merge(out: &mut Map<String, Value>, path: &str, fields: Map<String, Value>) {
    if let Some((object, key)) = enclosing_object(out, path)
        && let Some(fields_there) = object_at(object, key)
    {
        fields_there.extend(fields);
    }
}

/// The object that the last key of a path is in, made where it is not there. `None` if it is not known.
fn enclosing_object<'o, 'p>(
    out: &'o mut Map<String, Value>,
    path: &'p str,
) -> Option<(&'o mut Map<String, Value>, &'p str)> {
    match path.split_once('.') {
        None => Some((out, path)),
        Some((key, rest)) => enclosing_object(object_at(out, key)?, rest),
    }
}

fn object_at<'o>(out: &'o mut Map<String, Value>, key: &str) -> Option<&'o mut Map<String, Value>> {
    let value = out.entry(key).or_insert_with(|| json!({}));
    if Unavailable::from_json(value).is_some() { None } else { value.as_object_mut() }
}

/// Where a rule is, in Terraform and in the API.
#[derive(Default)]
struct Place {
    attribute: String,
    path: String,
}

impl Place {
    fn below(&self, rule: &Rule) -> Place {
        Place { attribute: join(&self.attribute, rule.attribute), path: join(&self.path, &rule.path()) }
    }
}
