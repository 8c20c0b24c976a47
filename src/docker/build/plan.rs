//! From instructions to stages and steps (BuildKit `frontend/dockerfile/dockerfile2llb`).

use std::collections::BTreeMap;

use crate::base::graph::Needs;
use crate::base::time::SimDuration;
use crate::docker::build::dockerfile::{Instruction, Problem};
use crate::docker::build::words;
use crate::docker::reference::ImageRef;
use crate::machine::{Healthcheck, ImageConfig};
use crate::posix::normal;

/// What a stage begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// An image by its full familiar name.
    Image(String),
    /// An earlier stage.
    Stage(usize),
    /// Nothing.
    Scratch,
}

/// A stage before its instructions are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Name for people; empty for the only stage without a name.
    pub(crate) label: String,
    /// Name of `AS`, lower case.
    pub(crate) name: String,
    pub(crate) base: Base,
    pub(crate) from_lines: (usize, usize),
    pub(crate) body: Vec<Instruction>,
}

/// Where COPY takes files from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Context,
    Stage(usize),
    Image(String),
}

/// A step that makes files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Workdir(String),
    Copy {
        from: Source,
        sources: Vec<String>,
        target: String,
        is_dir: bool,
        mode: Option<u32>,
        /// Archives of the context are unpacked (`ADD`).
        unpack: bool,
        /// Files written in the Dockerfile.
        inline: Vec<(String, String)>,
    },
    Run {
        argv: Vec<String>,
        env: Vec<String>,
        cwd: String,
        user: String,
    },
}

/// A step with what is shown about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) action: Action,
    /// Text after the counter.
    pub(crate) text: String,
    pub(crate) lines: (usize, usize),
}

/// One line of the history to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) created_by: String,
    /// Whether the next step's layer belongs to it.
    pub(crate) layer: bool,
}

/// A stage with all that is known once its base is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) steps: Vec<Step>,
    pub(crate) config: ImageConfig,
    pub(crate) notes: Vec<Note>,
}

type Values = BTreeMap<String, String>;

/// ARGs that BuildKit sets by itself.
fn platform_args() -> Values {
    let pairs = [
        ("BUILDPLATFORM", "linux/amd64"),
        ("BUILDOS", "linux"),
        ("BUILDARCH", "amd64"),
        ("TARGETPLATFORM", "linux/amd64"),
        ("TARGETOS", "linux"),
        ("TARGETARCH", "amd64"),
    ];
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// Cut a file into stages; the ARGs before the first FROM come too.
pub(crate) fn stages(
    instructions: &[Instruction],
    given: &Values,
) -> Result<(Vec<Stage>, Values), Problem> {
    let mut globals = platform_args();
    let mut stages: Vec<Stage> = Vec::new();
    let count = instructions.iter().filter(|i| i.word == "FROM").count();
    for instruction in instructions {
        if instruction.word == "FROM" {
            let index = stages.len();
            let stage = from(instruction, &stages, &globals, index, count)?;
            stages.push(stage);
        } else if let Some(stage) = stages.last_mut() {
            stage.body.push(instruction.clone());
        } else if instruction.word == "ARG" {
            for (name, value) in arg_pairs(&instruction.rest) {
                let default = value.map(|v| words::expand(&v, &globals));
                if let Some(value) = given.get(&name).cloned().or(default) {
                    globals.insert(name, value);
                }
            }
        } else {
            return Err(Problem::at(instruction.lines, "no build stage in current context"));
        }
    }
    if stages.is_empty() {
        let lines = instructions.first().map_or((1, 1), |i| i.lines);
        return Err(Problem::at(lines, "no build stage in current context"));
    }
    Ok((stages, globals))
}

fn from(
    instruction: &Instruction,
    earlier: &[Stage],
    globals: &Values,
    index: usize,
    count: usize,
) -> Result<Stage, Problem> {
    let lines = instruction.lines;
    let mut parts = instruction.rest.split_whitespace();
    let written = parts.next().unwrap_or("");
    let name = match (parts.next(), parts.next()) {
        (Some(word), Some(name)) if word.eq_ignore_ascii_case("as") => name.to_lowercase(),
        (None, None) => String::new(),
        _ => return Err(Problem::parse(lines, "FROM requires either one or three arguments")),
    };
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if !(name.is_empty() || starts && name.chars().all(inner)) {
        let why = format!(
            "invalid name for build stage: {name:?}, name can't start with a number or contain \
             symbols"
        );
        return Err(Problem::parse(lines, &why));
    }
    let image = words::split(&words::expand(written, globals)).concat();
    if image.is_empty() {
        let message = format!("base name ({written}) should not be blank");
        return Err(Problem::at(lines, message));
    }
    let base = if image == "scratch" {
        Base::Scratch
    } else if let Some(at) = earlier.iter().position(|s| s.name == image.to_lowercase()) {
        Base::Stage(at)
    } else {
        let reference = ImageRef::parse(&image).map_err(|why| {
            Problem::at(lines, format!("failed to parse stage name {image:?}: {why}"))
        })?;
        Base::Image(reference.tagged())
    };
    let label = match (name.is_empty(), count > 1) {
        (true, true) => format!("stage-{index}"),
        _ => name.clone(),
    };
    Ok(Stage { label, name, base, from_lines: lines, body: Vec::new() })
}

/// `NAME` and `NAME=value` of ARG.
fn arg_pairs(rest: &str) -> Vec<(String, Option<String>)> {
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word, None),
    };
    words::split(rest).into_iter().map(pair).collect()
}

