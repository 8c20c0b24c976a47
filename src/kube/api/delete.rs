//! Deleting: preconditions, grace periods, finalizers, what becomes of dependents.
//!
//! Follows apiserver `pkg/registry/rest/delete.go`, `generic/registry/store.go` and
//! `pkg/registry/core/pod/strategy.go`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use crate::base::time::SimDuration;
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::request::{ApiError, Options, Propagation, Request, Response};
use crate::kube::api::server::{self, Call};
use crate::kube::api::store::MODIFIED;
use crate::kube::clock;

/// Finalizer of an owner that waits for its dependents.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an owner whose dependents are to stay.
pub const ORPHAN: &str = "orphan";
/// Namespaces that may not be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Delete an object, or mark it for deletion.
///
/// # Errors
/// If it is not there, a precondition fails, or it may not be deleted.
#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds go at once")]
pub fn delete(
    call: &mut Call<'_>,
    kind: Kind,
    key: &Key,
    options: &Options,
) -> Result<Arc<Object>, ApiError> {
    let old = server::get(call.store, kind, key)?;
    if kind == Kind::Namespace && IMMORTAL.contains(&&*key.name) {
        return Err(ApiError::forbidden(kind, &key.name, "this namespace may not be deleted"));
    }
    preconditions(&old, options)?;
    let mut object = Object::clone(&old);
    let graceful = match &mut object {
        Object::Pod(pod) => mark_pod(call, pod, options),
        Object::Namespace(namespace) => {
            let status = namespace.status.get_or_insert_default();
            status.phase = Some("Terminating".to_owned());
            Grace::Keep
        }
        _ => Grace::Now,
    };
    if graceful == Grace::Pending {
        return Ok(old);
    }
    propagate(&mut object, options.propagation);
    let meta = object.meta_mut();
    let waits = meta.finalizers.as_ref().is_some_and(|f| !f.is_empty());
    let keep = match graceful {
        Grace::Keep | Grace::Pending => true,
        Grace::Now => waits,
    };
    if keep && meta.deletion_timestamp.is_none() {
        meta.deletion_timestamp = Some(clock::meta_time(call.now));
        meta.deletion_grace_period_seconds = Some(0);
        meta.generation = meta.generation.map(|g| g + 1);
    }
    if kind == Kind::Namespace {
        meta.deletion_grace_period_seconds = None;
    }
    if call.dry_run || (keep && object == *old) {
        return Ok(Arc::new(object));
    }
    let new = keep.then_some(object);
    let change = call.store.commit(kind, key, new, call.now, call.by);
    let left = change.new.clone().or_else(|| change.old.clone());
    left.ok_or_else(|| ApiError::not_found(kind, &key.name))
}

fn preconditions(old: &Object, options: &Options) -> Result<(), ApiError> {
    let conflict = |why: &str| Err(ApiError::conflict(old.kind(), old.name(), why));
    if let Some(uid) = &options.precondition_uid
        && **uid != *old.uid()
    {
        return conflict(&format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            old.uid()
        ));
    }
    if let Some(revision) = &options.precondition_revision
        && old.meta().resource_version.as_deref() != Some(revision)
    {
        return conflict(MODIFIED);
    }
    Ok(())
}

/// What a kind's grace period means for a delete.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grace {
    /// It stays, marked, until whoever is responsible is done.
    Keep,
    /// It goes at once, unless finalizers hold it.
    Now,
    /// It is already on its way and nothing changes.
    Pending,
}

/// A pod stays for its grace period, unless it never ran or has ended. A second delete can only
/// shorten the period.
fn mark_pod(call: &Call<'_>, pod: &mut Pod, options: &Options) -> Grace {
    let spec = pod.spec.as_ref();
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("");
    let own = spec.and_then(|s| s.termination_grace_period_seconds).unwrap_or(30);
    let unscheduled = spec.is_none_or(|s| s.node_name.as_deref().unwrap_or("").is_empty());
    let mut grace = options.grace_period_seconds.unwrap_or(own);
    if grace < 0 {
        grace = 1;
    }
    if grace > 0 && (unscheduled || phase == "Failed" || phase == "Succeeded") {
        grace = 0;
    }
    let meta = &mut pod.metadata;
    if let (Some(at), Some(before)) = (&meta.deletion_timestamp, meta.deletion_grace_period_seconds)
    {
        if options.grace_period_seconds.is_none() || grace >= before && before > 0 {
            return if before == 0 { Grace::Now } else { Grace::Pending };
        }
        if grace == 0 {
            meta.deletion_grace_period_seconds = Some(0);
            return Grace::Now;
        }
        let asked_at = clock::sim_time(at).0.saturating_sub(seconds(before).0);
        let at = crate::base::time::SimTime(asked_at) + seconds(grace);
        meta.deletion_timestamp = Some(clock::meta_time(at));
        meta.deletion_grace_period_seconds = Some(grace);
        return Grace::Keep;
    }
    if grace == 0 {
        return Grace::Now;
    }
    meta.deletion_timestamp = Some(clock::meta_time(call.now + seconds(grace)));
    meta.deletion_grace_period_seconds = Some(grace);
    meta.generation = meta.generation.map(|g| g + 1);
    Grace::Keep
}

fn seconds(n: i64) -> SimDuration {
    SimDuration::from_secs(u64::try_from(n).unwrap_or(0))
}

/// The garbage collector's finalizers for the asked way with dependents.
fn propagate(object: &mut Object, propagation: Option<Propagation>) {
    let finalizers = object.meta_mut().finalizers.get_or_insert_default();
    let add = match propagation {
        Some(Propagation::Foreground) => Some((FOREGROUND, ORPHAN)),
        Some(Propagation::Orphan) => Some((ORPHAN, FOREGROUND)),
        Some(Propagation::Background) => {
            finalizers.retain(|f| f != FOREGROUND && f != ORPHAN);
            None
        }
        None => None,
    };
    if let Some((add, drop)) = add {
        finalizers.retain(|f| f != drop);
        if !finalizers.iter().any(|f| f == add) {
            finalizers.push(add.to_owned());
        }
    }
    if finalizers.is_empty() {
        object.meta_mut().finalizers = None;
    }
}

/// Whether an object that is being deleted has nothing left that holds it.
#[must_use]
pub fn finished(object: &Object) -> bool {
    let meta = object.meta();
    let held = meta.finalizers.as_ref().is_some_and(|f| !f.is_empty());
    if meta.deletion_timestamp.is_none() || held {
        return false;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds have no own finalizers")]
    match object {
        Object::Pod(_) => meta.deletion_grace_period_seconds == Some(0),
        Object::Namespace(ns) => {
            ns.spec.as_ref().and_then(|s| s.finalizers.as_ref()).is_none_or(Vec::is_empty)
        }
        _ => true,
    }
}

/// Delete all that match.
///
/// # Errors
/// If a selector cannot be read or an object may not be deleted.
pub fn collection(call: &mut Call<'_>, request: &Request) -> Result<Response, ApiError> {
    let mut items = Vec::new();
    for object in server::select(call.store, request)? {
        items.push(delete(call, request.kind, &Key::of(&object), &request.options)?);
    }
    Ok(Response::List { items, revision: call.store.revision() })
}
