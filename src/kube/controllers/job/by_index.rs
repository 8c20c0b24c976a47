//! What of an Indexed Job goes by index: its own limit of failures, and when enough succeeded.
//!
//! Models kubernetes `pkg/controller/job/{indexed_job_utils,success_policy,backoff_utils}.go`
//! @v1.36 (handbook kubernetes-controllers §5). The pods that failed keep the count: each carries
//! the number of failures of its index before it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;

use crate::base::time::{SimDuration, SimTime};
use crate::engine::work::backoff;
use crate::kube::controllers::job::failure::{
    Action, BACKOFF, BACKOFF_CAP, Verdict, finish_time, policy_action,
};
use crate::kube::controllers::job::{View, indexes};
use crate::kube::controllers::pods::phase;

/// Annotation of a pod: how often its index had failed before.
pub const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";

/// `backoffLimitPerIndex`.
#[must_use]
pub fn limit(view: &View<'_>) -> Option<i32> {
    view.spec.backoff_limit_per_index.filter(|_| view.indexed())
}

/// Failures of the index before this pod.
fn before(pod: &Pod) -> i32 {
    let count = pod.metadata.annotations.as_ref().and_then(|a| a.get(FAILURES));
    count.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Pods of the index that failed and count.
fn failures<'a>(view: &'a View<'_>, index: i32) -> impl Iterator<Item = &'a Pod> {
    view.pods.iter().map(|(_, pod)| *pod).filter(move |pod| {
        phase(pod) == "Failed"
            && indexes::of(pod) == Some(index)
            && policy_action(view, pod) != Some(Action::Ignore)
    })
}

/// How often an index has failed.
#[must_use]
pub fn count(view: &View<'_>, index: i32) -> i32 {
    failures(view, index).map(|pod| before(pod) + 1).max().unwrap_or(0)
}

/// How long an index waits for its next pod.
#[must_use]
pub fn wait(view: &View<'_>, index: i32) -> SimDuration {
    let last: Option<SimTime> = failures(view, index).map(|pod| finish_time(pod, view.now)).max();
    let Some(last) = last.filter(|_| limit(view).is_some()) else { return SimDuration::ZERO };
    let again = u32::try_from(count(view, index) - 1).unwrap_or(0);
    (last + backoff(BACKOFF, BACKOFF_CAP, again)).since(view.now)
}

/// Indexes that have failed for good.
#[must_use]
pub fn failed(view: &View<'_>) -> BTreeSet<i32> {
    let Some(limit) = limit(view) else { return BTreeSet::new() };
    let status = view.job.status.as_ref().and_then(|s| s.failed_indexes.as_deref());
    let mut all = indexes::parse(status.unwrap_or(""));
    for (_, pod) in view.pods.iter().filter(|(_, pod)| phase(pod) == "Failed") {
        let action = policy_action(view, pod);
        let over = before(pod) >= limit && action != Some(Action::Ignore);
        if over || action == Some(Action::FailIndex) {
            all.extend(indexes::of(pod));
        }
    }
    all
}

/// Whether the Job fails for its failed indexes.
#[must_use]
pub fn judge(view: &View<'_>, done: &BTreeSet<i32>) -> Option<Verdict> {
    let failed = failed(view);
    let count = |set: &BTreeSet<i32>| i32::try_from(set.len()).unwrap_or(i32::MAX);
    if view.spec.max_failed_indexes.is_some_and(|most| count(&failed) > most) {
        return Some(Verdict::Failed {
            reason: "MaxFailedIndexesExceeded",
            message: "Job has exceeded the specified maximal number of failed indexes".to_owned(),
        });
    }
    let all = count(&failed) + count(done) >= view.spec.completions.unwrap_or(0);
    (!failed.is_empty() && all).then(|| Verdict::Failed {
        reason: "FailedIndexes",
        message: "Job has failed indexes".to_owned(),
    })
}

/// The first rule of the success policy that the finished indexes meet.
#[must_use]
pub fn success_rule(view: &View<'_>, done: &BTreeSet<i32>) -> Option<usize> {
    let policy = view.spec.success_policy.as_ref().filter(|_| view.indexed())?;
    policy.rules.iter().position(|rule| {
        let wanted = rule.succeeded_indexes.as_deref().map(indexes::parse);
        let met = match &wanted {
            Some(wanted) => wanted.intersection(done).count(),
            None => done.len(),
        };
        match (rule.succeeded_count, &wanted) {
            (Some(least), _) => i32::try_from(met).unwrap_or(i32::MAX) >= least,
            (None, Some(wanted)) => met == wanted.len(),
            (None, None) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::api::object::Key;
    use k8s_openapi::api::batch::v1::Job;
    use serde_json::{Value, json};

    fn pod(index: i32, failures: i32, phase: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"annotations": {
                indexes::INDEX: index.to_string(), FAILURES: failures.to_string(),
            }},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn with<R>(spec: Value, pods: &[Pod], look: impl FnOnce(&View<'_>) -> R) -> R {
        let mut job = json!({"completionMode": "Indexed", "completions": 3, "template": {}});
        job.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let job: Job = serde_json::from_value(json!({"spec": job})).unwrap();
        let key = Key::new("a", "b");
        let spec = job.spec.clone().unwrap();
        let pods = pods.iter().map(|pod| (&key, pod)).collect();
        look(&View { key: &key, job: &job, spec, pods, now: SimTime::ZERO })
    }

    #[test]
    fn an_index_fails_alone() {
        let pods = [pod(0, 0, "Failed"), pod(0, 1, "Failed"), pod(1, 0, "Failed")];
        with(json!({"backoffLimitPerIndex": 1}), &pods, |view| {
            assert_eq!(failed(view), BTreeSet::from([0]));
            assert_eq!((count(view, 0), count(view, 1), count(view, 2)), (2, 1, 0));
            assert_eq!(wait(view, 1), SimDuration::from_secs(10));
            assert_eq!(judge(view, &BTreeSet::from([1])), None);
            let end = judge(view, &BTreeSet::from([1, 2]));
            assert!(matches!(end, Some(Verdict::Failed { reason: "FailedIndexes", .. })));
        });
        with(json!({"backoffLimitPerIndex": 0, "maxFailedIndexes": 1}), &pods, |view| {
            let end = judge(view, &BTreeSet::new());
            assert!(matches!(
                end,
                Some(Verdict::Failed { reason: "MaxFailedIndexesExceeded", .. })
            ));
        });
    }

    #[test]
    fn rules_of_success() {
        let done = BTreeSet::from([0, 2]);
        for (rules, want) in [
            (json!([{"succeededIndexes": "0,2"}]), Some(0)),
            (json!([{"succeededIndexes": "1"}, {"succeededCount": 2}]), Some(1)),
            (json!([{"succeededIndexes": "1-2", "succeededCount": 1}]), Some(0)),
            (json!([{"succeededCount": 3}]), None),
        ] {
            let spec = json!({"successPolicy": {"rules": rules}});
            with(spec, &[], |view| assert_eq!(success_rule(view, &done), want));
        }
    }
}
