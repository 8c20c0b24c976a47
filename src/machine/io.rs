//! Inputs, outputs and notices of the runtime.

use std::sync::Arc;

use crate::machine::ids::{ContainerId, ExecId, HostId, Namespace, Stream};
use crate::machine::traffic::{Answer, Incoming, Outgoing, RequestTag, Response};

/// What wakes the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A timer of a process; stale ones (older generation) are ignored.
    Timer(Timer),
    /// A request reached a network namespace of this host.
    Deliver {
        /// The fabric's number of the request; comes back in [`Output::Respond`].
        flow: u64,
        /// Host.
        host: HostId,
        /// [`crate::machine::ContainerSpec::sandbox`], or a container's id.
        sandbox: Arc<str>,
        /// Destination port inside.
        port: u16,
        /// The request.
        request: Incoming,
    },
    /// A request of a process to its own network namespace (from the runtime itself).
    Local {
        /// Who asked.
        tag: RequestTag,
        /// The network namespace.
        sandbox: Arc<str>,
        /// Destination port.
        port: u16,
        /// The request.
        request: Incoming,
    },
    /// The answer to [`Output::Request`].
    Answered {
        /// From the request.
        tag: RequestTag,
        /// What became of it.
        answer: Answer,
    },
    /// A pull's planned moment.
    Pull {
        /// Host.
        host: HostId,
        /// The caller's number of the pull.
        ticket: u64,
        /// Which planned moment.
        moment: PullMoment,
    },
    /// A moment of a power change: the host's kernel is up.
    Booted {
        /// Host.
        host: HostId,
        /// Which boot; stale ones are ignored.
        boot: u32,
    },
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Host.
    pub host: HostId,
    /// Container.
    pub container: ContainerId,
    /// The run it belongs to: timers of an earlier run are stale.
    pub run: u32,
    /// What is due.
    pub due: Due,
}

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A process begins to run.
    Begin {
        /// Process number within the container.
        process: u32,
    },
    /// A moment of a declarative program.
    Program {
        /// Process number within the container.
        process: u32,
        /// Which of its moments.
        moment: u32,
    },
    /// A sleeping shell task.
    Shell {
        /// Process number within the container.
        process: u32,
        /// Task within the shell.
        task: u32,
    },
    /// The computed moment at which the memory limit is crossed.
    Oom {
        /// Plan number; a newer plan makes it stale.
        plan: u32,
    },
    /// The answer to a delivered request.
    Respond {
        /// The fabric's number.
        flow: u64,
        /// Process number within the container.
        process: u32,
        /// The answer.
        response: Response,
    },
    /// An init ends after its child.
    InitEnds {
        /// Exit code.
        code: u8,
    },
    /// Applies a signal after the time that the program takes to handle it.
    Exit {
        /// Process number within the container.
        process: u32,
        /// Exit code.
        code: u8,
    },
}

/// A planned moment of a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullMoment {
    /// A layer changed its state.
    Layer {
        /// Index of the layer in the image.
        index: u32,
        /// Its new state.
        state: LayerState,
    },
    /// The pull ends.
    Done,
}

/// State of a layer during a pull, in the words of `docker pull`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerState {
    /// `Already exists`.
    AlreadyExists,
    /// `Pulling fs layer`.
    PullingFsLayer,
    /// `Waiting`.
    Waiting,
    /// `Downloading`.
    Downloading,
    /// `Verifying Checksum`.
    VerifyingChecksum,
    /// `Download complete`.
    DownloadComplete,
    /// `Extracting`.
    Extracting,
    /// `Pull complete`.
    PullComplete,
}

/// What the runtime emits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Come back with this input.
    Again(Input),
    /// Something that the owner of a container wants to know.
    Notice(Notice),
    /// A program answers a delivered request.
    Respond {
        /// The fabric's number.
        flow: u64,
        /// The answer.
        response: Response,
    },
    /// A process sends a request; the answer comes as [`Input::Answered`].
    Request {
        /// Host.
        host: HostId,
        /// Network namespace that sends.
        sandbox: Arc<str>,
        /// To be given back.
        tag: RequestTag,
        /// The request.
        request: Outgoing,
    },
}

/// Something that happened by itself: never the direct result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Host.
    pub host: HostId,
    /// Whose container; `HostDown` and `HostUp` are sent once per namespace.
    pub namespace: Namespace,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The main process of a container ended (also after `kill`).
    Exited {
        /// Container.
        id: ContainerId,
        /// Exit code, 128 + n for signal n.
        code: u8,
        /// The kernel killed it for memory.
        oom: bool,
    },
    /// The kernel killed a process of the container for memory (before `Exited`, if that follows).
    OutOfMemory {
        /// Container.
        id: ContainerId,
    },
    /// New lines in the log; only for containers that are followed
    /// ([`crate::machine::Machines::follow`]).
    Logged {
        /// Container.
        id: ContainerId,
        /// Index of the first new line.
        from: u64,
    },
    /// Output of an exec, as it comes.
    ExecOutput {
        /// Container.
        id: ContainerId,
        /// Exec.
        exec: ExecId,
        /// The caller's tag.
        tag: u64,
        /// Stream.
        stream: Stream,
        /// Text, with line ends.
        text: String,
    },
    /// An exec ended.
    ExecExited {
        /// Container.
        id: ContainerId,
        /// Exec.
        exec: ExecId,
        /// The caller's tag.
        tag: u64,
        /// Exit code.
        code: u8,
    },
    /// A layer of a pull changed its state (only for pulls with `verbose`).
    PullLayer {
        /// The caller's number.
        ticket: u64,
        /// First 12 digits of the layer.
        layer: Arc<str>,
        /// Its new state.
        state: LayerState,
    },
    /// A pull ended.
    Pulled {
        /// The caller's number.
        ticket: u64,
        /// The image's id, or why not.
        result: Result<Pulled, PullError>,
    },
    /// The host lost power; every container on it is dead (exit code 255 at the next boot).
    HostDown,
    /// The host's kernel is up again; nothing runs yet.
    HostUp,
}

/// A pull that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The image's id.
    pub image: Arc<str>,
    /// Manifest digest, `sha256:…`.
    pub digest: Arc<str>,
    /// Whether nothing had to be fetched (`Image is up to date`).
    pub up_to_date: bool,
    /// Size in bytes.
    pub size_bytes: u64,
}

/// Why a pull failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PullError {
    /// The name of the registry cannot be resolved (a world without registry).
    NoSuchRegistry {
        /// The registry's host name.
        registry: String,
    },
    /// No such repository.
    AccessDenied,
    /// The repository has no such tag.
    ManifestUnknown,
    /// 429.
    TooManyRequests,
    /// The host has no power or no link.
    Unreachable {
        /// The registry's host name.
        registry: String,
    },
}

impl From<Input> for Output {
    fn from(input: Input) -> Self {
        Self::Again(input)
    }
}

impl From<Notice> for Output {
    fn from(notice: Notice) -> Self {
        Self::Notice(notice)
    }
}
