//! The event queue: `(time, seq)` decides the order, `seq` breaks ties by insertion.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::base::ledger::{Reading, share};
use crate::base::time::SimTime;
use crate::bug;
use crate::engine::trace::TraceId;

/// Most events that may wait at once.
pub const MAX_WAITING: usize = 2_000_000;

/// An event that waits for its moment.
#[derive(Clone, Debug)]
pub struct Waiting<E> {
    /// When it is due.
    pub at: SimTime,
    /// Insertion number.
    pub seq: u64,
    /// What scheduled it.
    pub cause: TraceId,
    /// What happens.
    pub event: E,
}

impl<E> PartialEq for Waiting<E> {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
    }
}

impl<E> Eq for Waiting<E> {}

impl<E> PartialOrd for Waiting<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Waiting<E> {
    /// Reversed, so that the heap's greatest is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.seq).cmp(&(self.at, self.seq))
    }
}

/// Events in the order in which they will happen.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Waiting<E>>,
    seq: u64,
    /// The sum of the shares of all that waits.
    sum: u64,
}

impl<E> Waiting<E> {
    /// Its share in a digest: when, in which order and why; not what, which no event type tells.
    fn share(&self) -> u64 {
        share(&self.seq, &(self.at, self.cause))
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), seq: 0, sum: 0 }
    }
}

impl<E> Queue<E> {
    /// Let `event` happen at `at`.
    pub fn push(&mut self, at: SimTime, cause: TraceId, event: E) {
        if self.heap.len() >= MAX_WAITING {
            bug!("more than {MAX_WAITING} events wait");
        }
        let seq = self.seq;
        self.seq += 1;
        let waiting = Waiting { at, seq, cause, event };
        self.sum = self.sum.wrapping_add(waiting.share());
        self.heap.push(waiting);
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.heap.peek().map(|w| w.at)
    }

    /// Take the next event.
    pub fn pop(&mut self) -> Option<Waiting<E>> {
        let waiting = self.heap.pop()?;
        self.sum = self.sum.wrapping_sub(waiting.share());
        Some(waiting)
    }

    /// The next event, still waiting.
    #[must_use]
    pub fn next(&self) -> Option<&Waiting<E>> {
        self.heap.peek()
    }

    /// The digest of how many events wait, when and in which order.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        match reading {
            Reading::Kept => self.sum,
            Reading::Anew => self.heap.iter().fold(0, |sum: u64, w| sum.wrapping_add(w.share())),
        }
    }

    /// What waits, in order, to change it behind everybody's back.
    #[cfg(test)]
    pub fn alter(&mut self, change: impl FnOnce(&mut [Waiting<E>])) {
        let mut all = std::mem::take(&mut self.heap).into_sorted_vec();
        all.reverse();
        change(&mut all);
        self.heap = all.into();
    }

    /// Events that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_keep_insertion_order() {
        let mut queue = Queue::default();
        queue.push(SimTime(5), TraceId::NONE, 'b');
        queue.push(SimTime(1), TraceId::NONE, 'a');
        queue.push(SimTime(5), TraceId::NONE, 'c');
        let order: String = std::iter::from_fn(|| queue.pop()).map(|w| w.event).collect();
        assert_eq!(order, "abc");
    }
}
