//! Jobs and CronJobs (`pkg/apis/batch/validation`).

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};

use super::field::{At, Errors};
use super::{pod, schedule, selector};

/// Longest name of a CronJob: eleven characters of the run follow.
const CRON_NAME: usize = 52;

/// Job.
pub fn job(of: &Job, errors: &mut Errors) {
    let spec = of.spec.clone().unwrap_or_default();
    job_spec(&spec, &At::root("spec"), errors);
}

fn job_spec(spec: &JobSpec, at: &At<'_>, errors: &mut Errors) {
    for (field, value) in [
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("backoffLimit", spec.backoff_limit),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ] {
        errors.non_negative(&at.child(field), i64::from(value.unwrap_or(0)));
    }
    if let Some(deadline) = spec.active_deadline_seconds {
        errors.non_negative(&at.child("activeDeadlineSeconds"), deadline);
    }
    let mode = spec.completion_mode.as_deref().unwrap_or("NonIndexed");
    errors.one_of(&at.child("completionMode"), mode, &["Indexed", "NonIndexed"]);
    if mode != "Indexed" {
        for (field, set) in [
            ("backoffLimitPerIndex", spec.backoff_limit_per_index.is_some()),
            ("maxFailedIndexes", spec.max_failed_indexes.is_some()),
        ] {
            if set {
                let value = spec.backoff_limit_per_index.or(spec.max_failed_indexes).unwrap_or(0);
                errors.invalid(&at.child(field), value, "requires indexed completion mode");
            }
        }
    }
    if let Some(policy) = &spec.pod_replacement_policy {
        let at = at.child("podReplacementPolicy");
        if spec.pod_failure_policy.is_some() && policy != "Failed" {
            errors.unsupported(&at, policy, &["Failed"]);
        } else {
            errors.one_of(&at, policy, &["Failed", "TerminatingOrFailed"]);
        }
    }
    failure_policy(spec, &at.child("podFailurePolicy"), errors);
    if let Some(own) = &spec.selector {
        selector::label_selector(own, &at.child("selector"), errors);
    }
    pod::template(&spec.template, &[], &at.child("template"), errors);
    let inner = spec.template.spec.as_ref();
    let policy = inner.and_then(|s| s.restart_policy.as_deref()).unwrap_or("");
    let restart = at.child("template");
    let restart = restart.child("spec");
    if policy != "OnFailure" && policy != "Never" {
        let text = "valid values: \"OnFailure\", \"Never\"";
        errors.required(&restart.child("restartPolicy"), text);
    } else if policy != "Never" && spec.pod_failure_policy.is_some() {
        errors.invalid(
            &restart.child("restartPolicy"),
            policy,
            "only \"Never\" is supported when podFailurePolicy is specified",
        );
    }
}

fn failure_policy(spec: &JobSpec, at: &At<'_>, errors: &mut Errors) {
    let Some(policy) = &spec.pod_failure_policy else { return };
    let list = at.child("rules");
    let names: Vec<&str> = spec
        .template
        .spec
        .iter()
        .flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()))
        .map(|c| c.name.as_str())
        .collect();
    for (index, rule) in policy.rules.iter().enumerate() {
        let one = list.index(index);
        let allowed = ["Count", "FailIndex", "FailJob", "Ignore"];
        if rule.action.is_empty() {
            errors.required(
                &one.child("action"),
                "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]",
            );
        } else {
            errors.one_of(&one.child("action"), &rule.action, &allowed);
        }
        if let Some(codes) = &rule.on_exit_codes {
            let at = one.child("onExitCodes");
            errors.one_of(&at.child("operator"), &codes.operator, &["In", "NotIn"]);
            if let Some(name) = &codes.container_name
                && !names.contains(&name.as_str())
            {
                let text =
                    "must be one of the container or initContainer names in the pod template";
                errors.invalid(&at.child("containerName"), name, text);
            }
            if codes.values.is_empty() {
                errors.invalid(
                    &at.child("values"),
                    &serde_json::json!([]),
                    "at least one value is required",
                );
            }
        } else if rule.on_pod_conditions.as_ref().is_none_or(Vec::is_empty) {
            errors.invalid(
                &one,
                &serde_json::to_value(rule).unwrap_or_default(),
                "specifying one of OnExitCodes and OnPodConditions is required",
            );
        }
    }
}

/// CronJob.
pub fn cron_job(of: &CronJob, errors: &mut Errors) {
    let at = At::root("spec");
    let spec = &of.spec;
    if spec.schedule.is_empty() {
        errors.required(&at.child("schedule"), "");
    } else {
        if let Err(why) = schedule::check(&spec.schedule) {
            errors.invalid(&at.child("schedule"), &spec.schedule, &why);
        }
        if spec.schedule.contains("TZ") {
            let text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            errors.invalid(&at.child("schedule"), &spec.schedule, text);
        }
    }
    if let Some(deadline) = spec.starting_deadline_seconds {
        errors.non_negative(&at.child("startingDeadlineSeconds"), deadline);
    }
    if let Some(zone) = &spec.time_zone {
        let field = at.child("timeZone");
        if zone.is_empty() {
            errors.invalid(&field, zone, "timeZone must be nil or non-empty string");
        } else if zone.eq_ignore_ascii_case("local") {
            errors.invalid(
                &field,
                zone,
                "timeZone must be an explicit time zone as defined in \
             https://www.iana.org/time-zones",
            );
        } else if !schedule::known_zone(zone) {
            errors.invalid(&field, zone, &format!("unknown time zone {zone}"));
        }
    }
    let policy = spec.concurrency_policy.as_deref().unwrap_or("");
    errors.one_of(&at.child("concurrencyPolicy"), policy, &["Allow", "Forbid", "Replace"]);
    let template = at.child("jobTemplate");
    let job = spec.job_template.spec.clone().unwrap_or_default();
    job_spec(&job, &template.child("spec"), errors);
    for (field, value) in [
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        errors.non_negative(&at.child(field), i64::from(value.unwrap_or(0)));
    }
    let name = of.metadata.name.as_deref().unwrap_or("");
    if name.len() > CRON_NAME {
        let text = format!("must be no more than {CRON_NAME} characters");
        errors.invalid(&At::root("metadata").child("name"), name, &text);
    }
}
