//! What a fault, its mending, and a machine's switches do at once; what they do later is asked of
//! the fault table at the fault points.

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::docker::{self, DaemonAction};
use crate::engine::cx::{Cx, Effect};
use crate::engine::fault::{Fault, FaultKind};
use crate::engine::trace::{Actor, Subject, TraceId};
use crate::kube;
use crate::machine::{self, HostId};
use crate::net::load::{Load, LoadId, LoadSpec};
use crate::net::{self, Origin, Request};
use crate::world::command::HostAction;
use crate::world::event::Event;
use crate::world::world::{World, act};

impl World {
    /// Break something; what a fault does at once is done at once.
    pub(super) fn break_something(
        &mut self,
        kind: FaultKind,
        target: String,
        lasting: Option<SimDuration>,
    ) {
        let until = lasting.map(|time| self.now + time);
        let what = Message::new(broken(&kind)).with("target", plain_name(&target));
        let subject = self.struck(&target);
        let cause = self.trace.record(self.now, Actor::only("fault"), subject, what, TraceId::NONE);
        if let Some(at) = until {
            self.queue.push(at, cause, Event::FaultOver(self.faults.list.len()));
        }
        let from = self.now;
        self.faults.begin(Fault { kind: kind.clone(), target: target.clone(), from, until });
        self.fault_begins(&kind, &target, cause);
    }

    /// A fault that was to last a while ends by itself, unless it was mended before. What another
    /// one of its kind still holds down stays down.
    pub(super) fn fault_over(&mut self, place: usize, cause: TraceId) {
        let fault = self.faults.list.get(place).filter(|f| f.until == Some(self.now));
        let Some((kind, target)) = fault.map(|f| (f.kind.clone(), f.target.clone())) else {
            return;
        };
        let what = Message::new("why-fault-over").with("target", plain_name(&target));
        let subject = self.struck(&target);
        let cause = self.trace.record(self.now, Actor::only("fault"), subject, what, cause);
        self.faults.settle(&target, self.now);
        self.fault_ends(&kind, &target, cause);
    }

    /// Mend it again.
    pub(super) fn mend(&mut self, kind: &FaultKind, target: &str) {
        let ended = self.faults.mend(target, kind, self.now);
        if ended == 0 {
            return;
        }
        let what = Message::new("why-mended").with("target", plain_name(target));
        let cause = self.learner(what, &self.struck(target).0);
        self.fault_ends(kind, target, cause);
    }

    /// What a fault does at once.
    fn fault_begins(&mut self, kind: &FaultKind, target: &str, cause: TraceId) {
        match kind {
            FaultKind::HostDown => self.power_off(target, cause),
            FaultKind::ProcessDown => self.daemon(target, DaemonAction::Kill, cause),
            FaultKind::ProcessFrozen => self.daemon(target, DaemonAction::Pause, cause),
            FaultKind::LinkDown
            | FaultKind::LinkDelay(_)
            | FaultKind::LinkLoss(_)
            | FaultKind::RegistryNotFound
            | FaultKind::RegistryTooManyRequests
            | FaultKind::RegistrySlow
            | FaultKind::ApiError(_)
            | FaultKind::ContainerOom
            | FaultKind::ContainerExit(_)
            | FaultKind::IgnoreSigterm
            | FaultKind::Hang => self.container_fault(target, kind, cause),
        }
        self.rewired(cause);
    }

    /// What the end of a fault does at once, if no other one keeps it broken.
    fn fault_ends(&mut self, kind: &FaultKind, target: &str, cause: TraceId) {
        if self.faults.has(target, kind, self.now) {
            return;
        }
        match kind {
            FaultKind::HostDown => self.boot(target, cause),
            FaultKind::ProcessDown => self.daemon(target, DaemonAction::Start, cause),
            FaultKind::ProcessFrozen => self.daemon(target, DaemonAction::Resume, cause),
            FaultKind::LinkDown
            | FaultKind::LinkDelay(_)
            | FaultKind::LinkLoss(_)
            | FaultKind::RegistryNotFound
            | FaultKind::RegistryTooManyRequests
            | FaultKind::RegistrySlow
            | FaultKind::ApiError(_)
            | FaultKind::ContainerOom
            | FaultKind::ContainerExit(_)
            | FaultKind::IgnoreSigterm
            | FaultKind::Hang => {}
        }
        self.rewired(cause);
    }

