//! Names and labels that the API server would refuse. They are printed in commands, so an object of a file that has one
//! is an input error: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/> and
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>.

use crate::document::{Content, Cursor};

const REFUSED: &str = "the API server refuses this object";

/// Reports what of the names, the labels and the top-level fields of an object the API server refuses or does not know.
pub(super) fn check_object(c: &Cursor<'_>, kind: &str) {
    check_case(c, &["apiVersion", "kind", "metadata", "spec", "status", "data", "stringData", "items"]);
    let Some(metadata) = c.node.get("metadata").filter(|m| matches!(m.content, Content::Object(_))) else { return };
    let Some(m) = c.get("metadata").filter(|m| std::ptr::eq(m.node, metadata)) else { return };
    check_case(&m, &["name", "namespace", "labels", "annotations", "generateName", "ownerReferences", "uid"]);
    let is_namespace = kind == "Namespace";
    for (key, namespace) in [("name", is_namespace), ("namespace", true), ("generateName", false)] {
        let Some(field) = m.get(key) else { continue };
        let Some(text) = field.node.as_str().filter(|t| !t.is_empty()) else { continue };
        // The server appends letters and digits to the prefix.
        let name = if key == "generateName" { text.trim_end_matches(['-', '.']) } else { text };
        let (valid, form) = match namespace {
            true => (is_label_name(name), "at most 63 of a-z, 0-9 and -, with a letter or digit at both ends"),
            false => (is_object_name(name), "at most 253 of a-z, 0-9, - and ., with a letter or digit at both ends"),
        };
        if !valid {
            field.problem(format_args!("{} is not a valid name ({form}); {REFUSED}", shown(text)));
        }
    }
    for path in ["metadata.labels", "spec.template.metadata.labels", "spec.jobTemplate.spec.template.metadata.labels"] {
        if let Some(labels) = find(c, path) {
            check_labels(&labels);
        }
    }
}

/// The node at a path, without a problem where something on the way is no object: whoever reads it reports that.
fn find<'a>(c: &Cursor<'a>, path: &str) -> Option<Cursor<'a>> {
    path.split('.').try_fold(*c, |at, key| {
        let is_object = matches!(at.node.content, Content::Object(_));
        if is_object { at.get(key) } else { None }
    })
}

/// Reports labels whose keys or values the API server refuses.
pub(super) fn check_labels(labels: &Cursor<'_>) {
    let Content::Object(entries) = &labels.node.content else { return };
    for entry in entries {
        let position = (entry.line, entry.column);
        // What stands for a value that a document does not have.
        if entry.key.starts_with('$') {
            continue;
        }
        if !is_label_key(&entry.key) {
            labels.problem_at(position, format_args!("{} is not a valid label key; {REFUSED}", shown(&entry.key)));
        }
        if let Some(value) = entry.value.as_str()
            && !is_label_value(value)
        {
            labels.problem_at(
                position,
                format_args!(
                    "{} is not a valid label value (at most 63 of letters, digits, -, _ and .); {REFUSED}",
                    shown(value)
                ),
            );
        }
    }
}

/// The text in quotes, with escapes and cut, as a message quotes it.
fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{:?} and so on", &text[..cut]),
        None => format!("{text:?}"),
    }
}

/// Reports keys that differ from a known one only by case: kubectl refuses them, and the server drops them.
fn check_case(c: &Cursor<'_>, known: &[&str]) {
    let Content::Object(entries) = &c.node.content else { return };
    for entry in entries {
        let meant = known.iter().find(|k| **k != entry.key && k.eq_ignore_ascii_case(&entry.key));
        if let Some(meant) = meant {
            let message = format_args!("unknown field {:?} (did you mean {meant:?}?); kubectl refuses it", entry.key);
            c.problem_without_path((entry.line, entry.column), message);
        }
    }
}

fn is_alphanumeric_at_ends(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    ends(text.chars().next()) && ends(text.chars().next_back())
}

/// A label of RFC 1123.
fn is_label_name(text: &str) -> bool {
    text.len() <= 63
        && is_alphanumeric_at_ends(text)
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A subdomain of RFC 1123, with `_`: it is harmless wherever a name is printed, and published examples contain it.
fn is_object_name(text: &str) -> bool {
    text.len() <= 253
        && is_alphanumeric_at_ends(text)
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b))
}

fn is_label_value(text: &str) -> bool {
    text.is_empty()
        || text.len() <= 63
            && is_alphanumeric_at_ends(text)
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_label_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_object_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_api_server_validates_them() {
        for (text, namespace, object) in [
            ("a", true, true),
            ("a-1", true, true),
            ("a.b", false, true),
            ("-a", false, false),
            ("a-", false, false),
            ("A", false, false),
            ("a_b", false, true),
            ("a b", false, false),
            ("a\nb", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_label_name(text), is_object_name(text)), (namespace, object), "{text:?}");
        }
        for (text, key, value) in [
            ("app", true, true),
            ("app.kubernetes.io/name", true, false),
            ("A_b.c", true, true),
            ("", false, true),
            ("a/", false, false),
            ("a/b/c", false, false),
            ("a;b", false, false),
            ("a$(b)", false, false),
        ] {
            assert_eq!((is_label_key(text), is_label_value(text)), (key, value), "{text:?}");
        }
    }
}
