//! The Engine API: what clients ask of a daemon and what it answers.
//!
//! One request per endpoint of moby `api/swagger.yaml` (1.51, Engine 28), as Rust types instead of
//! HTTP and JSON. The CLI and Compose know the engine only through this module. Left out: plugins,
//! swarm, secrets, configs, session and distribution.

mod container;
mod image;
mod network;
mod system;

pub use container::*;
pub use image::*;
pub use network::*;
pub use system::*;

use std::collections::BTreeMap;

use crate::base::time::SimTime;

/// A standard stream of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Filters of list, events and prune: key to values, as `--filter key=value` builds them.
pub type Filters = BTreeMap<String, Vec<String>>;

/// What a log request selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Standard output wanted.
    pub stdout: bool,
    /// Standard error wanted.
    pub stderr: bool,
    /// Go on with new lines until the container stops.
    pub follow: bool,
    /// Only lines at or after this moment.
    pub since: Option<SimTime>,
    /// Only lines before this moment.
    pub until: Option<SimTime>,
    /// Only that many last lines.
    pub tail: Option<u64>,
    /// Labels and variables that the log driver notes stand before each line.
    pub details: bool,
}

/// What `docker update` changes; `None` leaves a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateConfig {
    /// Memory limit in bytes.
    pub memory: Option<i64>,
    /// Memory plus swap in bytes.
    pub memory_swap: Option<i64>,
    /// Soft limit of memory in bytes.
    pub memory_reservation: Option<i64>,
    /// CPU limit in thousandths of a millionth of a core.
    pub nano_cpus: Option<i64>,
    /// Relative CPU weight.
    pub cpu_shares: Option<i64>,
    /// Most processes.
    pub pids_limit: Option<i64>,
    /// Restart policy.
    pub restart: Option<RestartPolicy>,
}

/// How a container may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitCondition {
    /// It is not running (returns at once for a created or exited one).
    NotRunning,
    /// Its next exit.
    NextExit,
    /// It is gone.
    Removed,
}

