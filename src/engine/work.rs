//! Rate-limited work queues, plans of calls, and client throttles: what every level-triggered
//! control loop shares.
//!
//! Models client-go `util/workqueue` (dirty and processing sets, exponential failure limiter) and
//! `util/flowcontrol` (token bucket). A plan stands for the calls of one Go `sync` function.
//! Left out: the shared 10 qps bucket of the default limiter, which is never reached here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::time::{SimDuration, SimTime};
use crate::engine::trace::TraceId;

/// First retry delay (client-go `default_rate_limiters.go`).
pub const RETRY_BASE: SimDuration = SimDuration::from_millis(5);
/// Longest retry delay.
pub const RETRY_CAP: SimDuration = SimDuration::from_secs(1000);

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<C> {
    /// One call; the next step waits for its answer.
    Call(C),
    /// Calls sent at once, as goroutines would; the next step waits for all answers.
    Together(Vec<C>),
}

/// A queue of keys, each worked on by at most one worker.
#[derive(Clone, Debug)]
pub struct WorkQueue<K> {
    workers: u32,
    ready: VecDeque<K>,
    dirty: BTreeMap<K, TraceId>,
    busy: BTreeSet<K>,
    failures: BTreeMap<K, u32>,
    later: BTreeMap<K, SimTime>,
}

impl<K: Ord + Clone> WorkQueue<K> {
    /// A queue with that many workers.
    #[must_use]
    pub const fn new(workers: u32) -> Self {
        Self {
            workers,
            ready: VecDeque::new(),
            dirty: BTreeMap::new(),
            busy: BTreeSet::new(),
            failures: BTreeMap::new(),
            later: BTreeMap::new(),
        }
    }

    /// Add a key, unless it waits already. Returns whether it is new among the waiting.
    pub fn add(&mut self, key: K, cause: TraceId) -> bool {
        if self.dirty.contains_key(&key) {
            return false;
        }
        self.dirty.insert(key.clone(), cause);
        if !self.busy.contains(&key) {
            self.ready.push_back(key);
        }
        true
    }

    /// Add a key at a later moment. Returns true if a timer is to be set; an earlier timer of the
    /// same key stands.
    pub fn add_at(&mut self, key: K, at: SimTime) -> bool {
        match self.later.get(&key) {
            Some(earlier) if *earlier <= at => false,
            _ => {
                self.later.insert(key, at);
                true
            }
        }
    }

    /// The timer of a key fired: add it, unless a sooner timer took its place.
    pub fn due(&mut self, key: &K, now: SimTime, cause: TraceId) {
        if self.later.get(key).is_some_and(|at| *at <= now) {
            self.later.remove(key);
            self.add(key.clone(), cause);
        }
    }

    /// Take the next key if a worker is idle.
    pub fn take(&mut self) -> Option<(K, TraceId)> {
        if self.busy.len() as u64 >= u64::from(self.workers) {
            return None;
        }
        let key = self.ready.pop_front()?;
        let cause = self.dirty.remove(&key).unwrap_or_default();
        self.busy.insert(key.clone());
        Some((key, cause))
    }

    /// Whether a worker is idle and a key is ready.
    #[must_use]
    pub fn can_take(&self) -> bool {
        !self.ready.is_empty() && (self.busy.len() as u64) < u64::from(self.workers)
    }

    /// The worker is through with a key; it becomes ready again if it was added meanwhile.
    pub fn done(&mut self, key: &K) {
        self.busy.remove(key);
        if self.dirty.contains_key(key) {
            self.ready.push_back(key.clone());
        }
    }

    /// Forget the failures of a key.
    pub fn forget(&mut self, key: &K) {
        self.failures.remove(key);
    }

    /// Count a failure; returns the delay before the next try.
    pub fn failed(&mut self, key: &K) -> SimDuration {
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let delay = backoff(RETRY_BASE, RETRY_CAP, *failures);
        *failures = failures.saturating_add(1);
        delay
    }
}

/// `base · 2ⁿ`, at most `cap`.
#[must_use]
pub fn backoff(base: SimDuration, cap: SimDuration, n: u32) -> SimDuration {
    let doubled = 1_u64.checked_shl(n).and_then(|factor| base.0.checked_mul(factor));
    SimDuration(doubled.unwrap_or(u64::MAX).min(cap.0))
}

/// A plan that is being carried out.
#[derive(Clone, Debug)]
pub struct Run<K, C> {
    /// What it is for.
    pub key: K,
    /// What made the worker begin.
    pub cause: TraceId,
    steps: VecDeque<Step<C>>,
    outstanding: u32,
    failed: bool,
}

/// What a run wants next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<C> {
    /// Send these calls.
    Send(Vec<C>),
    /// Wait for answers.
    Wait,
    /// It is over; whether a call failed.
    Over {
        /// Whether a call failed, so that the rest was dropped.
        failed: bool,
    },
}

