//! Admission: plugins that change or refuse an object before it is validated and stored.
//!
//! One file per plugin, called in the order of `pkg/kubeapiserver/options/plugins.go`; the quota
//! comes last, after validation. Left out: webhooks, policies, PodSecurity (it enforces nothing
//! without namespace labels).

pub mod lifecycle;
pub mod limit_ranger;
pub mod node_taints;
pub mod pod_labels;
pub mod priority;
pub mod quota;
pub mod quota_usage;
pub mod runtime_class;
pub mod service_account;
pub mod storage;
pub mod tolerations;

use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::ApiError;
use crate::kube::api::server::Call;

/// Plugins that change a new object, in their real order.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn create(call: &mut Call<'_>, object: &mut Object) -> Result<(), ApiError> {
    lifecycle::create(call, object)?;
    let namespace = object.namespace().to_owned();
    if let Object::Pod(pod) = object {
        limit_ranger::defaults(call, &namespace, pod);
        service_account::admit(call, &namespace, pod)?;
        priority::admit(call, pod)?;
        tolerations::admit(pod);
        runtime_class::admit(call, pod)?;
    }
    if let Object::Node(node) = object {
        node_taints::admit(node);
    }
    storage::admit(call, object);
    Ok(())
}

/// Plugins that look at a validated new object; the quota is charged here.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn charge(call: &mut Call<'_>, object: &Object) -> Result<(), ApiError> {
    limit_ranger::check(call, object)?;
    quota::charge(call, object, None)
}

/// Plugins that change a changed object.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn update(call: &mut Call<'_>, object: &mut Object, old: &Object) -> Result<(), ApiError> {
    if let (Object::Pod(pod), Object::Pod(was)) = (object, old) {
        priority::keep(pod, was);
    }
    let _ = call;
    Ok(())
}

/// Plugins that look at a validated changed object.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn charge_update(call: &mut Call<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
    limit_ranger::check_update(call, object)?;
    quota::charge(call, object, Some(old))
}

/// A pod's new resources must fit its node at all.
///
/// # Errors
/// If the node could never offer them.
pub fn resize(call: &mut Call<'_>, object: &Object) -> Result<(), ApiError> {
    use k8s_openapi::api::core::v1::Node;
    let Object::Pod(pod) = object else { return Ok(()) };
    let Some(name) = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()) else { return Ok(()) };
    let Some(node) = call.store.typed::<Node>(&Key::cluster(name)) else { return Ok(()) };
    let allocatable = node.status.as_ref().and_then(|s| s.allocatable.as_ref());
    for resource in ["cpu", "memory"] {
        let asked = quota_usage::pod_total(pod, resource, false);
        let have = allocatable.and_then(|a| a.get(resource));
        let have = have.map(crate::kube::api::quantity::amount);
        if let Some(have) = have.filter(|have| asked > have.0) {
            let (asked, have) = match resource {
                "cpu" => (asked, have.0),
                _ => (asked / 1000, have.0 / 1000),
            };
            let why = format!(
                "node didn't have enough allocatable resources: {resource}, requested: {asked}, \
                 allocatable: {have}"
            );
            return Err(ApiError::forbidden(object.kind(), object.name(), &why));
        }
    }
    limit_ranger::check(call, object)
}
