//! The text of a failed attempt to schedule.
//!
//! Models kubernetes `pkg/scheduler/framework/types.go` `FitError.Error` @v1.36
//! (handbook kubernetes-scheduler §5).

use std::collections::BTreeMap;

/// Longest note of an event (`maxNoteLength`-bound in `schedule_one.go` `truncateMessage`).
pub const MAX_NOTE: usize = 1024;

/// Counts of reasons as `1 a, 2 b`, sorted as plain strings.
#[must_use]
pub fn histogram<'a>(reasons: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason).or_insert(0) += 1;
    }
    let mut parts: Vec<String> = counts.iter().map(|(r, n)| format!("{n} {r}")).collect();
    parts.sort();
    parts.join(", ")
}

/// The whole message. `pre_filter` is the reason why no node was even looked at.
#[must_use]
pub fn message<'a>(
    nodes: usize,
    pre_filter: Option<&str>,
    reasons: impl Iterator<Item = &'a str>,
    post_filter: Option<&str>,
) -> String {
    let mut text = format!("0/{nodes} nodes are available:");
    if let Some(reason) = pre_filter {
        text.push_str(&format!(" {reason}."));
    } else {
        let list = histogram(reasons);
        if !list.is_empty() {
            text.push_str(&format!(" {list}."));
        }
    }
    if let Some(more) = post_filter.filter(|m| !m.is_empty()) {
        text.push_str(&format!(" {more}"));
    }
    text
}

/// Cut a note to what an event holds.
#[must_use]
pub fn cut(note: &str) -> String {
    const SUFFIX: &str = " ...";
    if note.len() <= MAX_NOTE {
        return note.to_owned();
    }
    let mut end = MAX_NOTE - SUFFIX.len();
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{SUFFIX}", note.get(..end).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_sorted_as_text() {
        let reasons = std::iter::repeat_n("Insufficient cpu", 10)
            .chain(std::iter::repeat_n("node(s) had untolerated taint(s)", 2))
            .chain(std::iter::once("Too many pods"));
        assert_eq!(
            histogram(reasons),
            "1 Too many pods, 10 Insufficient cpu, 2 node(s) had untolerated taint(s)"
        );
    }

    #[test]
    fn whole_texts() {
        let post = "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not \
                    helpful for scheduling.";
        let text = message(3, None, ["Insufficient cpu"; 3].into_iter(), Some(post));
        assert_eq!(text, format!("0/3 nodes are available: 3 Insufficient cpu. {post}"));
        let text = message(
            3,
            Some("pod has unbound immediate PersistentVolumeClaims"),
            [].into_iter(),
            None,
        );
        assert_eq!(
            text,
            "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
        );
        assert_eq!(cut(&"x".repeat(2000)).len(), MAX_NOTE);
    }
}
