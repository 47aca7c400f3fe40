//! The sources that files hold: one each, or one a line of NDJSON, or the messages of an HL7 v2 file, or those of a tar
//! archive.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::SyncSender;

use flate2::read::GzDecoder;
use indicatif::ProgressBar;

use super::messages::{self, Messages};
use crate::command::files::Found;

/// An archive may be this many times as large unpacked as packed, and this many bytes more.
const EXPANSION: u64 = 200;
const EXPANSION_FREE: u64 = 16 << 20;

/// One source to convert.
pub(super) struct Task {
    /// Its number, in the order of the command line.
    pub(super) place: usize,
    /// Its name for people: a path, with the line or the path within the archive behind `!`.
    pub(super) name: String,
    /// Where its output goes, without extension.
    pub(super) target: PathBuf,
    /// What it says.
    pub(super) bytes: Bytes,
}

/// The bytes of a source.
pub(super) enum Bytes {
    /// Read already.
    Here(Vec<u8>),
    /// To be read.
    File(PathBuf),
    /// Not to be had, and why.
    Not(String),
}

/// Sends every source of the files; `most` bounds the bytes of one.
pub(super) fn each(files: &[Found], out: Option<&Path>, most: usize, bar: &ProgressBar, to: &SyncSender<Task>) {
    let mut sender = Sender { to, place: 0, taken: HashSet::new() };
    for file in files {
        let target = target(file, out);
        let name = file.path.display().to_string();
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(".ndjson") {
            lines(&mut sender, file, &target, most);
        } else if [".tgz", ".tar.gz", ".tar"].iter().any(|end| lower.ends_with(end)) {
            archive(&mut sender, file, &target, most, !lower.ends_with(".tar"));
        } else {
            whole(&mut sender, file, target, most);
        }
        bar.inc(1);
    }
}

fn target(file: &Found, out: Option<&Path>) -> PathBuf {
    let beside = file.path.parent().unwrap_or(Path::new("")).to_owned();
    let folder = out.map_or(beside, |out| out.join(&file.folder));
    folder.join(file.path.file_stem().unwrap_or_default())
}

struct Sender<'s> {
    to: &'s SyncSender<Task>,
    place: usize,
    taken: HashSet<PathBuf>,
}

impl Sender<'_> {
    fn send(&mut self, name: String, target: PathBuf, bytes: Bytes) {
        let bytes = match self.taken.insert(target.clone()) {
            true => bytes,
            false => {
                Bytes::Not("Another source of this run has the same name; its output would be overwritten.".to_owned())
            }
        };
        // Nobody listens any more only when every thread is gone: then nothing is left to do.
        let _ = self.to.send(Task { place: self.place, name, target, bytes });
        self.place += 1;
    }

    fn fail(&mut self, name: &str, target: &Path, reason: String) {
        let _ = self.to.send(Task {
            place: self.place,
            name: name.to_owned(),
            target: target.to_owned(),
            bytes: Bytes::Not(reason),
        });
        self.place += 1;
    }
}

/// One source a line: `NAME-1`, `NAME-2`, …
fn lines(sender: &mut Sender<'_>, file: &Found, target: &Path, most: usize) {
    let name = file.path.display().to_string();
    let mut reader = match File::open(&file.path) {
        Ok(file) => BufReader::new(file),
        Err(error) => return sender.fail(&name, target, error.to_string()),
    };
    for number in 1usize.. {
        let mut line = Vec::new();
        let name = format!("{name}!{number}");
        match reader.by_ref().take(most as u64 + 2).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) if line.len() > most + 1 => {
                // Where the next line begins cannot be told without reading this one.
                return sender.fail(
                    &name,
                    target,
                    format!("The line has more than {most} bytes; the rest of the file was not read."),
                );
            }
            Ok(_) => {}
            Err(error) => return sender.fail(&name, target, error.to_string()),
        }
        if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
            sender.send(name, numbered(target, number), Bytes::Here(line));
        }
    }
}

/// A file that is one source; of HL7 v2 with several messages `NAME-1`, `NAME-2`, …
fn whole(sender: &mut Sender<'_>, file: &Found, target: PathBuf, most: usize) {
    let name = file.path.display().to_string();
    let mut head = Vec::new();
    let opened = File::open(&file.path).and_then(|mut opened| opened.by_ref().take(16).read_to_end(&mut head));
    // What cannot be read is told by the thread that converts it.
    if opened.is_err() || !messages::begins(&head) {
        return sender.send(name, target, Bytes::File(file.path.clone()));
    }
    let done = File::open(&file.path).and_then(|opened| {
        let mut messages = Messages::of(BufReader::new(opened), most);
        let Some(first) = messages.next()? else { return Ok(false) };
        let Some(second) = messages.next()? else { return Ok(false) };
        for (message, number) in [first, second].into_iter().zip(1..) {
            sender.send(format!("{name}!{number}"), numbered(&target, number), Bytes::Here(message));
        }
        let mut number = 3;
        while let Some(message) = messages.next()? {
            sender.send(format!("{name}!{number}"), numbered(&target, number), Bytes::Here(message));
            number += 1;
        }
        Ok(true)
    });
    match done {
        Ok(true) => {}
        // One message, or what is none: the file as it is.
        Ok(false) => sender.send(name, target, Bytes::File(file.path.clone())),
        Err(error) => sender.fail(&name, &target, error.to_string()),
    }
}

fn numbered(target: &Path, number: usize) -> PathBuf {
    let mut path = target.as_os_str().to_owned();
    path.push(format!("-{number}"));
    PathBuf::from(path)
}

