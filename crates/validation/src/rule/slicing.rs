//! Slices: which items fall into which, how many, in what order, and what may stand beside them
//! (<http://hl7.org/fhir/R4/profiling.html#slicing>). An item is held against the unsliced element and its slice.

use catalog::{SlicingRules, UNBOUNDED};
use model::{Element, IssueType};

use smallvec::{SmallVec, smallvec};

use crate::known;
use crate::pass::Pass;
use crate::program::{Matcher, Node, SlicePlan, SlicingPlan, Slot, Step, Test};
use crate::rule::cardinality::times;
use crate::rule::value;

/// Sorts the items of a slot into the slices of each structure, and goes into each.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, parent: Element<'t>, slot: &Slot, items: &[(usize, Element<'t>)]) {
    let mut found: Vec<Vec<Node>> = vec![Vec::new(); items.len()];
    let around = std::mem::replace(&mut pass.trials.likely, slot.likely(pass.programs).to_vec());
    let all: Vec<usize> = (0..items.len()).collect();
    for plan in &slot.slicings {
        Sorting { parent, slot, items }.sort(pass, plan, &all, &mut found);
        if pass.is_settled() {
            break;
        }
    }
    pass.trials.likely = around;
    if pass.is_settled() {
        return;
    }
    for ((variant, item), slices) in items.iter().zip(&found) {
        pass.child(*item, slot, *variant, slices);
        if pass.is_settled() {
            return;
        }
    }
}

/// The items of one slot, to be sorted into slices.
struct Sorting<'s, 't> {
    parent: Element<'t>,
    slot: &'s Slot,
    items: &'s [(usize, Element<'t>)],
}

impl<'t> Sorting<'_, 't> {
    fn sort(&self, pass: &mut Pass<'_, 't>, plan: &SlicingPlan, these: &[usize], found: &mut [Vec<Node>]) {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); plan.slices.len()];
        let (mut latest, mut outside) = (0, false);
        for (order, place) in these.iter().enumerate() {
            let Some((variant, item)) = self.items.get(*place) else { continue };
            match self.slice_of(pass, plan, *item, *variant, order) {
                Some(slice) => {
                    if let Some(members) = members.get_mut(slice) {
                        members.push(*place);
                    }
                    if (plan.ordered && slice < latest) || (plan.rules == SlicingRules::OpenAtEnd && outside) {
                        out_of_order(pass, plan, slice, *item);
                    }
                    latest = latest.max(slice);
                }
                None => {
                    outside = true;
                    if plan.rules == SlicingRules::Closed {
                        pass.error(IssueType::Structure, *item, &plan.source, || {
                            format!("It falls into no slice of {}, and no others may be there.", plan.path)
                        });
                    }
                }
            }
        }
        for (slice, members) in plan.slices.iter().zip(&members) {
            count(pass, self.parent, plan, slice, members.len() as u32);
            for place in members {
                if let Some(found) = found.get_mut(*place) {
                    found.push(slice.node);
                }
            }
            if let Some(nested) = &slice.nested {
                self.sort(pass, nested, members, found);
            }
        }
    }

    /// The slice that an item falls into: the first that its discriminators name, else the default one.
    fn slice_of(
        &self,
        pass: &mut Pass<'_, 't>,
        plan: &SlicingPlan,
        item: Element<'t>,
        variant: usize,
        order: usize,
    ) -> Option<usize> {
        let claimed = plan.slices.iter().position(|slice| is_claimed(pass, slice, item));
        if claimed.is_some() {
            return claimed;
        }
        let regular = plan.slices.iter().position(|slice| {
            !slice.is_default
                && match &slice.matcher {
                    Some(matchers) => matchers.iter().all(|matcher| matches(pass, matcher, item, order)),
                    None => self.slot.variants.get(variant).is_some_and(|variant| pass.fits(item, variant, slice.node)),
                }
        });
        regular.or_else(|| plan.slices.iter().position(|slice| slice.is_default))
    }
}

/// Whether an item says itself that it meets the profile by which a slice is known, so that nothing need be tried.
fn is_claimed<'t>(pass: &mut Pass<'_, 't>, slice: &SlicePlan, item: Element<'t>) -> bool {
    slice.matcher.iter().flatten().any(|matcher| match &matcher.test {
        Test::Profile(profiles) => follow(pass, item, &matcher.path)
            .iter()
            .any(|end| profiles.iter().any(|profile| pass.claims(*end, &profile.url))),
        _ => false,
    })
}

fn out_of_order<'t>(pass: &mut Pass<'_, 't>, plan: &SlicingPlan, slice: usize, item: Element<'t>) {
    let name = plan.slices.get(slice).map(|slice| slice.name.clone()).unwrap_or_default();
    pass.error(IssueType::Structure, item, &plan.source, || {
        format!("It falls into the slice {}:{name}, which must stand before.", plan.path)
    });
}

fn count<'t>(pass: &mut Pass<'_, 't>, parent: Element<'t>, plan: &SlicingPlan, slice: &SlicePlan, count: u32) {
    let name = &slice.name;
    if count < slice.min {
        pass.error(IssueType::Required, parent, &plan.source, || {
            let (least, found) = (times(slice.min), times(count));
            format!("The slice {}:{name} must be there at least {least}, but is there {found}.", plan.path)
        });
    }
    if count > slice.max && slice.max != UNBOUNDED {
        pass.error(IssueType::Structure, parent, &plan.source, || match slice.max {
            0 => format!("The slice {}:{name} may not be there.", plan.path),
            max => {
                let (most, found) = (times(max), times(count));
                format!("The slice {}:{name} may be there at most {most}, but is there {found}.", plan.path)
            }
        });
    }
}

