//! `kubectl rollout status`.
//!
//! Follows kubectl `pkg/polymorphichelpers/rollout_status.go` and `pkg/cmd/rollout`.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, SELECT};
use super::verbs::Verb;
use super::wait::{snapshot, watch_from};
use crate::base::time::SimDuration;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Response, WatchKind};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "rollout status",
    usage: "(TYPE NAME | TYPE/NAME) [flags]",
    about: "Show how far a rollout has come, until it is done",
    flags: &[FILES, SELECT, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("watch", Takes::Bool, "Until it is done").short('w').or("true"),
    Flag::new("revision", Takes::Int, "Only this revision").or("0"),
    Flag::new("timeout", Takes::Time, "How long to wait; 0 for as long as it takes").or("0s"),
];

const ROLLING_ONLY: &str = "rollout status is only available for RollingUpdate strategy type";

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    if args.is_empty() && !call.has_files() {
        return Err(Failure::plain("required resource not specified").into());
    }
    let found = call.find(&args, false)?;
    if found.objects.is_empty() && found.failures.is_empty() {
        return Err(Failure::plain("no objects found").into());
    }
    let revision = call.flags.int("revision");
    if revision < 0 {
        return Err(Failure::plain("revision must be a positive integer: -1").into());
    }
    for object in &found.objects {
        one(call, object, revision)?;
    }
    found.end()
}

