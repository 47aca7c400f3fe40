//! Bytes of an XML document into text, by byte order mark or XML declaration:
//! <https://www.w3.org/TR/2008/REC-xml-20081126/#sec-guessing>.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The text of the bytes, and whether some bytes had no meaning in the encoding. `Err` names an encoding nobody knows.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, bool), String> {
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if bytes.starts_with(b"<\0") => UTF_16LE,
        None if bytes.starts_with(b"\0<") => UTF_16BE,
        None => match declared(bytes) {
            Some(label) => Encoding::for_label(&label).ok_or_else(|| String::from_utf8_lossy(&label).into_owned())?,
            None => UTF_8,
        },
    };
    // A declaration that says UTF-16 in text that is plainly not cannot be true.
    let wide = encoding == UTF_16LE || encoding == UTF_16BE;
    let encoding = if wide && bytes.starts_with(b"<?") { UTF_8 } else { encoding };
    let (text, _, broken) = encoding.decode(bytes);
    Ok((text, broken))
}

/// The first bytes as text, to look at and not to read.
pub(crate) fn head(bytes: &[u8]) -> String {
    let start = bytes.get(..bytes.len().min(16 << 10)).unwrap_or_default();
    decode(start).map(|(text, _)| text.into_owned()).unwrap_or_default()
}

fn declared(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = bytes.get(..bytes.len().min(200))?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = head.get(..end).filter(|text| text.starts_with(b"<?xml"))?;
    let at = declaration.windows(8).position(|word| word == b"encoding")? + 8;
    let rest = declaration.get(at..)?;
    let open = rest.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let quote = *rest.get(open)?;
    let label = rest.get(open + 1..)?;
    let close = label.iter().position(|byte| *byte == quote)?;
    Some(label.get(..close)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn the_declared_encoding_and_the_byte_order_mark_decide() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>";
        assert!(decode(latin).unwrap().0.contains("é"));
        let utf16: Vec<u8> = "\u{feff}<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16).unwrap().0, "<a>é</a>");
        assert!(decode(b"<a>\xff</a>").unwrap().1);
        assert!(decode(b"<?xml version='1.0' encoding='klingon'?><a/>").is_err());
        assert_eq!(decode(b"").unwrap().0, "");
    }
}