fn matches<'t>(pass: &mut Pass<'_, 't>, matcher: &Matcher, item: Element<'t>, order: usize) -> bool {
    if let Test::Position(place) = matcher.test {
        return place == order;
    }
    let ends = follow(pass, item, &matcher.path);
    if let (Some((Step::Resolve, way)), true) = (matcher.path.split_last(), ends.is_empty()) {
        return is_elsewhere(pass, &follow(pass, item, way), &matcher.test);
    }
    match &matcher.test {
        Test::Value(needs) => needs.iter().all(|need| {
            ends.iter().any(|end| {
                follow(pass, *end, &need.path).iter().any(|found| match need.exact {
                    true => value::is_fixed(*found, need.value.root()),
                    false => value::has_pattern(*found, need.value.root()),
                })
            })
        }),
        Test::Exists(there) => ends.is_empty() != *there,
        Test::Type(types) => ends.iter().any(|end| types.iter().any(|ty| is_of_type(pass, *end, ty))),
        Test::Profile(profiles) => ends.iter().any(|end| {
            profiles.iter().any(|profile| match profile.root(pass.programs) {
                Some(root) => pass.claims(*end, &profile.url) || pass.meets(*end, root),
                None => false,
            })
        }),
        Test::Code(value_set) => ends.iter().any(|end| pass.terminology.has_any(value_set, *end)),
        Test::Position(_) => false,
    }
}

/// Whether references that lead out of the tree say by their URL that the target is of a fitting type.
fn is_elsewhere<'t>(pass: &Pass<'_, 't>, references: &[Element<'t>], test: &Test) -> bool {
    let types: Vec<Box<str>> = match test {
        Test::Type(types) => types.clone(),
        Test::Profile(profiles) => {
            let roots = profiles.iter().filter_map(|profile| profile.root(pass.programs));
            roots.filter_map(|root| Some(pass.programs.structure(root)?.facts.r#type.clone())).collect()
        }
        _ => return false,
    };
    references.iter().any(|reference| {
        let url = reference.text_at("reference").or_else(|| reference.text());
        let ty = url.and_then(|url| super::reference::type_in_url(pass, url)).or_else(|| reference.text_at("type"));
        ty.is_some_and(|ty| types.iter().any(|known| **known == *ty))
    })
}

/// Whether a resource has the values that a profile fixes where something must be: what fails here need not be tried.
pub(crate) fn may_meet<'t>(pass: &Pass<'_, 't>, element: Element<'t>, profile: Node) -> bool {
    let needs = pass.programs.needs(profile);
    let has_values = needs.values.iter().all(|need| {
        follow(pass, element, &need.path).iter().any(|found| match need.exact {
            true => value::is_fixed(*found, need.value.root()),
            false => value::has_pattern(*found, need.value.root()),
        })
    });
    has_values
        && needs.codes.iter().all(|(step, value_set)| {
            let ends = follow(pass, element, std::slice::from_ref(step));
            ends.iter().all(|end| pass.terminology.may_have(value_set, *end))
        })
}

/// A few elements.
type Few<'t> = SmallVec<[Element<'t>; 2]>;

/// The elements at the end of a path.
fn follow<'t>(pass: &Pass<'_, 't>, item: Element<'t>, path: &[Step]) -> Few<'t> {
    let mut found: Few<'t> = smallvec![item];
    for step in path {
        let from = std::mem::take(&mut found);
        for element in from {
            step_from(pass, element, step, &mut found);
        }
    }
    found
}

fn step_from<'t>(pass: &Pass<'_, 't>, element: Element<'t>, step: &Step, found: &mut Few<'t>) {
    match step {
        Step::Child { id: Some(id), choice: false, .. } => found.extend(element.named(*id)),
        Step::Child { name, choice: false, .. } => found.extend(element.all(name)),
        Step::Child { name, choice: true, .. } => {
            found.extend(element.children().filter(|child| suffix(child.name(), name).is_some()));
        }
        Step::Resolve => {
            let reference = known::text(element, &known::REFERENCE).or_else(|| element.text());
            found.extend(reference.and_then(|reference| pass.places().resolve(element, reference)));
        }
        Step::Extension(url) => {
            found.extend(
                known::all(element, &known::EXTENSION)
                    .filter(|extension| known::text(*extension, &known::URL) == Some(url)),
            );
        }
        Step::OfType(ty) => {
            let fits = element.resource_type() == Some(ty) || element.name().ends_with(&**ty);
            found.extend(fits.then_some(element));
        }
    }
}

fn suffix<'n>(name: &'n str, stem: &str) -> Option<&'n str> {
    name.strip_prefix(stem).filter(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// Whether an element is of a type: a resource by its type, a choice by its name, anything else by its definition.
fn is_of_type(pass: &Pass<'_, '_>, element: Element<'_>, ty: &str) -> bool {
    if let Some(resource) = element.resource_type() {
        return resource == ty || matches!(ty, "Resource" | "DomainResource");
    }
    let catalog = &*pass.programs.catalog;
    model::Shapes::type_name(catalog, element.type_in(catalog)) == ty
}
