//! Builds the page into `dist/`: wasm, its glue, the editor bundle, styles and texts.
//!
//! Does what Trunk would (docs/decisions/0001-no-trunk.md).

use std::path::{Path, PathBuf};

use crate::shell::{self, Outcome};
use crate::{split, tools};

/// Build everything; returns the folder.
pub fn build() -> Outcome<PathBuf> {
    let root = shell::root();
    let dist = root.join("dist");
    tools::wasm_target()?;
    let wasm_bindgen = tools::wasm_bindgen()?;
    tools::npm()?;
    let cargo = [
        "build",
        "--profile",
        "web",
        "--target",
        "wasm32-unknown-unknown",
        "--bin",
        "drydock-web",
        "--no-default-features",
    ];
    // Full names of functions, types included: the split of the wasm goes by them.
    let mut cargo = shell::command("cargo", &cargo);
    shell::run(cargo.env("RUSTFLAGS", "-C symbol-mangling-version=v0"))?;
    let wasm = shell::target().join("wasm32-unknown-unknown/web/drydock-web.wasm");
    let pkg = shell::target().join("web-pkg");
    let (out, wasm) = (text(&pkg), text(&wasm));
    let args = ["--target", "web", "--no-typescript", "--out-name", "drydock", "--out-dir", &out];
    shell::run(shell::command(wasm_bindgen, &args).arg(&wasm))?;
    let _ = std::fs::remove_dir_all(&dist);
    let (first, rest) = (pkg.join("first.wasm"), pkg.join("rest.wasm"));
    split::split(&pkg.join("drydock_bg.wasm"), &first, &rest, &pkg)?;
    optimise(&first, &dist.join("drydock_bg.wasm"))?;
    optimise(&rest, &dist.join("drydock_rest.wasm"))?;
    shell::write(&dist.join("drydock.js"), glue(&pkg.join("drydock.js"))?.as_bytes())?;
    let snippets = pkg.join("snippets");
    if snippets.is_dir() {
        shell::copy(&snippets, &dist.join("snippets"))?;
    }
    esbuild("static/js/editor.js", &dist.join("editor.js"), "esm")?;
    esbuild("static/js/boot.js", &dist.join("boot.js"), "esm")?;
    for name in ["style", "icons"] {
        let from = root.join("static").join(name);
        if from.is_dir() {
            shell::copy(&from, &dist.join(name))?;
        }
    }
    shell::copy(&root.join("static/js/offline.js"), &dist.join("offline.js"))?;
    shell::copy(&root.join("index.html"), &dist.join("index.html"))?;
    Ok(dist)
}

/// The glue of wasm-bindgen, which knows nothing of the two parts: it hands `rest.load` to the first
/// part, and the first part's exports to `boot.js`.
fn glue(path: &Path) -> Outcome<String> {
    let mut text = shell::read(path)?;
    let edits = [
        (
            "const imports = __wbg_get_imports();",
            "const imports = { ...__wbg_get_imports(), rest: globalThis.drydockRest.imports };",
        ),
        ("wasm = instance.exports;", "wasm = globalThis.drydockRest.first = instance.exports;"),
    ];
    for (from, to) in edits {
        if !text.contains(from) {
            return Err(format!("{}: wasm-bindgen no longer writes `{from}`", path.display()));
        }
        text = text.replace(from, to);
    }
    Ok(text)
}

/// Shrink the wasm with binaryen from npm.
fn optimise(from: &Path, to: &Path) -> Outcome {
    shell::write(to, b"")?;
    let (from, to) = (text(from), text(to));
    let args = [
        "node_modules/binaryen/bin/wasm-opt",
        "-Oz",
        "--strip-debug",
        "--strip-producers",
        "--enable-bulk-memory",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-multivalue",
        "--enable-sign-ext",
        &from,
        "-o",
        &to,
    ];
    shell::run(&mut shell::command("node", &args))
}

/// Bundle a script of ours with what it imports from npm.
fn esbuild(entry: &str, to: &Path, format: &str) -> Outcome {
    let out = format!("--outfile={}", text(to));
    let format = format!("--format={format}");
    let args = [
        entry,
        "--bundle",
        "--minify",
        &format,
        &out,
        "--log-level=warning",
        "--external:./drydock.js",
        "--external:./editor.js",
    ];
    let program = if cfg!(windows) { "esbuild.cmd" } else { "esbuild" };
    shell::run(&mut shell::command(shell::root().join("node_modules/.bin").join(program), &args))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
