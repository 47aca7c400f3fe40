//! HL7 v2 messages: cases of status, nullity, time and identity that a naive map gets wrong, an independent account of what
//! became of every field, and text that nobody should send.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use convert::Draft;
use model::json;

const HEADER: &str = "MSH|^~\\&|LIS|LAB|KIS|WARD|20261012110000+0200||ORU^R01^ORU_R01|M1|P|2.5.1\rPID|1||P1^^^&2.16.840.1.113883.19.5&ISO^PI||Doe^Jan||19700101|M\rOBR|1||F1^LIS|58410-2^CBC^LN|||20261012081500|||||||||||||||||CH|F\r";

fn converted(message: &str) -> Draft {
    support::convert_bytes(message.as_bytes()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn result(segment: &str) -> String {
    support::first(&converted(&format!("{HEADER}{segment}\r")), "Observation")
}

/// Segment, texts that must be in the Observation, texts that must not.
const RESULTS: [(&str, &[&str], &[&str]); 22] = [
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||F", &["\"value\":129,", "\"final\"", "mmol/L"], &["dataAbsent"]),
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||C", &["\"corrected\"", "\"value\":129,"], &[]),
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||P", &["\"preliminary\""], &["\"final\""]),
    (
        "OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||X",
        &["\"cancelled\"", "not-performed", "Not a result"],
        &["valueQuantity"],
    ),
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||D", &["entered-in-error"], &["valueQuantity"]),
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||W", &["entered-in-error", "Not a result"], &["valueQuantity"]),
    ("OBX|1|NM|2951-2^Na^LN||||||||I", &["\"registered\"", "temp-unknown"], &["\"final\""]),
    ("OBX|1|NM|2951-2^Na^LN||||||||N", &["not-asked"], &["\"final\""]),
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L", &["\"status\":\"unknown\""], &["\"final\""]),
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||?", &["\"status\":\"unknown\""], &["\"final\""]),
    ("OBX|1|NM|2951-2^Na^LN||\"\"|mmol/L|||||F", &["dataAbsentReason"], &["valueQuantity", "valueString"]),
    ("OBX|1|NM|2951-2^Na^LN||<5|mmol/L|||||F", &["\"comparator\":\"<\"", "\"value\":5,"], &["valueString"]),
    ("OBX|1|NM|2951-2^Na^LN||haemolysed|mmol/L|||||F", &["\"valueString\":\"haemolysed mmol/L\""], &["valueQuantity"]),
    ("OBX|1|NM|2951-2^Na^LN||1.50|mmol/L|||||F", &["\"value\":1.50,"], &[]),
    ("OBX|1|NM|2951-2^Na^LN||5|furlong|||||F", &["\"unit\":\"furlong\""], &["unitsofmeasure"]),
    ("OBX|1|SN|2951-2^Na^LN||^1^:^128||||||F", &["valueRatio", "\"value\":128"], &["valueQuantity"]),
    ("OBX|1|SN|2951-2^Na^LN||^3^-^5||||||F", &["valueRange"], &["valueQuantity"]),
    ("OBX|1|SN|2951-2^Na^LN||^2^+||||||F", &["\"valueString\":\"2+\""], &["valueQuantity"]),
    (
        "OBX|1|NM|2951-2^Na^LN||129|mmol/L|135-145|LL~A|||F",
        &["\"code\":\"LL\"", "\"code\":\"A\"", "\"value\":135,", "135-145"],
        &[],
    ),
    ("OBX|1|NM|2951-2^Na^LN||129|mmol/L|adults: 135-145|L|||F", &["adults: 135-145"], &["\"value\":135,"]),
    ("OBX|1|DT|2951-2^Na^LN||202610||||||F", &["\"valueDateTime\":\"2026-10\""], &["2026-10-01"]),
    ("OBX|1|CE|2951-2^Na^LN||^free words||||||F", &["free words"], &["\"code\":\"free words\""]),
];

#[test]
fn a_status_decides_what_is_a_result_and_a_value_stays_what_it_is() {
    for (segment, must, must_not) in RESULTS {
        let found = result(segment);
        for text in must {
            assert!(found.contains(text), "{segment}: {text} is not in {found}");
        }
        for text in must_not {
            assert!(!found.contains(text), "{segment}: {text} is in {found}");
        }
    }
}

