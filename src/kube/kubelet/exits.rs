//! What the container runtime tells: ends of containers and commands, pulls, the host's power.
//!
//! Models kubernetes `pkg/kubelet/pleg` and the CRI's answers.

use std::sync::Arc;

use super::cri;
use super::node::{Env, ExecPurpose};
use super::probes::Verdict;
use super::record::{Ended, RunState};
use super::start::begin_next_pull;
use super::texts::HookFailure;
use super::worker::Worker;
use super::{Around, Kubelet, Output};
use crate::base::message::Message;
use crate::engine::cx::Cx;
use crate::machine::{ContainerId, ExecId, Happening, Stream};

impl Worker {
    /// A container ended.
    fn container_ended(&mut self, id: &str, code: u8, oom: bool, env: &mut Env<'_, '_>) {
        let Some((name, run)) = self.runtime.by_id(id) else { return };
        if run.running().is_none() {
            return;
        }
        let run = run.clone();
        let ended = cri::ended(self, &name, &run, code, oom, env);
        let what = Message::new("why-kubelet-exited")
            .with("container", name.clone())
            .with("code", i64::from(code))
            .with("reason", ended.reason);
        env.record(self, what);
        if let Some((_, run)) = self.runtime.by_id(id) {
            run.state = RunState::Exited(Arc::new(ended));
        }
        if !env.node.running {
            return;
        }
        env.relist(&self.uid);
        self.kill_done(id, env);
    }

    /// The host went down: nothing of the pod runs any more.
    fn host_down(&mut self, env: &Env<'_, '_>) {
        if let Some(sandbox) = &mut self.runtime.sandbox {
            sandbox.ready = false;
        }
        if env.node.hollow() {
            // The stand-in runtime forgets its containers.
            self.runtime.runs.clear();
            self.runtime.sandbox = None;
            return;
        }
        for run in self.runtime.runs.values_mut().flatten() {
            if let Some(started) = run.running() {
                run.state = RunState::Exited(Arc::new(Ended {
                    code: 255,
                    reason: "Unknown",
                    message: None,
                    started: Some(started),
                    finished: env.cx.now,
                }));
            }
        }
    }
}

impl Kubelet {
    /// The container runtime tells something.
    pub(super) fn notice(
        &mut self,
        what: Happening,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        match what {
            Happening::Exited { id, code, oom } => self.exited(&id.0, code, oom, around, cx),
            Happening::ExecOutput { exec, stream, text, .. } => {
                self.exec_output(&exec, stream, text, cx);
            }
            Happening::ExecExited { exec, code, .. } => self.exec_exited(&exec, code, around, cx),
            Happening::Pulled { ticket, result } => {
                let Some(pull) = self.node.pulls.end(ticket) else { return };
                self.with(&pull.uid.clone(), around, cx, |w, env| w.pulled(&pull, &result, env));
                let mut env = Env {
                    node: &mut self.node,
                    store: around.store,
                    machines: around.machines,
                    fabric: around.fabric,
                    cx,
                };
                begin_next_pull(&mut env);
            }
            Happening::HostDown => {
                self.stop();
                for uid in self.workers.keys().cloned().collect::<Vec<_>>() {
                    self.with(&uid, around, cx, |w, env| w.host_down(env));
                }
                if self.node.hollow() {
                    self.node.containers.clear();
                }
            }
            Happening::HostUp => self.start(around, cx),
            Happening::Logged { id, .. } => self.logged(&id, around, cx),
            Happening::OutOfMemory { .. } | Happening::PullLayer { .. } => {}
        }
    }

    fn exited(
        &mut self,
        id: &str,
        code: u8,
        oom: bool,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some(uid) = self.node.containers.get(id).cloned() else { return };
        self.with(&uid, around, cx, |w, env| w.container_ended(id, code, oom, env));
        self.log_ended(&ContainerId::new(id), around, cx);
        self.sweep(&uid, around, cx);
    }

    /// A hollow container ends.
    pub(super) fn hollow_exit(
        &mut self,
        uid: &str,
        id: &str,
        code: u8,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        self.with(uid, around, cx, |w, env| w.container_ended(id, code, false, env));
        self.sweep(uid, around, cx);
    }

    fn exec_output(
        &mut self,
        exec: &ExecId,
        stream: Stream,
        text: String,
        cx: &mut Cx<'_, Output>,
    ) {
        match self.node.execs.get(exec) {
            Some(ExecPurpose::Client(ticket)) => self.client_output(*ticket, stream, text, cx),
            Some(_) => {
                let said = self.node.exec_output.entry(exec.clone()).or_default();
                match stream {
                    Stream::Out => said.out.push_str(&text),
                    Stream::Err => said.err.push_str(&text),
                }
            }
            None => {}
        }
    }

    fn exec_exited(
        &mut self,
        exec: &ExecId,
        code: u8,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some(purpose) = self.node.execs.remove(exec) else { return };
        let output = self.node.exec_output.remove(exec).unwrap_or_default();
        match purpose {
            ExecPurpose::Client(ticket) => self.client_done(ticket, code, cx),
            ExecPurpose::Probe(uid, container, kind) => {
                let verdict =
                    if code == 0 { Verdict::Success } else { Verdict::Failure(output.all()) };
                self.with(&uid, around, cx, |w, env| {
                    w.probe_ended(&container, kind, &verdict, env);
                });
            }
            ExecPurpose::PostStart(uid) => {
                let failed = (code != 0).then_some(HookFailure::Exec { code, said: output });
                self.with(&uid, around, cx, |w, env| w.post_start_ended(failed, env));
            }
            ExecPurpose::PreStop(uid, id) => {
                self.with(&uid, around, cx, |w, env| w.pre_stop_ended(&id, code == 0, env));
            }
        }
    }
}
