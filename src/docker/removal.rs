//! Removal, renaming and updating of containers (moby `daemon/delete.go`, `rename.go`,
//! `update.go`).

use crate::base::message::Message;
use crate::docker::api::{ApiError, Filters, PruneReport, Reply, UpdateConfig};
use crate::docker::container::Waiter;
use crate::docker::create::{cpu_milli, verify_resources};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::list::{known_filters, prune_matches};
use crate::docker::networks::dns_names;
use crate::docker::restart;
use crate::machine::ContainerId;

const SIGKILL: u8 = 9;

impl Daemon {
    /// Serve `DELETE /containers/{id}`.
    pub(crate) fn serve_remove(
        &mut self,
        ticket: u64,
        text: &str,
        force: bool,
        volumes: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get_mut(&id) else { return Ok(Some(Reply::Done)) };
        if c.removing {
            return Err(ApiError::conflict(format!(
                "removal of container {text} is already in progress"
            )));
        }
        if !c.running {
            self.remove_now(&id, volumes, env);
            return Ok(Some(Reply::Done));
        }
        if !force {
            let why = if c.paused {
                "container is paused and must be unpaused first".to_owned()
            } else {
                let state = c.status().as_str();
                format!("container is {state}: stop the container before removing or force remove")
            };
            return Err(ApiError::conflict(format!("cannot remove container \"{text}\": {why}")));
        }
        c.waiters.push(Waiter::Remove { ticket, volumes });
        self.send_signal(&id, SIGKILL, env);
        Ok(None)
    }

    /// Remove a container that does not run.
    pub(crate) fn remove_now(&mut self, id: &str, volumes: bool, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get_mut(id) else { return };
        c.removing = true;
        let (name, code) = (c.name.clone(), c.exit_code);
        let anonymous = std::mem::take(&mut c.anonymous);
        let waiters = std::mem::take(&mut c.waiters);
        let machine_id = ContainerId::from(id);
        if env.machines.remove(&self.host, &machine_id).is_err() {
            // The runtime still had it running: nothing else may hold it.
            let host = self.host.clone();
            let _ = env.cx.within(|cx| env.machines.kill(&host, &machine_id, SIGKILL, cx));
        }
        env.record(id, Message::new("why-docker-removed").with("name", &name));
        if volumes {
            for volume in anonymous {
                let used = self
                    .containers
                    .values()
                    .any(|c| c.id != id && c.mounts.iter().any(|m| m.name == volume));
                if !used {
                    self.drop_volume(&volume, env);
                }
            }
        }
        self.container_event(id, "destroy", &[], env);
        let place = env.place(id);
        env.fabric.remove_endpoint(&place);
        self.names.retain(|_, owner| owner != id);
        self.containers.remove(id);
        for waiter in waiters {
            match waiter {
                Waiter::Removed(ticket) | Waiter::Wait(ticket) => {
                    env.reply(ticket, Ok(Reply::Exit { code, error: None }));
                }
                Waiter::Stop(Some(ticket))
                | Waiter::Kill(ticket)
                | Waiter::Restart(ticket)
                | Waiter::Remove { ticket, .. } => env.reply(ticket, Ok(Reply::Done)),
                Waiter::Stop(None) | Waiter::Build(_) => {}
            }
        }
    }

    /// Serve `POST /containers/{id}/rename`.
    pub(crate) fn rename(
        &mut self,
        text: &str,
        name: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let name = name.strip_prefix('/').unwrap_or(name);
        if name.is_empty() {
            return Err(ApiError::bad("Neither old nor new names may be empty"));
        }
        let Some(c) = self.containers.get(&id) else { return Ok(Reply::Done) };
        let old = c.name.clone();
        if old == name {
            return Err(ApiError::bad(
                "Renaming a container with the same name as its current name",
            ));
        }
        self.check_new_name(name).map_err(|e| {
            ApiError::new(e.status, format!("Error when allocating new name: {}", e.message))
        })?;
        self.names.remove(&old);
        self.names.insert(name.to_owned(), id.clone());
        if let Some(c) = self.containers.get_mut(&id) {
            name.clone_into(&mut c.name);
        }
        let machine_id = ContainerId::from(id.as_str());
        env.machines.rename(&self.host, &machine_id, name);
        self.refresh_names(&id, env);
        env.record(&id, Message::new("why-docker-renamed").with("name", name).with("old", &old));
        self.container_event(&id, "rename", &[("oldName", format!("/{old}"))], env);
        Ok(Reply::Done)
    }

