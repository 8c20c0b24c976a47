//! Probe workers: one per container and kind of probe.
//!
//! Models kubernetes `pkg/kubelet/prober/worker.go`, `prober.go` and `prober_manager.go`. Ticks on
//! which a worker would only find that it has nothing to do yet are skipped, not scheduled.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::base::time::{SimDuration, SimTime};
use crate::net::{Answer, Outcome};

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Until it succeeds the other two wait.
    Startup,
    /// Failure restarts the container.
    Liveness,
    /// Failure takes the pod out of its services.
    Readiness,
}

impl ProbeKind {
    /// All kinds, in the order in which a pod's workers are made.
    pub const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];

    /// As it begins a message.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }

    /// As it stands inside a message.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
        }
    }

    /// The probe of this kind of a container.
    #[must_use]
    pub fn of(self, container: &core::Container) -> Option<&core::Probe> {
        match self {
            Self::Startup => container.startup_probe.as_ref(),
            Self::Liveness => container.liveness_probe.as_ref(),
            Self::Readiness => container.readiness_probe.as_ref(),
        }
    }
}

/// Result of a probe, also of a whole worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// Good.
    Success,
    /// Bad.
    Failure,
    /// Not known yet.
    Unknown,
}

/// How one run of a probe went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It succeeded.
    Success,
    /// It failed with this output.
    Failure(String),
    /// It could not be run.
    Error(String),
}

/// One worker.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeWorker {
    /// The container.
    pub container: Arc<str>,
    /// What for.
    pub kind: ProbeKind,
    /// How.
    pub spec: Arc<core::Probe>,
    /// Where its ticks lie: one of them.
    pub base: SimTime,
    /// The container run that it watches.
    pub run: Option<Arc<str>>,
    /// What counts now.
    pub result: ProbeResult,
    /// The last result and how often in a row.
    pub last: (ProbeResult, i32),
    /// It waits for a new container run.
    pub on_hold: bool,
    /// A probe is on its way; its number.
    pub in_flight: Option<u64>,
    /// Number of the timer that counts.
    pub timer: u64,
    /// Probes sent so far.
    pub flights: u64,
    /// Whether a timer is set.
    pub armed: bool,
}

impl ProbeWorker {
    /// A worker whose first tick is now.
    #[must_use]
    pub fn new(container: &Arc<str>, kind: ProbeKind, spec: &core::Probe, now: SimTime) -> Self {
        Self {
            container: container.clone(),
            kind,
            spec: Arc::new(spec.clone()),
            base: now,
            run: None,
            result: Self::initial(kind),
            last: (ProbeResult::Unknown, 0),
            on_hold: false,
            in_flight: None,
            timer: 0,
            flights: 0,
            armed: false,
        }
    }

    const fn initial(kind: ProbeKind) -> ProbeResult {
        match kind {
            ProbeKind::Startup => ProbeResult::Unknown,
            ProbeKind::Liveness => ProbeResult::Success,
            ProbeKind::Readiness => ProbeResult::Failure,
        }
    }

    /// Time between ticks.
    #[must_use]
    pub fn period(&self) -> SimDuration {
        seconds(self.spec.period_seconds, 10)
    }

    /// Limit of one probe.
    #[must_use]
    pub fn timeout(&self) -> SimDuration {
        seconds(self.spec.timeout_seconds, 1)
    }

    /// A new container run is watched from the start.
    pub fn watch(&mut self, run: &Arc<str>) {
        if self.run.as_ref() == Some(run) {
            return;
        }
        self.run = Some(run.clone());
        self.result = Self::initial(self.kind);
        self.last = (ProbeResult::Unknown, 0);
        self.on_hold = false;
        self.in_flight = None;
    }

    /// The next tick, not before `from`.
    #[must_use]
    pub fn tick_from(&self, from: SimTime) -> SimTime {
        if from <= self.base {
            return self.base;
        }
        let period = self.period().0.max(1);
        let passed = from.since(self.base).0;
        SimTime(self.base.0 + passed.div_ceil(period) * period)
    }