/// One request of a client. `id` is an id, a name or a unique prefix of an id.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `GET /_ping`.
    Ping,
    /// `GET /version` → [`Reply::Version`].
    Version,
    /// `GET /info` → [`Reply::Info`].
    Info,
    /// `GET /system/df` → [`Reply::DiskUsage`].
    DiskUsage,
    /// `GET /events` → [`Reply::Event`]… then, with `until` past, [`Reply::Done`].
    Events {
        /// First moment.
        since: Option<SimTime>,
        /// Last moment; without it the stream goes on.
        until: Option<SimTime>,
        /// Which events.
        filters: Filters,
    },

    /// `GET /containers/json` → [`Reply::Containers`], newest first.
    ContainerList {
        /// Also those that do not run.
        all: bool,
        /// At most that many, of all states.
        limit: Option<u64>,
        /// Which ones: id, name, label, status, ancestor, network, volume, health, exited, …
        filters: Filters,
        /// With the sizes of layers.
        size: bool,
    },
    /// `POST /containers/create` → [`Reply::Created`].
    ContainerCreate {
        /// Name; empty lets the daemon pick one.
        name: String,
        /// Everything else.
        config: Box<CreateConfig>,
    },
    /// `GET /containers/{id}/json` → [`Reply::Container`].
    ContainerInspect {
        /// Which one.
        id: String,
        /// With sizes.
        size: bool,
    },
    /// `POST /containers/{id}/start` → [`Reply::Done`] (also when it runs already).
    ContainerStart {
        /// Which one.
        id: String,
    },
    /// `POST /containers/{id}/stop` → [`Reply::Done`] when it has stopped.
    ContainerStop {
        /// Which one.
        id: String,
        /// Signal in place of the container's.
        signal: Option<String>,
        /// Seconds until SIGKILL; negative waits for ever.
        timeout: Option<i64>,
    },
    /// `POST /containers/{id}/restart` → [`Reply::Done`].
    ContainerRestart {
        /// Which one.
        id: String,
        /// Signal in place of the container's.
        signal: Option<String>,
        /// Seconds until SIGKILL; negative waits for ever.
        timeout: Option<i64>,
    },
    /// `POST /containers/{id}/kill` → [`Reply::Done`].
    ContainerKill {
        /// Which one.
        id: String,
        /// Signal, `SIGKILL` if empty.
        signal: String,
    },
    /// `POST /containers/{id}/pause` → [`Reply::Done`].
    ContainerPause {
        /// Which one.
        id: String,
    },
    /// `POST /containers/{id}/unpause` → [`Reply::Done`].
    ContainerUnpause {
        /// Which one.
        id: String,
    },
    /// `DELETE /containers/{id}` → [`Reply::Done`].
    ContainerRemove {
        /// Which one.
        id: String,
        /// Kill it first if it runs.
        force: bool,
        /// With its anonymous volumes.
        volumes: bool,
        /// Only the link of that name.
        link: bool,
    },
    /// `POST /containers/{id}/rename` → [`Reply::Done`].
    ContainerRename {
        /// Which one.
        id: String,
        /// New name.
        name: String,
    },
    /// `POST /containers/{id}/update` → [`Reply::Warnings`].
    ContainerUpdate {
        /// Which one.
        id: String,
        /// What to change.
        config: UpdateConfig,
    },
    /// `POST /containers/{id}/wait` → [`Reply::Exit`].
    ContainerWait {
        /// Which one.
        id: String,
        /// Until when.
        condition: WaitCondition,
    },
    /// `POST /containers/{id}/attach` → [`Reply::Output`]… then [`Reply::Done`] when it stops.
    ContainerAttach {
        /// Which one.
        id: String,
        /// Also what was logged before.
        logs: bool,
        /// Standard input goes to the process (see [`Request::ContainerStdin`]).
        stdin: bool,
    },
    /// Text for the standard input of an attached container; `None` closes it. → [`Reply::Done`].
    ContainerStdin {
        /// Which one.
        id: String,
        /// The text.
        text: Option<String>,
    },
    /// `GET /containers/{id}/logs` → [`Reply::Log`]… then [`Reply::Done`].
    ContainerLogs {
        /// Which one.
        id: String,
        /// Which lines.
        options: LogOptions,
    },
    /// `GET /containers/{id}/top` → [`Reply::Top`].
    ContainerTop {
        /// Which one.
        id: String,
        /// Arguments of `ps`; empty for `-ef`.
        ps_args: Vec<String>,
    },
    /// `GET /containers/{id}/stats` → [`Reply::Stats`] once, or every second until forgotten.
    ContainerStats {
        /// Which one.
        id: String,
        /// Go on every second.
        stream: bool,
    },
    /// `GET /containers/{id}/changes` → [`Reply::Changes`].
    ContainerDiff {
        /// Which one.
        id: String,
    },
    /// `GET /containers/{id}/archive` → [`Reply::Archive`].
    ContainerCopyFrom {
        /// Which one.
        id: String,
        /// Path in the container.
        path: String,
    },
    /// `PUT /containers/{id}/archive` → [`Reply::Done`].
    ContainerCopyTo {
        /// The files come from a pipe: the target must be a directory.
        unpack: bool,
        /// Which one.
        id: String,
        /// Directory or file in the container.
        path: String,
        /// What to write.
        files: Vec<ArchiveEntry>,
    },
    /// `POST /containers/prune` → [`Reply::Pruned`].
    ContainersPrune {
        /// Which ones: label, until.
        filters: Filters,
    },
    /// `GET /containers/{id}/export` → [`Reply::Tar`].
    ContainerExport {
        /// Which one.
        id: String,
    },
    /// `POST /commit` → [`Reply::ImageId`].
    ContainerCommit {
        /// Which one.
        id: String,
        /// `repository:tag`, or empty.
        reference: String,
        /// Comment.
        comment: String,
        /// Author.
        author: String,
        /// Dockerfile instructions to apply.
        changes: Vec<String>,
        /// Pause while committing.
        pause: bool,
    },

    /// `POST /containers/{id}/exec` → [`Reply::ExecCreated`].
    ExecCreate {
        /// Which container.
        id: String,
        /// What to run.
        config: ExecConfig,
    },
    /// `POST /exec/{id}/start` → [`Reply::Output`]… then [`Reply::Exit`] (or `Done` if detached).
    ExecStart {
        /// Which exec.
        exec: String,
        /// Do not wait for output and end.
        detach: bool,
    },
    /// Text for the standard input of an exec; `None` closes it. → [`Reply::Done`].
    ExecStdin {
        /// Which exec.
        exec: String,
        /// The text.
        text: Option<String>,
    },
    /// A signal for the process of an exec (Ctrl-C on its terminal). → [`Reply::Done`].
    ExecSignal {
        /// Which exec.
        exec: String,
        /// Signal number.
        signal: u8,
    },

    /// `GET /images/json` → [`Reply::Images`], newest first.
    ImageList {
        /// Also intermediate ones.
        all: bool,
        /// Which ones: reference, dangling, label, before, since.
        filters: Filters,
    },
    /// `GET /images/{name}/json` → [`Reply::Image`].
    ImageInspect {
        /// Reference or id.
        name: String,
    },
    /// `GET /images/{name}/history` → [`Reply::History`].
    ImageHistory {
        /// Reference or id.
        name: String,
    },
    /// `POST /images/create` → [`Reply::Progress`]… then [`Reply::Done`].
    ImagePull {
        /// Reference.
        name: String,
        /// `os/arch`, or empty.
        platform: String,
        /// Every tag of the repository.
        all_tags: bool,
    },
    /// `GET /images/get` → [`Reply::Tar`].
    ImageSave {
        /// References or ids.
        names: Vec<String>,
    },
    /// `POST /images/load` → [`Reply::Loaded`].
    ImageLoad {
        /// The archive.
        archive: String,
    },
    /// `POST /images/create` with an archive → [`Reply::ImageId`].
    ImageImport {
        /// The archive.
        archive: String,
        /// `repository:tag`, or empty.
        reference: String,
        /// Comment, or empty.
        comment: String,
        /// Dockerfile instructions to apply.
        changes: Vec<String>,
    },
    /// `POST /images/{name}/tag` → [`Reply::Done`].
    ImageTag {
        /// Reference or id.
        source: String,
        /// New reference.
        target: String,
    },
    /// `DELETE /images/{name}` → [`Reply::ImageRemoved`].
    ImageRemove {
        /// Reference or id.
        name: String,
        /// Also if stopped containers use it.
        force: bool,
        /// Keep untagged parents.
        no_prune: bool,
    },
    /// `POST /images/prune` → [`Reply::Pruned`].
    ImagesPrune {
        /// Which ones: dangling, label, until.
        filters: Filters,
    },
    /// `POST /build` → [`Reply::Build`]… then [`Reply::ImageId`].
    ImageBuild(Box<BuildConfig>),

    /// `GET /networks` → [`Reply::Networks`].
    NetworkList {
        /// Which ones: name, id, driver, label, type, dangling, scope.
        filters: Filters,
    },
    /// `GET /networks/{id}` → [`Reply::Network`].
    NetworkInspect {
        /// Name or id.
        id: String,
    },
    /// `POST /networks/create` → [`Reply::Created`].
    NetworkCreate(Box<NetworkConfig>),
    /// `DELETE /networks/{id}` → [`Reply::Done`].
    NetworkRemove {
        /// Name or id.
        id: String,
    },
    /// `POST /networks/{id}/connect` → [`Reply::Done`].
    NetworkConnect {
        /// Network.
        id: String,
        /// Container.
        container: String,
        /// Aliases, address.
        config: EndpointConfig,
    },
    /// `POST /networks/{id}/disconnect` → [`Reply::Done`].
    NetworkDisconnect {
        /// Network.
        id: String,
        /// Container.
        container: String,
        /// Also if the container is gone.
        force: bool,
    },
    /// `POST /build/prune` → [`Reply::BuildPruned`].
    BuildPrune,
    /// `POST /networks/prune` → [`Reply::Pruned`].
    NetworksPrune {
        /// Which ones: label, until.
        filters: Filters,
    },

    /// `GET /volumes` → [`Reply::Volumes`].
    VolumeList {
        /// Which ones: name, driver, label, dangling.
        filters: Filters,
    },
    /// `GET /volumes/{name}` → [`Reply::Volume`].
    VolumeInspect {
        /// Name.
        name: String,
    },
    /// `POST /volumes/create` → [`Reply::Volume`] (also if it exists already).
    VolumeCreate(VolumeConfig),
    /// `DELETE /volumes/{name}` → [`Reply::Done`].
    VolumeRemove {
        /// Name.
        name: String,
        /// No error if it is not there.
        force: bool,
    },
    /// `POST /volumes/prune` → [`Reply::Pruned`].
    VolumesPrune {
        /// Which ones: all, label.
        filters: Filters,
    },
}

