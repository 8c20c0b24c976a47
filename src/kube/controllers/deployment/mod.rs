//! The Deployment controller: replace pods of one template by pods of another, step by step.
//!
//! Models kubernetes `pkg/controller/deployment/{deployment_controller,sync,rolling,recreate}.go`
//! @v1.36 (handbook kubernetes-controllers §1). A sync scales either the new ReplicaSet or the old
//! ones, never both. Left out: the annotation of the old rollback API.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use crate::base::message::Message;
use crate::engine::trace::Subject;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Response};
use crate::kube::api::store::Change;
use crate::kube::controllers::calls::{patch, regarding_type, update_status, warning};
use crate::kube::controllers::pods::{adopt, controller_ref, is_finished};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::{Item, controller_of};
use crate::kube::kinds::Kind;
use crate::kube::labels::{Labels, is_empty, selects};

pub mod history;
pub mod newset;
pub mod proportion;
pub mod rolling;
pub mod scale;
pub mod status;

use rolling::{Fence, Reason, Share, Size};

/// Mark of the creation of a ReplicaSet.
const CREATE_SET: u32 = 1;

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct Deployments;

/// A Deployment with its ReplicaSets, as one sync sees them.
pub struct Rollout<'a> {
    /// Its key.
    pub key: &'a Key,
    /// The Deployment.
    pub deployment: &'a Deployment,
    /// Its spec.
    pub spec: &'a DeploymentSpec,
    /// All its ReplicaSets, oldest first.
    pub sets: Vec<&'a ReplicaSet>,
    /// The one with the present template.
    pub new: Option<&'a ReplicaSet>,
    /// All others, oldest first.
    pub old: Vec<&'a ReplicaSet>,
}

impl Controller for Deployments {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn workers(&self) -> u32 {
        5
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::Deployment => vec![now((Kind::Deployment, change.key.clone()))],
            Kind::ReplicaSet => set_wakes(change, sync),
            Kind::Pod if change.new.is_none() => pod_gone_wakes(change, sync),
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(deployment) = sync.view.get::<Deployment>(&item.1) else {
            sync.memory.forget(item);
            return plan;
        };
        let spec = &deployment.spec;
        if is_empty(&spec.selector) {
            const TEXT: &str = "This deployment is selecting all pods. \
                                A non-empty selector is required.";
            plan.says.push(warning(&regarding_type(deployment), "SelectingAll", TEXT));
            return plan;
        }
        let rollout = gather(&item.1, deployment, spec, sync, &mut plan);
        if deployment.metadata.deletion_timestamp.is_some() {
            status::sync_plain(&rollout, sync, &mut plan);
            return plan;
        }
        if let Some(updated) = status::pause_conditions(&rollout, sync.now) {
            plan.call(Call::new(update_status(updated)));
            return plan;
        }
        if spec.paused == Some(true) || scale::is_scaling_event(&rollout) {
            sync_scale(&rollout, sync, &mut plan);
            return plan;
        }
        if is_recreate(spec) {
            recreate(item, &rollout, sync, &mut plan);
        } else {
            rolling_update(item, &rollout, sync, &mut plan);
        }
        plan
    }

    fn answered(
        &self,
        item: &Item,
        call: &Call,
        result: &Result<Response, ApiError>,
        sync: &mut Sync<'_>,
    ) {
        if call.tag != CREATE_SET {
            return;
        }
        if let Err(error) = result {
            sync.memory.errors.insert(item.clone(), error.clone());
        }
    }

    /// The second phase reports a ReplicaSet that could not be created.
    fn after(&self, item: &Item, failed: bool, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(error) = sync.memory.errors.remove(item).filter(|_| failed) else { return plan };
        let Some(deployment) = sync.view.get::<Deployment>(&item.1) else { return plan };
        plan.retry = true;
        let updated = if error.is_already_exists() {
            match newset::taken(deployment, sync) {
                newset::Taken::Unseen | newset::Taken::Own => return plan,
                newset::Taken::Other => newset::collided(deployment),
            }
        } else {
            newset::create_failed(deployment, &error, sync.now, &mut plan)
        };
        if let Some(updated) = updated {
            plan.call(Call::new(update_status(updated)));
        }
        plan
    }
}

