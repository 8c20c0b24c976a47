//! Facts with no domain: time, randomness, ordered containers, text tables, YAML.
//!
//! Must not know: containers, networks, Docker, Kubernetes, the browser.

pub mod diff;
pub mod digest;
pub mod graph;
mod leniency;
pub mod message;
pub mod name;
pub mod quantity;
pub mod rng;
pub mod shelf;
pub mod mixer;
pub mod ledger;
pub mod gotemplate;
pub mod stub;
pub mod table;
pub mod time;
pub mod yaml;
