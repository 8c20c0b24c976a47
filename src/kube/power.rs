//! Components that are gone, stopped in place, or start again.
//!
//! A dead process hears nothing and forgets everything; when it starts it lists what is there. A
//! frozen one finds everything that happened meanwhile when it goes on. Which is which stands in
//! the wire (`engine::wire`); here is what follows from it.
//!
//! Models leader election of kube-controller-manager and kube-scheduler by its times only
//! (`client-go/tools/leaderelection`: lease 15 s, retry 2 s).

use std::sync::Arc;

use crate::base::time::SimDuration;
use crate::engine::cx::Cx;
use crate::engine::wire::Halt;
use crate::kube::api::store::Change;
use crate::kube::controllers::manager::Manager;
use crate::kube::kinds::Kind;
use crate::kube::nodes::NodeInput;
use crate::kube::proxy::{Proxy, Wish};
use crate::kube::scheduler::Scheduler;
use crate::kube::watch::{Process, follows};
use crate::kube::{Cluster, Input, Output};
use crate::net::Fabric;

/// The new process waits until the lease of the dead one has run out (`LeaseDuration`).
const LEASE: SimDuration = SimDuration::from_secs(15);
/// It looks for that every two seconds (`RetryPeriod`).
const RETRY: SimDuration = SimDuration::from_secs(2);

/// What is done to a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It dies.
    Die,
    /// It starts again.
    Start,
    /// It leads again: the lease of its former life has run out.
    Lead,
    /// It goes on where it was stopped.
    Resume,
}

impl Process {
    /// A component by its name and its machine.
    #[must_use]
    pub fn named(name: &str, host: &str) -> Option<Self> {
        Some(match name {
            "kube-controller-manager" => Self::ControllerManager,
            "kube-scheduler" => Self::Scheduler,
            "coredns" => Self::Dns,
            "kubelet" => Self::Kubelet(host.into()),
            "kube-proxy" => Self::Proxy(host.into()),
            _ => return None,
        })
    }
}

/// The component that an input wakes; `None` for the API server's.
fn woken(input: &Input) -> Option<Process> {
    match input {
        Input::Controllers(_) => Some(Process::ControllerManager),
        Input::Scheduler(_) => Some(Process::Scheduler),
        Input::Deliver(process) => Some(process.clone()),
        Input::Node(node, input) => match &**input {
            NodeInput::Kubelet(_) => Some(Process::Kubelet(node.clone())),
            NodeInput::ProxySync => Some(Process::Proxy(node.clone())),
            NodeInput::Request(..) | NodeInput::Reconnected => None,
        },
        Input::Notice(notice) => Some(Process::Kubelet(notice.host.0.clone())),
        Input::Ask { .. }
        | Input::Arrived { .. }
        | Input::Forget { .. }
        | Input::Call(_)
        | Input::Request { .. }
        | Input::Say { .. }
        | Input::Answer { .. }
        | Input::Rewired
        | Input::Power { .. }
        | Input::KubeletPower { .. }
        | Input::Scrape => None,
    }
}

impl Cluster {
    /// The input, unless the component that it wakes is halted: a dead one misses it, a frozen one
    /// finds it later. (A kubelet knows of its own death; containers live on without it.)
    pub(super) fn unless_halted(&mut self, input: Input, cx: &Cx<'_, Output>) -> Option<Input> {
        let Some(process) = woken(&input) else { return Some(input) };
        match cx.faults.wire.halt(process.place()) {
            None => Some(input),
            Some(Halt::Down) if matches!(process, Process::Kubelet(_)) => Some(input),
            Some(Halt::Down) => None,
            Some(Halt::Frozen) => {
                self.parked.entry(process).or_default().push(input);
                None
            }
        }
    }

    /// Something is done to a component.
    pub(super) fn turn(
        &mut self,
        process: &Process,
        turn: Turn,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        match turn {
            Turn::Die => self.die(process, fabric, cx),
            Turn::Start => {
                let wait = match process {
                    Process::ControllerManager | Process::Scheduler => {
                        let died = self.died.get(process).copied().unwrap_or(cx.now);
                        let over = (died + LEASE).since(cx.now);
                        let look = cx.stream("leader", process.label()).between(0, RETRY.0);
                        over + SimDuration(look)
                    }
                    Process::Kubelet(_) | Process::Proxy(_) | Process::Dns => SimDuration::ZERO,
                };
                let process = process.clone();
                cx.emit_after(wait, Output::Again(Input::Power { process, turn: Turn::Lead }));
            }
            Turn::Lead => {
                // It may have died again while it waited.
                if cx.faults.wire.halt(process.place()).is_none() {
                    self.begin_anew(process, fabric, cx);
                }
            }
            Turn::Resume => {
                for input in self.parked.remove(process).unwrap_or_default() {
                    cx.emit(Output::Again(input));
                }
            }
        }
    }

    fn die(&mut self, process: &Process, fabric: &mut Fabric, cx: &Cx<'_, Output>) {
        self.died.insert(process.clone(), cx.now);
        self.parked.remove(process);
        if let Some(streams) = self.streams.get_mut(process) {
            streams.clear();
        }
        if *process == Process::Dns {
            fabric.set_cluster_dns(false);
        }
    }

    /// A component begins with empty caches and lists everything that it follows.
    fn begin_anew(&mut self, process: &Process, fabric: &mut Fabric, cx: &mut Cx<'_, Output>) {
        self.died.remove(process);
        let all = self.listed(process, cx);
        match process {
            Process::ControllerManager => {
                let metrics = self.controllers.metrics.take();
                self.controllers = Manager::default();
                self.controllers.metrics = metrics;
                let wishes = self.controllers.changes(&all, cx);
                self.grant(wishes, cx);
            }
            Process::Scheduler => {
                self.scheduler = Scheduler::default();
                let wishes = self.scheduler.changes(&all, cx);
                self.grant_scheduler(wishes, cx);
            }
            Process::Proxy(node) => {
                let mut proxy = Proxy::new(node);
                let wish = proxy.changes(&all, cx);
                self.proxies.edit().insert(node.clone(), Arc::new(proxy));
                if let Some(Wish::SyncAt(at)) = wish {
                    let input = Input::Node(node.clone(), Box::new(NodeInput::ProxySync));
                    cx.emit_at(at, Output::Again(input));
                }
            }
            Process::Dns => {
                fabric.set_cluster_dns(true);
                self.dns.changes(&all, fabric);
            }
            Process::Kubelet(_) => {}
        }
    }

    /// Everything that a process follows, as its first lists show it.
    pub(super) fn listed(&self, process: &Process, cx: &Cx<'_, Output>) -> Vec<Arc<Change>> {
        let mut all: Vec<Arc<Change>> = Kind::ALL
            .iter()
            .flat_map(|kind| self.store.list(*kind).map(move |(key, entry)| (*kind, key, entry)))
            .map(|(kind, key, entry)| {
                Arc::new(Change {
                    at: cx.now,
                    kind,
                    key: key.clone(),
                    old: None,
                    new: Some(entry.object.clone()),
                    revision: entry.revision,
                    by: entry.written_by,
                })
            })
            .filter(|change| follows(process, change))
            .collect();
        all.sort_by_key(|change| change.revision);
        all
    }
}