#[test]
fn what_a_vital_sign_lacks_is_in_the_report() {
    let order =
        "MSH|^~\\&|A|B|C|D|20261012||OML^O21|M1|P|2.5.1\rPID|1||P1||Doe^Jan\rORC|NW|R1\rOBR|1|R1||58410-2^CBC^LN\r";
    let told = |segment: &str| converted(&format!("{order}{segment}\r")).report.issues;
    let found = told("OBX|1|NM|29463-7^Weight^LN||71|kg|||||F");
    let issue = found.iter().find(|issue| issue.text.contains("has no time")).expect("the missing time is named");
    assert!(issue.position.is_some() && issue.path.starts_with("OBX"), "{issue:?}");
    assert!(
        !told("OBX|1|NM|29463-7^Weight^LN||71|kg|||||F|||20261012").iter().any(|issue| issue.text.contains("time"))
    );
    assert!(!told("OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||F").iter().any(|issue| issue.text.contains("has no time")));
}

#[test]
fn times_take_the_zone_of_the_message_and_keep_their_precision() {
    let found = result("OBX|1|NM|2951-2^Na^LN||1||||||F|||202610120815");
    assert!(found.contains("2026-10-12T08:15:00+02:00"), "{found}");
    let found = result("OBX|1|NM|2951-2^Na^LN||1||||||F|||202610");
    assert!(found.contains("\"effectiveDateTime\":\"2026-10\""), "{found}");
    let bare = HEADER.replace("+0200", "");
    let found =
        support::first(&converted(&format!("{bare}OBX|1|NM|2951-2^Na^LN||1||||||F|||202610120815\r")), "Observation");
    assert!(found.contains("\"effectiveDateTime\":\"2026-10-12\"") && !found.contains("T08:15"), "{found}");
}

type Case = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// Kind of message, segments after the patient's, resource, texts that must and must not be in it.
const SEGMENTS: [Case; 16] = [
    (
        "ADT^A01",
        "AL1|1|DA|7980^Penicillin^99L|SV|Rash",
        "AllergyIntolerance",
        &["Penicillin", "severe", "Rash"],
        &["refuted"],
    ),
    ("ADT^A01", "IAM|1|DA|7980^Penicillin^99L|SV||D", "AllergyIntolerance", &["entered-in-error"], &["clinicalStatus"]),
    ("ADT^A01", "DG1|1||J18.9^Pneumonia^I10|||W", "Condition", &["provisional"], &["confirmed\""]),
    ("ADT^A01", "DG1|1||J18.9^Pneumonia^I10|||A", "Condition", &["J18.9"], &["verificationStatus"]),
    ("ADT^A11", "PV1|1|I|W^1^2", "Encounter", &["\"cancelled\""], &["in-progress"]),
    ("ADT^A03", "PV1|1|I|W^1^2", "Encounter", &["\"finished\""], &[]),
    ("ADT^A08", "PV1|1|I|W^1^2", "Encounter", &["\"unknown\""], &["in-progress"]),
    ("RDE^O11", "ORC|DC|R1\rRXE||J01CA04^Amoxicillin^WC|1||mg", "MedicationRequest", &["\"stopped\""], &["\"active\""]),
    (
        "RDE^O11",
        "ORC|CA|R1|||A\rRXE||J01CA04^Amoxicillin^WC|1||mg",
        "MedicationRequest",
        &["\"cancelled\""],
        &["\"active\""],
    ),
    ("RDE^O11", "ORC||R1\rRXE||J01CA04^Amoxicillin^WC|1||mg", "MedicationRequest", &["\"unknown\""], &["\"active\""]),
    ("ORM^O01", "ORC|CA|R1||||\rOBR|1|R1||58410-2^CBC^LN", "ServiceRequest", &["revoked"], &["\"active\""]),
    (
        "VXU^V04",
        "RXA|0|1|20261012||141^Influenza^CVX|999||||||||||||00^Parental decision^NIP002||RE",
        "Immunization",
        &["not-done", "Parental"],
        &["doseQuantity", "completed"],
    ),
    (
        "VXU^V04",
        "RXA|0|1|20261012||08^HepB^CVX|1|mL|||||||||||||CP|D",
        "Immunization",
        &["entered-in-error"],
        &["completed"],
    ),
    ("MDM^T11", "TXA|1|DS|TX||||||||||D1", "DocumentReference", &["entered-in-error"], &["\"current\""]),
    ("ADT^A40", "MRG|OLD^^^&2.16.840.1.113883.19.5&ISO^PI", "Patient", &["\"replaces\""], &["deceased"]),
    ("ADT^A29", "EVN|A29", "Patient", &["\"active\":false"], &["deceased"]),
];

