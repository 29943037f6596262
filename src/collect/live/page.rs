//! Reads one page of a Kubernetes list, an item at a time, so that no more than one is ever held as a tree.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::tree::{Node, Place, Placed};
use super::fault::{Fault, looks_like_page};

/// What a page says of its list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMeta {
    /// Absent or empty on the last page.
    #[serde(rename = "continue")]
    pub token: Option<String>,
    pub resource_version: Option<String>,
}

/// The list's metadata alone. It stands before the items, so that the next page can be asked for while they are read.
pub fn head(body: &[u8]) -> Option<ListMeta> {
    struct Head<'a>(&'a mut Option<ListMeta>);
    impl<'de> Visitor<'de> for Head<'_> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<(), A::Error> {
            while let Some(key) = a.next_key::<String>()? {
                match key.as_str() {
                    "metadata" => {
                        *self.0 = Some(a.next_value()?);
                        return Ok(());
                    }
                    "items" => return Ok(()),
                    _ => drop(a.next_value::<IgnoredAny>()?),
                }
            }
            Ok(())
        }
    }
    let mut found = None;
    // It ends before the end of the text, which the deserialiser calls an error.
    let _ = serde_json::Deserializer::from_slice(body).deserialize_map(Head(&mut found));
    found
}

/// Gives every item, of the format `P`, to `each` and answers the list's metadata.
///
/// # Errors
/// [`Fault::Malformed`] where it is no list: `items` must be there, and be a list. Of metadata alone an empty list has
/// `items: null` (seen of Kubernetes 1.34); no other list is taken as empty for that.
pub fn read<P: Place>(body: &[u8], each: &mut dyn FnMut(&Node)) -> Result<ListMeta, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let page =
        Page::<P> { each, place: PhantomData }.deserialize(&mut reader).and_then(|page| reader.end().map(|()| page));
    match page {
        Ok((Some(kind), Some(meta), Found::List)) if kind.ends_with("List") => Ok(meta),
        Ok((Some(kind), Some(meta), Found::Null)) if kind == "PartialObjectMetadataList" => Ok(meta),
        Ok((kind, _, _)) => {
            let found = kind.map_or("an object without kind".to_owned(), |k| shown_kind(&k));
            Err(Fault::Malformed(format!("expected a list with metadata and items, found {found}")))
        }
        Err(_) if std::str::from_utf8(&body[..body.len().min(200)]).is_ok_and(looks_like_page) => {
            Err(Fault::Malformed("an HTML page, as a proxy or a login portal gives".to_owned()))
        }
        Err(e) if e.is_eof() => Err(Fault::CutOff(format!("it ends after {} bytes", body.len()))),
        Err(e) => Err(Fault::Malformed(format!("line {} column {}: {}", e.line(), e.column(), plain(&e)))),
    }
}

/// A kind as a message may quote it: what is no name of one may be anything, also a secret.
pub fn shown_kind(kind: &str) -> String {
    let is_name = !kind.is_empty() && kind.len() <= 63 && kind.bytes().all(|b| b.is_ascii_alphabetic());
    if is_name { format!("kind {kind}") } else { "a kind that is none".to_owned() }
}

/// The error's words without its place and without what it quotes.
fn plain(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(m, _)| m);
    crate::lexicon::mask_text(text)
}

struct Page<'a, P> {
    each: &'a mut dyn FnMut(&Node),
    place: PhantomData<P>,
}

/// What `items` was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Null,
    List,
}

/// Kind, metadata and items.
type Parts = (Option<String>, Option<ListMeta>, Found);

impl<'de, P: Place> DeserializeSeed<'de> for Page<'_, P> {
    type Value = Parts;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Parts, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de, P: Place> Visitor<'de> for Page<'_, P> {
    type Value = Parts;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Parts, A::Error> {
        let (mut kind, mut meta, mut items) = (None, None, Found::Nothing);
        while let Some(key) = a.next_key::<String>()? {
            match key.as_str() {
                "kind" => kind = Some(a.next_value()?),
                "metadata" => meta = Some(a.next_value()?),
                "items" => {
                    items = a.next_value_seed(Items::<P> { each: &mut *self.each, place: PhantomData })?;
                }
                _ => drop(a.next_value::<IgnoredAny>()?),
            }
        }
        Ok((kind, meta, items))
    }
}

