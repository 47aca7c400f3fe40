//! When a dose is given: PIVL, EIVL, IVL and points in time into Timing
//! (<http://hl7.org/fhir/R4/datatypes.html#Timing>). Times that no single Timing can hold become several beside each other;
//! what has no form in Timing stands in the words of its code.

use model::{Element, ElementMut, Primitive, Tree};

use super::coded;
use super::context::Context;
use super::quantity;
use super::read::Node;
use super::table;
use super::time;

const ORIGINAL: &str = "http://hl7.org/fhir/StructureDefinition/originalText";
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The times of a statement, those inside sets of times included.
pub(super) fn schedule<'d>(act: Node<'d>) -> Vec<Node<'d>> {
    let mut found = Vec::new();
    let mut stack: Vec<Node<'d>> = act.all("effectiveTime").collect();
    stack.reverse();
    while let Some(node) = stack.pop() {
        let parts: Vec<Node<'d>> = node.all("comp").collect();
        if parts.is_empty() {
            found.push(node);
        } else {
            stack.extend(parts.into_iter().rev());
        }
    }
    found
}

/// The Timings of a statement, which hold beside each other; `bounds` says whether the treatment's period belongs to them.
pub(super) fn timings(cx: &mut Context<'_>, act: Node<'_>, bounds: bool) -> Vec<Tree> {
    let mut made: Vec<Tree> = Vec::new();
    let mut common = Tree::new("Timing");
    for when in schedule(act) {
        let mut one = Tree::new("Timing");
        match when.xsi_type() {
            Some("PIVL_TS" | "PIVL_PPD_TS") => periodic(cx, when, &mut one.edit()),
            Some("EIVL_TS" | "EIVL_PPD_TS") => event(cx, when, &mut one.edit()),
            Some("TS") if bounds && when.peek("value").is_some() => {
                let mut point = Tree::new("Timing");
                time::set_time(cx, when, &mut point.edit(), "event");
                if let Some(text) = point.root().text_at("event") {
                    common.edit().push("event", text);
                }
            }
            _ if when.get("event").is_some() => event(cx, when, &mut one.edit()),
            _ if when.get("period").is_some() => periodic(cx, when, &mut one.edit()),
            _ if bounds => bound(cx, when, &mut common.edit()),
            _ => {}
        }
        if one.root().has_children() {
            join(cx, when, one, &mut made);
        }
    }
    if made.is_empty() {
        return if common.root().has_children() { vec![common] } else { made };
    }
    for timing in &mut made {
        count(timing);
        let mut to = timing.edit();
        for event in common.root().all("event") {
            to.copy(event);
        }
        for bound in common.root().get("repeat").into_iter().flat_map(Element::children) {
            to.object("repeat").copy(bound);
        }
    }
    made
}

/// Several hours or days of one period are as many times within it.
fn count(timing: &mut Tree) {
    let all = |name: &str| timing.root().every(&format!("repeat.{name}")).len().max(1);
    let times = all("timeOfDay") * all("dayOfWeek");
    if times > 1 && timing.root().text_at("repeat.frequency") == Some("1") {
        timing.edit().object("repeat").set("frequency", Primitive::Integer(times as i64));
    }
}

/// Puts a time to those that it can share a Timing with, else beside them.
fn join(cx: &mut Context<'_>, when: Node<'_>, one: Tree, made: &mut Vec<Tree>) {
    if let Some(held) = made.iter_mut().find(|held| fits(held.root(), one.root())) {
        return merge(held, one.root());
    }
    let at_once = when.peek("operator") == Some("A") && one.root().at("repeat.period").is_some();
    match made.iter_mut().find(|held| held.root().at("repeat.period").is_some()).filter(|_| at_once) {
        Some(held) => {
            cx.loss(when, "Two periods that must hold at once have no form in Timing; they are kept as words.");
            let text = format!("{}, and of these only {}", words(held.root()), words(one.root()));
            *held = Tree::new("Timing");
            held.edit().object("code").set("text", &text);
        }
        None => made.push(one),
    }
}

