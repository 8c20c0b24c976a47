//! Where pods wait for the scheduler: active, backing off, unschedulable.
//!
//! Models kubernetes `pkg/scheduler/backend/queue` (`scheduling_queue.go`, `backoff_queue.go`)
//! @v1.36 (handbook kubernetes-scheduler §1).

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::shelf::Shelf;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::trace::TraceId;
use crate::engine::work::backoff;
use crate::kube::scheduler::pod::PodInfo;

/// First wait after a failed attempt (`DefaultPodInitialBackoffDuration`).
pub const INITIAL_BACKOFF: SimDuration = SimDuration::from_secs(1);
/// Longest wait (`DefaultPodMaxBackoffDuration`).
pub const MAX_BACKOFF: SimDuration = SimDuration::from_secs(10);
/// Longest stay in the unschedulable pool (`DefaultPodMaxInUnschedulablePodsDuration`).
pub const MAX_UNSCHEDULABLE: SimDuration = SimDuration::from_secs(300);
/// How often the unschedulable pool is looked through (`flushUnschedulablePodsLeftover`).
pub const FLUSH_PERIOD: SimDuration = SimDuration::from_secs(30);

/// A pod that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The pod.
    pub pod: Arc<PodInfo>,
    /// When it entered the queue this time.
    pub since: SimTime,
    /// Order of arrival among equals.
    pub seq: u64,
    /// Failed attempts.
    pub failures: u32,
    /// Attempts in all.
    pub attempts: u32,
    /// Plugins that rejected it at the last attempt.
    pub rejected_by: BTreeSet<&'static str>,
    /// What made it ready.
    pub cause: TraceId,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Backoff {
        until: SimTime,
    },
    /// Backing off after an error; not taken early.
    ErrorBackoff {
        until: SimTime,
    },
    Unschedulable,
    Gated,
    /// Being scheduled or bound.
    InFlight,
}

type ActiveKey = (Reverse<i32>, SimTime, u64, Arc<str>);
type BackoffKey = (SimTime, Reverse<i32>, SimTime, u64, Arc<str>);

/// The queues.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    pods: Shelf<Arc<str>, Waiting>,
    active: BTreeSet<ActiveKey>,
    backing_off: BTreeSet<BackoffKey>,
    after_error: BTreeSet<BackoffKey>,
    pool: BTreeSet<Arc<str>>,
    seq: u64,
}

impl Queue {
    /// A new pod, or one whose spec changed.
    pub fn add(&mut self, pod: Arc<PodInfo>, now: SimTime, cause: TraceId) {
        let uid = pod.uid.clone();
        if let Some(known) = self.pods.get(&uid) {
            let gates_gone = known.state == State::Gated && pod.gates.is_empty();
            // A change of the pod itself, other than of its status, may let it fit.
            let parked = known.state == State::Unschedulable;
            let changed = parked && known.pod.differs(&pod);
            if let Some(known) = self.pods.edit().get_mut(&uid) {
                known.pod = pod;
            }
            if gates_gone || changed {
                self.activate(&uid, now, cause);
            }
            return;
        }
        self.seq += 1;
        let state = if pod.gates.is_empty() { State::Active } else { State::Gated };
        let waiting = Waiting {
            pod,
            since: now,
            seq: self.seq,
            failures: 0,
            attempts: 0,
            rejected_by: BTreeSet::new(),
            cause,
            state,
        };
        if state == State::Active {
            self.active.insert(active_key(&waiting));
        }
        self.pods.edit().insert(uid, waiting);
    }

    /// The pod is bound, deleted or someone else's.
    pub fn remove(&mut self, uid: &str) {
        self.unlink(uid);
        self.pods.edit().remove(uid);
    }

    /// Whether a pod waits here (or is being scheduled).
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<&Waiting> {
        self.pods.get(uid)
    }

