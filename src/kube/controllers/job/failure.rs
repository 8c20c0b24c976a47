//! When a Job has failed, and how long it waits before it tries again.
//!
//! Models `syncJob`'s conditions, `pod_failure_policy.go` and `backoff_utils.go` of kubernetes
//! `pkg/controller/job` @v1.36.

use k8s_openapi::api::batch::v1::{JobStatus, PodFailurePolicyRule};
use k8s_openapi::api::core::v1::Pod;

use crate::base::time::{SimDuration, SimTime};
use crate::engine::work::backoff;
use crate::kube::clock::sim_time;
use crate::kube::controllers::Sync;
use crate::kube::controllers::job::{Counted, View, by_index, indexes};
use crate::kube::controllers::pods::phase;
use crate::kube::informer::Item;

/// First wait after a failure (`DefaultJobPodFailureBackOff`).
pub(super) const BACKOFF: SimDuration = SimDuration::from_secs(10);
/// Longest wait (`MaxJobPodFailureBackOff`).
pub(super) const BACKOFF_CAP: SimDuration = SimDuration::from_secs(600);

const LAST_FAILURE: &str = "last-failure";
const FAILURES: &str = "failures";

/// What a sync finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Running,
    /// Enough pods have succeeded.
    Complete,
    /// It has failed.
    Failed {
        /// Reason of the conditions.
        reason: &'static str,
        /// Their message.
        message: String,
    },
}

/// What a rule of the pod failure policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The failure does not count.
    Ignore,
    /// It counts.
    Count,
    /// The Job fails.
    FailJob,
    /// The index fails.
    FailIndex,
}

/// Decide.
#[must_use]
pub fn judge(
    view: &View<'_>,
    status: &JobStatus,
    succeeded: i32,
    failed: i32,
    counted: &Counted,
    active: i32,
) -> Verdict {
    let known = |kind: &str| {
        let conditions = status.conditions.iter().flatten();
        conditions.into_iter().find(|c| c.type_ == kind && c.status == "True")
    };
    if known("SuccessCriteriaMet").is_some() {
        return Verdict::Complete;
    }
    if let Some(target) = known("FailureTarget") {
        let reason = REASONS.iter().find(|r| Some(**r) == target.reason.as_deref());
        return Verdict::Failed {
            reason: reason.copied().unwrap_or("BackoffLimitExceeded"),
            message: target.message.clone().unwrap_or_default(),
        };
    }
    if let Some(message) = failed_by_policy(view) {
        return Verdict::Failed { reason: "PodFailurePolicy", message };
    }
    let limit = view.spec.backoff_limit.unwrap_or(6);
    if failed > limit || past_limit_on_failure(view, limit) {
        return Verdict::Failed {
            reason: "BackoffLimitExceeded",
            message: "Job has reached the specified backoff limit".to_owned(),
        };
    }
    if past_deadline(view, status) {
        return Verdict::Failed {
            reason: "DeadlineExceeded",
            message: "Job was active longer than specified deadline".to_owned(),
        };
    }
    let mut done = indexes::completed(view);
    done.extend(counted.indexes.iter().copied());
    if let Some(failed) = by_index::judge(view, &done) {
        return failed;
    }
    let complete = match view.spec.completions {
        None => succeeded > 0 && active == 0,
        Some(wanted) if view.indexed() => i32::try_from(done.len()).unwrap_or(i32::MAX) >= wanted,
        Some(wanted) => succeeded >= wanted,
    };
    if complete || by_index::success_rule(view, &done).is_some() {
        Verdict::Complete
    } else {
        Verdict::Running
    }
}

/// Reasons that a Job can fail for.
const REASONS: [&str; 5] = [
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "PodFailurePolicy",
    "MaxFailedIndexesExceeded",
    "FailedIndexes",
];

fn past_deadline(view: &View<'_>, status: &JobStatus) -> bool {
    let Some(limit) = view.spec.active_deadline_seconds else { return false };
    let Some(started) = status.start_time.as_ref().map(sim_time) else { return false };
    if view.spec.suspend == Some(true) {
        return false;
    }
    view.now.since(started) >= SimDuration::from_secs(u64::try_from(limit).unwrap_or(0))
}

/// With OnFailure the restarts of the containers count.
fn past_limit_on_failure(view: &View<'_>, limit: i32) -> bool {
    let template = view.spec.template.spec.as_ref();
    if template.and_then(|s| s.restart_policy.as_deref()) != Some("OnFailure") {
        return false;
    }
    let restarts: i32 = view
        .pods
        .iter()
        .filter(|(_, pod)| matches!(phase(pod), "Running" | "Pending"))
        .filter_map(|(_, pod)| pod.status.as_ref())
        .flat_map(|s| {
            let containers = s.container_statuses.iter().flatten();
            containers.chain(s.init_container_statuses.iter().flatten())
        })
        .map(|c| c.restart_count)
        .sum();
    if limit == 0 { restarts > 0 } else { restarts >= limit }
}

