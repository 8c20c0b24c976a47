//! Hosts and the one container runtime under everything.
//!
//! dockerd and the kubelet call [`Machines`] directly for reads and for what happens at once
//! (create, start, kill, pause, remove, exec); what happens by itself comes back as a [`Notice`].
//! Time that a real runtime needs for a start (about 0.3 s) is added by the caller.
//!
//! Invariants: knows neither networks nor the owners of containers; an idle container schedules
//! nothing; every notice is about something that no caller asked for at that moment (except
//! `Exited`, which also follows a `kill`).

mod ids;
mod spec;
mod traffic;
mod io;
mod image;
mod container;
mod host;
mod catalog;
mod build;
mod pull;
mod view;
mod resolve;
mod cpu;
mod proc;
mod program;
mod interfaces;
mod tools;
mod local;
mod runtime;
mod containers;
mod events;
mod digest;
#[cfg(test)]
mod tests;

pub use catalog::{Catalogue, CatalogueError, Collection};
pub use container::{Container, LogLine, MAX_LOG_LINES, State};
pub use host::{Host, HostSpec, LayerProgress, Power, PullProgress, Volume};
pub use ids::{ContainerId, ExecId, HostId, Namespace, Stream};
pub use image::{Healthcheck, HistoryEntry, Image, ImageConfig, Layer, Reference};
pub use io::{
    Due, Happening, Input, LayerState, Notice, Output, PullError, PullMoment, Pulled, Timer,
};
pub use runtime::{Machines, ProcessRow, RuntimeError, StartError, Stats};
pub use spec::{ContainerSpec, ExecSpec, Mount, MountSource};
pub use traffic::{Answer, Errand, Incoming, Interface, Outgoing, RequestTag, Response};
