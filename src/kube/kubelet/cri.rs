//! The calls into the container runtime, real or hollow.
//!
//! Models kubernetes `pkg/kubelet/kuberuntime` (generateContainerConfig) over the CRI. Left out:
//! security contexts beyond user and runAsNonRoot, devices, terminals of main processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::Due;
use super::downward::Addresses;
use super::env::{self, Sources};
use super::images::{full_name, repository_of};
use super::node::{Env, ExecPurpose};
use super::record::{Ended, Run, RunState};
use super::sync::definition_hash;
use super::volumes;
use super::worker::Worker;
use crate::base::quantity::Quantity;
use crate::base::time::{SimDuration, SimTime};
use crate::kube::api::object::Object;
use crate::kube::kinds::Kind;
use crate::machine::{ContainerId, ContainerSpec, ExecId, ExecSpec, Namespace, StartError};

/// Why a container could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateError {
    /// Its configuration cannot be resolved.
    Config(String),
    /// The runtime refused.
    Runtime(String),
}

/// Make a container.
///
/// # Errors
/// Where its configuration cannot be resolved or the runtime refuses.
pub fn create(
    worker: &mut Worker,
    name: &Arc<str>,
    number: i32,
    env: &mut Env<'_, '_>,
) -> Result<Run, CreateError> {
    let Some(container) = worker.container(name).cloned() else {
        return Err(CreateError::Config(format!("no container {name}")));
    };
    let hollow = env.node.hollow();
    let image = container.image.clone().unwrap_or_default();
    // The stand-in runtime keeps names as they are given (recorded in pod/01).
    let id = if hollow { hollow_id(worker, name, number) } else { env.fresh_id() };
    let full = if hollow { image.clone() } else { full_name(&image) };
    let variables = variables(worker, &container, env).map_err(CreateError::Config)?;
    let mut run = Run {
        id: id.clone(),
        hollow,
        number,
        state: RunState::Created,
        image: full.as_str().into(),
        image_id: "".into(),
        hash: definition_hash(&container),
        resources: container.resources.clone(),
    };
    if hollow {
        run.image_id = image.into();
        return Ok(run);
    }
    let host = env.node.host.clone();
    let (config, digest) = match env.machines.image(&host, &image) {
        Some(found) => (found.config.clone(), found.digest.clone()),
        None => return Err(CreateError::Runtime(format!("image \"{image}\" not found"))),
    };
    run.image_id = format!("{}@{digest}", repository_of(&full)).into();
    check_user(worker, &container, &config.user).map_err(CreateError::Config)?;
    let known: BTreeMap<String, String> = variables.iter().cloned().collect();
    let expand = |list: &Option<Vec<String>>| -> Option<Vec<String>> {
        let list = list.as_ref()?;
        Some(list.iter().map(|text| env::expand(text, &known)).collect())
    };
    let (command, args) = (expand(&container.command), expand(&container.args));
    let mounts = volumes::container_mounts(worker, &container, &id, env);
    let mut spec = ContainerSpec {
        id: ContainerId::new(id),
        namespace: Namespace::K8s,
        name: format!("k8s_{name}_{}_{}", worker.key.name, worker.key.namespace).into(),
        image: image.as_str().into(),
        argv: config.command(command.as_deref(), args.as_deref()),
        cwd: container.working_dir.clone().unwrap_or_default(),
        hostname: hostname(worker, env),
        sandbox: sandbox_name(worker),
        mounts,
        files: files(worker, env),
        tty: container.tty == Some(true),
        stdin: container.stdin == Some(true),
        declared_ports: declared_ports(&container),
        ..Default::default()
    };
    spec.env.push(format!("HOSTNAME={}", spec.hostname));
    spec.env.extend(variables.iter().map(|(k, v)| format!("{k}={v}")));
    spec.user = user(worker, &container);
    spec.read_only = container
        .security_context
        .as_ref()
        .is_some_and(|s| s.read_only_root_filesystem == Some(true));
    (spec.memory_limit_bytes, spec.cpu_limit_milli) = limits(&container);
    let machines = &mut *env.machines;
    let made = env.cx.within(|cx| machines.create(&host, spec, cx));
    made.map_err(|e| CreateError::Runtime(e.to_string()))?;
    Ok(run)
}

