//! The terminal of the learner: lines, jobs and the command-line tools.

pub mod job;
