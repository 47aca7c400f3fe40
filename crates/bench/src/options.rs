//! What stands on the command line behind the name of a measurement.

use std::path::PathBuf;
use std::time::Duration;

/// Paths and options `--name NUMBER`.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// What is no option.
    pub(crate) paths: Vec<PathBuf>,
    numbers: Vec<(String, f64)>,
}

impl Options {
    /// Takes words apart; only the names in `known` are taken.
    pub(crate) fn of(words: impl Iterator<Item = String>, known: &[&str]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut words = words;
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                options.paths.push(PathBuf::from(word));
                continue;
            };
            if !known.contains(&name) {
                return Err(format!("--{name} is not an option here; options: {known:?}"));
            }
            let number = words.next().and_then(|value| value.parse().ok());
            options.numbers.push((name.to_owned(), number.ok_or_else(|| format!("--{name} needs a number"))?));
        }
        Ok(options)
    }

    /// The number of an option, or `otherwise`.
    pub(crate) fn number(&self, name: &str, otherwise: f64) -> f64 {
        self.numbers.iter().rev().find(|(known, _)| known == name).map_or(otherwise, |(_, number)| *number)
    }

    /// The same as a count.
    pub(crate) fn count(&self, name: &str, otherwise: usize) -> usize {
        self.number(name, otherwise as f64).max(0.0) as usize
    }

    /// The same as seconds.
    pub(crate) fn seconds(&self, name: &str, otherwise: f64) -> Duration {
        Duration::try_from_secs_f64(self.number(name, otherwise)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_numbers_are_told_apart() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter();
        let options = Options::of(words("a --clients 4 b"), &["clients"]).unwrap();
        assert_eq!(options.paths, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!((options.count("clients", 1), options.count("seconds", 7)), (4, 7));
        assert!(Options::of(words("--clients"), &["clients"]).is_err());
        assert!(Options::of(words("--other 1"), &["clients"]).is_err());
    }
}