/// The stage that is wanted, and all that it needs, in order.
pub(crate) fn needed(stages: &[Stage], target: &str) -> Result<(usize, Vec<usize>), String> {
    let last = stages.len().saturating_sub(1);
    let wanted = if target.is_empty() {
        last
    } else {
        let lower = target.to_lowercase();
        let by_name = stages.iter().position(|s| s.name == lower);
        by_name.ok_or_else(|| format!("target stage {target:?} could not be found"))?
    };
    let needs = needs(stages);
    let reached = needs.reached(wanted);
    Ok((wanted, needs.order().into_iter().filter(|at| reached.contains(at)).collect()))
}

/// Refuse stages that need each other (BuildKit `hasCircularDependency`).
pub(crate) fn circular(stages: &[Stage]) -> Result<(), Problem> {
    let ring = needs(stages).ring();
    let Some(stage) = ring.and_then(|ring| stages.get(ring.from)) else { return Ok(()) };
    let message = format!("circular dependency detected on stage: {}", stage.label);
    Err(Problem { message, lines: None })
}

/// Which stages need which: as their base, or to copy from.
fn needs(stages: &[Stage]) -> Needs {
    let mut pairs = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        if let Base::Stage(base) = stage.base {
            pairs.push((at, base));
        }
        for instruction in &stage.body {
            if let Source::Stage(from) = source_of(instruction, stages) {
                pairs.push((at, from));
            }
        }
    }
    Needs::new(stages.len(), pairs)
}

/// Where a COPY takes its files from; a stage may stand further down.
pub(crate) fn source_of(instruction: &Instruction, stages: &[Stage]) -> Source {
    let from = instruction.flags.iter().find(|(name, _)| name == "from").map(|(_, v)| v);
    match (instruction.word.as_str(), from) {
        ("COPY", Some(from)) => {
            let lower = from.to_lowercase();
            let found = stages.iter().position(|s| s.name == lower);
            let number = from.parse().ok().filter(|n| *n < stages.len());
            match found.or(number) {
                Some(stage) => Source::Stage(stage),
                None => {
                    let name = ImageRef::parse(from).map_or_else(|_| from.clone(), |r| r.tagged());
                    Source::Image(name)
                }
            }
        }
        _ => Source::Context,
    }
}

struct Dispatch<'a> {
    stages: &'a [Stage],
    globals: &'a Values,
    given: &'a Values,
    config: ImageConfig,
    /// ARGs in scope, in order.
    args: Vec<(String, String)>,
    steps: Vec<Step>,
    notes: Vec<Note>,
    cmd_set: bool,
}

