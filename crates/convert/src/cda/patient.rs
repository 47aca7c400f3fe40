//! `recordTarget/patientRole` into Patient (patient-eu-core): <http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core>.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::parts;
use super::people;
use super::read::Node;
use super::time;

const BIRTH_PLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
const PROFICIENCY: &str = "http://hl7.org/fhir/StructureDefinition/patient-proficiency";
/// Codes of v3-LanguageAbilityProficiency and v3-LanguageAbilityMode.
const LANGUAGE: [&str; 10] = ["E", "F", "G", "P", "ESGN", "ESP", "EWR", "RSGN", "RSP", "RWR"];
const ORIGINAL: &str = "http://hl7.org/fhir/StructureDefinition/originalText";
const RELIGION: &str = "http://hl7.org/fhir/StructureDefinition/patient-religion";

/// Fills the Patient of the document's first record target and adds it under `cx.patient`.
pub(super) fn patient(cx: &mut Context<'_>, root: Node<'_>, profile: Option<&str>) -> Tree {
    let mut tree = Tree::new("Patient");
    let mut to = tree.edit();
    if let Some(profile) = profile {
        to.object("meta").push("profile", profile);
    }
    let Some(role) = root.at("recordTarget/patientRole") else {
        coded::absent(&mut to.item("name").primitive("text"), None);
        coded::absent(&mut to.primitive("birthDate"), None);
        cx.defect(root, "The document names no patient.");
        return tree;
    };
    parts::push_identifiers(cx, role, &mut to);
    let person = role.get("patient").unwrap_or(role);
    for id in person.all("id").filter(|_| person != role) {
        parts::push_identifier(cx, id, &mut to, "identifier");
    }
    people::require_name(cx, person, &mut to);
    parts::push_telecoms(cx, role, &mut to);
    demographics(cx, person, &mut to);
    parts::push_addresses(cx, role, &mut to);
    for guardian in person.all("guardian") {
        contact(cx, guardian, None, &mut to, Some("GUARD"));
    }
    for language in person.all("languageCommunication") {
        communication(cx, language, &mut to);
    }
    if let Some(provider) = role.get("providerOrganization").and_then(|node| people::organization(cx, node)) {
        to.object("managingOrganization").set("reference", &provider);
    }
    for participation in root.all("participant") {
        related(cx, participation, &mut to);
    }
    tree
}

fn demographics(cx: &mut Context<'_>, person: Node<'_>, to: &mut ElementMut<'_>) {
    if let Some(gender) = person.get("administrativeGenderCode") {
        let code = gender.attr("code").unwrap_or_default();
        let known = match code.to_ascii_uppercase().as_str() {
            "F" => Some("female"),
            "M" => Some("male"),
            "UN" | "O" | "A" => Some("other"),
            "U" | "UNK" => Some("unknown"),
            "" => None,
            _ => {
                cx.loss(gender, format!("The gender {code:?} is none of M, F, UN; it became \"unknown\"."));
                Some("unknown")
            }
        };
        match known {
            Some(known) => {
                to.set("gender", known);
                if !matches!(code, "F" | "M" | "UN") {
                    // Another code than HL7's is kept in words.
                    let said = super::entry::said(cx, gender);
                    coded::alternate_text(said.as_deref(), &mut to.primitive("gender"));
                } else if gender.get("translation").is_some() || code == "UN" {
                    coded::alternate(cx, gender, &mut to.primitive("gender"));
                }
            }
            None => coded::absent(&mut to.primitive("gender"), gender.null_flavor()),
        }
        gender.descendants().for_each(Node::take_attributes);
    }
    match person.get("birthTime") {
        Some(time) => time::set_date(cx, time, to, "birthDate"),
        None => coded::absent(&mut to.primitive("birthDate"), None),
    }
    if let Some(time) = person.get("deceasedTime").filter(|time| time.peek("value").is_some()) {
        time::set_time(cx, time, to, "deceasedDateTime");
        person.get("deceasedInd").into_iter().for_each(Node::take_attributes);
    } else if let Some(value) = person.get("deceasedInd").and_then(|flag| flag.attr("value")) {
        to.set("deceasedBoolean", value == "true");
    }
    coded::set_concept(cx, person.get("maritalStatusCode"), to, "maritalStatus");
    if let Some(order) = person.get("multipleBirthOrderNumber").and_then(|node| node.attr("value")?.parse::<i64>().ok())
    {
        to.set("multipleBirthInteger", order);
    }
    if let Some(value) = person.get("multipleBirthInd").and_then(|flag| flag.attr("value"))
        && to.as_element().get("multipleBirthInteger").is_none()
    {
        to.set("multipleBirthBoolean", value == "true");
    }
    if let Some(place) = person.at("birthplace/place").filter(|place| place.has_text()) {
        let mut extension = to.item("extension");
        extension.set("url", BIRTH_PLACE);
        let mut address = extension.object("valueAddress");
        match place.get("addr") {
            Some(node) => parts::fill_address(cx, node, &mut address),
            None => {
                address.set_some("text", place.text().as_deref());
            }
        }
    }
    if let Some(religion) = person.get("religiousAffiliationCode").filter(|node| coded::names_something(cx, *node)) {
        let mut extension = to.item("extension");
        extension.set("url", RELIGION);
        coded::fill_concept(cx, religion, &mut extension.object("valueCodeableConcept"));
    }
}

