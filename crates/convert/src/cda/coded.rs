//! CD, CE, CV, CS into CodeableConcept and Coding, and null flavours into data-absent-reason.
//!
//! Every code keeps its translations as further codings and its original text as `text`; an OID becomes its URI by
//! table and stays `urn:oid:` where there is none: <http://hl7.org/fhir/R4/datatypes.html#CodeableConcept>.

use model::ElementMut;

use super::context::Context;
use super::narrative;
use super::read::Node;
use super::table;

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const ORIGINAL: &str = "http://hl7.org/fhir/StructureDefinition/originalText";
const ALTERNATE: &str = "http://hl7.org/fhir/StructureDefinition/alternate-codes";
const PURPOSE: &str = "http://hl7.org/fhir/StructureDefinition/coding-purpose";
const SNOMED: &str = "http://snomed.info/sct";

/// Whether a coded element says anything: a code, a text, or why there is none.
pub(super) fn says_something(node: Node<'_>) -> bool {
    ["code", "displayName", "nullFlavor"].iter().any(|attribute| node.peek(attribute).is_some())
        || node.get("translation").is_some()
        || node.get("originalText").is_some()
}

/// Whether a coded element names something: a code or a text, not only a null flavour.
pub(super) fn names_something(cx: &Context<'_>, node: Node<'_>) -> bool {
    node.peek("code").is_some()
        || node.peek("displayName").is_some()
        || node.all("translation").any(|translation| names_something(cx, translation))
        || peek_original_text(cx, node).is_some()
}

/// Sets `name` where the element is there and says something; tells whether it did.
pub(super) fn set_concept(cx: &mut Context<'_>, node: Option<Node<'_>>, to: &mut ElementMut<'_>, name: &str) -> bool {
    let Some(node) = node.filter(|node| says_something(*node)) else { return false };
    fill_concept(cx, node, &mut to.object(name));
    true
}

/// Appends to the repeating `name` where the element names something.
pub(super) fn push_concept(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>, name: &str) -> bool {
    if !names_something(cx, node) {
        return false;
    }
    fill_concept(cx, node, &mut to.item(name));
    true
}

/// Sets the required `name`: without any content it says that it is unknown.
pub(super) fn require_concept(cx: &mut Context<'_>, node: Option<Node<'_>>, to: &mut ElementMut<'_>, name: &str) {
    if !set_concept(cx, node, to, name) {
        absent(&mut to.object(name), None);
    }
}

/// Fills a CodeableConcept.
pub(super) fn fill_concept(cx: &mut Context<'_>, node: Node<'_>, concept: &mut ElementMut<'_>) {
    let flavor = node.null_flavor();
    let mut codings = 0;
    push_codings(cx, node, concept, &mut codings);
    let qualifiers = qualifiers(cx, node, concept);
    let original = original_text(cx, node);
    // A display of HL7's own systems may only be theirs; what the source calls the code becomes text.
    let called = node.peek("displayName").filter(|_| codings == 0 || is_hl7(cx, node)).map(str::to_owned);
    let display = called.clone().filter(|_| original.is_none());
    if codings == 0 && called.is_some() {
        node.take_attributes();
    }
    if let (Some(called), Some(original)) = (&called, &original)
        && !original.contains(called.as_str())
        && concept.as_element().get("coding").is_some()
    {
        concept.object("coding").primitive("display").item("extension").set("url", ORIGINAL).set("valueString", called);
    }
    let original = match (original, &called) {
        (Some(original), Some(called)) if codings == 0 && !original.contains(called.as_str()) => {
            node.take_attributes();
            Some(format!("{original} ({called})"))
        }
        (original, _) => original,
    };
    let text = match (original.or(display), qualifiers) {
        (Some(text), Some(more)) => Some(format!("{text} ({more})")),
        // Alone a qualifier ("left") would be read as the whole.
        (None, Some(more)) => match node.peek("displayName").or(node.peek("code")) {
            Some(own) => Some(format!("{own} ({more})")),
            None => Some(more),
        },
        (text, None) => text,
    };
    concept.set_some("text", text.as_deref());
    if let Some(original) = node.get("originalText") {
        narrative::link(cx, original, concept);
    }
    if codings == 0 && text.is_none() {
        absent(concept, flavor);
    }
}

fn push_codings(cx: &mut Context<'_>, node: Node<'_>, concept: &mut ElementMut<'_>, codings: &mut usize) {
    if node.peek("code").is_some_and(|code| !code.contains(char::is_alphanumeric)) {
        cx.defect(
            node,
            format!("The code {:?} is none; it is kept as text only.", node.attr("code").unwrap_or_default()),
        );
        node.peek("displayName").or(node.peek("code")).into_iter().for_each(|text| {
            concept.set("text", text);
        });
        return;
    }
    let display_only = node.name() == "translation" && node.peek("displayName").is_some();
    if node.peek("code").is_some() || display_only {
        *codings += 1;
        fill_coding(cx, node, &mut concept.item("coding"));
    }
    for translation in node.all("translation") {
        translation.null_flavor();
        push_codings(cx, translation, concept, codings);
    }
}

