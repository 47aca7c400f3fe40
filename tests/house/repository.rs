//! What the repository holds, as the checks see it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The tracked files that are there, relative to the root, with `/` between folders; outside of a git work tree every
/// file but what a build leaves behind.
pub(crate) fn files() -> Vec<String> {
    let root = root();
    let listed = Command::new("git").arg("-C").arg(&root).args(["ls-files", "-z"]).output();
    let listed = listed.ok().filter(|output| output.status.success() && root.join(".git").exists());
    let mut files: Vec<String> = match listed {
        Some(output) => {
            let names = String::from_utf8(output.stdout).unwrap();
            names.split_terminator('\0').map(str::to_owned).collect()
        }
        None => walk(&root, &root),
    };
    files.retain(|file| root.join(file).is_file());
    assert!(files.iter().any(|file| file == "Cargo.toml"), "no files found under {}", root.display());
    files
}

fn walk(root: &Path, folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        if path.is_dir() {
            if !["target", "data", ".git"].contains(&name.as_str()) {
                files.extend(walk(root, &path));
            }
        } else {
            files.push(name);
        }
    }
    files
}

/// The tracked Rust sources.
pub(crate) fn rust_files() -> Vec<String> {
    files().into_iter().filter(|file| file.ends_with(".rs")).collect()
}

/// The text of a file; `None` where it is not UTF-8.
pub(crate) fn text(file: &str) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(file)).unwrap()).ok()
}

/// Fails with all findings at once, one a line.
pub(crate) fn none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
