//! Trains the dictionary that new stores begin with. `cargo run --release -p storage --example train`
//!
//! The samples are made from the shapes in `dictionary/shapes.ndjson`, which were written for this purpose: FHIR R4 resources as
//! they are commonly built, with placeholders where real ones differ. No record of anybody went into them. Placeholders get
//! random content, so the dictionary keeps the structure, not the content. Writes `dictionary/fhir-r4.zdict`.

use std::path::Path;

/// Resources made of each shape.
const EACH: u64 = 400;

/// Bytes of the dictionary. Larger ones shorten little more, and cost cache.
const SIZE: usize = 48 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionary");
    let shapes = std::fs::read_to_string(folder.join("shapes.ndjson"))?;
    let mut samples = Vec::new();
    let mut dice = Dice(1);
    for shape in shapes.lines() {
        for _ in 0..EACH {
            samples.push(fill(shape, &mut dice).into_bytes());
        }
    }
    let dictionary = storage::train(&samples, SIZE)?;
    std::fs::write(folder.join("fhir-r4.zdict"), &dictionary)?;
    println!("{} bytes from {} samples", dictionary.len(), samples.len());
    Ok(())
}

/// Replaces the placeholders of a shape.
fn fill(shape: &str, dice: &mut Dice) -> String {
    let mut parts = shape.split('$');
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let name = part.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).unwrap_or(part.len());
        let (name, rest) = part.split_at(name);
        text.push_str(&content(name, dice));
        text.push_str(rest);
    }
    text
}

fn content(name: &str, dice: &mut Dice) -> String {
    match name {
        "uuid" => {
            let (a, b) = (dice.roll(), dice.roll());
            let (c, d) = (a >> 16 & 0xffff, a & 0xffff);
            format!("{:08x}-{c:04x}-{d:04x}-{:04x}-{:012x}", a >> 32, b >> 48, b & 0xffff_ffff_ffff)
        }
        "num" => dice.below(1_000_000).to_string(),
        "decimal" => format!("{}.{}", dice.below(200), dice.below(1_000)),
        "date" => format!("{}-{:02}-{:02}", 1930 + dice.below(97), 1 + dice.below(12), 1 + dice.below(28)),
        "time" => {
            let (date, hour) = (content("date", dice), dice.below(24));
            format!("{date}T{hour:02}:{:02}:{:02}+0{}:00", dice.below(60), dice.below(60), dice.below(3))
        }
        "name" => {
            let mut name = dice.letters(4, 9);
            name.get_mut(..1).unwrap_or_default().make_ascii_uppercase();
            name
        }
        "upper" => dice.letters(2, 3).to_uppercase(),
        "code" => format!("{}{}", dice.letters(0, 2).to_uppercase(), dice.below(1_000_000_000)),
        "base64" => dice.letters(60, 600),
        "words" => (0..1 + dice.below(4)).map(|_| dice.letters(2, 10)).collect::<Vec<_>>().join(" "),
        _ => dice.letters(3, 10),
    }
}

/// Random numbers from a fixed seed (SplitMix64): the same samples every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ n >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn letters(&mut self, least: u64, most: u64) -> String {
        let length = least + self.below(most - least + 1);
        (0..length).map(|_| char::from(b'a' + (self.below(26)) as u8)).collect()
    }
}
