//! Which markup a narrative may hold: <http://hl7.org/fhir/R4/narrative.html#rules>. Formatting only: no script, no form,
//! no style sheet, no frame, no event attribute, and some content.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Whether the text is one `div` of allowed markup with something in it.
pub(super) fn is_allowed(markup: &str) -> bool {
    let mut reader = Reader::from_str(markup);
    let (mut depth, mut roots, mut content) = (0usize, 0usize, false);
    loop {
        let Ok(event) = reader.read_event() else { return false };
        match event {
            Event::Start(start) | Event::Empty(start) if depth == 0 && start.local_name().as_ref() != "div" => {
                return false;
            }
            Event::Start(start) => {
                if !is_allowed_tag(&start) {
                    return false;
                }
                roots += usize::from(depth == 0);
                depth += 1;
            }
            Event::Empty(start) => {
                if !is_allowed_tag(&start) {
                    return false;
                }
                roots += usize::from(depth == 0);
                content |= start.local_name().as_ref() == "img";
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) => {
                let blank = text.trim_ascii().is_empty();
                if depth == 0 && !blank {
                    return false;
                }
                content |= !blank;
            }
            Event::CData(text) => content |= !text.trim_ascii().is_empty(),
            Event::GeneralRef(_) => content = true,
            Event::Comment(_) | Event::Decl(_) => {}
            Event::PI(_) | Event::DocType(_) => return false,
            Event::Eof => return depth == 0 && roots == 1 && content,
        }
    }
}

fn is_allowed_tag(start: &BytesStart<'_>) -> bool {
    let local = start.local_name();
    let name = local.as_ref();
    if !is_element(name) {
        return false;
    }
    start.attributes().all(|attribute| {
        let Ok(attribute) = attribute else { return false };
        let key = attribute.key.as_ref();
        if key == "xmlns" || key.starts_with("xmlns:") {
            return attribute.value == "http://www.w3.org/1999/xhtml" || key != "xmlns";
        }
        is_attribute(name, key) && !is_script(&attribute.value)
    })
}

/// Whether a link would run a script.
fn is_script(value: &str) -> bool {
    let letters: Vec<u8> =
        value.bytes().filter(u8::is_ascii_graphic).take(11).map(|byte| byte.to_ascii_lowercase()).collect();
    letters == b"javascript:"
}

/// The elements of HTML 4 that format.
fn is_element(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr" | "acronym" | "address" | "area" | "b" | "bdo" | "big" | "blockquote" | "br" | "caption"
    ) || matches!(name, "cite" | "code" | "col" | "colgroup" | "dd" | "del" | "dfn" | "div" | "dl" | "dt" | "em" | "hr")
        || matches!(
            name,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "i" | "img" | "ins" | "kbd" | "li" | "map" | "ol" | "p"
        )
        || matches!(name, "pre" | "q" | "s" | "samp" | "small" | "span" | "strong" | "sub" | "sup" | "table" | "tbody")
        || matches!(name, "td" | "tfoot" | "th" | "thead" | "tr" | "tt" | "u" | "ul" | "var")
}

/// Their attributes; `data-fhir` is what publishers of guides put on narrative that they generate.
fn is_attribute(element: &str, name: &str) -> bool {
    let general = matches!(name, "title" | "style" | "class" | "id" | "ID" | "idref" | "lang" | "xml:lang" | "dir")
        || matches!(name, "xml:space" | "accesskey" | "tabindex" | "span" | "width" | "align" | "valign" | "data-fhir")
        || matches!(name, "char" | "charoff" | "abbr" | "axis" | "headers" | "scope" | "rowspan" | "colspan");
    general
        || match element {
            "a" => matches!(
                name,
                "charset" | "coords" | "href" | "hreflang" | "name" | "rel" | "rev" | "shape" | "target" | "type"
            ),
            "area" => matches!(name, "alt" | "coords" | "href" | "nohref" | "shape"),
            "blockquote" | "q" => name == "cite",
            "img" => matches!(name, "alt" | "border" | "height" | "ismap" | "longdesc" | "src" | "usemap"),
            "map" => name == "name",
            "ol" => matches!(name, "start" | "type"),
            "pre" => name == "space",
            "table" => matches!(name, "border" | "cellpadding" | "cellspacing" | "frame" | "rules" | "summary"),
            "td" | "th" => matches!(name, "height" | "nowrap" | "bgcolor"),
            "tr" => name == "bgcolor",
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn formatting_is_allowed() {
        for markup in [
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"a\">Zoé &amp; <b>co</b><br/></p></div>",
            "<div><img src=\"#i\" alt=\"x\"/></div>",
            "<div>&nbsp;</div>",
            "<div><table border=\"1\"><tr><td colspan=\"2\">1</td></tr></table><!-- note --></div>",
        ] {
            assert!(is_allowed(markup), "{markup}");
        }
    }

    #[test]
    fn everything_active_or_empty_is_not() {
        for markup in [
            "",
            "text",
            "<p>no div</p>",
            "<div/>",
            "<div> </div>",
            "<div><script>x</script></div>",
            "<div onclick=\"x()\">a</div>",
            "<div><a href=\" java\nscript:x()\">a</a></div>",
            "<div><form>a</form></div>",
            "<div>a",
            "<div>a</p></div>",
            "<div>a</div><div>b</div>",
            "<div xmlns=\"http://example.org/other\">a</div>",
        ] {
            assert!(!is_allowed(markup), "{markup}");
        }
    }
}
