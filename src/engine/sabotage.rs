//! Faults of the simulation itself, made on purpose: a test sees that the rails find each of them.
//!
//! Without the feature `sabotage` nothing of it is left: [`Saboteur`] is empty, and its question is
//! always answered with no. No command, save or page can reach it.

/// A fault of the simulation. The table in `tests/sabotage.rs` says what finds each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The controllers' watch loses deletions of pods (`kube::Cluster::fan_out`).
    LostWatchEvent,
    /// A write of the store is not logged (`kube::api::store`).
    UnloggedWrite,
    /// The network gives an address twice (`net::fabric`).
    AddressTwice,
    /// A host port is given twice (`net::fabric`).
    PortTwice,
    /// An endpoint of a service is never removed (`kube::controllers::endpointslice`).
    StaleEndpoint,
    /// The scheduler does not ask whether there is room (`kube::scheduler::plugins`).
    NoRequests,
    /// The garbage collector does nothing (`kube::controllers::garbage`).
    NoGarbageCollector,
    /// The kubelet counts restarts twice (`kube::kubelet`).
    RestartTwice,
    /// The kubelet's back-off does not grow (`kube::kubelet::restart`).
    FlatBackoff,
    /// A mended fault goes on (`engine::fault`).
    EndlessFault,
    /// The clock of an event is late by one (`world`).
    ClockOffByOne,
    /// A choice depends on something outside of the seed, as the order of a hash map does
    /// (`kube::scheduler`).
    Unordered,
}

/// What of it is in force. Copied to where it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saboteur {
    #[cfg(feature = "sabotage")]
    what: Option<Sabotage>,
}

impl Saboteur {
    /// One that does this.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub const fn of(what: Sabotage) -> Self {
        Self { what: Some(what) }
    }

    /// Whether it does this.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub const fn does(self, what: Sabotage) -> bool {
        matches!(self.what, Some(own) if own as u8 == what as u8)
    }

    /// Whether it does this.
    #[cfg(not(feature = "sabotage"))]
    #[must_use]
    pub const fn does(self, what: Sabotage) -> bool {
        let _ = (self, what);
        false
    }
}

/// Something that no seed decides: it goes on with every question of the process.
#[cfg(feature = "sabotage")]
#[must_use]
pub fn outside() -> usize {
    static ASKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    ASKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Something that no seed decides.
#[cfg(not(feature = "sabotage"))]
#[must_use]
pub const fn outside() -> usize {
    0
}