    /// Tell the networks the names of a running container again.
    fn refresh_names(&self, id: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get(id).filter(|c| c.is_live()) else { return };
        let place = env.place(id);
        for (network, endpoint) in &c.endpoints {
            if endpoint.ip.is_none() {
                continue;
            }
            let names = dns_names(&c.name, id, &endpoint.config.aliases, network);
            let names: Vec<std::sync::Arc<str>> = names.iter().map(|n| n.as_str().into()).collect();
            env.fabric.detach(&endpoint.network_id, &place);
            let _ = env.fabric.attach(&endpoint.network_id, &place, endpoint.ip, &names);
        }
    }

    /// Serve `POST /containers/{id}/update`.
    pub(crate) fn update(
        &mut self,
        text: &str,
        config: &UpdateConfig,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let cpus = env.machines.host(&self.host).map_or(1, |h| h.spec.cpu_milli / 1000).max(1);
        let Some(c) = self.containers.get_mut(&id) else { return Ok(Reply::Done) };
        let mut host = c.host.clone();
        let cannot = |why: &str| ApiError::bad(format!("Cannot update container {id}: {why}"));
        if let Some(policy) = &config.restart {
            restart::validate(policy).map_err(ApiError::bad)?;
            if host.auto_remove && !matches!(policy.name.as_str(), "" | "no") {
                return Err(cannot(
                    "Restart policy cannot be updated because AutoRemove is enabled for the \
                     container",
                ));
            }
            host.restart_policy = policy.clone();
        }
        let set = |slot: &mut i64, value: Option<i64>| {
            if let Some(value) = value {
                *slot = value;
            }
        };
        if let Some(memory) = config.memory
            && memory > host.memory_swap
            && host.memory_swap > 0
            && config.memory_swap.is_none()
        {
            return Err(cannot(
                "Memory limit should be smaller than already set memoryswap limit, update the \
                 memoryswap at the same time",
            ));
        }
        set(&mut host.memory, config.memory);
        set(&mut host.memory_swap, config.memory_swap);
        set(&mut host.memory_reservation, config.memory_reservation);
        set(&mut host.nano_cpus, config.nano_cpus);
        set(&mut host.cpu_shares, config.cpu_shares);
        if config.pids_limit.is_some() {
            host.pids_limit = config.pids_limit;
        }
        verify_resources(&mut host, cpus).map_err(ApiError::bad)?;
        c.host = host;
        let memory = u64::try_from(c.host.memory).ok().filter(|m| *m > 0);
        let cpu = cpu_milli(&c.host);
        let name = c.name.clone();
        let (machine_id, machine_host) = (ContainerId::from(id.as_str()), self.host.clone());
        let _ = env
            .cx
            .within(|cx| env.machines.set_limits(&machine_host, &machine_id, memory, cpu, cx));
        env.record(&id, Message::new("why-docker-updated").with("name", &name));
        self.container_event(&id, "update", &[], env);
        Ok(Reply::Warnings(Vec::new()))
    }

    /// Serve `POST /containers/prune`.
    pub(crate) fn containers_prune(
        &mut self,
        filters: &Filters,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        known_filters(filters, &["label", "label!", "until"])?;
        let now = env.now();
        let stopped: Vec<String> = self
            .newest_first()
            .into_iter()
            .filter(|c| !c.running)
            .filter(|c| prune_matches(&c.config.labels, c.created, filters, now))
            .map(|c| c.id.clone())
            .collect();
        let mut reclaimed = 0;
        for id in &stopped {
            let machine_id = ContainerId::from(id.as_str());
            reclaimed += env.machines.written_bytes(&self.host, &machine_id);
            self.remove_now(id, false, env);
        }
        self.prune_event("container", reclaimed, env);
        Ok(Reply::Pruned(PruneReport { deleted: stopped, reclaimed }))
    }
}
