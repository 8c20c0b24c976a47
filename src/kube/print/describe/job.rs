//! `kubectl describe` of Jobs and CronJobs.

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};

use super::container::template;
use super::{
    Around, Lines, controlled_by, date, label_line, selector, short_duration, text, title_bool,
};

/// Longest list of completed indexes shown.
const MAX_INDEXES: usize = 50;
const UNSET: &str = "<unset>";

/// `kubectl describe job`.
#[must_use]
pub fn job(of: &Job, around: Around<'_>) -> String {
    let spec = of.spec.clone().unwrap_or_default();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.field("Selector", selector(spec.selector.as_ref()));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    if let Some(owner) = controlled_by(&of.metadata) {
        w.field("Controlled By", owner);
    }
    numbers(&mut w, &spec);
    let (start, end) = (status.start_time.as_ref(), status.completion_time.as_ref());
    if start.is_some() {
        w.field("Start Time", date(start));
    }
    if end.is_some() {
        w.field("Completed At", date(end));
    }
    if let (Some(start), Some(end)) = (start, end) {
        let length = end.0.as_microsecond().saturating_sub(start.0.as_microsecond());
        w.field("Duration", short_duration(length));
    }
    if let Some(seconds) = spec.active_deadline_seconds {
        w.field("Active Deadline Seconds", format!("{seconds}s"));
    }
    let (active, ready) = (status.active.unwrap_or(0), status.ready.unwrap_or(0));
    let (succeeded, failed) = (status.succeeded.unwrap_or(0), status.failed.unwrap_or(0));
    w.field(
        "Pods Statuses",
        format!("{active} Active ({ready} Ready) / {succeeded} Succeeded / {failed} Failed"),
    );
    if spec.completion_mode.as_deref() == Some("Indexed") {
        w.field("Completed Indexes", indexes(text(status.completed_indexes.as_ref())));
    }
    template(&mut w, Some(&spec.template));
    w.events(around);
    w.finish()
}

fn numbers(w: &mut Lines, spec: &JobSpec) {
    let or_unset = |n: Option<i32>| n.map_or(UNSET.to_owned(), |n| n.to_string());
    w.field("Parallelism", or_unset(spec.parallelism));
    w.field("Completions", or_unset(spec.completions));
    if let Some(mode) = &spec.completion_mode {
        w.field("Completion Mode", mode);
    }
    if let Some(suspend) = spec.suspend {
        w.field("Suspend", suspend.to_string());
    }
    if let Some(limit) = spec.backoff_limit {
        w.field("Backoff Limit", limit.to_string());
    }
    if let Some(seconds) = spec.ttl_seconds_after_finished {
        w.field("TTL Seconds After Finished", seconds.to_string());
    }
}

/// The list of indexes, cut at a comma when it is long.
fn indexes(all: &str) -> String {
    if all.is_empty() {
        return "<none>".to_owned();
    }
    if all.len() <= MAX_INDEXES {
        return all.to_owned();
    }
    let cut = all.get(..MAX_INDEXES).unwrap_or(all);
    let cut = cut.rfind(',').and_then(|at| cut.get(..=at)).unwrap_or(cut);
    format!("{cut}...")
}

/// `kubectl describe cronjob`.
#[must_use]
pub fn cron_job(of: &CronJob, around: Around<'_>) -> String {
    let spec = of.spec.clone();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    let number = |n: Option<i32>| n.map_or(UNSET.to_owned(), |n| n.to_string());
    w.field("Schedule", &spec.schedule);
    w.field("Concurrency Policy", text(spec.concurrency_policy.as_ref()));
    w.field("Suspend", spec.suspend.map_or(UNSET, title_bool));
    w.field("Time Zone", spec.time_zone.as_deref().unwrap_or(UNSET));
    w.field("Successful Job History Limit", number(spec.successful_jobs_history_limit));
    w.field("Failed Job History Limit", number(spec.failed_jobs_history_limit));
    let deadline = spec.starting_deadline_seconds.map_or(UNSET.to_owned(), |s| format!("{s}s"));
    w.field("Starting Deadline Seconds", deadline);
    let job = spec.job_template.spec.unwrap_or_default();
    match &job.selector {
        Some(s) => w.field("Selector", label_line(s.match_labels.as_ref())),
        None => w.field("Selector", UNSET),
    }
    w.field("Parallelism", number(job.parallelism));
    w.field("Completions", number(job.completions));
    if let Some(seconds) = job.active_deadline_seconds {
        w.field("Active Deadline Seconds", format!("{seconds}s"));
    }
    template(&mut w, Some(&job.template));
    let status = of.status.clone().unwrap_or_default();
    match status.last_schedule_time.as_ref() {
        Some(time) => w.field("Last Schedule Time", date(Some(time))),
        None => w.field("Last Schedule Time", UNSET),
    }
    let active: Vec<String> =
        status.active.iter().flatten().map(|r| text(r.name.as_ref()).to_owned()).collect();
    let active = if active.is_empty() { "<none>".to_owned() } else { active.join(", ") };
    w.field("Active Jobs", active);
    w.events(around);
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn a_cron_job_without_settings() {
        let of: CronJob = serde_json::from_value(json!({
            "metadata": {"name": "tick", "namespace": "d"},
            "spec": {"schedule": "* * * * *", "suspend": false, "concurrencyPolicy": "Allow",
                "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
                "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}},
            "status": {"active": [{"name": "tick-1"}, {"name": "tick-2"}]}
        }))
        .unwrap();
        let shown = cron_job(&of, Around { now: SimTime::ZERO, events: Some(&[]) });
        for part in [
            "Starting Deadline Seconds:     <unset>\nSelector:                      <unset>\n",
            "Suspend:                       False\n",
            "Active Jobs:         tick-1, tick-2\n",
        ] {
            assert!(shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn long_lists_of_indexes_are_cut() {
        assert_eq!(indexes(""), "<none>");
        assert_eq!(indexes("0-3"), "0-3");
        let many = (0..30).map(|n| (n * 2).to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(indexes(&many), "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,...");
    }
}
