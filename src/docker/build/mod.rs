//! Builds (BuildKit): the Dockerfile becomes steps, each step a layer, and equal steps come from
//! the cache. `RUN` really runs in a container of the runtime.
//!
//! The cache key of a step is made of its parent's key and what it depends on (BuildKit's content
//! addressing): RUN of its command, environment and directory, COPY of the content it copies, but
//! never of time stamps. Left out: parallel stages, mounts of RUN, ADD of URLs and archives, other
//! platforms, attestations.

mod classic;
mod context;
mod digest;
mod dockerfile;
mod lint;
mod plan;
mod plain;
mod steps;
mod words;

pub use plain::BuildPrinter;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::ledger::Ledger;
use crate::base::time::{SimDuration, SimTime};
use crate::docker::Due;
use crate::docker::api::{ApiError, BuildConfig, BuildEvent, ContextFile, Reply, StepEnd};
use crate::docker::build::context::Sent;
use crate::docker::build::dockerfile::Problem;
use crate::docker::build::lint::Warning;
use crate::docker::build::plan::{Base, Planned, Source, Stage, Step};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::images::{pull_error, sha256};
use crate::docker::reference::ImageRef;
use crate::engine::latency::Latency;
use crate::machine::{Image, ImageConfig, Layer, Namespace, PullError, Pulled};
use crate::posix::Files;

/// Small work of the builder: reading files, looking up images, exporting.
static SMALL: Latency = Latency {
    name: "docker-build-step",
    quantiles_us: [8_000, 15_000, 30_000, 60_000, 120_000],
    source: "traces/engine 30, 32: DONE times of internal steps and COPY",
};

/// What a step made.
#[derive(Clone, Debug, Hash)]
struct Record {
    layer: Layer,
    created: SimTime,
}

/// What the builder of a host keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Builder {
    cache: Ledger<String, Record>,
    /// What was sent of each context directory.
    sent: BTreeMap<String, Sent>,
    builds: BTreeMap<u64, Build>,
    /// Builds of the legacy builder, and its cache from a step's key to its image.
    classics: BTreeMap<u64, classic::Classic>,
    classic_cache: Ledger<String, String>,
    /// Containers of RUN steps to their builds.
    runs: BTreeMap<String, u64>,
    /// Images that were the base of a step that ran.
    used_bases: std::collections::BTreeSet<String>,
}

/// The files of a stage so far.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    layers: Vec<Layer>,
    files: Files,
    key: String,
    /// When its last layer was made.
    created: Option<SimTime>,
    /// Creation times of the layers made here, in order.
    made: Vec<SimTime>,
}

/// What is to be done next.
#[derive(Clone, Debug)]
enum Todo {
    Definition,
    Metadata(String),
    Ignore,
    /// Plan the stages; no step of its own.
    Plan,
    Context,
    From(usize),
    Step(usize, usize),
    Export,
}

/// A container that runs for a step.
#[derive(Clone, Debug)]
struct RunStep {
    container: String,
    /// Index of the next log line.
    next: u64,
    /// Lines so far, for the error.
    output: Vec<String>,
    stage: usize,
    key: String,
    lines: (usize, usize),
    argv: Vec<String>,
}

/// A build on its way.
#[derive(Clone, Debug)]
struct Build {
    config: BuildConfig,
    /// Files that are not ignored.
    files: BTreeMap<String, ContextFile>,
    warnings: Vec<Warning>,
    stages: Vec<Stage>,
    globals: BTreeMap<String, String>,
    needed: Vec<usize>,
    wanted: usize,
    bases: BTreeMap<String, Arc<Image>>,
    planned: BTreeMap<usize, Planned>,
    results: BTreeMap<usize, Snapshot>,
    /// Images whose FROM was shown.
    shown: std::collections::BTreeSet<String>,
    todo: VecDeque<Todo>,
    number: u32,
    began: SimTime,
    /// How the current step will end.
    ending: Option<StepEnd>,
    run: Option<RunStep>,
    /// A pull that the current step waits for.
    pulling: Option<String>,
    image: Option<String>,
}

