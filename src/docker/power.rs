//! The daemon's own life: stop, kill, pause, start, and the power of its host (moby
//! `daemon/daemon.go` restore and Shutdown).

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::docker::api::{ApiError, Reply};
use crate::docker::clients::Clients;
use crate::docker::container::Waiter;
use crate::docker::daemon::{Daemon, Env};
use crate::docker::{DaemonAction, Due, latency, restart};
use crate::engine::trace::{Actor, Subject};
use crate::machine::{ContainerId, State};

/// Longest wait for containers at a shutdown (`defaultShutdownTimeout`).
const SHUTDOWN: SimDuration = SimDuration::from_secs(15);
/// The daemon's own end after the last container.
const LAST_WORK: SimDuration = SimDuration::from_millis(300);
/// Wait between looks at containers that are still stopping at a start.
const SETTLE: SimDuration = SimDuration::from_millis(200);
/// Exit code of a container whose end nobody saw.
const LOST: i64 = 255;

/// Whether a daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Power {
    /// It answers.
    Up,
    /// It stops its containers.
    Stopping,
    /// It does not run.
    Down,
    /// It reads its state and cleans up.
    Starting,
    /// Stopped by a signal: it runs, but does nothing.
    Frozen,
    /// Its host has no power.
    HostDown,
}

impl Daemon {
    fn note(&self, what: &'static str, env: &mut Env<'_, '_>) {
        let host = self.host.0.clone();
        let subject = Subject::new(format!("dockerd/{host}"));
        let what = Message::new(what).with("host", host.clone());
        env.cx.record(Actor::on("dockerd", host), subject, what);
    }

    pub(crate) fn daemon_action(&mut self, action: DaemonAction, env: &mut Env<'_, '_>) {
        match (action, self.power) {
            (DaemonAction::Stop, Power::Up | Power::Frozen) => {
                self.resume(env);
                self.begin_stop(env);
            }
            (DaemonAction::Kill, Power::Up | Power::Stopping | Power::Starting | Power::Frozen) => {
                self.note("why-docker-daemon-killed", env);
                self.lose_clients(env);
                self.power = Power::Down;
                let ids: Vec<String> = self.containers.keys().cloned().collect();
                for id in ids {
                    // The proxy of published ports dies with the daemon; the entries stay.
                    let place = env.place(&id);
                    env.fabric.unpublish(&place);
                }
            }
            (DaemonAction::Start, Power::Down) => self.begin_start(env),
            (DaemonAction::Pause, Power::Up) => {
                self.note("why-docker-daemon-paused", env);
                self.power = Power::Frozen;
            }
            (DaemonAction::Resume, Power::Frozen) => self.resume(env),
            _ => {}
        }
    }

    fn resume(&mut self, env: &mut Env<'_, '_>) {
        if self.power == Power::Frozen {
            self.power = Power::Up;
            for input in std::mem::take(&mut self.parked) {
                self.step(input, env);
            }
        }
    }

    fn begin_stop(&mut self, env: &mut Env<'_, '_>) {
        self.note("why-docker-daemon-stop", env);
        self.power = Power::Stopping;
        let running: Vec<String> =
            self.containers.values().filter(|c| c.running).map(|c| c.id.clone()).collect();
        for id in running {
            self.stop(&id, None, None, Waiter::Stop(None), env);
        }
        self.timer(SHUTDOWN, Due::Down, env);
        self.check_stopped(env);
    }

    /// While stopping: the last container is gone.
    pub(crate) fn check_stopped(&self, env: &mut Env<'_, '_>) {
        if self.power == Power::Stopping && !self.containers.values().any(|c| c.running) {
            self.timer(LAST_WORK, Due::Down, env);
        }
    }

    pub(crate) fn down(&mut self, env: &mut Env<'_, '_>) {
        if self.power == Power::Stopping {
            self.lose_clients(env);
            self.power = Power::Down;
        }
    }

    /// Connections break; timers of this run are stale from now on.
    fn lose_clients(&mut self, env: &mut Env<'_, '_>) {
        self.run += 1;
        let clients = std::mem::take(&mut self.clients);
        let Clients { events, pulls, stats } = clients;
        let mut tickets: Vec<u64> =
            events.into_keys().chain(pulls.into_keys()).chain(stats.into_keys()).collect();
        for c in self.containers.values_where(|_| true) {
            for waiter in std::mem::take(&mut c.waiters) {
                match waiter {
                    Waiter::Wait(t)
                    | Waiter::Removed(t)
                    | Waiter::Kill(t)
                    | Waiter::Restart(t)
                    | Waiter::Stop(Some(t))
                    | Waiter::Remove { ticket: t, .. } => tickets.push(t),
                    Waiter::Stop(None) | Waiter::Build(_) => {}
                }
            }
            let machine_id = ContainerId::from(c.id.as_str());
            for follower in std::mem::take(&mut c.followers) {
                env.machines.follow(&self.host, &machine_id, false);
                env.reply(follower.ticket, Ok(Reply::Done));
            }
            c.execs.clear();
        }
        for ticket in tickets {
            env.reply(ticket, Err(ApiError::new(0, "unexpected EOF")));
        }
        self.execs.clear();
        self.tags.clear();
        self.parked.clear();
        self.builds_lost(env);
    }

