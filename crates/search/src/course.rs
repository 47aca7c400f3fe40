//! A patient's course: rows that have patient and date together, so that a patient's latest resources are one short scan.
//!
//! Keys: the type's number, FE, the patient as parameters of type reference write it (form and id), the date as
//! [`date::put_ordered`] writes it. The date is that of the first parameter of [`crate::parameters`]' list that the type has.

use crate::numbers;
use crate::param::date::{self, Range};
use crate::param::reference::put_id;

/// What the rows of a patient begin with.
pub(crate) fn prefix(of_type: u8, patient: &str) -> Vec<u8> {
    let mut key = numbers::course(of_type).to_vec();
    put_id(&mut key, patient);
    key
}

/// The row of a resource.
pub(crate) fn key(of_type: u8, patient: &str, range: Range) -> Vec<u8> {
    let mut key = prefix(of_type, patient);
    date::put_ordered(&mut key, range);
    key
}
