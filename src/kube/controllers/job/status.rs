//! Counting pods into a Job's status, each exactly once.
//!
//! Models `trackJobStatusAndRemoveFinalizers` and `enactJobFinished` of kubernetes
//! `pkg/controller/job/job_controller.go` @v1.36: a pod's uid is first written into
//! `uncountedTerminatedPods`, then its finalizer goes, then it becomes part of a number.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus, UncountedTerminatedPods};

use crate::base::time::SimTime;
use crate::engine::work::Step;
use crate::kube::clock::{meta_time, sim_time};
use crate::kube::controllers::job::failure::{Action, Verdict, policy_action};
use crate::kube::controllers::job::{
    Counted, View, by_index, has_finalizer, indexes, release, tell_end, write,
};
use crate::kube::controllers::pods::phase;
use crate::kube::controllers::{Call, Plan};

/// A condition as of now.
#[must_use]
pub fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: SimTime,
) -> JobCondition {
    JobCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(meta_time(now)),
        last_transition_time: Some(meta_time(now)),
    }
}

/// Set a condition in place.
pub fn set(status: &mut JobStatus, new: JobCondition) {
    let conditions = status.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|c| c.type_ == new.type_) {
        Some(known) if known.status == new.status && known.reason == new.reason => {}
        Some(known) => *known = new,
        None => conditions.push(new),
    }
}

/// The condition with which the Job ended, if it did.
fn end(job: &Job) -> Option<&JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|c| matches!(c.type_.as_str(), "Complete" | "Failed") && c.status == "True")
}

/// How the Job ended, if it did: `Complete` or `Failed`.
#[must_use]
pub fn finished_as(job: &Job) -> Option<&str> {
    end(job).map(|c| c.type_.as_str())
}

/// When the Job ended, if it did.
#[must_use]
pub fn finished_at(job: &Job) -> Option<SimTime> {
    let end = end(job)?;
    Some(end.last_transition_time.as_ref().map_or(SimTime::ZERO, sim_time))
}

/// Pods that ended and are not in the status yet.
#[must_use]
pub fn count(view: &View<'_>) -> Counted {
    let uncounted = view
        .job
        .status
        .as_ref()
        .and_then(|s| s.uncounted_terminated_pods.clone())
        .unwrap_or_default();
    let known = |uid: &String| {
        let lists = [&uncounted.succeeded, &uncounted.failed];
        lists.into_iter().flatten().any(|list| list.contains(uid))
    };
    let mut counted = Counted::default();
    let done = indexes::completed(view);
    for (_, pod) in view.pods.iter().filter(|(_, pod)| has_finalizer(pod)) {
        let Some(uid) = pod.metadata.uid.clone().filter(|uid| !known(uid)) else { continue };
        let deleting = pod.metadata.deletion_timestamp.is_some();
        match phase(pod) {
            "Succeeded" => {
                if view.indexed() {
                    let Some(index) = indexes::of(pod) else { continue };
                    let again = done.contains(&index) || counted.indexes.contains(&index);
                    if again || index >= view.spec.completions.unwrap_or(0) {
                        continue;
                    }
                    counted.indexes.push(index);
                }
                counted.succeeded.push(uid);
            }
            "Failed" if policy_action(view, pod) == Some(Action::Ignore) => {}
            "Failed" => counted.failed.push(uid),
            _ if deleting && !view.only_replaces_failed() => counted.failed.push(uid),
            _ => {}
        }
    }
    counted
}

