//! A failing session made short: commands are left out, times shortened, as long as the same
//! checker still complains.

use crate::native::seeds::case::Case;
use crate::native::seeds::run;

/// Most runs that are tried.
const MAX_TRIES: u32 = 400;

/// The shortest case found that breaks the same rule.
#[must_use]
pub fn shrink(case: &Case, checker: &str) -> Case {
    let mut best = case.clone();
    let mut tries = 0;
    let mut fails = |case: &Case| {
        tries += 1;
        let outcome = (tries <= MAX_TRIES).then(|| run::case(case));
        outcome.and_then(|o| o.violation).is_some_and(|v| v.checker == checker)
    };
    let mut size = best.steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        let before = best.steps.len();
        while at < best.steps.len() {
            let mut shorter = best.clone();
            let cut = (at + size).min(shorter.steps.len());
            // The time before what is left out still passes.
            let time: u64 = shorter.steps.drain(at..cut).map(|s| s.after_ms).sum();
            if let Some(next) = shorter.steps.get_mut(at) {
                next.after_ms += time;
            }
            if fails(&shorter) {
                best = shorter;
            } else {
                at += size;
            }
        }
        if best.steps.len() == before || size > best.steps.len() {
            size /= 2;
        }
    }
    for at in 0..best.steps.len() {
        for after_ms in [0, 1_000, 10_000] {
            let mut shorter = best.clone();
            let Some(step) = shorter.steps.get_mut(at) else { continue };
            if step.after_ms <= after_ms {
                break;
            }
            step.after_ms = after_ms;
            if fails(&shorter) {
                best = shorter;
                break;
            }
        }
    }
    best
}
