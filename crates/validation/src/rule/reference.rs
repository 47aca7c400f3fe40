//! References: that they lead somewhere where they must, to a type and profile that is allowed, in an allowed way
//! (<http://hl7.org/fhir/R4/references.html>).

use catalog::Canonical;
use model::{Element, IssueType, Severity};

use crate::known;
use crate::pass::Pass;
use crate::places::{Target, bundle_of, split_version};
use crate::program::{State, Targets};

/// Holds a Reference or canonical against the targets that its state allows.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    if state.is_reference {
        reference(pass, element, state);
    } else if state.is_canonical {
        canonical(pass, element, state);
    }
}

fn reference<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    let Some(place) = known::get(element, &known::REFERENCE) else { return };
    let Some(text) = place.text() else { return };
    let target = pass.places().target(element, text);
    if text.starts_with('#') && (target == Target::Elsewhere || is_itself(element, text)) {
        pass.error(IssueType::NotFound, element, "reference", || format!("No resource '{text}' is contained here."));
        return;
    }
    if target == Target::Elsewhere
        && let Some(severity) = misshapen(pass, text)
    {
        pass.report(severity, IssueType::Value, place, "reference", || {
            format!("'{text}' is no reference: neither an absolute URL nor of the form [type]/[id].")
        });
    }
    if let Target::Several(found) = &target
        && bundle_of(element).is_some()
    {
        let count = found.len();
        pass.error(IssueType::MultipleMatches, element, "reference", || {
            format!("'{text}' names {count} resources of this Bundle.")
        });
    }
    let found = match &target {
        Target::Here(found) => Some(*found),
        _ => None,
    };
    if target == Target::Elsewhere
        && let (Some(implied), Some(other)) = (type_in_url(pass, text), pass.places().with_uuid(element, text))
        && other.resource_type().is_some_and(|ty| ty != implied)
    {
        pass.error(IssueType::Structure, element, "reference", || {
            let ty = other.resource_type().unwrap_or_default();
            format!("'{text}' names the {ty} of this Bundle with that id, but another type.")
        });
    }
    if target == Target::Elsewhere
        && (text.starts_with("urn:uuid:") || text.starts_with("urn:oid:"))
        && !pass.is_trial()
        && bundle_of(element).is_some()
    {
        pass.warning(IssueType::NotFound, element, "reference", || format!("'{text}' is not in this Bundle."));
    }
    let actual = found.and_then(Element::resource_type).or_else(|| type_in_url(pass, text));
    let said = known::text(element, &known::TYPE).map(|ty| ty.rsplit('/').next().unwrap_or(ty));
    if let (Some(said), Some(actual)) = (said, found.and_then(Element::resource_type))
        && said != actual
    {
        pass.error(IssueType::Structure, element, "reference", || {
            format!("Reference.type is {said}, but '{text}' is a {actual}.")
        });
    }
    if let (Some(implied), Some(actual)) = (type_in_url(pass, text), found.and_then(Element::resource_type))
        && implied != actual
    {
        pass.error(IssueType::Structure, place, "reference", || format!("'{text}' is a {actual}."));
    }
    for targets in &state.targets {
        allowed(pass, element, targets, actual.or(said), found);
        aggregation(pass, element, targets, text, found);
        versioning(pass, element, targets, text);
    }
}

/// `#` is the resource around a contained one; elsewhere it says nothing.
fn is_itself(element: Element<'_>, text: &str) -> bool {
    text == "#" && element.resource().name() != "contained"
}

/// How wrong a text is that can lead nowhere: it is no absolute URL, not `[type]/[id]`, perhaps with a version, and no search
/// as it stands in transactions (<http://hl7.org/fhir/R4/references.html#literal>). Where it does not even begin with a type
/// somebody else may understand it.
fn misshapen(pass: &Pass<'_, '_>, text: &str) -> Option<Severity> {
    if text.contains(char::is_whitespace) || text.starts_with('/') {
        return Some(Severity::Error);
    }
    if text.is_empty() || super::identity::has_scheme(text) {
        return None;
    }
    let is_type = |ty: &str| super::resource::root(pass.programs, ty).is_some();
    if text.split_once('?').is_some_and(|(ty, _)| is_type(ty)) {
        return None;
    }
    let mut parts = split_version(text).0.split('/');
    let ty = parts.next().unwrap_or_default();
    let is_id = |id: Option<&str>| id.is_some_and(|id| !id.is_empty());
    if is_type(ty) {
        let complete = is_id(parts.next()) && parts.next().is_none();
        return (!complete).then_some(Severity::Error);
    }
    let capital: String =
        ty.char_indices().map(|(at, one)| if at == 0 { one.to_ascii_uppercase() } else { one }).collect();
    Some(if is_type(&capital) { Severity::Error } else { Severity::Warning })
}

