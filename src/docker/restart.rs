//! The restart manager (moby `daemon/internal/restartmanager`): whether and when a container that
//! ended runs again.

use crate::base::time::SimDuration;
use crate::docker::api::RestartPolicy;

/// First delay and the value after a long run (`backoffMultiplier`, `defaultTimeout`).
const FIRST: SimDuration = SimDuration::from_millis(100);
/// Longest delay (`maxRestartTimeout`).
const LONGEST: SimDuration = SimDuration::from_secs(60);
/// A run of this length resets the delay.
const LONG_RUN: SimDuration = SimDuration::from_secs(10);

/// What the manager remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct RestartManager {
    /// Automatic restarts since the last start by hand.
    pub(crate) count: u32,
    delay: SimDuration,
}

impl RestartManager {
    /// Forget everything, as a start by hand does.
    pub(crate) const fn reset(&mut self) {
        self.count = 0;
        self.delay = SimDuration::ZERO;
    }

    /// Decide after an exit: the delay until the next start, or `None` to stay down. Counts.
    pub(crate) fn after_exit(
        &mut self,
        policy: &RestartPolicy,
        code: i64,
        by_hand: bool,
        ran: SimDuration,
    ) -> Option<SimDuration> {
        let delay = match self.delay {
            _ if ran >= LONG_RUN => FIRST,
            SimDuration::ZERO => FIRST,
            before => before.times(2).min(LONGEST),
        };
        self.delay = delay;
        let again = match policy.name.as_str() {
            "always" => !by_hand,
            "unless-stopped" => !by_hand,
            "on-failure" => {
                let max = policy.maximum_retry_count;
                !by_hand && code != 0 && (max == 0 || i64::from(self.count) < max)
            }
            _ => false,
        };
        if again {
            self.count += 1;
        }
        again.then_some(delay)
    }
}

/// Whether a container starts when its daemon starts (`daemon.go` restore).
#[must_use]
pub(crate) fn at_daemon_start(
    policy: &RestartPolicy,
    code: i64,
    by_hand: bool,
    count: u32,
) -> bool {
    match policy.name.as_str() {
        "always" => true,
        "unless-stopped" => !by_hand,
        "on-failure" => {
            code != 0
                && (policy.maximum_retry_count == 0
                    || i64::from(count) < policy.maximum_retry_count)
        }
        _ => false,
    }
}

/// Check a policy as the daemon does (`ValidateRestartPolicy`).
///
/// # Errors
/// The daemon's text.
pub(crate) fn validate(policy: &RestartPolicy) -> Result<(), String> {
    match policy.name.as_str() {
        "" | "no" | "always" | "unless-stopped" => {
            if policy.maximum_retry_count == 0 {
                Ok(())
            } else {
                let mut text = "invalid restart policy: maximum retry count can only be used with \
                                'on-failure'"
                    .to_owned();
                if policy.name.is_empty() {
                    text.push_str(" restart policy");
                }
                Err(text)
            }
        }
        "on-failure" if policy.maximum_retry_count < 0 => {
            Err("invalid restart policy: maximum retry count cannot be negative".to_owned())
        }
        "on-failure" => Ok(()),
        other => Err(format!(
            "invalid restart policy: unknown policy '{other}'; use one of 'no', 'always', \
             'on-failure', or 'unless-stopped'"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, max: i64) -> RestartPolicy {
        RestartPolicy { name: name.into(), maximum_retry_count: max }
    }

    #[test]
    fn always_backs_off_to_a_minute() {
        let mut m = RestartManager::default();
        let p = policy("always", 0);
        let mut delays = Vec::new();
        for _ in 0..12 {
            delays.push(m.after_exit(&p, 1, false, SimDuration::ZERO).unwrap().as_millis());
        }
        let expected =
            [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000];
        assert_eq!(delays, expected);
        assert_eq!(m.after_exit(&p, 0, false, LONG_RUN), Some(FIRST));
        assert_eq!(m.after_exit(&p, 0, true, LONG_RUN), None);
        assert_eq!(m.count, 13);
    }

    #[test]
    fn on_failure_counts() {
        let mut m = RestartManager::default();
        let p = policy("on-failure", 3);
        let runs = (0..9).take_while(|_| m.after_exit(&p, 1, false, SimDuration::ZERO).is_some());
        assert_eq!(runs.count(), 3);
        assert_eq!(m.count, 3);
        m.reset();
        assert_eq!(m.after_exit(&p, 0, false, SimDuration::ZERO), None);
    }

    #[test]
    fn daemon_start() {
        for (name, code, by_hand, starts) in [
            ("no", 1, false, false),
            ("always", 0, true, true),
            ("unless-stopped", 0, true, false),
            ("unless-stopped", 0, false, true),
            ("on-failure", 0, false, false),
            ("on-failure", 255, false, true),
        ] {
            assert_eq!(at_daemon_start(&policy(name, 0), code, by_hand, 0), starts, "{name}");
        }
    }
}
