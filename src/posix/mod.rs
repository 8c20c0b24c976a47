//! A POSIX shell and the small Unix tools, over a virtual file system, resumable and cloneable.
//!
//! Models dash and BusyBox ash as learners meet them in containers. Left out: job control, aliases
//! in scripts, real processes.
//!
//! Must not know: containers, networks, Docker, Kubernetes.

mod applets;
pub mod archive;
mod ast;
mod fds;
mod waits;
mod jobs;
mod variables;
mod builtins;
mod exec;
mod expand;
mod files;
mod filter;
mod math;
mod parse;
mod pattern;
mod process;
mod sed;
mod task;
mod test;
#[cfg(test)]
mod tests;
mod words;

pub use files::{Entry, FileSystem, Files, FsError, Kind, Stat, normal, parent};
pub use parse::complete;
pub use process::{Command, Effect, Facts, Io, Powers, Process, ProcessRow, Stream, TaskId, Wake};
