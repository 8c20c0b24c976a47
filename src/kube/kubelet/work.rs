//! Driving a pod's syncs: when one begins, its steps, and when the next one is due.
//!
//! Models kubernetes `pkg/kubelet/pod_workers.go` (podWorkerLoop, completeWork) and `kubelet.go`
//! (SyncPod, SyncTerminatingPod, SyncTerminatedPod).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Due;
use super::node::{Env, RELIST, RESYNC, RETRY};
use super::phase::is_terminal;
use super::probes::ProbeKind;
use super::record::Sandbox;
use super::status::{Facts, generate, settle};
use super::sync::{self, Actions, Look};
use super::worker::{Current, Doing, Stage, Step, Work, Worker};
use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::latency::Latency;
use crate::net::EndpointRef;
use crate::net::fabric::Resolver;

/// Time to make a sandbox with its network; recorded on an idle machine in kubelet/29 and 31.
const SANDBOX: Latency = Latency {
    name: "kubelet-sandbox",
    quantiles_us: [250_000, 380_000, 470_000, 620_000, 950_000],
    source: "traces/kubelet/29, 31, 12: first status to PodReadyToStartContainers",
};
/// The same on a hollow node.
const HOLLOW_SANDBOX: Latency = Latency {
    name: "hollow-sandbox",
    quantiles_us: [60_000, 110_000, 160_000, 230_000, 320_000],
    source: "traces/deployment/23: first status to PodReadyToStartContainers",
};
/// Time to take a sandbox away.
const STOP_SANDBOX: Latency = Latency {
    name: "kubelet-stop-sandbox",
    quantiles_us: [30_000, 60_000, 90_000, 140_000, 260_000],
    source: "traces/kubelet/09: end of the container to the final phase",
};

impl Worker {
    /// Ask for a sync. `fresh`: the view of the runtime is new.
    pub fn request_sync(&mut self, fresh: bool, env: &mut Env<'_, '_>) {
        if self.stage == Stage::Finished {
            return;
        }
        match self.doing {
            Doing::Idle if fresh || self.cache_is_newer(env) => self.begin(env),
            Doing::Idle => {
                self.doing = Doing::WaitCache;
                let relisted = env.node.relist_before(env.now());
                self.wake_at(SimTime(relisted.0 + RELIST.0), env);
            }
            Doing::WaitCache | Doing::Volumes | Doing::Work(_) => self.again = true,
        }
    }

    /// Set the worker's one timer.
    pub(super) fn wake_at(&mut self, at: SimTime, env: &mut Env<'_, '_>) {
        self.timer = self.timer.wrapping_add(1);
        env.at(at, Due::Pod(self.uid.clone(), self.timer));
    }

    /// Set the worker's one timer.
    pub(super) fn wake_after(&mut self, delay: SimDuration, env: &mut Env<'_, '_>) {
        self.wake_at(env.now() + delay, env);
    }

    /// The worker's timer.
    pub fn timer_due(&mut self, timer: u32, env: &mut Env<'_, '_>) {
        if timer != self.timer || self.stage == Stage::Finished {
            return;
        }
        match &self.doing {
            Doing::Idle => self.request_sync(false, env),
            Doing::WaitCache => self.relisted(env),
            Doing::Volumes => self.volumes_timed_out(env),
            Doing::Work(_) => self.step_done(env),
        }
    }

    /// Begin what the stage asks for.
    pub(super) fn begin(&mut self, env: &mut Env<'_, '_>) {
        // A timer that was set before does not count any more.
        self.timer = self.timer.wrapping_add(1);
        self.doing = Doing::Idle;
        match self.stage {
            Stage::Syncing => self.sync(env),
            Stage::Terminating => self.terminate(env),
            Stage::Terminated => self.finish(env),
            Stage::Finished => {}
        }
    }

    /// `SyncPod`.
    fn sync(&mut self, env: &mut Env<'_, '_>) {
        let phase = self.refresh_status(env);
        if is_terminal(Some(phase.as_str())) {
            self.stage = Stage::Terminating;
            self.next_stage(env);
            return;
        }
        self.mount_volumes(env);
    }

    /// The volumes are there: containers next.
    pub(super) fn volumes_ready(&mut self, env: &mut Env<'_, '_>) {
        self.make_probes(env);
        let applied = self.apply_resize(env);
        let plan = self.plan();
        self.run_plan(plan, applied, env);
    }

    fn run_plan(&mut self, plan: Actions, changed: bool, env: &mut Env<'_, '_>) {
        let mut steps = Vec::new();
        if plan.kill_pod {
            if self.runtime.running().next().is_some() {
                steps.extend([Step::KillAll, Step::AwaitKills]);
            }
            if self.runtime.sandbox_ready() {
                steps.push(Step::StopSandbox);
            }
        } else {
            let kills = !plan.kill.is_empty();
            steps.extend(plan.kill.into_iter().map(|(name, why)| Step::Kill(name, why)));
            if kills {
                steps.push(Step::AwaitKills);
            }
            if plan.create_sandbox {
                steps.push(Step::Sandbox);
            }
            steps.extend(plan.start.into_iter().map(Step::Start));
        }
        let mut work = Work::new(steps);
        work.changed = changed;
        self.doing = Doing::Work(Box::new(work));
        self.advance(env);
    }

