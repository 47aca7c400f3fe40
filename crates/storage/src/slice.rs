//! Bytes as an engine hands them out: read-only, cheap to clone, without a copy where the engine has its own shared bytes.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Read-only bytes of a key or a value. Dereferences to `[u8]`.
#[derive(Clone)]
pub struct Slice(Repr);

#[derive(Clone)]
enum Repr {
    Shared(Arc<[u8]>),
    #[cfg(feature = "fjall")]
    Fjall(::fjall::Slice),
    /// A sled value, without its first `usize` bytes (the space number in front of a key).
    #[cfg(feature = "sled")]
    Sled(::sled::IVec, usize),
}

#[cfg(feature = "sled")]
impl Slice {
    pub(crate) fn of_sled(bytes: ::sled::IVec, skip: usize) -> Slice {
        Slice(Repr::Sled(bytes, skip))
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Shared(bytes) => bytes,
            #[cfg(feature = "fjall")]
            Repr::Fjall(bytes) => bytes,
            #[cfg(feature = "sled")]
            Repr::Sled(bytes, skip) => bytes.get(*skip..).unwrap_or(&[]),
        }
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Arc<[u8]>> for Slice {
    fn from(bytes: Arc<[u8]>) -> Slice {
        Slice(Repr::Shared(bytes))
    }
}

impl From<&[u8]> for Slice {
    fn from(bytes: &[u8]) -> Slice {
        Slice(Repr::Shared(bytes.into()))
    }
}

impl From<Vec<u8>> for Slice {
    fn from(bytes: Vec<u8>) -> Slice {
        Slice(Repr::Shared(bytes.into()))
    }
}

#[cfg(feature = "fjall")]
impl From<::fjall::Slice> for Slice {
    fn from(bytes: ::fjall::Slice) -> Slice {
        Slice(Repr::Fjall(bytes))
    }
}

impl PartialEq for Slice {
    fn eq(&self, other: &Slice) -> bool {
        **self == **other
    }
}

impl Eq for Slice {}

impl PartialEq<[u8]> for Slice {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", &**self)
    }
}
