//! The state of one container.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::ledger::Roll;
use crate::base::time::SimTime;
use crate::machine::ids::{ExecId, Stream};
use crate::machine::image::Image;
use crate::machine::io::Due;
use crate::machine::proc::Proc;
use crate::machine::spec::ContainerSpec;
use crate::machine::traffic::{Answer, Incoming, RequestTag};
use crate::posix::Files;

/// Lines of log kept per container.
pub const MAX_LOG_LINES: usize = 4096;

/// Exit code of a container whose machine went away (trace notes: "on-failure: back after power
/// loss (255)").
const POWER_LOSS: u8 = 255;

/// Where a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Never ran, or its start failed.
    Created,
    /// Its main process runs.
    Running,
    /// Frozen.
    Paused,
    /// Its main process ended.
    Exited,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogLine {
    /// When it was written.
    pub at: SimTime,
    /// To which stream.
    pub stream: Stream,
    /// Text without the line end.
    pub text: Arc<str>,
    /// Whether no line end followed (yet).
    pub partial: bool,
    /// Which run of the container wrote it, from 1.
    pub run: u32,
}

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// What was asked for, with the image's environment and command filled in.
    pub spec: Arc<ContainerSpec>,
    /// State.
    pub state: State,
    /// When made.
    pub created: SimTime,
    /// Start of the latest run.
    pub started: Option<SimTime>,
    /// End of the latest run.
    pub finished: Option<SimTime>,
    /// Exit code of the latest run.
    pub exit_code: u8,
    /// Whether the kernel killed the latest run for memory.
    pub oom: bool,
    /// Runs so far.
    pub run: u32,
    /// The log of all runs.
    pub log: Roll<LogLine>,
    /// The catalogue does not know the image.
    pub assumed: bool,
    /// The image, kept also when its tags are gone.
    pub image: Arc<Image>,
    /// Processes and files.
    pub(super) live: Live,
}

impl Container {
    /// The network namespace as the fabric knows it.
    #[must_use]
    pub fn sandbox(&self) -> Arc<str> {
        if self.spec.sandbox.is_empty() {
            self.spec.id.0.clone()
        } else {
            self.spec.sandbox.clone()
        }
    }

    /// Its host lost power: what dockerd and the kubelet find after the boot.
    pub(super) fn lose_power(&mut self, now: SimTime) {
        self.state = State::Exited;
        self.finished = Some(now);
        self.exit_code = POWER_LOSS;
        self.oom = false;
        let live = &mut self.live;
        live.procs.clear();
        live.execs.clear();
        live.flows.clear();
        live.asked.clear();
        live.deferred.clear();
        live.tmpfs.clear();
        live.followers = 0;
    }

    /// Whether its main process exists, frozen or not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.state, State::Running | State::Paused)
    }
}

/// What a container has besides its public state: processes and files.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// Image and own layer merged.
    pub(super) root: Files,
    /// `/etc/hosts` and the like, laid over by the caller.
    pub(super) own: Files,
    /// Mounted file systems in memory.
    pub(super) tmpfs: BTreeMap<String, Files>,
    /// Processes by number; number 1 is the main one.
    pub(super) procs: BTreeMap<u32, Proc>,
    /// Execs that run.
    pub(super) execs: BTreeMap<ExecId, u32>,
    /// Delivered requests that wait for an answer, with the process that will give it.
    pub(super) flows: BTreeMap<u64, Flow>,
    /// Requests of processes that wait for an answer.
    pub(super) asked: BTreeMap<u64, u32>,
    /// What came while it was paused.
    pub(super) deferred: Vec<Deferred>,
    /// The last number given to a process, request or plan.
    pub(super) counter: u32,
    /// The last pid given.
    pub(super) last_pid: u32,
    /// The valid plan for the moment at which memory runs out.
    pub(super) oom_plan: u32,
    /// Memory is over the limit and the plan is for the kill.
    pub(super) oom_near: bool,
    /// A process of this run was killed for memory.
    pub(super) oom_seen: bool,
    /// Readers of the log.
    pub(super) followers: u32,
    /// CPU used up to `cpu_since`.
    pub(super) cpu_used_us: u64,
    /// Since when the present rate counts.
    pub(super) cpu_since: SimTime,
}

/// A delivered request.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Who will answer.
    pub(super) process: u32,
    /// For a request from the same network namespace: where the answer goes.
    pub(super) local: Option<RequestTag>,
}

/// Something that waits for the end of a pause.
#[derive(Clone, Debug)]
pub(super) enum Deferred {
    /// A timer.
    Timer(Due),
    /// A delivered request with its listener.
    Request(u64, u32, u16, Incoming),
    /// An answer.
    Answered(u64, Answer),
    /// A signal for the main process.
    Signal(u8),
    /// Input for a process.
    Stdin(u32, Option<String>),
}
