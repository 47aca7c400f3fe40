//! Which parameters the stored resources are already indexed by.
//!
//! A parameter that comes later than resources finds none of them until they are indexed again; until then a search by it is refused.
//! Parameters that are built in are part of the format: they are always indexed.

/// Told by whoever keeps the store. Asked once for each parameter that is not built in, when its type is first met.
pub trait Indexed: Send + Sync {
    /// Whether all stored resources of a type have the rows of the parameter with this canonical URL, as this digest defines it.
    fn is_indexed(&self, type_name: &str, url: &str, digest: [u8; 8]) -> bool;
}

/// Why a parameter cannot be searched yet.
pub(crate) const NOT_YET: &str =
    "resources that were stored before it are not indexed by it yet; POST [base]/$reindex, then it can be searched";
