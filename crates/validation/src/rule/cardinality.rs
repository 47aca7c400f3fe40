//! How often a child is there: <http://hl7.org/fhir/R4/conformance-rules.html#cardinality>.

use model::{Element, IssueType, Severity};

use crate::pass::Pass;
use crate::program::Slot;

/// Holds the number of a parent's children of one slot against minimum and maximum.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, parent: Element<'t>, slot: &Slot, count: u32) {
    let name = &slot.name;
    if count < slot.min.count {
        let (min, source) = (slot.min.count, &slot.min.source);
        pass.error(IssueType::Required, parent, source, || {
            format!("'{name}' must be there at least {}, but is there {}.", times(min), times(count))
        });
    }
    if count > slot.max.count {
        let (max, source) = (slot.max.count, &slot.max.source);
        let first = parent.children().find(|child| is_of(slot, *child)).unwrap_or(parent);
        let element = if max == 0 { first } else { parent };
        pass.error(IssueType::Structure, element, source, || match max {
            0 => format!("'{name}' may not be there."),
            _ => format!("'{name}' may be there at most {}, but is there {}.", times(max), times(count)),
        });
    }
}

/// Says, as a fact, what a profile obliges systems to do with an element that is not there.
pub(crate) fn obligations<'t>(pass: &mut Pass<'_, 't>, parent: Element<'t>, slot: &Slot) {
    for (source, codes) in &slot.obligations {
        pass.report(Severity::Information, IssueType::Informational, parent, source, || {
            format!("'{}' is not there; systems are obliged to: {codes}.", slot.name)
        });
    }
}

fn is_of(slot: &Slot, child: Element<'_>) -> bool {
    slot.variants.iter().any(|variant| variant.name == child.name_id())
}

/// A number of times, for a person.
pub(crate) fn times(count: u32) -> String {
    match count {
        0 => "not at all".into(),
        1 => "once".into(),
        2 => "twice".into(),
        count => format!("{count} times"),
    }
}
