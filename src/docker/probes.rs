//! Health monitors: probes run as execs (moby `daemon/health.go`).

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::docker::api::{HealthStatus, ProbeResult};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::exec::{Exec, Purpose};
use crate::docker::health::MAX_OUTPUT;
use crate::docker::{Due, latency};
use crate::machine::{ContainerId, ExecId, ExecSpec};

const SIGKILL: u8 = 9;

impl Daemon {
    /// Begin to probe: after a start (`fresh`) or an unpause.
    pub(crate) fn start_monitor(&mut self, id: &str, fresh: bool, env: &mut Env<'_, '_>) {
        let now = env.now();
        let Some(c) = self.containers.get_mut(id) else { return };
        c.monitor += 1;
        let (Some(check), Some(health)) = (&c.check, &c.health) else { return };
        let ran = if fresh {
            SimDuration::ZERO
        } else {
            c.started_at.map_or(SimDuration::ZERO, |at| now.since(at))
        };
        let wait = health.next_interval(check, ran);
        let due = Due::Probe { id: id.to_owned(), monitor: c.monitor };
        self.timer(wait, due, env);
    }

    /// Run the next probe.
    pub(crate) fn probe(&mut self, id: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get(id) else { return };
        if !c.is_live() || c.paused {
            return;
        }
        let Some(check) = c.check.clone() else { return };
        let monitor = c.monitor;
        let exec = env.fresh_id("exec-id");
        self.next_tag += 1;
        let tag = self.next_tag;
        self.exec_event(id, "exec_create", &exec, Some(&check.argv), None, env);
        self.exec_event(id, "exec_start", &exec, Some(&check.argv), None, env);
        let entry = Exec {
            id: exec.clone(),
            container: id.to_owned(),
            config: crate::docker::api::ExecConfig {
                cmd: check.argv,
                ..crate::docker::api::ExecConfig::default()
            },
            tag,
            early: Vec::new(),
            purpose: Purpose::Probe { started: env.now(), monitor, output: String::new() },
        };
        self.execs.insert(exec.clone(), entry);
        self.tags.insert(tag, exec.clone());
        let host = self.host.clone();
        let work = env.cx.latency(&latency::PROBE, host.as_str());
        self.timer(work, Due::ProbeStart { tag }, env);
        self.timer(check.timeout, Due::ProbeTimeout { tag }, env);
    }

    /// The process of a probe starts.
    pub(crate) fn probe_start(&mut self, tag: u64, env: &mut Env<'_, '_>) {
        let Some(exec) = self.tags.get(&tag).and_then(|id| self.execs.get(id)) else { return };
        let live = self.containers.get(&exec.container).is_some_and(|c| c.is_live() && !c.paused);
        let spec = ExecSpec { argv: exec.config.cmd.clone(), tag, ..ExecSpec::default() };
        let machine_id = ContainerId::from(exec.container.as_str());
        let exec_id = ExecId::from(exec.id.as_str());
        if !live {
            self.probe_done(tag, -1, env);
            return;
        }
        let host = self.host.clone();
        let started = env.cx.within(|cx| env.machines.exec(&host, &machine_id, exec_id, spec, cx));
        if let Err(error) = started {
            // The runtime's refusal is the output of the probe; it counts as a failure.
            self.probe_output(tag, &format!("{}: unknown", error.message));
            self.probe_done(tag, -1, env);
        }
    }

    /// Output of a probe.
    pub(crate) fn probe_output(&mut self, tag: u64, text: &str) {
        let exec = self.tags.get(&tag).and_then(|id| self.execs.get_mut(id));
        if let Some(Exec { purpose: Purpose::Probe { output, .. }, .. }) = exec
            && output.len() < MAX_OUTPUT
        {
            output.push_str(text);
            if output.len() > MAX_OUTPUT {
                let mut end = MAX_OUTPUT;
                while !output.is_char_boundary(end) {
                    end -= 1;
                }
                output.truncate(end);
            }
        }
    }

    /// A probe ended, or its time did (`-1`).
    pub(crate) fn probe_done(&mut self, tag: u64, code: i64, env: &mut Env<'_, '_>) {
        let Some(exec_id) = self.tags.remove(&tag) else { return };
        let Some(exec) = self.execs.remove(&exec_id) else { return };
        let Purpose::Probe { started, monitor, output } = exec.purpose else { return };
        let id = exec.container;
        self.exec_event(&id, "exec_die", &exec_id, None, Some(code), env);
        let now = env.now();
        let Some(c) = self.containers.get_mut(&id) else { return };
        if c.monitor != monitor || !c.is_live() || c.paused {
            return;
        }
        let (Some(check), Some(health), Some(started_at)) =
            (c.check.clone(), &mut c.health, c.started_at)
        else {
            return;
        };
        let result = ProbeResult { start: started, end: now, exit_code: code, output };
        let changed = health.take(&check, started_at, result);
        let status = health.status;
        let wait = health.next_interval(&check, now.since(started_at));
        let name = c.name.clone();
        if changed {
            let what = Message::new(match status {
                HealthStatus::Unhealthy => "why-docker-unhealthy",
                HealthStatus::Healthy | HealthStatus::Starting => "why-docker-healthy",
            })
            .with("name", &name)
            .with("retries", check.retries);
            env.record(&id, what);
            self.container_event(&id, &format!("health_status: {}", status.as_str()), &[], env);
        }
        let due = Due::Probe { id, monitor };
        self.timer(wait, due, env);
    }

    /// A probe takes too long: it is killed and counts as failed.
    pub(crate) fn probe_timeout(&mut self, tag: u64, env: &mut Env<'_, '_>) {
        let Some(exec_id) = self.tags.get(&tag).cloned() else { return };
        let Some(exec) = self.execs.get(&exec_id) else { return };
        let container = exec.container.clone();
        let Some(check) = self.containers.get(&container).and_then(|c| c.check.clone()) else {
            return;
        };
        let so_far = match &exec.purpose {
            Purpose::Probe { output, .. } => output.clone(),
            Purpose::Client { .. } => return,
        };
        let limit = check.timeout.go_string();
        let mut text = format!("Health check exceeded timeout ({limit})");
        if !so_far.is_empty() {
            text = format!("{text}: {so_far}");
        }
        if let Some(Exec { purpose: Purpose::Probe { output, .. }, .. }) =
            self.execs.get_mut(&exec_id)
        {
            *output = text;
        }
        let (host, machine_id) = (self.host.clone(), ContainerId::from(container.as_str()));
        let exec = ExecId::from(exec_id.as_str());
        env.cx.within(|cx| env.machines.exec_kill(&host, &machine_id, &exec, SIGKILL, cx));
        let what = Message::new("why-docker-probe-timeout")
            .with("name", self.name_of(&container))
            .with("limit", check.timeout);
        env.record(&container, what);
        self.probe_done(tag, -1, env);
    }
}
