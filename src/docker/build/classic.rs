//! The legacy builder (`DOCKER_BUILDKIT=0`): one instruction after the other, each an image of its
//! own, made by a container that runs or only lends its configuration (moby `builder/dockerfile`;
//! trace engine/31, and engine 28.5.2 by hand for other instructions and errors).
//!
//! Left out: pulling a missing base, ONBUILD of another base's triggers in the count of steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::docker::Due;
use crate::docker::api::{
    ApiError, BuildConfig, ContainerConfig, ContextFile, CreateConfig, HostConfig, Reply, Stream,
};
use crate::docker::build::context::{self, Placed};
use crate::docker::build::dockerfile::Instruction;
use crate::docker::build::plan::{self, Action, Base, Planned, Source, Stage};
use crate::docker::build::{dockerfile, words};
use crate::docker::container::{Follower, Waiter};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::images::{pull_error, sha256};
use crate::docker::names::short;
use crate::docker::reference::ImageRef;
use crate::engine::latency::Latency;
use crate::machine::{ContainerId, HistoryEntry, Image, Layer, PullError};

/// Work of one instruction that runs nothing.
static INSTRUCTION: Latency = Latency {
    name: "docker-classic-step",
    quantiles_us: [40_000, 60_000, 90_000, 130_000, 200_000],
    source: "traces/engine 31: from one image create to the next",
};
/// Bytes of a block of a tar archive; a file has a header and whole blocks, the end two blocks.
const BLOCK: u64 = 512;

/// One instruction to do.
#[derive(Clone, Debug)]
struct Turn {
    text: String,
    /// Its stage and its place in the stage; `None` for FROM itself and for ARG before it.
    place: Option<(usize, Option<usize>)>,
}

/// A build on its way.
#[derive(Clone, Debug)]
pub(super) struct Classic {
    config: BuildConfig,
    files: BTreeMap<String, ContextFile>,
    stages: Vec<Stage>,
    globals: BTreeMap<String, String>,
    turns: Vec<Turn>,
    next: usize,
    /// The image so far, and those of finished stages.
    image: Option<Arc<Image>>,
    base: Option<Arc<Image>>,
    results: BTreeMap<usize, Arc<Image>>,
    /// A step was not in the cache: none after it is looked up.
    missed: bool,
    /// The container that works, the key of its step and what the image will be.
    running: Option<(String, String, Planned)>,
}

/// The size of the context as the client sends it.
fn sent_bytes(files: &BTreeMap<String, ContextFile>) -> u64 {
    let one = |f: &ContextFile| BLOCK + (f.content.len() as u64).div_ceil(BLOCK) * BLOCK;
    files.values().map(one).sum::<u64>() + 2 * BLOCK
}

/// All instructions in order; those after the wanted stage are left out.
fn turns(all: &[Instruction], stages: &[Stage], wanted: usize) -> Vec<Turn> {
    let (mut turns, mut stage, mut at) = (Vec::new(), None, 0);
    for instruction in all {
        let text = plan::written(instruction);
        if instruction.word == "FROM" {
            let index = stage.map_or(0, |s: usize| s + 1);
            if index > wanted || index >= stages.len() {
                break;
            }
            (stage, at) = (Some(index), 0);
            turns.push(Turn { text, place: Some((index, None)) });
        } else if let Some(index) = stage {
            turns.push(Turn { text, place: Some((index, Some(at))) });
            at += 1;
        } else {
            turns.push(Turn { text, place: None });
        }
    }
    turns
}

impl Daemon {
    /// Begin a build with the legacy builder.
    pub(super) fn classic_begin(
        &mut self,
        ticket: u64,
        config: BuildConfig,
        env: &mut Env<'_, '_>,
    ) {
        let text = config.dockerfile.clone().unwrap_or_default();
        let files = context::filter(&config.context);
        let size = crate::docker::human_size(sent_bytes(&files));
        self.classic_print(
            ticket,
            format!("Sending build context to Docker daemon  {size}\n\n"),
            env,
        );
        let read = super::read(&text, &config.args, &config.target);
        let all = dockerfile::parse(&text);
        let (Ok((stages, globals, wanted, _)), Ok(all)) = (&read, &all) else {
            let problem = read.err().map_or_else(String::new, |p| p.message);
            env.reply(ticket, Err(ApiError::bad(problem)));
            return;
        };
        let build = Classic {
            turns: turns(all, stages, *wanted),
            stages: stages.clone(),
            globals: globals.clone(),
            config,
            files,
            next: 0,
            image: None,
            base: None,
            results: BTreeMap::new(),
            missed: false,
            running: None,
        };
        self.builder.classics.insert(ticket, build);
        self.classic_next(ticket, env);
    }