/// Id of a stand-in container: pod, sandbox attempt, container, restart count.
fn hollow_id(worker: &Worker, name: &str, number: i32) -> Arc<str> {
    let (pod, namespace) = (&worker.key.name, &worker.key.namespace);
    format!("{pod}_{namespace}_{}_0_{name}_{number}", worker.uid).into()
}

fn sandbox_name(worker: &Worker) -> Arc<str> {
    if worker.spec.host_network == Some(true) {
        return "host".into();
    }
    worker.runtime.sandbox.as_ref().map(|s| s.id.clone()).unwrap_or_default()
}

fn hostname(worker: &Worker, env: &Env<'_, '_>) -> String {
    if worker.spec.host_network == Some(true) {
        return env.node.name.to_string();
    }
    let name = worker.spec.hostname.clone().unwrap_or_else(|| worker.key.name.to_string());
    name.chars().take(63).collect()
}

/// `/etc/hosts`, `/etc/resolv.conf` and the file for the termination message.
fn files(worker: &Worker, env: &Env<'_, '_>) -> BTreeMap<String, Arc<str>> {
    let name = hostname(worker, env);
    let ip = worker.runtime.sandbox.as_ref().map(|s| s.ip.clone()).unwrap_or_default();
    let own = match (&worker.spec.hostname, &worker.spec.subdomain) {
        (_, Some(sub)) => {
            let namespace = &worker.key.namespace;
            format!("{ip}\t{name}.{sub}.{namespace}.svc.cluster.local\t{name}\n")
        }
        _ => format!("{ip}\t{name}\n"),
    };
    let mut hosts = format!(
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost \
         ip6-loopback\n{own}"
    );
    for alias in worker.spec.host_aliases.iter().flatten() {
        let names = alias.hostnames.as_deref().unwrap_or(&[]).join("\t");
        hosts.push_str(&format!("{}\t{names}\n", alias.ip));
    }
    let namespace = &worker.key.namespace;
    let resolv = format!(
        "search {namespace}.svc.cluster.local svc.cluster.local cluster.local\n\
         nameserver 10.96.0.10\noptions ndots:5\n"
    );
    let list = [
        ("/etc/hosts", hosts),
        ("/etc/hostname", format!("{name}\n")),
        ("/etc/resolv.conf", resolv),
        ("/dev/termination-log", String::new()),
    ];
    list.into_iter().map(|(path, text)| (path.to_owned(), text.into())).collect()
}

fn declared_ports(container: &core::Container) -> Vec<u16> {
    let ports = container.ports.iter().flatten();
    ports.filter_map(|p| u16::try_from(p.container_port).ok()).collect()
}

/// Memory limit in bytes and cpu limit in thousandths of a core.
#[must_use]
pub fn limits(container: &core::Container) -> (Option<u64>, Option<u64>) {
    let list = container.resources.as_ref().and_then(|r| r.limits.as_ref());
    let read = |name: &str| list.and_then(|l| l.get(name)).and_then(|q| Quantity::parse(&q.0));
    let memory = read("memory").and_then(|q| u64::try_from(q.value()).ok());
    let cpu = read("cpu").and_then(|q| u64::try_from(q.milli()).ok());
    (memory, cpu)
}

fn user(worker: &Worker, container: &core::Container) -> String {
    let own = container.security_context.as_ref().and_then(|s| s.run_as_user);
    let pod = worker.spec.security_context.as_ref().and_then(|s| s.run_as_user);
    own.or(pod).map(|u| u.to_string()).unwrap_or_default()
}

