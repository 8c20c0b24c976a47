//! Images that are built: all services of a run in one call of the builder.
//!
//! Models docker compose v2.40.3 `pkg/compose/build_bake.go` and how buildx shows several builds
//! at once: steps that are equal are one step, named by the first build that reached it.
//! Left out: contexts in git repositories, secrets, SSH agents, caches elsewhere.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::compose::create::{VERSION, label};
use crate::compose::values::{base, join, sprint};
use crate::docker::BuildPrinter;
use crate::docker::api::{ApiError, BuildConfig, BuildEvent, ContextFile, Reply, Request, StepEnd};
use crate::posix::Entry;
use crate::shell::job::{Effect, Io};

use super::action::{Do, Then, ask, step};
use super::containers::text;
use super::images::image_of;
use super::tree::{Failure, Node, Step};
use super::work::{Mood, Work};

/// The name of the Dockerfile that stands in the compose file itself.
const INLINE: &str = "Dockerfile";

/// What is shown of the builds of one call.
#[derive(Clone, Debug)]
pub(super) struct Bake {
    printer: BuildPrinter,
    began: SimTime,
    /// Several builds: names of steps carry the name of the service.
    several: bool,
    /// Number of the last step shown.
    last: u32,
    /// Steps by what they do: number, and whose they are.
    steps: BTreeMap<String, (u32, String)>,
    /// A build's own number of a step to what it does.
    own: BTreeMap<(String, u32), String>,
    /// News of steps that have not ended, where lines may not be mixed.
    held: BTreeMap<u32, Vec<BuildEvent>>,
}

impl Default for Bake {
    fn default() -> Self {
        Self {
            printer: BuildPrinter::headless(80),
            began: SimTime::ZERO,
            several: false,
            last: 0,
            steps: BTreeMap::new(),
            own: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }
}

impl Bake {
    /// A piece of news of one build in terms of all; `None` if another build has told it.
    fn common(&mut self, service: &str, event: BuildEvent) -> Option<BuildEvent> {
        let own = |step: u32| (service.to_owned(), step);
        match event {
            BuildEvent::Begin { step, name, digest } => {
                self.own.insert(own(step), digest.clone());
                if self.steps.contains_key(&digest) {
                    return None;
                }
                let number = self.fresh(digest.clone(), service);
                let name = self.labelled(service, &name);
                Some(BuildEvent::Begin { step: number, name, digest })
            }
            BuildEvent::Detail { step, text } => {
                let step = self.mine(&own(step))?;
                Some(BuildEvent::Detail { step, text })
            }
            BuildEvent::Output { step, after, text } => {
                let step = self.mine(&own(step))?;
                Some(BuildEvent::Output { step, after, text })
            }
            BuildEvent::End { step, end } => {
                let step = self.mine(&own(step))?;
                Some(BuildEvent::End { step, end })
            }
            other @ (BuildEvent::Warnings(_) | BuildEvent::Excerpt(_)) => Some(other),
        }
    }

    fn fresh(&mut self, digest: String, service: &str) -> u32 {
        self.last += 1;
        self.steps.insert(digest, (self.last, service.to_owned()));
        self.last
    }

    fn labelled(&self, service: &str, name: &str) -> String {
        match name.strip_prefix('[') {
            _ if !self.several => name.to_owned(),
            Some(rest) => format!("[{service} {rest}"),
            None => format!("[{service}] {name}"),
        }
    }

    /// The common number of a build's own step, if that build tells of it.
    fn mine(&self, own: &(String, u32)) -> Option<u32> {
        let (number, owner) = self.steps.get(self.own.get(own)?)?;
        (*owner == own.0).then_some(*number)
    }

    /// Prints a piece of news.
    fn show(&mut self, event: &BuildEvent, tty: bool, io: &mut Io<'_>) {
        if tty {
            let (rewind, text) = self.printer.tty(event, io.now.since(self.began));
            if rewind > 0 {
                io.effects.push(Effect::Rewind(rewind));
            }
            io.err(text);
        } else if let BuildEvent::Excerpt(text) = event {
            // Compose passes on each line of the builder's errors with a line end of its own.
            let lines: String = text.lines().map(|line| format!("{line}\n\n")).collect();
            io.err(lines);
        } else if !self.several {
            io.out(self.printer.plain(event));
        } else {
            self.hold(event, io);
        }
    }

