//! Numbers and conditions of a Deployment.
//!
//! Models kubernetes `pkg/controller/deployment/progress.go`, `sync.go` `calculateStatus` and
//! `util/deployment_util.go` @v1.36 (handbook kubernetes-controllers §1.9).

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, ReplicaSet,
};

use crate::base::time::{SimDuration, SimTime};
use crate::kube::clock::sim_time;
use crate::kube::controllers::calls::update_status;
use crate::kube::controllers::deployment::newset::condition;
use crate::kube::controllers::deployment::{Rollout, available, fence, name_of, replicas, size};
use crate::kube::controllers::{Call, Plan, Sync};

/// The deadline that means none (`HasProgressDeadline`).
const NO_DEADLINE: i32 = i32::MAX;

const PROGRESSING: &str = "Progressing";
const NEW_AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// Whether progress is watched.
#[must_use]
pub fn has_deadline(spec: &DeploymentSpec) -> bool {
    spec.progress_deadline_seconds.is_some_and(|s| s != NO_DEADLINE)
}

fn find<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.as_ref()?.iter().find(|c| c.type_.as_deref() == Some(kind))
}

fn remove(status: &mut DeploymentStatus, kind: &str) {
    if let Some(conditions) = status.conditions.as_mut() {
        conditions.retain(|c| c.type_.as_deref() != Some(kind));
        if conditions.is_empty() {
            status.conditions = None;
        }
    }
}

/// Set a condition. The same status and reason change nothing; else it moves to the end.
pub fn set_condition(status: &mut DeploymentStatus, mut new: DeploymentCondition) {
    let kind = new.type_.clone().unwrap_or_default();
    if let Some(known) = find(status, &kind) {
        if known.status == new.status && known.reason == new.reason {
            return;
        }
        if known.status == new.status {
            new.last_transition_time.clone_from(&known.last_transition_time);
        }
    }
    remove(status, &kind);
    status.conditions.get_or_insert_default().push(new);
}

/// Numbers from the ReplicaSets, and the condition Available.
fn calculate(rollout: &Rollout<'_>, now: SimTime) -> DeploymentStatus {
    let before = rollout.deployment.status.clone().unwrap_or_default();
    let sum = |of: &dyn Fn(&ReplicaSet) -> i32| rollout.sets.iter().map(|s| of(s)).sum::<i32>();
    let actual = |s: &ReplicaSet| s.status.as_ref().map_or(0, |s| s.replicas);
    let ready = |s: &ReplicaSet| s.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or(0);
    let going =
        |s: &ReplicaSet| s.status.as_ref().and_then(|s| s.terminating_replicas).unwrap_or(0);
    let now_available = sum(&|s| available(s));
    let unavailable = (sum(&|s| size(s)) - now_available).max(0);
    let some = |n: i32| (n != 0).then_some(n);
    let mut status = DeploymentStatus {
        observed_generation: rollout.deployment.metadata.generation,
        replicas: some(sum(&actual)),
        updated_replicas: some(rollout.new.map_or(0, actual)),
        ready_replicas: some(sum(&ready)),
        available_replicas: some(now_available),
        unavailable_replicas: some(unavailable),
        terminating_replicas: Some(sum(&going)),
        collision_count: before.collision_count,
        conditions: before.conditions,
    };
    let wanted = replicas(rollout.spec);
    let enough = now_available >= wanted - fence(rollout.spec).max_unavailable(wanted);
    let availability = if enough {
        let text = "Deployment has minimum availability.".to_owned();
        condition("Available", "True", "MinimumReplicasAvailable", text, now)
    } else {
        let text = "Deployment does not have minimum availability.".to_owned();
        condition("Available", "False", "MinimumReplicasUnavailable", text, now)
    };
    set_condition(&mut status, availability);
    status
}

fn complete(rollout: &Rollout<'_>, status: &DeploymentStatus) -> bool {
    let wanted = replicas(rollout.spec);
    status.updated_replicas.unwrap_or(0) == wanted
        && status.replicas.unwrap_or(0) == wanted
        && status.available_replicas.unwrap_or(0) == wanted
        && status.observed_generation >= rollout.deployment.metadata.generation
}

