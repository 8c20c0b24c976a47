//! Drydock: a deterministic simulation of Docker and Kubernetes, and the page that shows it.
//!
//! The modules stand in reading order, each layer using only those above it.

pub mod base;
pub mod engine;