/// `docker.io/library/x:1`.
fn full_name(name: &str) -> String {
    ImageRef::parse(name).map_or_else(|_| name.to_owned(), |reference| located(&reference.tagged()))
}

/// A familiar name with the public registry in front, if it names none.
fn located(name: &str) -> String {
    match ImageRef::parse(name) {
        Ok(reference) if reference.registry.is_empty() && reference.path.contains('/') => {
            format!("docker.io/{name}")
        }
        Ok(reference) if reference.registry.is_empty() => format!("docker.io/library/{name}"),
        Ok(_) | Err(_) => name.to_owned(),
    }
}

impl Daemon {
    /// Serve `POST /build`.
    pub(crate) fn build_begin(&mut self, ticket: u64, config: BuildConfig, env: &mut Env<'_, '_>) {
        if config.legacy {
            self.classic_begin(ticket, config, env);
            return;
        }
        let now = env.now();
        let files = context::filter(&config.context);
        let mut build = Build {
            config,
            files,
            warnings: Vec::new(),
            stages: Vec::new(),
            globals: BTreeMap::new(),
            needed: Vec::new(),
            wanted: 0,
            bases: BTreeMap::new(),
            planned: BTreeMap::new(),
            results: BTreeMap::new(),
            shown: Default::default(),
            todo: VecDeque::new(),
            number: 0,
            began: now,
            ending: None,
            run: None,
            pulling: None,
            image: None,
        };
        build.todo.push_back(Todo::Definition);
        self.builder.builds.insert(ticket, build);
        self.build_next(ticket, env);
    }

    fn build_event(&self, ticket: u64, event: BuildEvent, env: &mut Env<'_, '_>) {
        env.reply(ticket, Ok(Reply::Build(event)));
    }

    /// The digest of a step that reads the context of a build.
    fn of_context(&self, ticket: u64, what: &str) -> String {
        let key = self.builder.builds.get(&ticket).map(|b| b.config.context_key.as_str());
        format!("{what} {}", key.unwrap_or_default())
    }

    /// A remark of the current step.
    fn build_detail(&self, ticket: u64, text: String, env: &mut Env<'_, '_>) {
        let step = self.builder.builds.get(&ticket).map_or(0, |b| b.number);
        self.build_event(ticket, BuildEvent::Detail { step, text }, env);
    }

