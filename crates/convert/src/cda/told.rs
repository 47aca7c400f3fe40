//! Acts of sections that ask a question (why no copayment, who pays): an answer into Observation, not something that was done
//! (<http://hl7.org/fhir/R4/observation.html>).

use super::coded;
use super::context::Context;
use super::entry;
use super::observation;
use super::read::Node;
use super::table;
use super::time;

/// The code of the section around a statement, where what stands in it answers that.
pub(super) fn question(act: Node<'_>) -> Option<Node<'_>> {
    let mut around = act.parent();
    while let Some(node) = around {
        if node.name() == "section" {
            let code = node.get("code")?;
            return code.peek("code").and_then(|code| table::lookup("question", code)).map(|_| code);
        }
        around = node.parent();
    }
    None
}

/// The Observation that says what an act answers.
pub(super) fn told(cx: &mut Context<'_>, act: Node<'_>, question: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "Observation", None, "");
    let mut to = tree.edit();
    to.set("status", entry::mapped_status(cx, act, "observation", "unknown"));
    coded::fill_concept(cx, question, &mut to.object("code"));
    cx.set_patient(&mut to, "subject");
    time::set_when(cx, act.get("effectiveTime"), &mut to, "effective", false);
    observation::performers(cx, act, &mut to);
    match act.get("code").filter(|code| coded::names_something(cx, *code)) {
        Some(code) if entry::is_negated(act) => {
            let said = entry::said(cx, code).unwrap_or_default();
            code.take_all();
            to.object("valueCodeableConcept").set("text", &format!("Negated (not so): {said}"));
        }
        Some(code) => coded::fill_concept(cx, code, &mut to.object("valueCodeableConcept")),
        None => {
            let reason = coded::absent_reason(act.get("code").and_then(Node::null_flavor));
            let system = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
            to.object("dataAbsentReason").item("coding").set("system", system).set("code", reason);
        }
    }
    entry::push_notes(cx, act, &mut to);
    cx.add(act, tree)
}
