//! `labelSelector` and `fieldSelector`. What is not understood is refused, never ignored.

use serde_json::Value;

use super::super::serve::Request;

#[derive(Debug, Default)]
pub(super) struct Selector {
    labels: Vec<(String, Label)>,
    /// JSON pointer, wanted, value.
    fields: Vec<(String, bool, String)>,
}

#[derive(Debug)]
enum Label {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl Selector {
    pub(super) fn of(request: &Request) -> Result<Selector, String> {
        let mut selector = Selector::default();
        for term in terms(&request.parameter("labelSelector").unwrap_or_default()) {
            selector.labels.push(label(&term)?);
        }
        for term in terms(&request.parameter("fieldSelector").unwrap_or_default()) {
            selector.fields.push(field(&term)?);
        }
        Ok(selector)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label = |(key, wanted): &(String, Label)| {
            let value = labels[key].as_str();
            match wanted {
                Label::Exists => value.is_some(),
                Label::Absent => value.is_none(),
                Label::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
                Label::NotIn(values) => value.is_none_or(|v| values.iter().all(|w| w != v)),
            }
        };
        let field = |(pointer, wanted, value): &(String, bool, String)| {
            let found = object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            (found == value) == *wanted
        };
        self.labels.iter().all(label) && self.fields.iter().all(field)
    }
}

/// Splits at commas outside parentheses.
fn terms(text: &str) -> Vec<String> {
    let (mut terms, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match c {
            ',' if depth == 0 => terms.push(String::new()),
            c => terms.last_mut().unwrap().push(c),
        }
    }
    terms.into_iter().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
}

fn label(term: &str) -> Result<(String, Label), String> {
    let set = |rest: &str| -> Option<Vec<String>> {
        let inner = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|v| v.trim().to_owned()).collect())
    };
    let found = if let Some((key, values)) = term.split_once(" notin ") {
        set(values).map(|v| (key, Label::NotIn(v)))
    } else if let Some((key, values)) = term.split_once(" in ") {
        set(values).map(|v| (key, Label::In(v)))
    } else if let Some((key, value)) = term.split_once("!=") {
        Some((key, Label::NotIn(vec![value.trim().to_owned()])))
    } else if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        Some((key, Label::In(vec![value.trim().to_owned()])))
    } else if let Some(key) = term.strip_prefix('!') {
        Some((key, Label::Absent))
    } else {
        Some((term, Label::Exists))
    };
    match found {
        Some((key, label)) if !key.trim().is_empty() && !key.trim().contains(' ') => Ok((key.trim().to_owned(), label)),
        _ => Err(format!("unable to parse requirement: {term}")),
    }
}

/// The fields that pods, services and secrets can be selected by, and names.
fn field(term: &str) -> Result<(String, bool, String), String> {
    let (path, wanted, value) = if let Some((path, value)) = term.split_once("!=") {
        (path, false, value)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, true, value)
    } else {
        return Err(format!("invalid selector: '{term}'; can't understand '{term}'"));
    };
    const KNOWN: [&str; 7] = [
        "metadata.name",
        "metadata.namespace",
        "spec.nodeName",
        "spec.restartPolicy",
        "status.phase",
        "status.podIP",
        "type",
    ];
    if !KNOWN.contains(&path) {
        return Err(format!("field label not supported: {path}"));
    }
    Ok((format!("/{}", path.replace('.', "/")), wanted, value.to_owned()))
}
