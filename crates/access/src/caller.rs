//! The caller of a request, as established from what the request carries.

/// What a request shows of its caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The subject of the client certificate that the TLS layer verified.
    pub certificate: Option<&'a str>,
}

/// Who calls. Made by [`Policy::identify`](crate::Policy::identify), or [`Caller::operator`] for the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: Option<String>,
}

impl Caller {
    pub(crate) fn new(name: Option<String>) -> Caller {
        Caller { name }
    }

    /// The operator of this machine: the command line, which owns the store's folder.
    pub fn operator() -> Caller {
        Caller { name: Some("operator".to_owned()) }
    }

    /// What is known of the name: a certificate's subject, `operator`, or nothing.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}