/// The message of a rule that makes the Job fail, if a failed pod matches one.
fn failed_by_policy(view: &View<'_>) -> Option<String> {
    view.pods.iter().find_map(|(_, pod)| {
        let (index, rule, what) = matching_rule(view, pod)?;
        (rule.action == "FailJob").then(|| format!("{what} matching FailJob rule at index {index}"))
    })
}

/// What the policy says of a failed pod.
#[must_use]
pub fn policy_action(view: &View<'_>, pod: &Pod) -> Option<Action> {
    let (_, rule, _) = matching_rule(view, pod)?;
    match rule.action.as_str() {
        "Ignore" => Some(Action::Ignore),
        "Count" => Some(Action::Count),
        "FailJob" => Some(Action::FailJob),
        "FailIndex" => Some(Action::FailIndex),
        _ => None,
    }
}

fn matching_rule<'a>(
    view: &'a View<'_>,
    pod: &Pod,
) -> Option<(usize, &'a PodFailurePolicyRule, String)> {
    if phase(pod) != "Failed" {
        return None;
    }
    let policy = view.spec.pod_failure_policy.as_ref()?;
    policy.rules.iter().enumerate().find_map(|(index, rule)| {
        let what = by_exit_code(rule, pod).or_else(|| by_condition(rule, pod))?;
        Some((index, rule, what))
    })
}

fn pod_name(pod: &Pod) -> String {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    format!("{}/{}", text(&pod.metadata.namespace), text(&pod.metadata.name))
}

fn by_exit_code(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let wanted = rule.on_exit_codes.as_ref()?;
    let status = pod.status.as_ref()?;
    let containers = status.container_statuses.iter().flatten();
    let mut all = containers.chain(status.init_container_statuses.iter().flatten());
    all.find_map(|c| {
        let named = wanted.container_name.as_ref().is_none_or(|name| *name == c.name);
        let code = c.state.as_ref()?.terminated.as_ref()?.exit_code;
        let listed = wanted.values.contains(&code);
        let hit = if wanted.operator == "In" { listed } else { !listed };
        (named && code != 0 && hit).then(|| {
            format!("Container {} for pod {} failed with exit code {code}", c.name, pod_name(pod))
        })
    })
}

fn by_condition(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let wanted = rule.on_pod_conditions.as_ref()?;
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    wanted.iter().find_map(|w| {
        let status = w.status.as_deref().unwrap_or("True");
        let hit = conditions.iter().any(|c| c.type_ == w.type_ && c.status == status);
        hit.then(|| format!("Pod {} has condition {}", pod_name(pod), w.type_))
    })
}

/// When the last container of a pod ended.
pub(super) fn finish_time(pod: &Pod, now: SimTime) -> SimTime {
    let status = pod.status.as_ref();
    let containers = status.and_then(|s| s.container_statuses.as_ref());
    let times = containers.into_iter().flatten().filter_map(|c| {
        let ended = c.state.as_ref()?.terminated.as_ref()?;
        ended.finished_at.as_ref().map(sim_time)
    });
    times.max().unwrap_or(now)
}

/// Remember the failures since the last success.
pub fn note_backoff(item: &Item, view: &View<'_>, counted: &Counted, sync: &mut Sync<'_>) {
    let mut ended: Vec<(SimTime, bool)> = view
        .pods
        .iter()
        .filter_map(|(_, pod)| {
            let uid = pod.metadata.uid.as_ref()?;
            let at = finish_time(pod, view.now);
            let failed = counted.failed.contains(uid);
            (failed || counted.succeeded.contains(uid)).then_some((at, failed))
        })
        .collect();
    ended.sort();
    for (at, failed) in ended {
        let key = (item.clone(), FAILURES);
        if failed {
            let known: u32 = sync.memory.texts.get(&key).and_then(|t| t.parse().ok()).unwrap_or(0);
            sync.memory.texts.insert(key, (known + 1).to_string().into());
            sync.memory.moments.insert((item.clone(), LAST_FAILURE), at);
        } else {
            sync.memory.texts.remove(&key);
        }
    }
}

/// How long to wait before the next pod.
#[must_use]
pub fn remaining(item: &Item, sync: &Sync<'_>) -> SimDuration {
    let failures = sync.memory.texts.get(&(item.clone(), FAILURES));
    let failures: u32 = failures.and_then(|t| t.parse().ok()).unwrap_or(0);
    let Some(last) = failures
        .checked_sub(1)
        .and_then(|n| Some((n, *sync.memory.moments.get(&(item.clone(), LAST_FAILURE))?)))
    else {
        return SimDuration::ZERO;
    };
    let (n, at) = last;
    (at + backoff(BACKOFF, BACKOFF_CAP, n)).since(sync.now)
}
