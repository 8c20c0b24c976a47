//! Prunes, which ask first.

use crate::docker::api::{Filters, PruneReport, Reply, Request};
use crate::docker::{ago, human_size};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::{One, filters};
use crate::shell::docker::life::reclaimed;
use crate::shell::job::{Io, Ticket, Wake};

const FORCE: Flag = flag("force", 'f', Kind::Bool, "Do not prompt for confirmation");
const FILTER: Flag =
    flag("filter", ' ', Kind::List, "Provide filter values (e.g. \"until=<timestamp>\")");

const fn spec(path: &'static str, about: &'static str, flags: &'static [Flag]) -> Spec {
    Spec { path, usage: "[OPTIONS]", about, count: Count::None, stop_at_argument: false, flags }
}

pub(crate) const CONTAINER: Spec =
    spec("container prune", "Remove all stopped containers", &[FILTER, FORCE]);
pub(crate) const IMAGE: Spec = spec(
    "image prune",
    "Remove unused images",
    &[
        flag("all", 'a', Kind::Bool, "Remove all unused images, not just dangling ones"),
        FILTER,
        FORCE,
    ],
);
pub(crate) const NETWORK: Spec =
    spec("network prune", "Remove all unused networks", &[FILTER, FORCE]);
pub(crate) const BUILDER: Spec = spec(
    "builder prune",
    "Remove build cache",
    &[
        flag("all", 'a', Kind::Bool, "Remove all unused build cache, not just dangling ones"),
        FILTER,
        FORCE,
    ],
);
pub(crate) const VOLUME: Spec = spec(
    "volume prune",
    "Remove unused local volumes",
    &[
        flag("all", 'a', Kind::Bool, "Remove all unused volumes, not just anonymous ones"),
        FILTER,
        FORCE,
    ],
);
pub(crate) const SYSTEM: Spec = spec(
    "system prune",
    "Remove unused data",
    &[
        flag("all", 'a', Kind::Bool, "Remove all unused images not just dangling ones"),
        FILTER,
        FORCE,
        flag("volumes", ' ', Kind::Bool, "Prune anonymous volumes"),
    ],
);

/// What is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Containers,
    Images,
    Networks,
    Volumes,
}

/// A prune on its way.
#[derive(Clone, Debug)]
pub(crate) struct Prune {
    waiting: Vec<(What, Request)>,
    current: Option<(What, Ticket)>,
    asking: bool,
    system: bool,
    total: u64,
}

impl What {
    const fn title(self) -> &'static str {
        match self {
            Self::Containers => "Deleted Containers:",
            Self::Images => "Deleted Images:",
            Self::Networks => "Deleted Networks:",
            Self::Volumes => "Deleted Volumes:",
        }
    }
}

fn begin(
    parsed: &Parsed,
    warning: &str,
    mut requests: Vec<(What, Request)>,
    system: bool,
    io: &mut Io<'_>,
) -> State {
    requests.reverse();
    let asking = !parsed.is("force");
    let mut prune = Prune { waiting: requests, current: None, asking, system, total: 0 };
    if asking {
        io.out(format!("{warning}\nAre you sure you want to continue? [y/N] "));
        if let Some(text) = io.stdin.map(str::to_owned).or((!io.open).then(String::new)) {
            prune.answer(&text, io);
        }
    } else {
        prune.next(io);
    }
    State::Prune(prune)
}

fn filters_or_fail(parsed: &Parsed, io: &mut Io<'_>) -> Result<Filters, Box<State>> {
    filters(parsed).map_err(|text| Box::new(State::fail(&text, 125, io)))
}

pub(crate) fn containers(parsed: Parsed, io: &mut Io<'_>) -> State {
    let filters = match filters_or_fail(&parsed, io) {
        Ok(filters) => filters,
        Err(state) => return *state,
    };
    let warning = "WARNING! This will remove all stopped containers.";
    let requests = vec![(What::Containers, Request::ContainersPrune { filters })];
    begin(&parsed, warning, requests, false, io)
}

pub(crate) fn images(parsed: Parsed, io: &mut Io<'_>) -> State {
    let mut filters = match filters_or_fail(&parsed, io) {
        Ok(filters) => filters,
        Err(state) => return *state,
    };
    let all = parsed.is("all");
    filters.insert("dangling".to_owned(), vec![(!all).to_string()]);
    let warning = if all {
        "WARNING! This will remove all images without at least one container associated to them."
    } else {
        "WARNING! This will remove all dangling images."
    };
    begin(&parsed, warning, vec![(What::Images, Request::ImagesPrune { filters })], false, io)
}

pub(crate) fn networks(parsed: Parsed, io: &mut Io<'_>) -> State {
    let filters = match filters_or_fail(&parsed, io) {
        Ok(filters) => filters,
        Err(state) => return *state,
    };
    let warning =
        "WARNING! This will remove all custom networks not used by at least one container.";
    begin(&parsed, warning, vec![(What::Networks, Request::NetworksPrune { filters })], false, io)
}

