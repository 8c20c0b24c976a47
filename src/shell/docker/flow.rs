//! The two commonest shapes of a command: one question, and one question per argument.

use std::collections::BTreeMap;

use crate::docker::api::{ApiError, Filters, Reply, Request};
use crate::shell::docker::flags::Parsed;
use crate::shell::job::{Io, Ticket, Wake};

/// Prints a reply; the exit code.
pub(crate) type Printer = fn(&Parsed, Reply, &mut Io<'_>) -> u8;

/// One question and its answer.
#[derive(Clone, Debug)]
pub(crate) struct One {
    parsed: Parsed,
    ticket: Ticket,
    print: Printer,
}

impl One {
    /// Ask.
    pub(crate) fn ask(parsed: Parsed, request: Request, print: Printer, io: &mut Io<'_>) -> Self {
        let ticket = io.ask_docker(request);
        Self { parsed, ticket, print }
    }

    /// Go on.
    pub(crate) fn resume(&self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => match result {
                Ok(reply) => {
                    let code = (self.print)(&self.parsed, reply, io);
                    io.exit(code);
                }
                Err(error) => {
                    io.err(format!("{}\n", error.client_text()));
                    io.exit(1);
                }
            },
            Wake::Signal(_) => io.exit(130),
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
    }
}

/// What is printed for an argument that succeeded.
pub(crate) type Done = fn(&Parsed, &str, Reply, &mut Io<'_>);
/// The last line of a command with failures, if it has one: from the names that failed.
pub(crate) type Summary = fn(&[String]) -> Option<String>;
/// Whether an error is only a remark (exit 0).
pub(crate) type Forgive = fn(&Parsed, &ApiError) -> bool;

/// One question per argument, one after the other or all at once; answers are printed in the order
/// of the arguments.
#[derive(Clone, Debug)]
pub(crate) struct Each {
    parsed: Parsed,
    /// Arguments not asked yet.
    waiting: Vec<(String, Request)>,
    tickets: BTreeMap<Ticket, usize>,
    names: Vec<String>,
    answers: Vec<Option<Result<Reply, ApiError>>>,
    printed: usize,
    failed: Vec<String>,
    done: Done,
    summary: Summary,
    forgive: Forgive,
    parallel: bool,
}

/// Print the argument itself.
pub(crate) fn print_name(_: &Parsed, name: &str, _: Reply, io: &mut Io<'_>) {
    io.out(format!("{name}\n"));
}

/// Print nothing.
pub(crate) fn print_nothing(_: &Parsed, _: &str, _: Reply, _: &mut Io<'_>) {}

/// No last line.
pub(crate) fn no_summary(_: &[String]) -> Option<String> {
    None
}

/// Every error counts.
pub(crate) fn never(_: &Parsed, _: &ApiError) -> bool {
    false
}

impl Each {
    /// Begin.
    pub(crate) fn new(parsed: Parsed, requests: Vec<(String, Request)>, done: Done) -> Self {
        let names: Vec<String> = requests.iter().map(|(name, _)| name.clone()).collect();
        Self {
            parsed,
            answers: vec![None; names.len()],
            names,
            waiting: requests,
            tickets: BTreeMap::new(),
            printed: 0,
            failed: Vec::new(),
            done,
            summary: no_summary,
            forgive: never,
            parallel: false,
        }
    }

    /// All at once.
    pub(crate) const fn parallel(mut self) -> Self {
        self.parallel = true;
        self
    }

    /// With a last line.
    pub(crate) const fn summary(mut self, summary: Summary) -> Self {
        self.summary = summary;
        self
    }

    /// With errors that are only remarks.
    pub(crate) const fn forgive(mut self, forgive: Forgive) -> Self {
        self.forgive = forgive;
        self
    }

    /// Ask the first, or all.
    pub(crate) fn begin(mut self, io: &mut Io<'_>) -> Self {
        self.waiting.reverse();
        if self.parallel {
            while self.ask_next(io) {}
        } else {
            self.ask_next(io);
        }
        self.finish(io);
        self
    }

    fn ask_next(&mut self, io: &mut Io<'_>) -> bool {
        let Some((_, request)) = self.waiting.pop() else { return false };
        let index = self.names.len() - self.waiting.len() - 1;
        let ticket = io.ask_docker(request);
        self.tickets.insert(ticket, index);
        true
    }

    fn finish(&self, io: &mut Io<'_>) {
        if self.printed < self.names.len() {
            return;
        }
        if let Some(line) = (self.summary)(&self.failed)
            && !self.failed.is_empty()
        {
            io.err(format!("{line}\n"));
        }
        io.exit(u8::from(!self.failed.is_empty()));
    }

    /// Go on.
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        let (ticket, result) = match wake {
            Wake::Docker(ticket, result) => (ticket, result),
            Wake::Signal(_) => return io.exit(130),
            Wake::Start | Wake::Kube(..) | Wake::Net(..) | Wake::Timer(_) | Wake::Stdin(_) => {
                return;
            }
        };
        let Some(index) = self.tickets.remove(&ticket) else { return };
        if let Some(slot) = self.answers.get_mut(index) {
            *slot = Some(result);
        }
        while let Some(answer) = self.answers.get_mut(self.printed).and_then(Option::take) {
            let name = self.names.get(self.printed).cloned().unwrap_or_default();
            self.printed += 1;
            match answer {
                Ok(reply) => (self.done)(&self.parsed, &name, reply, io),
                Err(error) => {
                    io.err(format!("{}\n", error.client_text()));
                    if !(self.forgive)(&self.parsed, &error) {
                        self.failed.push(name);
                    }
                }
            }
        }
        if !self.parallel {
            self.ask_next(io);
        }
        self.finish(io);
    }
}

/// Filters of `--filter`; a bad one is named.
pub(crate) fn filters(parsed: &Parsed) -> Result<Filters, String> {
    let mut filters = Filters::new();
    for text in parsed.list("filter") {
        let Some((key, value)) = text.split_once('=') else {
            let path = &parsed.path;
            return Err(format!(
                "invalid argument {text:?} for \"-f, --filter\" flag: bad format of filter \
                 (expected name=value)\n\nUsage:  {path} [OPTIONS]\n\nRun '{path} --help' \
                 for more information"
            ));
        };
        let key = key.trim().to_lowercase();
        filters.entry(key).or_default().push(value.trim().to_owned());
    }
    Ok(filters)
}
