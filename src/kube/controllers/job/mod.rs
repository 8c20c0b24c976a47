//! The Job controller: run pods until so many have succeeded.
//!
//! Models kubernetes `pkg/controller/job/job_controller.go` and `backoff_utils.go` @v1.36
//! (handbook kubernetes-controllers §5). Left out: elastic indexed Jobs and Jobs managed by others.

use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::work::Step;
use crate::kube::api::object::Key;
use crate::kube::api::request::{ApiError, Propagation, Response};
use crate::kube::api::store::Change;
use crate::kube::clock::{meta_time, sim_time};
use crate::kube::controllers::calls::{
    delete_with, normal, patch, regarding_type, update_status, warning,
};
use crate::kube::controllers::pods::{self, delete_call, is_ready, phase};
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::{Item, controller_of};
use crate::kube::kinds::Kind;

pub mod by_index;
pub mod create;
pub mod failure;
pub mod indexes;
pub mod status;

use failure::Verdict;

/// Pod events are gathered for this long (`SyncJobBatchPeriod`).
const BATCH: SimDuration = SimDuration::from_secs(1);
/// Finalizer of the pods of a Job.
pub const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

const CREATE: u32 = 1;
const DELETE: u32 = 2;

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct Jobs;

/// A pod of a Job.
pub type Own<'a> = (&'a Key, &'a Pod);

/// A Job as one sync sees it.
pub struct View<'a> {
    /// Its key.
    pub key: &'a Key,
    /// The Job.
    pub job: &'a Job,
    /// Its spec.
    pub spec: JobSpec,
    /// All its pods.
    pub pods: Vec<Own<'a>>,
    /// The moment.
    pub now: SimTime,
}

/// What became of pods that this sync counts.
#[derive(Debug, Default)]
pub struct Counted {
    /// Uids of pods that succeeded and are not in the status yet.
    pub succeeded: Vec<String>,
    /// Uids of pods that failed and are not in the status yet.
    pub failed: Vec<String>,
    /// Completion indexes of those that succeeded.
    pub indexes: Vec<i32>,
}

impl Controller for Jobs {
    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn workers(&self) -> u32 {
        5
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::Job => {
                let item = (Kind::Job, change.key.clone());
                let generation = |o: &Option<std::sync::Arc<crate::kube::api::object::Object>>| {
                    o.as_ref().map(|o| o.meta().generation)
                };
                if change.new.is_none() {
                    sync.memory.forget(&item);
                    return orphans_of(change, sync);
                }
                if generation(&change.old) == generation(&change.new) {
                    vec![(item, BATCH)]
                } else {
                    vec![now(item)]
                }
            }
            Kind::Pod => pod_wakes(change, sync),
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        if item.0 == Kind::Pod {
            release_orphan(item, sync, &mut plan);
            return plan;
        }
        let Some(job) = sync.view.get::<Job>(&item.1) else {
            sync.memory.forget(item);
            return plan;
        };
        let uid = job.metadata.uid.as_deref().unwrap_or("");
        let pods: Vec<Own<'_>> = sync.view.owned::<Pod>(uid).collect();
        let spec = job.spec.clone().unwrap_or_default();
        let view = View { key: &item.1, job, spec, pods, now: sync.now };
        if status::finished_at(job).is_some() {
            expire(&view, sync, &mut plan);
            release_all(&view, &mut plan);
            return plan;
        }
        if job.metadata.deletion_timestamp.is_some() {
            release_all(&view, &mut plan);
            return plan;
        }
        sync_job(item, &view, sync, &mut plan);
        plan
    }

    fn answered(
        &self,
        item: &Item,
        call: &Call,
        result: &Result<Response, ApiError>,
        sync: &mut Sync<'_>,
    ) {
        if call.tag == CREATE {
            sync.memory.sent_add(item);
            if result.is_err() {
                sync.memory.saw_add(item);
            }
        } else if call.tag == DELETE
            && result.is_err()
            && let Some(uid) = &call.request.options.precondition_uid
        {
            sync.memory.saw_delete(item, uid);
        }
    }

    fn after(&self, item: &Item, failed: bool, sync: &mut Sync<'_>) -> Plan {
        if failed {
            sync.memory.drop_unsent(item);
        }
        Plan::none()
    }
}

