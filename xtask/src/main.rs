//! The project's tasks: `cargo xtask serve | test | build | bundle | release | bench`.
//!
//! Few dependencies, so that it compiles in seconds. Each task brings what it lacks.

mod bench;
mod build_id;
mod bundle;
mod judges;
mod release;
mod serve;
mod shell;
mod split;
mod test;
mod tools;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  serve    build the page and open it on http://127.0.0.1:8080 (--port N, --no-open)
  test     everything CI checks (--quick: without the page)
  build    build the page into dist/
  bundle   one HTML file that works from file:// into dist/drydock.html
  release  add the page to a site that keeps its earlier builds (--into DIR, default release/)
  judges   bring the real tools that the simulation is compared with (`judges help`)
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
        Some("bundle") => bundle::run(),
        Some("release") => release::run(&flags),
        Some("bench") => bench::run(&flags),
        Some("judges") => judges::run(&flags),
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
