//! Fixed values, patterns, smallest and largest values, lengths and expressions for text
//! (<http://hl7.org/fhir/R4/elementdefinition.html#ElementDefinition.fixed_x_>).

use model::{Decimal, Element, IssueType, PartialDateTime, PartialTime, Value};

use crate::pass::Pass;
use crate::program::State;

/// Holds an element against the values that its state demands.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    for fact in &state.fixed {
        if !is_fixed(element, fact.value.root()) {
            pass.error(IssueType::Value, element, &fact.source, || {
                format!("It must be exactly {}.", shown(fact.value.root()))
            });
        }
    }
    for fact in &state.patterns {
        if !has_pattern(element, fact.value.root()) {
            pass.error(IssueType::Value, element, &fact.source, || {
                format!("It must have at least {}.", shown(fact.value.root()))
            });
        }
    }
    for (facts, wrong, word) in [
        (&state.minima, std::cmp::Ordering::Less, "less than the smallest allowed value"),
        (&state.maxima, std::cmp::Ordering::Greater, "greater than the largest allowed value"),
    ] {
        for fact in facts {
            if compare(pass, element, fact.value.root()) == Some(wrong) {
                pass.error(IssueType::Value, element, &fact.source, || {
                    format!("The value is {word}, {}.", shown(fact.value.root()))
                });
            }
        }
    }
    let Some(Value::String(text)) = element.value() else { return };
    if let Some((length, source)) = &state.max_length
        && text.len() > *length as usize
        && text.chars().count() > *length as usize
    {
        pass.error(IssueType::TooLong, element, source, || format!("It may have at most {length} characters."));
    }
    for (regex, source) in &state.regexes {
        if !regex.is_match(text) {
            pass.error(IssueType::Value, element, source, || format!("'{text}' does not have the form {regex}."));
        }
    }
}

/// Whether an element is exactly like another: same value, same children, none more.
pub(crate) fn is_fixed(element: Element<'_>, fixed: Element<'_>) -> bool {
    if !same_value(element, fixed) {
        return false;
    }
    let count = element.children().count();
    count == fixed.children().count()
        && fixed.children().all(|wanted| {
            let place = wanted.index();
            element.all(wanted.name()).nth(place).is_some_and(|found| is_fixed(found, wanted))
        })
}

/// Whether an element has everything that a pattern has; each item of its arrays anywhere in the element's.
pub(crate) fn has_pattern(element: Element<'_>, pattern: Element<'_>) -> bool {
    if pattern.value().is_some() && !same_value(element, pattern) {
        return false;
    }
    pattern.children().all(|wanted| element.all(wanted.name()).any(|found| has_pattern(found, wanted)))
}

fn same_value(left: Element<'_>, right: Element<'_>) -> bool {
    match (left.text(), right.text()) {
        (Some(left), Some(right)) => left == right || same_number(left, right),
        (None, None) => true,
        _ => false,
    }
}

fn same_number(left: &str, right: &str) -> bool {
    let begins = |text: &str| text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    begins(left)
        && begins(right)
        && left.contains('.') | right.contains('.')
        && Decimal::parse(left).is_some_and(|left| Decimal::parse(right) == Some(left))
}

fn shown(element: Element<'_>) -> String {
    match element.text() {
        Some(text) => format!("'{text}'"),
        None => model::json::to_string(element),
    }
}

/// How an element compares with a bound of the same type; `None` where that cannot be said.
fn compare(pass: &Pass<'_, '_>, element: Element<'_>, bound: Element<'_>) -> Option<std::cmp::Ordering> {
    if bound.name().ends_with("Quantity") {
        return pass.terminology.compare_quantities(element, bound);
    }
    let (left, right) = (element.text()?, bound.text()?);
    if let (Some(left), Some(right)) = (Decimal::parse(left), Decimal::parse(right)) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (PartialDateTime::parse(left), PartialDateTime::parse(right)) {
        let (left, right) = (left.range(0), right.range(0));
        return Some(left.0.cmp(&right.0));
    }
    let (left, right) = (PartialTime::parse(left)?, PartialTime::parse(right)?);
    Some(left.start_nanos().cmp(&right.start_nanos()))
}

#[cfg(test)]
mod tests {
    use super::{has_pattern, is_fixed};
    use model::{Tree, json};

    fn tree(text: &str) -> Tree {
        json::read(text.as_bytes(), &Default::default()).unwrap()
    }

    #[test]
    fn a_pattern_is_a_part_and_a_fixed_value_is_the_whole() {
        let item = tree(
            r#"{"resourceType":"X","coding":[{"system":"s","code":"a"},{"system":"t","code":"b","display":"B"}]}"#,
        );
        let part = tree(r#"{"resourceType":"X","coding":[{"system":"t","code":"b"}]}"#);
        let other = tree(r#"{"resourceType":"X","coding":[{"system":"s","code":"b"}]}"#);
        assert!(has_pattern(item.root(), part.root()) && !is_fixed(item.root(), part.root()));
        assert!(!has_pattern(item.root(), other.root()));
        assert!(is_fixed(item.root(), item.root()) && is_fixed(part.root(), part.root()));
        assert!(!has_pattern(part.root(), item.root()));
    }
}
