//! One concept of an expansion as an element, in R4: what came with R5 (properties of concepts) goes into the extensions
//! that FHIR defines for that (<http://hl7.org/fhir/R5/versions.html#extensions>).

use catalog::{CodeSystem, Designation, Extension, PropertyValue};
use model::{ElementMut, Primitive};

use super::Service;
use super::judge::status;
use super::listed::Listed;
use super::name::{Name, in_language};

const PROPERTY: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.contains.property";
/// Extensions of a concept that go along with it.
const ALONG: [&str; 5] = [
    "http://hl7.org/fhir/StructureDefinition/valueset-deprecated",
    "http://hl7.org/fhir/StructureDefinition/valueset-concept-definition",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status",
    "http://hl7.org/fhir/StructureDefinition/rendering-style",
    "http://hl7.org/fhir/StructureDefinition/rendering-xhtml",
];
/// Extensions of a designation that go along with it.
const ALONG_DESIGNATION: [&str; 2] = [
    "http://hl7.org/fhir/StructureDefinition/coding-sctdescid",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status",
];
/// Extensions that are properties of an expanded concept: the end of their url, the property.
const PROPERTIES: [(&str, &str); 6] = [
    ("/valueset-label", "label"),
    ("/codesystem-label", "label"),
    ("/valueset-conceptOrder", "order"),
    ("/codesystem-conceptOrder", "order"),
    ("/itemWeight", "weight"),
    ("/ordinalValue", "weight"),
];

/// What an expansion shows of each concept.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) designations: bool,
    /// Only these: languages, or uses as `system|code`.
    pub(super) only_designations: Vec<String>,
    pub(super) properties: Vec<String>,
    pub(super) definition: bool,
    /// Whether codes of one system come in several versions.
    pub(super) versions: bool,
}

/// A property of a concept: code, name of the value in JSON, value.
pub(super) type Value = (String, String, String);

impl Service {
    /// The name of a concept that an expansion shows, and its further ones.
    fn shown_names(&self, one: &Listed) -> (Option<Name>, Vec<Name>) {
        let names = match &one.known {
            Some(known) => self.names(known, one.reference.as_deref()),
            None => {
                let display = one.reference.as_ref().and_then(|one| one.display.as_deref());
                let own = display.map(|text| Name {
                    language: None,
                    value: text.to_owned(),
                    designation: None,
                    status: None,
                    source: None,
                });
                own.into_iter().collect()
            }
        };
        let chosen = in_language(&names, &self.asked.languages)
            .or_else(|| names.iter().find(|name| name.designation.is_none() && !self.asked.languages.only));
        let chosen = chosen.cloned();
        let mut further: Vec<Name> = Vec::new();
        let is_shown = |name: &Name| {
            chosen.as_ref().is_some_and(|chosen| name.value == chosen.value && name.language == chosen.language)
        };
        for name in names {
            let known = further.iter().any(|other| {
                other.value == name.value
                    && other.language == name.language
                    && usage(other.designation.as_ref()) == usage(name.designation.as_ref())
            });
            let plain = usage(name.designation.as_ref()).is_none();
            if !(known || plain && is_shown(&name)) {
                further.push(name);
            }
        }
        (chosen, further)
    }

    /// What a search text is held against.
    pub(super) fn display(&self, one: &Listed) -> Option<String> {
        self.shown_names(one).0.map(|name| name.value)
    }

    /// Writes a concept; its own concepts are not written.
    pub(super) fn write_concept(&self, one: &Listed, shown: &Shown, contains: &mut ElementMut<'_>) {
        let values = self.properties(one, shown);
        let (display, further) = self.shown_names(one);
        let known = one.known.as_ref().and_then(|known| Some((&known.system, known.index?)));
        let supplements = known.map(|(system, index)| self.supplemented(system, index)).unwrap_or_default();
        let own = one.reference.iter().flat_map(|reference| reference.extensions.iter());
        let of_system = known.into_iter().flat_map(|(system, index)| {
            system.extensions(index).filter(|extension| extension.url.contains("/rendering-"))
        });
        let mut written: Vec<&str> = Vec::new();
        let rendering = supplements.iter().filter(|extension| extension.url.contains("/rendering-"));
        for extension in own.chain(rendering).chain(of_system) {
            if ALONG.contains(&&*extension.url) && !written.contains(&&*extension.url) {
                write_extension(contains, extension);
                written.push(&extension.url);
            }
        }
        for (code, name, value) in &values {
            let mut extension = contains.item("extension");
            extension.set("url", PROPERTY);
            extension.item("extension").set("url", "code").set("valueCode", code.as_str());
            write_value(extension.item("extension").set("url", "value"), name, value);
        }
        contains.set("system", &*one.url);
        if one.is_abstract() {
            contains.set("abstract", true);
        }
        if one.is_inactive() {
            contains.set("inactive", true);
        }
        if shown.versions {
            contains.set_some("version", one.version.as_deref());
        }
        contains.set("code", one.code());
        contains.set_some("display", display.as_ref().map(|name| name.value.as_str()));
        if shown.designations {
            for name in &further {
                write_designation(name, &shown.only_designations, contains);
            }
        }
    }