/// An answer, or one part of a streamed answer. Every stream ends with [`Reply::Done`] or, where
/// the request says so, with another single last part; [`Reply::is_last`] tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is done; also the end of a stream.
    Done,
    /// Done, with remarks of the daemon.
    Warnings(Vec<String>),
    /// Something was created.
    Created {
        /// Its id.
        id: String,
        /// Remarks of the daemon.
        warnings: Vec<String>,
    },
    /// Version of the engine.
    Version(Box<VersionInfo>),
    /// State of the engine.
    Info(Box<SystemInfo>),
    /// What takes how much space.
    DiskUsage(Box<DiskUsage>),
    /// One event.
    Event(DockerEvent),
    /// Containers.
    Containers(Vec<ContainerSummary>),
    /// One container.
    Container(Box<ContainerInspect>),
    /// Records of the build cache that were removed: id, bytes, when last used.
    BuildPruned(Vec<(String, u64, SimTime)>),
    /// A process ended.
    Exit {
        /// Its exit status.
        code: i64,
        /// Why the container did not start, if so.
        error: Option<String>,
    },
    /// Raw output of an attached process.
    Output(Stream, String),
    /// One logged line, without the line break.
    Log(LogLine),
    /// Processes.
    Top {
        /// Titles.
        titles: Vec<String>,
        /// One row per process.
        processes: Vec<Vec<String>>,
    },
    /// Use of resources.
    Stats(Box<Stats>),
    /// What differs from the image.
    Changes(Vec<Change>),
    /// Files.
    Archive(Vec<ArchiveEntry>),
    /// An archive.
    Tar(String),
    /// Images were loaded: layers that were new with their sizes, and what there is to say.
    Loaded {
        /// Layers that were not there before, with their bytes.
        layers: Vec<(String, u64)>,
        /// Lines about images and their tags.
        lines: Vec<String>,
    },
    /// What a prune removed.
    Pruned(PruneReport),
    /// An exec was made.
    ExecCreated {
        /// Its id.
        exec: String,
    },
    /// Images.
    Images(Vec<ImageSummary>),
    /// One image.
    Image(Box<ImageInspect>),
    /// An image was made.
    ImageId(String),
    /// How an image came about, newest first.
    History(Vec<HistoryEntry>),
    /// A part of a pull or a build.
    Progress(Progress),
    /// News of a build.
    Build(BuildEvent),
    /// What a removal of an image did, in order.
    ImageRemoved(Vec<ImageRemoval>),
    /// Networks.
    Networks(Vec<NetworkInspect>),
    /// One network.
    Network(Box<NetworkInspect>),
    /// Volumes.
    Volumes(Vec<VolumeInspect>),
    /// One volume.
    Volume(Box<VolumeInspect>),
}

impl Reply {
    /// Whether no further part follows.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        !matches!(
            self,
            Self::Event(_)
                | Self::Output(..)
                | Self::Log(_)
                | Self::Progress(_)
                | Self::Build(_)
                | Self::Stats(_)
        )
    }
}

/// A refusal of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status code; 0 if the daemon could not be reached.
    pub status: u16,
    /// The message as the real daemon words it, without `Error response from daemon: `.
    pub message: String,
}

impl ApiError {
    /// A refusal.
    #[must_use]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// 404.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 400.
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 409.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// 500.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// The daemon does not answer.
    #[must_use]
    pub fn unreachable() -> Self {
        Self::new(
            0,
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. \
             Is the docker daemon running?",
        )
    }

    /// As clients print it.
    #[must_use]
    pub fn client_text(&self) -> String {
        if self.status == 0 {
            self.message.clone()
        } else {
            format!("Error response from daemon: {}", self.message)
        }
    }
}
