//! Kubernetes: API server, controllers, scheduler, kubelet, kube-proxy, cluster DNS.

pub mod api;
pub mod kubelet;
