//! Objects with their history, and pages of them: a list that is continued sees the cluster as it was when it began.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use base64::Engine as _;
use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::super::serve::{Reply, Request};
use super::defaults;
use super::discovery::Resource;
use super::selector::Selector;
use super::status;

/// Group and plural.
type Kind = (String, String);

pub(super) struct Store {
    kinds: HashMap<Kind, BTreeMap<String, Vec<Version>>>,
    revision: u64,
    /// Continue tokens of an older revision have expired.
    compacted: u64,
}

/// An object from a revision on; absent once it is deleted.
struct Version {
    since: u64,
    object: Option<Stored>,
}

/// Serialised once, so that a list of 100,000 is a matter of copying.
struct Stored {
    /// The object without `apiVersion`, `kind` and the opening brace: they depend on how it is asked for.
    rest: Bytes,
    /// `{"name": …}`.
    metadata: Bytes,
}

/// The key below which etcd has it, without the resource.
fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}

impl Store {
    pub(super) fn new(revision: u64) -> Store {
        Store { kinds: HashMap::new(), revision, compacted: 0 }
    }

    /// Adds or replaces an object, with what the API server adds to it.
    pub(super) fn put(&mut self, resource: &Resource, mut object: Value) {
        self.revision += 1;
        if resource.namespaced && object["metadata"]["namespace"].as_str().unwrap_or_default().is_empty() {
            object["metadata"]["namespace"] = json!("default");
        }
        assert!(object["metadata"]["name"].is_string(), "no name (YAML's n, y, on and off are booleans): {object}");
        defaults::complete(&mut object, resource, self.revision);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let namespace = if resource.namespaced { text(&object["metadata"]["namespace"]) } else { String::new() };
        let key = key(&namespace, &text(&object["metadata"]["name"]));
        let fields = object.as_object_mut().expect("an object");
        fields.remove("apiVersion");
        fields.remove("kind");
        let metadata = Bytes::from(serde_json::to_vec(&fields["metadata"]).unwrap());
        let mut rest = Vec::new();
        if !resource.custom {
            // In the order of the Go structs; a map of custom fields is sorted.
            fields.remove("metadata");
            rest.extend_from_slice(br#""metadata":"#);
            rest.extend_from_slice(&metadata);
            rest.extend_from_slice(if fields.is_empty() { b"" } else { b"," });
        }
        rest.extend_from_slice(&serde_json::to_vec(&object).unwrap()[1..]);
        let rest = Bytes::from(rest);
        let version = Version { since: self.revision, object: Some(Stored { rest, metadata }) };
        self.history(resource).entry(key).or_default().push(version);
    }

    pub(super) fn delete(&mut self, resource: &Resource, namespace: &str, name: &str) {
        self.revision += 1;
        let version = Version { since: self.revision, object: None };
        self.history(resource).entry(key(namespace, name)).or_default().push(version);
    }

    /// All continue tokens so far expire.
    pub(super) fn compact(&mut self) {
        // Something happens in a cluster all the time; a token of the present would still be good.
        self.revision += 1;
        self.compacted = self.revision;
    }

    fn history(&mut self, resource: &Resource) -> &mut BTreeMap<String, Vec<Version>> {
        self.kinds.entry((resource.group.clone(), resource.plural.clone())).or_default()
    }

    /// Objects from a key on, as of a revision.
    fn at<'a>(
        &'a self,
        resource: &Resource,
        from: String,
        prefix: &'a str,
        revision: u64,
    ) -> impl Iterator<Item = (&'a str, &'a Stored)> + use<'a> {
        let kind = self.kinds.get(&(resource.group.clone(), resource.plural.clone()));
        let range =
            kind.into_iter().flat_map(move |k| k.range::<String, _>((Bound::Included(from.clone()), Bound::Unbounded)));
        range.take_while(move |(key, _)| key.starts_with(prefix)).filter_map(move |(key, versions)| {
            let version = versions.iter().rev().find(|v| v.since <= revision)?;
            Some((key.as_str(), version.object.as_ref()?))
        })
    }

    pub(super) fn get(&self, resource: &Resource, namespace: &str, name: &str, form: Form) -> Reply {
        let key = key(namespace, name);
        let found = self.at(resource, key.clone(), "", self.revision).next().filter(|(k, _)| *k == key);
        let Some((_, object)) = found else {
            return status::no_such_object(&resource.plural, &resource.group, name);
        };
        let mut body = Vec::new();
        match form {
            Form::Whole => object.write(&mut body, Some(resource)),
            Form::Metadata => object.write_metadata(&mut body),
        }
        body.push(b'\n');
        Reply::new(200, "application/json", body)
    }

    pub(super) fn list(&self, resource: &Resource, namespace: &str, request: &Request, form: Form) -> Reply {
        match self.try_list(resource, namespace, request, form) {
            Ok(reply) | Err(reply) => reply,
        }
    }

    fn try_list(&self, resource: &Resource, namespace: &str, request: &Request, form: Form) -> Result<Reply, Reply> {
        let parameter = |name: &str| request.parameter(name).filter(|v| !v.is_empty());
        let limit: i64 = match parameter("limit") {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| status::bad_request(&format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")))?,
        };
        let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let asked = parameter("resourceVersion");
        let (revision, from) = match parameter("continue") {
            Some(_) if asked.as_deref().is_some_and(|v| v != "0") => {
                let message = "specifying resource version is not allowed when using continue";
                return Err(status::bad_request(message));
            }
            Some(token) => self.resume(&token, &prefix)?,
            None => (self.revision, prefix.clone()),
        };
        if let Some(text) = &asked {
            let asked: u64 = text.parse().map_err(|_| {
                status::bad_request(&format!(
                    "invalid resource version: resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
                ))
            })?;
            if asked > self.revision {
                return Err(status::version_too_large(asked, self.revision));
            }
        }
        // From the watch cache, "any version" comes in one piece whatever the limit.
        let limit = if asked.as_deref() == Some("0") { 0 } else { limit.max(0) as usize };
        let selector = Selector::of(request).map_err(|message| status::bad_request(&message))?;

        let mut objects = self.at(resource, from, &prefix, revision);
        let mut page: Vec<&Stored> = Vec::new();
        let mut last = String::new();
        let mut more = 0;
        for (key, object) in objects.by_ref() {
            if !selector.is_empty() && !selector.matches(&object.value(resource)) {
                continue;
            }
            if limit > 0 && page.len() == limit {
                more = 1;
                break;
            }
            page.push(object);
            last = key[prefix.len()..].to_owned();
        }
        let mut list = Metadata { revision, next: None, remaining: None };
        if more > 0 {
            list.next = Some(token(revision as i64, &format!("{last}\0")));
            // With a selector the server cannot say how many are left.
            list.remaining = selector.is_empty().then(|| more + objects.count());
        }
        Ok(Reply::new(200, "application/json", render(resource, &page, &list, form)))
    }

    /// Revision and first key of a continue token.
    fn resume(&self, token: &str, prefix: &str) -> Result<(u64, String), Reply> {
        let invalid =
            |why: &str| status::bad_request(&format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(token)
            .or_else(|_| BASE64_URL_SAFE.decode(token))
            .map_err(|_| invalid("illegal base64 data"))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| invalid(&e.to_string()))?;
        let (Some(revision), Some(start)) = (value["rv"].as_i64(), value["start"].as_str()) else {
            return Err(invalid("incorrect encoded start resourceVersion"));
        };
        let from = format!("{prefix}{start}");
        match u64::try_from(revision) {
            // The token of a 410: the rest as it is now.
            Err(_) => Ok((self.revision, from)),
            Ok(revision) if revision < self.compacted => Err(status::expired(Some(&self::token(-1, start)))),
            Ok(revision) => Ok((revision, from)),
        }
    }
}