/// Fills a Coding from one element, without its translations.
pub(super) fn fill_coding(cx: &mut Context<'_>, node: Node<'_>, coding: &mut ElementMut<'_>) {
    let system = match node.attr("codeSystem") {
        Some(system) => {
            let uri = system_uri(cx, system);
            if uri.is_none() {
                cx.defect(
                    node,
                    format!("The code system {system:?} is neither an OID nor a URI; the code has no system."),
                );
            }
            name_short(cx, node, system);
            uri
        }
        None => None,
    };
    coding.set_some("system", system.as_deref());
    coding.set_some("version", node.peek("codeSystemVersion").filter(|_| system.is_some()));
    if let Some(code) = node.peek("code") {
        let words: Vec<&str> = code.split_whitespace().collect();
        let code = words.join(" ");
        if let Some(why) = system.as_deref().and_then(|system| model::impossible_code(system, &code)) {
            cx.defect(node, format!("The code system can have no code {code:?}: {why}."));
        }
        coding.set("code", code.as_str());
    }
    coding.set_some("display", node.peek("displayName").filter(|_| !system.as_deref().is_some_and(is_hl7_uri)));
    if node.name() == "translation"
        && let Some(original) = original_text(cx, node).filter(|text| node.peek("displayName") != Some(text))
    {
        coding.primitive("display").item("extension").set("url", ORIGINAL).set("valueString", &original);
    }
}

fn is_hl7(cx: &Context<'_>, node: Node<'_>) -> bool {
    node.peek("codeSystem").and_then(|oid| system_uri(cx, oid)).is_some_and(|uri| is_hl7_uri(&uri))
}

/// Systems whose displays may only be their own: HL7's, and DICOM's.
fn is_hl7_uri(uri: &str) -> bool {
    uri == "http://dicom.nema.org/resources/ontology/DCM"
        || uri.starts_with("http://terminology.hl7.org/CodeSystem/")
        || uri.starts_with("http://hl7.org/fhir/") && !uri.starts_with("http://hl7.org/fhir/sid/")
}

/// The code of a `code`-like element in FHIR's system, where it is of that system.
pub(super) fn code_in(cx: &Context<'_>, node: Node<'_>, system: &str) -> Option<String> {
    let own = node.peek("codeSystem").and_then(|oid| system_uri(cx, oid))?;
    node.peek("code").filter(|_| own == system).map(str::to_owned)
}

/// The URI of a code or identifier system: by table, or `urn:oid:`; `None` where it is neither OID nor URI.
pub(super) fn system_uri(cx: &Context<'_>, system: &str) -> Option<String> {
    let system = system.trim();
    if let Some(uri) = cx.systems.uri(system) {
        return Some(uri.to_owned());
    }
    if is_oid(system) {
        return Some(format!("urn:oid:{system}"));
    }
    let scheme = system.split_once(':').map(|(scheme, _)| scheme)?;
    (matches!(scheme, "http" | "https" | "urn") && !system.contains(char::is_whitespace)).then(|| system.to_owned())
}

/// Whether a text is an OID with at least two arcs.
pub(super) fn is_oid(text: &str) -> bool {
    let arc =
        |arc: &str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
    text.starts_with(['0', '1', '2']) && text.as_bytes().get(1) == Some(&b'.') && text.split('.').all(arc)
}

/// Names an OID that is too short to be anybody's: examples and invented ones.
pub(super) fn name_short(cx: &mut Context<'_>, node: Node<'_>, oid: &str) {
    if is_oid(oid) && oid.split('.').count() < 5 && cx.systems.uri(oid).is_none() {
        cx.defect(node, format!("The OID {oid} is too short to be a registered one."));
    }
}

/// What the original text says, its reference into the narrative followed; taken.
pub(super) fn original_text(cx: &Context<'_>, node: Node<'_>) -> Option<String> {
    let original = node.get("originalText")?;
    original.take_all();
    peek_original_text(cx, node)
}

fn peek_original_text(cx: &Context<'_>, node: Node<'_>) -> Option<String> {
    referenced_text(cx, node.get("originalText")?)
}

/// The text of an element, or of the part of the narrative that its `reference` names.
pub(super) fn referenced_text(cx: &Context<'_>, node: Node<'_>) -> Option<String> {
    if let Some(text) = node.peek_text() {
        return Some(text);
    }
    cx.cda.anchor(node.get("reference")?.peek("value")?)?.peek_text()
}

