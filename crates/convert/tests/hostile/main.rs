//! Sources cut, doubled and twisted by a deterministic mutator end in a document or in a refusal in words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod entries;

use std::fs;
use std::path::Path;

/// Numbers that look like chance, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

fn twisted(seed: &[u8], spice: &[&[u8]], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.roll(4) {
        let (from, to) = (dice.roll(bytes.len()), dice.roll(bytes.len()));
        let (from, to) = (from.min(to), from.max(to).min(from + 200));
        match dice.roll(6) {
            0 => drop(bytes.splice(from..from, spice[dice.roll(spice.len())].iter().copied())),
            1 => drop(bytes.drain(from..to)),
            2 => drop(bytes.splice(from..from, bytes[from..to].to_vec())),
            3 if dice.roll(4) == 0 => bytes.truncate(to),
            _ if !bytes.is_empty() => bytes[from] = dice.roll(256) as u8,
            _ => {}
        }
    }
    bytes
}

/// The inputs of our own pairs of a format.
fn seeds(format: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs");
    let mut folders: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let of_format = folders.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(format));
    let files =
        of_format.flat_map(|path| ["xml", "hl7", "dcm"].map(|ending| path.join("input").with_extension(ending)));
    files.filter_map(|file| fs::read(file).ok()).collect()
}

/// Drives an entry over twisted seeds; a part of them must still become documents, else only the readers were tried.
fn drive(format: &str, entry: fn(&[u8]) -> bool, rounds: usize, spice: &[&[u8]]) {
    let (seeds, mut dice, mut converted) = (seeds(format), Dice(11), 0);
    assert!(seeds.len() > 1, "no seeds of {format}");
    for round in 0..rounds {
        converted += usize::from(entry(&twisted(&seeds[round % seeds.len()], spice, &mut dice)));
    }
    assert!(converted > rounds / 50 && converted < rounds, "{converted} of {rounds} twisted {format} became documents");
}

#[test]
fn twisted_cda_comes_back() {
    let spice: [&[u8]; 8] =
        [b"<", b"/>", b"\"", b"&#0;", b"<entry>", b" nullFlavor=\"UNK\"", b"<![CDATA[", b"\xff\xfe"];
    drive("cda", entries::any_cda, 2000, &spice);
}

#[test]
fn twisted_hl7v2_comes_back() {
    let spice: [&[u8]; 8] = [b"|", b"^", b"~", b"\\X", b"\\.br\\", b"\rOBX|", b"\x0b", b"\xff"];
    drive("hl7v2", entries::any_hl7v2, 3000, &spice);
}

#[test]
fn twisted_dicom_comes_back() {
    let spice: [&[u8]; 6] = [b"\xff\xff\xff\xff", b"\xfe\xff\x00\xe0", b"SQ\0\0", b"\0", b"\x40\x00\x30\xa7", b"UI"];
    drive("dicom", entries::any_dicom, 3000, &spice);
}
