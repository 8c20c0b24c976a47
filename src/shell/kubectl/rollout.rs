//! `kubectl rollout history`, `pause`, `resume`, `restart`.
//!
//! Follows kubectl `pkg/polymorphichelpers` (history, objectpauser, objectresumer,
//! objectrestarter).

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Value, json};

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, Found, SELECT, full_name};
use super::verbs::Verb;
use crate::base::table::tabwriter;
use crate::kube::api::object::Object;
use crate::kube::api::request::{PatchType, Request};
use crate::kube::kinds::Kind;
use crate::kube::print::describe::{Lines, container, selector};

pub(super) const HISTORY: Verb = Verb {
    path: "rollout history",
    usage: "(TYPE NAME | TYPE/NAME) [flags]",
    about: "Show earlier revisions",
    flags: &[FILES, SELECT, REVISION],
    required: &[],
    run: history,
};

pub(super) const PAUSE: Verb = Verb {
    path: "rollout pause",
    usage: "RESOURCE",
    about: "Pause the rollouts of a Deployment",
    flags: &[FILES, SELECT, MANAGER],
    required: &[],
    run: pause,
};

pub(super) const RESUME: Verb = Verb {
    path: "rollout resume",
    usage: "RESOURCE",
    about: "Go on with the rollouts of a paused Deployment",
    flags: &[FILES, SELECT, MANAGER],
    required: &[],
    run: resume,
};

pub(super) const RESTART: Verb = Verb {
    path: "rollout restart",
    usage: "RESOURCE",
    about: "Replace all pods of a workload",
    flags: &[FILES, SELECT, MANAGER],
    required: &[],
    run: restart,
};

