//! `kubectl cluster-info`.

use super::call::{Call, Run};
use super::config;
use super::verbs::Verb;

pub(super) const VERB: Verb = Verb {
    path: "cluster-info",
    usage: "[flags]",
    about: "Show where the control plane is",
    flags: &[],
    required: &[],
    run,
};

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let server = config::server(call)?;
    call.line(format!("Kubernetes control plane is running at {server}"));
    call.line("");
    call.line("To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    Ok(())
}
