//! The kubelet's algorithm: service links, then `envFrom` in order, then `env` in order.

use std::collections::BTreeMap;

use super::value::is_link_name;
use super::{EnvValue, Environment, Item, Opaque, PodContext, Provenance, Source, Sources, Template, Variable};
use super::{expand, links};
use crate::inventory::object::{Container, EnvFromSource, EnvSource};
use crate::inventory::{Known, Reason};
use crate::lexicon::Value;

/// Computes the effective environment of `container` of `pod`.
pub(crate) fn effective(pod: &PodContext<'_>, container: &Container, sources: &dyn Sources) -> Environment {
    let mut builder =
        Builder { pod, sources, out: Environment { container: container.name.clone(), ..Environment::default() } };
    builder.service_links();
    for (i, from) in container.env_from.iter().enumerate() {
        builder.env_from(i, &from.prefix, &from.source);
    }
    let mut seen: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, var) in container.env.iter().enumerate() {
        seen.entry(&var.name).or_default().push(i);
        builder.env(i, &var.name, &var.source);
    }
    builder.out.duplicates =
        seen.into_iter().filter(|(_, at)| at.len() > 1).map(|(n, at)| (n.to_owned(), at)).collect();
    builder.out
}

struct Builder<'a> {
    pod: &'a PodContext<'a>,
    sources: &'a dyn Sources,
    out: Environment,
}

