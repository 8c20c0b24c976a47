//! Docker Engine: the daemon of each host.
//!
//! [`Engines`] takes requests of clients ([`api::Request`]), notices of the runtime and its own
//! timers, and leaves replies, events and calls of the lower layers. One file per concern:
//! creation, life cycle, networks, volumes, images, exec, logs, system, power. The runtime proper
//! is `machine`, addresses and names are `net`.
//!
//! Left out: swarm (its own module), plugins, the containerd image store, live-restore.

pub mod api;
mod build;
mod clients;
mod container;
mod create;
mod daemon;
mod digest;
mod events;
mod exec;
mod health;
mod images;
mod inspect;
mod latency;
mod lifecycle;
mod list;
mod logs;
mod mounts;
mod names;
mod networks;
mod ports;
mod power;
mod probes;
mod reference;
mod refusals;
mod removal;
mod restart;
mod serve;
mod state;
mod system;
mod transfer;
mod units;
mod volumes;

pub use build::BuildPrinter;
pub use names::{short, signal_number};
pub use reference::ImageRef;
pub use state::ContainerView;
pub use system::target_problem;
pub use units::{
    ago, bytes_size, from_human_size, human_duration, human_size, human_size3, ram_in_bytes,
};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::docker::api::{ApiError, DockerEvent, Reply, Request};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::events::EventLog;
use crate::engine::cx::Cx;
use crate::machine::{self, Happening, HostId, Machines};
use crate::net::{self, Fabric};

/// What wakes the engines.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A client asks the daemon of a host.
    Ask {
        /// Host.
        host: Arc<str>,
        /// The caller's number; comes back with every reply.
        ticket: u64,
        /// The request.
        request: Request,
    },
    /// A client does not wait any more.
    Forget {
        /// Host.
        host: Arc<str>,
        /// Its number.
        ticket: u64,
    },
    /// Something happened to a container.
    Notice(machine::Notice),
    /// Something is done to a daemon from outside.
    Daemon {
        /// Host.
        host: Arc<str>,
        /// What.
        action: DaemonAction,
    },
    /// A request whose work is done (from the daemon itself).
    Serve {
        /// Host.
        host: HostId,
        /// Number of the daemon's run; requests of an earlier one are lost.
        run: u32,
        /// The caller's number.
        ticket: u64,
        /// The request.
        request: Request,
    },
    /// A timer (from the daemon itself).
    Timer {
        /// Host.
        host: HostId,
        /// Number of the daemon's run; timers of an earlier one are stale.
        run: u32,
        /// What is due.
        due: Due,
    },
}

/// Counts of starts and ends.
pub type ProcessStamp = (u32, u32);
/// Rows of `ps`.
pub type ProcessRows = Arc<[crate::posix::ProcessRow]>;

/// What is done to a daemon from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonAction {
    /// `systemctl stop docker`: containers are stopped, then it ends.
    Stop,
    /// `systemctl start docker`.
    Start,
    /// SIGKILL: containers live on without it.
    Kill,
    /// SIGSTOP: it does not answer.
    Pause,
    /// SIGCONT.
    Resume,
}

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The daemon is up (after start or boot).
    Up,
    /// All containers had their time to stop.
    Down,
    /// A container exits.
    Reap {
        /// Container.
        id: String,
        /// Its generation.
        generation: u32,
        /// Exit code.
        code: u8,
        /// For lack of memory.
        oom: bool,
        /// When it ended.
        at: crate::base::time::SimTime,
    },
    /// The patience of a stop is over.
    StopTimeout {
        /// Container.
        id: String,
        /// Its generation.
        generation: u32,
    },
    /// An automatic start.
    Restart {
        /// Container.
        id: String,
        /// Its generation.
        generation: u32,
    },
    /// A start at the start of the daemon, or the second half of `docker restart`.
    StartNow {
        /// Container.
        id: String,
        /// Whom to answer.
        ticket: Option<u64>,
        /// It ends with a `restart` event.
        restart: bool,
    },
    /// The next health probe.
    Probe {
        /// Container.
        id: String,
        /// Number of its health monitor.
        monitor: u32,
    },
    /// The process of a health probe starts.
    ProbeStart {
        /// The exec's tag.
        tag: u64,
    },
    /// A health probe takes too long.
    ProbeTimeout {
        /// The exec's tag.
        tag: u64,
    },
    /// The work of a step of a build is done.
    Build {
        /// Whom to answer.
        ticket: u64,
    },
    /// The next sample of a stream of statistics.
    Stats {
        /// Whom to answer.
        ticket: u64,
        /// Container.
        id: String,
    },
    /// The end of a stream of events.
    EventsEnd {
        /// Whom to answer.
        ticket: u64,
    },
}

