//! A host port can be open once per node.
//!
//! Models `plugins/nodeports` @v1.36.

use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{Cycle, Plugin, Rejection};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodePorts;

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        let mut wanted = cycle.pod.ports.iter();
        if wanted.any(|w| node.ports.iter().any(|used| used.clashes(w))) {
            const REASON: &str = "node(s) didn't have free ports for the requested pod ports";
            return Err(Rejection::resolvable(REASON));
        }
        Ok(())
    }
}
