//! XML of a resource with a line for each element: `_pretty=true`.
//!
//! The XHTML of a narrative is left as it is: blanks count there. Elsewhere FHIR has no text between tags.

/// The same XML, indented. It is XML as [`model::xml::write`] makes it: elements, attributes, no comments.
pub(crate) fn indented(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len() + xml.len() / 4);
    let (mut depth, mut rest) = (0usize, xml);
    while !rest.is_empty() {
        let length = if is_named(rest, "<div") { narrative(rest) } else { tag(rest) };
        let (one, after) = rest.split_at_checked(length.max(1)).unwrap_or((rest, ""));
        rest = after;
        let closes = one.starts_with("</");
        if closes {
            depth = depth.saturating_sub(1);
        }
        if !out.is_empty() {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str("  "));
        }
        out.push_str(one);
        let whole = closes || one.ends_with("/>") || one.starts_with("<?") || is_named(one, "<div");
        depth += usize::from(!whole);
    }
    out
}

/// Whether a tag of this name begins here.
fn is_named(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '>', '/']))
}

/// The bytes from here to behind the `>` that ends the tag; text before a tag counts with it.
fn tag(text: &str) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return at + 1,
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    text.len()
}

/// The bytes of a `div` with all that is in it.
fn narrative(text: &str) -> usize {
    let (mut at, mut open) = (0, 0usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let next = rest.find('<').unwrap_or(rest.len());
        let one = rest.get(next..).unwrap_or_default();
        let length = tag(one);
        let whole = one.get(..length).is_some_and(|tag| tag.ends_with("/>"));
        if one.starts_with("</div") {
            open = open.saturating_sub(1);
        } else if is_named(one, "<div") && !whole {
            open += 1;
        }
        at += next + length;
        if open == 0 {
            return at.min(text.len());
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_its_line_and_a_narrative_is_left_alone() {
        let xml = concat!(
            r#"<?xml version="1.0"?><Basic xmlns="f"><id value="a>b"/><text><status value="generated"/>"#,
            r#"<div xmlns="x"><p>a <b title="</div>">b</b></p> <div>c</div><br/></div></text>"#,
            r#"<code><text value="x"/></code></Basic>"#
        );
        let lines = [
            r#"<?xml version="1.0"?>"#,
            r#"<Basic xmlns="f">"#,
            r#"  <id value="a>b"/>"#,
            "  <text>",
            r#"    <status value="generated"/>"#,
            r#"    <div xmlns="x"><p>a <b title="</div>">b</b></p> <div>c</div><br/></div>"#,
            "  </text>",
            "  <code>",
            r#"    <text value="x"/>"#,
            "  </code>",
            "</Basic>",
        ];
        assert_eq!(indented(xml), lines.join("\n"));
        for odd in ["", "<", "<div", "<div>", "a<b", "<a>\u{e9}", "</a></a>"] {
            assert_eq!(indented(odd).replace(['\n', ' '], ""), odd, "nothing is lost of {odd}");
        }
    }
}
