//! The ReplicaSet controller.

pub mod order;
