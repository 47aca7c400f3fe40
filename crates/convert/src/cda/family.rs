//! Illnesses of relatives: organizers about a related subject into FamilyMemberHistory
//! (<http://hl7.org/fhir/R4/familymemberhistory.html>).

use super::coded;
use super::context::Context;
use super::entry;
use super::read::Node;
use super::time;
use super::value;

/// Age, age at onset, age at diagnosis.
const AGE_AT_ONSET: [&str; 3] = ["445518008", "397659008", "35267-4"];
const DEAD: &str = "419099009";
const AGE_AT_DEATH: [&str; 1] = ["39016-1"];

/// The FamilyMemberHistory of an organizer.
pub(super) fn history(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "FamilyMemberHistory", None, "");
    let mut to = tree.edit();
    act.get("code").into_iter().for_each(Node::take_attributes);
    entry::status(act);
    to.set("status", "completed");
    cx.set_patient(&mut to, "patient");
    if let Some(relative) = entry::other_subject(cx, act) {
        describe(cx, relative, &mut to);
    }
    for (_, illness) in entry::inner(act).filter(|(_, inner)| inner.name() == "observation") {
        condition(cx, illness, &mut to);
    }
    entry::push_notes(cx, act, &mut to);
    cx.add(act, tree)
}

/// The FamilyMemberHistory of one observation about a relative that no organizer holds.
pub(super) fn of_observation(cx: &mut Context<'_>, illness: Node<'_>, relative: Node<'_>) -> String {
    let mut tree = entry::begin(cx, illness, "FamilyMemberHistory", None, "");
    let mut to = tree.edit();
    to.set("status", "completed");
    cx.set_patient(&mut to, "patient");
    describe(cx, relative, &mut to);
    condition(cx, illness, &mut to);
    cx.add(illness, tree)
}

/// Sets `Observation.focus` where the observation is about a relative, a fetus or a donor, so that nobody reads it as the
/// patient's.
pub(super) fn focus(cx: &mut Context<'_>, act: Node<'_>, to: &mut model::ElementMut<'_>) {
    let Some(relative) = entry::other_subject(cx, act) else { return };
    if relative.get("subject").is_none() && relative.get("code").is_none_or(|code| !coded::names_something(cx, code)) {
        // Nobody: a place that was sampled (water, a surface).
        let mut tree = model::Tree::new("Location");
        super::parts::push_telecoms(cx, relative, &mut tree.edit());
        super::parts::push_addresses(cx, relative, &mut tree.edit());
        relative.get("code").and_then(Node::null_flavor);
        let mut place = tree.edit();
        let address = place.as_element().get("address").map(model::Tree::from_element);
        place.remove("address");
        if let Some(address) = address {
            place.copy_as("address", address.root(), false);
        }
        let reference = cx.document.add_once(tree);
        to.item("focus").set("reference", &reference);
        return;
    }
    let mut tree = model::Tree::new("RelatedPerson");
    let mut person = tree.edit();
    cx.set_patient(&mut person, "patient");
    match relative.get("code").filter(|code| coded::names_something(cx, *code)) {
        Some(code) => {
            coded::push_concept(cx, code, &mut person, "relationship");
        }
        None => coded::absent(&mut person.item("relationship"), relative.get("code").and_then(Node::null_flavor)),
    }
    if let Some(subject) = relative.get("subject") {
        for id in subject.all("id") {
            super::parts::push_identifier(cx, id, &mut person, "identifier");
        }
        super::parts::push_names(cx, subject, &mut person);
        super::parts::push_telecoms(cx, subject, &mut person);
        if let Some(code) = subject.get("administrativeGenderCode").and_then(|code| code.attr("code")) {
            person.set("gender", gender(code));
        }
        if let Some(born) = subject.get("birthTime").filter(|born| born.peek("value").is_some()) {
            time::set_date(cx, born, &mut person, "birthDate");
        }
    }
    super::parts::push_telecoms(cx, relative, &mut person);
    super::parts::push_addresses(cx, relative, &mut person);
    let reference = cx.document.add_once(tree);
    to.item("focus").set("reference", &reference);
}

fn gender(code: &str) -> &'static str {
    match code {
        "F" => "female",
        "M" => "male",
        "UN" => "other",
        _ => "unknown",
    }
}

