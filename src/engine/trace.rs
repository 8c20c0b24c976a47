//! What happened and why: every effect with its cause, back to a command or a fault.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::Arc;

use serde::Serialize;

use crate::base::ledger::{Reading, Roll};
use crate::base::message::Message;
use crate::base::time::SimTime;

/// Entries kept; older ones are dropped in chunks.
pub const MAX_ENTRIES: usize = 400_000;

/// Number of a trace entry, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TraceId(pub u64);

impl TraceId {
    /// No cause: the start of the world.
    pub const NONE: Self = Self(0);
}

/// Who did it: the component's real name (`kubelet`, `dockerd`, `deployment-controller`) and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Actor {
    /// The component's name as upstream spells it; `you` for the learner, `fault` for a fault.
    pub name: &'static str,
    /// The host on which it runs; empty where that does not matter.
    pub host: Arc<str>,
}

impl Actor {
    /// A component that is the only one of its name.
    #[must_use]
    pub fn only(name: &'static str) -> Self {
        Self { name, host: "".into() }
    }

    /// A component of a host.
    #[must_use]
    pub fn on(name: &'static str, host: impl Into<Arc<str>>) -> Self {
        Self { name, host: host.into() }
    }
}

/// What an entry is about: `Pod/default/web-1`, `container/host/3f2a…`, `node/node-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject(pub Arc<str>);

impl Subject {
    /// A subject by its path.
    #[must_use]
    pub fn new(path: impl Into<Arc<str>>) -> Self {
        Self(path.into())
    }

    /// A Kubernetes object; the namespace is empty for cluster-scoped kinds.
    #[must_use]
    pub fn object(kind: &str, namespace: &str, name: &str) -> Self {
        Self(format!("{kind}/{namespace}/{name}").into())
    }

    /// A Docker container on a host, by id.
    #[must_use]
    pub fn container(host: &str, id: &str) -> Self {
        Self(format!("container/{host}/{id}").into())
    }
}

impl Display for Subject {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(&self.0)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct TraceEntry {
    /// Its number.
    pub id: TraceId,
    /// When.
    pub at: SimTime,
    /// Who did it.
    pub actor: Actor,
    /// What it is about.
    pub subject: Subject,
    /// What happened, as a text id with arguments.
    pub what: Message,
    /// What caused it.
    pub cause: TraceId,
}

/// Everything that happened, oldest first, bounded.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    entries: Roll<TraceEntry>,
}

impl Trace {
    /// Append an entry.
    pub fn record(
        &mut self,
        at: SimTime,
        actor: Actor,
        subject: Subject,
        what: Message,
        cause: TraceId,
    ) -> TraceId {
        let id = TraceId(self.entries.len() + 1);
        self.entries.push(TraceEntry { id, at, actor, subject, what, cause });
        if id.0.is_multiple_of(4096) {
            self.entries.trim(MAX_ENTRIES);
        }
        id
    }

    /// An entry by number; `None` for the start of the world and for what was folded away.
    #[must_use]
    pub fn get(&self, id: TraceId) -> Option<&TraceEntry> {
        self.entries.get(id.0.checked_sub(1)?)
    }

    /// Kept entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &TraceEntry> {
        self.entries.iter()
    }

    /// Entries after a number, oldest first.
    pub fn after(&self, id: TraceId) -> impl DoubleEndedIterator<Item = &TraceEntry> {
        self.entries.iter_from(id.0)
    }

    /// Number of the newest entry.
    #[must_use]
    pub fn last_id(&self) -> TraceId {
        TraceId(self.entries.len())
    }

    /// The digest of the kept entries.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        self.entries.digest(reading)
    }

    /// The newest entry about a subject.
    #[must_use]
    pub fn latest(&self, subject: &Subject) -> Option<&TraceEntry> {
        self.entries.iter().rev().find(|e| &e.subject == subject)
    }

    /// The chain of causes that ends in this entry, first cause first.
    #[must_use]
    pub fn why(&self, id: TraceId) -> Vec<&TraceEntry> {
        let mut chain = Vec::new();
        let mut next = id;
        while let Some(entry) = self.get(next) {
            chain.push(entry);
            // A cause is always older; the check bounds the walk even if that were broken.
            if entry.cause >= next {
                break;
            }
            next = entry.cause;
        }
        chain.reverse();
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_walks_to_the_first_cause() {
        let mut trace = Trace::default();
        let you = Actor::only("you");
        let s = Subject::object("Pod", "default", "web");
        let a = trace.record(SimTime(1), you.clone(), s.clone(), Message::new("a"), TraceId::NONE);
        let _ = trace.record(SimTime(2), you.clone(), s.clone(), Message::new("x"), TraceId::NONE);
        let b = trace.record(SimTime(3), you, s.clone(), Message::new("b"), a);
        let ids: Vec<_> = trace.why(b).iter().map(|e| e.what.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(trace.latest(&s).map(|e| e.id), Some(b));
    }
}
