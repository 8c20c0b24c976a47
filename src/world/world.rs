//! The world: everything that exists, as one cloneable value.

use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Taint;

use crate::base::message::Message;
use crate::base::rng::Rngs;
use crate::base::time::SimTime;
use crate::docker;
use crate::engine::cx::{Cx, Effect};
use crate::engine::fault::Faults;
use crate::engine::queue::Queue;
use crate::engine::sabotage::Sabotage;
use crate::engine::trace::{Actor, Subject, Trace, TraceId};
use crate::kube;
use crate::machine::{self, HostId, HostSpec, Machines};
use crate::net::{self, Fabric};
use crate::posix::{Entry, Files};
pub use crate::shell::run::FinishedRun;
use crate::shell::shell::{self, HOME, Shell};
use crate::world::command::Command;
use crate::world::event::{Event, Mail};
use crate::world::genesis::{Genesis, NodeSetup};
use crate::world::traffic::{self, Owner, Waiting};

/// Ctrl-C.
const SIGINT: u8 = 2;

/// How far [`World::run_until`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The wanted moment is reached.
    Reached,
    /// The budget of events is used up before it.
    Budget,
}

/// A world.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) now: SimTime,
    pub(super) steps: u64,
    pub(super) queue: Queue<Event>,
    pub(super) rng: Rngs,
    pub(super) trace: Trace,
    pub(super) faults: Faults,
    pub(super) machines: Machines,
    pub(super) fabric: Fabric,
    pub(super) docker: docker::Engines,
    pub(super) kube: Option<kube::Cluster>,
    pub(super) shell: Shell,
    /// Files of the learner's own computer.
    pub(super) home: Files,
    pub(super) waiting: Waiting,
    /// Machines added so far, for their addresses.
    pub(super) addresses: u32,
    /// The epoch of the wire that the cluster knows of.
    pub(super) wired: u64,
}

/// Borrow a context for one subsystem, run a step of it, queue what comes out.
macro_rules! act {
    ($world:ident, $cause:expr, |$cx:ident: $output:ty| $body:expr) => {{
        let mut out: Vec<Effect<$output>> = Vec::new();
        let mut cx = Cx {
            now: $world.now,
            cause: $cause,
            rng: &mut $world.rng,
            trace: &mut $world.trace,
            faults: &$world.faults,
            out: &mut out,
        };
        let $cx = &mut cx;
        let result = $body;
        for (delay, cause, output) in out {
            $world.queue.push($world.now + delay, cause, Event::from(output));
        }
        result
    }};
}
pub(super) use act;

