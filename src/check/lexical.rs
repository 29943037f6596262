//! What an expression needs before CEL parses it: the variable `namespace`, and the depth of its brackets.

use super::typing::Mistake;
use crate::facts::schema::SubjectKind;

/// `namespace` is a reserved word of CEL, but a variable of checks. Expressions are parsed with this word of the same length
/// instead, so that every offset stays the same.
const ESCAPED: &str = "namespac_";

/// The name of the variable that holds the facts of a kind, as the parsed expression has it.
pub(super) fn variable(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Namespace => ESCAPED,
        other => other.name(),
    }
}

/// The name of a variable as check files have it.
pub(super) fn display_name(variable: &str) -> &str {
    if variable == ESCAPED { SubjectKind::Namespace.name() } else { variable }
}

/// The text for CEL's parser: of equal length, with the variable `namespace` renamed.
///
/// # Errors
/// The text uses the substitute itself.
pub(super) fn escape_reserved(source: &str) -> Result<String, Vec<Mistake>> {
    let word = SubjectKind::Namespace.name();
    let mut escaped = source.to_string();
    for (start, name) in identifiers(source) {
        if name == ESCAPED {
            return Err(vec![Mistake { offset: start, message: format!("unknown name \"{ESCAPED}\"") }]);
        }
        let field = source[..start].trim_end().ends_with('.');
        if name == word && !field {
            escaped.replace_range(start..start + word.len(), ESCAPED);
        }
    }
    Ok(escaped)
}

/// Identifiers outside string literals, with their byte offsets.
fn identifiers(source: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start: Option<usize> = None;
    let mut end = 0;
    for (i, c) in outside_strings(source) {
        let part = c.is_ascii_alphanumeric() || c == '_';
        // A gap is a string literal between two words.
        if let Some(s) = start.filter(|_| !part || i != end) {
            found.push((s, &source[s..end]));
            start = None;
        }
        if part {
            start = start.or(Some(i));
            end = i + c.len_utf8();
        }
    }
    if let Some(s) = start {
        found.push((s, &source[s..end]));
    }
    found
}

/// Deepest nesting of brackets outside string literals.
pub(super) fn brackets(source: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for (_, c) in outside_strings(source) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The characters outside string literals, without the quotes, with their byte offsets.
fn outside_strings(source: &str) -> Vec<(usize, char)> {
    let mut out: Vec<(usize, char)> = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        if !matches!(c, '"' | '\'') {
            out.push((at, c));
            at += c.len_utf8();
            continue;
        }
        let raw = source[..at].ends_with(['r', 'R']);
        let triple = [c; 3].iter().collect::<String>();
        let quote = if source[at..].starts_with(&triple) { triple } else { c.to_string() };
        at += quote.len();
        while let Some(inner) = source[at..].chars().next() {
            if source[at..].starts_with(&quote) {
                at += quote.len();
                break;
            }
            at += inner.len_utf8();
            if inner == '\\' && !raw {
                at += source[at..].chars().next().map_or(0, char::len_utf8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_variable_is_renamed_in_place_and_nothing_else_is() {
        for (source, expected) in [
            ("namespace.name == 'x'", "namespac_.name == 'x'"),
            ("workload.namespace == 'x'", "workload.namespace == 'x'"),
            ("workload . namespace == 'x'", "workload . namespace == 'x'"),
            ("'namespace' == \"namespace\"", "'namespace' == \"namespace\""),
            (r"r'\' == namespace.x", r"r'\' == namespac_.x"),
            (r"'\'namespace' == namespace.x", r"'\'namespace' == namespac_.x"),
            ("'''a'namespace''' == namespace.x", "'''a'namespace''' == namespac_.x"),
            ("namespaces.exists(n, n)&&!namespace.b", "namespaces.exists(n, n)&&!namespac_.b"),
            ("'é' == namespace.x", "'é' == namespac_.x"),
            ("namespace", "namespac_"),
            ("'open namespace", "'open namespace"),
        ] {
            assert_eq!(escape_reserved(source).unwrap(), expected);
        }
        assert_eq!(escape_reserved("a || namespac_.x").unwrap_err()[0].offset, 5);
        assert_eq!(display_name("namespac_"), "namespace");
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let cases = [("", 0), ("(a[b])", 2), ("'((('", 0), (r#"(("(\"("))"#, 2), ("))((", 2), ("'''('(''' + (", 1)];
        for (source, expected) in cases {
            assert_eq!(brackets(source), expected, "{source}");
        }
    }
}
