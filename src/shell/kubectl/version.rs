//! `kubectl version`.

use super::call::{Call, Run};
use super::flags::{Flag, Takes};
use super::verbs::Verb;

pub(super) const VERB: Verb = Verb {
    path: "version",
    usage: "[flags]",
    about: "Show the versions of client and server",
    flags: &[FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("client", Takes::Bool, "Only the client"),
    Flag::new("output", Takes::Text, "json or yaml").short('o'),
];

/// What is simulated.
pub(super) const VERSION: &str = "v1.36.2";
/// The version of kustomize that this client carries.
const KUSTOMIZE: &str = "v5.8.1";

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    call.line(format!("Client Version: {VERSION}"));
    call.line(format!("Kustomize Version: {KUSTOMIZE}"));
    if !call.flags.on("client") {
        call.line(format!("Server Version: {VERSION}"));
    }
    Ok(())
}