const REVISION: &[Flag] = &[
    Flag::new("revision", Takes::Int, "Show this revision in detail").or("0"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

/// `--field-manager` and `-o`.
pub(super) const MANAGER: &[Flag] = &[
    Flag::new("field-manager", Takes::Text, "Who manages the fields").or("kubectl-rollout"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

/// The annotation with why a revision came to be.
const CAUSE: &str = "kubernetes.io/change-cause";
/// The annotation with the number of a revision.
pub(super) const NUMBER: &str = "deployment.kubernetes.io/revision";

/// The objects that the arguments name.
pub(super) fn named(call: &mut Call<'_, '_>) -> Run<Found> {
    let args = call.flags.args.clone();
    if args.is_empty() && !call.has_files() {
        return Err(Failure::plain("required resource not specified").into());
    }
    call.find(&args, false)
}

/// One revision of a workload.
pub(super) struct Revision {
    /// Its number.
    pub(super) number: i64,
    /// Why it came to be.
    pub(super) cause: String,
    /// Its template.
    pub(super) template: PodTemplateSpec,
    /// Annotations of its ReplicaSet.
    pub(super) annotations: Value,
    /// The data of its ControllerRevision.
    pub(super) data: Option<Value>,
}

/// Revisions of a Deployment, DaemonSet or StatefulSet, oldest first.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these kinds have revisions")]
pub(super) fn revisions(call: &mut Call<'_, '_>, object: &Object) -> Run<Vec<Revision>> {
    let value = object.to_value();
    let labels = value.pointer("/spec/selector").cloned().unwrap_or(Value::Null);
    let labels = selector(serde_json::from_value(labels).ok().as_ref());
    let kind = match object.kind() {
        Kind::Deployment => Kind::ReplicaSet,
        Kind::DaemonSet | Kind::StatefulSet => Kind::ControllerRevision,
        other => {
            let group = other.group_kind();
            let message = format!("no history viewer has been implemented for \"{group}\"");
            return Err(Failure::plain(message).into());
        }
    };
    let mut request = Request::list(kind, object.namespace());
    request.options.label_selector = Some(labels);
    let all = call.objects(request)??;
    let uid = object.uid().to_owned();
    let own = all.into_iter().filter(|o| o.controller().is_some_and(|c| c.uid == uid));
    let mut found: Vec<Revision> = own.filter_map(|o| revision(&o)).collect();
    found.sort_by_key(|r| r.number);
    Ok(found)
}

fn revision(object: &Arc<Object>) -> Option<Revision> {
    let annotations = object.meta().annotations.clone().unwrap_or_default();
    let cause = annotations.get(CAUSE).cloned().unwrap_or_default();
    if let Some(set) = object.get::<ReplicaSet>() {
        return Some(Revision {
            number: annotations.get(NUMBER)?.parse().ok()?,
            cause,
            template: set.spec.template.clone()?,
            annotations: json!(annotations),
            data: None,
        });
    }
    let of = object.get::<ControllerRevision>()?;
    let data = object.to_value().get("data").cloned().unwrap_or(Value::Null);
    let template = data.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    Some(Revision {
        number: of.revision.into_revision(),
        cause,
        template: serde_json::from_value(template).unwrap_or_default(),
        annotations: json!(annotations),
        data: Some(data),
    })
}

/// Revision numbers of the API types, whether they may be missing or not.
trait IntoRevision {
    fn into_revision(self) -> i64;
}

impl IntoRevision for i64 {
    fn into_revision(self) -> i64 {
        self
    }
}

impl IntoRevision for Option<i64> {
    fn into_revision(self) -> i64 {
        self.unwrap_or(0)
    }
}

fn history(call: &mut Call<'_, '_>) -> Run<()> {
    let found = named(call)?;
    for object in &found.objects {
        let all = revisions(call, object)?;
        let wanted = call.flags.int("revision");
        if wanted > 0 {
            let Some(one) = all.iter().find(|r| r.number == wanted) else {
                return Err(Failure::plain("unable to find the specified revision").into());
            };
            let mut lines = Lines::default();
            let mut template = one.template.clone();
            if !one.cause.is_empty() {
                let meta = template.metadata.get_or_insert_default();
                let annotations = meta.annotations.get_or_insert_default();
                annotations.insert(CAUSE.to_owned(), one.cause.clone());
            }
            container::template(&mut lines, Some(&template));
            let text = lines.unaligned();
            let name = full_name(object);
            call.out(format!("{name} with revision #{wanted}\n{text}\n"));
            continue;
        }
        let mut rows = vec![vec!["REVISION".to_owned(), "CHANGE-CAUSE".to_owned()]];
        for one in &all {
            let cause = if one.cause.is_empty() { "<none>" } else { &one.cause };
            rows.push(vec![one.number.to_string(), cause.to_owned()]);
        }
        let table = tabwriter(&rows, 0, 2);
        call.out(format!("{} \n{table}\n", full_name(object)));
    }
    found.end()
}

/// `deployments.apps "web" …` with a failure of the client.
fn refused(object: &Object, why: &str) -> Failure {
    Failure::plain(format!("{} \"{}\" {why}", object.kind().resource(), object.name()))
}

/// Send a strategic merge patch and tell what was done.
pub(super) fn send(
    call: &mut Call<'_, '_>,
    object: &Object,
    patch: Value,
    done: &str,
) -> Run<Result<(), Failure>> {
    let (kind, namespace, name) = (object.kind(), object.namespace(), object.name());
    let mut request = Request::patch(kind, namespace, name, PatchType::Strategic, patch);
    request.options.field_manager = call.flags.some("field-manager").map(Into::into);
    match call.object(request)? {
        Ok(object) => {
            call.line(format!("{} {done}", full_name(&object)));
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(error.into())),
    }
}

fn each(
    call: &mut Call<'_, '_>,
    done: &str,
    patch: impl Fn(&mut Call<'_, '_>, &Object) -> Run<Result<Value, Failure>>,
) -> Run<()> {
    let mut found = named(call)?;
    for object in std::mem::take(&mut found.objects) {
        let sent = match patch(call, &object)? {
            Ok(patch) => send(call, &object, patch, done)?,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = sent {
            found.failures.push(failure);
        }
    }
    found.end()
}

fn is_paused(object: &Object) -> Option<bool> {
    object.get::<Deployment>().map(|d| d.spec.paused.unwrap_or(false))
}

fn pause(call: &mut Call<'_, '_>) -> Run<()> {
    each(call, "paused", |_, object| {
        Ok(match is_paused(object) {
            None => Err(refused(object, "pausing is not supported")),
            Some(true) => Err(refused(object, "is already paused")),
            Some(false) => Ok(json!({"spec": {"paused": true}})),
        })
    })
}

fn resume(call: &mut Call<'_, '_>) -> Run<()> {
    each(call, "resumed", |_, object| {
        Ok(match is_paused(object) {
            None => Err(refused(object, "resuming is not supported")),
            Some(false) => Err(refused(object, "is not paused")),
            Some(true) => Ok(json!({"spec": {"paused": null}})),
        })
    })
}

fn restart(call: &mut Call<'_, '_>) -> Run<()> {
    const KEY: &str = "kubectl.kubernetes.io/restartedAt";
    each(call, "restarted", |call, object| {
        let now = call.moment()?.rfc3339();
        if is_paused(object) == Some(true) {
            let why = "can't restart paused deployment (run rollout resume first)";
            return Ok(Err(refused(object, why)));
        }
        if !matches!(object.kind(), Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet) {
            return Ok(Err(refused(object, "restarting is not supported")));
        }
        let value = object.to_value();
        let annotations = value.pointer("/spec/template/metadata/annotations");
        let before = annotations.and_then(|a| a.get(KEY)).and_then(Value::as_str);
        if before == Some(now.as_str()) {
            let message = format!(
                "failed to create patch for {}: if restart has already been triggered within the \
                 past second, please wait before attempting to trigger another",
                object.name()
            );
            return Ok(Err(Failure::plain(message)));
        }
        Ok(Ok(json!({"spec": {"template": {"metadata": {"annotations": {KEY: now}}}}})))
    })
}
