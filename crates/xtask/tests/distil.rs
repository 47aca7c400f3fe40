//! `profiles/` is what `distil` makes of the packages: distilled again, it comes out the same to the byte. Skipped,
//! loudly, where `../shared/packages` is not beside the workspace.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// What people write in `profiles/`.
const WRITTEN_BY_HAND: [&str; 3] = ["NOTICE", "README.md", "naming-systems.toml"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            found.extend(files(&path, &format!("{name}/")));
        } else if !WRITTEN_BY_HAND.contains(&name.as_str()) && !name.ends_with("/category.toml") {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn profiles_are_what_distilling_the_packages_gives() {
    let packages = workspace().join("../shared/packages");
    if !packages.is_dir() {
        eprintln!("SKIPPED: ../shared/packages is not there; profiles/ was not distilled again");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    xtask::distil(&packages, folder.path()).unwrap();
    let (again, kept) = (files(folder.path(), ""), files(&workspace().join("profiles"), ""));
    let names = |files: &[(String, String)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&kept));
    let changed: Vec<_> =
        again.iter().zip(&kept).filter(|(again, kept)| again != kept).map(|(again, _)| &again.0).collect();
    assert!(changed.is_empty(), "{changed:?} differ; run `cargo run -p xtask -- distil ../shared/packages profiles`");
}

#[test]
fn notice_names_every_package_with_version_and_licence() {
    let profiles = workspace().join("profiles");
    let notice = fs::read_to_string(profiles.join("NOTICE")).unwrap();
    let mut packages = 0;
    for entry in fs::read_dir(&profiles).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(manifest) = fs::read(folder.join("package.json")) else { continue };
        let manifest = model::json::read(&manifest, &Default::default()).unwrap();
        let [name, version, license] =
            ["name", "version", "license"].map(|name| manifest.root().text_at(name).unwrap_or_default().to_owned());
        assert_eq!(Some(name.as_str()), folder.file_name().and_then(|name| name.to_str()));
        let row = notice.lines().find(|line| line.split_whitespace().next() == Some(&name));
        let row = row.unwrap_or_else(|| panic!("NOTICE does not name {name}"));
        assert!(row.contains(&version) && row.contains(&license), "{row}: {version} {license}");
        packages += 1;
    }
    assert!(packages >= 19);
}
