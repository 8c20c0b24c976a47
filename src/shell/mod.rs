//! The terminal of the learner: lines, jobs and the command-line tools.
//!
//! A terminal is an interactive POSIX shell ([`crate::posix::Process`]) on a machine. Commands that
//! are not part of the shell (`docker`, `kubectl`, `curl`, …) are jobs. Knows the platforms only by
//! the types of their APIs.

pub mod cause;
pub mod job;
pub mod run;
#[expect(clippy::module_inception, reason = "the shell is the shell's main type")]
pub mod shell;
pub mod terminal;
pub mod tape;
pub mod docker;
pub mod compose;
pub mod kubectl;
pub mod tool;
pub mod unix;
