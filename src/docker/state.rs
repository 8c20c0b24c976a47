//! What replays and the page read of containers: a flat view of each.

use std::collections::BTreeMap;

use crate::base::time::SimTime;
use crate::docker::api::{HealthStatus, Port, Status};
use crate::docker::daemon::Daemon;

/// One container, as much of `docker inspect` as replays and the page need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerView {
    /// Full id.
    pub id: String,
    /// Name without the slash.
    pub name: String,
    /// Image as the client named it.
    pub image: String,
    /// State word.
    pub status: Status,
    /// STATUS text needs the moment; these are its parts.
    pub started_at: Option<SimTime>,
    /// When it last ended.
    pub finished_at: Option<SimTime>,
    /// The last run ended for lack of memory.
    pub oom_killed: bool,
    /// Last exit code.
    pub exit_code: i64,
    /// Why the last start failed.
    pub error: String,
    /// Automatic restarts since the last start by hand.
    pub restart_count: u32,
    /// Health and failures in a row, if it has a check.
    pub health: Option<(HealthStatus, u32)>,
    /// Networks by name with the address in each, empty while it does not run.
    pub networks: BTreeMap<String, String>,
    /// Published ports with their host ports.
    pub ports: BTreeMap<Port, Vec<u16>>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Daemon {
    /// Views of all containers, by id.
    pub(crate) fn views(&self) -> Vec<ContainerView> {
        let address =
            |ip: Option<std::net::Ipv4Addr>| ip.map_or_else(String::new, |ip| ip.to_string());
        let view = |c: &crate::docker::container::Container| ContainerView {
            id: c.id.clone(),
            name: c.name.clone(),
            image: c.config.image.clone(),
            status: c.status(),
            started_at: c.started_at,
            finished_at: c.finished_at,
            oom_killed: c.oom_killed,
            exit_code: c.exit_code,
            error: c.error.clone(),
            restart_count: c.manager.count,
            health: c.health.as_ref().map(|h| (h.status, h.streak)),
            networks: c.endpoints.iter().map(|(n, e)| (n.clone(), address(e.ip))).collect(),
            ports: c
                .ports
                .iter()
                .filter(|(_, bindings)| c.running && !bindings.is_empty())
                .map(|(port, bindings)| {
                    let host = bindings.iter().filter_map(|b| b.host_port.parse().ok());
                    (*port, host.collect())
                })
                .collect(),
            labels: c.config.labels.clone(),
        };
        self.containers.values().map(view).collect()
    }
}
