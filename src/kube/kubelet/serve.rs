//! What the kubelet serves to clients through the API server: logs and commands.
//!
//! Models kubernetes `pkg/kubelet/server` and `kubelet_pods.go` (GetKubeletContainerLogs,
//! validateContainerLogStatus). Left out: attach, port-forward, terminals' sizes.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::node::{Env, ExecPurpose};
use super::phase::status_of;
use super::worker::Worker;
use super::{Around, Kubelet, Output, cri};
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::kube::api::object::Key;
use crate::kube::api::request::{ApiError, Options, Request, Response, Subresource};
use crate::kube::kinds::Kind;
use crate::machine::{ContainerId, ExecId, ExecSpec, LogLine, Stream};

/// Clients that are being served, by ticket.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    followers: BTreeMap<u64, Follower>,
    commands: BTreeMap<u64, (Arc<str>, ExecId)>,
}

/// A client that follows a log.
#[derive(Clone, Debug)]
struct Follower {
    id: ContainerId,
    next: u64,
    timestamps: bool,
}

fn bad_request(message: String) -> ApiError {
    ApiError::bad_request(message)
}

fn internal(message: String) -> ApiError {
    ApiError { code: 500, reason: "InternalError", message, ..ApiError::default() }
}

/// The id in `containerd://…`.
fn bare(id: Option<&String>) -> Option<Arc<str>> {
    let id = id?.rsplit("//").next().unwrap_or("");
    (!id.is_empty()).then(|| id.into())
}

/// Which container run's log is meant.
fn log_source(
    pod: &str,
    container: &str,
    status: &core::ContainerStatus,
    previous: bool,
) -> Result<Arc<str>, String> {
    let head = || format!("container \"{container}\" in pod \"{pod}\"");
    let last = status.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    let last_id = || bare(last.and_then(|t| t.container_id.as_ref()));
    if previous {
        return last_id().ok_or_else(|| {
            format!("previous terminated container \"{container}\" in pod \"{pod}\" not found")
        });
    }
    let state = status.state.as_ref();
    if state.is_some_and(|s| s.running.is_some()) {
        let id = bare(status.container_id.as_ref());
        return id.ok_or_else(|| format!("{} is waiting to start - no logs yet", head()));
    }
    if let Some(terminated) = state.and_then(|s| s.terminated.as_ref()) {
        let id = bare(terminated.container_id.as_ref()).or_else(last_id);
        return id.ok_or_else(|| format!("{} is terminated", head()));
    }
    if last.is_some() {
        return last_id().ok_or_else(|| format!("{} is terminated", head()));
    }
    let waiting = state.and_then(|s| s.waiting.as_ref()).and_then(|w| w.reason.as_deref());
    Err(match waiting {
        Some("ErrImagePull") => format!("{} is waiting to start: image can't be pulled", head()),
        Some("ImagePullBackOff") => {
            format!("{} is waiting to start: trying and failing to pull image", head())
        }
        Some(reason) => format!("{} is waiting to start: {reason}", head()),
        None => format!("{} is waiting to start - no logs yet", head()),
    })
}

/// Lines as a client gets them.
fn text<'a>(lines: impl Iterator<Item = &'a LogLine>, timestamps: bool) -> String {
    let mut out = String::new();
    for line in lines {
        if timestamps {
            out.push_str(&line.at.rfc3339_nano());
            out.push(' ');
        }
        out.push_str(&line.text);
        if !line.partial {
            out.push('\n');
        }
    }
    out
}

/// The container that a request means: the named one, else the only or the annotated one.
fn wanted<'a>(worker: &'a Worker, options: &'a Options) -> Result<&'a str, ApiError> {
    let spec = &worker.spec;
    let pod = &worker.key.name;
    if let Some(name) = options.container.as_deref().filter(|n| !n.is_empty()) {
        return match worker.container(name) {
            Some(_) => Ok(name),
            None => Err(bad_request(format!("container {name} is not valid for pod {pod}"))),
        };
    }
    match spec.containers.as_slice() {
        [only] if spec.init_containers.iter().flatten().next().is_none() => Ok(&only.name),
        [first, ..] => Ok(&first.name),
        [] => Err(bad_request(format!("pod {pod} has no containers"))),
    }
}

