//! The native program `drydock`.

use std::process::ExitCode;

fn main() -> ExitCode {
    drydock::native::cli::main()
}
