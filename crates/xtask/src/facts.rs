//! What of a conformance resource is a fact, and so is kept: no prose, no narrative, no publisher, no mapping.

use std::collections::HashSet;

use model::{Element, ElementMut, Tree};

/// Members that are prose, provenance, or repeat others; left out at any depth outside values.
const PROSE: [&str; 43] = [
    "alias",
    "approvalDate",
    "comment",
    "condition",
    "contact",
    "contributor",
    "copyright",
    "date",
    "definition",
    "describe",
    "description",
    "documentation",
    "effectivePeriod",
    "example",
    "fhirVersion",
    "human",
    "implicitRules",
    "isModifierReason",
    "jurisdiction",
    "label",
    "lastReviewDate",
    "link",
    "keyword",
    "mapping",
    "meaningWhenMissing",
    "meta",
    "orderMeaning",
    "publisher",
    "purpose",
    "requirements",
    "short",
    "snapshot",
    "text",
    "title",
    "topic",
    "useContext",
    "usage",
    "xpath",
    "xpathUsage",
    "identifier",
    "immutable",
    "warning",
    "searchType",
];

/// Extensions that are facts.
const EXTENSIONS: [&str; 19] = [
    "http://hl7.org/fhir/StructureDefinition/codesystem-alternate",
    "http://hl7.org/fhir/StructureDefinition/codesystem-conceptOrder",
    "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice",
    "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet",
    "http://hl7.org/fhir/StructureDefinition/elementdefinition-minValueSet",
    "http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element",
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
    "http://hl7.org/fhir/StructureDefinition/obligation",
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
    "http://hl7.org/fhir/StructureDefinition/regex",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-compliesWithProfile",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-imposeProfile",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-type-characteristics",
    "http://hl7.org/fhir/StructureDefinition/valueset-supplement",
    "http://hl7.org/fhir/StructureDefinition/valueset-toocostly",
    "http://hl7.org/fhir/StructureDefinition/valueset-unclosed",
    "http://hl7.org/fhir/StructureDefinition/version-specific-use",
    "http://hl7.org/fhir/tools/StructureDefinition/additional-binding",
];

/// Parts of kept extensions that are prose.
const EXTENSION_PROSE: [&str; 2] = ["documentation", "shortDoco"];

/// Concept properties that code can act on; others only where a value set filters by them.
const PROPERTIES: [&str; 10] = [
    "abstract",
    "child",
    "deprecated",
    "inactive",
    "itemWeight",
    "notSelectable",
    "parent",
    "retirementDate",
    "status",
    "subsumedBy",
];

/// Owners whose code systems may be shown with displays: HL7 (CC0), HL7 Europe (CC0), IHE (CC-BY-4.0).
const OPEN: [&str; 8] = [
    "http://hl7.org/fhir/",
    "http://terminology.hl7.org/CodeSystem/",
    // as R4 writes it for two code systems of medication dispensation
    "http://terminology.hl7.org/fhir/CodeSystem/",
    "http://hl7.eu/",
    "https://hl7.eu/",
    "http://ihe.net/",
    "https://profiles.ihe.net/",
    "http://profiles.ihe.net/",
];

/// Code systems under those urls whose content is somebody else's.
const NOT_OPEN: [&str; 3] =
    ["http://hl7.org/fhir/sid/", "http://hl7.org/fhir/ndfrt", "http://terminology.hl7.org/CodeSystem/icd"];

/// Owners whose words a code system of HL7 may repeat, as its copyright note says then.
const OTHERS: [&str; 6] = ["ASTM", "DICOM", "ISO Standard", "Regenstrief", "SNOMED", "World Health Organization"];

fn is_excerpt(copyright: &str) -> bool {
    OTHERS.iter().any(|owner| copyright.contains(owner))
}

/// Whether the displays of a code system may be kept.
pub(crate) fn is_open(system: &str) -> bool {
    OPEN.iter().any(|prefix| system.starts_with(prefix)) && !NOT_OPEN.iter().any(|prefix| system.starts_with(prefix))
}

/// The facts of a resource; `filtered` are the properties that value sets filter its code system by.
pub(crate) fn of(resource: &Tree, filtered: &HashSet<String>) -> Tree {
    let mut facts = Tree::new(resource.resource_type());
    let root = resource.root();
    let keep = Keep {
        url: root.text_at("url").unwrap_or_default(),
        displays: resource.resource_type() == "CodeSystem"
            && is_open(root.text_at("url").unwrap_or_default())
            && !is_excerpt(root.text_at("copyright").unwrap_or_default()),
        filtered,
    };
    keep.members(root, &mut facts.edit());
    facts
}

