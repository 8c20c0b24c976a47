//! `kubectl port-forward`: finds the pod and holds the line; nothing flows through it yet.
//!
//! Follows kubectl `pkg/cmd/portforward/portforward.go`.

use super::call::{Call, Halt, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::follow::Follow;
use super::logs::pod_for;
use super::verbs::Verb;
use crate::kube::api::request::Request;
use crate::kube::kinds::Kind;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(super) const VERB: Verb = Verb {
    path: "port-forward",
    usage: "TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    about: "Forward local ports to a pod",
    flags: &[FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("address", Takes::List, "Addresses to listen on").or("localhost"),
    Flag::new("pod-running-timeout", Takes::Time, "How long to wait for a pod").or("1m0s"),
];

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let args = call.flags.args.clone();
    let Some((target, ports)) = args.split_first().filter(|(_, p)| !p.is_empty()) else {
        let message = "TYPE/NAME and list of ports are required for port-forward";
        return Err(Failure::usage("port-forward", message).into());
    };
    let service = match target.split_once('/') {
        Some((kind, name)) if Kind::parse(kind) == Some(Kind::Service) => {
            let namespace = call.namespace.clone();
            match call.object(Request::get(Kind::Service, &namespace, name))? {
                Ok(service) => service.get::<Service>().cloned(),
                Err(error) => return Err(error.into()),
            }
        }
        _ => None,
    };
    let pod = pod_for(call, target, false)?;
    let pod = pod.get::<Pod>().cloned().unwrap_or_default();
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("");
    if phase != "Running" {
        let message =
            format!("unable to forward port because pod is not running. Current status={phase}");
        return Err(Failure::plain(message).into());
    }
    let mut pairs = Vec::new();
    for text in ports {
        let (local, remote) = text.split_once(':').unwrap_or((text, text));
        let number = |t: &str| {
            t.parse::<u16>().map_err(|_| {
                Failure::plain(format!(
                    "error parsing local port: strconv.ParseUint: parsing \"{t}\": invalid syntax"
                ))
            })
        };
        let remote = match &service {
            Some(service) => target_port(service, remote, &pod)?,
            None => named_port(&pod, remote).map_or_else(|| number(remote), Ok)?,
        };
        let local = if local == text { number(text).unwrap_or(remote) } else { number(local)? };
        pairs.push((local, remote));
    }
    let _ = crate::stub!("kubectl.port-forward", "forwarded ports cannot be reached yet");
    for (local, remote) in &pairs {
        call.line(format!("Forwarding from 127.0.0.1:{local} -> {remote}"));
        call.line(format!("Forwarding from [::1]:{local} -> {remote}"));
    }
    Err(Halt::Follow(Box::new(Follow::Forward)))
}

fn named_port(pod: &Pod, name: &str) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|s| &s.containers);
    let mut ports = containers.flat_map(|c| c.ports.iter().flatten());
    let port = ports.find(|p| p.name.as_deref() == Some(name))?;
    u16::try_from(port.container_port).ok()
}

/// The port of the pod behind a port of the service.
fn target_port(service: &Service, port: &str, pod: &Pod) -> Result<u16, Failure> {
    let name = service.metadata.name.as_deref().unwrap_or("");
    let missing = || Failure::plain(format!("Service {name} does not have a service port {port}"));
    let ports = service.spec.as_ref().and_then(|s| s.ports.as_ref()).into_iter().flatten();
    let mut found = ports
        .filter(|p| p.port.to_string() == port || p.name.as_deref().is_some_and(|n| n == port));
    let found = found.next().ok_or_else(missing)?;
    match &found.target_port {
        Some(IntOrString::String(name)) => named_port(pod, name).ok_or_else(missing),
        Some(IntOrString::Int(n)) => u16::try_from(*n).map_err(|_| missing()),
        None => u16::try_from(found.port).map_err(|_| missing()),
    }
}
