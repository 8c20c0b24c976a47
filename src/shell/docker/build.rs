//! `docker build`.

use std::collections::BTreeMap;

use crate::base::time::SimTime;
use crate::docker::api::{BuildConfig, ContextFile, Reply, Request, Stream};
use crate::docker::{BuildPrinter, ImageRef};
use crate::posix::{FileSystem as _, Kind as FileKind, normal};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::networks::pairs;
use crate::shell::job::{Effect, Io, Ticket, Wake};

/// Files in one context.
const MAX_FILES: usize = 10_000;

pub(crate) const SPEC: Spec = Spec {
    path: "build",
    usage: "[OPTIONS] PATH | URL | -",
    about: "Build an image from a Dockerfile",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        flag("add-host", ' ', Kind::List, "Add a custom host-to-IP mapping (format: \"host:ip\")"),
        flag("build-arg", ' ', Kind::List, "Set build-time variables"),
        flag("builder", ' ', Kind::Text, "Override the configured builder instance"),
        flag(
            "call",
            ' ',
            Kind::Text,
            "Set method for evaluating build (\"check\", \"outline\", …)",
        ),
        flag("cgroup-parent", ' ', Kind::Text, "Set the parent cgroup for the RUN instructions"),
        flag("check", ' ', Kind::Bool, "Shorthand for \"--call=check\""),
        flag("debug", 'D', Kind::Bool, "Enable debug logging"),
        flag("file", 'f', Kind::Text, "Name of the Dockerfile (default: \"PATH/Dockerfile\")"),
        flag("iidfile", ' ', Kind::Text, "Write the image ID to a file"),
        flag("label", ' ', Kind::List, "Set metadata for an image"),
        flag("load", ' ', Kind::Bool, "Shorthand for \"--output=type=docker\""),
        flag("metadata-file", ' ', Kind::Text, "Write build result metadata to a file"),
        flag("network", ' ', Kind::Text, "Set the networking mode for the RUN instructions"),
        flag("no-cache", ' ', Kind::Bool, "Do not use cache when building the image"),
        flag("platform", ' ', Kind::List, "Set target platform for build"),
        flag(
            "progress",
            ' ',
            Kind::Text,
            "Set type of progress output (\"auto\", \"quiet\", \"plain\", \"tty\", \"rawjson\")",
        ),
        flag("provenance", ' ', Kind::Text, "Shorthand for \"--attest=type=provenance\""),
        flag("pull", ' ', Kind::Bool, "Always attempt to pull all referenced images"),
        flag("push", ' ', Kind::Bool, "Shorthand for \"--output=type=registry\""),
        flag("quiet", 'q', Kind::Bool, "Suppress the build output and print image ID on success"),
        flag("rm", ' ', Kind::Bool, "Remove intermediate containers after a successful build"),
        flag("sbom", ' ', Kind::Text, "Shorthand for \"--attest=type=sbom\""),
        flag("shm-size", ' ', Kind::Bytes, "Shared memory size for build containers"),
        flag("tag", 't', Kind::List, "Image identifier (format: \"[registry/]repository[:tag]\")"),
        flag("target", ' ', Kind::Text, "Set the target build stage to build"),
        flag("ulimit", ' ', Kind::Words("ulimit"), "Ulimit options (default [])"),
    ],
};

/// A running build.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    ticket: Ticket,
    printer: BuildPrinter,
    began: SimTime,
    tty: bool,
    quiet: bool,
    /// The legacy builder does it.
    legacy: bool,
}

/// What the client says before it uses the legacy builder.
const DEPRECATED: &str = "DEPRECATED: The legacy builder is deprecated and will be removed in a \
    future release.\n            BuildKit is currently disabled; enable it by removing the \
    DOCKER_BUILDKIT=0\n            environment-variable.\n\n";

fn failed(text: &str, io: &mut Io<'_>) -> State {
    State::fail(&format!("ERROR: failed to build: {text}"), 1, io)
}

/// All files below a directory, with paths relative to it.
pub(crate) fn gather(root: &str, io: &Io<'_>) -> BTreeMap<String, ContextFile> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![(root.to_owned(), String::new())];
    while let Some((dir, prefix)) = waiting.pop() {
        for name in io.files.list(&dir).unwrap_or_default() {
            if all.len() >= MAX_FILES {
                return all;
            }
            let (path, inner) = (normal(&dir, &name), format!("{prefix}{name}"));
            let Ok(stat) = io.files.stat(&path) else { continue };
            if stat.kind == FileKind::Directory {
                waiting.push((path, format!("{inner}/")));
            } else if let Ok(content) = io.files.read(&path) {
                let file = ContextFile {
                    content: content.to_string(),
                    mode: stat.mode,
                    modified: stat.modified,
                };
                all.insert(inner, file);
            }
        }
    }
    all
}