    fn classic_print(&self, ticket: u64, text: String, env: &mut Env<'_, '_>) {
        env.reply(ticket, Ok(Reply::Output(Stream::Stdout, text)));
    }

    fn classic_later(&self, ticket: u64, env: &mut Env<'_, '_>) {
        let host = self.host.clone();
        let work = env.cx.latency(&INSTRUCTION, host.as_str());
        self.timer(work, Due::Build { ticket }, env);
    }

    /// End with a text of the builder itself.
    fn classic_failed(&mut self, ticket: u64, code: i64, text: String, env: &mut Env<'_, '_>) {
        self.builder.classics.remove(&ticket);
        env.reply(ticket, Ok(Reply::Exit { code, error: Some(text) }));
    }

    /// The next instruction, or the end. True if the ticket is one of this builder.
    pub(super) fn classic_next(&mut self, ticket: u64, env: &mut Env<'_, '_>) -> bool {
        let Some(build) = self.builder.classics.get_mut(&ticket) else { return false };
        if build.running.is_some() {
            self.classic_lent(ticket, env);
            return true;
        }
        let Some(turn) = build.turns.get(build.next).cloned() else {
            self.classic_done(ticket, env);
            return true;
        };
        build.next += 1;
        let (at, count) = (build.next, build.turns.len());
        self.classic_print(ticket, format!("Step {at}/{count} : {}\n", turn.text), env);
        match turn.place {
            None => self.classic_later(ticket, env),
            Some((stage, None)) => self.classic_from(ticket, stage, env),
            Some((stage, Some(place))) => self.classic_step(ticket, stage, place, env),
        }
        true
    }

    fn classic_from(&mut self, ticket: u64, stage: usize, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.classics.get_mut(&ticket) else { return };
        if let (Some(image), Some(last)) = (build.image.take(), stage.checked_sub(1)) {
            build.results.insert(last, image);
        }
        let base = build.stages.get(stage).map(|s| s.base.clone());
        let image = match &base {
            Some(Base::Image(name)) => {
                let Some(image) = self.find_image(name, env) else {
                    let resolver = self.name_server(env);
                    let registry = "registry-1.docker.io".into();
                    let error = PullError::NoSuchRegistry { registry };
                    let _ = crate::stub!(
                        "docker.build.legacy.pull",
                        "the legacy builder pulls no base image"
                    );
                    let text = pull_error(name, &error, &resolver).message;
                    return self.classic_failed(ticket, 1, text, env);
                };
                Some(image)
            }
            Some(Base::Stage(at)) => {
                self.builder.classics.get(&ticket).and_then(|b| b.results.get(at).cloned())
            }
            Some(Base::Scratch) | None => None,
        };
        let id = image.as_ref().map_or_else(String::new, |i| short(&i.id).to_owned());
        if let Some(build) = self.builder.classics.get_mut(&ticket) {
            build.base.clone_from(&image);
            build.image = image;
            build.missed = false;
        }
        self.classic_print(ticket, format!(" ---> {id}\n"), env);
        self.classic_next(ticket, env);
    }

    /// What an instruction makes of its stage.
    fn classic_plan(&self, ticket: u64, stage: usize, place: usize) -> Result<Planned, String> {
        let Some(build) = self.builder.classics.get(&ticket) else { return Err(String::new()) };
        // This builder copies from earlier stages only; any other name is that of an image.
        let mut stages = build.stages.clone();
        stages.truncate(stage + 1);
        if let Some(stage) = stages.get_mut(stage) {
            stage.body.truncate(place + 1);
            stage.name.clear();
        }
        let base = build.base.as_ref().map(|i| i.config.clone()).unwrap_or_default();
        plan::dispatch(&stages, stage, &build.globals, &build.config.args, base)
            .map_err(|problem| problem.message)
    }

