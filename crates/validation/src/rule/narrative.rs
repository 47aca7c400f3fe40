//! The narrative: only harmless XHTML, and some content (<http://hl7.org/fhir/R4/narrative.html#xhtml>); invariants
//! txt-1 and txt-2 are decided here.

use model::{Element, IssueType};
use quick_xml::events::{BytesStart, Event};

use crate::pass::Pass;
use crate::program::{Kind, State};

/// Elements that the narrative may have.
const ELEMENTS: [&str; 59] = [
    "p",
    "br",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "a",
    "span",
    "b",
    "em",
    "i",
    "strong",
    "small",
    "big",
    "tt",
    "dfn",
    "q",
    "var",
    "abbr",
    "acronym",
    "cite",
    "blockquote",
    "hr",
    "address",
    "bdo",
    "kbd",
    "sub",
    "sup",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "pre",
    "table",
    "caption",
    "colgroup",
    "col",
    "thead",
    "tr",
    "tfoot",
    "tbody",
    "th",
    "td",
    "code",
    "samp",
    "img",
    "map",
    "area",
    "ins",
    "del",
    "s",
    "u",
    "label",
    "center",
];

/// Attributes that any of them may have.
const ATTRIBUTES: [&str; 30] = [
    "title",
    "style",
    "class",
    "id",
    "idref",
    "lang",
    "xml:lang",
    "xml:space",
    "dir",
    "accesskey",
    "tabindex",
    "span",
    "width",
    "align",
    "valign",
    "char",
    "charoff",
    "abbr",
    "axis",
    "headers",
    "scope",
    "rowspan",
    "colspan",
    "cellpadding",
    "cellspacing",
    "border",
    "frame",
    "rules",
    "summary",
    "start",
];

/// Holds the text of a `div` against the rules of the narrative.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    if state.kind != Kind::Xhtml {
        return;
    }
    let Some(text) = element.text() else { return };
    if let Err((rule, fault)) = judge(text) {
        pass.error(IssueType::Invalid, element, rule, || format!("The narrative {fault}."));
    }
}

/// The rule that a narrative breaks, and how.
pub(crate) fn judge(text: &str) -> Result<(), (&'static str, String)> {
    let broken = |fault: String| Err(("txt-1", fault));
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut depth, mut roots, mut content) = (0usize, 0usize, false);
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => return broken(format!("is not well-formed: {error}")),
        };
        match event {
            Event::Start(start) | Event::Empty(start) if depth == 0 && roots > 0 => {
                return broken(format!("goes on behind its div with '{}'", start.local_name().as_ref()));
            }
            Event::Start(start) => {
                roots += usize::from(depth == 0);
                tag(&start, depth)?;
                depth += 1;
            }
            Event::Empty(start) => {
                roots += usize::from(depth == 0);
                content |= start.local_name().as_ref() == "img";
                tag(&start, depth)?;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) => {
                let said = !text.trim_matches(|char: char| char.is_whitespace() || char == '\u{a0}').is_empty();
                if said && depth == 0 {
                    return broken("has text outside its div".into());
                }
                content |= said;
            }
            Event::CData(text) if text.contains('>') => {
                return broken("has a CDATA section that browsers may read as markup".into());
            }
            Event::CData(_) => content = true,
            Event::Comment(text) if is_markup_in_html(&text) => {
                return broken("has a comment that browsers may read as markup".into());
            }
            Event::GeneralRef(reference) => {
                entity(&reference)?;
                content |= !matches!(&*reference, "nbsp" | "#160" | "#xa0" | "#xA0");
            }
            Event::DocType(_) => return broken("has a document type declaration".into()),
            Event::PI(_) => return broken("has a processing instruction".into()),
            Event::Eof => break,
            _ => {}
        }
    }
    if roots != 1 {
        return broken("is not one div".into());
    }
    if content { Ok(()) } else { Err(("txt-2", "has no content".into())) }
}

fn tag(start: &BytesStart<'_>, depth: usize) -> Result<(), (&'static str, String)> {
    let broken = |fault: String| Err(("txt-1", fault));
    let full = start.name();
    let local = start.local_name();
    let name: &str = local.as_ref();
    if depth == 0 && name != "div" {
        return broken(format!("must be a div, not '{name}'"));
    }
    if !ELEMENTS.contains(&name) {
        return broken(format!("may not have the element '{name}'"));
    }
    if depth == 0 {
        let prefix = full.0.strip_suffix(name).and_then(|prefix| prefix.strip_suffix(':'));
        let key = prefix.map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
        let declared = start.attributes().flatten().find(|attribute| attribute.key.0 == key);
        match declared {
            Some(declared) if &*declared.value == "http://www.w3.org/1999/xhtml" => {}
            Some(_) => return broken("is not in the namespace of XHTML".into()),
            None => return broken("does not declare the namespace of XHTML".into()),
        }
    }
    for attribute in start.attributes() {
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(error) => return broken(format!("is not well-formed: {error}")),
        };
        let key = attribute.key.0;
        let value = plain(&attribute.value);
        let known = key.starts_with("xmlns")
            || ATTRIBUTES.contains(&key)
            || matches!(
                (name, key),
                ("a", "href" | "name" | "rel" | "rev" | "hreflang" | "type" | "charset" | "target")
                    | ("img", "src" | "alt" | "height" | "longdesc" | "usemap" | "ismap")
                    | ("q" | "blockquote" | "ins" | "del", "cite" | "datetime")
                    | ("map", "name")
                    | ("area", "shape" | "coords" | "href" | "alt" | "nohref")
                    | ("table" | "td" | "th" | "tr", "bgcolor" | "height" | "nowrap")
                    | ("ul" | "ol" | "li", "type" | "value" | "compact")
                    | ("br", "clear")
                    | ("hr", "size" | "noshade")
                    | ("col" | "colgroup", "span")
            );
        if !known {
            return broken(format!("may not have the attribute '{key}' on '{name}'"));
        }
        if (matches!(key, "href" | "src" | "cite" | "longdesc") && is_active(&value))
            || (key == "style" && has_active_style(&value))
        {
            return broken(format!("may not have a script in '{key}'"));
        }
    }
    Ok(())
}