#[test]
fn what_was_taken_back_refused_or_only_suspected_stays_so() {
    for (kind, segments, resource, must, must_not) in SEGMENTS {
        let message = format!(
            "MSH|^~\\&|A|B|C|D|20261012110000+0200||{kind}|M1|P|2.5.1\rPID|1||P1^^^&2.16.840.1.113883.19.5&ISO^PI||Doe^Jan||19700101|M\r{segments}\r"
        );
        let found = support::first(&converted(&message), resource);
        for text in must {
            assert!(found.contains(text), "{kind} {segments}: {text} is not in {found:?}");
        }
        for text in must_not {
            assert!(!found.contains(text), "{kind} {segments}: {text} is in {found}");
        }
    }
}

#[test]
fn an_empty_or_deleted_allergy_is_none_and_never_none_known() {
    for substance in ["", "\"\""] {
        let message =
            format!("MSH|^~\\&|A|B|C|D|20261012||ADT^A08|M1|P|2.5\rPID|1||P1||Doe^Jan\rAL1|1|DA|{substance}|SV\r");
        let draft = converted(&message);
        assert!(support::first(&draft, "AllergyIntolerance").is_empty());
        assert!(draft.report.losses().any(|issue| issue.path.starts_with("AL1[1]")));
    }
}

/// PID-29 and PID-30, texts that must and must not be in the Patient.
const DEATHS: [(&str, &str, &str, &str); 6] = [
    ("", "Y", "\"deceasedBoolean\":true", "deceasedDateTime"),
    ("", "N", "\"deceasedBoolean\":false", "true"),
    ("", "", "\"id\"", "deceased"),
    ("", "?", "\"id\"", "deceased"),
    ("20261011", "", "\"deceasedDateTime\":\"2026-10-11\"", "deceasedBoolean"),
    ("20261011", "N", "\"deceasedDateTime\":\"2026-10-11\"", "deceasedBoolean"),
];

#[test]
fn a_death_is_said_only_where_the_message_says_it() {
    for (when, dead, must, must_not) in DEATHS {
        let fields = "|".repeat(21);
        let message = format!(
            "MSH|^~\\&|A|B|C|D|20261012||ADT^A08|M1|P|2.5\rPID|1||P1||Doe^Jan||19700101|M{fields}{when}|{dead}\r"
        );
        let draft = converted(&message);
        let patient = support::first(&draft, "Patient");
        assert!(patient.contains(must) && !patient.contains(must_not), "{when} {dead}: {patient}");
        let told = draft.report.losses().any(|issue| issue.path == "PID[1]-30");
        assert_eq!(told, dead == "?" || !when.is_empty() && dead == "N", "{when} {dead}");
    }
}

#[test]
fn no_known_allergy_is_a_statement_and_no_substance() {
    for (substance, code) in
        [("^NKDA", "409137002"), ("NKA^NKA^L", "716186003"), ("^No known food allergies", "429625007")]
    {
        let segment = format!("AL1|1|DA|{substance}|");
        let message = format!("MSH|^~\\&|A|B|C|D|20261012||ADT^A08|M1|P|2.5\rPID|1||P1||Doe^Jan\r{segment}\r");
        let allergy = support::first(&converted(&message), "AllergyIntolerance");
        assert!(allergy.contains(code) && !allergy.contains("reaction"), "{substance}: {allergy}");
        // A reaction beside it contradicts it, and the report says so.
        let draft = converted(&message.replace(&segment, &format!("{segment}SV|Rash")));
        assert!(draft.report.losses().any(|issue| issue.path == "AL1[1]-3"), "{substance}");
    }
}

