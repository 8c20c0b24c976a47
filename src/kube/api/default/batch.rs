//! Defaults of jobs (`pkg/apis/batch/v1/defaults.go`).

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};

use super::{or, pod};

/// Job.
pub fn job(job: &mut Job) {
    job.status.get_or_insert_default();
    let spec = job.spec.get_or_insert_default();
    // One pod is asked for only where neither number is given: a work queue has no completions.
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
        spec.parallelism = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    let per_index = spec.backoff_limit_per_index.is_some();
    spec.backoff_limit.get_or_insert(if per_index { i32::MAX } else { 6 });
    or(&mut spec.completion_mode, "NonIndexed");
    spec.suspend.get_or_insert(false);
    spec.manual_selector.get_or_insert(false);
    let policy = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
    or(&mut spec.pod_replacement_policy, policy);
    for rule in spec.pod_failure_policy.iter_mut().flat_map(|p| &mut p.rules) {
        for pattern in rule.on_pod_conditions.iter_mut().flatten() {
            or(&mut pattern.status, "True");
        }
    }
    template(spec);
}

fn template(spec: &mut JobSpec) {
    pod::template(&mut spec.template);
}

/// CronJob; its template gets only the defaults of pods.
pub fn cron_job(cron: &mut CronJob) {
    cron.status.get_or_insert_default();
    let spec = &mut cron.spec;
    or(&mut spec.concurrency_policy, "Allow");
    spec.suspend.get_or_insert(false);
    spec.successful_jobs_history_limit.get_or_insert(3);
    spec.failed_jobs_history_limit.get_or_insert(1);
    spec.job_template.metadata.get_or_insert_default();
    template(spec.job_template.spec.get_or_insert_default());
}
