//! Calls about containers: create, start, signals, execs, files, numbers.

use std::sync::Arc;

use crate::base::time::SimTime;
use crate::engine::cx::Cx;
use crate::engine::latency::Latency;
use crate::machine::build;
use crate::machine::container::{Container, Deferred, Live, State};
use crate::machine::cpu::cpu_rate;
use crate::machine::events::SIGINT;
use crate::machine::host::{Host, Power};
use crate::machine::ids::{ContainerId, ExecId, HostId, Namespace};
use crate::machine::image::{Image, Layer};
use crate::machine::io::{Due, Output};
use crate::machine::proc::{Birth, MAIN, Room, SIGKILL, Work, memory_used};
use crate::machine::resolve;
use crate::machine::runtime::{Machines, ProcessRow, RuntimeError, StartError, Stats};
use crate::machine::spec::{ContainerSpec, ExecSpec, Mount, MountSource};
use crate::machine::view::View;
use crate::posix::{Entry, FileSystem as _, Files, Wake, normal};

/// From the runtime's "started" to the program's first instruction and on to what it does at once.
const PROGRAM_START: Latency = Latency {
    name: "machine-program-start",
    quantiles_us: [40_000, 60_000, 80_000, 100_000, 140_000],
    source: "trace engine/09: start to die of `false` 0.10-0.24 s on a loaded machine",
};
/// The same for an exec.
const EXEC_START: Latency = Latency {
    name: "machine-exec-start",
    quantiles_us: [25_000, 35_000, 45_000, 60_000, 100_000],
    source: "trace engine/21: docker exec of a trivial command 0.3 s, most of it the client",
};
/// runc's words before an exec's refusal.
const EXEC_FAILED: &str =
    "OCI runtime exec failed: exec failed: unable to start container process: ";

/// The words before a start's refusal, as dockerd and containerd's CRI put them
/// (traces engine/02, kubelet/20).
fn start_failed(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Moby => {
            "failed to create task for container: failed to create shim task: OCI runtime create \
             failed: runc create failed: unable to start container process: error during \
             container init: "
        }
        Namespace::K8s => {
            "failed to create containerd task: failed to create shim task: OCI runtime create \
             failed: runc create failed: unable to start container process: "
        }
    }
}

impl Machines {
    /// Make a container: its image must be on the host, its volumes must exist. Empty volumes
    /// are filled from the image.
    ///
    /// # Errors
    /// `HostDown`, `NoSuchImage`, `NoSuchVolume`, `NoSuchPath`, `Exists`.
    pub fn create(
        &mut self,
        host: &HostId,
        mut spec: ContainerSpec,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        let host = self.hosts.get_mut(host).ok_or(RuntimeError::HostDown)?;
        if host.power != Power::On {
            return Err(RuntimeError::HostDown);
        }
        if host.containers.contains_key(&spec.id) {
            return Err(RuntimeError::Exists);
        }
        let image = host.image(&spec.image).ok_or(RuntimeError::NoSuchImage)?.clone();
        complete(&mut spec, &image);
        let root = image.files();
        fill_volumes(host, &spec, &root)?;
        let mut live = Live { root, ..Live::default() };
        for (path, text) in &spec.files {
            live.own.put_file(path, text.clone());
        }
        let container = Container {
            state: State::Created,
            created: cx.now,
            started: None,
            finished: None,
            exit_code: 0,
            oom: false,
            run: 0,
            log: Default::default(),
            assumed: image.assumed,
            image,
            live,
            spec: Arc::new(spec),
        };
        host.containers.insert(container.spec.id.clone(), Arc::new(container));
        Ok(())
    }

    /// Start a container at once; what its program does first follows some 80 ms later.
    ///
    /// # Errors
    /// The OCI runtime's refusal, with exit code 126, 127 or 128.
    pub fn start(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), StartError> {
        let other = |message: &str| StartError { code: 128, message: message.to_owned() };
        if self.hosts.get(host).is_none_or(|h| h.power != Power::On) {
            return Err(other("the host is down"));
        }
        let started = self.within(host, id, cx, |room| {
            if room.container.is_alive() {
                return Err(other("container is already running"));
            }
            room.start()
        });
        started.unwrap_or_else(|| Err(other("no such container")))
    }

