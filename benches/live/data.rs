//! The cluster of the bench, as the pages of a kube-apiserver's lists.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use hyper::body::Bytes;

/// What `gke-posture` asks for at a time.
pub(crate) const PAGE: usize = 500;

/// How large the cluster is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub namespaces: usize,
    /// Each with a Service, an EndpointSlice, a ReplicaSet of its pods and one of an earlier version.
    pub deployments: usize,
    pub policies: usize,
    pub pods: usize,
}

/// Pages by path; each is compressed as kube-apiserver does it (gzip, level 1).
pub(crate) type Pages = BTreeMap<&'static str, Vec<Bytes>>;

/// A text with `@NAME@` for what differs; `@@` is an at sign.
struct Form(Vec<String>);

impl Form {
    fn new(text: &str) -> Form {
        let text: String = text.lines().map(str::trim_start).collect();
        Form(text.split('@').map(str::to_owned).collect())
    }

    fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut out = String::with_capacity(10_000);
        for (i, part) in self.0.iter().enumerate() {
            match (i % 2, part.as_str()) {
                (0, text) => out.push_str(text),
                (_, "") => out.push('@'),
                (_, name) => out.push_str(values.iter().find(|(k, _)| *k == name).expect("a value").1),
            }
        }
        out
    }
}

/// One Deployment and what comes of it.
struct App {
    ns: String,
    app: String,
    hash: String,
    build: String,
    tier: String,
    env_from: &'static str,
}

