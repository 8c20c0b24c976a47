//! The digest of a fixed run: equal natively and in the browser, or the simulation is not
//! deterministic. The browser's tests compare with what this prints.

use crate::world::demo;

/// The digest after the demonstration run of a seed.
#[must_use]
pub fn of_demo(seed: u64) -> String {
    demo::digests(seed)
}
