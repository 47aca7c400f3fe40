//! Observations and organizers into Observation and DiagnosticReport: results, vital signs, social history, pregnancy, and
//! every observation that no other map knows.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::entry;
use super::pressure;
use super::quantity;
use super::read::Node;
use super::section::Family;
use super::time;
use super::value;
use super::vital;

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const REPORT_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";
const PANEL_ONLY: [&str; 2] = ["46680005", "8716-3"];

/// The Observation of one observation; those inside it that no relation explains become members.
pub(super) fn observation(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> String {
    let mut tree = entry::begin(cx, act, "Observation", None, "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, act, "observation", "unknown");
    to.set("status", status);
    category(family, &mut to);
    match act.get("code") {
        Some(code) => coded::fill_concept(cx, code, &mut to.object("code")),
        None => coded::require_concept(cx, None, &mut to, "code"),
    }
    general_code(&mut to);
    cx.set_patient(&mut to, "subject");
    super::family::focus(cx, act, &mut to);
    let when = effective(act);
    time::set_when(cx, when, &mut to, "effective", family.needs_time() || vital::is_vital(act));
    if let Some(when) = entry::author_time(act) {
        issued(cx, when, &mut to);
    }
    performers(cx, act, &mut to);
    values(cx, act, family, &mut to);
    for interpretation in act.all("interpretationCode") {
        value::push_interpretation(cx, interpretation, &mut to);
    }
    entry::push_notes(cx, act, &mut to);
    if let Some(site) = act.all("targetSiteCode").find(|site| coded::names_something(cx, *site)) {
        coded::fill_concept(cx, site, &mut to.object("bodySite"));
    }
    if let Some(method) = act.all("methodCode").find(|method| coded::names_something(cx, *method)) {
        coded::fill_concept(cx, method, &mut to.object("method"));
    }
    further_sites(cx, act, &mut to);
    super::specimen::set(cx, act, &mut to);
    for range in act.all("referenceRange").filter_map(|range| range.get("observationRange")) {
        reference_range(cx, range, &mut to);
    }
    vital::conform(cx, act, &mut to);
    treatments(cx, act, &mut to);
    members(cx, act, family, &mut to);
    cx.add(act, tree)
}

/// A treatment that the observation speaks of by its identifier only (a pharmaceutical advice on an item of a plan) is what
/// it is about: nobody may read it as a medicine of its own.
fn treatments(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (relation, item) in entry::inner(act) {
        let kind = match item.name() {
            "substanceAdministration" => "MedicationStatement",
            "supply" => "MedicationDispense",
            _ => continue,
        };
        let product = item.at("consumable/manufacturedProduct").or(item.at("product/manufacturedProduct"));
        let named = product.is_some_and(|product| {
            product
                .descendants()
                .any(|node| node.peek("code").is_some() || node.name() == "name" && node.has_own_text())
        });
        let said = ["text", "effectiveTime", "doseQuantity", "entryRelationship", "quantity"];
        let identified = item.all("id").any(|id| id.peek("root").is_some());
        if relation.peek("typeCode") != Some("REFR")
            || named
            || !identified
            || said.iter().any(|part| item.get(part).is_some())
        {
            continue;
        }
        for id in item.all("id").filter(|id| id.peek("root").is_some()) {
            let mut holder = Tree::new(kind);
            super::parts::fill_identifier(cx, id, &mut holder.edit().object("identifier"));
            let mut focus = to.item("focus");
            focus.set("type", kind);
            if let Some(identifier) = holder.root().get("identifier") {
                focus.copy(identifier);
            }
            let text = item.get("code").and_then(|code| entry::said(cx, code));
            focus.set_some("display", text.as_deref());
        }
        item.take_attributes();
        item.children().filter(|part| part.name() != "reference").for_each(Node::take_all);
    }
}

/// Observation has one body site and one method: further ones become notes.
pub(super) fn further_sites(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (source, what) in [("targetSiteCode", "Body site"), ("methodCode", "Method")] {
        for code in act.all(source).filter(|code| !code.attributes_taken()) {
            let text = coded::original_text(cx, code).or(code.peek("displayName").map(str::to_owned));
            let said =
                [text.as_deref(), code.peek("code"), code.peek("codeSystem")].into_iter().flatten().collect::<Vec<_>>();
            if !said.is_empty() && code.peek("code").or(text.as_deref()).is_some() {
                entry::push_note(to, &format!("{what}: {}", said.join(" ")));
                code.take_attributes();
            }
        }
    }
    if let Some(count) = act.get("repeatNumber").and_then(|node| node.attr("value")) {
        entry::push_note(to, &format!("Repeat number: {count}"));
    }
    if let Some(priority) = act.get("priorityCode").filter(|code| coded::names_something(cx, *code)) {
        let mut component = to.item("component");
        component.object("code").set("text", "Priority");
        coded::fill_concept(cx, priority, &mut component.object("valueCodeableConcept"));
    }
}

/// Beside a code that says how a vital sign was measured stands the general one.
fn general_code(to: &mut ElementMut<'_>) {
    let codes = to.as_element().every("code.coding.code");
    let known = |code: &str| codes.iter().any(|element| element.text() == Some(code));
    let mut generals = codes.iter().filter_map(|code| vital::general(code.text()?));
    let missing = generals.find(|general| !known(general));
    if let Some(general) = missing {
        to.object("code").item("coding").set("system", "http://loinc.org").set("code", general);
    }
}

/// The organizers and acts around a statement, the nearest first.
pub(super) fn around<'d>(act: Node<'d>) -> impl Iterator<Item = Node<'d>> {
    let outer = |node: &Node<'d>| node.parent()?.parent().filter(|around| matches!(around.name(), "organizer" | "act"));
    std::iter::successors(outer(&act), outer)
}