/// A URL as browsers read it: without character references, blanks and control characters, in lower case.
fn plain(value: &str) -> String {
    let read = quick_xml::escape::unescape(value).map_or_else(|_| value.to_owned(), |value| value.into_owned());
    read.chars().filter(|char| !char.is_whitespace() && !char.is_control()).collect::<String>().to_ascii_lowercase()
}

/// XML knows five named entities; those of HTML that mean one character are common and harmless.
fn entity(name: &str) -> Result<(), (&'static str, String)> {
    if name.starts_with('#') || super::entity::is_known(name) {
        Ok(())
    } else {
        Err(("txt-1", format!("has the entity '&{name};', which does not exist")))
    }
}

/// Whether a URL runs something, or opens a document that can.
fn is_active(url: &str) -> bool {
    let is_document = |data: &str| {
        let media = data.split([',', ';']).next().unwrap_or_default();
        matches!(media, "text/html" | "text/xml") || media.ends_with("+xml") || media.ends_with("/xml")
    };
    url.starts_with("javascript:") || url.starts_with("vbscript:") || url.strip_prefix("data:").is_some_and(is_document)
}

/// What browsers run, or ran, of a style.
fn has_active_style(style: &str) -> bool {
    ["javascript:", "vbscript:", "expression(", "-moz-binding", "behavior:"].iter().any(|sign| style.contains(sign))
}

/// What XML takes for a comment or for text, and a browser that reads it as HTML for markup.
fn is_markup_in_html(comment: &str) -> bool {
    comment.starts_with('>') || comment.starts_with("->") || comment.contains("--!>")
}

#[cfg(test)]
mod tests {
    use super::judge;

    fn div(inside: &str) -> Result<(), &'static str> {
        judge(&format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</div>")).map_err(|(rule, _)| rule)
    }

    #[test]
    fn harmless_markup_passes_and_scripts_do_not() {
        assert_eq!(div("<p>Hello <b>you</b>&nbsp;<a href=\"#a\">there</a></p>"), Ok(()));
        assert_eq!(div("<img src=\"#i\"/>"), Ok(()));
        assert_eq!(div(" <br/> "), Err("txt-2"));
        assert_eq!(div("<script>x</script>"), Err("txt-1"));
        assert_eq!(div("<p onclick=\"x\">a</p>"), Err("txt-1"));
        assert_eq!(div("<a href=\"javascript:x\">a</a>"), Err("txt-1"));
        assert_eq!(div("<a href=\"&#106;ava&#10;script:x\">a</a>"), Err("txt-1"));
        assert_eq!(div("<a href=\"data:text/html;base64,AAAA\">a</a>"), Err("txt-1"));
        assert_eq!(div("<a href=\"data:image/svg+xml,x\">a</a>"), Err("txt-1"));
        assert_eq!(div("<img src=\"data:image/png;base64,AAAA\"/>"), Ok(()));
        assert_eq!(div("<p style=\"background:url(java&#10;script:x)\">a</p>"), Err("txt-1"));
        assert_eq!(div("<p style=\"width: EXPRESSION(x)\">a</p>"), Err("txt-1"));
        assert_eq!(div("<p style=\"color: red\">a</p>"), Ok(()));
        assert_eq!(div("<!--> <script>x</script> --><p>a</p>"), Err("txt-1"));
        assert_eq!(div("<![CDATA[> <script>x</script>]]>"), Err("txt-1"));
        assert_eq!(div("<!-- a --><![CDATA[b & c]]>"), Ok(()));
        assert_eq!(div("<p>&foo;</p>"), Err("txt-1"));
        assert_eq!(div("<p>&Eacute;&euro;</p>"), Ok(()));
        assert_eq!(div("<p>a"), Err("txt-1"));
        assert_eq!(judge("<div>no namespace</div>").map_err(|(rule, _)| rule), Err("txt-1"));
        assert_eq!(judge("plain").map_err(|(rule, _)| rule), Err("txt-1"));
    }
}
