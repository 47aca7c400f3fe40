//! The type of a child: choices (`value[x]`) that a profile narrows, and profiles on the type.

use model::{Element, IssueType};

use crate::pass::Pass;
use crate::program::{Slot, Variant};

/// Whether every structure has this type here, and one of the profiles on it is met.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, child: Element<'t>, slot: &Slot, variant: &Variant) {
    for (source, types) in &variant.refused {
        let (name, ty) = (&slot.name, &variant.ty);
        pass.error(IssueType::Structure, child, source, || {
            format!("'{name}' may not be of type {ty} here; it may be of: {types}.")
        });
    }
    profiles(pass, child, variant);
}

/// Whether, of each list of profiles, one is met.
pub(crate) fn profiles<'t>(pass: &mut Pass<'_, 't>, child: Element<'t>, variant: &Variant) {
    if variant.is_resource {
        return;
    }
    for profile in &variant.unknown {
        let is_extension = &*variant.ty == "Extension";
        if !is_extension && pass.once(profile) {
            pass.warning(IssueType::NotFound, child, profile, || {
                format!("The profile {profile} on this element's type is not known; it was not checked.")
            });
        }
    }
    for alternatives in &variant.alternatives {
        one_of(pass, child, alternatives);
    }
}

/// Whether one of several profiles is met.
pub(crate) fn one_of<'t>(pass: &mut Pass<'_, 't>, child: Element<'t>, profiles: &[Box<str>]) {
    let mut unknown = false;
    for profile in profiles {
        match pass.programs.root(profile) {
            Some(root) if pass.meets(child, root) => return,
            Some(_) => {}
            None => unknown = true,
        }
    }
    let names = profiles.join(", ");
    if unknown {
        pass.warning(IssueType::NotFound, child, "profile", || {
            format!("It meets none of those of the profiles {names} that are known; others could not be checked.")
        });
    } else {
        pass.error(IssueType::Structure, child, "profile", || format!("It meets none of the profiles {names}."));
    }
}
