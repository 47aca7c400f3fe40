//! A resource inside an element (`contained`, `entry.resource`) and the profiles it claims: its type must be one that
//! is allowed here, and it is held against the profiles of `meta.profile`, those on the element's type, and those that
//! these impose (<http://hl7.org/fhir/R4/resource-definitions.html#Meta.profile>).

use model::{Element, IssueType, Severity};

use crate::known;
use crate::pass::Pass;
use crate::program::{Node, Programs, Variant};
use crate::rule::types;

/// Profiles that one profile imposes, and those that these impose, at most.
const IMPOSED: usize = 64;

/// The root of a resource type's own structure; `None` where FHIR has no such resource.
pub(crate) fn root(programs: &Programs, ty: &str) -> Option<Node> {
    if ty.contains([':', '/', '|']) {
        return None;
    }
    let program = programs.program(ty)?;
    let facts = &program.structure.facts;
    let is_resource =
        facts.kind == Some(catalog::StructureKind::Resource) && !facts.is_abstract && !facts.is_constraint;
    is_resource.then_some(Node { program: program.number, element: 0 })
}

/// Everything that a resource in an element is held against, beside its type.
pub(crate) fn nodes<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, variant: &Variant) -> Vec<Node> {
    let mut nodes = variant.nodes.clone();
    let ty = element.resource_type().unwrap_or_default();
    for node in &variant.nodes {
        let Some(structure) = pass.programs.structure(*node) else { continue };
        let definition = structure.element(node.element as usize);
        let allowed = definition
            .types
            .iter()
            .filter(|known| matches!(&*known.code, "Resource" | "DomainResource") || *known.code == *ty);
        let allowed: Vec<_> = allowed.collect();
        if allowed.is_empty() && !definition.types.is_empty() {
            let types: Vec<&str> = definition.types.iter().map(|ty| &*ty.code).collect();
            pass.error(IssueType::Structure, element, structure.url(), || {
                format!("A {ty} may not stand here; it may be: {}.", types.join(", "))
            });
        }
        for found in allowed {
            match &*found.profiles {
                [] => {}
                [one] => add(pass, element, one, Severity::Warning, &mut nodes),
                several => types::one_of(pass, element, several),
            }
        }
    }
    claimed(pass, element, &mut nodes);
    nodes
}

/// Adds the profiles of `meta.profile`.
pub(crate) fn claimed<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, nodes: &mut Vec<Node>) {
    let Some(meta) = known::get(element, &known::META) else { return };
    for profile in meta.all("profile") {
        if let Some(canonical) = profile.text() {
            add(pass, profile, canonical, Severity::Warning, nodes);
        }
    }
}

/// Adds a profile with what it imposes; one that is not known is said with `severity` at `place`.
pub(crate) fn add<'t>(
    pass: &mut Pass<'_, 't>,
    place: Element<'t>,
    canonical: &str,
    severity: Severity,
    nodes: &mut Vec<Node>,
) {
    let mut waiting: Vec<Box<str>> = vec![canonical.into()];
    let mut first = true;
    let mut done = 0;
    while let Some(next) = waiting.pop() {
        let severity = if std::mem::take(&mut first) { severity } else { Severity::Warning };
        let Some(program) = pass.programs.program(&next) else {
            unknown(pass, place, &next, severity);
            continue;
        };
        let node = Node { program: program.number, element: 0 };
        done += 1;
        if nodes.contains(&node) || done > IMPOSED {
            continue;
        }
        let resource = place.resource();
        let ty = resource.resource_type().unwrap_or_default();
        let facts = &program.structure.facts;
        if *facts.r#type != *ty && !matches!(&*facts.r#type, "Resource" | "DomainResource") {
            let text = || format!("The profile {next} is for {}, not for {ty}.", facts.r#type);
            pass.error(IssueType::Invalid, place, &next, text);
            continue;
        }
        nodes.push(node);
        waiting.extend(facts.imposes.iter().cloned());
    }
}

fn unknown<'t>(pass: &mut Pass<'_, 't>, place: Element<'t>, canonical: &str, severity: Severity) {
    let reference = catalog::Canonical::of(canonical);
    let other = reference.version.filter(|_| pass.programs.program(reference.url).is_some()).map(str::to_owned);
    pass.report(severity, IssueType::NotFound, place, canonical, || match other {
        Some(version) => {
            format!("Version {version} of the profile {} is not known (others are); it was not checked.", reference.url)
        }
        None => format!("The profile {canonical} is not known; it was not checked."),
    });
}
