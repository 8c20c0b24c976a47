//! Runs a declarative program: its steps, its answers, its reactions to signals.
//!
//! A program computes nothing between its steps, so an idle one costs no events.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::base::time::SimDuration;
use crate::machine::build;
use crate::machine::catalog::{Mode, Program, Reaction, Route, Step, matches};
use crate::machine::ids::Stream;
use crate::machine::io::Due;
use crate::machine::proc::{ALLOCATE, Birth, Body, Room, Work};
use crate::machine::resolve::{Found, env_value};
use crate::machine::traffic::{Answer, Errand, Incoming, Outgoing, Response};
use crate::posix::{FileSystem as _, Kind, normal, parent};

/// Most steps that a program takes at one moment.
const MAX_STEPS: usize = 1_000;
/// How long a program waits for a connection or an answer before it counts as failed.
const PATIENCE: SimDuration = SimDuration(10_000_000);

/// Where commands of unknown images are taken to be.
pub(super) const ASSUMED: &str = "/assumed/";
/// How compiled programs begin; what a build has compiled is a server.
pub(super) const COMPILED: &str = "\u{7f}ELF";

/// What a program is told.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Start,
    Timer(u32),
    Answered(Answer),
    Signal(u8),
}

/// A running program.
#[derive(Clone, Debug)]
pub(super) struct ProgramRun {
    program: Arc<Program>,
    mode: usize,
    args: Vec<String>,
    vars: Arc<BTreeMap<String, String>>,
    /// The next step.
    step: usize,
    /// The timer that it waits for.
    moment: u32,
    /// The running periodic line: its timer, step and count.
    tick: Option<(u32, usize, u64)>,
    listening: bool,
    /// It has begun to shut down.
    ending: bool,
}

impl Hash for ProgramRun {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { program: _, mode, args, vars, step, moment, tick, listening, ending } = self;
        (mode, args, vars, step, moment).hash(state);
        (tick, listening, ending).hash(state);
    }
}

impl ProgramRun {
    /// The program that a file of this container's image is, if the catalogue says so.
    pub(super) fn find(
        room: &Room<'_, '_>,
        path: &str,
        argv: &[String],
        env: &[String],
    ) -> Option<Self> {
        let (program, vars) = program_of(room, path)?;
        let args: Vec<String> = argv.iter().skip(1).cloned().collect();
        let fits = |mode: &Mode| {
            let mut have = args.iter();
            mode.args.iter().all(|pattern| have.next().is_some_and(|arg| matches(pattern, arg)))
                && mode.only.iter().all(|guard| simple_guard(guard, env, &args))
        };
        let mode = program.modes.iter().position(fits)?;
        Some(Self {
            program,
            mode,
            args,
            vars: Arc::new(vars),
            step: 0,
            moment: 0,
            tick: None,
            listening: false,
            ending: false,
        })
    }

    /// A program that nothing is known of, from an unknown image or a compiler: a well-behaved
    /// server on the declared ports, unless it is part of a build.
    pub(super) fn assumed(room: &Room<'_, '_>, path: &str, text: Option<&str>) -> Option<Self> {
        let compiled = text.is_some_and(|text| text.starts_with(COMPILED));
        if room.container.spec.building || !(compiled || path.starts_with(ASSUMED)) {
            return None;
        }
        let program = room.catalogue.programs.get("server")?.clone();
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        Some(Self {
            program,
            mode: 0,
            args: Vec::new(),
            vars: Arc::new([("name".to_owned(), name)].into()),
            step: 0,
            moment: 0,
            tick: None,
            listening: false,
            ending: false,
        })
    }

    fn mode(&self) -> Option<&Mode> {
        self.program.modes.get(self.mode)
    }
}

/// The catalogue's program for a file of the container's image, with the image's values.
pub(super) fn program_of(
    room: &Room<'_, '_>,
    path: &str,
) -> Option<(Arc<Program>, BTreeMap<String, String>)> {
    let image = &room.container.image;
    if image.assumed {
        let program = room.catalogue.programs.get("server")?.clone();
        let vars = [("name".to_owned(), room.container.spec.image.to_string())].into();
        return path.ends_with("/server").then_some((program, vars));
    }
    let (file, variant, tag) = build::entry(room.catalogue, &image.catalogue)?;
    let base = path.rsplit('/').next().unwrap_or("");
    let program = file.programs.get(path).or_else(|| {
        let same = |p: &&String| p.rsplit('/').next() == Some(base);
        file.programs.keys().find(same).and_then(|p| file.programs.get(p))
    })?;
    let program = room.catalogue.programs.get(program)?.clone();
    Some((program, build::vars(file, variant, &tag)))
}