    /// When a probe of a container that runs since `started` may be run first: whole seconds
    /// since the start must reach the initial delay.
    #[must_use]
    pub fn earliest(&self, started: SimTime) -> SimTime {
        started + seconds(self.spec.initial_delay_seconds, 0)
    }

    /// Take in one result; true if what counts changed.
    pub fn take(&mut self, success: bool) -> bool {
        let result = if success { ProbeResult::Success } else { ProbeResult::Failure };
        self.last = if self.last.0 == result { (result, self.last.1 + 1) } else { (result, 1) };
        let threshold = if success {
            self.spec.success_threshold.unwrap_or(1)
        } else {
            self.spec.failure_threshold.unwrap_or(3)
        };
        if self.last.1 < threshold.max(1) {
            return false;
        }
        let changed = self.result != result;
        self.result = result;
        if !success && self.kind != ProbeKind::Readiness {
            // The container will be killed; wait for the next one.
            self.on_hold = true;
            self.last.1 = 0;
        }
        changed
    }

    /// Whether it has anything to probe in a container that started, or did not yet.
    #[must_use]
    pub fn wanted(&self, started: bool) -> bool {
        !self.on_hold && (started != (self.kind == ProbeKind::Startup))
    }
}

fn seconds(value: Option<i32>, default: u64) -> SimDuration {
    SimDuration::from_secs(value.and_then(|v| u64::try_from(v).ok()).unwrap_or(default))
}

/// Event text of a run that went wrong: reason `Unhealthy`, or of one that could not be run.
#[must_use]
pub fn event_text(kind: ProbeKind, verdict: &Verdict) -> Option<String> {
    let title = kind.title();
    match verdict {
        Verdict::Success => None,
        Verdict::Failure(output) => Some(format!("{title} probe failed: {output}")),
        Verdict::Error(error) => {
            Some(format!("{title} probe errored and resulted in unknown state: {error}"))
        }
    }
}

/// A port by number or by the name that the container gives it.
#[must_use]
pub fn port_of(container: &core::Container, port: &IntOrString) -> Option<u16> {
    match port {
        IntOrString::Int(n) => u16::try_from(*n).ok().filter(|p| *p > 0),
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|p| p.name.as_ref() == Some(name));
            match named {
                Some(port) => u16::try_from(port.container_port).ok(),
                None => name.parse().ok(),
            }
        }
    }
}

/// Read the answer to an HTTP probe of `url` at `address` (`ip:port`).
#[must_use]
pub fn http_verdict(url: &str, address: &str, answer: &Answer) -> Verdict {
    match &answer.outcome {
        Outcome::Http { status, .. } if (200..400).contains(status) => Verdict::Success,
        Outcome::Http { status, .. } => {
            Verdict::Failure(format!("HTTP probe failed with statuscode: {status}"))
        }
        Outcome::Connected(_) | Outcome::Resolved(_) => {
            Verdict::Failure(format!("Get \"{url}\": EOF"))
        }
        Outcome::Timeout => Verdict::Failure(format!(
            "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting \
             headers)"
        )),
        other @ (Outcome::Refused
        | Outcome::UnknownName
        | Outcome::Unreachable
        | Outcome::Reset) => {
            Verdict::Failure(format!("Get \"{url}\": {}", dial_error(address, other)))
        }
    }
}

/// Read the answer to a TCP probe of `address`.
#[must_use]
pub fn tcp_verdict(address: &str, answer: &Answer) -> Verdict {
    match &answer.outcome {
        Outcome::Http { .. } | Outcome::Connected(_) => Verdict::Success,
        other @ (Outcome::Resolved(_)
        | Outcome::Refused
        | Outcome::Timeout
        | Outcome::UnknownName
        | Outcome::Unreachable
        | Outcome::Reset) => Verdict::Failure(dial_error(address, other)),
    }
}

