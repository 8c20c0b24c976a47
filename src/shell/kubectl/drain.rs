//! `kubectl drain`: cordons a node and evicts its pods.
//!
//! Follows kubectl `pkg/drain/drain.go` and `filters.go`. The original evicts all pods at a time,
//! each in a thread of its own; here one loop does what is due next.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::apply::DryRun;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::node::{DRY, nodes, set_unschedulable};
use super::resources::SELECT;
use super::verbs::Verb;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::Object;
use crate::kube::api::request::{Body, Request, Subresource, Verb as Ask};
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "drain",
    usage: "NODE",
    about: "Empty a node for maintenance",
    flags: &[SELECT, DRY, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("ignore-daemonsets", Takes::Bool, "Leave pods of DaemonSets"),
    Flag::new("delete-emptydir-data", Takes::Bool, "Also pods that keep data in an emptyDir"),
    Flag::new("delete-local-data", Takes::Bool, "Old name of --delete-emptydir-data"),
    Flag::new("force", Takes::Bool, "Also pods without a controller"),
    Flag::new("grace-period", Takes::Int, "Seconds until a kill; -1 for the pod's own").or("-1"),
    Flag::new("timeout", Takes::Time, "How long to try; 0 for as long as it takes").or("0s"),
    Flag::new("disable-eviction", Takes::Bool, "Delete instead of evicting"),
    Flag::new("pod-selector", Takes::Text, "Only pods with these labels"),
    Flag::new("skip-wait-for-delete-timeout", Takes::Int, "Do not wait for pods that go longer")
        .or("0"),
];

/// Pause after an eviction that a budget refuses.
const RETRY: SimDuration = SimDuration::from_secs(5);
/// How often a pod that is going is looked for.
const POLL: SimDuration = SimDuration::from_secs(1);

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let dry = DryRun::of(call)?;
    let (nodes, failures) = nodes(call, "drain")?;
    if let Some(failure) = Failure::of(failures) {
        return Err(failure.into());
    }
    let mut fatal = Vec::new();
    let mut pending = Vec::new();
    for node in &nodes {
        if let Err(failure) = set_unschedulable(call, node, true, dry)? {
            return Err(failure.into());
        }
    }
    for node in &nodes {
        match one(call, node, dry)? {
            Ok(()) => {
                call.line(format!("node/{} drained{}", node.name(), dry.mark()));
            }
            Err(messages) => {
                let shown = aggregated(&messages);
                call.err(format!(
                    "error: unable to drain node \"{}\" due to error: {shown}, continuing \
                     command...",
                    node.name()
                ));
                pending.push(node.name().to_owned());
                fatal.extend(messages);
            }
        }
    }
    if pending.is_empty() {
        return Ok(());
    }
    call.err("There are pending nodes to be drained:");
    for name in &pending {
        call.err(format!(" {name}"));
    }
    // An aggregate is printed without `error: `.
    let text: String = fatal.iter().map(|m| format!("{m}\n")).collect();
    Err(Failure::Raw(text, 1).into())
}