    fn classic_step(&mut self, ticket: u64, stage: usize, place: usize, env: &mut Env<'_, '_>) {
        let planned = match self.classic_plan(ticket, stage, place) {
            Ok(planned) => planned,
            Err(text) => return self.classic_failed(ticket, 1, text, env),
        };
        let Some(build) = self.builder.classics.get(&ticket) else { return };
        let Some(instruction) = build.stages.get(stage).and_then(|s| s.body.get(place)).cloned()
        else {
            return;
        };
        let makes = matches!(instruction.word.as_str(), "RUN" | "COPY" | "ADD" | "WORKDIR");
        let action = planned.steps.last().filter(|_| makes).map(|s| s.action.clone());
        let placed = match &action {
            Some(Action::Copy { .. }) => match self.classic_placed(build, action.as_ref(), env) {
                Ok(placed) => placed,
                Err(missing) => {
                    let word = &instruction.word;
                    let path = missing.trim_start_matches('/');
                    let text = format!(
                        "{word} failed: file not found in build context or excluded by \
                         .dockerignore: stat {path}: file does not exist"
                    );
                    return self.classic_failed(ticket, 1, text, env);
                }
            },
            _ => Placed::new(),
        };
        let parent = build.image.as_ref().map_or_else(String::new, |i| i.id.to_string());
        let sum = context::checksum(&placed);
        let created_by = created_by(&instruction, &planned, &action, &sum);
        let key = sha256(&format!("{parent} {created_by} {:?}", planned.config));
        let fresh = build.missed || build.config.no_cache;
        let cached = self.builder.classic_cache.get(&key).filter(|_| !fresh).cloned();
        if let Some(image) = cached.and_then(|id| self.find_image(&id, env)) {
            let id = short(&image.id).to_owned();
            if let Some(build) = self.builder.classics.get_mut(&ticket) {
                build.image = Some(image);
            }
            self.classic_print(ticket, format!(" ---> Using cache\n ---> {id}\n"), env);
            self.classic_next(ticket, env);
            return;
        }
        if let Some(build) = self.builder.classics.get_mut(&ticket) {
            build.missed = true;
        }
        if matches!(action, Some(Action::Copy { .. })) {
            let layer = self.classic_layer(ticket, &placed, &key);
            self.classic_commit(ticket, (&key, created_by), &planned, layer, env);
            self.classic_later(ticket, env);
            return;
        }
        self.classic_container(ticket, (key, created_by), planned, action.as_ref(), env);
    }

    /// Files that COPY brings.
    fn classic_placed(
        &self,
        build: &Classic,
        action: Option<&Action>,
        env: &Env<'_, '_>,
    ) -> Result<Placed, String> {
        let Some(Action::Copy { from, sources, target, is_dir, mode, .. }) = action else {
            return Ok(Placed::new());
        };
        let tree = match from {
            Source::Context => context::tree(&build.files),
            Source::Stage(at) => build.results.get(at).map(|i| i.files()).unwrap_or_default(),
            Source::Image(name) => {
                self.find_image(name, env).map(|i| i.files()).unwrap_or_default()
            }
        };
        let own = build.image.as_ref().map(|i| i.files()).unwrap_or_default();
        let there = matches!(own.get(target), Some(crate::posix::Entry::Directory { .. }));
        context::place(&tree, sources, target, *is_dir || target == "/" || there, *mode)
    }

    fn classic_layer(&self, ticket: u64, placed: &Placed, key: &str) -> Option<Layer> {
        let build = self.builder.classics.get(&ticket)?;
        let mut files = build.image.as_ref().map(|i| i.files()).unwrap_or_default();
        context::lay(&mut files, placed);
        let diff_id = sha256(&format!("layer {key}"));
        let bytes = context::size(placed);
        Some(Layer {
            digest: sha256(&format!("blob {diff_id}")).into(),
            diff_id: diff_id.into(),
            size_bytes: bytes,
            download_bytes: bytes,
            files,
        })
    }

