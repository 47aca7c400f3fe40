//! The files that a command line names: files as they are, folders walked in the order of names.

use std::io;
use std::path::{Path, PathBuf};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its folder, relative to the folder that was named; empty for a file that was named itself.
    pub(crate) folder: PathBuf,
}

/// All files below the paths, each once, in order. Hidden files and folders are left out of walks.
///
/// # Errors
/// Where a path is not there or a folder cannot be read.
pub(crate) fn below<'a>(paths: impl IntoIterator<Item = &'a String>) -> Result<Vec<Found>, io::Error> {
    let mut all: Vec<Found> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for named in paths {
        let mut paths = Vec::new();
        walk(Path::new(named), &mut paths)?;
        for path in paths {
            let below = path.strip_prefix(named).ok().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
            if known.insert(path.clone()) {
                all.push(Found { path, folder: below });
            }
        }
    }
    Ok(all)
}

fn walk(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), io::Error> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if !std::fs::metadata(path).map_err(named)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let mut children: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(named)? {
        let entry = entry.map_err(named)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            children.push(entry.path());
        }
    }
    children.sort();
    children.iter().try_for_each(|child| walk(child, found))
}

/// The work on one item ended in a panic: a defect of the program, which told of it on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a defect of the program ended the work on it; standard error says where")]
pub(crate) struct Broken;

/// Does `work` for each item on all processors; the answers come in the order of the items, one for each.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<Result<R, Broken>> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            match items.get(place) {
                Some(item) => {
                    let answer = catch_unwind(AssertUnwindSafe(|| work(place, item)));
                    done.push((place, answer.map_err(|_| Broken)));
                }
                None => return done,
            }
        }
    };
    let mut all: Vec<(usize, Result<R, Broken>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order_and_files_stand_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.xml", "a/c.json", ".hidden"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let whole = folder.path().display().to_string();
        let one = folder.path().join("b.xml").display().to_string();
        let found = below([&whole, &one]).unwrap();
        let names: Vec<_> = found.iter().map(|file| file.path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("a/c.json"), Path::new("b.xml")]);
        assert_eq!(found[0].folder, Path::new("a"));
        assert!(below([&format!("{whole}/none")]).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn answers_come_in_order_and_a_panic_is_one_of_them() {
        let items: Vec<usize> = (0..1000).collect();
        let answers = in_parallel(&items, |_, item| if *item == 500 { panic!("on purpose") } else { item * 2 });
        let expected: Vec<_> = items.iter().map(|item| if *item == 500 { Err(Broken) } else { Ok(item * 2) }).collect();
        assert_eq!(answers, expected);
    }
}
