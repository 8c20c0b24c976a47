//! Builds the page: wasm, its glue, the editor bundle, styles and texts.
//!
//! `cargo xtask build` makes it small, for visitors; `serve --dev` makes it quickly, for whoever
//! changes it. Steps whose inputs are as they were are left out ([`crate::stamp`]).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::shell::{self, Outcome};
use crate::stamp::Step;
use crate::{split, tools};

/// How wasm-opt shrinks the wasm.
const SHRINK: &[&str] = &[
    "-Oz",
    "--strip-debug",
    "--strip-producers",
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-sign-ext",
];

/// Build everything into `dist/`; returns the folder.
pub fn build() -> Outcome<PathBuf> {
    let root = shell::root();
    let dist = root.join("dist");
    tools::npm()?;
    let wasm = compile("web")?;
    let pkg = shell::target().join("web-pkg");
    bind(&wasm, &pkg, "bind")?;
    let (first, rest) = (pkg.join("first.wasm"), pkg.join("rest.wasm"));
    let bound = pkg.join("drydock_bg.wasm");
    Step {
        name: "split",
        how: "",
        reads: &[bound.clone(), root.join("xtask/src/split"), root.join("static/js/profile.mjs")],
        writes: &[first.clone(), rest.clone()],
    }
    .run(|| split::split(&bound, &first, &rest, &pkg))?;
    let (small, small_rest) = (dist.join("drydock_bg.wasm"), dist.join("drydock_rest.wasm"));
    thread::scope(|scope| {
        let other = scope.spawn(|| shrink("shrink-rest", &rest, &small_rest));
        shrink("shrink-first", &first, &small)?;
        other.join().unwrap_or_else(|_| Err("wasm-opt did not end".to_owned()))
    })?;
    shell::write(&dist.join("drydock.js"), glue(&pkg.join("drydock.js"))?.as_bytes())?;
    mirror(&pkg.join("snippets"), &dist.join("snippets"))?;
    scripts(&dist, Wasm::Parted)?;
    rest_of_the_page(&dist)?;
    Ok(dist)
}

/// Build everything quickly into a folder, the wasm in one piece.
pub fn develop(folder: &Path) -> Outcome {
    tools::npm()?;
    bind(&compile("web-dev")?, folder, "dev-bind")?;
    scripts(folder, Wasm::Whole)?;
    rest_of_the_page(folder)
}

/// Bundle the scripts for Trunk, which compiles and binds the wasm itself, under its own name.
pub fn scripts_for_trunk(folder: &Path) -> Outcome {
    tools::npm()?;
    scripts(folder, Wasm::Whole)?;
    let name = "./drydock-web.js";
    let glue = format!("export {{ default }} from \"{name}\";\nexport * from \"{name}\";\n");
    shell::write(&folder.join("drydock.js"), glue.as_bytes())
}

/// The program in a profile of `Cargo.toml`. Cargo knows itself what is to be done.
fn compile(profile: &str) -> Outcome<PathBuf> {
    tools::wasm_target()?;
    let target = "wasm32-unknown-unknown";
    let mut cargo = shell::command("cargo", &["build", "--profile", profile, "--target", target]);
    cargo.args(["--bin", "drydock-web", "--no-default-features"]);
    if profile == "web" {
        // Full names of functions, types included: the split of the wasm goes by them.
        cargo.env("RUSTFLAGS", "-C symbol-mangling-version=v0");
    }
    shell::run(&mut cargo)?;
    Ok(shell::target().join(target).join(profile).join("drydock-web.wasm"))
}