/// Go through the instructions of a stage.
pub(crate) fn dispatch(
    stages: &[Stage],
    index: usize,
    globals: &Values,
    given: &Values,
    base: ImageConfig,
) -> Result<Planned, Problem> {
    let mut d = Dispatch {
        stages,
        globals,
        given,
        config: base,
        args: Vec::new(),
        steps: Vec::new(),
        notes: Vec::new(),
        cmd_set: false,
    };
    let triggers = std::mem::take(&mut d.config.on_build);
    for trigger in triggers {
        for instruction in crate::docker::build::dockerfile::parse(&trigger)? {
            d.one(&instruction)?;
        }
    }
    let body = stages.get(index).map(|s| s.body.clone()).unwrap_or_default();
    for instruction in &body {
        d.one(instruction)?;
    }
    Ok(Planned { steps: d.steps, config: d.config, notes: d.notes })
}

impl Dispatch<'_> {
    fn values(&self) -> Values {
        let mut values: Values = self.args.iter().cloned().collect();
        for entry in &self.config.env {
            if let Some((name, value)) = entry.split_once('=') {
                values.insert(name.to_owned(), value.to_owned());
            }
        }
        values
    }

    fn note(&mut self, created_by: String) {
        self.notes.push(Note { created_by, layer: false });
    }

    fn step(&mut self, action: Action, text: String, created_by: String, lines: (usize, usize)) {
        self.steps.push(Step { action, text, lines });
        self.notes.push(Note { created_by, layer: true });
    }

    fn shell(&self) -> Vec<String> {
        if self.config.shell.is_empty() {
            vec!["/bin/sh".to_owned(), "-c".to_owned()]
        } else {
            self.config.shell.clone()
        }
    }

    fn one(&mut self, i: &Instruction) -> Result<(), Problem> {
        let values = self.values();
        let expanded = words::expand(&i.rest, &values);
        let plain = words::split(&expanded).join(" ");
        match i.word.as_str() {
            "ARG" => self.arg(i),
            "ENV" => {
                let pairs = words::pairs(&expanded);
                for (name, value) in &pairs {
                    let entry = format!("{name}={value}");
                    let prefix = format!("{name}=");
                    match self.config.env.iter_mut().find(|e| e.starts_with(&prefix)) {
                        Some(slot) => *slot = entry,
                        None => self.config.env.push(entry),
                    }
                }
                self.note(format!("ENV {}", joined(&pairs)));
            }
            "LABEL" => {
                let pairs = words::pairs(&expanded);
                self.note(format!("LABEL {}", joined(&pairs)));
                self.config.labels.extend(pairs);
            }
            "WORKDIR" => {
                let base = if self.config.cwd.is_empty() { "/" } else { &self.config.cwd };
                let path = normal(base, &plain);
                self.config.cwd.clone_from(&path);
                let text = format!("WORKDIR {plain}");
                self.step(Action::Workdir(path.clone()), text, format!("WORKDIR {path}"), i.lines);
            }
            "USER" => {
                self.config.user.clone_from(&plain);
                self.note(format!("USER {plain}"));
            }
            "STOPSIGNAL" => {
                if crate::docker::signal_number(&plain).is_none() {
                    return Err(Problem::at(i.lines, format!("invalid signal: {plain}")));
                }
                self.config.stop_signal.clone_from(&plain);
                self.note(format!("STOPSIGNAL {plain}"));
            }
            "MAINTAINER" => self.note(format!("MAINTAINER {plain}")),
            "EXPOSE" => self.expose(&plain, i.lines)?,
            "VOLUME" => {
                let paths = i.json.clone().unwrap_or_else(|| words::split(&expanded));
                self.note(format!("VOLUME [{}]", paths.join(" ")));
                self.config.volumes.extend(paths);
                self.config.volumes.sort();
                self.config.volumes.dedup();
            }
            "SHELL" => {
                self.config.shell = i.json.clone().unwrap_or_default();
                self.note(format!("SHELL [{}]", self.config.shell.join(" ")));
            }
            "ONBUILD" => {
                self.config.on_build.push(i.rest.clone());
                self.note(format!("ONBUILD {}", i.rest));
            }
            "CMD" => {
                self.config.cmd = self.command(i);
                self.cmd_set = true;
                self.note(format!("CMD {}", quoted(&self.config.cmd)));
            }
            "ENTRYPOINT" => {
                self.config.entrypoint = self.command(i);
                if !self.cmd_set {
                    self.config.cmd.clear();
                }
                self.note(format!("ENTRYPOINT {}", quoted(&self.config.entrypoint)));
            }
            "HEALTHCHECK" => self.healthcheck(i)?,
            "RUN" => self.run(i),
            "COPY" | "ADD" => self.copy(i, &expanded)?,
            _ => {}
        }
        Ok(())
    }

    fn command(&self, i: &Instruction) -> Vec<String> {
        match &i.json {
            Some(words) => words.clone(),
            None if i.rest.is_empty() => Vec::new(),
            None => {
                let mut argv = self.shell();
                argv.push(i.rest.clone());
                argv
            }
        }
    }

    fn arg(&mut self, i: &Instruction) {
        let values = self.values();
        for (name, default) in arg_pairs(&i.rest) {
            let default = default.map(|v| words::expand(&v, &values));
            let value = self.given.get(&name).cloned().or(default);
            let value = value.or_else(|| self.globals.get(&name).cloned());
            let text = match &value {
                Some(value) => format!("ARG {name}={value}"),
                None => format!("ARG {name}"),
            };
            self.note(text);
            self.args.retain(|(have, _)| *have != name);
            if let Some(value) = value {
                self.args.push((name, value));
            }
        }
    }

    fn expose(&mut self, plain: &str, lines: (usize, usize)) -> Result<(), Problem> {
        let mut all = Vec::new();
        for word in plain.split_whitespace() {
            let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            let (Ok(low), Ok(high)) = (low.parse::<u16>(), high.parse::<u16>()) else {
                return Err(Problem::at(lines, format!("invalid containerPort: {range}")));
            };
            if !matches!(protocol, "tcp" | "udp" | "sctp") {
                return Err(Problem::at(lines, format!("invalid proto: {protocol}")));
            }
            all.extend((low..=high).map(|port| format!("{port}/{protocol}")));
        }
        let mut sorted = all.clone();
        sorted.sort();
        self.note(format!("EXPOSE [{}]", sorted.join(" ")));
        self.config.exposed_ports.extend(all);
        self.config.exposed_ports.sort();
        self.config.exposed_ports.dedup();
        Ok(())
    }

    fn healthcheck(&mut self, i: &Instruction) -> Result<(), Problem> {
        let check = healthcheck(i)?;
        let show = |d: Option<SimDuration>| d.unwrap_or_default().go_string();
        let (interval, timeout) = (show(check.interval), show(check.timeout));
        let (start, every) = (show(check.start_period), show(check.start_interval));
        let retries = check.retries.unwrap_or(0);
        let test = quoted(&check.test);
        self.note(format!(
            "HEALTHCHECK &{{{test} {interval:?} {timeout:?} {start:?} {every:?} '\\x{retries:02x}'}}"
        ));
        self.config.healthcheck = Some(check);
        Ok(())
    }

    fn run(&mut self, i: &Instruction) {
        let argv = match (&i.json, i.heredocs.first()) {
            (Some(words), _) => words.clone(),
            (None, Some((name, body))) => {
                let lone = i.rest.trim_start_matches("<<").trim_start_matches('-');
                let script = if lone.trim_matches(['"', '\'']) == name {
                    body.clone()
                } else {
                    format!("{}\n{body}{name}", i.rest)
                };
                let mut argv = self.shell();
                argv.push(script);
                argv
            }
            (None, None) => {
                let mut argv = self.shell();
                argv.push(i.rest.clone());
                argv
            }
        };
        let mut env = self.config.env.clone();
        let mut prefix = String::new();
        if !self.args.is_empty() {
            prefix = format!("|{} ", self.args.len());
            for (name, value) in &self.args {
                prefix.push_str(&format!("{name}={value} "));
                if !env.iter().any(|e| e.starts_with(&format!("{name}="))) {
                    env.push(format!("{name}={value}"));
                }
            }
        }
        let created_by = format!("RUN {prefix}{} # buildkit", argv.join(" "));
        let cwd = if self.config.cwd.is_empty() { "/".to_owned() } else { self.config.cwd.clone() };
        let user = self.config.user.clone();
        let text = written(i);
        self.step(Action::Run { argv, env, cwd, user }, text, created_by, i.lines);
    }

    fn copy(&mut self, i: &Instruction, expanded: &str) -> Result<(), Problem> {
        let mut list = match &i.json {
            Some(words) => words.iter().map(|w| words::expand(w, &self.values())).collect(),
            None => words::split(expanded),
        };
        let Some(target) = list.pop() else { return Ok(()) };
        let from = list.join(" ");
        let mut inline = Vec::new();
        for (name, body) in &i.heredocs {
            list.retain(|w| w.trim_start_matches("<<").trim_start_matches('-') != name);
            inline.push((name.clone(), body.clone()));
        }
        if i.word == "ADD" && list.iter().any(|s| s.contains("://") || s.ends_with(".git")) {
            let id = crate::stub!("docker.build.add-url", "ADD cannot fetch URLs.");
            return Err(Problem::at(i.lines, format!("not simulated: {id}")));
        }
        let created_by = format!("{} {from} {target} # buildkit", i.word);
        let is_dir = target.ends_with('/') || target == "." || target.ends_with("/.");
        let base = if self.config.cwd.is_empty() { "/" } else { &self.config.cwd };
        let mode = i.flags.iter().find(|(n, _)| n == "chmod");
        let action = Action::Copy {
            from: source_of(i, self.stages),
            sources: list,
            target: normal(base, &target),
            is_dir,
            mode: mode.and_then(|(_, v)| u32::from_str_radix(v, 8).ok()),
            unpack: i.word == "ADD",
            inline,
        };
        let text = words::expand(&written(i), &self.values());
        self.step(action, text, created_by.replace("  ", " "), i.lines);
        Ok(())
    }
}

