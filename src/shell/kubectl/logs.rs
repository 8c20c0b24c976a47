//! `kubectl logs`.
//!
//! Follows kubectl `pkg/cmd/logs/logs.go` and `pkg/polymorphichelpers/logsforobject.go`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::call::{Call, Halt, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::follow::Follow;
use super::resources::wanted;
use super::verbs::Verb;
use crate::base::time::SimDuration;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Options, Request, Response, Subresource};
use crate::kube::kinds::Kind;
use crate::kube::print::describe::selector;
use crate::shell::job::{Io, Ticket, Wake};

pub(super) const VERB: Verb = Verb {
    path: "logs",
    usage: "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]",
    about: "Show the output of a container",
    flags: &[FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("follow", Takes::Bool, "Go on as more is written").short('f'),
    Flag::new("previous", Takes::Bool, "The run before the last restart").short('p'),
    Flag::new("container", Takes::Text, "Which container").short('c'),
    Flag::new("all-containers", Takes::Bool, "All containers of the pod"),
    Flag::new("all-pods", Takes::Bool, "All pods of the workload"),
    Flag::new("selector", Takes::Text, "Pods with these labels").short('l'),
    Flag::new("prefix", Takes::Bool, "With pod and container before each line"),
    Flag::new("timestamps", Takes::Bool, "With the time before each line"),
    Flag::new("tail", Takes::Int, "Only so many lines from the end; -1 for all").or("-1"),
    Flag::new("since", Takes::Time, "Only lines younger than this").or("0s"),
    Flag::new("since-time", Takes::Text, "Only lines after this moment"),
    Flag::new("limit-bytes", Takes::Int, "At most so many bytes").or("0"),
    Flag::new("max-log-requests", Takes::Int, "Most streams at a time").or("5"),
    Flag::new("ignore-errors", Takes::Bool, "Go on when a stream fails"),
    Flag::new("pod-running-timeout", Takes::Time, "How long to wait for a pod").or("20s"),
];

/// Lines from the end with a selector, when `--tail` is not given.
const SELECTOR_TAIL: u64 = 10;

fn usage() -> Halt {
    let text = "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or \
                TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for \
                help and examples\n";
    Failure::Raw(text.to_owned(), 1).into()
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    let select = call.flags.some("selector").map(str::to_owned);
    let mut container = call.flags.some("container").map(str::to_owned);
    match (args.as_slice(), &select) {
        ([], None) => return Err(usage()),
        ([_, name], None) if container.is_none() && !args.iter().any(|a| a.contains('/')) => {
            container = Some(name.clone());
        }
        ([_], None) | ([], Some(_)) => {}
        ([_, ..], Some(_)) => {
            let message = "only a selector (-l) or a POD name is allowed".to_owned();
            return Err(Failure::usage("logs", message).into());
        }
        _ => return Err(usage()),
    }
    if call.flags.on("all-containers") && container.is_some() {
        let message = "--all-containers=true should not be specified with container name ";
        return Err(Failure::plain(format!("{message}{}", container.unwrap_or_default())).into());
    }
    let pods = match &select {
        Some(labels) => selected(call, labels)?,
        None => named(call, args.first().map_or("", String::as_str))?,
    };
    if pods.is_empty() {
        let text = format!("No resources found in {} namespace.", call.namespace);
        call.err(text);
        return Ok(());
    }
    let mut streams = Vec::new();
    for pod in &pods {
        for name in containers_of(call, pod, container.as_deref())? {
            streams.push((pod.clone(), name));
        }
    }
    let most = usize::try_from(call.flags.int("max-log-requests")).unwrap_or(5);
    if call.flags.on("follow") && streams.len() > most {
        let message = format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is \
             {most}, use --max-log-requests to increase the limit",
            streams.len()
        );
        return Err(Failure::plain(message).into());
    }
    show(call, &streams, select.is_some())
}

/// Pods with labels, by name.
fn selected(call: &mut Call<'_, '_>, labels: &str) -> Run<Vec<Arc<Object>>> {
    let namespace = call.namespace.clone();
    let mut request = Request::list(Kind::Pod, &namespace);
    request.options.label_selector = Some(labels.to_owned());
    match call.objects(request)? {
        Ok(pods) => Ok(pods),
        Err(error) => Err(error.into()),
    }
}

/// The pod that an argument names, or the best pod of a workload.
fn named(call: &mut Call<'_, '_>, arg: &str) -> Run<Vec<Arc<Object>>> {
    if !arg.contains('/') {
        let namespace = call.namespace.clone();
        return match call.object(Request::get(Kind::Pod, &namespace, arg))? {
            Ok(pod) => Ok(vec![pod]),
            Err(error) => Err(Failure::plain(format!(
                "error from server ({}): {} in namespace \"{namespace}\"",
                error.reason, error.message
            ))
            .into()),
        };
    }
    let one = pod_for(call, arg, true)?;
    if call.flags.on("all-pods") {
        let labels = one.meta().labels.clone().unwrap_or_default();
        let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        return selected(call, &labels.join(","));
    }
    Ok(vec![one])
}