    /// Send a signal to the main process. If it dies of it, `Exited` follows, also for KILL.
    ///
    /// # Errors
    /// `NotRunning`, `NoSuchContainer`.
    pub fn kill(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        signal: u8,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        self.within(host, id, cx, |room| match room.container.state {
            State::Created | State::Exited => Err(RuntimeError::NotRunning),
            // A frozen process takes signals only when thawed, except KILL.
            State::Paused if signal != SIGKILL => {
                room.container.live.deferred.push(Deferred::Signal(signal));
                Ok(())
            }
            State::Paused | State::Running => {
                if signal == SIGKILL {
                    room.container_ends(128 + SIGKILL);
                } else {
                    room.work.push_back(Work::Signal(MAIN, signal));
                }
                Ok(())
            }
        })
        .unwrap_or(Err(RuntimeError::NoSuchContainer))
    }

    /// Freeze all processes.
    ///
    /// # Errors
    /// `NotRunning`, `Paused`.
    pub fn pause(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        self.within(host, id, cx, |room| match room.container.state {
            State::Running => {
                room.settle();
                room.container.state = State::Paused;
                Ok(())
            }
            State::Paused => Err(RuntimeError::Paused),
            State::Created | State::Exited => Err(RuntimeError::NotRunning),
        })
        .unwrap_or(Err(RuntimeError::NoSuchContainer))
    }

    /// Thaw: what was due meanwhile happens now.
    ///
    /// # Errors
    /// `NotPaused`.
    pub fn unpause(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        self.within(host, id, cx, |room| {
            if room.container.state != State::Paused {
                return Err(RuntimeError::NotPaused);
            }
            room.container.live.cpu_since = room.cx.now;
            room.container.state = State::Running;
            for deferred in std::mem::take(&mut room.container.live.deferred) {
                match deferred {
                    Deferred::Timer(due) => room.due(due),
                    Deferred::Request(flow, process, port, request) => {
                        room.serve(flow, process, port, &request);
                    }
                    Deferred::Answered(number, answer) => room.answer(number, answer),
                    Deferred::Signal(signal) => room.work.push_back(Work::Signal(MAIN, signal)),
                    Deferred::Stdin(process, text) => room.input(process, text),
                }
                room.run();
            }
            Ok(())
        })
        .unwrap_or(Err(RuntimeError::NoSuchContainer))
    }

    /// Remove a container that does not run, with its own layer; volumes stay.
    ///
    /// # Errors
    /// `Running`, `NoSuchContainer`.
    pub fn remove(&mut self, host: &HostId, id: &ContainerId) -> Result<(), RuntimeError> {
        let host = self.hosts.get_mut(host).ok_or(RuntimeError::NoSuchContainer)?;
        let container = host.containers.get(id).ok_or(RuntimeError::NoSuchContainer)?;
        if container.is_alive() {
            return Err(RuntimeError::Running);
        }
        host.containers.remove(id);
        Ok(())
    }

    /// Change limits of a container, running or not (`docker update`, in-place resize).
    ///
    /// # Errors
    /// `NoSuchContainer`.
    pub fn set_limits(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        memory_bytes: Option<u64>,
        cpu_milli: Option<u64>,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), RuntimeError> {
        self.within(host, id, cx, |room| {
            room.settle();
            let spec = Arc::make_mut(&mut room.container.spec);
            spec.memory_limit_bytes = memory_bytes;
            spec.cpu_limit_milli = cpu_milli;
            room.plan_oom();
        })
        .ok_or(RuntimeError::NoSuchContainer)
    }

    /// Rename a container (`docker rename`); faults find it under the new name.
    pub fn rename(&mut self, host: &HostId, id: &ContainerId, name: &str) {
        let Some(host) = self.hosts.get_mut(host) else { return };
        if let Some(container) = host.containers.get_mut(id) {
            Arc::make_mut(&mut Arc::make_mut(container).spec).name = name.into();
        }
    }

    /// Run a process in a running container; `ExecOutput` and `ExecExited` follow.
    ///
    /// # Errors
    /// The OCI runtime's refusal, with exit code 126, 127 or 128.
    pub fn exec(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        exec: ExecId,
        spec: ExecSpec,
        cx: &mut Cx<'_, Output>,
    ) -> Result<(), StartError> {
        let not_running =
            || StartError { code: 128, message: "container is not running".to_owned() };
        self.within(host, id, cx, |room| {
            if room.container.state != State::Running {
                return Err(not_running());
            }
            room.exec(exec, spec)
        })
        .unwrap_or_else(|| Err(not_running()))
    }

