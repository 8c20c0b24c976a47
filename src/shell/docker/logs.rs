//! `docker logs`.

use crate::docker::api::{LogOptions, Reply, Request, Stream};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::text::{nano_time, parse_moment};
use crate::shell::job::{Io, Ticket, Wake};

pub(crate) const SPEC: Spec = Spec {
    path: "logs",
    usage: "[OPTIONS] CONTAINER",
    about: "Fetch the logs of a container",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        flag("details", ' ', Kind::Bool, "Show extra details provided to logs"),
        flag("follow", 'f', Kind::Bool, "Follow log output"),
        flag(
            "since",
            ' ',
            Kind::Text,
            "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" \
     for 42 minutes)",
        ),
        flag(
            "tail",
            'n',
            Kind::Text,
            "Number of lines to show from the end of the logs (default \"all\")",
        ),
        flag("timestamps", 't', Kind::Bool, "Show timestamps"),
        flag(
            "until",
            ' ',
            Kind::Text,
            "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" \
     for 42 minutes)",
        ),
    ],
};

/// A running `logs`.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    ticket: Ticket,
    times: bool,
}

pub(crate) fn logs(parsed: Parsed, io: &mut Io<'_>) -> State {
    let mut moments = [None, None];
    for (name, slot) in ["since", "until"].into_iter().zip(&mut moments) {
        if parsed.has(name) {
            let text = parsed.text(name);
            *slot = parse_moment(text, io.now);
            if slot.is_none() {
                let text = format!(
                    "invalid value for {name:?}: failed to parse value as time or duration: {text:?}"
                );
                return State::fail(&text, 1, io);
            }
        }
    }
    let options = LogOptions {
        stdout: true,
        stderr: true,
        follow: parsed.is("follow"),
        since: moments[0],
        until: moments[1],
        tail: parsed.text("tail").parse().ok(),
        details: parsed.is("details"),
    };
    let id = parsed.args.first().cloned().unwrap_or_default();
    let ticket = io.ask_docker(Request::ContainerLogs { id, options });
    State::Logs(Logs { ticket, times: parsed.is("timestamps") })
}

impl Logs {
    /// Go on.
    pub(crate) fn resume(&self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => match result {
                Ok(Reply::Log(line)) => {
                    let time =
                        if self.times { format!("{} ", nano_time(line.at)) } else { String::new() };
                    let text = format!("{time}{}\n", line.text);
                    match line.stream {
                        Stream::Stdout => io.out(text),
                        Stream::Stderr => io.err(text),
                    }
                }
                Ok(_) => io.exit(0),
                Err(error) => {
                    io.err(format!("{}\n", error.client_text()));
                    io.exit(1);
                }
            },
            Wake::Signal(signal) => io.exit(128 + signal),
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
    }
}
