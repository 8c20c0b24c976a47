//! JSON patch (RFC 6902), with the messages of evanphx/json-patch.

use serde_json::Value;

use crate::kube::api::request::ApiError;

/// Most operations of one patch (`maxJSONPatchOperations`).
const MAX_OPERATIONS: usize = 10_000;

/// Apply the operations in order.
///
/// # Errors
/// If an operation does not fit the document.
pub fn apply(old: &Value, patch: &Value) -> Result<Value, ApiError> {
    let Some(operations) = patch.as_array() else {
        return Err(ApiError::bad_request("the patch is not a list of operations"));
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(ApiError {
            code: 413,
            reason: "RequestEntityTooLarge",
            message: format!(
                "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
                operations.len()
            ),
            ..ApiError::default()
        });
    }
    let mut document = old.clone();
    for operation in operations {
        let text = |field: &str| operation.get(field).and_then(Value::as_str).unwrap_or("");
        let (op, path, from) = (text("op"), text("path"), text("from"));
        let value = operation.get("value").cloned().unwrap_or(Value::Null);
        match op {
            "add" => add(&mut document, path, value)?,
            "remove" => drop(remove(&mut document, path)?),
            "replace" => {
                let Some(slot) = document.pointer_mut(path) else {
                    return Err(missing("replace", path));
                };
                *slot = value;
            }
            "move" => {
                let value = remove(&mut document, from)?;
                add(&mut document, path, value)?;
            }
            "copy" => {
                let value = document.pointer(from).cloned().ok_or_else(|| missing("copy", from))?;
                add(&mut document, path, value)?;
            }
            "test" => {
                if document.pointer(path).unwrap_or(&Value::Null) != &value {
                    return Err(refuse(format!("testing value {path} failed: test failed")));
                }
            }
            other => return Err(refuse(format!("Unexpected kind: {other}"))),
        }
    }
    Ok(document)
}

fn refuse(message: String) -> ApiError {
    ApiError {
        code: 422,
        reason: "Invalid",
        message: format!(
            "the server rejected our request due to an error in our request: {message}"
        ),
        ..ApiError::default()
    }
}

fn missing(op: &str, path: &str) -> ApiError {
    refuse(format!("{op} operation does not apply: doc is missing path: {path}: missing value"))
}

/// The holder of a path's last step, and that step unescaped.
fn holder<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((document.pointer_mut(parent)?, last.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), ApiError> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (parent, last) = holder(document, path).ok_or_else(|| missing("add", path))?;
    match parent {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(items) => {
            let at = if last == "-" { Some(items.len()) } else { last.parse().ok() };
            let at = at.filter(|at| *at <= items.len()).ok_or_else(|| missing("add", path))?;
            items.insert(at, value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(missing("add", path));
        }
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, ApiError> {
    let gone = || missing("remove", path);
    let (parent, last) = holder(document, path).ok_or_else(gone)?;
    match parent {
        Value::Object(map) => map.remove(&last).ok_or_else(gone),
        Value::Array(items) => {
            let at: Option<usize> = last.parse().ok().filter(|at| *at < items.len());
            at.map(|at| items.remove(at)).ok_or_else(gone)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(gone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations() {
        let old = json!({"a": [1, 2], "b": {"x/y": 1}});
        let patch = json!([
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "replace", "path": "/b/x~1y", "value": 2},
            {"op": "remove", "path": "/a/0"},
        ]);
        assert_eq!(apply(&old, &patch).unwrap(), json!({"a": [2, 3], "b": {"x/y": 2}}));
        assert!(apply(&old, &json!([{"op": "remove", "path": "/nope"}])).is_err());
    }
}
