//! The leaves of the work: questions to the daemon with what follows from the answer, and steps
//! that only decide.
//!
//! Models docker compose v2.40.3 `pkg/compose`: every function there that talks to the daemon is an
//! [`Ask`](Action::Ask) here.

use crate::docker::api::{ApiError, ContainerSummary, Reply, Request};
use crate::shell::job::{Io, Ticket};

use super::tree::{Failure, Node};
use super::work::{Mood, Work};
use super::{bake, containers, images, resources, waiting};

/// A leaf.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Ask the daemon.
    Ask(Box<Request>, Box<Then>),
    /// Decide.
    Do(Box<Do>),
}

/// What follows from an answer.
#[derive(Clone, Debug)]
pub(super) enum Then {
    /// Nothing; a refusal ends the run.
    Nothing,
    /// Show that something is done; a refusal ends the run.
    Show(String, &'static str),
    /// Show that something is done; a refusal is shown and ends the run.
    ShowOr(String, &'static str, String),
    /// The containers of the project.
    Listed,
    /// The containers of the project, at the beginning of `up`.
    Observed,
    /// A local image of a service.
    Image(String),
    /// A part of a pull: service, image, whether a failure may be healed by a build.
    Pulled(String, String, bool),
    /// A part of a build of a service.
    Built(String),
    /// A network of the project, by key.
    Network(String),
    /// A network with an outside name.
    External(String),
    /// A created network, by key; containers to attach again.
    NetworkMade(String, Vec<String>),
    /// Networks of the project to remove, by real name.
    NetworksToRemove(String),
    /// A network to remove.
    NetworkToRemove(String),
    /// A volume of the project, by key.
    Volume(String),
    /// An image to remove, looked for.
    ImageToRemove(String),
    /// A volume to remove.
    VolumeToRemove(String),
    /// A removed volume or image.
    Removed(String),
    /// A created container: service, number, name.
    Created(String, u32, String),
    /// A container created to replace another.
    Replacing(Box<ContainerSummary>, String),
    /// A container to stop, then perhaps to remove.
    Stopped(String, Option<Removal>),
    /// A removed container.
    RemovedContainer(String),
    /// A container inspected while waiting.
    Polled(Box<waiting::Wait>, usize),
    /// An exec made for a hook of a service.
    HookMade(String),
    /// A part of the output of a hook.
    HookRan(String),
}

/// How a container is removed after it has stopped.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    /// Its id.
    pub(super) id: String,
    /// With its anonymous volumes.
    pub(super) volumes: bool,
}

/// A step that only decides.
#[derive(Clone, Debug)]
pub(super) enum Do {
    /// Show a line.
    Show(String, &'static str, Mood),
    /// Look which images are there.
    Images,
    /// Pull and build what is missing.
    Obtain,
    /// Tell the builder what to build.
    Bake(Vec<String>),
    /// Build a service.
    Build(String),
    /// Show what was built.
    Baked(Vec<String>),
    /// Pull a service's image.
    Pull(String, bool),
    /// Make a network anew that has changed.
    RenewNetwork(String),
    /// Make a network.
    MakeNetwork(String, Vec<String>),
    /// Warn of orphans or remove them.
    Orphans,
    /// Bring all services to what is wanted.
    Converge,
    /// Bring a service to what is wanted.
    Service(String),
    /// Make a container of a service.
    Create(String, u32),
    /// Replace a container.
    Recreate(String, Box<ContainerSummary>),
    /// Start everything along dependencies.
    Start,
    /// Wait for what a service depends on, then start it.
    StartService(String),
    /// Start the containers of a service.
    StartContainers(String),
    /// Wait until all is running or healthy.
    AllReady,
    /// Ask how a waited-for container is.
    Poll(Box<waiting::Wait>),
    /// Stop services along dependencies, perhaps removing them.
    Stop(containers::Stop),
    /// Stop a service.
    StopService(String, containers::Stop),
    /// Remove orphans, networks, images and volumes.
    Sweep,
    /// Restart services along dependencies.
    Restart,
    /// Restart a service.
    RestartService(String),
}

/// A node that asks.
pub(super) fn ask(request: Request, then: Then) -> Node {
    Node::Todo(Action::Ask(Box::new(request), Box::new(then)))
}

/// A node that decides.
pub(super) fn step(what: Do) -> Node {
    Node::Todo(Action::Do(Box::new(what)))
}

impl Action {
    /// What takes the place of this action now that it begins.
    pub(super) fn begin(self, work: &mut Work, io: &mut Io<'_>) -> Result<Node, Failure> {
        match self {
            Self::Ask(request, then) => {
                let ticket = io.ask_docker(*request.clone());
                Ok(Node::Wait(ticket, Self::Ask(request, then)))
            }
            Self::Do(what) => decide(*what, work, io),
        }
    }

