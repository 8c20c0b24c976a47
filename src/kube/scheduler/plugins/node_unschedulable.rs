//! A cordoned node takes no new pods.
//!
//! Models `plugins/nodeunschedulable` @v1.36.

use k8s_openapi::api::core::v1::Taint;

use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::taint_toleration::tolerates;
use crate::kube::scheduler::plugins::{Cycle, Plugin, Rejection};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeUnschedulable;

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Rejection> {
        if !node.facts.unschedulable {
            return Ok(());
        }
        let taint = Taint {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        };
        if cycle.pod.tolerations.iter().any(|t| tolerates(t, &taint)) {
            return Ok(());
        }
        Err(Rejection::lasting("node(s) were unschedulable"))
    }
}
