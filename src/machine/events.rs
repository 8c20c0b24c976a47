//! What wakes the runtime: timers, deliveries, answers, planned moments.

use std::sync::Arc;

use crate::engine::cx::Cx;
use crate::engine::fault::FaultKind;
use crate::machine::container::{Deferred, Flow, State};
use crate::machine::host::Power;
use crate::machine::ids::{ContainerId, HostId};
use crate::machine::io::{Due, Input, Output, Timer};
use crate::machine::local::LOCAL_FLOW;
use crate::machine::proc::{Body, MAIN, Room, Work};
use crate::machine::program;
use crate::machine::pull;
use crate::machine::runtime::Machines;
use crate::machine::tools;
use crate::machine::traffic::{Answer, Incoming, RequestTag, Response};
use crate::posix::{TaskId, Wake};

impl Machines {
    /// One event.
    pub fn step(&mut self, input: Input, cx: &mut Cx<'_, Output>) {
        match input {
            Input::Timer(timer) => self.timer(timer, cx),
            Input::Deliver { flow, host, sandbox, port, request } => {
                self.deliver(flow, &host, &sandbox, port, request, cx);
            }
            Input::Local { tag, sandbox, port, request } => {
                self.deliver_local(tag, &sandbox, port, request, cx);
            }
            Input::Answered { tag, answer } => {
                self.within(&tag.host, &tag.container, cx, |room| match room.container.state {
                    State::Paused => {
                        let late = Deferred::Answered(tag.number, answer);
                        room.container.live.deferred.push(late);
                    }
                    State::Running => room.answer(tag.number, answer),
                    State::Created | State::Exited => {}
                });
            }
            Input::Pull { host, ticket, moment } => {
                if let Some(host) = self.hosts.get_mut(&host) {
                    pull::moment(host, ticket, &moment, cx);
                }
            }
            Input::Booted { host, boot } => self.booted(&host, boot, cx),
        }
    }

    /// Let a fault hit a running container now. The other kinds are looked up when they matter.
    pub fn apply_fault(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        kind: &FaultKind,
        cx: &mut Cx<'_, Output>,
    ) {
        let work = match kind {
            FaultKind::ContainerOom => Work::Oom,
            FaultKind::ContainerExit(code) => Work::Finish(MAIN, *code),
            FaultKind::HostDown
            | FaultKind::LinkDown
            | FaultKind::LinkDelay(_)
            | FaultKind::LinkLoss(_)
            | FaultKind::RegistryNotFound
            | FaultKind::RegistryTooManyRequests
            | FaultKind::RegistrySlow
            | FaultKind::ProcessDown
            | FaultKind::ProcessFrozen
            | FaultKind::ApiError(_)
            | FaultKind::IgnoreSigterm
            | FaultKind::Hang => return,
        };
        self.within(host, id, cx, |room| room.work.push_back(work));
    }

    /// A container of a host by its name or id.
    #[must_use]
    pub fn find_container(&self, host: &HostId, name: &str) -> Option<ContainerId> {
        let machine = self.hosts.get(host)?;
        let mut all = machine.containers.values();
        all.find(|c| *c.spec.name == *name || *c.spec.id.0 == *name).map(|c| c.spec.id.clone())
    }

    fn timer(&mut self, timer: Timer, cx: &mut Cx<'_, Output>) {
        let Timer { host, container, run, due } = timer;
        let fresh = self.container(&host, &container).is_some_and(|c| c.run == run && c.is_alive());
        if !fresh {
            return;
        }
        self.within(&host, &container, cx, |room| {
            if room.container.state == State::Paused {
                room.container.live.deferred.push(Deferred::Timer(due));
            } else {
                room.due(due);
            }
        });
    }

    /// Who listens on a port of a network namespace.
    fn listener(&self, host: &HostId, sandbox: &Arc<str>, port: u16) -> Option<(ContainerId, u32)> {
        let machine = self.hosts.get(host).filter(|h| h.power == Power::On)?;
        let direct = machine.listeners.get(&(sandbox.clone(), port));
        let found = direct.or_else(|| {
            // The fabric may name a container that shares another's namespace.
            let shared = machine.containers.get(&ContainerId(sandbox.clone()))?.sandbox();
            machine.listeners.get(&(shared, port))
        });
        found.cloned()
    }