    /// Take the next pod; one that backs off if no other is there.
    pub fn pop(&mut self) -> Option<Waiting> {
        let uid = match self.active.pop_first() {
            Some((.., uid)) => uid,
            None => self.backing_off.pop_first()?.4,
        };
        let waiting = self.pods.edit().get_mut(&uid)?;
        waiting.state = State::InFlight;
        waiting.attempts += 1;
        Some(waiting.clone())
    }

    /// Whether a pod could be taken.
    #[must_use]
    pub fn has_next(&self) -> bool {
        !self.active.is_empty() || !self.backing_off.is_empty()
    }

    /// An attempt failed. An attempt takes no time here, so no event can come meanwhile.
    pub fn failed(&mut self, uid: &str, rejected_by: BTreeSet<&'static str>, now: SimTime) {
        let Some(waiting) = self.pods.edit().get_mut(uid) else { return };
        if waiting.state != State::InFlight {
            return;
        }
        waiting.failures += 1;
        waiting.rejected_by = rejected_by;
        waiting.since = now;
        waiting.state = State::Unschedulable;
        self.pool.insert(uid.into());
    }

    /// An attempt ended in an error that has nothing to do with fitting: it goes straight to
    /// backing off.
    pub fn errored(&mut self, uid: &str, now: SimTime, cause: TraceId) {
        self.failed(uid, BTreeSet::new(), now);
        self.unlink(uid);
        let Some(waiting) = self.pods.edit().get_mut(uid) else { return };
        waiting.cause = cause;
        let until = backoff_end(waiting);
        waiting.state = State::ErrorBackoff { until };
        let key = backoff_key(waiting, until);
        self.after_error.insert(key);
    }

    /// Something changed: pods for which `helps` says so are tried again.
    pub fn moved(&mut self, now: SimTime, cause: TraceId, helps: impl Fn(&Waiting) -> bool) {
        let ready: Vec<Arc<str>> = self
            .pool
            .iter()
            .filter(|uid| self.pods.get(*uid).is_some_and(&helps))
            .cloned()
            .collect();
        for uid in ready {
            self.activate(&uid, now, cause);
        }
    }

    /// Move pods whose wait is over to the active queue.
    pub fn flush(&mut self, now: SimTime) {
        for errors in [false, true] {
            loop {
                let set = if errors { &mut self.after_error } else { &mut self.backing_off };
                let Some(key) = set.first().filter(|key| key.0 <= now).cloned() else { break };
                set.remove(&key);
                if let Some(waiting) = self.pods.edit().get_mut(&key.4) {
                    waiting.state = State::Active;
                    let key = active_key(waiting);
                    self.active.insert(key);
                }
            }
        }
    }