/// Read the answer to a gRPC health probe: a server that accepts is taken as serving.
#[must_use]
pub fn grpc_verdict(address: &str, answer: &Answer) -> Verdict {
    match &answer.outcome {
        Outcome::Http { .. } | Outcome::Connected(_) => Verdict::Success,
        Outcome::Resolved(_)
        | Outcome::Refused
        | Outcome::Timeout
        | Outcome::UnknownName
        | Outcome::Unreachable
        | Outcome::Reset => Verdict::Failure(format!(
            "timeout: failed to connect service \"{address}\" within 1s: context deadline exceeded"
        )),
    }
}

/// Go's words for a connection that did not come about.
fn dial_error(address: &str, outcome: &Outcome) -> String {
    let what = match outcome {
        Outcome::Refused => "connect: connection refused",
        Outcome::Unreachable => "connect: no route to host",
        Outcome::Reset => return format!("read tcp {address}: read: connection reset by peer"),
        Outcome::UnknownName => "lookup: no such host",
        Outcome::Timeout | Outcome::Http { .. } | Outcome::Connected(_) | Outcome::Resolved(_) => {
            "i/o timeout"
        }
    };
    format!("dial tcp {address}: {what}")
}

/// Output of an exec probe that ran too long.
#[must_use]
pub fn exec_timeout(argv: &[String], timeout: SimDuration) -> String {
    format!("command timed out: \"{}\" timed out after {}", argv.join(" "), timeout.go_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(kind: ProbeKind, failure: i32, success: i32) -> ProbeWorker {
        let spec = core::Probe {
            failure_threshold: Some(failure),
            success_threshold: Some(success),
            period_seconds: Some(4),
            initial_delay_seconds: Some(10),
            ..Default::default()
        };
        ProbeWorker::new(&"c".into(), kind, &spec, SimTime::from_millis(1_350))
    }

    #[test]
    fn thresholds() {
        let mut w = worker(ProbeKind::Readiness, 3, 2);
        let changes: Vec<bool> =
            [true, true, false, false, true, false, false, false].map(|ok| w.take(ok)).into();
        assert_eq!(changes, [false, true, false, false, false, false, false, true]);
        assert!(!w.on_hold, "readiness goes on");
        let mut w = worker(ProbeKind::Liveness, 2, 1);
        assert!(!w.take(false));
        assert!(w.take(false));
        assert!(w.on_hold);
        w.watch(&"next".into());
        assert_eq!((w.on_hold, w.result), (false, ProbeResult::Success));
    }

    /// Ticks keep their phase from the worker's start (recorded in kubelet/07: worker at 1.35 s,
    /// container at 5.76 s, initial delay 10 s, period 4 s: first probe at 17.35 s).
    #[test]
    fn ticks() {
        let w = worker(ProbeKind::Liveness, 1, 1);
        let first = w.tick_from(w.earliest(SimTime::from_millis(5_760)));
        assert_eq!(first, SimTime::from_millis(17_350));
        assert_eq!(w.tick_from(first), first);
        assert_eq!(w.tick_from(SimTime(first.0 + 1)), SimTime::from_millis(21_350));
    }

    #[test]
    fn texts() {
        let answer =
            |outcome| Answer { outcome, peer: None, hops: Vec::new(), latency: SimDuration::ZERO };
        let url = "http://10.244.1.24:8080/";
        let v = http_verdict(url, "10.244.1.24:8080", &answer(Outcome::Refused));
        let text = event_text(ProbeKind::Liveness, &v);
        let want = "Liveness probe failed: Get \"http://10.244.1.24:8080/\": dial tcp \
                    10.244.1.24:8080: connect: connection refused";
        assert_eq!(text.as_deref(), Some(want));
        let argv = ["sleep".to_owned(), "5".to_owned()];
        let text = exec_timeout(&argv, SimDuration::from_secs(1));
        assert_eq!(text, "command timed out: \"sleep 5\" timed out after 1s");
    }
}
