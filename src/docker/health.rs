//! The health state machine (moby `daemon/health.go`): when to probe and what a result means.

use std::collections::VecDeque;

use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::{HealthConfig, HealthStatus, ProbeResult};

/// Results kept (`maxLogEntries`).
const LOG_ENTRIES: usize = 5;
/// Bytes of output kept (`maxOutputLen`).
pub(crate) const MAX_OUTPUT: usize = 4096;
/// Shortest allowed times (`containertypes.MinimumDuration`).
const MINIMUM: SimDuration = SimDuration::from_millis(1);

/// A check with all defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Check {
    /// What runs.
    pub(crate) argv: Vec<String>,
    /// Time between probes.
    pub(crate) interval: SimDuration,
    /// Limit of one probe.
    pub(crate) timeout: SimDuration,
    /// Time in which failures do not count.
    pub(crate) start_period: SimDuration,
    /// Interval in the start period.
    pub(crate) start_interval: SimDuration,
    /// Failures in a row that make it unhealthy.
    pub(crate) retries: u32,
}

impl Check {
    /// The effective check of a configuration; `None` if there is none.
    #[must_use]
    pub(crate) fn of(config: &HealthConfig, shell: &[String]) -> Option<Self> {
        let argv = match config.test.split_first()? {
            (kind, rest) if kind == "CMD" => rest.to_vec(),
            (kind, rest) if kind == "CMD-SHELL" => {
                let mut argv = if shell.is_empty() {
                    vec!["/bin/sh".to_owned(), "-c".to_owned()]
                } else {
                    shell.to_vec()
                };
                argv.extend(rest.iter().cloned());
                argv
            }
            _ => return None,
        };
        let or = |d: SimDuration, default: u64| {
            if d == SimDuration::ZERO { SimDuration::from_secs(default) } else { d }
        };
        // Defaults of daemon/health.go: 30 s, 30 s, 5 s, 3 retries.
        Some(Self {
            argv,
            interval: or(config.interval, 30),
            timeout: or(config.timeout, 30),
            start_period: config.start_period,
            start_interval: or(config.start_interval, 5),
            retries: if config.retries == 0 { 3 } else { config.retries },
        })
    }
}

/// Health of a running container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Health {
    /// Word.
    pub(crate) status: HealthStatus,
    /// Failures in a row.
    pub(crate) streak: u32,
    /// Last results, oldest first.
    pub(crate) log: VecDeque<ProbeResult>,
}

impl Default for Health {
    fn default() -> Self {
        Self { status: HealthStatus::Starting, streak: 0, log: VecDeque::new() }
    }
}

impl Health {
    /// Time until the next probe.
    #[must_use]
    pub(crate) fn next_interval(&self, check: &Check, ran: SimDuration) -> SimDuration {
        if self.status == HealthStatus::Starting && ran < check.start_period {
            check.start_interval
        } else {
            check.interval
        }
    }

    /// Take a result; true if the word changed.
    pub(crate) fn take(&mut self, check: &Check, started_at: SimTime, result: ProbeResult) -> bool {
        let before = self.status;
        if result.exit_code == 0 {
            self.streak = 0;
            self.status = HealthStatus::Healthy;
        } else {
            let in_start = before == HealthStatus::Starting
                && result.start.since(started_at) < check.start_period;
            if !in_start {
                self.streak = self.streak.saturating_add(1);
                if self.streak >= check.retries {
                    self.status = HealthStatus::Unhealthy;
                }
            }
        }
        if self.log.len() >= LOG_ENTRIES {
            self.log.pop_front();
        }
        self.log.push_back(result);
        self.status != before
    }
}

/// Check times as the daemon does (`validateHealthCheck`).
///
/// # Errors
/// The daemon's text.
pub(crate) fn validate(config: &HealthConfig) -> Result<(), String> {
    for (name, value) in [
        ("Interval", config.interval),
        ("Timeout", config.timeout),
        ("StartPeriod", config.start_period),
        ("StartInterval", config.start_interval),
    ] {
        if value != SimDuration::ZERO && value < MINIMUM {
            return Err(format!("{name} in Healthcheck cannot be less than 1ms"));
        }
    }
    Ok(())
}

/// The client's check laid over the image's (`mergeConfig`).
#[must_use]
pub(crate) fn merge(
    own: Option<&HealthConfig>,
    image: Option<&HealthConfig>,
) -> Option<HealthConfig> {
    let Some(own) = own else { return image.cloned() };
    let Some(image) = image else { return Some(own.clone()) };
    let zero = |d: SimDuration, other: SimDuration| if d == SimDuration::ZERO { other } else { d };
    Some(HealthConfig {
        test: if own.test.is_empty() { image.test.clone() } else { own.test.clone() },
        interval: zero(own.interval, image.interval),
        timeout: zero(own.timeout, image.timeout),
        start_period: zero(own.start_period, image.start_period),
        start_interval: zero(own.start_interval, image.start_interval),
        retries: if own.retries == 0 { image.retries } else { own.retries },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(at: u64, code: i64) -> ProbeResult {
        let at = SimTime::from_secs(at);
        ProbeResult { start: at, end: at, exit_code: code, output: String::new() }
    }

    fn check(start_period: u64) -> Check {
        let config = HealthConfig {
            test: vec!["CMD".into(), "true".into()],
            start_period: SimDuration::from_secs(start_period),
            ..HealthConfig::default()
        };
        Check::of(&config, &[]).unwrap()
    }

    #[test]
    fn three_failures_in_a_row_make_it_unhealthy() {
        let check = check(0);
        let mut h = Health::default();
        let results = [1, 1, 0, 1, 2, -1, 1, 0];
        let words: Vec<&str> = results
            .into_iter()
            .enumerate()
            .map(|(at, code)| {
                h.take(&check, SimTime::ZERO, probe(at as u64, code));
                h.status.as_str()
            })
            .collect();
        assert_eq!(
            words,
            [
                "starting",
                "starting",
                "healthy",
                "healthy",
                "healthy",
                "unhealthy",
                "unhealthy",
                "healthy"
            ]
        );
        assert_eq!(h.log.len(), 5);
    }

    #[test]
    fn failures_of_the_start_period_do_not_count() {
        let check = check(10);
        let mut h = Health::default();
        for at in 0..9 {
            h.take(&check, SimTime::ZERO, probe(at, 1));
        }
        assert_eq!((h.status, h.streak), (HealthStatus::Starting, 0));
        assert_eq!(h.next_interval(&check, SimDuration::from_secs(3)).as_secs(), 5);
        h.take(&check, SimTime::ZERO, probe(9, 0));
        h.take(&check, SimTime::ZERO, probe(9, 1));
        assert_eq!((h.status, h.streak), (HealthStatus::Healthy, 1), "one success ends it");
    }

    #[test]
    fn times() {
        let bad = HealthConfig { interval: SimDuration(1), ..HealthConfig::default() };
        assert_eq!(validate(&bad).unwrap_err(), "Interval in Healthcheck cannot be less than 1ms");
    }
}
