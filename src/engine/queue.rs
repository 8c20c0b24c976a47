//! The event queue: `(time, seq)` decides the order, `seq` breaks ties by insertion.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

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
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), seq: 0 }
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
        self.heap.push(Waiting { at, seq, cause, event });
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.heap.peek().map(|w| w.at)
    }

    /// Take the next event.
    pub fn pop(&mut self) -> Option<Waiting<E>> {
        self.heap.pop()
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

    /// The waiting events in no particular order.
    pub fn iter_unsorted(&self) -> impl Iterator<Item = &Waiting<E>> {
        self.heap.iter()
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