/// Whether the stored status says that the rollout is complete.
#[must_use]
pub fn is_complete(rollout: &Rollout<'_>) -> bool {
    rollout.deployment.status.as_ref().is_some_and(|status| complete(rollout, status))
}

fn progressing(before: &DeploymentStatus, after: &DeploymentStatus) -> bool {
    let n = |v: Option<i32>| v.unwrap_or(0);
    let old = |s: &DeploymentStatus| n(s.replicas) - n(s.updated_replicas);
    n(after.updated_replicas) > n(before.updated_replicas)
        || old(after) < old(before)
        || n(after.ready_replicas) > n(before.ready_replicas)
        || n(after.available_replicas) > n(before.available_replicas)
}

fn deadline(spec: &DeploymentSpec) -> SimDuration {
    let seconds = spec.progress_deadline_seconds.unwrap_or(0);
    SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn timed_out(spec: &DeploymentSpec, status: &DeploymentStatus, now: SimTime) -> bool {
    let Some(known) = find(status, PROGRESSING) else { return false };
    match known.reason.as_deref() {
        Some(NEW_AVAILABLE) => false,
        Some(TIMED_OUT) => true,
        _ => {
            let from = known.last_update_time.as_ref().map_or(SimTime::ZERO, sim_time);
            from + deadline(spec) < now
        }
    }
}

/// Report without a look at progress (`syncDeploymentStatus`).
pub fn sync_plain(rollout: &Rollout<'_>, sync: &Sync<'_>, plan: &mut Plan) {
    let status = calculate(rollout, sync.now);
    report(rollout, status, plan);
}

fn report(rollout: &Rollout<'_>, status: DeploymentStatus, plan: &mut Plan) -> bool {
    if rollout.deployment.status.as_ref() == Some(&status) {
        return false;
    }
    let mut deployment: Deployment = rollout.deployment.clone();
    deployment.status = Some(status);
    plan.call(Call::new(update_status(deployment)));
    true
}

/// Report with progress (`syncRolloutStatus`).
pub fn sync_rollout(rollout: &Rollout<'_>, sync: &Sync<'_>, plan: &mut Plan) {
    let now = sync.now;
    let before = rollout.deployment.status.clone().unwrap_or_default();
    let mut status = calculate(rollout, now);
    let watched = has_deadline(rollout.spec);
    if !watched {
        remove(&mut status, PROGRESSING);
    }
    let current = find(&before, PROGRESSING).cloned();
    let settled = status.replicas == status.updated_replicas
        && current.as_ref().is_some_and(|c| c.reason.as_deref() == Some(NEW_AVAILABLE));
    if watched && !settled {
        progress_condition(rollout, &before, &mut status, current, now);
    }
    match failure(rollout) {
        Some(failed) => set_condition(&mut status, failed),
        None => remove(&mut status, "ReplicaFailure"),
    }
    if !report(rollout, status.clone(), plan) {
        plan.again = stuck_check(rollout, &status, now);
    }
}

fn progress_condition(
    rollout: &Rollout<'_>,
    before: &DeploymentStatus,
    status: &mut DeploymentStatus,
    current: Option<DeploymentCondition>,
    now: SimTime,
) {
    let who = match rollout.new {
        Some(set) => format!("ReplicaSet \"{}\"", name_of(set)),
        None => format!("Deployment \"{}\"", rollout.key.name),
    };
    if complete(rollout, status) {
        let text = format!("{who} has successfully progressed.");
        set_condition(status, condition(PROGRESSING, "True", NEW_AVAILABLE, text, now));
    } else if progressing(before, status) {
        let text = format!("{who} is progressing.");
        let mut new = condition(PROGRESSING, "True", "ReplicaSetUpdated", text, now);
        if let Some(current) = current {
            if current.status.as_deref() == Some("True") {
                new.last_transition_time = current.last_transition_time;
            }
            remove(status, PROGRESSING);
        }
        set_condition(status, new);
    } else if timed_out(rollout.spec, status, now) {
        let text = format!("{who} has timed out progressing.");
        set_condition(status, condition(PROGRESSING, "False", TIMED_OUT, text, now));
    }
}

/// The failure that a ReplicaSet reports, the new one's first.
fn failure(rollout: &Rollout<'_>) -> Option<DeploymentCondition> {
    let of = |set: &&ReplicaSet| {
        let conditions = set.status.as_ref()?.conditions.as_ref()?;
        let failed = conditions.iter().find(|c| c.type_.as_deref() == Some("ReplicaFailure"))?;
        Some(DeploymentCondition {
            type_: failed.type_.clone(),
            status: failed.status.clone(),
            reason: failed.reason.clone(),
            message: failed.message.clone(),
            last_transition_time: failed.last_transition_time.clone(),
            last_update_time: failed.last_transition_time.clone(),
        })
    };
    rollout.new.iter().find_map(of).or_else(|| rollout.sets.iter().find_map(of))
}

/// When to look again whether the deadline has passed.
fn stuck_check(
    rollout: &Rollout<'_>,
    status: &DeploymentStatus,
    now: SimTime,
) -> Option<SimDuration> {
    if !has_deadline(rollout.spec) || complete(rollout, status) {
        return None;
    }
    let before = rollout.deployment.status.as_ref()?;
    let current = find(before, PROGRESSING)?;
    if current.reason.as_deref() == Some(TIMED_OUT) {
        return None;
    }
    let from = current.last_update_time.as_ref().map_or(SimTime::ZERO, sim_time);
    let left = (from + deadline(rollout.spec)).since(now);
    Some(left + SimDuration::from_secs(1))
}

/// The Deployment with the condition of a pause or resume, if it lacks it.
#[must_use]
pub fn pause_conditions(rollout: &Rollout<'_>, now: SimTime) -> Option<Deployment> {
    if !has_deadline(rollout.spec) {
        return None;
    }
    let before = rollout.deployment.status.clone().unwrap_or_default();
    let current = find(&before, PROGRESSING).and_then(|c| c.reason.as_deref());
    if current == Some(TIMED_OUT) {
        return None;
    }
    let paused = rollout.spec.paused == Some(true);
    let known = current == Some("DeploymentPaused");
    let (reason, text) = match (paused, known) {
        (true, false) => ("DeploymentPaused", "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return None,
    };
    let mut deployment = rollout.deployment.clone();
    let new = condition(PROGRESSING, "Unknown", reason, text.to_owned(), now);
    set_condition(deployment.status.get_or_insert_default(), new);
    Some(deployment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::clock::meta_time;

    fn c(kind: &str, status: &str, reason: &str, at: u64) -> DeploymentCondition {
        condition(kind, status, reason, String::new(), SimTime::from_secs(at))
    }

    #[test]
    fn a_changed_condition_moves_to_the_end() {
        let mut status = DeploymentStatus::default();
        set_condition(&mut status, c(PROGRESSING, "True", "NewReplicaSetCreated", 1));
        set_condition(&mut status, c("Available", "True", "MinimumReplicasAvailable", 2));
        set_condition(&mut status, c(PROGRESSING, "True", NEW_AVAILABLE, 9));
        let order: Vec<&str> =
            status.conditions.iter().flatten().filter_map(|c| c.type_.as_deref()).collect();
        assert_eq!(order, ["Available", "Progressing"]);
        let last = find(&status, PROGRESSING).unwrap();
        assert_eq!(last.last_transition_time, Some(meta_time(SimTime::from_secs(1))));
        assert_eq!(last.last_update_time, Some(meta_time(SimTime::from_secs(9))));
    }

    #[test]
    fn the_deadline_counts_from_the_last_progress() {
        let spec =
            DeploymentSpec { progress_deadline_seconds: Some(20), ..DeploymentSpec::default() };
        let mut status = DeploymentStatus::default();
        set_condition(&mut status, c(PROGRESSING, "True", "ReplicaSetUpdated", 10));
        assert!(!timed_out(&spec, &status, SimTime::from_secs(30)));
        assert!(timed_out(&spec, &status, SimTime::from_secs(31)));
        set_condition(&mut status, c(PROGRESSING, "True", NEW_AVAILABLE, 40));
        assert!(!timed_out(&spec, &status, SimTime::from_secs(300)));
    }
}
