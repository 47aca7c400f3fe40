//! Separators and escape sequences: <https://www.hl7.eu/HL7v2x/v251/std251/ch02.html#Heading17>.

use encoding_rs::Encoding;

/// The characters that MSH-1 and MSH-2 name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Separators {
    pub(super) field: char,
    pub(super) component: char,
    pub(super) repetition: char,
    pub(super) escape: Option<char>,
    pub(super) subcomponent: char,
}

impl Separators {
    /// Those of a line that begins with MSH; `None` where it names none.
    pub(super) fn of(line: &str) -> Option<Separators> {
        let mut characters = line.chars().skip(3);
        let field = characters.next()?;
        let rest: Vec<char> = characters.take_while(|c| *c != field).take(5).collect();
        let component = *rest.first()?;
        Some(Separators {
            field,
            component,
            repetition: rest.get(1).copied().unwrap_or('~'),
            escape: rest.get(2).copied(),
            subcomponent: rest.get(3).copied().unwrap_or('&'),
        })
    }
}

/// The text without its escape sequences; those that nobody knows stay as they are.
pub(super) fn unescape(text: &str, separators: &Separators, encoding: &'static Encoding) -> String {
    let Some(escape) = separators.escape.filter(|escape| text.contains(*escape)) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(escape) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + escape.len_utf8()..).unwrap_or_default();
        let end = after.find(escape).filter(|end| *end <= 512);
        match end.and_then(|end| Some((end, meaning(after.get(..end)?, separators, encoding)?))) {
            Some((end, meaning)) => {
                out.push_str(&meaning);
                rest = after.get(end + escape.len_utf8()..).unwrap_or_default();
            }
            None => {
                out.push(escape);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn meaning(sequence: &str, separators: &Separators, encoding: &'static Encoding) -> Option<String> {
    let one = |c: char| Some(c.to_string());
    match sequence {
        "F" => return one(separators.field),
        "S" => return one(separators.component),
        "T" => return one(separators.subcomponent),
        "R" => return one(separators.repetition),
        "E" => return separators.escape.and_then(one),
        "P" => return one('#'),
        // Highlighting begins and ends: the words stay.
        "H" | "N" => return Some(String::new()),
        _ => {}
    }
    if let Some(digits) = sequence.strip_prefix('X') {
        let pairs = digits.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> =
            pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
        let bytes = bytes.filter(|bytes| !bytes.is_empty() && digits.len() % 2 == 0)?;
        let text = encoding.decode_without_bom_handling(&bytes).0.replace("\r\n", "\n").replace('\r', "\n");
        return Some(text);
    }
    let command = sequence.strip_prefix('.')?;
    let (name, number) = command.split_at_checked(2)?;
    let count = number.trim_start_matches('+').parse::<usize>().unwrap_or(1).clamp(1, 20);
    match name {
        "br" | "ce" => one('\n'),
        "sp" => Some("\n".repeat(count)),
        "sk" => Some(" ".repeat(count)),
        "in" | "ti" | "fi" | "nf" => Some(String::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_become_what_they_mean() {
        let Some(separators) = Separators::of("MSH|^~\\&|A") else { panic!("no separators") };
        let text = |source: &str| unescape(source, &separators, encoding_rs::WINDOWS_1252);
        assert_eq!(text(r"a\F\b\S\c\T\d\R\e\E\f"), r"a|b^c&d~e\f");
        assert_eq!(text(r"one\.br\two\.sp2\three\H\bold\N\"), "one\ntwo\n\nthreebold");
        assert_eq!(text(r"M\XFC\ller \X0D0A\"), "Müller \n");
        assert_eq!(text(r"C:\temp \Zx\ \XG1\ end\"), r"C:\temp \Zx\ \XG1\ end\");
        assert_eq!(text("\\é\\.\u{e9}\\"), "\\é\\.\u{e9}\\");
    }
}
