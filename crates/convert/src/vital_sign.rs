//! Vital signs by their LOINC code: FHIR holds every Observation with such a code against a profile of its own,
//! <http://hl7.org/fhir/R4/observation-vitalsigns.html>.

use model::{ElementMut, json};

const CODES: [&str; 11] =
    ["9279-1", "8867-4", "2708-6", "8310-5", "8302-2", "9843-4", "29463-7", "39156-5", "85354-9", "8480-6", "8462-4"];
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const ORIGINAL: &str = "http://hl7.org/fhir/StructureDefinition/originalText";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// The text of a concept that has nothing else.
fn said(value: model::Element<'_>) -> Option<&str> {
    value.text_at("text").filter(|_| value.children().count() == 1)
}

/// Gives an Observation of a vital sign its category and its time, or why there is none. A value that is no quantity moves
/// to a note, as the profile allows no other. What the source lacks or has otherwise comes back in words, for the report.
#[must_use]
pub(crate) fn complete_vital_sign(to: &mut ElementMut<'_>) -> Vec<String> {
    let mut defects = Vec::new();
    let codes = to.as_element().every("code.coding");
    let vital = codes.iter().any(|coding| {
        coding.text_at("system") == Some("http://loinc.org")
            && coding.text_at("code").is_some_and(|code| CODES.contains(&code))
    });
    if !vital {
        return defects;
    }
    let known = to.as_element().every("category.coding.code").iter().any(|code| code.text() == Some("vital-signs"));
    if !known {
        to.item("category").item("coding").set("system", CATEGORY).set("code", "vital-signs");
    }
    if !to.as_element().children().any(|child| child.name().starts_with("effective")) {
        crate::european::absent(&mut to.primitive("effectiveDateTime"));
        defects.push("The vital sign has no time, which its profile asks.".to_owned());
    }
    // The profile wants the day at least: a coarser time stands beside the unknown one.
    let coarse = to.as_element().text_at("effectiveDateTime").filter(|time| time.len() < 10).map(str::to_owned);
    if let Some(time) = coarse {
        to.remove("effectiveDateTime");
        let mut primitive = to.primitive("effectiveDateTime");
        primitive.item("extension").set("url", ORIGINAL).set("valueString", time.as_str());
        crate::european::absent(&mut primitive);
        defects.push(format!("The time of a vital sign, {time}, is less precise than a day, which its profile asks."));
    }
    let other =
        to.as_element().children().find(|child| child.name().starts_with("value") && child.name() != "valueQuantity");
    let other = other.map(|found| {
        (found.name().to_owned(), found.text().or(said(found)).map_or_else(|| json::to_string(found), str::to_owned))
    });
    if let Some((name, words)) = other {
        to.remove(&name);
        to.object("dataAbsentReason").item("coding").set("system", REASON).set("code", "unsupported");
        to.item("note").set("text", format!("Value that is no quantity: {words}").as_str());
        defects.push(
            "The value of the vital sign is no single quantity, which its profile asks; it stands in a note."
                .to_owned(),
        );
    }
    defects
}
