//! Folds the items of a list's page into the evidence.

use super::super::api_format::{Part, Reader};
use super::super::builder::Builder;
use super::super::kubernetes::Head;
use super::super::pod_text::PodText;
use super::fault::Fault;
use super::page::{self, ListMeta};

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
    pub(super) fn fold<'a>(&self, body: &'a [u8], builder: &mut Builder) -> Result<(ListMeta, usize), Fault> {
        let head = Head { api_version: &self.api_version, kind: self.kind };
        let part = Part::of_kind(self.kind);
        let (mut count, mut wrong) = (0, None);
        // The last item that was read whole, and what is compared with it.
        let mut last: Option<&'a str> = None;
        let mut alike: Option<PodText<'a>> = None;
        let mut each = |reader: &mut Reader<'a>| {
            count += 1;
            if let Some(text) = last.take() {
                alike = PodText::new(text);
            }
            let before = alike.as_ref().filter(|_| builder.can_have_sibling());
            if let Some(member) = before.and_then(|pod| pod.sibling(reader)) {
                builder.sibling(member);
                return Ok(());
            }
            alike = None;
            let start = reader.walk.clone();
            if let Err(why) = builder.item(&reader.node(part)?, &head, &self.path) {
                wrong.get_or_insert(why);
            }
            last = builder.can_have_sibling().then(|| reader.walk.text_since(&start));
            Ok(())
        };
        let meta = page::read(body, &mut each)?;
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

    use super::super::super::api_format;
    use super::*;
    use crate::inventory::Snapshot;

    const ITEMS: fn() -> Items =
        || Items { kind: "Pod", api_version: "v1".to_owned(), path: "/api/v1/pods".to_owned() };

    /// A page of pods, each by itself, without anything that knows of the others.
    fn one_by_one(pods: &[String]) -> Result<Snapshot, String> {
        let mut builder = Builder::for_lists(Arc::default());
        for pod in pods {
            let node = api_format::read(pod, Part::Any).map_err(|_| "no JSON")?;
            builder.item(&node, &Head { api_version: "v1", kind: "Pod" }, "/api/v1/pods")?;
        }
        Ok(builder.into_part())
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
                (Ok(page), Ok(each)) => prop_assert_eq!(page, each),
                (page, each) => prop_assert_eq!(page.is_err(), each.is_err(), "{:?} {:?}", page, each),
            }
        }
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
        assert_eq!(groups, one_by_one(&pods).unwrap().pods);
    }
}
