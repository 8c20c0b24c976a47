//! kube-scheduler.

pub mod cache;
pub mod cycle;
pub mod fit_error;
pub mod plugins;
pub mod pod;
pub mod preemption;
pub mod queue;
