//! Elements that FHIR does not know, and arrays where none belong: <http://hl7.org/fhir/R4/json.html>.

use model::{Element, IssueType};

use crate::pass::Pass;
use crate::program::{Slot, State};

/// An element that no structure has here.
pub(crate) fn unknown<'t>(pass: &mut Pass<'_, 't>, child: Element<'t>, state: &State) {
    let name = child.name();
    let ty = &state.ty;
    pass.error(IssueType::Structure, child, "structure", || format!("The element '{name}' does not exist in {ty}."));
}

/// Whether an element stands in an array exactly where it may repeat.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, child: Element<'t>, slot: &Slot, count: u32) {
    if child.is_list() == slot.list || count > 1 {
        return;
    }
    let name = child.name();
    if slot.list {
        pass.error(IssueType::Structure, child, "structure", || format!("'{name}' must be an array."));
    } else {
        pass.error(IssueType::Structure, child, "structure", || format!("'{name}' may not be an array."));
    }
}
