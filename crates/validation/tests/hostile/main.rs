//! Hostile input ends in an issue: texts cut, doubled and twisted by a deterministic mutator, deep nesting, huge arrays,
//! profiles and value sets that lead back to themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod entries;

use std::sync::Arc;

use catalog::Catalog;
use model::{Limits, Tree, json};
use validation::{Options, Validator};

const PATIENT: &str = r##"{"resourceType":"Patient","id":"a","meta":{"profile":["http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core"]},
    "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{"city":"Roma"}}],
    "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x &amp; y</p></div>"},
    "contained":[{"resourceType":"Organization","id":"o","name":"O","partOf":{"reference":"#"}}],
    "name":[{"family":"Rossi","given":["Ada",null],"_given":[null,{"id":"g"}]}],"birthDate":"1970-01-01",
    "managingOrganization":{"reference":"#o"},"deceasedDateTime":"2020-02-29T12:00:00.5+01:00","multipleBirthInteger":2}"##;
const XML: &str = r#"<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"><id value="a"/><text><status value="generated"/>
    <div xmlns="http://www.w3.org/1999/xhtml"><p>x &amp; <b>y</b></p></div></text><name><family value="Rossi"/><given value="Ada">
    <extension url="urn:x"><valueString value="é"/></extension></given></name><birthDate value="1970-01-01"/></Patient>"#;
const PATH: &str = "name.where(use = 'official' or given.exists($this.startsWith('A'))).select(family & ' ' & given.first()).distinct().count() + 1.5 > 2 'mg' / today() - birthDate";
const PROFILE: &str = r#"{"resourceType":"StructureDefinition","url":"http://profiles.invalid/p","name":"P","status":"active","kind":"resource",
    "abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint",
    "differential":{"element":[{"id":"Patient","path":"Patient","constraint":[{"key":"a","severity":"error","human":"h","expression":"name.exists()"}]},
    {"id":"Patient.telecom","path":"Patient.telecom","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"closed"}},
    {"id":"Patient.telecom:a","path":"Patient.telecom","sliceName":"a","min":1,"max":"2"},
    {"id":"Patient.telecom:a.system","path":"Patient.telecom.system","patternCode":"phone"}]}}"#;

/// Numbers that look like chance, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

fn twisted(text: &str, dice: &mut Dice) -> Vec<u8> {
    const SPICE: [&str; 16] =
        ["\"", "{", "}", "[", "]", ",", ":", "(", ")", "<", "/>", "\0", "\u{fffd}", "\\u0000", "1e999", "null"];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.roll(4) {
        let (from, to) = (dice.roll(bytes.len()), dice.roll(bytes.len()));
        let (from, to) = (from.min(to), from.max(to));
        match dice.roll(5) {
            0 => drop(bytes.splice(from..from, SPICE[dice.roll(SPICE.len())].bytes())),
            1 => drop(bytes.drain(from..to.min(from + 40))),
            2 => drop(bytes.splice(from..from, bytes[from..to].to_vec())),
            3 => bytes.truncate(to),
            _ if !bytes.is_empty() => bytes[from] = dice.roll(256) as u8,
            _ => {}
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn twisted_texts_come_back() {
    type Entry = (&'static str, fn(&[u8]), usize);
    let entries: [Entry; 4] = [
        (PATIENT, entries::any_json, 3000),
        (XML, entries::any_xml, 3000),
        (PATH, entries::any_fhirpath, 5000),
        (PROFILE, entries::any_profile, 1000),
    ];
    for (text, entry, rounds) in entries {
        let mut dice = Dice(7);
        entry(text.as_bytes());
        for _ in 0..rounds {
            entry(&twisted(text, &mut dice));
        }
    }
}

fn errors(validator: &Validator, text: &str, profiles: &[&str]) -> usize {
    let tree = json::read(text.as_bytes(), &Limits::default()).unwrap();
    let profiles = profiles.iter().map(|profile| (*profile).to_owned()).collect();
    let issues = validator.validate(&tree, &Options { profiles, ..Options::default() });
    issues.iter().filter(|issue| issue.severity.is_error()).count()
}

#[test]
fn deep_nesting_is_refused_or_told() {
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let nested = |depth: usize| {
        let (open, close) = (r#"{"linkId":"a","text":"t","type":"group","item":["#.repeat(depth), "]}".repeat(depth));
        format!(
            r#"{{"resourceType":"Questionnaire","status":"draft","item":[{open}{{"linkId":"z","type":"display"}}{close}]}}"#
        )
    };
    assert!(errors(&validator, &nested(25), &[]) > 0, "an id twice");
    assert!(json::read(nested(5_000).as_bytes(), &Limits::default()).is_err());
    entries::any_fhirpath("(".repeat(100_000).as_bytes());
    entries::any_fhirpath(format!("1{}", " + 1".repeat(100_000)).as_bytes());
    entries::any_fhirpath("name.".repeat(50_000).as_bytes());
}

#[test]
fn huge_arrays_end() {
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let names = vec![r#"{"family":"F"}"#; 20_000].join(",");
    assert_eq!(errors(&validator, &format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#), &[]), 0);
}

#[test]
fn definitions_that_lead_back_to_themselves_end() {
    let profile = |name: &str, base: &str| {
        PROFILE
            .replace("profiles.invalid/p", &format!("profiles.invalid/{name}"))
            .replace("http://hl7.org/fhir/StructureDefinition/Patient", base)
    };
    let value_set = |name: &str, imported: &str| {
        format!(
            r#"{{"resourceType":"ValueSet","url":"http://profiles.invalid/{name}","status":"draft",
            "compose":{{"include":[{{"valueSet":["http://profiles.invalid/{imported}"]}}]}}}}"#
        )
    };
    let bound = PROFILE.replace("profiles.invalid/p", "profiles.invalid/bound").replace(
        r#""patternCode":"phone""#,
        r#""binding":{"strength":"required","valueSet":"http://profiles.invalid/v1"}"#,
    );
    let texts = [
        profile("own", "http://profiles.invalid/own"),
        profile("one", "http://profiles.invalid/two"),
        profile("two", "http://profiles.invalid/one"),
        value_set("v1", "v2"),
        value_set("v2", "v1"),
        bound,
    ];
    let trees: Vec<Tree> = texts.iter().map(|text| json::read(text.as_bytes(), &Limits::default()).unwrap()).collect();
    let validator = Validator::new(Arc::new(Catalog::built_in().with(trees)));
    for name in ["own", "one", "two"] {
        assert!(errors(&validator, PATIENT, &[&format!("http://profiles.invalid/{name}")]) > 0, "{name} is no profile");
    }
    errors(&validator, PATIENT, &["http://profiles.invalid/bound"]);
    let coding = validation::terminology::Coding { code: "a", ..Default::default() };
    let membership = validator.terminology().contains("http://profiles.invalid/v1", &coding);
    assert!(matches!(membership, validation::terminology::Membership::Unknown(_)), "{membership:?}");
}
