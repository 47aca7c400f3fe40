//! The narrative between its two forms: a string in JSON, markup in XML.

use quick_xml::events::{BytesEnd, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use quick_xml::writer::Writer;

use super::read::XHTML;

/// A carriage return of the string in markup: as it is, a reader of XML would take it for a line feed.
pub(super) const ESCAPED_RETURN: &str = "&#xD;";

/// Whether the first tag of the markup declares the default namespace.
pub(super) fn declares_namespace(markup: &str) -> bool {
    let tag = markup.split('>').next().unwrap_or_default();
    tag.contains("xmlns=")
}

/// The same markup with XHTML as default namespace where it used a prefix for it.
pub(super) fn without_prefix(markup: &str) -> Result<String, String> {
    let fault = |error: &dyn std::fmt::Display| format!("The narrative is not XML: {error}.");
    let mut reader = quick_xml::Reader::from_str(markup);
    let mut writer = Writer::new(Vec::new());
    let mut first = true;
    loop {
        let event = reader.read_event().map_err(|error| fault(&error))?;
        let event = match event {
            Event::Start(start) => {
                Event::Start(renamed(&start, std::mem::take(&mut first)).map_err(|error| fault(&error))?)
            }
            Event::Empty(start) => {
                Event::Empty(renamed(&start, std::mem::take(&mut first)).map_err(|error| fault(&error))?)
            }
            Event::End(end) => Event::End(BytesEnd::new(end.local_name().as_ref().to_owned())),
            Event::Eof => break,
            other => other,
        };
        writer.write_event(event).map_err(|error| fault(&error))?;
    }
    String::from_utf8(writer.into_inner()).map_err(|error| fault(&error))
}

fn renamed(
    start: &BytesStart<'_>,
    first: bool,
) -> Result<BytesStart<'static>, quick_xml::events::attributes::AttrError> {
    let mut tag = BytesStart::new(start.local_name().as_ref().to_owned());
    if first {
        tag.push_attribute(("xmlns", XHTML));
    }
    for attribute in start.attributes() {
        let attribute = attribute?;
        if !attribute.key.0.starts_with("xmlns") {
            tag.push_attribute(attribute);
        }
    }
    Ok(tag.into_owned())
}

/// The string of JSON as markup that can stand in XML: it must be one well-formed `div`. A missing namespace is put on,
/// named entities of HTML become characters, and carriage returns are escaped.
pub(super) fn to_markup(text: &str) -> Result<String, String> {
    let mut markup = text.trim().to_owned();
    if markup.contains('\r') {
        markup = markup.replace('\r', ESCAPED_RETURN);
    }
    if !declares_namespace(&markup) {
        let end = markup.find([' ', '>', '/', '\n', '\t']).unwrap_or(markup.len());
        markup.insert_str(end, &format!(" xmlns=\"{XHTML}\""));
    }
    check(&markup)?;
    Ok(markup)
}

fn check(markup: &str) -> Result<(), String> {
    let fault = |error: &dyn std::fmt::Display| format!("The narrative is not XML: {error}.");
    let mut reader = NsReader::from_str(markup);
    let (mut depth, mut roots) = (0usize, 0usize);
    loop {
        let event = reader.read_event().map_err(|error| fault(&error))?;
        if let Event::Start(start) | Event::Empty(start) = &event {
            let namespace = reader.resolver().resolve_element(start.name()).0;
            let bound = matches!(&namespace, ResolveResult::Bound(namespace) if namespace.0 == XHTML);
            for attribute in start.attributes() {
                attribute.map_err(|error| fault(&error))?;
            }
            if depth == 0 {
                roots += 1;
                if start.local_name().as_ref() != "div" || !bound {
                    return Err("The narrative is not a div of XHTML.".into());
                }
            }
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) if depth == 0 && !text.trim().is_empty() => {
                return Err("Text stands outside the narrative's div.".into());
            }
            Event::GeneralRef(reference) => entity(&reference)?,
            Event::DocType(_) => return Err("The narrative holds a document type declaration.".into()),
            Event::Eof => break,
            _ => {}
        }
    }
    if roots == 1 && depth == 0 { Ok(()) } else { Err("The narrative is not one div.".into()) }
}

fn entity(reference: &quick_xml::events::BytesRef<'_>) -> Result<(), String> {
    let name: &str = reference;
    let known = name.starts_with('#') || matches!(name, "lt" | "gt" | "amp" | "quot" | "apos");
    if known { Ok(()) } else { Err(format!("The entity '&{name};' does not exist in XML.")) }
}
