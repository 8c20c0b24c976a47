//! Event objects: how components tell what they did, with the real rules for merging repeats.
//!
//! Models client-go `tools/record/events_cache.go` (aggregation of similar events, spam filter,
//! counting) and `tools/events/event_broadcaster.go` (series of the scheduler) @v1.36.
//! Left out: the time that a write of an event takes; it appears with what it tells of.

use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::digest::{self, Digester};
use crate::base::time::{SimDuration, SimTime};

/// Similar events (other texts, same reason) before they are put into one.
pub const SIMILAR_BEFORE_MERGE: usize = 10;
/// Time over which similar events are counted.
pub const SIMILAR_WINDOW: SimDuration = SimDuration::from_secs(600);
/// Events of one source about one object before the spam filter drops.
pub const SPAM_BURST: u64 = 25;
/// Time in which the spam filter lets one more pass.
pub const SPAM_REFILL: SimDuration = SimDuration::from_secs(300);
/// A series ends when nothing came for this long (`finishTime`).
pub const SERIES_QUIET: SimDuration = SimDuration::from_secs(360);
/// Entries that the caches of one recorder keep (`maxLruCacheEntries`).
pub const CACHE_ENTRIES: usize = 4096;

/// The object an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Regarding {
    /// `Pod`.
    pub kind: &'static str,
    /// `v1`.
    pub api_version: &'static str,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Uid.
    pub uid: Arc<str>,
    /// Revision the component had seen; part of what makes two scheduler events the same.
    pub resource_version: Arc<str>,
    /// `spec.containers{nginx}` or empty.
    pub field_path: Arc<str>,
}

/// Something a component tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// About what.
    pub regarding: Regarding,
    /// Whether it is a warning.
    pub warning: bool,
    /// `SuccessfulCreate`.
    pub reason: &'static str,
    /// The text; `{}` stands for what only the answer of a call tells.
    pub message: String,
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new event object with this name and text.
    Create {
        /// Object name: `<regarding>.<number>`.
        name: Arc<str>,
        /// Text.
        message: String,
    },
    /// The known event object happened again.
    Repeat {
        /// Object name.
        name: Arc<str>,
        /// Text now.
        message: String,
        /// How often in all.
        count: i32,
    },
    /// The spam filter drops it.
    Drop,
}

/// What makes events the same, as a digest: the caches of a recorder are copied with each
/// checkpoint, and a digest is copied quicker than six texts.
type Print = u64;

#[derive(Clone, Debug, Default)]
struct Merge {
    /// Digests of the texts, oldest first.
    texts: SmallVec<[u64; 2]>,
    last: SimTime,
}

#[derive(Clone, Debug)]
struct Counted {
    name: Arc<str>,
    count: i32,
}

/// The recorder of a component with core/v1 events: controllers, kubelet.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    /// By object, type and reason.
    similar: BTreeMap<Print, Merge>,
    /// By the same and the text; for merged events the text does not count.
    counted: BTreeMap<(Print, u64), Counted>,
    /// Tokens used of the spam filter per object and type (recorded in kubelet/16: warnings stop
    /// after 25, normal events go on): when the bucket would be full again.
    spam: BTreeMap<Print, SimTime>,
}

/// The second half of the key of merged events; no text has it but by a chance of 2⁻⁶⁴.
const MERGED: u64 = 0;

impl Recorder {
    /// Decide how an event is written. `fresh` makes the number in the name of a new one.
    pub fn correlate(&mut self, say: &Say, now: SimTime, fresh: impl FnOnce() -> u64) -> Write {
        self.bound();
        // The spam filter and the merge do not look at the revision of the object.
        let regarding = &say.regarding;
        let similar = print(regarding, &[&regarding.field_path, say.reason], say.warning);
        let text = digest::of_text(&say.message);
        let merged = self.merge(similar, text, now);
        // A merged event counts as one, whatever its newest text says.
        let message = if merged {
            format!("(combined from similar events): {}", say.message)
        } else {
            say.message.clone()
        };
        let key = (similar, if merged { MERGED } else { text });
        let known = self.counted.get_mut(&key).map(|counted| {
            counted.count += 1;
            (counted.name.clone(), counted.count)
        });
        if self.is_spam(print(regarding, &[], say.warning), now) {
            return Write::Drop;
        }
        if let Some((name, count)) = known {
            return Write::Repeat { name, message, count };
        }
        let name: Arc<str> = event_name(&say.regarding.name, fresh());
        self.counted.insert(key, Counted { name: name.clone(), count: 1 });
        Write::Create { name, message }
    }

    /// Whether this event is put together with similar ones.
    fn merge(&mut self, similar: Print, text: u64, now: SimTime) -> bool {
        let merge = self.similar.entry(similar).or_default();
        if now.since(merge.last) > SIMILAR_WINDOW {
            merge.texts.clear();
        }
        merge.last = now;
        if !merge.texts.contains(&text) {
            merge.texts.push(text);
        }
        if merge.texts.len() < SIMILAR_BEFORE_MERGE {
            return false;
        }
        // Upstream drops one text so that the set does not grow.
        merge.texts.remove(0);
        true
    }

