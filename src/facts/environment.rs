//! The environment of an object: from the configuration, then from labels, then from words in its name.

use crate::config::{Config, PRODUCTION};
use crate::inventory::object::Labels;

/// An environment, and whether it is guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// As configured or labeled, or from a word in a name; synonyms such as `prod` become `production`.
    pub name: String,
    /// Taken only from a word in a name.
    pub guessed: bool,
}

/// Labels that name an environment, on the object or its namespace.
const LABELS: [&str; 5] = ["environment", "env", "stage", "app.kubernetes.io/environment", "app.kubernetes.io/env"];

/// The environment for a common name of it.
fn canonical(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "prod" | "production" | "prd" | "live" => PRODUCTION,
        "staging" | "stg" | "uat" | "qa" | "test" | "preprod" => "staging",
        "dev" | "development" | "sandbox" => "development",
        _ => return None,
    })
}

/// From whole words in a name, split at `-`, `_`, `.` and `/`: `product-api` does not contain `prod`.
fn from_name(name: &str) -> Option<Environment> {
    let mut found: Vec<&str> = name.split(['-', '_', '.', '/']).filter_map(canonical).collect();
    found.sort_unstable();
    found.dedup();
    // Two different environments contradict each other.
    match found.as_slice() {
        [one] => Some(Environment { name: (*one).to_owned(), guessed: true }),
        _ => None,
    }
}

fn from_labels(labels: &Labels) -> Option<Environment> {
    LABELS
        .iter()
        .find_map(|l| labels.get(l))
        .filter(|v| !v.is_empty())
        .map(|v| Environment { name: canonical(v).unwrap_or(v).to_owned(), guessed: false })
}

/// An environment from the configuration. Names are free, but `prod` is production too: a synonym must not lower the
/// severity of production findings.
fn configured(name: &str) -> Environment {
    let production = canonical(name) == Some(PRODUCTION);
    Environment { name: if production { PRODUCTION } else { name }.to_owned(), guessed: false }
}

/// The environment of a namespace: from the configuration, its labels, then words in its name.
pub fn of_namespace(config: &Config, name: &str, labels: &Labels) -> Option<Environment> {
    config.environment_of_namespace(name).map(configured).or_else(|| from_labels(labels)).or_else(|| from_name(name))
}

/// The environment of a database, which may be in a shared namespace: from the configuration, its labels and its name, then
/// that of its namespace.
pub fn of_database(
    config: &Config,
    id: &str,
    namespace: &str,
    name: &str,
    labels: &Labels,
    namespace_labels: &Labels,
) -> Option<Environment> {
    config
        .environment_of_database(id, namespace)
        .map(configured)
        .or_else(|| from_labels(labels))
        .or_else(|| from_name(name))
        .or_else(|| of_namespace(config, namespace, namespace_labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_count_and_contradictions_do_not() {
        let name = |n: &str| from_name(n).map(|e| e.name);
        assert_eq!(name("postgres-prod").as_deref(), Some("production"));
        assert_eq!(name("product-api"), None);
        assert_eq!(name("devops-tools"), None);
        assert_eq!(name("tomoda"), None);
        assert_eq!(name("prod-to-dev-copy"), None);
        assert_eq!(name("team_qa.eu").as_deref(), Some("staging"));
    }

    #[test]
    fn configuration_beats_labels_and_labels_beat_names() {
        let labels: Labels = [("env".to_owned(), "dev".to_owned())].into();
        let none = Config::default();
        assert_eq!(of_namespace(&none, "shop-prod", &labels).unwrap().name, "development");
        let known = crate::config::KnownNames::default();
        let config =
            Config::parse("c", "environments: {blue: {namespaces: [shop-prod]}}", &known).expect("a valid file");
        let e = of_namespace(&config, "shop-prod", &labels).unwrap();
        assert_eq!((e.name.as_str(), e.guessed), ("blue", false));
        let short = Config::parse("c", "environments: {prod: {namespaces: [shop]}}", &known).expect("a valid file");
        assert_eq!(of_namespace(&short, "shop", &Labels::new()).unwrap().name, PRODUCTION);
    }
}
