//! What the parts of one run of compose share: the project, what was observed, and the display.
//!
//! The display models docker compose v2.40.3 `pkg/progress`: plain lines without a terminal, lines
//! that are rewritten with one. Left out: the spinner's turning while nothing happens.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::time::SimTime;
use crate::compose::plan::Policy;
use crate::compose::project::Project;
use crate::docker::api::ContainerSummary;
use crate::shell::job::Io;

/// How an object is doing, for the display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Something goes on.
    Working,
    /// It is as wanted.
    Done,
    /// A remark.
    Warning,
    /// It went wrong.
    Error,
}

/// What the commands that change something are told.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag of the command line")]
pub(super) struct Settings {
    /// Named services.
    pub(super) services: Vec<String>,
    /// Policy for named services.
    pub(super) recreate: Policy,
    /// Policy for those they depend on.
    pub(super) recreate_dependencies: Policy,
    /// `--timeout`.
    pub(super) timeout: Option<i64>,
    /// `--remove-orphans`.
    pub(super) remove_orphans: bool,
    /// `--volumes`.
    pub(super) volumes: bool,
    /// `--build`.
    pub(super) build: bool,
    /// `--no-build`.
    pub(super) no_build: bool,
    /// `--no-cache`.
    pub(super) no_cache: bool,
    /// `--pull`.
    pub(super) pull: String,
    /// `--renew-anon-volumes`.
    pub(super) renew: bool,
    /// `--wait`.
    pub(super) wait: bool,
    /// `--wait-timeout`, in seconds.
    pub(super) wait_timeout: Option<u64>,
    /// `--rmi`.
    pub(super) images: String,
    /// `--dry-run`.
    pub(super) dry_run: bool,
    /// `--quiet`.
    pub(super) quiet: bool,
    /// `--quiet-build`.
    pub(super) quiet_build: bool,
    /// `--no-deps`.
    pub(super) alone: bool,
    /// Services whose containers stay as they are: those of a one-off container (`run`).
    pub(super) left_alone: BTreeSet<String>,
}

/// What the parts of a run share.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    /// The project.
    pub(super) project: Project,
    /// The project with all its services, for those that the command does not name.
    pub(super) settings: Settings,
    /// Ids of local images by service.
    pub(super) images: BTreeMap<String, String>,
    /// Services whose image is not there.
    pub(super) missing: Vec<String>,
    /// Containers of the project, as last listed.
    pub(super) containers: Vec<ContainerSummary>,
    /// Containers by service as the run has made them.
    pub(super) observed: BTreeMap<String, Vec<ContainerSummary>>,
    /// Warnings that wait for the first output.
    pub(super) started: SimTime,
    /// Whether lines are rewritten.
    pub(super) tty: bool,
    /// Whether nothing is shown.
    pub(super) silent: bool,
    /// The builds of this run, as they are shown.
    pub(super) bake: super::bake::Bake,
    lines: Vec<Line>,
    shown: u32,
    timers: u32,
}

#[derive(Clone, Debug)]
struct Line {
    id: String,
    text: String,
    mood: Mood,
    since: SimTime,
    until: Option<SimTime>,
}

impl Work {
    /// A tag for a timer.
    pub(super) fn next_timer(&mut self) -> u32 {
        self.timers += 1;
        self.timers
    }

    /// Shows what happens to an object.
    pub(super) fn event(&mut self, io: &mut Io<'_>, id: &str, text: &str, mood: Mood) {
        if self.silent {
            return;
        }
        if self.tty {
            self.rewrite(io, id, text, mood);
            return;
        }
        let prefix = if self.settings.dry_run { " DRY-RUN MODE - " } else { "" };
        io.err(format!("{prefix} {id}  {text}\n"));
    }

    /// Shows what happens to a container.
    pub(super) fn container(&mut self, io: &mut Io<'_>, name: &str, text: &str, mood: Mood) {
        self.event(io, &format!("Container {name}"), text, mood);
    }

    /// Shows a line about a service in the other plain form, with the text before the end.
    pub(super) fn service(&mut self, io: &mut Io<'_>, id: &str, text: &str, mood: Mood) {
        if self.silent {
            return;
        }
        if self.tty {
            self.rewrite(io, id, text, mood);
        } else {
            io.err(format!(" {id} {text} \n"));
        }
    }

    /// A warning of the client.
    pub(super) fn warn(&mut self, io: &mut Io<'_>, text: &str) {
        warn(io, self.tty, self.started, text);
        self.settle();
    }

    /// What was shown stays; what follows is new.
    pub(super) fn settle(&mut self) {
        self.lines.clear();
        self.shown = 0;
    }

    fn rewrite(&mut self, io: &mut Io<'_>, id: &str, text: &str, mood: Mood) {
        let now = io.now;
        let ended = (mood != Mood::Working).then_some(now);
        match self.lines.iter_mut().find(|l| l.id == id) {
            Some(line) => {
                text.clone_into(&mut line.text);
                line.mood = mood;
                line.until = ended;
            }
            None => self.lines.push(Line {
                id: id.to_owned(),
                text: text.to_owned(),
                mood,
                since: now,
                until: ended,
            }),
        }
        if self.shown > 0 {
            io.effects.push(crate::shell::job::Effect::Rewind(self.shown));
        }
        let done = self.lines.iter().filter(|l| l.mood == Mood::Done).count();
        let all = self.lines.len();
        let width = self.lines.iter().map(|l| l.id.chars().count()).max().unwrap_or(0);
        let mut screen = format!("[+] Running {done}/{all}\n");
        for line in &self.lines {
            let icon = match line.mood {
                Mood::Working => '⠋',
                Mood::Done => '✔',
                Mood::Warning => '!',
                Mood::Error => '✘',
            };
            let tenths = line.until.unwrap_or(now).since(line.since).as_millis() / 100;
            let (id, text) = (&line.id, &line.text);
            let time = format!("{}.{}s", tenths / 10, tenths % 10);
            let left = format!(" {icon} {id:width$}  {text}");
            // Times stand at the right side; a text that is too long is cut for them.
            let room = usize::from(io.width).saturating_sub(time.len() + 1);
            let left: String = left.chars().take(room.saturating_sub(1)).collect();
            screen.push_str(&format!("{left:room$}{time}\n"));
        }
        self.shown = u32::try_from(all + 1).unwrap_or(u32::MAX);
        io.err(screen);
    }
}

/// A warning in the form of logrus: with the time where there is no terminal.
pub(super) fn warn(io: &mut Io<'_>, tty: bool, started: SimTime, text: &str) {
    if tty {
        let seconds = io.now.since(started).as_secs();
        io.err(format!("WARN[{seconds:04}] {text} \n"));
        return;
    }
    let time = io.now.rfc3339();
    let quoted = crate::compose::values::go_quote(text);
    io.err(format!("time=\"{time}\" level=warning msg={quoted}\n"));
}
