//! The orders of a message: which segments belong together.

use super::order::Order;
use super::read::{Message, Segment};

/// An order with what was requested, given or found.
#[derive(Default)]
pub(super) struct Group<'m> {
    /// ORC, OBR, TQ1.
    pub(super) order: Order<'m>,
    /// RXE, RXO, RXD or RXA, the most exact of them.
    pub(super) drug: Option<&'m Segment>,
    /// What stands beside the drug: RXR, RXC, TQ1.
    pub(super) beside: Vec<&'m Segment>,
    /// RXO where RXE is the drug: what the prescriber ordered, with its RXR and RXC.
    pub(super) ordered: Vec<&'m Segment>,
    /// OBX.
    pub(super) observations: Vec<&'m Segment>,
    /// SPM.
    pub(super) specimens: Vec<&'m Segment>,
}

impl Group<'_> {
    fn is_empty(&self) -> bool {
        self.order.common.is_none()
            && self.order.request.is_none()
            && self.drug.is_none()
            && self.observations.is_empty()
            && self.specimens.is_empty()
    }
}

/// The groups in order; observations before any order are a group without one.
pub(super) fn groups(message: &Message) -> Vec<Group<'_>> {
    let mut groups = vec![Group::default()];
    for segment in &message.segments {
        let Some(last) = groups.last() else { break };
        let found = last.order.request.is_some() && !last.observations.is_empty();
        let begins = match segment.name() {
            "ORC" => last.order.common.is_some() || found || last.drug.is_some(),
            "OBR" => {
                last.order.request.is_some()
                    || (last.order.common.is_none() && !last.observations.is_empty() && last.specimens.is_empty())
            }
            "RXA" | "RXD" => last.drug.is_some(),
            "RXO" => last.drug.is_some(),
            "RXE" => last.drug.is_some_and(|drug| drug.name() != "RXO"),
            // A message ordered by specimen begins anew with each.
            "SPM" => last.order.request.is_none() && !last.specimens.is_empty() && !last.observations.is_empty(),
            _ => false,
        };
        if begins {
            groups.push(Group::default());
        }
        if let Some(group) = groups.last_mut() {
            place(group, segment);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn place<'m>(group: &mut Group<'m>, segment: &'m Segment) {
    match segment.name() {
        "ORC" => group.order.common = Some(segment),
        "OBR" => group.order.request = Some(segment),
        "RXE" => {
            // What belonged to the prescriber's order is not part of the pharmacy's.
            group.ordered = group.drug.into_iter().chain(std::mem::take(&mut group.beside)).collect();
            group.drug = Some(segment);
        }
        "RXO" | "RXD" | "RXA" => group.drug = Some(segment),
        "TQ1" => {
            if group.drug.is_none() && group.order.timing.is_none() {
                group.order.timing = Some(segment);
            }
            group.beside.push(segment);
        }
        "RXR" | "RXC" => group.beside.push(segment),
        "OBX" => group.observations.push(segment),
        "SPM" => group.specimens.push(segment),
        _ => {}
    }
}
