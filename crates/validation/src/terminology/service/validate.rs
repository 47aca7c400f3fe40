//! `$validate-code` on value sets and code systems
//! (<http://hl7.org/fhir/R4/valueset-operation-validate-code.html>,
//! <http://hl7.org/fhir/R4/codesystem-operation-validate-code.html>).

use std::sync::Arc;

use catalog::{CodeSystem, Content, ValueSet};
use model::{Element, IssueType, Severity, Tree};

use super::asked::{parameter, text};
use super::finding::{Failure, Finding, outcome};
use super::member::{Judged, Standing, is_all_here};
use super::name::Known;
use super::{Place, Service};
use crate::terminology::{Coding, grammar};

/// What was found out about one coding.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// In the value set, or in the code system where there is none.
    pub(super) is_in: bool,
    /// Systems that are not here and would have decided.
    pub(super) causes: Vec<String>,
    /// Systems that are not here.
    pub(super) unknown: Vec<String>,
    pub(super) system: Option<String>,
    pub(super) known: Option<Known>,
    pub(super) display: Option<String>,
    /// What it takes to decide is not here.
    pub(super) undecided: bool,
    pub(super) inactive: bool,
    pub(super) status: Option<String>,
    pub(super) normalized: Option<String>,
}

/// The codes that a request asks about.
pub(super) enum Subject<'t> {
    Code(Coding<'t>),
    Coding(Coding<'t>),
    Concept(Element<'t>, Vec<Coding<'t>>),
}

impl Service {
    /// `ValueSet/$validate-code`: Parameters in, Parameters out.
    ///
    /// # Errors
    /// The value set is not here or broken, a supplement is missing, or nothing is asked.
    pub fn validate_code(&mut self, request: Element<'_>) -> Result<Tree, Failure> {
        let set = match self.asked_value_set(request) {
            Ok(set) => set,
            Err(failure) => return self.validate_elsewhere(request).unwrap_or(Err(failure)),
        };
        self.prepare(Some(&set))?;
        self.sound(&set)?;
        self.acyclic(&set, &mut Vec::new(), &mut Vec::new())?;
        let subject = self.subject(request, text(request, "system"))?;
        self.answer(Some(&set), &subject)
    }

    /// `CodeSystem/$validate-code`: Parameters in, Parameters out.
    ///
    /// # Errors
    /// A supplement is missing, or nothing is asked.
    pub fn validate_code_in_system(&mut self, request: Element<'_>) -> Result<Tree, Failure> {
        self.prepare(None)?;
        let system = text(request, "url").or_else(|| text(request, "system"));
        let subject = self.subject(request, system)?;
        self.answer(None, &subject)
    }

    pub(super) fn subject<'t>(&self, request: Element<'t>, system: Option<&'t str>) -> Result<Subject<'t>, Failure> {
        if let Some(concept) = parameter(request, "codeableConcept") {
            return Ok(Subject::Concept(concept, concept.all("coding").filter_map(Coding::of).collect()));
        }
        if let Some(coding) = parameter(request, "coding").and_then(Coding::of) {
            return Ok(Subject::Coding(coding));
        }
        let code = text(request, "code").filter(|_| system.is_some() || self.asked.infers_system);
        let version = text(request, "systemVersion").or_else(|| text(request, "version"));
        match code {
            Some(code) => Ok(Subject::Code(Coding { system, version, code, display: text(request, "display") })),
            None => Err(Failure::malformed(
                "Unable to find code to validate (looked for coding | codeableConcept | code+system | code+inferSystem in parameters",
            )),
        }
    }

    fn answer(&self, set: Option<&Arc<ValueSet>>, subject: &Subject<'_>) -> Result<Tree, Failure> {
        let (checked, concept, coding) = match subject {
            Subject::Code(coding) => (self.check_one(set, coding, &Place::default(), false)?, None, Some(coding)),
            Subject::Coding(coding) => (self.check_one(set, coding, &Place::of("Coding"), false)?, None, Some(coding)),
            Subject::Concept(concept, codings) => {
                let (checked, coding) = self.check_concept(set, codings)?;
                (checked, Some(*concept), coding)
            }
        };
        let mut checked = checked;
        self.add_statuses(set, &mut checked);
        Ok(parameters_of(&checked, concept, coding))
    }

    fn check_concept<'c, 't>(
        &self,
        set: Option<&Arc<ValueSet>>,
        codings: &'c [Coding<'t>],
    ) -> Result<(Checked, Option<&'c Coding<'t>>), Failure> {
        let mut all = Checked::default();
        let mut chosen = None;
        let mut undecided = false;
        for (number, coding) in codings.iter().enumerate() {
            let place = Place::of(&format!("CodeableConcept.coding[{number}]"));
            let mut one = self.check_one(set, coding, &place, true)?;
            undecided |= one.undecided;
            all.findings.append(&mut one.findings);
            all.causes.append(&mut one.causes);
            all.unknown.append(&mut one.unknown);
            if one.is_in && chosen.is_none() {
                chosen = Some(coding);
                let (findings, causes, unknown) = (all.findings, all.causes, all.unknown);
                all = Checked { findings, causes, unknown, ..one };
            }
        }
        if chosen.is_none()
            && !undecided
            && let Some(set) = set
        {
            let text = format!("No valid coding was found for the value set '{}'", label(set));
            let finding = Finding::error(IssueType::CodeInvalid, "not-in-vs", "", text);
            all.findings.insert(0, finding.id("TX_GENERAL_CC_ERROR_MESSAGE"));
        }
        Ok((all, chosen))
    }

    fn check_one(
        &self,
        set: Option<&Arc<ValueSet>>,
        coding: &Coding<'_>,
        place: &Place,
        among: bool,
    ) -> Result<Checked, Failure> {
        let mut checked = Checked { system: coding.system.map(str::to_owned), ..Checked::default() };
        let mut coding = *coding;
        let inferred;
        if coding.system.is_none() {
            match self.infer(set, &coding, place, &mut checked)? {
                Some(system) => {
                    inferred = system;
                    coding.system = Some(inferred.as_str());
                    checked.system = Some(inferred.clone());
                }
                None => {
                    self.not_in(set, &coding, place, among, &mut checked);
                    return Ok(checked);
                }
            }
        }
        let system = coding.system.unwrap_or_default();
        if self.is_no_system(system, place, set, &coding, among, &mut checked) {
            return Ok(checked);
        }
        let judged = match set {
            Some(set) => self.member(set, &coding, place, 0)?,
            None => self.member_of_system(&coding, place),
        };
        if judged.standing == Standing::Unknown
            && let Some(is_in) = set.and_then(|set| self.told(&label(set), &coding))
        {
            checked.is_in = is_in;
            if !is_in {
                self.not_in(set, &coding, place, among, &mut checked);
            }
            return Ok(checked);
        }
        checked.findings.extend(judged.findings.iter().cloned());
        checked.causes.extend(judged.missing.iter().cloned());
        checked.is_in = judged.standing == Standing::In;
        checked.undecided = judged.standing == Standing::Unknown;
        if judged.standing == Standing::Out && set.is_some() {
            self.not_in(set, &coding, place, among, &mut checked);
        }
        self.by_itself(set, &coding, place, &judged, &mut checked);
        Ok(checked)
    }

    /// The system of a code that comes without one, where that is wanted and the value set tells.
    fn infer(
        &self,
        set: Option<&Arc<ValueSet>>,
        coding: &Coding<'_>,
        place: &Place,
        checked: &mut Checked,
    ) -> Result<Option<String>, Failure> {
        if !self.asked.infers_system {
            let text = "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system should be provided";
            let finding = Finding::warning(IssueType::Invalid, "invalid-data", place.at(""), text);
            checked.findings.push(finding.id("Coding_has_no_system__cannot_validate").told());
            return Ok(None);
        }
        let mut found: Vec<String> = Vec::new();
        if let Some(set) = set {
            self.systems(set, &mut found, 0)?;
        }
        let mut fitting = Vec::new();
        let considered = found.clone();
        for system in found {
            let one = Coding { system: Some(&system), ..*coding };
            let is_in = match set {
                Some(set) => self.member(set, &one, place, 0)?.standing == Standing::In,
                None => false,
            };
            if is_in {
                fitting.push(system);
            }
        }
        if let [one] = fitting.as_slice() {
            return Ok(Some(one.clone()));
        }
        let more = match fitting.as_slice() {
            [] => format!(": none of its code systems has it there: [{}]", considered.join(", ")),
            many => format!(": value set expansion has multiple matches: [{}]", many.join(", ")),
        };
        let name = set.map(|set| label(set)).unwrap_or_default();
        let text = format!(
            "The System URI could not be determined for the code '{}' in the ValueSet '{name}'{more}",
            coding.code
        );
        let finding = Finding::error(IssueType::NotFound, "cannot-infer", place.at("code"), text);
        checked.findings.push(finding.id(match fitting.is_empty() {
            true => "UNABLE_TO_INFER_CODESYSTEM",
            false => "Unable_to_resolve_system__value_set_has_multiple_matches",
        }));
        Ok(None)
    }

    /// The value sets that a value set imports, and those that they import.
    pub(super) fn imported(&self, set: &ValueSet, found: &mut Vec<Arc<ValueSet>>) {
        for reference in set.include.iter().flat_map(|include| &include.value_sets) {
            let Some(import) = self.value_set(Some(set), reference) else { continue };
            if !found.iter().any(|known| Arc::ptr_eq(known, &import)) {
                found.push(import.clone());
                self.imported(&import, found);
            }
        }
    }

    /// The code systems that a value set takes codes from.
    fn systems(&self, set: &ValueSet, found: &mut Vec<String>, depth: usize) -> Result<(), Failure> {
        if depth >= 16 {
            return Err(super::member::circular(set));
        }
        for include in &set.include {
            let own = include.system.iter().map(|system| system.to_string());
            for system in own {
                if !found.contains(&system) {
                    found.push(system);
                }
            }
            for import in include.value_sets.iter().filter_map(|reference| self.value_set(Some(set), reference)) {
                self.systems(&import, found, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Systems that cannot be any: local references, value sets, supplements.
    fn is_no_system(
        &self,
        system: &str,
        place: &Place,
        set: Option<&Arc<ValueSet>>,
        coding: &Coding<'_>,
        among: bool,
        checked: &mut Checked,
    ) -> bool {
        let invalid =
            |id, text: String| Finding::error(IssueType::Invalid, "invalid-data", place.at("system"), text).id(id);
        let catalog = self.terms.catalog();
        if !system.contains(':') {
            let text = "Coding.system must be an absolute reference, not a local reference".to_owned();
            checked.findings.push(invalid("Terminology_TX_System_Relative", text));
            checked.findings.push(self.missing_system(system, None, place, true));
            checked.unknown.push(system.to_owned());
        } else if let Some(found) = catalog.code_system(system).filter(|one| one.content == Content::Supplement) {
            let name = versioned(&found);
            let text = format!("CodeSystem {name} is a supplement, so can't be used as a value in Coding.system");
            checked.findings.push(invalid("CODESYSTEM_CS_NO_SUPPLEMENT", text));
            checked.causes.push(system.to_owned());
            return true;
        } else if catalog.code_system(system).is_none() && catalog.value_set(system).is_some() {
            let text = format!("The Coding references a value set, not a code system ('{system}')");
            checked.findings.push(invalid("Terminology_TX_System_ValueSet2", text));
        } else {
            return false;
        }
        self.not_in(set, coding, place, among, checked);
        true
    }

    fn member_of_system(&self, coding: &Coding<'_>, place: &Place) -> Judged {
        let url = coding.system.unwrap_or_default();
        let mut judged = Judged {
            standing: Standing::Unknown,
            findings: Vec::new(),
            missing: Vec::new(),
            known: None,
            reference: None,
        };
        if self.terms.catalog().code_system(url).is_none()
            && let Some(valid) = grammar::judge(url, coding.code)
        {
            judged.standing = if valid { Standing::In } else { Standing::Out };
            return judged;
        }
        let meant = self.meant_system(url, None, coding, place);
        (judged.findings, judged.missing) = (meant.findings, meant.missing);
        let Some(system) = meant.system else { return judged };
        let index = system.find(coding.code);
        judged.standing = match index {
            Some(_) => Standing::In,
            None if is_all_here(&system) => Standing::Out,
            None => Standing::Unknown,
        };
        judged.known = Some(Known { system, index });
        judged
    }

    pub(super) fn not_in(
        &self,
        set: Option<&Arc<ValueSet>>,
        coding: &Coding<'_>,
        place: &Place,
        among: bool,
        checked: &mut Checked,
    ) {
        let Some(set) = set else { return };
        let mut name = coding.system.unwrap_or_default().to_owned();
        if let Some(version) = coding.version {
            name.push_str(&format!("|{version}"));
        }
        let display = coding.display.map(|display| format!(" ('{display}')")).unwrap_or_default();
        let text = format!(
            "The provided code '{name}#{}{display}' was not found in the value set '{}'",
            coding.code,
            label(set)
        );
        let (severity, kind) = match among {
            true => (Severity::Information, "this-code-not-in-vs"),
            false => (Severity::Error, "not-in-vs"),
        };
        let finding = Finding::new(severity, IssueType::CodeInvalid, kind, place.at("code"), text);
        checked.findings.push(finding.id("None_of_the_provided_codes_are_in_the_value_set_one"));
    }
}

/// `url|version`
pub(super) fn label(set: &ValueSet) -> String {
    match (&*set.url, set.version.as_deref()) {
        ("", _) => "(unidentified)".to_owned(),
        (url, Some(version)) => format!("{url}|{version}"),
        (url, None) => url.to_owned(),
    }
}

/// `url|version`
pub(super) fn versioned(system: &CodeSystem) -> String {
    match system.version.as_deref() {
        Some(version) => format!("{}|{version}", system.url),
        None => system.url.to_string(),
    }
}

pub(super) fn parameters_of(checked: &Checked, concept: Option<Element<'_>>, coding: Option<&Coding<'_>>) -> Tree {
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    let mut add = |name: &str, kind: &str, value: Option<&str>| {
        if let Some(value) = value {
            root.item("parameter").set("name", name).set(kind, value);
        }
    };
    let errors = checked.findings.iter().any(|finding| finding.severity.is_error());
    let named = concept.is_none() || checked.is_in;
    let coding = coding.filter(|_| named);
    add("code", "valueCode", coding.map(|coding| coding.code));
    add("system", "valueUri", checked.system.as_deref().filter(|_| coding.is_some()));
    let version = checked.known.as_ref().and_then(|known| known.system.version.as_deref());
    add("version", "valueString", version.filter(|_| coding.is_some()));
    add("display", "valueString", checked.display.as_deref().filter(|_| coding.is_some()));
    add("normalized-code", "valueCode", checked.normalized.as_deref());
    add("status", "valueCode", checked.status.as_deref());
    for (name, systems) in [("x-caused-by-unknown-system", &checked.causes), ("x-unknown-system", &checked.unknown)] {
        let mut seen: Vec<&String> = Vec::new();
        for system in systems {
            if !seen.contains(&system) {
                add(name, "valueCanonical", Some(system));
                seen.push(system);
            }
        }
    }
    let mut messages: Vec<&str> = checked
        .findings
        .iter()
        .filter(|finding| finding.severity.is_error() || finding.told)
        .map(|finding| finding.text.as_str())
        .collect();
    messages.sort_unstable();
    messages.dedup();
    if !messages.is_empty() {
        add("message", "valueString", Some(&messages.join("; ")));
    }
    root.item("parameter").set("name", "result").set("valueBoolean", !errors);
    if checked.inactive {
        root.item("parameter").set("name", "inactive").set("valueBoolean", true);
    }
    if let Some(concept) = concept {
        let mut item = root.item("parameter");
        item.set("name", "codeableConcept").copy_as("valueCodeableConcept", concept, false);
    }
    if !checked.findings.is_empty() {
        let issues = outcome(&checked.findings);
        let mut item = root.item("parameter");
        item.set("name", "issues").copy_as("resource", issues.root(), false);
    }
    tree
}
