//! What a code system and the value set say of a code beside that it is there: displays in the wanted languages, states,
//! case, abstract and deprecated concepts.

use std::sync::Arc;

use catalog::{CodeSystem, ValueSet};
use model::{IssueType, Severity};

use super::finding::Finding;
use super::member::{Judged, Standing, is_all_here};
use super::name::{Name, preferred};
use super::validate::{Checked, label, versioned};
use super::{Place, Service};
use crate::terminology::{Coding, grammar};

impl Service {
    /// What the code system says of the coding.
    pub(super) fn by_itself(
        &self,
        set: Option<&Arc<ValueSet>>,
        coding: &Coding<'_>,
        place: &Place,
        judged: &Judged,
        checked: &mut Checked,
    ) {
        let url = coding.system.unwrap_or_default();
        let (wanted, _) = self.meant(url, coding.version);
        let meant = Coding { version: wanted.as_deref(), ..*coding };
        let known = judged.known.clone().or_else(|| self.known(&meant));
        let Some(known) = known else {
            let decided = judged.standing == Standing::Out;
            match grammar::judge(url, coding.code) {
                Some(true) => {}
                Some(false) => {
                    let text = format!("Unknown code '{}' in the CodeSystem '{url}'", coding.code);
                    checked.findings.push(Finding::error(
                        IssueType::CodeInvalid,
                        "invalid-code",
                        place.at("code"),
                        text,
                    ));
                }
                None if decided && !self.asked.membership_only => {
                    let quoted = coding.version.is_some();
                    checked.findings.push(self.missing_system(url, coding.version, place, quoted));
                    checked.unknown.push(url.to_owned());
                }
                None => {}
            }
            return;
        };
        let system = known.system.clone();
        let Some(index) = known.index else {
            if !self.asked.membership_only {
                checked.findings.extend(unknown_code(&system, coding, place));
            }
            checked.is_in |= judged.standing == Standing::Unknown && judged.missing.is_empty();
            checked.known = Some(known);
            return;
        };
        let names = self.names(&known, judged.reference.as_ref());
        checked.display = preferred(&names, &self.asked.languages).map(|name| name.value.clone());
        if !self.asked.membership_only {
            let findings = self.judge_display(coding, &system, &names, place);
            checked.findings.extend(findings);
        }
        let exact = system.code(index);
        if exact != coding.code {
            let text = format!(
                "The code '{}' differs from the correct code '{exact}' by case. Although the code system '{}' is case insensitive, implementers are strongly encouraged to use the correct case anyway",
                coding.code,
                versioned(&system)
            );
            let finding = Finding::information(IssueType::BusinessRule, "code-rule", place.at("code"), text);
            checked.findings.push(finding.id("CODE_CASE_DIFFERENCE"));
            checked.normalized = Some(exact.to_owned());
        }
        self.judge_state(set, coding, place, &system, index, checked);
        if let Some(set) = set
            && judged.standing == Standing::In
            && judged.reference.as_ref().is_some_and(is_deprecated)
        {
            let text = format!(
                "The presence of the concept '{}' in the system '{url}' in the value set {} is marked with a status of deprecated and its use should be reviewed",
                coding.code,
                label(set)
            );
            let finding = Finding::warning(IssueType::BusinessRule, "code-comment", place.at("code"), text);
            checked.findings.push(finding.id("CONCEPT_DEPRECATED_IN_VALUESET"));
        }
        checked.known = Some(known);
    }

