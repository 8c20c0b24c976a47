//! How long the daemon works on requests before their effect.

use crate::docker::api::Request;
use crate::engine::latency::Latency;

/// Start of a container until its process runs.
static START: Latency = Latency {
    name: "docker-start",
    quantiles_us: [110_000, 140_000, 170_000, 210_000, 330_000],
    source: "traces/engine, create to start on an idle machine",
};
static CREATE: Latency = Latency {
    name: "docker-create",
    quantiles_us: [25_000, 35_000, 45_000, 60_000, 110_000],
    source: "traces/engine 02, 04: command to create event, without the client's start",
};
static NETWORK: Latency = Latency {
    name: "docker-network",
    quantiles_us: [40_000, 60_000, 80_000, 110_000, 200_000],
    source: "traces/engine 37: network create, connect, remove",
};
static CHANGE: Latency = Latency {
    name: "docker-change",
    quantiles_us: [8_000, 12_000, 18_000, 25_000, 50_000],
    source: "traces/engine 37: pause, rename, update, remove, volume and image changes",
};
static READ: Latency = Latency {
    name: "docker-read",
    quantiles_us: [800, 1_200, 1_800, 3_000, 8_000],
    source: "estimate: a local HTTP round trip with JSON",
};
/// End of a process until the daemon has cleaned up.
pub(crate) static REAP: Latency = Latency {
    name: "docker-reap",
    quantiles_us: [20_000, 30_000, 40_000, 55_000, 110_000],
    source: "traces/engine 08: exit to die event",
};
/// Start of the daemon until it answers.
pub(crate) static DAEMON_START: Latency = Latency {
    name: "docker-daemon-start",
    quantiles_us: [900_000, 1_100_000, 1_300_000, 1_600_000, 2_200_000],
    source: "traces/engine 13, 11: start-dockerd to done",
};
/// Start of a container by the daemon itself.
pub(crate) static RESTORE: Latency = Latency {
    name: "docker-restore",
    quantiles_us: [120_000, 200_000, 260_000, 330_000, 500_000],
    source: "traces/compose 14, engine 37: starts by the daemon itself",
};
/// Automatic start after its delay, and the start of `docker restart`.
pub(crate) static RESTART: Latency = Latency {
    name: "docker-auto-start",
    quantiles_us: [60_000, 80_000, 110_000, 140_000, 200_000],
    source: "traces/engine 08, 09: measured minus configured delay",
};
/// A health probe: the start of its process and the client inside it.
pub(crate) static PROBE: Latency = Latency {
    name: "docker-probe",
    quantiles_us: [56_000, 110_000, 154_000, 255_000, 481_000],
    source: "traces/engine 18, 19, 37, 44 and compose 22: exec_start to exec_die of 107 probes",
};
/// Start of an exec.
static EXEC: Latency = Latency {
    name: "docker-exec",
    quantiles_us: [50_000, 80_000, 110_000, 150_000, 200_000],
    source: "traces/engine 37, 19: exec_start to exec_die of quick commands",
};

/// The work of a request; `None` takes no time.
pub(crate) fn of(request: &Request) -> Option<&'static Latency> {
    let model = match request {
        Request::ContainerStart { .. } => &START,
        Request::ContainerCreate { .. } => &CREATE,
        Request::NetworkCreate(_)
        | Request::NetworkConnect { .. }
        | Request::NetworkDisconnect { .. }
        | Request::NetworkRemove { .. } => &NETWORK,
        Request::ExecStart { .. } => &EXEC,
        Request::ContainerPause { .. }
        | Request::ContainerUnpause { .. }
        | Request::ContainerRemove { .. }
        | Request::ContainerRename { .. }
        | Request::ContainerUpdate { .. }
        | Request::ContainerCommit { .. }
        | Request::ContainerCopyTo { .. }
        | Request::ContainerExport { .. }
        | Request::ImageSave { .. }
        | Request::ImageLoad { .. }
        | Request::ImageImport { .. }
        | Request::ImageTag { .. }
        | Request::ImageRemove { .. }
        | Request::VolumeCreate(_)
        | Request::VolumeRemove { .. }
        | Request::ContainersPrune { .. }
        | Request::ImagesPrune { .. }
        | Request::NetworksPrune { .. }
        | Request::BuildPrune
        | Request::VolumesPrune { .. }
        | Request::ImageBuild(_) => &CHANGE,
        // Streams and signals take effect at once, so that nothing is missed.
        Request::Events { .. }
        | Request::ContainerAttach { .. }
        | Request::ContainerWait { .. }
        | Request::ContainerStdin { .. }
        | Request::ExecStdin { .. }
        | Request::ExecSignal { .. } => return None,
        Request::Ping
        | Request::Version
        | Request::Info
        | Request::DiskUsage
        | Request::ContainerList { .. }
        | Request::ContainerInspect { .. }
        | Request::ContainerStop { .. }
        | Request::ContainerRestart { .. }
        | Request::ContainerKill { .. }
        | Request::ContainerLogs { .. }
        | Request::ContainerTop { .. }
        | Request::ContainerStats { .. }
        | Request::ContainerDiff { .. }
        | Request::ContainerCopyFrom { .. }
        | Request::ExecCreate { .. }
        | Request::ImageList { .. }
        | Request::ImageInspect { .. }
        | Request::ImageHistory { .. }
        | Request::ImagePull { .. }
        | Request::NetworkList { .. }
        | Request::NetworkInspect { .. }
        | Request::VolumeList { .. }
        | Request::VolumeInspect { .. } => &READ,
    };
    Some(model)
}
