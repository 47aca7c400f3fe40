//! The elements of a StructureDefinition's JSON as typed facts.

use std::sync::Arc;

use model::{Element, Severity, Tree};

use super::ExtensionContext;
use super::differential::Change;
use super::element::{
    AdditionalBinding, Binding, BindingStrength, Constraint, Discriminator, DiscriminatorType, ElementBase,
    ElementType, Obligation, Slicing, SlicingRules, UNBOUNDED,
};

const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

pub(super) fn change(element: Element<'_>, source: &str, resource: bool) -> Change {
    let mut change = Change::default();
    for child in element.children() {
        let text = child.text();
        match child.name() {
            "id" => change.id = text.unwrap_or_default().into(),
            "path" => change.path = text.unwrap_or_default().into(),
            "sliceName" => change.slice_name = text.map(Arc::from),
            "min" => change.min = text.and_then(|text| text.parse().ok()),
            "max" => change.max = text.map(max),
            "base" => change.base = Some(Arc::new(base(child))),
            "contentReference" => change.content_reference = text.map(Arc::from),
            "maxLength" => change.max_length = text.and_then(|text| text.parse().ok()),
            "binding" => change.binding = binding(child).map(Arc::new),
            "constraint" => change.constraints.extend(constraint(child, source).map(Arc::new)),
            "slicing" => change.slicing = Some(Arc::new(slicing(child))),
            "mustSupport" => change.must_support = flag(child),
            "isModifier" => change.is_modifier = flag(child),
            "isSummary" => change.is_summary = flag(child),
            "extension" => extension(child, &mut change),
            name if name.starts_with("fixed") => change.fixed = value(child),
            name if name.starts_with("pattern") => change.pattern = value(child),
            name if name.starts_with("minValue") => change.min_value = value(child),
            name if name.starts_with("maxValue") => change.max_value = value(child),
            _ => {}
        }
    }
    let mut types: Vec<ElementType> = element.all("type").map(|ty| element_type(ty, &mut change)).collect();
    if resource && is_resource_id(&change.path) {
        // R4 publishes `string` here, and says `id` everywhere else; later versions corrected it.
        types.iter_mut().for_each(|ty| ty.code = "id".into());
    }
    if !types.is_empty() {
        change.types = Some(types.into());
    }
    change
}

fn is_resource_id(path: &str) -> bool {
    path.split_once('.').is_some_and(|(_, name)| name == "id")
}

fn flag(element: Element<'_>) -> Option<bool> {
    element.text().map(|text| text == "true")
}

fn value(element: Element<'_>) -> Option<Arc<Tree>> {
    Some(Arc::new(Tree::from_element(element)))
}

fn max(text: &str) -> u32 {
    text.parse().unwrap_or(UNBOUNDED)
}

fn base(element: Element<'_>) -> ElementBase {
    ElementBase {
        path: element.text_at("path").unwrap_or_default().into(),
        min: element.text_at("min").and_then(|text| text.parse().ok()).unwrap_or(0),
        max: element.text_at("max").map_or(UNBOUNDED, max),
    }
}

fn texts(element: Element<'_>, name: &str) -> Box<[Box<str>]> {
    element.all(name).filter_map(Element::text).map(Box::from).collect()
}

fn element_type(element: Element<'_>, change: &mut Change) -> ElementType {
    let mut code = element.text_at("code").unwrap_or_default();
    for extension in element.all("extension") {
        match extension.text_at("url").and_then(|url| url.strip_prefix(CORE)) {
            Some("structuredefinition-fhir-type") => code = extension_value(extension).unwrap_or(code),
            Some("regex") => change.regex = extension_value(extension).map(Arc::from),
            _ => {}
        }
    }
    if let Some(system) = code.strip_prefix("http://hl7.org/fhirpath/System.") {
        code = system_type(system);
    }
    ElementType {
        code: code.into(),
        profiles: texts(element, "profile"),
        target_profiles: texts(element, "targetProfile"),
        aggregation: texts(element, "aggregation"),
        versioning: element.text_at("versioning").map(Box::from),
    }
}

