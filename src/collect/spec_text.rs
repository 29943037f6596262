//! The specification of a pod as the text that an API server gives, before anything of it is taken apart: most pods have
//! that of another pod, and need no more than to be told from it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use crate::document::RawObject;

use super::json_text::{Walk, Wrong};

/// Name without what is random of the volume that admission gives to pods for their token.
pub(super) const ACCESS: &str = "kube-api-access";

/// What random names are made of: k8s.io/apimachinery/pkg/util/rand.
const RANDOM: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether a volume is that of the service account's token, as admission names it: `kube-api-access-` and five random
/// characters (plugin ServiceAccount, `ServiceAccountVolumeName`). By that name no pod would be like any other.
pub(super) fn is_access(name: &str) -> bool {
    let random = name.strip_prefix(ACCESS).and_then(|rest| rest.strip_prefix('-'));
    random.is_some_and(|r| r.len() == 5 && r.bytes().all(|b| RANDOM.contains(&b)))
}

/// The fields that [`super::kubernetes::parse_pod_spec`] reads beside `nodeName`; another that it comes to read must be
/// here.
const FIELDS: [&str; 8] = [
    "containers",
    "enableServiceLinks",
    "ephemeralContainers",
    "hostAliases",
    "hostNetwork",
    "initContainers",
    "serviceAccountName",
    "volumes",
];
const VOLUMES: usize = 7;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct SpecText<'a> {
    pub node: Option<Cow<'a, str>>,
    rest: Arc<Rest<'a>>,
}

/// What the specifications of several pods may share.
#[derive(Debug)]
struct Rest<'a> {
    /// JSON of [`FIELDS`]; `None` where absent or null.
    fields: [Option<Cow<'a, str>>; 8],
    /// The name of the token's volume, in its quotes.
    access: Option<Cow<'a, str>>,
    digest: OnceLock<[u8; 32]>,
}

impl PartialEq for Rest<'_> {
    fn eq(&self, other: &Self) -> bool {
        (&self.fields, &self.access) == (&other.fields, &other.access)
    }
}

impl<'a> SpecText<'a> {
    /// Reads the specification, an object, at a place.
    ///
    /// # Errors
    /// Where it is no object, or the name of its node is no text.
    pub(super) fn read(walk: &mut Walk<'a>) -> Result<Self, Wrong> {
        let mut node = None;
        let mut fields = [const { None }; 8];
        let mut first = true;
        while let Some(key) = walk.key(&mut first)? {
            if key == "nodeName" {
                node = match walk.peek()? {
                    b'"' => Some(walk.string()?),
                    _ if walk.word()? == "null" => None,
                    _ => return Err(Wrong),
                };
                continue;
            }
            let value = walk.skip()?;
            if let Some(i) = FIELDS.iter().position(|f| *f == key) {
                fields[i] = Some(value).filter(|v| *v != "null");
            }
        }
        let access = fields[VOLUMES].and_then(access).filter(|quoted| {
            let mut all = fields.iter().flatten().flat_map(|f| f.match_indices(*quoted).map(|(at, _)| (*f, at)));
            all.all(|(field, at)| is_volumes(field, at, quoted)) && !fields.iter().flatten().any(|f| escapes_names(f))
        });
        let access = access.map(Cow::Borrowed);
        let rest = Arc::new(Rest { fields: fields.map(|f| f.map(Cow::Borrowed)), access, digest: OnceLock::new() });
        Ok(SpecText { node, rest })
    }

    /// The JSON of each field that is read, but for the node's name.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        FIELDS.into_iter().zip(&self.rest.fields).filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }

    /// SHA-256 of the fields that are read, where specifications that differ in nothing but the name of the token's volume
    /// have the same.
    fn digest(&self) -> [u8; 32] {
        *self.rest.digest.get_or_init(|| {
            let mut digest = Sha256::new();
            for (key, value) in self.fields() {
                let parts: Vec<&str> = match &self.rest.access {
                    None => vec![value],
                    Some(access) => value.split(&**access).collect(),
                };
                // By numbers and lengths no texts are taken for others that only join to the same.
                digest.update(parts.len().to_le_bytes());
                for text in [key].into_iter().chain(parts) {
                    digest.update(text.len().to_le_bytes());
                    digest.update(text);
                }
            }
            digest.finalize().into()
        })
    }

    /// The same with texts of its own.
    fn to_owned_text(&self) -> SpecText<'static> {
        let own = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
        let rest = Rest {
            fields: self.rest.fields.each_ref().map(|f| f.as_ref().map(own)),
            access: self.rest.access.as_ref().map(own),
            digest: self.rest.digest.clone(),
        };
        SpecText { node: self.node.as_ref().map(own), rest: Arc::new(rest) }
    }
}

impl RawObject for SpecText<'_> {
    fn fields(&self) -> Vec<(&'static str, &str)> {
        self.fields().collect()
    }

    fn digest(&self) -> [u8; 32] {
        self.digest()
    }

    fn own_string(&self, key: &str) -> Option<&str> {
        self.node.as_deref().filter(|_| key == "nodeName")
    }

    fn to_static(&self) -> Arc<dyn RawObject> {
        Arc::new(self.to_owned_text())
    }
}

/// A specification by which those of the pods after it are known: pods of one owner stand side by side in a list, and
/// their specifications are the same to the byte but for the node's name and the name of the token's volume.
pub(super) struct Alike<'a> {
    /// Text, and what comes after it that may be another; the last is the end.
    pieces: Vec<(&'a str, Hole)>,
    rest: Arc<Rest<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    /// The node's name, without its quotes.
    Node,
    /// The name of the token's volume, without its quotes.
    Access,
    End,
}