struct Items<'a, P> {
    each: &'a mut dyn FnMut(&Node),
    place: PhantomData<P>,
}

impl<'de, P: Place> DeserializeSeed<'de> for Items<'_, P> {
    type Value = Found;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Found, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, P: Place> Visitor<'de> for Items<'_, P> {
    type Value = Found;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a list")
    }
    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Found, A::Error> {
        while let Some(item) = a.next_element::<Placed<P>>()? {
            (self.each)(&item.0);
        }
        Ok(Found::List)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::api_format::Api;
    use super::*;

    fn names(body: &str) -> Result<(Vec<String>, ListMeta), Fault> {
        let mut found = Vec::new();
        let meta = read::<Api>(body.as_bytes(), &mut |n| {
            let name = n.get("metadata").and_then(|m| m.get("name")).and_then(Node::as_str);
            found.push(name.unwrap_or("?").to_owned());
        })?;
        Ok((found, meta))
    }

    #[test]
    fn items_and_metadata_come_in_any_order() {
        let meta = ListMeta { token: Some("t".into()), resource_version: Some("7".into()) };
        let m = r#""metadata":{"continue":"t","resourceVersion":"7","remainingItemCount":1}"#;
        let items = r#""items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]"#;
        for body in [format!(r#"{{"kind":"PodList",{m},{items}}}"#), format!(r#"{{{items},{m},"kind":"PodList"}}"#)] {
            assert_eq!(names(&body), Ok((vec!["a".to_owned(), "b".to_owned()], meta.clone())));
        }
        assert_eq!(head(format!(r#"{{"kind":"PodList",{m},"items":["#).as_bytes()), Some(meta));
        assert_eq!(head(format!("{{{items},{m}}}").as_bytes()), None);
    }

    #[test]
    fn an_empty_list_of_metadata_has_null_items() {
        let body = r#"{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"7"},"items":null}"#;
        assert_eq!(names(body).unwrap().0, Vec::<String>::new());
    }

    #[test]
    fn whatever_is_no_list_is_a_fault() {
        for body in [
            r#"{"kind":"PodList","metadata":{},"items":null}"#,
            r#"{"kind":"PodList","metadata":{}}"#,
            r#"{"kind":"PodList","items":[]}"#,
            r#"{"kind":"Status","metadata":{},"items":[]}"#,
            r#"{"metadata":{},"items":[]}"#,
            r#"{"kind":"PodList","metadata":{},"items":{}}"#,
            r#"{"kind":"PodList","metadata":{},"items":[]} x"#,
            "[]",
            "null",
            "<html><body>Sign in</body></html>",
        ] {
            assert!(matches!(names(body), Err(Fault::Malformed(_))), "{body}: {:?}", names(body));
        }
        for body in ["", r#"{"kind":"PodList","metadata":{},"items":[{"#] {
            assert!(matches!(names(body), Err(Fault::CutOff(_))), "{body}");
        }
    }

    #[test]
    fn what_no_reader_asks_for_is_passed_over_but_not_under_keys_of_the_author() {
        let body = r#"{"kind":"PodList","metadata":{},"items":[{"metadata":{"name":"a","managedFields":[{}],
            "labels":{"resources":"x","zone":"y"}},"spec":{"containers":[{"resources":{"a":1},"name":"c"}]}}]}"#;
        let mut found = Vec::new();
        read::<Api>(body.as_bytes(), &mut |n| found.push(n.to_json())).unwrap();
        let expected = serde_json::json!({"metadata": {"name": "a", "labels": {"resources": "x", "zone": "y"}},
            "spec": {"containers": [{"name": "c"}]}});
        assert_eq!(found, [expected]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,200}") {
            let _ = (names(&text), head(text.as_bytes()));
        }

        /// A list that is cut off anywhere is never taken for a whole one.
        #[test]
        fn a_part_is_never_the_whole(cut in 0usize..1000) {
            let whole = r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#;
            let part = &whole[..cut % whole.len()];
            prop_assert!(names(part).is_err(), "{part}");
        }
    }
}
