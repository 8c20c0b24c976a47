//! The share of the processor that a container has.

use crate::machine::container::{Container, State};
use crate::machine::host::Host;

/// CPU that a container uses now, after throttling, thousandths of a core.
pub(super) fn cpu_rate(container: &Container, host: &Host) -> u64 {
    if container.state != State::Running {
        return 0;
    }
    let live = &container.live;
    let wanted = live.procs.values().map(|p| p.cpu_milli).sum::<u64>();
    let limit = container.spec.cpu_limit_milli.filter(|l| *l > 0).unwrap_or(u64::MAX);
    wanted.min(limit).min(host.spec.cpu_milli)
}