pub(crate) fn build(parsed: Parsed, io: &mut Io<'_>) -> State {
    for tag in parsed.list("tag") {
        if let Err(why) = ImageRef::parse(tag) {
            let why = why.strip_prefix("invalid reference format: ").unwrap_or(&why);
            // buildx words it without the repository.
            let why = if why.ends_with("must be lowercase") {
                "repository name must be lowercase"
            } else {
                why
            };
            return failed(&format!("invalid tag {tag:?}: {why}"), io);
        }
    }
    let progress = parsed.text("progress");
    if !matches!(progress, "" | "auto" | "quiet" | "plain" | "tty" | "rawjson" | "none") {
        return State::fail(&format!("ERROR: invalid progress mode {progress}"), 1, io);
    }
    if parsed.is("check") || parsed.has("call") || parsed.is("push") {
        let id = crate::stub!("docker.build.call", "Checks and outlines of a build, and its push.");
        return failed(&format!("not simulated: {id}"), io);
    }
    let legacy = io.env.get("DOCKER_BUILDKIT").is_some_and(|v| v == "0");
    if legacy {
        io.err(DEPRECATED);
    }
    let path = parsed.args.first().cloned().unwrap_or_default();
    let root = normal(io.cwd, &path);
    if path == "-" || path.contains("://") {
        let id = crate::stub!("docker.build.remote", "Contexts from URLs and pipes.");
        return failed(&format!("not simulated: {id}"), io);
    }
    if io.files.stat(&root).map(|s| s.kind) != Ok(FileKind::Directory) {
        return failed(&format!("unable to prepare context: path {path:?} not found"), io);
    }
    let file = parsed.text("file");
    let file_path =
        if file.is_empty() { normal(&root, "Dockerfile") } else { normal(io.cwd, file) };
    let name = file_path.rsplit('/').next().unwrap_or("Dockerfile").to_owned();
    let args = parsed.list("build-arg").iter().filter_map(|text| match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => io.env.get(text).map(|value| (text.clone(), value.clone())),
    });
    let config = BuildConfig {
        tags: parsed.list("tag").to_vec(),
        dockerfile_name: name,
        dockerfile: io.files.read(&file_path).ok().map(|t| t.to_string()),
        context: gather(&root, io),
        context_key: root,
        target: parsed.text("target").to_owned(),
        args: args.collect(),
        labels: pairs(parsed.list("label")),
        no_cache: parsed.is("no-cache"),
        pull: parsed.is("pull"),
        platform: parsed.text("platform").to_owned(),
        legacy,
    };
    if legacy && config.dockerfile.is_none() {
        let text = format!(
            "unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat \
             {file_path}: no such file or directory"
        );
        return State::fail(&text, 1, io);
    }
    let progress = parsed.text("progress");
    let tty = io.tty && matches!(progress, "" | "auto" | "tty");
    let quiet = parsed.is("quiet") || progress == "quiet";
    let ticket = io.ask_docker(Request::ImageBuild(Box::new(config)));
    let printer = BuildPrinter::new(io.width);
    State::Build(Box::new(Build { ticket, printer, began: io.now, tty, quiet, legacy }))
}

impl Build {
    /// Go on.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        let result = match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => result,
            Wake::Signal(signal) => {
                io.effects.push(Effect::Forget(self.ticket));
                io.err("ERROR: failed to build: failed to solve: Canceled: context canceled\n");
                return io.exit(128 + signal);
            }
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => return,
        };
        match result {
            Ok(Reply::Build(event)) if !self.quiet => {
                if self.tty {
                    let (rewind, text) = self.printer.tty(&event, io.now.since(self.began));
                    if rewind > 0 {
                        io.effects.push(Effect::Rewind(rewind));
                    }
                    io.err(text);
                } else {
                    io.err(self.printer.plain(&event));
                }
            }
            Ok(Reply::Build(_) | Reply::Done) => {}
            Ok(Reply::Output(..)) if self.quiet => {}
            Ok(Reply::Output(Stream::Stdout, text)) => io.out(text),
            Ok(Reply::Output(Stream::Stderr, text)) => io.err(text),
            Ok(Reply::Exit { code, error }) => {
                io.err(format!("{}\n", error.unwrap_or_default()));
                io.exit(u8::try_from(code).unwrap_or(1));
            }
            Ok(Reply::ImageId(id)) => {
                if self.quiet {
                    io.out(format!("{id}\n"));
                } else if self.tty {
                    let (rewind, text) = self.printer.finish(io.now.since(self.began));
                    if rewind > 0 {
                        io.effects.push(Effect::Rewind(rewind));
                    }
                    io.err(text);
                }
                io.exit(0);
            }
            Ok(_) => io.exit(0),
            Err(error) if self.legacy => {
                io.err(format!("{}\n", error.client_text()));
                io.exit(1);
            }
            Err(error) => {
                let text = if error.status == 0 {
                    error.message
                } else {
                    format!("failed to build: {}", error.message)
                };
                io.err(format!("ERROR: {text}\n"));
                io.exit(1);
            }
        }
    }
}
