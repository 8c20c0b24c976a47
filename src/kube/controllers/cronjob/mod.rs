//! The CronJob controller: make a Job whenever a schedule is due.
//!
//! Models kubernetes `pkg/controller/cronjob/cronjob_controllerv2.go` @v1.36 (handbook
//! kubernetes-controllers §6). The live reads of Jobs and of the CronJob are stood in for by what
//! the controller remembers of its own creations.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::engine::trace::Subject;
use crate::kube::api::object::{Key, Object, Stored};
use crate::kube::api::request::{ApiError, Body, Propagation, Response};
use crate::kube::api::store::Change;
use crate::kube::clock::{meta_time, sim_time};
use crate::kube::controllers::calls::{
    create, delete_with, normal, regarding_type, update_status, warning,
};
use crate::kube::controllers::job::status::{finished_as, finished_at};
use crate::kube::controllers::pods::controller_ref;
use crate::kube::controllers::{Call, Controller, Plan, Sync, Wakes, now};
use crate::kube::informer::{Item, controller_of};
use crate::kube::kinds::Kind;

pub mod due;
pub mod schedule;

use schedule::Schedule;

/// Annotation: for which run a Job was made.
const SCHEDULED_AT: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// What the controller remembers of a Job: that it made it.
const MADE: &str = "made";

const CREATE: u32 = 1;
const REMOVE: u32 = 2;

/// The controller.
#[derive(Clone, Copy, Debug)]
pub struct CronJobs;

impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn workers(&self) -> u32 {
        5
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds wake nothing here")]
    fn wakes(&self, change: &Change, sync: &mut Sync<'_>) -> Wakes {
        match change.kind {
            Kind::CronJob => {
                let item = (Kind::CronJob, change.key.clone());
                if change.new.is_none() {
                    sync.memory.forget(&item);
                }
                vec![now(item)]
            }
            Kind::Job => {
                if change.new.is_none() {
                    sync.memory.forget(&(Kind::Job, change.key.clone()));
                }
                let object = change.new.as_ref().or(change.old.as_ref());
                let owner = object.and_then(|o| controller_of(o.meta()));
                let owner = owner.filter(|o| o.kind == "CronJob");
                owner
                    .map(|o| now((Kind::CronJob, Key::new(&change.key.namespace, &o.name))))
                    .into_iter()
                    .collect()
            }
            _ => Wakes::new(),
        }
    }

    fn reconcile(&self, item: &Item, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let Some(before) = sync.view.get::<CronJob>(&item.1) else {
            sync.memory.forget(item);
            return plan;
        };
        let mut cron = before.clone();
        let uid = cron.metadata.uid.clone().unwrap_or_default();
        let jobs: Vec<(&Key, &Job)> = sync
            .view
            .owned::<Job>(&uid)
            .filter(|(_, job)| controller_of(&job.metadata).is_some_and(|o| o.uid == uid))
            .collect();
        let limits = [cron.spec.successful_jobs_history_limit, cron.spec.failed_jobs_history_limit];
        for (limit, end) in limits.into_iter().zip(["Complete", "Failed"]) {
            trim_history(&cron, &jobs, limit, end, &mut plan);
        }
        observe(&mut cron, &jobs, sync, &mut plan);
        start_due(item, &cron, sync, &mut plan);
        sync.memory.carried.insert(item.clone(), Arc::new(cron.into_object()));
        plan
    }

    fn answered(
        &self,
        item: &Item,
        call: &Call,
        result: &Result<Response, ApiError>,
        sync: &mut Sync<'_>,
    ) {
        let Some(mut cron) = carried(item, sync) else { return };
        match call.tag {
            CREATE => created(&mut cron, call, result, sync),
            REMOVE if result.is_ok() => {
                let uid = call.request.options.precondition_uid.as_deref().unwrap_or("");
                forget_active(&mut cron, uid);
            }
            _ => {}
        }
        sync.memory.carried.insert(item.clone(), Arc::new(cron.into_object()));
    }

    fn after(&self, item: &Item, _failed: bool, sync: &mut Sync<'_>) -> Plan {
        let mut plan = Plan::none();
        let carried = carried(item, sync);
        sync.memory.carried.remove(item);
        let Some(cron) = carried else { return plan };
        let before = sync.view.get::<CronJob>(&item.1);
        if before.is_some_and(|before| before.status != cron.status) {
            plan.call(Call::new(update_status(cron)).forgiving(&["NotFound"]));
        }
        plan
    }
}

fn carried(item: &Item, sync: &Sync<'_>) -> Option<CronJob> {
    CronJob::of(sync.memory.carried.get(item)?).cloned()
}

fn status(cron: &mut CronJob) -> &mut CronJobStatus {
    cron.status.get_or_insert_default()
}

