//! A pod that names its node runs on no other.
//!
//! Models `plugins/nodename` @v1.36.

use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{Cycle, Plugin, Rejection};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        if cycle.pod.node.is_empty() || cycle.pod.node == node.facts.name {
            return Ok(());
        }
        Err(Rejection::lasting("node(s) didn't match the requested node name"))
    }
}
