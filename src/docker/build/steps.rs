//! Steps that make layers: WORKDIR, COPY, RUN.

use std::sync::Arc;

use crate::base::message::Message;
use crate::docker::api::{BuildEvent, Reply, StepEnd};
use crate::docker::build::context::{self, Placed};
use crate::docker::build::dockerfile::Problem;
use crate::docker::build::plan::{Action, Base, Source, Step};
use crate::docker::build::{Build, Record, RunStep, lines_of};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::images::sha256;
use crate::machine::{ContainerId, ContainerSpec, Image, Layer, Namespace};
use crate::posix::{Entry, Files, archive, normal};

const SIGKILL: u8 = 9;

/// The image that a stage stands on, if it stands on one.
fn image_below(build: &Build, stage: usize) -> Option<&Arc<Image>> {
    let mut at = stage;
    // Stages stand on earlier ones only.
    for _ in 0..build.stages.len() {
        match &build.stages.get(at)?.base {
            Base::Stage(below) => at = *below,
            Base::Image(name) => return build.bases.get(name),
            Base::Scratch => return None,
        }
    }
    None
}

/// Whether files come from a stage on an image whose tools the catalogue does not know: what they
/// make is taken to be there.
fn made_by_unknown_tools(build: &Build, from: &Source) -> bool {
    let Source::Stage(stage) = from else { return false };
    image_below(build, *stage).is_some_and(|image| image.assumed)
}

/// Put what is in archives in their place, below the target (`ADD x.tar /dir/`).
fn unpack_archives(placed: &mut Placed, target: &str) {
    let archives: Vec<(String, Vec<archive::Member>)> = placed
        .iter()
        .filter_map(|(path, entry)| match entry {
            Entry::File { content, .. } if content.get(257..262) == Some("ustar") => {
                archive::read(content).map(|(members, _)| (path.clone(), members))
            }
            Entry::File { .. } | Entry::Directory { .. } | Entry::Link(_) => None,
        })
        .collect();
    for (path, members) in archives {
        placed.remove(&path);
        for member in members {
            let to = normal(target, member.name.trim_end_matches('/'));
            let entry = match member.content {
                None => Entry::Directory { mode: member.mode },
                Some(_) if !member.link.is_empty() => Entry::Link(member.link.as_str().into()),
                Some(text) => Entry::file(text.as_str()),
            };
            placed.insert(to, entry);
        }
    }
}

impl Daemon {
    /// What a step puts into the image; `Err` names a source that is missing.
    fn placed(&self, build: &Build, stage: usize, step: &Step) -> Result<Placed, String> {
        let mut placed = Placed::new();
        match &step.action {
            Action::Workdir(path) => {
                let there = build.results.get(&stage).is_some_and(|s| s.files.get(path).is_some());
                if !there {
                    placed.insert(path.clone(), Entry::Directory { mode: 0o755 });
                }
            }
            Action::Copy { from, sources, target, is_dir, mode, unpack, inline } => {
                let tree = match from {
                    Source::Context => context::tree(&build.files),
                    Source::Stage(at) => {
                        build.results.get(at).map(|s| s.files.clone()).unwrap_or_default()
                    }
                    Source::Image(name) => {
                        build.bases.get(name).map(|i| i.files()).unwrap_or_default()
                    }
                };
                let own = build.results.get(&stage).map(|s| &s.files);
                let exists = own.and_then(|f| f.get(target));
                let into =
                    *is_dir || target == "/" || matches!(exists, Some(Entry::Directory { .. }));
                placed = match context::place(&tree, sources, target, into, *mode) {
                    Err(missing) if made_by_unknown_tools(build, from) => {
                        context::stand_in(&missing, target, into)
                    }
                    result => result?,
                };
                if *unpack {
                    unpack_archives(&mut placed, target);
                }
                for (name, text) in inline {
                    let path = if into { format!("{target}/{name}") } else { target.clone() };
                    placed.insert(path, Entry::file(text.as_str()));
                }
            }
            Action::Run { .. } => {}
        }
        Ok(placed)
    }

