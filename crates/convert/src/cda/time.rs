//! TS, IVL_TS and nullable times into dateTime, date, instant-free Period: <http://hl7.org/fhir/R4/datatypes.html#dateTime>.
//!
//! A time of day without a zone has no form in FHIR and no zone is invented: the date stays, and the source's digits stand
//! beside it in the extension `originalText`.

use model::{ElementMut, PartialDateTime};

use super::coded;
use super::context::Context;
use super::read::Node;

const ORIGINAL: &str = "http://hl7.org/fhir/StructureDefinition/originalText";

/// A point in time as FHIR writes it, and whether the source said more than that.
pub(crate) struct Written {
    /// FHIR `dateTime`, of the source's precision.
    pub(crate) text: String,
    /// The source's own digits where something of them has no form in FHIR.
    pub(crate) original: Option<String>,
}

/// Reads `YYYY[MM[DD[hh[mm[ss[.f…]]]]]][±zzzz]`, and FHIR's own form too; `None` where no calendar has it.
pub(crate) fn read(text: &str) -> Option<Written> {
    let text = text.trim();
    if text.contains('-')
        && PartialDateTime::parse(text).is_some_and(|date| date.time.is_none() || date.offset.is_some())
    {
        return Some(Written { text: text.to_owned(), original: None });
    }
    let (clock, zone) = match text.find(['+', '-', 'Z']) {
        Some(at) => (text.get(..at)?, zone(text.get(at..)?)?),
        None => (text, String::new()),
    };
    let (digits, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    if !digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) || digits.len() % 2 != 0 {
        return None;
    }
    let part = |from: usize| digits.get(from..from + 2);
    let mut date = digits.get(..4)?.to_owned();
    for part in [part(4), part(6)].into_iter().flatten().take_while(|part| *part != "00") {
        date.push('-');
        date.push_str(part);
    }
    let full_date = date.len() == 10;
    let (hour, minute, second) = (part(8), part(10), part(12));
    let original = || Some(text.to_owned());
    let written = match hour {
        None => Written { text: date, original: None },
        Some(_) if !full_date => Written { text: date, original: original() },
        Some(hour) if zone.is_empty() => {
            let midnight = digits.get(8..).is_some_and(|rest| rest.bytes().all(|byte| byte == b'0'));
            check_clock(hour, minute, second)?;
            Written { text: date, original: if midnight { None } else { original() } }
        }
        Some(hour) => {
            let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
            let second_text = second.unwrap_or("00");
            let text = format!("{date}T{hour}:{}:{second_text}{fraction}{zone}", minute.unwrap_or("00"));
            Written { text, original: if minute.is_none() { original() } else { None } }
        }
    };
    PartialDateTime::parse(&written.text).map(|_| written)
}

fn check_clock(hour: &str, minute: Option<&str>, second: Option<&str>) -> Option<()> {
    let below = |text: &str, limit: u8| text.parse::<u8>().is_ok_and(|value| value < limit);
    (below(hour, 24) && below(minute.unwrap_or("00"), 60) && below(second.unwrap_or("00"), 61)).then_some(())
}

fn zone(text: &str) -> Option<String> {
    if text == "Z" {
        return Some(text.to_owned());
    }
    let sign = text.get(..1)?;
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (digits.get(..2)?, "00"),
        4 => (digits.get(..2)?, digits.get(2..)?),
        _ => return None,
    };
    (digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("{sign}{hours}:{minutes}"))
}

/// Sets the primitive `name` (a `dateTime`) from `value` or the null flavour of a TS.
pub(super) fn set_time(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>, name: &str) {
    let flavor = node.null_flavor();
    let Some(value) = node.attr("value") else { return coded::absent(&mut to.primitive(name), flavor) };
    match read(value) {
        Some(written) => {
            to.set(name, &written.text);
            if let Some(original) = written.original {
                to.primitive(name).item("extension").set("url", ORIGINAL).set("valueString", &original);
                cx.note(
                    node,
                    format!("{original} gives a time without a zone, which FHIR cannot; the date is {}.", written.text),
                );
            }
        }
        None => {
            cx.defect(node, format!("{value:?} is no date of any calendar; it is kept as original text."));
            let mut primitive = to.primitive(name);
            primitive.item("extension").set("url", ORIGINAL).set("valueString", value);
            coded::absent(&mut primitive, Some("UNK"));
        }
    }
}

/// Sets the primitive `name` (a `date`): what the source says beyond the day stands in the extension `originalText`.
pub(super) fn set_date(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>, name: &str) {
    let flavor = node.null_flavor();
    let written = node.attr("value").and_then(read);
    match written {
        Some(written) => {
            let day = written.text.get(..10).unwrap_or(&written.text);
            to.set(name, day);
            if written.text.len() > 10 || written.original.is_some() {
                let original = node.peek("value").unwrap_or_default();
                to.primitive(name).item("extension").set("url", ORIGINAL).set("valueString", original);
            }
        }
        None => {
            if let Some(value) = node.peek("value") {
                cx.defect(node, format!("{value:?} is no date of any calendar; it is kept as original text."));
                to.primitive(name).item("extension").set("url", ORIGINAL).set("valueString", value);
            }
            coded::absent(&mut to.primitive(name), flavor);
        }
    }
}

/// The FHIR text of a TS, `None` where it has none; not taken.
pub(super) fn peek_time(node: Node<'_>) -> Option<String> {
    node.peek("value").and_then(read).map(|written| written.text)
}

