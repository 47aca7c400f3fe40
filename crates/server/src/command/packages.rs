//! `passerelle packages add NAME@VERSION` and `passerelle packages list`.
//!
//! A package is kept as `NAME#VERSION.tgz` in the folder of packages; `checksums.toml` beside it pins its SHA-256 when it
//! is first fetched. Another content under the same name and version is refused for ever after.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use catalog::{Catalog, Loader};
use clap::ArgMatches;
use sha2::{Digest, Sha256};

use super::output::say;
use super::progress;
use crate::configuration::Values;

/// Adds a package, or lists those there are.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    match matches.subcommand() {
        Some(("add", matches)) => {
            let asked = matches.get_one::<String>("package").map_or("", String::as_str);
            let (name, version) = asked.split_once(['@', '#']).ok_or("a package is named NAME@VERSION")?;
            add(name, version, values)
        }
        _ => {
            list(&catalog(values)?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What is built in, and the packages of the folder.
///
/// # Errors
/// Where a package cannot be read.
pub(crate) fn catalog(values: &Values) -> Result<Catalog, Box<dyn Error>> {
    let folder = folder(values);
    let configured = values.some_text("package-folder").is_some();
    let has_any = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if !configured && !has_any {
        // What is built in was checked when it was built.
        return Ok(Catalog::built_in());
    }
    sound(Catalog::built_in().with_loaded(Loader::new().path(&folder)?))
}

/// A catalog whose tables can all be read.
fn sound(catalog: Catalog) -> Result<Catalog, Box<dyn Error>> {
    match catalog.table_faults().first() {
        Some(fault) => Err(fault.text.clone().into()),
        None => Ok(catalog),
    }
}

fn folder(values: &Values) -> PathBuf {
    match values.some_text("package-folder") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(values.text("data")).join("packages"),
    }
}

fn list(catalog: &Catalog) {
    for package in catalog.packages() {
        let from = if package.built_in { "built in" } else { "added" };
        say!("{}@{}  {from}", package.name, package.version);
    }
}

fn add(name: &str, version: &str, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    if !plain(name) || !plain(version) {
        return Err("a package's name and version have letters, digits, '.', '-' and '_'".into());
    }
    let registry = values.some_text("package-registry").ok_or(
        "no registry is configured: set package-registry in the file, PASSERELLE_PACKAGE_REGISTRY or --package-registry",
    )?;
    let url = format!("{}/{name}/{version}", registry.trim_end_matches('/'));
    let bytes = fetch(&url, values.bytes("max-body"))?;
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = folder(values);
    std::fs::create_dir_all(&folder)?;
    let mut pins = pins(&folder)?;
    let key = format!("{name}#{version}");
    match pins.get(&key).and_then(toml::Value::as_str) {
        Some(pinned) if pinned != hash => {
            return Err(
                format!("{name}@{version} is pinned to SHA-256 {pinned}, the registry sent {hash}: refused").into()
            );
        }
        _ => pins.insert(key.clone(), toml::Value::String(hash.clone())),
    };
    // Read before it is kept: what is no package never gets into the folder.
    let path = folder.join(format!("{key}.tgz"));
    let loaded = Loader::new().archive(&path, &bytes)?.finish();
    if !loaded.packages().iter().any(|package| *package.name == *name && *package.version == *version) {
        return Err(format!("{url} is not {name}@{version}").into());
    }
    write_durably(&path, &bytes)?;
    write_durably(&folder.join(PINS), pins.to_string().as_bytes())?;
    say!("{name}@{version}: {} bytes, SHA-256 {hash}", bytes.len());
    Ok(ExitCode::SUCCESS)
}

const PINS: &str = "checksums.toml";

fn pins(folder: &Path) -> Result<toml::Table, Box<dyn Error>> {
    match std::fs::read_to_string(folder.join(PINS)) {
        Ok(text) => Ok(text.parse()?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(toml::Table::new()),
        Err(error) => Err(error.into()),
    }
}

/// Under another name first, so that a crash leaves the old file or the new one.
fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes)?;
    std::fs::File::open(&beside)?.sync_all()?;
    std::fs::rename(&beside, path)
}

fn fetch(url: &str, longest: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    // Another one is installed already only when a test did so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client =
        reqwest::blocking::Client::builder().user_agent(concat!("passerelle/", env!("CARGO_PKG_VERSION"))).build()?;
    let mut response = client.get(url).send()?.error_for_status()?;
    let total = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let bar = progress::bar(total, "fetching");
    let mut bytes = Vec::with_capacity(total.min(longest));
    let mut chunk = vec![0; 64 << 10];
    loop {
        let read = response.read(&mut chunk)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        if bytes.len() + read > longest {
            return Err(format!("{url} has more than {longest} bytes").into());
        }
        bytes.extend_from_slice(part);
        bar.inc(read as u64);
    }
    bar.finish_and_clear();
    Ok(bytes)
}
