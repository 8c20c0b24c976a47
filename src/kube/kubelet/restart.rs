//! When a container that ended is started again: restart policies and the crash back-off.
//!
//! Models kubernetes `pkg/kubelet/container/helpers.go` (ShouldContainerBeRestarted),
//! `client-go/util/flowcontrol/backoff.go` and `kuberuntime_manager.go` doBackOff. Left out:
//! restart rules on exit codes (`restartPolicyRules`) and `RestartAllContainers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use crate::base::time::{SimDuration, SimTime};
use crate::stub;

/// First delay (kubelet.go `backOffPeriod`).
pub const INITIAL_DELAY: SimDuration = SimDuration::from_secs(10);
/// Longest delay (`MaxCrashLoopBackOff`).
pub const MAX_DELAY: SimDuration = SimDuration::from_secs(300);

/// What a container's restart policy says, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Always.
    Always,
    /// Only after a failure.
    OnFailure,
    /// Never.
    Never,
}

impl RestartPolicy {
    /// The pod's policy.
    #[must_use]
    pub fn of_pod(spec: &core::PodSpec) -> Self {
        Self::read(spec.restart_policy.as_deref())
    }

    /// The policy that holds for one container: its own if it has one, else the pod's.
    #[must_use]
    pub fn of_container(spec: &core::PodSpec, container: &core::Container) -> Self {
        if container.restart_policy_rules.is_some() {
            stub!("kube.kubelet.restart-rules", "restart rules on exit codes are ignored");
        }
        match container.restart_policy.as_deref() {
            Some(own) => Self::read(Some(own)),
            None => Self::of_pod(spec),
        }
    }

    fn read(text: Option<&str>) -> Self {
        match text {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            _ => Self::Always,
        }
    }

    /// Whether a container that ended with this code is started again.
    #[must_use]
    pub const fn restarts_after(self, code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != 0,
            Self::Never => false,
        }
    }
}

/// Whether this init container is a sidecar (`restartPolicy: Always`).
#[must_use]
pub fn is_sidecar(container: &core::Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// One back-off entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    delay: SimDuration,
    updated: SimTime,
}

/// Exponential delays per key, as `flowcontrol.Backoff`.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    entries: BTreeMap<Arc<str>, Entry>,
}

impl Backoff {
    /// The present delay of a key; zero without one.
    #[must_use]
    pub fn delay(&self, key: &str) -> SimDuration {
        self.entries.get(key).map_or(SimDuration::ZERO, |e| e.delay)
    }

    /// Step the key on: first 10 s, then doubling; from the start again after a long quiet time.
    pub fn next(&mut self, key: &Arc<str>, event_at: SimTime, now: SimTime) {
        let fresh = Entry { delay: INITIAL_DELAY, updated: now };
        let entry = match self.entries.get(key) {
            Some(old) if !expired(old, event_at) => {
                let doubled = SimDuration(old.delay.0.saturating_mul(2));
                Entry { delay: doubled.min(MAX_DELAY), updated: now }
            }
            _ => fresh,
        };
        self.entries.insert(key.clone(), entry);
    }

    /// Until when the key is held back after an event (a container's end), if it still is.
    #[must_use]
    pub fn until(&self, key: &str, event_at: SimTime, now: SimTime) -> Option<SimTime> {
        let entry = self.entries.get(key)?;
        if expired(entry, event_at) {
            return None;
        }
        let until = event_at + entry.delay;
        (now < until).then_some(until)
    }

    /// Until when the key is held back, counted from its last step (image pulls).
    #[must_use]
    pub fn until_since_update(&self, key: &str, now: SimTime) -> Option<SimTime> {
        let entry = self.entries.get(key)?;
        if expired(entry, now) {
            return None;
        }
        let until = entry.updated + entry.delay;
        (now < until).then_some(until)
    }

    /// Forget every key that begins so (a pod that is gone).
    pub fn forget(&mut self, prefix: &str) {
        self.entries.retain(|key, _| !key.starts_with(prefix));
    }
}

/// The counter starts again when the event comes more than twice the longest delay (10 min)
/// after the last step.
fn expired(entry: &Entry, event_at: SimTime) -> bool {
    event_at.since(entry.updated) > SimDuration(MAX_DELAY.0 * 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_five_minutes_and_reset() {
        let mut backoff = Backoff::default();
        let key: Arc<str> = "pod/c".into();
        let mut now = SimTime::ZERO;
        assert_eq!(backoff.until(&key, now, now), None, "the first restart is immediate");
        let mut seen = Vec::new();
        for _ in 0..7 {
            backoff.next(&key, now, now);
            seen.push(backoff.delay(&key).as_secs());
            let until = backoff.until(&key, now, now).unwrap();
            assert_eq!(until.since(now), backoff.delay(&key));
            now = until;
        }
        assert_eq!(seen, [10, 20, 40, 80, 160, 300, 300]);
        let much_later = now + SimDuration::from_secs(901);
        assert_eq!(backoff.until(&key, much_later, much_later), None);
        backoff.next(&key, much_later, much_later);
        assert_eq!(backoff.delay(&key).as_secs(), 10);
    }

    #[test]
    fn policies() {
        for (policy, zero, one) in [
            (RestartPolicy::Always, true, true),
            (RestartPolicy::OnFailure, false, true),
            (RestartPolicy::Never, false, false),
        ] {
            assert_eq!((policy.restarts_after(0), policy.restarts_after(1)), (zero, one));
        }
    }
}
