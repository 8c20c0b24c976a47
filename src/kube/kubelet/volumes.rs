//! A pod's volumes: what must exist, what is in them, when changes show.
//!
//! Models kubernetes `pkg/kubelet/volumemanager` and the volume plugins configmap, secret,
//! projected, downwardapi, emptydir, hostpath and bound claims. Left out: attach, file modes,
//! the `..data` links of atomic writers.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::Due;
use super::downward::{self, Addresses};
use super::env::Data;
use super::node::{Env, RESYNC, RETRY};
use super::worker::{Doing, Worker};
use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::latency::Latency;
use crate::kube::api::object::{Key, Object};
use crate::kube::api::store::Store;
use crate::kube::kinds::Kind;
use crate::machine::{Mount, MountSource};

/// First delay after a mount that failed; doubles (`exponentialbackoff.go`).
const MOUNT_RETRY: SimDuration = SimDuration::from_millis(500);
/// Longest delay between two tries.
const MOUNT_RETRY_MAX: SimDuration = SimDuration::from_secs(122);
/// How long a sync waits for volumes (`podAttachAndMountTimeout`).
const MOUNT_TIMEOUT: SimDuration = SimDuration::from_secs(123);

/// Time to mount what is there; the first probe tick of a pod shows it (kubelet/07).
const MOUNT: Latency = Latency {
    name: "kubelet-mount",
    quantiles_us: [60_000, 110_000, 170_000, 260_000, 400_000],
    source: "traces/kubelet/07, 29: first status to the phase of the probe ticks",
};

/// The volumes of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    /// All are there.
    pub ready: bool,
    /// Volumes that could not be mounted: number of tries and the next one.
    pub failing: BTreeMap<String, (u32, SimTime)>,
    /// Number of the timer that counts.
    pub timer: u32,
    /// Everything is mounted but the time for it is not over.
    pub settling: bool,
    /// A ConfigMap or Secret changed since the content was written.
    pub stale: bool,
    /// A refresh is due.
    pub refreshing: bool,
    /// Volumes made on the host.
    pub made: Vec<Arc<str>>,
}

/// Data of a ConfigMap.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "the kind is in the key")]
pub fn config_map(store: &Store, namespace: &str, name: &str) -> Option<Data> {
    match &*store.get(Kind::ConfigMap, &Key::new(namespace, name))?.object {
        Object::ConfigMap(map) => {
            let text = map.data.iter().flatten().map(|(k, v)| (k.clone(), Arc::from(v.as_str())));
            let bytes = map.binary_data.iter().flatten().map(|(k, v)| (k.clone(), lossy(&v.0)));
            Some(text.chain(bytes).collect())
        }
        _ => None,
    }
}

/// Data of a Secret.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "the kind is in the key")]
pub fn secret(store: &Store, namespace: &str, name: &str) -> Option<Data> {
    match &*store.get(Kind::Secret, &Key::new(namespace, name))?.object {
        Object::Secret(secret) => {
            let bytes = secret.data.iter().flatten().map(|(k, v)| (k.clone(), lossy(&v.0)));
            Some(bytes.collect())
        }
        _ => None,
    }
}

fn lossy(bytes: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(bytes).as_ref().into()
}

/// Files of one volume by path, or why it cannot be mounted.
type Content = Result<BTreeMap<String, Arc<str>>, String>;

/// `configmap "x" not found` and the like.
fn from_object(
    what: &str,
    name: &str,
    data: Option<Data>,
    items: Option<&Vec<core::KeyToPath>>,
    optional: bool,
) -> Content {
    let Some(data) = data else {
        return if optional {
            Ok(BTreeMap::new())
        } else {
            Err(format!("{what} \"{name}\" not found"))
        };
    };
    let Some(items) = items.filter(|i| !i.is_empty()) else {
        return Ok(data);
    };
    let mut files = BTreeMap::new();
    for item in items {
        match data.get(&item.key) {
            Some(text) => {
                files.insert(item.path.clone(), text.clone());
            }
            None if optional => {}
            None => {
                let kind = if what == "secret" { "secret" } else { "config" };
                return Err(format!("references non-existent {kind} key: {}", item.key));
            }
        }
    }
    Ok(files)
}

