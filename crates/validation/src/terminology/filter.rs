//! Filters on the concepts of a code system: <http://hl7.org/fhir/R4/valueset-filter-operator.html>.

use std::cell::RefCell;

use catalog::{CodeSystem, ConceptIndex, Filter};
use regex::Regex;

/// Whether a concept passes a filter; `None` where that cannot be decided.
pub(crate) fn holds(system: &CodeSystem, concept: ConceptIndex, filter: &Filter) -> Option<bool> {
    let above = || system.find(&filter.value);
    let partial = || (!super::Terminology::is_complete(system)).then_some(());
    match &*filter.operator {
        "is-a" => match above() {
            Some(ancestor) => Some(system.is_a(concept, ancestor)),
            None => partial().map_or(Some(false), |()| None),
        },
        "descendent-of" => match above() {
            Some(ancestor) => Some(concept != ancestor && system.is_a(concept, ancestor)),
            None => partial().map_or(Some(false), |()| None),
        },
        "child-of" => above().map(|parent| system.parents(concept).contains(&(parent as u32))),
        "is-not-a" => match above() {
            Some(ancestor) => Some(!system.is_a(concept, ancestor)),
            None => partial().map_or(Some(true), |()| None),
        },
        "generalizes" => above().map(|below| system.is_a(below, concept)),
        "=" => Some(values(system, concept, &filter.property).contains(&&*filter.value)),
        "in" => {
            let wanted: Vec<&str> = filter.value.split(',').map(str::trim).collect();
            Some(values(system, concept, &filter.property).iter().any(|value| wanted.contains(value)))
        }
        "not-in" => {
            let wanted: Vec<&str> = filter.value.split(',').map(str::trim).collect();
            Some(!values(system, concept, &filter.property).iter().any(|value| wanted.contains(value)))
        }
        "exists" => Some(values(system, concept, &filter.property).is_empty() == (&*filter.value == "false")),
        "regex" => {
            let regex = pattern(&filter.value)?;
            Some(values(system, concept, &filter.property).iter().any(|value| regex.is_match(value)))
        }
        _ => None,
    }
}

thread_local! {
    /// The pattern asked for last, compiled: a filter goes over all concepts of a system.
    static LAST: RefCell<Option<(Box<str>, Option<Regex>)>> = const { RefCell::new(None) };
}

/// A pattern that must match the whole of a value; `None` where it is none.
fn pattern(text: &str) -> Option<Regex> {
    LAST.with_borrow_mut(|last| match last {
        Some((known, regex)) if **known == *text => regex.clone(),
        _ => {
            let regex = Regex::new(&format!("^(?:{text})$")).ok();
            *last = Some((text.into(), regex.clone()));
            regex
        }
    })
}

/// The values of a property of a concept; `concept`, `code` and `display` are what they say, `parent` and `child` come
/// from the hierarchy; a concept that does not say whether it is inactive is by its status.
fn values<'s>(system: &'s CodeSystem, concept: ConceptIndex, property: &str) -> Vec<&'s str> {
    match property {
        "concept" | "code" => return vec![system.code(concept)],
        "display" => return system.display(concept).into_iter().collect(),
        _ => {}
    }
    let mut found: Vec<&str> =
        system.properties_of(concept).filter(|known| known.code == property).map(|known| known.value).collect();
    let related: &[u32] = match property {
        "parent" => system.parents(concept),
        "child" => system.children(concept),
        _ => &[],
    };
    found.extend(related.iter().map(|other| system.code(*other as usize)));
    if found.is_empty() && property == "inactive" {
        found.push(if system.is_inactive(concept) { "true" } else { "false" });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::holds;
    use catalog::{CodeSystem, Filter};

    #[test]
    fn operators_hold_where_they_should() {
        let text = br#"{"resourceType":"CodeSystem","url":"http://example.org/cs","content":"complete","concept":[
            {"code":"a","concept":[{"code":"b","property":[{"code":"kind","valueCode":"x"}],"concept":[{"code":"c"}]}]}]}"#;
        let system = CodeSystem::read(&model::json::read(text, &Default::default()).unwrap());
        let holds = |code: &str, property: &str, operator: &str, value: &str| {
            let filter = Filter { property: property.into(), operator: operator.into(), value: value.into() };
            holds(&system, system.find(code).unwrap(), &filter)
        };
        assert_eq!(holds("b", "concept", "is-a", "b"), Some(true));
        assert_eq!(holds("b", "concept", "descendent-of", "b"), Some(false));
        assert_eq!(holds("c", "concept", "descendent-of", "a"), Some(true));
        assert_eq!(holds("c", "concept", "is-not-a", "b"), Some(false));
        assert_eq!(holds("a", "concept", "generalizes", "c"), Some(true));
        assert_eq!(holds("b", "kind", "=", "x"), Some(true));
        assert_eq!(holds("b", "kind", "in", "y, x"), Some(true));
        assert_eq!(holds("a", "kind", "exists", "false"), Some(true));
        assert_eq!(holds("c", "code", "regex", "[c-d]"), Some(true));
        assert_eq!(holds("c", "code", "regex", "("), None);
        assert_eq!(holds("c", "code", "near", "a"), None);
    }
}
