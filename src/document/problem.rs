//! A mistake in a file, with its position, and the name that was probably meant.

use std::fmt;

/// One mistake in an input file. Displays as `file:line:column: message`, or with as much of that as is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Display name of the file.
    pub file: String,
    /// 1-based; 0 where no line can be named.
    pub line: u32,
    /// 1-based, in characters; 0 where only the line is known.
    pub column: u32,
    /// One sentence, without the position.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}: {}", self.file, self.message),
            (line, 0) => write!(f, "{}:{line}: {}", self.file, self.message),
            (line, column) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// The candidate that `name` is most likely a misspelling of, or `None` where nothing is near.
fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&lower, &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, c)| c)
}

/// ` (did you mean "x"?)`, or nothing.
pub(crate) fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|c| format!(" (did you mean \"{c}\"?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("db-tls-reqired", ["db-tls-required", "db-tls"]), Some("db-tls-required"));
        assert_eq!(nearest("Namespaces", ["namespaces"]), Some("namespaces"));
        assert_eq!(nearest("zebra", ["namespaces", "databases"]), None);
        assert_eq!(nearest("", ["a", "namespaces"]), Some("a"));
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn a_problem_without_a_line_names_the_file_only() {
        let p = Problem { file: "f.yaml".into(), line: 0, column: 0, message: "is empty".into() };
        assert_eq!(p.to_string(), "f.yaml: is empty");
    }
}
