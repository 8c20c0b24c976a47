//! One network fabric for Docker bridges, overlays, pods and services.
//!
//! The unit is a request (an HTTP exchange, a TCP connect, a lookup), not a packet. Left out:
//! bandwidth, IPv6, routing protocols.
//!
//! Must not know: what runs in a container, Docker's or Kubernetes' objects.

pub mod api;
pub mod fabric;
pub mod names;
mod route;
pub mod flow;
pub mod load;
mod digest;
#[cfg(test)]
mod tests;
pub mod types;

pub use fabric::{Fabric, Input, Output};
pub use types::{
    Answer, Cidr, EndpointRef, Exchange, FlowId, Hop, HopKind, Origin, Outcome, Proto, Request,
    Response,
};
