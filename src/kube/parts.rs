//! What a copy of the cluster consists of, so that the bench can say which part costs what.

use std::any::Any;

use crate::kube::Cluster;

/// Copies one part.
pub type Copy = fn(&Cluster) -> Box<dyn Any>;

/// The parts with more than a few bytes.
pub const PARTS: &[(&str, Copy)] = &[
    ("kube.store", |c| Box::new(c.store.clone())),
    ("kube.controllers", |c| Box::new(c.controllers.clone())),
    ("kube.scheduler", |c| Box::new(c.scheduler.clone())),
    ("kube.streams", |c| Box::new(c.streams.clone())),
    ("kube.recorders", |c| Box::new(c.recorders.clone())),
    ("kube.kubelets", |c| Box::new(c.kubelets.clone())),
    ("kube.proxies", |c| Box::new(c.proxies.clone())),
    ("kube.dns", |c| Box::new(c.dns.clone())),
    ("kube.expiring", |c| Box::new(c.expiring.clone())),
];