    /// A container for an instruction: RUN runs in it, the others only borrow it.
    fn classic_container(
        &mut self,
        ticket: u64,
        (key, created_by): (String, String),
        planned: Planned,
        action: Option<&Action>,
        env: &mut Env<'_, '_>,
    ) {
        let Some(build) = self.builder.classics.get(&ticket) else { return };
        let parent = build.image.as_ref().map_or_else(String::new, |i| i.id.to_string());
        let shell = |text: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()];
        let note = created_by.trim_start_matches("/bin/sh -c ");
        let mut config = ContainerConfig {
            image: parent,
            cmd: Some(shell(note)),
            entrypoint: Some(Vec::new()),
            attach: [false, true, true],
            ..ContainerConfig::default()
        };
        let runs = matches!(action, Some(Action::Run { .. }));
        if let Some(Action::Run { argv, env: variables, cwd, user }) = action {
            config.cmd = Some(argv.clone());
            config.env.clone_from(variables);
            config.working_dir.clone_from(cwd);
            config.user.clone_from(user);
        }
        let create = CreateConfig { config, host: HostConfig::default(), ..Default::default() };
        let id = match self.try_create("", create, env) {
            Ok((id, _)) => id,
            Err(error) => return self.classic_failed(ticket, 1, error.message, env),
        };
        self.classic_print(ticket, format!(" ---> Running in {}\n", short(&id)), env);
        if let Some(build) = self.builder.classics.get_mut(&ticket) {
            build.running = Some((id.clone(), key, planned));
        }
        if !runs {
            return self.classic_later(ticket, env);
        }
        let follower = Follower { ticket, next: 0, raw: true, streams: (true, true) };
        self.follow(&id, follower, env);
        if let Some(c) = self.containers.get_mut(&id) {
            c.waiters.push(Waiter::Build(ticket));
        }
        if let Err(error) = self.start(&id, true, env) {
            self.remove_now(&id, true, env);
            self.classic_failed(ticket, 1, error.message, env);
        }
    }

    /// The container of a RUN ended.
    pub(crate) fn classic_ran(&mut self, ticket: u64, code: i64, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.classics.get_mut(&ticket) else { return };
        if code == 0 {
            self.classic_lent(ticket, env);
            return;
        }
        let argv = build.running.take().and_then(|(id, ..)| self.containers.get(&id));
        let argv = argv.map(|c| c.argv.join(" ")).unwrap_or_default();
        let text = format!("The command '{argv}' returned a non-zero code: {code}");
        self.classic_failed(ticket, code, text, env);
    }

    /// The container of an instruction has done its part: keep what it made.
    fn classic_lent(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.classics.get_mut(&ticket) else { return };
        let Some((id, key, planned)) = build.running.take() else { return };
        let turn = build.next.checked_sub(1).and_then(|at| build.turns.get(at));
        let instruction = turn.and_then(|t| {
            let (stage, place) = t.place?;
            build.stages.get(stage)?.body.get(place?).cloned()
        });
        let Some(instruction) = instruction else { return };
        let action = planned.steps.last().map(|s| s.action.clone());
        let layer = match instruction.word.as_str() {
            "RUN" => {
                let machine_id = ContainerId::from(id.as_str());
                env.machines.commit_layer(&self.host, &machine_id).map(|mut layer| {
                    layer.diff_id = sha256(&format!("layer {key}")).into();
                    layer
                })
            }
            "WORKDIR" => {
                let mut placed = Placed::new();
                if let Some(Action::Workdir(path)) = &action {
                    let directory = crate::posix::Entry::Directory { mode: 0o755 };
                    placed.insert(path.clone(), directory);
                }
                self.classic_layer(ticket, &placed, &key)
            }
            _ => None,
        };
        let created_by = created_by(&instruction, &planned, &action, "");
        self.classic_print(
            ticket,
            format!(" ---> Removed intermediate container {}\n", short(&id)),
            env,
        );
        self.classic_commit(ticket, (&key, created_by), &planned, layer, env);
        self.remove_now(&id, true, env);
        self.classic_next(ticket, env);
    }

    /// The image of an instruction.
    fn classic_commit(
        &mut self,
        ticket: u64,
        (key, created_by): (&str, String),
        planned: &Planned,
        layer: Option<Layer>,
        env: &mut Env<'_, '_>,
    ) {
        let now = env.now();
        // Only a commit of a container tells of its image; COPY makes one quietly.
        let committed = !created_by.ends_with(' ');
        let Some(build) = self.builder.classics.get_mut(&ticket) else { return };
        let parent = build.image.clone();
        let mut image = parent.as_ref().map_or_else(
            || Image {
                id: "".into(),
                digest: "".into(),
                created: None,
                layers: Vec::new(),
                history: Vec::new(),
                config: Default::default(),
                catalogue: "".into(),
                assumed: false,
                author: String::new(),
            },
            |i| (**i).clone(),
        );
        image.history.push(HistoryEntry {
            created: Some(now),
            created_by,
            comment: String::new(),
            empty_layer: layer.is_none(),
        });
        image.layers.extend(layer);
        image.config = planned.config.clone();
        image.created = Some(now);
        image.digest = "".into();
        image.id = sha256(&format!("{key} {}", now.0)).into();
        let id = image.id.to_string();
        build.image = Some(Arc::new(image.clone()));
        if let Some(parent) = parent {
            self.parents.insert(id.clone(), parent.id.to_string());
        }
        self.builder.classic_cache.insert(key.to_owned(), id.clone());
        env.machines.add_image(&self.host, image, &[]);
        if committed {
            self.image_event(&id, "create", &id, env);
        }
        self.classic_print(ticket, format!(" ---> {}\n", short(&id)), env);
    }

    fn classic_done(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        let Some(build) = self.builder.classics.remove(&ticket) else { return };
        let id = build.image.map_or_else(String::new, |i| i.id.to_string());
        self.classic_print(ticket, format!("Successfully built {}\n", short(&id)), env);
        for tag in &build.config.tags {
            let Ok(reference) = ImageRef::parse(tag) else { continue };
            let tagged = reference.tagged();
            let _ = env.machines.tag(&self.host, &id, &tagged);
            self.image_event(&id, "tag", &tagged, env);
            self.classic_print(ticket, format!("Successfully tagged {tagged}\n"), env);
        }
        env.reply(ticket, Ok(Reply::ImageId(id)));
    }
}

