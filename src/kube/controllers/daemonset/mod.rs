//! The DaemonSet controller: one pod on every node that suits.
//!
//! Models kubernetes `pkg/controller/daemon/{daemon_controller,update}.go` @v1.36 (handbook
//! kubernetes-controllers §4). Nodes are taken by name, where upstream's order is random.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus};
use k8s_openapi::api::core::v1::{Node, Pod};

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::engine::work::{Step, backoff};
use crate::kube::api::object::{Key, Object};
use crate::kube::api::request::{ApiError, Response};
use crate::kube::api::store::Change;
use crate::kube::controllers::calls::{normal, regarding_type, update_status, warning};
use crate::kube::controllers::pods::{
    self, Availability, adopt, availability, controller_ref, create_call, delete_call, is_ready,
    phase,
};
use crate::kube::controllers::replicaset::slow_start;
use crate::kube::controllers::revisions::{self, REVISION_LABEL};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::{Item, controller_of};
use crate::kube::kinds::Kind;
use crate::kube::labels::{Labels, is_empty, selects};

pub mod placement;
pub mod rolling;

use placement::{pod_for, suits};

/// Most creations or deletions in one sync (`BurstReplicas`).
const BURST: usize = 250;
/// First wait before a failed pod of a node is replaced.
const FAILED_BACKOFF: SimDuration = SimDuration::from_secs(1);
/// Longest wait.
const FAILED_BACKOFF_CAP: SimDuration = SimDuration::from_secs(900);

const CREATE: u32 = 1;
const DELETE: u32 = 2;

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct DaemonSets;

/// A pod of a set.
pub type Own<'a> = (&'a Key, &'a Pod);

/// A set as one sync sees it.
pub struct View<'a> {
    /// Its key.
    pub key: &'a Key,
    /// The set.
    pub set: &'a DaemonSet,
    /// Its pods by node.
    pub pods: BTreeMap<String, Vec<Own<'a>>>,
    /// All nodes.
    pub nodes: Vec<&'a Node>,
    /// Hash of the present template.
    pub hash: String,
}

impl Controller for DaemonSets {
    fn name(&self) -> &'static str {
        "daemonset-controller"
    }

    fn workers(&self) -> u32 {
        2
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::DaemonSet => {
                let item = (Kind::DaemonSet, change.key.clone());
                if change.new.is_none() {
                    sync.memory.forget(&item);
                }
                vec![now(item)]
            }
            Kind::Pod => pod_wakes(change, sync),
            Kind::Node if placement::node_matters(change) => {
                let all = sync.view.list::<DaemonSet>();
                all.map(|(key, _)| now((Kind::DaemonSet, key.clone()))).collect()
            }
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(set) = sync.view.get::<DaemonSet>(&item.1) else {
            sync.memory.forget(item);
            return plan;
        };
        if is_empty(&set.spec.selector) {
            const TEXT: &str = "This daemon set is selecting all pods. \
                                A non-empty selector is required.";
            plan.says.push(warning(&regarding_type(set), "SelectingAll", TEXT));
            return plan;
        }
        if set.metadata.deletion_timestamp.is_some() {
            return plan;
        }
        let view = gather(&item.1, set, sync, &mut plan);
        if sync.memory.satisfied(item, sync.now) {
            let acted = manage(item, &view, sync, &mut plan);
            if !acted {
                rolling_update(item, &view, sync, &mut plan);
            }
        }
        report(&view, sync, &mut plan);
        plan
    }

    fn answered(
        &self,
        item: &Item,
        call: &Call,
        result: &Result<Response, ApiError>,
        sync: &mut Sync<'_>,
    ) {
        if call.tag == CREATE {
            sync.memory.sent_add(item);
        }
        if result.is_ok() {
            return;
        }
        match call.tag {
            CREATE => sync.memory.saw_add(item),
            DELETE => {
                if let Some(uid) = &call.request.options.precondition_uid {
                    sync.memory.saw_delete(item, uid);
                }
            }
            _ => {}
        }
    }

    fn after(&self, item: &Item, failed: bool, sync: &mut Sync<'_>) -> Plan {
        if failed {
            sync.memory.drop_unsent(item);
        }
        Plan::none()
    }
}