fn communication(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(language) = node.get("languageCode").filter(|language| language.peek("code").is_some()) else { return };
    let mut item = to.item("communication");
    let tag = super::header::language_tag(language.attr("code").unwrap_or_default());
    let mut coding = item.object("language");
    let mut coding = coding.item("coding");
    coding.set("system", "urn:ietf:bcp:47").set("code", &tag);
    if let Some(preferred) = node.get("preferenceInd").and_then(|flag| flag.attr("value")) {
        item.set("preferred", preferred == "true");
    }
    let mut extension = Tree::new("Patient");
    let mut proficiency = extension.edit();
    for (name, url) in [("proficiencyLevelCode", "level"), ("modeCode", "type")] {
        for code in node.all(name).filter(|code| code.peek("code").is_some()) {
            if !LANGUAGE.contains(&code.peek("code").unwrap_or_default()) {
                let said = super::entry::said(cx, code).unwrap_or_default();
                cx.loss(code, format!("{name} {said} is no ability in a language that HL7 knows."));
                code.take_all();
                continue;
            }
            let mut part = proficiency.item("extension");
            part.set("url", url);
            let mut coding = part.object("valueCoding");
            coded::fill_coding(cx, code, &mut coding);
            if let Some(text) = code.peek("displayName") {
                coding.primitive("display").item("extension").set("url", ORIGINAL).set("valueString", text);
            }
        }
    }
    if extension.root().get("extension").is_some() {
        let mut to = item.item("extension");
        to.set("url", PROFICIENCY);
        for part in extension.root().all("extension") {
            to.copy(part);
        }
    }
}

/// Guardians, next of kin, emergency contacts and the preferred professional among the document's participants.
fn related(cx: &mut Context<'_>, participation: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(entity) = participation.get("associatedEntity") else { return };
    let class = entity.peek("classCode").unwrap_or_default();
    let function = participation.get("functionCode");
    let professional = function.is_some_and(|code| matches!(code.peek("code"), Some("PCP" | "GP")))
        || matches!(class, "PROV" | "ASSIGNED");
    if participation.peek("typeCode") != Some("IND")
        && !matches!(class, "NOK" | "ECON" | "CAREGIVER" | "GUARD" | "PRS" | "AGNT")
    {
        return;
    }
    if matches!(class, "POLHOLD" | "COVPTY" | "PAYOR") {
        return;
    }
    if professional {
        if let Some(party) = people::party(cx, entity, function) {
            to.item("generalPractitioner").set("reference", &party.reference);
            cx.mapped(participation, "Patient.generalPractitioner");
        }
        return;
    }
    contact(cx, entity, function, to, Some(class));
    if let Some(time) = participation.get("time") {
        time.descendants().for_each(|node| {
            node.null_flavor();
        });
    }
}

fn contact(
    cx: &mut Context<'_>,
    entity: Node<'_>,
    function: Option<Node<'_>>,
    to: &mut ElementMut<'_>,
    class: Option<&str>,
) {
    const ROLES: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleClass";
    let mut tree = Tree::new("Patient");
    let mut item = tree.edit();
    for code in entity.get("code").into_iter().chain(function) {
        coded::push_concept(cx, code, &mut item, "relationship");
    }
    if let Some(class) = class.filter(|class| !class.is_empty()) {
        item.item("relationship").item("coding").set("system", ROLES).set("code", class);
    }
    if let Some(name) = ["guardianPerson", "associatedPerson"].iter().find_map(|name| entity.get(name)?.get("name")) {
        let mut names = Tree::new("Patient");
        parts::push_names(cx, name.parent().unwrap_or(name), &mut names.edit());
        if let Some(name) = names.root().get("name") {
            item.copy_as("name", name, false);
        }
    }
    parts::push_telecoms(cx, entity, &mut item);
    if let Some(address) = entity.all("addr").find(|address| address.has_text()) {
        parts::fill_address(cx, address, &mut item.object("address"));
    }
    let organization = entity.get("guardianOrganization").or(entity.get("scopingOrganization"));
    if let Some(reference) = organization.and_then(|node| people::organization(cx, node)) {
        item.object("organization").set("reference", &reference);
    }
    // A contact without name, telecom, address or organisation breaks pat-1 and helps nobody.
    if ["name", "telecom", "address", "organization"].iter().any(|part| tree.root().get(part).is_some()) {
        let mut made = to.item("contact");
        for child in tree.root().children() {
            made.copy(child);
        }
        cx.mapped(entity, "Patient.contact");
    }
    entity.descendants().for_each(|part| {
        part.null_flavor();
    });
}