    /// The next step begins; `digest` tells what it does.
    fn build_step(&mut self, ticket: u64, name: String, digest: String, env: &mut Env<'_, '_>) {
        let now = env.now();
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return };
        build.number += 1;
        build.began = now;
        let step = build.number;
        self.build_event(ticket, BuildEvent::Begin { step, name, digest }, env);
    }

    /// The current step ends after some work.
    fn build_later(&mut self, ticket: u64, end: Option<StepEnd>, env: &mut Env<'_, '_>) {
        let host = self.host.clone();
        let work = match end {
            Some(StepEnd::Cached) => SimDuration::ZERO,
            _ => env.cx.latency(&SMALL, host.as_str()),
        };
        if let Some(build) = self.builder.builds.get_mut(&ticket) {
            build.ending = Some(end.unwrap_or(StepEnd::Done(work)));
        }
        self.timer(work, Due::Build { ticket }, env);
    }

    /// The work of a step is done.
    pub(crate) fn build_due(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        if self.classic_next(ticket, env) {
            return;
        }
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return };
        let step = build.number;
        if let Some(end) = build.ending.take() {
            self.build_event(ticket, BuildEvent::End { step, end }, env);
        }
        self.build_next(ticket, env);
    }

    fn build_next(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return };
        let result = match build.todo.pop_front() {
            None => {
                self.build_done(ticket, env);
                Ok(())
            }
            Some(Todo::Definition) => self.build_definition(ticket, env),
            Some(Todo::Metadata(name)) => {
                self.build_metadata(ticket, &name, env);
                Ok(())
            }
            Some(Todo::Ignore) => {
                self.build_ignore(ticket, env);
                Ok(())
            }
            Some(Todo::Plan) => {
                let planned = self.build_plan(ticket);
                if planned.is_ok() {
                    self.build_next(ticket, env);
                }
                planned
            }
            Some(Todo::Context) => {
                self.build_context(ticket, env);
                Ok(())
            }
            Some(Todo::From(stage)) => {
                self.build_from(ticket, stage, env);
                Ok(())
            }
            Some(Todo::Step(stage, step)) => self.build_action(ticket, stage, step, env),
            Some(Todo::Export) => {
                self.build_export(ticket, env);
                Ok(())
            }
        };
        if let Err(problem) = result {
            self.build_failed(ticket, problem, env);
        }
    }

    /// Tell why, and end.
    fn build_failed(&mut self, ticket: u64, problem: Problem, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.builds.remove(&ticket) else { return };
        let warnings: Vec<String> = build.warnings.iter().map(Warning::show).collect();
        // After a failed step the warnings are not repeated.
        if !warnings.is_empty() && build.stages.is_empty() {
            self.build_event(ticket, BuildEvent::Warnings(warnings), env);
        }
        if let (Some(lines), Some(text)) = (problem.lines, &build.config.dockerfile) {
            let excerpt = dockerfile::excerpt(&build.config.dockerfile_name, text, lines);
            self.build_event(ticket, BuildEvent::Excerpt(excerpt), env);
        }
        let message = format!("failed to solve: {}", problem.message);
        env.reply(ticket, Err(ApiError::internal(message)));
    }

    fn build_done(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.builds.remove(&ticket) else { return };
        let warnings: Vec<String> = build.warnings.iter().map(Warning::show).collect();
        if !warnings.is_empty() {
            self.build_event(ticket, BuildEvent::Warnings(warnings), env);
        }
        env.reply(ticket, Ok(Reply::ImageId(build.image.unwrap_or_default())));
    }

    fn build_definition(&mut self, ticket: u64, env: &mut Env<'_, '_>) -> Result<(), Problem> {
        let Some(build) = self.builder.builds.get(&ticket) else { return Ok(()) };
        let name = build.config.dockerfile_name.clone();
        let text = build.config.dockerfile.clone();
        let given = build.config.args.clone();
        let target = build.config.target.clone();
        let digest = format!("definition {} {name} {text:?}", build.config.context_key);
        let title = format!("[internal] load build definition from {name}");
        self.build_step(ticket, title, sha256(&digest), env);
        let file = text.as_ref().map(|content| ContextFile {
            content: content.clone(),
            mode: 0o644,
            modified: SimTime::ZERO,
        });
        let files: BTreeMap<String, ContextFile> =
            file.into_iter().map(|f| (name.clone(), f)).collect();
        let bytes = context::transfer(&files, &mut Sent::new());
        self.build_detail(ticket, format!("transferring dockerfile: {}", size(bytes)), env);
        let read = match &text {
            None => Err(Problem {
                message: format!(
                    "failed to read dockerfile: open {name}: no such file or directory"
                ),
                lines: None,
            }),
            Some(text) => {
                read(text, &given, &target).and_then(|read| plan::circular(&read.0).map(|()| read))
            }
        };
        if let Ok(instructions) = text.as_deref().map_or(Ok(Vec::new()), dockerfile::parse) {
            let warnings = lint::lint(&instructions);
            for warning in &warnings {
                self.build_detail(ticket, format!("WARN: {}", warning.show()), env);
            }
            if let Some(build) = self.builder.builds.get_mut(&ticket) {
                build.warnings = warnings;
            }
        }
        let done = StepEnd::Done(SimDuration::ZERO);
        match read {
            Err(problem) => {
                let step = 1;
                self.build_event(ticket, BuildEvent::End { step, end: done }, env);
                Err(problem)
            }
            Ok((stages, globals, wanted, needed)) => {
                let Some(build) = self.builder.builds.get_mut(&ticket) else { return Ok(()) };
                let names = image_names(&stages, &needed);
                build.todo.extend(names.into_iter().map(Todo::Metadata));
                build.todo.extend([Todo::Ignore, Todo::Plan]);
                build.stages = stages;
                build.globals = globals;
                build.needed = needed;
                build.wanted = wanted;
                self.build_later(ticket, None, env);
                Ok(())
            }
        }
    }

    fn build_metadata(&mut self, ticket: u64, name: &str, env: &mut Env<'_, '_>) {
        let full = full_name(name);
        let title = format!("[internal] load metadata for {full}");
        self.build_step(ticket, title.clone(), title, env);
        let pull = self.builder.builds.get(&ticket).is_some_and(|b| b.config.pull);
        let found = self.find_image(name, env).filter(|_| !pull);
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return };
        match found {
            Some(image) => {
                build.bases.insert(name.to_owned(), image);
                self.build_later(ticket, None, env);
            }
            None => {
                build.pulling = Some(name.to_owned());
                let host = self.host.clone();
                env.cx.within(|cx| {
                    env.machines.pull(&host, Namespace::Moby, name, ticket, false, cx);
                });
            }
        }
    }

    /// A pull ended; true if it was one of a build.
    pub(crate) fn build_pulled(
        &mut self,
        ticket: u64,
        result: &Result<Pulled, PullError>,
        env: &mut Env<'_, '_>,
    ) -> bool {
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return false };
        let Some(name) = build.pulling.take() else { return true };
        let (step, began) = (build.number, build.began);
        match result {
            Ok(pulled) => {
                self.pulled.insert(pulled.image.to_string());
                let took = env.now().since(began);
                if let Some(image) = self.find_image(&name, env)
                    && let Some(build) = self.builder.builds.get_mut(&ticket)
                {
                    build.bases.insert(name, image);
                    build.ending = Some(StepEnd::Done(took));
                }
                self.build_due(ticket, env);
            }
            Err(error) => {
                let resolver = self.name_server(env);
                let why = resolve_error(&name, error, &resolver);
                let end = StepEnd::Error(why.clone());
                self.build_event(ticket, BuildEvent::End { step, end }, env);
                let stages = self.builder.builds.get(&ticket).map(|b| b.stages.clone());
                let lines = lines_of_image(&stages.unwrap_or_default(), &name);
                let short = ImageRef::parse(&name).map_or_else(
                    |_| name.clone(),
                    |r| {
                        if r.tag.as_deref() == Some("latest") { r.name() } else { r.tagged() }
                    },
                );
                let full = full_name(&name);
                let message =
                    format!("{short}: failed to resolve source metadata for {full}: {why}");
                self.build_failed(ticket, Problem { message, lines }, env);
            }
        }
        true
    }

    fn build_ignore(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        let digest = self.of_context(ticket, "ignore");
        self.build_step(ticket, "[internal] load .dockerignore".to_owned(), digest, env);
        let Some(build) = self.builder.builds.get(&ticket) else { return };
        let file = build.config.context.get_key_value(".dockerignore");
        let files = file.map(|(k, v)| (k.clone(), v.clone())).into_iter().collect();
        let bytes = context::transfer(&files, &mut Sent::new());
        self.build_detail(ticket, format!("transferring context: {}", size(bytes)), env);
        self.build_later(ticket, None, env);
    }

    /// All bases are known: plan every stage.
    fn build_plan(&mut self, ticket: u64) -> Result<(), Problem> {
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return Ok(()) };
        for index in build.needed.clone() {
            let Some(stage) = build.stages.get(index) else { continue };
            let base = match &stage.base {
                Base::Image(name) => {
                    build.bases.get(name).map(|i| i.config.clone()).unwrap_or_default()
                }
                Base::Stage(at) => {
                    build.planned.get(at).map(|p| p.config.clone()).unwrap_or_default()
                }
                Base::Scratch => Default::default(),
            };
            let (stages, globals, given) = (&build.stages, &build.globals, &build.config.args);
            let planned = plan::dispatch(stages, index, globals, given, base)?;
            build.todo.push_back(Todo::From(index));
            let steps = (0..planned.steps.len()).map(|step| Todo::Step(index, step));
            build.todo.extend(steps);
            build.planned.insert(index, planned);
        }
        let uses_context = build.planned.values().flat_map(|p| &p.steps).any(|s| {
            matches!(&s.action, plan::Action::Copy { from: Source::Context, sources, .. }
                if !sources.is_empty())
        });
        if uses_context {
            // The context is loaded while the first base is looked at.
            build.todo.insert(build.todo.len().min(1), Todo::Context);
        }
        build.todo.push_back(Todo::Export);
        Ok(())
    }

    fn build_context(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        let digest = self.of_context(ticket, "context");
        self.build_step(ticket, "[internal] load build context".to_owned(), digest, env);
        let Some(build) = self.builder.builds.get(&ticket) else { return };
        let wanted = wanted_files(build);
        let sent = self.builder.sent.entry(build.config.context_key.clone()).or_default();
        let bytes = context::transfer(&wanted, sent);
        self.build_detail(ticket, format!("transferring context: {}", size(bytes)), env);
        self.build_later(ticket, None, env);
    }

    fn build_from(&mut self, ticket: u64, index: usize, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return };
        let Some(stage) = build.stages.get(index) else { return };
        let base = stage.base.clone();
        let (snapshot, name) = match &base {
            Base::Stage(at) => (build.results.get(at).cloned().unwrap_or_default(), None),
            Base::Scratch => (Snapshot { key: "scratch".into(), ..Snapshot::default() }, None),
            Base::Image(name) => {
                let image = build.bases.get(name).cloned();
                let snapshot = image.as_ref().map_or_else(Snapshot::default, |i| Snapshot {
                    layers: i.layers.clone(),
                    files: i.files(),
                    key: i.id.to_string(),
                    created: i.created,
                    made: Vec::new(),
                });
                (snapshot, Some(name.clone()))
            }
        };
        build.results.insert(index, snapshot.clone());
        let Some(name) = name.filter(|n| build.shown.insert(n.clone())) else {
            return self.build_next(ticket, env);
        };
        let title = format!("{}FROM {}", self.counter(ticket, index, None), full_name(&name));
        self.build_step(ticket, title, format!("from {}", snapshot.key), env);
        // Its files are needed only if the first step after it has to run, or if there is none;
        // then it counts as cached once it was used before.
        let first = self.builder.builds.get(&ticket).and_then(|b| {
            let step = b.planned.get(&index)?.steps.first()?;
            self.step_key(b, index, step, &snapshot.key)
        });
        let runs = match &first {
            Some(key) => !self.builder.cache.contains_key(key),
            None => true,
        };
        let used = runs && !self.builder.used_bases.insert(snapshot.key);
        let end = used.then_some(StepEnd::Cached);
        self.build_later(ticket, end, env);
    }

    /// `[2/5] ` or `[build 2/4] `.
    fn counter(&self, ticket: u64, stage: usize, step: Option<usize>) -> String {
        let Some(build) = self.builder.builds.get(&ticket) else { return String::new() };
        let steps = build.planned.get(&stage).map_or(0, |p| p.steps.len());
        let Some(info) = build.stages.get(stage) else { return String::new() };
        let own = usize::from(matches!(info.base, Base::Image(_)));
        let total = steps + own;
        let at = step.map_or(1, |s| s + 1 + own);
        let width = total.to_string().len();
        let label = if info.label.is_empty() { String::new() } else { format!("{} ", info.label) };
        format!("[{label}{at:width$}/{total}] ")
    }

    fn build_export(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        self.build_step(ticket, "exporting to image".to_owned(), format!("export {ticket}"), env);
        let Some(image) = self.build_image(ticket, env) else { return };
        let id = image.id.to_string();
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return };
        build.image = Some(id.clone());
        let given = build.config.tags.clone();
        let references = given.iter().filter_map(|tag| ImageRef::parse(tag).ok());
        let tags: Vec<String> = references.map(|reference| reference.tagged()).collect();
        let known = self.find_image(&id, env).is_some();
        if known {
            for tag in &tags {
                let _ = env.machines.tag(&self.host, &id, tag);
            }
        } else {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            env.machines.add_image(&self.host, image, &tags);
        }
        self.build_detail(ticket, "exporting layers done".to_owned(), env);
        self.build_detail(ticket, format!("writing image {id} done"), env);
        // Names are shown as they were given: without a tag if there was none (compose/21).
        for tag in &given {
            self.build_detail(ticket, format!("naming to {} done", located(tag)), env);
            self.image_event(&id, "tag", tag, env);
        }
        self.image_event(&id, "create", &id, env);
        self.build_later(ticket, None, env);
    }

    /// The image of the wanted stage.
    fn build_image(&self, ticket: u64, env: &Env<'_, '_>) -> Option<Image> {
        let build = self.builder.builds.get(&ticket)?;
        let mut chain = vec![build.wanted];
        while let Some(Base::Stage(at)) = build.stages.get(*chain.first()?).map(|s| &s.base) {
            chain.insert(0, *at);
        }
        let first = build.stages.get(*chain.first()?)?;
        let base = match &first.base {
            Base::Image(name) => build.bases.get(name).cloned(),
            Base::Stage(_) | Base::Scratch => None,
        };
        let snapshot = build.results.get(&build.wanted)?;
        let mut config = build.planned.get(&build.wanted)?.config.clone();
        config.labels.extend(build.config.labels.clone());
        let mut history = base.as_ref().map(|b| b.history.clone()).unwrap_or_default();
        let mut made = snapshot.made.iter();
        let mut last = base.as_ref().and_then(|b| b.created);
        for stage in &chain {
            for note in &build.planned.get(stage)?.notes {
                if note.layer {
                    last = made.next().copied().or(last);
                }
                history.push(crate::machine::HistoryEntry {
                    created: last,
                    created_by: note.created_by.clone(),
                    comment: "buildkit.dockerfile.v0".to_owned(),
                    empty_layer: !note.layer,
                });
            }
        }
        // Without any layer of its own the image is as old as its base; the date is kept.
        let created = last.or(snapshot.created);
        let layers: Vec<&str> = snapshot.layers.iter().map(|l| &*l.diff_id).collect();
        let id = sha256(&format!("{config:?} {layers:?} {history:?}"));
        let _ = env;
        Some(Image {
            id: id.into(),
            digest: "".into(),
            created,
            layers: snapshot.layers.clone(),
            history,
            config,
            catalogue: base.as_ref().map(|b| b.catalogue.clone()).unwrap_or_default(),
            assumed: base.as_ref().is_some_and(|b| b.assumed),
            author: String::new(),
        })
    }

    /// All builds lost their client or their daemon.
    pub(crate) fn builds_lost(&mut self, env: &mut Env<'_, '_>) {
        for (ticket, _) in std::mem::take(&mut self.builder.classics) {
            env.reply(ticket, Err(ApiError::new(0, "unexpected EOF")));
        }
        let tickets: Vec<u64> = self.builder.builds.keys().copied().collect();
        for ticket in tickets {
            self.build_forgotten(ticket, env);
            env.reply(ticket, Err(ApiError::new(0, "unexpected EOF")));
        }
    }
}

