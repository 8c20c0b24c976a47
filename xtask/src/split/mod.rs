//! Splits the page's wasm in two: what the first screen runs, and the rest, which is loaded right
//! after it (docs/decisions/0006-two-parts.md).
//!
//! Which functions the first screen runs is found out at each build by running it: an instrumented
//! copy plays the living example in Node. A wrong guess costs a wait, never an error: the first
//! call of a missing function loads the rest.

mod first;
mod module;
mod plan;
mod probe;
mod rest;

use std::collections::BTreeSet;
use std::path::Path;

use self::module::{Module, told};
use crate::shell::{self, Outcome};

/// Split `wasm` into `first` and `rest`; `work` is a folder for what comes between.
pub fn split(wasm: &Path, first: &Path, rest: &Path, work: &Path) -> Outcome {
    let bytes = std::fs::read(wasm).map_err(told)?;
    let module = Module::read(&bytes)?;
    let probe = work.join("probe.wasm");
    shell::write(&probe, &probe::write(&bytes, &module)?)?;
    let script = ["static/js/profile.mjs", &probe.to_string_lossy()];
    let list = shell::output(&mut shell::command("node", &script))?;
    let called: BTreeSet<u32> = list.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    if called.is_empty() {
        return Err(told("the profile is empty"));
    }
    let plan = plan::plan(&module, &called)?;
    eprintln!(
        "xtask: {} functions, {} called at the start, {} in the rest ({} entered, {} shared)",
        module.bodies.len(),
        called.len(),
        plan.rest.len(),
        plan.slots.len(),
        plan.shared.len()
    );
    shell::write(first, &first::write(&bytes, &module, &plan)?)?;
    shell::write(rest, &rest::write(&module, &plan)?)
}

#[cfg(test)]
mod tests;
