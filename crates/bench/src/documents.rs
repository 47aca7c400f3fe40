//! Made-up FHIR resources, the same on every machine: laboratory results as they are sent in real life.

/// An Observation of about 2 KB; another number gives another patient, code, value and time.
pub(crate) fn observation(number: u64) -> String {
    let mixed = mix(number);
    let (patient, code, value) = (mixed % 5_000, mixed >> 13 & 0xff, mixed >> 21 & 0x3fff);
    let (day, minute) = (mixed >> 35 & 0xf, mixed >> 39 & 0x1f);
    let component = |part: u64| {
        let value = mix(mixed ^ part) % 1_000;
        format!(
            r#"{{"code":{{"coding":[{{"system":"http://example.org/parts","code":"p{part}","display":"Part {part} of the panel"}}]}},"valueQuantity":{{"value":{value},"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}}}"#
        )
    };
    let components: Vec<String> = (0..6).map(component).collect();
    format!(
        r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://example.org/codes","code":"c{code}","display":"Measurement {code}"}}],"text":"Measurement {code}"}},"subject":{{"reference":"Patient/p{patient}"}},"effectiveDateTime":"2026-03-{:02}T08:{:02}:00+01:00","issued":"2026-03-{:02}T12:{:02}:00.000+01:00","valueQuantity":{{"value":{}.{:02},"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}},"referenceRange":[{{"low":{{"value":1.0,"unit":"mmol/L"}},"high":{{"value":99.5,"unit":"mmol/L"}}}}],"component":[{}]}}"#,
        day + 10,
        minute + 10,
        day + 10,
        minute + 10,
        value / 100,
        value % 100,
        components.join(",")
    )
}

/// A number that looks like chance.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
