//! The European documents that a CDA becomes: one file per category.

mod eps;
mod hdr;
mod imaging;
mod lab;
mod mpd;
mod plain;
mod rules;
mod sections;

use model::{Issue, IssueType, Severity, Tree};

pub(super) use sections::Placed;

use super::context::Context;
use super::read::Node;
use crate::Refusal;

type Target = for<'d> fn(&mut Context<'d>, Node<'d>) -> Result<Tree, Refusal>;

/// Category and what makes its document.
const TARGETS: [(&str, Target); 7] = [
    ("Patient-Summaries", eps::assemble),
    ("Electronic-Prescriptions", mpd::prescription),
    ("Electronic-Dispensations", mpd::dispensation),
    ("Medical-Imaging", imaging::assemble),
    ("Laboratory-Reports", lab::assemble),
    ("Discharge-Reports", hdr::assemble),
    (crate::OTHER_DOCUMENTS, plain::assemble),
];

/// Whether CDA is converted to a category.
pub(super) fn is_supported(category: &str) -> bool {
    TARGETS.iter().any(|(name, _)| *name == category)
}

/// Makes the document of a category.
pub(super) fn assemble<'d>(cx: &mut Context<'d>, root: Node<'d>, category: &str) -> Result<Tree, Refusal> {
    match TARGETS.iter().find(|(name, _)| *name == category) {
        Some((_, target)) => target(cx, root),
        None => {
            let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            let text = format!("A CDA of the category {category} is not converted; these are: {}.", known.join(", "));
            let at = root.get("code").unwrap_or(root);
            Err(Refusal::new(
                Issue::new(Severity::Error, IssueType::NotSupported, at.path(), text).at(Some(at.position())),
            ))
        }
    }
}