/// Whether the strategy is Recreate.
#[must_use]
pub fn is_recreate(spec: &DeploymentSpec) -> bool {
    spec.strategy.as_ref().and_then(|s| s.type_.as_deref()) == Some("Recreate")
}

/// `spec.replicas` with its default.
#[must_use]
pub fn replicas(spec: &DeploymentSpec) -> i32 {
    spec.replicas.unwrap_or(1)
}

/// `spec.replicas` of a ReplicaSet.
#[must_use]
pub fn size(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(0)
}

/// `status.availableReplicas` of a ReplicaSet.
#[must_use]
pub fn available(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|s| s.available_replicas).unwrap_or(0)
}

/// Name of a ReplicaSet.
#[must_use]
pub fn name_of(set: &ReplicaSet) -> &str {
    set.metadata.name.as_deref().unwrap_or("")
}

/// How far the rollout may go. A Recreate strategy has neither surge nor unavailable pods.
#[must_use]
pub fn fence(spec: &DeploymentSpec) -> Fence {
    let share = |value: Option<&IntOrString>| match value {
        Some(IntOrString::Int(n)) => Share::Count(*n),
        Some(IntOrString::String(text)) => Share::parse_percent(text).unwrap_or(Share::Percent(25)),
        None => Share::Percent(25),
    };
    if is_recreate(spec) {
        return Fence { surge: 0, unavailable: 0 };
    }
    let rolling = spec.strategy.as_ref().and_then(|s| s.rolling_update.as_ref());
    Fence::resolve(
        share(rolling.and_then(|r| r.max_surge.as_ref())),
        share(rolling.and_then(|r| r.max_unavailable.as_ref())),
        replicas(spec),
    )
}

