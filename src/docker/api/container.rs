//! Containers in the API: configuration, summaries, inspection.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::net::Ipv4Addr;

use super::{EndpointConfig, Stream};
use crate::base::time::{SimDuration, SimTime};

/// A port of a container: number and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Number.
    pub number: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// `tcp`, `udp` or `sctp`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// Read a protocol, in any case; empty is TCP.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            "sctp" => Some(Self::Sctp),
            _ => None,
        }
    }
}

impl Display for Port {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}/{}", self.number, self.protocol.as_str())
    }
}

/// Where a port is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortBinding {
    /// Address of the host; empty for all.
    pub host_ip: String,
    /// `8080`, a range `7000-7002`, or empty for one that the daemon picks.
    pub host_port: String,
}

/// What a container runs, without the host's part (moby `container.Config`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerConfig {
    /// Host name; empty for the short id.
    pub hostname: String,
    /// Domain name.
    pub domainname: String,
    /// `user[:group]`.
    pub user: String,
    /// Standard input, output and error attached by the client that created it.
    pub attach: [bool; 3],
    /// Ports that the container says it listens on.
    pub exposed_ports: BTreeSet<Port>,
    /// A terminal.
    pub tty: bool,
    /// Standard input stays open.
    pub open_stdin: bool,
    /// Standard input closes after one client.
    pub stdin_once: bool,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Command; `None` for the image's.
    pub cmd: Option<Vec<String>>,
    /// Health check; `None` for the image's.
    pub healthcheck: Option<HealthConfig>,
    /// Image as the client named it.
    pub image: String,
    /// Paths of anonymous volumes.
    pub volumes: BTreeSet<String>,
    /// Working directory.
    pub working_dir: String,
    /// Entry point; `None` for the image's. `Some([""])` empties it.
    pub entrypoint: Option<Vec<String>>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Signal to stop; empty for the image's, then SIGTERM.
    pub stop_signal: String,
    /// Seconds until SIGKILL.
    pub stop_timeout: Option<i64>,
}

/// A health check (moby `container.HealthConfig`); zero means inherit or default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HealthConfig {
    /// Empty (inherit), `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", "…"]`.
    pub test: Vec<String>,
    /// Time between probes.
    pub interval: SimDuration,
    /// Time for one probe.
    pub timeout: SimDuration,
    /// Time in which failures do not count.
    pub start_period: SimDuration,
    /// Time between probes during the start period.
    pub start_interval: SimDuration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
}

/// When the daemon restarts a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RestartPolicy {
    /// `no` (or empty), `always`, `unless-stopped`, `on-failure`.
    pub name: String,
    /// For `on-failure`: most restarts; 0 is without end.
    pub maximum_retry_count: i64,
}

/// Kind of a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MountKind {
    /// A directory or file of the host.
    Bind,
    /// A volume.
    #[default]
    Volume,
    /// Memory.
    Tmpfs,
    /// The files of an image.
    Image,
}

impl MountKind {
    /// `bind`, `volume`, `tmpfs`, `image`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Volume => "volume",
            Self::Tmpfs => "tmpfs",
            Self::Image => "image",
        }
    }
}

/// A mount as `--mount` gives it (moby `mount.Mount`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mount {
    /// Kind.
    pub kind: MountKind,
    /// Name of the volume or path on the host; empty for an anonymous volume.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Cannot be written.
    pub read_only: bool,
    /// Bind: create a missing source.
    pub create_source: bool,
    /// Bind: propagation, usually empty.
    pub propagation: String,
    /// Volume: do not fill it from the image.
    pub no_copy: bool,
    /// Volume: path inside it.
    pub subpath: String,
    /// Volume: driver, empty for `local`.
    pub driver: String,
    /// Volume: options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Volume: labels of a volume made for it.
    pub labels: BTreeMap<String, String>,
    /// Tmpfs: size in bytes, 0 without limit.
    pub tmpfs_size: i64,
    /// Tmpfs: permission bits.
    pub tmpfs_mode: u32,
}

/// A limit of the kernel per process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ulimit {
    /// `nofile`, …
    pub name: String,
    /// Soft limit.
    pub soft: i64,
    /// Hard limit.
    pub hard: i64,
}

