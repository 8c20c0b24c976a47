//! Thousands of random sessions under the checkers of `native::seeds`, on both cores.

use crate::shell::{self, Outcome};

/// Sessions, if `--count` does not say.
const COUNT: u64 = 10_000;
/// Processes side by side.
const PROCESSES: u64 = 2;

/// Build a release and run it; fails if one of the sessions breaks a rule.
pub fn run(flags: &[&str]) -> Outcome {
    let number = |name: &str, usual: u64| match flags.windows(2).find(|w| w[0] == name) {
        Some(found) => found[1].parse().map_err(|_| format!("{name}: {:?} is no number", found[1])),
        None => Ok(usual),
    };
    let (from, count) = (number("--from", 1)?, number("--count", COUNT)?);
    shell::run(&mut shell::command("cargo", &["build", "--release", "--bin", "drydock"]))?;
    let program = shell::target().join("release/drydock");
    let mut running = Vec::new();
    for part in 0..PROCESSES {
        let first = from + count * part / PROCESSES;
        let share = (from + count * (part + 1) / PROCESSES - first).to_string();
        let args = ["soak", "--from", &first.to_string(), "--count", &share, "--shrink"];
        let mut command = shell::command(&program, &args);
        running.push(command.spawn().map_err(|e| format!("{}: {e}", program.display()))?);
    }
    let ends: Vec<bool> =
        running.iter_mut().map(|p| p.wait().is_ok_and(|status| status.success())).collect();
    if ends.contains(&false) {
        return Err(format!("sessions {from} to {}: a rule was broken", from + count - 1));
    }
    println!("sessions {from} to {}: no rule was broken", from + count - 1);
    Ok(())
}
