//! What a path below the FHIR base points at: <http://hl7.org/fhir/R4/http.html#summary>.

use crate::query::decode;
use crate::refusal::{Class, Refusal};

/// How deep a path points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The base itself.
    System,
    /// `[type]`
    Type,
    /// `[type]/[id]`
    Instance,
    /// `[type]/[id]/_history/[vid]`
    Version,
}

/// A path, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How deep it points.
    pub level: Level,
    /// The resource type; empty at [`Level::System`].
    pub resource_type: String,
    /// The logical id; empty above [`Level::Instance`].
    pub id: String,
    /// The version id; empty above [`Level::Version`].
    pub version: String,
    /// What follows: `_history`, `_search`, `metadata`, `$convert`, `*` or a type for a compartment search, with `/_search` behind it where it is
    /// posted; empty for nothing.
    pub word: String,
}

impl Target {
    /// Takes a path apart. Whether the type exists is not asked here.
    ///
    /// # Errors
    /// [`Class::NotFound`] where no path of FHIR has this form.
    pub fn of(path: &str) -> Result<Target, Refusal> {
        let parts: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let made = |level, resource_type: &str, id: &str, version: &str, word: &str| Target {
            level,
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
            version: version.to_owned(),
            word: word.to_owned(),
        };
        match parts.as_slice() {
            [] => Ok(made(Level::System, "", "", "", "")),
            [word] if !is_type(word) => Ok(made(Level::System, "", "", "", word)),
            [ty] => Ok(made(Level::Type, ty, "", "", "")),
            [ty, word] if is_type(ty) && is_word(word) => Ok(made(Level::Type, ty, "", "", word)),
            [ty, id] if is_type(ty) => Ok(made(Level::Instance, ty, id, "", "")),
            [ty, id, "_history", version] if is_type(ty) => Ok(made(Level::Version, ty, id, version, "")),
            [ty, id, "_history", version, word] if is_type(ty) && is_word(word) => {
                Ok(made(Level::Version, ty, id, version, word))
            }
            [ty, id, word] if is_type(ty) && (is_word(word) || is_type(word) || *word == "*") => {
                Ok(made(Level::Instance, ty, id, "", word))
            }
            [ty, id, word, "_search"] if is_type(ty) && (is_type(word) || *word == "*") => {
                Ok(made(Level::Instance, ty, id, "", &format!("{word}/_search")))
            }
            _ => Err(Refusal::new(Class::NotFound, "There is nothing under this path.")),
        }
    }
}

fn is_type(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
}

fn is_word(word: &str) -> bool {
    word.starts_with(['_', '$'])
}

/// Whether a text is a FHIR `id`: 1 to 64 of `A-Za-z0-9-.` (<http://hl7.org/fhir/R4/datatypes.html#id>).
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, level: Level, parts: [&str; 4]) {
        let target = Target::of(path).unwrap();
        assert_eq!(target.level, level, "{path}");
        assert_eq!([target.resource_type, target.id, target.version, target.word], parts.map(str::to_owned), "{path}");
    }

    #[test]
    fn paths_are_taken_apart() {
        check("", Level::System, ["", "", "", ""]);
        check("metadata", Level::System, ["", "", "", "metadata"]);
        check("$convert", Level::System, ["", "", "", "$convert"]);
        check("Patient", Level::Type, ["Patient", "", "", ""]);
        check("Patient/", Level::Type, ["Patient", "", "", ""]);
        check("Patient/_search", Level::Type, ["Patient", "", "", "_search"]);
        check("Patient/a", Level::Instance, ["Patient", "a", "", ""]);
        check("Patient/%61", Level::Instance, ["Patient", "a", "", ""]);
        check("Patient/a/_history", Level::Instance, ["Patient", "a", "", "_history"]);
        check("Patient/a/_history/2", Level::Version, ["Patient", "a", "2", ""]);
        check("Patient/a/Observation", Level::Instance, ["Patient", "a", "", "Observation"]);
        check("Patient/a/Observation/_search", Level::Instance, ["Patient", "a", "", "Observation/_search"]);
        assert!(Target::of("Patient/a/b/_search").is_err());
        assert!(Target::of("a/b/c/d/e").is_err());
        assert!(Target::of("Patient/a/b").is_err());
    }

    #[test]
    fn ids_are_short_and_plain() {
        assert!(is_id("A-1.z") && is_id(&"a".repeat(64)));
        assert!(!is_id("") && !is_id("a_b") && !is_id("a/b") && !is_id(&"a".repeat(65)) && !is_id("é"));
    }
}
