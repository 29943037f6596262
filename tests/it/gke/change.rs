//! Changes one value of a configuration, at a path as evidence names it.

use gke_posture::facts::schema::Evidence;
use serde_json::{Value, json};

enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((key, after)) = rest.strip_prefix("[\"").and_then(|r| r.split_once("\"]")) {
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some((index, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            steps.push(Step::Index(index.parse().unwrap()));
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            steps.push(Step::Key(plain[..end].to_owned()));
            rest = &plain[end..];
        }
    }
    steps
}

/// The path in the Cluster resource that a piece of evidence is about; `None` for other objects.
pub(crate) fn path_of(cluster: &Value, e: &Evidence) -> Option<String> {
    match e.object.kind.as_str() {
        "Cluster" => Some(e.path.clone()),
        "NodePool" => {
            let pools = cluster["nodePools"].as_array()?;
            let at = pools.iter().position(|p| p["name"] == e.object.name.as_str())?;
            Some(format!("nodePools[{at}].{}", e.path))
        }
        _ => None,
    }
}

/// The value at a path; null where there is none.
pub(crate) fn get<'v>(cluster: &'v Value, path: &str) -> &'v Value {
    let mut at = cluster;
    for step in steps(path) {
        at = match step {
            Step::Key(key) => &at[key.as_str()],
            Step::Index(i) => &at[i],
        };
    }
    at
}

/// Puts a value there, with what must stand around it. False where something that is no object is in the way.
pub(crate) fn set(cluster: &mut Value, path: &str, value: Value) -> bool {
    let mut at = cluster;
    for step in steps(path) {
        at = match step {
            Step::Key(key) => {
                if at.is_null() {
                    *at = json!({});
                }
                match at.as_object_mut() {
                    Some(map) => map.entry(key).or_insert(Value::Null),
                    None => return false,
                }
            }
            Step::Index(i) => match at.get_mut(i) {
                Some(v) => v,
                None => return false,
            },
        };
    }
    *at = value;
    true
}

/// What no rule may take for a value of the same kind.
pub(crate) fn broken(value: &Value) -> Vec<Value> {
    let mut all = vec![Value::Null, json!([[]])];
    match value {
        Value::Bool(_) => all.extend([json!("yes"), json!(7777), json!({})]),
        Value::String(s) => {
            all.extend([json!(7777), json!(true), json!({})]);
            // An enum may get values that do not exist yet.
            if !s.is_empty() && s.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
                all.extend([json!("BRAND_NEW"), json!(99)]);
            }
        }
        Value::Array(_) => all.extend([json!({}), json!("x"), json!(7777)]),
        Value::Object(_) => all.extend([json!([]), json!("x"), json!(7777)]),
        Value::Number(_) => all.extend([json!("x"), json!({}), json!(true)]),
        Value::Null => {}
    }
    all
}

/// Paths of all values of a configuration, inner ones too.
pub(crate) fn paths(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, v) in map {
                    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
                    let inner = match (path.is_empty(), plain) {
                        (true, _) => key.clone(),
                        (false, true) => format!("{path}.{key}"),
                        (false, false) => format!("{path}[\"{key}\"]"),
                    };
                    out.push(inner.clone());
                    walk(v, &inner, out);
                }
            }
            Value::Array(items) => {
                for (i, v) in items.iter().enumerate() {
                    let inner = format!("{path}[{i}]");
                    out.push(inner.clone());
                    walk(v, &inner, out);
                }
            }
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}
