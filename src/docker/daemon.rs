//! One daemon: what it knows, and how inputs find their code.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::ledger::Ledger;
use crate::base::message::Message;
use crate::base::name::{docker_id, uuid};
use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::{ApiError, NetworkConfig, Reply, Request};
use crate::docker::clients::Clients;
use crate::docker::container::Container;
use crate::docker::events::EventLog;
use crate::docker::exec::Exec;
use crate::docker::power::Power;
use crate::docker::{Due, Input, Output, names, needs_daemon};
use crate::engine::cx::Cx;
use crate::engine::trace::{Actor, Subject};
use crate::machine::{ContainerId, Happening, HostId, Machines};
use crate::net::{EndpointRef, Fabric};

/// Inputs kept for a daemon that was stopped by a signal.
const MAX_PARKED: usize = 10_000;

/// The surroundings of a step of one daemon.
pub(crate) struct Env<'a, 'b> {
    pub(crate) host: HostId,
    pub(crate) machines: &'a mut Machines,
    pub(crate) fabric: &'a mut Fabric,
    pub(crate) cx: &'a mut Cx<'b, Output>,
    pub(crate) log: &'a mut EventLog,
}

impl Env<'_, '_> {
    /// The moment.
    pub(crate) const fn now(&self) -> SimTime {
        self.cx.now
    }

    /// Answer a client.
    pub(crate) fn reply(&mut self, ticket: u64, result: Result<Reply, ApiError>) {
        self.cx.emit(Output::Reply { ticket, result });
    }

    /// Record what happened to a container; it becomes the cause of what follows.
    pub(crate) fn record(&mut self, id: &str, what: Message) {
        let actor = Actor::on("dockerd", self.host.0.clone());
        self.cx.record(actor, Subject::container(self.host.as_str(), id), what);
    }

    /// A fresh id of 64 hex.
    pub(crate) fn fresh_id(&mut self, purpose: &'static str) -> String {
        let host = self.host.clone();
        docker_id(self.cx.stream(purpose, host.as_str()))
    }

    /// A container's place in the network.
    pub(crate) fn place(&self, id: &str) -> EndpointRef {
        EndpointRef::new(self.host.0.clone(), id)
    }
}

/// A network of a host.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Network {
    pub(crate) id: String,
    pub(crate) created: SimTime,
    pub(crate) config: NetworkConfig,
    /// Subnet and gateway of a bridge.
    pub(crate) info: Option<crate::net::fabric::NetworkInfo>,
    /// The subnet was the client's wish.
    pub(crate) user_subnet: bool,
}

/// A volume of a host.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Volume {
    pub(crate) created: SimTime,
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) options: Option<BTreeMap<String, String>>,
    pub(crate) anonymous: bool,
}

/// A daemon.
#[derive(Clone, Debug)]
pub(crate) struct Daemon {
    pub(crate) host: HostId,
    pub(crate) id: String,
    pub(crate) power: Power,
    /// Counts its runs.
    pub(crate) run: u32,
    pub(crate) containers: Ledger<String, Container>,
    /// Names to ids.
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) networks: Ledger<String, Network>,
    pub(crate) volumes: Ledger<String, Volume>,
    pub(crate) builder: crate::docker::build::Builder,
    /// Images that came from a registry.
    pub(crate) pulled: std::collections::BTreeSet<String>,
    /// Images made by commits to the images they were made from.
    pub(crate) parents: BTreeMap<String, String>,
    pub(crate) execs: Ledger<String, Exec>,
    /// The runtime's tags to execs.
    pub(crate) tags: BTreeMap<u64, String>,
    pub(crate) clients: Clients,
    pub(crate) next_seq: u64,
    pub(crate) next_tag: u64,
    pub(crate) next_pid: u32,
    /// Counts processes that ended.
    pub(crate) ends: u32,
    /// Inputs that wait while it is stopped by a signal.
    pub(crate) parked: Vec<Input>,
}

