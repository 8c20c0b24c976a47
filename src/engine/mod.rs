//! The discrete-event kernel: a queue, a clock, causes.
//!
//! Must not know: which subsystems exist. Everything here works for any event type.

pub mod cx;
pub mod fault;
pub mod latency;
pub mod queue;
pub mod sabotage;
pub mod trace;
pub mod wire;
pub mod work;