/// Whether two times say nothing different of the same part of a Timing.
fn fits(held: Element<'_>, one: Element<'_>) -> bool {
    let texts = |timing: Element<'_>, name: &str| -> Vec<String> {
        timing.every(&format!("repeat.{name}")).iter().filter_map(|e| e.text()).map(str::to_owned).collect()
    };
    let same = |name: &str| texts(held, name) == texts(one, name);
    let has = |timing: Element<'_>, name: &str| !texts(timing, name).is_empty();
    let both = |name: &str| has(held, name) && has(one, name);
    let period = ["period", "periodMax", "periodUnit", "frequency", "duration", "durationUnit"];
    (!both("period") || period.iter().all(|name| same(name)) && (same("timeOfDay") || same("dayOfWeek")))
        && (!both("when") || same("offset"))
        && !(has(held, "when") && has(one, "timeOfDay") || has(held, "timeOfDay") && has(one, "when"))
        && !(held.get("code").is_some() && one.get("code").is_some())
}

fn merge(held: &mut Tree, one: Element<'_>) {
    if let Some(code) = one.get("code") {
        held.edit().copy(code);
    }
    for part in one.get("repeat").into_iter().flat_map(Element::children) {
        let path = format!("repeat.{}", part.name());
        let known = held.root().every(&path).iter().any(|known| known.text() == part.text());
        if !known {
            held.edit().object("repeat").copy(part);
        }
    }
}

/// A period in words.
fn words(timing: Element<'_>) -> String {
    let part = |name: &str| timing.text_at(&format!("repeat.{name}")).unwrap_or_default();
    let all = |name: &str| -> Vec<&str> {
        timing.every(&format!("repeat.{name}")).iter().filter_map(|element| element.text()).collect()
    };
    let mut text = timing.text_at("code.text").unwrap_or_default().to_owned();
    if !part("period").is_empty() {
        let times = if part("frequency") == "1" { String::new() } else { format!("{} times ", part("frequency")) };
        text = format!("{times}every {} {}", part("period"), part("periodUnit"));
    }
    for more in [all("dayOfWeek"), all("timeOfDay"), all("when")].iter().filter(|more| !more.is_empty()) {
        text.push_str(&format!(" ({})", more.join(", ")));
    }
    text
}

fn say(timing: &mut ElementMut<'_>, text: &str) {
    let known = timing.as_element().text_at("code.text").map(|known| format!("{known}; "));
    let text = format!("{}{text}", known.unwrap_or_default());
    timing.object("code").set("text", &text);
}

/// The treatment's period as bounds of the timing; a mere width as its duration.
fn bound(cx: &mut Context<'_>, when: Node<'_>, timing: &mut ElementMut<'_>) {
    if let Some(width) = when.get("width").filter(|width| width.peek("value").is_some()) {
        if !matches!(time::when(Some(when)), time::When::Interval(_)) {
            quantity::fill_quantity(cx, width, &mut timing.object("repeat").object("boundsDuration"));
            return;
        }
        width.take_attributes();
    }
    if let time::When::Interval(interval) = time::when(Some(when)) {
        if interval.attributes_taken() && timing.as_element().at("repeat.boundsPeriod").is_some() {
            return;
        }
        time::fill_period(cx, interval, &mut timing.object("repeat").object("boundsPeriod"));
    } else {
        time::unknown_flavor(when);
    }
}

fn periodic(cx: &mut Context<'_>, when: Node<'_>, timing: &mut ElementMut<'_>) {
    when.take_attributes();
    when.null_flavor();
    let phase = when.get("phase");
    if let Some(period) = when.get("period") {
        let low = period.get("low").filter(|low| low.peek("value").is_some());
        let base = period.peek("value").map(|_| period).or(low);
        match base {
            Some(base) => set_period(cx, base, "period", timing),
            None => {
                time::unknown_flavor(period);
            }
        }
        if let Some(high) = period.get("high").filter(|high| high.peek("value").is_some() && low.is_some()) {
            set_period(cx, high, "periodMax", timing);
        }
    } else if let Some((times, period)) = when.get("frequency").and_then(frequency) {
        set_period(cx, period, "period", timing);
        if let Some(number) = times.attr("value").and_then(|times| times.parse::<u16>().ok()).filter(|n| *n > 0) {
            timing.object("repeat").set("frequency", Primitive::Integer(number.into()));
        }
    }
    if let Some(phase) = phase {
        self::phase(cx, phase, timing);
    }
}