/// The line of the history.
fn created_by(i: &Instruction, planned: &Planned, action: &Option<Action>, sum: &str) -> String {
    let sum = sum.trim_start_matches("sha256:");
    let note = planned.notes.last().map_or("", |n| n.created_by.as_str());
    match (i.word.as_str(), action) {
        ("RUN", Some(Action::Run { argv, .. })) => argv.join(" "),
        ("COPY" | "ADD", Some(Action::Copy { sources, target, .. })) => {
            let kind = match sources.as_slice() {
                [one] if one.ends_with('/') || one == "." => "dir",
                [_] => "file",
                _ => "multi",
            };
            format!("/bin/sh -c #(nop) {} {kind}:{sum} in {target} ", i.word)
        }
        ("WORKDIR", Some(Action::Workdir(path))) => {
            format!("/bin/sh -c #(nop) WORKDIR {path}")
        }
        ("EXPOSE", _) => {
            format!("/bin/sh -c #(nop)  EXPOSE {}", words::split(&i.rest).join(" "))
        }
        _ => format!("/bin/sh -c #(nop)  {note}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;

    #[test]
    fn contexts_are_counted_in_blocks() {
        let file =
            |n: usize| ContextFile { content: "x".repeat(n), mode: 0o644, modified: SimTime::ZERO };
        // Traces engine/31: three small files are 4.096kB.
        let three = [("a", 6), ("b", 9), ("c", 300)];
        let files = three.into_iter().map(|(name, n)| (name.to_owned(), file(n))).collect();
        assert_eq!(sent_bytes(&files), 4096);
        let one = [("Dockerfile".to_owned(), file(513))].into();
        assert_eq!(sent_bytes(&one), 512 + 1024 + 1024);
    }
}
