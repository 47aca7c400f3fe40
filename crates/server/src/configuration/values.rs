//! The values in force, each with where it came from: flag before environment before file before default.

use std::collections::BTreeMap;
use std::path::Path;

use catalog::Catalog;
use interaction::document_checks::DocumentChecks;

use super::setting::{Kind, SETTINGS, Setting};

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The table of settings.
    Default,
    /// The configuration file.
    File,
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::File => "file",
            Source::Environment => "environment",
            Source::Flag => "flag",
        }
    }
}

/// Why the configuration cannot be used. The program ends before it did anything.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("configuration file {path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// There is no such option.
    #[error("{place}: there is no option {key}")]
    Unknown {
        /// The name.
        key: String,
        /// Where it stands.
        place: String,
    },
    /// The value is not one.
    #[error("{key}: {value:?} is not {wanted}")]
    Value {
        /// The option.
        key: String,
        /// The value.
        value: String,
        /// What it must be.
        wanted: String,
    },
    /// Two options contradict each other.
    #[error("{0}")]
    Together(String),
}

/// The values of all settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    values: BTreeMap<&'static str, (String, Source)>,
}

impl Values {
    /// The defaults.
    pub fn defaults() -> Values {
        let values = SETTINGS.iter().map(|setting| (setting.key, (setting.default.to_owned(), Source::Default)));
        Values { values: values.collect() }
    }

    /// Takes the keys of a TOML text.
    ///
    /// # Errors
    /// Where the text is no TOML, a key is unknown, or a value is wrong.
    pub fn read_toml(&mut self, text: &str, path: &Path) -> Result<(), ConfigurationError> {
        let place = path.display().to_string();
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigurationError::File {
            path: place.clone(),
            reason: error.to_string(),
        })?;
        for (key, value) in table {
            let text = match value {
                toml::Value::String(text) => text,
                other => other.to_string(),
            };
            let known = SETTINGS.iter().find(|setting| setting.key == key);
            let setting = known.ok_or_else(|| ConfigurationError::Unknown { key, place: place.clone() })?;
            self.set(setting, &text, Source::File)?;
        }
        Ok(())
    }

    /// Takes what `variable` answers for the names of the environment.
    ///
    /// # Errors
    /// Where a value is wrong.
    pub fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), ConfigurationError> {
        for setting in SETTINGS {
            if let Some(text) = variable(&setting.environment()) {
                self.set(setting, &text, Source::Environment)?;
            }
        }
        Ok(())
    }

    /// Sets one value.
    ///
    /// # Errors
    /// Where it is wrong.
    pub fn set(&mut self, setting: &'static Setting, text: &str, source: Source) -> Result<(), ConfigurationError> {
        let wanted = match setting.kind {
            Kind::Text => None,
            Kind::Number(least) => {
                let fits = text.parse::<u64>().is_ok_and(|number| number >= least);
                (!fits).then(|| format!("a whole number of at least {least}"))
            }
            Kind::Bytes => bytes(text).is_none().then(|| "a size such as 64MiB".to_owned()),
            Kind::Switch => (!matches!(text, "true" | "false")).then(|| "true or false".to_owned()),
            Kind::Levels => DocumentChecks::parse(text, &Catalog::built_in()).err(),
            Kind::Choice(choices) => (!choices.contains(&text)).then(|| format!("one of {}", choices.join(", "))),
        };
        if let Some(wanted) = wanted {
            return Err(ConfigurationError::Value { key: setting.key.to_owned(), value: text.to_owned(), wanted });
        }
        self.values.insert(setting.key, (text.to_owned(), source));
        Ok(())
    }

    /// A value as text; empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        self.values.get(key).map_or("", |(text, _)| text)
    }

    /// A value as text, where there is one.
    pub fn some_text(&self, key: &str) -> Option<&str> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    /// The value of a [`Kind::Number`].
    pub fn number(&self, key: &str) -> u64 {
        self.text(key).parse().unwrap_or(0)
    }

    /// The value of a [`Kind::Bytes`].
    pub fn bytes(&self, key: &str) -> usize {
        bytes(self.text(key)).unwrap_or(0)
    }

    /// The value of a [`Kind::Switch`].
    pub fn switch(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    /// The values as a commented TOML file that gives the same values when it is read.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        for setting in SETTINGS {
            let (text, source) = self.values.get(setting.key).cloned().unwrap_or((String::new(), Source::Default));
            out.push_str(&format!("# {} ({})\n", setting.help, source.name()));
            let value = match setting.kind {
                Kind::Number(_) | Kind::Switch => text,
                _ => toml::Value::String(text).to_string(),
            };
            out.push_str(&format!("{} = {value}\n\n", setting.key));
        }
        out
    }
}

/// The settings as a table in Markdown, for `docs/operations.md`.
pub fn to_markdown() -> String {
    let mut out = String::from("| option | default | what it does |\n|---|---|---|\n");
    for setting in SETTINGS {
        let default = if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let value = match setting.kind {
            Kind::Choice(choices) => format!(" {}", choices.join("\\|")),
            _ if setting.value.is_empty() => String::new(),
            _ => format!(" {}", setting.value),
        };
        let environment = setting.environment();
        out.push_str(&format!("| `--{}{value}`<br>`{environment}` | {default} | {} |\n", setting.key, setting.help));
    }
    out
}

fn bytes(text: &str) -> Option<usize> {
    let (digits, unit) = match text.find(|character: char| !character.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor = match unit.trim() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_values_and_what_is_printed_reads_back() {
        let mut values = Values::defaults();
        for setting in SETTINGS {
            values.set(setting, setting.default, Source::Default).unwrap();
        }
        let mut again = Values::defaults();
        again.read_toml(&values.to_toml(), Path::new("passerelle.toml")).unwrap();
        for setting in SETTINGS {
            assert_eq!(again.text(setting.key), values.text(setting.key));
        }
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let mut values = Values::defaults();
        values.read_toml("listen = \"0.0.0.0:1\"\nworkers = 3", Path::new("p.toml")).unwrap();
        values.read_environment(|name| (name == "PASSERELLE_LISTEN").then(|| "0.0.0.0:2".to_owned())).unwrap();
        assert_eq!((values.text("listen"), values.number("workers")), ("0.0.0.0:2", 3));
        assert_eq!(values.bytes("max-body"), 128 << 20);
    }

    #[test]
    fn wrong_values_and_unknown_keys_are_named() {
        let mut values = Values::defaults();
        let text = |result: Result<(), ConfigurationError>| result.unwrap_err().to_string();
        assert!(text(values.read_toml("lisen = \"x\"", Path::new("p.toml"))).contains("lisen"));
        assert!(text(values.read_toml("engine = \"rocksdb\"", Path::new("p.toml"))).contains("fjall, sled"));
        assert!(text(values.read_toml("max-body = \"12 MB\"", Path::new("p.toml"))).contains("64MiB"));
        let levels = "validate-documents = \"enforce,Laboratory=off\"";
        assert!(text(values.read_toml(levels, Path::new("p.toml"))).contains("Laboratory"));
        assert!(text(values.read_toml("max-requests = 0", Path::new("p.toml"))).contains("at least 1"));
    }
}
