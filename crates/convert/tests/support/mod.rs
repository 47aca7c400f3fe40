//! What the suites of this crate share: small documents around a section, and conversions at a fixed time.
#![allow(dead_code)]

use convert::{BuiltIn, Draft, Knowledge, Options, Refusal, Source};
use model::{Element, Instant, NoShapes, Tree, json};

/// 2026-11-23T16:00:00Z.
pub(crate) const NOW: Instant = Instant(1_795_449_600_000);

pub(crate) fn convert_bytes(bytes: &[u8]) -> Result<Draft, Refusal> {
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    convert::convert(&knowledge, &Source::new(bytes), &Options::at(NOW))
}

/// A patient summary with one section of a LOINC code and its content.
pub(crate) fn summary(section: &str, content: &str) -> String {
    document(&format!(
        "<component><structuredBody><component><section><code code='{section}' codeSystem='2.16.840.1.113883.6.1'/>\
         <title>T</title>{content}</section></component></structuredBody></component>"
    ))
}

/// A patient summary with this body.
pub(crate) fn document(body: &str) -> String {
    format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\
         <id root='2.16.840.1.113883.19.5.1' extension='1'/><code code='60591-5' codeSystem='2.16.840.1.113883.6.1'/>\
         <title>S</title><effectiveTime value='20261102093000+0100'/><recordTarget><patientRole>\
         <id root='2.16.840.1.113883.19.5.2' extension='p'/><patient><name><given>A</given><family>B</family></name>\
         <birthTime value='1980'/></patient></patientRole></recordTarget>{body}</ClinicalDocument>"
    )
}

pub(crate) fn converted(text: &str) -> Draft {
    convert_bytes(text.as_bytes()).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"))
}

/// The resources of a type in a Bundle.
pub(crate) fn resources<'t>(bundle: &'t Tree, kind: &str) -> Vec<Element<'t>> {
    bundle.root().every("entry.resource").into_iter().filter(|r| r.resource_type() == Some(kind)).collect()
}

/// The first resource of a type as JSON, without ids.
pub(crate) fn first(draft: &Draft, kind: &str) -> String {
    let found = resources(&draft.document, kind);
    found.first().map(|resource| json::to_string(*resource)).unwrap_or_default()
}

/// The Composition's section of a LOINC code as JSON.
pub(crate) fn section(draft: &Draft, code: &str) -> String {
    let sections = draft.document.root().every("entry.resource.section");
    let of_code = |s: &&Element<'_>| s.every("code.coding.code").iter().any(|element| element.text() == Some(code));
    sections.iter().find(of_code).map(|section| json::to_string(*section)).unwrap_or_default()
}
