//! Patterns with `*`.

/// A pattern in which `*` matches any run of characters, `/` included, and everything else matches itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern from its text; every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Pattern(text.into())
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of `text` matches, in time proportional to the product of the lengths at worst.
    pub fn matches(&self, text: &str) -> bool {
        let (p, t) = (self.0.as_bytes(), text.as_bytes());
        let (mut i, mut j) = (0, 0);
        // Where to continue after a mismatch: after the last `*`, which then matches one more byte of text.
        let mut retry: Option<(usize, usize)> = None;
        while j < t.len() {
            if p.get(i) == Some(&b'*') {
                retry = Some((i + 1, j));
                i += 1;
            } else if p.get(i) == t.get(j) {
                i += 1;
                j += 1;
            } else if let Some((after, from)) = retry {
                retry = Some((after, from + 1));
                i = after;
                j = from + 1;
            } else {
                return false;
            }
        }
        p.iter().skip(i).all(|c| *c == b'*')
    }

    /// Orders patterns: those without `*` above all others, then by the number of literal bytes.
    pub(super) fn specificity(&self) -> (bool, usize) {
        let literal = self.0.bytes().filter(|c| *c != b'*').count();
        (literal == self.0.len(), literal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_run_and_the_rest_is_literal() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "prod/Deployment/api", true),
            ("prod/*", "prod/Deployment/api", true),
            ("prod/*", "prod", false),
            ("*/api", "prod/Deployment/api", true),
            ("*/api", "prod/Deployment/api2", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
            ("pay-*", "pay-", true),
            ("pay-?", "pay-x", false),
            ("p.d", "pod", false),
            ("", "", true),
            ("", "x", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let p = Pattern::new("a*".repeat(200));
        assert!(!p.matches(&format!("{}b", "c".repeat(5000))));
    }
}