/// Adds the codes of a value set's expansion, without displays.
pub(crate) fn add_expansion(facts: &mut Tree, expanded: &Tree) {
    let mut edit = facts.edit();
    let mut expansion = edit.object("expansion");
    for contains in expanded.root().every("expansion.contains") {
        let mut kept = expansion.item("contains");
        kept.set_some("system", contains.text_at("system")).set_some("code", contains.text_at("code"));
    }
}

/// What a resource is found by stands first, whatever the order of its author.
const FIRST: [&str; 5] = ["id", "url", "version", "name", "status"];

struct Keep<'a> {
    url: &'a str,
    displays: bool,
    filtered: &'a HashSet<String>,
}

impl Keep<'_> {
    fn members(&self, from: Element<'_>, to: &mut ElementMut<'_>) {
        let displays = match (from.name(), from.text_at("system")) {
            ("include" | "exclude" | "contains", Some(system)) => is_open(system),
            _ => self.displays,
        };
        let inner = Keep { displays, ..*self };
        let mut children: Vec<Element<'_>> = from.children().filter(|child| self.keeps(from, *child)).collect();
        if from.parent().is_none() {
            children.sort_by_key(|child| FIRST.iter().position(|name| *name == child.name()).unwrap_or(FIRST.len()));
        }
        for child in children {
            inner.member(child, to);
        }
    }

    fn member(&self, child: Element<'_>, to: &mut ElementMut<'_>) {
        let name = child.name();
        if is_value(name) {
            to.copy(child);
        } else if child.is_primitive() {
            let kept: Vec<Element<'_>> = child.all("extension").filter(|extension| is_fact(*extension)).collect();
            if child.text().is_none() && kept.is_empty() {
                return;
            }
            let mut new = if child.is_list() { to.primitive_item(name) } else { to.primitive(name) };
            if let Some(value) = child.value() {
                new.set_value(value);
            }
            for extension in kept {
                self.members(extension, &mut new.item("extension"));
            }
        } else if child.is_list() {
            self.members(child, &mut to.item(name));
        } else {
            self.members(child, &mut to.object(name));
        }
    }

    fn keeps(&self, parent: Element<'_>, child: Element<'_>) -> bool {
        let name = child.name();
        if parent.name() == "extension" {
            let prose = name == "extension" && EXTENSION_PROSE.contains(&child.text_at("url").unwrap_or_default());
            return !prose;
        }
        match name {
            // In an OperationDefinition and a CompartmentDefinition these are no prose.
            "definition" => parent.name() == "component",
            "target" | "operator" | "use" => true,
            "extension" => is_fact(child),
            "source" if parent.name() == "constraint" => child.text() != Some(self.url),
            "property" if parent.name() == "concept" => self.keeps_property(child.text_at("code").unwrap_or_default()),
            "property" if parent.parent().is_none() => {
                let uri = child.text_at("uri").unwrap_or_default();
                self.keeps_property(child.text_at("code").unwrap_or_default()) || uri.ends_with("#notSelectable")
            }
            "display" if matches!(parent.name(), "concept" | "contains" | "target" | "element") => self.displays,
            "designation" => self.displays,
            // The id of anything but a resource and an element definition is nothing.
            "id" => parent.parent().is_none() || parent.name() == "element",
            _ => !PROSE.contains(&name),
        }
    }

    fn keeps_property(&self, code: &str) -> bool {
        PROPERTIES.contains(&code) || self.filtered.contains(code)
    }
}

/// Members whose content is data of any shape, kept to the letter.
fn is_value(name: &str) -> bool {
    ["fixed", "pattern", "minValue", "maxValue"].iter().any(|prefix| {
        name.strip_prefix(prefix).is_some_and(|suffix| suffix.starts_with(|first: char| first.is_ascii_uppercase()))
    })
}

