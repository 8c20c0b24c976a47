//! Pulls: planned when they begin, so that a pull costs a handful of events.
//!
//! Three downloads at a time share the host's bandwidth equally; layers are unpacked one after the
//! other, in order, each once it and all below are there. Two pulls of one host at the same time
//! each get the whole bandwidth (`stub!`).

use std::sync::Arc;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::fault::FaultKind;
use crate::engine::latency::Latency;
use crate::engine::trace::{Actor, Subject};
use crate::machine::build;
use crate::machine::catalog::{Catalogue, Collection};
use crate::machine::host::{Host, LayerProgress, Power, PullProgress};
use crate::machine::ids::{HostId, Namespace};
use crate::machine::image::{Image, Reference};
use crate::machine::io::{
    Happening, Input, LayerState, Notice, Output, PullError, PullMoment, Pulled,
};
use crate::stub;

/// Layers fetched at once (dockerd's `max-concurrent-downloads`, containerd's default 3).
const PARALLEL: usize = 3;
/// Bytes unpacked per second: about what gzip and a small server's disk manage together.
const UNPACK_BYTES_PER_SECOND: u64 = 120_000_000;
/// A slow registry sends at a tenth of the rate (`FaultKind::RegistrySlow`).
const SLOW_FACTOR: u64 = 10;
/// Host names of the default registry.
const REGISTRY: &str = "registry-1.docker.io";

/// Asking the registry for token and manifest.
const MANIFEST: Latency = Latency {
    name: "machine-manifest",
    quantiles_us: [250_000, 400_000, 550_000, 800_000, 1_500_000],
    source: "traces kubelet/01, 02, 05: 'Successfully pulled' of small images in 175-744 ms",
};

/// What the registry of a world says about a reference.
pub(super) fn look_up(
    catalogue: &Catalogue,
    collection: Collection,
    registry: bool,
    reference: &Reference,
    cx: &Cx<'_, Output>,
) -> Result<Image, PullError> {
    let host = if reference.registry.is_empty() { REGISTRY } else { &reference.registry };
    if !registry {
        return Err(PullError::NoSuchRegistry { registry: host.to_owned() });
    }
    let name = reference.familiar();
    for fault in cx.faults.list.iter().filter(|f| f.active(cx.now) && name.contains(&f.target)) {
        if fault.kind == FaultKind::RegistryNotFound {
            return Err(PullError::ManifestUnknown);
        }
        if fault.kind == FaultKind::RegistryTooManyRequests {
            return Err(PullError::TooManyRequests);
        }
    }
    let repository = reference.repository();
    if let Some((file, variant)) = catalogue.find(collection, &repository, &reference.tag) {
        return Ok(build::image(catalogue, file, variant, &reference.tag));
    }
    let known = catalogue.images.contains_key(&(collection, repository.clone()));
    if known || collection != Collection::Public {
        return Err(PullError::ManifestUnknown);
    }
    // A bare name that the catalogue does not list is taken for a slip of the pen.
    if !repository.contains('/') && !catalogue.official.contains(&repository) {
        return Err(PullError::AccessDenied);
    }
    Ok(build::assumed(catalogue, reference))
}

/// The plan of one pull.
pub(super) struct Order<'a> {
    /// The reference as asked for.
    pub(super) reference: &'a str,
    /// Who wants to know.
    pub(super) namespace: Namespace,
    /// The caller's number.
    pub(super) ticket: u64,
    /// Whether layer states are told.
    pub(super) verbose: bool,
}

/// Begin a pull whose manifest is known.
pub(super) fn begin(
    host: &mut Host,
    order: &Order<'_>,
    found: Result<Arc<Image>, PullError>,
    cx: &mut Cx<'_, Output>,
) {
    let id = host.spec.name.clone();
    let manifest = cx.now + cx.latency(&MANIFEST, id.as_str());
    let unreachable =
        host.power != Power::On || cx.faults.has(id.as_str(), &FaultKind::LinkDown, cx.now);
    let found = if unreachable {
        Err(PullError::Unreachable { registry: REGISTRY.to_owned() })
    } else {
        found
    };
    let mut progress = PullProgress {
        reference: order.reference.into(),
        started: cx.now,
        ends: manifest,
        layers: Vec::new(),
        namespace: order.namespace,
        verbose: order.verbose,
        result: Err(PullError::ManifestUnknown),
    };
    match found {
        Err(error) => progress.result = Err(error),
        Ok(image) => {
            let slow = cx.faults.list.iter().any(|f| {
                f.kind == FaultKind::RegistrySlow
                    && f.active(cx.now)
                    && order.reference.contains(&f.target)
            });
            let rate = host.spec.bandwidth / if slow { SLOW_FACTOR } else { 1 };
            plan(host, &mut progress, &image, manifest, rate.max(1));
            progress.result = Ok(image);
        }
    }
    if order.verbose {
        schedule_layers(&id, order.ticket, &progress, cx);
    }
    let moment = PullMoment::Done;
    cx.emit_at(progress.ends, Input::Pull { host: id, ticket: order.ticket, moment });
    host.pulls.insert(order.ticket, progress);
}

