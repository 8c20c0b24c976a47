//! Facts with no domain: time, randomness, ordered containers, text tables, YAML.
//!
//! Must not know: containers, networks, Docker, Kubernetes, the browser.

pub mod time;
pub mod rng;
pub mod name;
pub mod shelf;
pub mod digest;
pub mod message;
pub mod quantity;
pub mod table;
pub mod yaml;
pub mod stub;
