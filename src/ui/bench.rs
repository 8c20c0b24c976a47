//! Figures and digests for the tests of the page, as functions of `globalThis.drydock`.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;

use crate::ui::js::milliseconds;
use crate::world::bench::Sizes;
use crate::world::demo;
use crate::world::figures::{Gauges, Plan, Small};
use crate::world::save::BUILD;

/// What the browser tells: it counts no processor time.
const GAUGES: Gauges = Gauges { wall_us, cpu_us: || None, peak_bytes, tell: |_| () };

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

/// What `drydock bench --json` prints, measured here.
///
/// # Errors
/// If the numbers are out of range, or the pods do not become ready.
#[wasm_bindgen]
pub fn bench_deployment(nodes: u32, pods: u32, seconds: u32) -> Result<String, JsError> {
    let plan = Plan { sizes: Sizes { nodes, pods }, seconds };
    let figures = plan.measure(GAUGES).map_err(|refusal| JsError::new(&refusal.to_string()))?;
    serde_json::to_string(&figures).map_err(|e| JsError::new(&e.to_string()))
}

/// Figures of small things that a learner waits for, as JSON.
///
/// # Errors
/// Never, in truth: figures are plain numbers.
#[wasm_bindgen]
pub fn bench_small() -> Result<String, JsError> {
    let figures = Small::measure(GAUGES);
    serde_json::to_string(&figures).map_err(|e| JsError::new(&e.to_string()))
}

#[expect(clippy::float_arithmetic, reason = "a figure for reading")]
fn wall_us() -> u64 {
    let us = milliseconds() * 1_000.0;
    // Not negative, and below 2⁵³.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
    let us = us as u64;
    us
}

/// The wasm's memory never shrinks: what it has is the most it had.
fn peak_bytes() -> Option<u64> {
    let memory = wasm_bindgen::memory().dyn_into::<js_sys::WebAssembly::Memory>().ok()?;
    let buffer = memory.buffer().dyn_into::<js_sys::ArrayBuffer>().ok()?;
    Some(u64::from(buffer.byte_length()))
}
