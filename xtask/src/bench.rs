//! Figures of speed and size, printed against the budgets.

use crate::shell::{self, Outcome};
use crate::web;

/// Run the native benchmarks, then measure the page.
pub fn run() -> Outcome {
    shell::run(&mut shell::command("cargo", &["bench", "--bench", "world"]))?;
    web::build()?;
    sizes()?;
    let chromium = crate::tools::chromium()?;
    shell::run(shell::command("node", &["tests/e2e/bench.mjs"]).env("CHROMIUM", chromium))
}

/// Compressed sizes against `.ci/budgets.txt`.
pub fn sizes() -> Outcome {
    shell::run(&mut shell::command("node", &["static/js/sizes.mjs", "dist", ".ci/budgets.txt"]))
}
