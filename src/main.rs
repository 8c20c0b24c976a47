//! Browser entry. Natively it only says where the program is.

#[cfg(target_arch = "wasm32")]
fn main() {
    drydock::ui::start();
}

#[cfg(not(target_arch = "wasm32"))]
#[expect(clippy::print_stderr, reason = "the one line that a native build of the page prints")]
fn main() {
    eprintln!("drydock-web is the page; run `cargo xtask serve`, or the native `drydock`");
}
