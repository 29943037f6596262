//! Reads one page of a Kubernetes list.

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::document::{JsonList, ListMeta};

use super::fault::{Fault, looks_like_page};

/// The list's metadata alone, of the beginning of a page. It stands before the items, so that the next page can be asked
/// for while they are read.
pub(super) fn head(start: &[u8]) -> Option<ListMeta> {
    struct Head<'m>(&'m mut Option<ListMeta>);
    impl<'de> Visitor<'de> for Head<'_> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        /// Ends with an error in any case: the rest is not there yet.
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                match key.as_str() {
                    "metadata" => {
                        *self.0 = Some(map.next_value()?);
                        break;
                    }
                    "items" => break,
                    _ => drop(map.next_value::<IgnoredAny>()?),
                }
            }
            Err(A::Error::custom("read as far as needed"))
        }
    }
    // The beginning may end within a character.
    let text = start.utf8_chunks().next()?.valid();
    let mut found = None;
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(Head(&mut found));
    found
}

/// Reads a list's metadata, and its items as text.
///
/// # Errors
/// [`Fault::Malformed`] where it is no list: `items` must be there, and be a list. Of metadata alone an empty list has
/// `items: null` (seen of Kubernetes 1.34); no other list is taken as empty for that.
pub(super) fn read(body: &[u8]) -> Result<(JsonList<'_>, ListMeta), Fault> {
    let text = std::str::from_utf8(body).map_err(|_| wrong(body))?;
    let mut list = JsonList::parse(text).map_err(|_| wrong(body))?;
    let kind = list.kind.as_deref();
    let is_list = match &list.items {
        Some(Some(_)) => kind.is_some_and(|kind| kind.ends_with("List")),
        Some(None) => kind == Some("PartialObjectMetadataList"),
        None => false,
    };
    if is_list && let Some(meta) = list.metadata.take() {
        return Ok((list, meta));
    }
    let found = kind.map_or("an object without kind".to_owned(), shown_kind);
    Err(Fault::Malformed(format!("expected a list with metadata and items, found {found}")))
}

/// What is wrong with a page that is none.
fn wrong(body: &[u8]) -> Fault {
    if std::str::from_utf8(&body[..body.len().min(200)]).is_ok_and(looks_like_page) {
        return Fault::Malformed("an HTML page, as a proxy or a login portal gives".to_owned());
    }
    match serde_json::from_slice::<IgnoredAny>(body) {
        Err(e) if e.is_eof() => Fault::CutOff(format!("it ends after {} bytes", body.len())),
        Err(e) => Fault::Malformed(format!("line {} column {}: {}", e.line(), e.column(), plain(&e))),
        Ok(_) if std::str::from_utf8(body).is_err() => Fault::Malformed("it is not UTF-8".to_owned()),
        Ok(_) => Fault::Malformed("it has values that no list has".to_owned()),
    }
}

/// What is wrong with an item of a page that is valid JSON; the first has number 1.
pub(super) fn wrong_item(number: usize, e: &serde_json::Error) -> Fault {
    Fault::Malformed(format!("item {number}: {}", plain(e)))
}

/// A kind as a message may quote it: what is no name of one may be anything, also a secret.
pub(super) fn shown_kind(kind: &str) -> String {
    let is_name = !kind.is_empty() && kind.len() <= 63 && kind.bytes().all(|b| b.is_ascii_alphabetic());
    if is_name { format!("kind {kind}") } else { "a kind that is none".to_owned() }
}

/// The error's words without its place and without what it quotes.
fn plain(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(m, _)| m);
    crate::lexicon::mask_text(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::Node;

    fn names(body: &str) -> Result<(Vec<String>, ListMeta), Fault> {
        let (list, meta) = read(body.as_bytes())?;
        let name = |node: &Node<'_>| Some(node.get("metadata")?.get("name")?.as_str()?.to_owned());
        let found = list.nodes(body).map(|node| name(&node.unwrap()).unwrap_or("?".to_owned())).collect();
        Ok((found, meta))
    }

    #[test]
    fn items_and_metadata_come_in_any_order() {
        let meta = ListMeta { token: Some("t".into()), resource_version: Some("7".into()), ..ListMeta::default() };
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
    fn what_no_reader_asks_for_is_still_json() {
        let body = |fields: &str| {
            format!(
                r#"{{"kind":"PodList","metadata":{{}},"items":[{{"metadata":{{"name":"a","managedFields":{fields}}}}}]}}"#
            )
        };
        for fields in [r#"[{"a" 1}]"#, "[1,2}", "[oops]", "[1,]", "[\"\t\"]"] {
            assert!(matches!(names(&body(fields)), Err(Fault::Malformed(_))), "{fields}");
        }
        assert_eq!(names(&body(r#"[{"a":1}]"#)).unwrap().0, ["a"]);
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