impl Kubelet {
    /// A client asks for logs or a command.
    pub(super) fn ask(
        &mut self,
        ticket: u64,
        request: &Request,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let result = match request.subresource {
            Subresource::Log => self.logs(ticket, request, around, cx),
            Subresource::Exec => self.exec(ticket, request, around, cx),
            Subresource::None
            | Subresource::Status
            | Subresource::Scale
            | Subresource::Eviction
            | Subresource::Binding
            | Subresource::Resize
            | Subresource::EphemeralContainers
            | Subresource::Finalize
            | Subresource::Approval => Err(bad_request("not served by the kubelet".to_owned())),
        };
        if let Err(error) = result {
            cx.emit(Output::Reply(ticket, Err(error)));
        }
    }

    fn worker_of(&self, request: &Request) -> Result<&Arc<Worker>, ApiError> {
        let namespace = request.namespace.as_deref().unwrap_or("");
        let name = request.name.as_deref().unwrap_or("");
        let uid = self.keys.get(&Key::new(namespace, name));
        uid.and_then(|uid| self.workers.get(uid))
            .ok_or_else(|| ApiError::not_found(Kind::Pod, name))
    }

    fn logs(
        &mut self,
        ticket: u64,
        request: &Request,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), ApiError> {
        let options = &request.options;
        let worker = self.worker_of(request)?;
        let container = wanted(worker, options)?.to_owned();
        let pod = worker.key.name.clone();
        let status = worker.status.as_deref().or(worker.pod.status.as_ref());
        let lists = status.map(|s| [&s.container_statuses, &s.init_container_statuses]);
        let found =
            lists.into_iter().flatten().flatten().find_map(|list| status_of(list, &container));
        let Some(found) = found else {
            let text = format!("container \"{container}\" in pod \"{pod}\" is not available");
            return Err(bad_request(text));
        };
        let source = log_source(&pod, &container, found, options.previous).map_err(bad_request)?;
        let id = ContainerId::new(source);
        let log = around.machines.logs(&self.node.host, &id);
        let since = options.since_seconds.map_or(SimTime::ZERO, |s| {
            SimTime(cx.now.0.saturating_sub(SimDuration::from_secs(s).0))
        });
        let lines: Vec<&LogLine> =
            log.into_iter().flat_map(|l| l.iter()).filter(|l| l.at >= since).collect();
        let keep = options.tail.and_then(|t| usize::try_from(t).ok()).unwrap_or(lines.len());
        let lines = lines.iter().skip(lines.len().saturating_sub(keep)).copied();
        let out = text(lines, options.timestamps);
        let next = log.map_or(0, |l| l.len());
        if !out.is_empty() {
            cx.emit(Output::Reply(ticket, Ok(Response::Text(out))));
        }
        let running = found.state.as_ref().is_some_and(|s| s.running.is_some());
        if options.follow && running {
            around.machines.follow(&self.node.host, &id, true);
            let follower = Follower { id, next, timestamps: options.timestamps };
            self.streams.followers.insert(ticket, follower);
        } else {
            cx.emit(Output::Reply(ticket, Ok(Response::Done { exit: 0 })));
        }
        Ok(())
    }

    /// New lines of a followed log.
    pub(super) fn logged(
        &mut self,
        id: &ContainerId,
        around: &Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        let Some(log) = around.machines.logs(&self.node.host, id) else { return };
        for (ticket, follower) in &mut self.streams.followers {
            if &follower.id != id {
                continue;
            }
            let out = text(log.iter_from(follower.next), follower.timestamps);
            follower.next = log.len();
            if !out.is_empty() {
                cx.emit(Output::Reply(*ticket, Ok(Response::Text(out))));
            }
        }
    }

    /// A container ended: those who follow its log get the rest and the end.
    pub(super) fn log_ended(
        &mut self,
        id: &ContainerId,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) {
        self.logged(id, around, cx);
        let done: Vec<u64> = self
            .streams
            .followers
            .iter()
            .filter(|(_, f)| &f.id == id)
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in done {
            self.streams.followers.remove(&ticket);
            around.machines.follow(&self.node.host, id, false);
            cx.emit(Output::Reply(ticket, Ok(Response::Done { exit: 0 })));
        }
    }

