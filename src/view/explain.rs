//! The trace in words: one line per entry, and the chain of causes that ends in one.

use crate::engine::trace::{Subject, TraceEntry, TraceId};
use crate::text::Catalogue;
use crate::world::world::World;

/// One sentence for a trace entry, in the language of the catalogue.
#[must_use]
pub fn line(entry: &TraceEntry, catalogue: &Catalogue) -> String {
    catalogue.say(&entry.what)
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in microseconds of the world.
    pub at: crate::base::time::SimTime,
    /// The component's real name, with its host.
    pub actor: String,
    /// The sentence.
    pub text: String,
    /// What it is about.
    pub subject: String,
}

/// Why a subject is as it is: the causes of the newest entry about it, first cause first.
#[must_use]
pub fn why(world: &World, subject: &Subject, catalogue: &Catalogue) -> Vec<Step> {
    let trace = world.trace();
    let Some(latest) = trace.latest(subject) else { return Vec::new() };
    steps(world, latest.id, catalogue)
}

/// The causes of an entry, first cause first.
#[must_use]
pub fn steps(world: &World, id: TraceId, catalogue: &Catalogue) -> Vec<Step> {
    world.trace().why(id).into_iter().map(|entry| step(entry, catalogue)).collect()
}

fn step(entry: &TraceEntry, catalogue: &Catalogue) -> Step {
    let actor = if entry.actor.host.is_empty() {
        entry.actor.name.to_owned()
    } else {
        format!("{} ({})", entry.actor.name, entry.actor.host)
    };
    Step { at: entry.at, actor, text: line(entry, catalogue), subject: entry.subject.0.to_string() }
}
