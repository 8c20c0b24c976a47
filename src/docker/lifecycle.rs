//! Start, stop, kill, restart, pause and what follows an exit (moby `daemon/start.go`, `stop.go`,
//! `kill.go`, `pause.go`, `monitor.go`).

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::{ApiError, HealthStatus, Reply, WaitCondition};
use crate::docker::container::Waiter;
use crate::docker::daemon::{Daemon, Env};
use crate::docker::health::Health;
use crate::docker::power::Power;
use crate::docker::{Due, latency, names};
use crate::machine::ContainerId;

/// Seconds between the stop signal and SIGKILL (`defaultStopTimeout`).
const STOP_TIMEOUT: i64 = 10;
const SIGKILL: u8 = 9;

impl Daemon {
    /// Serve `POST /containers/{id}/start`.
    pub(crate) fn serve_start(
        &mut self,
        text: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get(&id) else { return Ok(Reply::Done) };
        if c.paused {
            return Err(ApiError::conflict("cannot start a paused container, try unpause instead"));
        }
        if c.running {
            return Ok(Reply::Done);
        }
        if c.removing {
            return Err(ApiError::conflict(
                "container is marked for removal and cannot be started",
            ));
        }
        self.start(&id, true, env).map(|()| Reply::Done)
    }

    /// Start a container. `by_hand` resets what the restart manager remembers.
    pub(crate) fn start(
        &mut self,
        id: &str,
        by_hand: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<(), ApiError> {
        let Some(c) = self.containers.get_mut(id) else { return Ok(()) };
        if by_hand {
            c.by_hand = false;
            c.manager.reset();
        }
        c.cancelled = false;
        let started = self.refuse_name_servers(id).and_then(|()| {
            let started = self.try_start(id, env);
            if started.is_err() {
                self.release(id, env);
            }
            started
        });
        let Err((code, message)) = started else { return Ok(()) };
        let Some(c) = self.containers.get_mut(id) else { return Ok(()) };
        c.error.clone_from(&message);
        c.exit_code = code;
        c.restarting = false;
        c.running = false;
        c.generation += 1;
        let auto_remove = c.host.auto_remove;
        let name = c.name.clone();
        let what =
            Message::new("why-docker-start-failed").with("name", &name).with("error", &message);
        env.record(id, what);
        self.wake_waiters(id, env);
        if auto_remove {
            self.remove_now(id, true, env);
        }
        let status = if code == 126 || code == 127 { 400 } else { 500 };
        Err(ApiError::new(status, message))
    }

    fn try_start(&mut self, id: &str, env: &mut Env<'_, '_>) -> Result<(), (i64, String)> {
        let Some(c) = self.containers.get(id) else { return Ok(()) };
        let network =
            |text: String| (128, format!("failed to set up container networking: {text}"));
        self.refuse_links(c)?;
        self.refuse_surroundings(c)?;
        if let Some(target) = c.host.network_mode.strip_prefix("container:") {
            self.share_network(id, target, env).map_err(|text| (128, text))?;
        }
        self.mount_events(id, "mount", env);
        for name in self.endpoint_order(id) {
            self.attach_endpoint(id, &name, env).map_err(network)?;
        }
        self.publish_ports(id, env).map_err(network)?;
        self.write_hosts(id, env);
        if let Some(c) = self.containers.get(id) {
            self.refuse_sysctls(c)?;
        }
        let host = self.host.clone();
        let machine_id = ContainerId::from(id);
        let started = env.cx.within(|cx| env.machines.start(&host, &machine_id, cx));
        started.map_err(|e| (i64::from(e.code), e.message))?;
        self.set_running(id, env);
        for name in self.endpoint_order(id) {
            if let Some(network) = self.find_network(&name) {
                let network = network.id.clone();
                self.network_event(&network, "connect", Some(id), env);
            }
        }
        self.container_event(id, "start", &[], env);
        self.start_monitor(id, true, env);
        Ok(())
    }

    /// The network of the mode first, then the others by name.
    pub(crate) fn endpoint_order(&self, id: &str) -> Vec<String> {
        let Some(c) = self.containers.get(id) else { return Vec::new() };
        let first = self.network_name(&c.host.network_mode);
        let mut names: Vec<String> = c.endpoints.keys().cloned().collect();
        names.sort_by_key(|n| (*n != first, n.clone()));
        names
    }

    fn share_network(&self, id: &str, target: &str, env: &mut Env<'_, '_>) -> Result<(), String> {
        let missing = || format!("No such container: {target}");
        let other = self.find(target).map_err(|_| missing())?;
        let c = self.containers.get(&other).ok_or_else(missing)?;
        if !c.is_live() {
            let (name, state) = (&c.name, c.status().as_str());
            return Err(format!(
                "cannot join network namespace of a non running container: container {name} is \
                 {state}"
            ));
        }
        let (mine, theirs) = (env.place(id), env.place(&other));
        env.fabric.share(&mine, &theirs);
        Ok(())
    }

    fn set_running(&mut self, id: &str, env: &mut Env<'_, '_>) {
        self.next_pid += 23;
        let sandbox_id = env.fresh_id("sandbox-id");
        let now = env.now();
        let pid = self.next_pid;
        let Some(c) = self.containers.get_mut(id) else { return };
        c.running = true;
        c.restarting = false;
        c.paused = false;
        c.oom_killed = false;
        c.exit_code = 0;
        c.error.clear();
        c.pid = pid;
        c.started_at = Some(now);
        c.sandbox_id = sandbox_id;
        c.generation += 1;
        if c.check.is_some() {
            let health = c.health.get_or_insert_with(Health::default);
            health.status = HealthStatus::Starting;
            health.streak = 0;
        }
        let name = c.name.clone();
        env.record(id, Message::new("why-docker-started").with("name", &name));
    }

    /// `volume mount` or `volume unmount` of every volume of a container.
    fn mount_events(&self, id: &str, action: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get(id) else { return };
        for point in c.mounts.iter().filter(|m| !m.name.is_empty()) {
            let mut extra = vec![("container", id.to_owned())];
            if action == "mount" {
                extra.push(("destination", point.destination.clone()));
                extra.push(("propagation", point.propagation.clone()));
                extra.push(("read/write", point.rw.to_string()));
            }
            self.volume_event(&point.name, action, &extra, env);
        }
    }

    /// Give back networks, ports and mounts (`Cleanup`).
    pub(crate) fn release(&mut self, id: &str, env: &mut Env<'_, '_>) {
        for name in self.endpoint_order(id) {
            self.detach_endpoint(id, &name, env);
        }
        self.unpublish_ports(id, env);
        let place = env.place(id);
        env.fabric.remove_endpoint(&place);
        self.mount_events(id, "unmount", env);
    }

    /// The main process ended; the daemon notices a moment later.
    pub(crate) fn exited(&mut self, id: &str, code: u8, oom: bool, env: &mut Env<'_, '_>) {
        if self.build_exited(id, code, env) {
            return;
        }
        let host = self.host.clone();
        let delay = env.cx.latency(&latency::REAP, host.as_str());
        let Some(c) = self.containers.get(id).filter(|c| c.is_live()) else { return };
        let due =
            Due::Reap { id: id.to_owned(), generation: c.generation, code, oom, at: env.now() };
        // A pause or a new health monitor may not make it stale: the process is gone for good.
        self.timer(delay, due, env);
    }

    /// What follows an exit (`handleContainerExit`).
    pub(crate) fn reap(
        &mut self,
        id: &str,
        code: u8,
        oom: bool,
        at: SimTime,
        env: &mut Env<'_, '_>,
    ) {
        let Some(c) = self.containers.get_mut(id) else { return };
        let ran = c.started_at.map_or(SimDuration::ZERO, |from| at.since(from));
        let by_hand = match c.host.restart_policy.name.as_str() {
            "unless-stopped" => c.cancelled || c.by_hand,
            _ => c.cancelled,
        } || matches!(self.power, Power::Stopping | Power::Starting);
        let policy = c.host.restart_policy.clone();
        let again = c.manager.after_exit(&policy, i64::from(code), by_hand, ran);
        c.exit_code = i64::from(code);
        c.oom_killed = oom;
        c.finished_at = Some(at);
        c.generation += 1;
        c.paused = false;
        c.pid = 0;
        self.ends += 1;
        c.restarting = again.is_some();
        c.running = again.is_some();
        c.sandbox_id.clear();
        c.execs.clear();
        if let Some(health) = &mut c.health {
            // "Unhealthy when the monitor has stopped", says upstream.
            health.status = HealthStatus::Unhealthy;
        }
        let (name, generation) = (c.name.clone(), c.generation);
        let what = Message::new(if oom { "why-docker-oom" } else { "why-docker-exited" })
            .with("name", &name)
            .with("code", i64::from(code));
        env.record(id, what);
        self.end_followers(id, env);
        if self.power == Power::Starting {
            self.forget_network(id, env);
        } else {
            self.release(id, env);
        }
        if self.containers.get(id).is_some_and(|c| {
            c.waiters.iter().any(|w| matches!(w, Waiter::Stop(_) | Waiter::Restart(_)))
        }) {
            self.container_event(id, "stop", &[], env);
        }
        let extra = [("execDuration", ran.as_secs().to_string()), ("exitCode", code.to_string())];
        self.container_event(id, "die", &extra, env);
        if let Some(delay) = again {
            let what = Message::new("why-docker-restart-planned")
                .with("name", &name)
                .with("delay", delay)
                .with("policy", policy.name.as_str());
            env.record(id, what);
            let elapsed = env.now().since(at);
            let host = self.host.clone();
            let work = env.cx.latency(&latency::RESTART, host.as_str());
            let wait = SimDuration(delay.0.saturating_sub(elapsed.0)) + work;
            self.timer(wait, Due::Restart { id: id.to_owned(), generation }, env);
        }
        self.wake_waiters(id, env);
        let gone = self.containers.get(id).is_some_and(|c| !c.running && c.host.auto_remove);
        if gone {
            self.remove_now(id, true, env);
        }
        self.check_stopped(env);
    }

    /// The start that the restart manager planned.
    pub(crate) fn automatic_start(&mut self, id: &str, env: &mut Env<'_, '_>) {
        if let Some(c) = self.containers.get_mut(id) {
            c.restarting = false;
            c.running = false;
        }
        let _ = self.start(id, false, env);
    }

    /// Answer those who wait for the exit of a container.
    pub(crate) fn wake_waiters(&mut self, id: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get_mut(id) else { return };
        let code = c.exit_code;
        let error = (!c.error.is_empty()).then(|| c.error.clone());
        let waiters = std::mem::take(&mut c.waiters);
        for waiter in waiters {
            match waiter {
                Waiter::Wait(ticket) => {
                    env.reply(ticket, Ok(Reply::Exit { code, error: error.clone() }));
                }
                Waiter::Stop(Some(ticket)) | Waiter::Kill(ticket) => {
                    env.reply(ticket, Ok(Reply::Done));
                }
                Waiter::Stop(None) => {}
                Waiter::Restart(ticket) => {
                    let host = self.host.clone();
                    let work = env.cx.latency(&latency::RESTORE, host.as_str());
                    let due =
                        Due::StartNow { id: id.to_owned(), ticket: Some(ticket), restart: true };
                    self.timer(work, due, env);
                }
                Waiter::Build(ticket) => self.classic_ran(ticket, code, env),
                Waiter::Remove { ticket, volumes } => {
                    self.remove_now(id, volumes, env);
                    env.reply(ticket, Ok(Reply::Done));
                }
                removed @ Waiter::Removed(_) => {
                    if let Some(c) = self.containers.get_mut(id) {
                        c.waiters.push(removed);
                    }
                }
            }
        }
    }

    /// A start at the start of the daemon, or the second half of a restart.
    pub(crate) fn start_now(
        &mut self,
        id: &str,
        ticket: Option<u64>,
        restart: bool,
        env: &mut Env<'_, '_>,
    ) {
        let live = self.containers.get(id).is_some_and(|c| c.running);
        let result = if live { Ok(()) } else { self.start(id, true, env) };
        if restart && result.is_ok() {
            self.container_event(id, "restart", &[], env);
        }
        if let Some(ticket) = ticket {
            let result = result.map(|()| Reply::Done).map_err(|e| {
                let message =
                    format!("Cannot restart container {}: {}", self.name_of(id), e.message);
                ApiError::new(e.status, message)
            });
            env.reply(ticket, result);
        }
    }

    /// Serve `POST /containers/{id}/stop`; answers later unless nothing runs.
    pub(crate) fn serve_stop(
        &mut self,
        text: &str,
        signal: Option<&str>,
        timeout: Option<i64>,
        waiter: Waiter,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        let id = self.find(text)?;
        let id_text = text;
        let number = match signal {
            Some(text) if !text.is_empty() => {
                Some(names::signal_number(text).ok_or_else(|| {
                    let what = "cannot stop container";
                    ApiError::bad(format!("{what}: {id_text}: invalid signal: {text}"))
                })?)
            }
            _ => None,
        };
        let Some(c) = self.containers.get(&id) else { return Ok(Some(Reply::Done)) };
        if !c.running {
            if let Waiter::Restart(ticket) = waiter {
                let host = self.host.clone();
                let work = env.cx.latency(&latency::RESTORE, host.as_str());
                self.timer(work, Due::StartNow { id, ticket: Some(ticket), restart: true }, env);
                return Ok(None);
            }
            return Ok(Some(Reply::Done));
        }
        self.stop(&id, number, timeout, waiter, env);
        Ok(None)
    }

    /// Send the stop signal; SIGKILL follows after the timeout.
    pub(crate) fn stop(
        &mut self,
        id: &str,
        signal: Option<u8>,
        timeout: Option<i64>,
        waiter: Waiter,
        env: &mut Env<'_, '_>,
    ) {
        let Some(c) = self.containers.get_mut(id) else { return };
        c.waiters.push(waiter);
        let signal = signal.unwrap_or_else(|| c.stop_signal());
        let seconds = timeout.or(c.config.stop_timeout).unwrap_or(STOP_TIMEOUT);
        let name = c.name.clone();
        let what = Message::new("why-docker-stop")
            .with("name", &name)
            .with("signal", i64::from(signal))
            .with("seconds", seconds);
        env.record(id, what);
        if self.send_signal(id, signal, env) && seconds >= 0 {
            let Some(c) = self.containers.get(id) else { return };
            let due = Due::StopTimeout { id: id.to_owned(), generation: c.generation };
            let wait = SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0));
            self.timer(wait, due, env);
        }
    }

    /// The stop signal had no effect in time.
    pub(crate) fn stop_timeout(&mut self, id: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get(id).filter(|c| c.is_live()) else { return };
        let name = c.name.clone();
        env.record(id, Message::new("why-docker-stop-timeout").with("name", &name));
        self.send_signal(id, SIGKILL, env);
    }

    /// Send a signal to the main process (`killWithSignal`). False if nothing more is to be
    /// waited for: the container only waited for its next start and now stays down.
    pub(crate) fn send_signal(&mut self, id: &str, signal: u8, env: &mut Env<'_, '_>) -> bool {
        let shutting_down = matches!(self.power, Power::Stopping | Power::Starting);
        let Some(c) = self.containers.get_mut(id) else { return false };
        let own = (!c.config.stop_signal.is_empty()).then(|| c.stop_signal());
        let mut resume = false;
        if signal == SIGKILL || own.is_none_or(|own| own == signal) {
            // `ExitOnNext`: the restart manager will not act on this exit.
            c.cancelled = true;
            resume = c.paused;
        }
        if !shutting_down {
            c.by_hand = true;
        }
        if c.restarting {
            self.end_restart_loop(id, env);
            return false;
        }
        let host = self.host.clone();
        let machine_id = ContainerId::from(id);
        self.container_event(id, "kill", &[("signal", signal.to_string())], env);
        let _ = env.cx.within(|cx| env.machines.kill(&host, &machine_id, signal, cx));
        if resume {
            let _ = env.cx.within(|cx| env.machines.unpause(&host, &machine_id, cx));
            if let Some(c) = self.containers.get_mut(id) {
                c.paused = false;
            }
            self.container_event(id, "unpause", &[], env);
        }
        true
    }

    /// A stop or kill while it waits for its next start: it stays down.
    fn end_restart_loop(&mut self, id: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get_mut(id) else { return };
        c.restarting = false;
        c.running = false;
        c.generation += 1;
        let stop = c.waiters.iter().any(|w| matches!(w, Waiter::Stop(_) | Waiter::Restart(_)));
        let name = c.name.clone();
        env.record(id, Message::new("why-docker-loop-ended").with("name", &name));
        if stop {
            self.container_event(id, "stop", &[], env);
        }
        self.wake_waiters(id, env);
    }

    /// Serve `POST /containers/{id}/kill`; SIGKILL is answered at the exit.
    pub(crate) fn serve_kill(
        &mut self,
        ticket: u64,
        text: &str,
        signal: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        // Linux has 64 signals.
        if signal.parse::<u32>().is_ok_and(|number| number > 64) {
            return Err(ApiError::bad(format!(
                "cannot kill container: {text}: the linux daemon does not support signal {signal}"
            )));
        }
        let number = if signal.is_empty() {
            SIGKILL
        } else {
            names::signal_number(signal).filter(|number| *number > 0).ok_or_else(|| {
                ApiError::bad(format!("cannot kill container: {text}: invalid signal: {signal}"))
            })?
        };
        let id = self.find(text).map_err(|mut error| {
            error.message = format!("cannot kill container: {text}: {}", error.message);
            error
        })?;
        let Some(c) = self.containers.get_mut(&id) else { return Ok(Some(Reply::Done)) };
        if !c.running {
            return Err(ApiError::conflict(format!(
                "cannot kill container: {text}: container {id} is not running"
            )));
        }
        let name = c.name.clone();
        let what =
            Message::new("why-docker-kill").with("name", &name).with("signal", i64::from(number));
        if number == SIGKILL {
            c.waiters.push(Waiter::Kill(ticket));
            env.record(&id, what);
            self.send_signal(&id, number, env);
            return Ok(None);
        }
        env.record(&id, what);
        self.send_signal(&id, number, env);
        Ok(Some(Reply::Done))
    }

    /// Serve `POST /containers/{id}/pause`.
    pub(crate) fn pause(&mut self, text: &str, env: &mut Env<'_, '_>) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get_mut(&id) else { return Ok(Reply::Done) };
        if !c.running {
            return Err(ApiError::conflict(format!("container {id} is not running")));
        }
        if c.paused {
            return Err(ApiError::conflict(format!("Container {id} is already paused")));
        }
        if c.restarting {
            return Err(ApiError::conflict(is_restarting(&id)));
        }
        c.paused = true;
        if let Some(health) = &mut c.health {
            health.status = HealthStatus::Unhealthy;
        }
        let name = c.name.clone();
        let (host, machine_id) = (self.host.clone(), ContainerId::from(id.as_str()));
        let _ = env.cx.within(|cx| env.machines.pause(&host, &machine_id, cx));
        env.record(&id, Message::new("why-docker-paused").with("name", &name));
        self.container_event(&id, "pause", &[], env);
        Ok(Reply::Done)
    }

    /// Serve `POST /containers/{id}/unpause`.
    pub(crate) fn unpause(&mut self, text: &str, env: &mut Env<'_, '_>) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get_mut(&id) else { return Ok(Reply::Done) };
        if !c.paused {
            return Err(ApiError::conflict(format!("Container {id} is not paused")));
        }
        c.paused = false;
        let name = c.name.clone();
        let (host, machine_id) = (self.host.clone(), ContainerId::from(id.as_str()));
        let _ = env.cx.within(|cx| env.machines.unpause(&host, &machine_id, cx));
        env.record(&id, Message::new("why-docker-unpaused").with("name", &name));
        self.container_event(&id, "unpause", &[], env);
        self.start_monitor(&id, false, env);
        Ok(Reply::Done)
    }

    /// Serve `POST /containers/{id}/wait`.
    pub(crate) fn serve_wait(
        &mut self,
        ticket: u64,
        text: &str,
        condition: WaitCondition,
    ) -> Result<Option<Reply>, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get_mut(&id) else { return Ok(None) };
        match condition {
            WaitCondition::NotRunning if !c.running => {
                return Ok(Some(Reply::Exit { code: c.exit_code, error: None }));
            }
            WaitCondition::NotRunning | WaitCondition::NextExit => {
                c.waiters.push(Waiter::Wait(ticket));
            }
            WaitCondition::Removed => c.waiters.push(Waiter::Removed(ticket)),
        }
        Ok(None)
    }
}

/// The refusal while a container waits for its next start.
pub(crate) fn is_restarting(id: &str) -> String {
    format!("Container {id} is restarting, wait until the container is running")
}
