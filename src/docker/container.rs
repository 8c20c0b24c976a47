//! One container as the daemon knows it: state flags, words and texts (moby `daemon/container`).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::{
    ContainerConfig, EndpointConfig, HealthStatus, HostConfig, MountPoint, Port, PortBinding,
    Status,
};
use crate::docker::health::{Check, Health};
use crate::docker::restart::RestartManager;
use crate::docker::units;

/// A container's place in one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    /// What the client asked for.
    pub(crate) config: EndpointConfig,
    /// Id of the network, once known.
    pub(crate) network_id: String,
    /// Id of the endpoint while connected.
    pub(crate) id: String,
    /// Address while connected.
    pub(crate) ip: Option<Ipv4Addr>,
    /// MAC address while connected.
    pub(crate) mac: String,
    /// Gateway while connected.
    pub(crate) gateway: Option<Ipv4Addr>,
    /// Length of the prefix while connected.
    pub(crate) prefix_len: u8,
}

impl Endpoint {
    /// Forget what only holds while connected.
    pub(crate) fn clear(&mut self) {
        let kept = std::mem::take(self);
        *self = Self { config: kept.config, network_id: kept.network_id, ..Self::default() };
    }
}

/// A client that waits for an exit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Waiter {
    /// `wait` until it does not run.
    Wait(u64),
    /// `wait` until it is gone.
    Removed(u64),
    /// `stop`: the `stop` event, then an answer.
    Stop(Option<u64>),
    /// `kill`.
    Kill(u64),
    /// `restart`: start again, then an answer.
    Restart(u64),
    /// A RUN of the legacy builder.
    Build(u64),
    /// `rm -f`: remove, then an answer.
    Remove {
        /// Whom to answer.
        ticket: u64,
        /// With anonymous volumes.
        volumes: bool,
    },
}

/// A client that reads a container's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Follower {
    /// Whom to answer.
    pub(crate) ticket: u64,
    /// Index of the next log line.
    pub(crate) next: u64,
    /// Raw output (attach) instead of lines (logs).
    pub(crate) raw: bool,
    /// Streams wanted: standard output, standard error.
    pub(crate) streams: (bool, bool),
}

/// A container.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Container {
    pub(crate) id: String,
    /// Without the slash.
    pub(crate) name: String,
    pub(crate) created: SimTime,
    /// Order of creation on the host.
    pub(crate) seq: u64,
    pub(crate) image_id: String,
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
    pub(crate) config: ContainerConfig,
    pub(crate) host: HostConfig,
    pub(crate) check: Option<Check>,
    pub(crate) mounts: Vec<MountPoint>,
    /// Names of volumes that go with it (anonymous ones made for it).
    pub(crate) anonymous: Vec<String>,
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    /// Published ports as they are now.
    pub(crate) ports: BTreeMap<Port, Vec<PortBinding>>,
    pub(crate) running: bool,
    pub(crate) paused: bool,
    pub(crate) restarting: bool,
    pub(crate) oom_killed: bool,
    pub(crate) removing: bool,
    pub(crate) pid: u32,
    pub(crate) exit_code: i64,
    pub(crate) error: String,
    pub(crate) started_at: Option<SimTime>,
    pub(crate) finished_at: Option<SimTime>,
    pub(crate) sandbox_id: String,
    /// Stopped or killed by a client since the last start.
    pub(crate) by_hand: bool,
    /// The restart manager will not act any more (`ExitOnNext`).
    pub(crate) cancelled: bool,
    pub(crate) manager: RestartManager,
    pub(crate) health: Option<Health>,
    /// Counts starts and exits: a timer of an older number is stale.
    pub(crate) generation: u32,
    /// Counts health monitors: a probe of an older one is stale.
    pub(crate) monitor: u32,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) followers: Vec<Follower>,
    pub(crate) execs: Vec<String>,
}

impl Container {
    /// State word (`State.StateString`).
    pub(crate) fn status(&self) -> Status {
        if self.running {
            if self.paused {
                Status::Paused
            } else if self.restarting {
                Status::Restarting
            } else {
                Status::Running
            }
        } else if self.removing {
            Status::Removing
        } else if self.started_at.is_none() {
            Status::Created
        } else {
            Status::Exited
        }
    }

