//! One HTML file that runs from `file://` with the network off.

use crate::shell::{self, Outcome};
use crate::web;

/// Build the page and fold it into `dist/drydock.html`.
pub fn run() -> Outcome {
    web::build()?;
    fold()
}

/// Fold an already built `dist/` into one file.
pub fn fold() -> Outcome {
    shell::run(&mut shell::command("node", &["static/js/bundle.mjs", "dist", "dist/drydock.html"]))
}