fn downward_files(
    worker: &Worker,
    items: Option<&Vec<core::DownwardAPIVolumeFile>>,
    host_ip: &str,
) -> BTreeMap<String, Arc<str>> {
    let pod_ip = worker.runtime.sandbox.as_ref().map(|s| s.ip.as_str()).unwrap_or("");
    let addresses = Addresses { host_ip, pod_ip };
    let mut files = BTreeMap::new();
    for item in items.into_iter().flatten() {
        let text = if let Some(field) = &item.field_ref {
            downward::field(&worker.pod, &field.field_path, &addresses)
        } else if let Some(resource) = &item.resource_field_ref {
            let container = resource.container_name.as_deref().unwrap_or("");
            let container = worker.container(container);
            container.map(|c| downward::resource(c, resource)).unwrap_or_default()
        } else {
            continue;
        };
        files.insert(item.path.clone(), text.into());
    }
    files
}

/// What is in a volume, or why it cannot be mounted. `None`: its content is not the kubelet's.
fn content(worker: &Worker, volume: &core::Volume, env: &Env<'_, '_>) -> Option<Content> {
    let namespace = &worker.key.namespace;
    if let Some(map) = &volume.config_map {
        let data = config_map(env.store, namespace, &map.name);
        let optional = map.optional == Some(true);
        return Some(from_object("configmap", &map.name, data, map.items.as_ref(), optional));
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or("");
        let data = secret(env.store, namespace, name);
        let optional = source.optional == Some(true);
        return Some(from_object("secret", name, data, source.items.as_ref(), optional));
    }
    if let Some(source) = &volume.downward_api {
        return Some(Ok(downward_files(worker, source.items.as_ref(), &env.node.host_ip)));
    }
    if let Some(source) = &volume.projected {
        return Some(projected(worker, source, env));
    }
    None
}

/// The CA that every namespace gets; the simulated cluster may not have made it yet.
const ROOT_CA: &str = "kube-root-ca.crt";

fn projected(worker: &Worker, volume: &core::ProjectedVolumeSource, env: &Env<'_, '_>) -> Content {
    let namespace = &worker.key.namespace;
    let mut files = BTreeMap::new();
    for source in volume.sources.iter().flatten() {
        if let Some(map) = &source.config_map {
            let data = config_map(env.store, namespace, &map.name);
            let optional = map.optional == Some(true) || map.name == ROOT_CA;
            let part = from_object("configmap", &map.name, data, map.items.as_ref(), optional)?;
            files.extend(part);
        } else if let Some(one) = &source.secret {
            let data = secret(env.store, namespace, &one.name);
            let optional = one.optional == Some(true);
            let part = from_object("secret", &one.name, data, one.items.as_ref(), optional)?;
            files.extend(part);
        } else if let Some(one) = &source.downward_api {
            files.extend(downward_files(worker, one.items.as_ref(), &env.node.host_ip));
        } else if let Some(token) = &source.service_account_token {
            let account = worker.spec.service_account_name.as_deref().unwrap_or("default");
            let text = format!("token-of-{namespace}-{account}");
            files.insert(token.path.clone(), text.into());
        }
    }
    Ok(files)
}

/// Why a claim cannot be mounted.
fn check_claim(worker: &Worker, claim: &str, env: &Env<'_, '_>) -> Result<(), String> {
    let key = Key::new(&worker.key.namespace, claim);
    match env.store.get(Kind::PersistentVolumeClaim, &key).map(|e| &*e.object) {
        Some(Object::PersistentVolumeClaim(_)) => Ok(()),
        _ => Err(format!("persistentvolumeclaim \"{claim}\" not found")),
    }
}

fn volume_name(worker: &Worker, volume: &str) -> Arc<str> {
    format!("{}/{volume}", worker.uid).into()
}