    /// STATUS text (`State.String`).
    pub(crate) fn status_text(&self, now: SimTime) -> String {
        let since = |at: Option<SimTime>| at.map_or(SimDuration::ZERO, |at| now.since(at));
        if self.running {
            let up = units::human_duration(since(self.started_at));
            if self.paused {
                return format!("Up {up} (Paused)");
            }
            if self.restarting {
                let ago = units::ago(since(self.finished_at));
                return format!("Restarting ({}) {ago}", self.exit_code);
            }
            return match self.health.as_ref().map(|h| h.status) {
                None => format!("Up {up}"),
                Some(HealthStatus::Starting) => format!("Up {up} (health: starting)"),
                Some(word) => format!("Up {up} ({})", word.as_str()),
            };
        }
        if self.removing {
            return "Removal In Progress".to_owned();
        }
        if self.started_at.is_none() {
            return "Created".to_owned();
        }
        match self.finished_at {
            None => String::new(),
            Some(at) => format!("Exited ({}) {}", self.exit_code, units::ago(now.since(at))),
        }
    }

    /// Whether its main process runs: not while it waits for an automatic start.
    pub(crate) const fn is_live(&self) -> bool {
        self.running && !self.restarting
    }

    /// The signal that stops it.
    pub(crate) fn stop_signal(&self) -> u8 {
        crate::docker::names::signal_number(&self.config.stop_signal).unwrap_or(15)
    }
}

/// A command line in one string, quoted where needed (`strings.Join` with quotes for blanks, as
/// `docker ps` shows it).
pub(crate) fn command_line(argv: &[String]) -> String {
    let quote = |word: &String| {
        if word.contains(' ') { format!("'{word}'") } else { word.clone() }
    };
    argv.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn blank() -> Container {
        Container {
            id: "0123456789abcdef".into(),
            name: "web".into(),
            created: SimTime::ZERO,
            seq: 0,
            image_id: String::new(),
            argv: Vec::new(),
            config: ContainerConfig::default(),
            host: HostConfig::default(),
            check: None,
            mounts: Vec::new(),
            anonymous: Vec::new(),
            endpoints: BTreeMap::new(),
            ports: BTreeMap::new(),
            running: false,
            paused: false,
            restarting: false,
            oom_killed: false,
            removing: false,
            pid: 0,
            exit_code: 0,
            error: String::new(),
            started_at: None,
            finished_at: None,
            sandbox_id: String::new(),
            by_hand: false,
            cancelled: false,
            manager: RestartManager::default(),
            health: None,
            generation: 0,
            monitor: 0,
            waiters: Vec::new(),
            followers: Vec::new(),
            execs: Vec::new(),
        }
    }

    #[test]
    fn texts() {
        let now = SimTime::from_secs(100);
        let mut c = blank();
        assert_eq!((c.status(), c.status_text(now).as_str()), (Status::Created, "Created"));
        c.started_at = Some(SimTime::from_secs(40));
        c.running = true;
        assert_eq!(c.status_text(now), "Up About a minute");
        c.health = Some(Health::default());
        assert_eq!(c.status_text(now), "Up About a minute (health: starting)");
        c.paused = true;
        assert_eq!(
            (c.status(), c.status_text(now)),
            (Status::Paused, "Up About a minute (Paused)".into())
        );
        c.paused = false;
        c.restarting = true;
        c.exit_code = 1;
        c.finished_at = Some(SimTime::from_secs(97));
        assert_eq!(c.status_text(now), "Restarting (1) 3 seconds ago");
        c.restarting = false;
        c.running = false;
        assert_eq!(c.status_text(now), "Exited (1) 3 seconds ago");
        c.removing = true;
        assert_eq!(c.status_text(now), "Removal In Progress");
    }

    #[test]
    fn commands() {
        let argv = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(command_line(&argv(&["sh", "-c", "exit 3"])), "sh -c 'exit 3'");
    }
}
