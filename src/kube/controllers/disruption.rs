//! The disruption controller: how many pods of a PodDisruptionBudget may go.
//!
//! Models kubernetes `pkg/controller/disruption/disruption.go` @v1.36 (handbook
//! kubernetes-controllers §8).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, ReplicationController};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::base::time::SimDuration;
use crate::kube::api::object::Key;
use crate::kube::api::store::Change;
use crate::kube::clock::{meta_time, sim_time};
use crate::kube::controllers::calls::{normal, regarding_type, update_status};
use crate::kube::controllers::deployment::rolling::Share;
use crate::kube::controllers::pods::is_ready;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::{Item, controller_of};
use crate::kube::kinds::Kind;
use crate::kube::labels::{Labels, is_empty, selects};

/// How long an eviction may take before it is not counted any more (`DeletionTimeout`).
const DELETION_TIMEOUT: SimDuration = SimDuration::from_secs(120);

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct Disruptions;

impl Controller for Disruptions {
    fn name(&self) -> &'static str {
        "controllermanager"
    }

    fn workers(&self) -> u32 {
        1
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::PodDisruptionBudget => vec![now((change.kind, change.key.clone()))],
            Kind::Pod => {
                let labels: Vec<Labels> = [&change.old, &change.new]
                    .into_iter()
                    .flatten()
                    .map(|o| o.meta().labels.clone().unwrap_or_default())
                    .collect();
                let budgets = sync.view.list_in::<PodDisruptionBudget>(&change.key.namespace);
                budgets
                    .filter(|(_, b)| labels.iter().any(|l| covers(b, l)))
                    .map(|(key, _)| now((Kind::PodDisruptionBudget, key.clone())))
                    .collect()
            }
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(budget) = sync.view.get::<PodDisruptionBudget>(&item.1) else { return plan };
        let empty = Labels::new();
        let pods: Vec<(&Key, &Pod)> = sync
            .view
            .list_in::<Pod>(&item.1.namespace)
            .filter(|(_, pod)| covers(budget, pod.metadata.labels.as_ref().unwrap_or(&empty)))
            .collect();
        if pods.is_empty() {
            let about = regarding_type(budget);
            plan.says.push(normal(&about, "NoPods", "No matching pods found"));
        }
        let (expected, desired) = expected(budget, &pods, sync);
        let disrupted = still_disrupted(budget, sync, &mut plan);
        let healthy = pods
            .iter()
            .filter(|(key, pod)| {
                pod.metadata.deletion_timestamp.is_none()
                    && !disrupted.contains_key(&*key.name)
                    && is_ready(pod)
            })
            .count();
        let healthy = i32::try_from(healthy).unwrap_or(i32::MAX);
        let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
        let status = PodDisruptionBudgetStatus {
            current_healthy: Some(healthy),
            desired_healthy: Some(desired),
            expected_pods: Some(expected),
            disruptions_allowed: Some(allowed),
            disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
            observed_generation: budget.metadata.generation,
            conditions: conditions(budget, allowed, sync),
        };
        if budget.status.as_ref() != Some(&status) {
            let mut updated = budget.clone();
            updated.status = Some(status);
            plan.call(Call::new(update_status(updated)));
        }
        plan
    }
}

fn covers(budget: &PodDisruptionBudget, labels: &Labels) -> bool {
    let selector: Option<&LabelSelector> = budget.spec.as_ref().and_then(|s| s.selector.as_ref());
    // In policy/v1 an empty selector means all pods of the namespace.
    selector.is_some_and(|s| is_empty(s) || selects(s, labels))
}

/// Pods that there should be, and that should be healthy.
fn expected(budget: &PodDisruptionBudget, pods: &[(&Key, &Pod)], sync: &Sync<'_>) -> (i32, i32) {
    let spec = budget.spec.clone().unwrap_or_default();
    let share = |value: &IntOrString| match value {
        IntOrString::Int(n) => Share::Count(*n),
        IntOrString::String(text) => Share::parse_percent(text).unwrap_or(Share::Count(0)),
    };
    let count = i32::try_from(pods.len()).unwrap_or(i32::MAX);
    if let Some(most) = &spec.max_unavailable {
        let total = scale(pods, sync);
        return (total, (total - share(most).up(total)).max(0));
    }
    match &spec.min_available {
        Some(IntOrString::Int(n)) => (count, *n),
        Some(percent) => {
            let total = scale(pods, sync);
            (total, share(percent).up(total))
        }
        None => (count, 0),
    }
}

/// Sum of the sizes of the pods' controllers.
fn scale(pods: &[(&Key, &Pod)], sync: &Sync<'_>) -> i32 {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut total = 0;
    for (key, pod) in pods {
        let Some(owner) = controller_of(&pod.metadata) else { continue };
        let owner_key = Key::new(&key.namespace, &owner.name);
        let (uid, size) = match owner.kind.as_str() {
            "ReplicaSet" => {
                let Some(set) = sync.view.get::<ReplicaSet>(&owner_key) else { continue };
                match controller_of(&set.metadata).filter(|o| o.kind == "Deployment") {
                    Some(above) => {
                        let above_key = Key::new(&key.namespace, &above.name);
                        let deployment = sync.view.get::<Deployment>(&above_key);
                        let size = deployment.and_then(|d| d.spec.replicas);
                        (above.uid.clone(), size)
                    }
                    None => (owner.uid.clone(), set.spec.replicas),
                }
            }
            "StatefulSet" => {
                let set = sync.view.get::<StatefulSet>(&owner_key);
                (owner.uid.clone(), set.and_then(|s| s.spec.replicas))
            }
            "ReplicationController" => {
                let found = sync.view.get::<ReplicationController>(&owner_key);
                let size = found.and_then(|c| c.spec.as_ref()).and_then(|s| s.replicas);
                (owner.uid.clone(), size)
            }
            _ => continue,
        };
        if seen.insert(uid) {
            total += size.unwrap_or(1);
        }
    }
    total
}

/// Evictions allowed earlier whose pods are not being deleted yet.
fn still_disrupted(
    budget: &PodDisruptionBudget,
    sync: &Sync<'_>,
    plan: &mut Plan,
) -> BTreeMap<String, Time> {
    let namespace = budget.metadata.namespace.as_deref().unwrap_or("");
    let known = budget.status.as_ref().and_then(|s| s.disrupted_pods.clone()).unwrap_or_default();
    let mut left = BTreeMap::new();
    for (name, since) in known {
        let Some(pod) = sync.view.get::<Pod>(&Key::new(namespace, &name)) else { continue };
        let end = sim_time(&since) + DELETION_TIMEOUT;
        if pod.metadata.deletion_timestamp.is_some() || end < sync.now {
            continue;
        }
        let wait = end.since(sync.now) + SimDuration::from_secs(1);
        plan.again = Some(plan.again.map_or(wait, |a| SimDuration(a.0.min(wait.0))));
        left.insert(name, since);
    }
    left
}

fn conditions(
    budget: &PodDisruptionBudget,
    allowed: i32,
    sync: &Sync<'_>,
) -> Option<Vec<Condition>> {
    let (status, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let known = budget.status.as_ref().and_then(|s| s.conditions.as_ref());
    let known = known.into_iter().flatten().find(|c| c.type_ == "DisruptionAllowed");
    let since = known
        .filter(|c| c.status == status)
        .map_or_else(|| meta_time(sync.now), |c| c.last_transition_time.clone());
    Some(vec![Condition {
        type_: "DisruptionAllowed".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: String::new(),
        last_transition_time: since,
        observed_generation: budget.metadata.generation,
    }])
}
