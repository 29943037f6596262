//! The environment of an object: from the configuration, then from labels, then from words in its name.

use std::collections::BTreeSet;

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

/// Every environment that labels name.
fn label_environments(labels: &Labels) -> BTreeSet<&str> {
    let values = LABELS.iter().filter_map(|l| labels.get(l)).filter(|v| !v.is_empty());
    values.map(|v| canonical(v).unwrap_or(v)).collect()
}

/// Of several environments the one whose findings are the most severe.
fn strictest(names: &BTreeSet<&str>) -> Option<Environment> {
    let name = names.get(PRODUCTION).or_else(|| names.first())?;
    Some(Environment { name: (*name).to_owned(), guessed: false })
}

/// The environments that labels name, if they contradict each other and the configuration does not settle it.
fn contradiction(settled: bool, names: BTreeSet<&str>) -> Vec<String> {
    match settled || names.len() < 2 {
        true => Vec::new(),
        false => names.into_iter().map(str::to_owned).collect(),
    }
}

/// An environment from the configuration. Names are free, but `prod` is production too: a synonym must not lower the
/// severity of production findings.
fn configured(name: &str) -> Environment {
    let production = canonical(name) == Some(PRODUCTION);
    Environment { name: if production { PRODUCTION } else { name }.to_owned(), guessed: false }
}

/// The environment of a namespace: from the configuration, its labels, then words in its name. Of labels that contradict
/// each other the strictest counts.
pub fn of_namespace(config: &Config, name: &str, labels: &Labels) -> Option<Environment> {
    config
        .environment_of_namespace(name)
        .map(configured)
        .or_else(|| strictest(&label_environments(labels)))
        .or_else(|| from_name(name))
}

/// Environments that the labels of a namespace name, if they contradict each other.
pub fn contradiction_of_namespace(config: &Config, name: &str, labels: &Labels) -> Vec<String> {
    contradiction(config.environment_of_namespace(name).is_some(), label_environments(labels))
}

/// A database, for its environment.
pub struct DatabaseNames<'a> {
    /// `namespace/Kind/name`.
    pub id: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Labels of the object.
    pub labels: &'a Labels,
    /// Labels of its namespace.
    pub namespace_labels: &'a Labels,
}

impl DatabaseNames<'_> {
    fn label_environments(&self) -> BTreeSet<&str> {
        let mut names = label_environments(self.labels);
        names.extend(label_environments(self.namespace_labels));
        names
    }

    /// The environment of a database, which may be in a shared namespace: from the configuration, the labels of both, then
    /// words in the name of the database and in that of its namespace. Of labels that contradict each other the strictest
    /// counts.
    pub fn environment(&self, config: &Config) -> Option<Environment> {
        config
            .environment_of_database(self.id, self.namespace)
            .map(configured)
            .or_else(|| strictest(&self.label_environments()))
            .or_else(|| from_name(self.name))
            .or_else(|| from_name(self.namespace))
    }

    /// Environments that the labels of the database and of its namespace name, if they contradict each other.
    pub fn contradiction(&self, config: &Config) -> Vec<String> {
        contradiction(config.environment_of_database(self.id, self.namespace).is_some(), self.label_environments())
    }
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
    #[test]
    fn of_labels_that_contradict_each_other_the_strictest_counts() {
        let label = |key: &str, value: &str| -> Labels { [(key.to_owned(), value.to_owned())].into() };
        let config = Config::default();
        let database = |labels: &Labels, namespace_labels: &Labels| {
            let names = DatabaseNames { id: "n/Cluster/pg", namespace: "n", name: "pg", labels, namespace_labels };
            (names.environment(&config).map(|e| e.name), names.contradiction(&config))
        };
        let (dev, prod, none) = (label("env", "dev"), label("stage", "live"), Labels::new());
        let both = vec!["development".to_owned(), PRODUCTION.to_owned()];
        for (own, namespace) in [(&dev, &prod), (&prod, &dev)] {
            assert_eq!(database(own, namespace), (Some(PRODUCTION.to_owned()), both.clone()));
        }
        assert_eq!(database(&dev, &none), (Some("development".to_owned()), vec![]));
        assert_eq!(database(&none, &prod), (Some(PRODUCTION.to_owned()), vec![]));
        let mut own = label("env", "dev");
        own.insert("environment".to_owned(), "production".to_owned());
        assert_eq!(database(&own, &none), (Some(PRODUCTION.to_owned()), both.clone()));
        assert_eq!(of_namespace(&config, "n", &own).unwrap().name, PRODUCTION);
        assert_eq!(contradiction_of_namespace(&config, "n", &own), both);
        // Labels beat the words in a name.
        let names = DatabaseNames {
            id: "n/Cluster/pg-dev",
            namespace: "n",
            name: "pg-dev",
            labels: &none,
            namespace_labels: &prod,
        };
        assert_eq!(names.environment(&config).unwrap().name, PRODUCTION);
        // The configuration settles it.
        let known = crate::config::KnownNames::default();
        let config =
            Config::parse("c", "environments: {dev: {databases: [n/Cluster/pg]}}", &known).expect("a valid file");
        let names =
            DatabaseNames { id: "n/Cluster/pg", namespace: "n", name: "pg", labels: &dev, namespace_labels: &prod };
        assert_eq!((names.environment(&config).unwrap().name.as_str(), names.contradiction(&config).len()), ("dev", 0));
    }
}