/// What the host gives a container (moby `container.HostConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HostConfig {
    /// `source:target[:options]`, as `-v` gives them.
    pub binds: Vec<String>,
    /// Mounts of `--mount`.
    pub mounts: Vec<Mount>,
    /// Tmpfs by path: options.
    pub tmpfs: BTreeMap<String, String>,
    /// Name of the log driver; empty for the daemon's.
    pub log_driver: String,
    /// Options of the log driver.
    pub log_opts: BTreeMap<String, String>,
    /// `default` or empty, `bridge`, `host`, `none`, `container:<id>`, or a network's name.
    pub network_mode: String,
    /// Published ports.
    pub port_bindings: BTreeMap<Port, Vec<PortBinding>>,
    /// Publish every exposed port.
    pub publish_all_ports: bool,
    /// Restart policy.
    pub restart_policy: RestartPolicy,
    /// Remove it when it has exited.
    pub auto_remove: bool,
    /// `container[:ro]`.
    pub volumes_from: Vec<String>,
    /// Capabilities to add.
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    pub cap_drop: Vec<String>,
    /// DNS servers.
    pub dns: Vec<String>,
    /// DNS options.
    pub dns_options: Vec<String>,
    /// DNS search domains.
    pub dns_search: Vec<String>,
    /// `name:address`.
    pub extra_hosts: Vec<String>,
    /// Additional groups.
    pub group_add: Vec<String>,
    /// `container:alias`.
    pub links: Vec<String>,
    /// IPC mode.
    pub ipc_mode: String,
    /// PID mode.
    pub pid_mode: String,
    /// UTS mode.
    pub uts_mode: String,
    /// User namespace mode.
    pub userns_mode: String,
    /// All privileges.
    pub privileged: bool,
    /// The root file system cannot be written.
    pub readonly_rootfs: bool,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Bytes of /dev/shm; 0 for the default of 64 MiB.
    pub shm_size: i64,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Runtime; empty for `runc`.
    pub runtime: String,
    /// CPU limit in thousandths of a millionth of a core.
    pub nano_cpus: i64,
    /// Relative CPU weight.
    pub cpu_shares: i64,
    /// CPU quota per period in microseconds.
    pub cpu_quota: i64,
    /// CPU period in microseconds.
    pub cpu_period: i64,
    /// CPUs that may be used.
    pub cpuset_cpus: String,
    /// Memory limit in bytes.
    pub memory: i64,
    /// Soft limit of memory in bytes.
    pub memory_reservation: i64,
    /// Memory plus swap in bytes, −1 without limit.
    pub memory_swap: i64,
    /// Not killed when out of memory.
    pub oom_kill_disable: bool,
    /// How readily it is killed when out of memory.
    pub oom_score_adj: i64,
    /// Most processes.
    pub pids_limit: Option<i64>,
    /// Limits per process.
    pub ulimits: Vec<Ulimit>,
    /// Devices `host:container:permissions`.
    pub devices: Vec<String>,
    /// Whether graphics processors are asked for.
    pub gpus: bool,
    /// A small init as process 1; `None` for the daemon's default.
    pub init: Option<bool>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Everything of `POST /containers/create`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateConfig {
    /// What runs.
    pub config: ContainerConfig,
    /// What the host gives.
    pub host: HostConfig,
    /// Networks by name; the one of `network_mode` may be among them.
    pub networks: BTreeMap<String, EndpointConfig>,
    /// `os/arch`, or empty.
    pub platform: String,
}

/// The `State` word of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Never started.
    Created,
    /// Runs.
    Running,
    /// Frozen.
    Paused,
    /// Waits for the next automatic start.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// Could not be removed.
    Dead,
}

impl Status {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

/// The `Health.Status` word of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthStatus {
    /// Not known yet.
    Starting,
    /// The last probe succeeded.
    Healthy,
    /// `retries` probes in a row failed.
    Unhealthy,
}

impl HealthStatus {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One published or exposed port of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortSummary {
    /// Address on the host; empty if only exposed.
    pub ip: String,
    /// Port in the container.
    pub private: u16,
    /// Port on the host; 0 if only exposed.
    pub public: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// One container of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Full id.
    pub id: String,
    /// Names, each with a leading `/`.
    pub names: Vec<String>,
    /// Image as the client named it, or its id if that name is gone.
    pub image: String,
    /// Id of the image.
    pub image_id: String,
    /// Command in one line.
    pub command: String,
    /// When it was created.
    pub created: SimTime,
    /// Ports.
    pub ports: Vec<PortSummary>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// State word.
    pub state: Status,
    /// STATUS text of `docker ps`.
    pub status: String,
    /// Health, if it has a check.
    pub health: Option<HealthStatus>,
    /// Last exit code.
    pub exit_code: i64,
    /// Names of its networks with the address in each (empty while it does not run).
    pub networks: BTreeMap<String, String>,
    /// Mounts.
    pub mounts: Vec<MountPoint>,
    /// Network mode.
    pub network_mode: String,
    /// Bytes of its own layer and of everything; 0 unless asked for.
    pub size: (u64, u64),
}

/// The state of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    /// State word.
    pub status: Status,
    /// Runs (also while paused or restarting).
    pub running: bool,
    /// Frozen.
    pub paused: bool,
    /// Waits for the next automatic start.
    pub restarting: bool,
    /// The last run ended for lack of memory.
    pub oom_killed: bool,
    /// Could not be removed.
    pub dead: bool,
    /// Process id on the host; 0 if it does not run.
    pub pid: u32,
    /// Last exit code.
    pub exit_code: i64,
    /// Why the last start failed.
    pub error: String,
    /// When it last started.
    pub started_at: Option<SimTime>,
    /// When it last ended.
    pub finished_at: Option<SimTime>,
    /// Health, if it has a check.
    pub health: Option<HealthInspect>,
}

