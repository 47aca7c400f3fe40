//! Versions of code systems in value sets: which version an include means, and whether a code was meant in that one.
//! `$validate-code` is strict about it; bindings are not, for codes of another version mostly mean the same.

use catalog::{Canonical, ValueSet};

use super::{Coding, Membership, Terminology};

const DEPTH: usize = 16;

impl Terminology {
    /// Whether a code that is in a value set is there in the version it names; unknown where a version is not here.
    pub(super) fn in_version(&self, value_set: &ValueSet, coding: &Coding<'_>) -> Membership {
        let mut outcome = Membership::Out;
        self.each_version(value_set, coding, 0, &mut |found| {
            if outcome != Membership::In {
                outcome = found;
            }
        });
        outcome
    }

    fn each_version(&self, value_set: &ValueSet, coding: &Coding<'_>, depth: usize, each: &mut dyn FnMut(Membership)) {
        if depth >= DEPTH || value_set.include.is_empty() {
            each(Membership::In);
            return;
        }
        for include in &value_set.include {
            let Some(system) = include.system.as_deref() else {
                for import in include.value_sets.iter().filter_map(|import| self.value_set(import)) {
                    self.each_version(&import, coding, depth + 1, each);
                }
                continue;
            };
            if coding.system.is_some_and(|given| given != system) {
                continue;
            }
            each(self.version_of(system, include.version.as_deref(), coding));
        }
    }

    /// Whether the version that an include means is here, has the code, and is the one that the coding names.
    fn version_of(&self, system: &str, wanted: Option<&str>, coding: &Coding<'_>) -> Membership {
        let exact = |version: &str| {
            // `1.x.x` asks for any version that begins with 1; without an x it is that very version.
            let open = version.trim_end_matches(".x");
            let found = self.catalog().code_system(&format!("{system}|{open}"));
            found.filter(|found| open != version || found.version.as_deref() == Some(version))
        };
        let meant = match wanted {
            Some(version) => match exact(version) {
                Some(found) => Some(found),
                None if self.code_system(system, None).is_none() => None,
                None => return Membership::Unknown(format!("version {version} of {system} is not here").into()),
            },
            None => self.code_system(system, None),
        };
        let Some(meant) = meant else { return Membership::In };
        if Self::is_complete(&meant) && meant.find(coding.code).is_none() {
            return Membership::Out;
        }
        let Some(given) = coding.version else { return Membership::In };
        if exact(given).is_none() {
            return Membership::Unknown(format!("version {given} of {system} is not here").into());
        }
        let asked = format!("{system}|{given}");
        let open = wanted.filter(|version| version.ends_with(".x")).map(|version| version.trim_end_matches(".x"));
        let range = open.map(|version| format!("{system}|{version}"));
        let fits = range.is_some_and(|range| Canonical::of(&range).accepts(Some(given)));
        match fits || Canonical::of(&asked).accepts(meant.version.as_deref()) {
            true => Membership::In,
            false => Membership::Out,
        }
    }
}