/// Qualifiers: a SNOMED CT expression as one more coding, or words where they are of another system.
fn qualifiers(cx: &mut Context<'_>, node: Node<'_>, concept: &mut ElementMut<'_>) -> Option<String> {
    let mut refinements = Vec::new();
    let mut words = Vec::new();
    let mut sides = Vec::new();
    let snomed = |cx: &Context<'_>, node: Node<'_>| match node.peek("codeSystem") {
        Some(_) => code_in(cx, node, SNOMED),
        None => node.peek("code").filter(|code| code.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned),
    };
    for qualifier in node.all("qualifier") {
        let (Some(name), Some(value)) = (qualifier.get("name"), qualifier.get("value")) else { continue };
        name.take_attributes();
        value.take_attributes();
        let label = |node: Node<'_>| {
            let text = original_text(cx, node).or(node.peek("displayName").map(str::to_owned));
            let code = node.peek("code").map(|code| if text.is_some() { format!("({code})") } else { code.to_owned() });
            let words: Vec<String> = [text, code].into_iter().flatten().collect();
            (!words.is_empty()).then(|| words.join(" "))
        };
        match (snomed(cx, name), snomed(cx, value)) {
            (Some(name_code), Some(value_code)) => {
                refinements.push(format!("{name_code}={value_code}"));
                if let Some(text) = original_text(cx, value).or(value.peek("displayName").map(str::to_owned)) {
                    sides.push(text);
                }
            }
            _ => words.push(format!("{}: {}", label(name).unwrap_or_default(), label(value).unwrap_or_default())),
        }
    }
    if !refinements.is_empty() {
        match code_in(cx, node, SNOMED) {
            Some(code) => {
                let expression = format!("{code}:{}", refinements.join(","));
                concept.item("coding").set("system", SNOMED).set("code", &expression);
            }
            None => words.extend(refinements),
        }
        words.extend(sides);
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// The source's own codings beside a code of FHIR that stands for them:
/// <http://hl7.org/fhir/R4/extension-alternate-codes.html>.
pub(super) fn alternate(cx: &mut Context<'_>, node: Node<'_>, primitive: &mut ElementMut<'_>) {
    let mut extension = primitive.item("extension");
    extension.set("url", ALTERNATE);
    fill_concept(cx, node, &mut extension.object("valueCodeableConcept"));
}

/// The same where the source's code is of no system that a FHIR server would know.
pub(super) fn alternate_text(text: Option<&str>, primitive: &mut ElementMut<'_>) {
    let mut extension = primitive.item("extension");
    extension.set("url", ALTERNATE).object("valueCodeableConcept").set_some("text", text);
}

/// What the code of a statement asks ("diagnosis by ICD code", "reason for vaccination") stands beside the code that answers
/// it, unless it says nothing: <http://hl7.org/fhir/extensions/StructureDefinition-coding-purpose.html>. Taken.
pub(super) fn purpose(cx: &mut Context<'_>, kind: Node<'_>, answer: &mut ElementMut<'_>) {
    let general = kind.peek("code").is_none_or(|code| table::lookup("general-problem", code).is_some());
    if !general {
        let mut holder = model::Tree::new("Basic");
        fill_coding(cx, kind, &mut holder.edit().object("valueCoding"));
        if answer.as_element().get("coding").is_none() {
            // An answer in words has no coding to stand on: the question becomes words, too.
            let text = answer.as_element().text_at("text").unwrap_or_default().to_owned();
            let label = kind.peek("displayName").or(kind.peek("code")).unwrap_or_default();
            answer.set("text", &format!("{text} ({label} {})", kind.peek("code").unwrap_or_default()));
        } else {
            let mut coding = answer.object("coding");
            let mut extension = coding.item("extension");
            extension.set("url", PURPOSE);
            if let Some(code) = holder.root().get("valueCoding") {
                extension.copy(code);
            }
        }
    }
    kind.take_all();
}

/// Says on an element why it has no value: <http://hl7.org/fhir/R4/extension-data-absent-reason.html>.
pub(super) fn absent(element: &mut ElementMut<'_>, flavor: Option<&str>) {
    element.item("extension").set("url", ABSENT).set("valueCode", absent_reason(flavor));
}

/// The code of data-absent-reason for a null flavour; `unknown` where there is none.
pub(super) fn absent_reason(flavor: Option<&str>) -> &'static str {
    match flavor.unwrap_or_default() {
        "ASKU" => "asked-unknown",
        "NAV" => "temp-unknown",
        "NASK" => "not-asked",
        "MSK" => "masked",
        "NA" => "not-applicable",
        "NINF" => "negative-infinity",
        "PINF" => "positive-infinity",
        "OTH" | "UNC" => "as-text",
        "NP" => "not-permitted",
        _ => "unknown",
    }
}
