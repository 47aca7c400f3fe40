//! `encode()`, `decode()`, `escape()`, `unescape()`: <http://hl7.org/fhirpath/#additional-string-functions>.

use super::{Evaluation, Outcome, Scope};
use crate::function::Function;
use crate::item::Item;
use crate::plan::Call;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ENTITIES: [(char, &str); 5] = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];

impl<'t> Evaluation<'_, 't> {
    /// An unknown encoding and a text that is not encoded so give nothing.
    pub(super) fn encoding(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(text) = self.text_of(&call.input, scope)? else { return Ok(None) };
        let Some(argument) = call.arguments.first() else { return Ok(None) };
        let Some(form) = self.text_of(argument, scope)? else { return Ok(None) };
        self.charge(text.len() / 8)?;
        let made = match (call.function, form.as_str()) {
            (Function::Encode, "hex") => Some(text.bytes().map(|byte| format!("{byte:02x}")).collect()),
            (Function::Encode, "base64") => Some(to_base64(text.as_bytes(), false)),
            (Function::Encode, "urlbase64") => Some(to_base64(text.as_bytes(), true)),
            (Function::Decode, "hex") => of_hex(&text).and_then(|bytes| String::from_utf8(bytes).ok()),
            (Function::Decode, "base64" | "urlbase64") => {
                of_base64(&text, form.as_str() == "urlbase64").and_then(|bytes| String::from_utf8(bytes).ok())
            }
            (Function::Escape, "html") => Some(escape_html(&text)),
            (Function::Escape, "json") => Some(escape_json(&text)),
            (Function::Unescape, "html") => Some(unescape_html(&text)),
            (Function::Unescape, "json") => unescape_json(&text),
            _ => None,
        };
        Ok(made.map(Item::string))
    }
}

fn to_base64(bytes: &[u8], url: bool) -> String {
    let mut made = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place > chunk.len() {
                made.push('=');
                continue;
            }
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            let letter = BASE64.get(digit).copied().map_or('A', char::from);
            made.push(match letter {
                '+' if url => '-',
                '/' if url => '_',
                letter => letter,
            });
        }
    }
    made
}

fn of_base64(text: &str, url: bool) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.len() % 4 == 1 || text.len() - text.trim_end_matches('=').len() > 2 {
        return None;
    }
    let mut made = Vec::with_capacity(digits.len() * 3 / 4);
    for chunk in digits.chunks(4) {
        let mut bits = 0u32;
        for place in 0..4 {
            let letter = match chunk.get(place) {
                Some(b'-') if url => b'+',
                Some(b'_') if url => b'/',
                Some(b'+' | b'/') if url => return None,
                Some(letter) => *letter,
                None => b'A',
            };
            bits = bits << 6 | BASE64.iter().position(|known| *known == letter)? as u32;
        }
        let bytes = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        made.extend(bytes.iter().take(chunk.len() - 1));
    }
    Some(made)
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect())
}

fn escape_html(text: &str) -> String {
    text.chars().fold(String::new(), |mut made, c| {
        match ENTITIES.iter().find(|(plain, _)| *plain == c) {
            Some((_, entity)) => made.push_str(entity),
            None => made.push(c),
        }
        made
    })
}

fn unescape_html(text: &str) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        made.push_str(before);
        let end = entity.find(';').filter(|end| *end <= 10);
        let name = end.and_then(|end| entity.get(1..end)).unwrap_or_default();
        let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        });
        let known = ENTITIES.iter().find(|(_, known)| known.get(1..known.len() - 1) == Some(name));
        let plain = match (known, name) {
            (Some((plain, _)), _) => Some(*plain),
            (None, "apos") => Some('\''),
            (None, "nbsp") => Some('\u{a0}'),
            _ => number.and_then(char::from_u32),
        };
        match plain {
            Some(plain) => {
                made.push(plain);
                rest = entity.get(name.len() + 2..).unwrap_or_default();
            }
            None => {
                made.push('&');
                rest = entity.get(1..).unwrap_or_default();
            }
        }
    }
    made.push_str(rest);
    made
}

fn escape_json(text: &str) -> String {
    text.chars().fold(String::new(), |mut made, c| {
        match c {
            '"' => made.push_str("\\\""),
            '\\' => made.push_str("\\\\"),
            '\n' => made.push_str("\\n"),
            '\r' => made.push_str("\\r"),
            '\t' => made.push_str("\\t"),
            '\u{8}' => made.push_str("\\b"),
            '\u{c}' => made.push_str("\\f"),
            c if c < ' ' => made.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => made.push(c),
        }
        made
    })
}

fn unescape_json(text: &str) -> Option<String> {
    let mut made = String::new();
    let mut chars = text.chars();
    let mut units: Vec<u16> = Vec::new();
    loop {
        let Some(c) = chars.next() else {
            flush(&mut units, &mut made);
            return Some(made);
        };
        if c == '\\' && chars.as_str().starts_with('u') {
            let hex = chars.as_str().get(1..5)?;
            units.push(u16::from_str_radix(hex, 16).ok()?);
            chars = chars.as_str().get(5..)?.chars();
            continue;
        }
        flush(&mut units, &mut made);
        if c != '\\' {
            made.push(c);
            continue;
        }
        made.push(match chars.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            other @ ('"' | '\\' | '/') => other,
            _ => return None,
        });
    }
}

fn flush(units: &mut Vec<u16>, made: &mut String) {
    made.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for text in ["", "a", "ab", "abc", "Zoé ÷ 3?>"] {
            for url in [false, true] {
                assert_eq!(of_base64(&to_base64(text.as_bytes(), url), url), Some(text.as_bytes().to_vec()));
            }
            assert_eq!(unescape_html(&escape_html(text)), text);
            assert_eq!(unescape_json(&escape_json(text)).as_deref(), Some(text));
        }
        assert_eq!(to_base64(b"subjects?_d", true), "c3ViamVjdHM_X2Q=");
        assert_eq!(unescape_json("\\ud83d\\ude00").as_deref(), Some("😀"));
    }

    #[test]
    fn what_is_not_encoded_is_refused() {
        assert_eq!(of_hex("abc"), None);
        assert_eq!(of_hex("zz"), None);
        assert_eq!(of_base64("a", false), None);
        assert_eq!(of_base64("a*==", false), None);
        assert_eq!(unescape_json("\\x"), None);
        assert_eq!(unescape_html("&unknown; &"), "&unknown; &");
    }
}
