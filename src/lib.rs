//! Drydock: a deterministic simulation of Docker and Kubernetes, and the page that shows it.
//!
//! The modules stand in reading order, each layer using only those above it
//! (`tests/architecture.rs` holds the exact table).

pub mod base;
pub mod compose;
pub mod docker;
pub mod engine;
pub mod kube;
pub mod machine;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod native;
pub mod net;
pub mod posix;
pub mod shell;
pub mod text;
#[cfg(target_arch = "wasm32")]
pub mod ui;
pub mod view;
pub mod world;
