//! Real time to simulated time: the pace belongs to the page, never to the world.

use crate::base::time::{SimDuration, SimTime};

/// Speeds that can be chosen, in quarters of real time.
pub(super) const SPEEDS_QUARTERS: [u32; 9] = [1, 4, 8, 20, 40, 240, 1_200, 4_800, 14_400];
/// Longest jump of one frame, in milliseconds of real time: a sleeping tab does not catch up.
const MAX_FRAME_MS: u64 = 250;

/// How far simulated time should go in a frame of that many milliseconds.
pub(super) const fn target(now: SimTime, frame_ms: u64, quarters: u32) -> SimTime {
    let ms = if frame_ms > MAX_FRAME_MS { MAX_FRAME_MS } else { frame_ms };
    let micros = ms * 250 * quarters as u64;
    SimTime(now.0 + SimDuration(micros).0)
}

/// `0.25×`, `1×`, `3600×`.
pub(super) fn label(quarters: u32) -> String {
    if quarters.is_multiple_of(4) {
        format!("{}×", quarters / 4)
    } else {
        format!("0.{}×", quarters * 25)
    }
}