impl World {
    /// A new world.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let mut world = Self {
            now: SimTime::ZERO,
            steps: 0,
            queue: Queue::default(),
            rng: Rngs::new(genesis.seed),
            trace: Trace::default(),
            faults: Faults::default(),
            machines: Machines::with_collection(genesis.registry, genesis.images),
            fabric: Fabric::default(),
            docker: docker::Engines::default(),
            kube: None,
            shell: Shell::default(),
            home: Files::new(),
            waiting: Waiting::default(),
            addresses: 0,
            wired: 0,
        };
        for host in &genesis.hosts {
            world.add_docker_host(host);
        }
        if let Some(cluster) = &genesis.cluster {
            world.start_cluster(cluster);
        }
        let first = genesis.hosts.first().map_or("", |h| h.name.as_str()).to_owned();
        world.files_of(&first).put(HOME, Entry::Directory { mode: 0o755 });
        for (path, text) in &genesis.files {
            world.write_file(&first, path, text);
        }
        world
    }

    /// Spoil the simulation itself from now on, to see who finds it. No command does this.
    #[cfg(feature = "sabotage")]
    pub fn sabotage(&mut self, what: Sabotage) {
        let saboteur = crate::engine::sabotage::Saboteur::of(what);
        self.faults.saboteur = saboteur;
        self.fabric.saboteur = saboteur;
        if let Some(kube) = &mut self.kube {
            kube.store.saboteur = saboteur;
        }
    }

    /// The present moment.
    #[must_use]
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// Events that have happened.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What happened and why.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Faults, past ones too.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The machines and what runs on them.
    #[must_use]
    pub const fn machines(&self) -> &Machines {
        &self.machines
    }

    /// The network.
    #[must_use]
    pub const fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// The Docker daemons.
    #[must_use]
    pub const fn docker(&self) -> &docker::Engines {
        &self.docker
    }

    /// The cluster.
    #[must_use]
    pub const fn kube(&self) -> Option<&kube::Cluster> {
        self.kube.as_ref()
    }

    /// The terminals.
    #[must_use]
    pub const fn shell(&self) -> &Shell {
        &self.shell
    }

    /// The files of a machine; of the learner's own computer for an empty name.
    #[must_use]
    pub fn files(&self, host: &str) -> &Files {
        let found = self.machines.host(&HostId::new(host)).map(|h| &h.files);
        found.unwrap_or(&self.home)
    }

    /// A script that has ended.
    #[must_use]
    pub fn finished(&self, run: u32) -> Option<&FinishedRun> {
        self.shell.finished(run)
    }

    /// The number that the next script will get.
    #[must_use]
    pub const fn next_run(&self) -> u32 {
        self.shell.next_run()
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }

    /// Events that wait.
    #[must_use]
    pub fn waiting_events(&self) -> usize {
        self.queue.len()
    }

    /// The next event.
    #[must_use]
    pub fn next_event(&self) -> Option<&Event> {
        self.queue.next().map(|waiting| &waiting.event)
    }

    /// Let one event happen; `false` if none waits.
    pub fn step(&mut self) -> bool {
        let Some(waiting) = self.queue.pop() else { return false };
        self.now = self.now.max(waiting.at);
        if self.faults.sabotaged(Sabotage::ClockOffByOne) {
            self.now = SimTime(waiting.at.0.saturating_sub(self.steps % 2));
        }
        self.steps += 1;
        self.dispatch(waiting.event, waiting.cause);
        true
    }

    /// Let events happen until `to`, at most `budget` of them.
    pub fn run_until(&mut self, to: SimTime, budget: u32) -> Progress {
        for _ in 0..budget {
            match self.queue.next_at() {
                Some(at) if at <= to => self.step(),
                _ => {
                    self.now = self.now.max(to);
                    return Progress::Reached;
                }
            };
        }
        Progress::Budget
    }

    /// Let the clock go on without any event happening.
    pub fn wait_until(&mut self, at: SimTime) {
        self.now = self.now.max(at);
    }

    fn dispatch(&mut self, event: Event, cause: TraceId) {
        match event {
            Event::Machine(input) => {
                act!(self, cause, |cx: machine::Output| self.machines.step(input, cx));
            }
            Event::Net(input) => {
                act!(self, cause, |cx: net::Output| self.fabric.step(input, cx));
            }
            Event::Docker(input) => act!(self, cause, |cx: docker::Output| {
                self.docker.step(input, &mut self.machines, &mut self.fabric, cx);
            }),
            Event::Kube(input) => {
                if let Some(kube) = &mut self.kube {
                    act!(self, cause, |cx: kube::Output| {
                        kube.step(input, &mut self.machines, &mut self.fabric, cx);
                    });
                } else if let kube::Input::Ask { ticket, .. } = input {
                    let result = Err(kube::api::request::ApiError::no_cluster());
                    let input = shell::Input::Kube { ticket, result };
                    self.queue.push(self.now, cause, Event::Shell(input));
                }
            }
            Event::Shell(input) => {
                let Some(host) = self.shell.host_of(&input) else { return };
                self.show_processes(&host);
                let files = files_of(&mut self.machines, &mut self.home, &host);
                act!(self, cause, |cx: shell::Output| self.shell.step(input, files, cx));
            }
            Event::Mail(mail) => self.carry(mail, cause),
            Event::FaultOver(place) => self.fault_over(place, cause),
        }
    }

    /// Carry something between subsystems that do not know each other.
    fn carry(&mut self, mail: Mail, cause: TraceId) {
        let event = match mail {
            Mail::Machine(machine::Output::Respond { flow, response }) => {
                let response = traffic::response(response);
                Event::Net(net::Input::Respond { flow: net::FlowId(flow), response })
            }
            Mail::Machine(machine::Output::Request { host, sandbox, tag, request }) => {
                // `host` is the machine's own network namespace (ContainerSpec::sandbox).
                let from = if &*sandbox == "host" {
                    net::Origin::Host(host.0.clone())
                } else {
                    net::Origin::Container(host.0.clone(), sandbox)
                };
                let Some(sent) = traffic::to_net(&request) else {
                    let answer = if request.what == machine::Errand::Interfaces {
                        machine::Answer::Interfaces(traffic::interfaces(&self.fabric, &from))
                    } else {
                        machine::Answer::NoSuchHost { server: String::new() }
                    };
                    let input = machine::Input::Answered { tag, answer };
                    self.queue.push(self.now, cause, Event::Machine(input));
                    return;
                };
                let tag = self.waiting.remember(tag, request.what);
                Event::Net(net::Input::Send { from, tag, request: sent })
            }
            Mail::Net(net::Output::Deliver { flow, host, container, port, client, request }) => {
                let client = client.map(|addr| addr.to_string()).unwrap_or_default();
                let request = traffic::to_machine(&request, &client);
                Event::Machine(machine::Input::Deliver {
                    flow: flow.0,
                    host: HostId(host),
                    sandbox: container,
                    port,
                    request,
                })
            }
            Mail::Net(net::Output::Answer { to, tag, answer }) => match Owner::of(tag) {
                Owner::Machine => {
                    let Some((tag, errand)) = self.waiting.take(tag) else { return };
                    let answer = traffic::answer(answer, &errand, &to);
                    Event::Machine(machine::Input::Answered { tag, answer })
                }
                Owner::Shell => {
                    let ticket = tag & traffic::NUMBER_MASK;
                    Event::Shell(shell::Input::Net { ticket, answer })
                }
                Owner::Kube => {
                    let tag = tag & traffic::NUMBER_MASK;
                    Event::Kube(kube::Input::Answer { tag, answer })
                }
            },
            Mail::Shell(shell::Output::AskNet { host, ticket, request }) => {
                let from = match self.machines.host(&HostId(host.clone())) {
                    Some(_) => net::Origin::Host(host),
                    None => net::Origin::Outside,
                };
                let tag = Owner::Shell.tag(ticket);
                Event::Net(net::Input::Send { from, tag, request })
            }
            Mail::Shell(shell::Output::Kill { host, pid, signal }) => {
                let Some(id) = self.docker.container_of_pid(&host, pid) else { return };
                act!(self, cause, |cx: machine::Output| {
                    // A process that is gone by now feels nothing.
                    let _ = self.machines.kill(&HostId(host), &id, signal, cx);
                });
                return;
            }
            // Everything else was routed already.
            Mail::Machine(_) | Mail::Net(_) | Mail::Shell(_) => return,
        };
        self.queue.push(self.now, cause, event);
    }

    /// `first`: the address before the first one of this kind of machine.
    fn add_machine(&mut self, name: &str, cpu_milli: u32, memory_bytes: u64, first: Ipv4Addr) {
        let mut spec = HostSpec::small(name);
        spec.cpu_milli = u64::from(cpu_milli);
        spec.memory_bytes = memory_bytes;
        self.machines.add_host(spec, self.now);
        self.addresses += 1;
        let address = u32::from(first) + self.addresses;
        self.fabric.add_host(name, Ipv4Addr::from(address));
    }

    fn add_docker_host(&mut self, host: &crate::world::genesis::HostSetup) {
        // The recordings' hosts are 10.77.0.11 and following.
        let first = Ipv4Addr::new(10, 77, 0, 10);
        self.add_machine(&host.name, host.cpu_milli, host.memory_bytes, first);
        let id = HostId::new(host.name.as_str());
        if let Some(hostname) = &host.hostname {
            self.machines.set_hostname(&id, hostname);
        }
        for image in &host.images {
            self.machines.preload(&id, image);
        }
        if self.machines.collection() == machine::Collection::DockerLab {
            self.machines.preload_collection(&id);
        }
        act!(self, TraceId::NONE, |cx: docker::Output| {
            self.docker.add_host(&host.name, &mut self.machines, &mut self.fabric, cx);
        });
    }

    fn start_cluster(&mut self, cluster: &crate::world::genesis::ClusterSetup) {
        for node in &cluster.nodes {
            self.add_node_machine(node);
        }
        let specs: Vec<_> = cluster.nodes.iter().map(|node| self.node_spec(node)).collect();
        let kube = act!(self, TraceId::NONE, |cx: kube::Output| kube::Cluster::new(&specs, cx));
        self.kube = Some(kube);
    }

    fn add_node_machine(&mut self, node: &NodeSetup) {
        // The recordings' nodes are 192.0.2.2 and following.
        let first = Ipv4Addr::new(192, 0, 2, 1);
        self.add_machine(&node.name, node.cpu_milli, node.memory_bytes, first);
        let id = HostId::new(node.name.as_str());
        for image in &node.images {
            self.machines.preload(&id, image);
        }
    }

    /// What a node of the cluster is like, in the cluster's words.
    fn node_spec(&self, node: &NodeSetup) -> kube::node::NodeSpec {
        let address = self.fabric.host_addr(&node.name).map(|a| a.to_string());
        kube::node::NodeSpec {
            name: node.name.as_str().into(),
            cpu: format!("{}m", node.cpu_milli),
            memory: format!("{}Ki", node.memory_bytes >> 10),
            pods: node.pods,
            extended: node.extended.clone(),
            labels: node.labels.clone(),
            taints: node.taints.iter().map(|text| taint(text)).collect(),
            address: address.unwrap_or_default(),
            real: !node.hollow,
        }
    }

    /// A new node joins the cluster.
    pub fn add_node(&mut self, node: &NodeSetup) {
        self.add_node_machine(node);
        let spec = self.node_spec(node);
        if let Some(kube) = &mut self.kube {
            act!(self, TraceId::NONE, |cx: kube::Output| kube.join_node(&spec, cx));
        }
    }

    /// A stand-in for metrics-server: the ready pods of a namespace share so much cpu.
    pub fn share_load(&mut self, namespace: &str, cpu_milli: i64) {
        if let Some(kube) = &mut self.kube {
            kube.share_load(namespace, cpu_milli);
        }
    }

    /// Do what the learner commands: the only way into a world.
    pub fn execute(&mut self, command: Command) {
        match command {
            Command::Type { terminal, line } => self.type_line(terminal, Some(&line)),
            Command::EndOfInput { terminal } => self.type_line(terminal, None),
            Command::Interrupt { terminal } => {
                if let Some(run) = self.shell.run_of(terminal) {
                    self.signal(run, SIGINT);
                }
            }
            Command::Signal { run, signal } => self.signal(run, signal),
            Command::Open { terminal, host, tty } => {
                let files = files_of(&mut self.machines, &mut self.home, &host);
                act!(self, TraceId::NONE, |cx: shell::Output| {
                    self.shell.open(terminal, (&host, tty), files, cx);
                });
            }
            Command::Script { host, cwd, text, tty } => {
                self.show_processes(&Arc::from(host.as_str()));
                let files = files_of(&mut self.machines, &mut self.home, &host);
                act!(self, TraceId::NONE, |cx: shell::Output| {
                    self.shell.script((&host, &cwd, &text), tty, files, cx);
                });
            }
            Command::Write { host, path, text } => self.write_file(&host, &path, &text),
            Command::Remove { host, path } => self.remove_file(&host, &path),
            Command::Break { kind, target, lasting } => self.break_something(kind, target, lasting),
            Command::Mend { kind, target } => self.mend(&kind, &target),
            Command::Host { host, action } => self.host_action(&host, action),
            Command::Load { name, url, from, rate_milli } => {
                self.load(&name, &url, &from, rate_milli);
            }
        }
    }

    /// Let the shells of a machine see the processes of its containers.
    fn show_processes(&mut self, host: &Arc<str>) {
        let seen = self.shell.processes_seen(host);
        if let Some((stamp, rows)) = self.docker.processes(host, seen) {
            self.shell.set_processes(host, stamp, rows);
        }
    }

    fn type_line(&mut self, terminal: u32, line: Option<&str>) {
        let Some(run) = self.shell.run_of(terminal) else { return };
        let host = self.shell.host_of_run(run).unwrap_or_default();
        self.show_processes(&host);
        let files = files_of(&mut self.machines, &mut self.home, &host);
        act!(self, TraceId::NONE, |cx: shell::Output| {
            self.shell.type_line(terminal, line, files, cx);
        });
    }

    fn signal(&mut self, run: u32, signal: u8) {
        let Some(host) = self.shell.host_of_run(run) else { return };
        let files = files_of(&mut self.machines, &mut self.home, &host);
        act!(self, TraceId::NONE, |cx: shell::Output| self.shell.signal(run, signal, files, cx));
    }

    /// The files of a machine, to change them.
    fn files_of(&mut self, host: &str) -> &mut Files {
        files_of(&mut self.machines, &mut self.home, host)
    }

    pub(super) fn write_file(&mut self, host: &str, path: &str, text: &str) {
        self.files_of(host).put_file(path, text);
    }

    pub(super) fn remove_file(&mut self, host: &str, path: &str) {
        self.files_of(host).remove_tree(path);
    }

    /// Write down what the learner did, as the first cause of what follows.
    pub(super) fn learner(&mut self, what: Message, about: &str) -> TraceId {
        let subject = Subject::new(about);
        self.trace.record(self.now, Actor::only("you"), subject, what, TraceId::NONE)
    }
}

/// A taint from `key=value:Effect` or `key:Effect`.
fn taint(text: &str) -> Taint {
    let (key, effect) = text.rsplit_once(':').unwrap_or((text, "NoSchedule"));
    let (key, value) = key.split_once('=').unwrap_or((key, ""));
    let value = (!value.is_empty()).then(|| value.to_owned());
    Taint { key: key.to_owned(), value, effect: effect.to_owned(), time_added: None }
}

/// The files of a machine; of the learner's own computer where there is no such machine.
fn files_of<'a>(machines: &'a mut Machines, home: &'a mut Files, host: &str) -> &'a mut Files {
    let id = HostId::new(host);
    if machines.host(&id).is_none() {
        return home;
    }
    match machines.host_files(&id) {
        Some(files) => files,
        None => home,
    }
}