/// `runAsNonRoot` refuses an image that runs as root.
fn check_user(
    worker: &Worker,
    container: &core::Container,
    image_user: &str,
) -> Result<(), String> {
    let own = container.security_context.as_ref().and_then(|s| s.run_as_non_root);
    let pod = worker.spec.security_context.as_ref().and_then(|s| s.run_as_non_root);
    if own.or(pod) != Some(true) {
        return Ok(());
    }
    let place = format!("(pod: \"{}\", container: {})", worker.full_name(), container.name);
    let asked = user(worker, container);
    match if asked.is_empty() { image_user } else { &asked } {
        "0" if !asked.is_empty() => {
            Err(format!("container's runAsUser breaks non-root policy {place}"))
        }
        "" | "0" | "root" => {
            Err(format!("container has runAsNonRoot and image will run as root {place}"))
        }
        name if name.parse::<u32>().is_err() => Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({name}), cannot verify \
             user is non-root {place}"
        )),
        _ => Ok(()),
    }
}

fn variables(
    worker: &Worker,
    container: &core::Container,
    env: &Env<'_, '_>,
) -> Result<Vec<(String, String)>, String> {
    let namespace = worker.key.namespace.clone();
    let config_map = |name: &str| volumes::config_map(env.store, &namespace, name);
    let secret = |name: &str| volumes::secret(env.store, &namespace, name);
    let pod_ip = worker.runtime.sandbox.as_ref().map(|s| s.ip.as_str()).unwrap_or("");
    let pod_ip = if pod_ip.is_empty() { &env.node.host_ip } else { pod_ip };
    env::resolve(
        container,
        &Sources {
            pod: &worker.pod,
            addresses: Addresses { host_ip: &env.node.host_ip, pod_ip },
            config_map: &config_map,
            secret: &secret,
            services: service_variables(worker, env),
        },
    )
}

/// Variables of the services of the pod's namespace and of `kubernetes`.
fn service_variables(worker: &Worker, env: &Env<'_, '_>) -> Vec<(String, String)> {
    let mut result = Vec::new();
    let own = worker.spec.enable_service_links != Some(false);
    let namespace = &worker.key.namespace;
    if **namespace != *"default" || !own {
        let key = crate::kube::api::object::Key::new("default", "kubernetes");
        if let Some(Object::Service(service)) =
            env.store.get(Kind::Service, &key).map(|e| &*e.object)
        {
            result.extend(env::service_variables(service));
        }
    }
    if own {
        for (_, entry) in env.store.list_in(Kind::Service, namespace) {
            if let Object::Service(service) = &*entry.object {
                result.extend(env::service_variables(service));
            }
        }
    }
    result
}

/// Start the newest run of a container.
///
/// # Errors
/// The OCI runtime's refusal.
pub fn start(
    worker: &mut Worker,
    name: &Arc<str>,
    env: &mut Env<'_, '_>,
) -> Result<(), StartError> {
    let now = env.now();
    let uid = worker.uid.clone();
    let Some(run) = worker.runtime.newest(name) else { return Ok(()) };
    let id = run.id.clone();
    if env.node.hollow() {
        let plan = worker.container(name).and_then(hollow_plan);
        if let Some((after, code)) = plan {
            env.after(after, Due::HollowExit(uid, id, code));
        }
    } else {
        let (machines, host) = (&mut *env.machines, &env.node.host);
        let container = ContainerId::new(id);
        env.cx.within(|cx| machines.start(host, &container, cx))?;
    }
    if let Some(run) = worker.runtime.newest_mut(name) {
        run.state = RunState::Running(now);
    }
    Ok(())
}

