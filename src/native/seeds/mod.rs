//! Random sessions from one seed, watched by checkers at every step: what no single test thinks of.
//!
//! [`generate`] draws commands, faults and times by a seed and the present world; [`run`] executes
//! them and asks the [`check`]ers; [`shrink`] makes a failing session short enough to be read and
//! kept in `tests/seeds/`.

pub mod case;
pub mod draw;
pub mod generate;
mod kube_lines;
mod manifests;
mod docker_lines;
mod breakage;
pub mod check;
mod check_world;
mod check_kube;
mod check_bounds;
mod check_docker;
mod check_end;
pub mod run;
pub mod shrink;
pub mod soak;