    /// Cables or processes have changed: the cluster's connections break or come back.
    fn rewired(&mut self, cause: TraceId) {
        if self.kube.is_some() && self.faults.wire.epoch() != self.wired {
            self.wired = self.faults.wire.epoch();
            self.queue.push(self.now, cause, Event::Kube(kube::Input::Rewired));
        }
    }

    /// What a target of a fault is in the trace: a node, a machine, a pod, a container.
    fn struck(&self, target: &str) -> Subject {
        let Some((host, name)) = target.split_once('/') else {
            let kind = if self.is_node(target) { "Node/" } else { "host" };
            return Subject::new(format!("{kind}/{target}"));
        };
        if let Some((pod, namespace)) = pod_of(name) {
            return Subject::object("Pod", namespace, pod);
        }
        let found = self.machines.find_container(&HostId::new(host), name);
        Subject::container(host, &found.map_or_else(|| name.to_owned(), |id| id.to_string()))
    }

    /// Something is done to a machine or its daemon.
    pub(super) fn host_action(&mut self, host: &str, action: HostAction) {
        let what = Message::new(done(action)).with("host", host);
        let cause = self.learner(what, &format!("Node//{host}"));
        match action {
            HostAction::PowerOff => self.switch(host, &FaultKind::HostDown, true, cause),
            HostAction::Boot => self.switch(host, &FaultKind::HostDown, false, cause),
            HostAction::LinkDown => self.switch(host, &FaultKind::LinkDown, true, cause),
            HostAction::LinkUp => self.switch(host, &FaultKind::LinkDown, false, cause),
            HostAction::StopDaemon => self.daemon(host, DaemonAction::Stop, cause),
            HostAction::KillDaemon => self.daemon(host, DaemonAction::Kill, cause),
            HostAction::StartDaemon => {
                // Whoever starts a daemon by hand has mended it.
                for target in
                    [host.to_owned(), format!("{host}/dockerd"), format!("{host}/kubelet")]
                {
                    self.faults.mend(&target, &FaultKind::ProcessDown, self.now);
                }
                self.daemon(host, DaemonAction::Start, cause);
            }
            HostAction::PauseDaemon => self.daemon(host, DaemonAction::Pause, cause),
            HostAction::ResumeDaemon => self.daemon(host, DaemonAction::Resume, cause),
        }
    }

    /// What the learner does to a machine is a fault without an end, or the end of it.
    fn switch(&mut self, host: &str, kind: &FaultKind, broken: bool, cause: TraceId) {
        if broken {
            let target = host.to_owned();
            let fault = Fault { kind: kind.clone(), target, from: self.now, until: None };
            self.faults.begin(fault);
            self.fault_begins(kind, host, cause);
        } else {
            self.faults.mend(host, kind, self.now);
            self.fault_ends(kind, host, cause);
        }
    }

    /// Start, change or stop a client that sends steadily.
    pub(super) fn load(&mut self, name: &str, url: &str, from: &str, rate_milli: u32) {
        let id = LoadId(fold(name));
        let what = Message::new("why-load").with("name", name).with("url", url);
        let cause = self.learner(what, &format!("load/{name}"));
        let from = match self.machines.host(&HostId::new(from)) {
            Some(_) => Origin::Host(from.into()),
            None => Origin::Outside,
        };
        let input = match Request::from_url(url) {
            Some(request) if rate_milli > 0 => {
                let per_kilosecond = rate_milli;
                let spec = LoadSpec { from, request, per_kilosecond, until: None };
                net::Input::StartLoad(id, spec)
            }
            _ => net::Input::StopLoad(id),
        };
        self.queue.push(self.now, cause, Event::Net(input));
    }

    /// The learner's client of this name, also one that has stopped.
    #[must_use]
    pub fn load_named(&self, name: &str) -> Option<&Load> {
        self.fabric.load(LoadId(fold(name)))
    }

    fn power_off(&mut self, host: &str, cause: TraceId) {
        let id = HostId::new(host);
        act!(self, cause, |cx: machine::Output| self.machines.power_off(&id, cx));
    }

    fn boot(&mut self, host: &str, cause: TraceId) {
        let id = HostId::new(host);
        act!(self, cause, |cx: machine::Output| self.machines.boot(&id, cx));
    }

    /// A process of a machine: `host/name`, or the machine's daemon, which is its kubelet if it is a
    /// node, else dockerd.
    fn daemon(&mut self, target: &str, action: DaemonAction, cause: TraceId) {
        let (host, name) = target.split_once('/').unwrap_or((target, ""));
        let of_cluster = kube::watch::Process::named(name, host);
        let event = match of_cluster {
            Some(kube::watch::Process::Kubelet(_)) => kubelet(host, action),
            Some(process) => component(process, action),
            None if name.starts_with("kube-") || name == "etcd" => None,
            None if self.is_node(host) => kubelet(host, action),
            None => Some(Event::Docker(docker::Input::Daemon { host: host.into(), action })),
        };
        if let Some(event) = event {
            self.queue.push(self.now, cause, event);
        }
    }