/// When and how a hollow container ends: only `sh -c "sleep N; exit M"` and `sh -c "exit M"` do.
fn hollow_plan(container: &core::Container) -> Option<(SimDuration, u8)> {
    let mut argv = container.command.iter().chain(&container.args).flatten();
    let (shell, flag, script) = (argv.next()?, argv.next()?, argv.next()?);
    if !matches!(shell.as_str(), "sh" | "/bin/sh") || flag != "-c" {
        return None;
    }
    let mut parts = script.split(';').map(str::trim);
    let first = parts.next()?;
    if let Some(code) = first.strip_prefix("exit ") {
        return Some((SimDuration::ZERO, code.trim().parse().ok()?));
    }
    let sleep = first.strip_prefix("sleep ")?.trim();
    let after = match sleep.strip_suffix('s').unwrap_or(sleep) {
        number if number.contains('.') => SimDuration::parse_go(&format!("{number}s"))?,
        number => SimDuration::from_secs(number.parse().ok()?),
    };
    let code = match parts.next() {
        Some(exit) => exit.strip_prefix("exit ")?.trim().parse().ok()?,
        None => 0,
    };
    Some((after, code))
}

/// Send the stop signal. A hollow container is down at once, with exit code 0.
pub fn stop(worker: &mut Worker, id: &Arc<str>, env: &mut Env<'_, '_>) {
    if env.node.hollow() {
        let due = Due::HollowExit(worker.uid.clone(), id.clone(), 0);
        env.after(SimDuration::ZERO, due);
        return;
    }
    let signal = stop_signal(worker, id, env);
    kill(id, signal, env);
}

/// The container's own stop signal, else the image's, else TERM.
fn stop_signal(worker: &Worker, id: &str, env: &Env<'_, '_>) -> u8 {
    let name = worker.kills.get(id).map(|k| k.name.clone()).unwrap_or_default();
    let container = worker.container(&name);
    let own = container.and_then(|c| c.lifecycle.as_ref()?.stop_signal.clone());
    let image = container.and_then(|c| c.image.as_deref()).unwrap_or("");
    let from_image = || {
        let image = env.machines.image(&env.node.host, image)?;
        Some(image.config.stop_signal.clone()).filter(|s| !s.is_empty())
    };
    match own.or_else(from_image).as_deref().map(|s| s.trim_start_matches("SIG")) {
        Some("HUP" | "1") => 1,
        Some("INT" | "2") => 2,
        Some("QUIT" | "3") => 3,
        Some("KILL" | "9") => 9,
        Some("USR1" | "10") => 10,
        Some("USR2" | "12") => 12,
        _ => 15,
    }
}

/// Send a signal to a container's main process.
pub fn kill(id: &Arc<str>, signal: u8, env: &mut Env<'_, '_>) {
    let (machines, host) = (&mut *env.machines, &env.node.host);
    let container = ContainerId::new(id.clone());
    // A container that is down already needs no signal.
    let _ = env.cx.within(|cx| machines.kill(host, &container, signal, cx));
}

/// Run a command in a container.
///
/// # Errors
/// The OCI runtime's refusal.
pub fn exec(
    id: &Arc<str>,
    argv: &[String],
    purpose: ExecPurpose,
    env: &mut Env<'_, '_>,
) -> Result<ExecId, StartError> {
    let exec = ExecId::new(env.fresh_id());
    let spec = ExecSpec { argv: argv.to_vec(), ..Default::default() };
    exec_with(id, exec.clone(), spec, purpose, env)?;
    Ok(exec)
}

/// Run a command in a container, with all details.
///
/// # Errors
/// The OCI runtime's refusal.
pub fn exec_with(
    id: &Arc<str>,
    exec: ExecId,
    spec: ExecSpec,
    purpose: ExecPurpose,
    env: &mut Env<'_, '_>,
) -> Result<(), StartError> {
    let (machines, host) = (&mut *env.machines, &env.node.host);
    let container = ContainerId::new(id.clone());
    let key = exec.clone();
    env.cx.within(|cx| machines.exec(host, &container, key, spec, cx))?;
    env.node.execs.insert(exec, purpose);
    Ok(())
}

/// Text for the standard input of a command, and its end.
pub fn exec_input(id: &Arc<str>, exec: &ExecId, text: String, env: &mut Env<'_, '_>) {
    let (machines, host) = (&mut *env.machines, &env.node.host);
    let container = ContainerId::new(id.clone());
    env.cx.within(|cx| {
        if !text.is_empty() {
            machines.exec_stdin(host, &container, exec, Some(text), cx);
        }
        machines.exec_stdin(host, &container, exec, None, cx);
    });
}

