//! Killing containers: preStop hook, stop signal, grace period, KILL, in the right order.
//!
//! Models kubernetes `pkg/kubelet/kuberuntime/kuberuntime_container.go` killContainer and
//! `kuberuntime_termination_order.go`.

use std::sync::Arc;

use super::Due;
use super::cri;
use super::node::{Env, ExecPurpose, NetWhat};
use super::restart::is_sidecar;
use super::sync::KillReason;
use super::worker::{Current, Kill, KillStage, Worker};
use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::engine::latency::Latency;

/// A container always gets this much to stop after its signal
/// (`minimumGracePeriodInSeconds`).
const LEAST_GRACE: SimDuration = SimDuration::from_secs(2);
/// Time between the decision and the signal.
const SIGNAL: Latency = Latency {
    name: "kubelet-signal",
    quantiles_us: [1_000, 2_000, 4_000, 8_000, 20_000],
    source: "traces/kubelet/09: deletionTimestamp to the event Killing",
};
/// The signal that cannot be ignored.
const SIGKILL: u8 = 9;

impl Worker {
    /// Begin to kill a container. `event`: another message than the reason's.
    pub(super) fn begin_kill(
        &mut self,
        name: &Arc<str>,
        why: KillReason,
        event: Option<&str>,
        env: &mut Env<'_, '_>,
    ) {
        self.begin_one(name, why, event, false, env);
    }

    fn begin_one(
        &mut self,
        name: &Arc<str>,
        why: KillReason,
        event: Option<&str>,
        ordered: bool,
        env: &mut Env<'_, '_>,
    ) {
        let Some(run) = self.runtime.newest(name).filter(|r| r.running().is_some()) else { return };
        let id = run.id.clone();
        if self.kills.contains_key(&id) {
            return;
        }
        let text = event.map_or_else(|| why.message(name), str::to_owned);
        env.say(self, Some(name), false, "Killing", text);
        let what = Message::new("why-kubelet-killing").with("container", name.clone());
        env.record(self, what);
        let grace = SimDuration::from_secs(self.kill_grace(name, why));
        let kill = Kill {
            name: name.clone(),
            grace,
            since: env.now(),
            stage: KillStage::Turn,
            ordered,
            timer: 0,
        };
        self.kills.insert(id.clone(), kill);
        self.begin_pre_stop(&id, env);
    }

    /// Begin to kill everything that runs; sidecars wait for their turn.
    pub(super) fn begin_kill_all(&mut self, env: &mut Env<'_, '_>) {
        let inits = self.spec.init_containers.iter().flatten();
        let names: Vec<Arc<str>> = inits
            .chain(&self.spec.containers)
            .map(|c| Arc::from(c.name.as_str()))
            .filter(|n: &Arc<str>| self.runtime.newest(n).is_some_and(|r| r.running().is_some()))
            .collect();
        for name in names {
            self.begin_one(&name, KillReason::Stopping, None, true, env);
        }
    }

    /// Seconds that a kill may take.
    fn kill_grace(&self, name: &str, why: KillReason) -> u64 {
        let container = self.container(name);
        let probe = match why {
            KillReason::Liveness => container.and_then(|c| c.liveness_probe.as_ref()),
            KillReason::Startup => container.and_then(|c| c.startup_probe.as_ref()),
            KillReason::Stopping | KillReason::Changed | KillReason::Resize => None,
        };
        let own = probe.and_then(|p| p.termination_grace_period_seconds);
        own.and_then(|s| u64::try_from(s).ok()).unwrap_or_else(|| self.grace_seconds())
    }

    fn begin_pre_stop(&mut self, id: &Arc<str>, env: &mut Env<'_, '_>) {
        let Some(kill) = self.kills.get(id) else { return };
        let (name, grace) = (kill.name.clone(), kill.grace);
        let hook = self.container(&name).and_then(|c| c.lifecycle.as_ref()?.pre_stop.clone());
        let Some(hook) = hook.filter(|_| !env.node.hollow() && grace > SimDuration::ZERO) else {
            self.take_turn(id, env);
            return;
        };
        let begun = if let Some(exec) = &hook.exec {
            let argv = exec.command.clone().unwrap_or_default();
            let purpose = ExecPurpose::PreStop(self.uid.clone(), id.clone());
            cri::exec(id, &argv, purpose, env).is_ok()
        } else if let Some(http) = &hook.http_get {
            self.hook_request(&name, http, NetWhat::PreStop(id.clone()), env)
        } else {
            hook.sleep.is_some()
        };
        let seconds = hook.sleep.as_ref().and_then(|s| u64::try_from(s.seconds).ok());
        let limit = seconds.map_or(grace, |s| SimDuration::from_secs(s).min(grace));
        self.set_kill(id, KillStage::PreStop, limit, env);
        if !begun {
            self.pre_stop_ended(id, false, env);
        }
    }

    /// Put a kill into a stage that lasts at most so long.
    fn set_kill(
        &mut self,
        id: &Arc<str>,
        stage: KillStage,
        limit: SimDuration,
        env: &mut Env<'_, '_>,
    ) {
        let Some(kill) = self.kills.get_mut(id) else { return };
        kill.stage = stage;
        kill.since = env.now();
        kill.timer += 1;
        env.after(limit, Due::Kill(self.uid.clone(), id.clone(), kill.timer));
    }