/// Write the glue between wasm and browser into a folder.
fn bind(wasm: &Path, folder: &Path, name: &str) -> Outcome {
    let program = tools::wasm_bindgen()?;
    Step {
        name,
        how: &shell::version(&program).unwrap_or_default(),
        reads: &[wasm.to_path_buf()],
        writes: &[folder.join("drydock_bg.wasm"), folder.join("drydock.js")],
    }
    .run(|| {
        let args = ["--target", "web", "--no-typescript", "--out-name", "drydock", "--out-dir"];
        let _ = fs::remove_dir_all(folder.join("snippets"));
        shell::run(shell::command(program, &args).arg(folder).arg(wasm))
    })
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
fn shrink(name: &str, from: &Path, to: &Path) -> Outcome {
    let binaryen = shell::root().join("node_modules/binaryen");
    Step {
        name,
        how: &SHRINK.join(" "),
        reads: &[from.to_path_buf(), binaryen.join("package.json")],
        writes: &[to.to_path_buf()],
    }
    .run(|| {
        shell::write(to, b"")?;
        let mut node = shell::command("node", &[]);
        node.arg(binaryen.join("bin/wasm-opt")).args(SHRINK).arg(from).arg("-o").arg(to);
        shell::run(&mut node)
    })
}

/// How the page's wasm comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wasm {
    /// In two parts (docs/decisions/0006-two-parts.md).
    Parted,
    /// As the compiler made it.
    Whole,
}

/// Bundle our scripts with what they import from npm.
fn scripts(folder: &Path, wasm: Wasm) -> Outcome {
    let root = shell::root();
    let define = format!("--define:DRYDOCK_WHOLE={}", wasm == Wasm::Whole);
    let (name, mut options) = match wasm {
        Wasm::Parted => ("scripts", vec!["--minify"]),
        Wasm::Whole => ("dev-scripts", vec!["--sourcemap=inline"]),
    };
    options.extend([&*define, "--bundle", "--format=esm", "--log-level=warning"]);
    options.extend(["--external:./drydock.js", "--external:./editor.js"]);
    Step {
        name,
        how: &options.join(" "),
        reads: &[root.join("static/js"), root.join("package-lock.json")],
        writes: &[folder.join("editor.js"), folder.join("boot.js")],
    }
    .run(|| {
        let program = if cfg!(windows) { "esbuild.cmd" } else { "esbuild" };
        let program = root.join("node_modules/.bin").join(program);
        let mut out = std::ffi::OsString::from("--outdir=");
        out.push(folder);
        let entries = ["static/js/editor.js", "static/js/boot.js"];
        shell::run(shell::command(program, &entries).args(&options).arg(out))
    })
}

/// What needs no work; and nothing is left of what the page no longer has.
fn rest_of_the_page(folder: &Path) -> Outcome {
    let root = shell::root();
    for name in ["style", "icons"] {
        mirror(&root.join("static").join(name), &folder.join(name))?;
    }
    shell::copy(&root.join("static/js/offline.js"), &folder.join("offline.js"))?;
    let document = shell::read(&root.join("index.html"))?;
    shell::write(&folder.join("index.html"), without_trunk(&document).as_bytes())?;
    let page = [
        "boot.js",
        "drydock.js",
        "drydock_bg.wasm",
        "drydock_rest.wasm",
        "editor.js",
        "icons",
        "index.html",
        "offline.js",
        "snippets",
        "style",
    ];
    let told = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        if page.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let path = entry.path();
        let gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        gone.map_err(told)?;
    }
    Ok(())
}

/// The document without the lines that tell Trunk what to build.
fn without_trunk(document: &str) -> String {
    let lines = document.split_inclusive('\n');
    lines.filter(|line| !line.contains("data-trunk")).collect()
}

/// Make a folder equal to another one.
fn mirror(from: &Path, to: &Path) -> Outcome {
    let _ = fs::remove_dir_all(to);
    if from.is_dir() { shell::copy(from, to) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_get_nothing_of_trunk() {
        let document = shell::read(&shell::root().join("index.html")).unwrap();
        let page = without_trunk(&document);
        assert!(document.contains("data-trunk") && !page.contains("trunk"));
        assert_eq!(
            page.lines().count() + document.matches("data-trunk").count(),
            document.lines().count()
        );
        assert!(page.contains("boot.js") && page.ends_with("</html>\n"));
    }
}
