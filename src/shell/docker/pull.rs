//! `docker pull`, and the progress of pulls.

use std::collections::BTreeMap;

use crate::docker::api::{self, Reply, Request};
use crate::docker::{ImageRef, human_size};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::job::{Effect, Io, Ticket, Wake};

pub(crate) const SPEC: Spec = Spec {
    path: "pull",
    usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
    about: "Download an image from a registry",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        flag("all-tags", 'a', Kind::Bool, "Download all tagged images in the repository"),
        flag("disable-content-trust", ' ', Kind::Bool, "Skip image verification (default true)"),
        flag("platform", ' ', Kind::Text, "Set platform if server is multi-platform capable"),
        flag("quiet", 'q', Kind::Bool, "Suppress verbose output"),
    ],
};

/// What a pull shows: plain lines, or on a terminal one line per layer that changes in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    stderr: bool,
    lines: Vec<String>,
    index: BTreeMap<String, usize>,
}

impl Progress {
    /// For `docker run`.
    pub(crate) fn to_stderr() -> Self {
        Self { stderr: true, ..Self::default() }
    }

    fn write(&self, text: String, io: &mut Io<'_>) {
        if self.stderr { io.err(text) } else { io.out(text) }
    }

    /// Show a part.
    pub(crate) fn show(&mut self, part: &api::Progress, io: &mut Io<'_>) {
        let status = match part.bytes {
            Some((done, total)) => {
                format!("{}  {}", part.status, bar(done, total))
            }
            None => part.status.clone(),
        };
        let line = if part.id.is_empty() { status } else { format!("{}: {status}", part.id) };
        let is_layer = part.id.len() == 12 && part.id.chars().all(|c| c.is_ascii_hexdigit());
        if !io.tty || !is_layer {
            // Without a terminal the bytes are left out, and each state stands once.
            let quiet = part.bytes.is_some() || matches!(part.status.as_str(), "Waiting");
            if !(quiet && is_layer && !io.tty && part.bytes.is_some()) {
                self.write(format!("{line}\n"), io);
            }
            if !is_layer {
                self.lines.clear();
                self.index.clear();
            }
            return;
        }
        let rewind = u32::try_from(self.lines.len()).unwrap_or(0);
        match self.index.get(&part.id).and_then(|at| self.lines.get_mut(*at)) {
            Some(slot) => *slot = line,
            None => {
                self.index.insert(part.id.clone(), self.lines.len());
                self.lines.push(line);
            }
        }
        if rewind > 0 {
            io.effects.push(Effect::Rewind(rewind));
        }
        let text: String = self.lines.iter().map(|l| format!("{l}\n")).collect();
        self.write(text, io);
    }
}

/// `[====>    ]  1.2MB/3.4MB`.
fn bar(done: u64, total: u64) -> String {
    const WIDTH: u64 = 50;
    let filled = (done * WIDTH).checked_div(total).unwrap_or(WIDTH).min(WIDTH);
    let filled = usize::try_from(filled).unwrap_or(0);
    let blank = usize::try_from(WIDTH).unwrap_or(0) - filled;
    let head = if blank == 0 { "=" } else { ">" };
    let line = format!("{}{head}{}", "=".repeat(filled), " ".repeat(blank));
    format!("[{line}]  {}/{}", human_size(done), human_size(total))
}

/// A running `pull`.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    ticket: Ticket,
    quiet: bool,
    progress: Progress,
    name: String,
}

pub(crate) fn pull(parsed: Parsed, io: &mut Io<'_>) -> State {
    let name = parsed.args.first().cloned().unwrap_or_default();
    let reference = match ImageRef::parse(&name) {
        Ok(reference) => reference,
        Err(text) => return State::fail(&text, 1, io),
    };
    let all_tags = parsed.is("all-tags");
    if all_tags && reference.tag.is_some() {
        return State::fail("tag can't be used with --all-tags/-a", 1, io);
    }
    let quiet = parsed.is("quiet");
    if reference.tag.is_none() && reference.digest.is_none() && !all_tags && !quiet {
        io.out("Using default tag: latest\n");
    }
    let platform = parsed.text("platform").to_owned();
    let ticket = io.ask_docker(Request::ImagePull { name, platform, all_tags });
    let registry =
        if reference.registry.is_empty() { "docker.io" } else { reference.registry.as_str() };
    let path = if reference.registry.is_empty() && !reference.path.contains('/') {
        format!("library/{}", reference.path)
    } else {
        reference.path.clone()
    };
    let suffix = match (&reference.tag, &reference.digest) {
        (_, Some(digest)) => format!("@{digest}"),
        (Some(tag), None) => format!(":{tag}"),
        (None, None) => ":latest".to_owned(),
    };
    let name = format!("{registry}/{path}{suffix}");
    State::Pull(Pull { ticket, quiet, progress: Progress::default(), name })
}

impl Pull {
    /// Go on.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => match result {
                Ok(Reply::Progress(part)) => {
                    if !self.quiet {
                        self.progress.show(&part, io);
                    }
                }
                Ok(_) => {
                    io.out(format!("{}\n", self.name));
                    io.exit(0);
                }
                Err(error) => {
                    io.err(format!("{}\n", error.client_text()));
                    io.exit(1);
                }
            },
            Wake::Signal(signal) => {
                io.effects.push(Effect::Forget(self.ticket));
                io.exit(128 + signal);
            }
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
    }
}
