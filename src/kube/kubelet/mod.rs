//! The kubelet of each node.
pub mod clock;
pub mod conditions;
pub mod downward;
pub mod env;
pub mod images;
pub mod phase;
pub mod probes;
pub mod record;
pub mod resize;
pub mod restart;
pub mod status;
