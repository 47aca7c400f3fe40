//! Searches over a small store: one test for each thing that a client may ask.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use world::World;

fn people() -> World {
    let mut world = World::new();
    world.put(&[
        r#"{"resourceType":"Organization","id":"clinic","name":"Clinique Sainte-Élisabeth"}"#,
        r#"{"resourceType":"Patient","id":"anna","active":true,"identifier":[{"system":"urn:oid:2.16.840.1.113883.2.9.4.3.2","value":"RSSNNA80E41H501X"}],
            "name":[{"family":"Rossi","given":["Anna","Maria"]}],"gender":"female","birthDate":"1980-05-01",
            "telecom":[{"system":"phone","value":"+39 06 555"},{"system":"email","value":"anna@example.org"}],
            "address":[{"city":"Roma","country":"IT","postalCode":"00100"}],"managingOrganization":{"reference":"Organization/clinic"}}"#,
        r#"{"resourceType":"Patient","id":"jose","active":false,"identifier":[{"system":"http://example.org/ids","value":"7"}],
            "name":[{"family":"Müller-Ångström","given":["José"]}],"gender":"male","birthDate":"1980","deceasedDateTime":"2020-01-02"}"#,
        r#"{"resourceType":"Patient","id":"nobody","meta":{"tag":[{"system":"http://example.org/tags","code":"test"}]}}"#,
        r#"{"resourceType":"DocumentReference","id":"d1","status":"current","subject":{"reference":"Patient/anna"},
            "type":{"coding":[{"system":"http://loinc.org","code":"60591-5"}]},"date":"2026-03-01T10:00:00Z",
            "category":[{"coding":[{"system":"http://example.org/categories","code":"Patient-Summaries"}]}],
            "content":[{"attachment":{"creation":"2026-02-01"}}]}"#,
        r#"{"resourceType":"DocumentReference","id":"d2","status":"superseded","subject":{"reference":"https://here.example/fhir/Patient/anna"},
            "type":{"coding":[{"system":"http://loinc.org","code":"18842-5"},{"system":"http://loinc.org","code":"34105-7"}]},"date":"2026-04-01T10:00:00+02:00",
            "content":[{"attachment":{"creation":"2026-04-01"}}]}"#,
        r#"{"resourceType":"DocumentReference","id":"d3","status":"current","subject":{"reference":"Patient/jose"},
            "content":[{"attachment":{"url":"Binary/b"}}]}"#,
    ]);
    world
}

#[test]
fn patients_by_identifier_and_demographics() {
    let world = people();
    for (query, found) in [
        ("Patient", vec!["anna", "jose", "nobody"]),
        ("Patient?identifier=RSSNNA80E41H501X", vec!["anna"]),
        ("Patient?identifier=urn:oid:2.16.840.1.113883.2.9.4.3.2|rssnna80e41h501x", vec!["anna"]),
        ("Patient?identifier=http://example.org/ids|", vec!["jose"]),
        ("Patient?identifier=http://example.org/ids|8", vec![]),
        ("Patient?family=rossi", vec!["anna"]),
        ("Patient?family=MULLER", vec!["jose"]),
        ("Patient?given=mar", vec!["anna"]),
        ("Patient?name=jose", vec!["jose"]),
        ("Patient?name:exact=Jose", vec![]),
        ("Patient?name:exact=José", vec!["jose"]),
        ("Patient?name:contains=angst", vec!["jose"]),
        ("Patient?birthdate=1980", vec!["anna", "jose"]),
        ("Patient?birthdate=1980-05-01&family=ross", vec!["anna"]),
        ("Patient?birthdate=lt1980-05-01", vec!["jose"]),
        ("Patient?gender=female,male", vec!["anna", "jose"]),
        ("Patient?gender:not=female", vec!["jose", "nobody"]),
        ("Patient?gender:missing=true", vec!["nobody"]),
        ("Patient?active=true", vec!["anna"]),
        ("Patient?phone=%2B39 06 555", vec![]),
        ("Patient?phone=+39 06 555", vec!["anna"]),
        ("Patient?email=anna@example.org", vec!["anna"]),
        ("Patient?telecom=anna@example.org", vec!["anna"]),
        ("Patient?address-city=rom&address-country=it", vec!["anna"]),
        ("Patient?address=00100", vec!["anna"]),
        ("Patient?_id=anna,jose,none", vec!["anna", "jose"]),
        ("Patient?_tag=http://example.org/tags|test", vec!["nobody"]),
        ("Patient?organization.name=clinique", vec!["anna"]),
        ("Patient?death-date=2020-01", vec!["jose"]),
        ("Patient?deceased=true", vec!["jose"]),
        ("Patient?deceased=false", vec!["anna", "nobody"]),
        ("Patient?_lastUpdated=gt2030", vec![]),
        ("Patient?_lastUpdated=ge2026-11-23T12:00:01Z", vec!["anna", "jose", "nobody"]),
        ("Patient?_has:DocumentReference:patient:type=60591-5", vec!["anna"]),
        ("Patient?_content=roma anna", vec!["anna"]),
    ] {
        assert_eq!(world.ids(query), found, "{query}");
    }
}

