//! Creating and replacing objects: admission, the kind's own preparation, validation, storing.
//!
//! Follows apiserver `pkg/registry/generic/registry/store.go` and `rest/create.go`, `update.go`.

use std::sync::Arc;

use crate::base::name;
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::request::{ApiError, Request, Subresource};
use crate::kube::api::server::Call;
use crate::kube::api::store::MODIFIED;
use crate::kube::api::{admission, allocate, bootstrap, delete, patch, strategy, validate};
use crate::kube::clock;

/// Longest start of a generated name (`maxGeneratedNameLength`).
const MAX_PREFIX: usize = 58;
/// Times that a generated name is drawn anew when it is taken.
const NAME_TRIES: u32 = 8;

/// Store a new object.
///
/// # Errors
/// As the real server refuses.
pub fn create(call: &mut Call<'_>, mut object: Object) -> Result<Arc<Object>, ApiError> {
    let kind = object.kind();
    generate_name(call, &mut object);
    admission::create(call, &mut object)?;
    let meta = object.meta_mut();
    meta.uid = Some(name::uuid(call.rng));
    meta.creation_timestamp = Some(clock::meta_time(call.now));
    meta.deletion_timestamp = None;
    meta.deletion_grace_period_seconds = None;
    meta.resource_version = None;
    meta.self_link = None;
    strategy::prepare_create(&mut object);
    validate::create(&object)?;
    validate::warnings(&object, None, &mut call.warnings);
    allocate::create(call, &mut object)?;
    let key = Key::of(&object);
    if call.store.get(kind, &key).is_some() {
        return Err(ApiError::already_exists(kind, &key.name));
    }
    admission::charge(call, &object)?;
    if call.dry_run {
        return Ok(Arc::new(object));
    }
    let change = call.store.commit(kind, &key, Some(object), call.now, call.by);
    if kind == Kind::Namespace {
        bootstrap::namespace(call.store, &key.name, call.now, call.rng, call.by);
    }
    change.new.clone().ok_or_else(|| ApiError::not_found(kind, &key.name))
}

fn generate_name(call: &mut Call<'_>, object: &mut Object) {
    let meta = object.meta();
    if !meta.name.as_deref().unwrap_or("").is_empty() {
        return;
    }
    let Some(prefix) = meta.generate_name.clone().filter(|p| !p.is_empty()) else { return };
    let prefix: String = prefix.chars().take(MAX_PREFIX).collect();
    for _ in 0..NAME_TRIES {
        object.meta_mut().name = Some(format!("{prefix}{}", name::suffix(call.rng, 5)));
        if call.store.get(object.kind(), &Key::of(object)).is_none() {
            break;
        }
    }
}

/// Replace an object, or the part of it that the subresource names.
///
/// # Errors
/// As the real server refuses.
pub fn update(
    call: &mut Call<'_>,
    mut object: Object,
    request: &Request,
) -> Result<Arc<Object>, ApiError> {
    let kind = request.kind;
    let key = Key {
        namespace: request.namespace.clone().unwrap_or_default(),
        name: request.name.clone().unwrap_or_default(),
    };
    let old = call.store.object(kind, &key).cloned();
    let Some(old) = old else { return Err(ApiError::not_found(kind, &key.name)) };
    if object.name() != &*key.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            object.name(),
            key.name
        )));
    }
    if kind.namespaced() && object.namespace().is_empty() {
        object.meta_mut().namespace = Some(key.namespace.to_string());
    }
    precondition(&object, &old, request)?;
    keep_metadata(&mut object, &old);
    strategy::prepare_update(&mut object, &old, request.subresource);
    if unchanged(&object, &old) {
        return Ok(old);
    }
    patch::managers::record(&mut object, Some(&old), request, call.now);
    if request.subresource == Subresource::None {
        admission::update(call, &mut object, &old)?;
        allocate::update(call, &mut object, &old)?;
    }
    validate::update(&object, &old, request.subresource)?;
    if request.subresource == Subresource::None {
        validate::warnings(&object, Some(&old), &mut call.warnings);
        admission::charge_update(call, &object, &old)?;
    }
    if request.subresource == Subresource::Resize {
        admission::resize(call, &object)?;
    }
    if call.dry_run {
        return Ok(Arc::new(object));
    }
    if delete::finished(&object) {
        // The answer shows the object as it was when it went, without its finalizers.
        call.store.commit(kind, &key, None, call.now, call.by);
        return Ok(Arc::new(object));
    }
    let change = call.store.commit(kind, &key, Some(object), call.now, call.by);
    change.new.clone().ok_or_else(|| ApiError::not_found(kind, &key.name))
}

/// Optimistic concurrency: the revision and uid that the client has seen must still be there.
fn precondition(object: &Object, old: &Object, request: &Request) -> Result<(), ApiError> {
    let conflict = |why: &str| Err(ApiError::conflict(old.kind(), old.name(), why));
    let (new, old_meta) = (object.meta(), old.meta());
    let uid = request.options.precondition_uid.as_deref().or(new.uid.as_deref()).unwrap_or("");
    if !uid.is_empty() && Some(uid) != old_meta.uid.as_deref() {
        let have = old_meta.uid.as_deref().unwrap_or("");
        return conflict(&format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {have}"
        ));
    }
    let asked = request.options.precondition_revision.as_deref();
    let seen = asked.or(new.resource_version.as_deref()).unwrap_or("");
    if !seen.is_empty() && seen != "0" && Some(seen) != old_meta.resource_version.as_deref() {
        return conflict(MODIFIED);
    }
    Ok(())
}

/// What only the server sets stays as it is.
fn keep_metadata(object: &mut Object, old: &Object) {
    let (meta, before) = (object.meta_mut(), old.meta());
    meta.uid.clone_from(&before.uid);
    meta.creation_timestamp.clone_from(&before.creation_timestamp);
    meta.generation = before.generation;
    meta.deletion_timestamp.clone_from(&before.deletion_timestamp);
    meta.deletion_grace_period_seconds = before.deletion_grace_period_seconds;
    meta.resource_version.clone_from(&before.resource_version);
    meta.self_link = None;
    if meta.generate_name.is_none() {
        meta.generate_name.clone_from(&before.generate_name);
    }
    if meta.managed_fields.is_none() {
        meta.managed_fields.clone_from(&before.managed_fields);
    }
    for empty in [&mut meta.labels, &mut meta.annotations] {
        if empty.as_ref().is_some_and(|m| m.is_empty()) {
            *empty = None;
        }
    }
    for empty in [&mut meta.finalizers] {
        if empty.as_ref().is_some_and(Vec::is_empty) {
            *empty = None;
        }
    }
    if meta.owner_references.as_ref().is_some_and(Vec::is_empty) {
        meta.owner_references = None;
    }
}

/// Whether a write would change nothing; the real server then writes nothing.
fn unchanged(object: &Object, old: &Object) -> bool {
    object == old
}
