//! The priority categories of Regulation (EU) 2025/327, Article 14, from `profiles/<category>/category.toml`. Adding
//! one is adding a folder there.

use serde::Deserialize;

/// One priority category.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Category {
    /// The folder's name: `patient-summary`.
    #[serde(skip)]
    pub code: Box<str>,
    /// Its place in the regulation's list, from 1.
    pub order: u8,
    /// Its name for people.
    pub title: Box<str>,
    /// Where the regulation names it: `14(1)(a)`.
    pub article: Box<str>,
    /// `DocumentReference.category`: system and code.
    #[serde(default)]
    pub class: Option<Code>,
    /// `Composition.type` and `DocumentReference.type`; empty where the category is exchanged as resources only.
    #[serde(default)]
    pub document_types: Vec<Code>,
    /// The profile of the whole: of the document Bundle, or of the resource where there is no document.
    pub root_profile: Box<str>,
    /// The profile of the Composition, where there is one.
    #[serde(default)]
    pub composition_profile: Option<Box<str>>,
    /// The package of these profiles: `hl7.fhir.eu.eps`.
    pub package: Box<str>,
    /// Further profiles that the category's resources claim.
    #[serde(default)]
    pub resource_profiles: Vec<Box<str>>,
    /// Sections of the document, in the order of the profile.
    #[serde(default)]
    pub sections: Vec<Section>,
}

/// A code with its system.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The code system's url.
    pub system: Box<str>,
    /// The code.
    pub code: Box<str>,
    /// A display of our own wording or of a CC0 source.
    #[serde(default)]
    pub display: Option<Box<str>>,
}

/// A section of a category's document.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Section {
    /// The slice name in the composition profile.
    pub slice: Box<str>,
    /// `section.code` in LOINC (or `system|code`).
    pub code: Box<str>,
    /// A title in English.
    pub title: Box<str>,
    /// Whether the profile requires it.
    #[serde(default)]
    pub required: bool,
}

impl Category {
    /// The category of `<code>/category.toml`; `None` for another file or one that is no category.
    pub(crate) fn of_file(path: &str, text: &str) -> Option<Category> {
        let code = path.strip_suffix("/category.toml")?;
        let mut category: Category = toml::from_str(text).ok()?;
        category.code = code.into();
        Some(category)
    }

    /// Why a file that should be a category is none.
    pub(crate) fn fault(path: &str, text: &str) -> Option<String> {
        path.strip_suffix("/category.toml")?;
        toml::from_str::<Category>(text).err().map(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_cannot_be_read_says_so() {
        assert!(Category::fault("x/category.toml", "order = \"first\"").is_some());
        assert!(Category::fault("x/other.toml", "order = \"first\"").is_none());
        assert!(crate::Naming::fault("naming-systems.toml", "[sistems]\n").is_some());
        assert_eq!(crate::Catalog::built_in().table_faults(), []);
    }
}
