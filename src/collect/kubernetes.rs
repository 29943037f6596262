//! Reads Kubernetes objects from a tree into slim objects.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::prelude::*;

use crate::inventory::Origin;
use crate::inventory::object::*;
use crate::lexicon;

use super::api_format;
use super::json_text::Wrong;
use super::shared::Shared;
use super::spec_text::{ACCESS, is_access};
use super::tree::{Cursor, Kind, Problems};

/// Labels that differ between the pods of one controller. They do not make a class of their own; their values are kept
/// with each pod, in case a selector uses one.
pub const PER_POD_LABELS: [&str; 13] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "job-name",
    "controller-uid",
    "cnpg.io/instanceName",
    "cnpg.io/instanceRole",
    "role",
];

/// `role` is CloudNativePG's old spelling of `cnpg.io/instanceRole`, and everybody else's own label.
pub fn is_per_pod(key: &str, labels: &Labels) -> bool {
    PER_POD_LABELS.contains(&key) && (key != "role" || labels.contains_key("cnpg.io/instanceName"))
}

/// The API a file object claims to be of.
pub struct Head<'a> {
    pub api_version: &'a str,
    pub kind: &'a str,
}

impl Head<'_> {
    /// API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(g, _)| g)
    }
}

/// The annotations that are kept, without secrets in their values.
fn annotations(metadata: &Cursor<'_>) -> Labels {
    let Some(all) = metadata.get("annotations") else { return Labels::new() };
    let kept = all.texts().into_iter().filter(|(key, _)| lexicon::keep_annotation(key));
    kept.map(|(key, text)| (key, lexicon::mask_text(text))).collect()
}

/// Reads metadata. `namespace` is the default for namespaced objects that name none; empty for cluster-scoped ones.
pub fn meta(c: &Cursor<'_>, head: &Head<'_>, namespace: &str, origin: &Origin) -> Option<Meta> {
    let Some(m) = c.get("metadata") else {
        c.problem("metadata is missing");
        return None;
    };
    let name = match m.get("name") {
        Some(n) => n.str()?.to_owned(),
        None => match m.get("generateName").and_then(|n| n.str()) {
            Some(prefix) => format!("{prefix}*"),
            None => {
                m.problem("name is missing");
                return None;
            }
        },
    };
    let namespace = if namespace.is_empty() {
        String::new()
    } else {
        match m.string_at("namespace") {
            Some(n) if !n.is_empty() => n,
            _ => namespace.to_owned(),
        }
    };
    let annotations = annotations(&m);
    let owner = m.items("ownerReferences").into_iter().find_map(|o| {
        let controller = o.bool_at("controller").unwrap_or(false);
        let owner = Owner {
            api_version: o.string_at("apiVersion").unwrap_or_default(),
            kind: o.string_at("kind")?,
            name: o.string_at("name")?,
        };
        controller.then_some(owner)
    });
    Some(Meta {
        api_version: head.api_version.to_owned(),
        kind: head.kind.to_owned(),
        namespace,
        name,
        labels: m.get("labels").map(|l| l.strings()).unwrap_or_default(),
        annotations,
        owner,
        origin: origin.clone(),
    })
}

pub fn protocol(c: &Cursor<'_>) -> Protocol {
    match c.get("protocol") {
        None => Protocol::Tcp,
        Some(p) => match p.str() {
            Some("TCP" | "") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some("SCTP") => Protocol::Sctp,
            Some(other) => {
                let hint = match other.to_ascii_uppercase().as_str() {
                    up @ ("TCP" | "UDP" | "SCTP") => format!(" (did you mean \"{up}\"?)"),
                    _ => String::new(),
                };
                p.problem(format_args!("unknown value \"{other}\"{hint}; the API server refuses this object"));
                Protocol::Tcp
            }
            None => Protocol::Tcp,
        },
    }
}

