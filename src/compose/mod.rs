//! Docker Compose: from files to a project, and from a project to what must be done.
//!
//! Models compose-go v2.9.1 and docker compose v2.40.3 (handbook compose.md, traces DOCKER.md).
//! The modules stand in the order of the way: text → raw model → merged model → typed project.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a JSON value of any type but the wanted ones is one case"
)]

pub mod values;
pub mod template;
pub mod dotenv;
pub mod ports;
pub mod mounts;
mod schema;
mod spec;
mod stack_spec;
mod read;
mod interpolate;
mod merge;
mod canonical;
mod records;
pub mod emit;
mod decode;
mod consistency;
pub mod load;
pub mod project;
mod stack;
pub mod check;
pub mod create;
pub mod plan;
