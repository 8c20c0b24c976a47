//! Everything that can happen in a world, and the router between subsystems: outputs become events.

use crate::docker;
use crate::kube;
use crate::machine;
use crate::net;
use crate::shell;

/// One event of the queue.
#[derive(Clone, Debug)]
pub enum Event {
    /// For the runtime.
    Machine(machine::Input),
    /// For the network.
    Net(net::Input),
    /// For the Docker daemons.
    Docker(docker::Input),
    /// For Kubernetes.
    Kube(kube::Input),
    /// For the terminals.
    Shell(shell::shell::Input),
    /// Between subsystems that do not know each other: translated by the world.
    Mail(Mail),
    /// A fault that was to last a while, by its place in the list, is over.
    FaultOver(usize),
}

/// What the world itself carries from one subsystem to another.
#[derive(Clone, Debug)]
pub enum Mail {
    /// From the runtime.
    Machine(machine::Output),
    /// From the network.
    Net(net::Output),
    /// From the terminals.
    Shell(shell::shell::Output),
}

impl From<machine::Output> for Event {
    fn from(output: machine::Output) -> Self {
        match output {
            machine::Output::Again(input) => Self::Machine(input),
            machine::Output::Notice(notice) => match notice.namespace {
                machine::Namespace::Moby => Self::Docker(docker::Input::Notice(notice)),
                machine::Namespace::K8s => Self::Kube(kube::Input::Notice(notice)),
            },
            other @ (machine::Output::Respond { .. } | machine::Output::Request { .. }) => {
                Self::Mail(Mail::Machine(other))
            }
        }
    }
}

impl From<net::Output> for Event {
    fn from(output: net::Output) -> Self {
        match output {
            net::Output::Again(input) => Self::Net(input),
            other @ (net::Output::Deliver { .. } | net::Output::Answer { .. }) => {
                Self::Mail(Mail::Net(other))
            }
        }
    }
}

impl From<docker::Output> for Event {
    fn from(output: docker::Output) -> Self {
        match output {
            docker::Output::Again(input) => Self::Docker(input),
            docker::Output::Machine(output) => output.into(),
            docker::Output::Net(output) => output.into(),
            docker::Output::Reply { ticket, result } => {
                Self::Shell(shell::shell::Input::Docker { ticket, result })
            }
        }
    }
}

impl From<kube::Output> for Event {
    fn from(output: kube::Output) -> Self {
        match output {
            kube::Output::Again(input) => Self::Kube(input),
            kube::Output::Machine(output) => output.into(),
            kube::Output::Net(output) => output.into(),
            kube::Output::Reply { ticket, result } => {
                Self::Shell(shell::shell::Input::Kube { ticket, result })
            }
        }
    }
}

impl From<shell::shell::Output> for Event {
    fn from(output: shell::shell::Output) -> Self {
        match output {
            shell::shell::Output::Again(input) => Self::Shell(input),
            shell::shell::Output::AskDocker { host, ticket, request } => {
                Self::Docker(docker::Input::Ask { host, ticket, request })
            }
            shell::shell::Output::ForgetDocker { host, ticket } => {
                Self::Docker(docker::Input::Forget { host, ticket })
            }
            shell::shell::Output::AskKube { ticket, request } => {
                Self::Kube(kube::Input::Ask { ticket, request: Box::new(request) })
            }
            shell::shell::Output::ForgetKube { ticket } => {
                Self::Kube(kube::Input::Forget { ticket })
            }
            other @ (shell::shell::Output::AskNet { .. } | shell::shell::Output::Kill { .. }) => {
                Self::Mail(Mail::Shell(other))
            }
        }
    }
}