impl Worker {
    /// Wait until all volumes are mounted, then go on.
    pub(super) fn mount_volumes(&mut self, env: &mut Env<'_, '_>) {
        if self.mounts.ready {
            if self.mounts.stale {
                self.write_volumes(env);
            }
            self.volumes_ready(env);
            return;
        }
        self.doing = Doing::Volumes;
        if self.mounts.failing.is_empty() && !self.mounts.settling {
            self.try_mounts(env);
        }
        if !self.mounts.failing.is_empty() {
            let now = env.now();
            self.wake_at(now + MOUNT_TIMEOUT, env);
        }
    }

    /// Try what is not mounted yet.
    fn try_mounts(&mut self, env: &mut Env<'_, '_>) {
        let now = env.now();
        let volumes = self.spec.volumes.clone().unwrap_or_default();
        let first = self.mounts.failing.is_empty();
        for volume in &volumes {
            let due = match self.mounts.failing.get(&volume.name) {
                Some((_, next)) => *next <= now,
                None => first,
            };
            if !due {
                continue;
            }
            let claim = volume.persistent_volume_claim.as_ref();
            let result = match content(self, volume, env) {
                Some(content) => content.map(|_| ()),
                None => claim.map_or(Ok(()), |c| check_claim(self, &c.claim_name, env)),
            };
            match result {
                Ok(()) => {
                    self.mounts.failing.remove(&volume.name);
                }
                Err(error) => self.mount_failed(&volume.name, &error, env),
            }
        }
        self.mounts.timer += 1;
        let timer = self.mounts.timer;
        let next = self.mounts.failing.values().map(|(_, next)| *next).min();
        match next {
            Some(next) => env.at(next, Due::Mount(self.uid.clone(), timer)),
            None => {
                self.mounts.settling = true;
                let delay = env.draw(&MOUNT);
                let delay = if env.node.hollow() { SimDuration(delay.0 / 4) } else { delay };
                env.after(delay, Due::Mount(self.uid.clone(), timer));
            }
        }
    }

    fn mount_failed(&mut self, volume: &str, error: &str, env: &mut Env<'_, '_>) {
        let text = format!("MountVolume.SetUp failed for volume \"{volume}\" : {error}");
        env.say(self, None, true, "FailedMount", text);
        let what = Message::new("why-kubelet-mount").with("volume", volume).with("message", error);
        env.note(self, what);
        let tries = self.mounts.failing.get(volume).map_or(0, |(tries, _)| *tries);
        let delay = SimDuration(MOUNT_RETRY.0 << tries.min(8)).min(MOUNT_RETRY_MAX);
        self.mounts.failing.insert(volume.to_owned(), (tries + 1, env.now() + delay));
    }

    /// A mount's timer.
    pub fn mount_due(&mut self, timer: u32, env: &mut Env<'_, '_>) {
        if timer != self.mounts.timer || self.mounts.ready {
            return;
        }
        if !self.mounts.settling {
            self.try_mounts(env);
            return;
        }
        self.mounts.settling = false;
        self.mounts.ready = true;
        self.write_volumes(env);
        if self.doing == Doing::Volumes {
            self.volumes_ready(env);
        }
    }

    /// A sync waited too long for its volumes.
    pub(super) fn volumes_timed_out(&mut self, env: &mut Env<'_, '_>) {
        let names: Vec<&str> = self.mounts.failing.keys().map(String::as_str).collect();
        let text = format!(
            "Unable to attach or mount volumes: unmounted volumes=[{}], unattached volumes=[], \
             failed to process volumes=[]: context deadline exceeded",
            names.join(" ")
        );
        env.say(self, None, true, "FailedMount", text);
        self.doing = Doing::Idle;
        self.synced = env.now();
        let due = env.now() + env.jitter(&self.key, RETRY);
        let at = env.node.tick_at(due);
        self.wake_at(at, env);
    }

