//! The API server: one request in, one answer out, the store changed.
//!
//! A synchronous pure function of the store, the moment and the random stream; the latency is
//! added by whoever sends. Order as in the real one: decode, default, admit, validate, store.

use std::sync::Arc;

use serde_json::Value;

use crate::base::rng::Stream;
use crate::base::time::SimTime;
use crate::engine::trace::TraceId;
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::request::{
    ApiError, Body, FieldValidation, PatchType, Request, Response, Subresource, Verb,
};
use crate::kube::api::selector::Selector;
use crate::kube::api::store::Store;
use crate::kube::api::{convert, default, delete, patch, subresource, write};

/// What one request may touch.
pub struct Call<'a> {
    /// All objects.
    pub store: &'a mut Store,
    /// The moment.
    pub now: SimTime,
    /// For uids, suffixes, addresses and ports.
    pub rng: &'a mut Stream,
    /// What the writes are caused by.
    pub by: TraceId,
    /// Answer as if, change nothing.
    pub dry_run: bool,
    /// Warnings for the client.
    pub warnings: Vec<String>,
}

/// Serve a request: admission, defaults, validation, concurrency, write.
///
/// Changes can be read with [`Store::changes_from`]. Logs, exec and watches are not answered here:
/// they need kubelets and time.
///
/// # Errors
/// As the real server refuses.
pub fn handle(
    store: &mut Store,
    request: &Request,
    now: SimTime,
    rng: &mut Stream,
    by: TraceId,
) -> Result<Response, ApiError> {
    let dry_run = request.options.dry_run;
    let mut call = Call { store, now, rng, by, dry_run, warnings: Vec::new() };
    match serve(&mut call, request) {
        Ok(Response::Object(object)) if !call.warnings.is_empty() => {
            Ok(Response::Warned(object, call.warnings))
        }
        Ok(response) => Ok(response),
        Err(mut error) => {
            error.warnings.append(&mut call.warnings);
            Err(error)
        }
    }
}

fn serve(call: &mut Call<'_>, request: &Request) -> Result<Response, ApiError> {
    let key = Key {
        namespace: request.namespace.clone().unwrap_or_default(),
        name: request.name.clone().unwrap_or_default(),
    };
    match (request.verb, request.subresource) {
        (Verb::Get, Subresource::None | Subresource::Status) => {
            get(call.store, request.kind, &key).map(Response::Object)
        }
        (Verb::List | Verb::Watch, _) => list(call.store, request),
        (Verb::Create, Subresource::None) => create(call, request),
        (Verb::Update, Subresource::None | Subresource::Status | Subresource::Resize)
        | (Verb::Update, Subresource::EphemeralContainers | Subresource::Finalize)
        | (Verb::Update, Subresource::Approval) => {
            let object = body(call, request)?;
            write::update(call, object, request).map(Response::Object)
        }
        (Verb::Patch, sub) if sub != Subresource::Scale => patch_object(call, request, &key),
        (Verb::Delete, Subresource::None) => {
            delete::delete(call, request.kind, &key, &request.options).map(Response::Object)
        }
        (Verb::DeleteCollection, _) => delete::collection(call, request),
        (verb, sub) => subresource::serve(call, request, verb, sub, &key),
    }
}

/// One object.
///
/// # Errors
/// If it is not there.
pub fn get(store: &Store, kind: Kind, key: &Key) -> Result<Arc<Object>, ApiError> {
    store.object(kind, key).cloned().ok_or_else(|| ApiError::not_found(kind, &key.name))
}

/// The objects that a request's selectors select.
///
/// # Errors
/// If a selector cannot be read.
pub fn select(store: &Store, request: &Request) -> Result<Vec<Arc<Object>>, ApiError> {
    let text = |s: &Option<String>| s.clone().unwrap_or_default();
    let options = &request.options;
    let (labels, fields) = (text(&options.label_selector), text(&options.field_selector));
    let selector = Selector::parse(request.kind, &labels, &fields)?;
    let namespace = request.namespace.as_deref().unwrap_or("");
    let all: Vec<&Arc<Object>> = if namespace.is_empty() {
        store.list(request.kind).map(|(_, e)| &e.object).collect()
    } else {
        store.list_in(request.kind, namespace).map(|(_, e)| &e.object).collect()
    };
    Ok(all.into_iter().filter(|o| selector.matches(o)).cloned().collect())
}

