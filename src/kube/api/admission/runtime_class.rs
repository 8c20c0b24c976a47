//! RuntimeClass: its overhead and its nodes become part of the pod.
//!
//! Follows `plugin/pkg/admission/runtimeclass/admission.go`.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::node::v1::RuntimeClass;

use crate::kube::api::object::{Key, Kind};
use crate::kube::api::request::ApiError;
use crate::kube::api::server::Call;

/// Refuse a missing class; merge what it says.
pub(super) fn admit(call: &Call<'_>, pod: &mut Pod) -> Result<(), ApiError> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let spec = pod.spec.get_or_insert_default();
    let Some(wanted) = spec.runtime_class_name.as_deref().filter(|n| !n.is_empty()) else {
        return Ok(());
    };
    let Some(class) = call.store.typed::<RuntimeClass>(&Key::cluster(wanted)) else {
        let why = format!("pod rejected: RuntimeClass \"{wanted}\" not found");
        return Err(ApiError::forbidden(Kind::Pod, &name, &why));
    };
    if let Some(overhead) = class.overhead.as_ref().and_then(|o| o.pod_fixed.as_ref()) {
        spec.overhead = Some(overhead.clone());
    }
    if let Some(scheduling) = &class.scheduling {
        for (key, value) in scheduling.node_selector.iter().flatten() {
            let selector = spec.node_selector.get_or_insert_default();
            selector.insert(key.clone(), value.clone());
        }
        for toleration in scheduling.tolerations.iter().flatten() {
            let list = spec.tolerations.get_or_insert_default();
            if !list.contains(toleration) {
                list.push(toleration.clone());
            }
        }
    }
    Ok(())
}