impl Daemon {
    pub(crate) fn new(host: HostId, cx: &mut Cx<'_, Output>) -> Self {
        let id = uuid(cx.stream("engine-id", host.as_str()));
        Self {
            host,
            id,
            power: Power::Up,
            run: 1,
            containers: Ledger::default(),
            names: BTreeMap::new(),
            networks: Ledger::default(),
            volumes: Ledger::default(),
            builder: Default::default(),
            pulled: Default::default(),
            parents: BTreeMap::new(),
            execs: Ledger::default(),
            tags: BTreeMap::new(),
            clients: Clients::default(),
            next_seq: 0,
            next_tag: 0,
            // The recorded first process ids lie in the thousands; the value has no meaning.
            next_pid: 1_200,
            ends: 0,
            parked: Vec::new(),
        }
    }

    /// Whether it answers.
    pub(crate) fn is_up(&self) -> bool {
        self.power == Power::Up
    }

    pub(crate) fn step(&mut self, input: Input, env: &mut Env<'_, '_>) {
        if self.power == Power::Frozen && !matches!(input, Input::Daemon { .. }) {
            let host_event = matches!(&input, Input::Notice(n) if !needs_daemon(&n.what));
            if !host_event {
                if self.parked.len() < MAX_PARKED {
                    self.parked.push(input);
                }
                return;
            }
        }
        match input {
            Input::Ask { ticket, request, .. } => self.ask(ticket, request, env),
            Input::Forget { ticket, .. } => self.forget(ticket, env),
            Input::Notice(notice) => self.notice(notice.what, env),
            Input::Daemon { action, .. } => self.daemon_action(action, env),
            Input::Serve { run, ticket, request, .. } => {
                if run == self.run {
                    self.serve(ticket, request, env);
                }
            }
            Input::Timer { run, due, .. } => {
                if run == self.run {
                    self.due(due, env);
                }
            }
        }
    }

    fn ask(&self, ticket: u64, request: Request, env: &mut Env<'_, '_>) {
        if matches!(self.power, Power::Down | Power::Starting | Power::HostDown) {
            env.reply(ticket, Err(ApiError::unreachable()));
            return;
        }
        let delay = match crate::docker::latency::of(&request) {
            Some(model) => {
                let host = self.host.clone();
                env.cx.latency(model, host.as_str())
            }
            None => SimDuration::ZERO,
        };
        let (host, run) = (self.host.clone(), self.run);
        env.cx.emit_after(delay, Input::Serve { host, run, ticket, request });
    }

    fn notice(&mut self, what: Happening, env: &mut Env<'_, '_>) {
        let dead = !matches!(self.power, Power::Up | Power::Stopping | Power::Starting);
        if dead && needs_daemon(&what) {
            return;
        }
        match what {
            Happening::Exited { id, code, oom } => self.exited(id.as_str(), code, oom, env),
            Happening::OutOfMemory { id } => self.container_event(id.as_str(), "oom", &[], env),
            Happening::Logged { id, .. } => self.feed_followers(id.as_str(), env),
            Happening::ExecOutput { tag, stream, text, .. } => {
                self.exec_output(tag, stream, text, env);
            }
            Happening::ExecExited { tag, code, .. } => self.exec_exited(tag, code, env),
            Happening::PullLayer { ticket, layer, state } => {
                self.pull_layer(ticket, &layer, state, env);
            }
            Happening::Pulled { ticket, result } => self.pulled(ticket, result, env),
            Happening::HostDown => self.host_down(env),
            Happening::HostUp => self.host_up(env),
        }
    }

