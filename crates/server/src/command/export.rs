//! `passerelle export --out DIR`: the store as NDJSON, one file for each resource type.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use access::{Caller, Policy};
use clap::ArgMatches;
use interaction::export;

use super::output::say;
use crate::configuration::Values;
use crate::store;

/// Writes `TYPE.ndjson` for every type, or those that were asked for, as of one moment; the counts are printed.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let folder = PathBuf::from(matches.get_one::<String>("out").map_or("", String::as_str));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let store = store::open(values.text("engine"), Path::new(values.text("data")))?;
    let permit = export::permit(&Policy::default(), &Caller::operator())?;
    let view = store.view(None)?;
    let wanted: Vec<&String> = matches.get_many("type").into_iter().flatten().collect();
    for type_name in store.type_names() {
        if !wanted.is_empty() && !wanted.iter().any(|name| **name == *type_name) {
            continue;
        }
        let path = folder.join(format!("{type_name}.ndjson"));
        let mut file: Option<BufWriter<File>> = None;
        let mut count = 0u64;
        for resource in export::resources(&view, &permit, &type_name) {
            let text = resource?;
            let out = match &mut file {
                Some(out) => out,
                None => file.insert(BufWriter::new(File::create(&path)?)),
            };
            out.write_all(text.bytes())?;
            out.write_all(b"\n")?;
            count += 1;
        }
        if let Some(out) = file {
            out.into_inner().map_err(|error| error.to_string())?.sync_all()?;
            say!("{}: {count}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