    fn is_spam(&mut self, key: Print, now: SimTime) -> bool {
        let full_at = self.spam.get(&key).copied().unwrap_or_default().max(now);
        let next = full_at + SPAM_REFILL;
        if next.since(now).0 > SPAM_BURST * SPAM_REFILL.0 {
            return true;
        }
        self.spam.insert(key, next);
        false
    }

    fn bound(&mut self) {
        if self.counted.len() >= CACHE_ENTRIES {
            self.counted.pop_first();
        }
        if self.similar.len() >= CACHE_ENTRIES {
            self.similar.pop_first();
        }
        if self.spam.len() >= CACHE_ENTRIES {
            self.spam.pop_first();
        }
    }
}

/// A digest of the object that an event is about, of its type, and of what else tells it apart.
fn print(regarding: &Regarding, more: &[&str], warning: bool) -> Print {
    let Regarding { kind, api_version, namespace, name, uid, .. } = regarding;
    let mut digester = Digester::new();
    for text in [*kind, *api_version, &**namespace, &**name, &**uid].iter().chain(more) {
        digester.text(text);
    }
    digester.write_u64(u64::from(warning));
    digester.finish()
}

/// The recorder of the scheduler with events.k8s.io events: repeats become a series.
#[derive(Clone, Debug, Default)]
pub struct SeriesRecorder {
    open: BTreeMap<Print, Series>,
}

#[derive(Clone, Debug)]
struct Series {
    name: Arc<str>,
    message: Arc<str>,
    count: i32,
    last: SimTime,
}

impl SeriesRecorder {
    /// Decide how an event is written: the second of a kind starts a series (count 2), further ones
    /// are only remembered.
    pub fn correlate(&mut self, say: &Say, now: SimTime, fresh: impl FnOnce() -> u64) -> Write {
        if self.open.len() >= CACHE_ENTRIES {
            self.open.pop_first();
        }
        let Regarding { resource_version, field_path, .. } = &say.regarding;
        let key = print(&say.regarding, &[resource_version, field_path, say.reason], say.warning);
        let open = self.open.get_mut(&key);
        if let Some(series) = open.filter(|series| now.since(series.last) <= SERIES_QUIET) {
            series.count += 1;
            series.last = now;
            if series.count > 2 {
                return Write::Drop;
            }
            let (name, message) = (series.name.clone(), series.message.to_string());
            return Write::Repeat { name, message, count: series.count };
        }
        let name = event_name(&say.regarding.name, fresh());
        let message = say.message.clone();
        let text = message.as_str().into();
        let series = Series { name: name.clone(), message: text, count: 1, last: now };
        self.open.insert(key, series);
        Write::Create { name, message }
    }
}

fn event_name(object: &str, number: u64) -> Arc<str> {
    format!("{object}.{number:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(message: &str) -> Say {
        Say {
            regarding: Regarding {
                kind: "ReplicaSet",
                api_version: "apps/v1",
                namespace: "default".into(),
                name: "web".into(),
                uid: "u".into(),
                resource_version: "5".into(),
                field_path: "".into(),
            },
            warning: true,
            reason: "FailedCreate",
            message: message.to_owned(),
        }
    }

    #[test]
    fn the_same_text_counts_up() {
        let mut recorder = Recorder::default();
        let now = SimTime::from_secs(1);
        assert!(matches!(recorder.correlate(&say("a"), now, || 7), Write::Create { .. }));
        let again = recorder.correlate(&say("a"), now, || 8);
        assert!(matches!(again, Write::Repeat { count: 2, .. }), "{again:?}");
    }

    #[test]
    fn many_texts_are_combined_from_the_tenth_on() {
        let mut recorder = Recorder::default();
        let now = SimTime::from_secs(1);
        let mut writes: Vec<Write> =
            (0..12).map(|n| recorder.correlate(&say(&format!("pod {n}")), now, || n)).collect();
        let combined = writes.split_off(9);
        assert!(
            writes
                .iter()
                .all(|w| matches!(w, Write::Create { message, .. } if !message.starts_with('(')))
        );
        assert!(
            matches!(&combined[0], Write::Create { message, .. } if message.starts_with("(combined"))
        );
        assert!(matches!(&combined[1], Write::Repeat { count: 2, .. }));
        assert!(matches!(&combined[2], Write::Repeat { count: 3, .. }));
    }

    #[test]
    fn spam_is_dropped_after_25() {
        let mut recorder = Recorder::default();
        let now = SimTime::from_secs(1);
        let dropped = (0..30)
            .map(|_| recorder.correlate(&say("a"), now, || 1))
            .filter(|w| *w == Write::Drop)
            .count();
        assert_eq!(dropped, 5);
        let later = now + SPAM_REFILL;
        assert_ne!(recorder.correlate(&say("a"), later, || 1), Write::Drop);
    }

    #[test]
    fn a_series_is_written_twice_only() {
        let mut recorder = SeriesRecorder::default();
        let now = SimTime::from_secs(1);
        assert!(matches!(recorder.correlate(&say("a"), now, || 1), Write::Create { .. }));
        assert!(matches!(recorder.correlate(&say("a"), now, || 1), Write::Repeat { count: 2, .. }));
        assert_eq!(recorder.correlate(&say("a"), now, || 1), Write::Drop);
        let mut newer = say("a");
        newer.regarding.resource_version = "6".into();
        assert!(matches!(recorder.correlate(&newer, now, || 2), Write::Create { .. }));
    }
}