    /// Extensions that supplements give a concept.
    fn supplemented(&self, system: &CodeSystem, index: usize) -> Vec<Extension> {
        let code = system.code(index);
        let mut found = Vec::new();
        for supplement in self.supplements_of(&system.url) {
            if let Some(index) = supplement.find(code) {
                found.extend(supplement.extensions(index).cloned());
            }
        }
        found
    }

    /// The properties of a concept that an expansion shows.
    pub(super) fn properties(&self, one: &Listed, shown: &Shown) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::new();
        let known = one.known.as_ref().and_then(|known| Some((&known.system, known.index?)));
        let own = one.reference.iter().flat_map(|reference| reference.extensions.iter().cloned());
        let mut extensions: Vec<Extension> = own.collect();
        if let Some((system, index)) = known {
            extensions.extend(self.supplemented(system, index));
            extensions.extend(system.extensions(index).cloned());
        }
        for extension in &extensions {
            let Some((_, code)) = PROPERTIES.iter().find(|(end, _)| extension.url.ends_with(end)) else { continue };
            if !values.iter().any(|(known, _, _)| known == code) {
                let name = if *code == "label" { "valueString" } else { "valueDecimal" };
                values.push(((*code).to_owned(), name.to_owned(), extension.value.to_string()));
            }
        }
        let Some((system, index)) = known else { return values };
        if let Some(status) = status(system, index).filter(|status| status != "active") {
            values.push(("status".to_owned(), "valueCode".to_owned(), status));
        }
        let wants = |code: &str| shown.properties.iter().any(|wanted| wanted == code || wanted == "*");
        if let Some(definition) = system.definition(index).filter(|_| shown.definition || wants("definition")) {
            values.push(("definition".to_owned(), "valueString".to_owned(), definition.to_owned()));
        }
        for property in system.properties_of(index) {
            if wants(property.code) && property.code != "status" {
                values.push((
                    property.code.to_owned(),
                    value_name(property.kind).to_owned(),
                    property.value.to_owned(),
                ));
            }
        }
        for supplement in self.supplements_of(&system.url) {
            let Some(index) = supplement.find(system.code(index)) else { continue };
            for property in supplement.properties_of(index).filter(|property| wants(property.code)) {
                let name = value_name(property.kind).to_owned();
                values.push((property.code.to_owned(), name, property.value.to_owned()));
            }
        }
        for (code, related) in [("parent", system.parents(index)), ("child", system.children(index))] {
            for other in related.iter().filter(|_| wants(code)) {
                let value = (code.to_owned(), "valueCode".to_owned(), system.code(*other as usize).to_owned());
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        values
    }
}

/// JSON's name for the value of a property.
pub(super) fn value_name(kind: PropertyValue) -> &'static str {
    match kind {
        PropertyValue::Code => "valueCode",
        PropertyValue::Coding => "valueCoding",
        PropertyValue::String => "valueString",
        PropertyValue::Integer => "valueInteger",
        PropertyValue::Boolean => "valueBoolean",
        PropertyValue::DateTime => "valueDateTime",
        PropertyValue::Decimal => "valueDecimal",
    }
}

fn usage(designation: Option<&Designation>) -> Option<&str> {
    designation.and_then(|one| one.usage.as_deref()).filter(|usage| *usage != "|")
}

/// Writes a value under its JSON name; of a Coding from `system|code`.
pub(super) fn write_value(element: &mut ElementMut<'_>, name: &str, value: &str) {
    match name {
        "valueBoolean" => {
            element.set(name, value == "true");
        }
        "valueInteger" => match value.parse::<i64>() {
            Ok(number) => {
                element.set(name, number);
            }
            Err(_) => {
                element.set("valueString", value);
            }
        },
        "valueDecimal" => match model::Decimal::parse(value) {
            Some(_) => {
                element.set(name, Primitive::Number(value));
            }
            None => {
                element.set("valueString", value);
            }
        },
        "valueCoding" => {
            let (system, code) = value.rsplit_once('|').unwrap_or(("", value));
            let mut coding = element.object(name);
            if !system.is_empty() {
                coding.set("system", system);
            }
            coding.set("code", code);
        }
        _ => {
            element.set(name, value);
        }
    }
}

fn write_extension(element: &mut ElementMut<'_>, extension: &Extension) {
    let mut item = element.item("extension");
    item.set("url", &*extension.url);
    write_value(&mut item, &extension.name, &extension.value);
}

fn write_designation(name: &Name, only: &[String], contains: &mut ElementMut<'_>) {
    let usage = usage(name.designation.as_ref());
    let wanted = only.is_empty()
        || only.iter().any(|token| match token.strip_prefix("urn:ietf:bcp:47|") {
            Some(language) => name.language.as_deref() == Some(language),
            None => usage == Some(token.as_str()),
        });
    if !wanted {
        return;
    }
    let mut item = contains.item("designation");
    for extension in name.designation.iter().flat_map(|one| one.extensions.iter()) {
        if ALONG_DESIGNATION.contains(&&*extension.url) {
            write_extension(&mut item, extension);
        }
    }
    item.set_some("language", name.language.as_deref());
    if let Some((system, code)) = usage.and_then(|usage| usage.rsplit_once('|')) {
        let mut object = item.object("use");
        if !system.is_empty() {
            object.set("system", system);
        }
        object.set("code", code);
    }
    item.set("value", name.value.as_str());
}