#[test]
fn documents_by_patient_type_date_and_status() {
    let world = people();
    for (query, found) in [
        ("DocumentReference?patient=anna", vec!["d1", "d2"]),
        ("DocumentReference?patient=Patient/anna&status=current", vec!["d1"]),
        ("DocumentReference?subject:Patient=anna&status=current,superseded", vec!["d1", "d2"]),
        ("DocumentReference?patient=https://here.example/fhir/Patient/anna", vec!["d1", "d2"]),
        ("DocumentReference?patient.identifier=RSSNNA80E41H501X", vec!["d1", "d2"]),
        ("DocumentReference?type=http://loinc.org|18842-5,http://loinc.org|100719-4", vec!["d2"]),
        ("DocumentReference?category=patient-summaries", vec!["d1"]),
        ("DocumentReference?date=ge2026-04", vec!["d2"]),
        ("DocumentReference?date=2026-03-01,2026-04-01", vec!["d1", "d2"]),
        ("DocumentReference?creation=lt2026-03", vec!["d1"]),
        ("DocumentReference?patient.name=rossi&patient.gender=female&type=60591-5", vec!["d1"]),
        ("DocumentReference?type:missing=true", vec!["d3"]),
        ("Patient/anna/DocumentReference", vec!["d1", "d2"]),
        ("Patient/anna/DocumentReference?status=current", vec!["d1"]),
    ] {
        assert_eq!(world.ids(query), found, "{query}");
    }
}

#[test]
fn quantities_are_found_in_any_unit_that_converts() {
    let mut world = World::new();
    let weight = |id: &str, value: &str, code: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"weight"}},
            "valueQuantity":{{"value":{value},"unit":"{code}","system":"http://unitsofmeasure.org","code":"{code}"}}}}"#
        )
    };
    world.put(&[
        &weight("a", "70", "kg"),
        &weight("b", "70000", "g"),
        &weight("c", "154.32", "[lb_av]"),
        &weight("d", "70", "cm"),
    ]);
    let ids = |value: &str| world.ids(&format!("Observation?value-quantity={value}"));
    assert_eq!(ids("70|http://unitsofmeasure.org|kg"), ["a", "b", "c"]);
    assert_eq!(ids("70.000|http://unitsofmeasure.org|kg"), ["a", "b"]);
    assert_eq!(ids("gt69998|http://unitsofmeasure.org|g"), ["a", "b", "c"]);
    assert_eq!(ids("70"), ["a", "d"]);
    assert_eq!(ids("70||kg"), ["a"]);
}