/// `builder prune`; it asks nothing here, as `-f` is what everybody types.
pub(crate) fn builder(parsed: Parsed, io: &mut Io<'_>) -> State {
    State::One(One::ask(parsed, Request::BuildPrune, print_records, io))
}

fn print_records(_: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::BuildPruned(records) = reply else { return 1 };
    if !records.is_empty() {
        io.out("ID\t\t\t\t\t\tRECLAIMABLE\tSIZE\t\tLAST ACCESSED\n");
    }
    // The first row is set together with the heading, which is wider.
    let mut gap = "\t\t";
    let mut total = 0;
    for (id, bytes, at) in records {
        let (size, age) = (human_size(bytes), ago(io.now.since(at)));
        io.out(format!("{id:<40}\ttrue {gap}{size:<10}\t{age}\n"));
        gap = "\t";
        total += bytes;
    }
    io.out(format!("Total:\t{}\n", human_size(total)));
    0
}

pub(crate) fn volumes(parsed: Parsed, io: &mut Io<'_>) -> State {
    let mut filters = match filters_or_fail(&parsed, io) {
        Ok(filters) => filters,
        Err(state) => return *state,
    };
    let warning = if parsed.is("all") {
        filters.insert("all".to_owned(), vec!["true".to_owned()]);
        "WARNING! This will remove all local volumes not used by at least one container."
    } else {
        "WARNING! This will remove anonymous local volumes not used by at least one container."
    };
    begin(&parsed, warning, vec![(What::Volumes, Request::VolumesPrune { filters })], false, io)
}

pub(crate) fn system(parsed: Parsed, io: &mut Io<'_>) -> State {
    let filters = match filters_or_fail(&parsed, io) {
        Ok(filters) => filters,
        Err(state) => return *state,
    };
    let all = parsed.is("all");
    let mut lines =
        vec!["all stopped containers", "all networks not used by at least one container"];
    if parsed.is("volumes") {
        lines.push("all anonymous volumes not used by at least one container");
    }
    lines.push(if all {
        "all images without at least one container associated to them"
    } else {
        "all dangling images"
    });
    lines.push(if all { "all build cache" } else { "unused build cache" });
    let mut warning = String::from("WARNING! This will remove:\n");
    for line in lines {
        warning.push_str(&format!("  - {line}\n"));
    }
    let mut image_filters = filters.clone();
    image_filters.insert("dangling".to_owned(), vec![(!all).to_string()]);
    let mut requests = vec![
        (What::Containers, Request::ContainersPrune { filters: filters.clone() }),
        (What::Networks, Request::NetworksPrune { filters: filters.clone() }),
    ];
    if parsed.is("volumes") {
        requests.push((What::Volumes, Request::VolumesPrune { filters }));
    }
    requests.push((What::Images, Request::ImagesPrune { filters: image_filters }));
    begin(&parsed, &warning, requests, true, io)
}

impl Prune {
    /// Whether it waits for an answer.
    pub(crate) const fn asks(&self) -> bool {
        self.asking
    }

    fn answer(&mut self, text: &str, io: &mut Io<'_>) {
        self.asking = false;
        let word = text.lines().next().unwrap_or("").trim().to_lowercase();
        if word == "y" || word == "yes" {
            self.next(io);
        } else {
            // Whoever declines is told nothing, and it is no failure.
            io.exit(0);
        }
    }

    fn next(&mut self, io: &mut Io<'_>) {
        match self.waiting.pop() {
            Some((what, request)) => {
                let ticket = io.ask_docker(request);
                self.current = Some((what, ticket));
            }
            None => {
                if self.system {
                    io.out(reclaimed(self.total));
                }
                io.exit(0);
            }
        }
    }

    /// Go on; a state if this one is over.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) -> Option<State> {
        match wake {
            Wake::Stdin(text) if self.asking => {
                self.answer(&text.unwrap_or_default(), io);
            }
            Wake::Docker(ticket, result) => {
                let (what, _) = self.current.filter(|(_, t)| *t == ticket)?;
                match result {
                    Ok(Reply::Pruned(report)) => {
                        self.report(what, &report, io);
                        self.next(io);
                    }
                    Ok(_) => self.next(io),
                    Err(error) => {
                        io.err(format!("{}\n", error.client_text()));
                        io.exit(1);
                    }
                }
            }
            Wake::Signal(signal) => io.exit(128 + signal),
            Wake::Start | Wake::Kube(..) | Wake::Net(..) | Wake::Timer(_) | Wake::Stdin(_) => {}
        }
        None
    }

    fn report(&mut self, what: What, report: &PruneReport, io: &mut Io<'_>) {
        self.total += report.reclaimed;
        if !report.deleted.is_empty() {
            let lines: String = report.deleted.iter().map(|d| format!("{d}\n")).collect();
            io.out(format!("{}\n{lines}\n", what.title()));
        }
        if !self.system && what != What::Networks {
            io.out(reclaimed(report.reclaimed));
        }
    }
}