/// An opaque token, of the same make as the real one: base64 without padding of this JSON.
pub(super) fn token(revision: i64, start: &str) -> String {
    let start = json!(start);
    BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"v":"meta.k8s.io/v1","rv":{revision},"start":{start}}}"#))
}

/// How much of an object is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    /// `as=PartialObjectMetadata`, `as=PartialObjectMetadataList`.
    Metadata,
}

struct Metadata {
    revision: u64,
    next: Option<String>,
    remaining: Option<usize>,
}

impl Stored {
    /// With a resource, `apiVersion` and `kind` come first; items of typed lists go without.
    fn write(&self, out: &mut Vec<u8>, typed: Option<&Resource>) {
        out.push(b'{');
        if let Some(r) = typed {
            let (version, kind) = (r.api_version(), &r.kind);
            // In the order of a Go struct, and of a map for custom resources.
            let head = match r.custom {
                true => format!(r#""apiVersion":"{version}","kind":"{kind}","#),
                false => format!(r#""kind":"{kind}","apiVersion":"{version}","#),
            };
            out.extend_from_slice(head.as_bytes());
        }
        out.extend_from_slice(&self.rest);
    }

    fn write_metadata(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#);
        out.extend_from_slice(&self.metadata);
        out.push(b'}');
    }

    fn value(&self, resource: &Resource) -> Value {
        let mut text = Vec::new();
        self.write(&mut text, Some(resource));
        serde_json::from_slice(&text).unwrap()
    }
}

/// A list's metadata comes before its items, except for custom resources, whose lists are maps with sorted keys and
/// whose items say what they are.
fn render(resource: &Resource, page: &[&Stored], list: &Metadata, form: Form) -> Vec<u8> {
    let revision = list.revision;
    let mut out = Vec::with_capacity(page.iter().map(|o| o.rest.len() + 2).sum::<usize>() + 512);
    let custom = resource.custom && form == Form::Whole;
    let mut metadata = String::new();
    match custom {
        true => {
            metadata.push_str(&format!(r#"{{"continue":"{}""#, list.next.as_deref().unwrap_or_default()));
            if let Some(n) = list.remaining {
                metadata.push_str(&format!(r#","remainingItemCount":{n}"#));
            }
            metadata.push_str(&format!(r#","resourceVersion":"{revision}"}}"#));
        }
        false => {
            metadata.push_str(&format!(r#"{{"resourceVersion":"{revision}""#));
            if let Some(next) = &list.next {
                metadata.push_str(&format!(r#","continue":"{next}""#));
            }
            if let Some(n) = list.remaining {
                metadata.push_str(&format!(r#","remainingItemCount":{n}"#));
            }
            metadata.push('}');
        }
    }
    let (kind, version) = match form {
        Form::Whole => (format!("{}List", resource.kind), resource.api_version()),
        Form::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
    };
    match custom {
        true => out.extend_from_slice(format!(r#"{{"apiVersion":"{version}","items":"#).as_bytes()),
        false => out.extend_from_slice(
            format!(r#"{{"kind":"{kind}","apiVersion":"{version}","metadata":{metadata},"items":"#).as_bytes(),
        ),
    }
    if page.is_empty() && form == Form::Metadata {
        // As the real one has it.
        out.extend_from_slice(b"null");
    } else {
        out.push(b'[');
        for (i, object) in page.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            match form {
                Form::Metadata => object.write_metadata(&mut out),
                Form::Whole => object.write(&mut out, resource.custom.then_some(resource)),
            }
        }
        out.push(b']');
    }
    if custom {
        out.extend_from_slice(format!(r#","kind":"{kind}","metadata":{metadata}"#).as_bytes());
    }
    out.extend_from_slice(b"}\n");
    out
}