    /// Text for the standard input of an exec; `None` closes it.
    pub fn exec_stdin(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        exec: &ExecId,
        text: Option<String>,
        cx: &mut Cx<'_, Output>,
    ) {
        self.within(host, id, cx, |room| {
            if let Some(process) = room.container.live.execs.get(exec).copied() {
                room.input(process, text);
            }
        });
    }

    /// A signal for an exec (a probe's or hook's time limit: KILL; Ctrl-C: INT).
    pub fn exec_kill(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        exec: &ExecId,
        signal: u8,
        cx: &mut Cx<'_, Output>,
    ) {
        self.within(host, id, cx, |room| {
            if let Some(process) = room.container.live.execs.get(exec).copied() {
                let tty = room.container.live.procs.get(&process).is_some_and(|proc| proc.tty);
                if tty && signal == SIGINT {
                    room.interrupt(process);
                } else {
                    room.work.push_back(Work::Signal(process, signal));
                }
            }
        });
    }

    /// Text for the standard input of the main process; `None` closes it.
    pub fn stdin(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        text: Option<String>,
        cx: &mut Cx<'_, Output>,
    ) {
        self.within(host, id, cx, |room| room.input(MAIN, text));
    }

    /// Ask for (or stop) `Logged` notices; calls count.
    pub fn follow(&mut self, host: &HostId, id: &ContainerId, on: bool) {
        let Some(host) = self.hosts.get_mut(host) else { return };
        if let Some(container) = host.containers.get_mut(id) {
            let live = &mut Arc::make_mut(container).live;
            live.followers = if on { live.followers + 1 } else { live.followers.saturating_sub(1) };
        }
    }

    /// Resource use at a moment; zeros if it does not run.
    #[must_use]
    pub fn stats(&self, host: &HostId, id: &ContainerId, now: SimTime) -> Stats {
        let Some(machine) = self.hosts.get(host) else { return Stats::default() };
        let Some(container) = machine.containers.get(id).filter(|c| c.is_alive()) else {
            return Stats::default();
        };
        let live = &container.live;
        let rate = cpu_rate(container, machine);
        let more = (now - live.cpu_since).0.saturating_mul(rate) / 1_000;
        Stats {
            cpu_milli: rate,
            cpu_used_us: live.cpu_used_us + more,
            memory_bytes: memory_used(container, now),
            memory_limit_bytes: container
                .spec
                .memory_limit_bytes
                .filter(|l| *l > 0)
                .unwrap_or(machine.spec.memory_bytes),
            pids: u32::try_from(live.procs.len()).unwrap_or(u32::MAX),
            written_bytes: own_bytes(container),
        }
    }

    /// Bytes that a container has written into its own layer, whether or not it runs.
    #[must_use]
    pub fn written_bytes(&self, host: &HostId, id: &ContainerId) -> u64 {
        let container = self.hosts.get(host).and_then(|h| h.containers.get(id));
        container.map_or(0, |container| own_bytes(container))
    }

    /// Processes of a running container, by pid.
    #[must_use]
    pub fn top(&self, host: &HostId, id: &ContainerId) -> Vec<ProcessRow> {
        let Some(container) = self.container(host, id) else { return Vec::new() };
        let procs = &container.live.procs;
        let mut rows: Vec<ProcessRow> = procs
            .values()
            .map(|p| ProcessRow {
                pid: p.pid,
                parent: p
                    .parent
                    .and_then(|(shell, _)| procs.get(&shell))
                    .map_or(u32::from(container.spec.init && p.exec.is_none()), |s| s.pid),
                user: p.user.0.to_string(),
                started: p.started,
                command: p.argv.join(" "),
            })
            .collect();
        if container.spec.init && !rows.is_empty() {
            let command = format!("/sbin/docker-init -- {}", container.spec.argv.join(" "));
            let started = container.started.unwrap_or_default();
            rows.push(ProcessRow { pid: 1, parent: 0, user: "root".to_owned(), started, command });
        }
        rows.sort_by_key(|r| r.pid);
        rows
    }

    /// All files of a container as it sees them: image, own layer, mounts (a snapshot).
    #[must_use]
    pub fn files(&self, host: &HostId, id: &ContainerId) -> Option<Files> {
        let machine = self.hosts.get(host)?;
        let container = machine.containers.get(id)?;
        // Works on copies, which are cheap.
        let (mut machine, mut container) = (machine.clone(), Container::clone(container));
        Some(View::take(&mut machine, &mut container).merged())
    }

