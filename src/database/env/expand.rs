//! `$(VAR)` expansion: one pass, `$$` is an escaped dollar, an unknown reference stays as it is.

use super::value::Template;

/// Expands `text`; `lookup` gives the value of a name, `None` when it is certain that there is none.
pub(super) fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<Template>) -> Template {
    let mut out = Template::default();
    let mut rest = text;
    while let Some(i) = rest.find('$') {
        out.push_str(&rest[..i]);
        let tail = &rest[i + 1..];
        rest = match tail.chars().next() {
            Some('$') => {
                out.push_str("$");
                &tail[1..]
            }
            Some('(') => match tail.find(')') {
                Some(end) => {
                    let name = &tail[1..end];
                    match lookup(name) {
                        Some(value) => out.extend(value),
                        None => out.push_str(&rest[i..i + end + 2]),
                    }
                    &tail[end + 1..]
                }
                // Never closed: the text stays, and what follows the parenthesis is read as usual.
                None => {
                    out.push_str("$(");
                    &tail[1..]
                }
            },
            _ => {
                out.push_str("$");
                tail
            }
        };
    }
    out.push_str(rest);
    out
}
