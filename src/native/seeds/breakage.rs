//! Faults and switches of machines, drawn.

use crate::base::time::{SimDuration, SimTime};
use crate::engine::fault::FaultKind;
use crate::machine::{HostId, State};
use crate::native::seeds::draw::Draw;
use crate::world::command::{Command, HostAction};
use crate::world::world::World;

/// What can be done to a machine, by weight.
const ACTIONS: &[(u64, HostAction)] = &[
    (1, HostAction::PowerOff),
    (3, HostAction::Boot),
    (2, HostAction::StopDaemon),
    (2, HostAction::KillDaemon),
    (4, HostAction::StartDaemon),
    (1, HostAction::PauseDaemon),
    (2, HostAction::ResumeDaemon),
    (1, HostAction::LinkDown),
    (2, HostAction::LinkUp),
];

/// What a fault of the table is to hit.
#[derive(Clone, Copy, Debug)]
enum Hits {
    Machine,
    Daemon,
    Container,
    Image,
    Server,
}

/// Faults by weight, with what they hit.
const FAULTS: &[(u64, (Hits, FaultKind))] = &[
    (3, (Hits::Machine, FaultKind::HostDown)),
    (3, (Hits::Machine, FaultKind::LinkDown)),
    (2, (Hits::Machine, FaultKind::LinkDelay(SimDuration::from_millis(80)))),
    (2, (Hits::Machine, FaultKind::LinkLoss(300))),
    (1, (Hits::Image, FaultKind::RegistryNotFound)),
    (1, (Hits::Image, FaultKind::RegistryTooManyRequests)),
    (1, (Hits::Image, FaultKind::RegistrySlow)),
    (3, (Hits::Daemon, FaultKind::ProcessDown)),
    (1, (Hits::Server, FaultKind::ApiError(500))),
    (3, (Hits::Container, FaultKind::ContainerOom)),
    (4, (Hits::Container, FaultKind::ContainerExit(1))),
    (1, (Hits::Container, FaultKind::ContainerExit(0))),
    (2, (Hits::Container, FaultKind::IgnoreSigterm)),
    (2, (Hits::Container, FaultKind::Hang)),
];

/// Something breaks, is mended, or a machine is switched.
pub(super) fn one(draw: &mut Draw, world: &World) -> Command {
    let active: Vec<(FaultKind, String)> = active(world);
    if !active.is_empty() && draw.chance(350) {
        let at = usize::try_from(draw.between(0, active.len() as u64 - 1)).unwrap_or(0);
        if let Some((kind, target)) = active.into_iter().nth(at) {
            return Command::Mend { kind, target };
        }
    }
    let machines: Vec<String> =
        world.machines().hosts().map(|h| h.spec.name.0.to_string()).collect();
    let host = draw.one(&machines);
    let down = recovery(world).into_iter().filter(|c| matches!(c, Command::Host { .. }));
    let down: Vec<Command> = down.collect();
    // What is down is not down for the rest of the session.
    if !down.is_empty() && draw.chance(600) {
        let at = usize::try_from(draw.between(0, down.len() as u64 - 1)).unwrap_or(0);
        if let Some(command) = down.into_iter().nth(at) {
            return command;
        }
    }
    if draw.chance(300) {
        let action = draw.weighted(ACTIONS).copied().unwrap_or(HostAction::Boot);
        return Command::Host { host, action };
    }
    let Some((hits, kind)) = draw.weighted(FAULTS).cloned() else {
        return Command::Host { host, action: HostAction::Boot };
    };
    let target = match hits {
        Hits::Machine => host,
        Hits::Daemon if world.docker().hosts().any(|h| *h.0 == *host) => format!("{host}/dockerd"),
        Hits::Daemon => format!("{host}/kubelet"),
        Hits::Server => format!("{host}/kube-apiserver"),
        Hits::Image => draw.one(&["nginx", "httpd", "redis", "busybox", "alpine"]).to_owned(),
        Hits::Container => {
            let running = containers(world);
            if running.is_empty() {
                return Command::Host { host, action: HostAction::Boot };
            }
            draw.one(&running)
        }
    };
    let lasting = draw.chance(400).then(|| SimDuration::from_millis(draw.between(300, 90_000)));
    Command::Break { kind, target, lasting }
}

/// Faults in force.
pub(super) fn active(world: &World) -> Vec<(FaultKind, String)> {
    let now: SimTime = world.now();
    let active = world.faults().list.iter().filter(|f| f.active(now));
    active.map(|f| (f.kind.clone(), f.target.clone())).collect()
}

/// Running containers as faults name them.
fn containers(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for host in world.machines().hosts() {
        let running = host.containers.values().filter(|c| c.state == State::Running);
        all.extend(running.map(|c| format!("{}/{}", host.spec.name, c.spec.name)));
    }
    all
}

/// What ends all trouble: mended faults, power, daemons. Machines that run well are left alone.
pub(super) fn recovery(world: &World) -> Vec<Command> {
    let mended = active(world).into_iter().map(|(kind, target)| Command::Mend { kind, target });
    let mut all: Vec<Command> = mended.collect();
    for host in world.machines().hosts() {
        let name = host.spec.name.0.to_string();
        let act = |action| Command::Host { host: name.clone(), action };
        if host.power != crate::machine::Power::On {
            all.push(act(HostAction::Boot));
        } else if !daemon_runs(world, &host.spec.name) {
            all.push(act(HostAction::ResumeDaemon));
            all.push(act(HostAction::StartDaemon));
        }
    }
    for name in ["client", "other"] {
        all.push(Command::Load {
            name: name.to_owned(),
            url: String::new(),
            from: String::new(),
            rate_milli: 0,
        });
    }
    all
}

/// Whether dockerd, or the kubelet, of a machine works.
pub(super) fn daemon_runs(world: &World, host: &HostId) -> bool {
    if world.docker().hosts().any(|h| h == host) {
        return world.docker().is_up(host.as_str());
    }
    let kubelet = world.kube().and_then(|k| k.kubelet_of(host.as_str()));
    kubelet.is_some_and(|k| k.node.running)
}
