//! Faults by name: one row for each kind.

use std::fmt::Write as _;

use crate::base::time::SimDuration;
use crate::engine::fault::FaultKind;
use crate::engine::wire::CONTROL_PLANE;
use crate::text::Catalogue;
use crate::view::{map, screen};
use crate::world::world::World;

/// What a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A machine.
    Machine,
    /// The daemon of a machine, or a component of the cluster.
    Process,
    /// A container, or a pod by its name.
    Container,
    /// Images whose names contain it; `docker.io` is all.
    Image,
    /// The API server.
    Api,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, as the enum's in words.
    pub name: &'static str,
    /// What follows `=`, if anything does.
    pub argument: &'static str,
    /// What it hits.
    pub target: Target,
    /// What it does.
    pub about: &'static str,
    make: fn(&str) -> Option<FaultKind>,
}

/// All kinds.
pub const ROWS: &[Row] = &[
    row("host-down", "", Target::Machine, "it has no power", |_| Some(FaultKind::HostDown)),
    row("link-down", "", Target::Machine, "its cable is pulled", |_| Some(FaultKind::LinkDown)),
    row("link-delay", "TIME", Target::Machine, "each hop takes that much longer", |text| {
        SimDuration::parse_go(text).map(FaultKind::LinkDelay)
    }),
    row("link-loss", "PERCENT", Target::Machine, "that many of 100 requests are lost", |text| {
        let percent: u32 = text.strip_suffix('%').unwrap_or(text).parse().ok()?;
        (percent <= 100).then_some(FaultKind::LinkLoss(percent * 10))
    }),
    row("process-down", "", Target::Process, "it is killed and does not run", |_| {
        Some(FaultKind::ProcessDown)
    }),
    row("process-frozen", "", Target::Process, "it is stopped in place (SIGSTOP)", |_| {
        Some(FaultKind::ProcessFrozen)
    }),
    row("registry-not-found", "", Target::Image, "the registry has no such image", |_| {
        Some(FaultKind::RegistryNotFound)
    }),
    row("registry-too-many-requests", "", Target::Image, "the registry answers 429", |_| {
        Some(FaultKind::RegistryTooManyRequests)
    }),
    row("registry-slow", "", Target::Image, "the registry sends at a tenth of its rate", |_| {
        Some(FaultKind::RegistrySlow)
    }),
    row("api-error", "CODE", Target::Api, "the API server answers with this code", |text| {
        text.parse().ok().filter(|code| (400..600).contains(code)).map(FaultKind::ApiError)
    }),
    row("container-oom", "", Target::Container, "it is killed for memory", |_| {
        Some(FaultKind::ContainerOom)
    }),
    row("container-exit", "CODE", Target::Container, "it exits with this code", |text| {
        text.parse().ok().map(FaultKind::ContainerExit)
    }),
    row("ignore-sigterm", "", Target::Container, "it ignores SIGTERM", |_| {
        Some(FaultKind::IgnoreSigterm)
    }),
    row("hang", "", Target::Container, "it runs and answers nothing", |_| Some(FaultKind::Hang)),
];

const fn row(
    name: &'static str,
    argument: &'static str,
    target: Target,
    about: &'static str,
    make: fn(&str) -> Option<FaultKind>,
) -> Row {
    Row { name, argument, target, about, make }
}

/// The name of a kind.
#[must_use]
pub const fn name(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::HostDown => "host-down",
        FaultKind::LinkDown => "link-down",
        FaultKind::LinkDelay(_) => "link-delay",
        FaultKind::LinkLoss(_) => "link-loss",
        FaultKind::RegistryNotFound => "registry-not-found",
        FaultKind::RegistryTooManyRequests => "registry-too-many-requests",
        FaultKind::RegistrySlow => "registry-slow",
        FaultKind::ProcessDown => "process-down",
        FaultKind::ProcessFrozen => "process-frozen",
        FaultKind::ApiError(_) => "api-error",
        FaultKind::ContainerOom => "container-oom",
        FaultKind::ContainerExit(_) => "container-exit",
        FaultKind::IgnoreSigterm => "ignore-sigterm",
        FaultKind::Hang => "hang",
    }
}

/// A kind as it is written: `hang`, `link-delay=200ms`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<(&'static Row, FaultKind), String> {
    let (name, argument) = text.split_once('=').unwrap_or((text, ""));
    let row = ROWS.iter().find(|row| row.name == name).ok_or_else(|| unknown(name))?;
    let wanted =
        if row.argument.is_empty() { name.to_owned() } else { format!("{name}={}", row.argument) };
    let fits = row.argument.is_empty() == argument.is_empty();
    let kind = if fits { (row.make)(argument) } else { None };
    Ok((row, kind.ok_or_else(|| format!("{text:?} is not {wanted}"))?))
}

/// What is said of a kind that does not exist.
#[must_use]
pub fn unknown(name: &str) -> String {
    format!("{name:?} is no kind of fault; @fault lists them")
}

