//! Gives the program and the page the name of the build (`world::save::BUILD`).

#[path = "xtask/src/build_id.rs"]
mod build_id;

use std::env;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    for path in build_id::watched(&root)? {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rustc-env=DRYDOCK_BUILD={}", build_id::of(&root, &rustc)?);
    Ok(())
}