    /// Inactive, deprecated, abstract.
    fn judge_state(
        &self,
        set: Option<&Arc<ValueSet>>,
        coding: &Coding<'_>,
        place: &Place,
        system: &CodeSystem,
        index: usize,
        checked: &mut Checked,
    ) {
        let code = coding.code;
        let status = status(system, index);
        if system.is_inactive(index) && status.as_deref() != Some("deprecated") {
            let active_only = self.asked.active_only || set.is_some_and(|set| set.inactive == Some(false));
            if active_only && checked.is_in {
                let text = format!("The concept '{code}' is valid but is not active");
                let finding = Finding::error(IssueType::BusinessRule, "code-rule", place.at("code"), text);
                checked.findings.push(finding.id("STATUS_CODE_WARNING_CODE"));
                self.not_in(set, coding, place, false, checked);
                checked.is_in = false;
            }
            let state = match status.as_deref() {
                Some("inactive") | None => "inactive".to_owned(),
                Some(other) => format!("{other} and inactive"),
            };
            let text = format!("The concept '{code}' has a status of {state} and its use should be reviewed");
            let finding = Finding::warning(IssueType::BusinessRule, "code-comment", place.at(""), text);
            checked.findings.push(finding.id("INACTIVE_CONCEPT_FOUND").told());
            checked.inactive = true;
            checked.status = status.filter(|status| status != "inactive");
        } else if status.as_deref() == Some("deprecated") {
            let text = format!("The concept '{code}' is deprecated and its use should be reviewed");
            let path = if place.is_bare() { place.at("code") } else { place.at("") };
            let finding = Finding::warning(IssueType::BusinessRule, "code-comment", path, text);
            checked.findings.push(finding.id("DEPRECATED_CONCEPT_FOUND").told());
            checked.status = status;
        }
        if self.asked.forbids_abstract && system.is_abstract(index) {
            let text = format!(
                "Code '{}#{code}' is abstract, and not allowed in this context",
                coding.system.unwrap_or_default()
            );
            let finding = Finding::error(IssueType::BusinessRule, "code-rule", place.at("code"), text);
            checked.findings.push(finding.id("ABSTRACT_CODE_NOT_ALLOWED"));
            self.not_in(set, coding, place, false, checked);
            checked.is_in = false;
        }
    }

    fn judge_display(
        &self,
        coding: &Coding<'_>,
        system: &CodeSystem,
        names: &[Name],
        place: &Place,
    ) -> Option<Finding> {
        let given = coding.display?;
        let languages = &self.asked.languages;
        let wanted =
            |name: &&Name| languages.is_empty() || name.language.as_deref().is_none_or(|tag| languages.has(tag));
        let url = &system.url;
        let code = coding.code;
        let same = |name: &&Name| name.value.to_lowercase() == given.to_lowercase();
        let valid: Vec<&Name> = names.iter().filter(wanted).filter(|name| name.status.is_none()).collect();
        if valid.iter().any(same) || names.is_empty() {
            return None;
        }
        if names.iter().filter(wanted).any(|name| name.status.is_some() && same(&name)) {
            let right: Vec<String> = valid.iter().map(|name| format!("\"{}\"", name.value)).collect();
            let text = format!(
                "'{given}' is no longer considered a correct display for code '{code}' (status = deprecated). The correct display is one of {}.",
                right.join(", ")
            );
            let finding = Finding::warning(IssueType::Invalid, "display-comment", place.at("display"), text);
            return Some(finding.id("INACTIVE_DISPLAY_FOUND"));
        }
        let severity = if self.asked.lenient_display { Severity::Warning } else { Severity::Error };
        let shown = if languages.is_empty() { "--" } else { languages.text.as_str() };
        let none = valid.is_empty();
        let fallback = preferred(names, languages).map(|name| name.value.as_str()).unwrap_or_default();
        let path = place.at("display");
        if none && names.iter().any(|name| same(&name)) {
            let text = format!(
                "There are no valid display names found for the code {url}#{code} for language(s) '{shown}'. The display is '{given}' which is a valid display for the default language"
            );
            let finding = Finding::information(IssueType::Invalid, "invalid-display", path, text).told();
            return Some(finding.id("NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"));
        }
        let blanks = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let id = match none {
            true => "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR",
            false if valid.iter().any(|name| blanks(&name.value) == blanks(given)) => {
                "Display_Name_WS_for__should_be_one_of__instead_of"
            }
            false => "Display_Name_for__should_be_one_of__instead_of",
        };
        let text = if none {
            format!(
                "Wrong Display Name '{given}' for {url}#{code}. There are no valid display names found for language(s) '{shown}'. Default display is '{fallback}'"
            )
        } else {
            format!(
                "Wrong Display Name '{given}' for {url}#{code}. Valid display is {} (for the language(s) '{shown}')",
                choices(&valid.into_iter().filter(|name| name.is_display()).collect::<Vec<_>>())
            )
        };
        Some(Finding::new(severity, IssueType::Invalid, "invalid-display", path, text).id(id).told())
    }

