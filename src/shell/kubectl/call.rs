//! The course of one call: a verb is a plain function that asks, waits and prints in order.
//!
//! A question that is not answered yet stops the verb with [`Halt::Wait`]. When the answer is
//! there the verb runs again from its start: all earlier answers are handed to it from a log, and
//! what it printed already is not printed twice. So a verb reads like the original command, and a
//! running command stays a plain, cloneable value. A verb that does the same for many objects says
//! so with [`Call::each`], which goes on at the first that is not done with. What flows without an
//! end (`logs -f`, `get --watch`) is handed to [`Follow`] instead.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::document::Manifests;
use super::fail::Failure;
use super::flags::Flags;
use super::follow::Follow;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::Object;
use crate::kube::api::request::{ApiError, Request, Response};
use crate::posix::{FileSystem, normal};
use crate::shell::job::{Effect, Io, Ticket};

/// Most answers that one call remembers; a call that goes on longer ends with an error.
const MAX_LOG: usize = 20_000;

/// Why a verb stops.
pub(super) enum Halt {
    /// It waits for what it asked.
    Wait,
    /// It is over, with a message.
    Fail(Failure),
    /// It goes on as a stream.
    Follow(Box<Follow>),
}

impl<T: Into<Failure>> From<T> for Halt {
    fn from(failure: T) -> Self {
        Self::Fail(failure.into())
    }
}

/// What a verb and its parts return.
pub(super) type Run<T> = Result<T, Halt>;

/// An answer of the server.
pub(super) type Answer = Result<Response, ApiError>;

/// What became of one of many objects.
pub(super) type Done = Result<Option<Arc<Object>>, Failure>;

/// What became of many, in their order. It grows in place and is copied only where a call is.
pub(super) type Outcomes = Arc<Vec<Done>>;

/// How far a call has come with many objects.
#[derive(Clone, Debug)]
struct Progress {
    done: Outcomes,
    /// Pieces of output up to there.
    printed: usize,
    /// Warnings up to there.
    warned: BTreeSet<String>,
}

/// Something that was learned in the course of a call.
#[derive(Clone, Debug)]
enum Memo {
    Answer(Answer),
    Opened(Ticket),
    Part(Option<Answer>),
    Slept,
    Moment(SimTime),
    Text(Option<Arc<str>>),
    Names(Option<Vec<String>>),
    Manifests(Arc<Manifests>),
    Each(Progress),
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waiting {
    #[default]
    Nothing,
    Answer(Ticket),
    /// A part of a stream, or the timer if it has one.
    Part(Ticket, Option<u32>),
    Sleep(u32),
}

/// What a call remembers between two wakes.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    log: Vec<Memo>,
    waiting: Waiting,
    printed: usize,
    timers: u32,
    open: Vec<Ticket>,
    inbox: BTreeMap<Ticket, VecDeque<Answer>>,
}

impl Memory {
    /// Take in an answer. Whether the verb can go on.
    pub(super) fn answered(&mut self, ticket: Ticket, answer: Answer) -> bool {
        match self.waiting {
            Waiting::Answer(wanted) if wanted == ticket => {
                self.waiting = Waiting::Nothing;
                self.log.push(Memo::Answer(answer));
                true
            }
            Waiting::Part(wanted, _) if wanted == ticket => {
                self.waiting = Waiting::Nothing;
                self.log.push(Memo::Part(Some(answer)));
                true
            }
            Waiting::Nothing | Waiting::Answer(_) | Waiting::Part(..) | Waiting::Sleep(_) => {
                if self.open.contains(&ticket) {
                    self.inbox.entry(ticket).or_default().push_back(answer);
                }
                false
            }
        }
    }

    /// Take in a timer. Whether the verb can go on.
    pub(super) fn rang(&mut self, tag: u32) -> bool {
        let memo = match self.waiting {
            Waiting::Sleep(wanted) if wanted == tag => Memo::Slept,
            Waiting::Part(_, Some(wanted)) if wanted == tag => Memo::Part(None),
            Waiting::Nothing | Waiting::Answer(_) | Waiting::Part(..) | Waiting::Sleep(_) => {
                return false;
            }
        };
        self.waiting = Waiting::Nothing;
        self.log.push(memo);
        true
    }

    /// Streams that are open.
    pub(super) fn open(&self) -> &[Ticket] {
        &self.open
    }

    /// What came of a stream and was not read.
    pub(super) fn unread(&mut self, ticket: Ticket) -> VecDeque<Answer> {
        self.inbox.remove(&ticket).unwrap_or_default()
    }
}