    /// The cache key of a step; `None` if its files are missing.
    pub(super) fn step_key(
        &self,
        build: &Build,
        stage: usize,
        step: &Step,
        parent: &str,
    ) -> Option<String> {
        let own = match &step.action {
            Action::Workdir(path) => format!("workdir {path}"),
            Action::Copy { target, is_dir, .. } => {
                let placed = self.placed(build, stage, step).ok()?;
                format!("copy {target} {is_dir} {}", context::checksum(&placed))
            }
            Action::Run { argv, env, cwd, user } => {
                format!("run {argv:?} {env:?} {cwd} {user}")
            }
        };
        Some(sha256(&format!("{parent} {own}")))
    }

    /// Do a step, or take it from the cache.
    pub(super) fn build_action(
        &mut self,
        ticket: u64,
        stage: usize,
        index: usize,
        env: &mut Env<'_, '_>,
    ) -> Result<(), Problem> {
        let Some(build) = self.builder.builds.get(&ticket) else { return Ok(()) };
        let Some(step) = build.planned.get(&stage).and_then(|p| p.steps.get(index)).cloned() else {
            return Ok(());
        };
        let parent = build.results.get(&stage).map(|s| s.key.clone()).unwrap_or_default();
        // Making a directory is not work that `--no-cache` repeats (engine/30).
        let no_cache = build.config.no_cache && !matches!(step.action, Action::Workdir(_));
        let placed = self.placed(build, stage, &step);
        let key = self.step_key(build, stage, &step, &parent);
        let title = format!("{}{}", self.counter(ticket, stage, Some(index)), step.text);
        let digest = key.clone().unwrap_or_else(|| format!("{ticket} {title}"));
        self.build_step(ticket, title, digest, env);
        let (placed, key) = match (placed, key) {
            (Ok(placed), Some(key)) => (placed, key),
            (Err(missing), _) => return self.missing_source(ticket, &step, &missing, env),
            (Ok(_), None) => return Ok(()),
        };
        let cached = self.builder.cache.get(&key).filter(|_| !no_cache).cloned();
        if let Some(record) = cached {
            self.keep(ticket, stage, key, record);
            self.build_later(ticket, Some(StepEnd::Cached), env);
            return Ok(());
        }
        if let Action::Run { argv, env: variables, cwd, user } = &step.action {
            let spec = ContainerSpec {
                argv: argv.clone(),
                env: variables.clone(),
                cwd: cwd.clone(),
                user: user.clone(),
                building: true,
                ..ContainerSpec::default()
            };
            return self.build_run(ticket, stage, key, &step, spec, env);
        }
        let Some(build) = self.builder.builds.get(&ticket) else { return Ok(()) };
        let mut files = build.results.get(&stage).map_or_else(Files::new, |s| s.files.clone());
        context::lay(&mut files, &placed);
        let diff_id = sha256(&format!("layer {key}"));
        let bytes = context::size(&placed);
        let layer = Layer {
            digest: sha256(&format!("blob {diff_id}")).into(),
            diff_id: diff_id.into(),
            size_bytes: bytes,
            download_bytes: bytes,
            files,
        };
        let record = Record { layer, created: env.now() };
        self.keep(ticket, stage, key, record);
        self.build_later(ticket, None, env);
        Ok(())
    }

