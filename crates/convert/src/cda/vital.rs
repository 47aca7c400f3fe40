//! Vital signs: what FHIR asks of an Observation with one of their codes, wherever it stands
//! (<http://hl7.org/fhir/R4/observation-vitalsigns.html>). A unit or a date of the source that the profiles do not allow is
//! named as a defect of the source; nothing is converted or completed.

use std::collections::HashMap;
use std::sync::LazyLock;

use model::ElementMut;

use super::context::Context;
use super::observation;
use super::quantity;
use super::read::Node;
use super::time;
use super::ucum;

/// Codes of panels, which have no unit.
const PANELS: [&str; 3] = ["85353-1", "85354-9", "8716-3"];

type Table = HashMap<&'static str, &'static str>;

static UNITS: LazyLock<Table> = LazyLock::new(|| rows(include_str!("vital-units.tsv")));
static GENERAL: LazyLock<Table> = LazyLock::new(|| rows(include_str!("vital-codes.tsv")));

fn rows(table: &'static str) -> Table {
    table.lines().filter(|row| !row.starts_with('#')).filter_map(|row| row.split_once('\t')).collect()
}

/// The units that the profile of a code allows.
fn units(code: &str) -> Option<&'static str> {
    UNITS.get(code).or_else(|| UNITS.get(general(code)?)).copied()
}

/// The general code of a vital sign beside one that says how it was measured.
pub(super) fn general(code: &str) -> Option<&'static str> {
    GENERAL.get(code).copied()
}

fn codes<'d>(act: Node<'d>) -> impl Iterator<Item = &'d str> {
    let code = act.get("code");
    let more = code.into_iter().flat_map(|code| code.all("translation").collect::<Vec<_>>());
    code.into_iter().chain(more).filter_map(|code| code.peek("code"))
}

/// Whether the statement's code is that of a vital sign that FHIR has a profile for.
pub(super) fn is_vital(act: Node<'_>) -> bool {
    codes(act).any(|code| units(code).is_some() || PANELS.contains(&code))
}

/// Adds the category of a vital sign where it is missing, and names what of the source its profile does not allow.
pub(super) fn conform(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let known = to.as_element().every("category.coding.code").iter().any(|code| code.text() == Some("vital-signs"));
    if !known && !is_vital(act) {
        return;
    }
    if !known {
        observation::category(super::section::Family::Vitals, to);
    }
    check(cx, act);
}

/// Names a unit, a kind of value or a date that the profile of the vital sign does not allow.
pub(super) fn check(cx: &mut Context<'_>, act: Node<'_>) {
    let when = observation::effective(act);
    if matches!(time::when(when), time::When::Unknown(_)) {
        cx.defect(act, "The vital sign has no time, which its profile asks.");
    }
    if let Some(when) = when {
        let point = time::peek_time(when).or_else(|| when.get("low").and_then(time::peek_time));
        if let Some(point) = point.filter(|point| point.len() < 10) {
            cx.defect(
                when,
                format!("The time of a vital sign, {point}, is less precise than a day, which its profile asks."),
            );
        }
    }
    let Some((code, allowed)) = codes(act).find_map(|code| Some((code, units(code)?))) else { return };
    let Some(value) = act.get("value").filter(|value| value.peek("nullFlavor").is_none()) else { return };
    let number = value.peek("value").and_then(quantity::decimal).is_some();
    if !number || matches!(value.xsi_type(), Some("ST" | "ED" | "CD" | "CE" | "TS" | "BL")) {
        cx.defect(value, format!("The value of the vital sign {code} is no single quantity, which its profile asks."));
        return;
    }
    let said = value.peek("unit").unwrap_or("1");
    let unit = ucum::code(said).unwrap_or(said);
    if !allowed.split(' ').any(|allowed| allowed == unit) {
        cx.defect(
            value,
            format!("The unit {said:?} is none that the profile of the vital sign {code} allows ({allowed})."),
        );
    }
}
