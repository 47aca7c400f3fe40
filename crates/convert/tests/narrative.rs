//! Links between entries and narrative, both ways: entries point to the words they came from, the narrative keeps the ids.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{converted, first, section, summary};

const LINK: &str = "http://hl7.org/fhir/StructureDefinition/narrativeLink";

const LINKED: &str = "<text><table><tbody><tr ID='row1'><td><content ID='what1'>Hay fever</content></td></tr></tbody>\
    </table><paragraph>See <linkHtml href='#row1'>the table</linkHtml></paragraph></text>\
    <entry><observation classCode='OBS' moodCode='EVN'><code code='55607006' codeSystem='2.16.840.1.113883.6.96'/>\
    <text><reference value='#row1'/></text><value xsi:type='CD' code='367498001' codeSystem='2.16.840.1.113883.6.96'>\
    <originalText><reference value='#what1'/></originalText></value></observation></entry>";

#[test]
fn entries_point_to_their_words_and_the_words_are_there() {
    let draft = converted(&summary("11450-4", LINKED));
    let condition = first(&draft, "Condition");
    let entry = draft.document.root().all("entry").next().unwrap();
    assert_eq!(entry.get("resource").unwrap().resource_type(), Some("Composition"));
    let composition = entry.text_at("fullUrl").unwrap();
    for id in ["row1", "what1"] {
        let link = format!("{{\"url\":\"{LINK}\",\"valueUrl\":\"{composition}#{id}\"}}");
        assert!(condition.contains(&link), "{link} in {condition}");
        assert!(section(&draft, "11450-4").contains(&format!("id=\\\"{id}\\\"")), "{id}");
    }
    // The words themselves stand in the resource, too: as its text and as what the code was called.
    assert!(condition.contains("<p>Hay fever</p>") && condition.contains("\"text\":\"Hay fever\""), "{condition}");
    assert!(section(&draft, "11450-4").contains("href=\\\"#row1\\\""));
    assert!(draft.report.losses().next().is_none(), "{:?}", draft.report.issues);
}

#[test]
fn a_reference_to_nothing_is_no_link() {
    let lost = LINKED.replace("value='#row1'", "value='#row9'").replace("ID='what1'", "ID='what 1'");
    let draft = converted(&summary("11450-4", &lost));
    let condition = first(&draft, "Condition");
    assert!(!condition.contains(LINK), "{condition}");
    assert!(draft.report.issues.iter().any(|issue| issue.text.contains("#row9")), "{:?}", draft.report.issues);
}