/// Work out when each layer is there.
fn plan(host: &Host, progress: &mut PullProgress, image: &Image, manifest: SimTime, rate: u64) {
    let _ = stub!("machine.pull.bandwidth", "simultaneous pulls do not share a host's bandwidth");
    let have =
        |diff: &Arc<str>| host.images.values().any(|i| i.layers.iter().any(|l| l.diff_id == *diff));
    let missing = image.layers.iter().filter(|l| !have(&l.diff_id)).count();
    let share = rate / u64::try_from(missing.clamp(1, PARALLEL)).unwrap_or(1);
    let mut slots = [manifest; PARALLEL];
    let mut unpacked = manifest;
    for layer in &image.layers {
        let id = layer.digest.get(7..19).unwrap_or("").into();
        if have(&layer.diff_id) {
            progress.layers.push(LayerProgress {
                id,
                state: LayerState::AlreadyExists,
                total_bytes: 0,
                from: manifest,
                until: manifest,
                unpacked: manifest,
            });
            continue;
        }
        slots.sort_unstable();
        let [slot, ..] = &mut slots;
        let from = *slot;
        let until = from + bytes_over(layer.download_bytes, share.max(1));
        *slot = until;
        unpacked = unpacked.max(until) + bytes_over(layer.size_bytes, UNPACK_BYTES_PER_SECOND);
        progress.layers.push(LayerProgress {
            id,
            state: LayerState::PullingFsLayer,
            total_bytes: layer.download_bytes,
            from,
            until,
            unpacked,
        });
    }
    progress.ends = unpacked;
}

fn bytes_over(bytes: u64, per_second: u64) -> SimDuration {
    let us = u128::from(bytes) * 1_000_000 / u128::from(per_second);
    SimDuration(u64::try_from(us).unwrap_or(u64::MAX))
}

fn schedule_layers(id: &HostId, ticket: u64, progress: &PullProgress, cx: &mut Cx<'_, Output>) {
    let start = progress.layers.iter().map(|l| l.from).min().unwrap_or(progress.started);
    for (index, layer) in (0_u32..).zip(&progress.layers) {
        let mut at = |when: SimTime, state: LayerState| {
            let moment = PullMoment::Layer { index, state };
            cx.emit_at(when, Input::Pull { host: id.clone(), ticket, moment });
        };
        if layer.state == LayerState::AlreadyExists {
            at(start, LayerState::AlreadyExists);
            continue;
        }
        at(start, LayerState::PullingFsLayer);
        if layer.from > start {
            at(start, LayerState::Waiting);
        }
        at(layer.until, LayerState::VerifyingChecksum);
        at(layer.until, LayerState::DownloadComplete);
        at(layer.unpacked, LayerState::PullComplete);
    }
}

/// A planned moment is there.
pub(super) fn moment(host: &mut Host, ticket: u64, moment: &PullMoment, cx: &mut Cx<'_, Output>) {
    let id = host.spec.name.clone();
    let Some(progress) = host.pulls.get_mut(&ticket) else { return };
    match moment {
        PullMoment::Layer { index, state } => {
            let at = usize::try_from(*index).unwrap_or(usize::MAX);
            let namespace = progress.namespace;
            if let Some(layer) = progress.layers.get_mut(at) {
                layer.state = *state;
                let layer = layer.id.clone();
                let what = Happening::PullLayer { ticket, layer, state: *state };
                cx.emit(Notice { host: id, namespace, what });
            }
        }
        PullMoment::Done => {
            let Some(progress) = host.pulls.remove(&ticket) else { return };
            finish(host, ticket, progress, cx);
        }
    }
}

fn finish(host: &mut Host, ticket: u64, progress: PullProgress, cx: &mut Cx<'_, Output>) {
    let id = host.spec.name.clone();
    let actor = Actor::on("containerd", id.0.clone());
    let subject = Subject::new(format!("image/{id}/{}", progress.reference));
    let result = match progress.result {
        Err(error) => {
            let what = match &error {
                PullError::NoSuchRegistry { .. } => "why-machine-no-registry",
                PullError::AccessDenied => "why-machine-pull-denied",
                PullError::ManifestUnknown => "why-machine-no-such-tag",
                PullError::TooManyRequests => "why-machine-pull-limit",
                PullError::Unreachable { .. } => "why-machine-registry-unreachable",
            };
            cx.record(actor, subject, Message::new(what).with("image", progress.reference));
            Err(error)
        }
        Ok(image) => {
            let up_to_date = host.images.contains_key(&image.id)
                && progress.layers.iter().all(|l| l.state == LayerState::AlreadyExists);
            let pulled = Pulled {
                image: image.id.clone(),
                digest: image.digest.clone(),
                up_to_date,
                size_bytes: image.layers.iter().map(|l| l.download_bytes).sum(),
            };
            let reference = Reference::parse(&progress.reference);
            let what = Message::new("why-machine-pulled")
                .with("image", progress.reference.clone())
                .with("took", cx.now - progress.started);
            cx.record(actor, subject, what);
            host.images.insert(image.id.clone(), image.clone());
            host.tags.insert(reference.familiar().into(), image.id.clone());
            Ok(pulled)
        }
    };
    let what = Happening::Pulled { ticket, result };
    cx.emit(Notice { host: id, namespace: progress.namespace, what });
}