    fn missing_source(
        &self,
        ticket: u64,
        step: &Step,
        missing: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<(), Problem> {
        let host = self.host.clone();
        let rng = env.cx.stream("build-ref", host.as_str());
        let reference = format!("{}::{}", crate::base::name::uuid(rng), rng.hex(25));
        let why =
            format!("failed to calculate checksum of ref {reference}: {missing:?}: not found");
        let number = self.builder.builds.get(&ticket).map_or(0, |b| b.number);
        let end = StepEnd::Error(why.clone());
        self.build_event(ticket, BuildEvent::End { step: number, end }, env);
        let message = format!("failed to compute cache key: {why}");
        Err(Problem { message, lines: lines_of(step) })
    }

    /// The result of a step becomes the state of its stage.
    fn keep(&mut self, ticket: u64, stage: usize, key: String, record: Record) {
        if let Some(build) = self.builder.builds.get_mut(&ticket)
            && let Some(snapshot) = build.results.get_mut(&stage)
        {
            snapshot.files = record.layer.files.clone();
            snapshot.layers.push(record.layer.clone());
            snapshot.key.clone_from(&key);
            snapshot.made.push(record.created);
            snapshot.created = Some(record.created);
        }
        self.builder.cache.insert(key, record);
    }

    fn build_run(
        &mut self,
        ticket: u64,
        stage: usize,
        key: String,
        step: &Step,
        mut spec: ContainerSpec,
        env: &mut Env<'_, '_>,
    ) -> Result<(), Problem> {
        let id = env.fresh_id("build-container");
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return Ok(()) };
        let Some(snapshot) = build.results.get(&stage) else { return Ok(()) };
        let argv = spec.argv.clone();
        let base = image_below(build, stage).cloned();
        // The runtime needs an image to run: the state so far, known only while it runs.
        let temporary = Image {
            id: sha256(&format!("build {id}")).into(),
            digest: "".into(),
            created: None,
            layers: snapshot.layers.clone(),
            history: Vec::new(),
            config: Default::default(),
            catalogue: base.as_ref().map(|b| b.catalogue.clone()).unwrap_or_default(),
            assumed: base.is_some_and(|b| b.assumed),
            author: String::new(),
        };
        spec.id = id.as_str().into();
        spec.namespace = Namespace::Moby;
        spec.name = "buildkitsandbox".into();
        spec.image = temporary.id.clone();
        spec.hostname = "buildkitsandbox".into();
        let image_id = temporary.id.clone();
        build.run = Some(RunStep {
            container: id.clone(),
            next: 0,
            output: Vec::new(),
            stage,
            key,
            lines: step.lines,
            argv,
        });
        let host = self.host.clone();
        env.machines.add_image(&host, temporary, &[]);
        let made = env.cx.within(|cx| env.machines.create(&host, spec, cx));
        env.machines.remove_image(&host, &image_id);
        let machine_id = ContainerId::from(id.as_str());
        env.machines.follow(&host, &machine_id, true);
        self.builder.runs.insert(id.clone(), ticket);
        if let Some(network) = self.find_network("bridge").map(|n| n.id.clone()) {
            let place = env.place(&id);
            let _ = env.fabric.attach(&network, &place, None, &[]);
        }
        env.record(&id, Message::new("why-docker-build-run").with("step", &step.text));
        let started = match made {
            Ok(()) => env.cx.within(|cx| env.machines.start(&host, &machine_id, cx)),
            Err(error) => Err(crate::machine::StartError { code: 128, message: error.to_string() }),
        };
        if let Err(error) = started {
            let code = error.code;
            if let Some(run) = self.builder.builds.get_mut(&ticket).and_then(|b| b.run.as_mut()) {
                run.output.push(error.message);
            }
            self.build_exited(&id, code, env);
        }
        Ok(())
    }

