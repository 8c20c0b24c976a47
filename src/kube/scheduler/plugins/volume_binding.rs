//! Claims must be bound, or bindable on the node.
//!
//! Models the parts of `plugins/volumebinding` @v1.36 that need no storage driver: claims that are
//! missing, unbound or being deleted refuse the pod as a whole.

use crate::kube::scheduler::plugins::Plugin;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeBinding;

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        "VolumeBinding"
    }
}

/// State of a claim that a pod mounts, as PreFilter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// There is none of that name.
    Missing,
    /// It is being deleted.
    Deleting,
    /// Not bound, and its class wants it bound before a pod comes.
    UnboundImmediate,
    /// Not bound; it waits for the first pod.
    WaitsForPod,
    /// Bound to a volume.
    Bound,
}

/// Why the pod cannot run on any node.
#[must_use]
pub fn pre_filter<'a>(claims: impl Iterator<Item = (&'a str, Claim)>) -> Option<String> {
    let mut unbound = false;
    for (name, claim) in claims {
        match claim {
            Claim::Missing => return Some(format!("persistentvolumeclaim \"{name}\" not found")),
            Claim::Deleting => {
                return Some(format!("persistentvolumeclaim \"{name}\" is being deleted"));
            }
            Claim::UnboundImmediate => unbound = true,
            Claim::WaitsForPod | Claim::Bound => {}
        }
    }
    unbound.then(|| "pod has unbound immediate PersistentVolumeClaims".to_owned())
}