fn pod_wakes(change: &Change, sync: &mut Sync<'_>) -> Wakes {
    let Some(object) = change.new.as_ref().or(change.old.as_ref()) else { return Wakes::new() };
    let Some(owner) = controller_of(object.meta()).filter(|o| o.kind == "Job") else {
        return Wakes::new();
    };
    let key = Key::new(&change.key.namespace, &owner.name);
    let job = sync.view.get::<Job>(&key);
    if job.is_none_or(|j| j.metadata.uid.as_deref() != Some(owner.uid.as_str())) {
        return vec![((Kind::Pod, change.key.clone()), BATCH)];
    }
    let item = (Kind::Job, key);
    let deleting = object.meta().deletion_timestamp.is_some();
    if change.old.is_none() {
        sync.memory.saw_add(&item);
    }
    if change.new.is_none() || deleting {
        sync.memory.saw_delete(&item, &pods::uid(object.meta()));
    }
    vec![(item, BATCH)]
}

/// Pods of a Job that is gone.
fn orphans_of(change: &Change, sync: &Sync<'_>) -> Wakes {
    let uid = change.old.as_ref().and_then(|o| o.meta().uid.clone()).unwrap_or_default();
    let pods = sync.view.owned::<Pod>(&uid);
    pods.map(|(key, _)| now((Kind::Pod, key.clone()))).collect()
}

fn has_finalizer(pod: &Pod) -> bool {
    pod.metadata.finalizers.iter().flatten().any(|f| f == FINALIZER)
}

fn release(key: &Key, pod: &Pod) -> Call {
    let mut left = pod.metadata.finalizers.clone().unwrap_or_default();
    left.retain(|f| f != FINALIZER);
    let body = json!({"metadata": {"finalizers": left, "uid": pod.metadata.uid}});
    Call::new(patch(Kind::Pod, key, body)).forgiving(&["NotFound", "Conflict"])
}

/// The finalizer of a pod whose Job is gone has no purpose.
fn release_orphan(item: &Item, sync: &Sync<'_>, plan: &mut Plan) {
    let Some(pod) = sync.view.get::<Pod>(&item.1).filter(|pod| has_finalizer(pod)) else { return };
    let owner = controller_of(&pod.metadata);
    let exists = owner.is_some_and(|o| sync.view.by_uid(&o.uid).is_some());
    if !exists {
        plan.call(release(&item.1, pod));
    }
}

fn release_all(view: &View<'_>, plan: &mut Plan) {
    release_pods(&view.pods, plan);
}

fn release_pods(pods: &[Own<'_>], plan: &mut Plan) {
    let held = pods.iter().filter(|(_, pod)| has_finalizer(pod));
    let calls: Vec<Call> = held.map(|(key, pod)| release(key, pod)).collect();
    if !calls.is_empty() {
        plan.steps.push(Step::Together(calls));
    }
}

/// Delete a finished Job when its time is over.
fn expire(view: &View<'_>, sync: &Sync<'_>, plan: &mut Plan) {
    let Some(ttl) = view.spec.ttl_seconds_after_finished else { return };
    let Some(finished) = status::finished_at(view.job) else { return };
    let due = finished + SimDuration::from_secs(u64::try_from(ttl).unwrap_or(0));
    if due > sync.now {
        plan.again = Some(due.since(sync.now));
        return;
    }
    let uid = view.job.metadata.uid.as_deref();
    let request = delete_with(Kind::Job, view.key, uid, Propagation::Foreground);
    let why = Message::new("why-kube-job-expired").with("ttl", ttl);
    plan.call(Call::new(request).because(why).forgiving(&["NotFound"]));
}

impl<'a> View<'a> {
    /// Pods that may still do their work.
    #[must_use]
    pub fn active(&self) -> Vec<Own<'a>> {
        self.pods.iter().copied().filter(|(_, pod)| pods::is_active(pod)).collect()
    }

    /// Whether completions have indexes.
    #[must_use]
    pub fn indexed(&self) -> bool {
        self.spec.completion_mode.as_deref() == Some("Indexed")
    }

    /// Whether replacements wait until a pod has ended.
    #[must_use]
    pub fn only_replaces_failed(&self) -> bool {
        self.spec.pod_replacement_policy.as_deref() == Some("Failed")
    }

    fn before(&self) -> JobStatus {
        self.job.status.clone().unwrap_or_default()
    }

    fn parallelism(&self) -> i32 {
        self.spec.parallelism.unwrap_or(1)
    }
}

