//! Faults: what is broken on purpose, where, from when to when. Consulted only at named points.

use serde::{Deserialize, Serialize};

use crate::base::time::{SimDuration, SimTime};

/// What is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// One fault. `target` names what it hits: a host, `host/component`, an image, a container name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// All faults of a world, past ones too.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// In the order of their start.
    pub list: Vec<Fault>,
}

impl Faults {
    /// Faults in force on a target.
    pub fn on<'a>(&'a self, target: &'a str, now: SimTime) -> impl Iterator<Item = &'a FaultKind> {
        self.list.iter().filter(move |f| f.target == target && f.active(now)).map(|f| &f.kind)
    }

    /// Whether this very fault is in force on a target.
    #[must_use]
    pub fn has(&self, target: &str, kind: &FaultKind, now: SimTime) -> bool {
        self.on(target, now).any(|k| k == kind)
    }

    /// End the faults of this kind on a target; returns how many ended.
    pub fn mend(&mut self, target: &str, kind: &FaultKind, now: SimTime) -> usize {
        let hit = self.list.iter_mut().filter(|f| f.target == target && &f.kind == kind);
        let mut ended = 0;
        for fault in hit.filter(|f| f.active(now)) {
            fault.until = Some(now);
            ended += 1;
        }
        ended
    }
}
