//! The table of cables and processes: whether a message arrives, and how much later.
//!
//! Derived from the faults in force; written only when one begins, ends or is mended, and each write
//! moves the epoch. What is whole has no row, so that asking costs a look into a small map.
//!
//! Left out: switches, partitions between groups of hosts, routes of different length.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::rng::Rngs;
use crate::base::time::SimDuration;

/// The machine of the control plane. It stands beside the nodes and runs no pods.
pub const CONTROL_PLANE: &str = "control-plane";

/// The first retransmission of TCP; it doubles each time (RFC 6298).
const RETRANSMIT: SimDuration = SimDuration(1_000_000);
/// Retransmissions of a connection attempt on Linux (tcp_syn_retries).
const MAX_RETRANSMITS: u32 = 6;

/// A host's connection to the others, where something is amiss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cable {
    /// Nothing passes: pulled, or the host has no power.
    pub cut: bool,
    /// Every message takes this much longer.
    pub delay: SimDuration,
    /// That many of 1000 messages are lost and sent again.
    pub loss_permille: u32,
}

/// How a process is that does not simply run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// It is gone; its port refuses.
    Down,
    /// It is stopped (SIGSTOP): the kernel accepts for it, and it never answers.
    Frozen,
}

/// A process on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The machine; empty for the learner's own computer.
    pub host: &'a str,
    /// The program: `kubelet`, `kube-apiserver`.
    pub process: &'a str,
}

impl<'a> Place<'a> {
    /// A process on a machine.
    #[must_use]
    pub const fn new(host: &'a str, process: &'a str) -> Self {
        Self { host, process }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, this much later than usual.
    Arrives(SimDuration),
    /// Nobody listens there.
    Refused,
    /// It gets lost, or nobody ever answers.
    Lost(Loss),
}

/// Why a message gets lost, which decides what its sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing passes between the two machines.
    Cut,
    /// The process is stopped: connections are made and stay silent.
    Silent,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    epoch: u64,
    cables: BTreeMap<Arc<str>, Cable>,
    halted: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Halt>>,
}

impl Wire {
    /// Counts the writes: what was decided in an earlier epoch may no longer hold.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The cable of a host.
    #[must_use]
    pub fn cable(&self, host: &str) -> Cable {
        self.cables.get(host).copied().unwrap_or_default()
    }

    /// Put a host's cable into a state.
    pub fn set_cable(&mut self, host: &str, cable: Cable) {
        if self.cable(host) == cable {
            return;
        }
        self.epoch += 1;
        if cable == Cable::default() {
            self.cables.remove(host);
        } else {
            self.cables.insert(host.into(), cable);
        }
    }

    /// How a process is halted; `None` if it runs.
    #[must_use]
    pub fn halt(&self, place: Place<'_>) -> Option<Halt> {
        self.halted.get(place.host)?.get(place.process).copied()
    }

    /// Halt a process or let it run.
    pub fn set_halt(&mut self, place: Place<'_>, halt: Option<Halt>) {
        if self.halt(place) == halt {
            return;
        }
        self.epoch += 1;
        let host = self.halted.entry(place.host.into()).or_default();
        match halt {
            Some(halt) => host.insert(place.process.into(), halt),
            None => host.remove(place.process),
        };
        if host.is_empty() {
            self.halted.remove(place.host);
        }
    }

    /// Whether messages pass between two machines.
    #[must_use]
    pub fn passes(&self, a: &str, b: &str) -> bool {
        a == b || !(self.cable(a).cut || self.cable(b).cut)
    }

    /// What the cables between two machines cost; `None` if the message gets lost.
    pub fn travel(&self, from: &str, to: &str, rng: &mut Rngs) -> Option<SimDuration> {
        if from == to || self.cables.is_empty() {
            return Some(SimDuration::ZERO);
        }
        let mut extra = SimDuration::ZERO;
        for host in [from, to] {
            let cable = self.cable(host);
            if cable.cut {
                return None;
            }
            extra = extra + cable.delay;
            let (mut wait, mut tries) = (RETRANSMIT, 0);
            while cable.loss_permille > 0
                && rng.stream("net-loss", host).chance(cable.loss_permille)
            {
                tries += 1;
                if tries > MAX_RETRANSMITS {
                    return None;
                }
                extra = extra + wait;
                wait = wait + wait;
            }
        }
        Some(extra)
    }

    /// What becomes of a message from one process to another.
    pub fn fate(&self, from: Place<'_>, to: Place<'_>, rng: &mut Rngs) -> Fate {
        match (self.travel(from.host, to.host, rng), self.halt(to)) {
            (None, _) => Fate::Lost(Loss::Cut),
            (Some(_), Some(Halt::Down)) => Fate::Refused,
            (Some(_), Some(Halt::Frozen)) => Fate::Lost(Loss::Silent),
            (Some(extra), None) => Fate::Arrives(extra),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBELET: Place<'_> = Place::new("node-1", "kubelet");
    const SERVER: Place<'_> = Place::new(CONTROL_PLANE, "kube-apiserver");

    #[test]
    fn what_is_whole_costs_nothing() {
        let (mut wire, mut rng) = (Wire::default(), Rngs::new(1));
        assert_eq!(wire.fate(KUBELET, SERVER, &mut rng), Fate::Arrives(SimDuration::ZERO));
        assert_eq!(wire.epoch(), 0);
        wire.set_cable("node-1", Cable::default());
        assert_eq!(wire.epoch(), 0, "nothing changed");
    }

    #[test]
    fn fates() {
        let (mut wire, mut rng) = (Wire::default(), Rngs::new(1));
        wire.set_halt(SERVER, Some(Halt::Down));
        assert_eq!(wire.fate(KUBELET, SERVER, &mut rng), Fate::Refused);
        wire.set_halt(SERVER, Some(Halt::Frozen));
        assert_eq!(wire.fate(KUBELET, SERVER, &mut rng), Fate::Lost(Loss::Silent));
        wire.set_cable("node-1", Cable { cut: true, ..Cable::default() });
        assert_eq!(wire.fate(KUBELET, SERVER, &mut rng), Fate::Lost(Loss::Cut));
        assert_eq!(wire.epoch(), 3);
        let neighbour = Place::new("node-1", "dockerd");
        assert_eq!(
            wire.fate(KUBELET, neighbour, &mut rng),
            Fate::Arrives(SimDuration::ZERO),
            "on the same machine no cable matters"
        );
        let slow = Cable { delay: SimDuration::from_millis(80), ..Cable::default() };
        wire.set_cable("node-1", slow);
        wire.set_halt(SERVER, None);
        assert_eq!(wire.fate(SERVER, KUBELET, &mut rng), Fate::Arrives(slow.delay));
    }

    #[test]
    fn lossy_cables_delay_more_often_than_they_lose() {
        let (mut wire, mut rng) = (Wire::default(), Rngs::new(1));
        wire.set_cable("node-1", Cable { loss_permille: 300, ..Cable::default() });
        let fates: Vec<_> = (0..1000).map(|_| wire.travel("node-1", "x", &mut rng)).collect();
        let lost = fates.iter().filter(|f| f.is_none()).count();
        let late = fates.iter().filter(|f| f.is_some_and(|d| d > SimDuration::ZERO)).count();
        assert!(lost < 10 && (200..400).contains(&late), "{lost} lost, {late} late");
    }
}
