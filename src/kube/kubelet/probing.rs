//! Running probes: over the network, as a command in the container, and what follows from results.
//!
//! Models kubernetes `pkg/kubelet/prober/prober.go`, `worker.go` (doProbe) and
//! `prober_manager.go` (UpdatePodStatus).

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::node::{Env, ExecPurpose, NetPurpose, NetWhat};
use super::probes::{self, ProbeKind, ProbeResult, ProbeWorker, Verdict};
use super::texts::HookFailure;
use super::worker::{Stage, Worker};
use super::{Around, Due, Kubelet, Output, cri};
use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::engine::cx::Cx;
use crate::net::{Answer, Origin, Outcome, Request};

/// The world tells by this bit that a component of Kubernetes asked; it comes back without it.
const TAG_BIT: u64 = 1 << 63;

/// Send a network request of the kubelet.
pub fn send(request: Request, purpose: NetPurpose, env: &mut Env<'_, '_>) {
    env.node.last_tag += 1;
    env.node.requests.insert(env.node.last_tag, purpose);
    let tag = env.node.last_tag | TAG_BIT;
    let from = Origin::Host(env.node.host.0.clone());
    let fabric = &mut *env.fabric;
    env.cx.within(|cx| fabric.step(crate::net::Input::Send { from, tag, request }, cx));
}

impl Worker {
    /// Make the probe workers, once.
    pub(super) fn make_probes(&mut self, env: &Env<'_, '_>) {
        if self.probed || self.stage != Stage::Syncing {
            return;
        }
        self.probed = true;
        let spec = self.spec.clone();
        let sidecars = spec.init_containers.iter().flatten();
        let sidecars = sidecars.filter(|c| super::restart::is_sidecar(c));
        for container in sidecars.chain(&spec.containers) {
            for kind in ProbeKind::ALL {
                let Some(probe) = kind.of(container) else { continue };
                let name = container.name.as_str().into();
                self.probes.push(ProbeWorker::new(&name, kind, probe, env.now()));
            }
        }
    }

    /// Workers made anew when the kubelet starts wait a random part of their period.
    pub(super) fn spread_probes(&mut self, env: &mut Env<'_, '_>) {
        let name = env.node.name.clone();
        for probe in &mut self.probes {
            let extra = env.cx.stream("kubelet-probe", &name).between(0, probe.period().0);
            probe.base = SimTime(env.cx.now.0 + extra);
        }
    }

    /// Give workers of these kinds up.
    pub(super) fn stop_probes(&mut self, kinds: &[ProbeKind]) {
        self.probes.retain(|p| !kinds.contains(&p.kind));
    }

    /// Look at the running containers: watch new runs, set timers, probe readiness at once.
    pub(super) fn schedule_probes(&mut self, env: &mut Env<'_, '_>) {
        if self.probes.is_empty() {
            return;
        }
        let results = self.probe_results();
        let now = env.now();
        for index in 0..self.probes.len() {
            let Some(probe) = self.probes.get_mut(index) else { continue };
            let Some(run) = self.runtime.newest(&probe.container) else { continue };
            let Some(since) = run.running() else { continue };
            if probe.run.as_ref() != Some(&run.id) {
                probe.watch(&run.id);
                probe.timer += 1;
                probe.armed = false;
            }
            let started = results.get(&probe.container).is_none_or(|(started, _)| *started);
            if !probe.wanted(started) {
                continue;
            }
            let unready =
                probe.kind == ProbeKind::Readiness && probe.result != ProbeResult::Success;
            if unready && probe.in_flight.is_none() {
                // A manual trigger: the ticks start again from here.
                probe.base = now;
                probe.armed = false;
            }
            let due = probe.tick_from(now.max(probe.earliest(since)));
            self.arm_probe(index, due, env);
        }
    }

    fn arm_probe(&mut self, index: usize, at: SimTime, env: &mut Env<'_, '_>) {
        let uid = self.uid.clone();
        let Some(probe) = self.probes.get_mut(index) else { return };
        if probe.armed || probe.in_flight.is_some() {
            return;
        }
        probe.armed = true;
        probe.timer += 1;
        let due = Due::Probe(uid, probe.container.clone(), probe.kind, probe.timer);
        env.at(at, due);
    }

    fn probe_index(&self, container: &str, kind: ProbeKind) -> Option<usize> {
        self.probes.iter().position(|p| &*p.container == container && p.kind == kind)
    }

