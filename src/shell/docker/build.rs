//! `docker build`: only its face.

use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::job::Io;

pub(crate) const SPEC: Spec = Spec {
    path: "build",
    usage: "[OPTIONS] PATH | URL | -",
    about: "Build an image from a Dockerfile",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        flag("build-arg", ' ', Kind::List, "Set build-time variables"),
        flag("file", 'f', Kind::Text, "Name of the Dockerfile (default: \"PATH/Dockerfile\")"),
        flag("label", ' ', Kind::List, "Set metadata for an image"),
        flag("no-cache", ' ', Kind::Bool, "Do not use cache when building the image"),
        flag("platform", ' ', Kind::List, "Set target platform for build"),
        flag(
            "progress",
            ' ',
            Kind::Text,
            "Set type of progress output (\"auto\", \"quiet\", \"plain\", \"tty\", \"rawjson\")",
        ),
        flag("pull", ' ', Kind::Bool, "Always attempt to pull all referenced images"),
        flag("quiet", 'q', Kind::Bool, "Suppress the build output and print image ID on success"),
        flag("tag", 't', Kind::List, "Image identifier (format: \"[registry/]repository[:tag]\")"),
        flag("target", ' ', Kind::Text, "Set the target build stage to build"),
    ],
};

pub(crate) fn build(_: Parsed, io: &mut Io<'_>) -> State {
    let id = crate::stub!("docker.build", "Images cannot be built from Dockerfiles.");
    State::fail(&format!("ERROR: failed to build: not simulated: {id}"), 1, io)
}