/// The instruction as it was written, with its word in upper case.
pub(crate) fn written(i: &Instruction) -> String {
    let flags: String = i
        .flags
        .iter()
        .map(
            |(name, value)| {
                if value.is_empty() { format!("--{name} ") } else { format!("--{name}={value} ") }
            },
        )
        .collect();
    format!("{} {flags}{}", i.word, i.rest)
}

/// Read a HEALTHCHECK.
pub(crate) fn healthcheck(i: &Instruction) -> Result<Healthcheck, Problem> {
    let mut check = Healthcheck::default();
    for (name, value) in &i.flags {
        if name == "retries" {
            let retries = value.parse().map_err(|_| {
                Problem::parse(
                    i.lines,
                    &format!("strconv.ParseInt: parsing {value:?}: invalid syntax"),
                )
            })?;
            check.retries = Some(retries);
            continue;
        }
        let duration = SimDuration::parse_go(value)
            .ok_or_else(|| Problem::parse(i.lines, &format!("time: invalid duration {value:?}")))?;
        let slot = match name.as_str() {
            "interval" => &mut check.interval,
            "timeout" => &mut check.timeout,
            "start-period" => &mut check.start_period,
            "start-interval" => &mut check.start_interval,
            _ => return Err(Problem::parse(i.lines, &format!("unknown flag: {name}"))),
        };
        *slot = Some(duration);
    }
    let (kind, rest) = i.rest.split_once(char::is_whitespace).unwrap_or((&i.rest, ""));
    let rest = rest.trim();
    check.test = match kind.to_ascii_uppercase().as_str() {
        "NONE" => vec!["NONE".to_owned()],
        "CMD" => match words::json_array(rest) {
            Some(argv) => std::iter::once("CMD".to_owned()).chain(argv).collect(),
            None if rest.is_empty() => {
                return Err(Problem::parse(i.lines, "Missing command after HEALTHCHECK CMD"));
            }
            None => vec!["CMD-SHELL".to_owned(), rest.to_owned()],
        },
        other => {
            let why = format!("Unknown type {other:?} in HEALTHCHECK (try CMD)");
            return Err(Problem::parse(i.lines, &why));
        }
    };
    Ok(check)
}