    /// What is to be known of the value set and code system themselves: drafts, withdrawn ones.
    pub(super) fn add_statuses(&self, set: Option<&Arc<ValueSet>>, checked: &mut Checked) {
        let mut add = |kind: &str, state: Option<&str>, name: String| {
            let id = match state {
                Some("draft") => "MSG_DRAFT",
                Some("experimental") => "MSG_EXPERIMENTAL",
                Some("withdrawn") => "MSG_WITHDRAWN",
                Some("deprecated") => "MSG_DEPRECATED",
                _ => "MSG_RETIRED",
            };
            if let Some(state) = state {
                let text = format!("Reference to {state} {kind} {name}");
                let finding = Finding::information(IssueType::BusinessRule, "status-check", "", text);
                checked.findings.push(finding.id(id));
            }
        };
        if let Some(set) = set {
            let state = state_of(set);
            add("ValueSet", state.filter(|state| *state != "draft"), label(set));
            let mut imported = Vec::new();
            self.imported(set, &mut imported);
            for set in imported {
                let state = state_of(&set);
                add("ValueSet", state.filter(|state| *state != "draft"), label(&set));
            }
        }
        let system = checked.known.as_ref().filter(|_| checked.is_in).map(|known| known.system.clone());
        if let Some(system) = system {
            let alike = set.is_some_and(|set| set.experimental);
            let state = state(&system.status, system.standards_status.as_deref(), system.experimental, alike);
            add("CodeSystem", state, versioned(&system));
        }
    }
}

fn state_of(set: &ValueSet) -> Option<&str> {
    state(&set.status, set.standards_status.as_deref(), set.experimental, true)
}

/// What to say of a code system's or value set's state, if anything.
pub(super) fn state<'s>(
    status: &'s str,
    standards: Option<&'s str>,
    experimental: bool,
    expected: bool,
) -> Option<&'s str> {
    match standards {
        Some(state @ ("deprecated" | "withdrawn")) => Some(state),
        _ if status == "retired" => Some("retired"),
        _ if experimental && !expected => Some("experimental"),
        _ if status == "draft" || standards == Some("draft") => Some("draft"),
        _ => None,
    }
}

fn is_deprecated(reference: &catalog::ConceptReference) -> bool {
    reference.extensions.iter().any(|one| match &*one.url {
        "http://hl7.org/fhir/StructureDefinition/valueset-deprecated" => &*one.value == "true",
        "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status" => &*one.value == "deprecated",
        _ => false,
    })
}

/// The status that a concept has by its properties.
pub(super) fn status(system: &CodeSystem, index: usize) -> Option<String> {
    let is_status = |code: &str| {
        code == "status"
            || system.properties.iter().any(|defined| {
                *defined.code == *code
                    && defined.uri.as_deref() == Some("http://hl7.org/fhir/concept-properties#status")
            })
    };
    let found = system.properties_of(index).find(|property| is_status(property.code));
    let by_property = found.map(|property| property.value.to_owned());
    by_property.or_else(|| {
        let extended = system.extensions(index).find(|one| one.url.ends_with("structuredefinition-standards-status"));
        extended.map(|one| one.value.to_string())
    })
}

fn choices(names: &[&Name]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for name in names {
        let text = match &name.language {
            Some(language) => format!("'{}' ({language})", name.value),
            None => format!("'{}'", name.value),
        };
        if !shown.contains(&text) {
            shown.push(text);
        }
    }
    match shown.as_slice() {
        [one] => one.clone(),
        [rest @ .., last] => format!("one of {} choices: {} or {last}", shown.len(), rest.join(", ")),
        [] => String::new(),
    }
}

fn unknown_code(system: &CodeSystem, coding: &Coding<'_>, place: &Place) -> Option<Finding> {
    let (url, code) = (&system.url, coding.code);
    let version = system.version.as_deref().map(|version| format!(" version '{version}'")).unwrap_or_default();
    let path = place.at("code");
    if is_all_here(system) {
        let text = format!("Unknown code '{code}' in the CodeSystem '{url}'{version}");
        let finding = Finding::error(IssueType::CodeInvalid, "invalid-code", path, text);
        return Some(finding.id("Unknown_Code_in_Version"));
    }
    let text = format!(
        "Unknown Code '{code}' in the CodeSystem '{url}'{version} - note that the code system is labeled as a fragment, so the code may be valid in some other fragment"
    );
    Some(Finding::warning(IssueType::CodeInvalid, "invalid-code", path, text).id("UNKNOWN_CODE_IN_FRAGMENT"))
}
