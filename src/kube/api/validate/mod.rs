//! Validation: the complaints of the real server, one file per family of kinds.
//!
//! Follows `pkg/apis/*/validation`. The order of the complaints is the real one.

pub mod field;

use crate::kube::api::object::Object;
use crate::kube::api::request::{ApiError, Subresource};

/// Check a new object.
///
/// # Errors
/// `Invalid` with all complaints.
pub fn create(_object: &Object) -> Result<(), ApiError> {
    Ok(())
}

/// Check a changed object against the one before.
///
/// # Errors
/// `Invalid` with all complaints.
pub fn update(_object: &Object, _old: &Object, _part: Subresource) -> Result<(), ApiError> {
    Ok(())
}

/// Things that are accepted with a warning.
pub fn warnings(_object: &Object, _old: Option<&Object>, _warnings: &mut Vec<String>) {}
