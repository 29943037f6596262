//! Objects that are read by name, because the environment of a container refers to them: ConfigMaps, and Secrets where a
//! person allows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::document::{Node, parse_json_value};
use crate::inventory::object::{EnvFromSource, EnvSource, PodSpec};
use crate::inventory::{Gap, Need, Snapshot};

use super::super::builder::Builder;
use super::super::kubernetes::{Head, SecretVariables};
use super::api::{Api, JSON};
use super::fault::Fault;
use super::gap;

/// (namespace, name)
type Name = (String, String);

/// The ConfigMaps or Secrets that environments refer to.
fn referred(snapshot: &Snapshot, secrets: bool) -> BTreeSet<Name> {
    let templates = snapshot.controllers.iter().map(|c| (&c.meta.namespace, &*c.template.spec));
    let pods = snapshot.pods.iter().map(|p| (&p.meta.namespace, &*p.spec));
    let mut found = BTreeSet::new();
    for (namespace, spec) in templates.chain(pods) {
        for name in names_in(spec, secrets) {
            found.insert((namespace.clone(), name.clone()));
        }
    }
    found
}

fn names_in(spec: &PodSpec, secrets: bool) -> impl Iterator<Item = &String> {
    spec.containers.iter().flat_map(move |c| {
        let whole = c.env_from.iter().filter_map(move |e| match &e.source {
            EnvFromSource::ConfigMap { name, .. } => (!secrets).then_some(name),
            EnvFromSource::Secret { name, .. } => secrets.then_some(name),
        });
        let keys = c.env.iter().filter_map(move |e| match &e.source {
            EnvSource::ConfigMapKey { name, .. } => (!secrets).then_some(name),
            EnvSource::SecretKey { name, .. } => secrets.then_some(name),
            _ => None,
        });
        whole.chain(keys)
    })
}

/// Reads the ConfigMaps that environments refer to. One that does not exist is a fact; one that could not be read is in
/// the gap, and whatever depends on it stays unknown.
pub(super) async fn config_maps(api: &Arc<Api>, snapshot: &mut Snapshot) {
    let wanted = referred(snapshot, false);
    read_by_name(api, snapshot, wanted, Builder::for_lists(Arc::default()), "ConfigMap", "configmaps").await;
}

/// Reads the Secrets that environments refer to. Kubernetes gives a Secret whole or not at all; of its values only settings
/// of TLS are kept.
pub(super) async fn secrets(api: &Arc<Api>, snapshot: &mut Snapshot) {
    let wanted = referred(snapshot, true);
    let builder = Builder::for_secret_values(variables(snapshot));
    read_by_name(api, snapshot, wanted, builder, "Secret", "secrets").await;
}

/// The variable that each key of a Secret becomes by `secretKeyRef`: a key `mode` may be a `DB_SSLMODE`.
fn variables(snapshot: &Snapshot) -> SecretVariables {
    let templates = snapshot.controllers.iter().map(|c| (&c.meta.namespace, &*c.template.spec));
    let pods = snapshot.pods.iter().map(|p| (&p.meta.namespace, &*p.spec));
    let mut found = SecretVariables::new();
    for (namespace, spec) in templates.chain(pods) {
        for var in spec.containers.iter().flat_map(|c| &c.env) {
            if let EnvSource::SecretKey { name, key, .. } = &var.source {
                found.entry((namespace.clone(), name.clone())).or_default().insert(key.clone(), var.name.clone());
            }
        }
    }
    found
}

async fn read_by_name(
    api: &Arc<Api>,
    snapshot: &mut Snapshot,
    wanted: BTreeSet<Name>,
    mut builder: Builder,
    kind: &'static str,
    plural: &'static str,
) {
    let mut tasks = JoinSet::new();
    for (namespace, name) in wanted {
        let api = api.clone();
        tasks.spawn(async move {
            let path = format!("/api/v1/namespaces/{namespace}/{plural}/{name}");
            let answer = api.get(&path, JSON).await;
            ((namespace, name), answer)
        });
    }
    let mut faults: Vec<(Name, Fault)> = Vec::new();
    let head = Head { api_version: "v1", kind };
    while let Some(done) = tasks.join_next().await {
        let Ok((name, answer)) = done else {
            tracing::error!("a task that reads an object failed");
            faults.push(((String::new(), kind.to_owned()), Fault::Malformed("reading it failed".to_owned())));
            continue;
        };
        let api_path = format!("/api/v1/{plural}");
        match answer {
            Ok(body) => match node(&body) {
                Some(node) if node.get("kind").and_then(|k| k.as_str()) == Some(kind) => {
                    if let Err(why) = builder.item(&node, &head, &api_path) {
                        faults.push((name, Fault::Refused { status: 200, message: why }));
                    }
                }
                _ => faults.push((name, Fault::Malformed(format!("not a {kind}")))),
            },
            // It does not exist, as far as anybody who may read it can tell.
            Err(Fault::NotFound(_)) => {}
            Err(fault) => faults.push((name, fault)),
        }
    }
    snapshot.absorb(builder.into_part());
    faults.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(((namespace, name), fault)) = faults.first() {
        let more = match faults.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let what = format!("{kind} {namespace}/{name}{more}");
        let gap = gap::of_resource(Need::ConfigMaps, &what, &format!("get {plural}"), fault);
        snapshot.gaps.push(Gap { id: plural.to_owned(), ..gap });
    }
}

/// An object as a tree, if that is what a body is.
fn node(body: &[u8]) -> Option<Node<'_>> {
    parse_json_value(std::str::from_utf8(body).ok()?).ok()
}
