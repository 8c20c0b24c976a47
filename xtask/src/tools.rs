//! What the tasks need beyond cargo: brought into `target/tools`, or one clear line saying what to
//! install.

use std::path::PathBuf;

use crate::shell::{self, Outcome};

/// The version of wasm-bindgen that `Cargo.lock` names; the tool must be the very same.
fn wasm_bindgen_version() -> Outcome<String> {
    let lock = shell::read(&shell::root().join("Cargo.lock"))?;
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if line == "name = \"wasm-bindgen\"" {
            let version = lines.next().unwrap_or("");
            return Ok(version.trim_start_matches("version = ").trim_matches('"').to_owned());
        }
    }
    Err("Cargo.lock names no wasm-bindgen".to_owned())
}

/// The compiler of `rust-toolchain.toml`'s `[pinned]`; all later commands run with it.
pub fn toolchain() -> Outcome {
    let file = shell::read(&shell::root().join("rust-toolchain.toml"))?;
    let pinned = file.lines().find_map(|line| line.strip_prefix("version = "));
    let pinned = pinned.ok_or("rust-toolchain.toml pins no version")?.trim_matches('"').to_owned();
    let fits = |text: &str| text.split_whitespace().nth(1) == Some(pinned.as_str());
    let found = shell::output(&mut shell::command("rustc", &["--version"]))?;
    if fits(&found) {
        return Ok(());
    }
    if shell::find(&["rustup", "rustup.exe"]).is_none() {
        return Err(format!("Drydock is built with Rust {pinned}; here is {}", found.trim()));
    }
    let have = shell::output(&mut shell::command("rustup", &["toolchain", "list"]))?;
    let named = |line: &str| line.strip_prefix(&pinned).is_some_and(|l| l.starts_with('-'));
    if !have.lines().any(named) {
        let args = ["toolchain", "install", &pinned, "--profile", "minimal"];
        let more = ["--component", "clippy,rustfmt", "--target", "wasm32-unknown-unknown"];
        shell::run(shell::command("rustup", &args).args(more))?;
    }
    shell::use_toolchain(pinned);
    Ok(())
}

/// The `wasm32-unknown-unknown` target.
pub fn wasm_target() -> Outcome {
    let list = shell::output(&mut shell::command("rustup", &["target", "list", "--installed"]));
    match list {
        Ok(list) if list.contains("wasm32-unknown-unknown") => Ok(()),
        Ok(_) => {
            shell::run(&mut shell::command("rustup", &["target", "add", "wasm32-unknown-unknown"]))
        }
        Err(_) => Ok(()), // Without rustup the build itself will say what is missing.
    }
}

/// The `wasm-bindgen` program in the right version: from PATH, or built into `target/tools`.
pub fn wasm_bindgen() -> Outcome<PathBuf> {
    let wanted = wasm_bindgen_version()?;
    let fits = |path: &PathBuf| {
        shell::version(path).is_some_and(|v| v.split_whitespace().any(|word| word == wanted))
    };
    if let Some(found) = shell::find(&["wasm-bindgen"]).filter(|p| fits(p)) {
        return Ok(found);
    }
    let tools = shell::target().join("tools");
    let own = tools.join("bin").join(format!("wasm-bindgen{}", std::env::consts::EXE_SUFFIX));
    if !fits(&own) {
        let root = tools.to_string_lossy().into_owned();
        let version = format!("={wanted}");
        let args =
            ["install", "wasm-bindgen-cli", "--version", &version, "--root", &root, "--force"];
        shell::run(shell::command("cargo", &args).env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(own)
}

/// The npm packages of `package-lock.json`.
pub fn npm() -> Outcome {
    let root = shell::root();
    if shell::find(&["npm", "npm.cmd"]).is_none() {
        return Err("npm is missing: install Node.js 20 or later".to_owned());
    }
    let stamp = root.join("node_modules/.drydock-lock");
    let lock = shell::read(&root.join("package-lock.json"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == lock) {
        return Ok(());
    }
    let npm = shell::find(&["npm", "npm.cmd"]).unwrap_or_else(|| PathBuf::from("npm"));
    shell::run(&mut shell::command(npm, &["ci", "--no-audit", "--no-fund"]))?;
    shell::write(&stamp, lock.as_bytes())
}

/// A Chromium for the page's tests; installed from the distribution where that is allowed.
pub fn chromium() -> Outcome<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    if let Some(found) = shell::find(&names) {
        fonts();
        return Ok(found);
    }
    let missing = "Chromium is missing: install the package `chromium` (and `fonts-noto-cjk`)";
    if shell::find(&["apt-get"]).is_none() || !is_root() {
        return Err(missing.to_owned());
    }
    shell::run(&mut shell::command("apt-get", &["update", "-qq"]))?;
    let args = ["install", "-y", "-qq", "chromium", "fonts-noto-cjk"];
    shell::run(shell::command("apt-get", &args).env("DEBIAN_FRONTEND", "noninteractive"))?;
    shell::find(&names).ok_or_else(|| missing.to_owned())
}

/// Hangul for the screenshots; the tests pass without it.
fn fonts() {
    let have = shell::output(&mut shell::command("fc-list", &[":lang=ko"]));
    if have.is_ok_and(|list| list.trim().is_empty()) && is_root() {
        let args = ["install", "-y", "-qq", "fonts-noto-cjk"];
        let mut install = shell::command("apt-get", &args);
        let _ = shell::run(install.env("DEBIAN_FRONTEND", "noninteractive"));
    }
}

/// Whether this is root, who may install packages and make namespaces.
pub fn is_root() -> bool {
    shell::output(&mut shell::command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}