fn is_active(cron: &CronJob, uid: &str) -> bool {
    let active = cron.status.as_ref().and_then(|s| s.active.as_ref());
    active.into_iter().flatten().any(|r| r.uid.as_deref() == Some(uid))
}

fn forget_active(cron: &mut CronJob, uid: &str) {
    let status = status(cron);
    if let Some(active) = &mut status.active {
        active.retain(|r| r.uid.as_deref() != Some(uid));
        if active.is_empty() {
            status.active = None;
        }
    }
}

/// Delete a Job, with the events of `deleteJob`.
fn remove(cron: &CronJob, key: &Key, uid: Option<&str>, why: Message) -> Call {
    let about = regarding_type(cron);
    Call::new(delete_with(Kind::Job, key, uid, Propagation::Background))
        .because(why)
        .then_say(normal(&about, "SuccessfulDelete", format!("Deleted job {}", key.name)))
        .else_say(warning(&about, "FailedDelete", "Deleted job: {}"))
        .tagged(REMOVE)
}

/// Delete the oldest Jobs that ended one way, beyond the limit.
fn trim_history(
    cron: &CronJob,
    jobs: &[(&Key, &Job)],
    limit: Option<i32>,
    end: &str,
    plan: &mut Plan,
) {
    let Some(limit) = limit.and_then(|l| usize::try_from(l).ok()) else { return };
    let mut ended: Vec<(Option<SimTime>, &Key, &Job)> = jobs
        .iter()
        .filter(|(_, job)| finished_as(job) == Some(end))
        .map(|(key, job)| {
            let started = job.status.as_ref().and_then(|s| s.start_time.as_ref());
            (started.map(sim_time), *key, *job)
        })
        .collect();
    ended.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)));
    for (_, key, job) in ended.iter().take(ended.len().saturating_sub(limit)) {
        let why = Message::new("why-kube-cron-history").with("limit", limit.to_string());
        plan.call(remove(cron, key, job.metadata.uid.as_deref(), why));
    }
}

/// Take note of what became of the Jobs.
fn observe(cron: &mut CronJob, jobs: &[(&Key, &Job)], sync: &Sync<'_>, plan: &mut Plan) {
    let about = regarding_type(cron);
    let made = |key: &Key| sync.memory.moments.contains_key(&((Kind::Job, key.clone()), MADE));
    for (key, job) in jobs {
        let uid = job.metadata.uid.as_deref().unwrap_or("");
        let end = finished_as(job);
        let active = is_active(cron, uid);
        if !active && end.is_none() && !made(key) {
            let text =
                format!("Saw a job that the controller did not create or forgot: {}", key.name);
            plan.says.push(warning(&about, "UnexpectedJob", text));
        } else if let (true, Some(end)) = (active, end) {
            forget_active(cron, uid);
            let text = format!("Saw completed job: {}, condition: {end}", key.name);
            plan.says.push(normal(&about, "SawCompletedJob", text));
        }
        if end == Some("Complete")
            && let Some(at) = finished_at(job)
        {
            let known = status(cron).last_successful_time.as_ref().map(sim_time);
            if known.is_none_or(|known| known < at) {
                status(cron).last_successful_time = Some(meta_time(at));
            }
        }
    }
    let refs = cron.status.as_ref().and_then(|s| s.active.clone()).unwrap_or_default();
    for gone in refs {
        let uid = gone.uid.as_deref().unwrap_or("");
        let name = gone.name.as_deref().unwrap_or("");
        let namespace = gone.namespace.as_deref().unwrap_or("");
        let known = jobs.iter().any(|(_, job)| job.metadata.uid.as_deref() == Some(uid));
        if !known && !made(&Key::new(namespace, name)) {
            forget_active(cron, uid);
            let text = format!("Active job went missing: {name}");
            plan.says.push(normal(&about, "MissingJob", text));
        }
    }
}

