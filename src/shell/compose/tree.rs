//! Work in progress as a tree: steps in a row, side by side, and along dependencies.
//!
//! Stands for the goroutines and error groups of docker compose. A leaf is an [`Action`]; beginning
//! it or answering it yields the node that takes its place, so the whole is a value.

use std::collections::VecDeque;

use crate::base::time::SimDuration;
use crate::shell::job::{Io, Ticket, Wake};

use super::action::Action;
use super::work::Work;

/// Why a run ends early.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Failure {
    /// What is printed; may be empty.
    pub(super) message: String,
    /// HTTP status of the daemon's refusal, or 0.
    pub(super) status: u16,
    /// Exit code.
    pub(super) code: u8,
}

impl Failure {
    /// A failure with a message.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), status: 0, code: 1 }
    }

    /// An exit code without a message.
    pub(super) fn exit(code: u8) -> Self {
        Self { message: String::new(), status: 0, code }
    }
}

impl From<crate::docker::api::ApiError> for Failure {
    fn from(error: crate::docker::api::ApiError) -> Self {
        Self { message: error.client_text(), status: error.status, code: 1 }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// A part of the work.
#[derive(Clone, Debug, Default)]
pub(super) enum Node {
    /// Nothing left.
    #[default]
    Done,
    /// Not begun.
    Todo(Action),
    /// Asked; the action takes the answer.
    Wait(Ticket, Action),
    /// Waits for a timer.
    Sleep(u32, Action),
    /// One after the other.
    Seq(VecDeque<Node>),
    /// Side by side; all run to their end, the first failure counts.
    Par(Vec<Node>, Option<Failure>),
    /// Along dependencies; a failure ends everything at once.
    Order(Vec<Step>),
}

/// A step along dependencies.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its name.
    pub(super) name: String,
    /// The steps that must be done before.
    pub(super) after: Vec<String>,
    /// Whether it has begun.
    pub(super) begun: bool,
    /// What is left of it.
    pub(super) node: Node,
}

/// How far a node is.
pub(super) type Progress = Result<bool, Failure>;

impl Node {
    /// Nodes one after the other.
    pub(super) fn seq(nodes: impl IntoIterator<Item = Node>) -> Self {
        Self::Seq(nodes.into_iter().collect())
    }

    /// Nodes side by side.
    pub(super) fn par(nodes: impl IntoIterator<Item = Node>) -> Self {
        Self::Par(nodes.into_iter().collect(), None)
    }

    /// Wakes the action after a time.
    pub(super) fn sleep(
        after: SimDuration,
        action: Action,
        work: &mut Work,
        io: &mut Io<'_>,
    ) -> Self {
        let tag = work.next_timer();
        io.timer(after, tag);
        Self::Sleep(tag, action)
    }

    /// Goes on as far as it can; true when it is done.
    pub(super) fn drive(
        &mut self,
        wake: Option<&Wake>,
        work: &mut Work,
        io: &mut Io<'_>,
    ) -> Progress {
        loop {
            let next = match std::mem::take(self) {
                Self::Done => return Ok(true),
                Self::Todo(action) => action.begin(work, io)?,
                Self::Wait(ticket, action) => match wake {
                    Some(Wake::Docker(t, result)) if *t == ticket => {
                        let next = action.answer(result.clone(), ticket, work, io)?;
                        if let Self::Wait(again, _) = &next
                            && *again == ticket
                        {
                            *self = next;
                            return Ok(false);
                        }
                        next
                    }
                    _ => {
                        *self = Self::Wait(ticket, action);
                        return Ok(false);
                    }
                },
                Self::Sleep(tag, action) => match wake {
                    Some(Wake::Timer(t)) if *t == tag => action.begin(work, io)?,
                    _ => {
                        *self = Self::Sleep(tag, action);
                        return Ok(false);
                    }
                },
                Self::Seq(nodes) => return self.drive_seq(nodes, wake, work, io),
                Self::Par(nodes, failure) => return self.drive_par(nodes, failure, wake, work, io),
                Self::Order(steps) => return self.drive_order(steps, wake, work, io),
            };
            *self = next;
            // What was woken is used up: a new node begins without it.
            if !matches!(self, Self::Done | Self::Todo(_)) {
                return self.drive(None, work, io);
            }
        }
    }

    fn drive_seq(
        &mut self,
        mut nodes: VecDeque<Node>,
        wake: Option<&Wake>,
        work: &mut Work,
        io: &mut Io<'_>,
    ) -> Progress {
        let mut wake = wake;
        while let Some(front) = nodes.front_mut() {
            if !front.drive(wake, work, io)? {
                *self = Self::Seq(nodes);
                return Ok(false);
            }
            nodes.pop_front();
            wake = None;
        }
        Ok(true)
    }

    fn drive_par(
        &mut self,
        nodes: Vec<Node>,
        mut failure: Option<Failure>,
        wake: Option<&Wake>,
        work: &mut Work,
        io: &mut Io<'_>,
    ) -> Progress {
        let mut open = Vec::new();
        for mut node in nodes {
            match node.drive(wake, work, io) {
                Ok(true) => {}
                Ok(false) => open.push(node),
                Err(why) => {
                    failure.get_or_insert(why);
                }
            }
        }
        if !open.is_empty() {
            *self = Self::Par(open, failure);
            return Ok(false);
        }
        failure.map_or(Ok(true), Err)
    }

    fn drive_order(
        &mut self,
        mut steps: Vec<Step>,
        wake: Option<&Wake>,
        work: &mut Work,
        io: &mut Io<'_>,
    ) -> Progress {
        let mut wake = wake;
        loop {
            let mut finished = Vec::new();
            for step in steps.iter_mut().filter(|s| s.begun) {
                if step.node.drive(wake, work, io)? {
                    finished.push(step.name.clone());
                }
            }
            wake = None;
            steps.retain(|s| !finished.contains(&s.name));
            let open: Vec<String> = steps.iter().map(|s| s.name.clone()).collect();
            let mut started = false;
            for step in steps.iter_mut().filter(|s| !s.begun) {
                if step.after.iter().all(|name| !open.contains(name)) {
                    step.begun = true;
                    started = true;
                }
            }
            if steps.is_empty() {
                return Ok(true);
            }
            if !started {
                *self = Self::Order(steps);
                return Ok(false);
            }
        }
    }
}
