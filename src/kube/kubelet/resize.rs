//! Resources of a running pod: what is allocated, what holds, and in-place resize.
//!
//! Models kubernetes `pkg/kubelet/allocation` and the resource fields of
//! `pkg/kubelet/kubelet_pods.go`. Left out: deferred resizes that wait for room.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::node::Env;
use super::record::PodRuntime;
use super::worker::Worker;
use crate::base::message::Message;
use crate::base::quantity::Quantity;
use crate::machine::ContainerId;

/// The condition of a resize that is being carried out.
pub const IN_PROGRESS: &str = "PodResizeInProgress";

type Amounts = BTreeMap<String, ApiQuantity>;

/// Whether a condition type is about a resize.
#[must_use]
pub fn is_resize(kind: &str) -> bool {
    matches!(kind, "PodResizePending" | "PodResizeInProgress")
}

/// Fill in what is allocated and what holds.
pub fn fill_resources(status: &mut core::PodStatus, pod: &core::Pod, runtime: &PodRuntime) {
    let Some(spec) = &pod.spec else { return };
    let inits = spec.init_containers.iter().flatten();
    let mut any = false;
    for container in inits.chain(&spec.containers) {
        let lists = [&mut status.init_container_statuses, &mut status.container_statuses];
        let mut all = lists.into_iter().flatten().flatten();
        let Some(one) = all.find(|s| s.name == container.name) else { continue };
        let requests = container.resources.as_ref().and_then(|r| r.requests.clone());
        one.allocated_resources = requests;
        one.resources =
            runtime.newest(&container.name).map(|run| run.resources.clone().unwrap_or_default());
        any |= one.resources.is_some();
    }
    let requests = total(&spec.containers, |r| r.requests.as_ref(), false);
    let limits = total(&spec.containers, |r| r.limits.as_ref(), true);
    status.allocated_resources = (!requests.is_empty()).then(|| requests.clone());
    let some = |list: Amounts| (!list.is_empty()).then_some(list);
    let whole = core::ResourceRequirements {
        requests: some(requests),
        limits: some(limits),
        ..Default::default()
    };
    if any && whole != core::ResourceRequirements::default() {
        status.resources = Some(whole);
    }
}

/// Sum over containers; of limits only where every container has one.
fn total(
    containers: &[core::Container],
    side: fn(&core::ResourceRequirements) -> Option<&Amounts>,
    all_needed: bool,
) -> Amounts {
    let lists: Vec<&Amounts> =
        containers.iter().filter_map(|c| side(c.resources.as_ref()?)).collect();
    let mut sums: BTreeMap<&String, (i128, usize, &ApiQuantity)> = BTreeMap::new();
    for (name, amount) in lists.iter().flat_map(|l| l.iter()) {
        let value = Quantity::parse(&amount.0).unwrap_or_default().0;
        let sum = sums.entry(name).or_insert((0, 0, amount));
        sum.0 += value;
        sum.1 += 1;
    }
    sums.into_iter()
        .filter(|(_, (_, count, _))| !all_needed || *count == containers.len())
        .map(|(name, (sum, count, one))| {
            let text = if count == 1 { one.0.clone() } else { format_amount(name, sum) };
            (name.clone(), ApiQuantity(text))
        })
        .collect()
}

/// A sum as the API prints it: cpu in cores or milli-cores, bytes with a binary suffix.
#[must_use]
pub fn format_amount(name: &str, milli: i128) -> String {
    if name == "cpu" {
        return Quantity(milli).to_string();
    }
    let bytes = milli / 1000;
    for (suffix, power) in [("Gi", 30), ("Mi", 20), ("Ki", 10)] {
        let unit = 1_i128 << power;
        if bytes >= unit && bytes % unit == 0 {
            return format!("{}{suffix}", bytes / unit);
        }
    }
    bytes.to_string()
}

