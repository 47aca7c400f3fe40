//! `convert` on one core: a CDA patient summary into its European document, and that document validated, in processor time;
//! the document as it is and grown to 100 KB, beside reading the same XML alone.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use convert::{BuiltIn, Knowledge, Options, Source};
use model::Instant;
use validation::Validator;

use crate::validation::processor_time;

const NOW: Instant = Instant(1_790_000_000_000);
const ROUNDS: u32 = 100;
const SIZE: usize = 100_000;

/// Measures each CDA file.
pub(crate) fn run(paths: &[PathBuf]) -> Result<(), String> {
    if paths.is_empty() {
        return Err("files of CDA are expected".into());
    }
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    for path in paths {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        measure(&validator, &name, &text)?;
        if text.len() < SIZE {
            measure(&validator, &format!("{name}, grown"), &grown(&text))?;
        }
    }
    Ok(())
}

fn measure(validator: &Validator, name: &str, text: &str) -> Result<(), String> {
    let knowledge = Knowledge { shapes: validator.catalog(), systems: &BuiltIn };
    let options = Options::at(NOW);
    let source = Source::new(text.as_bytes());
    let convert = || convert::convert(&knowledge, &source, &options).map_err(|refusal| format!("{name}: {refusal}"));
    let draft = convert()?;
    let known = validator.catalog().categories();
    let known = known.iter().find(|known| known.class.as_ref().is_some_and(|class| *class.code == *draft.category));
    let profiles = known.map(|known| known.root_profile.to_string()).into_iter().collect();
    let rules = validation::Options { profiles, now: NOW, ..validation::Options::default() };
    let errors = validator.validate(&draft.document, &rules).iter().filter(|issue| issue.severity.is_error()).count();
    let read =
        per_round(|| black_box(roxmltree::Document::parse(text).map(|_| ()).map_err(|error| error.to_string())))?;
    let converted = per_round(|| black_box(convert().map(|_| ())))?;
    let both = per_round(|| {
        let draft = convert()?;
        black_box(validator.validate(&draft.document, &rules));
        Ok(())
    })?;
    println!(
        "{name}: {} KB, {} entries, {errors} errors: XML read {read:.2?}, converted {converted:.2?}, and validated {both:.2?}",
        text.len() / 1000,
        draft.document.root().all("entry").count()
    );
    Ok(())
}

/// Processor time of this thread for one round, warm.
fn per_round(round: impl Fn() -> Result<(), String>) -> Result<Duration, String> {
    for _ in 0..5 {
        round()?;
    }
    let before = processor_time();
    for _ in 0..ROUNDS {
        round()?;
    }
    Ok(processor_time().saturating_sub(before) / ROUNDS)
}

/// The document with its entries repeated, section by section, until it is large enough. Identifiers are told apart by a
/// number, so that no repetition is taken for the same thing.
fn grown(text: &str) -> String {
    let mut pieces = text.split("</entry>").peekable();
    let entries = text.matches("</entry>").count().max(1);
    let mut whole = String::with_capacity(SIZE + text.len());
    let copies = SIZE.saturating_sub(text.len()) / (text.len() * 3 / 4 / entries).max(1) / entries + 1;
    while let Some(piece) = pieces.next() {
        whole.push_str(piece);
        if pieces.peek().is_none() {
            break;
        }
        whole.push_str("</entry>");
        let tags = piece.match_indices("<entry").map(|(start, _)| start);
        let starts = tags.filter(|start| !piece[start + 6..].starts_with(char::is_alphanumeric));
        let Some(start) = starts.last() else { continue };
        for copy in 0..copies {
            whole.push_str(&piece[start..].replace("extension=\"", &format!("extension=\"{copy}-")));
            whole.push_str("</entry>");
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::{SIZE, grown};

    #[test]
    fn a_grown_document_is_well_formed_and_large_enough() {
        let entry = "<entry typeCode='DRIV'><act><entryRelationship><observation><id extension=\"1\"/></observation>\
                     </entryRelationship></act></entry>";
        let text = format!("<ClinicalDocument><section>{entry}\n{entry}</section></ClinicalDocument>");
        let grown = grown(&text);
        assert!(grown.len() > SIZE * 3 / 4, "{}", grown.len());
        let document = roxmltree::Document::parse(&grown).map_err(|error| error.to_string());
        assert!(document.is_ok(), "{document:?}");
        assert!(grown.contains("extension=\"0-1\""));
    }
}
