//! Priority: the number behind a pod's priority class.
//!
//! Follows `plugin/pkg/admission/priority/admission.go`.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use crate::kube::api::object::{Key, Kind};
use crate::kube::api::request::ApiError;
use crate::kube::api::server::Call;

/// What a pod without a policy does.
const PREEMPT: &str = "PreemptLowerPriority";

/// Resolve the class of a new pod.
pub(super) fn admit(call: &Call<'_>, pod: &mut Pod) -> Result<(), ApiError> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let forbidden = |why: String| ApiError::forbidden(Kind::Pod, &name, &why);
    let spec = pod.spec.get_or_insert_default();
    let wanted = spec.priority_class_name.as_deref().unwrap_or("");
    let class =
        if wanted.is_empty() {
            default_class(call)
        } else {
            let found = call.store.typed::<PriorityClass>(&Key::cluster(wanted));
            Some(found.ok_or_else(|| {
                forbidden(format!("no PriorityClass with name {wanted} was found"))
            })?)
        };
    let value = class.map_or(0, |c| c.value.unwrap_or(0));
    let policy = class.and_then(|c| c.preemption_policy.as_deref()).unwrap_or(PREEMPT).to_owned();
    if wanted.is_empty()
        && let Some(class) = class
    {
        spec.priority_class_name.clone_from(&class.metadata.name);
    }
    if let Some(given) = spec.priority
        && given != value
    {
        return Err(forbidden(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority \
             admission controller computed {value} from the given PriorityClass name"
        )));
    }
    spec.priority = Some(value);
    if let Some(given) = &spec.preemption_policy
        && *given != policy
    {
        return Err(forbidden(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; \
             priority admission controller computed {policy} from the given PriorityClass name"
        )));
    }
    spec.preemption_policy = Some(policy);
    Ok(())
}

/// The class for pods without one: the lowest of those marked as default.
fn default_class<'a>(call: &'a Call<'_>) -> Option<&'a PriorityClass> {
    let all = call.store.all::<PriorityClass>();
    all.filter(|c| c.global_default == Some(true)).min_by_key(|c| c.value)
}

/// A changed pod keeps its priority where the change leaves it out.
pub(super) fn keep(pod: &mut Pod, was: &Pod) {
    let (Some(spec), Some(before)) = (&mut pod.spec, &was.spec) else { return };
    if spec.priority.is_none() {
        spec.priority = before.priority;
    }
    if spec.preemption_policy.is_none() {
        spec.preemption_policy.clone_from(&before.preemption_policy);
    }
}