    /// Change files of a container from outside (`docker cp`); mounts are written through.
    pub fn edit_files<R>(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        cx: &mut Cx<'_, Output>,
        edit: impl FnOnce(&mut dyn crate::posix::FileSystem) -> R,
    ) -> Option<R> {
        self.within(host, id, cx, |room| room.with_files(|view| edit(view)))
    }

    /// Replace the files that the caller lays into a container (`/etc/hosts`, `/etc/resolv.conf`,
    /// `/etc/hostname`), which are no part of its own layer; new paths are added.
    pub fn put_files(
        &mut self,
        host: &HostId,
        id: &ContainerId,
        files: std::collections::BTreeMap<String, Arc<str>>,
    ) {
        let Some(machine) = self.hosts.get_mut(host) else { return };
        let Some(container) = machine.containers.get_mut(id) else { return };
        let container = Arc::make_mut(container);
        for (path, text) in &files {
            container.live.own.put_file(path, text.clone());
        }
        Arc::make_mut(&mut container.spec).files.extend(files);
    }

    /// What changed against the image: `A`, `C` or `D` with the path, sorted by path. A changed
    /// directory is one in which something changed.
    #[must_use]
    pub fn diff(&self, host: &HostId, id: &ContainerId) -> Vec<(char, String)> {
        let Some(container) = self.container(host, id) else { return Vec::new() };
        diff(&container.image.files(), &container.live.root)
    }

    /// The container's own layer as a new image layer (`docker commit`, a build's RUN step).
    #[must_use]
    pub fn commit_layer(&self, host: &HostId, id: &ContainerId) -> Option<Layer> {
        let container = self.container(host, id)?;
        let files = container.live.root.clone();
        let below = container.image.files();
        let mut size = 0;
        let mut text = String::new();
        for (kind, path) in diff(&below, &files) {
            text.push_str(&format!("{kind}{path}\n"));
            if let (true, Some(Entry::File { content, zeros, .. })) =
                (kind != 'D', files.get(&path))
            {
                size += content.len() as u64 + zeros;
                text.push_str(content);
            }
        }
        let diff_id = build::sha(&text);
        Some(Layer {
            digest: build::sha(&format!("blob {diff_id}")),
            diff_id,
            size_bytes: size,
            download_bytes: size,
            files,
        })
    }
}

/// Bytes that a container has more than its image.
fn own_bytes(container: &Container) -> u64 {
    let below = container.image.files();
    if container.live.root == below {
        return 0;
    }
    container.live.root.used_below("/").saturating_sub(below.used_below("/"))
}

/// Differences of two trees.
fn diff(below: &Files, above: &Files) -> Vec<(char, String)> {
    let mut changes = std::collections::BTreeMap::new();
    let parents = |changes: &mut std::collections::BTreeMap<String, char>, path: &str| {
        let mut dir = crate::posix::parent(path);
        while dir != "/" {
            if below.get(dir).is_some() && above.get(dir).is_some() {
                changes.entry(dir.to_owned()).or_insert('C');
            }
            dir = crate::posix::parent(dir);
        }
    };
    for (path, entry) in above.iter() {
        match below.get(path) {
            None => changes.insert(path.to_owned(), 'A'),
            Some(old) if old != entry => changes.insert(path.to_owned(), 'C'),
            Some(_) => continue,
        };
        parents(&mut changes, path);
    }
    let mut gone: Option<String> = None;
    for (path, _) in below.iter() {
        if above.get(path).is_some() || gone.as_ref().is_some_and(|g| path.starts_with(g.as_str()))
        {
            continue;
        }
        changes.insert(path.to_owned(), 'D');
        parents(&mut changes, path);
        gone = Some(format!("{path}/"));
    }
    changes.into_iter().map(|(path, kind)| (kind, path)).collect()
}

