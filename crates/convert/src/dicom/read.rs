//! DICOM Part 10 files into data elements: <https://dicom.nema.org/medical/dicom/current/output/chtml/part05/chapter_7.html>.
//!
//! Reads implicit and explicit VR, little and big endian, deflated data sets, encapsulated pixel data, and data sets without
//! a preamble. Values are borrowed; pixel data and other bulk values are skipped. Reading a value takes it; what nobody took is
//! listed by [`super::account`].

use std::cell::Cell;

use model::{Issue, IssueType, Limits, Severity};

use crate::Refusal;

/// `(group << 16) | element`.
pub(super) type Tag = u32;

const ITEM: Tag = 0xfffe_e000;
const ITEM_END: Tag = 0xfffe_e00d;
const SEQUENCE_END: Tag = 0xfffe_e0dd;
const UNDEFINED: u32 = 0xffff_ffff;
/// Values of more bytes than this are not text and not looked at.
const BULK: usize = 1 << 20;

/// How a data set is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Syntax {
    pub(super) explicit: bool,
    pub(super) big: bool,
}

/// One data element.
pub(super) struct Element<'b> {
    pub(super) tag: Tag,
    /// Its value representation; `UN` where the file does not say.
    pub(super) vr: [u8; 2],
    pub(super) value: Value<'b>,
    /// Bytes before it in its file or, deflated, in its data set.
    pub(super) offset: usize,
    taken: Cell<bool>,
}

/// The value of an element.
pub(super) enum Value<'b> {
    Bytes(&'b [u8]),
    Items(Vec<DataSet<'b>>),
    /// Pixels and other bulk: their number of bytes.
    Skipped(usize),
}

/// Elements in the order in which they stand.
#[derive(Default)]
pub(super) struct DataSet<'b> {
    pub(super) elements: Vec<Element<'b>>,
}

impl<'b> DataSet<'b> {
    /// The element of a tag; it counts as taken.
    pub(super) fn take(&self, tag: Tag) -> Option<&Element<'b>> {
        let found = self.peek(tag)?;
        found.taken.set(true);
        Some(found)
    }

    /// The element of a tag.
    pub(super) fn peek(&self, tag: Tag) -> Option<&Element<'b>> {
        self.elements.iter().find(|element| element.tag == tag)
    }

    /// The items of a sequence, which counts as taken; not what is in them.
    pub(super) fn items(&self, tag: Tag) -> &[DataSet<'b>] {
        match self.take(tag).map(|element| &element.value) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }

    /// The bytes of a value, which counts as taken.
    pub(super) fn bytes(&self, tag: Tag) -> Option<&'b [u8]> {
        match self.take(tag)?.value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Counts everything as taken.
    pub(super) fn take_all(&self) {
        for element in &self.elements {
            element.taken.set(true);
            if let Value::Items(items) = &element.value {
                items.iter().for_each(DataSet::take_all);
            }
        }
    }
}

impl Element<'_> {
    /// Whether somebody read it.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.get()
    }
}

/// Where reading stands.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    syntax: Syntax,
    left: usize,
    depth: usize,
}

fn refuse(code: IssueType, text: String) -> Refusal {
    Refusal::new(Issue::new(Severity::Fatal, code, "", text))
}