    fn due(&mut self, due: Due, env: &mut Env<'_, '_>) {
        match due {
            Due::Up => self.up(env),
            Due::Down => self.down(env),
            Due::Reap { id, generation, code, oom, at } => {
                if self.is_current(&id, generation) {
                    self.reap(&id, code, oom, at, env);
                }
            }
            Due::StopTimeout { id, generation } => {
                if self.is_current(&id, generation) {
                    self.stop_timeout(&id, env);
                }
            }
            Due::Restart { id, generation } => {
                if self.is_current(&id, generation) {
                    self.automatic_start(&id, env);
                }
            }
            Due::StartNow { id, ticket, restart } => self.start_now(&id, ticket, restart, env),
            Due::Probe { id, monitor } => {
                if self.containers.get(&id).is_some_and(|c| c.monitor == monitor) {
                    self.probe(&id, env);
                }
            }
            Due::ProbeStart { tag } => self.probe_start(tag, env),
            Due::ProbeTimeout { tag } => self.probe_timeout(tag, env),
            Due::Build { ticket } => self.build_due(ticket, env),
            Due::Stats { ticket, id } => self.stats_tick(ticket, &id, env),
            Due::EventsEnd { ticket } => self.events_end(ticket, env),
        }
    }

    fn is_current(&self, id: &str, generation: u32) -> bool {
        self.containers.get(id).is_some_and(|c| c.generation == generation)
    }

    /// Come back later.
    pub(crate) fn timer(&self, after: SimDuration, due: Due, env: &mut Env<'_, '_>) {
        let (host, run) = (self.host.clone(), self.run);
        env.cx.emit_after(after, Input::Timer { host, run, due });
    }

    /// The id of a container by id, name or unique prefix.
    pub(crate) fn find(&self, text: &str) -> Result<String, ApiError> {
        let missing = || ApiError::not_found(format!("No such container: {text}"));
        if text.is_empty() {
            return Err(missing());
        }
        if self.containers.contains_key(text) {
            return Ok(text.to_owned());
        }
        if let Some(id) = self.names.get(text.strip_prefix('/').unwrap_or(text)) {
            return Ok(id.clone());
        }
        let from = text.to_owned();
        let mut hits = self.containers.range(from..).take_while(|(id, _)| id.starts_with(text));
        match (hits.next(), hits.next()) {
            (Some((id, _)), None) => Ok(id.clone()),
            (Some(_), Some(_)) => {
                Err(ApiError::bad(format!("multiple IDs found with provided prefix: {text}")))
            }
            (None, _) => Err(missing()),
        }
    }

    /// The container whose main process has this process id.
    /// Rows of `ps` on the host for the main processes of running containers.
    pub(crate) fn processes(&self) -> Arc<[crate::posix::ProcessRow]> {
        let mut rows: Vec<crate::posix::ProcessRow> = Vec::new();
        for c in self.containers.values().filter(|c| c.is_live()) {
            let user = c.config.user.split(':').next().filter(|u| !u.is_empty());
            let user: Arc<str> = user.unwrap_or("root").into();
            let command = c.argv.join(" ");
            if c.host.init == Some(true) {
                // The init is the first process; its child has the next numbers.
                rows.push((c.pid, user.clone(), format!("/sbin/docker-init -- {command}").into()));
                rows.push((c.pid + 6, user, command.into()));
            } else {
                rows.push((c.pid, user, command.into()));
            }
        }
        rows.sort();
        rows.into()
    }

    pub(crate) fn container_of_pid(&self, pid: u32) -> Option<ContainerId> {
        let found = self.containers.values().find(|c| c.is_live() && c.pid == pid)?;
        Some(ContainerId::from(found.id.as_str()))
    }

    /// Names of containers as `docker ps` sorts them: newest first.
    pub(crate) fn newest_first(&self) -> Vec<&Container> {
        let mut all: Vec<&Container> = self.containers.values().collect();
        all.sort_by_key(|c| std::cmp::Reverse(c.seq));
        all
    }

    /// A short name for messages.
    pub(crate) fn name_of(&self, id: &str) -> Arc<str> {
        self.containers.get(id).map_or_else(|| names::short(id).into(), |c| c.name.as_str().into())
    }
}
