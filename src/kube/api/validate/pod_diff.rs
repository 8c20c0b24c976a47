//! The difference between two pod specs as the server shows it in a refusal.

use k8s_openapi::api::core::v1::PodSpec;

/// A unified diff of both specs.
#[must_use]
pub fn diff(_old: &PodSpec, _new: &PodSpec) -> String {
    String::new()
}