fn system_type(name: &str) -> &'static str {
    match name {
        "Boolean" => "boolean",
        "Integer" => "integer",
        "Decimal" => "decimal",
        "Date" => "date",
        "DateTime" => "dateTime",
        "Time" => "time",
        _ => "string",
    }
}

pub(super) fn extension_value<'t>(extension: Element<'t>) -> Option<&'t str> {
    extension.children().find(|child| child.name().starts_with("value"))?.text()
}

fn binding(element: Element<'_>) -> Option<Binding> {
    let strength = element.text_at("strength").and_then(BindingStrength::of)?;
    let value_set = element.text_at("valueSet").or_else(|| element.text_at("valueSetUri"));
    let value_set = value_set.or_else(|| element.text_at("valueSetReference.reference")).map(Box::from);
    let additional = element.all("extension").filter_map(additional_binding).collect();
    Some(Binding { strength, value_set, additional })
}

fn additional_binding(extension: Element<'_>) -> Option<AdditionalBinding> {
    let url = extension.text_at("url")?;
    let simple = |purpose: &str| {
        let value_set = extension_value(extension)?.into();
        Some(AdditionalBinding { purpose: purpose.into(), value_set, any: false })
    };
    match url.rsplit('/').next()? {
        "elementdefinition-maxValueSet" => simple("maximum"),
        "elementdefinition-minValueSet" => simple("minimum"),
        "additional-binding" => {
            let part = |name: &str| {
                let part = extension.all("extension").find(|part| part.text_at("url") == Some(name))?;
                extension_value(part)
            };
            Some(AdditionalBinding {
                purpose: part("purpose")?.into(),
                value_set: part("valueSet")?.into(),
                any: part("any") == Some("true"),
            })
        }
        _ => None,
    }
}

fn constraint(element: Element<'_>, source: &str) -> Option<Constraint> {
    let best_practice = element.all("extension").any(|extension| {
        extension.text_at("url").is_some_and(|url| url.ends_with("/elementdefinition-bestpractice"))
            && extension_value(extension) == Some("true")
    });
    Some(Constraint {
        key: element.text_at("key")?.into(),
        severity: if element.text_at("severity") == Some("warning") { Severity::Warning } else { Severity::Error },
        expression: element.text_at("expression").map(Box::from),
        source: Some(element.text_at("source").unwrap_or(source).into()),
        human: element.text_at("human").map(Box::from),
        best_practice,
    })
}

fn slicing(element: Element<'_>) -> Slicing {
    let discriminators = element.all("discriminator").filter_map(|discriminator| {
        let kind = match discriminator.text_at("type")? {
            "exists" => DiscriminatorType::Exists,
            "pattern" => DiscriminatorType::Pattern,
            "type" => DiscriminatorType::Type,
            "profile" => DiscriminatorType::Profile,
            "position" => DiscriminatorType::Position,
            _ => DiscriminatorType::Value,
        };
        Some(Discriminator { kind, path: discriminator.text_at("path")?.into() })
    });
    Slicing {
        discriminators: discriminators.collect(),
        rules: match element.text_at("rules") {
            Some("closed") => SlicingRules::Closed,
            Some("openAtEnd") => SlicingRules::OpenAtEnd,
            _ => SlicingRules::Open,
        },
        ordered: element.text_at("ordered") == Some("true"),
    }
}

fn extension(extension: Element<'_>, change: &mut Change) {
    match extension.text_at("url").and_then(|url| url.strip_prefix(CORE)) {
        Some("regex") => change.regex = extension_value(extension).map(Arc::from),
        Some("obligation") => {
            let mut obligation = Obligation::default();
            for part in extension.all("extension") {
                let Some(value) = extension_value(part) else { continue };
                match part.text_at("url") {
                    Some("code") => obligation.codes.push(value.into()),
                    Some("actor") => obligation.actors.push(value.into()),
                    Some("filter") => obligation.filter = Some(value.into()),
                    _ => {}
                }
            }
            change.obligations.push(obligation);
        }
        _ => {}
    }
}

pub(super) fn context(element: Element<'_>) -> Option<ExtensionContext> {
    Some(ExtensionContext { kind: element.text_at("type")?.into(), expression: element.text_at("expression")?.into() })
}