/// Plan the writes: uncounted uids, finalizers, numbers and the end.
pub fn track(
    view: &View<'_>,
    mut next: JobStatus,
    counted: Counted,
    extra_failed: Vec<String>,
    verdict: &Verdict,
    plan: &mut Plan,
) {
    let before = view.job.status.clone().unwrap_or_default();
    let mut uncounted = before.uncounted_terminated_pods.clone().unwrap_or_default();
    let mut done = indexes::completed(view);
    done.extend(counted.indexes.iter().copied());
    if view.indexed() && !counted.indexes.is_empty() {
        next.completed_indexes = Some(indexes::text(&done));
    }
    if by_index::limit(view).is_some() {
        next.failed_indexes = Some(indexes::text(&by_index::failed(view)));
    }
    if !counted.succeeded.is_empty() {
        uncounted.succeeded.get_or_insert_default().extend(counted.succeeded);
    }
    let failed: Vec<String> = counted.failed.into_iter().chain(extra_failed).collect();
    if !failed.is_empty() {
        uncounted.failed.get_or_insert_default().extend(failed);
    }
    match verdict {
        Verdict::Complete => {
            let (reason, message) = goal(view, &next, &done);
            set(&mut next, condition("SuccessCriteriaMet", "True", &reason, &message, view.now));
        }
        Verdict::Failed { reason, message } => {
            set(&mut next, condition("FailureTarget", "True", reason, message, view.now));
        }
        Verdict::Running => {}
    }
    next.uncounted_terminated_pods = Some(uncounted.clone());
    let mut first = true;
    if view.job.status.as_ref() != Some(&next) {
        plan.call(write(view, next.clone(), true));
        first = false;
    }
    let ends = !matches!(verdict, Verdict::Running);
    let releasable = |pod: &k8s_openapi::api::core::v1::Pod| {
        let deleting = pod.metadata.deletion_timestamp.is_some();
        super::ended(pod) || ends || deleting && !view.only_replaces_failed()
    };
    let calls: Vec<Call> = view
        .pods
        .iter()
        .filter(|(_, pod)| has_finalizer(pod) && releasable(pod))
        .map(|(key, pod)| release(key, pod))
        .collect();
    let released = !calls.is_empty();
    if released {
        plan.steps.push(Step::Together(calls));
    }
    settle(&mut next, &uncounted);
    let ended = finish(view, &mut next, verdict);
    if released || ended || Some(&next) != view.job.status.as_ref() && first {
        plan.call(write(view, next, first));
    }
    if ended {
        tell_end(view, verdict, plan);
    }
}

/// Uncounted pods become numbers.
fn settle(next: &mut JobStatus, uncounted: &UncountedTerminatedPods) {
    let len = |list: &Option<Vec<String>>| {
        i32::try_from(list.as_ref().map_or(0, Vec::len)).unwrap_or(i32::MAX)
    };
    let add = |n: Option<i32>, more: i32| {
        let sum = n.unwrap_or(0) + more;
        (sum != 0).then_some(sum)
    };
    next.succeeded = add(next.succeeded, len(&uncounted.succeeded));
    next.failed = add(next.failed, len(&uncounted.failed));
    next.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
}

/// Why the Job is a success: as said before, by its policy, or by its number of completions.
fn goal(view: &View<'_>, status: &JobStatus, done: &BTreeSet<i32>) -> (String, String) {
    let known = status.conditions.iter().flatten().find(|c| c.type_ == "SuccessCriteriaMet");
    if let Some(known) = known {
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        return (text(&known.reason), text(&known.message));
    }
    match by_index::success_rule(view, done) {
        Some(rule) => ("SuccessPolicy".to_owned(), format!("Matched rules at index {rule}")),
        None => (
            "CompletionsReached".to_owned(),
            "Reached expected number of succeeded pods".to_owned(),
        ),
    }
}

/// Set the last condition, once no pod is on its way out.
fn finish(view: &View<'_>, next: &mut JobStatus, verdict: &Verdict) -> bool {
    let going = view.active().len()
        + view.pods.iter().filter(|(_, p)| super::pods::is_terminating(p)).count();
    if going > 0 {
        return false;
    }
    match verdict {
        Verdict::Running => false,
        Verdict::Complete => {
            let (reason, message) = goal(view, next, &indexes::completed(view));
            set(next, condition("Complete", "True", &reason, &message, view.now));
            next.completion_time = Some(meta_time(view.now));
            true
        }
        Verdict::Failed { reason, message } => {
            set(next, condition("Failed", "True", reason, message, view.now));
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncounted_pods_become_numbers() {
        let mut status = JobStatus { succeeded: Some(2), ..JobStatus::default() };
        let uncounted =
            UncountedTerminatedPods { succeeded: Some(vec!["a".into(), "b".into()]), failed: None };
        settle(&mut status, &uncounted);
        assert_eq!((status.succeeded, status.failed), (Some(4), None));
    }
}