    fn plan(&self) -> Actions {
        let unhealthy = self.failed_probes(ProbeKind::Liveness);
        let not_started = self.failed_probes(ProbeKind::Startup);
        let results = self.probe_results();
        let running: BTreeSet<Arc<str>> =
            self.runtime.running().map(|(name, _)| name.clone()).collect();
        let started: BTreeSet<Arc<str>> = running
            .into_iter()
            .filter(|name| results.get(name).is_none_or(|(started, _)| *started))
            .collect();
        sync::actions(&Look {
            spec: &self.spec,
            runtime: &self.runtime,
            unhealthy: &unhealthy,
            not_started: &not_started,
            started: &started,
            resized: &self.resized,
            hash: sync::definition_hash,
        })
    }

    /// Begin steps until one has to wait.
    pub(super) fn advance(&mut self, env: &mut Env<'_, '_>) {
        loop {
            let Some(work) = self.work() else { return };
            if work.current != Current::Nothing {
                return;
            }
            let Some(step) = work.steps.pop_front() else {
                self.work_done(env);
                return;
            };
            match step {
                Step::Kill(name, why) => self.begin_kill(&name, why, None, env),
                Step::KillAll => self.begin_kill_all(env),
                Step::AwaitKills => {
                    if !self.kills.is_empty() {
                        self.set_current(Current::Kills);
                    }
                }
                Step::Sandbox => {
                    self.set_current(Current::Sandbox);
                    let model = if env.node.hollow() { &HOLLOW_SANDBOX } else { &SANDBOX };
                    let delay = env.draw(model);
                    self.wake_after(delay, env);
                }
                Step::Start(start) => self.begin_start(start, env),
                Step::StopSandbox => {
                    self.set_current(Current::StopSandbox);
                    let delay = env.draw(&STOP_SANDBOX);
                    let delay = if env.node.hollow() { SimDuration(delay.0 / 4) } else { delay };
                    self.wake_after(delay, env);
                }
            }
        }
    }

    pub(super) fn set_current(&mut self, current: Current) {
        if let Some(work) = self.work() {
            work.current = current;
        }
    }

    /// The current step's time is over.
    fn step_done(&mut self, env: &mut Env<'_, '_>) {
        let Some(work) = self.work() else { return };
        match std::mem::replace(&mut work.current, Current::Nothing) {
            Current::Sandbox => self.sandbox_made(env),
            Current::StopSandbox => self.sandbox_stopped(env),
            Current::Create(start, run) => self.created(&start, *run, env),
            Current::Start(start) => self.started(&start, env),
            Current::PostStart(start, exec) => self.post_start_timed(start, exec, env),
            current @ (Current::Nothing
            | Current::Kills
            | Current::Pull(..)
            | Current::PostStartKill) => work.current = current,
        }
        self.advance(env);
    }

    fn sandbox_made(&mut self, env: &mut Env<'_, '_>) {
        let id = env.fresh_id();
        let host_network = self.spec.host_network == Some(true);
        let endpoint = EndpointRef::new(env.node.name.clone(), id.clone());
        let ip = if host_network {
            env.fabric.join_host(&endpoint);
            String::new()
        } else {
            match env.fabric.attach_pod(&endpoint) {
                Ok(ip) => ip.to_string(),
                Err(error) => {
                    let text = format!("Failed to create pod sandbox: {error}");
                    env.say(self, None, true, "FailedCreatePodSandBox", text);
                    self.fail_work();
                    return;
                }
            }
        };
        env.fabric.set_resolver(&endpoint, self.resolver());
        if let Some(old) = self.runtime.sandbox.take() {
            env.fabric.remove_endpoint(&EndpointRef::new(env.node.name.clone(), old.id));
        }
        self.runtime.sandbox = Some(Sandbox { id, ip, ready: true });
        env.relist(&self.uid);
        // The condition is written before the containers are started.
        self.refresh_status(env);
    }

    /// Search domains and name server of the pod.
    fn resolver(&self) -> Resolver {
        let policy = self.spec.dns_policy.as_deref().unwrap_or("ClusterFirst");
        let on_host = self.spec.host_network == Some(true);
        let cluster = match policy {
            "ClusterFirst" => !on_host,
            "ClusterFirstWithHostNet" => true,
            _ => false,
        };
        if !cluster {
            return Resolver { search: Vec::new(), ndots: 1, cluster: false };
        }
        let namespace = &self.key.namespace;
        let search = [
            format!("{namespace}.svc.cluster.local"),
            "svc.cluster.local".to_owned(),
            "cluster.local".to_owned(),
        ];
        Resolver { search: search.map(Arc::from).into(), ndots: 5, cluster: true }
    }