/// One message, or `[a, b]`.
fn aggregated(messages: &[String]) -> String {
    match messages {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn one(call: &mut Call<'_, '_>, node: &Object, dry: DryRun) -> Run<Result<(), Vec<String>>> {
    let mut request = Request::list(Kind::Pod, "");
    request.options.field_selector = Some(format!("spec.nodeName={}", node.name()));
    request.options.label_selector = call.flags.some("pod-selector").map(str::to_owned);
    let pods = match call.objects(request)? {
        Ok(pods) => pods,
        Err(error) => return Ok(Err(vec![error.message])),
    };
    let mut sorted = Sorted::default();
    for pod in pods {
        sort(call, &pod, &mut sorted)?;
    }
    let errors = sorted.errors();
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    let warning = sorted.warning();
    if !warning.is_empty() {
        call.err(format!("Warning: {warning}"));
    }
    if dry != DryRun::None {
        for pod in &sorted.evict {
            let (namespace, name) = (pod.namespace(), pod.name());
            call.line(format!("evicting pod {namespace}/{name}{}", dry.mark()));
        }
        return Ok(Ok(()));
    }
    evict(call, node.name(), &sorted.evict)
}

/// Pods by what becomes of them.
#[derive(Default)]
struct Sorted {
    evict: Vec<Arc<Object>>,
    refused: Vec<(&'static str, String)>,
    warned: Vec<(&'static str, String)>,
}

const DAEMON_ERROR: &str =
    "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const LOCAL_ERROR: &str =
    "cannot delete Pods with local storage (use --delete-emptydir-data to override)";
const BARE_ERROR: &str = "cannot delete Pods that declare no controller (use --force to override)";
const DAEMON_WARNING: &str = "ignoring DaemonSet-managed Pods";
const LOCAL_WARNING: &str = "deleting Pods with local storage";
const BARE_WARNING: &str = "deleting Pods that declare no controller";
const MIRROR: &str = "kubernetes.io/config.mirror";

impl Sorted {
    fn grouped(list: &[(&'static str, String)]) -> Vec<String> {
        let mut groups: Vec<(&'static str, Vec<&str>)> = Vec::new();
        for (why, pod) in list {
            match groups.iter_mut().find(|(w, _)| w == why) {
                Some((_, pods)) => pods.push(pod),
                None => groups.push((why, vec![pod])),
            }
        }
        let mut shown: Vec<String> =
            groups.iter().map(|(why, pods)| format!("{why}: {}", pods.join(", "))).collect();
        shown.sort();
        shown
    }

    fn errors(&self) -> Vec<String> {
        Self::grouped(&self.refused)
    }

    fn warning(&self) -> String {
        let mut shown = Self::grouped(&self.warned);
        // "ignoring …" is told before "deleting …".
        shown.sort_by_key(|s| !s.starts_with("ignoring"));
        shown.join("; ")
    }
}

/// The filters of the original, in their order; the first refusal ends the row.
fn sort(call: &mut Call<'_, '_>, object: &Arc<Object>, sorted: &mut Sorted) -> Run<()> {
    let Some(pod) = object.get::<Pod>() else { return Ok(()) };
    let shown = format!("{}/{}", object.namespace(), object.name());
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("");
    let over = matches!(phase, "Succeeded" | "Failed");
    let mirror = pod.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(MIRROR));
    if mirror {
        return Ok(());
    }
    let controller = object.controller().cloned();
    let daemon = controller.as_ref().filter(|c| c.kind == "DaemonSet");
    if let Some(owner) = daemon.filter(|_| !over) {
        let request = Request::get(Kind::DaemonSet, object.namespace(), &owner.name);
        let exists = call.object(request)?.is_ok();
        if exists && !call.flags.on("ignore-daemonsets") {
            sorted.refused.push((DAEMON_ERROR, shown));
            return Ok(());
        }
        if exists {
            sorted.warned.push((DAEMON_WARNING, shown));
            return Ok(());
        }
    }
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    let local = !over && volumes.into_iter().any(|v| v.empty_dir.is_some());
    let delete_local = call.flags.on("delete-emptydir-data") || call.flags.on("delete-local-data");
    if local && !delete_local {
        sorted.refused.push((LOCAL_ERROR, shown));
        return Ok(());
    }
    let bare = controller.is_none() && !over;
    if bare && !call.flags.on("force") {
        sorted.refused.push((BARE_ERROR, shown));
        return Ok(());
    }
    if bare {
        sorted.warned.push((BARE_WARNING, shown));
    } else if local {
        sorted.warned.push((LOCAL_WARNING, shown));
    }
    sorted.evict.push(object.clone());
    Ok(())
}

/// A pod on its way out.
struct Going {
    pod: Arc<Object>,
    evicted: bool,
    due: SimTime,
    done: bool,
    failed: Option<String>,
}

fn evict(
    call: &mut Call<'_, '_>,
    node: &str,
    pods: &[Arc<Object>],
) -> Run<Result<(), Vec<String>>> {
    let start = call.moment()?;
    let timeout = call.flags.time("timeout").filter(|t| *t > SimDuration::ZERO);
    let end = timeout.map(|t| (start + t, t.go_string()));
    let mut going: Vec<Going> = pods
        .iter()
        .map(|pod| Going {
            pod: pod.clone(),
            evicted: false,
            due: start,
            done: false,
            failed: None,
        })
        .collect();
    loop {
        let open = going.iter().enumerate().filter(|(_, g)| !g.done);
        let Some(at) = open.min_by_key(|(i, g)| (g.due, *i)).map(|(i, _)| i) else { break };
        let Some(one) = going.get_mut(at) else { break };
        let now = call.moment()?;
        if one.due > now {
            call.sleep(one.due.since(now))?;
        }
        step(call, one, end.as_ref())?;
    }
    let messages: Vec<String> = going.iter().filter_map(|g| g.failed.clone()).collect();
    if messages.is_empty() {
        return Ok(Ok(()));
    }
    call.err(format!(
        "There are pending pods in node \"{node}\" when an error occurred: {}",
        aggregated(&messages)
    ));
    for one in going.iter().filter(|g| g.failed.is_some()) {
        call.err(format!("pod/{}", one.pod.name()));
    }
    Ok(Err(messages))
}

/// Evict a pod, or look whether it is gone.
fn step(call: &mut Call<'_, '_>, one: &mut Going, end: Option<&(SimTime, String)>) -> Run<()> {
    let (namespace, name) = (one.pod.namespace().to_owned(), one.pod.name().to_owned());
    let now = call.moment()?;
    let late = end.filter(|(end, _)| now >= *end).map(|(_, shown)| shown.clone());
    if one.evicted {
        let found = call.object(Request::get(Kind::Pod, &namespace, &name))?;
        let gone = match found {
            Err(error) => error.is_not_found(),
            Ok(object) => object.uid() != one.pod.uid(),
        };
        if gone {
            one.done = true;
            call.line(format!("pod/{name} evicted"));
        } else if let Some(shown) = late {
            one.done = true;
            one.failed = Some(format!(
                "error when waiting for pod \"{name}\" in namespace \"{namespace}\" to \
                 terminate: global timeout reached: {shown}"
            ));
        } else {
            one.due = call.moment()? + POLL;
        }
        return Ok(());
    }
    call.line(format!("evicting pod {namespace}/{name}"));
    if let Some(shown) = late {
        one.done = true;
        one.failed = Some(format!(
            "error when evicting pods/\"{name}\" -n \"{namespace}\": \
             global timeout reached: {shown}"
        ));
        return Ok(());
    }
    let answer = if call.flags.on("disable-eviction") {
        let mut request = Request::delete(Kind::Pod, &namespace, &name);
        request.options.grace_period_seconds = grace(call);
        call.ask(request)?
    } else {
        let mut request = Request::new(Ask::Create, Kind::Pod, &namespace, &name);
        request.subresource = Subresource::Eviction;
        request.body = Body::Value(json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace}
        }));
        request.options.grace_period_seconds = grace(call);
        call.ask(request)?
    };
    match answer {
        Ok(_) => {
            one.evicted = true;
            one.due = call.moment()?;
        }
        Err(error) if error.is_not_found() => {
            one.done = true;
            call.line(format!("pod/{name} evicted"));
        }
        Err(error) if error.code == 429 => {
            call.err(format!(
                "error when evicting pods/\"{name}\" -n \"{namespace}\" (will retry after 5s): {}",
                error.message
            ));
            one.due = call.moment()? + RETRY;
        }
        Err(error) => {
            call.err(format!(
                "error when evicting pods/\"{name}\" -n \"{namespace}\": {}",
                error.message
            ));
            one.due = call.moment()? + RETRY;
        }
    }
    Ok(())
}

fn grace(call: &Call<'_, '_>) -> Option<i64> {
    Some(call.flags.int("grace-period")).filter(|g| *g >= 0)
}