fn pod_wakes(change: &Change, sync: &mut Sync<'_>) -> Wakes {
    let mut wakes = Wakes::new();
    let deleting = |o: &Object| o.meta().deletion_timestamp.is_some();
    for (object, is_old) in [(change.old.as_deref(), true), (change.new.as_deref(), false)] {
        let Some(object) = object else { continue };
        let Some(owner) = controller_of(object.meta()).filter(|o| o.kind == "DaemonSet") else {
            continue;
        };
        let key = Key::new(&change.key.namespace, &owner.name);
        if sync.view.get::<DaemonSet>(&key).is_none() {
            continue;
        }
        let item = (Kind::DaemonSet, key);
        if is_old {
            if change.new.as_deref().is_none_or(deleting) {
                sync.memory.saw_delete(&item, &pods::uid(object.meta()));
            }
        } else if change.old.is_none() {
            sync.memory.saw_add(&item);
        }
        wakes.push(now(item));
    }
    let orphan = change.new.as_ref().filter(|o| controller_of(o.meta()).is_none());
    if let Some(object) = orphan {
        let labels = object.meta().labels.clone().unwrap_or_default();
        let sets = sync.view.list_in::<DaemonSet>(&change.key.namespace);
        let wanting = sets.filter(|(_, set)| selects(&set.spec.selector, &labels));
        wakes.extend(wanting.map(|(key, _)| now((Kind::DaemonSet, key.clone()))));
    }
    wakes
}

/// Node on which a pod runs, or to which its affinity ties it.
fn target_node(pod: &Pod) -> String {
    let node = pods::node(pod);
    if !node.is_empty() {
        return node.to_owned();
    }
    let affinity = pod.spec.as_ref().and_then(|s| s.affinity.as_ref());
    let required = affinity
        .and_then(|a| a.node_affinity.as_ref())
        .and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    let fields = required.into_iter().flat_map(|r| &r.node_selector_terms);
    let mut names = fields
        .flat_map(|t| t.match_fields.iter().flatten())
        .filter(|f| f.key == "metadata.name")
        .flat_map(|f| f.values.iter().flatten());
    names.next().cloned().unwrap_or_default()
}

fn gather<'a>(key: &'a Key, set: &'a DaemonSet, sync: &Sync<'a>, plan: &mut Plan) -> View<'a> {
    let uid = set.metadata.uid.as_deref().unwrap_or("");
    let namespace = set.metadata.namespace.as_deref().unwrap_or("");
    let mut by_node: BTreeMap<String, Vec<Own<'a>>> = BTreeMap::new();
    for (pod_key, pod) in sync.view.owned::<Pod>(uid) {
        by_node.entry(target_node(pod)).or_default().push((pod_key, pod));
    }
    let empty = Labels::new();
    for (pod_key, pod) in sync.view.orphans::<Pod>(namespace) {
        let labels = pod.metadata.labels.as_ref().unwrap_or(&empty);
        if selects(&set.spec.selector, labels) && pods::is_active(pod) {
            let owner = controller_ref::<DaemonSet>(&set.metadata);
            plan.call(adopt(Kind::Pod, pod_key, &pod.metadata, owner, "why-kube-pod-adopted"));
            by_node.entry(target_node(pod)).or_default().push((pod_key, pod));
        }
    }
    let known = revisions::of_owner(uid, sync);
    let owner = controller_ref::<DaemonSet>(&set.metadata);
    let labels = set.spec.template.metadata.as_ref().and_then(|m| m.labels.clone());
    let collisions = set.status.as_ref().and_then(|s| s.collision_count);
    let current = revisions::ensure(
        &owner,
        namespace,
        labels.unwrap_or_default(),
        &set.spec.template,
        collisions,
        &known,
        plan,
    );
    let hash = current.metadata.labels.as_ref().and_then(|l| l.get(revisions::HASH_LABEL));
    let limit = set.spec.revision_history_limit.unwrap_or(10);
    let live: Vec<String> = by_node
        .values()
        .flatten()
        .map(|(_, pod)| {
            let set_name = set.metadata.name.as_deref().unwrap_or("");
            format!("{set_name}-{}", label(pod, REVISION_LABEL))
        })
        .collect();
    let mut live: Vec<&str> = live.iter().map(String::as_str).collect();
    live.push(revisions::name(&current));
    revisions::truncate(&known, &live, limit, plan);
    let nodes = sync.view.list::<Node>().map(|(_, node)| node).collect();
    View { key, set, pods: by_node, nodes, hash: hash.cloned().unwrap_or_default() }
}

