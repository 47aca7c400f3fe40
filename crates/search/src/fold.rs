//! Case and accents aside: the form in which texts are compared by default.
//!
//! <http://hl7.org/fhir/R4/search.html#string>: "normalized by case and accents"; punctuation and repeated blanks do not matter
//! either. Letters of every script stay; what Unicode composes of a letter and marks loses the marks.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents, compatibility forms as their plain letters, runs of everything but letters and digits as one blank,
/// none at the ends.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        for byte in text.bytes() {
            match byte {
                b'\'' => {}
                _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte.to_ascii_lowercase())),
                _ => blank(&mut out),
            }
        }
    } else {
        for character in text.nfkd() {
            push(&mut out, character);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn blank(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

fn push(out: &mut String, character: char) {
    if is_combining_mark(character) {
        return;
    }
    // Letters that Unicode does not decompose, though readers of the alphabet next door write them so.
    let plain = match character {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'ħ' | 'Ħ' => "h",
        'ı' => "i",
        'ł' | 'Ł' => "l",
        'ŧ' | 'Ŧ' => "t",
        'þ' | 'Þ' => "th",
        'ς' => "σ",
        '\'' | '’' | 'ʼ' => return,
        _ if !character.is_alphanumeric() => return blank(out),
        _ => {
            for lower in character.to_lowercase() {
                if !is_combining_mark(lower) {
                    out.push(lower);
                }
            }
            return;
        }
    };
    out.push_str(plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_punctuation_do_not_matter() {
        for (text, folded) in [
            ("Müller-Lüdenscheidt", "muller ludenscheidt"),
            ("  Ångström ,  ÅSA ", "angstrom asa"),
            ("Groß", "gross"),
            ("Łukasz Żółć", "lukasz zolc"),
            ("Παπαδόπουλος", "παπαδοπουλοσ"),
            ("Иванов", "иванов"),
            ("İstanbul", "istanbul"),
            ("山田", "山田"),
            ("ﬁne", "fine"),
            ("...", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn an_apostrophe_is_no_blank_in_any_alphabet() {
        assert_eq!(fold("D’Été"), "dete");
        assert_eq!(fold("O'Brien"), fold("O’Brien"));
    }
}