#[test]
fn results_of_one_name_are_told_apart_by_their_sub_identifiers() {
    let results = |second: &str| {
        let rows = format!(
            "OBX|1|CE|600-7^Bacteria^LN|1|112283007^E. coli^SCT||||||F\rOBX|2|CE|600-7^Bacteria^LN|{second}|3092008^S. aureus^SCT||||||F\r"
        );
        let draft = converted(&format!("{HEADER}{rows}"));
        support::resources(&draft.document, "Observation")
            .iter()
            .map(|found| json::to_string(*found))
            .collect::<String>()
    };
    let two = results("2");
    assert!(two.contains("Sub-identifier 1") && two.contains("Sub-identifier 2"), "{two}");
    assert!(!results("1").contains("Sub-identifier"));
}

#[test]
fn what_the_prescriber_ordered_stands_beside_what_the_pharmacy_prepared() {
    let draft = converted(
        "MSH|^~\\&|A|B|C|D|20261012||RDE^O11|M1|P|2.5.1\rPID|1||P1||Doe^Jan\rORC|NW|R1\rRXO|J01CR02^Co-amoxiclav^WC|625||mg\rRXR|PO^oral^HL70162\rRXE||J01CA04^Amoxicillin^WC|500||mg||||||||||||||||||||||||||372687004^Amoxicillin^SCT\rTQ1|1||BID|||7^D\rRXR|PO^oral^HL70162\rRXR|IV^intravenous^HL70162\r",
    );
    assert_eq!(support::resources(&draft.document, "MedicationRequest").len(), 1);
    let request = support::first(&draft, "MedicationRequest");
    for text in [
        "\"value\":500,",
        "Ordered by the prescriber: dose: 625 mg; route: PO oral HL70162.",
        "supportingInformation",
        "Alternative route: intravenous",
        "\"boundsDuration\":{\"value\":7,",
        "\"code\":\"BID\"",
    ] {
        assert!(request.contains(text), "{text}: {request}");
    }
    let medications = support::resources(&draft.document, "Medication");
    let codes: Vec<_> = medications.iter().filter_map(|found| found.text_at("code.coding.code")).collect();
    assert_eq!(codes, ["J01CA04", "J01CR02"]);
    assert!(json::to_string(medications[0]).contains("\"code\":\"372687004\""));
}

/// OBX-3 and what the report says of its code systems.
#[test]
fn code_systems_that_nobody_knows_are_named_in_the_report() {
    for (code, told) in [
        ("X1^Local test^L", ""),
        ("X1^Local test^99LAB", "\"99LAB\" of \"X1\" has no URI"),
        ("X1^Class^HL70064", "\"HL70064\" of \"X1\" has no URI"),
        ("X1^Test^1.2.3", "The OID 1.2.3 is too short"),
        ("2951-3^Sodium^LN", "can have no code \"2951-3\": its check digit does not fit"),
        ("2951-2^Sodium^LN^NA^Natrium^99LAB", "\"99LAB\" of \"NA\" has no URI"),
    ] {
        let draft = converted(&format!("{HEADER}OBX|1|NM|{code}||129|mmol/L|||||F\r"));
        let said = draft.report.issues.iter().filter(|issue| issue.path == "OBX[1]-3");
        let said: Vec<&str> = said.map(|issue| issue.text.as_str()).collect();
        assert_eq!(said.is_empty(), told.is_empty(), "{code}: {said:?}");
        assert!(said.is_empty() || said.iter().any(|text| text.contains(told)), "{code}: {said:?}");
        // A code never gets a system that it does not have.
        let observation = support::first(&draft, "Observation");
        assert!(!observation.contains("v2-0064"), "{observation}");
    }
}

#[test]
fn a_participation_that_is_taken_back_makes_none() {
    for (action, count) in [("AD", 1), ("DE", 0)] {
        let message = format!(
            "MSH|^~\\&|A|B|C|D|20261012||ADT^A01|M1|P|2.7\rPID|1||P1||Doe^Jan\rPV1|1|I|W^1^2\rROL|1|{action}|AT^Attending^HL70443|7^House^Gregory\r"
        );
        assert_eq!(support::resources(&converted(&message).document, "Provenance").len(), count, "{action}");
    }
}

