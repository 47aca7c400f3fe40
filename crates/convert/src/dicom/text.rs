//! Text of data elements by Specific Character Set (0008,0005):
//! <https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.12.html#sect_C.12.1.1.2>.

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1252};

/// The character sets of a data set.
#[derive(Clone)]
pub(super) struct Charset {
    first: &'static Encoding,
    /// Whether escape sequences may change the set.
    escapes: bool,
    /// A term that nobody knows.
    pub(super) unknown: Option<String>,
}

impl Charset {
    /// Of the value of (0008,0005); the default repertoire where there is none.
    pub(super) fn of(value: Option<&[u8]>) -> Charset {
        let value = value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        let terms: Vec<&str> = value.split('\\').map(|term| term.trim_matches([' ', '\0'])).collect();
        let mut unknown = None;
        let mut encoding = |term: &str| {
            known(term).unwrap_or_else(|| {
                unknown = Some(term.to_owned());
                WINDOWS_1252
            })
        };
        let first = encoding(terms.first().copied().unwrap_or_default());
        for term in terms.iter().skip(1) {
            encoding(term);
        }
        let escapes = terms.len() > 1 || terms.iter().any(|term| term.starts_with("ISO 2022"));
        Charset { first, escapes, unknown }
    }

    /// The text of a value, padding removed.
    pub(super) fn text(&self, bytes: &[u8]) -> String {
        let text = if self.escapes && bytes.contains(&0x1b) {
            self.escaped(bytes)
        } else {
            self.first.decode_without_bom_handling(bytes).0.into_owned()
        };
        text.trim_matches([' ', '\0'])
            .chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
            .collect()
    }

    /// ISO 2022: escape sequences name the set of what follows; lines and name parts begin with the first set again.
    fn escaped(&self, bytes: &[u8]) -> String {
        let mut out = String::new();
        let mut set = Set::One(self.first);
        let mut run: Vec<u8> = Vec::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if *byte == 0x1b {
                let rest = bytes.get(at + 1..).unwrap_or_default();
                if let Some((length, next)) = designation(rest, self.first) {
                    set.write(&mut run, &mut out);
                    set = next;
                    at += 1 + length;
                    continue;
                }
            }
            if matches!(*byte, b'\r' | b'\n' | b'\t' | 0x0c)
                || (matches!(*byte, b'^' | b'=' | b'\\') && set.is_single())
            {
                set.write(&mut run, &mut out);
                set = Set::One(self.first);
                out.push(char::from(*byte));
            } else {
                run.push(*byte);
            }
            at += 1;
        }
        set.write(&mut run, &mut out);
        out
    }
}

#[derive(Clone, Copy)]
enum Set {
    One(&'static Encoding),
    /// JIS X 0208: two bytes of seven bits.
    Kanji,
    /// JIS X 0212.
    Supplementary,
}

impl Set {
    fn is_single(self) -> bool {
        matches!(self, Set::One(_))
    }