/// Who the relative is: relationship, name, sex, birth and death.
fn describe(cx: &mut Context<'_>, relative: Node<'_>, to: &mut model::ElementMut<'_>) {
    coded::require_concept(cx, relative.get("code"), to, "relationship");
    let person = relative.get("subject");
    for id in person.into_iter().flat_map(|person| person.all("id").collect::<Vec<_>>()) {
        super::parts::push_identifier(cx, id, to, "identifier");
    }
    if let Some(name) = person.and_then(|person| person.get("name")).and_then(Node::text) {
        to.set("name", &name);
    }
    if let Some(gender) = person.and_then(|person| person.get("administrativeGenderCode")) {
        let code = self::gender(gender.attr("code").unwrap_or_default());
        to.object("sex").item("coding").set("system", "http://hl7.org/fhir/administrative-gender").set("code", code);
    }
    if let Some(born) = person.and_then(|person| person.get("birthTime")).filter(|born| born.peek("value").is_some()) {
        time::set_date(cx, born, to, "bornDate");
    }
    if let Some(died) = person.and_then(|person| person.get("deceasedTime")).filter(|died| died.peek("value").is_some())
    {
        time::set_date(cx, died, to, "deceasedDate");
    } else if let Some(flag) = person.and_then(|person| person.get("deceasedInd")).and_then(|flag| flag.attr("value")) {
        to.set("deceasedBoolean", flag == "true");
    }
}

fn condition(cx: &mut Context<'_>, illness: Node<'_>, to: &mut model::ElementMut<'_>) {
    let value = illness.get("value").filter(|value| coded::names_something(cx, *value));
    let mut holder = model::Tree::new("FamilyMemberHistory");
    let mut item = holder.edit();
    entry::status(illness);
    let text = entry::statement_text(cx, illness);
    if entry::is_negated(illness) {
        cx.note(illness, "The relative does not have the illness: it is kept in words.");
        illness.get("code").into_iter().for_each(Node::take_all);
        let said = value.or(illness.get("code")).and_then(|value| entry::said(cx, value));
        value.into_iter().for_each(Node::take_all);
        let said = [said, text].into_iter().flatten().collect::<Vec<_>>().join("; ");
        item.object("code").set("text", &format!("Negated (not so): {said}"));
    } else if let Some(value) = value {
        coded::fill_concept(cx, value, &mut item.object("code"));
        if let Some(kind) = illness.get("code") {
            coded::purpose(cx, kind, &mut item.object("code"));
        }
    } else {
        coded::require_concept(cx, illness.get("code"), &mut item, "code");
    }
    onset(cx, illness, &mut item);
    entry::push_notes(cx, illness, &mut item);
    for (_, inner) in entry::inner(illness).filter(|(_, inner)| entry::is_untouched(*inner)) {
        if AGE_AT_DEATH.iter().any(|code| inner.is_coded(code)) && died(cx, inner, to) {
            continue;
        }
        if let Some(outcome) = inner.get("value").filter(|value| value.peek("code") == Some(DEAD)) {
            coded::set_concept(cx, Some(outcome), &mut item, "outcome");
            super::problem::take_status(cx, inner);
            continue;
        }
        // What is said of the relative may never stand as the patient's own: it stays here, in words.
        if let Some(words) = entry::in_words(cx, inner) {
            entry::push_note(&mut item, &words);
        }
    }
    let mut target = to.item("condition");
    for child in holder.root().children() {
        target.copy(child);
    }
}

fn onset(cx: &mut Context<'_>, illness: Node<'_>, item: &mut model::ElementMut<'_>) {
    let when = illness.get("effectiveTime");
    if let Some(age) = AGE_AT_ONSET.iter().find_map(|code| entry::inner_coded(illness, code)) {
        super::problem::take_status(cx, age);
        if let Some(years) = age.get("value") {
            value::set_value(cx, years, item, "onset", true);
            let quantity = item.as_element().get("onsetQuantity").map(model::Tree::from_element);
            if let Some(quantity) = quantity {
                item.remove("onsetQuantity");
                item.copy_as("onsetAge", quantity.root(), false);
            }
            item.remove("onsetInteger").remove("onsetCodeableConcept").remove("dataAbsentReason");
        }
        if let Some(words) = when.and_then(|when| entry::said(cx, when)) {
            entry::push_note(item, &format!("Time: {words}"));
        }
        when.into_iter().for_each(Node::take_all);
        return;
    }
    match time::when(when) {
        time::When::Unknown(node) => {
            node.and_then(time::unknown_flavor);
        }
        time::When::Point(point) => {
            point.take_attributes();
            item.set_some("onsetString", time::peek_time(point).as_deref());
        }
        time::When::Interval(interval) => time::fill_period(cx, interval, &mut item.object("onsetPeriod")),
    }
}

/// The age at death, where nothing else says when the relative died; tells whether it was taken.
fn died(cx: &mut Context<'_>, age: Node<'_>, to: &mut model::ElementMut<'_>) -> bool {
    let told = ["deceasedDate", "deceasedAge"].iter().any(|name| to.as_element().get(name).is_some());
    let Some(years) = age.get("value").filter(|years| !told && years.peek("unit").is_some()) else { return false };
    to.remove("deceasedBoolean");
    super::quantity::fill_quantity(cx, years, &mut to.object("deceasedAge"));
    super::problem::take_status(cx, age);
    true
}