    /// Write the content of all volumes to the host.
    fn write_volumes(&mut self, env: &mut Env<'_, '_>) {
        self.mounts.stale = false;
        if env.node.hollow() {
            return;
        }
        let volumes = self.spec.volumes.clone().unwrap_or_default();
        for volume in &volumes {
            let name = match &volume.persistent_volume_claim {
                Some(claim) => self.claim_volume(&claim.claim_name, env),
                None => Some(volume_name(self, &volume.name)),
            };
            let Some(name) = name else { continue };
            let memory = volume.empty_dir.as_ref().and_then(|e| e.medium.as_deref());
            let is_new = env.machines.create_volume(
                &env.node.host,
                &name,
                memory == Some("Memory"),
                env.cx.now,
            );
            if is_new && volume.persistent_volume_claim.is_none() {
                self.mounts.made.push(name.clone());
            }
            if let Some(Ok(files)) = content(self, volume, env) {
                replace_files(&name, &files, env);
            }
        }
    }

    /// The host's volume behind a claim: it outlives the pod.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the kind is in the key")]
    fn claim_volume(&self, claim: &str, env: &Env<'_, '_>) -> Option<Arc<str>> {
        let key = Key::new(&self.key.namespace, claim);
        match &*env.store.get(Kind::PersistentVolumeClaim, &key)?.object {
            Object::PersistentVolumeClaim(claim) => {
                let name = claim.spec.as_ref()?.volume_name.as_deref().unwrap_or("");
                Some(format!("pv/{name}").into())
            }
            _ => None,
        }
    }

    /// A ConfigMap or Secret that the pod mounts changed: it shows at the next regular sync.
    pub(super) fn config_changed(&mut self, env: &mut Env<'_, '_>) {
        self.mounts.stale = true;
        if self.mounts.refreshing || !self.mounts.ready {
            return;
        }
        self.mounts.refreshing = true;
        // Regular syncs come every 60 to 90 s; the ones that change nothing are not events.
        let mean = SimDuration(RESYNC.0 * 5 / 4);
        let passed = env.now().since(self.synced).0 / mean.0;
        let mut at = self.synced + mean.times(passed.saturating_sub(1));
        while at <= env.now() {
            at += env.jitter(&self.key, RESYNC);
        }
        let at = env.node.tick_at(at);
        env.at(at, Due::Refresh(self.uid.clone()));
    }

    /// A regular sync that brings volumes up to date.
    pub fn refresh_due(&mut self, env: &mut Env<'_, '_>) {
        self.mounts.refreshing = false;
        if self.mounts.stale && self.mounts.ready {
            self.write_volumes(env);
            env.note(self, Message::new("why-kubelet-refreshed"));
        }
    }

    /// The pod is over: its own volumes go.
    pub(super) fn forget_volumes(&mut self, env: &mut Env<'_, '_>) {
        for name in std::mem::take(&mut self.mounts.made) {
            env.machines.remove_volume(&env.node.host, &name);
        }
        self.mounts = Mounts { timer: self.mounts.timer + 1, ..Mounts::default() };
    }

    /// ConfigMaps and Secrets that the pod mounts.
    #[must_use]
    pub fn config_keys(&self) -> Vec<(Kind, Key)> {
        let mut keys = Vec::new();
        let mut add = |kind, name: &str| keys.push((kind, Key::new(&self.key.namespace, name)));
        for volume in self.spec.volumes.iter().flatten() {
            if let Some(map) = &volume.config_map {
                add(Kind::ConfigMap, &map.name);
            }
            if let Some(name) = volume.secret.as_ref().and_then(|s| s.secret_name.as_deref()) {
                add(Kind::Secret, name);
            }
            let sources = volume.projected.iter().flat_map(|p| p.sources.iter().flatten());
            for source in sources {
                if let Some(map) = source.config_map.as_ref().filter(|m| m.name != ROOT_CA) {
                    add(Kind::ConfigMap, &map.name);
                }
                if let Some(secret) = &source.secret {
                    add(Kind::Secret, &secret.name);
                }
            }
        }
        keys
    }
}