/// Its own time, else that of the organizer or act around it.
pub(super) fn effective(act: Node<'_>) -> Option<Node<'_>> {
    let own = act.get("effectiveTime");
    match time::when(own) {
        time::When::Unknown(_) => {
            let time = around(act).find_map(|around| {
                let time = around.get("effectiveTime");
                time.filter(|_| !matches!(time::when(time), time::When::Unknown(_)))
            });
            match time::when(time) {
                time::When::Unknown(_) => own,
                _ => {
                    own.and_then(time::unknown_flavor);
                    time
                }
            }
        }
        _ => own,
    }
}

pub(super) fn category(family: Family, to: &mut ElementMut<'_>) {
    if let Some(code) = family.observation_category() {
        to.item("category").item("coding").set("system", CATEGORY).set("code", code);
    }
}

/// `issued` is an instant: only a full time with its zone fits.
fn issued(cx: &mut Context<'_>, when: Node<'_>, to: &mut ElementMut<'_>) {
    match time::peek_time(when).filter(|text| text.len() > 10) {
        Some(text) => {
            when.take_attributes();
            to.set("issued", &text);
        }
        None => {
            let text = when.peek("value").unwrap_or_default();
            when.take_attributes();
            entry::push_note(to, &format!("Recorded: {}", time::peek_time(when).unwrap_or(text.to_owned())));
        }
    }
    let _ = cx;
}

pub(super) fn performers(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let mut seen = Vec::new();
    for name in ["performer", "author", "informant"] {
        for party in entry::parties(cx, act, name) {
            let kind = cx.document.type_of(&party.reference);
            let fits =
                matches!(kind, "Practitioner" | "PractitionerRole" | "Organization" | "RelatedPerson" | "Patient" | "");
            if fits && !seen.contains(&party.reference) {
                to.item("performer").set("reference", &party.reference);
                seen.push(party.reference);
            } else if kind == "Device" && to.as_element().get("device").is_none() {
                to.object("device").set("reference", &party.reference);
            }
        }
    }
}

fn values(cx: &mut Context<'_>, act: Node<'_>, family: Family, to: &mut ElementMut<'_>) {
    let values: Vec<Node<'_>> = act.all("value").collect();
    if entry::is_negated(act) {
        return negated(cx, act, &values, to);
    }
    let counts = family == Family::Pregnancy || cx.laboratory || vital::is_vital(act);
    if let [only] = values.as_slice() {
        return value::set_value(cx, *only, to, "value", counts);
    }
    // obs-7: beside a value no component may have the code of the whole; several values are components all.
    for value in values {
        let mut component = to.item("component");
        match act.get("code") {
            Some(code) => coded::fill_concept(cx, code, &mut component.object("code")),
            None => coded::absent(&mut component.object("code"), None),
        }
        value::set_value(cx, value, &mut component, "value", counts);
    }
}

/// FHIR has no negated observation: the value is kept in words, so that nobody reads it as found.
fn negated(cx: &mut Context<'_>, act: Node<'_>, values: &[Node<'_>], to: &mut ElementMut<'_>) {
    let mut words = Vec::new();
    for value in values {
        let text = coded::original_text(cx, *value).or_else(|| value.peek("displayName").map(str::to_owned));
        let code =
            [value.peek("code"), value.peek("value"), value.peek("unit")].into_iter().flatten().collect::<Vec<_>>();
        words.push(
            [text.or_else(|| value.peek_text()), Some(code.join(" "))]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        );
        value.take_all();
    }
    let text = words.join("; ");
    cx.loss(
        act,
        format!("The observation is negated, which FHIR cannot say of a value; it is kept as text: not {text}."),
    );
    to.object("valueCodeableConcept").set("text", format!("Negated (not so): {}", text.trim()).as_str());
}

pub(super) fn reference_range(cx: &mut Context<'_>, range: Node<'_>, to: &mut ElementMut<'_>) {
    let mut item = to.item("referenceRange");
    let mut texts: Vec<String> = range
        .get("text")
        .and_then(|text| {
            text.take_all();
            coded::referenced_text(cx, text)
        })
        .into_iter()
        .collect();
    if let Some(value) = range.get("value") {
        let interval = value.get("low").is_some() || value.get("high").is_some();
        if interval {
            value.take_attributes();
            for bound in ["low", "high"] {
                if let Some(node) = value.get(bound).filter(|node| node.peek("value").is_some()) {
                    quantity::fill_quantity(cx, node, &mut item.object(bound));
                } else {
                    value.get(bound).and_then(Node::null_flavor);
                }
            }
        } else if coded::names_something(cx, value) {
            coded::push_concept(cx, value, &mut item, "appliesTo");
        } else {
            let said = [value.attr("value"), value.peek("unit")].into_iter().flatten().collect::<Vec<_>>().join(" ");
            texts.extend(value.text().or_else(|| (!said.is_empty()).then_some(said)));
        }
    }
    if let Some(code) = range.get("interpretationCode").filter(|code| coded::names_something(cx, *code)) {
        if value::is_interpretation(cx, code) {
            coded::set_concept(cx, Some(code), &mut item, "type");
        } else {
            texts.extend(entry::said(cx, code));
            code.take_all();
        }
    }
    if let Some(code) = range.get("code").filter(|code| coded::names_something(cx, *code)) {
        coded::push_concept(cx, code, &mut item, "appliesTo");
    }
    if let Some(criterion) = range.at("precondition/criterion") {
        range_holds_for(cx, criterion, &mut item, &mut texts);
    }
    if !texts.is_empty() {
        item.set("text", &texts.join(" "));
    }
    // obs-3: a range without low, high or text is none; what it is called is its text.
    if !["low", "high", "text"].iter().any(|name| item.as_element().get(name).is_some()) {
        let coding = ["type.coding", "appliesTo.coding"].iter().find_map(|path| item.as_element().at(path));
        let label = coding.and_then(|coding| coding.text_at("display").or(coding.text_at("code"))).map(str::to_owned);
        let label = label.or_else(|| item.as_element().text_at("type.text").map(str::to_owned));
        match label {
            Some(label) => {
                item.set("text", &label);
            }
            None => coded::absent(&mut item.primitive("text"), None),
        }
    }
}

/// For whom a range holds: an interval of ages, or words.
fn range_holds_for(cx: &mut Context<'_>, criterion: Node<'_>, item: &mut ElementMut<'_>, texts: &mut Vec<String>) {
    const AGE: &str = "30525-0";
    let code = criterion.get("code");
    match criterion.get("value").filter(|value| quantity::has_value(*value)) {
        Some(value) if criterion.is_coded(AGE) && (value.get("low").is_some() || value.get("high").is_some()) => {
            quantity::fill_range(cx, value, &mut item.object("age"));
            code.into_iter().for_each(Node::take_attributes);
        }
        Some(value) if coded::names_something(cx, value) => {
            coded::push_concept(cx, value, item, "appliesTo");
        }
        _ => texts.extend(criterion.text()),
    }
}

/// Observations inside an observation become members of it.
fn members(cx: &mut Context<'_>, act: Node<'_>, family: Family, to: &mut ElementMut<'_>) {
    for (relation, inner) in entry::inner(act) {
        if !entry::is_untouched(inner) {
            continue;
        }
        let reference = match (inner.name(), relation.peek("typeCode")) {
            ("observation", Some("MFST" | "RSON" | "CAUS"))
            | ("act" | "procedure" | "substanceAdministration" | "supply", _) => continue,
            ("observation", _) => observation(cx, inner, family),
            ("organizer", _) => match organizer(cx, inner, family).into_iter().next() {
                Some(reference) => reference,
                None => continue,
            },
            ("observationMedia", _) => match super::media::media(cx, inner) {
                Some(reference) => {
                    // In a laboratory report all pictures stand in DiagnosticReport.media.
                    if !cx.laboratory {
                        to.item("derivedFrom").set("reference", &reference);
                    }
                    continue;
                }
                None => continue,
            },
            _ => continue,
        };
        if cx.document.type_of(&reference) == "Observation" {
            to.item("hasMember").set("reference", &reference);
        }
    }
}

/// The resources of an organizer: a DiagnosticReport in results, a panel Observation where the organizer says more than
/// that its members belong together, else the members alone.
pub(super) fn organizer(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> Vec<String> {
    let mut members = Vec::new();
    let code = act.get("code");
    let plain = code.and_then(|code| code.peek("code")).is_none_or(|code| PANEL_ONLY.contains(&code));
    let reported = family == Family::Results && !cx.laboratory;
    for (_, inner) in entry::inner(act) {
        // A comment on a panel or a report becomes its note.
        if entry::is_comment(inner) && !plain && !reported {
            continue;
        }
        match inner.name() {
            "observation" if pressure::is_pressure(inner) => {
                if !pressure::is_second(inner) {
                    members.push(pressure::observation(cx, inner, family));
                }
            }
            "observation" => members.push(observation(cx, inner, family)),
            "organizer" => members.extend(organizer(cx, inner, family)),
            _ => members.extend(super::entries::statement(cx, inner, family)),
        }
    }
    if reported {
        return vec![report(cx, act, &members)];
    }
    if plain {
        code.into_iter().for_each(Node::take_attributes);
        entry::status(act);
        if let Some(when) = act.get("effectiveTime").filter(|_| !members.is_empty()) {
            when.descendants().for_each(Node::take_attributes);
        }
        return members;
    }
    vec![panel(cx, act, family, &members)]
}

/// An Observation of a battery, whose members are its results.
pub(super) fn panel(cx: &mut Context<'_>, act: Node<'_>, family: Family, members: &[String]) -> String {
    let mut tree = entry::begin(cx, act, "Observation", None, "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, act, "observation", "unknown");
    to.set("status", status);
    category(family, &mut to);
    coded::require_concept(cx, act.get("code"), &mut to, "code");
    cx.set_patient(&mut to, "subject");
    super::family::focus(cx, act, &mut to);
    let needs_time = family.needs_time() || vital::is_vital(act);
    time::set_when(cx, act.get("effectiveTime"), &mut to, "effective", needs_time);
    performers(cx, act, &mut to);
    entry::push_notes(cx, act, &mut to);
    vital::conform(cx, act, &mut to);
    for member in members {
        if matches!(cx.document.type_of(member), "Observation") {
            to.item("hasMember").set("reference", member);
        }
    }
    cx.add(act, tree)
}

fn report(cx: &mut Context<'_>, act: Node<'_>, members: &[String]) -> String {
    let mut tree = entry::begin(cx, act, "DiagnosticReport", None, "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, act, "report", "unknown");
    to.set("status", status);
    let imaging = act.is_coded("18748-4");
    to.item("category").item("coding").set("system", REPORT_CATEGORY).set("code", if imaging { "RAD" } else { "LAB" });
    coded::require_concept(cx, act.get("code"), &mut to, "code");
    cx.set_patient(&mut to, "subject");
    report_time(cx, act, members, &mut to);
    for party in entry::parties(cx, act, "performer") {
        to.item("performer").set("reference", &party.reference);
    }
    for party in entry::parties(cx, act, "author") {
        if cx.document.type_of(&party.reference) != "Device" {
            to.item("resultsInterpreter").set("reference", &party.reference);
        }
    }
    if let Some(when) = entry::author_time(act) {
        when.take_attributes();
        if let Some(text) = time::peek_time(when).filter(|text| text.len() > 10) {
            to.set("issued", &text);
        }
    }
    for member in members {
        if cx.document.type_of(member) == "Observation" {
            to.item("result").set("reference", member);
        }
    }
    cx.add(act, tree)
}

/// A report's own time; else that of its first result.
fn report_time(cx: &mut Context<'_>, act: Node<'_>, members: &[String], to: &mut ElementMut<'_>) {
    if !matches!(time::when(act.get("effectiveTime")), time::When::Unknown(_)) {
        return time::set_when(cx, act.get("effectiveTime"), to, "effective", true);
    }
    act.get("effectiveTime").and_then(time::unknown_flavor);
    for member in members {
        let Some(result) = cx.document.resource_mut(member) else { continue };
        let root = result.root();
        if let Some(when) =
            root.get("effectiveDateTime").filter(|when| when.text().is_some()).or(root.get("effectivePeriod"))
        {
            let copy = Tree::from_element(root);
            if let Some(same) = copy.root().get(when.name()) {
                to.copy(same);
            }
            return;
        }
    }
    coded::absent(&mut to.primitive("effectiveDateTime"), None);
}

/// A comment that stands alone, as an Observation of its text.
pub(super) fn comment(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let text = entry::statement_text(cx, act);
    let mut tree = entry::begin(cx, act, "Observation", None, "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, act, "observation", "final");
    to.set("status", status);
    coded::require_concept(cx, act.get("code"), &mut to, "code");
    cx.set_patient(&mut to, "subject");
    performers(cx, act, &mut to);
    match text {
        Some(text) => {
            to.set("valueString", &text);
        }
        None => coded::absent(&mut to.primitive("valueString"), None),
    }
    cx.add(act, tree)
}
