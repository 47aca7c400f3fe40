//! DTM, CX, EI, XPN, XAD, XTN, CQ and numbers into FHIR's datatypes: <http://hl7.org/fhir/R4/datatypes.html>.

use model::{ElementMut, PartialDateTime, Primitive};

use super::coded;
use super::context::Context;
use super::read::Part;
use crate::cda::{decimal, time, ucum};

const ORIGINAL: &str = "http://hl7.org/fhir/StructureDefinition/originalText";
const IDENTIFIERS: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
/// Codes of table 0203 that FHIR's code system has and messages use.
const KINDS: &str = " AC ACSN AM AMA AN ANC AND ANON ANT APRN BA BC BCFN BCT BR BRN BSNR CAII CC CONM CY CZ DC DCFN DEA \
     DFN DI DL DN DO DP DPM DR DRN DS EI EN ESN FDR FDRFN FI FILL FGN GI GL GN HC IND IRISTEM JHN LACSN LANR LI L&I LN LR \
     MA MB MC MCD MCN MCR MCT MD MI MR MRT MS NBSNR NCT NE NH NI NII NIIP NNxxx NP NPI OBI OD PA PC PCN PE PEN PHC PHE PHO \
     PI PIN PLAC PN PNT PPIN PPN PRC PRN PT QA RI RN RPH RR RRI RRP SAMN SB SID SL SN SNBSN SNO SP SR SRX SS STN TAX TN \
     TPR TRL U UDI USID VN VP VS WC WCN WP XV XX ";

/// A time as FHIR writes it; `None` where no calendar has it. The zone of the message holds where it names none.
pub(super) fn peek_time(cx: &Context<'_>, part: Part<'_>) -> Option<String> {
    part.peek().and_then(|text| written(cx, text)).map(|written| written.text)
}

fn written(cx: &Context<'_>, text: &str) -> Option<time::Written> {
    let zoned = text.contains(['+', '-', 'Z']);
    let hours = text.bytes().take_while(u8::is_ascii_digit).count() >= 10;
    match zoned || !hours || cx.zone.is_empty() {
        true => time::read(text),
        false => time::read(&format!("{text}{}", cx.zone)),
    }
}

/// Sets the primitive `name` (a `dateTime`); tells whether the part said anything.
pub(super) fn set_time(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, name: &str) -> bool {
    let Some(text) = part.text() else { return false };
    match written(cx, text) {
        Some(written) => {
            to.set(name, &written.text);
            if let Some(original) = written.original {
                let said =
                    format!("{original} gives a time without a zone, which FHIR cannot; the date is {}.", written.text);
                to.primitive(name).item("extension").set("url", ORIGINAL).set("valueString", text);
                cx.note(part, said);
            }
        }
        None => {
            cx.defect(part, format!("{text:?} is no date of any calendar; it is kept as original text."));
            let mut primitive = to.primitive(name);
            primitive.item("extension").set("url", ORIGINAL).set("valueString", text);
            coded::absent(&mut primitive, "unknown");
        }
    }
    true
}

/// Sets the primitive `name` (a `date`): what is said beyond the day stands in the extension `originalText`.
pub(super) fn set_date(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, name: &str) -> bool {
    let Some(text) = part.text() else { return false };
    let digits: String = text.chars().take_while(char::is_ascii_digit).take(8).collect();
    match time::read(&digits) {
        Some(written) => {
            to.set(name, &written.text);
            let rest = text.get(digits.len()..).unwrap_or_default();
            if rest.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
                to.primitive(name).item("extension").set("url", ORIGINAL).set("valueString", text);
            }
        }
        None => {
            cx.defect(part, format!("{text:?} is no date of any calendar; it is kept as original text."));
            let mut primitive = to.primitive(name);
            primitive.item("extension").set("url", ORIGINAL).set("valueString", text);
            coded::absent(&mut primitive, "unknown");
        }
    }
    true
}

/// Sets an `instant`, which needs a time of day and a zone; a date alone is left for the caller's other element.
pub(super) fn set_instant(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, name: &str) -> bool {
    let Some(text) = peek_time(cx, part).filter(|text| text.len() > 10) else { return false };
    part.text();
    to.set(name, &text);
    true
}