/// Fill in what the image says.
fn complete(spec: &mut ContainerSpec, image: &Image) {
    if spec.argv.is_empty() {
        spec.argv = image.config.command(None, None);
    }
    let has = |env: &[String], name: &str| resolve::env_value(env, name).is_some();
    if spec.hostname.is_empty() {
        spec.hostname = spec.id.as_str().chars().take(12).collect();
    }
    let own = image.config.env_with(&spec.env);
    let mut env = Vec::new();
    if !has(&own, "PATH") {
        env.push(build::DEFAULT_PATH.to_owned());
    }
    let path = own.iter().position(|e| e.starts_with("PATH="));
    env.extend(path.and_then(|at| own.get(at).cloned()));
    if !has(&own, "HOSTNAME") {
        env.push(format!("HOSTNAME={}", spec.hostname));
    }
    // The caller's variables come before the image's, as in `docker inspect`.
    let mine = |e: &&String| spec.env.contains(e);
    env.extend(own.iter().filter(mine).filter(|e| !e.starts_with("PATH=")).cloned());
    env.extend(own.iter().filter(|e| !mine(e) && !e.starts_with("PATH=")).cloned());
    if spec.tty && !has(&env, "TERM") {
        env.push("TERM=xterm".to_owned());
    }
    spec.env = env;
    if spec.cwd.is_empty() {
        spec.cwd = if image.config.cwd.is_empty() { "/".into() } else { image.config.cwd.clone() };
    }
    if spec.user.is_empty() {
        spec.user.clone_from(&image.config.user);
    }
}

/// Check that volumes exist and fill empty ones with what the image has at their targets.
fn fill_volumes(host: &mut Host, spec: &ContainerSpec, image: &Files) -> Result<(), RuntimeError> {
    for mount in &spec.mounts {
        match &mount.source {
            MountSource::Volume { name, no_copy, .. } => {
                let Some(volume) = host.volumes.get(name) else {
                    return Err(RuntimeError::NoSuchVolume);
                };
                let target = normal("/", &mount.target);
                let is_dir = matches!(image.get(&target), Some(Entry::Directory { .. }));
                if *no_copy || !is_dir || volume.files.iter().next().is_some() {
                    continue;
                }
                let prefix = format!("{target}/");
                let inside: Vec<(String, Entry)> = image
                    .iter()
                    .filter(|(path, _)| path.starts_with(&prefix))
                    .map(|(path, e)| (path.get(target.len()..).unwrap_or("").to_owned(), e.clone()))
                    .collect();
                if let Some(volume) = host.volumes.get_mut(name) {
                    for (path, entry) in inside {
                        volume.files.put(&path, entry);
                    }
                }
            }
            MountSource::Bind(path) => {
                let path = normal("/", path);
                if path != "/" && host.files.get(&path).is_none() {
                    return Err(RuntimeError::NoSuchPath(path));
                }
            }
            MountSource::Tmpfs => {}
        }
    }
    Ok(())
}

impl Room<'_, '_> {
    fn start(&mut self) -> Result<(), StartError> {
        let spec = self.container.spec.clone();
        let live = &mut self.container.live;
        live.procs.clear();
        live.execs.clear();
        live.flows.clear();
        live.asked.clear();
        live.deferred.clear();
        live.tmpfs.clear();
        live.counter = 0;
        live.last_pid = 0;
        live.oom_seen = false;
        live.oom_near = false;
        live.cpu_used_us = 0;
        live.cpu_since = self.cx.now;
        self.check_mounts(&spec)?;
        let user = self
            .with_files(|view| resolve::user(view, &spec.user))
            .map_err(|message| StartError { code: 128, message })?;
        let env = self.with_home(&spec.env, &user.0);
        self.make_cwd(&spec.cwd);
        let birth = Birth {
            argv: spec.argv.clone(),
            env,
            cwd: spec.cwd.clone(),
            user,
            parent: None,
            exec: None,
            tty: spec.tty,
            stdin: spec.stdin || spec.tty,
            piped: None,
        };
        let refused = |error: resolve::ExecError| {
            let (text, code) = error.oci_text();
            let message = format!("{}{text}", start_failed(spec.namespace));
            StartError { code, message }
        };
        let process = match self.spawn(birth) {
            Ok(process) => process,
            Err(error) => {
                let error = refused(error);
                let what = crate::base::message::Message::new("why-machine-cannot-start")
                    .with("container", spec.name.clone())
                    .with("error", error.message.as_str());
                self.cx.record(self.actor(), self.subject(), what);
                return Err(error);
            }
        };
        self.container.run += 1;
        self.container.state = State::Running;
        self.container.started = Some(self.cx.now);
        self.container.oom = false;
        let actor = self.host.spec.name.clone();
        let delay = self.cx.latency(&PROGRAM_START, actor.as_str());
        self.timer(delay, Due::Begin { process });
        Ok(())
    }

