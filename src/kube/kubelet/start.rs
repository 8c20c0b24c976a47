//! Starting one container: back-off, image, configuration, create, start, postStart hook.
//!
//! Models kubernetes `pkg/kubelet/kuberuntime/kuberuntime_container.go` startContainer,
//! `kuberuntime_manager.go` doBackOff and `images/image_manager.go` EnsureImageExists.

use std::sync::Arc;

use super::cri;
use super::images::{self, PullPolicy};
use super::node::{Env, ExecPurpose, NetPurpose, NetWhat, NodeState, Said};
use super::record::Run;
use super::sync::{KillReason, Start};
use super::texts::{self, HookFailure};
use super::worker::{Current, Worker};
use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::latency::Latency;
use crate::engine::sabotage::Sabotage;
use crate::machine::{Namespace, PullError, Pulled, StartError};

/// Time to make a container; recorded on an idle machine (kubelet/29, 31).
const CREATE: Latency = Latency {
    name: "kubelet-create",
    quantiles_us: [15_000, 40_000, 70_000, 100_000, 180_000],
    source: "traces/kubelet/29, 31, 09: Pulled to Created",
};
/// Time to start a container; recorded on an idle machine.
const START: Latency = Latency {
    name: "kubelet-start",
    quantiles_us: [50_000, 90_000, 140_000, 200_000, 340_000],
    source: "traces/kubelet/29, 31, 09: Created to Started",
};
/// Both on a hollow node.
const HOLLOW: Latency = Latency {
    name: "hollow-start",
    quantiles_us: [1_000, 3_000, 6_000, 12_000, 40_000],
    source: "traces/deployment/23: PodReadyToStartContainers to Running",
};

impl Worker {
    /// Key of a container's back-off: pod, container, definition.
    fn backoff_key(&self, container: &str) -> Arc<str> {
        let hash = self.container(container).map_or(0, super::sync::definition_hash);
        format!("{}/{container}/{hash:x}", self.uid).into()
    }

    /// Key of an image's back-off.
    fn image_key(&self, image: &str) -> Arc<str> {
        format!("{}/{image}", self.uid).into()
    }

    /// Until when a container of the pod is held back, after a crash or a failed pull.
    pub(in crate::kube) fn held_until(
        &self,
        name: &str,
        ended: Option<SimTime>,
        node: &NodeState,
        now: SimTime,
    ) -> Option<SimTime> {
        if let Some(ended) = ended {
            return node.backoff.until(&self.backoff_key(name), ended, now);
        }
        let image = self.container(name)?.image.as_deref()?;
        node.pull_backoff.until_since_update(&self.image_key(image), now)
    }

    /// Begin to start a container.
    pub(super) fn begin_start(&mut self, start: Start, env: &mut Env<'_, '_>) {
        if self.held_back(&start, env) {
            return;
        }
        let Some(image) = self.container(&start.name).map(|c| c.image.clone().unwrap_or_default())
        else {
            return;
        };
        let policy = self.container(&start.name).map_or(PullPolicy::IfNotPresent, PullPolicy::of);
        if let Err(error) = images::check_name(&image) {
            let text = images::invalid_name(&image, &error);
            env.say(self, Some(&start.name), true, "InspectFailed", text.clone());
            self.not_started(&start, "InvalidImageName", &text, "InvalidImageName", env);
            return;
        }
        let present = env.node.hollow() || env.machines.image(&env.node.host, &image).is_some();
        match policy {
            PullPolicy::Never if !present => {
                let text = images::never_text(&image);
                env.say(self, Some(&start.name), true, "ErrImageNeverPull", text.clone());
                self.not_started(&start, "ErrImageNeverPull", &text, "ErrImageNeverPull", env);
            }
            PullPolicy::IfNotPresent | PullPolicy::Never if present => {
                let text = images::present_text(&image);
                env.say(self, Some(&start.name), false, "Pulled", text);
                self.create(start, env);
            }
            PullPolicy::Always | PullPolicy::IfNotPresent | PullPolicy::Never => {
                self.pull(start, &image, env);
            }
        }
    }