    fn is_node(&self, host: &str) -> bool {
        let key = kube::api::object::Key::new("", host);
        let kind = kube::kinds::Kind::Node;
        self.kube.as_ref().is_some_and(|k| k.store.get(kind, &key).is_some())
    }

    /// Faults that hit a running container at once: the target is `host/container`.
    fn container_fault(&mut self, target: &str, kind: &FaultKind, cause: TraceId) {
        let Some((host, container)) = target.split_once('/') else { return };
        let host = HostId::new(host);
        let found = self.machines.find_container(&host, container);
        if let Some(id) = found {
            act!(self, cause, |cx: machine::Output| {
                self.machines.apply_fault(&host, &id, kind, cx);
            });
        }
    }
}

/// What becomes of the kubelet of a node: it knows of its own death, and goes on like the others.
fn kubelet(host: &str, action: DaemonAction) -> Option<Event> {
    let running = match action {
        DaemonAction::Start => true,
        DaemonAction::Stop | DaemonAction::Kill => false,
        DaemonAction::Pause | DaemonAction::Resume => {
            return component(kube::watch::Process::Kubelet(host.into()), action);
        }
    };
    Some(Event::Kube(kube::Input::KubeletPower { node: host.into(), running }))
}

/// What becomes of a component of the cluster; that it is frozen stands in the wire.
fn component(process: kube::watch::Process, action: DaemonAction) -> Option<Event> {
    use kube::power::Turn;
    let turn = match action {
        DaemonAction::Start => Turn::Start,
        DaemonAction::Kill | DaemonAction::Stop => Turn::Die,
        DaemonAction::Resume => Turn::Resume,
        DaemonAction::Pause => return None,
    };
    Some(Event::Kube(kube::Input::Power { process, turn }))
}

/// Pod and namespace in a name such as `k8s_web_web-0_default`, as the kubelet names containers.
fn pod_of(name: &str) -> Option<(&str, &str)> {
    let mut parts = name.strip_prefix("k8s_")?.splitn(3, '_').skip(1);
    Some((parts.next()?, parts.next()?))
}

/// A target of a fault as a person names it.
#[must_use]
pub fn plain_name(target: &str) -> &str {
    let name = target.split_once('/').map_or(target, |(_, name)| name);
    pod_of(name).map_or(name, |(pod, _)| pod)
}

/// The text that tells of a fault.
const fn broken(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::HostDown => "why-fault-host-down",
        FaultKind::LinkDown => "why-fault-link-down",
        FaultKind::LinkDelay(_) => "why-fault-link-delay",
        FaultKind::LinkLoss(_) => "why-fault-link-loss",
        FaultKind::RegistryNotFound => "why-fault-registry-not-found",
        FaultKind::RegistryTooManyRequests => "why-fault-registry-too-many",
        FaultKind::RegistrySlow => "why-fault-registry-slow",
        FaultKind::ProcessDown => "why-fault-process-down",
        FaultKind::ProcessFrozen => "why-fault-process-frozen",
        FaultKind::ApiError(_) => "why-fault-api-error",
        FaultKind::ContainerOom => "why-fault-container-oom",
        FaultKind::ContainerExit(_) => "why-fault-container-exit",
        FaultKind::IgnoreSigterm => "why-fault-ignore-sigterm",
        FaultKind::Hang => "why-fault-hang",
    }
}

/// The text that tells what was done to a machine.
const fn done(action: HostAction) -> &'static str {
    match action {
        HostAction::PowerOff => "why-you-power-off",
        HostAction::Boot => "why-you-boot",
        HostAction::StopDaemon => "why-you-stop-daemon",
        HostAction::KillDaemon => "why-you-kill-daemon",
        HostAction::StartDaemon => "why-you-start-daemon",
        HostAction::PauseDaemon => "why-you-pause-daemon",
        HostAction::ResumeDaemon => "why-you-resume-daemon",
        HostAction::LinkDown => "why-you-link-down",
        HostAction::LinkUp => "why-you-link-up",
    }
}

/// A small number for a name.
fn fold(name: &str) -> u32 {
    u32::try_from(crate::base::digest::of_text(name) >> 33).unwrap_or(0)
}
