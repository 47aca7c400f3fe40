//! The documents of a suite: files of a folder tree, in the order of their names.

use std::path::{Path, PathBuf};

/// One file of a suite.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Document {
    /// Its path below the folder that was named, with `/` between folders: the id of its case.
    pub id: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// The files below a folder whose names end in one of `extensions` (without dot, any case; none means every file),
/// sorted by id.
///
/// # Errors
/// A line that names the folder that cannot be read.
pub fn below(folder: &Path, extensions: &[&str]) -> Result<Vec<Document>, String> {
    let mut found = Vec::new();
    collect(folder, folder, extensions, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(top: &Path, folder: &Path, extensions: &[&str], found: &mut Vec<Document>) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.is_dir() {
            collect(top, &path, extensions, found)?;
        } else if extensions.is_empty() || ends(&path, extensions) {
            let id = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            found.push(Document { id, path });
        }
    }
    Ok(())
}

fn ends(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|end| extensions.iter().any(|wanted| end.eq_ignore_ascii_case(wanted)))
}

/// Applies `check` to every document on all processors; the results keep the order of the documents.
pub fn each<R: Send>(documents: &[Document], check: impl Fn(&Document, &[u8]) -> R + Sync) -> Vec<Result<R, String>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = documents.len().div_ceil(threads).max(1);
    let one = |document: &Document| match std::fs::read(&document.path) {
        Ok(bytes) => Ok(check(document, &bytes)),
        Err(error) => Err(format!("cannot be read: {error}")),
    };
    std::thread::scope(|scope| {
        let work = |part: &[Document]| part.iter().map(one).collect::<Vec<_>>();
        let parts: Vec<_> = documents.chunks(share).map(|part| scope.spawn(move || work(part))).collect();
        let joined = parts.into_iter().zip(documents.chunks(share)).flat_map(|(thread, part)| {
            // A thread that panicked fails each of its documents: a panic is never a pass.
            thread
                .join()
                .unwrap_or_else(|_| part.iter().map(|_| Err("a document of its share panicked".into())).collect())
        });
        joined.collect()
    })
}