    /// A probe's timer.
    pub fn probe_due(
        &mut self,
        container: &Arc<str>,
        kind: ProbeKind,
        timer: u64,
        env: &mut Env<'_, '_>,
    ) {
        let Some(index) = self.probe_index(container, kind) else { return };
        let started = self.probe_results().get(container).is_none_or(|(started, _)| *started);
        let Some(probe) = self.probes.get_mut(index) else { return };
        if probe.timer != timer {
            return;
        }
        probe.armed = false;
        let run = self.runtime.newest(container).filter(|r| r.running().is_some());
        let Some(run) = run.filter(|r| probe.run.as_ref() == Some(&r.id)) else { return };
        if !probe.wanted(started) {
            return;
        }
        let id = run.id.clone();
        probe.flights += 1;
        probe.in_flight = Some(probe.flights);
        let spec = probe.spec.clone();
        self.run_probe(container, kind, &spec, &id, env);
    }

    fn run_probe(
        &mut self,
        container: &Arc<str>,
        kind: ProbeKind,
        spec: &core::Probe,
        id: &Arc<str>,
        env: &mut Env<'_, '_>,
    ) {
        if env.node.hollow() {
            // The stand-in runtime answers every command with success.
            self.probe_ended(container, kind, &Verdict::Success, env);
            return;
        }
        if let Some(exec) = &spec.exec {
            self.exec_probe(container, kind, exec, id, env);
            return;
        }
        let ip = self.runtime.sandbox.as_ref().map(|s| s.ip.clone()).filter(|ip| !ip.is_empty());
        let ip = ip.unwrap_or_else(|| env.node.host_ip.clone());
        let purpose = |what, host: &str, port: u16, url: String| NetPurpose {
            uid: self.uid.clone(),
            container: container.clone(),
            what,
            address: format!("{host}:{port}"),
            url,
            path: String::new(),
        };
        let Some(definition) = self.container(container) else { return };
        let timeout = self.probe_index(container, kind).and_then(|i| self.probes.get(i));
        let timeout = timeout.map(ProbeWorker::timeout).unwrap_or_default();
        let sent = if let Some(http) = &spec.http_get {
            probes::port_of(definition, &http.port).map(|port| {
                let host = http.host.clone().filter(|h| !h.is_empty()).unwrap_or(ip);
                let path = http.path.clone().unwrap_or_else(|| "/".to_owned());
                let scheme = http.scheme.as_deref().unwrap_or("HTTP").to_ascii_lowercase();
                let url = format!("{scheme}://{host}:{port}{path}");
                let request = Request::get(&host, port, &path).with_timeout(timeout);
                (request, purpose(NetWhat::Http(kind), &host, port, url))
            })
        } else if let Some(tcp) = &spec.tcp_socket {
            probes::port_of(definition, &tcp.port).map(|port| {
                let host = tcp.host.clone().filter(|h| !h.is_empty()).unwrap_or(ip);
                let request = Request::tcp(&host, port).with_timeout(timeout);
                (request, purpose(NetWhat::Tcp(kind), &host, port, String::new()))
            })
        } else if let Some(grpc) = &spec.grpc {
            u16::try_from(grpc.port).ok().map(|port| {
                let request = Request::tcp(&ip, port).with_timeout(timeout);
                (request, purpose(NetWhat::Grpc(kind), &ip, port, String::new()))
            })
        } else {
            None
        };
        match sent {
            Some((request, purpose)) => send(request, purpose, env),
            None => {
                let error = "invalid port number: 0".to_owned();
                self.probe_ended(container, kind, &Verdict::Error(error), env);
            }
        }
    }

    fn exec_probe(
        &mut self,
        container: &Arc<str>,
        kind: ProbeKind,
        exec: &core::ExecAction,
        id: &Arc<str>,
        env: &mut Env<'_, '_>,
    ) {
        let argv = exec.command.clone().unwrap_or_default();
        let purpose = ExecPurpose::Probe(self.uid.clone(), container.clone(), kind);
        match cri::exec(id, &argv, purpose, env) {
            Ok(_) => {
                let Some(index) = self.probe_index(container, kind) else { return };
                let Some(probe) = self.probes.get(index) else { return };
                let (limit, flight) = (probe.timeout(), probe.flights);
                let due = Due::ProbeLimit(self.uid.clone(), container.clone(), kind, flight);
                env.after(limit, due);
            }
            Err(error) => {
                let verdict = match error.code {
                    126 | 127 => Verdict::Failure(error.message),
                    _ => Verdict::Error(format!("rpc error: {}", error.message)),
                };
                self.probe_ended(container, kind, &verdict, env);
            }
        }
    }