    /// A preStop hook ended.
    pub(super) fn pre_stop_ended(&mut self, id: &Arc<str>, ok: bool, env: &mut Env<'_, '_>) {
        let name = self.runtime.by_id(id).map(|(name, _)| name);
        if let Some(name) = name.filter(|_| !ok) {
            env.say(self, Some(&name), true, "FailedPreStopHook", "PreStopHook failed");
        }
        // A hook that ends after its time, mostly because its container was stopped, has only
        // this to say.
        if self.kills.get(id).is_some_and(|k| k.stage == KillStage::PreStop) {
            self.pre_stop_over(id, env);
        }
    }

    /// The preStop hook is done with, or has had its time.
    fn pre_stop_over(&mut self, id: &Arc<str>, env: &mut Env<'_, '_>) {
        let Some(kill) = self.kills.get_mut(id) else { return };
        // The hook's whole seconds are taken from the grace period.
        let spent = SimDuration::from_secs(env.cx.now.since(kill.since).as_secs());
        kill.grace = SimDuration(kill.grace.0.saturating_sub(spent.0));
        self.take_turn(id, env);
    }

    /// Signal the container when the ones before it are down.
    fn take_turn(&mut self, id: &Arc<str>, env: &mut Env<'_, '_>) {
        let Some(kill) = self.kills.get(id) else { return };
        let (name, grace, ordered) = (kill.name.clone(), kill.grace, kill.ordered);
        if ordered && self.must_wait(&name) {
            self.set_kill(id, KillStage::Turn, grace, env);
            return;
        }
        self.signal(id, env);
    }

    /// Whether containers that end before this one still run: apps before sidecars, later
    /// sidecars before earlier ones. Only when everything is being killed.
    fn must_wait(&self, name: &str) -> bool {
        let inits = self.spec.init_containers.as_deref().unwrap_or(&[]);
        let Some(at) = inits.iter().position(|c| c.name == name && is_sidecar(c)) else {
            return false;
        };
        let later = inits.iter().skip(at + 1).filter(|c| is_sidecar(c));
        let mut before = later.chain(&self.spec.containers);
        before.any(|c| self.runtime.newest(&c.name).is_some_and(|r| r.running().is_some()))
    }

    fn signal(&mut self, id: &Arc<str>, env: &mut Env<'_, '_>) {
        let Some(kill) = self.kills.get_mut(id) else { return };
        kill.stage = KillStage::Signalled;
        let left = kill.grace.0.max(LEAST_GRACE.0);
        kill.grace = SimDuration(left);
        kill.since = env.cx.now;
        kill.timer += 1;
        // The first timer sends the signal, the second one ends the grace period.
        let delay = env.draw(&SIGNAL);
        let timer = self.kills.get(id).map_or(0, |k| k.timer);
        env.after(delay, Due::Kill(self.uid.clone(), id.clone(), timer));
    }

    /// A timer of a kill.
    pub fn kill_due(&mut self, id: &Arc<str>, timer: u32, env: &mut Env<'_, '_>) {
        let Some(kill) = self.kills.get(id).filter(|k| k.timer == timer) else { return };
        let (name, grace, since) = (kill.name.clone(), kill.grace, kill.since);
        match &kill.stage {
            // A sleep hook is over, or the grace period; a hook that still runs is left alone.
            KillStage::PreStop => self.pre_stop_over(id, env),
            KillStage::Turn => {
                if let Some(kill) = self.kills.get_mut(id) {
                    kill.grace = SimDuration::ZERO;
                }
                self.signal(id, env);
            }
            KillStage::Signalled if env.now().since(since) < grace => {
                self.set_kill(id, KillStage::Signalled, grace, env);
                cri::stop(self, id, env);
            }
            KillStage::Signalled => {
                self.set_kill(id, KillStage::Killed, LEAST_GRACE, env);
                let what = Message::new("why-kubelet-grace-over")
                    .with("container", name.clone())
                    .with("grace", grace);
                env.record(self, what);
                cri::kill(id, SIGKILL, env);
            }
            KillStage::Killed => {}
        }
    }

    /// The grace period was shortened while kills are under way.
    pub(super) fn shorten_kills(&mut self, env: &mut Env<'_, '_>) {
        let new = SimDuration::from_secs(self.grace_seconds());
        let ids: Vec<Arc<str>> = self.kills.keys().cloned().collect();
        for id in ids {
            let Some(kill) = self.kills.get_mut(&id) else { continue };
            if kill.grace <= new || kill.stage == KillStage::Killed {
                continue;
            }
            kill.grace = SimDuration(new.0.max(LEAST_GRACE.0));
            kill.timer += 1;
            let left = SimDuration(kill.grace.0.saturating_sub(env.cx.now.since(kill.since).0));
            let timer = kill.timer;
            env.after(left, Due::Kill(self.uid.clone(), id.clone(), timer));
        }
    }

    /// A container is down: its kill is done, others may have their turn.
    pub(super) fn kill_done(&mut self, id: &str, env: &mut Env<'_, '_>) {
        self.kills.remove(id);
        let waiting: Vec<Arc<str>> = self
            .kills
            .iter()
            .filter(|(_, k)| k.stage == KillStage::Turn)
            .map(|(id, _)| id.clone())
            .collect();
        for id in waiting {
            let Some(kill) = self.kills.get(&id) else { continue };
            if !self.must_wait(&kill.name) {
                let waited = SimDuration::from_secs(env.now().since(kill.since).as_secs());
                if let Some(kill) = self.kills.get_mut(&id) {
                    kill.grace = SimDuration(kill.grace.0.saturating_sub(waited.0));
                }
                self.signal(&id, env);
            }
        }
        if !self.kills.is_empty() {
            return;
        }
        let Some(work) = self.work() else { return };
        if matches!(work.current, Current::Kills | Current::PostStartKill) {
            work.current = Current::Nothing;
            work.changed = true;
            self.advance(env);
        }
    }
}
