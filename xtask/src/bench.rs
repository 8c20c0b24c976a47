//! Figures of speed and size, against the budgets or against another commit.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::shell::{self, Outcome};
use crate::web;

const BUDGETS: &str = ".ci/budgets.txt";
/// Pairs of measurements for a comparison, if nobody says how many.
const ROUNDS: u32 = 5;

/// Run the native benchmarks, then measure the page; or compare with another commit.
pub fn run(flags: &[&str]) -> Outcome {
    if let Some(commit) = value(flags, "--against")? {
        return against(commit, flags);
    }
    let mut bench = shell::command("cargo", &["bench", "--quiet", "--bench", "world"]);
    let mut figures = shell::output(&mut bench)?;
    print!("{figures}");
    web::build()?;
    sizes()?;
    let chromium = crate::tools::chromium()?;
    let mut node = shell::command("node", &["tests/e2e/bench.mjs"]);
    let page = shell::output(node.env("CHROMIUM", chromium))?;
    print!("{page}");
    figures.push_str(&page);
    let budgets = shell::read(&shell::root().join(BUDGETS))?;
    let over = over(&figures, &budgets)?;
    if over.is_empty() { Ok(()) } else { Err(over.join("\n")) }
}

/// Compressed sizes against `.ci/budgets.txt`.
pub fn sizes() -> Outcome {
    shell::run(&mut shell::command("node", &["static/js/sizes.mjs", "dist", BUDGETS]))
}

/// The value after a flag.
fn value<'a>(flags: &[&'a str], name: &str) -> Outcome<Option<&'a str>> {
    let Some(at) = flags.iter().position(|flag| *flag == name) else { return Ok(None) };
    match flags.get(at + 1) {
        Some(value) => Ok(Some(value)),
        None => Err(format!("{name} needs a value")),
    }
}

/// Figures beyond their budget. A speed must be at least what the budget says, all else at most.
fn over(figures: &str, budgets: &str) -> Outcome<Vec<String>> {
    let mut over = Vec::new();
    for line in budgets.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (Some(name), Some(limit), Some(unit)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let number = |text: &str| text.parse().map_err(|_| format!("{BUDGETS}: {line}"));
        let limit: f64 = number(limit)?;
        // Sizes are checked by their own tool.
        let prefix = format!("{name} ");
        let Some(found) = figures.lines().find_map(|l| l.strip_prefix(&prefix)) else { continue };
        let found: f64 = number(found.split(' ').next().unwrap_or_default())?;
        let at_least = unit.ends_with("per-second");
        if (at_least && found < limit) || (!at_least && found > limit) {
            let wanted = if at_least { "at least" } else { "at most" };
            over.push(format!("{name}: {found}, the budget is {wanted} {limit} {unit}"));
        }
    }
    Ok(over)
}

/// Build another commit and this checkout, measure them in turn, print medians and ratios.
fn against(commit: &str, flags: &[&str]) -> Outcome {
    let rounds = match value(flags, "--rounds")? {
        Some(text) => text.parse().ok().filter(|n| (1..=100).contains(n)),
        None => Some(ROUNDS),
    };
    let rounds: u32 = rounds.ok_or("--rounds must be a number from 1 to 100")?;
    let mut sizes = Vec::new();
    for name in ["--nodes", "--pods", "--seconds"] {
        if let Some(text) = value(flags, name)? {
            sizes.extend([name, text]);
        }
    }
    let programs = [other(commit)?, this()?];
    let mut figures: [Vec<Map<String, Value>>; 2] = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        eprintln!("xtask: round {round} of {rounds}");
        for (program, figures) in programs.iter().zip(&mut figures) {
            figures.push(measure(program, &sizes)?);
        }
    }
    let [theirs, ours] = figures;
    println!("{:<24} {:>14} {:>14} {:>8}", "median of each figure", commit, "this", "ratio");
    for name in theirs.first().into_iter().flat_map(Map::keys) {
        if let (Some(a), Some(b)) = (median(&theirs, name), median(&ours, name)) {
            let ratio = if a == 0.0 { String::new() } else { format!("{:.3}", b / a) };
            println!("{name:<24} {a:>14.3} {b:>14.3} {ratio:>8}");
        }
    }
    Ok(())
}

