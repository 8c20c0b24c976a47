//! The pods and claims of a StatefulSet.
//!
//! Models kubernetes `pkg/controller/statefulset/{stateful_set_utils,stateful_pod_control}.go`
//! @v1.36.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{PersistentVolumeClaimVolumeSource, Pod, PodTemplateSpec, Volume};

use crate::base::message::Message;
use crate::kube::api::object::Key;
use crate::kube::controllers::calls::{create, delete, normal, warning};
use crate::kube::controllers::pods::{controller_ref, from_template};
use crate::kube::controllers::revisions::{self, REVISION_LABEL};
use crate::kube::controllers::statefulset::about;
use crate::kube::controllers::{Call, Plan};
use crate::kube::kinds::Kind;

const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The ordinal in a pod's name, if it is a name of this set.
#[must_use]
pub fn ordinal_of(set: &str, pod: &str) -> Option<i32> {
    pod.strip_prefix(set)?.strip_prefix('-')?.parse().ok().filter(|n| *n >= 0)
}

/// Plan the creation of a pod, and of its claims before it.
pub fn create_pod(set: &StatefulSet, ordinal: i32, revision: &ControllerRevision, plan: &mut Plan) {
    let pod = build(set, ordinal, revision);
    let set_name = set.metadata.name.as_deref().unwrap_or("");
    let name = pod.metadata.name.clone().unwrap_or_default();
    let about = about(set);
    for template in set.spec.volume_claim_templates.iter().flatten() {
        let mut claim = template.clone();
        let claim_name = claim_name(template.metadata.name.as_deref(), set_name, ordinal);
        claim.metadata.name = Some(claim_name.clone());
        claim.metadata.namespace.clone_from(&set.metadata.namespace);
        let labels = claim.metadata.labels.get_or_insert_default();
        labels.extend(set.spec.selector.match_labels.clone().unwrap_or_default());
        claim.status = None;
        let text =
            format!("Create Claim {claim_name} Pod {name} in StatefulSet {set_name} success");
        let failed = format!(
            "Create Claim {claim_name} for Pod {name} in StatefulSet {set_name} failed error: {{}}"
        );
        plan.call(
            Call::new(create(claim))
                .because(Message::new("why-kube-claim-created").with("pod", name.as_str()))
                .then_say(normal(&about, "SuccessfulCreate", text))
                .else_say(warning(&about, "FailedCreate", failed))
                .forgiving(&["AlreadyExists"]),
        );
    }
    let text = format!("Create Pod {name} in StatefulSet {set_name} successful");
    let failed = format!("Create Pod {name} in StatefulSet {set_name} failed error: {{}}");
    let why = Message::new("why-kube-stateful-created")
        .with("set", set_name)
        .with("revision", revisions::name(revision));
    plan.call(
        Call::new(create(pod))
            .because(why)
            .then_say(normal(&about, "SuccessfulCreate", text))
            .else_say(warning(&about, "FailedCreate", failed))
            .forgiving(&["AlreadyExists"]),
    );
}

fn claim_name(template: Option<&str>, set: &str, ordinal: i32) -> String {
    format!("{}-{set}-{ordinal}", template.unwrap_or(""))
}

fn build(set: &StatefulSet, ordinal: i32, revision: &ControllerRevision) -> Pod {
    let template: PodTemplateSpec =
        revisions::template_of(revision).unwrap_or_else(|| set.spec.template.clone());
    let namespace = set.metadata.namespace.as_deref().unwrap_or("");
    let set_name = set.metadata.name.as_deref().unwrap_or("");
    let owner = controller_ref::<StatefulSet>(&set.metadata);
    let mut pod = from_template(&template, namespace, owner);
    let name = format!("{set_name}-{ordinal}");
    pod.metadata.generate_name = Some(format!("{set_name}-"));
    pod.metadata.name = Some(name.clone());
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(POD_NAME_LABEL.to_owned(), name.clone());
    labels.insert(INDEX_LABEL.to_owned(), ordinal.to_string());
    labels.insert(REVISION_LABEL.to_owned(), revisions::name(revision).to_owned());
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(name);
    spec.subdomain = set.spec.service_name.clone().filter(|s| !s.is_empty());
    let claims = set.spec.volume_claim_templates.iter().flatten();
    let own: Vec<Volume> = claims
        .map(|template| {
            let volume = template.metadata.name.clone().unwrap_or_default();
            Volume {
                persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                    claim_name: claim_name(Some(&volume), set_name, ordinal),
                    read_only: Some(false),
                }),
                name: volume,
                ..Volume::default()
            }
        })
        .collect();
    if !own.is_empty() {
        let mut volumes = spec.volumes.take().unwrap_or_default();
        volumes.retain(|v| !own.iter().any(|o| o.name == v.name));
        volumes.extend(own);
        spec.volumes = Some(volumes);
    }
    pod
}

/// A call that deletes a pod.
#[must_use]
pub fn delete_pod(set: &StatefulSet, pod: &Pod, why: Message) -> Call {
    let set_name = set.metadata.name.as_deref().unwrap_or("");
    let name = pod.metadata.name.as_deref().unwrap_or("");
    let about = about(set);
    let text = format!("Delete Pod {name} in StatefulSet {set_name} successful");
    let failed = format!("Delete Pod {name} in StatefulSet {set_name} failed error: {{}}");
    let key = Key::new(pod.metadata.namespace.as_deref().unwrap_or(""), name);
    Call::new(delete(Kind::Pod, &key, pod.metadata.uid.as_deref()))
        .because(why)
        .then_say(normal(&about, "SuccessfulDelete", text))
        .else_say(warning(&about, "FailedDelete", failed))
        .forgiving(&["NotFound"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_in_names() {
        for (pod, ordinal) in
            [("db-0", Some(0)), ("db-12", Some(12)), ("db-x", None), ("d-1", None)]
        {
            assert_eq!(ordinal_of("db", pod), ordinal, "{pod}");
        }
        assert_eq!(claim_name(Some("data"), "db", 1), "data-db-1");
    }
}
