//! The documents of a suite: files of a folder tree, in the order of their names.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Applies `check` to every document and its bytes on all processors; the results keep the order of the documents.
pub fn each<R: Send>(documents: &[Document], check: impl Fn(&Document, &[u8]) -> R + Sync) -> Vec<Result<R, String>> {
    in_parallel(documents, |document| match std::fs::read(&document.path) {
        Ok(bytes) => Ok(check(document, &bytes)),
        Err(error) => Err(format!("cannot be read: {error}")),
    })
}

/// Applies `check` to every item on all processors; the results keep the order of the items.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    check: impl Fn(&T) -> Result<R, String> + Sync,
) -> Vec<Result<R, String>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { break };
            // A panic is a result of this item, and never a pass.
            let result = catch_unwind(AssertUnwindSafe(|| check(item)));
            done.push((place, result.unwrap_or_else(|_| Err("it panics".into()))));
        }
        done
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut results: Vec<(usize, Result<R, String>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_a_panic_is_one_of_them() {
        let items: Vec<usize> = (0..100).collect();
        let results = in_parallel(&items, |item| if *item == 50 { panic!("on purpose") } else { Ok(item * 2) });
        assert_eq!(results.len(), 100);
        for (item, result) in results.into_iter().enumerate() {
            assert_eq!(result, if item == 50 { Err("it panics".into()) } else { Ok(item * 2) });
        }
    }

    #[test]
    fn files_below_a_folder_come_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["c.JSON", "b/a.json", "a.xml"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let ids = |extensions: &[&str]| -> Vec<String> {
            below(folder.path(), extensions).unwrap().into_iter().map(|document| document.id).collect()
        };
        assert_eq!(ids(&["json"]), ["b/a.json", "c.JSON"]);
        assert_eq!(ids(&[]), ["a.xml", "b/a.json", "c.JSON"]);
        let documents = below(folder.path(), &["xml"]).unwrap();
        assert_eq!(each(&documents, |_, bytes| bytes.to_vec()), [Ok(b"a.xml".to_vec())]);
        assert!(below(&folder.path().join("none"), &[]).is_err());
    }
}
