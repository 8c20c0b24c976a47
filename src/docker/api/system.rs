//! System requests: version, state, events, disk, prune.

use crate::base::time::SimTime;

use super::{ContainerSummary, ImageSummary, VolumeInspect};

/// One event of `docker events`, also kept for replays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DockerEvent {
    /// When.
    pub at: SimTime,
    /// On which host.
    pub host: String,
    /// `container`, `image`, `network`, `volume`, `daemon`, …
    pub kind: &'static str,
    /// `create`, `start`, `exec_create: …`, `health_status: healthy`, …
    pub action: String,
    /// Full id, or the name of a volume or image.
    pub id: String,
    /// Attributes, sorted by key (as `docker events` prints them).
    pub attributes: Vec<(String, String)>,
}

/// Version of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Engine version.
    pub version: String,
    /// API version.
    pub api_version: String,
    /// Oldest API version.
    pub min_api_version: String,
    /// Go version.
    pub go_version: String,
    /// Git commit.
    pub git_commit: String,
    /// When it was built.
    pub build_time: String,
    /// Operating system.
    pub os: String,
    /// CPU architecture.
    pub arch: String,
    /// Kernel.
    pub kernel_version: String,
}

/// State of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemInfo {
    /// Id of the engine.
    pub id: String,
    /// Containers in all.
    pub containers: u64,
    /// Of these running.
    pub running: u64,
    /// Of these paused.
    pub paused: u64,
    /// Of these stopped.
    pub stopped: u64,
    /// Images.
    pub images: u64,
    /// Name of the host.
    pub name: String,
    /// CPUs.
    pub cpus: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Engine version.
    pub version: String,
    /// Kernel.
    pub kernel_version: String,
    /// `Ubuntu 24.04.3 LTS`.
    pub operating_system: String,
    /// CPU architecture.
    pub architecture: String,
    /// The host's name server.
    pub name_server: String,
    /// When it was asked.
    pub now: SimTime,
}

/// What takes how much space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskUsage {
    /// Bytes of all layers, each counted once.
    pub layers_size: u64,
    /// Images.
    pub images: Vec<ImageSummary>,
    /// Containers with sizes.
    pub containers: Vec<ContainerSummary>,
    /// Volumes with bytes and number of containers that use them.
    pub volumes: Vec<(VolumeInspect, u64, u64)>,
    /// Records of the build cache, and their bytes.
    pub build_cache: (u64, u64),
}

/// What a prune removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Ids or names; for images `untagged: …` and `deleted: …` lines.
    pub deleted: Vec<String>,
    /// Bytes gained.
    pub reclaimed: u64,
}
