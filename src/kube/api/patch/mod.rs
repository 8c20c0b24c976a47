//! Patches: strategic merge, JSON merge, JSON patch, and server-side apply.

pub mod json_patch;
pub mod keys;
pub mod managers;
pub mod merge;
pub mod server_side;
pub mod strategic;
pub mod three_way;

use serde_json::Value;

use crate::kube::api::object::Kind;
use crate::kube::api::request::{ApiError, Cause, Details, PatchType};

/// Apply a patch to the JSON of an object.
///
/// # Errors
/// If the patch does not fit.
pub fn apply(how: PatchType, kind: Kind, old: &Value, patch: &Value) -> Result<Value, ApiError> {
    match how {
        PatchType::Strategic => strategic::apply(kind, old, patch),
        PatchType::Merge | PatchType::Apply => Ok(merge::apply(old, patch)),
        PatchType::Json => json_patch::apply(old, patch),
    }
}

/// A patch that puts a value of a wrong type into a field is told in its own words.
#[must_use]
pub fn wrong_type(error: ApiError, patch: &Value) -> ApiError {
    let Some((_, go_type)) = error.message.rsplit_once(" of type ") else { return error };
    let detail = format!("unrecognized type: {go_type}");
    let field = "patch".to_owned();
    let message = format!("Invalid value: \"{}\": {detail}", go_map(patch));
    let text = format!("{field}: {message}");
    let cause = Cause { field, message, reason: "FieldValueInvalid" };
    ApiError {
        code: 422,
        reason: "Invalid",
        message: format!(" \"\" is invalid: {text}"),
        details: Box::new(Details { causes: vec![cause], ..Details::default() }),
        ..ApiError::default()
    }
}

/// A value as Go's `%v` prints a map: `map[spec:map[replicas:x]]`.
fn go_map(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => s.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(go_map).collect::<Vec<_>>().join(" "))
        }
        Value::Object(map) => {
            let parts: Vec<String> =
                map.iter().map(|(k, v)| format!("{k}:{}", go_map(v))).collect();
            format!("map[{}]", parts.join(" "))
        }
    }
}
