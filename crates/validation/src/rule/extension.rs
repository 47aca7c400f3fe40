//! Extensions: known ones by their definition, the place where they may stand, unknown ones as the options say
//! (<http://hl7.org/fhir/R4/extensibility.html>, contexts <http://hl7.org/fhir/R4/defining-extensions.html#context>).

use catalog::{Canonical, Structure};
use model::{Element, IssueType, Severity};

use crate::known;
use crate::pass::Pass;
use crate::program::{Node, Slot};

/// The definition of an extension, to hold it against; says what is wrong with its url and its place.
pub(crate) fn definition<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, slot: &Slot) -> Option<Node> {
    let modifier = &*slot.name == "modifierExtension";
    let url = known::text(element, &known::URL).filter(|url| !url.is_empty())?;
    let part = element.parent().is_some_and(|parent| matches!(parent.name(), "extension" | "modifierExtension"));
    if part && !url.contains(':') {
        return None;
    }
    if !url.contains(':') {
        pass.error(IssueType::Value, element, "extension", || {
            format!("The url '{url}' of an extension must be absolute.")
        });
        return None;
    }
    if Canonical::of(url).version.is_some() {
        pass.error(IssueType::Extension, element, "extension", || {
            format!("The url '{url}' of an extension may not name a version.")
        });
    }
    let program = pass.programs.program(url).filter(|program| &*program.structure.facts.r#type == "Extension");
    let Some(program) = program else {
        unknown(pass, element, url, modifier);
        return None;
    };
    if !in_context(pass, element, &program.structure) {
        pass.error(IssueType::Extension, element, program.structure.url(), || {
            let places: Vec<&str> = program.structure.facts.contexts.iter().map(|place| &*place.expression).collect();
            format!("The extension {url} may not stand here, only in: {}.", places.join(", "))
        });
    }
    for invariant in &program.structure.facts.context_invariants {
        if rule_holds(pass, element, invariant) == Some(false) {
            pass.error(IssueType::Extension, element, program.structure.url(), || {
                format!("The extension {url} may stand only where this holds: {invariant}")
            });
        }
    }
    let defined_as_modifier = program.structure.root().is_modifier;
    if defined_as_modifier != modifier {
        pass.error(IssueType::Extension, element, program.structure.url(), || match modifier {
            true => format!("The extension {url} is no modifier extension."),
            false => format!("The extension {url} must stand in modifierExtension."),
        });
    }
    Some(Node { program: program.number, element: 0 })
}

fn unknown<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, url: &str, modifier: bool) {
    let severity = match pass.options.unknown_extensions {
        _ if modifier => Severity::Error,
        wanted if is_example(url) && pass.options.example_urls.is_none() => wanted.max(Severity::Warning),
        wanted => wanted,
    };
    let text = || format!("The extension {url} is not known; what it means and whether it is right was not checked.");
    pass.report(severity, IssueType::Extension, element, "extension", text);
}

/// Whether a url is one for examples, that means nothing anywhere.
pub(crate) fn is_example(url: &str) -> bool {
    let host =
        url.split_once("://").map_or("", |(_, rest)| rest.split(['/', ':', '?', '#']).next().unwrap_or_default());
    let ends = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    ["example.org", "example.com", "example.net", "acme.com"].iter().any(|domain| ends(domain))
}

/// Whether a FHIRPath rule on the element that holds an extension is true there; `None` where it cannot be decided.
fn rule_holds(pass: &Pass<'_, '_>, element: Element<'_>, invariant: &str) -> Option<bool> {
    let expression = fhirpath::Expression::compile(invariant, &*pass.programs.catalog, None).ok()?;
    let prepared = fhirpath::Prepared::new(element.tree(), &*pass.programs.catalog);
    let environment = fhirpath::Environment::new(&prepared).with_now(pass.options.now);
    expression.is_true(element.parent()?, &environment).ok()
}

/// Whether an extension stands in one of the places that its definition names.
fn in_context(pass: &Pass<'_, '_>, element: Element<'_>, definition: &Structure) -> bool {
    let Some(parent) = element.parent() else { return true };
    let contexts = &definition.facts.contexts;
    if contexts.is_empty() {
        return true;
    }
    contexts.iter().any(|context| match &*context.kind {
        "element" => stands_in(pass, parent, &context.expression),
        "extension" => {
            let (url, _) = context.expression.split_once('#').unwrap_or((&context.expression, ""));
            let holder = Some(parent).filter(|parent| parent.name().ends_with("xtension"));
            holder.is_some_and(|holder| {
                extension_url(holder).is_some_and(|found| found == url || &*context.expression == found)
            })
        }
        _ => true,
    })
}

/// The url of an extension, for a part of a complex one that of the whole with `#` and its own.
fn extension_url(extension: Element<'_>) -> Option<&str> {
    extension.text_at("url")
}

/// Whether an element is what a context names: `Element`, a type (or one above it), a path.
fn stands_in(pass: &Pass<'_, '_>, holder: Element<'_>, expression: &str) -> bool {
    let catalog = &*pass.programs.catalog;
    let path = expression.rsplit_once('#').map_or(expression, |(_, path)| path);
    let path = path.strip_prefix("http://hl7.org/fhir/StructureDefinition/").unwrap_or(path);
    if path == "Element" || path == "*" {
        return true;
    }
    let mut ty = holder.type_in(catalog);
    let mut steps = 0;
    while steps < 8 {
        if model::Shapes::type_name(catalog, ty) == path {
            return true;
        }
        match model::Shapes::base(catalog, ty) {
            Some(base) => ty = base,
            None => break,
        }
        steps += 1;
    }
    definition_paths(pass, holder).iter().any(|known| known == path)
        || matches!(path, "CanonicalResource" | "MetadataResource") && holder.get("url").is_some()
}

/// The paths under which definitions know an element: from the resource (`Patient.name.family`) and from each type that
/// it stands in (`HumanName.family`); choices as `value[x]`.
fn definition_paths(pass: &Pass<'_, '_>, element: Element<'_>) -> Vec<String> {
    let catalog = &*pass.programs.catalog;
    let mut found = Vec::new();
    let mut tail: Vec<String> = Vec::new();
    let mut at = element;
    while let Some(parent) = at.parent() {
        if at.resource_type().is_some() {
            break;
        }
        let ty = parent.type_in(catalog);
        let choice = model::Shapes::child(catalog, ty, at.name_id()).and_then(|child| child.choice);
        let step = match choice {
            Some((stem, _)) => format!("{}[x]", at.tree().name(stem)),
            None => at.name().to_owned(),
        };
        tail.insert(0, step);
        let name = model::Shapes::type_name(catalog, ty);
        found.push(format!("{name}.{}", tail.join(".")));
        if choice.is_some() && at == element {
            found.push(format!("{name}.{}", at.name()));
        }
        let mut base = model::Shapes::base(catalog, ty);
        while let Some(above) = base {
            found.push(format!("{}.{}", model::Shapes::type_name(catalog, above), tail.join(".")));
            base = model::Shapes::base(catalog, above);
        }
        at = parent;
    }
    found
}
