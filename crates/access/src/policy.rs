//! The rules by which callers are identified and permits given.

use crate::{Action, Caller, Evidence, Permit};

/// Why a caller gets no permit. What is said of it to the caller must not tell whether a record exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// It is not known who calls.
    #[error("the caller must authenticate")]
    Unauthenticated,
    /// The caller may not do this, whatever it is done to.
    #[error("the caller may not do this")]
    Forbidden,
}

/// The rules in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Every caller may do everything: for closed networks and demonstrations, until tokens are understood.
    #[default]
    AllowAll,
}

impl Policy {
    /// Who calls.
    ///
    /// # Errors
    /// [`Denial::Unauthenticated`] where the evidence does not suffice; never so far.
    pub fn identify(&self, evidence: &Evidence<'_>) -> Result<Caller, Denial> {
        match self {
            Policy::AllowAll => Ok(Caller::new(evidence.certificate.map(str::to_owned))),
        }
    }

    /// The caller's permit for an action.
    ///
    /// # Errors
    /// [`Denial::Forbidden`] where the rules do not allow it; never so far.
    pub fn permit(&self, caller: &Caller, action: &Action<'_>) -> Result<Permit, Denial> {
        match self {
            Policy::AllowAll => Ok(Permit::new(caller.clone(), action.verb)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Item, Verb};

    #[test]
    fn a_permit_names_its_caller_and_releases_what_it_sees() {
        let evidence = Evidence { authorization: None, certificate: Some("CN=ncp.example") };
        let caller = Policy::AllowAll.identify(&evidence).unwrap();
        let action = Action { verb: Verb::Read, resource_type: Some("Patient"), id: Some("a") };
        let permit = Policy::AllowAll.permit(&caller, &action).unwrap();
        assert_eq!(permit.caller().name(), Some("CN=ncp.example"));
        let item = Item { resource_type: "Patient", id: "a", version: 1 };
        assert_eq!(permit.release(item, b"{}".to_vec()).map(|text| text.into_bytes()), Some(b"{}".to_vec()));
    }
}