/// Guards that need only environment and arguments.
fn simple_guard(guard: &str, env: &[String], args: &[String]) -> bool {
    let (negated, guard) = match guard.strip_prefix("no ") {
        Some(rest) => (true, rest),
        None => (false, guard),
    };
    let holds = match guard.split_once(' ') {
        Some(("env", entry)) => match entry.split_once('=') {
            Some((name, value)) => env_value(env, name) == Some(value),
            None => env_value(env, entry).is_some_and(|v| !v.is_empty()),
        },
        Some(("arg", arg)) => args.iter().any(|a| matches(arg, a)),
        _ => true,
    };
    holds != negated
}

impl Room<'_, '_> {
    /// What an entrypoint script runs in its own place, with the script's path.
    pub(super) fn delegated(&self, found: &Found, birth: &Birth) -> Option<(String, Vec<String>)> {
        let Found::Executable { path, script: None } = found else { return None };
        let (program, _) = program_of(self, path)?;
        let default = program.delegate.as_ref()?;
        let args = birth.argv.get(1..).unwrap_or(&[]);
        let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
        let bare = args.first().is_none_or(|first| first.starts_with('-'));
        let before: &[String] = if bare { default } else { &[] };
        let argv: Vec<String> = before.iter().chain(args).cloned().collect();
        (!argv.is_empty()).then(|| (path.clone(), argv))
    }

    /// A command that an image has, although the catalogue does not know what is in it. What is
    /// run in such a container by hand (`exec`) must be there.
    pub(super) fn assumed(&self, birth: &Birth) -> Option<Found> {
        let known = birth.exec.is_some() || !self.container.image.assumed;
        let name = birth.argv.first().filter(|name| !known && !name.is_empty())?;
        let base = name.rsplit('/').next().unwrap_or(name);
        Some(Found::Executable { path: format!("{ASSUMED}{base}"), script: None })
    }

    /// Tell a program something.
    pub(super) fn program(&mut self, process: u32, event: Event) {
        let Some(Body::Program(mut run)) = self.take_body(process, Body::is_program) else {
            return;
        };
        match event {
            Event::Start => {
                if let Some(mode) = run.mode() {
                    let memory = mode.memory_kb << 10;
                    let cpu = mode.cpu_milli;
                    if let Some(proc) = self.proc(process) {
                        proc.memory = memory;
                    }
                    self.set_cpu(process, cpu);
                }
                self.advance(process, &mut run);
            }
            Event::Timer(moment) if run.tick.as_ref().is_some_and(|t| t.0 == moment) => {
                self.tick(process, &mut run);
            }
            Event::Timer(moment) => {
                if moment == run.moment && !run.ending {
                    self.advance(process, &mut run);
                }
            }
            Event::Answered(answer) => self.answered(process, &mut run, &answer),
            Event::Signal(signal) => self.react(process, &mut run, signal),
        }
        if let Some(proc) = self.proc(process) {
            proc.body = Body::Program(run);
        }
    }