/// What the engines leave behind.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Come back with this input.
    Again(Input),
    /// An output of the runtime.
    Machine(machine::Output),
    /// An output of the network.
    Net(net::Output),
    /// An answer, or one part of a streamed answer.
    Reply {
        /// The caller's number.
        ticket: u64,
        /// The answer.
        result: Result<Reply, ApiError>,
    },
}

impl From<Input> for Output {
    fn from(input: Input) -> Self {
        Self::Again(input)
    }
}

impl From<machine::Output> for Output {
    fn from(output: machine::Output) -> Self {
        Self::Machine(output)
    }
}

impl From<net::Output> for Output {
    fn from(output: net::Output) -> Self {
        Self::Net(output)
    }
}

/// The engines of all hosts that have one.
#[derive(Clone, Debug, Default)]
pub struct Engines {
    daemons: BTreeMap<HostId, Daemon>,
    log: EventLog,
    revision: u64,
}

impl Engines {
    /// Give a running host an engine that is up, with its default networks.
    pub fn add_host(
        &mut self,
        host: &str,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        let id = HostId::from(host);
        let mut daemon = Daemon::new(id.clone(), cx);
        let mut env = Env { host: id.clone(), machines, fabric, cx, log: &mut self.log };
        daemon.default_networks(&mut env);
        self.daemons.insert(id, daemon);
        self.revision += 1;
    }

    /// One step.
    pub fn step(
        &mut self,
        input: Input,
        machines: &mut Machines,
        fabric: &mut Fabric,
        cx: &mut Cx<'_, Output>,
    ) {
        self.revision += 1;
        let host = match &input {
            Input::Ask { host, .. } | Input::Forget { host, .. } | Input::Daemon { host, .. } => {
                HostId::new(host.clone())
            }
            Input::Notice(notice) => notice.host.clone(),
            Input::Serve { host, .. } | Input::Timer { host, .. } => host.clone(),
        };
        let Some(daemon) = self.daemons.get_mut(&host) else {
            if let Input::Ask { ticket, .. } = input {
                cx.emit(Output::Reply { ticket, result: Err(ApiError::unreachable()) });
            }
            return;
        };
        let mut env = Env { host, machines, fabric, cx, log: &mut self.log };
        daemon.step(input, &mut env);
        daemon.publish_events(&mut env);
    }

    /// Counts steps; nothing has changed while it stays the same.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Number of events so far; also the index of the next one.
    #[must_use]
    pub fn event_count(&self) -> u64 {
        self.log.len()
    }

    /// Events from an index on, oldest first.
    pub fn events_after(&self, index: u64) -> impl Iterator<Item = &DockerEvent> {
        self.log.iter_from(index)
    }

    /// Hosts that have an engine.
    pub fn hosts(&self) -> impl Iterator<Item = &HostId> {
        self.daemons.keys()
    }

    /// Whether the daemon of a host answers.
    #[must_use]
    pub fn is_up(&self, host: &str) -> bool {
        self.daemons.get(&HostId::from(host)).is_some_and(Daemon::is_up)
    }

    /// Every container of a host as `docker inspect` shows its state, by id; also while the daemon
    /// is down (what it would remember).
    #[must_use]
    pub fn container_states(&self, host: &str) -> Vec<ContainerView> {
        let daemon = self.daemons.get(&HostId::from(host));
        daemon.map(Daemon::views).unwrap_or_default()
    }

    /// The main processes of a host's containers, as the host numbers them, and a stamp of this
    /// state; `None` if the stamp `seen` still holds.
    #[must_use]
    pub fn processes(&self, host: &str, seen: (u32, u32)) -> Option<(ProcessStamp, ProcessRows)> {
        let daemon = self.daemons.get(&HostId::from(host))?;
        let stamp = (daemon.next_pid, daemon.ends);
        (stamp != seen).then(|| (stamp, daemon.processes()))
    }

    /// A container of a host as `docker inspect` would show it, by its full id; also while the
    /// daemon is down.
    #[must_use]
    pub fn inspected(&self, host: &str, id: &str) -> Option<api::ContainerInspect> {
        self.daemons.get(&HostId::from(host))?.inspected(id)
    }

    /// The container whose main process has this process id on a host.
    #[must_use]
    pub fn container_of_pid(&self, host: &str, pid: u32) -> Option<machine::ContainerId> {
        let daemon = self.daemons.get(&HostId::from(host))?;
        daemon.container_of_pid(pid)
    }
}

/// Whether a notice needs a daemon that runs.
pub(crate) const fn needs_daemon(what: &Happening) -> bool {
    !matches!(what, Happening::HostDown | Happening::HostUp)
}
