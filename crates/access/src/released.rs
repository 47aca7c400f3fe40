//! The only form in which content leaves.

/// Bytes that may leave. Made by a [`Permit`](crate::Permit), or [`Released::statement`] for what the server itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    bytes: Vec<u8>,
}

impl Released {
    pub(crate) fn new(bytes: Vec<u8>) -> Released {
        Released { bytes }
    }

    /// What the server says of itself or of the request: OperationOutcome, CapabilityStatement, health. It must hold
    /// nothing of a record.
    pub fn statement(bytes: Vec<u8>) -> Released {
        Released { bytes }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, taken.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The same content in another form (XML for JSON, indented, shortened).
    ///
    /// # Errors
    /// Those of `form`.
    pub fn in_form<E>(self, form: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>) -> Result<Released, E> {
        Ok(Released { bytes: form(&self.bytes)? })
    }
}
