#![no_main]
//! `cargo fuzz run cda`

#[path = "../../crates/convert/tests/hostile/entries.rs"]
#[allow(dead_code)]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entries::any_cda(bytes);
});
