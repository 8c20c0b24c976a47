//! `docker push` and `docker search`: worlds have no registry that could be written or searched.

use crate::docker::ImageRef;
use crate::docker::api::{Reply, Request};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::One;
use crate::shell::job::Io;

pub(crate) const PUSH: Spec = Spec {
    path: "push",
    usage: "[OPTIONS] NAME[:TAG]",
    about: "Upload an image to a registry",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        flag("all-tags", 'a', Kind::Bool, "Push all tags of an image to the repository"),
        flag(
            "platform",
            ' ',
            Kind::Text,
            "Push a platform-specific manifest as a single-platform image to the registry.",
        ),
        flag("quiet", 'q', Kind::Bool, "Suppress verbose output"),
    ],
};
pub(crate) const SEARCH: Spec = Spec {
    path: "search",
    usage: "[OPTIONS] TERM",
    about: "Search Docker Hub for images",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        flag("filter", 'f', Kind::List, "Filter output based on conditions provided"),
        flag("format", ' ', Kind::Text, "Pretty-print search using a Go template"),
        flag("limit", ' ', Kind::Int, "Max number of search results"),
        flag("no-trunc", ' ', Kind::Bool, "Don't truncate output"),
    ],
};

/// The refusal of a host that finds no registry.
fn no_such_host(url: &str, registry: &str, server: &str) -> String {
    format!("Get \"https://{url}\": dial tcp: lookup {registry} on {server}:53: no such host")
}

pub(crate) fn push(parsed: Parsed, io: &mut Io<'_>) -> State {
    let name = parsed.args.first().cloned().unwrap_or_default();
    if let Err(text) = ImageRef::parse(&name) {
        return State::fail(&text, 1, io);
    }
    State::One(One::ask(parsed, Request::Info, pushed, io))
}

fn pushed(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Info(info) = reply else { return 1 };
    let name = parsed.args.first().map_or("", String::as_str);
    let Ok(reference) = ImageRef::parse(name) else { return 1 };
    let (registry, host) = if reference.registry.is_empty() {
        ("docker.io", "registry-1.docker.io")
    } else {
        (reference.registry.as_str(), reference.registry.as_str())
    };
    let path = if reference.registry.is_empty() && !reference.path.contains('/') {
        format!("library/{}", reference.path)
    } else {
        reference.path.clone()
    };
    io.out(format!("The push refers to repository [{registry}/{path}]\n"));
    let text = no_such_host(&format!("{host}/v2/"), host, &info.name_server);
    let _ = crate::stub!("docker.push", "There is no registry that takes images.");
    io.err(format!("{text}\n"));
    1
}

pub(crate) fn search(parsed: Parsed, io: &mut Io<'_>) -> State {
    State::One(One::ask(parsed, Request::Info, searched, io))
}

fn searched(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Info(info) = reply else { return 1 };
    let term = parsed.args.first().map_or("", String::as_str);
    let limit = parsed.int("limit").unwrap_or(25);
    let url = format!("index.docker.io/v1/search?q={term}&n={limit}");
    let text = no_such_host(&url, "index.docker.io", &info.name_server);
    let _ = crate::stub!("docker.search", "There is no index of images to search.");
    io.err(format!("Error response from daemon: {text}\n"));
    1
}
