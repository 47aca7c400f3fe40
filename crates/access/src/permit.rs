//! What a caller may do, and what of the records it touches may leave.

use crate::{Caller, Released};

/// What is to be done, in FHIR's words: <http://hl7.org/fhir/R4/valueset-restful-interaction.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Read, version read.
    Read,
    /// Search, and operations that gather records.
    Search,
    /// History of an instance, a type, the system.
    History,
    /// Create, update, patch, delete, and operations that store.
    Write,
    /// Work on what the request itself carries: conversion, validation.
    Compute,
    /// What the server says of itself.
    Capabilities,
}

/// What is to be done to what.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    /// What is to be done.
    pub verb: Verb,
    /// The resource type, where the action is on one.
    pub resource_type: Option<&'a str>,
    /// The logical id, where the action is on one resource.
    pub id: Option<&'a str>,
}

/// One record on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its resource type.
    pub resource_type: &'a str,
    /// Its logical id.
    pub id: &'a str,
    /// Its version, counted from 1.
    pub version: u64,
}

/// The policy's leave for one action of one caller. Made by [`Policy::permit`](crate::Policy::permit).
#[derive(Clone, Debug)]
pub struct Permit {
    caller: Caller,
    verb: Verb,
}

impl Permit {
    pub(crate) fn new(caller: Caller, verb: Verb) -> Permit {
        Permit { caller, verb }
    }

    /// For whom.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// For what.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Whether a record may be seen under this permit. Whatever counts, lists or follows records asks this first: what is
    /// not visible does not exist.
    pub fn sees(&self, _item: Item<'_>) -> bool {
        true
    }

    /// Whether [`Permit::sees`] says yes to every record there is: then nobody needs to ask it record by record.
    pub fn sees_all(&self) -> bool {
        true
    }

    /// A record's text, to leave; `None` where the record is hidden: answer as if it had never been there.
    pub fn release(&self, item: Item<'_>, text: Vec<u8>) -> Option<Released> {
        self.sees(item).then(|| Released::new(text))
    }

    /// A text put together of records that [`Permit::sees`] let through, such as a Bundle, or made of the caller's own
    /// input, such as a conversion.
    pub fn release_made(&self, text: Vec<u8>) -> Released {
        Released::new(text)
    }
}