fn list(store: &Store, request: &Request) -> Result<Response, ApiError> {
    Ok(Response::List { items: select(store, request)?, revision: store.revision() })
}

fn create(call: &mut Call<'_>, request: &Request) -> Result<Response, ApiError> {
    if let Some(warning) = request.kind.deprecation() {
        call.warnings.push(warning.to_owned());
    }
    let mut object = body(call, request)?;
    place(&mut object, request)?;
    patch::managers::record(&mut object, None, request, call.now);
    write::create(call, object).map(Response::Object)
}

fn patch_object(call: &mut Call<'_>, request: &Request, key: &Key) -> Result<Response, ApiError> {
    let Body::Patch(how, patch) = &request.body else {
        return Err(ApiError::bad_request("the patch is missing"));
    };
    if *how == PatchType::Apply {
        return patch::server_side::apply(call, request, key, patch).map(Response::Object);
    }
    let old = get(call.store, request.kind, key)?;
    let value = patch::apply(*how, request.kind, &old.to_value(), patch)?;
    let mut object = decode(call, request.kind, &value, request.options.field_validation)
        .map_err(|e| patch::wrong_type(e, patch))?;
    default::apply(&mut object);
    write::update(call, object, request).map(Response::Object)
}

/// The object that a request carries, decoded and with defaults.
fn body(call: &mut Call<'_>, request: &Request) -> Result<Object, ApiError> {
    let mut object = match &request.body {
        Body::Object(object) => Object::clone(object),
        Body::Value(value) => decode(call, request.kind, value, request.options.field_validation)?,
        Body::None | Body::Patch(..) | Body::Scale(_) | Body::Bind(_) => {
            return Err(ApiError::bad_request("the body is missing"));
        }
    };
    default::apply(&mut object);
    Ok(object)
}

/// A client's JSON as an object; unknown fields are refused, warned of or ignored.
///
/// # Errors
/// `BadRequest` as the real server words it.
pub fn decode(
    call: &mut Call<'_>,
    kind: Kind,
    value: &Value,
    validation: FieldValidation,
) -> Result<Object, ApiError> {
    let info = kind.info();
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or("");
    let version = version.rsplit('/').next().filter(|v| !v.is_empty()).unwrap_or(info.version);
    let refuse = |message: String| {
        ApiError::bad_request(format!(
            "{} in version \"{version}\" cannot be handled as a {}: {message}",
            info.name, info.name
        ))
    };
    let converted = convert::to_stored(kind, value);
    let decoded = Object::from_value(kind, &converted).map_err(|e| {
        let mut error = refuse(e.message);
        error.at = e.at;
        error
    })?;
    if !decoded.unknown.is_empty() {
        let mut paths: Vec<String> =
            decoded.unknown.iter().map(|u| format!("unknown field \"{}\"", u.path)).collect();
        paths.dedup();
        match validation {
            FieldValidation::Strict => {
                let mut error = refuse(format!("strict decoding error: {}", paths.join(", ")));
                error.at = decoded.unknown.first().map(|u| u.at.clone()).unwrap_or_default();
                return Err(error);
            }
            FieldValidation::Warn => call.warnings.append(&mut paths),
            FieldValidation::Ignore => {}
        }
    }
    Ok(decoded.value)
}

/// Put an object into the namespace of its request.
fn place(object: &mut Object, request: &Request) -> Result<(), ApiError> {
    let wanted = request.namespace.as_deref().unwrap_or("");
    let kind = object.kind();
    let meta = object.meta_mut();
    if !kind.namespaced() {
        meta.namespace = None;
        return Ok(());
    }
    match meta.namespace.as_deref().filter(|ns| !ns.is_empty()) {
        None => meta.namespace = Some(wanted.to_owned()),
        Some(given) if given != wanted && !wanted.is_empty() => {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the \
                 request",
            ));
        }
        Some(_) => {}
    }
    Ok(())
}