/// One run of a verb.
pub(super) struct Call<'a, 'io> {
    /// The flags and arguments.
    pub(super) flags: &'a Flags,
    /// The surroundings.
    pub(super) io: &'a mut Io<'io>,
    /// The namespace of the call.
    pub(super) namespace: Arc<str>,
    memory: &'a mut Memory,
    at: usize,
    printed: usize,
    warned: BTreeSet<String>,
}

impl<'a, 'io> Call<'a, 'io> {
    /// A run from the start.
    pub(super) fn new(
        flags: &'a Flags,
        io: &'a mut Io<'io>,
        namespace: Arc<str>,
        memory: &'a mut Memory,
    ) -> Self {
        Self { flags, io, namespace, memory, at: 0, printed: 0, warned: BTreeSet::new() }
    }

    fn next_memo(&mut self) -> Option<Memo> {
        let memo = self.memory.log.get(self.at).cloned();
        if memo.is_some() {
            self.at += 1;
        }
        memo
    }

    fn note(&mut self, memo: Memo) {
        self.memory.log.push(memo);
        self.at += 1;
    }

    fn room(&self) -> Run<()> {
        if self.memory.log.len() < MAX_LOG {
            return Ok(());
        }
        Err(Failure::plain("too many answers in one call").into())
    }

    /// Print to standard output.
    pub(super) fn out(&mut self, text: impl Into<String>) {
        self.printed += 1;
        if self.printed > self.memory.printed {
            self.memory.printed = self.printed;
            self.io.out(text);
        }
    }