#[test]
fn no_vaccine_given_is_no_vaccination() {
    let draft = converted(
        "MSH|^~\\&|A|B|C|D|20261012||VXU^V04|M1|P|2.5.1\rPID|1||P1||Doe^Jan\rORC|RE\rRXA|0|1|20261012||998^No vaccine administered^CVX|999\rOBX|1|CE|59784-9^Disease with presumed immunity^LN||38907003^Varicella^SCT||||||F\r",
    );
    assert!(support::first(&draft, "Immunization").is_empty());
    assert!(support::first(&draft, "Observation").contains("38907003"));
}

#[test]
fn two_orders_of_one_drug_are_one_prescription() {
    let draft = converted(
        "MSH|^~\\&|A|B|C|D|20261012||RDE^O11|M1|P|2.5.1\rPID|1||P1||Doe^Jan\rORC|NW|R1\rRXO|J01CA04^Amoxicillin^WC|500||mg\rRXE||J01CA04^Amoxicillin^WC|500||mg\r",
    );
    let types: Vec<_> = draft
        .document
        .root()
        .every("entry.resource")
        .iter()
        .filter(|found| found.resource_type() == Some("MedicationRequest"))
        .map(|_| ())
        .collect();
    assert_eq!(types.len(), 1);
    assert_eq!(draft.category, "Electronic-Prescriptions");
    let request = support::first(&draft, "MedicationRequest");
    assert!(request.contains("Ordered by the prescriber: dose: 500 mg.") && !request.contains("supportingInformation"));
}

#[test]
fn a_cda_inside_a_message_is_converted_as_one() {
    let cda = support::summary("11450-4", "");
    let data = STANDARD.encode(cda);
    let message = format!(
        "MSH|^~\\&|A|B|C|D|20261012||MDM^T02^MDM_T02|M1|P|2.5\rPID|1||P1||Doe^Jan\rTXA|1|PS|AP\rOBX|1|ED|60591-5^PS^LN||^TEXT^XML^Base64^{data}||||||F\r"
    );
    let draft = converted(&message);
    assert_eq!((draft.category.as_str(), draft.format), ("Patient-Summaries", "hl7v2"));
    assert!(draft.report.issues.iter().any(|issue| issue.path == "TXA[1]"));
}

/// Every word of a field stands in the document or in the report, found by a reading of the text of its own.
#[test]
fn every_field_is_in_the_document_or_in_the_report() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs");
    // Structure, and codes that FHIR expresses by a resource type, a field or a code of its own.
    const EXPRESSED: &str = " ISO CX NM SN CWE CE FT TX ED L H N F C X I P M PRN NET PH Internet XX RP Base64 AP PDF RE NW DC A R A01 T02 T11 TID D W DA FA MA SV O E ACCMGR AV CA LA SPO CM INTERNET NIP001 NIP002 LN SCT CVX MVX WC HL70063 HL70162 HL70163 I10 HL70396 99LAB 99LOK 999 DCM UTF-8 UNICODE AR DICOM Application RIS J CP GDT IMP ADT AU AV CN ORC OML RDS OMP OUL LIS ";
    let mut messages = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("input.hl7");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let draft = converted(&text);
        let mut written = json::to_string(draft.document.root()) + &json::to_string(draft.report.outcome().root());
        for data in draft.document.root().every("entry.resource.content.attachment.data") {
            let bytes = STANDARD.decode(data.text().unwrap()).unwrap();
            written.push_str(&String::from_utf8_lossy(&bytes));
        }
        let mut leaves = 0;
        for (number, line) in text.split('\r').enumerate() {
            // The separators, and the type of the message, which the kind of the document expresses.
            let fields = line.split('|').enumerate().filter(|(at, _)| *at > 0 && !(number == 0 && matches!(at, 1 | 8)));
            for leaf in fields.map(|(_, field)| field).flat_map(|field| field.split(['~', '^', '&'])) {
                let plain = leaf.split('\\').next().unwrap_or_default().trim();
                if plain.is_empty()
                    || plain == "\"\""
                    || EXPRESSED.contains(&format!(" {plain} "))
                    || plain.parse::<u8>().is_ok()
                {
                    continue;
                }
                let date = plain.get(..8).filter(|date| date.bytes().all(|byte| byte.is_ascii_digit()));
                let date = date.map(|date| format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..8]));
                let day = date.as_deref().map(|date| date.trim_end_matches("-00").to_owned());
                let there = written.contains(plain) || day.is_some_and(|day| written.contains(&day));
                assert!(there, "{}: {plain:?} of {line} is lost", path.display());
                leaves += 1;
            }
        }
        assert!(leaves > 5);
        messages += 1;
    }
    assert!(messages >= 8);
}

