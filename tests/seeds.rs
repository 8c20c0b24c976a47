//! Random sessions under the checkers of `native::seeds`, and the sessions that once broke a rule.
//!
//! A failing seed is printed, shortened, and kept as `tests/seeds/<what>.json`.

use std::fs;
use std::path::Path;

use drydock::native::seeds::case::Case;
use drydock::native::seeds::{run, shrink};

/// Sessions, in parts that run side by side.
const SEEDS: u64 = 100;
const PARTS: u64 = 4;
/// Commands, faults and keys of a session; `cargo xtask soak` runs longer ones.
const DRAWS: u32 = 7;
/// The first seed, if `SEED` names no other. It does not follow from the commit yet: a checker that
/// is too strict would keep out commits that have nothing to do with it (docs/TESTING.md).
const FIRST: u64 = 20_261_130;

#[expect(clippy::disallowed_methods, reason = "a person asks for other seeds")]
fn first_seed() -> u64 {
    std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(FIRST)
}

fn part(number: u64) {
    let first = first_seed();
    for seed in (0..SEEDS).filter(|n| n % PARTS == number).map(|n| first + n) {
        let outcome = run::seed(seed, DRAWS);
        if let Some(violation) = outcome.violation {
            let short = shrink::shrink(&outcome.case, violation.checker);
            let again = run::case(&short).violation;
            panic!(
                "seed {seed}: {violation}\nshortened: {}\n\
                 keep it as tests/seeds/<what>.json:\n{}",
                again.map_or_else(String::new, |v| v.to_string()),
                short.to_json()
            );
        }
    }
}

#[test]
fn seeds_first_part() {
    part(0);
}

#[test]
fn seeds_second_part() {
    part(1);
}

#[test]
fn seeds_third_part() {
    part(2);
}

#[test]
fn seeds_fourth_part() {
    part(3);
}

#[test]
fn what_once_broke_a_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds");
    let mut complaints = Vec::new();
    let kept = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in kept.map(|entry| entry.path()) {
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match Case::from_json(&fs::read_to_string(&path).unwrap()) {
            Ok(case) => {
                let violation = run::case(&case).violation;
                complaints.extend(violation.map(|v| format!("{name}: {v} ({})", case.about)));
            }
            Err(error) => complaints.push(format!("{name}: {error}")),
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