#[test]
fn a_prescription_is_found_by_its_own_identifier_and_its_groups() {
    let mut world = World::new();
    world.put(&[
        r#"{"resourceType":"MedicationRequest","id":"a","status":"active","intent":"order","groupIdentifier":{"system":"urn:x","value":"G"}}"#,
        r#"{"resourceType":"MedicationRequest","id":"b","status":"active","intent":"order","identifier":[{"system":"urn:x","value":"g"}]}"#,
        r#"{"resourceType":"MedicationDispense","id":"c","status":"completed","authorizingPrescription":[{"reference":"MedicationRequest/a"}]}"#,
    ]);
    assert_eq!(world.ids("MedicationRequest?group-or-identifier=urn:x|G"), ["a", "b"]);
    assert_eq!(world.ids("MedicationRequest?identifier=urn:x|G"), ["b"]);
    assert_eq!(world.ids("MedicationDispense?prescription=MedicationRequest/a"), ["c"]);
}

#[test]
fn an_order_is_kept_over_pages_and_ties() {
    let world = people();
    assert_eq!(world.in_order("Patient?_sort=family&_count=1"), ["jose", "anna", "nobody"]);
    assert_eq!(world.in_order("Patient?_sort=-family&_count=2"), ["anna", "jose", "nobody"]);
    assert_eq!(world.in_order("Patient?_sort=-_id"), ["nobody", "jose", "anna"]);
    assert_eq!(world.in_order("DocumentReference?_sort=-date&_count=1"), ["d2", "d1", "d3"]);
    assert_eq!(world.in_order("DocumentReference?_sort=status,-date"), ["d1", "d3", "d2"]);
}

#[test]
fn references_are_included_both_ways_and_again() {
    let world = people();
    let included = |query: &str| {
        let answer = world.search(query).unwrap();
        let mut ids: Vec<String> = answer.included.iter().map(|hit| hit.identity.id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(included("DocumentReference?_id=d1&_include=DocumentReference:subject"), ["anna"]);
    assert_eq!(included("DocumentReference?_id=d1&_include=DocumentReference:patient:Patient"), ["anna"]);
    assert_eq!(
        included("DocumentReference?_id=d1&_include=DocumentReference:subject&_include:iterate=Patient:organization"),
        ["anna", "clinic"]
    );
    assert_eq!(included("DocumentReference?_id=d1&_include=*"), ["anna"]);
    assert_eq!(included("Patient?_id=anna&_revinclude=DocumentReference:patient"), ["d1", "d2"]);
    assert_eq!(
        included("Organization?_revinclude=Patient:organization&_revinclude:iterate=DocumentReference:subject"),
        ["anna", "d1", "d2"]
    );
}

#[test]
fn what_a_bundle_begins_with_is_searched_through_it() {
    let mut world = World::new();
    let document = |id: &str, title: &str, day: &str| {
        format!(
            r#"{{"resourceType":"Bundle","id":"{id}","type":"document","entry":[
            {{"resource":{{"resourceType":"Composition","id":"c{id}","status":"final","title":"{title}","date":"{day}","type":{{"coding":[{{"system":"http://loinc.org","code":"60591-5"}}]}}}}}},
            {{"resource":{{"resourceType":"Composition","status":"final","title":"Second"}}}}]}}"#
        )
    };
    world.put(&[&document("a", "Summary", "2024-01-01"), &document("b", "Report", "2025-01-01")]);
    assert_eq!(world.ids("Bundle?composition.title=summ"), ["a"]);
    assert_eq!(world.ids("Bundle?composition:Composition.date=gt2024-06"), ["b"]);
    assert_eq!(world.ids("Bundle?composition.type=http://loinc.org|60591-5&composition.title:contains=port"), ["b"]);
    assert_eq!(world.ids("Bundle?composition.title:missing=true"), [""; 0]);
    assert_eq!(world.ids("Bundle?composition.type:not=60591-5"), [""; 0]);
    assert_eq!(world.ids("Bundle?composition.title=second"), [""; 0], "only the first entry is what it is about");
    assert_eq!(world.ids("Bundle?message.event=x"), [""; 0]);
}

