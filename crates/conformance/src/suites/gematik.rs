//! German ePrescriptions with the verdicts of gematik's reference validator, each held against the packages of its version.
//!
//! DIR is the corpus: `validator/gematik-erp.jsonl` names the cases, `validator/gematik-erp/packages` holds what packages there
//! are. Where the version that a case needs is not among them, no validator can decide it: such cases are out of scope in the
//! ledger, and they run all the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::{Catalog, Loader};
use ledger::{Ledger, Report, Tally};
use model::{Instant, Issue};
use validation::{Options, Validator};

use super::validator::read;
use crate::documents::in_parallel;
use crate::json_text::Json;

/// How the ids of cases begin, and the packages that these cases are held against.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "KBV_PR_ERP_Bundle/1.1.0/",
        &[
            "kbv.ita.erp-1.1.2",
            "gematik.kbv.sfhir.cs.vs-1.3.0",
            "kbv.ita.for-1.1.0",
            "kbv.basis-1.7.0",
            "de.basisprofil.r4-1.3.2",
        ],
    ),
    (
        "KBV_PR_ERP_Bundle/1.1.0-from-4-2025/",
        &[
            "kbv.ita.erp-1.1.2",
            "gematik.kbv.sfhir.cs.vs-1.6.0",
            "kbv.ita.for-1.1.0",
            "kbv.basis-1.7.0",
            "de.basisprofil.r4-1.3.2",
        ],
    ),
    (
        "KBV_PR_ERP_Bundle/1.3",
        &[
            "kbv.ita.erp-1.3.3",
            "gematik.kbv.sfhir.cs.vs-1.8.0",
            "kbv.ita.for-1.2.1",
            "kbv.basis-1.7.0",
            "de.basisprofil.r4-1.5.2",
        ],
    ),
    (
        "KBV_PR_ERP_Bundle/1.4",
        &[
            "kbv.ita.erp-1.4.1",
            "gematik.kbv.sfhir.cs.vs-1.8.0",
            "kbv.ita.for-1.3.1",
            "kbv.basis-1.7.0",
            "de.basisprofil.r4-1.5.2",
        ],
    ),
    (
        "GEM_ERP_PR_",
        &[
            "de.gematik.erezept-workflow.r4-1.4.3",
            "de.gematik.ti-1.1.1",
            "de.basisprofil.r4-1.3.2",
            "gematik.kbv.sfhir.cs.vs-1.6.0",
            "kbv.ita.for-1.1.0",
        ],
    ),
    (
        "GEM_ERP_PR_Bundle/1.5",
        &[
            "de.gematik.erezept-workflow.r4-1.5.2",
            "de.gematik.ti-1.1.1",
            "de.basisprofil.r4-1.5.2",
            "gematik.kbv.sfhir.cs.vs-1.8.0",
        ],
    ),
    (
        "GEM_ERP_PR_MedicationDispense/1.5",
        &[
            "de.gematik.erezept-workflow.r4-1.5.2",
            "de.gematik.ti-1.1.1",
            "de.basisprofil.r4-1.5.2",
            "gematik.kbv.sfhir.cs.vs-1.8.0",
        ],
    ),
    (
        "GEM_ERP_PR_Bundle/1.6",
        &[
            "de.gematik.erezept-workflow.r4-1.6.4",
            "de.gematik.ti-1.3.1",
            "de.basisprofil.r4-1.5.2",
            "gematik.kbv.sfhir.cs.vs-1.8.0",
        ],
    ),
    (
        "GEM_ERP_PR_MedicationDispense/1.6",
        &[
            "de.gematik.erezept-workflow.r4-1.6.4",
            "de.gematik.ti-1.3.1",
            "de.basisprofil.r4-1.5.2",
            "gematik.kbv.sfhir.cs.vs-1.8.0",
        ],
    ),
];

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("the corpus is expected".into()) };
    let folder = corpus.join("validator");
    let ledger = Ledger::read(include_str!("../../ledgers/gematik.toml")).map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(folder.join("gematik-erp.jsonl")).map_err(|error| error.to_string())?;
    let cases: Vec<Json> = text.lines().map(Json::read).collect::<Result<_, _>>()?;
    let mut tally = Tally::new(&ledger);
    let group = |case: &Json| {
        let id = case.text("id").unwrap_or_default();
        let fitting = GROUPS.iter().enumerate().filter(|(_, (start, _))| id.starts_with(start));
        fitting.max_by_key(|(_, (start, _))| start.len()).map(|(number, _)| number)
    };
    for (number, (_, packages)) in GROUPS.iter().enumerate() {
        let cases: Vec<&Json> = cases.iter().filter(|case| group(case) == Some(number)).collect();
        let validator = Validator::new(Arc::new(catalog(&folder.join("gematik-erp/packages"), packages)?));
        let outcomes = in_parallel(&cases, |case| verdict(case, &folder, &validator));
        for (case, outcome) in cases.iter().zip(outcomes) {
            let valid = case.get("valid") == Some(&Json::Word("true".into()));
            let outcome =
                outcome.and_then(|issues| match (valid, issues.iter().find(|issue| issue.severity.is_error())) {
                    (true, Some(issue)) => Err(format!("valid, but rejected: {issue}")),
                    (false, None) => Err("accepted, though the reference finds an error".to_owned()),
                    _ => Ok(()),
                });
            tally.record(case.text("id").unwrap_or_default(), outcome);
        }
    }
    Ok(tally.finish())
}

fn catalog(folder: &Path, packages: &[&str]) -> Result<Catalog, String> {
    let mut loader = Loader::new();
    for package in packages {
        loader = loader.path(&folder.join(format!("{package}.tgz"))).map_err(|error| error.to_string())?;
    }
    Ok(Catalog::built_in().with_loaded(loader))
}

fn verdict(case: &Json, folder: &Path, validator: &Validator) -> Result<Vec<Issue>, String> {
    let mut options = Options { now: Instant(1_790_000_000_000), ..Options::default() };
    options.profiles.extend(case.text("profile").map(str::to_owned));
    let file = folder.join(case.text("file").unwrap_or_default());
    Ok(match read(&file, validator.catalog())? {
        Ok(tree) => validator.validate(&tree, &options),
        Err(issue) => vec![issue],
    })
}
