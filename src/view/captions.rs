//! What happened last, in words: a line for each thing that a class should see.

use crate::base::time::SimTime;
use crate::engine::trace::TraceEntry;
use crate::text::Catalogue;
use crate::view::explain;
use crate::view::focus::Focus;
use crate::world::world::World;

/// Lines shown.
const LINES: usize = 5;
/// Entries looked at.
const LOOK: usize = 200;

/// What a class sees on the map anyway.
const SEEN: [&str; 2] = ["why-kubelet-proxy-programmed", "why-kube-slice-written"];

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// When.
    pub at: SimTime,
    /// What it is about: the last part of its path.
    pub about: String,
    /// What selecting it selects.
    pub focus: Focus,
    /// What happened.
    pub text: String,
}

/// The newest entries of the trace, newest last.
#[must_use]
pub fn captions(world: &World, catalogue: &Catalogue) -> Vec<Caption> {
    let recent = world.trace().iter().rev().take(LOOK);
    let told = recent.filter(|e| explain::telling(e) && !SEEN.contains(&e.what.id));
    let mut lines: Vec<Caption> = Vec::new();
    let mut before: Option<&TraceEntry> = None;
    for entry in told {
        // What happens again and again to one thing is told once.
        if before.is_some_and(|b| b.what.id == entry.what.id && b.subject == entry.subject) {
            continue;
        }
        before = Some(entry);
        let path = entry.subject.0.to_string();
        let text = explain::line(entry, catalogue);
        // A container's id says nothing, and a name that stands in the sentence is enough.
        let name = path.rsplit('/').next().unwrap_or("");
        let named = path.starts_with("container/") || text.contains(name);
        let about = if named { String::new() } else { name.to_owned() };
        lines.push(Caption { at: entry.at, about, focus: Focus(path), text });
        if lines.len() == LINES {
            break;
        }
    }
    lines.reverse();
    lines
}
