//! Rows of the spaces `ids` and `heads`: from (type, id) to the internal number and from the number to what is current.

use crate::number::Number;
use crate::ordered::{put_bytes, put_varint, take, take_byte, take_bytes, take_varint};

/// Appends the key form of a logical id: 0 and the text, or 1 and the 16 bytes of a UUID in its canonical lower-case text.
pub(crate) fn put_id(out: &mut Vec<u8>, id: &str) {
    match uuid_bytes(id) {
        Some(bytes) => {
            out.push(1);
            out.extend_from_slice(&bytes);
        }
        None => {
            out.push(0);
            out.extend_from_slice(id.as_bytes());
        }
    }
}

/// Reads all of `bytes` as what [`put_id`] wrote.
pub(crate) fn read_id(bytes: &[u8]) -> Option<String> {
    match bytes.split_first()? {
        (0, text) => String::from_utf8(text.to_vec()).ok(),
        (1, uuid) if uuid.len() == 16 => Some(uuid_text(uuid)),
        _ => None,
    }
}

/// The key in `ids`: type code (2 bytes, most significant first), then the id as [`put_id`] writes it.
pub(crate) fn ids_key(type_code: u16, id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(20);
    key.extend_from_slice(&type_code.to_be_bytes());
    put_id(&mut key, id);
    key
}

/// The value in `ids`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdRow {
    /// The current version, counted from 1.
    pub(crate) version: u64,
    /// The `t` of the current version.
    pub(crate) t: u64,
    pub(crate) deleted: bool,
    /// The number under which the current version lies.
    pub(crate) number: Number,
    /// Numbers that the resource had before its bucket changed, oldest first, each with the last version under it.
    pub(crate) earlier: Vec<(Number, u64)>,
}

impl IdRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        out.push(u8::from(self.deleted));
        out.extend_from_slice(&self.number.to_bytes());
        put_varint(&mut out, self.version);
        put_varint(&mut out, self.t);
        for (number, last_version) in &self.earlier {
            out.extend_from_slice(&number.to_bytes());
            put_varint(&mut out, *last_version);
        }
        out
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Option<IdRow> {
        let flags = take_byte(&mut bytes)?;
        let number = Number::take(&mut bytes)?;
        let version = take_varint(&mut bytes)?;
        let t = take_varint(&mut bytes)?;
        let mut earlier = Vec::new();
        while !bytes.is_empty() {
            earlier.push((Number::take(&mut bytes)?, take_varint(&mut bytes)?));
        }
        (flags <= 1).then_some(IdRow { version, t, deleted: flags == 1, number, earlier })
    }

    /// The number under which `version` lies.
    pub(crate) fn number_of(&self, version: u64) -> Number {
        self.earlier
            .iter()
            .find(|(_, last_version)| version <= *last_version)
            .map_or(self.number, |(number, _)| *number)
    }
}

/// The value in `heads`, whose key is the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadRow {
    pub(crate) type_code: u16,
    pub(crate) id: String,
    /// The last version under this number.
    pub(crate) version: u64,
    /// The `t` of that version; of the move, when the resource went on under another number.
    pub(crate) t: u64,
    pub(crate) state: HeadState,
    /// The index keys that hold now, ascending, without the number.
    pub(crate) keys: Vec<Vec<u8>>,
}

/// What has become of the resource under this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadState {
    Live = 0,
    Deleted = 1,
    /// It went on under another number, because its bucket changed.
    Moved = 2,
}

impl HeadRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.keys.iter().map(Vec::len).sum::<usize>());
        out.push(self.state as u8);
        put_varint(&mut out, u64::from(self.type_code));
        let mut id = Vec::with_capacity(20);
        put_id(&mut id, &self.id);
        put_bytes(&mut out, &id);
        put_varint(&mut out, self.version);
        put_varint(&mut out, self.t);
        put_varint(&mut out, self.keys.len() as u64);
        let mut before: &[u8] = &[];
        for key in &self.keys {
            let shared = before.iter().zip(key).take_while(|(a, b)| a == b).count();
            put_varint(&mut out, shared as u64);
            put_bytes(&mut out, key.get(shared..).unwrap_or(&[]));
            before = key;
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<HeadRow> {
        let (mut head, mut rest) = HeadRow::decode_without_keys(bytes)?;
        let count = take_varint(&mut rest)?;
        let mut before: Vec<u8> = Vec::new();
        for _ in 0..count {
            let shared = usize::try_from(take_varint(&mut rest)?).ok()?;
            let mut key = before.get(..shared)?.to_vec();
            key.extend_from_slice(take_bytes(&mut rest)?);
            before.clone_from(&key);
            head.keys.push(key);
        }
        rest.is_empty().then_some(head)
    }

    /// The row with `keys` left empty, and the undecoded keys.
    pub(crate) fn decode_without_keys(mut bytes: &[u8]) -> Option<(HeadRow, &[u8])> {
        let state = match take_byte(&mut bytes)? {
            0 => HeadState::Live,
            1 => HeadState::Deleted,
            2 => HeadState::Moved,
            _ => return None,
        };
        let head = HeadRow {
            state,
            type_code: u16::try_from(take_varint(&mut bytes)?).ok()?,
            id: read_id(take_bytes(&mut bytes)?)?,
            version: take_varint(&mut bytes)?,
            t: take_varint(&mut bytes)?,
            keys: Vec::new(),
        };
        Some((head, bytes))
    }
}

const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut digits = Vec::with_capacity(32);
    for (position, byte) in text.iter().enumerate() {
        match byte {
            b'-' if UUID_HYPHENS.contains(&position) => {}
            _ if UUID_HYPHENS.contains(&position) => return None,
            b'0'..=b'9' => digits.push(byte - b'0'),
            b'a'..=b'f' => digits.push(byte - b'a' + 10),
            _ => return None,
        }
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = high << 4 | low;
        }
    }
    Some(bytes)
}

fn uuid_text(mut bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    while let Some(byte) = take(&mut bytes, 1).and_then(<[u8]>::first) {
        if UUID_HYPHENS.contains(&text.len()) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Bucket;

    #[test]
    fn ids_come_back_as_they_were_and_uuids_take_17_bytes() {
        for id in [
            "a",
            "urn-1.2.3",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "0F8FAD5B-D9CB-469F-A165-70867728950E",
            "0f8fad5b-d9cb-469f-a165-70867728950",
            "0f8fad5bd9cb-469f-a165-70867728950e-",
        ] {
            let mut out = Vec::new();
            put_id(&mut out, id);
            assert_eq!(read_id(&out).as_deref(), Some(id));
        }
        assert_eq!(ids_key(1, "0f8fad5b-d9cb-469f-a165-70867728950e").len(), 2 + 17);
    }

    #[test]
    fn rows_come_back() {
        let old = Number::new(Bucket::of_patient("p"), 7);
        let new = Number::new(Bucket::of_patient("q"), 9);
        let row = IdRow { version: 4, t: 900, deleted: true, number: new, earlier: vec![(old, 2)] };
        assert_eq!(IdRow::decode(&row.encode()), Some(row.clone()));
        assert_eq!(row.number_of(2), old);
        assert_eq!(row.number_of(3), new);

        let head = HeadRow {
            type_code: 300,
            id: "x".into(),
            version: 2,
            t: 5,
            state: HeadState::Live,
            keys: vec![b"".to_vec(), b"ab".to_vec(), b"abc".to_vec(), b"b".to_vec()],
        };
        assert_eq!(HeadRow::decode(&head.encode()), Some(head));
        assert_eq!(HeadRow::decode(&[]), None);
    }
}