    /// A directory cannot be mounted over a file, nor a file over a directory (`mount(2)`).
    fn check_mounts(&mut self, spec: &ContainerSpec) -> Result<(), StartError> {
        if !spec.mounts.iter().any(|m| matches!(m.source, MountSource::Bind(_))) {
            return Ok(());
        }
        let Some(target) = self.with_files(|view| view.clash().map(str::to_owned)) else {
            return Ok(());
        };
        let of = |m: &&Mount| normal("/", &m.target) == target;
        let Some(MountSource::Bind(source)) = spec.mounts.iter().find(of).map(|m| &m.source) else {
            return Ok(());
        };
        let (head, tail) = match spec.namespace {
            // dockerd explains the kernel's word (`translateContainerdStartErr`).
            Namespace::Moby => (
                "",
                ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the \
                 specified host path exists and is the expected type",
            ),
            Namespace::K8s => ("error during container init: ", ""),
        };
        // The file descriptor is the recorded one (compose/25).
        let message = format!(
            "{}{head}error mounting {source:?} to rootfs at {target:?}: mount src={source}, \
             dst={target}, dstFd=/proc/thread-self/fd/14, flags=MS_BIND|MS_REC: not a \
             directory{tail}",
            start_failed(spec.namespace)
        );
        Err(StartError { code: 127, message })
    }

    /// `HOME` comes last, as runc sets it.
    fn with_home(&mut self, env: &[String], user: &str) -> Arc<[String]> {
        if resolve::env_value(env, "HOME").is_some() {
            return env.into();
        }
        let home = self.with_files(|view| {
            let passwd = view.read("/etc/passwd").unwrap_or_default();
            let row = passwd.lines().find(|l| l.split(':').next() == Some(user));
            row.and_then(|l| l.split(':').nth(5)).map(str::to_owned)
        });
        let home = home.unwrap_or_else(|| if user == "root" { "/root" } else { "/" }.to_owned());
        env.iter().cloned().chain([format!("HOME={home}")]).collect()
    }

    /// The runtime makes a missing working directory.
    fn make_cwd(&mut self, cwd: &str) {
        let known = self.container.live.root.get(cwd).is_some();
        if cwd == "/" || known || self.with_files(|view| view.stat(cwd).is_ok()) {
            return;
        }
        self.container.live.root.put(cwd, Entry::Directory { mode: 0o755 });
    }

    fn exec(&mut self, exec: ExecId, spec: ExecSpec) -> Result<(), StartError> {
        let container = self.container.spec.clone();
        let user = if spec.user.is_empty() { &container.user } else { &spec.user };
        let user = self
            .with_files(|view| resolve::user(view, user))
            .map_err(|message| StartError { code: 126, message })?;
        let config =
            crate::machine::image::ImageConfig { env: container.env.clone(), ..Default::default() };
        let env = self.with_home(&config.env_with(&spec.env), &user.0);
        let cwd = if spec.cwd.is_empty() { container.cwd.clone() } else { spec.cwd };
        if !cwd.is_empty() && self.with_files(|view| view.stat(&cwd)).is_err() {
            let text = format!(
                "{EXEC_FAILED}chdir to cwd ({cwd:?}) set in config.json failed: no such file or \
                 directory"
            );
            return Err(StartError { code: 127, message: text });
        }
        let birth = Birth {
            argv: spec.argv,
            env,
            cwd,
            user,
            parent: None,
            exec: Some((exec.clone(), spec.tag)),
            tty: spec.tty,
            stdin: spec.stdin,
            piped: None,
        };
        let process = self.spawn(birth).map_err(|error| {
            let (text, code) = error.oci_text();
            StartError { code, message: format!("{EXEC_FAILED}{text}") }
        })?;
        self.container.live.execs.insert(exec, process);
        let actor = self.host.spec.name.clone();
        let delay = self.cx.latency(&EXEC_START, actor.as_str());
        self.timer(delay, Due::Begin { process });
        Ok(())
    }

    fn input(&mut self, process: u32, text: Option<String>) {
        if self.container.state == State::Paused {
            self.container.live.deferred.push(Deferred::Stdin(process, text));
        } else if self.interrupts(process, text.as_deref()) {
            self.interrupt(process);
        } else {
            self.work.push_back(Work::Wake(process, Wake::Stdin(text)));
        }
    }

    /// Add up the cpu used until now.
    pub(super) fn settle(&mut self) {
        let rate = cpu_rate(self.container, self.host);
        let live = &mut self.container.live;
        let span = (self.cx.now - live.cpu_since).0;
        live.cpu_used_us += span.saturating_mul(rate) / 1_000;
        live.cpu_since = self.cx.now;
    }
}
