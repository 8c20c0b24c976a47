//! A steady client: sends at a rate and counts per second what became of it.

use serde::{Deserialize, Serialize};

use crate::base::time::SimTime;
use crate::net::types::{Origin, Request};

/// Number of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LoadId(pub u32);

/// What a load sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadSpec {
    /// Who sends.
    pub from: Origin,
    /// What is sent.
    pub request: Request,
    /// Requests per 1000 seconds, so that less than one per second can be said.
    pub per_kilosecond: u32,
    /// When it ends by itself.
    pub until: Option<SimTime>,
}
