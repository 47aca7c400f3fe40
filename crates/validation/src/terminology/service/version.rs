//! Which version of a code system a value set means, by what it says and what the request says.

use std::sync::Arc;

use catalog::{Canonical, CodeSystem, ValueSet};

use super::Service;
use super::asked::VersionRule;

/// Whether a version is one that a pattern asks for: the same, or with `x` or `*` for parts that do not matter.
pub(super) fn matches(pattern: &str, version: &str) -> bool {
    let wild = |part: &str| matches!(part, "x" | "X" | "*");
    if pattern == version {
        return true;
    }
    let (wanted, found): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), version.split('.').collect());
    let open = wanted.last().is_some_and(|part| wild(part));
    let length = wanted.len() == found.len() || (open && found.len() > wanted.len());
    length
        && wanted.iter().any(|part| wild(part))
        && wanted.iter().zip(&found).all(|(one, other)| wild(one) || one == other)
}

impl Service {
    /// The code system of a url in the latest version that a pattern asks for.
    pub(super) fn system(&self, url: &str, pattern: Option<&str>) -> Option<Arc<CodeSystem>> {
        let catalog = self.terms.catalog();
        let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
            return catalog.code_system(url);
        };
        let versions = catalog.versions("CodeSystem", url);
        let found = versions.iter().rev().find(|version| matches(pattern, version))?;
        catalog.code_system(&format!("{url}|{found}")).filter(|system| system.version.as_deref() == Some(&**found))
    }

    /// What to say of a version that is not here.
    pub(super) fn versions_text(&self, url: &str) -> String {
        let versions = self.terms.catalog().versions("CodeSystem", url);
        match versions.as_slice() {
            [] => "No versions of this code system are known".to_owned(),
            [one] => format!("Valid versions: {one}"),
            [rest @ .., last] => format!("Valid versions: {} or {last}", rest.join(", ")),
        }
    }

    /// The version that an include of a value set means; the flag tells whether the request decided.
    pub(super) fn meant(&self, system: &str, included: Option<&str>) -> (Option<String>, bool) {
        let own = |rule| self.asked.version(rule, system).map(str::to_owned);
        if let Some(forced) = own(VersionRule::Force) {
            let changed = included != Some(forced.as_str());
            return (Some(forced), changed);
        }
        match included {
            Some(version) => (Some(version.to_owned()), false),
            None => match own(VersionRule::Default).or_else(|| own(VersionRule::Check)) {
                Some(version) => (Some(version), true),
                None => (None, false),
            },
        }
    }

    /// The pattern that a version breaks, of a `check-system-version` parameter.
    pub(super) fn broken_check(&self, system: &CodeSystem) -> Option<String> {
        let pattern = self.asked.version(VersionRule::Check, &system.url)?;
        let version = system.version.as_deref().unwrap_or_default();
        (!matches(pattern, version)).then(|| {
            format!(
                "The version '{version}' is not allowed for system '{}': required to be '{pattern}' by a version-check parameter",
                system.url
            )
        })
    }

    /// The value set of a reference, by `default-valueset-version` where that names no version.
    pub(super) fn value_set(&self, within: Option<&ValueSet>, reference: &str) -> Option<Arc<ValueSet>> {
        if let Some(id) = reference.strip_prefix('#') {
            let contained = within.into_iter().flat_map(|set| &set.contained);
            return contained.into_iter().find(|(own, _)| **own == *id).map(|(_, set)| set.clone());
        }
        let asked = Canonical::of(reference);
        if asked.version.is_none()
            && let Some((url, version)) = self.asked.value_set_versions.iter().find(|(url, _)| url == asked.url)
        {
            return self.terms.catalog().value_set(&format!("{url}|{version}"));
        }
        self.terms.catalog().value_set(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_of_versions() {
        for (pattern, version, fits) in [
            ("1.0.0", "1.0.0", true),
            ("1.0.x", "1.0.3", true),
            ("1.x.x", "1.2.0", true),
            ("1.x", "1.2.0", true),
            ("1", "1.0.0", false),
            ("1.0.x", "1.2.0", false),
        ] {
            assert_eq!(matches(pattern, version), fits, "{pattern} {version}");
        }
    }
}