impl<'a> Alike<'a> {
    /// Of a specification and its text; `None` where other texts could not be told by this one.
    pub(super) fn new(text: &'a str, spec: &SpecText<'a>) -> Option<Self> {
        let rest = spec.rest.clone();
        let mut holes: Vec<(usize, usize, Hole)> = Vec::new();
        match &spec.node {
            Some(Cow::Borrowed(name)) => {
                let at = name.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
                holes.push((at, name.len(), Hole::Node));
            }
            Some(Cow::Owned(_)) => return None,
            None => {}
        }
        // Anything else in which that stands would take part in the digest as it is.
        for (at, _) in text.match_indices(ACCESS) {
            let quoted = rest.access.as_deref()?;
            let start = at.checked_sub(1).filter(|start| is_volumes(text, *start, quoted))?;
            holes.push((start + 1, quoted.len() - 2, Hole::Access));
        }
        holes.sort_unstable_by_key(|hole| hole.0);
        let mut pieces = Vec::with_capacity(holes.len() + 1);
        let mut from = 0;
        for (at, length, hole) in holes {
            pieces.push((text.get(from..at)?, hole));
            from = at + length;
        }
        pieces.push((text.get(from..)?, Hole::End));
        Some(Alike { pieces, rest })
    }

    /// Reads a specification at a place, if it is like this one; if not, nothing but white space is passed over.
    pub(super) fn read(&self, walk: &mut Walk<'a>) -> Option<SpecText<'a>> {
        let (mut node, mut access) = (None, None);
        walk.peek().ok()?;
        let mut at = walk.clone();
        for (piece, hole) in &self.pieces {
            at.forward_if(piece)?;
            match hole {
                Hole::Node => {
                    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
                    let length = at.rest().bytes().take_while(plain).count();
                    node = Some(Cow::Borrowed(at.forward(length)));
                }
                Hole::Access => {
                    let name = at.forward(ACCESS.len() + 6);
                    if !is_access(name) || *access.get_or_insert(name) != name {
                        return None;
                    }
                }
                Hole::End => {}
            }
        }
        *walk = at;
        Some(SpecText { node, rest: self.rest.clone() })
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

/// Whether a text may have characters of a volume's name as `\u0061`, so that the name is not found in it. No API server
/// writes them so.
fn escapes_names(text: &str) -> bool {
    text.match_indices("\\u00").any(|(at, _)| {
        let code = text.get(at + 4..at + 6).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        code.is_none_or(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Whether a name, in its quotes, that stands at a place is that of a volume or of its mount, as an API server writes it,
/// and not something else that happens to be called so.
fn is_volumes(text: &str, at: usize, quoted: &str) -> bool {
    let Some((before, rest)) = text.split_at_checked(at) else { return false };
    let Some(after) = rest.strip_prefix(quoted) else { return false };
    let is_next = |next: &&str| after.starts_with(*next);
    before.ends_with("{\"name\":")
        && [",\"projected\":", ",\"mountPath\":", ",\"readOnly\":true,\"mountPath\":"].iter().any(is_next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SpecText<'static> {
        SpecText::read(&mut Walk::new(text)).unwrap().to_owned_text()
    }

    fn pod(suffix: &str, node: &str, more: &str) -> SpecText<'static> {
        read(&format!(
            r#"{{"volumes":[{{"name":"kube-api-access-{suffix}","projected":{{}}}}],"nodeName":"{node}","tolerations":[1],{more}
                "containers":[{{"name":"c","volumeMounts":[{{"name":"kube-api-access-{suffix}","readOnly":true,"mountPath":"/run"}}]}}],
                "hostNetwork":null}}"#
        ))
    }

    #[test]
    fn only_what_is_read_is_kept() {
        let one = pod("x7k2p", "a", "");
        assert_eq!(one.node.as_deref(), Some("a"));
        let mounts = r#"[{"name":"kube-api-access-x7k2p","readOnly":true,"mountPath":"/run"}]"#;
        assert_eq!(
            one.fields().collect::<Vec<_>>(),
            [
                ("containers", &*format!(r#"[{{"name":"c","volumeMounts":{mounts}}}]"#)),
                ("volumes", r#"[{"name":"kube-api-access-x7k2p","projected":{}}]"#)
            ]
        );
    }

    #[test]
    fn the_name_of_the_tokens_volume_makes_no_difference() {
        assert_eq!(pod("x7k2p", "a", "").digest(), pod("bcdf9", "b", "").digest());
        assert_ne!(pod("x7k2p", "a", "").digest(), pod("token", "a", "").digest());
        // Where anything else is called so, the name is more than that.
        let more = r#""serviceAccountName":"kube-api-access-x7k2p","#;
        assert_ne!(pod("x7k2p", "a", more).digest(), pod("bcdf9", "a", more).digest());
        let more = r#""hostAliases":[{"ip":"\u006bube-api-access-x7k2p"}],"#;
        assert_ne!(pod("x7k2p", "a", more).digest(), pod("bcdf9", "a", more).digest());
        let own = |suffix: &str| pod(suffix, "a", &format!(r#""serviceAccountName":"kube-api-access-{suffix}","#));
        assert_ne!(own("x7k2p").digest(), own("bcdf9").digest());
    }

    #[test]
    fn a_specification_of_nothing_is_an_object() {
        assert_eq!(read("{}").fields().count(), 0);
        assert_eq!(SpecText::read(&mut Walk::new("[]")), Err(Wrong));
    }
}