impl<'b> Reader<'b> {
    /// Begins at a place.
    pub(super) fn new(bytes: &'b [u8], at: usize, syntax: Syntax, limits: &Limits) -> Reader<'b> {
        Reader { bytes, at, syntax, left: limits.elements, depth: limits.depth }
    }

    /// Where it is.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Reads elements to the end, or while their group is `only`. What is cut off inside of an element is refused.
    pub(super) fn data_set(&mut self, only: Option<u16>) -> Result<DataSet<'b>, Refusal> {
        let mut set = DataSet::default();
        while self.at + 8 <= self.bytes.len() {
            if only.is_some_and(|group| self.peek_group() != Some(group)) {
                return Ok(set);
            }
            // An end of an item where none began ends nothing.
            set.elements.extend(self.element()?);
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.iter().any(|byte| *byte != 0) {
            let text = format!("The file ends at byte {} inside of a data element.", self.bytes.len());
            return Err(refuse(IssueType::Structure, text));
        }
        Ok(set)
    }

    fn peek_group(&self) -> Option<u16> {
        let pair: [u8; 2] = self.bytes.get(self.at..self.at + 2)?.try_into().ok()?;
        Some(if self.syntax.big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    }

    fn short(&mut self) -> Result<u16, Refusal> {
        let pair: [u8; 2] = self.some(2)?.try_into().unwrap_or_default();
        Ok(if self.syntax.big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    }

    fn long(&mut self) -> Result<u32, Refusal> {
        let four: [u8; 4] = self.some(4)?.try_into().unwrap_or_default();
        Ok(if self.syntax.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }

    fn some(&mut self, count: usize) -> Result<&'b [u8], Refusal> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        let Some(found) = found else {
            let text = format!("The file ends at byte {} inside of a data element.", self.bytes.len());
            return Err(refuse(IssueType::Structure, text));
        };
        self.at += count;
        Ok(found)
    }

    /// One element; `None` at the end of an item or a sequence, which is passed.
    fn element(&mut self) -> Result<Option<Element<'b>>, Refusal> {
        let offset = self.at;
        let tag = (u32::from(self.short()?) << 16) | u32::from(self.short()?);
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| refuse(IssueType::TooLong, "The file has more elements than are read.".to_owned()))?;
        if matches!(tag, ITEM_END | SEQUENCE_END) {
            self.long()?;
            return Ok(None);
        }
        let (vr, length) = self.head(tag)?;
        let element = |value| Some(Element { tag, vr, value, offset, taken: Cell::new(false) });
        if &vr == b"SQ" || (length == UNDEFINED && tag != 0x7fe0_0010) {
            let value = self.sequence(length, vr)?;
            return Ok(element(Value::Items(value)));
        }
        if &vr == b"UN" && self.begins_item(length) {
            // Where the file does not name the representation only the content tells a sequence; else it stays bytes.
            let before = (self.at, self.depth, self.syntax);
            match self.sequence(length, vr) {
                Ok(value) => return Ok(element(Value::Items(value))),
                Err(_) => (self.at, self.depth, self.syntax) = before,
            }
        }
        if length == UNDEFINED {
            let from = self.at;
            self.fragments()?;
            return Ok(element(Value::Skipped(self.at - from)));
        }
        let length = length as usize;
        if tag >> 16 == 0x7fe0 || length > BULK {
            // Pixels may be cut short: nothing of them is needed.
            self.at = self.at.saturating_add(length).min(self.bytes.len());
            return Ok(element(Value::Skipped(length)));
        }
        let bytes = self.some(length)?;
        Ok(element(Value::Bytes(bytes)))
    }

    /// Whether a value of this length begins with an item that fits into it.
    fn begins_item(&self, length: u32) -> bool {
        let head = self.bytes.get(self.at..self.at + 8).unwrap_or_default();
        let [0xfe, 0xff, 0x00, 0xe0, inner @ ..] = head else { return false };
        let inner = u32::from_le_bytes(inner.try_into().unwrap_or_default());
        length >= 8 && (inner == UNDEFINED || inner <= length - 8)
    }

    fn head(&mut self, tag: Tag) -> Result<([u8; 2], u32), Refusal> {
        if !self.syntax.explicit {
            return Ok((*b"UN", self.long()?));
        }
        let vr: [u8; 2] = self.some(2)?.try_into().unwrap_or_default();
        if !vr.iter().all(u8::is_ascii_uppercase) {
            let text = format!("The element {} at byte {} has no value representation.", named(tag), self.at - 6);
            return Err(refuse(IssueType::Structure, text));
        }
        let length = match &vr {
            b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV" => {
                self.short()?;
                self.long()?
            }
            _ => u32::from(self.short()?),
        };
        Ok((vr, length))
    }

    fn sequence(&mut self, length: u32, vr: [u8; 2]) -> Result<Vec<DataSet<'b>>, Refusal> {
        self.depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| refuse(IssueType::TooLong, "Sequences stand deeper than is read.".to_owned()))?;
        // An unknown sequence is written in implicit VR, whatever is around it.
        let around = self.syntax;
        if &vr == b"UN" {
            self.syntax = Syntax { explicit: false, big: false };
        }
        let end = if length == UNDEFINED { None } else { Some(self.at.saturating_add(length as usize)) };
        if end.is_some_and(|end| end > self.bytes.len()) {
            return Err(refuse(
                IssueType::Structure,
                format!("The sequence at byte {} is longer than the file.", self.at),
            ));
        }
        let mut items = Vec::new();
        while end.is_none_or(|end| self.at < end) {
            let tag = (u32::from(self.short()?) << 16) | u32::from(self.short()?);
            let length = self.long()?;
            match tag {
                ITEM => items.push(self.item(length)?),
                SEQUENCE_END => break,
                _ => {
                    let text =
                        format!("A sequence holds {} at byte {} where an item must begin.", named(tag), self.at - 8);
                    return Err(refuse(IssueType::Structure, text));
                }
            }
        }
        self.syntax = around;
        self.depth += 1;
        Ok(items)
    }

    fn item(&mut self, length: u32) -> Result<DataSet<'b>, Refusal> {
        let mut set = DataSet::default();
        let end = if length == UNDEFINED { None } else { Some(self.at.saturating_add(length as usize)) };
        if end.is_some_and(|end| end > self.bytes.len()) {
            return Err(refuse(IssueType::Structure, format!("The item at byte {} is longer than the file.", self.at)));
        }
        while end.is_none_or(|end| self.at < end) {
            match self.element()? {
                Some(element) => set.elements.push(element),
                None if end.is_none() => break,
                None => {}
            }
        }
        Ok(set)
    }

    /// Encapsulated pixel data: fragments to their end, or to the end of a file that is cut short.
    fn fragments(&mut self) -> Result<(), Refusal> {
        while self.at + 8 <= self.bytes.len() {
            let tag = (u32::from(self.short()?) << 16) | u32::from(self.short()?);
            let length = self.long()? as usize;
            if tag != ITEM {
                return Ok(());
            }
            self.at = self.at.saturating_add(length).min(self.bytes.len());
        }
        self.at = self.bytes.len();
        Ok(())
    }
}