/// The pod that `TYPE/NAME` stands for; of several the one most likely to serve.
#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds select no pods")]
pub(super) fn pod_for(call: &mut Call<'_, '_>, arg: &str, tell: bool) -> Run<Arc<Object>> {
    let namespace = call.namespace.clone();
    let args = if arg.contains('/') { arg.to_owned() } else { format!("pod/{arg}") };
    let one = wanted(&[args])?.into_iter().next();
    let Some((kind, name)) = one.and_then(|w| w.name.map(|n| (w.kind, n))) else {
        return Err(Failure::plain("pod, type/name or --filename must be specified").into());
    };
    let object = call.object(Request::get(kind, &namespace, &name))??;
    if kind == Kind::Pod {
        return Ok(object);
    }
    let value = object.to_value();
    let labels = match kind {
        Kind::Service | Kind::ReplicationController => {
            let map = value.pointer("/spec/selector").and_then(serde_json::Value::as_object);
            let pairs =
                map.into_iter().flatten().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or("")));
            pairs.collect::<Vec<_>>().join(",")
        }
        _ => {
            let found = value.pointer("/spec/selector").cloned().unwrap_or_default();
            selector(serde_json::from_value(found).ok().as_ref())
        }
    };
    if labels.is_empty() || labels == "<none>" {
        let message = format!("cannot get the logs from {}: selector is empty", kind.group_kind());
        return Err(Failure::plain(message).into());
    }
    let mut pods = selected(call, &labels)?;
    pods.sort_by_key(rank);
    let count = pods.len();
    match pods.into_iter().next() {
        Some(pod) => {
            if count > 1 && tell {
                call.err(format!("Found {count} pods, using pod/{}", pod.name()));
            }
            Ok(pod)
        }
        None => Err(Failure::plain("timed out waiting for the condition").into()),
    }
}

/// Which pod comes first: assigned, running, ready, restarted more, older.
fn rank(object: &Arc<Object>) -> (bool, u8, bool, i32, Option<i64>) {
    let Some(pod) = object.get::<Pod>() else { return (true, 9, true, 0, None) };
    let status = pod.status.clone().unwrap_or_default();
    let assigned = pod.spec.as_ref().is_some_and(|s| s.node_name.is_some());
    let phase = match status.phase.as_deref() {
        Some("Running") => 0,
        Some("Unknown") => 1,
        _ => 2,
    };
    let ready =
        status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    let restarts: i32 = status.container_statuses.iter().flatten().map(|s| s.restart_count).sum();
    let created = pod.metadata.creation_timestamp.as_ref().map(|t| t.0.as_second());
    (!assigned, phase, !ready, -restarts, created)
}

/// The names of a pod's containers, those of init containers with a mark.
fn all_names(pod: &Pod) -> (Vec<String>, Vec<String>) {
    let spec = pod.spec.clone().unwrap_or_default();
    let main = spec.containers.into_iter().map(|c| c.name).collect();
    let init = spec.init_containers.into_iter().flatten().map(|c| c.name).collect();
    (main, init)
}

/// The container that is meant, told when it was not named. An error when there is none such.
pub(super) fn default_container(
    call: &mut Call<'_, '_>,
    object: &Object,
    named: Option<&str>,
) -> Run<String> {
    const ANNOTATION: &str = "kubectl.kubernetes.io/default-container";
    let Some(pod) = object.get::<Pod>() else {
        return Err(Failure::plain("not a pod").into());
    };
    let (main, init) = all_names(pod);
    let marked = init.iter().map(|n| format!("{n} (init)"));
    let out_of: Vec<String> = main.iter().cloned().chain(marked).collect();
    if let Some(name) = named {
        if main.iter().chain(&init).any(|n| n == name) {
            return Ok(name.to_owned());
        }
        let bare: Vec<String> = main.into_iter().chain(init).collect();
        let message = format!(
            "container {name} is not valid for pod {} out of: {}",
            object.name(),
            bare.join(", ")
        );
        return Err(Failure::plain(message).into());
    }
    let annotated = pod.metadata.annotations.as_ref().and_then(|a| a.get(ANNOTATION));
    if let Some(name) = annotated.filter(|n| main.contains(n)) {
        return Ok(name.clone());
    }
    let first = main.first().cloned().unwrap_or_default();
    if out_of.len() > 1 {
        call.err(format!("Defaulted container \"{first}\" out of: {}", out_of.join(", ")));
    }
    Ok(first)
}

