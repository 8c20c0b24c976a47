//! A pod comes to the node, changes, or goes; the kubelet's own start and stop.
//!
//! Models kubernetes `pkg/kubelet/kubelet.go` (HandlePodAdditions, HandlePodUpdates,
//! HandlePodRemoves) and `lifecycle/predicate.go`. Left out: topology manager, AppArmor, OS.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::node::Env;
use super::phase::{self, is_terminal};
use super::worker::{Doing, Stage, Worker};
use super::{Around, Kubelet, Output, cri};
use crate::base::message::Message;
use crate::base::quantity::Quantity;
use crate::base::time::SimDuration;
use crate::engine::cx::Cx;
use crate::kube::api::object::{Key, Object};
use crate::kube::kinds::Kind;

/// Why a pod may not run here: reason and message.
type Refusal = (&'static str, String);

impl Worker {
    /// A newer object of the pod.
    pub fn changed(&mut self, pod: &core::Pod, env: &mut Env<'_, '_>) {
        let was_deleted = self.deleted();
        let old_spec = self.spec.clone();
        let old_grace = self.pod.metadata.deletion_grace_period_seconds;
        self.update(pod);
        if self.stage == Stage::Finished {
            self.delete_if_asked(env);
            return;
        }
        if self.deleted() {
            let shorter = old_grace != self.pod.metadata.deletion_grace_period_seconds;
            if !was_deleted || shorter {
                self.begin_termination(env);
            }
            return;
        }
        if old_spec != self.spec {
            if self.resize(&old_spec, env) {
                return;
            }
            if old_spec.active_deadline_seconds != self.spec.active_deadline_seconds {
                self.arm_deadline(env);
            }
            self.request_sync(false, env);
        } else if self.waits_for_gates() {
            // Other conditions than ours decide on readiness.
            self.refresh_status(env);
        }
    }

    fn waits_for_gates(&self) -> bool {
        self.spec.readiness_gates.iter().flatten().next().is_some()
    }

    /// The object is gone from the API.
    pub fn gone(&mut self, env: &mut Env<'_, '_>) {
        self.orphan = true;
        if self.stage < Stage::Terminating {
            self.begin_termination(env);
        }
    }

    /// Take away what is left of a pod that is over and gone.
    pub fn clean_up(&mut self, env: &mut Env<'_, '_>) {
        let runs = self.runtime.runs.values().flatten();
        for id in runs.map(|r| r.id.clone()).collect::<Vec<_>>() {
            cri::remove(&id, env);
        }
        for users in env.node.users.values_mut() {
            users.remove(&self.uid);
        }
        env.node.users.retain(|_, users| !users.is_empty());
    }

    /// The kubelet started anew and finds this pod.
    fn restart(&mut self, env: &mut Env<'_, '_>) {
        self.doing = Doing::Idle;
        self.again = false;
        self.timer = self.timer.wrapping_add(1);
        self.reasons.clear();
        self.kills.clear();
        self.probes.clear();
        self.probed = false;
        self.status = None;
        self.writing = Default::default();
        self.synced = crate::base::time::SimTime::ZERO;
        self.pleg = Default::default();
        self.mounts.settling = false;
        self.mounts.refreshing = false;
        self.mounts.failing.clear();
        self.mounts.timer += 1;
        if self.stage == Stage::Finished {
            return;
        }
        self.stage = Stage::Syncing;
        if self.deleted() {
            self.begin_termination(env);
        } else {
            self.arm_deadline(env);
            env.relist(&self.uid.clone());
            self.request_sync(true, env);
            self.spread_probes(env);
        }
    }
}

impl Kubelet {
    /// A new pod: check whether it may run here, then sync it.
    pub(super) fn admit(
        &mut self,
        uid: &Arc<str>,
        key: &Key,
        pod: &core::Pod,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let mut worker = Worker::new(uid.clone(), key.clone(), pod);
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        if is_terminal(phase) {
            worker.stage = Stage::Finished;
            self.workers.edit().insert(uid.clone(), Arc::new(worker));
            self.with(uid, around, cx, |w, env| w.delete_if_asked(env));
            return;
        }
        for used in worker.config_keys() {
            self.node.users.entry(used).or_default().insert(uid.clone());
        }
        let refusal = if worker.deleted() { None } else { self.refusal(&worker, around) };
        self.workers.edit().insert(uid.clone(), Arc::new(worker));
        self.with(uid, around, cx, |w, env| match refusal {
            Some((reason, message)) => w.reject(reason, &message, env),
            None if w.deleted() => w.begin_termination(env),
            None => {
                env.record(w, Message::new("why-kubelet-admitted"));
                w.request_sync(true, env);
                w.arm_deadline(env);
                w.watch_disk(env);
            }
        });
    }

    /// Why the pod may not run on this node.
    fn refusal(&self, worker: &Worker, around: &Around<'_>) -> Option<Refusal> {
        let node = around.store.get(Kind::Node, &Key::new("", &self.node.name))?;
        let Object::Node(node) = &*node.object else { return None };
        if !selector_matches(&worker.spec, node) {
            let text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node \
                        affinity/selector";
            return Some(("NodeAffinity", text.to_owned()));
        }
        let capacity = node.status.as_ref().and_then(|s| s.allocatable.as_ref())?;
        let mut used: BTreeMap<&str, i128> = BTreeMap::new();
        let mut pods: i128 = 0;
        for other in self.workers.values().filter(|w| w.stage < Stage::Terminated) {
            pods += 1;
            for (name, amount) in requests(&other.spec) {
                let name = if name == "cpu" { "cpu" } else { "memory" };
                *used.entry(name).or_default() += amount;
            }
        }
        let most = capacity.get("pods").and_then(|q| Quantity::parse(&q.0)).unwrap_or_default();
        if (pods + 1) * 1000 > most.0 && most.0 > 0 {
            let most = most.0 / 1000;
            let text = format!(
                "Node didn't have enough resource: pods, requested: 1, used: {pods}, capacity: \
                 {most}"
            );
            return Some(("OutOfpods", text));
        }
        for (name, amount) in requests(&worker.spec) {
            let Some(all) = capacity.get(name).and_then(|q| Quantity::parse(&q.0)) else {
                continue;
            };
            let used = used.get(name).copied().unwrap_or(0);
            if used + amount > all.0 {
                let unit = |n: i128| if name == "cpu" { n } else { n / 1000 };
                let (asked, used, all) = (unit(amount), unit(used), unit(all.0));
                let reason = if name == "cpu" { "OutOfcpu" } else { "OutOfmemory" };
                let text = format!(
                    "Node didn't have enough resource: {name}, requested: {asked}, used: {used}, \
                     capacity: {all}"
                );
                return Some((reason, text));
            }
        }
        None
    }

    /// The process starts: it finds what runs and what the API wants.
    pub(super) fn start(&mut self, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        if self.node.running {
            return;
        }
        self.node.running = true;
        self.node.life += 1;
        self.node.since = cx.now;
        let name = self.node.name.clone();
        let stream = cx.stream("kubelet-phase", &name);
        self.node.relist_phase = SimDuration(stream.between(0, 999_999));
        self.node.tick_phase = SimDuration(stream.between(0, 999_999));
        self.node.check_phase = SimDuration(stream.between(0, 9_999_999));
        self.node.relist.clear();
        self.node.relist_armed = false;
        self.node.eviction_armed = false;
        self.node.out_of_contact = false;
        self.node.backoff = Default::default();
        self.node.pull_backoff = Default::default();
        self.node.pull_errors.clear();
        if let Some(range) = self.node.pod_range {
            around.fabric.add_pod_range(&self.node.host.0, range);
        }
        self.register(around, cx);
        for uid in self.workers.keys().cloned().collect::<Vec<_>>() {
            let gone = self.workers.get(&uid).is_some_and(|w| {
                let stored = around.store.get(Kind::Pod, &w.key);
                stored.is_none_or(|e| e.object.meta().uid.as_deref() != Some(&*w.uid))
            });
            if gone {
                self.with(&uid, around, cx, |w, _| w.orphan = true);
            }
        }
        let wanted: Vec<Key> = around.store.pods_on(&name).cloned().collect();
        for uid in self.workers.keys().cloned().collect::<Vec<_>>() {
            let key =
                self.workers.get(&uid).map(|w| w.key.clone()).unwrap_or_else(|| Key::new("", ""));
            let newest = around.store.get(Kind::Pod, &key).map(|e| e.object.clone());
            self.with(&uid, around, cx, |w, env| {
                if let (Some(Object::Pod(pod)), false) = (newest.as_deref(), w.orphan) {
                    w.update(pod);
                }
                w.restart(env);
            });
            self.sweep(&uid, around, cx);
        }
        for key in wanted {
            if let Some(entry) = around.store.get(Kind::Pod, &key) {
                let object = entry.object.clone();
                let known =
                    object.meta().uid.as_deref().is_some_and(|u| self.workers.contains_key(u));
                if !known {
                    self.pod(&key, Some(&object), around, cx);
                }
            }
        }
    }

    /// The process dies. Containers go on; what was under way in the process is lost.
    pub(super) fn stop(&mut self) {
        self.node.running = false;
        self.node.life += 1;
        self.node.pulls.clear();
        self.node.execs.clear();
        self.node.exec_output.clear();
        self.node.requests.clear();
        self.streams = Default::default();
    }

    /// A ConfigMap or Secret changed.
    pub(super) fn config(
        &mut self,
        kind: Kind,
        key: &Key,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let users = self.node.users.get(&(kind, key.clone())).cloned().unwrap_or_default();
        for uid in users {
            self.with(&uid, around, cx, |w, env| w.config_changed(env));
        }
    }
}

impl Worker {
    /// The node refuses the pod: it fails at once, without conditions or containers.
    fn reject(&mut self, reason: &'static str, message: &str, env: &mut Env<'_, '_>) {
        env.say(self, None, true, reason, message);
        let what = Message::new("why-kubelet-rejected").with("message", message);
        env.record(self, what);
        self.stage = Stage::Finished;
        let status = core::PodStatus {
            phase: Some(phase::FAILED.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(format!("Pod was rejected: {message}")),
            observed_generation: self.pod.metadata.generation,
            start_time: Some(crate::kube::clock::meta_time(env.now())),
            ..Default::default()
        };
        self.set_status(status, env);
    }
}

/// CPU in thousandths and memory in thousandths of bytes that a pod requests.
fn requests(spec: &core::PodSpec) -> [(&'static str, i128); 2] {
    let of = |container: &core::Container, name: &str| {
        let list = container.resources.as_ref().and_then(|r| r.requests.as_ref());
        let amount = list.and_then(|l| l.get(name)).and_then(|q| Quantity::parse(&q.0));
        amount.unwrap_or_default().0
    };
    ["cpu", "memory"].map(|name| {
        let apps: i128 = spec.containers.iter().map(|c| of(c, name)).sum();
        let mut sidecars = 0;
        let mut most = 0;
        for init in spec.init_containers.iter().flatten() {
            let own = of(init, name);
            if super::restart::is_sidecar(init) {
                sidecars += own;
                most = most.max(sidecars);
            } else {
                most = most.max(own + sidecars);
            }
        }
        let overhead = spec.overhead.as_ref().and_then(|o| o.get(name));
        let overhead = overhead.and_then(|q| Quantity::parse(&q.0)).unwrap_or_default().0;
        (name, most.max(apps + sidecars) + overhead)
    })
}

/// Whether the node has the labels that the pod's node selector asks for.
fn selector_matches(spec: &core::PodSpec, node: &core::Node) -> bool {
    let labels = node.metadata.labels.as_ref();
    let mut wanted = spec.node_selector.iter().flatten();
    wanted.all(|(key, value)| labels.and_then(|l| l.get(key)) == Some(value))
}
