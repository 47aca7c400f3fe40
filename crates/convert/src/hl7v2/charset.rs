//! Bytes of a message into text, by byte order mark, else MSH-18 (HL7 table 0211), else what the bytes allow.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use model::{Issue, IssueType, Severity};

use crate::Refusal;

/// The text, its encoding, and what was odd about it.
pub(super) type Decoded = (String, &'static Encoding, Vec<(u32, String)>);

/// Reads the bytes; an encoding that MSH-18 names and nobody knows is refused.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Refusal> {
    let mut oddities = Vec::new();
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if bytes.starts_with(b"M\0S\0") => UTF_16LE,
        None if bytes.starts_with(b"\0M\0S") => UTF_16BE,
        None => match declared(bytes).as_deref() {
            None | Some("" | "ASCII") if std::str::from_utf8(bytes).is_ok() => UTF_8,
            None | Some("" | "ASCII") => {
                let text =
                    "The message names no character set for its bytes beyond ASCII; they were read as Windows-1252.";
                oddities.push((1, text.to_owned()));
                WINDOWS_1252
            }
            Some(name) => known(name).ok_or_else(|| {
                let text = format!("The character set {name:?} that MSH-18 names is not known.");
                Refusal::new(Issue::new(Severity::Fatal, IssueType::NotSupported, "MSH[1]-18", text))
            })?,
        },
    };
    let (text, _, broken) = encoding.decode(bytes);
    if broken {
        oddities.push((1, "Some bytes have no meaning in the message's character set; they became U+FFFD.".to_owned()));
    }
    Ok((text.into_owned(), encoding, oddities))
}

/// The first repetition of MSH-18.
fn declared(bytes: &[u8]) -> Option<String> {
    let start = bytes.windows(3).position(|word| word == b"MSH")?;
    let header = bytes.get(start..)?.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let separator = header.get(3)?;
    // MSH-1 is the separator itself: MSH-18 is the seventeenth piece after the name.
    let field = header.split(|byte| byte == separator).nth(17)?;
    let first = field.split(|byte| *byte == b'~').next()?;
    Some(String::from_utf8_lossy(first).trim().to_ascii_uppercase())
}

/// Table 0211.
fn known(name: &str) -> Option<&'static Encoding> {
    let label = match name {
        "UNICODE" | "UNICODE UTF-8" | "UTF-8" | "UTF8" => return Some(UTF_8),
        "UNICODE UTF-16" => return Some(UTF_16BE),
        "GB 18030-2000" | "GB18030" => "gb18030",
        "KS X 1001" => "euc-kr",
        "CNS 11643-1992" | "BIG-5" => "big5",
        "ISO IR14" | "ISO IR87" | "ISO IR159" => "iso-2022-jp",
        "ISO IR6" => return Some(UTF_8),
        other => match other.strip_prefix("8859/") {
            Some(part) => return Encoding::for_label(format!("iso-8859-{part}").as_bytes()),
            None => other,
        },
    };
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(charset: &str, bytes: &[u8]) -> Option<(String, usize)> {
        let mut message = format!("MSH|^~\\&|A|||||||||||||||{charset}\rPID|").into_bytes();
        message.extend_from_slice(bytes);
        let (text, _, oddities) = decode(&message).ok()?;
        Some((text.rsplit('|').next().unwrap_or_default().to_owned(), oddities.len()))
    }

    #[test]
    fn the_header_names_the_encoding() {
        assert_eq!(text("8859/2", b"Nov\xe1kov\xe1 \xb9"), Some(("Nováková š".to_owned(), 0)));
        assert_eq!(text("8859/15", b"\xa4"), Some(("€".to_owned(), 0)));
        assert_eq!(text("UNICODE UTF-8", "Ł".as_bytes()), Some(("Ł".to_owned(), 0)));
        assert_eq!(text("", "Ł".as_bytes()), Some(("Ł".to_owned(), 0)));
        assert_eq!(text("", b"M\xfcller"), Some(("Müller".to_owned(), 1)));
        assert_eq!(text("KLINGON", b"x"), None);
        let wide: Vec<u8> = "\u{feff}MSH|é".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&wide).ok().map(|(text, ..)| text), Some("MSH|é".to_owned()));
    }
}