    /// Whether the crash back-off holds the container back; else it steps on.
    fn held_back(&mut self, start: &Start, env: &mut Env<'_, '_>) -> bool {
        let Some(ended) = start.ended else { return false };
        let key = self.backoff_key(&start.name);
        let now = env.now();
        let Some(until) = env.node.backoff.until(&key, ended, now) else {
            if env.cx.faults.sabotaged(Sabotage::FlatBackoff) {
                env.node.backoff.forget(&key);
            }
            env.node.backoff.next(&key, ended, now);
            return false;
        };
        let pod = self.full_name();
        env.say(self, Some(&start.name), true, "BackOff", texts::back_off(&start.name, &pod));
        let text = texts::crash_loop(&env.node.backoff, &key, &start.name, &pod);
        let delay = env.node.backoff.delay(&key);
        let message = Message::new("why-kubelet-back-off")
            .with("container", start.name.clone())
            .with("delay", delay);
        env.note(self, message);
        if let Some(work) = self.work() {
            work.backoff = Some(work.backoff.map_or(until, |b| b.min(until)));
        }
        self.failed(start, "CrashLoopBackOff", &text);
        true
    }

    /// Remember why a container waits; the sync goes on where it may.
    fn failed(&mut self, start: &Start, reason: &'static str, message: &str) {
        self.reasons.insert(start.name.clone(), (reason, message.into()));
        if let Some(work) = self.work() {
            work.failed = true;
            if start.blocks {
                work.steps.clear();
            }
        }
    }

    /// A container could not be started: event `Failed` and waiting reason.
    fn not_started(
        &mut self,
        start: &Start,
        reason: &'static str,
        message: &str,
        event: &str,
        env: &mut Env<'_, '_>,
    ) {
        env.say(self, Some(&start.name), true, "Failed", format!("Error: {event}"));
        let what = Message::new("why-kubelet-not-started")
            .with("container", start.name.clone())
            .with("reason", reason)
            .with("message", message);
        env.note(self, what);
        self.failed(start, reason, message);
    }

    fn pull(&mut self, start: Start, image: &str, env: &mut Env<'_, '_>) {
        let key = self.image_key(image);
        if env.node.pull_backoff.until_since_update(&key, env.now()).is_some() {
            let text = format!("Back-off pulling image \"{image}\"");
            env.say(self, Some(&start.name), false, "BackOff", text.clone());
            let last = env.node.pull_errors.get(&key).cloned().unwrap_or_default();
            let text = format!("{text}: ErrImagePull: {last}");
            self.not_started(&start, "ImagePullBackOff", &text, "ImagePullBackOff", env);
            return;
        }
        env.say(self, Some(&start.name), false, "Pulling", format!("Pulling image \"{image}\""));
        let what = Message::new("why-kubelet-pulling").with("image", image);
        env.record(self, what);
        let ticket = env.node.pulls.ask(&self.uid, image, env.now());
        self.set_current(Current::Pull(start, ticket));
        begin_next_pull(env);
    }

    /// A pull for this pod ended.
    pub(super) fn pulled(
        &mut self,
        pull: &images::Pull,
        result: &Result<Pulled, PullError>,
        env: &mut Env<'_, '_>,
    ) {
        let Some(work) = self.work() else { return };
        let start = match std::mem::replace(&mut work.current, Current::Nothing) {
            Current::Pull(start, ticket) if ticket == pull.ticket => start,
            other @ (Current::Nothing
            | Current::Kills
            | Current::Sandbox
            | Current::Pull(..)
            | Current::Create(..)
            | Current::Start(_)
            | Current::PostStart(..)
            | Current::PostStartKill
            | Current::StopSandbox) => {
                work.current = other;
                return;
            }
        };
        let image = pull.image.clone();
        let key = self.image_key(&image);
        match result {
            Ok(pulled) => {
                let (took, waited) = (env.now().since(pull.began), env.now().since(pull.asked));
                let text = images::pulled_text(&image, took, waited, pulled.size_bytes);
                env.say(self, Some(&start.name), false, "Pulled", text);
                env.node.pull_backoff.forget(&key);
                self.create(start, env);
            }
            Err(error) => {
                let text = images::pull_error_text(&image, error);
                let event = format!("Failed to pull image \"{image}\": {text}");
                env.say(self, Some(&start.name), true, "Failed", event);
                let now = env.now();
                env.node.pull_backoff.next(&key, now, now);
                env.node.pull_errors.insert(key, text.as_str().into());
                self.not_started(&start, "ErrImagePull", &text, "ErrImagePull", env);
            }
        }
        self.advance(env);
    }

