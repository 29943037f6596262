//! Specifications of pods and of pod templates.

use std::sync::Arc;

use crate::document::{Content, Cursor};
use crate::inventory::object::*;
use crate::lexicon;

use super::super::interner::Interner;
use super::parse_protocol;
use super::spec_key::{ACCESS, SpecKey, is_access};

/// Parses the specification of a pod or of a template. Equal ones are one in memory.
pub(crate) fn parse_pod_spec(c: &Cursor<'_>, interner: &Interner) -> Arc<PodSpec> {
    let key = interner.key_of(&SpecKey::new(c.node));
    if let Some(earlier) = interner.spec_of_key(key) {
        return earlier;
    }
    let problems = c.problem_count();
    let spec = interner.intern_spec(parse_normalized(c));
    // Each object with a problem has it reported.
    if c.problem_count() == problems {
        interner.remember_spec(key, spec.clone());
    }
    spec
}

fn parse_normalized(c: &Cursor<'_>) -> PodSpec {
    let mut spec = parse_fields(c);
    let access = spec.volumes.iter().map(|v| &v.name).find(|name| is_access(name)).cloned();
    if let Some(access) = access.filter(|_| spec.volumes.iter().all(|v| v.name != ACCESS)) {
        let mounts = spec.containers.iter_mut().flat_map(|c| &mut c.mounts).map(|m| &mut m.volume);
        let volumes = spec.volumes.iter_mut().map(|v| &mut v.name);
        mounts.chain(volumes).filter(|name| **name == access).for_each(|name| *name = ACCESS.to_owned());
    }
    // Specifications stay in memory for the whole run.
    spec.containers.shrink_to_fit();
    spec.volumes.shrink_to_fit();
    for c in &mut spec.containers {
        c.ports.shrink_to_fit();
        c.env.shrink_to_fit();
        c.env_from.shrink_to_fit();
        c.command.shrink_to_fit();
    }
    spec
}

fn parse_fields(c: &Cursor<'_>) -> PodSpec {
    let mut containers = Vec::new();
    for i in c.items("initContainers") {
        let role = match i.string_at("restartPolicy").as_deref() {
            Some("Always") => ContainerRole::Sidecar,
            _ => ContainerRole::Init,
        };
        containers.push(parse_container(&i, role));
    }
    containers.extend(c.items("containers").iter().map(|i| parse_container(i, ContainerRole::Regular)));
    containers.extend(c.items("ephemeralContainers").iter().map(|i| parse_container(i, ContainerRole::Ephemeral)));
    PodSpec {
        host_network: c.bool_at("hostNetwork").unwrap_or(false),
        service_links: c.bool_at("enableServiceLinks").unwrap_or(true),
        service_account: c.string_at("serviceAccountName"),
        host_aliases: c
            .items("hostAliases")
            .iter()
            .map(|a| HostAlias { ip: a.string_at("ip").unwrap_or_default(), hostnames: a.string_list("hostnames") })
            .collect(),
        containers,
        volumes: c.items("volumes").iter().filter_map(parse_volume).collect(),
    }
}

fn parse_container(c: &Cursor<'_>, role: ContainerRole) -> Container {
    let command: Vec<String> = c.string_list("command").into_iter().chain(c.string_list("args")).collect();
    Container {
        name: c.string_at("name").unwrap_or_default(),
        role,
        image: c.string_at("image").map(|i| lexicon::mask_text(&i)).unwrap_or_default(),
        ports: c.items("ports").iter().filter_map(parse_container_port).collect(),
        env: c.items("env").iter().filter_map(parse_env_var).collect(),
        env_from: c.items("envFrom").iter().filter_map(parse_env_from).collect(),
        mounts: c
            .items("volumeMounts")
            .iter()
            .map(|m| Mount {
                volume: m.string_at("name").unwrap_or_default(),
                path: m.string_at("mountPath").unwrap_or_default(),
                sub_path: m.string_at("subPath").filter(|s| !s.is_empty()),
            })
            .collect(),
        command: lexicon::Value::arguments(&command),
    }
}

fn parse_container_port(c: &Cursor<'_>) -> Option<ContainerPort> {
    Some(ContainerPort {
        name: c.string_at("name").filter(|n| !n.is_empty()),
        port: c.get("containerPort")?.port()?,
        protocol: parse_protocol(c),
        host_port: c.get("hostPort").filter(|p| p.node.content != Content::Int(0)).and_then(|p| p.port()),
    })
}

fn parse_env_var(c: &Cursor<'_>) -> Option<EnvVar> {
    let name = c.string_at("name")?;
    let source = match c.get("valueFrom") {
        None => EnvSource::Value(lexicon::Value::mask(&name, &c.string_at("value").unwrap_or_default())),
        Some(from) => {
            let key = |k: &Cursor<'_>| {
                (
                    k.string_at("name").unwrap_or_default(),
                    k.string_at("key").unwrap_or_default(),
                    k.bool_at("optional").unwrap_or(false),
                )
            };
            if let Some(k) = from.get("configMapKeyRef") {
                let (name, key, optional) = key(&k);
                EnvSource::ConfigMapKey { name, key, optional }
            } else if let Some(k) = from.get("secretKeyRef") {
                let (name, key, optional) = key(&k);
                EnvSource::SecretKey { name, key, optional }
            } else if let Some(f) = from.get("fieldRef") {
                EnvSource::Field(f.string_at("fieldPath").unwrap_or_default())
            } else if let Some(f) = from.get("resourceFieldRef") {
                EnvSource::ResourceField(f.string_at("resource").unwrap_or_default())
            } else if let Some(f) = from.get("fileKeyRef") {
                EnvSource::FileKey { optional: f.bool_at("optional").unwrap_or(false) }
            } else {
                from.problem("no known source is set");
                return None;
            }
        }
    };
    Some(EnvVar { name, source })
}

fn parse_env_from(c: &Cursor<'_>) -> Option<EnvFrom> {
    let prefix = c.string_at("prefix").unwrap_or_default();
    let read = |s: Cursor<'_>| (s.string_at("name").unwrap_or_default(), s.bool_at("optional").unwrap_or(false));
    let source = if let Some(s) = c.get("configMapRef") {
        let (name, optional) = read(s);
        EnvFromSource::ConfigMap { name, optional }
    } else if let Some(s) = c.get("secretRef") {
        let (name, optional) = read(s);
        EnvFromSource::Secret { name, optional }
    } else {
        c.problem("neither configMapRef nor secretRef is set");
        return None;
    };
    Some(EnvFrom { prefix, source })
}

fn parse_volume(c: &Cursor<'_>) -> Option<Volume> {
    let mut v = Volume { name: c.string_at("name")?, ..Volume::default() };
    let keys = |s: &Cursor<'_>| {
        s.get("items").map(|_| s.items("items").iter().filter_map(|i| i.string_at("key")).collect::<Vec<_>>())
    };
    if let Some(s) = c.get("secret")
        && let Some(secret) = s.string_at("secretName")
    {
        v.secrets.push(SecretSource { secret, keys: keys(&s) });
    }
    if let Some(m) = c.get("configMap").and_then(|m| m.string_at("name")) {
        v.config_maps.push(m);
    }
    for s in c.get("projected").map(|p| p.items("sources")).unwrap_or_default() {
        if let Some(s) = s.get("secret")
            && let Some(secret) = s.string_at("name")
        {
            v.secrets.push(SecretSource { secret, keys: keys(&s) });
        }
        if let Some(m) = s.get("configMap").and_then(|m| m.string_at("name")) {
            v.config_maps.push(m);
        }
    }
    Some(v)
}
