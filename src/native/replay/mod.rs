//! Replays a recorded case: reads `scenario.yaml` and the input files beside it, never the recorded
//! results, and writes what the recorder would have written: the same files, one JSON line each.

mod docker;
mod docker_trace;
mod kube;
mod kube_trace;
pub(crate) mod scenario;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

/// Replay the case in one folder and write into another.
///
/// # Errors
/// If the scenario cannot be read or the results cannot be written.
pub fn run(case: &Path, out: &Path, seed: u64) -> Result<ExitCode> {
    let scenario = scenario::read(case)?;
    fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
    if scenario.get("clusterName").is_some() || scenario.get("cluster").is_some() {
        kube::replay(case, &scenario, out, seed)?;
    } else {
        docker::replay(case, &scenario, out, seed)?;
    }
    Ok(ExitCode::SUCCESS)
}