    /// What takes the place of this action now that it is answered.
    pub(super) fn answer(
        self,
        result: Result<Reply, ApiError>,
        ticket: Ticket,
        work: &mut Work,
        io: &mut Io<'_>,
    ) -> Result<Node, Failure> {
        let Self::Ask(request, then) = self else { return Ok(Node::Done) };
        let more = result.as_ref().is_ok_and(|reply| !reply.is_last());
        let again = more.then(|| Node::Wait(ticket, Self::Ask(request, then.clone())));
        let next = follow(*then, result, work, io)?;
        Ok(again.unwrap_or(next))
    }
}

fn decide(what: Do, work: &mut Work, io: &mut Io<'_>) -> Result<Node, Failure> {
    match what {
        Do::Show(id, text, mood) => {
            work.event(io, &id, text, mood);
            Ok(Node::Done)
        }
        Do::Images => Ok(images::look(work)),
        Do::Obtain => images::obtain(work),
        Do::Bake(names) => Ok(bake::begin(&names, work, io)),
        Do::Build(service) => bake::build(&service, work, io),
        Do::Baked(names) => Ok(bake::end(&names, work, io)),
        Do::Pull(service, healed) => Ok(images::pull(&service, healed, work, io)),
        Do::RenewNetwork(key) => Ok(resources::renew_network(&key, work, io)),
        Do::MakeNetwork(key, again) => Ok(resources::make_network(&key, again, work, io)),
        Do::Orphans => Ok(containers::orphans(work, io)),
        Do::Converge => Ok(containers::converge_all(work)),
        Do::Service(name) => containers::converge(&name, work, io),
        Do::Create(service, number) => containers::create(&service, number, work, io),
        Do::Recreate(service, old) => containers::recreate(&service, *old, work, io),
        Do::Start => Ok(waiting::start_all(work)),
        Do::StartService(name) => waiting::start_service(&name, work, io),
        Do::StartContainers(name) => waiting::start_containers(&name, work),
        Do::AllReady => waiting::all_ready(work, io),
        Do::Poll(wait) => waiting::poll(*wait, work, io),
        Do::Stop(stop) => Ok(containers::stop_all(&stop, work)),
        Do::StopService(name, stop) => Ok(containers::stop_service(&name, &stop, work, io)),
        Do::Sweep => Ok(resources::sweep(work, io)),
        Do::Restart => Ok(containers::restart_all(work)),
        Do::RestartService(name) => Ok(containers::restart_service(&name, work, io)),
    }
}

fn follow(
    then: Then,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    match then {
        Then::Nothing => result.map(|_| Node::Done).map_err(Failure::from),
        Then::Show(id, text) => {
            result?;
            work.event(io, &id, text, Mood::Done);
            Ok(Node::Done)
        }
        Then::ShowOr(id, text, event) => match result {
            Ok(_) => {
                if !text.is_empty() {
                    work.event(io, &id, text, Mood::Done);
                }
                Ok(Node::Done)
            }
            Err(error) => {
                work.event(io, &event, &error.client_text(), Mood::Error);
                Err(error.into())
            }
        },
        Then::Listed => {
            if let Reply::Containers(list) = result? {
                work.containers = containers::sorted(list);
            }
            Ok(Node::Done)
        }
        Then::Observed => {
            if let Reply::Containers(list) = result? {
                containers::observe(containers::sorted(list), work);
            }
            Ok(Node::Done)
        }
        Then::Image(service) => images::found(service, result, work),
        Then::Pulled(service, image, healed) => {
            images::pulled(&service, &image, healed, result, work, io)
        }
        Then::Built(service) => bake::built(&service, result, work, io),
        Then::Network(key) => resources::network(&key, result, work, io),
        Then::External(name) => resources::external(&name, result),
        Then::NetworkMade(key, again) => resources::network_made(&key, again, result, work, io),
        Then::NetworksToRemove(name) => resources::networks_to_remove(&name, result, work, io),
        Then::NetworkToRemove(name) => resources::network_to_remove(&name, result, work, io),
        Then::Volume(key) => resources::volume(&key, result, work, io),
        Then::VolumeToRemove(name) => Ok(resources::volume_to_remove(&name, &result, work, io)),
        Then::ImageToRemove(name) => Ok(images::to_remove_one(&name, &result, work, io)),
        Then::Removed(id) => resources::removed(&id, result, work, io),
        Then::Created(service, number, name) => {
            containers::created(&service, number, &name, result, work, io)
        }
        Then::Replacing(old, service) => containers::replacing(*old, &service, result, work, io),
        Then::Stopped(name, removal) => containers::stopped(&name, removal, result, work, io),
        Then::RemovedContainer(name) => containers::removed(&name, result, work, io),
        Then::Polled(wait, index) => waiting::polled(*wait, index, result, work, io),
        Then::HookMade(service) => waiting::hook_made(service, result),
        Then::HookRan(service) => waiting::hook_ran(&service, &result),
    }
}