/// `["a" "b"]`: Go's `%q` of a list.
fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|w| format!("{w:?}")).collect();
    format!("[{}]", words.join(" "))
}

fn joined(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::build::dockerfile;

    fn plan(text: &str, given: &[(&str, &str)]) -> (Vec<Stage>, Planned) {
        let given: Values = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (stages, globals) = stages(&dockerfile::parse(text).unwrap(), &given).unwrap();
        let last = stages.len() - 1;
        let planned = dispatch(&stages, last, &globals, &given, ImageConfig::default()).unwrap();
        (stages, planned)
    }

    #[test]
    fn history_as_recorded() {
        let text = "FROM busybox:1.36\nARG VERSION=dev\nENV VERSION=$VERSION\n\
                    LABEL a.b=$VERSION\nUSER 1000\nENTRYPOINT [\"cat\"]\nCMD [\"/files.txt\"]\n\
                    EXPOSE 8000\nRUN echo hi\n";
        let (_, planned) = plan(text, &[("VERSION", "2.0")]);
        let notes: Vec<&str> = planned.notes.iter().map(|n| n.created_by.as_str()).collect();
        assert_eq!(
            notes,
            [
                "ARG VERSION=2.0",
                "ENV VERSION=2.0",
                "LABEL a.b=2.0",
                "USER 1000",
                "ENTRYPOINT [\"cat\"]",
                "CMD [\"/files.txt\"]",
                "EXPOSE [8000/tcp]",
                "RUN |1 VERSION=2.0 /bin/sh -c echo hi # buildkit",
            ]
        );
    }

    #[test]
    fn stages_that_are_needed() {
        let text = "FROM a AS build\nFROM a AS test\nCOPY --from=build /x /x\nFROM a\n\
                    COPY --from=build /x /x\n";
        let (stages, _) = plan(text, &[]);
        assert_eq!(needed(&stages, "").unwrap(), (2, vec![0, 2]));
        assert_eq!(needed(&stages, "test").unwrap(), (1, vec![0, 1]));
        assert!(needed(&stages, "no").is_err());
        assert_eq!(stages[2].label, "stage-2");
        let text = "FROM a AS first\nCOPY --from=last /x /x\nFROM a AS last\n";
        let (stages, _) = plan(text, &[]);
        assert_eq!(needed(&stages, "first").unwrap(), (0, vec![1, 0]));
        // A target is a name (engine 28.5.2, tests/transcripts/docker/build.txt).
        assert!(needed(&stages, "0").is_err());
        assert!(circular(&stages).is_ok());
    }

    #[test]
    fn stages_that_need_each_other() {
        let text = "FROM scratch AS stage0\nCOPY --from=stage1 f1 /sub/\n\
                    FROM scratch AS stage1\nCOPY --from=stage2 f1 /sub/\n\
                    FROM scratch AS stage2\nCOPY --from=1 f1 /sub/\n";
        let (stages, _) = plan(text, &[]);
        let problem = circular(&stages).unwrap_err().message;
        assert_eq!(problem, "circular dependency detected on stage: stage0");
    }

    #[test]
    fn problems() {
        let given = Values::new();
        let problem =
            |text: &str| stages(&dockerfile::parse(text).unwrap(), &given).unwrap_err().message;
        assert_eq!(problem("RUN x\n"), "no build stage in current context");
        assert_eq!(
            problem("FROM BusyBox:1.36\n"),
            "failed to parse stage name \"BusyBox:1.36\": invalid reference format: repository name \
             (library/BusyBox) must be lowercase"
        );
    }
}