/// Health of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthInspect {
    /// Word.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing_streak: u32,
    /// The last five probes, oldest first.
    pub log: Vec<ProbeResult>,
}

/// One probe of a health check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeResult {
    /// When it began.
    pub start: SimTime,
    /// When it ended.
    pub end: SimTime,
    /// Exit code, −1 for a timeout.
    pub exit_code: i64,
    /// Output.
    pub output: String,
}

/// A mount of an existing container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MountPoint {
    /// Kind.
    pub kind: MountKind,
    /// Name of the volume.
    pub name: String,
    /// Path on the host.
    pub source: String,
    /// Path in the container.
    pub destination: String,
    /// Driver of the volume.
    pub driver: String,
    /// Options as the client gave them.
    pub mode: String,
    /// Can be written.
    pub rw: bool,
    /// Propagation.
    pub propagation: String,
}

/// A container's place in a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointInspect {
    /// Aliases as given.
    pub aliases: Vec<String>,
    /// Address that was asked for.
    pub wanted_ip: Option<Ipv4Addr>,
    /// Links.
    pub links: Vec<String>,
    /// MAC address; empty while it does not run.
    pub mac: String,
    /// Id of the network.
    pub network_id: String,
    /// Id of the endpoint; empty while it does not run.
    pub endpoint_id: String,
    /// Gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Address.
    pub ip: Option<Ipv4Addr>,
    /// Length of the prefix.
    pub prefix_len: u8,
    /// Names under which others find it.
    pub dns_names: Vec<String>,
    /// Priority of the gateway.
    pub gw_priority: i64,
    /// Connected by `docker network connect`.
    pub by_hand: bool,
}

/// Everything about one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerInspect {
    /// Full id.
    pub id: String,
    /// When it was created.
    pub created: SimTime,
    /// Program.
    pub path: String,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// State.
    pub state: ContainerState,
    /// Id of the image.
    pub image: String,
    /// Name with a leading `/`.
    pub name: String,
    /// Automatic restarts since the last start by hand.
    pub restart_count: u32,
    /// Effective configuration (the image's where the client gave none).
    pub config: ContainerConfig,
    /// What the host gives.
    pub host: HostConfig,
    /// Mounts.
    pub mounts: Vec<MountPoint>,
    /// Networks by name.
    pub networks: BTreeMap<String, EndpointInspect>,
    /// Published ports as they are now; an exposed one has none.
    pub ports: BTreeMap<Port, Vec<PortBinding>>,
    /// Ids of running execs.
    pub exec_ids: Vec<String>,
    /// Id of the sandbox; empty while it does not run.
    pub sandbox_id: String,
    /// Bytes of its own layer and of everything, if asked for.
    pub size: Option<(u64, u64)>,
}

/// What `docker exec` runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExecConfig {
    /// Program and arguments.
    pub cmd: Vec<String>,
    /// Additional `NAME=value`.
    pub env: Vec<String>,
    /// Working directory; empty for the container's.
    pub working_dir: String,
    /// User; empty for the container's.
    pub user: String,
    /// A terminal.
    pub tty: bool,
    /// Standard input attached.
    pub stdin: bool,
    /// All privileges.
    pub privileged: bool,
}

/// One logged line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: SimTime,
    /// Which stream.
    pub stream: Stream,
    /// Text without the line break.
    pub text: String,
}

/// How a path differs from the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// `C`.
    Modified,
    /// `A`.
    Added,
    /// `D`.
    Deleted,
}

/// One difference from the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path.
    pub path: String,
    /// How.
    pub kind: ChangeKind,
}

/// One file or directory to copy; paths are relative to the copied thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// Relative path; empty for the thing itself.
    pub path: String,
    /// Content; `None` for a directory.
    pub content: Option<String>,
    /// Permission bits.
    pub mode: u32,
}

/// Use of resources at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Full id.
    pub id: String,
    /// Name without the slash.
    pub name: String,
    /// Thousandths of a percent of one CPU.
    pub cpu_millipercent: u64,
    /// Bytes in use; 0 if it does not run.
    pub memory_bytes: u64,
    /// Limit in bytes; 0 if it does not run.
    pub memory_limit: u64,
    /// Bytes received and sent.
    pub network: (u64, u64),
    /// Bytes read and written.
    pub block: (u64, u64),
    /// Processes.
    pub pids: u64,
}