    /// Print a line to standard output.
    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.out(format!("{}\n", text.as_ref()));
    }

    /// Print a line to standard error.
    pub(super) fn err(&mut self, text: impl AsRef<str>) {
        self.printed += 1;
        if self.printed > self.memory.printed {
            self.memory.printed = self.printed;
            self.io.err(format!("{}\n", text.as_ref()));
        }
    }

    /// Ask the server and wait for the one answer; warnings are printed.
    pub(super) fn ask(&mut self, request: Request) -> Run<Answer> {
        let answer = match self.next_memo() {
            Some(Memo::Answer(answer)) => answer,
            Some(_) => return Err(lost()),
            None => {
                self.room()?;
                let ticket = self.io.ask_kube(request);
                self.memory.waiting = Waiting::Answer(ticket);
                return Err(Halt::Wait);
            }
        };
        let warnings = match &answer {
            Ok(response) => response.warnings().to_vec(),
            Err(error) => error.warnings.clone(),
        };
        for warning in warnings {
            // One call tells each warning once.
            if self.warned.insert(warning.clone()) {
                self.err(format!("Warning: {warning}"));
            }
        }
        Ok(answer)
    }

    /// Ask for one object.
    pub(super) fn object(&mut self, request: Request) -> Run<Result<Arc<Object>, ApiError>> {
        Ok(match self.ask(request)? {
            Ok(response) => match response.object() {
                Some(object) => Ok(object.clone()),
                None => Err(ApiError::bad_request("the server sent no object")),
            },
            Err(error) => Err(error),
        })
    }

    /// Ask for several objects.
    pub(super) fn objects(&mut self, request: Request) -> Run<Result<Vec<Arc<Object>>, ApiError>> {
        Ok(match self.ask(request)? {
            Ok(Response::List { items, .. }) => Ok(items),
            Ok(other) => Ok(other.object().cloned().into_iter().collect()),
            Err(error) => Err(error),
        })
    }

    /// Open a stream.
    pub(super) fn open(&mut self, request: Request) -> Run<Ticket> {
        match self.next_memo() {
            Some(Memo::Opened(ticket)) => Ok(ticket),
            Some(_) => Err(lost()),
            None => {
                let ticket = self.io.ask_kube(request);
                self.memory.open.push(ticket);
                self.note(Memo::Opened(ticket));
                Ok(ticket)
            }
        }
    }

    /// The next part of a stream; `None` when `until` passes before.
    pub(super) fn part(&mut self, ticket: Ticket, until: Option<SimTime>) -> Run<Option<Answer>> {
        match self.next_memo() {
            Some(Memo::Part(part)) => return Ok(part),
            Some(_) => return Err(lost()),
            None => self.room()?,
        }
        let waits = self.memory.inbox.get_mut(&ticket).and_then(VecDeque::pop_front);
        if let Some(answer) = waits {
            self.note(Memo::Part(Some(answer.clone())));
            return Ok(Some(answer));
        }
        let now = self.io.now;
        if until.is_some_and(|t| t <= now) {
            self.note(Memo::Part(None));
            return Ok(None);
        }
        let tag = until.map(|t| self.timer(t.since(now)));
        self.memory.waiting = Waiting::Part(ticket, tag);
        Err(Halt::Wait)
    }

    /// Stop listening to a stream.
    pub(super) fn close(&mut self, ticket: Ticket) {
        if let Some(at) = self.memory.open.iter().position(|t| *t == ticket) {
            self.memory.open.swap_remove(at);
            self.memory.inbox.remove(&ticket);
            self.io.effects.push(Effect::Forget(ticket));
        }
    }

    /// Wait.
    pub(super) fn sleep(&mut self, time: SimDuration) -> Run<()> {
        match self.next_memo() {
            Some(Memo::Slept) => Ok(()),
            Some(_) => Err(lost()),
            None => {
                self.room()?;
                let tag = self.timer(time);
                self.memory.waiting = Waiting::Sleep(tag);
                Err(Halt::Wait)
            }
        }
    }

    fn timer(&mut self, after: SimDuration) -> u32 {
        self.memory.timers += 1;
        self.io.timer(after, self.memory.timers);
        self.memory.timers
    }

    /// The moment, the same whenever the verb comes by here again.
    pub(super) fn moment(&mut self) -> Run<SimTime> {
        match self.next_memo() {
            Some(Memo::Moment(moment)) => Ok(moment),
            Some(_) => Err(lost()),
            None => {
                let now = self.io.now;
                self.note(Memo::Moment(now));
                Ok(now)
            }
        }
    }

    /// The text of a file, if it can be read.
    pub(super) fn file(&mut self, path: &str) -> Run<Option<Arc<str>>> {
        match self.next_memo() {
            Some(Memo::Text(text)) => Ok(text),
            Some(_) => Err(lost()),
            None => {
                let text = self.io.files.read(&normal(self.io.cwd, path)).ok();
                self.note(Memo::Text(text.clone()));
                Ok(text)
            }
        }
    }

    /// What was read from manifests: parsed once, however often the verb runs again.
    pub(super) fn parsed(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Manifests,
    ) -> Run<Arc<Manifests>> {
        match self.next_memo() {
            Some(Memo::Manifests(found)) => Ok(found),
            Some(_) => Err(lost()),
            None => {
                let found = Arc::new(parse(self));
                self.note(Memo::Manifests(found.clone()));
                Ok(found)
            }
        }
    }

    /// Do the same for each of many, one after the other.
    ///
    /// What is done with is not done again when the verb runs again: only what became of it is
    /// kept, and the answers on the way to it are forgotten.
    pub(super) fn each<T>(
        &mut self,
        items: &[T],
        mut act: impl FnMut(&mut Self, &T) -> Run<Done>,
    ) -> Run<Outcomes> {
        let start = self.at;
        if self.memory.log.len() == start {
            let (printed, warned) = (self.printed, self.warned.clone());
            let progress = Progress { done: Arc::default(), printed, warned };
            self.memory.log.push(Memo::Each(progress));
        }
        loop {
            let Some(Memo::Each(progress)) = self.memory.log.get(start) else {
                return Err(lost());
            };
            self.at = start + 1;
            self.printed = progress.printed;
            self.warned.clone_from(&progress.warned);
            let Some(item) = items.get(progress.done.len()) else {
                return Ok(progress.done.clone());
            };
            let done = act(self, item)?;
            self.memory.log.truncate(start + 1);
            if let Some(Memo::Each(progress)) = self.memory.log.get_mut(start) {
                Arc::make_mut(&mut progress.done).push(done);
                progress.printed = self.printed;
                progress.warned.clone_from(&self.warned);
            }
        }
    }

    /// The sorted names in a directory, if it is one.
    pub(super) fn dir(&mut self, path: &str) -> Run<Option<Vec<String>>> {
        match self.next_memo() {
            Some(Memo::Names(names)) => Ok(names),
            Some(_) => Err(lost()),
            None => {
                let names = self.io.files.list(&normal(self.io.cwd, path)).ok();
                self.note(Memo::Names(names.clone()));
                Ok(names)
            }
        }
    }
}

/// The log and the verb disagree: the verb is not a pure function of its answers.
fn lost() -> Halt {
    Failure::plain("internal error: the course of the command changed").into()
}