    /// Make the container.
    fn create(&mut self, start: Start, env: &mut Env<'_, '_>) {
        let number = match self.runtime.newest(&start.name) {
            Some(run) => run.number + 1,
            None => self.restarts_so_far(&start.name),
        };
        match cri::create(self, &start.name, number, env) {
            Ok(run) => {
                let model = if env.node.hollow() { &HOLLOW } else { &CREATE };
                let delay = env.draw(model);
                self.set_current(Current::Create(start, Box::new(run)));
                self.wake_after(delay, env);
            }
            Err(cri::CreateError::Config(text)) => {
                self.not_started(&start, "CreateContainerConfigError", &text, &text, env);
            }
            Err(cri::CreateError::Runtime(text)) => {
                self.not_started(&start, "CreateContainerError", &text, &text, env);
            }
        }
    }

    /// Restart count of a container that the runtime does not know (after a reboot).
    fn restarts_so_far(&self, name: &str) -> i32 {
        let status = self.status.as_deref().or(self.pod.status.as_ref());
        let lists = status.map(|s| [&s.init_container_statuses, &s.container_statuses]);
        let mut all = lists.into_iter().flatten().flatten().flatten();
        all.find(|s| s.name == name).map_or(0, |s| s.restart_count)
    }

    /// The container was made: start it.
    pub(super) fn created(&mut self, start: &Start, mut run: Run, env: &mut Env<'_, '_>) {
        if run.number > 0 && env.cx.faults.sabotaged(Sabotage::RestartTwice) {
            run.number += 1;
        }
        env.say(self, Some(&start.name), false, "Created", "Container created");
        let id = run.id.clone();
        env.node.containers.insert(id, self.uid.clone());
        for old in self.runtime.push(&start.name, run) {
            cri::remove(&old, env);
        }
        let delay = if env.node.hollow() { SimDuration::from_millis(1) } else { env.draw(&START) };
        self.set_current(Current::Start(start.clone()));
        self.wake_after(delay, env);
    }

    /// The container is started.
    pub(super) fn started(&mut self, start: &Start, env: &mut Env<'_, '_>) {
        env.relist(&self.uid);
        match cri::start(self, &start.name, env) {
            Err(error) => self.start_failed(start, &error, env),
            Ok(()) => {
                env.say(self, Some(&start.name), false, "Started", "Container started");
                let what =
                    Message::new("why-kubelet-started").with("container", start.name.clone());
                env.record(self, what);
                self.resized.remove(&start.name);
                if let Some(work) = self.work() {
                    work.changed = true;
                }
                self.post_start(start, env);
            }
        }
    }

    fn start_failed(&mut self, start: &Start, error: &StartError, env: &mut Env<'_, '_>) {
        let text = texts::start_error(&error.message);
        self.ended_without_start(&start.name, &text, env.now());
        self.not_started(start, "RunContainerError", &text, &text, env);
    }

    /// Run the postStart hook, if there is one.
    fn post_start(&mut self, start: &Start, env: &mut Env<'_, '_>) {
        let hook =
            self.container(&start.name).and_then(|c| c.lifecycle.as_ref()?.post_start.clone());
        let Some(hook) = hook.filter(|_| !env.node.hollow()) else {
            self.reasons.remove(&start.name);
            return;
        };
        if let Some(exec) = &hook.exec {
            let argv = exec.command.clone().unwrap_or_default();
            let id = self.runtime.newest(&start.name).map(|r| r.id.clone()).unwrap_or_default();
            let purpose = ExecPurpose::PostStart(self.uid.clone());
            match cri::exec(&id, &argv, purpose, env) {
                Ok(exec) => self.set_current(Current::PostStart(start.clone(), Some(exec))),
                Err(error) => {
                    let said = Said { err: error.message, ..Said::default() };
                    let why = HookFailure::Exec { code: error.code, said };
                    self.post_start_failed(start.clone(), &why, env);
                }
            }
        } else if let Some(sleep) = &hook.sleep {
            let seconds = u64::try_from(sleep.seconds).unwrap_or(0);
            self.set_current(Current::PostStart(start.clone(), None));
            self.wake_after(SimDuration::from_secs(seconds), env);
        } else if let Some(http) = &hook.http_get {
            let sent = self.hook_request(&start.name, http, NetWhat::PostStart, env);
            if sent {
                self.set_current(Current::PostStart(start.clone(), None));
            }
        }
    }

