//! `docker import`.

use crate::docker::api::Request;
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::One;
use crate::shell::docker::life::print_id;
use crate::shell::docker::load::archive_of;
use crate::shell::job::Io;

pub(crate) const SPEC: Spec = Spec {
    path: "import",
    usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    about: "Import the contents from a tarball to create a filesystem image",
    count: Count::AtLeast(1),
    stop_at_argument: false,
    flags: &[
        flag("change", 'c', Kind::List, "Apply Dockerfile instruction to the created image"),
        flag("message", 'm', Kind::Text, "Set commit message for imported image"),
        flag("platform", ' ', Kind::Text, "Set platform if server is multi-platform capable"),
    ],
};

pub(crate) fn import(parsed: Parsed, io: &mut Io<'_>) -> State {
    let arg = |at: usize| parsed.args.get(at).cloned().unwrap_or_default();
    let source = arg(0);
    if source.starts_with("http://") || source.starts_with("https://") {
        let stub = crate::stub!("docker.import.url", "`docker import` fetches no URLs.");
        return State::fail(&format!("not simulated: {stub}"), 1, io);
    }
    let archive = match archive_of(if source == "-" { "" } else { &source }, io) {
        Ok(archive) => archive,
        Err(text) => return State::fail(&text, 1, io),
    };
    let request = Request::ImageImport {
        archive,
        reference: arg(1),
        comment: parsed.text("message").to_owned(),
        changes: parsed.list("change").to_vec(),
    };
    State::One(One::ask(parsed, request, print_id, io))
}
