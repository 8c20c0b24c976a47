//! Evictions for local storage: emptyDir size limits and ephemeral-storage limits.
//!
//! Models kubernetes `pkg/kubelet/eviction/eviction_manager.go` localStorageEviction. Left out:
//! node pressure (memory, disk, pids), image garbage collection.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::node::Env;
use super::worker::{DiskWatch, Stage, Worker};
use super::{Around, Due, Kubelet, Output};
use crate::base::message::Message;
use crate::base::quantity::Quantity;
use crate::base::time::SimDuration;
use crate::engine::cx::Cx;
use crate::machine::ContainerId;
use crate::stub;

/// Time between two checks (`monitoringInterval`).
const CHECK: SimDuration = SimDuration::from_secs(10);
/// Usage of volumes is measured this long after the pod's start and then once a minute: half of
/// the minute in which the first measurement falls (`volumeStatsAggPeriod`).
const FIRST_MEASURE: SimDuration = SimDuration::from_secs(30);
/// Then once a minute.
const MEASURE: SimDuration = SimDuration::from_secs(60);
/// Grace of an eviction (`immediateEvictionGracePeriodSeconds`).
const GRACE_SECONDS: u64 = 1;

impl Worker {
    /// Watch the pod's disk use if it has limits.
    pub(super) fn watch_disk(&mut self, env: &mut Env<'_, '_>) {
        let volumes = self.spec.volumes.iter().flatten();
        let mut limited = volumes.filter_map(|v| v.empty_dir.as_ref()?.size_limit.as_ref());
        let has_limit = limited.next().is_some() || self.storage_limit().is_some();
        if !has_limit || env.node.hollow() {
            return;
        }
        self.disk = Some(DiskWatch { since: env.now(), over: false });
        if !env.node.eviction_armed {
            env.node.eviction_armed = true;
            let at = env.now().next_tick(CHECK, env.node.check_phase);
            env.at(at, Due::Eviction);
        }
    }

    /// Sum of the containers' ephemeral-storage limits, if all have one.
    fn storage_limit(&self) -> Option<u64> {
        let mut sum = 0;
        for container in &self.spec.containers {
            let limits = container.resources.as_ref()?.limits.as_ref()?;
            let limit = Quantity::parse(&limits.get("ephemeral-storage")?.0)?;
            sum += u64::try_from(limit.value()).ok()?;
        }
        Some(sum)
    }

    /// Whether a limit is passed now; returns the eviction's message.
    fn over_limit(&self, watch: DiskWatch, env: &Env<'_, '_>) -> Option<String> {
        let age = env.now().since(watch.since);
        if age >= FIRST_MEASURE {
            let rest = SimDuration((age.0 - FIRST_MEASURE.0) % MEASURE.0);
            if rest < CHECK {
                let volumes = self.spec.volumes.iter().flatten();
                let hit = volumes.filter_map(|v| self.volume_over(v, env)).next();
                if hit.is_some() {
                    return hit;
                }
            }
        }
        let limit = self.storage_limit()?;
        let used: u64 = self
            .runtime
            .running()
            .map(|(_, run)| {
                let id = ContainerId::new(run.id.clone());
                env.machines.stats(&env.node.host, &id, env.now()).written_bytes
            })
            .sum();
        if used <= limit {
            return None;
        }
        let shown = self.limit_text();
        Some(format!(
            "Pod ephemeral local storage usage exceeds the total limit of containers {shown}. "
        ))
    }

    fn limit_text(&self) -> String {
        let one = self.spec.containers.first().and_then(|c| c.resources.as_ref()?.limits.as_ref());
        let text = one.and_then(|l| l.get("ephemeral-storage")).map(|q| q.0.clone());
        match (self.spec.containers.len(), text) {
            (1, Some(text)) => text,
            _ => {
                let bytes = i128::from(self.storage_limit().unwrap_or(0));
                super::resize::format_amount("ephemeral-storage", bytes * 1000)
            }
        }
    }

    fn volume_over(&self, volume: &core::Volume, env: &Env<'_, '_>) -> Option<String> {
        let limit = volume.empty_dir.as_ref()?.size_limit.as_ref()?;
        let most = u64::try_from(Quantity::parse(&limit.0)?.value()).ok()?;
        let name: Arc<str> = format!("{}/{}", self.uid, volume.name).into();
        let used = env.machines.volume(&env.node.host, &name)?.files.used_below("/");
        (used > most).then(|| {
            format!(
                "Usage of EmptyDir volume \"{}\" exceeds the limit \"{}\". ",
                volume.name, limit.0
            )
        })
    }

    fn check_disk(&mut self, env: &mut Env<'_, '_>) {
        let Some(mut watch) = self.disk else { return };
        if self.stage != Stage::Syncing || self.verdict.is_some() {
            return;
        }
        let Some(text) = self.over_limit(watch, env) else {
            watch.over = false;
            self.disk = Some(watch);
            return;
        };
        // Usage of containers is a measurement of the check before.
        let measured_before = watch.over || text.starts_with("Usage of EmptyDir");
        watch.over = true;
        self.disk = Some(watch);
        if measured_before {
            self.evict(text, env);
        }
    }

    /// End the pod for a reason of the node.
    fn evict(&mut self, message: String, env: &mut Env<'_, '_>) {
        env.say(self, None, true, "Evicted", message.clone());
        let what = Message::new("why-kubelet-evicted").with("message", message.as_str());
        env.record(self, what);
        self.verdict = Some(("Evicted", message.into()));
        self.grace = Some(GRACE_SECONDS);
        self.begin_termination(env);
    }
}

impl Kubelet {
    /// The check for evictions; it goes on while a pod with limits is here.
    pub(super) fn eviction_due(&mut self, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        self.node.eviction_armed = false;
        stub!("kube.kubelet.node-pressure", "a node short of memory or disk evicts no pods");
        let watched: Vec<Arc<str>> = self
            .workers
            .iter()
            .filter(|(_, w)| w.disk.is_some() && w.stage == Stage::Syncing)
            .map(|(uid, _)| uid.clone())
            .collect();
        let Some(first) = watched.first().cloned() else { return };
        for uid in &watched {
            self.with(uid, around, cx, |w, env| w.check_disk(env));
        }
        self.node.eviction_armed = true;
        self.with(&first, around, cx, |_, env| env.after(CHECK, Due::Eviction));
    }
}
