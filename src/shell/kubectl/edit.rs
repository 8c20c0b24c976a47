//! `kubectl edit`: there is no editor in the terminal.

use super::apply::SEND;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::FILES;
use super::verbs::Verb;

pub(super) const VERB: Verb = Verb {
    path: "edit",
    usage: "(RESOURCE/NAME | -f FILENAME)",
    about: "Edit an object",
    flags: &[FILES, SEND, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("output", Takes::Text, "Output format").short('o'),
    Flag::new("save-config", Takes::Bool, "Keep the manifest as an annotation, for apply"),
    Flag::new("subresource", Takes::Text, "Part of the object: status"),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    if args.is_empty() && !call.has_files() {
        return Err(Failure::plain("must specify one of -f and -k").into());
    }
    let found = call.find(&args, true)?;
    if let Some(failure) = Failure::of(found.failures) {
        return Err(failure.into());
    }
    let _ = crate::stub!("kubectl.edit", "there is no editor in the terminal");
    Err(Failure::plain(
        "there is no editor in this terminal; save the object to a file with 'kubectl get \
         -o yaml', change it and apply it",
    )
    .into())
}