impl App {
    fn new(size: Size, i: usize) -> App {
        let each = size.deployments / size.namespaces;
        let n = i / each;
        // Every fifth namespace has a ConfigMap that its containers take variables from.
        let env_from = if n.is_multiple_of(5) { r#""envFrom":[{"configMapRef":{"name":"settings"}}],"# } else { "" };
        let (app, tier) = (format!("svc-{}", i % each), format!("t{}", i % 3));
        App { ns: namespace(n), app, hash: random(i, 9), build: (i % 97).to_string(), tier, env_from }
    }

    fn spec(&self, form: &Form, random: &str, node: &str) -> String {
        form.fill(&[
            ("NS", &self.ns),
            ("APP", &self.app),
            ("BUILD", &self.build),
            ("DB", &self.app),
            ("ENVFROM", self.env_from),
            ("RANDOM", random),
            ("NODE", node),
        ])
    }

    fn meta(&self, name: &str, i: usize) -> String {
        let (ns, app, uid) = (&self.ns, &self.app, uid(i));
        format!(
            r#""metadata":{{"name":"{name}","namespace":"{ns}","uid":"{uid}","resourceVersion":"{}","generation":3,"creationTimestamp":"2026-11-20T08:14:05Z","labels":{{"app.kubernetes.io/name":"{app}","app.kubernetes.io/part-of":"{ns}"}},"annotations":{{"deployment.kubernetes.io/revision":"3"}},"managedFields":[{{"manager":"argocd-controller","operation":"Apply","apiVersion":"apps/v1","time":"2026-11-20T08:14:05Z","fieldsType":"FieldsV1","fieldsV1":{{"f:metadata":{{"f:annotations":{{}},"f:labels":{{"f:app.kubernetes.io/name":{{}},"f:app.kubernetes.io/part-of":{{}}}}}},"f:spec":{{"f:replicas":{{}},"f:selector":{{}},"f:template":{{"f:metadata":{{"f:labels":{{}}}},"f:spec":{{"f:containers":{{}},"f:volumes":{{}}}}}}}}}}}}]"#,
            1_000_000 + i
        )
    }

    /// The metadata of a ReplicaSet.
    fn metadata(&self, i: usize, hash: &str) -> String {
        format!(
            r#"{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",{}{}}}}}"#,
            self.meta(&format!("{}-{hash}", self.app), i),
            self.owner(i)
        )
    }

    fn owner(&self, i: usize) -> String {
        format!(
            r#","ownerReferences":[{{"apiVersion":"apps/v1","kind":"Deployment","name":"{}","uid":"{}","controller":true,"blockOwnerDeletion":true}}]"#,
            self.app,
            uid(i)
        )
    }

    /// A Deployment, or a ReplicaSet of it.
    fn controller(&self, form: &Form, i: usize, hash: Option<&str>, replicas: usize) -> String {
        let (app, tier) = (&self.app, &self.tier);
        let (name, owner, label) = match hash {
            None => (app.clone(), String::new(), String::new()),
            Some(hash) => (format!("{app}-{hash}"), self.owner(i), format!(r#","pod-template-hash":"{hash}""#)),
        };
        format!(
            r#"{{{}{owner}}},"spec":{{"replicas":{replicas},"selector":{{"matchLabels":{{"app.kubernetes.io/name":"{app}"{label}}}}},"template":{{"metadata":{{"labels":{{"app.kubernetes.io/name":"{app}","app.kubernetes.io/part-of":"{}","tier":"{tier}"{label}}}}},"spec":{}}}}},"status":{{"observedGeneration":3,"replicas":{replicas},"readyReplicas":{replicas},"availableReplicas":{replicas}}}}}"#,
            self.meta(&name, i),
            self.ns,
            self.spec(form, "bcdfg", "")
        )
    }
}

fn namespace(n: usize) -> String {
    format!("team-{n:04}")
}

/// Letters as Kubernetes makes them for names, the same for the same number.
fn random(i: usize, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut x = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..length)
        .map(|_| {
            x = x.rotate_left(17).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            char::from(LETTERS[(x >> 33) as usize % LETTERS.len()])
        })
        .collect()
}

fn uid(i: usize) -> String {
    let x = (i as u64 + 7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", x >> 32, x as u16, i % 4096, x % 4096, x % (1 << 48))
}

fn address(i: usize) -> String {
    format!("10.{}.{}.{}", 64 + i / 65_536, (i / 256) % 256, i % 256)
}

fn policy(size: Size, i: usize) -> String {
    let n = i % size.namespaces;
    let each = size.deployments / size.namespaces;
    let app = App::new(size, n * each + i / size.namespaces % each);
    let (spec, name) = if i < size.namespaces {
        (r#"{"podSelector":{},"policyTypes":["Ingress","Egress"]}"#.to_owned(), "default-deny".to_owned())
    } else {
        let from = namespace((n * 7 + 1) % size.namespaces);
        let spec = format!(
            r#"{{"podSelector":{{"matchLabels":{{"app.kubernetes.io/name":"{}"}}}},"ingress":[{{"ports":[{{"protocol":"TCP","port":"http"}}],"from":[{{"podSelector":{{}}}},{{"namespaceSelector":{{"matchLabels":{{"kubernetes.io/metadata.name":"{from}"}}}},"podSelector":{{"matchLabels":{{"tier":"t{}"}}}}}},{{"namespaceSelector":{{"matchLabels":{{"team":"t{}"}}}}}}]}}],"egress":[{{"ports":[{{"protocol":"UDP","port":53}},{{"protocol":"TCP","port":53}}],"to":[{{"namespaceSelector":{{"matchLabels":{{"kubernetes.io/metadata.name":"kube-system"}}}}}}]}},{{"to":[{{"ipBlock":{{"cidr":"10.{}.0.0/16"}}}}]}}],"policyTypes":["Ingress","Egress"]}}"#,
            app.app,
            i % 3,
            n % 50,
            n % 64
        );
        (spec, format!("allow-{}", i / size.namespaces))
    };
    format!("{{{}}},\"spec\":{spec}}}", app.meta(&name, i))
}

/// Packs the items of one list into pages.
fn pages(kind: &str, api_version: &str, count: usize, item: &dyn Fn(usize) -> String) -> Vec<Bytes> {
    let starts: Vec<usize> = (0..count).step_by(PAGE).collect();
    let last = starts.len().saturating_sub(1);
    let page = |(p, start): (usize, usize)| {
        let more = match p == last {
            true => String::new(),
            false => format!(r#","continue":"{}","remainingItemCount":{}"#, p + 1, count - start - PAGE),
        };
        let head = format!(
            r#"{{"kind":"{kind}List","apiVersion":"{api_version}","metadata":{{"resourceVersion":"2000000"{more}}},"items":["#
        );
        let items: Vec<String> = (start..count.min(start + PAGE)).map(item).collect();
        let mut packed = GzEncoder::new(Vec::new(), Compression::new(1));
        packed.write_all(format!("{head}{}]}}", items.join(",")).as_bytes()).expect("memory takes it");
        Bytes::from(packed.finish().expect("memory takes it"))
    };
    let starts = if starts.is_empty() { vec![0] } else { starts };
    starts.into_iter().enumerate().map(page).collect()
}

/// All lists of a cluster of this size. Lists that are not here are empty.
pub(crate) fn cluster(size: Size) -> Pages {
    let (pod, spec) = (Form::new(include_str!("pod.json")), Form::new(include_str!("spec.json")));
    let app = |i: usize| App::new(size, i);
    let each = size.pods / size.deployments;
    let mut all = Pages::new();
    let pods = |i: usize| {
        // In the order of etcd, which is that of the namespaces and names.
        let (d, app) = (i / each, App::new(size, i / each));
        let (random, node) = (random(i, 5), format!(r#""nodeName":"gke-prod-default-pool-{}","#, random(i % 3000, 8)));
        let values = [
            ("APP", app.app.as_str()),
            ("NS", &app.ns),
            ("HASH", &app.hash),
            ("TIER", &app.tier),
            ("BUILD", &app.build),
            ("RANDOM", &random),
            ("UID", &uid(i)),
            ("OWNER", &uid(d)),
            ("VERSION", &(1_000_000 + i).to_string()),
            ("IP", &address(i)),
            ("HOST", &format!("10.1.{}.{}", i % 3000 / 250, i % 250)),
            ("SPEC", &app.spec(&spec, &random, &node)),
        ];
        pod.fill(&values)
    };
    all.insert("/api/v1/pods", pages("Pod", "v1", size.pods, &pods));
    let namespaces = |n: usize| {
        let (name, uid) = (namespace(n), uid(n));
        format!(
            r#"{{"metadata":{{"name":"{name}","uid":"{uid}","resourceVersion":"{n}","creationTimestamp":"2026-01-20T08:14:05Z","labels":{{"kubernetes.io/metadata.name":"{name}","team":"t{}"}}}},"spec":{{"finalizers":["kubernetes"]}},"status":{{"phase":"Active"}}}}"#,
            n % 50
        )
    };
    all.insert("/api/v1/namespaces", pages("Namespace", "v1", size.namespaces, &namespaces));
    let deployments = |i: usize| app(i).controller(&spec, i, None, each);
    all.insert("/apis/apps/v1/deployments", pages("Deployment", "apps/v1", size.deployments, &deployments));
    let sets = |i: usize| {
        let (d, old) = (i / 2, i % 2 == 1);
        let hash = if old { random(d + size.deployments, 9) } else { app(d).hash };
        let mut app = app(d);
        if old {
            app.build.insert(0, '1');
        }
        app.controller(&spec, d, Some(&hash), if old { 0 } else { each })
    };
    all.insert("/apis/apps/v1/replicasets", pages("ReplicaSet", "apps/v1", size.deployments * 2, &sets));
    let metadata = |i: usize| {
        let d = i / 2;
        let hash = if i % 2 == 1 { random(d + size.deployments, 9) } else { app(d).hash };
        app(d).metadata(d, &hash)
    };
    let slim = pages("PartialObjectMetadata", "meta.k8s.io/v1", size.deployments * 2, &metadata);
    all.insert("/apis/apps/v1/replicasets#metadata", slim);
    let services = |i: usize| {
        let app = app(i);
        let ip = format!("10.96.{}.{}", i / 256, i % 256);
        format!(
            r#"{{{}}},"spec":{{"ports":[{{"name":"http","protocol":"TCP","port":80,"targetPort":"http"}}],"selector":{{"app.kubernetes.io/name":"{}"}},"clusterIP":"{ip}","clusterIPs":["{ip}"],"type":"ClusterIP","sessionAffinity":"None","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"}},"status":{{"loadBalancer":{{}}}}}}"#,
            app.meta(&app.app, i),
            app.app
        )
    };
    all.insert("/api/v1/services", pages("Service", "v1", size.deployments, &services));
    let slices = |i: usize| {
        let app = app(i);
        let endpoint = |p: usize| {
            let node = random(p % 3000, 8);
            format!(
                r#"{{"addresses":["{}"],"conditions":{{"ready":true,"serving":true,"terminating":false}},"targetRef":{{"kind":"Pod","namespace":"{}","name":"{}-{}-{}","uid":"{}"}},"nodeName":"gke-prod-default-pool-{node}","zone":"europe-west1-b"}}"#,
                address(p),
                app.ns,
                app.app,
                app.hash,
                random(p, 5),
                uid(p)
            )
        };
        let endpoints: Vec<String> = (i * each..(i + 1) * each).map(endpoint).collect();
        let meta = app.meta(&format!("{}-{}", app.app, random(i, 5)), i);
        let label = format!(r#""labels":{{"kubernetes.io/service-name":"{}","#, app.app);
        format!(
            r#"{{{}}},"addressType":"IPv4","endpoints":[{}],"ports":[{{"name":"http","protocol":"TCP","port":8080}}]}}"#,
            meta.replacen(r#""labels":{"#, &label, 1),
            endpoints.join(",")
        )
    };
    let path = "/apis/discovery.k8s.io/v1/endpointslices";
    all.insert(path, pages("EndpointSlice", "discovery.k8s.io/v1", size.deployments, &slices));
    let policies = |i: usize| policy(size, i);
    let path = "/apis/networking.k8s.io/v1/networkpolicies";
    all.insert(path, pages("NetworkPolicy", "networking.k8s.io/v1", size.policies, &policies));
    for (path, kind, api_version) in [
        ("/api/v1/replicationcontrollers", "ReplicationController", "v1"),
        ("/apis/apps/v1/daemonsets", "DaemonSet", "apps/v1"),
        ("/apis/apps/v1/statefulsets", "StatefulSet", "apps/v1"),
        ("/apis/batch/v1/cronjobs", "CronJob", "batch/v1"),
        ("/apis/batch/v1/jobs", "Job", "batch/v1"),
        ("/apis/networking.k8s.io/v1/ingresses", "Ingress", "networking.k8s.io/v1"),
    ] {
        all.insert(path, pages(kind, api_version, 0, &|_| String::new()));
    }
    all
}
