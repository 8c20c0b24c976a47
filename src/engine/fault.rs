//! Faults: what is broken on purpose, where, from when to when. Consulted only at named points.

use serde::{Deserialize, Serialize};

use crate::base::time::{SimDuration, SimTime};
use crate::engine::sabotage::{Sabotage, Saboteur};
use crate::engine::wire::{Cable, Halt, Place, Wire};

/// What is broken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FaultKind {
    /// The host has no power; everything on it stops at once.
    HostDown,
    /// The host's network cable is pulled.
    LinkDown,
    /// Every hop from or to the host takes this much longer.
    LinkDelay(SimDuration),
    /// That many of 1000 requests from or to the host are lost.
    LinkLoss(u32),
    /// The registry answers 404 for images whose name contains the target.
    RegistryNotFound,
    /// The registry answers 429.
    RegistryTooManyRequests,
    /// The registry sends at a tenth of its rate.
    RegistrySlow,
    /// The component (`kubelet`, `dockerd`, `kube-scheduler`, …) does not run.
    ProcessDown,
    /// The component is stopped in place (SIGSTOP): it accepts connections and answers nothing.
    ProcessFrozen,
    /// The API server answers with this status code.
    ApiError(u16),
    /// The container's main process is killed for memory.
    ContainerOom,
    /// The container's main process exits with this code.
    ContainerExit(u8),
    /// The container ignores SIGTERM.
    IgnoreSigterm,
    /// The process in the container stops answering requests but goes on.
    Hang,
}

impl FaultKind {
    /// The status with which the API server answers, if that is what is broken.
    #[must_use]
    pub const fn api_error(&self) -> Option<u16> {
        if let Self::ApiError(code) = self { Some(*code) } else { None }
    }
}

/// One fault. `target` names what it hits: a host, `host/component`, an image, a container name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fault {
    /// What is broken.
    pub kind: FaultKind,
    /// Where.
    pub target: String,
    /// From when.
    pub from: SimTime,
    /// Until when; `None` until mended.
    pub until: Option<SimTime>,
}

impl Fault {
    /// Whether it is in force at a moment.
    #[must_use]
    pub fn active(&self, now: SimTime) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }
}

/// All faults of a world, past ones too, and the table of cables and processes that follows from
/// those in force.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// In the order of their start.
    pub list: Vec<Fault>,
    /// What they do to cables and processes.
    pub wire: Wire,
    /// Faults of the simulation itself, in tests.
    pub saboteur: Saboteur,
}

impl Faults {
    /// Faults in force on a target.
    pub fn on<'a>(&'a self, target: &'a str, now: SimTime) -> impl Iterator<Item = &'a FaultKind> {
        self.list.iter().filter(move |f| f.target == target && f.active(now)).map(|f| &f.kind)
    }

    /// Whether the simulation itself is spoilt in this way, in tests.
    #[must_use]
    pub const fn sabotaged(&self, what: Sabotage) -> bool {
        self.saboteur.does(what)
    }

    /// Whether this very fault is in force on a target.
    #[must_use]
    pub fn has(&self, target: &str, kind: &FaultKind, now: SimTime) -> bool {
        self.on(target, now).any(|k| k == kind)
    }

    /// A fault begins.
    pub fn begin(&mut self, fault: Fault) {
        let (target, now) = (fault.target.clone(), fault.from);
        self.list.push(fault);
        self.settle(&target, now);
    }

    /// End the faults of this kind on a target; returns how many ended.
    pub fn mend(&mut self, target: &str, kind: &FaultKind, now: SimTime) -> usize {
        let hit = self.list.iter_mut().filter(|f| f.target == target && &f.kind == kind);
        let mut ended = 0;
        if self.saboteur.does(Sabotage::EndlessFault) {
            return 1;
        }
        for fault in hit.filter(|f| f.active(now)) {
            fault.until = Some(now);
            ended += 1;
        }
        self.settle(target, now);
        ended
    }

    /// Bring the wire up to date with what is in force on a target.
    pub fn settle(&mut self, target: &str, now: SimTime) {
        let mut cable = Cable::default();
        let mut halt = None;
        for fault in self.on(target, now) {
            match fault {
                FaultKind::HostDown | FaultKind::LinkDown => cable.cut = true,
                FaultKind::LinkDelay(delay) => cable.delay = cable.delay + *delay,
                FaultKind::LinkLoss(permille) => {
                    cable.loss_permille = cable.loss_permille.max(*permille);
                }
                FaultKind::ProcessDown => halt = Some(Halt::Down),
                FaultKind::ProcessFrozen if halt.is_none() => halt = Some(Halt::Frozen),
                FaultKind::ProcessFrozen
                | FaultKind::RegistryNotFound
                | FaultKind::RegistryTooManyRequests
                | FaultKind::RegistrySlow
                | FaultKind::ApiError(_)
                | FaultKind::ContainerOom
                | FaultKind::ContainerExit(_)
                | FaultKind::IgnoreSigterm
                | FaultKind::Hang => {}
            }
        }
        match target.split_once('/') {
            Some((host, process)) => self.wire.set_halt(Place::new(host, process), halt),
            None => self.wire.set_cable(target, cable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind, target: &str, from: u64, until: Option<u64>) -> Fault {
        let target = target.to_owned();
        let until = until.map(SimTime::from_secs);
        Fault { kind, target, from: SimTime::from_secs(from), until }
    }

    #[test]
    fn two_faults_on_one_cable_end_one_after_the_other() {
        let mut faults = Faults::default();
        faults.begin(fault(FaultKind::LinkDown, "node-1", 1, Some(9)));
        faults.begin(fault(FaultKind::HostDown, "node-1", 2, None));
        faults.settle("node-1", SimTime::from_secs(9));
        assert!(faults.wire.cable("node-1").cut, "the host is still down");
        assert_eq!(faults.mend("node-1", &FaultKind::HostDown, SimTime::from_secs(10)), 1);
        assert_eq!(faults.wire.cable("node-1"), Cable::default());
    }

    #[test]
    fn a_process_that_is_down_is_not_frozen() {
        let mut faults = Faults::default();
        let place = Place::new("control-plane", "kube-scheduler");
        faults.begin(fault(FaultKind::ProcessFrozen, "control-plane/kube-scheduler", 1, None));
        assert_eq!(faults.wire.halt(place), Some(Halt::Frozen));
        faults.begin(fault(FaultKind::ProcessDown, "control-plane/kube-scheduler", 2, None));
        assert_eq!(faults.wire.halt(place), Some(Halt::Down));
    }
}
