//! The text of a resource as it is stored: JSON without what is known only after the commit.
//!
//! ```text
//! {"resourceType":"Patient","id":"a","meta":{ MARK "profile":[…]},"name":…
//! ```
//!
//! `id` and `meta` come first. At the mark, reading inserts `versionId` and `lastUpdated`: a read is get, decompress, insert.

use model::{Instant, Tree};

/// The mark of a text into which reading inserts nothing.
pub(crate) const EXACT: u64 = u64::MAX;

/// The text and the offset of its mark. A `versionId` and a `lastUpdated` that the tree has are left out.
pub(crate) fn encode(tree: Tree, id: &str) -> (Vec<u8>, u64) {
    let (head, meta, rest) = parts(tree, id);
    let head = head + ",\"meta\":{";
    let mark = head.len() as u64;
    let meta = meta.as_deref().and_then(|meta| meta.strip_prefix('{')).unwrap_or("}");
    ((head + meta + &rest).into_bytes(), mark)
}

/// The text of a document that is read as it is stored: the mark is [`EXACT`].
pub(crate) fn encode_exact(tree: Tree, id: &str) -> Vec<u8> {
    let (head, meta, rest) = parts(tree, id);
    let meta = meta.filter(|meta| meta != "{}").map(|meta| format!(",\"meta\":{meta}"));
    (head + &meta.unwrap_or_default() + &rest).into_bytes()
}

/// Type and id; `meta` without version and time; everything else with the closing brace.
fn parts(mut tree: Tree, id: &str) -> (String, Option<String>, String) {
    let meta = tree.root().get("meta").filter(|meta| !meta.is_primitive()).map(|meta| meta.id());
    let meta = meta.map(|meta| {
        tree.edit_at(meta).remove("versionId").remove("lastUpdated");
        model::json::to_string(tree.element(meta))
    });
    tree.edit().remove("id").remove("meta");
    let rest = model::json::to_string(tree.root());
    let head = format!("{{\"resourceType\":\"{}\"", tree.resource_type());
    let rest = rest.strip_prefix(head.as_str()).unwrap_or("}").to_owned();
    (format!("{head},\"id\":\"{id}\""), meta, rest)
}

/// The text of a version as it is read.
pub(crate) fn decode(body: &[u8], mark: u64, version: u64, instant: Instant) -> Vec<u8> {
    if mark == EXACT {
        return body.to_vec();
    }
    let at = usize::try_from(mark).map_or(body.len(), |mark| mark.min(body.len()));
    let (head, tail) = body.split_at(at);
    let comma = if tail.first() == Some(&b'}') { "" } else { "," };
    let known = format!("\"versionId\":\"{version}\",\"lastUpdated\":\"{}\"{comma}", instant.to_fhir());
    let mut text = Vec::with_capacity(body.len() + known.len());
    text.extend_from_slice(head);
    text.extend_from_slice(known.as_bytes());
    text.extend_from_slice(tail);
    text
}

/// The `meta` of a stored or read text, as that of a resource without content; `None` where it has none.
pub(crate) fn meta(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (head, rest) = text.split_once(",\"meta\":")?;
    // Type and id come first, and nothing else before meta.
    if head.len() > 200 || head.contains('[') {
        return None;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (place, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(format!("{{\"resourceType\":\"Basic\",\"meta\":{}}}", rest.get(..=place)?).into_bytes());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: &str) {
        let tree = model::json::read(given.as_bytes(), &Default::default()).unwrap();
        let (body, mark) = encode(tree, "b");
        let text = decode(&body, mark, 3, Instant(0));
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_document_is_read_as_it_is_stored() {
        let read = |text: &str| model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let body = encode_exact(read(r#"{"resourceType":"Bundle","meta":{"versionId":"1"},"type":"document"}"#), "b");
        assert_eq!(decode(&body, EXACT, 3, Instant(0)), br#"{"resourceType":"Bundle","id":"b","type":"document"}"#);
    }

    #[test]
    fn version_and_time_come_into_meta_whatever_was_there() {
        check(
            r#"{"resourceType":"Patient"}"#,
            r#"{"resourceType":"Patient","id":"b","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z"}}"#,
        );
        check(
            r#"{"active":true,"meta":{"versionId":"9","lastUpdated":"2020-01-01T00:00:00Z","tag":[{"code":"x"}]},"id":"a","resourceType":"Patient"}"#,
            r#"{"resourceType":"Patient","id":"b","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z","tag":[{"code":"x"}]},"active":true}"#,
        );
        check(
            r#"{"resourceType":"Basic","meta":{"versionId":"9"},"code":{"text":"\"é"}}"#,
            r#"{"resourceType":"Basic","id":"b","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z"},"code":{"text":"\"é"}}"#,
        );
    }
}