    fn write(self, run: &mut Vec<u8>, out: &mut String) {
        let text = match self {
            Set::One(encoding) => encoding.decode_without_bom_handling(run).0.into_owned(),
            Set::Kanji => {
                let wide: Vec<u8> = run.iter().map(|byte| byte | 0x80).collect();
                EUC_JP.decode_without_bom_handling(&wide).0.into_owned()
            }
            Set::Supplementary => {
                let wide: Vec<u8> = run
                    .chunks(2)
                    .flat_map(|pair| std::iter::once(0x8f).chain(pair.iter().map(|byte| byte | 0x80)))
                    .collect();
                EUC_JP.decode_without_bom_handling(&wide).0.into_owned()
            }
        };
        out.push_str(&text);
        run.clear();
    }
}

/// The set that an escape sequence names and the bytes after ESC that do so.
fn designation(rest: &[u8], first: &'static Encoding) -> Option<(usize, Set)> {
    let table: [(&[u8], Set); 21] = [
        (b"(B", Set::One(first)),
        (b"(J", Set::One(SHIFT_JIS)),
        (b")I", Set::One(SHIFT_JIS)),
        (b"$B", Set::Kanji),
        (b"$@", Set::Kanji),
        (b"$(D", Set::Supplementary),
        (b"$)C", Set::One(EUC_KR)),
        (b"$)A", Set::One(GBK)),
        (b"-A", Set::One(WINDOWS_1252)),
        (b"-B", Set::One(encoding_rs::ISO_8859_2)),
        (b"-C", Set::One(encoding_rs::ISO_8859_3)),
        (b"-D", Set::One(encoding_rs::ISO_8859_4)),
        (b"-L", Set::One(encoding_rs::ISO_8859_5)),
        (b"-G", Set::One(encoding_rs::ISO_8859_6)),
        (b"-F", Set::One(encoding_rs::ISO_8859_7)),
        (b"-H", Set::One(encoding_rs::ISO_8859_8)),
        (b"-M", Set::One(encoding_rs::WINDOWS_1254)),
        (b"-b", Set::One(encoding_rs::ISO_8859_15)),
        (b"-T", Set::One(WINDOWS_874)),
        (b"-f", Set::One(encoding_rs::ISO_8859_10)),
        (b"-V", Set::One(encoding_rs::ISO_8859_10)),
    ];
    table.into_iter().find(|(sequence, _)| rest.starts_with(sequence)).map(|(sequence, set)| (sequence.len(), set))
}

fn known(term: &str) -> Option<&'static Encoding> {
    let plain = term
        .to_ascii_uppercase()
        .replace("ISO 2022 IR", "ISO_IR")
        .replace("ISO-IR", "ISO_IR")
        .replace("ISO IR", "ISO_IR");
    Some(match plain.as_str() {
        "" | "ISO_IR 6" => WINDOWS_1252,
        "ISO_IR 100" | "LATIN1" | "ISO8859-1" => WINDOWS_1252,
        "ISO_IR 101" => encoding_rs::ISO_8859_2,
        "ISO_IR 109" => encoding_rs::ISO_8859_3,
        "ISO_IR 110" => encoding_rs::ISO_8859_4,
        "ISO_IR 144" => encoding_rs::ISO_8859_5,
        "ISO_IR 127" => encoding_rs::ISO_8859_6,
        "ISO_IR 126" => encoding_rs::ISO_8859_7,
        "ISO_IR 138" => encoding_rs::ISO_8859_8,
        "ISO_IR 148" => encoding_rs::WINDOWS_1254,
        "ISO_IR 203" => encoding_rs::ISO_8859_15,
        "ISO_IR 166" => WINDOWS_874,
        "ISO_IR 13" | "ISO_IR 14" => SHIFT_JIS,
        "ISO_IR 87" | "ISO_IR 159" => EUC_JP,
        "ISO_IR 149" => EUC_KR,
        "ISO_IR 58" => GBK,
        "ISO_IR 192" => UTF_8,
        "GB18030" => GB18030,
        "GBK" => GBK,
        "BIG5" => BIG5,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Charset;

    #[test]
    fn names_of_the_standard_are_read() {
        let text = |charset: &str, bytes: &[u8]| Charset::of(Some(charset.as_bytes())).text(bytes);
        assert_eq!(text("ISO_IR 100", b"Buc^J\xe9r\xf4me"), "Buc^Jérôme");
        assert_eq!(text("ISO_IR 144", b"\xbb\xee\xda"), "Люк");
        assert_eq!(text("ISO_IR 192", "Wang^小东".as_bytes()), "Wang^小东");
        assert_eq!(
            text("\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
            "Yamada^Tarou=山田^太郎"
        );
        assert_eq!(
            text("\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
            "Hong^Gildong=洪^吉洞"
        );
        assert_eq!(text("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"), "ﾔﾏﾀﾞ^ﾀﾛｳ");
        // The examples of the standard's parts H, I, J and K, and one name of each further set.
        assert_eq!(
            text("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"),
            "Zhang^XiaoDong=张^小东"
        );
        assert_eq!(text("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab="), "Wang^XiaoDong=王^小东=");
        assert_eq!(text("GBK", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab="), "Wang^XiaoDong=王^小东=");
        assert_eq!(text("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2"), "Διονυσιος");
        assert_eq!(text("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1"), "قباني^لنزار");
        assert_eq!(text("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4"), "שרון^דבורה");
        assert_eq!(text("ISO_IR 101", b"Wa\xb3\xeasa"), "Wałęsa");
        assert_eq!(text("ISO_IR 109", b"\xa1a\xb1"), "Ħaħ");
        assert_eq!(text("ISO_IR 110", b"K\xbcbele"), "Kŧbele");
        assert_eq!(text("ISO_IR 148", b"\xc7avu\xfeo\xf0lu"), "Çavuşoğlu");
        assert_eq!(text("ISO_IR 203", b"\xbd\xa4"), "œ€");
        assert_eq!(text("ISO_IR 166", b"\xa1\xc3"), "กร");
        // Latin 1 and Greek in one value.
        assert_eq!(text("ISO 2022 IR 100\\ISO 2022 IR 126", b"J\xe9r\xf4me=\x1b-F\xc4\xe9"), "Jérôme=Δι");
        assert_eq!(Charset::of(Some(b"KLINGON")).unknown.as_deref(), Some("KLINGON"));
    }
}
