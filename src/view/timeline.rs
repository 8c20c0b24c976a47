//! The timeline: marks for what the learner did and what went wrong.

use serde::Serialize;

use crate::base::time::SimTime;
use crate::text::Catalogue;
use crate::view::explain;
use crate::view::focus::Focus;
use crate::view::screen::fault_text;
use crate::world::breakage::plain_name;
use crate::world::command::Command;
use crate::world::session::Session;

/// Most marks shown.
const MAX_MARKS: usize = 120;

/// A mark on the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// When.
    pub at: SimTime,
    /// What kind of thing.
    pub kind: MarkKind,
    /// What it says.
    pub text: String,
    /// What it is about, if it can be selected.
    pub focus: Option<Focus>,
}

/// Kinds of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MarkKind {
    /// A command of the learner.
    Command,
    /// A fault.
    Fault,
    /// A fault was mended.
    Mended,
    /// Something went wrong by itself.
    Failure,
}

/// Text ids whose entries are failures: a crash, a kill for memory, a lost node.
const FAILURES: [&str; 6] = ["-exited", "-oom", "-killed", "-not-ready", "-back-off", "-failed"];

/// Marks of a session, oldest first.
#[must_use]
pub fn marks(session: &Session, catalogue: &Catalogue) -> Vec<Mark> {
    let said = |id: &str, target: &str| catalogue.label_with(id, &[("target", plain_name(target))]);
    let mut marks: Vec<Mark> = session
        .log()
        .iter()
        .filter_map(|entry| {
            let (kind, text) = match &entry.command {
                Command::Type { line, .. } if !line.trim().is_empty() => {
                    (MarkKind::Command, line.clone())
                }
                Command::Break { kind, target, .. } => {
                    (MarkKind::Fault, said(fault_text(kind), target))
                }
                Command::Mend { target, .. } => (MarkKind::Mended, said("why-mended", target)),
                Command::Host { host, .. } => (MarkKind::Fault, host.clone()),
                Command::Type { .. }
                | Command::Interrupt { .. }
                | Command::EndOfInput { .. }
                | Command::Open { .. }
                | Command::Script { .. }
                | Command::Signal { .. }
                | Command::Write { .. }
                | Command::Remove { .. }
                | Command::Load { .. } => return None,
            };
            Some(Mark { at: entry.moment.at, kind, text, focus: None })
        })
        .collect();
    let failures = session.head().trace().iter().rev().filter(|e| is_failure(e.what.id));
    marks.extend(failures.take(MAX_MARKS).map(|e| Mark {
        at: e.at,
        kind: MarkKind::Failure,
        text: explain::line(e, catalogue),
        focus: Some(Focus(e.subject.0.to_string())),
    }));
    marks.sort_by_key(|mark| mark.at);
    let surplus = marks.len().saturating_sub(MAX_MARKS);
    marks.drain(..surplus);
    marks
}

fn is_failure(id: &str) -> bool {
    FAILURES.iter().any(|end| id.ends_with(end))
}
