//! Reads what `build.rs` packed of `profiles/` (its layout is described there).

use std::sync::{Arc, OnceLock};

use super::{Chunk, Header, Package, Text, inflate};

static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/profiles.blob"));

/// The index of what is built in.
#[derive(Debug, Default)]
pub(crate) struct BuiltIn {
    pub(crate) packages: Vec<Package>,
    pub(crate) files: Vec<(Box<str>, Box<str>)>,
    pub(crate) resources: Vec<(u32, Header, Text)>,
}

/// What is built in; empty parts where the blob is damaged, which a test excludes.
pub(crate) fn built_in() -> BuiltIn {
    read(BLOB).unwrap_or_default()
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn number(&mut self) -> Option<usize> {
        let (number, rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        Some(u32::from_le_bytes(*number) as usize)
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.number()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }
}

fn read(blob: &'static [u8]) -> Option<BuiltIn> {
    let mut head = Reader { bytes: blob };
    let length = head.number()?;
    let (index, data) = head.bytes.split_at_checked(length)?;
    let mut head = Reader { bytes: index };
    let raw = head.number()?;
    let index = inflate(head.bytes, raw)?;
    let mut reader = Reader { bytes: &index };
    let mut found = BuiltIn::default();
    for _ in 0..reader.number()? {
        reader.text()?;
        let sha256 = reader.text()?.into();
        let package = Package::read(reader.text()?.as_bytes()).ok()?;
        found.packages.push(Package { sha256, built_in: true, ..package });
    }
    for _ in 0..reader.number()? {
        found.files.push((reader.text()?.into(), reader.text()?.into()));
    }
    let mut rows = Vec::new();
    for _ in 0..reader.number()? {
        let place = [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
        let mut fields = [""; Header::FIELDS];
        for field in &mut fields {
            *field = reader.text()?;
        }
        rows.push((place, Header::from_fields(fields)));
    }
    let mut chunks = Vec::new();
    for _ in 0..reader.number()? {
        let [start, packed, length] = [reader.number()?, reader.number()?, reader.number()?];
        chunks.push(Arc::new(Chunk { packed: data.get(start..start + packed)?, length, raw: OnceLock::new() }));
    }
    for ([package, chunk, start, end], header) in rows {
        let chunk = chunks.get(chunk)?.clone();
        found.resources.push((package as u32, header, Text::Chunk { chunk, start: start as u32, end: end as u32 }));
        if let Some(package) = found.packages.get_mut(package) {
            package.resources += 1;
        }
    }
    Some(found)
}
