//! `docker stats`.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::docker::api::{Filters, Reply, Request, Stats};
use crate::docker::{bytes_size, human_size3, short};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::format::List;
use crate::shell::job::{Effect, Io, Ticket, Wake};

pub(crate) const SPEC: Spec = Spec {
    path: "stats",
    usage: "[OPTIONS] [CONTAINER...]",
    about: "Display a live stream of container(s) resource usage statistics",
    count: Count::AtLeast(0),
    stop_at_argument: false,
    flags: &[
        flag("all", 'a', Kind::Bool, "Show all containers (default shows just running)"),
        flag("format", ' ', Kind::Text, "Format output using a custom template"),
        flag(
            "no-stream",
            ' ',
            Kind::Bool,
            "Disable streaming stats and only pull the first result",
        ),
        flag("no-trunc", ' ', Kind::Bool, "Do not truncate output"),
    ],
};

/// A running `stats`.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    parsed: Parsed,
    list: Option<Ticket>,
    /// Containers in order with their tickets and latest sample.
    rows: Vec<(Ticket, Option<Stats>)>,
    /// Lines on the screen.
    shown: u32,
}

pub(crate) fn stats(parsed: Parsed, io: &mut Io<'_>) -> State {
    let mut watch = Watch { parsed, list: None, rows: Vec::new(), shown: 0 };
    if watch.parsed.args.is_empty() {
        let all = watch.parsed.is("all");
        let filters = Filters::new();
        let request = Request::ContainerList { all, limit: None, filters, size: false };
        watch.list = Some(io.ask_docker(request));
    } else {
        let ids = watch.parsed.args.clone();
        watch.ask(&ids, io);
    }
    State::Stats(watch)
}

impl Watch {
    fn ask(&mut self, ids: &[String], io: &mut Io<'_>) {
        let stream = !self.parsed.is("no-stream");
        for id in ids {
            let ticket = io.ask_docker(Request::ContainerStats { id: id.clone(), stream });
            self.rows.push((ticket, None));
        }
        if ids.is_empty() {
            self.draw(io);
            if !stream {
                io.exit(0);
            }
        }
    }

    /// Go on.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, Ok(Reply::Containers(all))) if Some(ticket) == self.list => {
                let ids: Vec<String> = all.into_iter().map(|c| c.id).collect();
                self.ask(&ids, io);
            }
            Wake::Docker(ticket, Ok(Reply::Stats(stats))) => {
                if let Some(row) = self.rows.iter_mut().find(|(t, _)| *t == ticket) {
                    row.1 = Some(*stats);
                }
                let complete = self.rows.iter().all(|(_, s)| s.is_some());
                let last = self.rows.last().is_some_and(|(t, _)| *t == ticket);
                if self.parsed.is("no-stream") {
                    if complete {
                        self.draw(io);
                        io.exit(0);
                    }
                } else if complete && last {
                    self.draw(io);
                }
            }
            Wake::Docker(_, Err(error)) => {
                io.err(format!("{}\n", error.client_text()));
                io.exit(1);
            }
            Wake::Signal(signal) => io.exit(if signal == 2 { 0 } else { 128 + signal }),
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
    }

    fn draw(&mut self, io: &mut Io<'_>) {
        let trunc = !self.parsed.is("no-trunc");
        let entries: Vec<_> =
            self.rows.iter().filter_map(|(_, s)| s.as_ref()).map(|s| fields(s, trunc)).collect();
        match LIST.print(self.parsed.text("format"), false, &entries) {
            Ok(text) => {
                if self.shown > 0 {
                    io.effects.push(Effect::Rewind(self.shown));
                }
                self.shown = u32::try_from(text.matches('\n').count()).unwrap_or(0);
                io.out(text);
            }
            Err(text) => {
                io.err(format!("{text}\n"));
                io.exit(1);
            }
        }
    }
}

/// The list of loads.
pub(crate) const LIST: List<'static> = List {
    type_name: "*container.statsContext",
    headings: &[
        ("Container", "CONTAINER"),
        ("ID", "CONTAINER ID"),
        ("Name", "NAME"),
        ("CPUPerc", "CPU %"),
        ("MemUsage", "MEM USAGE / LIMIT"),
        ("MemPerc", "MEM %"),
        ("NetIO", "NET I/O"),
        ("BlockIO", "BLOCK I/O"),
        ("PIDs", "PIDS"),
    ],
    default_table: "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t\
                    {{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
    raw: "",
    quiet_field: "ID",
};

/// Hundredths of a percent as `12.34%`.
fn percent(hundredths: u64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Fields of one container's load.
pub(crate) fn fields(s: &Stats, trunc: bool) -> BTreeMap<String, Value> {
    let id = if trunc { short(&s.id) } else { &s.id };
    let memory = (s.memory_bytes * 10_000).checked_div(s.memory_limit).unwrap_or(0);
    let pair = |(a, b): (u64, u64)| format!("{} / {}", human_size3(a), human_size3(b));
    BTreeMap::from(
        [
            ("Container", Value::from(id)),
            ("ID", id.into()),
            ("Name", Value::from(&s.name)),
            ("CPUPerc", percent(s.cpu_millipercent / 10).into()),
            (
                "MemUsage",
                format!("{} / {}", bytes_size(s.memory_bytes), bytes_size(s.memory_limit)).into(),
            ),
            ("MemPerc", percent(memory).into()),
            ("NetIO", pair(s.network).into()),
            ("BlockIO", pair(s.block).into()),
            ("PIDs", s.pids.to_string().into()),
        ]
        .map(|(k, v): (&str, Value)| (k.to_owned(), v)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        assert_eq!(percent(0), "0.00%");
        assert_eq!(percent(5_081), "50.81%");
    }
}
