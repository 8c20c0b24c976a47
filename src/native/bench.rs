//! `drydock bench`: figures of speed and memory of a deployment on this machine.
#![expect(clippy::disallowed_types, reason = "a bench measures with the clock of its machine")]

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::world::bench::Sizes;
use crate::world::figures::{Figures, Gauges, Plan};

/// What this machine tells.
pub const GAUGES: Gauges =
    Gauges { wall_us, cpu_us, peak_bytes, tell: |what| eprintln!("bench: {what}") };

/// Arguments of `bench`.
#[derive(clap::Args)]
pub struct Args {
    /// Nodes of the cluster
    #[arg(long, default_value_t = 50)]
    nodes: u32,
    /// Pods to deploy, of one container each
    #[arg(long, default_value_t = 1_000)]
    pods: u32,
    /// How long the deployed cluster is watched at rest, in simulated seconds
    #[arg(long, default_value_t = 600)]
    seconds: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Measure and print.
///
/// # Errors
/// If the numbers are out of range, or the pods do not become ready.
pub fn run(args: &Args) -> Result<ExitCode> {
    let sizes = Sizes { nodes: args.nodes, pods: args.pods };
    let plan = Plan { sizes, seconds: args.seconds };
    let figures = plan.measure(GAUGES).map_err(|refusal| anyhow!("{refusal}"))?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(f: &Figures) {
    let row = |name: &str, text: String| println!("{name:<18} {text}");
    row("size", format!("{} nodes, {} pods", f.nodes, f.pods));
    let simulated = f.simulated_ready_seconds;
    row("ready", format!("{} s ({simulated} s simulated)", f.ready_seconds));
    row("events", format!("{} ({} a pod)", f.events, f.events_per_pod));
    row("cpu per event", known(f.cpu_us_per_event.as_ref(), "µs, checkpoints included"));
    row("peak memory", known(f.peak_bytes.as_ref(), "bytes, the whole process"));
    row("memory per pod", known(f.bytes_per_pod.as_ref(), "bytes, without checkpoints"));
    row("clone", format!("{} ms", f.clone_ms));
    for (part, ms) in &f.clone_parts_ms {
        row("", format!("{ms:>8.3} ms {part}"));
    }
    row("checkpoint", format!("{} ms ({} taken)", f.checkpoint_ms, f.checkpoints));
    row("checkpoints' share", format!("{} of the time to ready", f.checkpoint_share));
    let events = f.steady_events;
    row("steady", format!("{} simulated s per s ({events} events each)", f.steady));
}

fn known(figure: Option<&impl ToString>, unit: &str) -> String {
    figure.map_or_else(|| "unknown".to_owned(), |figure| format!("{} {unit}", figure.to_string()))
}

fn wall_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let passed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(unix)]
fn cpu_us() -> Option<u64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
    Some(seconds * 1_000_000 + nanos / 1_000)
}

#[cfg(not(unix))]
fn cpu_us() -> Option<u64> {
    None
}

/// `VmHWM` of Linux; elsewhere there is no such file.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok().map(|kib: u64| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_read_this_machine() {
        let plan = Plan { sizes: Sizes { nodes: 2, pods: 101 }, seconds: 1 };
        let figures = plan.measure(GAUGES).unwrap();
        assert_eq!((figures.nodes, figures.pods), (2, 101));
        assert!(figures.events > 101 && figures.ready_seconds > 0.0, "{figures:?}");
        assert_eq!(figures.cpu_us_per_event.is_some(), cfg!(unix));
        assert_eq!(figures.peak_bytes.is_some(), cfg!(target_os = "linux"));
    }
}
