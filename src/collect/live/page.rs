//! Reads one page of a Kubernetes list, an item at a time, so that no more than one is ever held as a tree.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::api_format::Reader;
use super::super::json_text::{Walk, Wrong};
use super::fault::{Fault, looks_like_page};

/// What a page says of its list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListMeta {
    /// Absent or empty on the last page.
    #[serde(rename = "continue")]
    pub token: Option<String>,
    pub resource_version: Option<String>,
}

impl ListMeta {
    fn read(walk: &mut Walk<'_>) -> Result<ListMeta, Wrong> {
        serde_json::from_str(walk.skip()?).map_err(|_| Wrong)
    }
}

/// Reads the item at the reader's place.
type Each<'e, 'a> = dyn FnMut(&mut Reader<'a>) -> Result<(), Wrong> + 'e;

/// The list's metadata alone, of the beginning of a page. It stands before the items, so that the next page can be asked
/// for while they are read.
pub(super) fn head(start: &[u8]) -> Option<ListMeta> {
    // The beginning may end within a character.
    let text = start.utf8_chunks().next()?.valid();
    let mut walk = Walk::new(text);
    let mut first = true;
    while let Some(key) = walk.key(&mut first).ok()? {
        match &*key {
            "metadata" => return ListMeta::read(&mut walk).ok(),
            "items" => return None,
            _ => walk.skip().ok()?,
        };
    }
    None
}

/// Whether all of a body is JSON, also what [`read`] passes over, but for the characters of its texts: for one that came
/// without a checksum of its own, as those of gzip have.
///
/// # Errors
/// As of [`read`].
pub(super) fn check(body: &[u8]) -> Result<(), Fault> {
    serde_json::from_slice::<IgnoredAny>(body).map(drop).map_err(|_| wrong(body))
}

/// Has `each` read every item, and answers the list's metadata.
///
/// # Errors
/// [`Fault::Malformed`] where it is no list: `items` must be there, and be a list. Of metadata alone an empty list has
/// `items: null` (seen of Kubernetes 1.34); no other list is taken as empty for that.
pub(super) fn read<'a>(body: &'a [u8], each: &mut Each<'_, 'a>) -> Result<ListMeta, Fault> {
    let parts = match std::str::from_utf8(body) {
        Ok(text) => parts(text, each).map_err(|Wrong| wrong(body))?,
        Err(_) => return Err(wrong(body)),
    };
    match parts {
        (Some(kind), Some(meta), Found::List) if kind.ends_with("List") => Ok(meta),
        (Some(kind), Some(meta), Found::Null) if kind == "PartialObjectMetadataList" => Ok(meta),
        (kind, _, _) => {
            let found = kind.map_or("an object without kind".to_owned(), |k| shown_kind(&k));
            Err(Fault::Malformed(format!("expected a list with metadata and items, found {found}")))
        }
    }
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
        Ok(_) => Fault::Malformed("it has values that no list has, or is nested too deep".to_owned()),
    }
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

/// What `items` was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Null,
    List,
}

/// Kind, metadata and items.
type Parts = (Option<String>, Option<ListMeta>, Found);

fn parts<'a>(text: &'a str, each: &mut Each<'_, 'a>) -> Result<Parts, Wrong> {
    let mut reader = Reader::new(text);
    let (mut kind, mut meta, mut items) = (None, None, Found::Nothing);
    let mut first = true;
    while let Some(key) = reader.walk.key(&mut first)? {
        match &*key {
            "kind" => kind = Some(reader.walk.string()?.into_owned()),
            "metadata" => meta = Some(ListMeta::read(&mut reader.walk)?),
            "items" if reader.walk.peek()? == b'[' => {
                items = Found::List;
                let mut first = true;
                while reader.walk.element(&mut first)? {
                    each(&mut reader)?;
                }
            }
            "items" if reader.walk.skip()? == "null" => items = Found::Null,
            "items" => return Err(Wrong),
            _ => drop(reader.walk.skip()?),
        }
    }
    reader.walk.end()?;
    Ok((kind, meta, items))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::api_format::Part;
    use super::*;
    use crate::document::Node;

    fn names(body: &str) -> Result<(Vec<String>, ListMeta), Fault> {
        let mut found = Vec::new();
        let meta = read(body.as_bytes(), &mut |reader| {
            let node = reader.node(Part::Any)?;
            let name = node.get("metadata").and_then(|m| m.get("name")).and_then(Node::as_str);
            found.push(name.unwrap_or("?").to_owned());
            Ok(())
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
        let mut each = |reader: &mut Reader| reader.node(Part::Any).map(|node| found.push(node.to_json()));
        read(body.as_bytes(), &mut each).unwrap();
        let expected = serde_json::json!({"metadata": {"name": "a", "labels": {"resources": "x", "zone": "y"}},
            "spec": {"containers": [{"name": "c"}]}});
        assert_eq!(found, [expected]);
    }

    #[test]
    fn what_is_passed_over_can_be_checked() {
        let body = |fields: &str| {
            format!(
                r#"{{"kind":"PodList","metadata":{{}},"items":[{{"metadata":{{"name":"a","managedFields":{fields}}}}}]}}"#
            )
        };
        for fields in [r#"[{"a" 1}]"#, "[1,2}", "[oops]", "[1,]", "[\"\t\"]"] {
            assert!(matches!(check(body(fields).as_bytes()), Err(Fault::Malformed(_))), "{fields}");
        }
        assert_eq!(check(body(r#"[{"a":1}]"#).as_bytes()), Ok(()));
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