/// The program of another commit, built in a work tree of its own under `target/`.
fn other(commit: &str) -> Outcome<PathBuf> {
    let wanted = format!("{commit}^{{commit}}");
    let hash = shell::output(&mut shell::command("git", &["rev-parse", "--verify", &wanted]))?;
    let hash = hash.trim();
    let dir = shell::target().join("against");
    let program = dir.join(format!("drydock-{hash}"));
    if !program.is_file() {
        // One tree for all commits: files get new times when they change, which cargo looks at.
        let tree = dir.join("tree");
        let place = tree.to_string_lossy().into_owned();
        shell::run(&mut shell::command("git", &["worktree", "prune"]))?;
        if tree.join("Cargo.toml").is_file() {
            let args = ["-C", &place, "checkout", "--quiet", "--force", "--detach", hash];
            shell::run(&mut shell::command("git", &args))?;
        } else {
            let args = ["worktree", "add", "--quiet", "--force", "--detach", &place, hash];
            shell::run(&mut shell::command("git", &args))?;
        }
        build(&tree, &dir.join("target"), &program)?;
    }
    has_bench(&program, commit)?;
    Ok(program)
}

/// The program of this checkout, with what is not committed.
fn this() -> Outcome<PathBuf> {
    let program = shell::target().join("against/drydock-this");
    build(&shell::root(), &shell::target(), &program)?;
    has_bench(&program, "this checkout")?;
    Ok(program)
}

fn build(tree: &Path, target: &Path, program: &Path) -> Outcome {
    let mut cargo = shell::command("cargo", &["build", "--release", "--quiet", "--bin", "drydock"]);
    shell::run(cargo.current_dir(tree).env("CARGO_TARGET_DIR", target))?;
    shell::copy(&target.join("release/drydock"), program)?;
    make_executable(program)
}

#[cfg(unix)]
fn make_executable(program: &Path) -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(program, mode).map_err(|e| format!("{}: {e}", program.display()))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Outcome {
    Ok(())
}

fn has_bench(program: &Path, name: &str) -> Outcome {
    let help = std::process::Command::new(program).args(["bench", "--help"]).output();
    let help = help.map_err(|e| format!("{}: {e}", program.display()))?;
    if help.status.success() {
        return Ok(());
    }
    Err(format!("{name} has no `drydock bench`, so there is nothing to compare with"))
}

fn measure(program: &Path, sizes: &[&str]) -> Outcome<Map<String, Value>> {
    let mut bench = shell::command(program, &["bench", "--json"]);
    let text = shell::output(bench.args(sizes))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(figures)) => Ok(flat(figures)),
        Ok(_) => Err(format!("{}: no figures", program.display())),
        Err(e) => Err(format!("{}: {e}", program.display())),
    }
}

/// Figures of parts beside the others, as `clone_parts_ms.queue`.
fn flat(figures: Map<String, Value>) -> Map<String, Value> {
    let mut found = Map::new();
    for (name, value) in figures {
        match value {
            Value::Object(parts) => {
                found.extend(
                    parts.into_iter().map(|(part, value)| (format!("{name}.{part}"), value)),
                );
            }
            _ => {
                found.insert(name, value);
            }
        }
    }
    found
}

/// The median of a figure; `None` if one run does not know it.
fn median(runs: &[Map<String, Value>], name: &str) -> Option<f64> {
    let found: Option<Vec<f64>> = runs.iter().map(|run| run.get(name)?.as_f64()).collect();
    let mut sorted = found?;
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle), middle.checked_sub(1).and_then(|m| sorted.get(m)))
    {
        (1, Some(one), _) => Some(*one),
        (0, Some(upper), Some(lower)) => Some(f64::midpoint(*lower, *upper)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_have_a_direction() {
        let budgets = "# note\nready 1000 ms\nsteady 500 sim-seconds-per-second\nsize 1 bytes\n";
        assert_eq!(over("ready 999 ms\nsteady 501 x\n", budgets), Ok(vec![]));
        let over = over("ready 1001 ms (more)\nsteady 499 x\n", budgets).unwrap();
        assert_eq!(
            over,
            [
                "ready: 1001, the budget is at most 1000 ms",
                "steady: 499, the budget is at least 500 sim-seconds-per-second"
            ]
        );
    }

    #[test]
    fn medians() {
        let run = |n: f64| Map::from_iter([("a".to_owned(), Value::from(n))]);
        assert_eq!(median(&[run(3.0), run(1.0), run(2.0)], "a"), Some(2.0));
        assert_eq!(median(&[run(1.0), run(2.0)], "a"), Some(1.5));
        assert_eq!(median(&[run(1.0)], "b"), None);
    }
}