    /// Fill in `{…}`.
    fn fill(&self, process: u32, run: &ProgramRun, text: &str, more: &[(&str, &str)]) -> String {
        let proc = self.container.live.procs.get(&process);
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            let value = from.find('}').and_then(|end| {
                let key = from.get(1..end)?;
                let (key, default) = match key.split_once('|') {
                    Some((key, default)) => (key, Some(default)),
                    None => (key, None),
                };
                let env = proc.map_or(&[][..], |p| &p.env);
                let after = key.strip_prefix("after.").and_then(|flag| {
                    let at = run.args.iter().position(|arg| arg == flag)?;
                    run.args.get(at + 1).cloned()
                });
                let found = match key.strip_prefix("env.") {
                    Some(name) => {
                        let value = env_value(env, name).filter(|v| !v.is_empty());
                        Some(value.or(default).unwrap_or("").to_owned())
                    }
                    None if after.is_some() => after,
                    None => more
                        .iter()
                        .find(|(k, _)| *k == key)
                        .map(|(_, v)| (*v).to_owned())
                        .or_else(|| self.fact(key, proc.map_or(1, |p| p.pid)))
                        .or_else(|| run.vars.get(key).cloned())
                        .or_else(|| {
                            let index = key.parse::<usize>().ok()?.checked_sub(1)?;
                            run.args.get(index).cloned()
                        })
                        .or_else(|| default.map(str::to_owned)),
                };
                found.map(|value| (value, end))
            });
            match value {
                Some((value, end)) => {
                    out.push_str(&value);
                    rest = from.get(end + 1..).unwrap_or("");
                }
                None => {
                    out.push('{');
                    rest = from.get(1..).unwrap_or("");
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn fact(&self, key: &str, pid: u32) -> Option<String> {
        let spec = &self.container.spec;
        match key {
            "pid" => Some(pid.to_string()),
            "hostname" => Some(spec.hostname.clone()),
            "host" => Some(self.host.spec.name.to_string()),
            "now" => Some(self.cx.now.rfc3339()),
            _ => None,
        }
    }

    fn guards(&mut self, process: u32, run: &ProgramRun, guards: &[String]) -> bool {
        guards.iter().all(|guard| self.guard(process, run, guard))
    }

    fn guard(&mut self, process: u32, run: &ProgramRun, guard: &str) -> bool {
        let guard = self.fill(process, run, guard, &[]);
        let (negated, rest) = match guard.strip_prefix("no ") {
            Some(rest) => (true, rest),
            None => (false, guard.as_str()),
        };
        let Some(proc) = self.container.live.procs.get(&process) else { return false };
        let age = self.cx.now - proc.started;
        match rest.split_once(' ') {
            Some(("file", path)) => {
                let path = path.to_owned();
                self.with_files(|files| files.stat(&path).is_ok()) != negated
            }
            Some(("var", name)) => run.vars.contains_key(name) != negated,
            Some(("after", time)) => SimDuration::parse_go(time).is_some_and(|t| age >= t),
            Some(("before", time)) => SimDuration::parse_go(time).is_some_and(|t| age < t),
            _ => simple_guard(&guard, &proc.env, &run.args),
        }
    }

    /// Take steps until one waits.
    fn advance(&mut self, process: u32, run: &mut ProgramRun) {
        for _ in 0..MAX_STEPS {
            if !self.container.live.procs.contains_key(&process) || run.ending {
                return;
            }
            let program = run.program.clone();
            let Some(mode) = program.modes.get(run.mode) else { return };
            let Some(step) = mode.steps.get(run.step) else {
                if !run.listening && !mode.stay && run.tick.is_none() {
                    self.work.push_back(Work::Finish(process, 0));
                    run.ending = true;
                }
                return;
            };
            run.step += 1;
            if self.guards(process, run, &step.only) && !self.take_step(process, run, step) {
                return;
            }
        }
    }

    fn line(&mut self, process: u32, run: &ProgramRun, stream: Stream, text: &str) {
        let line = self.fill(process, run, text, &[]) + "\n";
        self.print(process, stream, line);
    }

    /// Take one step; false if the program waits now.
    fn take_step(&mut self, process: u32, run: &mut ProgramRun, step: &Step) -> bool {
        if let Some(text) = &step.log {
            self.line(process, run, Stream::Out, text);
        }
        if let Some(text) = &step.err {
            self.line(process, run, Stream::Err, text);
        }
        if let Some(file) = &step.write {
            let path = self.fill(process, run, &file.path, &[]);
            let text = self.fill(process, run, &file.text, &[]);
            let cwd = self.proc(process).map_or_else(|| "/".to_owned(), |p| p.cwd.clone());
            let path = normal(&cwd, &path);
            self.write_file(&path, &text);
            if file.executable {
                self.with_files(|files| {
                    let _ = files.chmod(&path, 0o755);
                });
            }
        }
        if let Some(mb) = &step.memory_mb {
            let mb: u64 = self.fill(process, run, mb, &[]).parse().unwrap_or(0);
            if let Some(proc) = self.proc(process) {
                proc.memory = proc.memory.saturating_add(mb << 20);
            }
            self.plan_oom();
            if self.container.live.oom_near {
                // It does not get past this allocation, unless the killer takes another process.
                run.moment = self.next_number();
                let moment = run.moment;
                self.timer(ALLOCATE + ALLOCATE, Due::Program { process, moment });
                return false;
            }
        }
        if let Some(kb) = &step.leak_kb {
            let kb: u64 = self.fill(process, run, kb, &[]).parse().unwrap_or(0);
            let now = self.cx.now;
            if let Some(proc) = self.proc(process) {
                proc.leak = Some((kb << 10, now));
            }
            self.plan_oom();
        }
        if let Some(milli) = &step.cpu_milli {
            let milli = self.fill(process, run, milli, &[]).parse().unwrap_or(0);
            self.set_cpu(process, milli);
        }
        if let Some(every) = &step.every {
            let period = SimDuration::parse_go(&self.fill(process, run, &every.period, &[]));
            if let Some(period) = period.filter(|p| p.0 > 0) {
                let moment = self.next_number();
                run.tick = Some((moment, run.step - 1, 1));
                self.timer(period, Due::Program { process, moment });
            }
        }
        if let Some(port) = &step.listen {
            return self.listen(process, run, step, port);
        }
        if let Some(code) = &step.exit {
            let code = self.fill(process, run, code, &[]).parse().unwrap_or(0);
            self.work.push_back(Work::Finish(process, code));
            run.ending = true;
            return false;
        }
        self.wait(process, run, step)
    }

    fn wait(&mut self, process: u32, run: &mut ProgramRun, step: &Step) -> bool {
        if let Some(time) = &step.sleep {
            let time = SimDuration::parse_go(&self.fill(process, run, time, &[]));
            run.moment = self.next_number();
            let moment = run.moment;
            self.timer(time.unwrap_or_default(), Due::Program { process, moment });
            return false;
        }
        if let Some(target) = &step.connect {
            let target = self.fill(process, run, target, &[]);
            let (host, port) = target.rsplit_once(':').unwrap_or((&target, "80"));
            let what = Errand::Tcp { host: host.to_owned(), port: port.parse().unwrap_or(80) };
            self.ask(process, Outgoing { what, timeout: Some(PATIENCE) });
            return false;
        }
        if let Some(url) = &step.fetch {
            let url = self.fill(process, run, url, &[]);
            let what = Errand::Http { method: "GET".to_owned(), url, body: String::new() };
            self.ask(process, Outgoing { what, timeout: Some(PATIENCE) });
            return false;
        }
        true
    }

    pub(super) fn write_file(&mut self, path: &str, text: &str) {
        let now = self.cx.now;
        self.with_files(|files| {
            let mut missing = Vec::new();
            let mut dir = parent(path);
            while dir != "/" && files.stat(dir).is_err() {
                missing.push(dir.to_owned());
                dir = parent(dir);
            }
            for dir in missing.iter().rev() {
                // A directory that cannot be made shows when the file is written.
                let _ = files.make_dir(dir);
            }
            let _ = files.write(path, text, now);
        });
    }

    fn listen(&mut self, process: u32, run: &mut ProgramRun, step: &Step, port: &str) -> bool {
        if port == "declared" && self.container.spec.building {
            // That it serves is only assumed; a step of a build comes to an end.
            self.work.push_back(Work::Finish(process, 0));
            run.ending = true;
            return false;
        }
        let ports: Vec<u16> = if port == "declared" {
            let exposed = self.container.image.config.exposed_ports.iter();
            let exposed = exposed.filter_map(|p| p.split('/').next()?.parse().ok());
            let mut ports: Vec<u16> =
                self.container.spec.declared_ports.iter().copied().chain(exposed).collect();
            if ports.is_empty() {
                ports.push(80);
            }
            ports
        } else {
            self.fill(process, run, port, &[]).parse().into_iter().collect()
        };
        let sandbox = self.container.sandbox();
        let id = self.container.spec.id.clone();
        for port in ports {
            let key = (sandbox.clone(), port);
            let taken =
                self.host.listeners.get(&key).is_some_and(|owner| *owner != (id.clone(), process));
            if taken {
                let port = port.to_string();
                let more = [("reason", "Address already in use"), ("port", port.as_str())];
                self.step_failed(process, run, step, step.failed.as_deref(), &more);
                return false;
            }
            self.host.listeners.insert(key, (id.clone(), process));
        }
        run.listening = true;
        true
    }

    fn step_failed(
        &mut self,
        process: u32,
        run: &mut ProgramRun,
        step: &Step,
        text: Option<&str>,
        more: &[(&str, &str)],
    ) {
        if let Some(text) = text {
            let line = self.fill(process, run, text, more) + "\n";
            self.print(process, Stream::Err, line);
        }
        if let Some(time) = &step.retry {
            let time = SimDuration::parse_go(&self.fill(process, run, time, &[]));
            run.step -= 1;
            run.moment = self.next_number();
            let moment = run.moment;
            self.timer(time.unwrap_or(SimDuration::from_secs(1)), Due::Program { process, moment });
            return;
        }
        let code = step.failed_exit.as_deref().unwrap_or("1");
        let code = self.fill(process, run, code, &[]).parse().unwrap_or(1);
        self.work.push_back(Work::Finish(process, code));
        run.ending = true;
    }

    fn answered(&mut self, process: u32, run: &mut ProgramRun, answer: &Answer) {
        if run.ending {
            return;
        }
        let program = run.program.clone();
        let Some(step) = run
            .step
            .checked_sub(1)
            .and_then(|at| program.modes.get(run.mode).and_then(|m| m.steps.get(at)))
        else {
            return;
        };
        let reason = match answer {
            Answer::Reached { .. } if step.connect.is_some() => None,
            Answer::Http { status: 200, .. } => None,
            Answer::Http { status, .. } => Some(format!("HTTP status {status}")),
            Answer::Reached { .. } | Answer::Addresses { .. } | Answer::Interfaces(_) => {
                Some("no answer".to_owned())
            }
            Answer::NoSuchHost { .. } => Some("Name or service not known".to_owned()),
            Answer::Refused { .. } => Some("Connection refused".to_owned()),
            Answer::TimedOut => Some("Connection timed out".to_owned()),
            Answer::Unreachable => Some("Network is unreachable".to_owned()),
            Answer::Reset => Some("Connection reset by peer".to_owned()),
        };
        let Some(reason) = reason else {
            self.advance(process, run);
            return;
        };
        let target = step.connect.as_ref().or(step.fetch.as_ref()).cloned().unwrap_or_default();
        let target = self.fill(process, run, &target, &[]);
        let host = target.rsplit_once(':').map_or(target.as_str(), |(h, _)| h).to_owned();
        let more = [("reason", reason.as_str()), ("target", &target), ("target_host", &host)];
        let unresolved = matches!(answer, Answer::NoSuchHost { .. });
        let text = if unresolved {
            step.unresolved.as_ref().or(step.failed.as_ref())
        } else {
            step.failed.as_ref()
        };
        self.step_failed(process, run, step, text.map(String::as_str), &more);
    }

    fn tick(&mut self, process: u32, run: &mut ProgramRun) {
        let Some((_, at, count)) = run.tick else { return };
        let program = run.program.clone();
        let step = program.modes.get(run.mode).and_then(|m| m.steps.get(at));
        let Some(every) = step.and_then(|s| s.every.as_ref()) else { return };
        let text = self.fill(process, run, &every.log, &[("tick", &count.to_string())]) + "\n";
        self.print(process, Stream::Out, text);
        let period = SimDuration::parse_go(&self.fill(process, run, &every.period, &[]));
        let moment = self.next_number();
        run.tick = Some((moment, at, count + 1));
        self.timer(period.unwrap_or(SimDuration::from_secs(1)), Due::Program { process, moment });
    }

    fn react(&mut self, process: u32, run: &mut ProgramRun, signal: u8) {
        let name = signal_name(signal);
        let program = run.program.clone();
        let mut reaction: Option<&Reaction> =
            program.modes.get(run.mode).and_then(|m| m.on.get(name));
        while let Some(candidate) = reaction {
            if self.guards(process, run, &candidate.only) {
                break;
            }
            reaction = candidate.or.as_deref();
        }
        let Some(reaction) = reaction else {
            self.default_action(process, signal);
            return;
        };
        if reaction.ignore || run.ending {
            return;
        }
        let number = signal.to_string();
        let signal_text = format!("SIG{name}");
        let more = [("signal", signal_text.as_str()), ("signo", number.as_str())];
        for (stream, text) in [(Stream::Out, &reaction.log), (Stream::Err, &reaction.err)] {
            if let Some(text) = text {
                let line = self.fill(process, run, text, &more) + "\n";
                self.print(process, stream, line);
            }
        }
        if let Some(code) = &reaction.exit {
            let code = self.fill(process, run, code, &[]).parse().unwrap_or(0);
            let after = reaction.after.as_ref().map(|t| self.fill(process, run, t, &[]));
            let after = after.and_then(|t| SimDuration::parse_go(&t)).unwrap_or_default();
            run.ending = true;
            self.timer(after, Due::Exit { process, code });
        }
    }

    /// A request reaches a listening program.
    pub(super) fn serve(&mut self, flow: u64, process: u32, port: u16, request: &Incoming) {
        let Some(Body::Program(run)) = self.take_body(process, Body::is_program) else {
            self.serve_tool(flow, process, request);
            return;
        };
        let (response, delay) = self.answer_of(process, &run, port, request);
        if let Some(proc) = self.proc(process) {
            proc.body = Body::Program(run);
        }
        self.timer(delay, Due::Respond { flow, process, response });
    }

    fn answer_of(
        &mut self,
        process: u32,
        run: &ProgramRun,
        port: u16,
        request: &Incoming,
    ) -> (Response, SimDuration) {
        let accept = SimDuration::from_micros(100);
        let Some(mode) = run.mode().cloned() else { return (Response::Refused, accept) };
        if request.method.is_empty() {
            return (Response::Connected, accept);
        }
        if mode.raw {
            return (Response::Reset, accept);
        }
        let path = request.path.split('?').next().unwrap_or("/").to_owned();
        let mut found = None;
        for route in &mode.http {
            let path_fits = route.path.is_empty() || matches(&route.path, &path);
            if path_fits && self.guards(process, run, &route.only) {
                found = Some(route.clone());
                break;
            }
        }
        let (status, ms, body) = match found {
            Some(Route { root: Some(root), ms, .. }) => {
                let (status, body) = self.static_file(&root, &path);
                (status, ms, Page::Ready(body))
            }
            Some(route) => (route.status, route.ms, Page::Pattern(route.body)),
            None => (404, [1, 3], Page::Ready("404 page not found\n".to_owned())),
        };
        let port = port.to_string();
        let status_text = status.to_string();
        let more = [
            ("peer", request.peer.as_str()),
            ("method", request.method.as_str()),
            ("path", request.path.as_str()),
            ("status", status_text.as_str()),
            ("port", port.as_str()),
        ];
        let body = match body {
            Page::Ready(text) => text,
            Page::Pattern(text) => self.fill(process, run, &text, &more),
        };
        if let Some(text) = &mode.access_log {
            let size = body.len().to_string();
            let more: Vec<(&str, &str)> =
                more.into_iter().chain([("size", size.as_str())]).collect();
            let line = self.fill(process, run, text, &more) + "\n";
            self.print(process, Stream::Out, line);
        }
        let actor = self.host.spec.name.clone();
        let stream = self.cx.stream("machine-answer", actor.as_str());
        let [low, high] = ms;
        let delay = SimDuration(stream.between(low * 1_000, high * 1_000));
        (Response::Http { status, body: body.into() }, delay)
    }
}

/// A body as it is, or with `{…}` to be filled in.
enum Page {
    Ready(String),
    Pattern(String),
}

impl Room<'_, '_> {
    /// A file below a directory, as a web server serves it.
    fn static_file(&mut self, root: &str, path: &str) -> (u16, String) {
        let page = |status: u16, text: &str| {
            (status, format!("<html><head><title>{status} {text}</title></head></html>\n"))
        };
        let path = normal("/", path);
        self.with_files(|files| {
            let mut place = format!("{root}{path}");
            if files.stat(&place).is_ok_and(|s| s.kind == Kind::Directory) {
                place = normal(&place, "index.html");
                if files.stat(&place).is_err() {
                    return page(403, "Forbidden");
                }
            }
            match files.read(&place) {
                Ok(text) => (200, text.to_string()),
                Err(_) => page(404, "Not Found"),
            }
        })
    }
}

/// Linux' names of the signals that programs commonly handle.
pub(super) fn signal_name(signal: u8) -> &'static str {
    match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        6 => "ABRT",
        9 => "KILL",
        10 => "USR1",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        28 => "WINCH",
        _ => "",
    }
}