/// What an `effectiveTime` says.
pub(super) enum When<'d> {
    /// One point in time.
    Point(Node<'d>),
    /// At least one end that is known.
    Interval(Node<'d>),
    /// Nothing is known, perhaps with a reason.
    Unknown(Option<Node<'d>>),
}

/// Tells points, intervals and absent times apart.
pub(super) fn when(node: Option<Node<'_>>) -> When<'_> {
    let Some(node) = node else { return When::Unknown(None) };
    if node.peek("value").is_some() {
        return When::Point(node);
    }
    let known = |name: &str| node.get(name).is_some_and(|end| end.peek("value").is_some());
    if known("low") || known("high") {
        return When::Interval(node);
    }
    match node.get("center").filter(|center| center.peek("value").is_some()) {
        Some(center) => When::Point(center),
        None => When::Unknown(Some(node)),
    }
}

/// Sets `…DateTime` or `…Period` of a choice element; with neither, where the element is required, a reason for that.
pub(super) fn set_when(
    cx: &mut Context<'_>,
    node: Option<Node<'_>>,
    to: &mut ElementMut<'_>,
    base: &str,
    required: bool,
) {
    match when(node) {
        When::Point(point) => set_time(cx, point, to, &format!("{base}DateTime")),
        When::Interval(interval) => fill_period(cx, interval, &mut to.object(&format!("{base}Period"))),
        When::Unknown(node) => {
            let flavor = node.and_then(unknown_flavor);
            if required || node.is_some_and(|_| flavor.is_some() && required) {
                coded::absent(&mut to.primitive(&format!("{base}DateTime")), flavor);
            }
        }
    }
}

/// The null flavour of a time or of its ends; they count as taken.
pub(super) fn unknown_flavor(node: Node<'_>) -> Option<&str> {
    let ends = ["low", "high", "center"].iter().filter_map(|name| node.get(name));
    let mut flavor = node.null_flavor();
    for end in ends {
        flavor = flavor.or(end.null_flavor());
    }
    flavor
}

/// Fills a Period. An end that is known to exist but not when says so; an open end is left out.
pub(super) fn fill_period(cx: &mut Context<'_>, node: Node<'_>, period: &mut ElementMut<'_>) {
    node.take_attributes();
    for (name, end) in [("low", "start"), ("high", "end")] {
        let Some(bound) = node.get(name) else { continue };
        match (bound.peek("value"), bound.null_flavor()) {
            (Some(value), _) if end == "end" && ends_before(period.as_element().text_at("start"), peek_time(bound)) => {
                cx.defect(
                    bound,
                    format!("The interval ends ({value}) before it begins; its end is kept as original text."),
                );
                bound.take_attributes();
                let mut primitive = period.primitive(end);
                primitive.item("extension").set("url", ORIGINAL).set("valueString", value);
                coded::absent(&mut primitive, Some("UNK"));
            }
            (Some(_), _) => {
                set_time(cx, bound, period, end);
                if end == "end" {
                    level(node, period);
                }
            }
            // Positive and negative infinity are FHIR's open ends; not applicable is none at all.
            (None, Some("PINF" | "NINF" | "NA") | None) => {}
            (None, flavor) => coded::absent(&mut period.primitive(end), flavor),
        }
    }
}

/// per-1: ends of different precision, one within the other, cannot be compared; the finer is written as the coarser, its
/// own digits beside it.
fn level(node: Node<'_>, period: &mut ElementMut<'_>) {
    let text = |name: &str| period.as_element().text_at(name).map(str::to_owned);
    let (Some(start), Some(end)) = (text("start"), text("end")) else { return };
    let (name, source, coarse) = match start.len().cmp(&end.len()) {
        std::cmp::Ordering::Less if end.starts_with(&start) => ("end", "high", start),
        std::cmp::Ordering::Greater if start.starts_with(&end) => ("start", "low", end),
        _ => return,
    };
    period.set(name, &coarse);
    if let Some(original) = node.get(source).and_then(|bound| bound.peek("value")) {
        period.primitive(name).item("extension").set("url", ORIGINAL).set("valueString", original);
    }
}

fn ends_before(start: Option<&str>, end: Option<String>) -> bool {
    let range = |text: &str| PartialDateTime::parse(text).map(|date| date.range(0));
    match (start.and_then(range), end.as_deref().and_then(range)) {
        (Some((start, _)), Some((_, end))) => end <= start,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn precision_and_zone_are_those_of_the_source() {
        let text = |source: &str| read(source).map(|written| (written.text, written.original.is_some()));
        let exact = |text: &str| Some((text.to_owned(), false));
        let kept = |text: &str| Some((text.to_owned(), true));
        assert_eq!(text("1963"), exact("1963"));
        assert_eq!(text("200801"), exact("2008-01"));
        assert_eq!(text("20140501"), exact("2014-05-01"));
        assert_eq!(text("20220608104900+0200"), exact("2022-06-08T10:49:00+02:00"));
        assert_eq!(text("20220608104900.123-0500"), exact("2022-06-08T10:49:00.123-05:00"));
        assert_eq!(text("202206081049Z"), exact("2022-06-08T10:49:00Z"));
        assert_eq!(text("2022060810+01"), kept("2022-06-08T10:00:00+01:00"));
        assert_eq!(text("20220608104900"), kept("2022-06-08"));
        assert_eq!(text("20220608000000"), exact("2022-06-08"));
        assert_eq!(text("20220600"), exact("2022-06"));
        assert_eq!(text("2022-06-08"), exact("2022-06-08"));
    }

    #[test]
    fn what_no_calendar_has_is_no_time() {
        for source in
            ["", "20230231", "2022131", "20221301", "unknown", "20220608250000", "20220608104900+9", "99", "é", "+"]
        {
            assert!(read(source).is_none(), "{source}");
        }
    }
}
