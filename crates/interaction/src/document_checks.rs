//! How strictly documents are held against their European profiles, by priority category and by caller.
//!
//! ```text
//! enforce,Laboratory-Reports=report,@x5t#S256:5f0c…=off,Laboratory-Reports@x5t#S256:5f0c…=enforce
//! ```

use access::Caller;
use catalog::Catalog;

use crate::checked::DocumentCheck;

/// One level for all documents, and others for a category, for a caller, or for a category from a caller. Of those that
/// apply the most specific counts: category and caller, then caller, then category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentChecks {
    otherwise: DocumentCheck,
    others: Vec<Other>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Other {
    category: Option<String>,
    caller: Option<String>,
    level: DocumentCheck,
}

impl From<DocumentCheck> for DocumentChecks {
    fn from(otherwise: DocumentCheck) -> DocumentChecks {
        DocumentChecks { otherwise, others: Vec::new() }
    }
}

impl DocumentChecks {
    /// Reads `item,item…`: once `LEVEL`, and any number of `CATEGORY=LEVEL`, `@CALLER=LEVEL` and `CATEGORY@CALLER=LEVEL`.
    /// A category is a code of `eehrxf-document-priority-category-cs` or `Other-Documents`; a caller is named as
    /// [`Caller::name`] has it.
    ///
    /// # Errors
    /// In words: where an item is of no such form, a category is unknown to the catalog, something is said twice, or the
    /// level of all others is missing.
    pub fn parse(text: &str, catalog: &Catalog) -> Result<DocumentChecks, String> {
        let mut otherwise = None;
        let mut others: Vec<Other> = Vec::new();
        for item in text.split(',').map(str::trim) {
            let Some((of, word)) = item.rsplit_once('=') else {
                if otherwise.replace(level(item)?).is_some() {
                    return Err(format!("said once of all documents; {item} says it again"));
                }
                continue;
            };
            let level = level(word)?;
            let (category, caller) = match of.split_once('@') {
                Some((category, caller)) => (some(category), Some(caller.trim().to_owned())),
                None => (some(of), None),
            };
            if caller.as_deref() == Some("") || (category.is_none() && caller.is_none()) {
                return Err(format!("CATEGORY=LEVEL, @CALLER=LEVEL or CATEGORY@CALLER=LEVEL, as {item} is not"));
            }
            if let Some(category) = category.as_deref().filter(|category| !is_category(category, catalog)) {
                return Err(format!("of a priority category; there is no {category}"));
            }
            if others.iter().any(|other| other.category == category && other.caller == caller) {
                return Err(format!("said once of {of}"));
            }
            others.push(Other { category, caller, level });
        }
        match otherwise {
            Some(otherwise) => Ok(DocumentChecks { otherwise, others }),
            None => Err("complete without off, report or enforce for all other documents".to_owned()),
        }
    }

    /// The level for a document of a category from a caller.
    pub fn level(&self, category: &str, caller: &Caller) -> DocumentCheck {
        let applies = |other: &&Other| {
            other.category.as_deref().is_none_or(|own| own == category)
                && other.caller.as_deref().is_none_or(|own| caller.name() == Some(own))
        };
        let specific = |other: &&Other| (other.caller.is_some(), other.category.is_some());
        self.others.iter().filter(applies).max_by_key(specific).map_or(self.otherwise, |other| other.level)
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn level(word: &str) -> Result<DocumentCheck, String> {
    match word.trim() {
        "off" => Ok(DocumentCheck::Off),
        "report" => Ok(DocumentCheck::Report),
        "enforce" => Ok(DocumentCheck::Enforce),
        _ => Err(format!("off, report or enforce, as {word:?} is not")),
    }
}

fn is_category(code: &str, catalog: &Catalog) -> bool {
    let mut classes = catalog.categories().iter().filter_map(|category| category.class.as_ref());
    code == ::convert::OTHER_DOCUMENTS || classes.any(|class| *class.code == *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::{Evidence, Policy};

    fn caller(name: Option<&str>) -> Caller {
        Policy::AllowAll.identify(&Evidence { authorization: None, certificate: name }).unwrap()
    }

    #[test]
    fn the_most_specific_counts() {
        let text = "enforce, Laboratory-Reports=report, @x5t#S256:ab=off, Laboratory-Reports@x5t#S256:ab=enforce";
        let checks = DocumentChecks::parse(text, &Catalog::built_in()).unwrap();
        let (nobody, other, known) = (caller(None), caller(Some("x5t#S256:cd")), caller(Some("x5t#S256:ab")));
        for (category, caller, level) in [
            ("Patient-Summaries", &nobody, DocumentCheck::Enforce),
            ("Patient-Summaries", &other, DocumentCheck::Enforce),
            ("Patient-Summaries", &known, DocumentCheck::Off),
            ("Laboratory-Reports", &nobody, DocumentCheck::Report),
            ("Laboratory-Reports", &other, DocumentCheck::Report),
            ("Laboratory-Reports", &known, DocumentCheck::Enforce),
        ] {
            assert_eq!(checks.level(category, caller), level, "{category} {caller:?}");
        }
    }

    #[test]
    fn what_is_no_level_or_category_is_named() {
        let refused = |text: &str| DocumentChecks::parse(text, &Catalog::built_in()).unwrap_err();
        assert!(refused("strict").contains("strict"));
        assert!(refused("off,Laboratory=report").contains("Laboratory"));
        assert!(refused("off,Laboratory-Reports=maybe").contains("maybe"));
        assert!(refused("off,Laboratory-Reports=off,Laboratory-Reports=report").contains("once"));
        assert!(refused("off,report").contains("once"));
        assert!(refused("Laboratory-Reports=report").contains("all other"));
        assert!(refused("off,@=report").contains("@CALLER"));
        assert!(refused("off,=report").contains("@CALLER"));
        assert!(DocumentChecks::parse("off,Other-Documents=report,@operator=enforce", &Catalog::built_in()).is_ok());
    }
}