    fn sandbox_stopped(&mut self, env: &mut Env<'_, '_>) {
        if let Some(sandbox) = &mut self.runtime.sandbox {
            sandbox.ready = false;
            let endpoint = EndpointRef::new(env.node.name.clone(), sandbox.id.clone());
            env.fabric.remove_endpoint(&endpoint);
        }
        if let Some(work) = self.work() {
            work.changed = true;
        }
    }

    /// The sync met an error and goes no further.
    pub(super) fn fail_work(&mut self) {
        if let Some(work) = self.work() {
            work.failed = true;
            work.steps.clear();
        }
    }

    /// All steps are done.
    fn work_done(&mut self, env: &mut Env<'_, '_>) {
        let Doing::Work(work) = std::mem::replace(&mut self.doing, Doing::Idle) else { return };
        if work.terminating {
            self.terminated(env);
        } else {
            self.complete(&work, env);
        }
    }

    /// Another stage begins: at the next sync tick, or at once if something asked meanwhile;
    /// in both cases not before the next relist.
    fn next_stage(&mut self, env: &mut Env<'_, '_>) {
        self.synced = env.now();
        self.doing = Doing::Idle;
        if std::mem::take(&mut self.again) {
            self.request_sync(false, env);
        } else {
            let at = env.node.tick_at(SimTime(env.now().0 + 1));
            self.wake_at(at, env);
        }
    }

    /// `completeWork`: when the next sync is due.
    fn complete(&mut self, work: &Work, env: &mut Env<'_, '_>) {
        self.synced = env.now();
        if work.changed && !work.failed {
            self.relist_on_demand(env);
        }
        if std::mem::take(&mut self.again) {
            self.request_sync(false, env);
            return;
        }
        if !work.failed {
            return;
        }
        let base = match work.backoff {
            Some(until) => until.since(env.now()).min(RESYNC),
            None => RETRY,
        };
        let due = env.now() + env.jitter(&self.key, base);
        let at = env.node.tick_at(due);
        self.wake_at(at, env);
    }

    /// The pod has to go: what is under way is given up.
    pub(super) fn begin_termination(&mut self, env: &mut Env<'_, '_>) {
        if self.stage > Stage::Terminating {
            return;
        }
        let first = self.stage == Stage::Syncing;
        self.stage = Stage::Terminating;
        if !first {
            self.shorten_kills(env);
            return;
        }
        match self.doing {
            // What the runtime is doing for the pod is done to its end first.
            Doing::Work(_) => self.again = true,
            Doing::WaitCache => {}
            Doing::Idle | Doing::Volumes => {
                self.doing = Doing::Idle;
                self.request_sync(false, env);
            }
        }
    }

    /// `SyncTerminatingPod`.
    fn terminate(&mut self, env: &mut Env<'_, '_>) {
        env.record(self, Message::new("why-kubelet-terminating"));
        self.refresh_status(env);
        self.stop_probes(&[ProbeKind::Liveness, ProbeKind::Startup]);
        let mut steps = Vec::new();
        if self.runtime.running().next().is_some() || !self.kills.is_empty() {
            steps.extend([Step::KillAll, Step::AwaitKills]);
        }
        if self.runtime.sandbox_ready() {
            steps.push(Step::StopSandbox);
        }
        let mut work = Work::new(steps);
        work.terminating = true;
        self.doing = Doing::Work(Box::new(work));
        self.advance(env);
    }

    /// All containers are down: the final phase may be written.
    fn terminated(&mut self, env: &mut Env<'_, '_>) {
        self.stop_probes(&ProbeKind::ALL);
        self.probes.clear();
        self.stage = Stage::Terminated;
        self.refresh_status(env);
        self.next_stage(env);
    }

    /// `SyncTerminatedPod`: volumes go; then the object may go.
    fn finish(&mut self, env: &mut Env<'_, '_>) {
        self.refresh_status(env);
        self.forget_volumes(env);
        self.stage = Stage::Finished;
        if let Some(status) = self.status.clone() {
            self.set_status(settle((*status).clone()), env);
            // The final phase was held back while containers could run: it is written now.
            self.write_again(env);
        }
        env.node.backoff.forget(&format!("{}/", self.uid));
        env.node.pull_backoff.forget(&format!("{}/", self.uid));
    }

    /// Make a new status and hand it to the status manager. Returns its phase.
    pub(super) fn refresh_status(&mut self, env: &mut Env<'_, '_>) -> String {
        self.check_deadline(env);
        self.check_resized(env);
        let probed = self.probe_results();
        let status = generate(&Facts {
            pod: &self.pod,
            old: self.status.as_deref(),
            runtime: &self.runtime,
            reasons: &self.reasons,
            probed: &probed,
            verdict: self.verdict.as_ref(),
            terminal: self.stage >= Stage::Terminated
                || self.stage == Stage::Terminating && self.all_ended(),
            resizing: self.resizing,
            host_ip: &env.node.host_ip,
            now: env.now(),
        });
        let phase = status.phase.clone().unwrap_or_default();
        self.set_status(status, env);
        self.schedule_probes(env);
        phase
    }

    fn all_ended(&self) -> bool {
        self.runtime.running().next().is_none()
    }
}