fn one(call: &mut Call<'_, '_>, object: &Object, wanted: i64) -> Run<()> {
    let kind = object.kind();
    if !matches!(kind, Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet) {
        let group = kind.group_kind();
        return Err(
            Failure::plain(format!("no status viewer has been implemented for {group}")).into()
        );
    }
    let timeout = call.flags.time("timeout").filter(|t| *t > SimDuration::ZERO);
    let until = match timeout {
        Some(timeout) => Some(call.moment()? + timeout),
        None => None,
    };
    let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
    let (now, revision) = snapshot(call, kind, &namespace, &name)?;
    if let Some(now) = now
        && (told(call, &now, wanted)? || !call.flags.on("watch"))
    {
        return Ok(());
    }
    let stream = call.open(watch_from(kind, &namespace, &name, revision))?;
    loop {
        match call.part(stream, until)? {
            None => return Err(Failure::plain("timed out waiting for the condition").into()),
            Some(Ok(Response::Watch(WatchKind::Deleted, _))) => {
                return Err(Failure::plain("object has been deleted").into());
            }
            Some(Ok(Response::Watch(_, object))) => {
                if told(call, &object, wanted)? {
                    call.close(stream);
                    return Ok(());
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

fn told(call: &mut Call<'_, '_>, object: &Object, revision: i64) -> Run<bool> {
    let (text, done) = status(object, revision).map_err(Failure::plain)?;
    call.line(text);
    Ok(done)
}

/// The line about an object, and whether the rollout is done.
fn status(object: &Object, revision: i64) -> Result<(String, bool), String> {
    if let Some(of) = object.get::<Deployment>() {
        return deployment(of, revision);
    }
    if let Some(of) = object.get::<DaemonSet>() {
        return daemon_set(of);
    }
    match object.get::<StatefulSet>() {
        Some(of) => stateful_set(of),
        None => Err("no status viewer has been implemented".to_owned()),
    }
}

fn deployment(of: &Deployment, wanted: i64) -> Result<(String, bool), String> {
    let name = of.metadata.name.as_deref().unwrap_or("");
    if wanted > 0 {
        let annotations = of.metadata.annotations.as_ref();
        let have = annotations.and_then(|a| a.get("deployment.kubernetes.io/revision"));
        let have: i64 = have.and_then(|r| r.parse().ok()).unwrap_or(0);
        if have != wanted {
            return Err(format!(
                "desired revision ({wanted}) is different from the running revision ({have})"
            ));
        }
    }
    let status = of.status.clone().unwrap_or_default();
    if of.metadata.generation.unwrap_or(0) > status.observed_generation.unwrap_or(0) {
        return Ok(("Waiting for deployment spec update to be observed...".to_owned(), false));
    }
    let late = status.conditions.iter().flatten().any(|c| {
        c.type_.as_deref() == Some("Progressing")
            && c.reason.as_deref() == Some("ProgressDeadlineExceeded")
    });
    if late {
        return Err(format!("deployment \"{name}\" exceeded its progress deadline"));
    }
    let desired = of.spec.replicas.unwrap_or(0);
    let updated = status.updated_replicas.unwrap_or(0);
    let all = status.replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let waiting = |what: String| {
        Ok((format!("Waiting for deployment \"{name}\" rollout to finish: {what}..."), false))
    };
    if updated < desired {
        waiting(format!("{updated} out of {desired} new replicas have been updated"))
    } else if all > updated {
        waiting(format!("{} old replicas are pending termination", all - updated))
    } else if available < updated {
        waiting(format!("{available} of {updated} updated replicas are available"))
    } else {
        Ok((format!("deployment \"{name}\" successfully rolled out"), true))
    }
}

fn daemon_set(of: &DaemonSet) -> Result<(String, bool), String> {
    let name = of.metadata.name.as_deref().unwrap_or("");
    let strategy = of.spec.update_strategy.as_ref().and_then(|s| s.type_.as_deref());
    if strategy.is_some_and(|s| s != "RollingUpdate") {
        return Err(ROLLING_ONLY.to_owned());
    }
    let status = of.status.clone().unwrap_or_default();
    if of.metadata.generation.unwrap_or(0) > status.observed_generation.unwrap_or(0) {
        return Ok(("Waiting for daemon set spec update to be observed...".to_owned(), false));
    }
    let desired = status.desired_number_scheduled;
    let updated = status.updated_number_scheduled.unwrap_or(0);
    let available = status.number_available.unwrap_or(0);
    let waiting = |what: String| {
        Ok((format!("Waiting for daemon set \"{name}\" rollout to finish: {what}..."), false))
    };
    if updated < desired {
        waiting(format!("{updated} out of {desired} new pods have been updated"))
    } else if available < desired {
        waiting(format!("{available} of {desired} updated pods are available"))
    } else {
        Ok((format!("daemon set \"{name}\" successfully rolled out"), true))
    }
}

fn stateful_set(of: &StatefulSet) -> Result<(String, bool), String> {
    let strategy = of.spec.update_strategy.as_ref();
    if strategy.and_then(|s| s.type_.as_deref()).is_some_and(|s| s != "RollingUpdate") {
        return Err(ROLLING_ONLY.to_owned());
    }
    let status = of.status.clone().unwrap_or_default();
    let seen = status.observed_generation.unwrap_or(0);
    if seen == 0 || of.metadata.generation.unwrap_or(0) > seen {
        return Ok(("Waiting for statefulset spec update to be observed...".to_owned(), false));
    }
    let desired = of.spec.replicas.unwrap_or(0);
    let ready = status.ready_replicas.unwrap_or(0);
    let updated = status.updated_replicas.unwrap_or(0);
    if ready < desired {
        return Ok((format!("Waiting for {} pods to be ready...", desired - ready), false));
    }
    if let Some(rolling) = strategy.and_then(|s| s.rolling_update.as_ref()) {
        let wanted = desired - rolling.partition.unwrap_or(desired);
        if rolling.partition.is_some() && updated < wanted {
            let text = format!(
                "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods \
                 have been updated..."
            );
            return Ok((text, false));
        }
        let text =
            format!("partitioned roll out complete: {updated} new pods have been updated...");
        return Ok((text, true));
    }
    let revision = status.update_revision.clone().unwrap_or_default();
    if status.update_revision != status.current_revision {
        let text = format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision \
             {revision}..."
        );
        return Ok((text, false));
    }
    let current = status.current_replicas.unwrap_or(0);
    let revision = status.current_revision.clone().unwrap_or_default();
    let text =
        format!("statefulset rolling update complete {current} pods at revision {revision}...");
    Ok((text, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_of_a_rollout() {
        let line = |status: serde_json::Value| {
            let read = json!({"metadata": {"name": "web", "generation": 2},
                "spec": {"replicas": 3, "selector": {}, "template": {}}, "status": status});
            deployment(&serde_json::from_value(read).unwrap(), 0)
        };
        let rollout = "Waiting for deployment \"web\" rollout to finish: ";
        for (status, shown) in [
            (
                json!({"observedGeneration": 1}),
                "Waiting for deployment spec update to be observed...".to_owned(),
            ),
            (
                json!({"observedGeneration": 2, "updatedReplicas": 1, "replicas": 4}),
                format!("{rollout}1 out of 3 new replicas have been updated..."),
            ),
            (
                json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 4}),
                format!("{rollout}1 old replicas are pending termination..."),
            ),
            (
                json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3,
                    "availableReplicas": 2}),
                format!("{rollout}2 of 3 updated replicas are available..."),
            ),
            (
                json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3,
                    "availableReplicas": 3}),
                "deployment \"web\" successfully rolled out".to_owned(),
            ),
        ] {
            assert_eq!(line(status).unwrap().0, shown);
        }
        let late = json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]});
        assert_eq!(line(late).unwrap_err(), "deployment \"web\" exceeded its progress deadline");
    }
}