/// A label of a pod.
#[must_use]
pub fn label<'a>(pod: &'a Pod, key: &str) -> &'a str {
    pod.metadata.labels.as_ref().and_then(|l| l.get(key)).map_or("", String::as_str)
}

/// Create what is missing on nodes, delete what should not be there. Returns whether it acted.
fn manage(item: &Item, view: &View<'_>, sync: &mut Sync<'_>, plan: &mut Plan) -> bool {
    let mut create: Vec<String> = Vec::new();
    let mut delete: Vec<Own<'_>> = Vec::new();
    for node in &view.nodes {
        let name = node.metadata.name.clone().unwrap_or_default();
        let fit = suits(view.set, node);
        let mut own = view.pods.get(&name).cloned().unwrap_or_default();
        if !fit.run && !fit.stay {
            delete.extend(own.into_iter().filter(|(_, p)| p.metadata.deletion_timestamp.is_none()));
            continue;
        }
        let mut running: Vec<Own<'_>> = Vec::new();
        own.sort_by_key(|(_, pod)| pod.metadata.creation_timestamp.as_ref().map(|t| t.0));
        for (key, pod) in own.iter().copied() {
            if pod.metadata.deletion_timestamp.is_some() {
                running.push((key, pod));
                continue;
            }
            match phase(pod) {
                "Failed" => replace_failed(item, view, &name, (key, pod), sync, plan, &mut delete),
                "Succeeded" => {
                    let text = format!(
                        "Found succeeded daemon pod {key} on node {name}, will try to delete it"
                    );
                    let about = regarding_type(view.set);
                    plan.says.push(normal(&about, "SucceededDaemonPod", text));
                    delete.push((key, pod));
                }
                _ => running.push((key, pod)),
            }
        }
        if running.is_empty() && own.is_empty() && fit.run {
            create.push(name);
        } else {
            delete.extend(rolling::surplus(view, &running, sync));
        }
    }
    // Pods tied to nodes that are gone are left to the pod garbage collector.
    apply(item, view, &create, &delete, sync, plan)
}

fn replace_failed<'a>(
    item: &Item,
    view: &View<'_>,
    node: &str,
    own: Own<'a>,
    sync: &mut Sync<'_>,
    plan: &mut Plan,
    delete: &mut Vec<Own<'a>>,
) {
    const TRIES: &str = "failed-tries";
    const NEXT: &str = "failed-next";
    let on_node = (item.0, Key::new(&format!("{}/{}", item.1, node), ""));
    let next = sync.memory.moments.get(&(on_node.clone(), NEXT)).copied().unwrap_or_default();
    if next > sync.now {
        let wait = next.since(sync.now);
        plan.again = Some(plan.again.map_or(wait, |a| SimDuration(a.0.min(wait.0))));
        return;
    }
    let tries = sync.memory.written.entry((on_node.clone(), Key::new(TRIES, ""))).or_insert(0);
    let wait = backoff(FAILED_BACKOFF, FAILED_BACKOFF_CAP, u32::try_from(*tries).unwrap_or(30));
    *tries += 1;
    sync.memory.moments.insert((on_node, NEXT), sync.now + wait);
    let (key, _) = own;
    let text = format!("Found failed daemon pod {key} on node {node}, will try to kill it");
    plan.says.push(warning(&regarding_type(view.set), "FailedDaemonPod", text));
    delete.push(own);
}

