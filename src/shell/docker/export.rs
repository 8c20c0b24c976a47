//! `docker export`.

use crate::docker::api::Request;
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::One;
use crate::shell::docker::save::{check_output, write};
use crate::shell::job::Io;

pub(crate) const SPEC: Spec = Spec {
    path: "export",
    usage: "[OPTIONS] CONTAINER",
    about: "Export a container's filesystem as a tar archive",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[flag("output", 'o', Kind::Text, "Write to a file, instead of STDOUT")],
};

pub(crate) fn export(parsed: Parsed, io: &mut Io<'_>) -> State {
    if let Err(text) = check_output(&parsed, "failed to export container", io) {
        return State::fail(&text, 1, io);
    }
    let id = parsed.args.first().cloned().unwrap_or_default();
    State::One(One::ask(parsed, Request::ContainerExport { id }, write, io))
}
