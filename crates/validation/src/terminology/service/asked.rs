//! What a request to a terminology operation asks for, read from its Parameters.

use std::sync::Arc;

use catalog::ValueSet;
use model::{Element, IssueType, Tree};

use super::finding::{Failure, Finding};
use super::language::Languages;

/// A parameter of a Parameters resource: its value or resource.
pub(super) fn parameter<'t>(root: Element<'t>, name: &str) -> Option<Element<'t>> {
    parameters(root, name).next()
}

/// All parameters of a name.
pub(super) fn parameters<'t>(root: Element<'t>, name: &str) -> impl Iterator<Item = Element<'t>> {
    let wanted = root.all("parameter").filter(move |parameter| parameter.text_at("name") == Some(name));
    wanted.filter_map(|parameter| {
        parameter.get("resource").or_else(|| parameter.children().find(|child| child.name().starts_with("value")))
    })
}

/// The text of a parameter.
pub(super) fn text<'t>(root: Element<'t>, name: &str) -> Option<&'t str> {
    parameter(root, name).and_then(Element::text)
}

/// What a `…-system-version` parameter is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum VersionRule {
    /// Where the value set names no version.
    Default,
    /// It must be this one.
    Check,
    /// Instead of what the value set names.
    Force,
}

impl VersionRule {
    pub(super) fn parameter(self) -> &'static str {
        match self {
            VersionRule::Default => "system-version",
            VersionRule::Check => "check-system-version",
            VersionRule::Force => "force-system-version",
        }
    }
}

/// What holds for all of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) languages: Languages,
    pub(super) active_only: bool,
    pub(super) forbids_abstract: bool,
    pub(super) infers_system: bool,
    pub(super) membership_only: bool,
    pub(super) lenient_display: bool,
    pub(super) system_versions: Vec<(VersionRule, String, String)>,
    pub(super) value_set_versions: Vec<(String, String)>,
    pub(super) supplements: Vec<String>,
}

impl Asked {
    /// # Errors
    /// A parameter that cannot be understood.
    pub(super) fn read(root: Element<'_>, accept_language: Option<&str>) -> Result<Asked, Failure> {
        let flag = |name: &str| text(root, name) == Some("true");
        let all = |name: &str| parameters(root, name).filter_map(Element::text).map(str::to_owned).collect();
        let mut asked = Asked {
            active_only: flag("activeOnly"),
            forbids_abstract: text(root, "abstract") == Some("false"),
            infers_system: flag("inferSystem"),
            membership_only: flag("valueset-membership-only"),
            lenient_display: flag("lenient-display-validation"),
            supplements: all("useSupplement"),
            ..Asked::default()
        };
        let language = text(root, "displayLanguage");
        if let Some(language) = language.or(accept_language.filter(|text| !text.trim().is_empty())) {
            asked.languages = Languages::parse(language).ok_or_else(|| {
                let text = format!("Invalid displayLanguage: '{language}'");
                Failure::unprocessable(Finding::error(IssueType::Processing, "invalid-display", "", text))
            })?;
        }
        for rule in [VersionRule::Default, VersionRule::Check, VersionRule::Force] {
            for value in parameters(root, rule.parameter()).filter_map(Element::text) {
                let Some((system, version)) = value.split_once('|') else {
                    return Err(Failure::malformed(format!("{} is system|version, not '{value}'", rule.parameter())));
                };
                asked.system_versions.push((rule, system.to_owned(), version.to_owned()));
            }
        }
        for value in parameters(root, "default-valueset-version").filter_map(Element::text) {
            let Some((url, version)) = value.split_once('|') else {
                return Err(Failure::malformed(format!("default-valueset-version is url|version, not '{value}'")));
            };
            asked.value_set_versions.push((url.to_owned(), version.to_owned()));
        }
        Ok(asked)
    }

    pub(super) fn version(&self, rule: VersionRule, system: &str) -> Option<&str> {
        let found = self.system_versions.iter().find(|(kind, url, _)| *kind == rule && url == system);
        found.map(|(_, _, version)| version.as_str())
    }
}

/// The value set that a request carries.
pub(super) fn own_value_set(root: Element<'_>) -> Option<Arc<ValueSet>> {
    parameter(root, "valueSet").map(|set| Arc::new(ValueSet::read(&Tree::from_element(set))))
}
