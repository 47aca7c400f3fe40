//! The two ways: tree to typed resource, typed resource to tree.

use fhirbolt::model::r4::Resource;
use fhirbolt::serde::{DeserializationConfig, DeserializationMode};
use model::{Element, Limits, Tree, json};

/// The resource could not cross; nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The tree holds what R4 does not know, or in a shape that fhirbolt refuses.
    #[error("fhirbolt does not read it: {0}")]
    Read(fhirbolt::json::Error),
    /// fhirbolt could not write its resource.
    #[error("fhirbolt does not write it: {0}")]
    Write(fhirbolt::json::Error),
    /// fhirbolt wrote what is no JSON.
    #[error("fhirbolt wrote no JSON: {0}")]
    Syntax(#[from] model::SyntaxError),
}

/// A resource of ours as fhirbolt's typed one; `resource` is a whole resource (a root, an entry's resource, a contained
/// one).
///
/// # Errors
/// [`BridgeError::Read`] where R4 knows an element not, or it has the wrong form.
pub fn to_typed(resource: Element<'_>) -> Result<Resource, BridgeError> {
    let config = DeserializationConfig { mode: DeserializationMode::Strict };
    fhirbolt::json::from_str(&json::to_string(resource), Some(config)).map_err(BridgeError::Read)
}

/// A typed resource as our tree.
///
/// # Errors
/// [`BridgeError::Write`] and [`BridgeError::Syntax`], which a resource that came from [`to_typed`] does not meet.
pub fn to_tree(resource: &Resource) -> Result<Tree, BridgeError> {
    let text = fhirbolt::json::to_string(resource, None).map_err(BridgeError::Write)?;
    Ok(json::read(text.as_bytes(), &Limits::default())?)
}
