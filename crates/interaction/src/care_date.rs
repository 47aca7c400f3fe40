//! When what a record tells of took place, for `start` and `end` of `$everything`.

use model::{Element, PartialDateTime};

/// Elements that hold the time of care, the first that is there counts; choices by their stem.
const NAMES: [&str; 17] = [
    "effective",
    "performed",
    "occurrence",
    "onset",
    "period",
    "billablePeriod",
    "started",
    "start",
    "collected",
    "whenHandedOver",
    "whenPrepared",
    "authoredOn",
    "recordedDate",
    "date",
    "created",
    "issued",
    "recorded",
];

/// From the first moment to before the last, nanoseconds since 1970; open ends reach as far as numbers do. `None` where the
/// record tells of no time.
pub(crate) fn of(resource: Element<'_>) -> Option<(i128, i128)> {
    NAMES.iter().find_map(|name| {
        let is = |child: &Element<'_>| {
            let rest = child.name().strip_prefix(name);
            rest.is_some_and(|rest| matches!(rest, "" | "DateTime" | "Instant" | "Period" | "Date"))
        };
        span(resource.children().find(is)?)
    })
}

fn span(element: Element<'_>) -> Option<(i128, i128)> {
    let moment = |element: Element<'_>| Some(PartialDateTime::parse(element.text()?)?.range(0));
    if element.is_primitive() {
        return moment(element);
    }
    let (start, end) = (element.get("start").and_then(moment), element.get("end").and_then(moment));
    (start.is_some() || end.is_some())
        .then(|| (start.map_or(i128::MIN, |(from, _)| from), end.map_or(i128::MAX, |(_, to)| to)))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn periods_may_be_open() {
        let of = |text: &str| of(model::json::read(text.as_bytes(), &Default::default()).unwrap().root());
        let day = 86_400_000_000_000;
        assert_eq!(of(r#"{"resourceType":"Observation","effectiveDateTime":"1970-01-02"}"#), Some((day, 2 * day)));
        let open = r#"{"resourceType":"Encounter","period":{"start":"1970-01-02"}}"#;
        assert_eq!(of(open), Some((day, i128::MAX)));
        assert_eq!(of(r#"{"resourceType":"Patient","birthDate":"1970-01-02"}"#), None);
    }
}