impl Worker {
    /// The spec changed: if the resources of running containers did, begin a resize.
    pub(super) fn resize(&mut self, old: &core::PodSpec, env: &mut Env<'_, '_>) -> bool {
        let same = |a: &core::Container, b: &core::Container| a.resources == b.resources;
        let unchanged = self.spec.containers.iter().zip(&old.containers).all(|(a, b)| same(a, b));
        if unchanged || env.node.hollow() {
            return false;
        }
        self.resizing = true;
        let text = format!("Pod resize started: {}", self.resize_json());
        env.say(self, None, false, "ResizeStarted", text);
        env.record(self, Message::new("why-kubelet-resize"));
        self.request_sync(false, env);
        true
    }

    /// Bring the limits of running containers up to date, where no restart is asked for.
    pub(super) fn apply_resize(&mut self, env: &mut Env<'_, '_>) -> bool {
        if !self.resizing {
            return false;
        }
        let mut applied = false;
        for container in self.spec.clone().containers.iter() {
            let Some(run) = self.runtime.newest_mut(&container.name) else { continue };
            if run.running().is_none() || run.resources == container.resources {
                continue;
            }
            if wants_restart(container, run.resources.as_ref()) {
                self.resized.insert(container.name.as_str().into());
                continue;
            }
            let (memory, cpu) = super::cri::limits(container);
            let id = ContainerId::new(run.id.clone());
            run.resources = container.resources.clone();
            let (machines, host) = (&mut *env.machines, &env.node.host);
            let set = env.cx.within(|cx| machines.set_limits(host, &id, memory, cpu, cx));
            applied |= set.is_ok();
        }
        if applied {
            self.pleg.reinspect = true;
            env.relist(&self.uid.clone());
        }
        applied
    }

    /// Everything runs with the resources of its spec: the resize is over.
    pub(super) fn check_resized(&mut self, env: &mut Env<'_, '_>) {
        let done = self
            .spec
            .containers
            .iter()
            .all(|c| self.runtime.newest(&c.name).is_none_or(|r| r.resources == c.resources));
        if self.resizing && done && self.resized.is_empty() {
            self.resizing = false;
            let text = format!("Pod resize completed: {}", self.resize_json());
            env.say(self, None, false, "ResizeCompleted", text);
        }
    }

    fn resize_json(&self) -> String {
        let containers: Vec<serde_json::Value> = self
            .spec
            .containers
            .iter()
            .map(|c| serde_json::json!({ "name": c.name, "resources": c.resources }))
            .collect();
        let generation = self.pod.metadata.generation;
        serde_json::json!({ "containers": containers, "generation": generation }).to_string()
    }
}

/// Whether the change of a container's resources asks for a restart.
fn wants_restart(container: &core::Container, old: Option<&core::ResourceRequirements>) -> bool {
    let amount = |r: Option<&core::ResourceRequirements>, name: &str| {
        let list = |l: Option<&Amounts>| l.and_then(|l| l.get(name)).cloned();
        (list(r.and_then(|r| r.limits.as_ref())), list(r.and_then(|r| r.requests.as_ref())))
    };
    container.resize_policy.iter().flatten().any(|policy| {
        let name = &policy.resource_name;
        policy.restart_policy == "RestartContainer"
            && amount(old, name) != amount(container.resources.as_ref(), name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(cpu: &str, limit: Option<&str>) -> core::Container {
        let list = |t: &str| Some([("cpu".to_owned(), ApiQuantity(t.to_owned()))].into());
        core::Container {
            resources: Some(core::ResourceRequirements {
                requests: list(cpu),
                limits: limit.and_then(list),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn sums() {
        let two = [container("100m", Some("1")), container("900m", None)];
        let cpu = |l: Amounts| l.get("cpu").map(|q| q.0.clone());
        assert_eq!(cpu(total(&two, |r| r.requests.as_ref(), false)).as_deref(), Some("1"));
        assert_eq!(cpu(total(&two, |r| r.limits.as_ref(), true)), None);
        assert_eq!(format_amount("memory", 96 * 1024 * 1024 * 1000), "96Mi");
    }
}