impl<K, C> Run<K, C> {
    /// Begin a plan.
    #[must_use]
    pub fn new(key: K, cause: TraceId, steps: Vec<Step<C>>) -> Self {
        Self { key, cause, steps: steps.into(), outstanding: 0, failed: false }
    }

    /// Append further steps, as a second phase of the same sync.
    pub fn extend(&mut self, steps: Vec<Step<C>>) {
        self.failed = false;
        self.steps.extend(steps);
    }

    /// One answer has come.
    pub fn answered(&mut self, ok: bool) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.failed |= !ok;
    }

    /// What to do next.
    pub fn advance(&mut self) -> Next<C> {
        if self.outstanding > 0 {
            return Next::Wait;
        }
        if self.failed {
            self.steps.clear();
            return Next::Over { failed: true };
        }
        let calls = match self.steps.pop_front() {
            None => return Next::Over { failed: false },
            Some(Step::Call(call)) => vec![call],
            Some(Step::Together(calls)) => calls,
        };
        if calls.is_empty() {
            return self.advance();
        }
        self.outstanding = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        Next::Send(calls)
    }
}

/// A client's own limit of requests: a bucket of `burst` tokens, refilled `qps` times a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    interval_us: u64,
    burst: u64,
    /// When the bucket would be full again, in microseconds.
    full_at_us: u64,
}

impl Throttle {
    /// A full bucket.
    #[must_use]
    pub const fn new(qps: u64, burst: u64) -> Self {
        Self { interval_us: 1_000_000 / if qps == 0 { 1 } else { qps }, burst, full_at_us: 0 }
    }

    /// Take a token; returns how long to wait for it.
    pub fn take(&mut self, now: SimTime) -> SimDuration {
        self.full_at_us = self.full_at_us.max(now.0) + self.interval_us;
        let free_at = self.full_at_us.saturating_sub(self.burst * self.interval_us);
        SimDuration(free_at.saturating_sub(now.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_worked_on_once_and_again_if_added_meanwhile() {
        let mut queue = WorkQueue::new(2);
        assert!(queue.add("a", TraceId(1)));
        assert!(!queue.add("a", TraceId(2)));
        queue.add("b", TraceId(3));
        queue.add("c", TraceId(4));
        assert_eq!(queue.take(), Some(("a", TraceId(1))));
        assert_eq!(queue.take(), Some(("b", TraceId(3))));
        assert_eq!(queue.take(), None, "two workers");
        queue.add("a", TraceId(5));
        queue.done(&"a");
        assert_eq!(queue.take(), Some(("c", TraceId(4))));
        queue.done(&"b");
        assert_eq!(queue.take(), Some(("a", TraceId(5))));
        queue.done(&"a");
        queue.done(&"c");
        assert!(queue.busy.is_empty() && queue.take().is_none());
    }

    #[test]
    fn retries_double_up_to_the_cap() {
        let mut queue = WorkQueue::new(1);
        let delays: Vec<u64> = (0..4).map(|_| queue.failed(&"k").0 / 1000).collect();
        assert_eq!(delays, [5, 10, 20, 40]);
        for _ in 0..40 {
            queue.failed(&"k");
        }
        assert_eq!(queue.failed(&"k"), RETRY_CAP);
        queue.forget(&"k");
        assert_eq!(queue.failed(&"k"), RETRY_BASE);
    }

    #[test]
    fn the_earlier_timer_stands() {
        let mut queue = WorkQueue::new(1);
        assert!(queue.add_at("k", SimTime(50)));
        assert!(!queue.add_at("k", SimTime(60)));
        assert!(queue.add_at("k", SimTime(40)));
        queue.due(&"k", SimTime(40), TraceId::NONE);
        assert_eq!(queue.take().map(|t| t.0), Some("k"));
        queue.done(&"k");
        queue.due(&"k", SimTime(50), TraceId::NONE);
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn a_failure_drops_the_rest() {
        let steps = vec![Step::Call(1), Step::Together(vec![2, 3]), Step::Call(4)];
        let mut run = Run::new("k", TraceId::NONE, steps);
        assert_eq!(run.advance(), Next::Send(vec![1]));
        assert_eq!(run.advance(), Next::Wait);
        run.answered(true);
        assert_eq!(run.advance(), Next::Send(vec![2, 3]));
        run.answered(false);
        assert_eq!(run.advance(), Next::Wait);
        run.answered(true);
        assert_eq!(run.advance(), Next::Over { failed: true });
    }

    #[test]
    fn burst_then_rate() {
        let mut throttle = Throttle::new(20, 3);
        let now = SimTime::from_secs(5);
        let waits: Vec<u64> = (0..5).map(|_| throttle.take(now).0 / 1000).collect();
        assert_eq!(waits, [0, 0, 0, 50, 100]);
        assert_eq!(throttle.take(SimTime::from_secs(60)).0, 0);
    }
}
