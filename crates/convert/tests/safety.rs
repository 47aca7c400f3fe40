//! Cases of negation, nullity, status, dose and identity that a naive map gets wrong. The cases of `tests/safety/*.txt` are
//! data: a name, the LOINC code of the section, the type of the resource, texts that must (`has`) and must not (`not`) be in
//! its JSON, and the entry.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{converted, document, first, section, summary};

/// Runs the cases of one file.
fn check(cases: &str, least: usize) {
    let mut count = 0;
    for case in cases.split("## ").filter(|case| !case.trim().is_empty()) {
        let at = case.find("\n<").unwrap_or_else(|| panic!("no entry: {case}"));
        let (head, entry) = case.split_at(at);
        let mut lines = head.lines();
        let name = lines.next().unwrap_or_default();
        let (mut code, mut kind, mut checks) = ("", "", Vec::new());
        for line in lines {
            match line.split_once(' ') {
                Some(("section", value)) => code = value,
                Some(("resource", value)) => kind = value,
                Some(("has", value)) => checks.push((true, value)),
                Some(("not", value)) => checks.push((false, value)),
                _ => panic!("{name}: {line:?}"),
            }
        }
        let draft = converted(&summary(code, entry));
        let found = first(&draft, kind);
        assert!(!found.is_empty(), "{name}: no {kind}");
        assert!(!checks.is_empty(), "{name}: nothing is checked");
        for (must, text) in checks {
            assert_eq!(found.contains(text), must, "{name}: {text} in {found}");
        }
        count += 1;
    }
    assert!(count >= least, "{count} cases");
}

#[test]
fn allergies() {
    check(include_str!("safety/allergies.txt"), 14);
}

#[test]
fn problems() {
    check(include_str!("safety/problems.txt"), 16);
}

#[test]
fn medications() {
    check(include_str!("safety/medications.txt"), 15);
}

#[test]
fn observations() {
    check(include_str!("safety/observations.txt"), 10);
}

#[test]
fn procedures_vaccinations_and_plans() {
    check(include_str!("safety/procedures.txt"), 7);
}

#[test]
fn hazards() {
    check(include_str!("safety/hazards.txt"), 46);
}

#[test]
fn a_relative_leaves_nothing_of_the_patient() {
    let cases = include_str!("safety/hazards.txt").split("## ").filter(|case| case.contains("relatedSubject"));
    let mut count = 0;
    for case in cases {
        let entry = case.get(case.find("\n<").unwrap()..).unwrap();
        let draft = converted(&summary("10157-6", entry));
        for kind in ["Condition", "AllergyIntolerance", "MedicationStatement", "Procedure"] {
            assert_eq!(first(&draft, kind), "", "{case}");
        }
        let own = first(&draft, "Observation");
        assert!(own.is_empty() || own.contains("\"focus\""), "{own}");
        count += 1;
    }
    assert!(count >= 5);
}

#[test]
fn two_agents_are_two_allergies() {
    let agent = |code: &str| {
        format!(
            "<participant typeCode='CSM'><participantRole><playingEntity><code code='{code}' \
             codeSystem='2.16.840.1.113883.6.96'/></playingEntity></participantRole></participant>"
        )
    };
    let entry = format!(
        "<entry><observation classCode='OBS' moodCode='EVN'><id root='2.16.840.1.113883.19.5.9' extension='1'/>\
         <code code='ASSERTION' codeSystem='2.16.840.1.113883.5.4'/><statusCode code='completed'/>\
         <value xsi:type='CD' code='416098002' codeSystem='2.16.840.1.113883.6.96'/>{}{}</observation></entry>",
        agent("764146007"),
        agent("387207008")
    );
    let draft = converted(&summary("48765-2", &entry));
    let found = support::resources(&draft.document, "AllergyIntolerance");
    let codes: Vec<_> = found.iter().filter_map(|allergy| allergy.text_at("code.coding.code")).collect();
    assert_eq!(codes.len(), 2);
    assert!(codes.contains(&"764146007") && codes.contains(&"387207008"), "{codes:?}");
    // One identifier for both would make one of them when they are stored.
    assert_eq!(found.iter().filter(|allergy| allergy.get("identifier").is_some()).count(), 1);
    assert_eq!(section(&draft, "48765-2").matches("urn:uuid:").count(), 2);
}

