//! `GET /containers/{id}/json`.

use crate::docker::api::{
    ApiError, ContainerInspect, ContainerState, EndpointInspect, HealthInspect, Reply, Status,
};
use crate::docker::container::{Container, Endpoint};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::networks::dns_names;
use crate::machine::ContainerId;

/// State of a container in API form.
pub(crate) fn state_of(c: &Container) -> ContainerState {
    ContainerState {
        status: c.status(),
        running: c.running,
        paused: c.paused,
        restarting: c.restarting,
        oom_killed: c.oom_killed,
        dead: c.status() == Status::Dead,
        pid: c.pid,
        exit_code: c.exit_code,
        error: c.error.clone(),
        started_at: c.started_at,
        finished_at: c.finished_at,
        health: c.health.as_ref().map(|h| HealthInspect {
            status: h.status,
            failing_streak: h.streak,
            log: h.log.iter().cloned().collect(),
        }),
    }
}

fn endpoint_of(c: &Container, network: &str, e: &Endpoint) -> EndpointInspect {
    EndpointInspect {
        aliases: e.config.aliases.clone(),
        wanted_ip: e.config.ipv4_address.parse().ok(),
        links: e.config.links.clone(),
        mac: e.mac.clone(),
        network_id: e.network_id.clone(),
        endpoint_id: e.id.clone(),
        gateway: e.gateway,
        ip: e.ip,
        prefix_len: e.prefix_len,
        dns_names: dns_names(&c.name, &c.id, &e.config.aliases, network),
        gw_priority: e.config.gw_priority,
        by_hand: e.config.by_hand,
    }
}

impl Daemon {
    /// Serve the request.
    pub(crate) fn container_inspect(
        &self,
        text: &str,
        size: bool,
        env: &Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let machine_id = ContainerId::from(id.as_str());
        let own = env.machines.written_bytes(&self.host, &machine_id);
        let image = |c: &Container| self.find_image(&c.image_id, env).map_or(0, |i| i.size_bytes());
        let size = |c: &Container| size.then(|| (own, own + image(c)));
        let found = self.containers.get(&id).map(|c| inspected(c, size(c)));
        let missing = || ApiError::not_found(format!("No such container: {text}"));
        found.map(|c| Reply::Container(Box::new(c))).ok_or_else(missing)
    }

    /// A container as its inspection shows it, by its full id.
    pub(crate) fn inspected(&self, id: &str) -> Option<ContainerInspect> {
        self.containers.get(id).map(|c| inspected(c, None))
    }
}

/// A container in API form; `size` is what it wrote and what it is in all.
fn inspected(c: &Container, size: Option<(u64, u64)>) -> ContainerInspect {
    let (path, args) =
        c.argv.split_first().map_or((String::new(), Vec::new()), |(p, a)| (p.clone(), a.to_vec()));
    let networks = c.endpoints.iter().map(|(n, e)| (n.clone(), endpoint_of(c, n, e)));
    ContainerInspect {
        id: c.id.clone(),
        created: c.created,
        path,
        args,
        state: state_of(c),
        image: c.image_id.clone(),
        name: format!("/{}", c.name),
        restart_count: c.manager.count,
        config: c.config.clone(),
        host: c.host.clone(),
        mounts: c.mounts.clone(),
        networks: networks.collect(),
        // After a lost daemon only lists still show old ports.
        ports: if c.running { c.ports.clone() } else { Default::default() },
        exec_ids: c.execs.clone(),
        sandbox_id: c.sandbox_id.clone(),
        size,
    }
}