    /// The daemon begins to start.
    fn begin_start(&mut self, env: &mut Env<'_, '_>) {
        self.note("why-docker-daemon-start", env);
        self.power = Power::Starting;
        let host = self.host.clone();
        self.restore(env);
        let work = env.cx.latency(&latency::DAEMON_START, host.as_str());
        self.timer(work, Due::Up, env);
    }

    /// Compare what it remembers with what runs: without live-restore nothing may run on.
    fn restore(&mut self, env: &mut Env<'_, '_>) {
        let remembered: Vec<String> =
            self.containers.values().filter(|c| c.running).map(|c| c.id.clone()).collect();
        let now = env.now();
        for id in remembered {
            let machine_id = ContainerId::from(id.as_str());
            let (state, code) = env
                .machines
                .container(&self.host, &machine_id)
                .map_or((State::Exited, LOST), |c| (c.state, i64::from(c.exit_code)));
            let live = matches!(state, State::Running | State::Paused);
            let Some(c) = self.containers.get_mut(&id) else { continue };
            if live && !c.restarting {
                self.stop(&id, None, None, Waiter::Stop(None), env);
                continue;
            }
            if !c.restarting {
                c.exit_code = code;
                c.finished_at = Some(now);
            }
            c.running = false;
            c.restarting = false;
            c.paused = false;
            c.pid = 0;
            self.ends += 1;
            c.generation += 1;
            self.forget_network(&id, env);
            let code = self.containers.get(&id).map_or(0, |c| c.exit_code);
            let what = Message::new("why-docker-found-dead")
                .with("name", self.name_of(&id))
                .with("code", code);
            env.record(&id, what);
        }
    }

    /// Clear what was connected in an earlier life, without events; the old ports stay on show.
    pub(crate) fn forget_network(&mut self, id: &str, env: &mut Env<'_, '_>) {
        let place = env.place(id);
        env.fabric.unpublish(&place);
        env.fabric.remove_endpoint(&place);
        if let Some(c) = self.containers.get_mut(id) {
            for endpoint in c.endpoints.values_mut() {
                endpoint.clear();
            }
        }
    }

    /// The daemon is up: start what its policy wants to run.
    pub(crate) fn up(&mut self, env: &mut Env<'_, '_>) {
        if self.power != Power::Starting {
            return;
        }
        if self.containers.values().any(|c| c.running) {
            self.timer(SETTLE, Due::Up, env);
            return;
        }
        let mut all: Vec<(u64, String, bool, bool)> = self
            .containers
            .values()
            .map(|c| {
                let policy = &c.host.restart_policy;
                let again =
                    restart::at_daemon_start(policy, c.exit_code, c.by_hand, c.manager.count);
                let ran = c.started_at.is_some();
                (c.seq, c.id.clone(), again && ran, c.host.auto_remove)
            })
            .collect();
        all.sort();
        // Containers come back before the daemon answers its first client.
        self.power = Power::Up;
        let cause = env.cx.cause;
        for (_, id, again, auto_remove) in all {
            if auto_remove {
                self.remove_now(&id, true, env);
            } else if again {
                let what = Message::new("why-docker-restored").with("name", self.name_of(&id));
                env.record(&id, what);
                self.start_now(&id, None, false, env);
            }
            env.cx.cause = cause;
        }
        self.note("why-docker-daemon-up", env);
    }

    /// The host lost its power.
    pub(crate) fn host_down(&mut self, env: &mut Env<'_, '_>) {
        self.lose_clients(env);
        self.power = Power::HostDown;
        let ids: Vec<String> = self.containers.keys().cloned().collect();
        for id in ids {
            let place = env.place(&id);
            env.fabric.remove_endpoint(&place);
        }
    }

    /// The host is up again, and with it the daemon.
    pub(crate) fn host_up(&mut self, env: &mut Env<'_, '_>) {
        if self.power == Power::HostDown {
            self.begin_start(env);
        }
    }
}