    /// A sleep hook is over.
    pub(super) fn post_start_timed(
        &mut self,
        start: Start,
        exec: Option<crate::machine::ExecId>,
        _env: &mut Env<'_, '_>,
    ) {
        match exec {
            Some(exec) => self.set_current(Current::PostStart(start, Some(exec))),
            None => {
                self.reasons.remove(&start.name);
            }
        }
    }

    /// An exec or request of a postStart hook ended.
    pub(super) fn post_start_ended(&mut self, failed: Option<HookFailure>, env: &mut Env<'_, '_>) {
        let Some(work) = self.work() else { return };
        let start = match std::mem::replace(&mut work.current, Current::Nothing) {
            Current::PostStart(start, _) => start,
            other @ (Current::Nothing
            | Current::Kills
            | Current::Sandbox
            | Current::Pull(..)
            | Current::Create(..)
            | Current::Start(_)
            | Current::PostStartKill
            | Current::StopSandbox) => {
                work.current = other;
                return;
            }
        };
        match failed {
            None => {
                self.reasons.remove(&start.name);
            }
            Some(why) => self.post_start_failed(start, &why, env),
        }
        self.advance(env);
    }

    fn post_start_failed(&mut self, start: Start, why: &HookFailure, env: &mut Env<'_, '_>) {
        env.say(self, Some(&start.name), true, "FailedPostStartHook", "PostStartHook failed");
        let hook =
            self.container(&start.name).and_then(|c| c.lifecycle.as_ref()?.post_start.clone());
        let argv = hook.and_then(|h| h.exec).and_then(|e| e.command).unwrap_or_default();
        let text = texts::post_start(&argv, &start.name, &self.full_name(), why);
        self.failed(&start, "PostStartHookError", &text);
        self.begin_kill(&start.name, KillReason::Stopping, Some("FailedPostStartHook"), env);
        if !self.kills.is_empty() {
            self.set_current(Current::PostStartKill);
        }
    }

    /// Send the request of an HTTP hook; false if its port has no number.
    pub(super) fn hook_request(
        &self,
        container: &Arc<str>,
        http: &k8s_openapi::api::core::v1::HTTPGetAction,
        what: NetWhat,
        env: &mut Env<'_, '_>,
    ) -> bool {
        let port = self.container(container).and_then(|c| super::probes::port_of(c, &http.port));
        let Some(port) = port else { return false };
        let sandbox_ip = self.runtime.sandbox.as_ref().map(|s| s.ip.clone()).unwrap_or_default();
        let host = http.host.clone().filter(|h| !h.is_empty()).unwrap_or(sandbox_ip);
        let path = http.path.clone().unwrap_or_else(|| "/".to_owned());
        let request = crate::net::Request::get(&host, port, &path);
        let purpose = NetPurpose {
            uid: self.uid.clone(),
            container: container.clone(),
            what,
            address: format!("{host}:{port}"),
            url: format!("http://{host}:{port}{path}"),
            path,
        };
        super::probing::send(request, purpose, env);
        true
    }
}

/// Begin the next pull of the node, if none runs.
pub(super) fn begin_next_pull(env: &mut Env<'_, '_>) {
    let Some(pull) = env.node.pulls.begin(env.cx.now) else { return };
    let (machines, host) = (&mut *env.machines, &env.node.host);
    env.cx.within(|cx| {
        machines.pull(host, Namespace::K8s, &pull.image, pull.ticket, false, cx);
    });
}
