//! Packs `profiles/` into one file for the binary: an index of every resource's header, and the texts in chunks that
//! are compressed one by one, so that start-up reads the index only. The reader is `src/source/built_in.rs`.
//!
//! Layout, numbers little-endian: `u32` length of the index, the index (deflate, `u32` raw length before it), the chunks
//! (deflate).
//! Index: packages, plain files, resources, chunks; each a `u32` count and its rows; a text is `u32` length and bytes.
//! Package: folder, sha256 of its files, package.json. File: path, text. Resource: `u32` package, `u32` chunk, `u32`
//! start, `u32` end, then the texts of its header. Chunk: `u32` start, `u32` length, `u32` raw length.

#![allow(missing_docs)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

#[path = "src/source/header.rs"]
#[allow(dead_code, unreachable_pub)]
mod header;

const CHUNK: usize = 192 << 10;

#[derive(Default)]
struct Blob {
    packages: Vec<u8>,
    package_count: u32,
    files: Vec<u8>,
    file_count: u32,
    resources: Vec<u8>,
    resource_count: u32,
    chunks: Vec<u8>,
    chunk_count: u32,
    data: Vec<u8>,
    open: Vec<u8>,
}

fn main() -> ExitCode {
    match pack() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error=profiles cannot be packed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn pack() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../profiles");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut blob = Blob::default();
    for folder in sorted(&root)? {
        if !folder.is_dir() {
            blob.file(&root, &folder)?;
        } else if folder.join("package.json").is_file() {
            blob.package(&folder)?;
        } else {
            for file in sorted(&folder)? {
                blob.file(&root, &file)?;
            }
        }
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("profiles.blob");
    fs::write(out, blob.finish()?)?;
    Ok(())
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

fn deflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u32).to_le_bytes());
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    number(out, text.len());
    out.extend_from_slice(text);
}

impl Blob {
    fn file(&mut self, root: &Path, path: &Path) -> std::io::Result<()> {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        if path.is_file() && name.ends_with(".toml") {
            text(&mut self.files, name.as_bytes());
            text(&mut self.files, &fs::read(path)?);
            self.file_count += 1;
        }
        Ok(())
    }

    fn package(&mut self, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let mut hash = Sha256::new();
        for path in sorted(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = fs::read(&path)?;
            hash.update(format!("{name}\n{}\n", bytes.len()));
            hash.update(&bytes);
            if name != "package.json" {
                self.resources_of(&path, &bytes)?;
            }
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        text(&mut self.packages, folder.file_name().unwrap_or_default().to_string_lossy().as_bytes());
        text(&mut self.packages, hash.as_bytes());
        text(&mut self.packages, &fs::read(folder.join("package.json"))?);
        self.package_count += 1;
        Ok(())
    }

    fn resources_of(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
        for (start, end) in header::bundle_resources(bytes) {
            let resource = bytes.get(start..end).unwrap_or_default();
            let (header, _) =
                header::Header::skim(resource, 0).ok_or_else(|| format!("{}: no resource", path.display()))?;
            number(&mut self.resources, self.package_count as usize);
            number(&mut self.resources, self.chunk_count as usize);
            number(&mut self.resources, self.open.len());
            self.open.extend_from_slice(resource);
            number(&mut self.resources, self.open.len());
            header.fields().iter().for_each(|field| text(&mut self.resources, field.as_bytes()));
            self.resource_count += 1;
            if self.open.len() >= CHUNK {
                self.close()?;
            }
        }
        self.close()?;
        Ok(())
    }

    fn close(&mut self) -> std::io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let packed = deflate(&self.open)?;
        number(&mut self.chunks, self.data.len());
        number(&mut self.chunks, packed.len());
        number(&mut self.chunks, self.open.len());
        self.data.extend_from_slice(&packed);
        self.chunk_count += 1;
        self.open.clear();
        Ok(())
    }

    fn finish(self) -> std::io::Result<Vec<u8>> {
        let mut index = Vec::new();
        for (count, rows) in [
            (self.package_count, &self.packages),
            (self.file_count, &self.files),
            (self.resource_count, &self.resources),
            (self.chunk_count, &self.chunks),
        ] {
            number(&mut index, count as usize);
            index.extend_from_slice(rows);
        }
        let packed = deflate(&index)?;
        let mut out = Vec::new();
        number(&mut out, packed.len() + 4);
        number(&mut out, index.len());
        out.extend_from_slice(&packed);
        out.extend_from_slice(&self.data);
        Ok(out)
    }
}