/// Sets `name` to what a holder holds, where it holds anything.
pub(super) fn pour(holder: &model::Tree, to: &mut ElementMut<'_>, name: &str) {
    if holder.root().has_children() {
        let mut target = to.object(name);
        for child in holder.root().children() {
            target.copy(child);
        }
    }
}

/// Whether an end lies before a start; equal or incomparable times do not.
pub(super) fn ends_before(start: &str, end: &str) -> bool {
    let range = |text: &str| PartialDateTime::parse(text).map(|date| date.range(0));
    matches!((range(start), range(end)), (Some((start, _)), Some((_, end))) if end <= start)
}

/// The system URI of an assigning authority (HD).
pub(super) fn authority(cx: &mut Context<'_>, hd: Part<'_>) -> Option<String> {
    let (space, id, kind) = (hd.peek(), hd.c(2).peek(), hd.c(3).peek());
    let uri = id.and_then(|id| match kind.unwrap_or_default() {
        "UUID" | "GUID" if id.len() == 36 => Some(format!("urn:uuid:{}", id.to_ascii_lowercase())),
        "URI" | "URL" if id.contains(':') && !id.contains(' ') => Some(id.to_owned()),
        _ => coded::system(cx, None, Some(id)),
    });
    let uri = uri.or_else(|| space.and_then(|space| coded::system(cx, None, Some(space))));
    coded::name_short(cx, hd, id.or(space));
    if uri.is_some() {
        [hd, hd.c(2), hd.c(3)].into_iter().for_each(|part| {
            part.text();
        });
    }
    uri
}

/// What an authority (HD) is called: its namespace, or all of it where it has no URI. It counts as taken.
pub(super) fn authority_name(hd: Part<'_>, known: bool) -> Option<String> {
    let all = hd.words();
    let name = hd.peek().filter(|space| known && !coded::is_oid(space)).map(str::to_owned);
    hd.take_all();
    if known { name } else { all }
}

/// Fills an Identifier from CX: value, assigning authority, type, facility, validity.
pub(super) fn fill_identifier(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>) {
    let kind = part.c(5).text();
    fill_kind(kind, to);
    let authority_part = part.c(4);
    let system = authority(cx, authority_part);
    to.set_some("system", system.as_deref());
    to.set_some("value", part.text());
    let mut period = model::Tree::new("Period");
    for (component, name) in [(7, "start"), (8, "end")] {
        set_time(cx, part.c(component), &mut period.edit(), name);
    }
    pour(&period, to, "period");
    let name = authority_name(authority_part, system.is_some());
    // The facility stands for an authority that is not named; beside one it has no place.
    let facility = part.c(6).peek().filter(|_| name.is_none()).map(str::to_owned);
    if facility.is_some() {
        part.c(6).take_all();
    }
    if let Some(assigner) = name.or(facility) {
        to.object("assigner").set("display", &assigner);
    }
}

pub(super) fn fill_kind(kind: Option<&str>, to: &mut ElementMut<'_>) {
    let Some(kind) = kind else { return };
    let known = !kind.contains(' ') && KINDS.contains(&format!(" {kind} "));
    match known {
        true => to.object("type").item("coding").set("system", IDENTIFIERS).set("code", kind),
        false => to.object("type").set("text", kind),
    };
}

/// Fills an Identifier from EI: value and the three parts of its authority beside it.
pub(super) fn fill_entity(cx: &mut Context<'_>, part: Part<'_>, kind: Option<&str>, to: &mut ElementMut<'_>) {
    fill_kind(kind, to);
    let (space, id, universal) = (part.c(2).peek(), part.c(3).peek(), part.c(4).peek());
    let system = match (id, universal.unwrap_or_default()) {
        (Some(id), "UUID" | "GUID") if id.len() == 36 => Some(format!("urn:uuid:{}", id.to_ascii_lowercase())),
        (Some(id), "URI" | "URL") if id.contains(':') && !id.contains(' ') => Some(id.to_owned()),
        (id, _) => coded::system(cx, None, id).or_else(|| coded::system(cx, None, space)),
    };
    coded::name_short(cx, part, id.or(space));
    to.set_some("system", system.as_deref());
    // A part of an EIP stands one level deeper: its value is a subcomponent already.
    to.set_some("value", part.text());
    let words: Vec<&str> = match system {
        None => [space, id, universal].into_iter().flatten().collect(),
        Some(_) => space.into_iter().filter(|space| !coded::is_oid(space)).collect(),
    };
    if !words.is_empty() {
        to.object("assigner").set("display", &words.join(" "));
    }
    [part.c(2), part.c(3), part.c(4)].into_iter().for_each(Part::take_all);
}