/// End a command that takes too long.
pub fn exec_kill(id: &Arc<str>, exec: &ExecId, env: &mut Env<'_, '_>) {
    let (machines, host) = (&mut *env.machines, &env.node.host);
    let container = ContainerId::new(id.clone());
    env.cx.within(|cx| machines.exec_kill(host, &container, exec, 9, cx));
}

/// Forget a container run.
pub fn remove(id: &Arc<str>, env: &mut Env<'_, '_>) {
    env.node.containers.remove(id);
    if !env.node.hollow() {
        // It does not run any more; if it is gone already, all is well.
        let _ = env.machines.remove(&env.node.host, &ContainerId::new(id.clone()));
    }
}

/// What the kubelet learns about a container that ended.
#[must_use]
pub fn ended(
    worker: &Worker,
    name: &str,
    run: &Run,
    code: u8,
    oom: bool,
    env: &Env<'_, '_>,
) -> Ended {
    let reason = match (oom, code) {
        (true, _) => "OOMKilled",
        (false, 0) => "Completed",
        (false, _) => "Error",
    };
    Ended {
        code: i32::from(code),
        reason,
        message: termination_message(worker, name, run, code, env),
        started: run.running(),
        finished: env.now(),
    }
}

/// Bytes of a termination message (`maxContainerTerminationMessageLength`).
const MESSAGE_BYTES: usize = 4096;

fn termination_message(
    worker: &Worker,
    name: &str,
    run: &Run,
    code: u8,
    env: &Env<'_, '_>,
) -> Option<Arc<str>> {
    if env.node.hollow() {
        return None;
    }
    let container = worker.container(name)?;
    let path = container.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
    let id = ContainerId::new(run.id.clone());
    let files = env.machines.files(&env.node.host, &id)?;
    let text = match files.get(path) {
        Some(crate::posix::Entry::File { content, .. }) => content.to_string(),
        _ => String::new(),
    };
    let fallback = container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError")
        && code != 0;
    let text = if text.is_empty() && fallback { log_tail(&id, env) } else { text };
    let cut: String = text.chars().take(MESSAGE_BYTES).collect();
    (!cut.is_empty()).then(|| cut.into())
}

/// The last lines of a log: at most 80 (`fallbackToLogsOnError`).
fn log_tail(id: &ContainerId, env: &Env<'_, '_>) -> String {
    let Some(log) = env.machines.logs(&env.node.host, id) else { return String::new() };
    let mut lines: Vec<String> =
        log.iter().rev().take(80).map(|l| format!("{}\n", l.text)).collect();
    lines.reverse();
    lines.concat()
}

impl Worker {
    /// A run whose start was refused.
    pub(super) fn ended_without_start(&mut self, name: &str, text: &str, now: SimTime) {
        if let Some(run) = self.runtime.newest_mut(name) {
            run.state = RunState::Exited(Arc::new(Ended {
                code: 128,
                reason: "StartError",
                message: Some(text.into()),
                started: None,
                finished: now,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hollow_containers_end_only_after_sleep() {
        let plan = |argv: &[&str]| {
            let command = argv.iter().map(|a| (*a).to_owned()).collect();
            hollow_plan(&core::Container { command: Some(command), ..Default::default() })
        };
        let s = SimDuration::from_secs;
        assert_eq!(plan(&["sh", "-c", "sleep 5; exit 3"]), Some((s(5), 3)));
        assert_eq!(plan(&["sh", "-c", "sleep 3600"]), Some((s(3600), 0)));
        assert_eq!(
            plan(&["/bin/sh", "-c", "sleep 0.5;exit 0"]).map(|p| p.0.as_millis()),
            Some(500)
        );
        assert_eq!(plan(&["sh", "-c", "echo hi; exit 1"]), None);
        assert_eq!(plan(&["sh", "-c", "exit 1"]), Some((s(0), 1)));
        assert_eq!(plan(&["nginx"]), None);
    }
}
