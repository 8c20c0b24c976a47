//! The first minute of a first visit without a document: the build runs it to learn which code the
//! first screen needs (`xtask/src/split`).

use wasm_bindgen::prelude::*;

use crate::base::time::SimTime;
use crate::text::Catalogue;
use crate::ui::app::{FIRST_TERMINAL, Shown};
use crate::ui::opening;
use crate::ui::state::Platform;
use crate::view::{map, screen};
use crate::world::save::Save;

/// How long it plays, and how often it looks, in simulated milliseconds.
const LENGTH_MS: u64 = 60_000;
/// Simulated milliseconds between two looks.
const LOOK_MS: u64 = 500;
/// Speed of the clock, in quarters.
const SPEED: u32 = 4;
/// Events between two looks at most.
const BUDGET: u32 = 1_000_000;

/// Play it in every language; how many tiles the last screen shows.
#[wasm_bindgen]
#[must_use]
pub fn rehearse() -> u32 {
    let catalogues = ["en", "ko"].map(Catalogue::new);
    let platform = Platform::FIRST;
    let mut session = opening::living_example(platform);
    let file = opening::first_file(&session, platform);
    let text = screen::file_text(session.head(), platform.home(), &file);
    let verdict = screen::check(session.head(), platform.home(), &file, &text);
    let mut tiles = u32::from(!verdict.accepted);
    for look in 1..=LENGTH_MS / LOOK_MS {
        session.advance(SimTime::from_millis(look * LOOK_MS), BUDGET);
        for catalogue in &catalogues {
            let shown = Shown::of(&session, None, platform, None, catalogue, FIRST_TERMINAL, SPEED);
            let told = serde_json::to_string(&*shown.flows).unwrap_or_default();
            tiles = tiles.max(u32::from(told.is_empty()));
            tiles = map::tiles(&shown.map).fold(0, |n, _| n + 1).max(tiles);
        }
    }
    if Save::of(&session).to_link().is_empty() { 0 } else { tiles }
}
