//! One network fabric for Docker bridges, overlays, pods and services.

/// A request of a client: HTTP, a TCP connection, or a name lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {}