/// Give a volume exactly these files.
fn replace_files(name: &str, files: &BTreeMap<String, Arc<str>>, env: &mut Env<'_, '_>) {
    let Some(volume) = env.machines.volume_files(&env.node.host, name) else { return };
    let old: Vec<String> = volume.iter().map(|(path, _)| path.to_owned()).collect();
    for path in old {
        if path != "/" && !files.contains_key(path.trim_start_matches('/')) {
            volume.remove_tree(&path);
        }
    }
    for (path, text) in files {
        volume.put_file(&format!("/{path}"), text.clone());
    }
}

/// Mounts of a container.
pub fn container_mounts(
    worker: &mut Worker,
    container: &core::Container,
    run: &str,
    env: &mut Env<'_, '_>,
) -> Vec<Mount> {
    let mut mounts = Vec::new();
    let volumes = worker.spec.volumes.clone().unwrap_or_default();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let Some(volume) = volumes.iter().find(|v| v.name == mount.name) else { continue };
        let subpath = mount.sub_path.clone().unwrap_or_default();
        let ours = content(worker, volume, env);
        let source = if let Some(host) = &volume.host_path {
            host_path(&host.path, &subpath, env)
        } else if let Some(claim) = &volume.persistent_volume_claim {
            let name = worker.claim_volume(&claim.claim_name, env).unwrap_or_default();
            MountSource::Volume { name, subpath, no_copy: true }
        } else if let (Some(Ok(files)), false) = (&ours, subpath.is_empty()) {
            // A subPath is bound to the file as it is now; later changes do not show.
            let name: Arc<str> = format!("{}/{run}/{index}", worker.uid).into();
            env.machines.create_volume(&env.node.host, &name, false, env.cx.now);
            worker.mounts.made.push(name.clone());
            replace_files(&name, files, env);
            MountSource::Volume { name, subpath, no_copy: true }
        } else {
            let name = volume_name(worker, &volume.name);
            MountSource::Volume { name, subpath, no_copy: true }
        };
        let read_only = ours.is_some() || mount.read_only == Some(true);
        mounts.push(Mount { target: mount.mount_path.clone(), source, read_only });
    }
    mounts
}

/// A directory of the node; the runtime makes it if it is not there.
fn host_path(path: &str, subpath: &str, env: &mut Env<'_, '_>) -> MountSource {
    let full = if subpath.is_empty() { path.to_owned() } else { format!("{path}/{subpath}") };
    if let Some(files) = env.machines.host_files(&env.node.host)
        && files.get(&full).is_none()
    {
        files.put(&full, crate::posix::Entry::Directory { mode: 0o755 });
    }
    MountSource::Bind(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_missing_objects() {
        let data: Data = [("a".to_owned(), Arc::from("1")), ("b".to_owned(), "2".into())].into();
        let item = |key: &str, path: &str| core::KeyToPath {
            key: key.to_owned(),
            path: path.to_owned(),
            ..Default::default()
        };
        let files = |r: Content| r.map(|f| f.into_keys().collect::<Vec<_>>());
        let all = from_object("configmap", "cfg", Some(data.clone()), None, false);
        assert_eq!(files(all), Ok(vec!["a".to_owned(), "b".to_owned()]));
        let items = vec![item("a", "x/y")];
        let some = from_object("configmap", "cfg", Some(data.clone()), Some(&items), false);
        assert_eq!(files(some), Ok(vec!["x/y".to_owned()]));
        let items = vec![item("z", "z")];
        let bad = from_object("configmap", "cfg", Some(data), Some(&items), false);
        assert_eq!(files(bad), Err("references non-existent config key: z".to_owned()));
        let none = from_object("secret", "sec", None, None, false);
        assert_eq!(files(none), Err("secret \"sec\" not found".to_owned()));
        assert_eq!(files(from_object("secret", "sec", None, None, true)), Ok(Vec::new()));
    }
}