    /// When to flush next: the end of a wait after an error, or of a long stay in the pool.
    #[must_use]
    pub fn next_flush(&self) -> Option<SimTime> {
        let error = self.after_error.first().map(|key| key.0);
        let oldest = self.pool.iter().filter_map(|uid| self.pods.get(uid)).map(|w| w.since).min();
        let pool = oldest
            .map(|since| (since + MAX_UNSCHEDULABLE).next_tick(FLUSH_PERIOD, SimDuration::ZERO));
        match (error, pool) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Move pods that were unschedulable for long.
    pub fn flush_pool(&mut self, now: SimTime) {
        let old: Vec<Arc<str>> = self
            .pool
            .iter()
            .filter(|uid| {
                self.pods.get(*uid).is_some_and(|w| now.since(w.since) > MAX_UNSCHEDULABLE)
            })
            .cloned()
            .collect();
        for uid in old {
            let cause = self.pods.get(&uid).map_or(TraceId::NONE, |w| w.cause);
            self.activate(&uid, now, cause);
        }
    }

    /// Out of the pool: to the active queue, or to backing off if its wait is not over.
    fn activate(&mut self, uid: &str, now: SimTime, cause: TraceId) {
        self.unlink(uid);
        let Some(waiting) = self.pods.edit().get_mut(uid) else { return };
        waiting.cause = cause;
        let until = backoff_end(waiting);
        if until > now {
            waiting.state = State::Backoff { until };
            let key = backoff_key(waiting, until);
            self.backing_off.insert(key);
        } else {
            waiting.since = now;
            waiting.state = State::Active;
            let key = active_key(waiting);
            self.active.insert(key);
        }
    }

    fn unlink(&mut self, uid: &str) {
        let Some(waiting) = self.pods.get(uid) else { return };
        match waiting.state {
            State::Active => {
                self.active.remove(&active_key(waiting));
            }
            State::Backoff { until } => {
                self.backing_off.remove(&backoff_key(waiting, until));
            }
            State::ErrorBackoff { until } => {
                self.after_error.remove(&backoff_key(waiting, until));
            }
            State::Unschedulable => {
                self.pool.remove(uid);
            }
            State::Gated | State::InFlight => {}
        }
    }
}

/// 1, 2, 4, 8, 10 s after the last attempt, cut down to a whole second.
fn backoff_end(waiting: &Waiting) -> SimTime {
    match waiting.failures.checked_sub(1) {
        None => SimTime::ZERO,
        Some(n) => (waiting.since + backoff(INITIAL_BACKOFF, MAX_BACKOFF, n)).floor_to_second(),
    }
}

fn active_key(w: &Waiting) -> ActiveKey {
    (Reverse(w.pod.priority), w.since, w.seq, w.pod.uid.clone())
}

fn backoff_key(w: &Waiting, until: SimTime) -> BackoffKey {
    (until, Reverse(w.pod.priority), w.since, w.seq, w.pod.uid.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Pod, PodSpec};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    fn pod(uid: &str, priority: i32) -> Arc<PodInfo> {
        Arc::new(PodInfo::read(&Pod {
            metadata: ObjectMeta { uid: Some(uid.into()), ..ObjectMeta::default() },
            spec: Some(PodSpec { priority: Some(priority), ..PodSpec::default() }),
            status: None,
        }))
    }

    fn popped(queue: &mut Queue) -> Option<String> {
        queue.pop().map(|w| w.pod.uid.to_string())
    }

    #[test]
    fn priority_then_arrival() {
        let mut queue = Queue::default();
        for (uid, priority) in [("a", 0), ("b", 0), ("c", 100)] {
            queue.add(pod(uid, priority), SimTime(1), TraceId::NONE);
        }
        let order: Vec<_> = std::iter::from_fn(|| popped(&mut queue)).collect();
        assert_eq!(order, ["c", "a", "b"]);
    }

    #[test]
    fn failed_pods_wait_for_an_event_and_then_back_off() {
        let mut queue = Queue::default();
        let start = SimTime::from_millis(1_400);
        queue.add(pod("a", 0), start, TraceId::NONE);
        assert!(queue.pop().is_some());
        queue.failed("a", ["NodeResourcesFit"].into(), start);
        assert!(!queue.has_next());
        queue.moved(start, TraceId::NONE, |w| w.rejected_by.contains("NodeAffinity"));
        assert!(!queue.has_next());
        queue.moved(start, TraceId::NONE, |w| w.rejected_by.contains("NodeResourcesFit"));
        assert!(queue.backing_off.first().is_some_and(|k| k.0 == SimTime::from_secs(2)), "aligned");
        queue.flush(SimTime::from_secs(2));
        assert!(queue.backing_off.is_empty());
        assert_eq!(popped(&mut queue).as_deref(), Some("a"));
    }

    #[test]
    fn gates_hold() {
        let mut queue = Queue::default();
        let mut gated = (*pod("a", 0)).clone();
        gated.gates.push("example.com/wait".into());
        queue.add(Arc::new(gated), SimTime(1), TraceId::NONE);
        assert!(queue.get("a").is_some_and(|w| w.state == State::Gated) && !queue.has_next());
        queue.add(pod("a", 0), SimTime(2), TraceId::NONE);
        assert!(queue.has_next());
    }
}
