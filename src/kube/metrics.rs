//! The resource metrics API (`metrics.k8s.io`): what pods use, as metrics-server last measured.
//!
//! The API is there while a pod of the namespace `kube-system` with the label
//! `k8s-app: metrics-server` is ready, as the manifest of metrics-server makes one. Models
//! metrics-server v0.8 `pkg/scraper` and `pkg/storage/pod.go`: usage is the difference of two
//! readings of the cgroup's `cpu.stat` over the time between them; there is none before the second.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Change;
use crate::kube::controllers::pods::is_ready;
use crate::kube::kinds::Kind;
use crate::kube::{Cluster, Input, Output};
use crate::machine::{ContainerId, Machines};

/// Time between two readings (`--metric-resolution=15s` of the manifest of metrics-server v0.8).
const RESOLUTION: SimDuration = SimDuration::from_secs(15);
/// Namespace and label of metrics-server's pods.
const SERVER: (&str, &str, &str) = ("kube-system", "k8s-app", "metrics-server");

/// What a container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its name.
    pub container: Arc<str>,
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

/// What a pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was measured.
    pub at: SimTime,
    /// Over how long.
    pub window: SimDuration,
    /// Each container.
    pub containers: Vec<Use>,
}

/// One reading of a container.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: SimTime,
    cpu_used_us: u64,
}

/// Who answers the API.
#[derive(Clone, Debug)]
enum Source {
    /// metrics-server.
    Server { readings: BTreeMap<Arc<str>, Reading>, samples: BTreeMap<Key, Sample> },
    /// A stand-in for experiments: a load of cpu that the ready pods of a namespace share.
    Shared(BTreeMap<Arc<str>, i64>),
}

/// The metrics API.
#[derive(Clone, Debug)]
pub struct Metrics {
    source: Source,
}

impl Metrics {
    /// What pods of one namespace use; pods that were not measured are left out.
    #[must_use]
    pub fn of(&self, pods: &[(&Key, &Pod)], now: SimTime) -> BTreeMap<Key, Sample> {
        match &self.source {
            Source::Server { samples, .. } => {
                let known = pods.iter().filter_map(|(key, _)| samples.get_key_value(*key));
                known.map(|(key, sample)| (key.clone(), sample.clone())).collect()
            }
            Source::Shared(loads) => shared(loads, pods, now),
        }
    }
}

/// The stand-in's window: the recorded one's (`traces/hpa`, scenario texts).
const SHARED_WINDOW: SimDuration = SimDuration::from_secs(30);

fn shared(
    loads: &BTreeMap<Arc<str>, i64>,
    pods: &[(&Key, &Pod)],
    now: SimTime,
) -> BTreeMap<Key, Sample> {
    let ready: Vec<_> = pods.iter().filter(|(_, pod)| is_ready(pod)).collect();
    let count = i64::try_from(ready.len()).unwrap_or(i64::MAX);
    let one = |(key, pod): &&(&Key, &Pod)| {
        let load = loads.get(&key.namespace).copied().unwrap_or(0);
        let containers = pod.spec.as_ref().map(|s| s.containers.as_slice()).unwrap_or_default();
        let name = containers.first().map_or("", |c| c.name.as_str());
        // Fractions of a thousandth are rounded up, as quantities are.
        let cpu_milli = (load + count - 1) / count.max(1);
        let of = Use { container: name.into(), cpu_milli, memory_bytes: 0 };
        let sample = Sample { at: now, window: SHARED_WINDOW, containers: vec![of] };
        ((*key).clone(), sample)
    };
    ready.iter().map(one).collect()
}

impl Cluster {
    /// Let a stand-in answer the metrics API: the ready pods of a namespace share so much cpu.
    pub fn share_load(&mut self, namespace: &str, cpu_milli: i64) {
        let mut loads = match self.controllers.metrics.as_deref() {
            Some(Metrics { source: Source::Shared(loads) }) => loads.clone(),
            Some(Metrics { source: Source::Server { .. } }) | None => BTreeMap::new(),
        };
        loads.insert(namespace.into(), cpu_milli);
        self.controllers.metrics = Some(Arc::new(Metrics { source: Source::Shared(loads) }));
    }

