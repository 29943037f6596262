//! Paths into a JSON document, such as `nodePools[1].config.metadata["a.b"]`.

/// One step from a value to a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

/// The steps of a path: `nodePools[1].x["a.b"]` → nodePools, 1, x, a.b.
pub(crate) fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((key, after)) = rest.strip_prefix("[\"").and_then(|r| r.split_once("\"]")) {
            steps.push(Step::Key(key));
            rest = after;
        } else if let Some((index, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            // Paths are written by this program. An index that is no number leads nowhere.
            steps.push(index.parse().map_or(Step::Key(index), Step::Index));
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let (key, after) = plain.split_at(plain.find(['.', '[']).unwrap_or(plain.len()));
            steps.push(Step::Key(key));
            rest = after;
        }
    }
    steps
}

/// The path of a field below `path`; `path` may be empty.
pub(crate) fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The path of an entry of the map at `path`, whose key a user has chosen and may contain dots.
pub(crate) fn entry(path: &str, key: &str) -> String {
    match key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') && !key.is_empty() {
        true => format!("{path}.{key}"),
        false => format!("{path}[\"{key}\"]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_keys_indexes_and_quoted_keys() {
        assert_eq!(
            steps(r#"a.b[1].c["d.e"].f"#),
            [Step::Key("a"), Step::Key("b"), Step::Index(1), Step::Key("c"), Step::Key("d.e"), Step::Key("f")]
        );
        assert!(steps("").is_empty());
        assert_eq!(steps("[x]"), [Step::Key("x")]);
        for key in ["a", "a.b", ""] {
            assert_eq!(steps(&entry("m", key)), [Step::Key("m"), Step::Key(key)]);
        }
    }
}