fn containers_of(
    call: &mut Call<'_, '_>,
    object: &Arc<Object>,
    named: Option<&str>,
) -> Run<Vec<String>> {
    if call.flags.on("all-containers")
        && let Some(pod) = object.get::<Pod>()
    {
        let (main, init) = all_names(pod);
        return Ok(init.into_iter().chain(main).collect());
    }
    Ok(vec![default_container(call, object, named)?])
}

fn options(call: &Call<'_, '_>, container: &str, selected: bool) -> Options {
    let flags = call.flags;
    let tail = match u64::try_from(flags.int("tail")) {
        Ok(lines) => Some(lines),
        Err(_) if selected && !flags.has("tail") => Some(SELECTOR_TAIL),
        Err(_) => None,
    };
    let since = flags.time("since").filter(|s| *s > SimDuration::ZERO);
    let bytes = u64::try_from(flags.int("limit-bytes")).ok().filter(|b| *b > 0);
    Options {
        container: Some(container.into()),
        follow: flags.on("follow"),
        previous: flags.on("previous"),
        timestamps: flags.on("timestamps"),
        tail,
        since_seconds: since.map(|s| s.0.div_ceil(1_000_000)),
        limit_bytes: bytes,
        ..Options::default()
    }
}

fn show(call: &mut Call<'_, '_>, streams: &[(Arc<Object>, String)], selected: bool) -> Run<()> {
    let mut following = Following::default();
    for (pod, container) in streams {
        let mut request = Request::get(Kind::Pod, pod.namespace(), pod.name()).on(Subresource::Log);
        request.options = options(call, container, selected);
        let prefix = if call.flags.on("prefix") {
            format!("[pod/{}/{container}] ", pod.name())
        } else {
            String::new()
        };
        let ticket = call.open(request)?;
        if call.flags.on("follow") {
            following.open.push((ticket, prefix, true));
            continue;
        }
        let mut fresh = true;
        loop {
            match call.part(ticket, None)? {
                Some(Ok(Response::Text(text))) => {
                    let text = prefixed(&text, &prefix, &mut fresh);
                    call.out(text);
                }
                Some(Ok(Response::Done { .. })) | None => break,
                Some(Ok(_)) => {}
                Some(Err(error)) if call.flags.on("ignore-errors") => {
                    call.err(format!("error: {}", error.message));
                    break;
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
        call.close(ticket);
    }
    if following.open.is_empty() {
        return Ok(());
    }
    Err(Halt::Follow(Box::new(Follow::Log(following))))
}

/// What a container prints from now on, as `attach` shows it.
pub(super) fn from_now(call: &mut Call<'_, '_>, pod: &Object, container: &str) -> Run<()> {
    let mut request = Request::get(Kind::Pod, pod.namespace(), pod.name()).on(Subresource::Log);
    request.options = Options {
        container: Some(container.into()),
        follow: true,
        tail: Some(0),
        ..Options::default()
    };
    let ticket = call.open(request)?;
    let following = Following { open: vec![(ticket, String::new(), true)] };
    Err(Halt::Follow(Box::new(Follow::Log(following))))
}

/// Text with a prefix before each line; `fresh`: the next character begins a line.
fn prefixed(text: &str, prefix: &str, fresh: &mut bool) -> String {
    if prefix.is_empty() {
        return text.to_owned();
    }
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        if *fresh {
            out.push_str(prefix);
        }
        out.push_str(line);
        *fresh = line.ends_with('\n');
    }
    out
}

/// `logs -f`: streams that are open, each with its prefix and whether it is at a line's start.
#[derive(Clone, Debug, Default)]
pub(super) struct Following {
    open: Vec<(Ticket, String, bool)>,
}

impl Following {
    /// The first stream.
    pub(super) fn ticket(&self) -> Ticket {
        self.open.first().map_or(Ticket(0), |(t, ..)| *t)
    }

    /// All streams.
    pub(super) fn tickets(&self) -> Vec<Ticket> {
        self.open.iter().map(|(t, ..)| *t).collect()
    }

    /// Take in a part of a stream.
    pub(super) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) -> Option<u8> {
        let Wake::Kube(ticket, answer) = wake else { return None };
        let at = self.open.iter().position(|(t, ..)| *t == ticket)?;
        match answer {
            Ok(Response::Text(text)) => {
                if let Some((_, prefix, fresh)) = self.open.get_mut(at) {
                    let text = prefixed(&text, prefix, fresh);
                    io.out(text);
                }
                None
            }
            Ok(Response::Done { .. }) => {
                self.open.remove(at);
                self.open.is_empty().then_some(0)
            }
            Ok(_) => None,
            Err(error) => {
                io.err(Failure::from(error).shown().0);
                Some(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_stand_at_the_start_of_lines() {
        let mut fresh = true;
        assert_eq!(prefixed("a\nb", "[x] ", &mut fresh), "[x] a\n[x] b");
        assert_eq!(prefixed("c\n", "[x] ", &mut fresh), "c\n");
        assert!(fresh);
    }
}
