//! NamespaceLifecycle: nothing new in a namespace that is missing or on its way out.

use k8s_openapi::api::core::v1::Namespace;

use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::request::{ApiError, Cause};
use crate::kube::api::server::Call;

/// Refuse new objects in a missing or terminating namespace.
pub(super) fn create(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let kind = object.kind();
    if !kind.namespaced() {
        return Ok(());
    }
    let name = object.namespace();
    let Some(namespace) = call.store.typed::<Namespace>(&Key::cluster(name)) else {
        return Err(ApiError::not_found(Kind::Namespace, name));
    };
    let phase = namespace.status.as_ref().and_then(|s| s.phase.as_deref());
    if phase != Some("Terminating") {
        return Ok(());
    }
    let why =
        format!("unable to create new content in namespace {name} because it is being terminated");
    let mut error = ApiError::forbidden(kind, object.name(), &why);
    error.details.causes.push(Cause {
        field: "metadata.namespace".to_owned(),
        message: format!("namespace {name} is being terminated"),
        reason: "NamespaceTerminating",
    });
    Err(error)
}