#[test]
fn what_holds_statements_is_no_procedure() {
    let held = |code: &str, inner: &str| {
        let act = format!(
            "<entry><act classCode='ACT' moodCode='EVN'><code code='{code}' codeSystem='2.16.840.1.113883.6.1'/><statusCode code='active'/>\
             <entryRelationship typeCode='SUBJ'>{inner}</entryRelationship></act></entry>"
        );
        converted(&summary("10183-2", &act))
    };
    let medicine = "<substanceAdministration classCode='SBADM' moodCode='EVN'><statusCode code='active'/><consumable><manufacturedProduct>\
                    <manufacturedMaterial><code code='C07AB02' codeSystem='2.16.840.1.113883.6.73'/></manufacturedMaterial>\
                    </manufacturedProduct></consumable></substanceAdministration>";
    let draft = held("10183-2", medicine);
    assert_eq!(first(&draft, "Procedure"), "");
    assert!(first(&draft, "MedicationStatement").contains("\"active\""));
    // What is to be reached was not measured, wherever it stands.
    let goal = "<observation classCode='OBS' moodCode='GOL'><code code='29463-7' codeSystem='2.16.840.1.113883.6.1'/>\
                <value xsi:type='PQ' value='70' unit='kg'/></observation>";
    let draft = held("75326-9", goal);
    assert_eq!(first(&draft, "Observation") + &first(&draft, "Procedure"), "");
    assert!(first(&draft, "Goal").contains("\"value\":70"));
}

#[test]
fn a_document_of_two_patients_is_refused() {
    let with = |id: &str| {
        let other = format!(
            "<recordTarget><patientRole><id root='2.16.840.1.113883.19.5.2' extension='{id}'/></patientRole></recordTarget>"
        );
        let text = summary("11450-4", "").replace("<recordTarget>", &format!("{other}<recordTarget>"));
        support::convert_bytes(text.as_bytes())
    };
    let refusal = with("q").err().map(|refusal| refusal.to_string()).unwrap_or_default();
    assert!(refusal.contains("several patients"), "{refusal}");
    assert!(with("p").is_ok());
}

#[test]
fn a_wrong_key_of_an_ins_is_named() {
    let with = |number: &str| {
        let text = summary("11450-4", "").replace("root='2.16.840.1.113883.19.5.2' extension='p'", number);
        converted(&text)
    };
    let named = |number: &str| with(number).report.issues.iter().any(|issue| issue.text.contains("number and key"));
    assert!(!named("root='1.2.250.1.213.1.4.10' extension='180067500001701'"));
    assert!(named("root='1.2.250.1.213.1.4.10' extension='180067500001702'"));
    let patient = first(&with("root='1.2.250.1.213.1.4.10' extension='180067500001702'"), "Patient");
    assert!(patient.contains("INS-NIR-TEST") && patient.contains("180067500001702"), "{patient}");
}

#[test]
fn a_code_that_its_system_cannot_have_is_kept_and_named() {
    let entry = |code: &str| {
        format!(
            r#"<entry><observation classCode="OBS" moodCode="EVN"><templateId root="1.3.6.1.4.1.19376.1.5.3.1.4.5"/>
            <code code="55607006" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/>
            <value xsi:type="CD" code="{code}" codeSystem="2.16.840.1.113883.6.96" displayName="x"/></observation></entry>"#
        )
    };
    let named = |code: &str| {
        let draft = converted(&summary("11450-4", &entry(code)));
        assert!(first(&draft, "Condition").contains(&format!("\"code\":\"{code}\"")), "{code}");
        let said = draft.report.issues.iter().filter(|issue| issue.code == model::IssueType::Value);
        said.filter(|issue| issue.text.contains(&format!("can have no code {code:?}"))).count()
    };
    assert_eq!(named("38341003"), 0);
    assert_eq!(named("38341004"), 1, "a mistyped digit");
    assert_eq!(named("I10"), 1, "a code of ICD-10");
}