/// `frequency` of later versions of the datatypes: so many times in a period.
fn frequency<'d>(node: Node<'d>) -> Option<(Node<'d>, Node<'d>)> {
    let times = node.get("numerator").filter(|times| times.peek("unit").is_none_or(|unit| unit == "1"))?;
    let whole = times.peek("value").and_then(|times| times.parse::<u16>().ok()).is_some_and(|times| times > 0);
    let period = node.get("denominator").filter(|period| period.peek("value").is_some() && whole)?;
    Some((times, period))
}

/// Where in the period the dose falls: an hour, and of weeks a day.
fn phase(cx: &mut Context<'_>, phase: Node<'_>, timing: &mut ElementMut<'_>) {
    phase.take_attributes();
    let start = phase
        .get("low")
        .filter(|low| low.peek("value").is_some())
        .or(Some(phase).filter(|phase| phase.peek("value").is_some()));
    if let Some(start) = start {
        let value = start.attr("value").unwrap_or_default();
        let unit = timing.as_element().text_at("repeat.periodUnit").map(str::to_owned);
        let period = timing.as_element().text_at("repeat.period").map(str::to_owned);
        let weeks = unit.as_deref() == Some("wk") || unit.as_deref() == Some("d") && period.as_deref() == Some("7");
        let day = weekday(value).filter(|_| weeks);
        if let Some(day) = day {
            timing.object("repeat").push("dayOfWeek", day);
        }
        match clock(value) {
            Some(clock) => {
                timing.object("repeat").push("timeOfDay", &clock);
            }
            None if day.is_none() => {
                cx.note(start, format!("The phase of the period, {value}, gives no time of day."));
            }
            None => {}
        }
    }
    if let Some(width) = phase.get("width").filter(|width| width.peek("value").is_some()) {
        set_period(cx, width, "duration", timing);
    }
    if let Some(high) = phase.get("high") {
        high.take_attributes();
    }
}

/// `YYYYMMDDhhmm…` as `hh:mm:00`.
fn clock(value: &str) -> Option<String> {
    let digits = value.split(['+', '-', '.']).next()?;
    let (hour, minute) = (digits.get(8..10)?, digits.get(10..12).unwrap_or("00"));
    model::PartialTime::parse(&format!("{hour}:{minute}:00")).map(|_| format!("{hour}:{minute}:00"))
}

/// The day of the week of `YYYYMMDD…`.
fn weekday(value: &str) -> Option<&'static str> {
    let number = |from: usize, to: usize| value.get(from..to)?.parse::<usize>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    model::PartialDateTime::parse(&format!("{year:04}-{month:02}-{day:02}"))?;
    // Sakamoto's method: the months' offsets, the year from March on.
    let offset = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4].get(month.checked_sub(1)?)?;
    let year = year.checked_sub(usize::from(month < 3))?;
    DAYS.get((year + year / 4 - year / 100 + year / 400 + offset + day) % 7).copied()
}

fn set_period(cx: &mut Context<'_>, node: Node<'_>, name: &str, timing: &mut ElementMut<'_>) {
    let value = node.attr("value").and_then(quantity::decimal);
    let Some(value) = value else { return };
    let unit = match node.peek("unit").unwrap_or_default() {
        unit @ ("s" | "min" | "h" | "d" | "wk" | "mo" | "a") => unit,
        "minute" | "minutes" => "min",
        "hr" | "H" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "wk",
        "month" | "months" => "mo",
        "year" | "years" => "a",
        other => {
            cx.loss(node, format!("The unit of time {other:?} has no counterpart; the {name} is kept as words."));
            let word = match name {
                "duration" => "for",
                "periodMax" => "at most every",
                _ => "every",
            };
            return say(timing, format!("{word} {value} {other}").trim());
        }
    };
    let mut repeat = timing.object("repeat");
    repeat.set(name, Primitive::Number(&value));
    match name {
        "period" => {
            repeat.set("frequency", 1).set("periodUnit", unit);
        }
        "duration" => {
            repeat.set("durationUnit", unit);
        }
        _ => {}
    }
}