    fn exec(
        &mut self,
        ticket: u64,
        request: &Request,
        around: &mut Around<'_>,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), ApiError> {
        let worker = self.worker_of(request)?;
        let container = wanted(worker, &request.options)?.to_owned();
        let uid = worker.uid.clone();
        let run = worker.runtime.newest(&container).filter(|r| r.running().is_some());
        let Some(id) = run.map(|r| r.id.clone()) else {
            return Err(internal(format!(
                "unable to upgrade connection: container not found (\"{container}\")"
            )));
        };
        if self.node.hollow() {
            cx.emit(Output::Reply(ticket, Ok(Response::Done { exit: 0 })));
            return Ok(());
        }
        let spec = ExecSpec {
            argv: request.options.command.clone(),
            tty: request.options.tty,
            stdin: request.options.stdin.is_some(),
            ..Default::default()
        };
        let input = request.options.stdin.clone();
        let started = self.with(&uid, around, cx, |_, env| {
            let exec = ExecId::new(env.fresh_id());
            let purpose = ExecPurpose::Client(ticket);
            let result = cri::exec_with(&id, exec.clone(), spec, purpose, env);
            if let (Ok(()), Some(text)) = (&result, input) {
                cri::exec_input(&id, &exec, text, env);
            }
            result.map(|()| exec.clone()).map_err(|error| (exec, error))
        });
        match started {
            Some(Ok(exec)) => {
                self.streams.commands.insert(ticket, (id, exec));
                Ok(())
            }
            Some(Err((exec, error))) => Err(internal(format!(
                "Internal error occurred: Internal error occurred: error executing command in \
                 container: failed to exec in container: failed to start exec \"{exec}\": {}",
                error.message.trim_end_matches(": unknown")
            ))),
            None => Err(internal("the pod is gone".to_owned())),
        }
    }

    /// Output of a client's command.
    pub(super) fn client_output(
        &self,
        ticket: u64,
        stream: Stream,
        text: String,
        cx: &mut Cx<'_, Output>,
    ) {
        let response = match stream {
            Stream::Out => Response::Text(text),
            Stream::Err => Response::ErrText(text),
        };
        cx.emit(Output::Reply(ticket, Ok(response)));
    }

    /// A client's command ended.
    pub(super) fn client_done(&mut self, ticket: u64, code: u8, cx: &mut Cx<'_, Output>) {
        if self.streams.commands.remove(&ticket).is_some() {
            cx.emit(Output::Reply(ticket, Ok(Response::Done { exit: code })));
        }
    }

    /// A client left.
    pub(super) fn forget(&mut self, ticket: u64, around: &mut Around<'_>, cx: &mut Cx<'_, Output>) {
        if let Some(follower) = self.streams.followers.remove(&ticket) {
            around.machines.follow(&self.node.host, &follower.id, false);
        }
        let Some((id, exec)) = self.streams.commands.remove(&ticket) else { return };
        self.node.execs.remove(&exec);
        let mut env = Env {
            node: &mut self.node,
            store: around.store,
            machines: around.machines,
            fabric: around.fabric,
            cx,
        };
        cri::exec_kill(&id, &exec, &mut env);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_log() {
        let mut status = core::ContainerStatus { name: "c".to_owned(), ..Default::default() };
        status.state = Some(core::ContainerState {
            waiting: Some(core::ContainerStateWaiting {
                reason: Some("ImagePullBackOff".to_owned()),
                message: None,
            }),
            ..Default::default()
        });
        let ask = |s: &core::ContainerStatus, previous| log_source("p", "c", s, previous);
        let want = "container \"c\" in pod \"p\" is waiting to start: trying and failing to pull \
                    image";
        assert_eq!(ask(&status, false), Err(want.to_owned()));
        let want = "previous terminated container \"c\" in pod \"p\" not found";
        assert_eq!(ask(&status, true), Err(want.to_owned()));
        status.last_state = Some(core::ContainerState {
            terminated: Some(core::ContainerStateTerminated {
                container_id: Some("containerd://ab".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        });
        assert_eq!(ask(&status, false).as_deref(), Ok("ab"));
        assert_eq!(ask(&status, true).as_deref(), Ok("ab"));
    }
}
