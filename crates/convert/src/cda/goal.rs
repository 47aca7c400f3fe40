//! Goals into Goal (<http://hl7.org/fhir/R4/goal.html>): what is to be reached was not measured, and is no Observation.

use super::coded;
use super::context::Context;
use super::entry;
use super::read::Node;
use super::time;
use super::value;

/// The Goal of a statement in the mood GOL.
pub(super) fn goal(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "Goal", None, "");
    let mut to = tree.edit();
    to.set("lifecycleStatus", entry::mapped_status(cx, act, "goal", "proposed"));
    let named = act.get("code").filter(|code| coded::names_something(cx, *code));
    let values: Vec<Node<'_>> = act.all("value").collect();
    let worded = values.iter().find(|value| value.text().is_some()).copied().filter(|_| named.is_none());
    match (named, worded) {
        (Some(code), _) => coded::fill_concept(cx, code, &mut to.object("description")),
        (None, Some(value)) => {
            to.object("description").set_some("text", value.text().as_deref());
        }
        (None, None) => match entry::statement_text(cx, act) {
            Some(text) => {
                to.object("description").set("text", &text);
            }
            None => coded::require_concept(cx, None, &mut to, "description"),
        },
    }
    if entry::is_negated(act) {
        let text = to.as_element().text_at("description.text").or(named.and_then(|code| code.peek("displayName")));
        let text = format!("Negated (not so): {}", text.unwrap_or_default());
        to.object("description").set("text", text.trim());
    }
    cx.set_patient(&mut to, "subject");
    let end = times(cx, act, &mut to);
    for node in values.into_iter().filter(|node| worded != Some(*node)) {
        let mut made = model::Tree::new("Goal");
        value::set_value(cx, node, &mut made.edit(), "detail", false);
        let mut target = to.item("target");
        if let Some(code) = named {
            coded::fill_concept(cx, code, &mut target.object("measure"));
        } else {
            coded::absent(&mut target.object("measure"), None);
        }
        for part in made.root().children().filter(|part| part.name().starts_with("detail")) {
            match part.name() {
                // A time has no place among the details.
                "detailDateTime" | "detailPeriod" => {
                    let said = part.text().map(str::to_owned).or_else(|| entry::said(cx, node));
                    target.set_some("detailString", said.as_deref());
                }
                _ => {
                    target.copy(part);
                }
            }
        }
        target.set_some("dueDate", end.as_deref());
    }
    if to.as_element().get("target").is_none()
        && let Some(end) = end
    {
        to.item("target").set("dueDate", end.as_str());
    }
    // Who set it stands in its Provenance.
    entry::push_notes(cx, act, &mut to);
    cx.add(act, tree)
}

/// Sets when the goal is pursued from; its end, where there is one, comes back as the day on which it is due.
fn times(cx: &mut Context<'_>, act: Node<'_>, to: &mut model::ElementMut<'_>) -> Option<String> {
    let when = act.get("effectiveTime");
    match time::when(when) {
        time::When::Point(point) => {
            time::set_date(cx, point, to, "startDate");
            None
        }
        time::When::Interval(interval) => {
            interval.take_attributes();
            if let Some(low) = interval.get("low").filter(|low| low.peek("value").is_some()) {
                time::set_date(cx, low, to, "startDate");
            }
            let high = interval.get("high").filter(|high| high.peek("value").is_some())?;
            let text = time::peek_time(high)?;
            high.take_attributes();
            text.get(..10).map(str::to_owned).or(Some(text))
        }
        time::When::Unknown(node) => {
            node.and_then(time::unknown_flavor);
            None
        }
    }
}
