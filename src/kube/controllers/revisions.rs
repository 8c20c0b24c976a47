//! ControllerRevisions: the templates that a StatefulSet or DaemonSet had.
//!
//! Models kubernetes `pkg/controller/history/controller_history.go` @v1.36 (handbook
//! kubernetes-controllers §0). The hash is over our own JSON, only equality matters.

use std::hash::Hasher;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde_json::{Value, json};

use crate::base::digest::Digester;
use crate::base::message::Message;
use crate::base::name::safe_encode;
use crate::kube::api::object::Key;
use crate::kube::controllers::calls::{create, delete, update};
use crate::kube::controllers::{Call, Plan, Sync};
use crate::kube::kinds::Kind;
use crate::kube::labels::Labels;

/// Label of a revision: its hash.
pub const HASH_LABEL: &str = "controller.kubernetes.io/hash";
/// Label of a pod: the revision it was made from.
pub const REVISION_LABEL: &str = "controller-revision-hash";
/// Longest name of the owner within a revision's name.
const MAX_OWNER: usize = 223;

/// What a revision holds: the template as a patch of the owner.
#[must_use]
pub fn data_of(template: &PodTemplateSpec) -> Value {
    let mut template = serde_json::to_value(template).unwrap_or(Value::Null);
    if let Some(fields) = template.as_object_mut() {
        fields.insert("$patch".to_owned(), json!("replace"));
    }
    json!({"spec": {"template": template}})
}

/// The template in a revision.
#[must_use]
pub fn template_of(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let mut template = revision.data.0.get("spec")?.get("template")?.clone();
    template.as_object_mut()?.remove("$patch");
    serde_json::from_value(template).ok()
}

fn hash_of(data: &Value, collisions: Option<i32>) -> String {
    let mut digest = Digester::new();
    digest.text(&data.to_string());
    if let Some(count) = collisions.filter(|n| *n != 0) {
        digest.write_i32(count);
    }
    let hash = digest.finish();
    safe_encode(u32::try_from((hash >> 32) ^ (hash & 0xffff_ffff)).unwrap_or(0))
}

/// The revisions of an owner, oldest first.
#[must_use]
pub fn of_owner(uid: &str, sync: &Sync<'_>) -> Vec<ControllerRevision> {
    let mut all: Vec<ControllerRevision> =
        sync.view.owned::<ControllerRevision>(uid).map(|(_, r)| r.clone()).collect();
    all.sort_by(|a, b| {
        let key = |r: &ControllerRevision| {
            (r.revision, r.metadata.creation_timestamp.as_ref().map(|t| t.0))
        };
        key(a).cmp(&key(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
    });
    all
}

/// The name of a revision.
#[must_use]
pub fn name(revision: &ControllerRevision) -> &str {
    revision.metadata.name.as_deref().unwrap_or("")
}

/// Find the revision of a template; plan its creation, or that it becomes the newest again.
pub fn ensure(
    owner: &OwnerReference,
    namespace: &str,
    labels: Labels,
    template: &PodTemplateSpec,
    collisions: Option<i32>,
    known: &[ControllerRevision],
    plan: &mut Plan,
) -> ControllerRevision {
    let data = data_of(template);
    let next = known.last().and_then(|r| r.revision).unwrap_or(0) + 1;
    let same = known.iter().rev().find(|r| r.data.0 == data);
    if let Some(same) = same {
        let mut found = same.clone();
        if known.last().map(name) != Some(name(same)) {
            found.revision = Some(next);
            plan.call(Call::new(update(found.clone())));
        }
        return found;
    }
    let hash = hash_of(&data, collisions);
    let mut labels = labels;
    labels.insert(HASH_LABEL.to_owned(), hash.clone());
    let cut: String = owner.name.chars().take(MAX_OWNER).collect();
    let made = ControllerRevision {
        metadata: ObjectMeta {
            name: Some(format!("{cut}-{hash}")),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels),
            owner_references: Some(vec![owner.clone()]),
            ..ObjectMeta::default()
        },
        data: RawExtension(data),
        revision: Some(next),
    };
    let why = Message::new("why-kube-revision-created").with("owner", owner.name.as_str());
    plan.call(Call::new(create(made.clone())).because(why).forgiving(&["AlreadyExists"]));
    made
}

/// Plan the deletion of revisions beyond the limit that nothing uses.
pub fn truncate(known: &[ControllerRevision], live: &[&str], limit: i32, plan: &mut Plan) {
    let unused: Vec<&ControllerRevision> =
        known.iter().filter(|r| !live.contains(&name(r))).collect();
    let surplus = unused.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    for revision in unused.into_iter().take(surplus) {
        let namespace = revision.metadata.namespace.as_deref().unwrap_or("");
        let key = Key::new(namespace, name(revision));
        plan.call(Call::new(delete(Kind::ControllerRevision, &key, None)).forgiving(&["NotFound"]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_survives_the_revision() {
        let template = PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some([("app".to_owned(), "db".to_owned())].into()),
                ..ObjectMeta::default()
            }),
            spec: None,
        };
        let owner = OwnerReference { name: "db".into(), ..OwnerReference::default() };
        let mut plan = Plan::none();
        let made = ensure(&owner, "default", Labels::new(), &template, None, &[], &mut plan);
        assert_eq!((template_of(&made), plan.steps.len()), (Some(template.clone()), 1));
        let mut plan = Plan::none();
        let same = ensure(
            &owner,
            "default",
            Labels::new(),
            &template,
            None,
            std::slice::from_ref(&made),
            &mut plan,
        );
        assert_eq!((name(&same), plan.steps.len()), (name(&made), 0));
    }
}
