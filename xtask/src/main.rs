//! The project's tasks: `cargo xtask serve | test | build | bundle | release | bench`.
//!
//! Few dependencies, so that it compiles in seconds. Each task brings what it lacks.

mod bench;
mod build_id;
mod bundle;
mod dev;
mod judges;
mod release;
mod serve;
mod shell;
mod soak;
mod split;
mod stamp;
mod test;
mod tools;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  serve    build the page and open it on http://127.0.0.1:8080 (--port N, --no-open)
           (--dev: quickly, again after each save, and the page loads itself anew)
  test     everything CI checks (--quick: without the page)
  build    build the page into dist/
  bundle   one HTML file that works from file:// into dist/drydock.html
  release  add the page to a site that keeps its earlier builds (--into DIR, default release/)
  scripts  bundle the page's scripts into a folder (the hook of Trunk.toml)
  judges   bring the real tools that the simulation is compared with (`judges help`)
  soak     thousands of random sessions under checkers (--from SEED, --count N)
  bench    figures of speed and size, against the budgets in .ci/budgets.txt
           (--against COMMIT: this checkout beside that commit; --rounds N, --nodes N, --pods N,
           --seconds N)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let flags: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let outcome = tools::toolchain().and_then(|()| match args.first().map(String::as_str) {
        Some("serve") => serve::run(&flags),
        Some("test") => test::run(&flags),
        Some("build") => web::build().map(|_| ()),
        Some("scripts") => scripts(&flags),
        Some("bundle") => bundle::run(),
        Some("release") => release::run(&flags),
        Some("bench") => bench::run(&flags),
        Some("judges") => judges::run(&flags),
        Some("soak") => soak::run(&flags),
        _ => Err(USAGE.to_owned()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn scripts(flags: &[&str]) -> shell::Outcome {
    let staging = std::env::var_os("TRUNK_STAGING_DIR").map(std::path::PathBuf::from);
    let folder = flags.first().map(std::path::PathBuf::from).or(staging);
    web::scripts_for_trunk(&folder.ok_or("usage: cargo xtask scripts FOLDER")?)
}