fn is_fact(extension: Element<'_>) -> bool {
    extension.text_at("url").is_some_and(|url| EXTENSIONS.contains(&url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines;

    fn distilled(text: &str, filtered: &[&str]) -> String {
        let tree = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let facts = of(&tree, &filtered.iter().map(|name| (*name).to_owned()).collect());
        let mut out = String::new();
        lines::write(facts.root(), &mut out);
        out
    }

    #[test]
    fn a_structure_keeps_rules_and_loses_prose() {
        let out = distilled(
            r#"{"resourceType":"StructureDefinition","text":{"status":"generated","div":"<div/>"},"description":"D","url":"http://example.org/s",
            "version":"1","contact":[{"name":"N"}],"name":"S","copyright":"C",
            "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/structuredefinition-wg","valueCode":"fhir"},
              {"url":"http://hl7.org/fhir/StructureDefinition/structuredefinition-imposeProfile","valueCanonical":"http://example.org/i"}],
            "snapshot":{"element":[{"id":"X"}]},
            "differential":{"element":[{"id":"X.y","path":"X.y","short":"S","definition":"D","mapping":[{"identity":"m"}],"min":1,
              "constraint":[{"key":"k-1","severity":"error","human":"H","expression":"true","xpath":"x","source":"http://example.org/s"}],
              "patternCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"1","display":"kept: it is the rule"}],"text":"kept"},
              "binding":{"strength":"required","description":"D","valueSet":"http://example.org/v"},
              "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/obligation","extension":[{"url":"code","valueCode":"SHALL:handle"},
                {"url":"documentation","valueMarkdown":"D"}]}]}]}}"#,
            &[],
        );
        assert_eq!(
            out,
            r#"{"resourceType":"StructureDefinition","url":"http://example.org/s","version":"1","name":"S","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/structuredefinition-imposeProfile","valueCanonical":"http://example.org/i"}],"differential":{"element":[
{"id":"X.y","path":"X.y","min":1,"constraint":[{"key":"k-1","severity":"error","expression":"true"}],"patternCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"1","display":"kept: it is the rule"}],"text":"kept"},"binding":{"strength":"required","valueSet":"http://example.org/v"},"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/obligation","extension":[{"url":"code","valueCode":"SHALL:handle"}]}]}]}}"#
        );
    }

    #[test]
    fn displays_stay_only_where_their_owner_gives_them_away() {
        let out = distilled(
            r#"{"resourceType":"ValueSet","url":"http://hl7.org/fhir/ValueSet/v","compose":{"include":[
            {"system":"http://snomed.info/sct","concept":[{"code":"1","display":"theirs","designation":[{"value":"theirs"}]}]},
            {"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","concept":[{"code":"2","display":"HL7's"}]},
            {"system":"http://hl7.org/fhir/sid/icd-10","concept":[{"code":"3","display":"theirs"}]}]}}"#,
            &[],
        );
        assert!(!out.contains("theirs") && out.contains("HL7's"), "{out}");
        assert_eq!(out.matches("\"code\"").count(), 3);
    }

    #[test]
    fn an_excerpt_of_another_standard_has_codes_only() {
        let text = |note: &str| {
            format!(
                r#"{{"resourceType":"CodeSystem","url":"http://terminology.hl7.org/CodeSystem/x","copyright":"{note}","content":"complete",
                "concept":[{{"code":"110100","display":"their words"}}]}}"#
            )
        };
        assert!(distilled(&text("made available under the CC0 designation"), &[]).contains("their words"));
        let excerpt = distilled(&text("excerpted from Digital Imaging and Communications in Medicine (DICOM)"), &[]);
        assert!(excerpt.contains("110100") && !excerpt.contains("their words"), "{excerpt}");
    }

    #[test]
    fn a_code_system_keeps_what_can_be_asked_of_it() {
        let out = distilled(
            r#"{"resourceType":"CodeSystem","url":"http://terminology.hl7.org/CodeSystem/c","content":"complete",
            "property":[{"code":"notSelectable","uri":"u","description":"D","type":"boolean"},{"code":"colour","type":"string"},{"code":"size","type":"string"}],
            "concept":[{"code":"a","display":"A","definition":"D","designation":[{"language":"fr","value":"fr A"}],
              "property":[{"code":"notSelectable","valueBoolean":true},{"code":"colour","valueString":"red"},{"code":"size","valueString":"big"}],
              "concept":[{"code":"b"}]}]}"#,
            &["colour"],
        );
        for kept in ["notSelectable", "colour", "red", "fr A", "\"b\""] {
            assert!(out.contains(kept), "{kept}: {out}");
        }
        for dropped in ["size", "big", "definition", "description"] {
            assert!(!out.contains(dropped), "{dropped}: {out}");
        }
        let again = model::json::read(out.as_bytes(), &Default::default()).unwrap();
        assert_eq!(again.root().every("concept.concept").len(), 1);
        assert!(out.lines().count() == 3, "each concept has its line: {out}");
    }
}