/// The type in a relative or RESTful reference.
pub(crate) fn type_in_url<'r>(pass: &Pass<'_, '_>, text: &'r str) -> Option<&'r str> {
    let (plain, _) = split_version(text);
    let (rest, _) = plain.rsplit_once('/')?;
    let ty = rest.rsplit('/').next()?;
    super::resource::root(pass.programs, ty).map(|_| ty)
}

/// Whether the target's type, and where the target is here its content, is what one structure allows.
fn allowed<'t>(
    pass: &mut Pass<'_, 't>,
    element: Element<'t>,
    targets: &Targets,
    actual: Option<&str>,
    found: Option<Element<'t>>,
) {
    let Some(actual) = actual else { return };
    if targets.profiles.is_empty() {
        return;
    }
    let mut types = Vec::new();
    let mut candidates = Vec::new();
    for profile in &targets.profiles {
        let Some(program) = pass.programs.program(profile) else { return };
        let facts = &program.structure.facts;
        if matches!(&*facts.r#type, "Resource" | "DomainResource") && !facts.is_constraint {
            return;
        }
        if *facts.r#type == *actual {
            candidates.push((&**profile, program.clone()));
        }
        types.push(facts.r#type.clone());
    }
    if candidates.is_empty() {
        pass.error(IssueType::Structure, element, &targets.source, || {
            types.dedup();
            format!("It may not refer to a {actual}, only to: {}.", types.join(", "))
        });
        return;
    }
    let Some(found) = found else { return };
    if candidates.iter().any(|(_, program)| !program.structure.facts.is_constraint) {
        return;
    }
    for (_, program) in &candidates {
        if pass.claims(found, program.structure.url()) || pass.target_meets(found, program.root()) {
            return;
        }
    }
    pass.error(IssueType::Structure, element, &targets.source, || {
        let names: Vec<&str> = candidates.iter().map(|(profile, _)| *profile).collect();
        format!("The {actual} it refers to does not meet the profile {}.", names.join(" or "))
    });
    if let [(_, program)] = candidates.as_slice() {
        pass.explain(found, program.root());
    }
}

fn aggregation<'t>(
    pass: &mut Pass<'_, 't>,
    element: Element<'t>,
    targets: &Targets,
    text: &str,
    found: Option<Element<'t>>,
) {
    if targets.aggregation.is_empty() {
        return;
    }
    let mode = if text.starts_with('#') {
        "contained"
    } else if found.is_some() {
        "bundled"
    } else {
        "referenced"
    };
    let allowed =
        targets.aggregation.iter().any(|known| &**known == mode || (&**known == "referenced" && mode == "bundled"));
    if !allowed {
        pass.error(IssueType::Structure, element, &targets.source, || {
            format!("What it refers to is {mode}, but must be {}.", targets.aggregation.join(" or "))
        });
    }
}

fn versioning<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, targets: &Targets, text: &str) {
    let specific = split_version(text).1.is_some();
    let wrong = match targets.versioning.as_deref() {
        Some("specific") => !specific && !text.starts_with('#'),
        Some("independent") => specific,
        _ => false,
    };
    if wrong {
        let word = if specific { "may not" } else { "must" };
        pass.error(IssueType::Structure, element, &targets.source, || format!("It {word} name a version."));
    }
}

/// A canonical whose target is known must lead to a resource of an allowed type.
fn canonical<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    let Some(text) = element.text() else { return };
    let url = Canonical::of(text).url;
    if url.is_empty() {
        return;
    }
    if !url.starts_with('#') && !super::identity::has_scheme(url) {
        pass.error(IssueType::Value, element, "canonical", || format!("The canonical URL '{text}' must be absolute."));
    }
    if state.targets.is_empty() {
        return;
    }
    let found = pass.programs.catalog.any_resource(text);
    // FHIR's own canonicals have the type in them.
    let own = url.strip_prefix("http://hl7.org/fhir/").and_then(|path| path.split_once('/'));
    let own = own.map(|(ty, _)| ty).filter(|ty| super::resource::root(pass.programs, ty).is_some());
    let Some(actual) = found.as_ref().map(|found| &*found.header().resource_type).or(own) else { return };
    for targets in &state.targets {
        let types = targets.profiles.iter().map(|profile| profile.rsplit('/').next().unwrap_or(profile));
        let types: Vec<&str> = types.collect();
        if !types.is_empty() && !types.iter().any(|ty| *ty == actual || matches!(*ty, "Resource" | "DomainResource")) {
            pass.error(IssueType::Invalid, element, &targets.source, || {
                format!("'{text}' is a {actual}, but must be: {}.", types.join(", "))
            });
        }
    }
}
