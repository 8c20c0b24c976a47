//! Drydock: a deterministic simulation of Docker and Kubernetes, and the page that shows it.
//!
//! The modules stand in reading order, each layer using only those above it
//! (`tests/architecture.rs` holds the exact table).

pub mod base;
pub mod engine;
pub mod posix;
pub mod machine;
pub mod net;
pub mod docker;
pub mod compose;
pub mod kube;
pub mod shell;
pub mod world;
pub mod view;
pub mod text;
#[cfg(target_arch = "wasm32")]
pub mod ui;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod native;
