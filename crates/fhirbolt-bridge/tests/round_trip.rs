//! A few resources go over and come back the same; what R4 does not know is refused.
#![cfg(feature = "fhirbolt")]
#![allow(clippy::unwrap_used, reason = "all of it is tests")]

use fhirbolt_bridge::fhirbolt::model::r4::Resource;
use fhirbolt_bridge::{BridgeError, to_tree, to_typed};
use model::{Limits, Tree, json};

fn tree(text: &str) -> Tree {
    json::read(text.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn resources_come_back_as_they_went() {
    for text in [
        r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Exempel","given":["Ada",null],"_given":[null,{"extension":[{"url":"http://example.org/unknown","valueCode":"masked"}]}]}],"birthDate":"1970-01","_birthDate":{"id":"b"}}"#,
        r#"{"resourceType":"Observation","status":"final","code":{"text":"Sodium"},"valueQuantity":{"value":1.50,"unit":"mmol/L"}}"#,
        r#"{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Organization","name":"Example \"Hospital\""}}]}"#,
        r#"{"resourceType":"Composition","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"cs\" lang=\"cs\"> <b>a</b> <i>b</i> </div>"},"status":"final","type":{"text":"t"},"date":"2026","author":[{"display":"a"}],"title":"t"}"#,
    ] {
        let typed = to_typed(tree(text).root()).unwrap();
        assert_eq!(json::to_string(to_tree(&typed).unwrap().root()), text);
    }
}

#[test]
fn the_typed_resource_has_the_values() {
    let source = tree(r#"{"resourceType":"Patient","active":true,"name":[{"family":"Exempel"}]}"#);
    let Resource::Patient(patient) = to_typed(source.root()).unwrap() else { panic!("no Patient") };
    let family = patient.name.first().and_then(|name| name.family.as_ref()?.value.as_deref());
    assert_eq!((family, patient.active.and_then(|active| active.value)), (Some("Exempel"), Some(true)));
}

#[test]
fn what_r4_does_not_know_is_refused() {
    for text in [r#"{"resourceType":"Patient","favouriteColour":"red"}"#, r#"{"resourceType":"Sandwich"}"#] {
        assert!(matches!(to_typed(tree(text).root()), Err(BridgeError::Read(_))), "{text}");
    }
}