/// Start the run that is due, if any, and arrange for the next.
fn start_due(item: &Item, cron: &CronJob, sync: &Sync<'_>, plan: &mut Plan) {
    if cron.metadata.deletion_timestamp.is_some() || cron.spec.suspend == Some(true) {
        return;
    }
    let about = regarding_type(cron);
    let offset = schedule::offset(cron.spec.time_zone.as_deref());
    let Some(schedule) = Schedule::parse(&cron.spec.schedule, offset) else {
        let text = format!("unparseable schedule: {:?}", cron.spec.schedule);
        plan.says.push(warning(&about, "UnparseableSchedule", text));
        return;
    };
    plan.again = due::next_in(cron, &schedule, sync.now);
    let missed = match due::missed(cron, &schedule, sync.now, true) {
        Ok(missed) => missed,
        Err(why) => {
            let text = format!("invalid schedule schedule: {} : {why}", cron.spec.schedule);
            plan.says.push(warning(&about, "InvalidSchedule", text));
            return;
        }
    };
    if missed.too_many() {
        let text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or \
                    check clock skew";
        plan.says.push(warning(&about, "TooManyMissedTimes", text));
    }
    let Some(at) = missed.latest else { return };
    if let Some(deadline) = cron.spec.starting_deadline_seconds
        && due::unix(sync.now) > at.saturating_add(deadline)
    {
        let when = due::moment(at);
        let text = format!("Missed scheduled time to start a job: {}", rfc1123(when));
        plan.says.push(warning(&about, "MissSchedule", text));
        return;
    }
    let name = format!("{}-{}", item.1.name, at.div_euclid(60));
    let state = cron.status.clone().unwrap_or_default();
    let active = state.active.unwrap_or_default();
    let last = state.last_schedule_time.as_ref().map(|t| due::unix(sim_time(t)));
    if last == Some(at) || active.iter().any(|r| r.name.as_deref() == Some(&name)) {
        return;
    }
    match cron.spec.concurrency_policy.as_deref() {
        Some("Forbid") if !active.is_empty() => {
            let text = "Not starting job because prior execution is running and concurrency \
                        policy is Forbid";
            plan.says.push(normal(&about, "JobAlreadyActive", text));
            let subject = Subject::object("CronJob", &item.1.namespace, &item.1.name);
            plan.notes.push((subject, Message::new("why-kube-cron-forbidden")));
            return;
        }
        Some("Replace") => {
            for running in &active {
                let namespace = running.namespace.as_deref().unwrap_or("");
                let key = Key::new(namespace, running.name.as_deref().unwrap_or(""));
                let why = Message::new("why-kube-cron-replaced");
                plan.call(remove(cron, &key, running.uid.as_deref(), why));
            }
        }
        _ => {}
    }
    let why = Message::new("why-kube-cron-run").with("schedule", cron.spec.schedule.as_str());
    let call = Call::new(create(job_of(cron, name, at, offset)))
        .because(why)
        .then_say(normal(&about, "SuccessfulCreate", "Created job {}"))
        .else_say(warning(&about, "FailedCreate", "Error creating job: {}"))
        .forgiving(&["AlreadyExists"])
        .tagged(CREATE);
    plan.call(call);
}

/// The Job of a run.
fn job_of(cron: &CronJob, name: String, at: i64, offset: i64) -> Job {
    let template = &cron.spec.job_template;
    let meta = template.metadata.clone().unwrap_or_default();
    let mut annotations = meta.annotations.unwrap_or_default();
    annotations.insert(SCHEDULED_AT.to_owned(), rfc3339(at, offset));
    Job {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: cron.metadata.namespace.clone(),
            labels: meta.labels,
            annotations: Some(annotations),
            owner_references: Some(vec![controller_ref::<CronJob>(&cron.metadata)]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// The answer to a creation: the new Job is active, and the run is done.
fn created(
    cron: &mut CronJob,
    call: &Call,
    result: &Result<Response, ApiError>,
    sync: &mut Sync<'_>,
) {
    let uid = cron.metadata.uid.clone().unwrap_or_default();
    let object: Option<Arc<Object>> = match result {
        Ok(response) => response.object().cloned(),
        // An earlier sync made it; the status may not say so yet.
        Err(error) if error.reason == "AlreadyExists" => {
            let Body::Object(asked) = &call.request.body else { return };
            let known = sync.view.object(&(Kind::Job, Key::of(asked))).cloned();
            known.filter(|o| controller_of(o.meta()).is_some_and(|owner| owner.uid == uid))
        }
        Err(_) => None,
    };
    let Some(object) = object else { return };
    let meta = object.meta();
    if is_active(cron, meta.uid.as_deref().unwrap_or("")) {
        return;
    }
    sync.memory.moments.insert(((Kind::Job, Key::of(&object)), MADE), sync.now);
    let minutes = meta.name.as_deref().and_then(|n| n.rsplit('-').next()?.parse::<i64>().ok());
    let status = status(cron);
    status.active.get_or_insert_default().push(ObjectReference {
        api_version: Some(Kind::Job.api_version().to_owned()),
        kind: Some("Job".to_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        resource_version: meta.resource_version.clone(),
        uid: meta.uid.clone(),
        field_path: None,
    });
    if let Some(minutes) = minutes {
        status.last_schedule_time = Some(meta_time(due::moment(minutes * 60)));
    }
}

/// `2026-01-05T18:00:00+09:00`.
fn rfc3339(at: i64, offset: i64) -> String {
    let local = meta_time(due::moment(at.saturating_add(offset))).0.to_string();
    if offset == 0 {
        return local;
    }
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
    let zone = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    local.replace('Z', &zone)
}

/// `Mon, 05 Jan 2026 09:00:00 +0000`.
fn rfc1123(at: SimTime) -> String {
    meta_time(at).0.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