type Read = (Vec<Stage>, BTreeMap<String, String>, usize, Vec<usize>);

/// Instructions that `--change` of commit and import takes (moby `builder/dockerfile`).
const CHANGES: [&str; 10] = [
    "CMD",
    "ENTRYPOINT",
    "HEALTHCHECK",
    "ENV",
    "EXPOSE",
    "LABEL",
    "ONBUILD",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// A configuration with Dockerfile instructions applied to it.
pub(crate) fn with_changes(
    mut config: ImageConfig,
    changes: &[String],
) -> Result<ImageConfig, String> {
    if changes.is_empty() {
        return Ok(config);
    }
    for change in changes {
        let word = change.split_whitespace().next().unwrap_or("");
        if !CHANGES.contains(&word.to_uppercase().as_str()) {
            return Err(format!("{word} is not a valid change command"));
        }
    }
    // Triggers wait for a build; the ones that a change adds come after.
    let triggers = std::mem::take(&mut config.on_build);
    let text = format!("FROM scratch\n{}\n", changes.join("\n"));
    let given = BTreeMap::new();
    let planned = dockerfile::parse(&text)
        .and_then(|instructions| plan::stages(&instructions, &given))
        .and_then(|(stages, globals)| plan::dispatch(&stages, 0, &globals, &given, config))
        .map_err(|problem| problem.message)?;
    let mut config = planned.config;
    config.on_build.splice(0..0, triggers);
    Ok(config)
}

/// Everything about a Dockerfile that is known without images.
fn read(text: &str, given: &BTreeMap<String, String>, target: &str) -> Result<Read, Problem> {
    let instructions = dockerfile::parse(text)?;
    for instruction in instructions.iter().filter(|i| i.word == "HEALTHCHECK") {
        plan::healthcheck(instruction)?;
    }
    let (stages, globals) = plan::stages(&instructions, given)?;
    let (wanted, needed) =
        plan::needed(&stages, target).map_err(|message| Problem { message, lines: None })?;
    Ok((stages, globals, wanted, needed))
}

/// Images that the needed stages begin with or copy from, each once.
fn image_names(stages: &[Stage], needed: &[usize]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for index in needed {
        let Some(stage) = stages.get(*index) else { continue };
        if let Base::Image(name) = &stage.base {
            names.push(name.clone());
        }
        for instruction in &stage.body {
            if let Source::Image(name) = plan::source_of(instruction, stages) {
                names.push(name);
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|n| seen.insert(n.clone()));
    names
}

/// Where an image is named.
fn lines_of_image(stages: &[Stage], name: &str) -> Option<(usize, usize)> {
    for stage in stages {
        if stage.base == Base::Image(name.to_owned()) {
            return Some(stage.from_lines);
        }
        for instruction in &stage.body {
            if plan::source_of(instruction, stages) == Source::Image(name.to_owned()) {
                return Some(instruction.lines);
            }
        }
    }
    None
}

/// Why an image's metadata could not be had, in the words of containerd's resolver.
fn resolve_error(name: &str, error: &PullError, resolver: &str) -> String {
    let path = ImageRef::parse(name).map_or_else(
        |_| name.to_owned(),
        |r| {
            let tag = r.tag.clone().unwrap_or_else(|| "latest".to_owned());
            let path = if r.registry.is_empty() && !r.path.contains('/') {
                format!("library/{}", r.path)
            } else {
                r.path.clone()
            };
            format!("{path}/manifests/{tag}")
        },
    );
    match error {
        PullError::NoSuchRegistry { registry } => format!(
            "failed to do request: Head \"https://{registry}/v2/{path}\": dial tcp: lookup \
             {registry} on {resolver}:53: no such host"
        ),
        PullError::AccessDenied => "pull access denied, repository does not exist or may require \
             authorization: server message: insufficient_scope: authorization failed"
            .to_owned(),
        PullError::ManifestUnknown => format!("{}: not found", full_name(name)),
        PullError::TooManyRequests | PullError::Unreachable { .. } => {
            pull_error(name, error, resolver).message
        }
    }
}

/// The files of the context that COPY instructions name.
fn wanted_files(build: &Build) -> BTreeMap<String, ContextFile> {
    let mut sources: Vec<String> = Vec::new();
    for step in build.planned.values().flat_map(|p| &p.steps) {
        if let plan::Action::Copy { from: Source::Context, sources: list, .. } = &step.action {
            sources.extend(list.iter().map(|s| {
                let path = crate::posix::normal("/", s);
                path.trim_start_matches('/').to_owned()
            }));
        }
    }
    let wanted = |path: &str| {
        sources.iter().any(|s| {
            s.is_empty()
                || path == s
                || path.starts_with(&format!("{s}/"))
                || context::glob(s, path)
        })
    };
    build.files.iter().filter(|(p, _)| wanted(p)).map(|(p, f)| (p.clone(), f.clone())).collect()
}

/// Bytes as BuildKit's progress shows them, `289B` or `1.24kB`, and that it is done.
fn size(bytes: u64) -> String {
    format!("{} done", crate::docker::human_size3(bytes))
}

/// Whether a step's image needs a name for its lines.
fn lines_of(step: &Step) -> Option<(usize, usize)> {
    Some(step.lines)
}
