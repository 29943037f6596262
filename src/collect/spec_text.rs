//! The specification of a pod as the text that an API server gives, before anything of it is taken apart: most pods have
//! that of another pod, and need no more than to be told from it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// Name without what is random of the volume that admission gives to pods for their token.
pub const ACCESS: &str = "kube-api-access";

/// What random names are made of: k8s.io/apimachinery/pkg/util/rand.
const RANDOM: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether a volume is that of the service account's token, as admission names it: `kube-api-access-` and five random
/// characters (plugin ServiceAccount, `ServiceAccountVolumeName`). By that name no pod would be like any other.
pub fn is_access(name: &str) -> bool {
    let random = name.strip_prefix(ACCESS).and_then(|rest| rest.strip_prefix('-'));
    random.is_some_and(|r| r.len() == 5 && r.bytes().all(|b| RANDOM.contains(&b)))
}

/// The fields that [`super::kubernetes::pod_spec`] reads; another that it comes to read must be here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    node_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    containers: Option<&'a RawValue>,
    #[serde(borrow)]
    enable_service_links: Option<&'a RawValue>,
    #[serde(borrow)]
    ephemeral_containers: Option<&'a RawValue>,
    #[serde(borrow)]
    host_aliases: Option<&'a RawValue>,
    #[serde(borrow)]
    host_network: Option<&'a RawValue>,
    #[serde(borrow)]
    init_containers: Option<&'a RawValue>,
    #[serde(borrow)]
    service_account_name: Option<&'a RawValue>,
    #[serde(borrow)]
    volumes: Option<&'a RawValue>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SpecText<'a> {
    pub node: Option<Cow<'a, str>>,
    /// JSON of the other fields that are read, by their names.
    fields: Vec<(&'static str, Cow<'a, str>)>,
    /// The name of the token's volume, in its quotes.
    access: Option<String>,
}

impl<'de> Deserialize<'de> for SpecText<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let f = Fields::deserialize(d)?;
        let fields = [
            ("containers", f.containers),
            ("enableServiceLinks", f.enable_service_links),
            ("ephemeralContainers", f.ephemeral_containers),
            ("hostAliases", f.host_aliases),
            ("hostNetwork", f.host_network),
            ("initContainers", f.init_containers),
            ("serviceAccountName", f.service_account_name),
            ("volumes", f.volumes),
        ];
        Ok(SpecText {
            node: f.node_name,
            access: f.volumes.and_then(|v| access(v.get())).map(str::to_owned),
            fields: fields.into_iter().filter_map(|(key, raw)| Some((key, Cow::Borrowed(raw?.get())))).collect(),
        })
    }
}

impl SpecText<'_> {
    /// Gives the text in pieces: an object of the fields but for the node's name; the volume of the token is called
    /// [`ACCESS`].
    fn pieces(&self, mut each: impl FnMut(&str)) {
        each("{");
        for (i, (key, value)) in self.fields.iter().enumerate() {
            [if i == 0 { "\"" } else { ",\"" }, key, "\":"].into_iter().for_each(&mut each);
            let Some(access) = &self.access else {
                each(value);
                continue;
            };
            for (i, part) in value.split(access.as_str()).enumerate() {
                if i > 0 {
                    ["\"", ACCESS, "\""].into_iter().for_each(&mut each);
                }
                each(part);
            }
        }
        each("}");
    }

    /// JSON of the fields that are read, but for the node's name.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.fields.iter().map(|(k, v)| k.len() + v.len() + 4).sum());
        self.pieces(|piece| text.push_str(piece));
        text
    }

    /// SHA-256 of [`text`](Self::text).
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        self.pieces(|piece| digest.update(piece));
        digest.finalize().into()
    }

    /// The same with texts of its own.
    pub fn into_owned(self) -> SpecText<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        SpecText {
            node: self.node.map(own),
            fields: self.fields.into_iter().map(|(key, value)| (key, own(value))).collect(),
            access: self.access,
        }
    }
}

/// The name of the token's volume among the volumes, in its quotes.
fn access(volumes: &str) -> Option<&str> {
    const BEFORE: &str = "\"name\":\"";
    if volumes.contains("\"kube-api-access\"") {
        return None;
    }
    volumes.match_indices("\"name\":\"kube-api-access-").find_map(|(at, _)| {
        let quoted = volumes.get(at + BEFORE.len() - 1..at + BEFORE.len() + ACCESS.len() + 7)?;
        let name = quoted.strip_prefix('"')?.strip_suffix('"')?;
        is_access(name).then_some(quoted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SpecText<'static> {
        serde_json::from_str::<SpecText<'_>>(text).unwrap().into_owned()
    }

    #[test]
    fn only_what_is_read_is_kept_and_the_tokens_volume_has_one_name() {
        let pod = |suffix: &str, node: &str| {
            read(&format!(
                r#"{{"volumes":[{{"name":"kube-api-access-{suffix}","projected":{{}}}}],"nodeName":"{node}","tolerations":[1],
                    "containers":[{{"name":"c","volumeMounts":[{{"name":"kube-api-access-{suffix}"}}]}}],"hostNetwork":null}}"#
            ))
        };
        let one = pod("x7k2p", "a");
        assert_eq!(one.node.as_deref(), Some("a"));
        assert_eq!(
            one.text(),
            r#"{"containers":[{"name":"c","volumeMounts":[{"name":"kube-api-access"}]}],"volumes":[{"name":"kube-api-access","projected":{}}]}"#
        );
        assert_eq!(one.text(), pod("bcdf9", "b").text());
        assert_eq!(one.digest(), pod("bcdf9", "b").digest());
        assert_ne!(one.digest(), pod("token", "a").digest());
    }

    #[test]
    fn a_specification_of_nothing_is_an_object() {
        assert_eq!(read("{}").text(), "{}");
        assert!(serde_json::from_str::<SpecText<'_>>("[]").is_err());
    }
}
