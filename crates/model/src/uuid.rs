//! The text of a UUID: <https://www.rfc-editor.org/rfc/rfc9562#section-4>. Which version and variant its bits name is the
//! caller's business, as is where they come from.

/// 36 characters: the 128 bits in lower-case hexadecimal, 8-4-4-4-12.
pub fn uuid_text(bits: u128) -> String {
    let text = format!("{bits:032x}");
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
