//! Illnesses of relatives: organizers about a related subject into FamilyMemberHistory
//! (<http://hl7.org/fhir/R4/familymemberhistory.html>).

use super::coded;
use super::context::Context;
use super::entry;
use super::read::Node;
use super::time;
use super::value;

/// Whether an organizer speaks of a relative.
pub(super) fn is_family(act: Node<'_>) -> bool {
    act.at("subject/relatedSubject").is_some()
}

/// The FamilyMemberHistory of an organizer.
pub(super) fn history(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "FamilyMemberHistory", None, "");
    let mut to = tree.edit();
    act.get("code").into_iter().for_each(Node::take_attributes);
    entry::status(act);
    to.set("status", "completed");
    cx.set_patient(&mut to, "patient");
    if let Some(relative) = act.at("subject/relatedSubject") {
        coded::require_concept(cx, relative.get("code"), &mut to, "relationship");
        let person = relative.get("subject");
        for id in person.into_iter().flat_map(|person| person.all("id").collect::<Vec<_>>()) {
            super::parts::push_identifier(cx, id, &mut to, "identifier");
        }
        if let Some(name) = person.and_then(|person| person.get("name")).and_then(Node::text) {
            to.set("name", &name);
        }
        if let Some(gender) = person.and_then(|person| person.get("administrativeGenderCode")) {
            let code = match gender.attr("code").unwrap_or_default() {
                "F" => "female",
                "M" => "male",
                "UN" => "other",
                _ => "unknown",
            };
            to.object("sex")
                .item("coding")
                .set("system", "http://hl7.org/fhir/administrative-gender")
                .set("code", code);
        }
        if let Some(born) =
            person.and_then(|person| person.get("birthTime")).filter(|born| born.peek("value").is_some())
        {
            time::set_date(cx, born, &mut to, "bornDate");
        }
        if let Some(died) =
            person.and_then(|person| person.get("deceasedTime")).filter(|died| died.peek("value").is_some())
        {
            time::set_date(cx, died, &mut to, "deceasedDate");
        } else if let Some(flag) =
            person.and_then(|person| person.get("deceasedInd")).and_then(|flag| flag.attr("value"))
        {
            to.set("deceasedBoolean", flag == "true");
        }
    }
    for (_, illness) in entry::inner(act).filter(|(_, inner)| inner.name() == "observation") {
        condition(cx, illness, &mut to);
    }
    entry::push_notes(cx, act, &mut to);
    cx.add(act, tree)
}

fn condition(cx: &mut Context<'_>, illness: Node<'_>, to: &mut model::ElementMut<'_>) {
    let value = illness.get("value").filter(|value| coded::names_something(cx, *value));
    let mut holder = model::Tree::new("FamilyMemberHistory");
    let mut item = holder.edit();
    entry::status(illness);
    let text = entry::statement_text(cx, illness);
    match value {
        Some(value) => {
            illness.get("code").into_iter().for_each(Node::take_all);
            coded::fill_concept(cx, value, &mut item.object("code"));
        }
        None => coded::require_concept(cx, illness.get("code"), &mut item, "code"),
    }
    if entry::is_negated(illness) {
        cx.note(illness, "The relative does not have the illness: it is kept in words.");
        let said = item.as_element().text_at("code.text").map(str::to_owned).or(text.clone()).unwrap_or_default();
        item.remove("code");
        item.object("code").set("text", &format!("Negated (not so): {said}"));
    }
    if let Some(age) = entry::inner_coded(illness, "445518008").or(entry::inner_coded(illness, "397659008")) {
        super::problem::take_status(cx, age);
        if let Some(years) = age.get("value") {
            value::set_value(cx, years, &mut item, "onset", true);
            let quantity = item.as_element().get("onsetQuantity").map(model::Tree::from_element);
            if let Some(quantity) = quantity {
                item.remove("onsetQuantity");
                item.copy_as("onsetAge", quantity.root(), false);
            }
            item.remove("onsetInteger").remove("onsetCodeableConcept").remove("dataAbsentReason");
        }
    } else {
        match time::when(illness.get("effectiveTime")) {
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
    entry::push_notes(cx, illness, &mut item);
    let mut target = to.item("condition");
    for child in holder.root().children() {
        target.copy(child);
    }
}