/// Claim the ReplicaSets and find the new one.
fn gather<'a>(
    key: &'a Key,
    deployment: &'a Deployment,
    spec: &'a DeploymentSpec,
    sync: &Sync<'a>,
    plan: &mut Plan,
) -> Rollout<'a> {
    let uid = deployment.metadata.uid.as_deref().unwrap_or("");
    let deleting = deployment.metadata.deletion_timestamp.is_some();
    let empty = Labels::new();
    let mut sets: Vec<&ReplicaSet> = Vec::new();
    for (set_key, set) in sync.view.owned::<ReplicaSet>(uid) {
        if selects(&spec.selector, set.metadata.labels.as_ref().unwrap_or(&empty)) {
            sets.push(set);
        } else if !deleting {
            plan.call(release(set_key, set, uid));
        }
    }
    if !deleting {
        let namespace = deployment.metadata.namespace.as_deref().unwrap_or("");
        for (set_key, set) in sync.view.orphans::<ReplicaSet>(namespace) {
            let labels = set.metadata.labels.as_ref().unwrap_or(&empty);
            if set.metadata.deletion_timestamp.is_none() && selects(&spec.selector, labels) {
                let owner = controller_ref::<Deployment>(&deployment.metadata);
                let why = "why-kube-replicaset-adopted";
                plan.call(adopt(Kind::ReplicaSet, set_key, &set.metadata, owner, why));
                sets.push(set);
            }
        }
    }
    sets.sort_by(|a, b| {
        let age = |s: &ReplicaSet| s.metadata.creation_timestamp.as_ref().map(|t| t.0);
        age(a).cmp(&age(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
    });
    let new = sets.iter().copied().find(|set| newset::same_template(set, &spec.template));
    let old = sets
        .iter()
        .copied()
        .filter(|set| new.is_none_or(|n| n.metadata.uid != set.metadata.uid))
        .collect();
    Rollout { key, deployment, spec, sets, new, old }
}

fn release(key: &Key, set: &ReplicaSet, uid: &str) -> Call {
    let mut owners = set.metadata.owner_references.clone().unwrap_or_default();
    owners.retain(|o| o.uid != uid);
    let body = json!({"metadata": {"ownerReferences": owners, "uid": set.metadata.uid}});
    Call::new(patch(Kind::ReplicaSet, key, body))
        .because(Message::new("why-kube-replicaset-released"))
        .forgiving(&["NotFound"])
}

/// Paused, or the number of replicas was changed: scale, clean up, report.
fn sync_scale(rollout: &Rollout<'_>, sync: &Sync<'_>, plan: &mut Plan) {
    if let Some(set) = rollout.new
        && newset::refresh(rollout, set, sync.now, plan)
    {
        return;
    }
    scale::scale(rollout, plan);
    if rollout.spec.paused == Some(true) {
        history::clean(rollout, plan);
    }
    status::sync_plain(rollout, sync, plan);
}

fn rolling_update(item: &Item, rollout: &Rollout<'_>, sync: &mut Sync<'_>, plan: &mut Plan) {
    let Some(new) = rollout.new else {
        newset::create(item, rollout, sync, plan);
        return;
    };
    if newset::refresh(rollout, new, sync.now, plan) {
        return;
    }
    let wanted = replicas(rollout.spec);
    let fence = fence(rollout.spec);
    let total: i32 = rollout.sets.iter().map(|s| size(s)).sum();
    let target = if size(new) > wanted {
        wanted
    } else {
        rolling::new_size(wanted, fence, total, size(new))
    };
    if size(new) != wanted && target != size(new) {
        scale::resize(rollout, new, target, scale::why_new(rollout, new, target), plan);
        status::sync_rollout(rollout, sync, plan);
        return;
    }
    let active: Vec<&ReplicaSet> =
        rollout.old.iter().copied().filter(|set| size(set) > 0).collect();
    let sizes: Vec<Size> =
        active.iter().map(|s| Size { spec: size(s), available: available(s) }).collect();
    let new_size = Size { spec: size(new), available: available(new) };
    let steps = rolling::shrink_old(wanted, fence, new_size, &sizes);
    for step in &steps {
        let Some(set) = active.get(step.at) else { continue };
        let id = match step.reason {
            Reason::Unhealthy => "why-kube-old-unhealthy",
            Reason::Replaced => "why-kube-old-replaced",
        };
        let why = Message::new(id)
            .with("deployment", rollout.key.name.clone())
            .with("from", step.from)
            .with("to", step.to);
        scale::resize_from(rollout, set, step.from, step.to, why, plan);
    }
    if steps.is_empty() {
        if !active.is_empty() {
            note_waiting(rollout, new_size, &sizes, fence, plan);
        } else if status::is_complete(rollout) {
            history::clean(rollout, plan);
        }
    }
    status::sync_rollout(rollout, sync, plan);
}

/// Why the old ReplicaSets do not shrink now.
fn note_waiting(rollout: &Rollout<'_>, new: Size, old: &[Size], fence: Fence, plan: &mut Plan) {
    let wanted = replicas(rollout.spec);
    let available: i32 = old.iter().map(|s| s.available).sum::<i32>() + new.available;
    let what = Message::new("why-kube-rollout-waits")
        .with("available", available)
        .with("least", fence.min_available(wanted))
        .with("unready", new.spec - new.available)
        .with("most", wanted + fence.surge);
    plan.notes.push((subject(rollout.key), what));
}

fn recreate(item: &Item, rollout: &Rollout<'_>, sync: &mut Sync<'_>, plan: &mut Plan) {
    let active: Vec<&ReplicaSet> =
        rollout.old.iter().copied().filter(|set| size(set) > 0).collect();
    if !active.is_empty() {
        for set in active {
            let why =
                Message::new("why-kube-recreate-down").with("deployment", rollout.key.name.clone());
            scale::resize(rollout, set, 0, why, plan);
        }
        status::sync_rollout(rollout, sync, plan);
        return;
    }
    if old_pods_running(rollout, sync) {
        let what = Message::new("why-kube-recreate-waits");
        plan.notes.push((subject(rollout.key), what));
        status::sync_rollout(rollout, sync, plan);
        return;
    }
    let Some(new) = rollout.new else {
        newset::create(item, rollout, sync, plan);
        return;
    };
    if newset::refresh(rollout, new, sync.now, plan) {
        return;
    }
    let wanted = replicas(rollout.spec);
    if size(new) != wanted {
        scale::resize(rollout, new, wanted, scale::why_new(rollout, new, wanted), plan);
    } else if status::is_complete(rollout) {
        history::clean(rollout, plan);
    }
    status::sync_rollout(rollout, sync, plan);
}

fn old_pods_running(rollout: &Rollout<'_>, sync: &Sync<'_>) -> bool {
    rollout.old.iter().any(|set| {
        let status = set.status.as_ref().map_or(0, |s| s.replicas);
        let uid = set.metadata.uid.as_deref().unwrap_or("");
        status > 0 || sync.view.owned::<Pod>(uid).any(|(_, pod)| !is_finished(pod))
    })
}

/// Subject of a Deployment in the trace.
#[must_use]
pub fn subject(key: &Key) -> Subject {
    Subject::object("Deployment", &key.namespace, &key.name)
}

fn owner_item(object: &Object, sync: &Sync<'_>) -> Option<Item> {
    let owner = controller_of(object.meta()).filter(|o| o.kind == "Deployment")?;
    let key = Key::new(object.meta().namespace.as_deref().unwrap_or(""), &owner.name);
    let deployment = sync.view.get::<Deployment>(&key)?;
    let same = deployment.metadata.uid.as_deref() == Some(owner.uid.as_str());
    same.then_some((Kind::Deployment, key))
}

fn set_wakes(change: &Change, sync: &Sync<'_>) -> Wakes {
    let before = change.old.as_deref().and_then(|o| owner_item(o, sync));
    let after = change.new.as_deref().and_then(|o| owner_item(o, sync));
    let mut wakes = Wakes::new();
    if before != after {
        wakes.extend(before.map(now));
    }
    if let Some(item) = after {
        wakes.push(now(item));
    } else if let Some(object) = change.new.as_deref()
        && controller_of(object.meta()).is_none()
    {
        let labels = object.meta().labels.clone().unwrap_or_default();
        let all = sync.view.list_in::<Deployment>(&change.key.namespace);
        let wanting =
            all.filter(|(_, d)| !is_empty(&d.spec.selector) && selects(&d.spec.selector, &labels));
        wakes.extend(wanting.map(|(key, _)| now((Kind::Deployment, key.clone()))));
    }
    wakes
}

/// The last pod of a Recreate Deployment is gone: it may go on.
fn pod_gone_wakes(change: &Change, sync: &Sync<'_>) -> Wakes {
    let item = change.old.as_deref().and_then(|pod| {
        let owner = controller_of(pod.meta()).filter(|o| o.kind == "ReplicaSet")?;
        let key = Key::new(&change.key.namespace, &owner.name);
        let set = sync.view.object(&(Kind::ReplicaSet, key))?;
        owner_item(set, sync)
    });
    let Some(item) = item else { return Wakes::new() };
    let waits = sync.view.get::<Deployment>(&item.1).is_some_and(|deployment| {
        let uid = deployment.metadata.uid.as_deref().unwrap_or("");
        is_recreate(&deployment.spec)
            && sync.view.owned::<ReplicaSet>(uid).all(|(_, set)| {
                let uid = set.metadata.uid.as_deref().unwrap_or("");
                sync.view.owned::<Pod>(uid).next().is_none()
            })
    });
    if waits { vec![now(item)] } else { Wakes::new() }
}