/// `(0010,0020)`.
pub(super) fn named(tag: Tag) -> String {
    format!("({:04X},{:04X})", tag >> 16, tag & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 5, elements: 100 };
    const EXPLICIT: Syntax = Syntax { explicit: true, big: false };

    fn read(bytes: &[u8], syntax: Syntax) -> Result<DataSet<'_>, Refusal> {
        Reader::new(bytes, 0, syntax, &LIMITS).data_set(None)
    }

    #[test]
    fn both_forms_and_both_orders_of_bytes_say_the_same() {
        let little = b"\x10\x00\x20\x00LO\x02\x00P1";
        let big = b"\x00\x10\x00\x20LO\x00\x02P1";
        let implicit = b"\x10\x00\x20\x00\x02\x00\x00\x00P1";
        let implied = Syntax { explicit: false, big: false };
        for (bytes, syntax) in
            [(&little[..], EXPLICIT), (big, Syntax { explicit: true, big: true }), (implicit, implied)]
        {
            let set = read(bytes, syntax).unwrap_or_default();
            assert_eq!(set.bytes(0x0010_0020), Some(&b"P1"[..]), "{syntax:?}");
            assert!(set.elements[0].is_taken());
        }
    }

    #[test]
    fn sequences_of_any_length_are_read_and_pixels_are_not() {
        let mut bytes = b"\x40\x00\x30\xa7SQ\x00\x00\xff\xff\xff\xff".to_vec();
        bytes.extend(
            b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x40\x00\x60\xa1UT\x00\x00\x02\x00\x00\x00ab\xfe\xff\x0d\xe0\0\0\0\0",
        );
        bytes.extend(b"\xfe\xff\xdd\xe0\0\0\0\0\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x04\0\0\0abcd\xfe\xff\xdd\xe0\0\0\0\0");
        let set = read(&bytes, EXPLICIT).unwrap_or_default();
        let Some(Value::Items(items)) = set.peek(0x0040_a730).map(|element| &element.value) else {
            panic!("no sequence")
        };
        assert_eq!(items[0].bytes(0x0040_a160), Some(&b"ab"[..]));
        assert!(matches!(set.peek(0x7fe0_0010).map(|element| &element.value), Some(Value::Skipped(20))));
    }

    #[test]
    fn a_sequence_without_a_representation_is_told_by_its_items() {
        let item = b"\xfe\xff\x00\xe0\x0a\0\0\0\x08\x00\x00\x01\x02\0\0\0AB";
        let code = |bytes: &[u8], syntax| -> Option<Vec<u8>> {
            let set = read(bytes, syntax).unwrap_or_default();
            let inner = set.items(0x0066_1234).first()?;
            inner.bytes(0x0008_0100).map(<[u8]>::to_vec)
        };
        let implicit = [&b"\x66\x00\x34\x12\x12\0\0\0"[..], item].concat();
        assert_eq!(code(&implicit, Syntax { explicit: false, big: false }), Some(b"AB".to_vec()));
        let unknown = [&b"\x66\x00\x34\x12UN\0\0\x12\0\0\0"[..], item].concat();
        assert_eq!(code(&unknown, EXPLICIT), Some(b"AB".to_vec()));
        // It only looks like one: the item says that it is longer than the value.
        let bytes = b"\x66\x00\x34\x12UN\0\0\x0a\0\0\0\xfe\xff\x00\xe0\xff\0\0\0AB";
        assert_eq!(read(bytes, EXPLICIT).unwrap_or_default().bytes(0x0066_1234).map(<[u8]>::len), Some(10));
    }

    #[test]
    fn what_is_cut_or_too_deep_is_refused() {
        assert!(read(b"\x10\x00\x20\x00LO\x20\x00P1", EXPLICIT).is_err());
        assert!(read(b"\x10\x00\x20\x00\x01\x02\x20\x00P1", EXPLICIT).is_err());
        let deep: Vec<u8> = b"\x40\x00\x30\xa7SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff".repeat(9);
        let refusal = read(&deep, EXPLICIT).err().map(|refusal| refusal.issues[0].code);
        assert_eq!(refusal, Some(IssueType::TooLong));
    }
}