/// Fills a HumanName from XPN, or from the name components of XCN (`shift` 1). `false` where there is no name.
pub(super) fn fill_name(cx: &mut Context<'_>, part: Part<'_>, shift: usize, to: &mut ElementMut<'_>) -> bool {
    let at = |number: usize| part.c(number + shift);
    if (1..=6).all(|number| !at(number).is_some()) {
        return false;
    }
    let kind = if shift == 1 { part.c(10) } else { part.c(7) };
    if let Some(code) = kind.text() {
        match coded::lookup("name", code) {
            Some(usage) => {
                to.set("use", usage);
            }
            None => cx.note(part, format!("The name type {code:?} is no use of a name.")),
        }
    }
    // The surname of FN holds its own prefix and the partner's name beside the whole.
    let family = at(1);
    to.set_some("family", family.text());
    let beside: Vec<&str> = (2..=5).filter_map(|number| family.c(number).text()).collect();
    for given in [at(2), at(3)].into_iter().filter_map(Part::text) {
        to.push("given", given);
    }
    let suffixes = [at(4), at(6)].into_iter().filter_map(Part::text).collect::<Vec<_>>();
    if let Some(prefix) = at(5).text() {
        to.push("prefix", prefix);
    }
    for suffix in suffixes {
        to.push("suffix", suffix);
    }
    let whole = family.peek().unwrap_or_default();
    if beside.iter().any(|piece| !whole.contains(piece)) {
        let given = [at(2), at(3)].into_iter().filter_map(Part::peek);
        let words: Vec<&str> = given.chain(beside).chain([whole]).filter(|word| !word.is_empty()).collect();
        to.set("text", &words.join(" "));
    }
    if shift == 0 {
        let mut period = model::Tree::new("Period");
        set_time(cx, part.c(12), &mut period.edit(), "start");
        set_time(cx, part.c(13), &mut period.edit(), "end");
        pour(&period, to, "period");
        if let Some(suffix) = part.c(14).text() {
            to.push("suffix", suffix);
        }
    }
    true
}

/// Fills an Address from XAD.
pub(super) fn fill_address(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>) {
    let kind = part.c(7).text();
    match kind.map(|code| (code, coded::lookup("address", code))) {
        Some((_, Some(usage))) => {
            to.set("use", usage);
        }
        Some((code, None)) => cx.note(part, format!("The address type {code:?} has no counterpart.")),
        None => {}
    }
    if kind == Some("M") {
        to.set("type", "postal");
    }
    let street = part.c(1);
    // SAD holds the line, the street and the number: the line has them already where it is there.
    let line = street.text().map(str::to_owned);
    let own: Vec<&str> = [3, 2].into_iter().filter_map(|number| street.c(number).text()).collect();
    for line in [line, (!own.is_empty()).then(|| own.join(" "))].into_iter().flatten() {
        to.push("line", &line);
    }
    for number in [2, 8] {
        if let Some(line) = part.c(number).text() {
            to.push("line", line);
        }
    }
    to.set_some("city", part.c(3).text());
    to.set_some("district", part.c(9).text());
    to.set_some("state", part.c(4).text());
    to.set_some("postalCode", part.c(5).text());
    to.set_some("country", part.c(6).text());
    let mut period = model::Tree::new("Period");
    set_time(cx, part.c(13), &mut period.edit(), "start");
    set_time(cx, part.c(14), &mut period.edit(), "end");
    pour(&period, to, "period");
}