    /// The time limit of an exec probe.
    pub fn probe_limit(
        &mut self,
        container: &Arc<str>,
        kind: ProbeKind,
        flight: u64,
        env: &mut Env<'_, '_>,
    ) {
        let Some(index) = self.probe_index(container, kind) else { return };
        let Some(probe) = self.probes.get(index) else { return };
        if probe.in_flight != Some(flight) {
            return;
        }
        let argv = probe.spec.exec.as_ref().and_then(|e| e.command.clone()).unwrap_or_default();
        let timeout = probe.timeout();
        let purpose = ExecPurpose::Probe(self.uid.clone(), container.clone(), kind);
        let exec = env.node.execs.iter().find(|(_, p)| **p == purpose).map(|(e, _)| e.clone());
        if let Some(exec) = exec {
            let id = self.runtime.newest(container).map(|r| r.id.clone()).unwrap_or_default();
            cri::exec_kill(&id, &exec, env);
            env.node.execs.remove(&exec);
            env.node.exec_output.remove(&exec);
        }
        let verdict = Verdict::Failure(probes::exec_timeout(&argv, timeout));
        self.probe_ended(container, kind, &verdict, env);
    }

    /// One run of a probe ended.
    pub(super) fn probe_ended(
        &mut self,
        container: &Arc<str>,
        kind: ProbeKind,
        verdict: &Verdict,
        env: &mut Env<'_, '_>,
    ) {
        let Some(index) = self.probe_index(container, kind) else { return };
        let run = self.runtime.newest(container).map(|r| (r.id.clone(), r.running()));
        let Some(probe) = self.probes.get_mut(index) else { return };
        if probe.in_flight.take().is_none() {
            return;
        }
        let Some((id, Some(since))) = run else { return };
        if probe.run.as_ref() != Some(&id) {
            return;
        }
        if let Some(text) = probes::event_text(kind, verdict) {
            env.say(self, Some(container), true, "Unhealthy", text.clone());
            let what = Message::new("why-kubelet-probe-failed")
                .with("container", container.clone())
                .with("probe", kind.word())
                .with("message", text);
            env.record(self, what);
        }
        let Some(probe) = self.probes.get_mut(index) else { return };
        let changed = match verdict {
            Verdict::Success => probe.take(true),
            Verdict::Failure(_) => probe.take(false),
            Verdict::Error(_) => false,
        };
        let next = probe.tick_from(SimTime(env.cx.now.0 + 1).max(probe.earliest(since)));
        self.arm_probe(index, next, env);
        if !changed {
            return;
        }
        if kind != ProbeKind::Liveness {
            self.refresh_status(env);
        }
        self.request_sync(false, env);
    }
}

impl Kubelet {
    /// A network request of the kubelet ended.
    pub(super) fn net_answer(
        &mut self,
        tag: u64,
        answer: &Answer,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some(purpose) = self.node.requests.remove(&tag) else { return };
        let uid = purpose.uid.clone();
        self.with(&uid, around, cx, |w, env| match &purpose.what {
            NetWhat::Http(kind) => {
                let verdict = probes::http_verdict(&purpose.url, &purpose.address, answer);
                w.probe_ended(&purpose.container, *kind, &verdict, env);
            }
            NetWhat::Tcp(kind) => {
                let verdict = probes::tcp_verdict(&purpose.address, answer);
                w.probe_ended(&purpose.container, *kind, &verdict, env);
            }
            NetWhat::Grpc(kind) => {
                let verdict = probes::grpc_verdict(&purpose.address, answer);
                w.probe_ended(&purpose.container, *kind, &verdict, env);
            }
            // Whatever a server answers to a hook is good.
            NetWhat::PreStop(id) => {
                let ok = matches!(answer.outcome, Outcome::Http { .. });
                w.pre_stop_ended(id, ok, env);
            }
            NetWhat::PostStart => {
                let failed = match probes::http_verdict(&purpose.url, &purpose.address, answer) {
                    _ if matches!(answer.outcome, Outcome::Http { .. }) => None,
                    Verdict::Failure(text) | Verdict::Error(text) => {
                        Some(HookFailure::Http { path: purpose.path.clone(), error: text })
                    }
                    Verdict::Success => None,
                };
                w.post_start_ended(failed, env);
            }
        });
    }
}