/// Plan creations and deletions. Returns whether there are any.
fn apply(
    item: &Item,
    view: &View<'_>,
    create: &[String],
    delete: &[Own<'_>],
    sync: &mut Sync<'_>,
    plan: &mut Plan,
) -> bool {
    if create.is_empty() && delete.is_empty() {
        return false;
    }
    let about = regarding_type(view.set);
    let set_name = view.key.name.clone();
    let count = create.len().min(BURST);
    let uids = delete.iter().take(BURST).map(|(_, pod)| pods::uid(&pod.metadata));
    sync.memory.expect_deletes(item, uids, sync.now);
    if let Some(expected) = sync.memory.expectations.get_mut(item) {
        expected.adds = i32::try_from(count).unwrap_or(i32::MAX);
        expected.unsent = expected.adds;
    }
    let mut names = create.iter().take(BURST);
    let first = Call::new(crate::kube::controllers::calls::delete(Kind::Pod, view.key, None));
    for step in slow_start(count, &first) {
        let Step::Together(batch) = step else { continue };
        let calls = names
            .by_ref()
            .take(batch.len())
            .map(|node| {
                let why = Message::new("why-kube-daemon-created")
                    .with("set", set_name.clone())
                    .with("node", node.as_str());
                create_call(pod_for(view.set, node, &view.hash), &about, why).tagged(CREATE)
            })
            .collect();
        plan.steps.push(Step::Together(calls));
    }
    let calls = delete
        .iter()
        .take(BURST)
        .map(|(key, pod)| {
            let why = Message::new("why-kube-daemon-deleted").with("set", set_name.clone());
            delete_call(key, pod, &about, why).tagged(DELETE)
        })
        .collect();
    plan.steps.push(Step::Together(calls));
    true
}

fn rolling_update(item: &Item, view: &View<'_>, sync: &mut Sync<'_>, plan: &mut Plan) {
    let strategy = view.set.spec.update_strategy.as_ref();
    if strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete") {
        return;
    }
    let (create, delete) = rolling::choose(view, sync);
    apply(item, view, &create, &delete, sync, plan);
}

fn report(view: &View<'_>, sync: &Sync<'_>, plan: &mut Plan) {
    let min_ready = view.set.spec.min_ready_seconds.unwrap_or(0);
    let before = view.set.status.clone().unwrap_or_default();
    let mut status = DaemonSetStatus {
        collision_count: before.collision_count,
        conditions: before.conditions,
        observed_generation: view.set.metadata.generation,
        ..DaemonSetStatus::default()
    };
    let (mut updated, mut available) = (0, 0);
    for node in &view.nodes {
        let name = node.metadata.name.clone().unwrap_or_default();
        let mut own = view.pods.get(&name).cloned().unwrap_or_default();
        own.sort_by_key(|(_, pod)| pod.metadata.creation_timestamp.as_ref().map(|t| t.0));
        if !suits(view.set, node).run {
            status.number_misscheduled += i32::from(!own.is_empty());
            continue;
        }
        status.desired_number_scheduled += 1;
        status.current_number_scheduled += i32::from(!own.is_empty());
        // The oldest pod stands for the node, and any ready pod makes it ready.
        let ready = own.iter().any(|(_, pod)| is_ready(pod));
        status.number_ready += i32::from(ready);
        let mut waits: Option<SimDuration> = None;
        let mut is_available = false;
        for (_, pod) in &own {
            match availability(pod, min_ready, sync.now) {
                Availability::Now => is_available = true,
                Availability::In(wait) => waits = Some(wait),
                Availability::Never => {}
            }
        }
        available += i32::from(is_available);
        if let Some(wait) = waits {
            plan.again = Some(plan.again.map_or(wait, |a| SimDuration(a.0.min(wait.0))));
        }
        let newest = own.iter().any(|(_, pod)| label(pod, REVISION_LABEL) == view.hash);
        updated += i32::from(newest);
    }
    let some = |n: i32| (n != 0).then_some(n);
    status.updated_number_scheduled = some(updated);
    status.number_available = some(available);
    status.number_unavailable = some(status.desired_number_scheduled - available);
    if view.set.status.as_ref() != Some(&status) {
        let mut updated = view.set.clone();
        updated.status = Some(status);
        plan.call(Call::new(update_status(updated)));
    }
}
