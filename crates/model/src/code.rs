//! Codes of SNOMED CT and LOINC that their own form shows to be none: both bear a check digit.
//!
//! A mistyped digit, or a code of another system (an ATC code under the name of SNOMED CT), is found without the content of
//! either: [SNOMED CT identifiers](https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification)
//! (Verhoeff's digit, a partition of concepts), the [LOINC users' guide](https://loinc.org/kb/users-guide/) (mod 10).

const SNOMED_CT: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";

/// Whether a code cannot be one of its system, in words of what is wrong; `None` where it may be one, and for other systems.
///
/// Expressions of SNOMED CT, and the parts, answers and groups of LOINC, whose digit follows another rule, are not looked into.
pub fn impossible_code(system: &str, code: &str) -> Option<&'static str> {
    match system {
        SNOMED_CT => no_concept(code),
        LOINC => no_term(code),
        _ => None,
    }
}

fn no_concept(code: &str) -> Option<&'static str> {
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_word = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        return is_word.then_some("a concept has an identifier of digits");
    }
    let digits = code.as_bytes();
    if !(6..=18).contains(&digits.len()) || code.starts_with('0') {
        return Some("an identifier has 6 to 18 digits, and no zero in front");
    }
    let partition = digits.get(digits.len() - 3..digits.len() - 1);
    if partition != Some(b"00") && partition != Some(b"10") {
        return Some("by its partition it is not of a concept");
    }
    let remainder = digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| {
        let row = VERHOEFF.get(place % 8);
        dihedral(sum, row.and_then(|row| row.get(usize::from(digit - b'0'))).copied().unwrap_or_default())
    });
    (remainder != 0).then_some("its check digit does not fit")
}

fn no_term(code: &str) -> Option<&'static str> {
    if ["LP", "LA", "LL", "LG", "MTHU"].iter().any(|other| code.starts_with(other)) {
        return None;
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = code
        .split_once('-')
        .filter(|(number, digit)| is_number(number) && number.len() <= 7 && is_number(digit) && digit.len() == 1);
    let Some((number, digit)) = parts else {
        return Some("a term has the form of a number, a hyphen and a check digit");
    };
    let sum: u32 = number.bytes().rev().enumerate().fold(0, |sum, (place, digit)| {
        let digit = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
        sum + digit / 10 + digit % 10
    });
    let wanted = (10 - sum % 10) % 10;
    (digit.parse() != Ok(wanted)).then_some("its check digit does not fit")
}

/// The product of two elements of the dihedral group of order 10: J. Verhoeff, Error Detecting Decimal Codes, 1969.
fn dihedral(left: u8, right: u8) -> u8 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right - 5) % 5 + 5,
        (false, true) => (left - 5 + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// Verhoeff's permutations, one for each place modulo 8.
const VERHOEFF: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];

#[cfg(test)]
mod tests {
    use super::*;

    const CONCEPTS: [&str; 8] = [
        "22298006",
        "38341003",
        "73211009",
        "404684003",
        "138875005",
        "900000000000207008",
        "11000274103",
        "160573003",
    ];

    #[test]
    fn a_wrong_digit_is_found() {
        for code in CONCEPTS {
            assert_eq!(impossible_code(SNOMED_CT, code), None, "{code}");
            for place in 0..code.len() {
                for other in b'0'..=b'9' {
                    let mut wrong = code.as_bytes().to_vec();
                    if std::mem::replace(&mut wrong[place], other) != other {
                        let wrong = String::from_utf8(wrong).unwrap();
                        assert!(impossible_code(SNOMED_CT, &wrong).is_some(), "{wrong}");
                    }
                }
            }
        }
        for code in ["48765-2", "8867-4", "10160-0", "60591-5", "85354-9", "1-8", "718-7"] {
            assert_eq!(impossible_code(LOINC, code), None, "{code}");
            let (number, digit) = code.split_once('-').unwrap();
            let wrong = format!("{number}-{}", (digit.parse::<u32>().unwrap() + 3) % 10);
            assert_eq!(impossible_code(LOINC, &wrong), Some("its check digit does not fit"), "{wrong}");
        }
    }

    #[test]
    fn what_is_of_another_system_or_kind_is_found() {
        for code in ["N02BE01", "276885007x", "2670", "1", "XXX", "0122298006"] {
            assert!(impossible_code(SNOMED_CT, code).is_some(), "{code}");
        }
        for code in ["XXX", "22298006", "48765", "8867_4", "12345678-9", "-4", "8867-"] {
            assert!(impossible_code(LOINC, code).is_some(), "{code}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_let_through() {
        for code in ["128045006:{363698007=56459004}", "73211009 |Diabetes mellitus|", "24028007+182353008"] {
            assert_eq!(impossible_code(SNOMED_CT, code), None, "{code}");
        }
        for code in ["LA6576-8", "LP7846-1", "LL361-7", "MTHU000998"] {
            assert_eq!(impossible_code(LOINC, code), None, "{code}");
        }
        assert_eq!(impossible_code("http://example.org", "x"), None);
    }
}
