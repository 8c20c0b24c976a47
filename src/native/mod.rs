//! The native program: headless runs, replays of recorded cases, checks of files.
//!
//! The only place of the crate, with `ui`, that reads and writes the machine it runs on.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

pub mod cli;
pub mod console;
pub mod driver;
pub mod input;
pub mod run;
pub mod sh;
pub mod check;
pub mod open;
pub mod digest;
pub mod replay;
pub mod transcript;
pub mod bench;
pub mod seeds;
