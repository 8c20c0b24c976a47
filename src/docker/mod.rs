//! Docker Engine: the daemon of each host.

pub mod api;