fn event(cx: &mut Context<'_>, when: Node<'_>, timing: &mut ElementMut<'_>) {
    when.take_attributes();
    when.null_flavor();
    let event = when.get("event").filter(|event| event.peek("code").is_some());
    let mut known = None;
    if let Some(event) = event {
        known = table::lookup("when", &event.attr("code").unwrap_or_default().to_ascii_uppercase());
        if known.is_none() {
            coded::fill_concept(cx, event, &mut timing.object("code"));
        }
    }
    let offset = when.get("offset");
    if let Some(offset) = offset {
        offset.take_attributes();
    }
    let amount = offset.map(|offset| offset.get("low").or(offset.get("width")).unwrap_or(offset));
    let amount = amount.filter(|node| node.peek("value").is_some());
    let minutes = amount.and_then(|amount| {
        let value: f64 = amount.attr("value")?.parse().ok()?;
        let minutes = match amount.peek("unit")? {
            "min" => value,
            "h" => value * 60.0,
            "s" => value / 60.0,
            _ => return None,
        };
        (minutes.fract() == 0.0).then_some(minutes as i64)
    });
    let amount = amount.filter(|_| minutes != Some(0));
    let minutes = minutes.filter(|minutes| *minutes != 0);
    let placed = known.zip(minutes).and_then(|(code, minutes)| beside(code, minutes));
    let code = placed.map(|(code, _)| code).or(known);
    if let Some(code) = code {
        let mut repeat = timing.object("repeat");
        let mut item = repeat.primitive_item("when");
        item.set_value(code);
        // What the source calls the event: its word may be another than the code's.
        if let Some(called) = event.and_then(|event| event.peek("displayName")) {
            item.item("extension").set("url", ORIGINAL).set("valueString", called);
        }
    }
    match (amount, placed) {
        (_, Some((_, minutes))) => {
            timing.object("repeat").set("offset", Primitive::Integer(minutes));
        }
        (Some(amount), None) => {
            let parts = [amount.peek("value"), amount.peek("unit")];
            let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            cx.loss(amount, format!("The offset {text} from the event has no form in Timing; it is kept as words."));
            let of = event.and_then(|event| event.peek("displayName").or(event.peek("code"))).unwrap_or("the event");
            say(timing, &format!("offset {text} from {of}"));
        }
        (None, None) => {}
    }
}

/// The event and the minutes from it that FHIR can say: before a meal they count backwards, after it forwards.
fn beside(code: &'static str, minutes: i64) -> Option<(&'static str, i64)> {
    let before = minutes < 0;
    let turned = match (code, before) {
        ("C", true) => "AC",
        ("CM", true) => "ACM",
        ("CD", true) => "ACD",
        ("CV", true) => "ACV",
        ("C", false) => "PC",
        ("CM", false) => "PCM",
        ("CD", false) => "PCD",
        ("CV", false) => "PCV",
        ("AC" | "ACM" | "ACD" | "ACV" | "HS" | "PHS", _) => code,
        (_, false) => code,
        _ => return None,
    };
    Some((turned, minutes.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_names() {
        assert_eq!(weekday("20260107"), Some("wed"));
        assert_eq!(weekday("202402291200"), Some("thu"));
        assert_eq!(weekday("20000101"), Some("sat"));
        assert_eq!(weekday("20260231"), None);
        assert_eq!(weekday("202601"), None);
    }

    #[test]
    fn minutes_from_a_meal_are_before_or_after_it() {
        assert_eq!(beside("ACM", -30), Some(("ACM", 30)));
        assert_eq!(beside("CM", -30), Some(("ACM", 30)));
        assert_eq!(beside("C", 60), Some(("PC", 60)));
        assert_eq!(beside("PCV", -10), None);
    }
}
