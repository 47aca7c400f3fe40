//! Text into XHTML and back to its words: <http://hl7.org/fhir/R4/narrative.html>.

/// Appends text so that it is read as text: markup escaped, characters that XML cannot hold as U+FFFD.
pub(crate) fn escape(text: &str, html: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, tail) = rest.split_at(at);
        html.push_str(plain);
        let mut characters = tail.chars();
        match characters.next() {
            Some('<') => html.push_str("&lt;"),
            Some('>') => html.push_str("&gt;"),
            Some('&') => html.push_str("&amp;"),
            Some('"') => html.push_str("&quot;"),
            Some('\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') => {
                html.push('\u{fffd}');
            }
            Some(other) => html.push(other),
            None => {}
        }
        rest = characters.as_str();
    }
    html.push_str(rest);
}

/// First bytes of the characters that may not stand as they are; U+FFFE and U+FFFF begin with 0xEF.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'&' | b'"' | 0xef) || byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// The escaped text.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    escape(text, &mut html);
    html
}

/// The escaped text, lines kept.
pub(crate) fn with_breaks(text: &str) -> String {
    text.split('\n').map(|line| escaped(line.trim_end_matches('\r'))).collect::<Vec<_>>().join("<br/>")
}

/// The words of an XHTML `div`, one blank between them.
pub(crate) fn words(div: &str) -> String {
    let mut words = String::new();
    let mut rest = div;
    while let Some(open) = rest.find('<') {
        words.push_str(rest.get(..open).unwrap_or_default());
        words.push(' ');
        let tag = rest.get(open..).unwrap_or_default();
        rest = tag.find('>').and_then(|close| tag.get(close + 1..)).unwrap_or_default();
    }
    words.push_str(rest);
    let text = words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{escaped, with_breaks, words};

    #[test]
    fn markup_in_text_stays_text() {
        let text = "a <b onclick=\"x\"> & 5 µg \u{feff}\u{fffe}\u{1b}c";
        let html = escaped(text);
        assert_eq!(html, "a &lt;b onclick=&quot;x&quot;&gt; &amp; 5 µg \u{feff}\u{fffd}\u{fffd}c");
        assert_eq!(words(&format!("<div><p>{}</p><p>d</p></div>", escaped("1 < 2 & \"3\""))), "1 < 2 & \"3\" d");
        assert_eq!(with_breaks("a\r\nb<"), "a<br/>b&lt;");
        assert_eq!(words("tail <unclosed"), "tail");
    }
}