/// The files of an archive, below a folder of its name. What expands out of proportion is not read on.
fn archive(sender: &mut Sender<'_>, file: &Found, target: &Path, most: usize, packed: bool) {
    let name = file.path.display().to_string();
    let opened = File::open(&file.path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (length, opened) = match opened {
        Ok(opened) => opened,
        Err(error) => return sender.fail(&name, target, error.to_string()),
    };
    // `NAME.tar.gz` has lost one extension already.
    let folder =
        if target.extension().is_some_and(|end| end == "tar") { target.with_extension("") } else { target.to_owned() };
    let bound = length.saturating_mul(EXPANSION).saturating_add(EXPANSION_FREE);
    let reader = BufReader::new(opened);
    let reader: Box<dyn Read> = if packed { Box::new(GzDecoder::new(reader)) } else { Box::new(reader) };
    let mut archive = tar::Archive::new(reader.take(bound));
    let done = entries(sender, &mut archive, &name, &folder, most);
    // Where the bound was reached an end is no end, even one between two files.
    let spent = archive.into_inner().limit() == 0;
    if spent {
        let reason = format!("The archive expands to more than {bound} bytes from {length}: it was not read on.");
        sender.fail(&name, target, reason);
    } else if let Err(reason) = done {
        sender.fail(&name, target, reason);
    }
}

fn entries<R: Read>(
    sender: &mut Sender<'_>,
    archive: &mut tar::Archive<R>,
    name: &str,
    folder: &Path,
    most: usize,
) -> Result<(), String> {
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(|error| error.to_string())?.into_owned();
        if path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        // An archive names where its files go; here they never leave the folder.
        let inner: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let target = folder.join(inner).with_extension("");
        let shown = format!("{name}!{}", path.display());
        let mut bytes = Vec::new();
        entry.by_ref().take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() > most {
            sender.fail(&shown, &target, format!("The file has more than {most} bytes."));
        } else if bytes.len() as u64 != entry.size() {
            return Err(format!("{shown} ends before its time."));
        } else {
            sender.send(shown, target, Bytes::Here(bytes));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn told(path: &Path, most: usize) -> Vec<(String, String, Result<String, String>)> {
        let (sender, receiver) = sync_channel(1000);
        let files = [Found { path: path.to_owned(), folder: PathBuf::new() }];
        each(&files, Some(Path::new("out")), most, &ProgressBar::hidden(), &sender);
        drop(sender);
        let tell = |task: Task| {
            let bytes = match task.bytes {
                Bytes::Here(bytes) => Ok(String::from_utf8(bytes).unwrap().trim().to_owned()),
                Bytes::File(path) => Ok(path.display().to_string()),
                Bytes::Not(reason) => Err(reason),
            };
            let name = task.name.rsplit('/').next().unwrap_or_default().to_owned();
            (name, task.target.display().to_string(), bytes)
        };
        receiver.into_iter().map(tell).collect()
    }

    #[test]
    fn every_line_of_ndjson_is_a_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.ndjson");
        std::fs::write(&path, "{\"a\":1}\n\n{\"b\":2}").unwrap();
        let told_of = told(&path, 100);
        assert_eq!(
            told_of.iter().map(|(name, target, _)| (name.as_str(), target.as_str())).collect::<Vec<_>>(),
            [("all.ndjson!1", "out/all-1"), ("all.ndjson!3", "out/all-3"),]
        );
        assert!(told(&path, 3)[0].2.as_ref().unwrap_err().contains("more than 3 bytes"));
    }

    #[test]
    fn every_message_of_a_batch_is_a_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.hl7");
        std::fs::write(&path, "BHS|^~\\&\rMSH|^~\\&|1\rMSH|^~\\&|2\rMSH|^~\\&|3\rBTS|3\r").unwrap();
        let told_of = told(&path, 100);
        let found: Vec<(&str, &str)> =
            told_of.iter().map(|(_, target, bytes)| (target.as_str(), bytes.as_deref().unwrap())).collect();
        assert_eq!(found, [("out/all-1", "MSH|^~\\&|1"), ("out/all-2", "MSH|^~\\&|2"), ("out/all-3", "MSH|^~\\&|3")]);
        std::fs::write(&path, "MSH|^~\\&|1\rPID|1\r").unwrap();
        assert_eq!(told(&path, 100)[0].1, "out/all");
        assert!(told(&path, 5)[0].2.as_ref().unwrap_err().contains("more than 5 bytes"));
    }

    fn packed(path: &Path, files: &[(&str, &[u8])]) {
        let gzip = flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::best());
        let mut builder = tar::Builder::new(gzip);
        for (name, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            // Written by hand: the library refuses names that climb.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap().flush().unwrap();
    }

    #[test]
    fn an_archive_stays_in_its_folder_and_a_bomb_is_not_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docs.tar.gz");
        packed(&path, &[("a/x.xml", b"<x/>"), ("../../y.json", b"{}"), (".hidden", b"h")]);
        let told_of = told(&path, 100);
        let targets: Vec<&str> = told_of.iter().map(|(_, target, _)| target.as_str()).collect();
        assert_eq!(targets, ["out/docs/a/x", "out/docs/y"]);
        let zeros = vec![0u8; 1 << 20];
        let many: Vec<(String, &[u8])> = (0..60).map(|number| (format!("{number}.xml"), zeros.as_slice())).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let bomb = folder.path().join("bomb.tgz");
        packed(&bomb, &many);
        let told_of = told(&bomb, 10);
        assert!(
            told_of.iter().any(|(_, _, what)| what.as_ref().is_err_and(|why| why.contains("expands"))),
            "{:?}",
            told_of.last()
        );
    }
}