    fn deliver(
        &mut self,
        flow: u64,
        host: &HostId,
        sandbox: &Arc<str>,
        port: u16,
        request: Incoming,
        cx: &mut Cx<'_, Output>,
    ) {
        if self.hosts.get(host).is_none_or(|h| h.power != Power::On) {
            return;
        }
        let Some((id, process)) = self.listener(host, sandbox, port) else {
            cx.emit(Output::Respond { flow, response: Response::Refused });
            return;
        };
        self.within(host, &id, cx, |room| room.receive(flow, process, port, request, None));
    }

    fn deliver_local(
        &mut self,
        tag: RequestTag,
        sandbox: &Arc<str>,
        port: u16,
        request: Incoming,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some((id, process)) = self.listener(&tag.host, sandbox, port) else {
            let answer = crate::machine::local::answer(Response::Refused);
            cx.emit(Input::Answered { tag, answer });
            return;
        };
        let host = tag.host.clone();
        self.within(&host, &id, cx, |room| {
            let flow = LOCAL_FLOW | u64::from(room.next_number());
            room.receive(flow, process, port, request, Some(tag));
        });
    }
}

/// What Ctrl-C sends to a terminal.
const INTR: char = '\u{3}';
/// The signal of Ctrl-C.
pub(super) const SIGINT: u8 = 2;

impl Room<'_, '_> {
    /// Whether a text is Ctrl-C on the terminal of a process.
    pub(super) fn interrupts(&self, process: u32, text: Option<&str>) -> bool {
        let typed = text.is_some_and(|text| text.contains(INTR));
        typed && self.container.live.procs.get(&process).is_some_and(|proc| proc.tty)
    }

    /// SIGINT to everything in the foreground of a process's terminal, the last started first.
    pub(super) fn interrupt(&mut self, process: u32) {
        let Some(proc) = self.container.live.procs.get(&process) else { return };
        if let Body::Shell(shell) = &proc.body {
            let front = shell.foreground();
            let procs = self.container.live.procs.iter();
            let children = procs.filter(|(_, child)| {
                child.parent.is_some_and(|(of, task)| of == process && front.contains(&task))
            });
            for child in children.map(|(number, _)| *number).collect::<Vec<_>>() {
                self.interrupt(child);
            }
        }
        self.work.push_back(Work::Signal(process, SIGINT));
    }

    /// A request for a listening process of this container.
    fn receive(
        &mut self,
        flow: u64,
        process: u32,
        port: u16,
        request: Incoming,
        local: Option<RequestTag>,
    ) {
        self.container.live.flows.insert(flow, Flow { process, local });
        if self.has_fault(&FaultKind::Hang) {
            // The connection is accepted by the kernel; nobody ever answers.
            return;
        }
        if self.container.state == State::Paused {
            let late = Deferred::Request(flow, process, port, request);
            self.container.live.deferred.push(late);
            return;
        }
        self.serve(flow, process, port, &request);
    }

    /// The answer to a request of one of its processes.
    pub(super) fn answer(&mut self, number: u64, answer: Answer) {
        let Some(process) = self.container.live.asked.remove(&number) else { return };
        let Some(proc) = self.container.live.procs.get(&process) else { return };
        let work = match &proc.body {
            Body::Program(_) => Work::Program(process, program::Event::Answered(answer)),
            Body::Tool(_) => Work::Tool(process, tools::Event::Answered(answer)),
            Body::Shell(_) | Body::Away => return,
        };
        self.work.push_back(work);
    }

    /// A timer of this run.
    pub(super) fn due(&mut self, due: Due) {
        let work = match due {
            Due::Begin { process } => Work::Begin(process),
            Due::Program { process, moment } => {
                match self.container.live.procs.get(&process).map(|p| &p.body) {
                    Some(Body::Program(_)) => Work::Program(process, program::Event::Timer(moment)),
                    Some(Body::Tool(_)) => Work::Tool(process, tools::Event::Timer(moment)),
                    _ => return,
                }
            }
            Due::Shell { process, task } => Work::Wake(process, Wake::Timer(TaskId(task))),
            Due::Oom { plan } if plan == self.container.live.oom_plan => Work::Oom,
            Due::Oom { .. } => return,
            Due::Respond { flow, process, response } => {
                if self.container.live.procs.contains_key(&process) {
                    self.respond(flow, response);
                }
                return;
            }
            Due::InitEnds { code } => {
                self.container_ends(code);
                return;
            }
            Due::Exit { process, code } => Work::Finish(process, code),
        };
        self.work.push_back(work);
    }
}
