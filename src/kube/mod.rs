//! Kubernetes: API server, controllers, scheduler, kubelet, kube-proxy, cluster DNS.

pub mod api;
pub mod clock;
pub mod controllers;
pub mod events;
pub mod kinds;
pub mod kubelet;
pub mod labels;
pub mod scheduler;