    /// A change may start metrics-server.
    pub(super) fn metrics_server(&mut self, change: &Change, cx: &mut Cx<'_, Output>) {
        let is_server = |o: &Option<Arc<Object>>| o.as_deref().is_some_and(is_ready_server);
        if !self.scraping && change.kind == Kind::Pod && is_server(&change.new) {
            self.scraping = true;
            cx.emit(Output::Again(Input::Scrape));
        }
    }

    /// metrics-server reads what the kubelets measure.
    pub(super) fn scrape(&mut self, machines: &Machines, cx: &mut Cx<'_, Output>) {
        let mut servers = self.store.list_in(Kind::Pod, SERVER.0);
        if !servers.any(|(_, entry)| is_ready_server(&entry.object)) {
            self.scraping = false;
            self.controllers.metrics = None;
            return;
        }
        let before = match self.controllers.metrics.as_deref() {
            Some(Metrics { source: Source::Server { readings, .. } }) => readings.clone(),
            Some(Metrics { source: Source::Shared(_) }) | None => BTreeMap::new(),
        };
        let mut readings = BTreeMap::new();
        let mut samples = BTreeMap::new();
        for kubelet in self.kubelets.values().filter(|k| k.node.running) {
            for worker in kubelet.workers.values() {
                let mut containers = Vec::new();
                let mut window = None;
                for (name, run) in worker.runtime.running() {
                    let id = ContainerId::new(run.id.clone());
                    let stats = machines.stats(&kubelet.node.host, &id, cx.now);
                    let reading = Reading { at: cx.now, cpu_used_us: stats.cpu_used_us };
                    readings.insert(run.id.clone(), reading);
                    let Some(old) = before.get(&run.id) else { continue };
                    let span = cx.now.since(old.at);
                    let used = stats.cpu_used_us.saturating_sub(old.cpu_used_us);
                    let milli = used.saturating_mul(1000) / span.0.max(1);
                    window = Some(span);
                    containers.push(Use {
                        container: name.clone(),
                        cpu_milli: i64::try_from(milli).unwrap_or(i64::MAX),
                        memory_bytes: i64::try_from(stats.memory_bytes).unwrap_or(i64::MAX),
                    });
                }
                if let Some(window) = window {
                    let sample = Sample { at: cx.now, window, containers };
                    samples.insert(worker.key.clone(), sample);
                }
            }
        }
        let source = Source::Server { readings, samples };
        self.controllers.metrics = Some(Arc::new(Metrics { source }));
        cx.emit_after(RESOLUTION, Output::Again(Input::Scrape));
    }
}

fn is_ready_server(object: &Object) -> bool {
    let Object::Pod(pod) = object else { return false };
    let (namespace, label, name) = SERVER;
    let labels = pod.metadata.labels.as_ref();
    pod.metadata.namespace.as_deref() == Some(namespace)
        && labels.and_then(|l| l.get(label)).is_some_and(|value| value == name)
        && is_ready(pod)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ready_pods_share_the_load() {
        let pod = |ready: &str| -> Pod {
            serde_json::from_value(json!({
                "spec": {"containers": [{"name": "main"}]},
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            }))
            .unwrap()
        };
        let keys = [Key::new("a", "x"), Key::new("a", "y"), Key::new("a", "z")];
        let pods = [pod("True"), pod("True"), pod("False")];
        let listed: Vec<(&Key, &Pod)> = keys.iter().zip(&pods).collect();
        let metrics = Metrics { source: Source::Shared(BTreeMap::from([("a".into(), 221)])) };
        let found = metrics.of(&listed, SimTime::ZERO);
        let milli: Vec<i64> = found.values().map(|s| s.containers[0].cpu_milli).collect();
        assert_eq!(milli, [111, 111]);
    }
}
