//! One world: the clock, the queue, the router between subsystems; and its session.
//!
//! The only way into a world is a [`command::Command`]; the only way out is a view or the trace.

pub mod event;
pub mod genesis;
pub mod command;
#[expect(clippy::module_inception, reason = "the world is the world's main type")]
pub mod world;
pub mod digest;
#[cfg(test)]
mod digest_tests;
mod traffic;
pub mod breakage;
pub mod session;
pub mod diverge;
pub mod save;
pub mod reopen;
pub mod demo;
pub mod bench;
pub mod figures;