impl Builder<'_> {
    fn from(&self, item: Item, source: Option<Source>) -> Provenance {
        Provenance { container: self.out.container.clone(), item, source }
    }

    fn source(&self, kind: &'static str, name: &str, key: Option<&str>) -> Source {
        Source { kind, namespace: self.pod.namespace.to_owned(), name: name.to_owned(), key: key.map(str::to_owned) }
    }

    fn set(&mut self, name: &str, value: EnvValue, from: Provenance) {
        self.out.variables.insert(name.to_owned(), Variable { value, from });
    }

    fn fail(&mut self, text: String) -> String {
        self.out.errors.push(Reason::undecided(format!(
            "container {} of {} cannot start: {text}",
            self.out.container, self.pod.workload
        )));
        text
    }

    fn service_links(&mut self) {
        let namespace = self.pod.namespace;
        let services =
            if self.pod.spec.service_links { self.sources.services(namespace) } else { Known::Value(Vec::new()) };
        match services {
            Known::Value(list) => {
                for service in list {
                    self.link(service);
                }
            }
            Known::Unknown(reasons) => {
                self.out.opaque.push(Opaque::ServiceLink { reasons: reasons.clone() });
                self.out.links_unknown = reasons;
            }
        }
        // `default/kubernetes` is linked everywhere, even when service links are off.
        let has = self.out.service_links.contains_key("KUBERNETES_SERVICE_HOST");
        if let (false, Known::Value(list)) = (has, self.sources.services("default"))
            && let Some(kubernetes) = list.into_iter().find(|s| s.meta.name == "kubernetes")
        {
            self.link(kubernetes);
        }
    }

    fn link(&mut self, service: &crate::inventory::object::Service) {
        let name = &service.meta.name;
        for (variable, value) in links::of_service(service) {
            let value = match value {
                Some(v) => EnvValue::Known(v),
                None => EnvValue::Runtime(format!("the cluster IP of Service {}/{name}", service.meta.namespace)),
            };
            let source =
                Source { kind: "Service", namespace: service.meta.namespace.clone(), name: name.clone(), key: None };
            let from = self.from(Item::ServiceLink(name.clone()), Some(source));
            self.out.service_links.entry(variable).or_insert(Variable { value, from });
        }
    }

    fn env_from(&mut self, i: usize, prefix: &str, source: &EnvFromSource) {
        match source {
            EnvFromSource::Secret { name, .. } => match self.sources.secret(self.pod.namespace, name) {
                Some(secret) => {
                    for (key, value) in &secret.tls {
                        let variable = format!("{prefix}{key}");
                        let origin = self.source("Secret", name, Some(key));
                        if !is_valid_name(&variable, self.pod.relaxed_names) {
                            self.out.skipped.push((variable, origin));
                            continue;
                        }
                        let value = self.secret_value(name, key, value);
                        let from = self.from(Item::EnvFrom(i), Some(origin));
                        self.set(&variable, value, from);
                    }
                }
                None => self.opaque_from(Opaque::Secret {
                    namespace: self.pod.namespace.to_owned(),
                    name: name.clone(),
                    key: None,
                    prefix: prefix.to_owned(),
                }),
            },
            EnvFromSource::ConfigMap { name, optional } => match self.sources.config_map(self.pod.namespace, name) {
                Known::Value(Some(map)) => {
                    for (key, value) in &map.data {
                        let variable = format!("{prefix}{key}");
                        let origin = self.source("ConfigMap", name, Some(key));
                        if !is_valid_name(&variable, self.pod.relaxed_names) {
                            self.out.skipped.push((variable, origin));
                            continue;
                        }
                        let value = self.plain(value, &origin);
                        let from = self.from(Item::EnvFrom(i), Some(origin));
                        self.set(&variable, value, from);
                    }
                }
                Known::Value(None) if *optional => {}
                Known::Value(None) => {
                    self.fail(format!("ConfigMap {}/{name} does not exist", self.pod.namespace));
                }
                Known::Unknown(reasons) => self.opaque_from(Opaque::ConfigMap {
                    namespace: self.pod.namespace.to_owned(),
                    name: name.clone(),
                    key: None,
                    prefix: prefix.to_owned(),
                    reasons,
                }),
            },
        }
    }

    /// An `envFrom` that is not read may overwrite every earlier name that its prefix fits.
    fn opaque_from(&mut self, source: Opaque) {
        for (name, variable) in &mut self.out.variables {
            if source.may_define(name) {
                shadow(&mut variable.value, &source);
            }
        }
        self.out.opaque.push(source);
    }

    /// What was kept of a Secret's key.
    fn secret_value(&self, name: &str, key: &str, value: &Value) -> EnvValue {
        match value.text() {
            Some(text) => EnvValue::Known(text.to_owned()),
            None => EnvValue::Opaque(Opaque::Secret {
                namespace: self.pod.namespace.to_owned(),
                name: name.to_owned(),
                key: Some(key.to_owned()),
                prefix: String::new(),
            }),
        }
    }

    /// A masked value of a ConfigMap, which is not expanded.
    fn plain(&self, value: &Value, origin: &Source) -> EnvValue {
        match value.text() {
            Some(text) => EnvValue::Known(text.to_owned()),
            None => EnvValue::Opaque(Opaque::Withheld {
                place: format!(
                    "ConfigMap {}/{} key {}",
                    origin.namespace,
                    origin.name,
                    origin.key.as_deref().unwrap_or_default()
                ),
            }),
        }
    }

    fn env(&mut self, i: usize, name: &str, source: &EnvSource) {
        let (value, origin) = match source {
            EnvSource::Value(value) => {
                let value = match value.text() {
                    Some(text) => expand::expand(text, &|n| self.reference(n)).into(),
                    None => EnvValue::Opaque(Opaque::Withheld {
                        place: format!("{} containers[{}].env[{i}]", self.pod.workload, self.out.container),
                    }),
                };
                (value, None)
            }
            EnvSource::ConfigMapKey { name: object, key, optional } => {
                let origin = self.source("ConfigMap", object, Some(key));
                let value = match self.sources.config_map(self.pod.namespace, object) {
                    Known::Value(Some(map)) => map.data.get(key).map(|v| self.plain(v, &origin)),
                    Known::Value(None) => None,
                    Known::Unknown(reasons) => {
                        let opaque = Opaque::ConfigMap {
                            namespace: self.pod.namespace.to_owned(),
                            name: object.clone(),
                            key: Some(key.clone()),
                            prefix: String::new(),
                            reasons,
                        };
                        return self.set_opaque(name, opaque, *optional, self.from(Item::Env(i), Some(origin)));
                    }
                };
                match value {
                    Some(v) => (v, Some(origin)),
                    // Skipped: the name keeps what it already had.
                    None if *optional => return,
                    None => {
                        let why = self.fail(format!("ConfigMap {}/{object} has no key {key}", self.pod.namespace));
                        (EnvValue::Error(why), Some(origin))
                    }
                }
            }
            EnvSource::SecretKey { name: object, key, optional } => {
                let origin = self.source("Secret", object, Some(key));
                let read = self.sources.secret(self.pod.namespace, object).and_then(|s| s.tls.get(key));
                if let Some(value) = read.map(|v| self.secret_value(object, key, v)) {
                    return self.set(name, value, self.from(Item::Env(i), Some(origin)));
                }
                let opaque = Opaque::Secret {
                    namespace: self.pod.namespace.to_owned(),
                    name: object.clone(),
                    key: Some(key.clone()),
                    prefix: String::new(),
                };
                return self.set_opaque(name, opaque, *optional, self.from(Item::Env(i), Some(origin)));
            }
            EnvSource::Field(path) => (self.field(path), None),
            EnvSource::ResourceField(resource) => {
                (EnvValue::Runtime(format!("resourceFieldRef {resource}, a number")), None)
            }
            EnvSource::FileKey { optional } => {
                let what = "fileKeyRef, a file that an init container writes".to_owned();
                return self.set_opaque(name, Opaque::Runtime(what), *optional, self.from(Item::Env(i), None));
            }
        };
        let from = self.from(Item::Env(i), origin);
        self.set(name, value, from);
    }

    /// A value that is not read. An optional one leaves what the name already had, if its key is missing.
    fn set_opaque(&mut self, name: &str, opaque: Opaque, optional: bool, from: Provenance) {
        if optional && let Some(earlier) = self.out.variables.get_mut(name) {
            shadow(&mut earlier.value, &opaque);
            return;
        }
        let value = match opaque {
            Opaque::Runtime(why) => EnvValue::Runtime(why),
            other => EnvValue::Opaque(other),
        };
        self.set(name, value, from);
    }

    /// The value of a reference at this point of the list; `None` when it is certain that there is none.
    fn reference(&self, name: &str) -> Option<Template> {
        let value = match self.out.variables.get(name) {
            Some(v) => match &v.value {
                EnvValue::Shadowable { by, .. } => {
                    let by = by.first().cloned().unwrap_or_else(|| Opaque::Runtime("another source".to_owned()));
                    EnvValue::Opaque(Opaque::Overwritten { name: name.to_owned(), by: Box::new(by) })
                }
                other => other.clone(),
            },
            None => self.out.get(name),
        };
        match value {
            EnvValue::Absent => None,
            EnvValue::MaybeAbsent(by) if !is_link_name(name) && by.is_empty() => None,
            other => Some(other.template()),
        }
    }

    fn field(&self, path: &str) -> EnvValue {
        let runtime = || EnvValue::Runtime(format!("fieldRef {path}"));
        let known = |v: &str| EnvValue::Known(v.to_owned());
        if let Some(key) = subscript(path, "metadata.labels") {
            return known(self.pod.labels.get(key).unwrap_or_default());
        }
        if let Some(key) = subscript(path, "metadata.annotations") {
            return match self.pod.annotations.get(key) {
                // A missing annotation is the empty string.
                Known::Value(text) => known(text.unwrap_or_default()),
                Known::Unknown(reasons) => EnvValue::Opaque(Opaque::Annotation { key: key.to_owned(), reasons }),
            };
        }
        match path {
            "metadata.namespace" => known(self.pod.namespace),
            "metadata.name" => self.pod.pod_name.map_or_else(runtime, known),
            "spec.serviceAccountName" => known(self.pod.spec.service_account.as_deref().unwrap_or("default")),
            _ => runtime(),
        }
    }
}

fn shadow(value: &mut EnvValue, by: &Opaque) {
    match value {
        EnvValue::Known(v) => *value = EnvValue::Shadowable { value: std::mem::take(v), by: vec![by.clone()] },
        EnvValue::Shadowable { by: list, .. } => list.push(by.clone()),
        // Unknown already: one more source does not change that.
        _ => {}
    }
}

/// `key` of `field['key']`.
fn subscript<'a>(path: &'a str, field: &str) -> Option<&'a str> {
    let inner = path.strip_prefix(field)?.strip_prefix('[')?.strip_suffix(']')?;
    ['\'', '"'].iter().find_map(|q| inner.strip_prefix(*q)?.strip_suffix(*q))
}

/// [Names](https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/) that the
/// kubelet takes from `envFrom`.
fn is_valid_name(name: &str, relaxed: bool) -> bool {
    if relaxed {
        return !name.is_empty() && name.chars().all(|c| (' '..='~').contains(&c) && c != '=');
    }
    name.starts_with(|c: char| !c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}