#[test]
fn no_known_medications_is_not_turned_around() {
    let nothing = "<entry><substanceAdministration classCode='SBADM' moodCode='INT' negationInd='true'><code \
                   code='no-known-medications' codeSystem='2.16.840.1.113883.5.1150.1'/></substanceAdministration></entry>";
    let found = first(&converted(&summary("10160-0", nothing)), "MedicationStatement");
    assert!(found.contains("no-known-medications") && !found.contains("not-taken"), "{found}");
}

#[test]
fn a_device_that_nobody_names_is_none() {
    let none = "<text>No devices</text><entry><supply classCode='SPLY' moodCode='EVN' nullFlavor='NI'><participant \
                typeCode='DEV'><participantRole><playingDevice><code nullFlavor='NI'/></playingDevice></participantRole>\
                </participant></supply></entry>";
    let draft = converted(&summary("46264-8", none));
    assert_eq!(first(&draft, "Device"), "");
    assert!(section(&draft, "46264-8").contains("unavailable"), "{}", section(&draft, "46264-8"));
}

#[test]
fn sections_that_are_missing_or_empty_say_unavailable_and_never_none() {
    let draft = converted(&document("<component><structuredBody/></component>"));
    for code in ["11450-4", "48765-2", "10160-0", "47519-4", "46264-8"] {
        let found = section(&draft, code);
        assert!(found.contains("\"unavailable\""), "{code}: {found}");
        assert!(!found.contains("nilknown") && !found.contains("withheld"), "{code}: {found}");
    }
    let asked = summary("48765-2", "<text/>").replace("<section>", "<section nullFlavor='NASK'>");
    assert!(section(&converted(&asked), "48765-2").contains("notasked"));
    let masked = summary("48765-2", "<text/>").replace("<section>", "<section nullFlavor='MSK'>");
    assert!(section(&converted(&masked), "48765-2").contains("unavailable"));
    let told = section(&converted(&summary("48765-2", "<text>No known allergies.</text>")), "48765-2");
    assert!(told.contains("No known allergies.") && told.contains("unavailable") && !told.contains("entry"), "{told}");
}

#[test]
fn scripts_and_links_do_not_pass_the_narrative() {
    let text = "<text><content ID='a\"b' onclick='x()'>A<linkHtml href='javascript:x()'>B</linkHtml></content>\
                <paragraph ID='k'>1</paragraph><paragraph ID='k'>2</paragraph><script>alert(1)</script></text>";
    let found = section(&converted(&summary("11450-4", text)), "11450-4");
    for text in ["onclick", "javascript", "<script"] {
        assert!(!found.contains(text), "{text} in {found}");
    }
    assert_eq!(found.matches("id=\\\"k\\\"").count(), 1, "{found}");
    assert!(found.contains(">B<"), "{found}");
}

#[test]
fn identity_is_kept_and_not_invented() {
    let text = summary("11450-4", "").replace(
        "<patient><name><given>A</given><family>B</family></name><birthTime value='1980'/></patient>",
        "<patient><name nullFlavor='MSK'/><administrativeGenderCode nullFlavor='UNK'/><birthTime nullFlavor='ASKU'/></patient>",
    );
    let patient = first(&converted(&text), "Patient");
    assert!(
        patient.contains("masked") && patient.contains("_birthDate") && patient.contains("asked-unknown"),
        "{patient}"
    );
    assert!(!patient.contains("\"family\"") && !patient.contains("\"gender\":\"unknown\""), "{patient}");
    let two = summary("11450-4", "")
        .replace("<family>B</family>", "<family>Wed</family><family qualifier='BR'>Born</family>");
    let patient = first(&converted(&two), "Patient");
    assert!(
        patient.contains("\"family\":\"Wed\"") && patient.contains("\"family\":\"Born\"") && patient.contains("BR"),
        "{patient}"
    );
}