#[test]
fn the_parts_of_a_relationship_are_in_their_order() {
    let mut world = World::new();
    world.put(&[
        r#"{"resourceType":"DocumentReference","id":"d","status":"current","relatesTo":[
        {"code":"replaces","target":{"reference":"DocumentReference/old"}},{"code":"appends","target":{"reference":"DocumentReference/other"}}]}"#,
        r#"{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"code":"a"}]},"valueDateTime":"2024-01-01"}"#,
    ]);
    assert_eq!(world.ids("DocumentReference?relationship=DocumentReference/old$replaces"), ["d"]);
    assert_eq!(world.ids("DocumentReference?relationship=DocumentReference/old$appends"), [""; 0]);
    assert_eq!(world.ids("Observation?code-value-date=a$2024"), ["o"]);
    world.put(&[
        r#"{"resourceType":"MolecularSequence","id":"s","coordinateSystem":0,"referenceSeq":{"chromosome":{"coding":[{"code":"1"}]},
        "referenceSeqId":{"coding":[{"code":"NC1"}]}},"variant":[{"start":5,"end":9},{"start":50,"end":90}]}"#,
    ]);
    for (query, found) in [
        ("chromosome-variant-coordinate=1$gt4$lt10", true),
        ("chromosome-variant-coordinate=2$gt4$lt10", false),
        ("chromosome-variant-coordinate=1$gt40$lt10", false),
        ("referenceseqid-variant-coordinate=NC1$50$90", true),
    ] {
        assert_eq!(!world.ids(&format!("MolecularSequence?{query}")).is_empty(), found, "{query}");
    }
}