    /// Lines of steps that go on side by side are printed when a step has ended.
    fn hold(&mut self, event: &BuildEvent, io: &mut Io<'_>) {
        match event {
            BuildEvent::Begin { step, .. }
            | BuildEvent::Detail { step, .. }
            | BuildEvent::Output { step, .. } => {
                self.held.entry(*step).or_default().push(event.clone());
            }
            BuildEvent::End { step, .. } => {
                for held in self.held.remove(step).unwrap_or_default() {
                    io.out(self.printer.plain(&held));
                }
                io.out(self.printer.plain(event));
            }
            BuildEvent::Warnings(_) | BuildEvent::Excerpt(_) => io.out(self.printer.plain(event)),
        }
    }

    /// The last step of each build.
    fn provenance(&mut self, service: &str, tty: bool, io: &mut Io<'_>) {
        let digest = format!("provenance {service}");
        let step = self.fresh(digest.clone(), service);
        let name = self.labelled(service, "resolving provenance for metadata file");
        self.show(&BuildEvent::Begin { step, name, digest }, tty, io);
        let end = StepEnd::Done(SimDuration::ZERO);
        self.show(&BuildEvent::End { step, end }, tty, io);
    }
}

/// Builds services side by side, as one call of the builder.
pub(super) fn all(names: Vec<String>) -> Node {
    if names.is_empty() {
        return Node::Done;
    }
    let builds = names.iter().map(|name| Step {
        name: name.clone(),
        after: Vec::new(),
        begun: false,
        node: step(Do::Build(name.clone())),
    });
    let builds = Node::Order(builds.collect());
    Node::seq([step(Do::Bake(names.clone())), builds, step(Do::Baked(names))])
}

/// Shows that the builder reads what to build. The size is that of the JSON that Compose passes on.
pub(super) fn begin(names: &[String], work: &mut Work, io: &mut Io<'_>) -> Node {
    work.settle();
    work.bake = Bake {
        printer: BuildPrinter::headless(io.width),
        began: io.now,
        several: names.len() > 1,
        last: 1,
        ..Bake::default()
    };
    if work.silent || work.settings.quiet {
        return Node::Done;
    }
    let size = crate::docker::human_size3(definitions(names, work));
    let name = "[internal] load local bake definitions".to_owned();
    let digest = name.clone();
    let tty = work.tty;
    let bake = &mut work.bake;
    let several = std::mem::replace(&mut bake.several, false);
    let text = format!("reading from stdin {size} done");
    if tty {
        bake.show(&BuildEvent::Begin { step: 1, name, digest }, tty, io);
        bake.show(&BuildEvent::Detail { step: 1, text }, tty, io);
        let end = StepEnd::Done(SimDuration::ZERO);
        bake.show(&BuildEvent::End { step: 1, end }, tty, io);
    } else {
        io.out(format!("#1 {name}\n#1 {text}\n#1 DONE 0.0s\n"));
    }
    bake.several = several;
    Node::Done
}

/// Bytes of the definitions of builds, indented by two blanks as Go does it.
fn definitions(names: &[String], work: &Work) -> u64 {
    let targets: Map<String, Value> =
        names.iter().filter_map(|name| Some((name.clone(), target(name, work)?))).collect();
    let config = json!({"group": {"default": {"targets": names}}, "target": targets});
    let text = serde_json::to_string_pretty(&config).unwrap_or_default();
    u64::try_from(text.len()).unwrap_or_default()
}

fn target(name: &str, work: &Work) -> Option<Value> {
    let build = work.project.service(name)?.get("build")?;
    let folder = text(build, "context");
    let mut target = Map::new();
    let mut put = |key: &str, value: Value| target.insert(key.to_owned(), value);
    put("context", folder.clone().into());
    match build.get("dockerfile_inline") {
        Some(inline) => put("dockerfile-inline", inline.clone()),
        None => put("dockerfile", join(&folder, &text(build, "dockerfile")).into()),
    };
    for key in ["args", "target"] {
        if let Some(value) = build.get(key) {
            put(key, value.clone());
        }
    }
    let labels = json!({
        label::PROJECT: work.project.name, label::SERVICE: name, label::VERSION: VERSION,
    });
    put("labels", labels);
    put("tags", json!([image_of(name, work)]));
    if work.settings.no_cache {
        put("no-cache", true.into());
    }
    put("output", json!(["type=docker"]));
    Some(Value::Object(target))
}

/// The files below a folder of the terminal, by relative path.
fn context_files(folder: &str, io: &Io<'_>) -> BTreeMap<String, ContextFile> {
    let prefix = format!("{}/", folder.trim_end_matches('/'));
    let mut files = BTreeMap::new();
    for (path, entry) in io.files.iter() {
        if let (Some(relative), Entry::File { content, mode, modified, .. }) =
            (path.strip_prefix(&prefix), entry)
        {
            let (content, mode, modified) = (content.to_string(), *mode, *modified);
            files.insert(relative.to_owned(), ContextFile { content, mode, modified });
        }
    }
    files
}

/// A failure of the builder, which ends with a line of its own.
fn failed(service: &str, message: &str, status: u16, work: &Work) -> Failure {
    let target = if work.bake.several { format!("target {service}: ") } else { String::new() };
    Failure { message: format!("{target}{message}\n"), status, code: 1 }
}

/// Builds the image of a service.
pub(super) fn build(name: &str, work: &Work, io: &mut Io<'_>) -> Result<Node, Failure> {
    let Some(service) = work.project.service(name) else { return Ok(Node::Done) };
    let value = service.get("build").cloned().unwrap_or_default();
    let folder = text(&value, "context");
    let context = context_files(&folder, io);
    let inline = value.get("dockerfile_inline").map(sprint);
    if context.is_empty() && io.files.get(&folder).is_none() {
        let message = format!("unable to prepare context: path \"{folder}\" not found\n");
        return Err(Failure::new(message));
    }
    let file = if inline.is_some() { INLINE.to_owned() } else { text(&value, "dockerfile") };
    let path = if file.starts_with('/') { file.clone() } else { join(&folder, &file) };
    let dockerfile = inline.or_else(|| super::file_text(io, &path));
    let map = |key: &str| value.get(key).and_then(Value::as_object).into_iter().flatten();
    let mut tags = vec![image_of(name, work)];
    tags.extend(value.get("tags").and_then(Value::as_array).into_iter().flatten().map(sprint));
    let config = BuildConfig {
        tags,
        dockerfile_name: base(&file).to_owned(),
        dockerfile,
        context_key: folder,
        context,
        target: text(&value, "target"),
        args: map("args")
            .filter_map(|(k, v)| {
                let own = io.env.get(k).cloned();
                Some((k.clone(), if v.is_null() { own? } else { sprint(v) }))
            })
            .collect(),
        labels: map("labels").map(|(k, v)| (k.clone(), sprint(v))).collect(),
        no_cache: work.settings.no_cache,
        pull: false,
        platform: text(service, "platform"),
        legacy: false,
    };
    io.record(name, Message::new("why-compose-builds").with("service", name));
    Ok(ask(Request::ImageBuild(Box::new(config)), Then::Built(name.to_owned())))
}

/// A part of a build.
pub(super) fn built(
    service: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    let (shown, tty) = (!work.silent && !work.settings.quiet, work.tty);
    match result {
        Ok(Reply::Build(event)) => {
            if shown && let Some(event) = work.bake.common(service, event) {
                work.bake.show(&event, tty, io);
            }
            Ok(Node::Done)
        }
        Ok(Reply::ImageId(id)) => {
            if shown {
                work.bake.provenance(service, tty, io);
            }
            work.missing.retain(|name| name != service);
            work.images.insert(service.to_owned(), id);
            Ok(Node::Done)
        }
        Ok(_) => Ok(Node::Done),
        Err(error) => Err(failed(service, &error.message, error.status, work)),
    }
}

/// Shows the images that were built.
pub(super) fn end(names: &[String], work: &mut Work, io: &mut Io<'_>) -> Node {
    if work.tty && !work.silent && !work.settings.quiet {
        let (rewind, text) = work.bake.printer.finish(io.now.since(work.bake.began));
        if rewind > 0 {
            io.effects.push(Effect::Rewind(rewind));
        }
        io.err(text);
    }
    let shown = if work.settings.quiet_build { &[] } else { names };
    for name in shown {
        let image = image_of(name, work);
        work.event(io, &image, "Built", Mood::Done);
    }
    Node::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(step: u32, name: &str, digest: &str) -> BuildEvent {
        BuildEvent::Begin { step, name: name.to_owned(), digest: digest.to_owned() }
    }

    #[test]
    fn equal_steps_are_one() {
        let mut bake = Bake { several: true, last: 1, ..Bake::default() };
        let first = bake.common("api", begin(1, "[1/2] FROM x", "from"));
        assert_eq!(first, Some(begin(2, "[api 1/2] FROM x", "from")));
        assert_eq!(bake.common("web", begin(1, "[1/2] FROM x", "from")), None);
        let end = |step| BuildEvent::End { step, end: StepEnd::Cached };
        assert_eq!(bake.common("web", end(1)), None);
        assert_eq!(bake.common("api", end(1)), Some(end(2)));
        let own = bake.common("web", begin(2, "exporting to image", "export 2"));
        assert_eq!(own, Some(begin(3, "[web] exporting to image", "export 2")));
    }
}