/// A target as the fault table names it.
///
/// # Errors
/// If nothing of that name can be hit.
pub fn target(row: &Row, text: &str, world: &World) -> Result<String, String> {
    let map = map::map(world);
    let kind = match row.target {
        Target::Image if text == "docker.io" => return Ok(String::new()),
        Target::Image => return Ok(text.to_owned()),
        Target::Api => return Ok(format!("{CONTROL_PLANE}/kube-apiserver")),
        Target::Process => return process(text, world, &map),
        Target::Machine => "breakable-machine",
        Target::Container => "breakable-container",
    };
    let plain = ["pod/", "pods/", "container/"].iter().find_map(|p| text.strip_prefix(p));
    let wanted = plain.unwrap_or(text);
    let all = screen::breakable(world, &map).into_iter().filter(|place| place.kind == kind);
    let places: Vec<(String, String)> = all.map(|place| (place.name, place.target)).collect();
    // A container of a pod that has several is written `pod/container`.
    let inner = wanted.split_once('/').map(|(pod, inside)| format!("{pod} ({inside})"));
    let exact = places
        .iter()
        .find(|(name, target)| name == wanted || target == wanted || Some(name) == inner.as_ref());
    if let Some((_, target)) = exact {
        return Ok(target.clone());
    }
    match places.iter().filter(|(name, _)| name.starts_with(wanted)).collect::<Vec<_>>()[..] {
        [(_, target)] => Ok(target.clone()),
        [] => Err(format!("nothing that {} can hit is called {text:?}", row.name)),
        ref many => {
            let names: Vec<&str> = many.iter().map(|(name, _)| name.as_str()).collect();
            Err(format!("{text:?} could be {}", names.join(", ")))
        }
    }
}

/// A process as the fault table names it: the daemon of a machine by the machine's name, a
/// component of the cluster by its own.
fn process(text: &str, world: &World, map: &map::Map) -> Result<String, String> {
    let all = screen::breakable(world, map);
    let kinds = ["breakable-machine", "breakable-component"];
    let mut places = all.iter().filter(|place| kinds.contains(&place.kind));
    match places.find(|place| place.name == text || place.target == text) {
        Some(place) => Ok(place.target.clone()),
        None => {
            let known = all.iter().filter(|p| p.kind == "breakable-component");
            let known: Vec<&str> = known.map(|place| place.name.as_str()).collect();
            Err(format!("{text:?} is no machine and no component ({})", known.join(", ")))
        }
    }
}

/// The kinds, and what is broken now.
#[must_use]
pub fn list(world: &World, catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for row in ROWS {
        let kind = if row.argument.is_empty() {
            row.name.to_owned()
        } else {
            format!("{}={}", row.name, row.argument)
        };
        let target = match row.target {
            Target::Machine => "HOST",
            Target::Process => "HOST, COMPONENT",
            Target::Container => "CONTAINER or POD",
            Target::Image => "IMAGE, docker.io",
            Target::Api => "api",
        };
        let _ = writeln!(text, "{kind:<27} {target:<17} {}", row.about);
    }
    let active = screen::faults(world, catalogue);
    if !active.is_empty() {
        text.push_str("\nin force:\n");
    }
    for fault in active {
        let target = crate::world::breakage::plain_name(&fault.target);
        let _ = writeln!(text, "{:<27} {target:<17} {}", name(&fault.kind), fault.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_row() {
        let all = [
            FaultKind::HostDown,
            FaultKind::LinkDown,
            FaultKind::LinkDelay(SimDuration::from_millis(200)),
            FaultKind::LinkLoss(500),
            FaultKind::RegistryNotFound,
            FaultKind::RegistryTooManyRequests,
            FaultKind::RegistrySlow,
            FaultKind::ProcessDown,
            FaultKind::ProcessFrozen,
            FaultKind::ApiError(503),
            FaultKind::ContainerOom,
            FaultKind::ContainerExit(3),
            FaultKind::IgnoreSigterm,
            FaultKind::Hang,
        ];
        assert_eq!(all.len(), ROWS.len());
        let argument = |name: &str| match name {
            "link-delay" => "=200ms",
            "link-loss" => "=50%",
            "api-error" => "=503",
            "container-exit" => "=3",
            _ => "",
        };
        for kind in all {
            let name = name(&kind);
            let text = format!("{name}{}", argument(name));
            assert_eq!(parse(&text).map(|(row, kind)| (row.name, kind)), Ok((name, kind)));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (text, why) in [
            ("fire", "\"fire\" is no kind of fault; @fault lists them"),
            ("link-delay", "\"link-delay\" is not link-delay=TIME"),
            ("link-delay=soon", "\"link-delay=soon\" is not link-delay=TIME"),
            ("link-loss=120%", "\"link-loss=120%\" is not link-loss=PERCENT"),
            ("hang=3", "\"hang=3\" is not hang"),
        ] {
            assert_eq!(parse(text).map(|(row, _)| row.name), Err(why.to_owned()));
        }
    }
}
