//! `kubectl wait`, and waiting for deletions.
//!
//! Follows kubectl `pkg/cmd/wait`.

use std::sync::Arc;

use serde_json::Value;

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::{FILES, SELECT, full_name};
use super::show::jsonpath::{Template, shown};
use super::verbs::Verb;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::Object;
use crate::kube::api::request::{Request, Response, Verb as Ask, WatchKind};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "wait",
    usage: "([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) \
            [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
    about: "Wait for a condition of objects",
    flags: &[FILES, SELECT, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("for", Takes::Each, "What to wait for: condition=…, delete, create, jsonpath=…"),
    Flag::new("timeout", Takes::Time, "How long to wait for each object").or("30s"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
];

/// For how long a negative timeout waits: a week.
const WEEK: SimDuration = SimDuration::from_secs(7 * 24 * 3_600);

/// What is waited for.
enum Condition {
    Delete,
    Create,
    Status { name: String, value: String },
    Path { template: Template, value: Option<String> },
}

impl Condition {
    fn parse(text: &str) -> Result<Self, Failure> {
        let lower = text.to_lowercase();
        if lower == "delete" {
            return Ok(Self::Delete);
        }
        if lower == "create" {
            return Ok(Self::Create);
        }
        if let Some(rest) = text.strip_prefix("condition=") {
            let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
            return Ok(Self::Status { name: name.to_owned(), value: value.to_owned() });
        }
        if let Some(rest) = text.strip_prefix("jsonpath=") {
            let close = rest.rfind('}').map_or(rest.len(), |at| at + 1);
            let (path, tail) = rest.split_at(close);
            let tail = tail.trim_start_matches(['"', '\'']);
            let value = tail.strip_prefix('=').map(|v| v.trim_matches(['"', '\'']).to_owned());
            if value.as_deref() == Some("") {
                return Err(Failure::plain("jsonpath wait value cannot be empty"));
            }
            let template =
                Template::relaxed(path.trim_matches(['"', '\''])).map_err(Failure::plain)?;
            return Ok(Self::Path { template, value });
        }
        Err(Failure::plain(format!("unrecognized condition: \"{text}\"")))
    }

    /// Whether an object meets it.
    fn holds(&self, object: &Object) -> bool {
        let value = object.to_value();
        match self {
            Self::Delete => false,
            Self::Create => true,
            Self::Path { template, value: wanted } => {
                let found = template.find(&value).unwrap_or_default();
                match wanted {
                    None => !found.is_empty(),
                    Some(wanted) => found.iter().any(|v| shown(v) == *wanted),
                }
            }
            Self::Status { name, value: wanted } => {
                let conditions = value.pointer("/status/conditions").and_then(Value::as_array);
                let text = |v: &Value, key: &str| {
                    v.get(key).and_then(Value::as_str).unwrap_or("").to_lowercase()
                };
                let found = conditions
                    .into_iter()
                    .flatten()
                    .find(|c| text(c, "type") == name.to_lowercase());
                found.is_some_and(|c| text(c, "status") == wanted.to_lowercase())
            }
        }
    }
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let [text] = call.flags.all("for") else {
        return Err(Failure::plain("unrecognized condition: \"\"").into());
    };
    let condition = Condition::parse(text)?;
    let timeout = call.flags.time("timeout").unwrap_or(WEEK);
    let args = call.flags.args.clone();
    if args.is_empty() && !call.has_files() {
        return Err(Failure::plain(
            "arguments in resource/name form must have a single resource and name",
        )
        .into());
    }
    let until = call.moment()? + timeout;
    if matches!(condition, Condition::Create) {
        return created(call, &args, until);
    }
    let mut found = call.find(&args, true)?;
    if matches!(condition, Condition::Delete) {
        found.failures.retain(|f| !matches!(f, Failure::Api(e) if e.is_not_found()));
    }
    if found.objects.is_empty() && found.failures.is_empty() {
        if matches!(condition, Condition::Delete) {
            return Ok(());
        }
        return Err(Failure::plain("no matching resources found").into());
    }
    for object in std::mem::take(&mut found.objects) {
        let failure = match condition {
            Condition::Delete => {
                let (kind, uid) = (object.kind(), object.uid().to_owned());
                let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
                until_deleted(call, kind, &namespace, &name, &uid, Some(until))?
            }
            Condition::Create | Condition::Status { .. } | Condition::Path { .. } => {
                until_holds(call, &condition, &object, until)?
            }
        };
        match failure {
            None => {
                let line = format!("{} condition met", full_name(&object));
                call.line(line);
            }
            Some(failure) => found.failures.push(failure),
        }
    }
    found.end()
}

fn timed_out(kind: Kind, name: &str) -> Failure {
    Failure::plain(format!("timed out waiting for the condition on {}/{name}", kind.plural()))
}

/// The object as it is now, if it is there, and the revision from which to watch.
pub(super) fn snapshot(
    call: &mut Call<'_, '_>,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Run<(Option<Arc<Object>>, u64)> {
    let mut request = Request::list(kind, namespace);
    request.options.field_selector = Some(format!("metadata.name={name}"));
    match call.ask(request)? {
        Ok(Response::List { items, revision }) => Ok((items.into_iter().next(), revision)),
        Ok(_) => Ok((None, 0)),
        Err(error) => Err(error.into()),
    }
}

/// Watch one object from a revision on.
pub(super) fn watch_from(kind: Kind, namespace: &str, name: &str, revision: u64) -> Request {
    let mut request = Request::new(Ask::Watch, kind, namespace, name);
    request.options.since = Some(revision);
    request
}

fn until_holds(
    call: &mut Call<'_, '_>,
    condition: &Condition,
    object: &Arc<Object>,
    until: SimTime,
) -> Run<Option<Failure>> {
    if condition.holds(object) {
        return Ok(None);
    }
    let (kind, name) = (object.kind(), object.name().to_owned());
    let namespace = object.namespace().to_owned();
    let (now, revision) = snapshot(call, kind, &namespace, &name)?;
    match now {
        None => {
            return Ok(Some(crate::kube::api::request::ApiError::not_found(kind, &name).into()));
        }
        Some(now) if condition.holds(&now) => return Ok(None),
        Some(_) => {}
    }
    let stream = call.open(watch_from(kind, &namespace, &name, revision))?;
    let end = loop {
        match call.part(stream, Some(until))? {
            None => break Some(timed_out(kind, &name)),
            Some(Ok(Response::Watch(WatchKind::Deleted, _))) => {
                break Some(crate::kube::api::request::ApiError::not_found(kind, &name).into());
            }
            Some(Ok(Response::Watch(_, object))) if condition.holds(&object) => break None,
            Some(Ok(_)) => {}
            Some(Err(error)) => break Some(error.into()),
        }
    };
    call.close(stream);
    Ok(end)
}

/// Wait until an object with this uid is gone; a failure when the time is up before.
pub(super) fn until_deleted(
    call: &mut Call<'_, '_>,
    kind: Kind,
    namespace: &str,
    name: &str,
    uid: &str,
    until: Option<SimTime>,
) -> Run<Option<Failure>> {
    let (now, revision) = snapshot(call, kind, namespace, name)?;
    match now {
        None => return Ok(None),
        Some(object) if !uid.is_empty() && object.uid() != uid => return Ok(None),
        Some(_) => {}
    }
    let stream = call.open(watch_from(kind, namespace, name, revision))?;
    let end = loop {
        match call.part(stream, until)? {
            None => break Some(timed_out(kind, name)),
            Some(Ok(Response::Watch(WatchKind::Deleted, _)) | Err(_)) => break None,
            Some(Ok(Response::Watch(_, object))) if !uid.is_empty() && object.uid() != uid => {
                break None;
            }
            Some(Ok(_)) => {}
        }
    };
    call.close(stream);
    Ok(end)
}

/// `--for=create`: ask again until it is there.
fn created(call: &mut Call<'_, '_>, args: &[String], until: SimTime) -> Run<()> {
    // The original asks every second.
    const EVERY: SimDuration = SimDuration::from_secs(1);
    loop {
        let found = call.find(args, true)?;
        if found.failures.is_empty() && !found.objects.is_empty() {
            for object in &found.objects {
                call.line(format!("{} condition met", full_name(object)));
            }
            return Ok(());
        }
        if call.moment()? >= until {
            return Err(Failure::plain("timed out waiting for the condition").into());
        }
        call.sleep(EVERY)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_are_read_and_checked() {
        let read = Object::from_value(
            Kind::Pod,
            &json!({"metadata": {"name": "p"}, "status": {"phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}]}}),
        );
        let pod = read.unwrap().value;
        for (text, holds) in [
            ("condition=Ready", true),
            ("condition=ready=true", true),
            ("condition=Ready=False", false),
            ("condition=Nope", false),
            ("jsonpath={.status.phase}=Running", true),
            ("jsonpath='{.status.phase}'=Pending", false),
            ("jsonpath={.status.nope}", false),
            ("delete", false),
        ] {
            let condition = Condition::parse(text).map_err(|f| f.shown().0).unwrap();
            assert_eq!(condition.holds(&pod), holds, "{text}");
        }
        assert!(Condition::parse("nonsense").is_err());
    }
}