#[test]
fn mangled_messages_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs");
    for entry in fs::read_dir(folder).unwrap() {
        let Ok(bytes) = fs::read(entry.unwrap().path().join("input.hl7")) else { continue };
        let mut seed = 7u64;
        for round in 0..150 {
            let mut mangled = bytes.clone();
            for _ in 0..=round % 6 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = (seed >> 33) as usize % mangled.len();
                match (seed >> 20) % 4 {
                    0 => mangled[place] = b"|^~\\&\r\"\xff"[(seed >> 40) as usize % 8],
                    1 => mangled.truncate(place.max(20)),
                    2 => mangled.insert(place, b"|^~&\r0\\M"[(seed >> 41) as usize % 8]),
                    _ => {
                        mangled.remove(place);
                    }
                }
            }
            let _ = support::convert_bytes(&mangled);
        }
    }
}

#[test]
fn what_cannot_be_converted_is_refused_in_words() {
    let text = |message: &str| support::convert_bytes(message.as_bytes()).unwrap_err().to_string();
    assert!(text("MSH|^~\\&|A\rMSH|^~\\&|B\r").contains("2 messages"));
    assert!(text("FHS|^~\\&|A\rBHS|^~\\&|B\r").contains("no message header"));
    assert!(text("MSH|^~\\&|A|||||||||||||||KLINGON\r").contains("KLINGON"));
}

#[test]
fn results_of_a_second_patient_are_never_those_of_the_first() {
    let result = "OBX|1|NM|2951-2^Na^LN||129|mmol/L|||||F\r";
    let second = |number: &str| {
        format!(
            "{HEADER}{result}PID|2||{number}^^^&2.16.840.1.113883.19.5&ISO^PI||Roe^Ann\r\
             OBR|1||F2^LIS|58410-2^CBC^LN|||20261012081500|||||||||||||||||CH|F\r{result}"
        )
    };
    let refusal = support::convert_bytes(second("P2").as_bytes()).unwrap_err();
    assert!(refusal.to_string().contains("PID[2]"), "{refusal}");
    // The same patient named again is one patient.
    let again = converted(&second("P1"));
    assert_eq!(support::resources(&again.document, "Patient").len(), 1);
    // What merges records names two and says nothing clinical of either.
    let merge = "MSH|^~\\&|A|B|C|D|20261012110000+0200||ADT^A40^ADT_A39|M1|P|2.5.1\rPID|1||P1^^^&2.16.840.1.113883.19.5&ISO^PI||Doe^Jan\r\
                 MRG|P9\rPID|2||P2^^^&2.16.840.1.113883.19.5&ISO^PI||Roe^Ann\rMRG|P8\r";
    assert!(support::convert_bytes(merge.as_bytes()).is_ok());
}

#[test]
fn what_is_given_as_needed_is_no_regular_dose() {
    let order = |times: &str| {
        let message = format!(
            "MSH|^~\\&|A|B|C|D|20261012110000+0200||RDE^O11^RDE_O11|M1|P|2.5.1\rPID|1||P1^^^&2.16.840.1.113883.19.5&ISO^PI||Doe^Jan\r\
             ORC|NW|1\rRXE||1191^Aspirin^L|1||TAB\rTQ1|1||{times}\r"
        );
        support::first(&converted(&message), "MedicationRequest")
    };
    assert!(order("BID|||||||PRN for pain").contains("\"asNeededCodeableConcept\":{\"text\":\"PRN for pain\"}"));
    assert!(order("BID|||||||PRN").contains("\"asNeededBoolean\":true"));
    assert!(order("BID||||||PRN").contains("\"asNeededBoolean\":true"));
    assert!(order("BID~PRN").contains("\"asNeededBoolean\":true"));
    assert!(!order("BID|||||||with food").contains("asNeeded"));
}