/// A port by number or name.
pub fn port_ref(c: &Cursor<'_>) -> Option<PortRef> {
    match &c.node.kind {
        Kind::Str(name) => {
            if is_port_name(name) {
                Some(PortRef::Name(name.clone().into_owned()))
            } else {
                c.problem(format_args!(
                    "\"{name}\" is not a port name (at most 15 of a-z, 0-9 and -, with a letter); the API server refuses this object"
                ));
                None
            }
        }
        _ => c.port().map(PortRef::Number),
    }
}

/// IANA service name as the API validates it:
/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#ports>.
pub fn is_port_name(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.bytes().any(|b| b.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// The specification of a pod or of a template, one for all that are equal.
pub fn pod_spec(c: &Cursor<'_>, shared: &Shared) -> Arc<PodSpec> {
    let Kind::Spec(spec) = &c.node.kind else { return shared.share(read_pod_spec(c)) };
    let read = || match api_format::read_spec(spec) {
        Ok(node) => {
            let problems = Problems::default();
            let read = read_pod_spec(&Cursor::new(&node, &problems));
            let found = problems.take(&node);
            found.iter().for_each(|(_, _, message)| c.problem_below(message));
            found.is_empty().then_some(read)
        }
        Err(Wrong) => {
            c.problem("it is no JSON, or nested too deep");
            None
        }
    };
    shared.of_text(spec.digest(), read).unwrap_or_default()
}

fn read_pod_spec(c: &Cursor<'_>) -> PodSpec {
    let mut spec = written_pod_spec(c);
    let access = spec.volumes.iter().map(|v| &v.name).find(|name| is_access(name)).cloned();
    if let Some(access) = access.filter(|_| spec.volumes.iter().all(|v| v.name != ACCESS)) {
        let mounts = spec.containers.iter_mut().flat_map(|c| &mut c.mounts).map(|m| &mut m.volume);
        let volumes = spec.volumes.iter_mut().map(|v| &mut v.name);
        mounts.chain(volumes).filter(|name| **name == access).for_each(|name| *name = ACCESS.to_owned());
    }
    // They stay for the whole run.
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

fn written_pod_spec(c: &Cursor<'_>) -> PodSpec {
    let mut containers = Vec::new();
    for i in c.items("initContainers") {
        let role = match i.string_at("restartPolicy").as_deref() {
            Some("Always") => ContainerRole::Sidecar,
            _ => ContainerRole::Init,
        };
        containers.push(container(&i, role));
    }
    containers.extend(c.items("containers").iter().map(|i| container(i, ContainerRole::Regular)));
    containers.extend(c.items("ephemeralContainers").iter().map(|i| container(i, ContainerRole::Ephemeral)));
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
        volumes: c.items("volumes").iter().filter_map(volume).collect(),
    }
}

fn container(c: &Cursor<'_>, role: ContainerRole) -> Container {
    let command = c.string_list("command").into_iter().chain(c.string_list("args"));
    Container {
        name: c.string_at("name").unwrap_or_default(),
        role,
        image: c.string_at("image").map(|i| lexicon::mask_text(&i)).unwrap_or_default(),
        ports: c.items("ports").iter().filter_map(container_port).collect(),
        env: c.items("env").iter().filter_map(env_var).collect(),
        env_from: c.items("envFrom").iter().filter_map(env_from).collect(),
        mounts: c
            .items("volumeMounts")
            .iter()
            .map(|m| Mount {
                volume: m.string_at("name").unwrap_or_default(),
                path: m.string_at("mountPath").unwrap_or_default(),
                sub_path: m.string_at("subPath").filter(|s| !s.is_empty()),
            })
            .collect(),
        command: command.map(|text| lexicon::Value::argument(&text)).collect(),
    }
}

fn container_port(c: &Cursor<'_>) -> Option<ContainerPort> {
    Some(ContainerPort {
        name: c.string_at("name").filter(|n| !n.is_empty()),
        port: c.get("containerPort")?.port()?,
        protocol: protocol(c),
        host_port: c.get("hostPort").filter(|p| p.node.kind != Kind::Int(0)).and_then(|p| p.port()),
    })
}

fn env_var(c: &Cursor<'_>) -> Option<EnvVar> {
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

fn env_from(c: &Cursor<'_>) -> Option<EnvFrom> {
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

fn volume(c: &Cursor<'_>) -> Option<Volume> {
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

fn template(c: Option<Cursor<'_>>, shared: &Shared) -> Template {
    let Some(c) = c else { return Template::default() };
    let meta = c.get("metadata");
    let strings = |key: &str| meta.as_ref().and_then(|m| m.get(key)).map(|l| l.strings()).unwrap_or_default();
    let annotations = meta.as_ref().map(annotations).unwrap_or_default();
    let mut labels = strings("labels");
    shared.share_texts(&mut labels);
    Template { labels, annotations, spec: c.get("spec").map(|s| pod_spec(&s, shared)).unwrap_or_default() }
}

/// A controller; `meta.kind` says which.
pub fn controller(c: &Cursor<'_>, meta: Meta, shared: &Shared) -> Controller {
    let spec = c.get("spec");
    let at = |path: &str| spec.as_ref().and_then(|s| s.at(path));
    let count = |path: &str| at(path).and_then(|n| n.int()).map(|n| u32::try_from(n).unwrap_or(0));
    let (replicas, finished, template) = match meta.kind.as_str() {
        "DaemonSet" => (None, false, template(at("template"), shared)),
        "CronJob" => (None, false, template(at("jobTemplate.spec.template"), shared)),
        "Job" => {
            let ended = c.get("status").is_some_and(|s| {
                s.items("conditions").iter().any(|i| {
                    matches!(i.string_at("type").as_deref(), Some("Complete" | "Failed" | "SuccessCriteriaMet"))
                        && i.string_at("status").as_deref() == Some("True")
                })
            });
            (Some(count("parallelism").unwrap_or(1)), ended, template(at("template"), shared))
        }
        // Of metadata alone nothing more is known.
        _ if spec.is_none() => (None, false, Template::default()),
        _ => (Some(count("replicas").unwrap_or(1)), false, template(at("template"), shared)),
    };
    Controller { meta, replicas, finished, template }
}

/// Whether a pod with this status has finished: its address is no longer its own.
pub fn has_finished(status: Option<&Cursor<'_>>) -> bool {
    matches!(status.and_then(|s| s.string_at("phase")).as_deref(), Some("Succeeded" | "Failed"))
}

/// What a pod has of its own.
pub fn member(name: String, node: Option<String>, status: Option<&Cursor<'_>>, labels: Arc<Labels>) -> Member {
    let ips = |list: &str, single: &str| {
        let Some(s) = status else { return Vec::new() };
        let mut found: Vec<_> =
            s.items(list).iter().filter_map(|i| i.string_at("ip")).filter_map(|ip| ip.parse().ok()).collect();
        if found.is_empty() {
            found.extend(s.string_at(single).and_then(|ip| ip.parse::<std::net::IpAddr>().ok()));
        }
        // There are as many as there are pods.
        found.shrink_to_fit();
        found
    };
    Member { name, ips: ips("podIPs", "podIP"), node, host_ips: ips("hostIPs", "hostIP"), labels }
}

/// A pod as a group of one, or `None` if it has finished.
pub fn pod(c: &Cursor<'_>, mut meta: Meta, shared: &Shared) -> Option<PodGroup> {
    let status = c.get("status");
    if has_finished(status.as_ref()) {
        return None;
    }
    let spec = c.get("spec");
    let labels: Labels = meta.labels.iter().filter(|(k, _)| is_per_pod(k, &meta.labels)).collect();
    meta.labels.retain(|k, _| !labels.contains_key(k));
    let node = spec.as_ref().and_then(|s| match &s.node.kind {
        Kind::Spec(text) => text.node.clone().map(Cow::into_owned),
        _ => s.string_at("nodeName"),
    });
    let member = member(meta.name.clone(), node, status.as_ref(), Arc::new(labels));
    Some(PodGroup {
        annotations: std::mem::take(&mut meta.annotations),
        spec: spec.map_or_else(|| shared.share(PodSpec::default()), |s| pod_spec(&s, shared)),
        meta,
        members: vec![member],
    })
}

pub fn service(c: &Cursor<'_>, meta: Meta) -> Service {
    let Some(spec) = c.get("spec") else { return Service { meta, ..Service::default() } };
    let service_type = match spec.get("type").and_then(|t| t.str().map(|s| (s, t))) {
        None => ServiceType::ClusterIP,
        Some((s, t)) => match s {
            "ClusterIP" => ServiceType::ClusterIP,
            "NodePort" => ServiceType::NodePort,
            "LoadBalancer" => ServiceType::LoadBalancer,
            "ExternalName" => ServiceType::ExternalName,
            other => {
                t.problem(format_args!("unknown value \"{other}\"; the API server refuses this object"));
                ServiceType::ClusterIP
            }
        },
    };
    let mut cluster_ips = spec.string_list("clusterIPs");
    cluster_ips.extend(spec.string_at("clusterIP"));
    let ports = spec.items("ports");
    Service {
        meta,
        service_type,
        headless: cluster_ips.iter().any(|ip| ip == "None"),
        cluster_ips: {
            let mut parsed: Vec<std::net::IpAddr> = cluster_ips.iter().filter_map(|ip| ip.parse().ok()).collect();
            parsed.sort();
            parsed.dedup();
            parsed
        },
        external_name: spec.string_at("externalName"),
        selector: spec.get("selector").map(|s| s.strings()).unwrap_or_default(),
        ports: ports
            .iter()
            .filter_map(|p| {
                let port = p.get("port")?.port()?;
                let target = match p.get("targetPort") {
                    None => PortRef::Number(port),
                    Some(t) if matches!(t.node.kind, Kind::Int(0)) => PortRef::Number(port),
                    Some(t) => port_ref(&t)?,
                };
                Some(ServicePort {
                    name: p.string_at("name").filter(|n| !n.is_empty()),
                    port,
                    protocol: protocol(p),
                    target,
                    node_port: p.get("nodePort").filter(|n| n.node.kind != Kind::Int(0)).and_then(|n| n.port()),
                })
            })
            .collect(),
    }
}

pub fn endpoint_slice(c: &Cursor<'_>, meta: Meta) -> Endpoints {
    let service = meta.labels.get("kubernetes.io/service-name").unwrap_or_default().to_owned();
    let addresses = c.items("endpoints").iter().flat_map(|e| e.string_list("addresses")).collect::<Vec<_>>();
    Endpoints { meta, service, addresses: parse_addresses(&addresses), ports: endpoint_ports(c) }
}

pub fn endpoints(c: &Cursor<'_>, meta: Meta) -> Vec<Endpoints> {
    let service = meta.name.clone();
    c.items("subsets")
        .iter()
        .map(|s| {
            let addresses: Vec<_> = ["addresses", "notReadyAddresses"]
                .iter()
                .flat_map(|key| s.items(key))
                .filter_map(|a| a.string_at("ip"))
                .collect();
            Endpoints {
                meta: meta.clone(),
                service: service.clone(),
                addresses: parse_addresses(&addresses),
                ports: endpoint_ports(s),
            }
        })
        .collect()
}

fn parse_addresses(texts: &[String]) -> Vec<std::net::IpAddr> {
    let mut found: Vec<std::net::IpAddr> = texts.iter().filter_map(|a| a.parse().ok()).collect();
    found.sort();
    found.dedup();
    found
}

fn endpoint_ports(c: &Cursor<'_>) -> Vec<EndpointPort> {
    c.items("ports")
        .iter()
        .map(|p| EndpointPort {
            name: p.string_at("name").unwrap_or_default(),
            port: p.get("port").and_then(|n| n.port()),
            protocol: protocol(p),
        })
        .collect()
}

pub fn config_map(c: &Cursor<'_>, meta: Meta) -> ConfigMap {
    let data = c.get("data").map(|d| d.strings()).unwrap_or_default();
    ConfigMap {
        meta,
        data: data.iter().map(|(k, v)| (k.to_owned(), lexicon::Value::mask(k, v))).collect(),
        binary_keys: c
            .get("binaryData")
            .map(|d| d.entries())
            .unwrap_or_default()
            .iter()
            .map(|(k, _)| k.to_string())
            .collect(),
    }
}

/// Names and key names only: the values are not even decoded.
pub fn secret(c: &Cursor<'_>, meta: Meta) -> SecretNames {
    let mut keys: Vec<String> = ["data", "stringData"]
        .iter()
        .filter_map(|k| c.get(k))
        .flat_map(|d| d.entries().into_iter().map(|(k, _)| k.to_owned()).collect::<Vec<_>>())
        .collect();
    keys.sort();
    keys.dedup();
    SecretNames { meta: Meta { annotations: Labels::new(), ..meta }, keys, ..SecretNames::default() }
}

/// As [`secret`], with the settings of TLS among its values. `variables`: under which names a key is used, where it is not
/// its own.
pub fn secret_with_tls(c: &Cursor<'_>, meta: Meta, variables: &BTreeMap<String, String>) -> SecretNames {
    let mut found = secret(c, meta);
    for (key, value) in c.get("data").map(|d| d.entries()).unwrap_or_default() {
        let raw =
            value.node.as_str().and_then(|t| BASE64_STANDARD.decode(t).ok()).and_then(|b| String::from_utf8(b).ok());
        let name = variables.get(key).map_or(key, String::as_str);
        let kept = raw.map_or_else(lexicon::Value::withheld, |raw| lexicon::Value::tls_setting(name, &raw));
        found.tls.insert(key.to_owned(), kept);
    }
    found
}

pub fn ingress(c: &Cursor<'_>, meta: Meta) -> Ingress {
    let Some(spec) = c.get("spec") else { return Ingress { meta, ..Ingress::default() } };
    let backend = |b: &Cursor<'_>| -> Option<IngressBackend> {
        let service = b.get("service")?;
        let port = service.get("port");
        Some(IngressBackend {
            service: service.string_at("name")?,
            port: port
                .and_then(|p| match (p.get("number"), p.string_at("name")) {
                    (Some(n), _) => n.port().map(PortRef::Number),
                    (None, Some(name)) => Some(PortRef::Name(name)),
                    (None, None) => None,
                })
                .unwrap_or_default(),
        })
    };
    let mut backends: Vec<IngressBackend> = spec.get("defaultBackend").iter().filter_map(&backend).collect();
    for rule in spec.items("rules") {
        for path in rule.get("http").map(|h| h.items("paths")).unwrap_or_default() {
            backends.extend(path.get("backend").as_ref().and_then(&backend));
        }
    }
    backends.sort();
    backends.dedup();
    Ingress { meta, class: spec.string_at("ingressClassName"), backends }
}

pub fn compute_class(c: &Cursor<'_>, meta: Meta) -> ComputeClass {
    let spec = c.get("spec");
    let at = |path: &str| spec.as_ref().and_then(|s| s.at(path));
    ComputeClass {
        meta,
        creates_pools: at("nodePoolAutoCreation").and_then(|n| n.bool_at("enabled")).unwrap_or(false),
        service_account: at("nodePoolConfig").and_then(|n| n.string_at("serviceAccount")).filter(|s| !s.is_empty()),
    }
}