#[test]
fn several_statements_in_one_entry_are_all_carried() {
    let statement = |code: &str| {
        format!(
            "<observation classCode='OBS' moodCode='EVN'><code code='{code}' codeSystem='2.16.840.1.113883.6.1'/>\
             <statusCode code='completed'/><value xsi:type='PQ' value='3' unit='mmol/L'/></observation>"
        )
    };
    let entry = format!("<entry>{}{}</entry>", statement("2160-0"), statement("2951-2"));
    let draft = converted(&summary("30954-2", &entry));
    let codes: Vec<_> = support::resources(&draft.document, "Observation")
        .iter()
        .filter_map(|observation| observation.text_at("code.coding.code").map(str::to_owned))
        .collect();
    assert_eq!(codes, ["2160-0", "2951-2"]);
    assert!(draft.report.losses().next().is_none(), "{:?}", draft.report.issues);
}

fn patient_with(from: &str, to: &str) -> String {
    let text = summary("11450-4", "");
    assert!(text.contains(from));
    first(&converted(&text.replace(from, to)), "Patient")
}

#[test]
fn an_identifier_that_is_null_is_none_and_the_other_stays() {
    let own = "<id root='2.16.840.1.113883.19.5.2' extension='p'/>";
    let patient = patient_with(
        own,
        &format!("<id nullFlavor='UNK'/>{own}<id root='2.16.840.1.113883.19.5.9' nullFlavor='MSK'/>"),
    );
    assert!(patient.contains("\"value\":\"p\"") && !patient.contains("UNK"), "{patient}");
    // A register without a number names nobody: its OID is not the patient's identifier.
    assert!(!patient.contains("\"value\":\"urn:oid:2.16.840.1.113883.19.5.9\""), "{patient}");
    let twice = patient_with(own, &format!("{own}<id root='2.16.840.1.113883.19.5.3' extension='q'/>"));
    assert!(twice.contains("\"value\":\"p\"") && twice.contains("\"value\":\"q\""), "{twice}");
}

#[test]
fn a_birth_date_keeps_the_precision_it_has() {
    let born = |value: &str| patient_with("<birthTime value='1980'/>", &format!("<birthTime {value}/>"));
    assert!(born("value='1980'").contains("\"birthDate\":\"1980\""));
    assert!(born("value='198005'").contains("\"birthDate\":\"1980-05\""));
    assert!(born("value='19800506'").contains("\"birthDate\":\"1980-05-06\""));
    let unknown_day = born("value='19800500'");
    assert!(
        !unknown_day.contains("1980-05-01") && !unknown_day.contains("\"birthDate\":\"1980-05-00\""),
        "{unknown_day}"
    );
    assert!(unknown_day.contains("19800500") || unknown_day.contains("\"birthDate\":\"1980-05\""), "{unknown_day}");
}

#[test]
fn a_patient_who_died_is_dead() {
    let dead = |more: &str| {
        patient_with("<birthTime value='1980'/>", &format!("<birthTime value='1980'/>{more}"))
            .replace("\"extension\":[]", "")
    };
    let told = dead("<sdtc:deceasedInd xmlns:sdtc='urn:hl7-org:sdtc' value='true'/>");
    assert!(told.contains("\"deceasedBoolean\":true"), "{told}");
    let when = dead(
        "<sdtc:deceasedInd xmlns:sdtc='urn:hl7-org:sdtc' value='true'/>\
         <sdtc:deceasedTime xmlns:sdtc='urn:hl7-org:sdtc' value='20260101'/>",
    );
    assert!(when.contains("\"deceasedDateTime\":\"2026-01-01\""), "{when}");
    let unknown = dead("<sdtc:deceasedInd xmlns:sdtc='urn:hl7-org:sdtc' nullFlavor='UNK'/>");
    assert!(
        !unknown.contains("\"deceasedBoolean\":false") && !unknown.contains("\"deceasedBoolean\":true"),
        "{unknown}"
    );
}
