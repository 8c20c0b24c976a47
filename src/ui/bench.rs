//! Figures and digests for the tests of the page, as functions of `globalThis.drydock`.

use wasm_bindgen::prelude::*;

use crate::base::time::SimTime;
use crate::ui::js::milliseconds;
use crate::world::save::BUILD;
use crate::world::{bench, demo};

/// The name of this build.
#[wasm_bindgen]
#[must_use]
pub fn build() -> String {
    BUILD.to_owned()
}

/// Digests of the fixed run of a seed.
#[wasm_bindgen]
#[must_use]
pub fn digests(seed: u64) -> String {
    demo::digests(seed)
}

/// Milliseconds to deploy 1,000 pods on 50 nodes.
#[wasm_bindgen]
#[must_use]
pub fn bench_deploy() -> f64 {
    let start = milliseconds();
    let world = bench::deploy(bench::SIZES);
    let passed = milliseconds() - start;
    if bench::ready_pods(&world) < bench::SIZES.pods { f64::NAN } else { passed }
}

/// Simulated seconds per second with 1,000 pods at rest.
#[wasm_bindgen]
#[must_use]
pub fn bench_steady() -> f64 {
    let mut world = bench::deploy(bench::SIZES);
    let start = milliseconds();
    let to = SimTime(world.now().0 + 300_000_000);
    bench::run_to(&mut world, to);
    300_000.0 / (milliseconds() - start)
}

/// Milliseconds to show the past of a session of eleven minutes.
#[wasm_bindgen]
#[must_use]
pub fn bench_scrub() -> f64 {
    let session = bench::session();
    let start = milliseconds();
    let _ = session.at(SimTime(session.head().now().0 / 3));
    milliseconds() - start
}