/// Appends a ContactPoint from XTN. `usage` is that of the field, where the part names none.
pub(super) fn push_telecom(
    cx: &mut Context<'_>,
    part: Part<'_>,
    usage: Option<&str>,
    to: &mut ElementMut<'_>,
    name: &str,
) {
    let equipment = part.c(3).peek();
    let address = part.c(4).text();
    let pieces = [(5, "+"), (6, ""), (7, ""), (8, " ext. ")];
    let pieces: Vec<String> = pieces
        .iter()
        .filter_map(|(at, before)| part.c(*at).peek().map(|text| format!("{before}{}", text.trim_start_matches('+'))))
        .collect();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let whole = part.c(12).text().or_else(|| part.text());
    let said = whole.map(digits).unwrap_or_default();
    // Another number in the older form or in pieces stays untaken, and so is listed.
    for (at, text) in [1, 5, 6, 7, 8].into_iter().filter_map(|at| Some((at, part.c(at).peek()?))) {
        if whole.is_none() || said.contains(&digits(text)) {
            part.c(at).text();
        }
    }
    let number = whole.map(str::to_owned).or((!pieces.is_empty()).then(|| pieces.join(" ")));
    let code = part.c(2).peek();
    let mail = address.filter(|address| address.contains('@')).or(number.as_deref().filter(|text| text.contains('@')));
    let kind = equipment.and_then(|code| coded::lookup("equipment", code));
    let system = match (mail, kind) {
        (Some(_), _) => "email",
        (None, Some("email") | None) => "phone",
        (None, Some(system)) => system,
    };
    // A modem, a teletype and a satellite telephone are telephones, and FHIR cannot say more.
    if kind.is_some() && !matches!(equipment, Some("MD" | "TDD" | "TTY" | "SAT")) {
        part.c(3).text();
    }
    let known = code.and_then(|code| coded::lookup("phone", code));
    if known.is_some() || (code == Some("NET") && mail.is_some()) {
        part.c(2).text();
    }
    let usage = match (known, equipment) {
        (_, Some("CP")) => Some("mobile"),
        (found, _) => found.or(usage),
    };
    let mut values: Vec<(&str, &str)> = Vec::new();
    values.extend(mail.or(address).map(|value| (if mail.is_some() { "email" } else { "other" }, value)));
    values.extend(
        number
            .as_deref()
            .filter(|number| Some(*number) != mail)
            .map(|number| (if system == "email" { "phone" } else { system }, number)),
    );
    for (system, value) in values {
        let mut point = to.item(name);
        point.set("system", system).set("value", value);
        point.set_some("use", usage);
    }
    if let Some(words) = part.c(9).text() {
        cx.note(part, format!("The contact is explained: {words}."));
    }
}

/// A number as FHIR writes it.
pub(super) fn number(text: &str) -> Option<String> {
    decimal(text)
}

/// Fills a Quantity with a number and a unit (CE, or a bare text).
pub(super) fn fill_quantity(cx: &Context<'_>, value: &str, unit: Part<'_>, to: &mut ElementMut<'_>) {
    to.set("value", Primitive::Number(value));
    fill_unit(cx, unit, to);
}

/// Unit of a Quantity: UCUM where the code or what it usually means is, else its words.
pub(super) fn fill_unit(cx: &Context<'_>, unit: Part<'_>, to: &mut ElementMut<'_>) {
    let code = unit.peek().or(unit.c(4).peek());
    let words = [2, 9, 5].into_iter().find_map(|number| unit.c(number).text());
    let Some(code) = code else {
        to.set_some("unit", words);
        return;
    };
    to.set("unit", words.unwrap_or(code));
    let system = coded::system(cx, unit.c(3).peek(), None);
    if let Some(ucum) = ucum::code(code).filter(|_| system.as_deref().is_none_or(|uri| uri == coded::UCUM)) {
        to.set("system", coded::UCUM).set("code", ucum);
        if ucum != code && words.is_none() {
            to.set("unit", code);
        }
    } else if let Some(system) = system.as_deref().filter(|uri| *uri != coded::UCUM) {
        to.set("system", system).set("code", code);
    } else if words.is_some_and(|words| !words.eq_ignore_ascii_case(code)) {
        // A code of no system beside its words: it stays untaken, and so is listed.
        return;
    }
    if unit.text().is_none() {
        unit.c(4).text();
    }
    if system.is_some() {
        unit.c(3).text();
    }
}