/// Count what ended, decide, act, report.
fn sync_job(item: &Item, view: &View<'_>, sync: &mut Sync<'_>, plan: &mut Plan) {
    let before = view.before();
    let suspended = view.spec.suspend == Some(true);
    let mut next = before.clone();
    if next.start_time.is_none() && !suspended {
        next.start_time = Some(meta_time(sync.now));
    }
    let counted = status::count(view);
    failure::note_backoff(item, view, &counted, sync);
    let uncounted = before.uncounted_terminated_pods.clone().unwrap_or_default();
    let len = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
    let more = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let succeeded =
        before.succeeded.unwrap_or(0) + more(len(&uncounted.succeeded) + counted.succeeded.len());
    let failed = before.failed.unwrap_or(0) + more(len(&uncounted.failed) + counted.failed.len());
    let active = view.active();
    let mut active_count = more(active.len());
    let mut ready = more(active.iter().filter(|(_, pod)| is_ready(pod)).count());
    let verdict = failure::judge(view, &next, succeeded, failed, &counted, active_count);
    let mut extra_failed: Vec<String> = Vec::new();
    match &verdict {
        Verdict::Failed { .. } => {
            remove(item, view, &active, "why-kube-job-failed", sync, plan);
            extra_failed = active.iter().filter_map(|(_, p)| p.metadata.uid.clone()).collect();
            active_count = 0;
            ready = 0;
        }
        Verdict::Complete => {
            remove(item, view, &active, "why-kube-job-complete", sync, plan);
            active_count = 0;
            ready = 0;
        }
        Verdict::Running if suspended => {
            // Without their finalizers: what becomes of them does not count.
            release_pods(&active, plan);
            remove(item, view, &active, "why-kube-job-suspended", sync, plan);
            active_count = 0;
            ready = 0;
        }
        Verdict::Running => {
            if sync.memory.satisfied(item, sync.now) {
                active_count = create::manage(item, view, &active, succeeded, sync, plan);
            }
        }
    }
    next.active = (active_count != 0).then_some(active_count);
    next.ready = Some(ready);
    let terminating = view.pods.iter().filter(|(_, pod)| pods::is_terminating(pod)).count();
    next.terminating = Some(more(terminating));
    suspend_condition(view, &mut next, suspended, sync, plan);
    status::track(view, next, counted, extra_failed, &verdict, plan);
    deadline(view, sync, plan);
}

fn remove(
    item: &Item,
    view: &View<'_>,
    active: &[Own<'_>],
    why: &'static str,
    sync: &mut Sync<'_>,
    plan: &mut Plan,
) {
    if active.is_empty() {
        return;
    }
    let about = regarding_type(view.job);
    let uids = active.iter().map(|(_, pod)| pods::uid(&pod.metadata));
    sync.memory.expect_deletes(item, uids, sync.now);
    let calls = active
        .iter()
        .map(|(key, pod)| delete_call(key, pod, &about, Message::new(why)).tagged(DELETE));
    plan.steps.push(Step::Together(calls.collect()));
}

fn suspend_condition(
    view: &View<'_>,
    next: &mut JobStatus,
    suspended: bool,
    sync: &Sync<'_>,
    plan: &mut Plan,
) {
    let known = next.conditions.iter().flatten().find(|c| c.type_ == "Suspended");
    let is = known.is_some_and(|c| c.status == "True");
    if suspended == is {
        return;
    }
    let about = regarding_type(view.job);
    let (value, reason, message, event) = if suspended {
        ("True", "JobSuspended", "Job suspended", "Suspended")
    } else {
        ("False", "JobResumed", "Job resumed", "Resumed")
    };
    status::set(next, status::condition("Suspended", value, reason, message, sync.now));
    plan.says.push(normal(&about, event, message));
    next.start_time = (!suspended).then(|| meta_time(sync.now));
}

/// Look again when the deadline is over.
fn deadline(view: &View<'_>, sync: &Sync<'_>, plan: &mut Plan) {
    let Some(limit) = view.spec.active_deadline_seconds else { return };
    if view.spec.suspend == Some(true) {
        return;
    }
    let started = view.before().start_time.as_ref().map_or(sync.now, sim_time);
    let due = started + SimDuration::from_secs(u64::try_from(limit).unwrap_or(0));
    if due > sync.now {
        let wait = due.since(sync.now);
        plan.again = Some(plan.again.map_or(wait, |a| SimDuration(a.0.min(wait.0))));
    }
}

/// Tell how the Job ended.
fn tell_end(view: &View<'_>, verdict: &Verdict, plan: &mut Plan) {
    let about = regarding_type(view.job);
    let say = match verdict {
        Verdict::Complete => normal(&about, "Completed", "Job completed"),
        Verdict::Failed { reason, message } => warning(&about, reason, message.clone()),
        Verdict::Running => return,
    };
    match plan.steps.last_mut() {
        Some(Step::Call(call)) => call.ok = Some(say),
        _ => plan.says.push(say),
    }
}

/// A call that writes the status; the second of a sync must not be refused for the first.
fn write(view: &View<'_>, status: JobStatus, first: bool) -> Call {
    let mut job = view.job.clone();
    job.status = Some(status);
    if !first {
        job.metadata.resource_version = None;
    }
    Call::new(update_status(job))
}

/// Phase of a pod, for the modules below.
#[must_use]
pub fn ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}
