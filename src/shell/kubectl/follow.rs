//! Streams without an end: what a verb becomes when it only passes on what comes.

use super::exec::Running;
use super::get::Watching;
use super::logs::Following;
use crate::shell::job::{Effect, Io, Reading, Ticket, Wake};

/// A stream and what becomes of its parts.
#[derive(Clone, Debug)]
pub(super) enum Follow {
    /// `get --watch`.
    Watch(Watching),
    /// `logs -f`.
    Log(Following),
    /// `exec`, `run -it`.
    Exec(Running),
    /// `port-forward`: only holds the line.
    Forward,
}

impl Follow {
    /// The (first) stream.
    pub(super) fn ticket(&self) -> Ticket {
        match self {
            Self::Watch(w) => w.ticket,
            Self::Log(f) => f.ticket(),
            Self::Exec(r) => r.ticket,
            Self::Forward => Ticket(0),
        }
    }

    /// Whether it reads what is typed.
    pub(super) fn reading(&self) -> Reading {
        match self {
            Self::Exec(running) => running.reading(),
            Self::Watch(_) | Self::Log(_) | Self::Forward => Reading::No,
        }
    }

    /// Take in what came. The exit code when it is over.
    pub(super) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) -> Option<u8> {
        if let Wake::Signal(signal) = wake {
            // A shell shows 128 and the number of the signal.
            return Some(128_u8.saturating_add(signal));
        }
        match self {
            Self::Watch(w) => w.resume(wake, io),
            Self::Log(f) => f.resume(wake, io),
            Self::Exec(r) => r.resume(wake, io),
            Self::Forward => None,
        }
    }

    /// Stop listening.
    pub(super) fn stop(&self, io: &mut Io<'_>) {
        let tickets = match self {
            Self::Watch(w) => vec![w.ticket],
            Self::Log(f) => f.tickets(),
            Self::Exec(r) => vec![r.ticket],
            Self::Forward => Vec::new(),
        };
        io.effects.extend(tickets.into_iter().map(Effect::Forget));
    }
}