#[test]
fn canonical_urls_lead_to_what_has_them() {
    let mut world = World::new();
    let form = |id: &str, version: &str| {
        format!(
            r#"{{"resourceType":"Questionnaire","id":"{id}","url":"http://example.org/q","version":"{version}","title":"T{version}","status":"active"}}"#
        )
    };
    let answered = |id: &str, of: &str| {
        format!(
            r#"{{"resourceType":"QuestionnaireResponse","id":"{id}","status":"completed","questionnaire":"http://example.org/{of}"}}"#
        )
    };
    let texts = [form("q1", "1"), form("q2", "2"), answered("any", "q"), answered("one", "q|1"), answered("none", "p")];
    world.put(&texts.each_ref().map(String::as_str));
    let included = |query: &str| {
        let answer = world.search(query).unwrap();
        let mut ids: Vec<String> = answer.included.iter().map(|hit| hit.identity.id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(world.ids("QuestionnaireResponse?questionnaire.title=T1"), ["any", "one"]);
    assert_eq!(world.ids("QuestionnaireResponse?questionnaire:Questionnaire.title=T2"), ["any"]);
    assert_eq!(world.ids("Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=one"), ["q1"]);
    assert_eq!(world.ids("Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed"), ["q1", "q2"]);
    assert_eq!(included("QuestionnaireResponse?_id=one&_include=QuestionnaireResponse:questionnaire"), ["q1"]);
    assert_eq!(included("QuestionnaireResponse?_id=any&_include=*"), ["q1", "q2"]);
    assert_eq!(included("Questionnaire?_id=q2&_revinclude=QuestionnaireResponse:questionnaire"), ["any"]);
    assert_eq!(included("Questionnaire?_id=q1&_revinclude=*"), ["any", "one"]);
}

#[test]
fn what_is_not_understood_is_refused_with_the_nearest_name() {
    let world = people();
    assert!(world.refusal("Patient?famly=x").contains("did you mean family?"));
    assert!(world.refusal("Patient?family:exakt=x").contains("did you mean exact?"));
    assert!(world.refusal("Patient?birthdate=yesterday").contains("yesterday is no date"));
    assert!(world.refusal("Patient?_sort=fammily").contains("did you mean family?"));
    assert!(world.refusal("Patient?_include=Patient:organisation").contains("did you mean organization?"));
    assert!(world.refusal("Patient?gender.name=x").contains("no reference"));
    assert!(world.refusal("Patient?_has:Observation:code:status=x").contains("no reference"));
}

#[test]
fn all_pages_of_a_search_answer_as_of_the_first() {
    let mut world = people();
    let view = world.view();
    let first = world::search_in(&view, "Patient?_count=1&_sort=_id", None).unwrap();
    let t = first.next.clone().unwrap().t;
    world.delete("Patient", "jose");
    world.put(&[r#"{"resourceType":"Patient","id":"carl"}"#, r#"{"resourceType":"Patient","id":"anna"}"#]);
    let later = world.store.view(Some(t)).unwrap();
    let second = world::search_in(&later, "Patient?_count=1&_sort=_id", first.next).unwrap();
    assert_eq!(second.matches[0].identity.id, "jose");
    assert_eq!(world.ids("Patient"), ["anna", "carl", "nobody"]);
    assert_eq!(world.ids("Patient?family=rossi"), Vec::<String>::new());
}

#[test]
fn a_total_is_told_where_it_costs_nothing_or_is_asked_for() {
    let world = people();
    let total = |query: &str| world.search(query).unwrap().total;
    assert_eq!(total("Patient?gender=female"), Some(1));
    assert_eq!(total("Patient?_count=1"), Some(3));
    assert_eq!(total("Patient?_count=1&name:missing=false"), None);
    assert_eq!(total("Patient?_count=1&name:missing=false&_total=accurate"), Some(2));
    assert_eq!(total("Patient?_summary=count&gender=male"), Some(1));
    assert_eq!(total("Patient?_count=0"), Some(3));
    assert_eq!(total("Patient?gender=female&_total=none"), None);
}

/// Hides one patient.
struct WithoutAnna;

impl search::Sight for WithoutAnna {
    fn sees(&self, _: &str, id: &str, _: u64) -> bool {
        id != "anna"
    }
}

#[test]
fn what_may_not_be_seen_is_as_if_it_were_not_there() {
    let hidden = people();
    let mut never = World::new();
    never.put(&[
        r#"{"resourceType":"Organization","id":"clinic","name":"Clinique Sainte-Élisabeth"}"#,
        r#"{"resourceType":"Patient","id":"jose","active":false,"name":[{"family":"Müller-Ångström","given":["José"]}],"gender":"male"}"#,
        r#"{"resourceType":"Patient","id":"nobody"}"#,
        r#"{"resourceType":"DocumentReference","id":"d1","status":"current","subject":{"reference":"Patient/anna"},"date":"2026-03-01T10:00:00Z"}"#,
    ]);
    let tell = |world: &World, query: &str, sight: &dyn search::Sight| {
        let answer = world::search_as(&world.view(), query, None, sight).unwrap();
        let ids = |hits: &[search::Hit]| {
            let mut ids: Vec<String> = hits.iter().map(|hit| hit.identity.id.clone()).collect();
            ids.sort();
            ids
        };
        (ids(&answer.matches), ids(&answer.included), answer.total)
    };
    for query in [
        "Patient?_total=accurate",
        "Patient?_sort=family&_count=1",
        "Patient?_sort=-_lastUpdated",
        "Patient?_summary=count",
        "Patient?name=rossi",
        "Patient?_id=anna",
        "DocumentReference?_id=d1&_include=DocumentReference:subject",
        "DocumentReference?patient.name=rossi",
        "Organization?_revinclude=Patient:organization",
        "Organization?_has:Patient:organization:family=rossi",
    ] {
        assert_eq!(tell(&hidden, query, &WithoutAnna), tell(&never, query, &()), "{query}");
    }
}

#[test]
fn modifiers_of_tokens_places_and_lists() {
    let mut world = people();
    world.put(&[
        r#"{"resourceType":"Location","id":"rome","status":"active","position":{"longitude":12.4964,"latitude":41.9028}}"#,
        r#"{"resourceType":"Location","id":"ostia","status":"active","position":{"longitude":12.2921,"latitude":41.7321}}"#,
        r#"{"resourceType":"List","id":"mine","status":"current","mode":"working","entry":[{"item":{"reference":"Patient/jose"}},
            {"item":{"reference":"Location/rome"}}]}"#,
        r#"{"resourceType":"Patient","id":"typed","meta":{"source":"https://example.org/hospital#a"},"identifier":[{"type":{"coding":[
            {"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"value":"9"}]}"#,
        r#"{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/anna"},"clinicalStatus":{"coding":[
            {"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"relapse"}]},
            "code":{"coding":[{"system":"http://example.org/x","code":"1","display":"Écoulement nasal"}],"text":"Rhume"}}"#,
        r#"{"resourceType":"Condition","id":"d","subject":{"reference":"Patient/anna"},"code":{"text":"Rhume des foins"}}"#,
    ]);
    for (query, found) in [
        ("Location?near=41.9|12.5|5|km", vec!["rome"]),
        ("Location?near=41.9|12.5|40|km", vec!["ostia", "rome"]),
        ("Patient?_list=mine", vec!["jose"]),
        ("Patient?_list=none", vec![]),
        ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|9", vec!["typed"]),
        ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|SS|9", vec![]),
        ("Patient?_source=https://example.org/hospital#a", vec!["typed"]),
        ("Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender", vec!["anna", "jose"]),
        ("Patient?gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender", vec!["nobody", "typed"]),
        ("Condition?code:text=rhume", vec!["c", "d"]),
        ("Condition?code:text=ecoulement", vec!["c"]),
        ("Condition?code:missing=true", vec![]),
        ("Condition?clinical-status:below=http://terminology.hl7.org/CodeSystem/condition-clinical|active", vec!["c"]),
        ("Condition?clinical-status:above=http://terminology.hl7.org/CodeSystem/condition-clinical|relapse", vec!["c"]),
        ("Condition?clinical-status:below=http://terminology.hl7.org/CodeSystem/condition-clinical|inactive", vec![]),
    ] {
        assert_eq!(world.ids(query), found, "{query}");
    }
    assert!(world.refusal("Condition?code:in=http://example.org/none").contains("not known here"));
    assert!(world.refusal("Location?near=north").contains("latitude|longitude"));
    assert!(world.refusal("Patient?_list=$current-allergies").contains("not kept here"));
}

#[test]
fn what_is_part_of_another_is_found_above_and_below() {
    let mut world = World::new();
    let place = |id: &str, of: &str| {
        let part = if of.is_empty() { String::new() } else { format!(r#","partOf":{{"reference":"Location/{of}"}}"#) };
        format!(r#"{{"resourceType":"Location","id":"{id}"{part}}}"#)
    };
    let stay = |id: &str| {
        format!(
            r#"{{"resourceType":"Encounter","id":"at-{id}","status":"finished","class":{{"code":"IMP"}},"location":[{{"location":{{"reference":"Location/{id}"}}}}]}}"#
        )
    };
    world.put(&[&place("house", ""), &place("floor", "house"), &place("room", "floor"), &place("other", "")]);
    world.put(&[&stay("house"), &stay("floor"), &stay("room"), &stay("other")]);
    // A circle ends.
    world.put(&[&place("a", "b"), &place("b", "a"), &stay("a")]);
    for (query, found) in [
        ("Encounter?location:below=house", vec!["at-floor", "at-house", "at-room"]),
        ("Encounter?location:below=Location/floor", vec!["at-floor", "at-room"]),
        ("Encounter?location:above=Location/floor", vec!["at-floor", "at-house"]),
        ("Encounter?location:above=room,other", vec!["at-floor", "at-house", "at-other", "at-room"]),
        ("Encounter?location:below=b", vec!["at-a"]),
        ("Location?partof:below=house", vec!["floor", "room"]),
        ("Encounter?location:below=none", vec![]),
    ] {
        assert_eq!(world.ids(query), found, "{query}");
    }
    assert!(world.refusal("Encounter?subject:below=Patient/1").contains("no part of another Patient"));
    assert!(world.refusal("Encounter?subject:below=1").contains("Type/id"));
}

#[test]
fn what_is_not_done_is_refused_by_its_name() {
    let world = people();
    for (query, told) in [
        ("Patient?_query=everything", "_query: _query is not supported"),
        ("Patient?_contained=true", "_contained: contained resources"),
        ("Patient?_contained=both", "_contained: contained resources"),
        ("Patient?_containedType=contained", "_containedType: contained resources"),
        ("Patient?_list=$current-allergies", "the list $current-allergies is not kept here"),
        ("Patient?_score=1", "no search parameter _score"),
        ("Patient?name:exakt=x", "did you mean exact?"),
        ("Patient?_id:exact=x", "takes no modifier exact"),
    ] {
        assert!(world.refusal(query).contains(told), "{query}: {}", world.refusal(query));
    }
    assert_eq!(world.ids("Patient?_contained=false&_containedType=container&_id=anna"), ["anna"]);
}

#[test]
fn narratives_are_found_by_their_words() {
    let mut world = World::new();
    let report = |id: &str, text: &str| {
        format!(
            r#"{{"resourceType":"DiagnosticReport","id":"{id}","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"liver\">{text}</p></div>"}},"status":"final","code":{{"text":"Sonography"}}}}"#
        )
    };
    world.put(&[
        &report("a", "Bone marrow with <b>metastases</b>"),
        &report("b", "Métastases of the LIVER"),
        &report("c", "Marrow of bone, without findings"),
        r#"{"resourceType":"DiagnosticReport","id":"d","status":"final","code":{"text":"bone"}}"#,
    ]);
    let check = |world: &World| {
        for (query, found) in [
            ("_text=bone", vec!["a", "c"]),
            ("_text=metast", vec!["a", "b"]),
            ("_text=bone metast", vec!["a"]),
            ("_text=(bone OR liver) and metastases", vec!["a", "b"]),
            ("_text=bone,liver", vec!["a", "b", "c"]),
            ("_text=\"bone marrow\"", vec!["a"]),
            ("_text=marrow not metastases", vec!["c"]),
            ("_text=not bone", vec!["b", "d"]),
            ("_text=class", vec![]),
            ("_text=arrow", vec![]),
            ("_content=bone", vec!["a", "c", "d"]),
            ("_content=sonography liver", vec!["b"]),
            ("_content=bone and not marrow", vec!["d"]),
            ("_text=bone&code:text=sono", vec!["a", "c"]),
            ("_filter=status eq final and _text eq liver", vec!["b"]),
        ] {
            assert_eq!(world.ids(&format!("DiagnosticReport?{query}")), found, "{query}");
        }
    };
    check(&world);
    let before = world.view();
    world.put(&[&report("a", "nothing"), &report("d", "bone")]);
    assert_eq!(world.ids("DiagnosticReport?_text=bone"), ["c", "d"]);
    let then = world::search_in(&before, "DiagnosticReport?_text=bone&status=final", None).unwrap();
    let mut ids: Vec<_> = then.matches.iter().map(|hit| hit.identity.id.clone()).collect();
    ids.sort();
    assert_eq!(ids, ["a", "c"], "as of the view");
    assert!(world.refusal("DiagnosticReport?_text=(bone").contains("a ( has no )"));
}

#[test]
fn a_composite_is_missing_where_its_parts_do_not_stand_together() {
    let mut world = World::new();
    let code = r#""code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]}"#;
    let value = r#""valueQuantity":{"value":120,"system":"http://unitsofmeasure.org","code":"mm[Hg]"}"#;
    let rest = [
        ("both", format!("{code},{value}")),
        ("code", code.to_owned()),
        ("parts", format!(r#"{code},"component":[{{{code},{value}}}]"#)),
        ("apart", format!(r#"{code},"component":[{{{code}}},{{{value}}}]"#)),
    ];
    for (id, rest) in rest {
        world.put(&[format!(r#"{{"resourceType":"Observation","id":"{id}","status":"final",{rest}}}"#).as_str()]);
    }
    for (query, found) in [
        ("Observation?code-value-quantity:missing=false", vec!["both"]),
        ("Observation?code-value-quantity:missing=true", vec!["apart", "code", "parts"]),
        ("Observation?component-code-value-quantity:missing=false", vec!["parts"]),
        ("Observation?component-code-value-quantity:missing=true", vec!["apart", "both", "code"]),
        ("Observation?component-code-value-quantity=85354-9$gt100", vec!["parts"]),
    ] {
        let mut ids = world.ids(query);
        ids.sort();
        assert_eq!(ids, found, "{query}");
    }
}
