//! Everything CI checks, in the order in which it fails fastest.

use std::path::PathBuf;
use std::time::Instant;

use crate::shell::{self, Outcome};
use crate::{bench, bundle, tools, web};

/// A named check.
type Check = (&'static str, fn() -> Outcome);

const NATIVE: &[Check] = &[
    ("format", || cargo(&["fmt", "--all", "--check"])),
    ("lints, native", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            "sabotage",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("tests", || cargo(&["test", "--quiet", "--workspace", "--features", "sabotage"])),
    ("forbidden dependencies", forbidden),
];

const PAGE: &[Check] = &[
    ("wasm target", tools::wasm_target),
    ("lints, wasm", || {
        let args = [
            "clippy",
            "--lib",
            "--bin",
            "drydock-web",
            "--quiet",
            "--no-default-features",
            "--target",
            "wasm32-unknown-unknown",
            "--",
            "-D",
            "warnings",
        ];
        shell::run(shell::command("cargo", &args).env("CLIPPY_CONF_DIR", ".ci/wasm-clippy"))
    }),
    ("page", || web::build().map(|_| ())),
    ("one file", bundle::fold),
    ("sizes", bench::sizes),
    ("page in a browser", browser),
    ("page by Trunk", trunk),
];

/// Run all checks; `--quick` leaves the page out.
pub fn run(flags: &[&str]) -> Outcome {
    let start = Instant::now();
    let page: &[Check] = if flags.contains(&"--quick") { &[] } else { PAGE };
    let mut passed = 0;
    for (name, check) in NATIVE.iter().chain(page) {
        let since = Instant::now();
        eprintln!("xtask: == {name}");
        check().map_err(|e| format!("xtask: {name}: {e}\n{passed} passed, 1 failed"))?;
        eprintln!("xtask: == {name}: ok, {} s", since.elapsed().as_secs());
        passed += 1;
    }
    eprintln!("xtask: all in {} s", start.elapsed().as_secs());
    println!("{passed} passed, 0 failed");
    Ok(())
}

fn cargo(args: &[&str]) -> Outcome {
    shell::run(&mut shell::command("cargo", args))
}

/// Crates that must not reach the wrong side (ARCHITECTURE B1).
fn forbidden() -> Outcome {
    let tree = |args: &[&str]| shell::output(&mut shell::command("cargo", args));
    let wasm = tree(&[
        "tree",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--target",
        "wasm32-unknown-unknown",
        "--no-default-features",
    ])?;
    let native = tree(&["tree", "--edges", "normal", "--prefix", "none"])?;
    let has = |list: &str, name: &str| list.lines().any(|l| l.split(' ').next() == Some(name));
    for name in ["clap", "anyhow", "regex"] {
        if has(&wasm, name) {
            return Err(format!("the page must not depend on {name}"));
        }
    }
    for name in ["yew", "gloo", "web-sys", "js-sys"] {
        if has(&native, name) {
            return Err(format!("the native program must not depend on {name}"));
        }
    }
    Ok(())
}

/// The page's tests in headless Chromium.
fn browser() -> Outcome {
    let chromium = tools::chromium()?;
    // With the feature that the tests were built with: without it all would be compiled anew.
    cargo(&["build", "--quiet", "--bin", "drydock", "--features", "sabotage"])?;
    let drydock = shell::target().join("debug/drydock");
    let mut node = shell::command("node", &["--test", "--test-concurrency=1"]);
    for name in ["digest", "parts", "app", "bundle", "builds"] {
        node.arg(format!("tests/e2e/{name}.test.mjs"));
    }
    shell::run(node.env("CHROMIUM", chromium).env("DRYDOCK", drydock))
}

/// The page as Trunk builds it, where it is installed: compiling it takes longer than all the rest.
fn trunk() -> Outcome {
    let Some(trunk) = shell::find(&["trunk", "trunk.exe"]) else {
        eprintln!("xtask: trunk is not installed, so Trunk.toml is not tested");
        return Ok(());
    };
    let bindgen = tools::wasm_bindgen()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = bindgen.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(dirs).map_err(|e| e.to_string())?;
    shell::run(shell::command(trunk, &["build"]).env("PATH", path))?;
    let mut node = shell::command("node", &["--test", "tests/e2e/whole.test.mjs"]);
    node.env("CHROMIUM", tools::chromium()?);
    shell::run(node.env("DIST", shell::root().join("target/trunk")))
}
