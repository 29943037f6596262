//! Folds the items of a list's page into the evidence.

use crate::document::{ListMeta, parse_json_value};

use super::super::builder::Builder;
use super::super::kubernetes::Head;
use super::fault::Fault;
use super::page;

/// What is known of all items of a list.
#[derive(Clone)]
pub(super) struct Items {
    pub kind: &'static str,
    pub api_version: String,
    /// Of the list.
    pub path: String,
}

impl Items {
    /// Answers also how many there are.
    ///
    /// # Errors
    /// As of [`page::read`]; [`Fault::Refused`] for an item that cannot be understood.
    pub(super) fn fold(&self, body: &[u8], builder: &mut Builder) -> Result<(ListMeta, usize), Fault> {
        let head = Head { api_version: &self.api_version, kind: self.kind };
        let (list, meta) = page::read(body)?;
        let (mut count, mut wrong) = (0, None);
        for item in list.items.iter().flatten().flatten() {
            count += 1;
            let node = parse_json_value(item.get()).map_err(|e| page::wrong_item(count, &e))?;
            if let Err(why) = builder.item(&node, &head, &self.path) {
                wrong.get_or_insert(why);
            }
        }
        match wrong {
            None => Ok((meta, count)),
            Some(why) => {
                Err(Fault::Refused { status: 200, message: format!("an object that cannot be understood: {why}") })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::inventory::object::{Meta, PodGroup};
    use crate::inventory::{Origin, Snapshot};

    const ITEMS: fn() -> Items =
        || Items { kind: "Pod", api_version: "v1".to_owned(), path: "/api/v1/pods".to_owned() };

    /// A page of pods, each as a page of its own, without anything that knows of the others.
    fn one_by_one(pods: &[String]) -> Result<Vec<Snapshot>, String> {
        pods.iter().map(|pod| as_page(std::slice::from_ref(pod))).collect()
    }

    /// What is said of each pod, in the order of its text, whatever its group.
    fn each_pod(snapshots: &[Snapshot]) -> Vec<String> {
        let groups = snapshots.iter().flat_map(|snapshot| &snapshot.pods);
        let pods = groups.flat_map(|group| {
            group.members.iter().map(move |member| {
                let one = PodGroup {
                    members: vec![member.clone()],
                    meta: Meta { name: String::new(), origin: Origin::default(), ..group.meta.clone() },
                    ..group.clone()
                };
                format!("{one:?}")
            })
        });
        let mut pods: Vec<String> = pods.collect();
        pods.sort();
        pods
    }

    fn as_page(pods: &[String]) -> Result<Snapshot, String> {
        let body = format!(r#"{{"kind":"PodList","metadata":{{}},"items":[{}]}}"#, pods.join(","));
        let mut builder = Builder::for_lists(Arc::default());
        let (_, count) = ITEMS().fold(body.as_bytes(), &mut builder).map_err(|e| e.to_string())?;
        assert_eq!(count, pods.len());
        Ok(builder.into_part())
    }

    /// Pods that have most of what they say from few texts, so that neighbours are often, and often nearly, alike.
    fn pod() -> impl Strategy<Value = String> {
        let few = |texts: &'static [&'static str]| prop::sample::select(texts);
        let name = few(&[
            r#""name":"a-1","#,
            r#""name":"a-\u0032","#,
            r#""name":"b","#,
            r#""generateName":"c-","#,
            r#""name":7,"#,
        ]);
        let namespace = few(&[r#""namespace":"n","#, r#""namespace":"n","#, r#""namespace":"m","#, ""]);
        let labels = few(&[
            r#""labels":{"app":"a"},"#,
            r#""labels":{"app":"a"},"#,
            r#""labels":{"app":"b"},"#,
            r#""labels":{"app":"a","job-name":"j"},"#,
            r#""labels":null,"#,
            "",
        ]);
        let annotations = few(&["", "", r#""annotations":{"checksum/config":"1"},"#, r#""annotations":[],"#]);
        let owners = few(&[
            "",
            r#""ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"a","controller":true}],"#,
            r#""ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"a","controller":false}],"#,
        ]);
        let node = few(&[
            "",
            r#""nodeName":"one","#,
            r#""nodeName":"two","#,
            r#""nodeName":"t\u0077o","#,
            r#""nodeName":null,"#,
        ]);
        let access = few(&["x7k2p", "bcdf9", "token"]);
        let extra = few(&[
            "",
            r#""hostNetwork":true,"#,
            r#""tolerations":["kube-api-access-x7k2p"],"#,
            r#""serviceAccountName":"kube-api-access-x7k2p","#,
            r#""serviceAccountName":"my-kube-api-access-x7k2p","#,
            r#""initContainers":[{"name":"i","args":["\"kube-api-access-x7k2p\""]}],"#,
            r#""initContainers":[{"name":"i","volumeMounts":[{"name":"\u006bube-api-access-x7k2p","mountPath":"/b"}]}],"#,
        ]);
        let status = few(&[
            r#","status":{"phase":"Running","podIP":"10.0.0.1"}"#,
            r#","status":{"phase":"Running","podIP":"10.0.0.2","podIPs":[{"ip":"10.0.0.2"},{"ip":"fd00::2"}],"hostIP":"10.1.0.1"}"#,
            r#","status":{"phase":"Succeeded"}"#,
            r#","status":{"podIPs":{}}"#,
            "",
        ]);
        let space = few(&["", "", " ", "\n"]);
        let meta = (name, namespace, labels, annotations, owners);
        (meta, node, access, extra, status, space, 0..40u8).prop_map(
            |((name, namespace, labels, annotations, owners), node, access, extra, status, space, odd)| match odd {
                0 => r#"{"metadata":{"name":"bare"}}"#.to_owned(),
                1 => r#"{"metadata":{"name":"null"},"spec":null}"#.to_owned(),
                2 => "7".to_owned(),
                3 => format!(r#"{{"metadata":{{{labels}{annotations}"uid":"u"}},"metadata":{{{name}{namespace}{owners}"uid":"u"}},"spec":{{"containers":[]}}}}"#),
                4 => format!(r#"{{"metadata":{{{name}{namespace}{owners}"uid":"u"}},"spec":{{"containers":[]}}}}"#),
                _ => format!(
                    r#"{{{space}"metadata":{{{name}{namespace}"uid":"u",{labels}{annotations}{space}{owners}"managedFields":[{{"f:x":{{}}}}]}},"spec":{space}{{"volumes":[{{"name":"kube-api-access-{access}","projected":{{}}}}],{extra}{node}"containers":[{{"name":"c","volumeMounts":[{{"name":"kube-api-access-{access}","mountPath":"/run"}}]}}]}}{status}}}"#
                ),
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// However alike they are: a page gives what its pods give one by one.
        #[test]
        fn a_page_is_the_sum_of_its_pods(kinds in prop::collection::vec(pod(), 1..4), order in prop::collection::vec(any::<prop::sample::Index>(), 1..9)) {
            let pods: Vec<String> = order.iter().map(|i| kinds[i.index(kinds.len())].clone()).collect();
            match (as_page(&pods), one_by_one(&pods)) {
                (Ok(page), Ok(each)) => prop_assert_eq!(each_pod(&[page]), each_pod(&each)),
                (page, each) => prop_assert_eq!(page.is_err(), each.is_err(), "{:?} {:?}", page, each),
            }
        }
    }

    /// Of each field of a pod that is read there is a value here which no default has.
    #[test]
    fn every_field_of_a_pod_is_read_alike_from_a_list_and_from_a_file() {
        let spec = r#"{
          "hostNetwork": true, "enableServiceLinks": false, "serviceAccountName": "runner", "nodeName": "node-7",
          "hostAliases": [{"ip": "10.9.9.9", "hostnames": ["db.internal"]}],
          "initContainers": [{"name": "wait", "image": "busybox:1", "restartPolicy": "Always", "command": ["sleep"]}],
          "ephemeralContainers": [{"name": "debug", "image": "busybox:2", "targetContainerName": "web"}],
          "containers": [{"name": "web", "image": "web:3", "args": ["--verbose"], "imagePullPolicy": "Always",
            "ports": [{"name": "http", "containerPort": 8080, "hostPort": 8081, "protocol": "UDP"}],
            "env": [
              {"name": "PGSSLMODE", "value": "require"},
              {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a", "optional": true}}},
              {"name": "B", "valueFrom": {"secretKeyRef": {"name": "login", "key": "b", "optional": true}}},
              {"name": "C", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
              {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1"}}},
              {"name": "E", "valueFrom": {"fileKeyRef": {"volumeName": "x", "path": "y", "key": "z", "optional": true}}}],
            "envFrom": [{"prefix": "P_", "configMapRef": {"name": "all", "optional": true}},
              {"secretRef": {"name": "secrets", "optional": true}}],
            "volumeMounts": [{"name": "certs", "mountPath": "/certs", "subPath": "tls", "readOnly": true}]}],
          "volumes": [{"name": "certs", "secret": {"secretName": "tls", "items": [{"key": "tls.crt", "path": "c"}]}},
            {"name": "conf", "configMap": {"name": "conf-map"}},
            {"name": "both", "projected": {"sources": [{"secret": {"name": "tls2", "items": [{"key": "k", "path": "p"}]}},
              {"configMap": {"name": "conf-map-2"}}]}}]}"#;
        let pod = format!(
            r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "web-1", "namespace": "shop", "uid": "u-1",
              "resourceVersion": "42", "labels": {{"app": "web", "pod-template-hash": "h1"}},
              "annotations": {{"sidecar.istio.io/status": "{{}}"}}, "managedFields": [{{"manager": "kubelet"}}],
              "ownerReferences": [{{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-h1", "uid": "u-2", "controller": true}}]}},
              "spec": {spec}, "status": {{"phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.1.0.1",
                "podIPs": [{{"ip": "10.0.0.1"}}, {{"ip": "fd00::1"}}], "hostIPs": [{{"ip": "10.1.0.1"}}, {{"ip": "fd01::1"}}]}}}}"#
        );
        let live = as_page(std::slice::from_ref(&pod)).unwrap();
        let [group] = &live.pods[..] else { panic!("{live:?}") };
        let read = serde_json::to_string(group).unwrap();
        for value in [
            "web-1",
            "shop",
            r#""app":"web""#,
            "h1",
            "web-h1",
            "apps/v1",
            "42",
            "runner",
            "node-7",
            "10.9.9.9",
            "db.internal",
            "wait",
            "debug",
            "busybox:1",
            "busybox:2",
            "web:3",
            "8080",
            "8081",
            "UDP",
            "http",
            "PGSSLMODE",
            "require",
            "settings",
            "login",
            "status.podIP",
            "limits.cpu",
            "P_",
            "all",
            "secrets",
            "/certs",
            r#""tls""#,
            "tls.crt",
            "conf-map",
            "tls2",
            "conf-map-2",
            "10.0.0.1",
            "fd00::1",
            "10.1.0.1",
            "fd01::1",
        ] {
            assert!(read.contains(value), "{value} is not in {read}");
        }
        assert!(group.spec.host_network && !group.spec.service_links);
        assert_eq!(group.spec.containers.iter().map(|c| c.command.len()).collect::<Vec<_>>(), [1, 1, 0]);
        // Of one family alone, as of an old server.
        let single = pod.replace("podIPs", "x").replace("hostIPs", "y");
        let single = as_page(&[single]).unwrap();
        let member = &single.pods[0].members[0];
        assert_eq!((member.ips[0].to_string(), member.host_ips[0].to_string()), ("10.0.0.1".into(), "10.1.0.1".into()));

        let list = format!(r#"{{"items": [{pod}], "apiVersion": "v1", "metadata": {{}}, "kind": "List"}}"#);
        for (file, text) in [("list.json", list), ("pod.json", pod.clone()), ("pod.yaml", format!("---\n{pod}"))] {
            let read =
                crate::collect::read_embedded(&[(file, &text)], "files", crate::collect::Options::new("n", true));
            assert_eq!(each_pod(&[read.unwrap()]), each_pod(std::slice::from_ref(&live)), "{file}");
        }
    }

    #[test]
    fn an_item_that_is_nested_too_deep_is_named_and_does_not_end_the_process() {
        let deep = format!(r#"{{"metadata":{{"name":"a"}},"x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        let why = as_page(&[r#"{"metadata":{"name":"b"}}"#.to_owned(), deep]).unwrap_err();
        assert!(why.contains("item 2: recursion limit exceeded"), "{why}");
    }

    #[test]
    fn siblings_are_one_group() {
        let pod = |name: &str, node: &str, access: &str, ip: &str| {
            format!(
                r#"{{"metadata":{{"name":"{name}","generateName":"a-","namespace":"n","uid":"{name}","labels":{{"app":"a","pod-template-hash":"h"}},
                    "ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"a","controller":true}}]}},
                  "spec":{{"volumes":[{{"name":"kube-api-access-{access}","projected":{{}}}}],"nodeName":"{node}",
                    "containers":[{{"name":"c","volumeMounts":[{{"name":"kube-api-access-{access}","mountPath":"/run"}}]}}]}},
                  "status":{{"phase":"Running","podIP":"{ip}","hostIP":"10.1.0.1"}}}}"#
            )
        };
        let pods = [
            pod("a-1", "node-1", "x7k2p", "10.0.0.1"),
            pod("a-2", "node-2", "bcdf9", "10.0.0.2"),
            pod("a-3", "node-1", "44444", "10.0.0.3"),
        ];
        let Snapshot { pods: groups, .. } = as_page(&pods).unwrap();
        let [group] = &groups[..] else { panic!("{groups:?}") };
        let members: Vec<_> =
            group.members.iter().map(|m| (m.name.as_str(), m.node.as_deref().unwrap(), m.ips[0].to_string())).collect();
        assert_eq!(
            members,
            [
                ("a-1", "node-1", "10.0.0.1".into()),
                ("a-2", "node-2", "10.0.0.2".into()),
                ("a-3", "node-1", "10.0.0.3".into())
            ]
        );
        assert_eq!(group.members[2].labels.get("pod-template-hash"), Some("h"));
    }
}