    /// New output of a RUN.
    pub(crate) fn build_logged(&mut self, container: &str, env: &mut Env<'_, '_>) {
        let Some(ticket) = self.builder.runs.get(container).copied() else { return };
        let machine_id = ContainerId::from(container);
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return };
        let (step, began) = (build.number, build.began);
        let Some(run) = &mut build.run else { return };
        let Some(log) = env.machines.logs(&self.host, &machine_id) else { return };
        let mut events = Vec::new();
        for line in log.iter_from(run.next) {
            let after = line.at.since(began);
            let millis = after.as_millis();
            run.output.push(format!("{}.{:03} {}", millis / 1000, millis % 1000, line.text));
            let text = line.text.to_string();
            events.push(BuildEvent::Output { step, after, text });
        }
        run.next = log.len();
        for event in events {
            self.build_event(ticket, event, env);
        }
    }

    /// A container ended; true if it belonged to a build.
    pub(crate) fn build_exited(&mut self, id: &str, code: u8, env: &mut Env<'_, '_>) -> bool {
        self.build_logged(id, env);
        let Some(ticket) = self.builder.runs.remove(id) else { return false };
        let host = self.host.clone();
        let machine_id = ContainerId::from(id);
        let layer = env.machines.commit_layer(&host, &machine_id);
        env.machines.follow(&host, &machine_id, false);
        let _ = env.machines.remove(&host, &machine_id);
        let place = env.place(id);
        env.fabric.remove_endpoint(&place);
        let now = env.now();
        let Some(build) = self.builder.builds.get_mut(&ticket) else { return true };
        let Some(run) = build.run.take() else { return true };
        let (step, took) = (build.number, now.since(build.began));
        if code == 0 {
            if let Some(mut layer) = layer {
                // Two equal results of different steps are different layers.
                layer.diff_id = sha256(&format!("layer {}", run.key)).into();
                self.keep(ticket, run.stage, run.key, Record { layer, created: now });
            }
            if let Some(build) = self.builder.builds.get_mut(&ticket) {
                build.ending = Some(StepEnd::Done(took));
            }
            self.build_due(ticket, env);
            return true;
        }
        let why = format!(
            "process {:?} did not complete successfully: exit code: {code}",
            run.argv.join(" ")
        );
        let end = StepEnd::Error(why.clone());
        self.build_event(ticket, BuildEvent::End { step, end }, env);
        self.build_failed(ticket, Problem::at(run.lines, why), env);
        true
    }

    /// Records and bytes of the cache: steps, bases, and what was sent of contexts.
    pub(crate) fn build_cache(&self) -> (u64, u64) {
        let records = self.builder.cache.len() + self.builder.used_bases.len();
        // A context is kept with its ignore file and its Dockerfile.
        let records = records + 3 * self.builder.sent.len();
        let bytes = self.builder.cache.values().map(|r| r.layer.size_bytes).sum();
        (records as u64, bytes)
    }

    /// Serve `POST /build/prune`: what no image holds goes.
    pub(crate) fn build_prune(&mut self, env: &Env<'_, '_>) -> Reply {
        let held: std::collections::BTreeSet<std::sync::Arc<str>> = env
            .machines
            .images(&self.host)
            .flat_map(|(image, _)| image.layers.iter().map(|l| l.diff_id.clone()))
            .collect();
        let mut gone = Vec::new();
        self.builder.cache.retain(|key, record| {
            let keep = held.contains(&record.layer.diff_id);
            if !keep {
                let id: String = key.trim_start_matches("sha256:").chars().take(25).collect();
                gone.push((id, record.layer.size_bytes, record.created));
            }
            keep
        });
        self.builder.sent.clear();
        self.builder.used_bases.clear();
        Reply::BuildPruned(gone)
    }

    /// Layers that the cache of the builder holds besides images.
    pub(crate) fn cached_layers(&self) -> std::collections::BTreeSet<std::sync::Arc<str>> {
        self.builder.cache.values().map(|r| r.layer.diff_id.clone()).collect()
    }

    /// The client of a build does not wait any more.
    pub(crate) fn build_forgotten(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        self.builder.classics.remove(&ticket);
        let Some(build) = self.builder.builds.remove(&ticket) else { return };
        if build.pulling.is_some() {
            env.machines.cancel_pull(&self.host, ticket);
        }
        if let Some(run) = build.run {
            let host = self.host.clone();
            let machine_id = ContainerId::from(run.container.as_str());
            let _ = env.cx.within(|cx| env.machines.kill(&host, &machine_id, SIGKILL, cx));
        }
    }
}
