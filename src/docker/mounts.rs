//! Mounts of a container: `-v` specifications, `--mount`, volumes of the image, `--volumes-from`
//! (moby `daemon/volumes.go`, `volume/mounts/linux_parser.go`).

use std::collections::BTreeMap;

use crate::docker::api::{ApiError, CreateConfig, Mount, MountKind, MountPoint};
use crate::docker::daemon::{Daemon, Env};
use crate::machine;
use crate::posix::{Entry, FileSystem as _, normal};

/// Where local volumes live.
pub(crate) fn volume_path(name: &str) -> String {
    format!("/var/lib/docker/volumes/{name}/_data")
}

/// One mount to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) point: MountPoint,
    /// Created for this container without a name.
    pub(crate) anonymous: bool,
    pub(crate) no_copy: bool,
    pub(crate) subpath: String,
    /// Create a missing bind source.
    pub(crate) create_source: bool,
    /// Labels and options of a volume that is made for it.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) options: BTreeMap<String, String>,
}

fn blank(kind: MountKind, target: &str) -> Planned {
    Planned {
        point: MountPoint {
            kind,
            name: String::new(),
            source: String::new(),
            destination: clean(target),
            driver: if kind == MountKind::Volume { "local".into() } else { String::new() },
            mode: String::new(),
            rw: true,
            propagation: if kind == MountKind::Bind { "rprivate".into() } else { String::new() },
        },
        anonymous: false,
        no_copy: false,
        subpath: String::new(),
        create_source: false,
        labels: BTreeMap::new(),
        options: BTreeMap::new(),
    }
}

/// `path.Clean` of an absolute path.
fn clean(path: &str) -> String {
    normal("/", path)
}

/// Read `source:target[:mode]` or `target` (`ParseMountRaw`).
pub(crate) fn parse_bind(raw: &str) -> Result<Planned, String> {
    let bad = || format!("invalid volume specification: '{raw}'");
    let parts: Vec<&str> = raw.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [target] if !target.is_empty() => ("", *target, ""),
        [target, mode] if is_mode(mode) && !target.is_empty() => ("", *target, *mode),
        [source, target] if !source.is_empty() && !target.is_empty() => (*source, *target, ""),
        [source, target, mode] if !source.is_empty() && !target.is_empty() => {
            (*source, *target, *mode)
        }
        _ => return Err(bad()),
    };
    if !mode.is_empty() && !is_mode(mode) {
        return Err(format!("invalid mode: {mode}"));
    }
    let kind = if source.starts_with('/') { MountKind::Bind } else { MountKind::Volume };
    let wrong = |why: String| {
        let kind = kind.as_str();
        format!("{}: invalid mount config for type \"{kind}\": {why}", bad())
    };
    if !target.starts_with('/') {
        return Err(wrong(format!("invalid mount path: '{target}' mount path must be absolute")));
    }
    if clean(target) == "/" {
        return Err(wrong("invalid specification: destination can't be '/'".to_owned()));
    }
    let mut planned = blank(kind, target);
    planned.create_source = true;
    planned.anonymous = source.is_empty();
    mode.clone_into(&mut planned.point.mode);
    for option in mode.split(',') {
        match option {
            "ro" => planned.point.rw = false,
            "nocopy" => planned.no_copy = true,
            "shared" | "rshared" | "slave" | "rslave" | "private" | "rprivate" => {
                option.clone_into(&mut planned.point.propagation);
            }
            _ => {}
        }
    }
    if kind == MountKind::Bind {
        planned.point.source = clean(source);
    } else {
        source.clone_into(&mut planned.point.name);
        if mode.is_empty() && !source.is_empty() {
            // `setBindModeIfNull`.
            "z".clone_into(&mut planned.point.mode);
        }
    }
    Ok(planned)
}

fn is_mode(text: &str) -> bool {
    const MODES: [&str; 14] = [
        "ro",
        "rw",
        "z",
        "Z",
        "nocopy",
        "shared",
        "rshared",
        "slave",
        "rslave",
        "private",
        "rprivate",
        "consistent",
        "cached",
        "delegated",
    ];
    text.split(',').all(|word| MODES.contains(&word))
}

/// A mount of `--mount` or of Compose (`ParseMountSpec`).
fn parse_mount(mount: &Mount) -> Result<Planned, String> {
    let kind = mount.kind;
    let wrong = |why: String| format!("invalid mount config for type \"{}\": {why}", kind.as_str());
    if mount.target.is_empty() {
        return Err(wrong("field Target must not be empty".to_owned()));
    }
    if !mount.target.starts_with('/') {
        let target = &mount.target;
        return Err(wrong(format!("invalid mount path: '{target}' mount path must be absolute")));
    }
    if clean(&mount.target) == "/" {
        return Err(wrong("invalid specification: destination can't be '/'".to_owned()));
    }
    let mut planned = blank(kind, &mount.target);
    planned.point.rw = !mount.read_only;
    match kind {
        MountKind::Bind => {
            if mount.source.is_empty() {
                return Err(wrong("field Source must not be empty".to_owned()));
            }
            if !mount.source.starts_with('/') {
                let source = &mount.source;
                return Err(wrong(format!(
                    "invalid mount path: '{source}' mount path must be absolute"
                )));
            }
            planned.point.source = clean(&mount.source);
            planned.create_source = mount.create_source;
            if !mount.propagation.is_empty() {
                planned.point.propagation.clone_from(&mount.propagation);
            }
        }
        MountKind::Volume => {
            planned.anonymous = mount.source.is_empty();
            planned.point.name.clone_from(&mount.source);
            "z".clone_into(&mut planned.point.mode);
            planned.no_copy = mount.no_copy;
            planned.subpath.clone_from(&mount.subpath);
            planned.labels.clone_from(&mount.labels);
            planned.options.clone_from(&mount.driver_opts);
        }
        MountKind::Tmpfs if !mount.source.is_empty() => {
            return Err(wrong("field Source must not be specified".to_owned()));
        }
        MountKind::Tmpfs | MountKind::Image => {
            planned.point.source.clone_from(&mount.source);
        }
    }
    Ok(planned)
}

/// What is wrong with `--tmpfs target:options` (`mount.MergeTmpfsOptions`).
fn tmpfs_problem(target: &str, options: &str) -> Result<(), String> {
    const FLAGS: &str = "async atime bind defaults dev diratime dirsync exec mand noatime nodev \
        nodiratime noexec nomand norelatime nostrictatime nosuid private rbind relatime remount ro \
        rprivate rshared rslave runbindable rw shared slave strictatime suid sync unbindable";
    const VALUES: [&str; 7] = ["gid", "mode", "mpol", "nr_blocks", "nr_inodes", "size", "uid"];
    if !target.starts_with('/') {
        return Err(format!("invalid mount path: '{target}' mount path must be absolute"));
    }
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let known = match option.split_once('=') {
            Some((name, _)) => VALUES.contains(&name),
            None => FLAGS.split_whitespace().any(|flag| flag == option),
        };
        if !known {
            return Err(format!("invalid tmpfs option {option:?}"));
        }
    }
    Ok(())
}

impl Daemon {
    /// Mounts in long form are checked before anything is made (`ValidateMountConfig`).
    pub(crate) fn verify_mounts(
        &self,
        mounts: &[Mount],
        env: &mut Env<'_, '_>,
    ) -> Result<(), ApiError> {
        for mount in mounts {
            let planned = parse_mount(mount).map_err(ApiError::bad)?;
            if planned.point.kind != MountKind::Bind || planned.create_source {
                continue;
            }
            let path = &planned.point.source;
            let files = env.machines.host_files(&self.host);
            if files.is_some_and(|files| files.stat(path).is_err()) {
                return Err(ApiError::bad(format!(
                    "invalid mount config for type \"bind\": bind source path does not exist: {path}"
                )));
            }
        }
        Ok(())
    }

    /// All mounts of a container to be, in order of their targets.
    pub(crate) fn plan_mounts(
        &self,
        config: &CreateConfig,
        image_volumes: &[String],
    ) -> Result<Vec<Planned>, ApiError> {
        let mut all: BTreeMap<String, Planned> = BTreeMap::new();
        for from in &config.host.volumes_from {
            let (name, mode) = from.split_once(':').unwrap_or((from, "rw"));
            if !is_mode(mode) {
                return Err(ApiError::bad(format!("invalid mode: {mode}")));
            }
            let id = self.find(name)?;
            for point in self.containers.get(&id).map(|c| c.mounts.clone()).unwrap_or_default() {
                let mut planned = blank(point.kind, &point.destination);
                planned.point = point;
                planned.point.mode = String::new();
                if mode == "ro" {
                    planned.point.rw = false;
                }
                all.insert(planned.point.destination.clone(), planned);
            }
        }
        let mut own: BTreeMap<String, Planned> = BTreeMap::new();
        let binds = config.host.binds.iter().map(|raw| parse_bind(raw));
        let mounts = config.host.mounts.iter().map(parse_mount);
        for planned in binds.chain(mounts) {
            let planned = planned.map_err(ApiError::bad)?;
            let target = planned.point.destination.clone();
            // The very same `-v` twice is one mount to the client.
            let again = own.insert(target.clone(), planned.clone());
            if again.is_some_and(|before| before != planned) {
                return Err(ApiError::bad(format!("Duplicate mount point: {target}")));
            }
        }
        for (target, options) in &config.host.tmpfs {
            tmpfs_problem(target, options).map_err(ApiError::bad)?;
            let planned = blank(MountKind::Tmpfs, target);
            own.insert(planned.point.destination.clone(), planned);
        }
        all.append(&mut own);
        for target in config.config.volumes.iter().chain(image_volumes) {
            let mut planned = blank(MountKind::Volume, target);
            planned.anonymous = true;
            all.entry(planned.point.destination.clone()).or_insert(planned);
        }
        Ok(all.into_values().collect())
    }

    /// Make what the mounts need; the names of new anonymous volumes come back.
    pub(crate) fn prepare_mounts(
        &mut self,
        plan: &mut [Planned],
        env: &mut Env<'_, '_>,
    ) -> Result<Vec<String>, ApiError> {
        for planned in plan.iter().filter(|p| p.point.kind == MountKind::Bind) {
            let path = &planned.point.source;
            let Some(files) = env.machines.host_files(&self.host) else { continue };
            if files.stat(path).is_ok() {
                continue;
            }
            files.put(path, Entry::Directory { mode: 0o755 });
        }
        for planned in plan.iter().filter(|p| p.point.kind == MountKind::Volume && !p.anonymous) {
            crate::docker::volumes::check_name(&planned.point.name)?;
        }
        let mut anonymous = Vec::new();
        for planned in plan.iter_mut().filter(|p| p.point.kind == MountKind::Volume) {
            if planned.anonymous && planned.point.name.is_empty() {
                planned.point.name = env.fresh_id("volume-id");
                anonymous.push(planned.point.name.clone());
            }
            let name = planned.point.name.clone();
            self.ensure_volume(&name, planned.anonymous, &planned.labels, &planned.options, env);
            planned.point.source = volume_path(&name);
        }
        Ok(anonymous)
    }
}

/// The runtime's view of a mount.
pub(crate) fn to_machine(planned: &Planned) -> machine::Mount {
    let point = &planned.point;
    let source = match point.kind {
        MountKind::Bind => machine::MountSource::Bind(point.source.clone()),
        MountKind::Volume => machine::MountSource::Volume {
            name: point.name.as_str().into(),
            subpath: planned.subpath.clone(),
            no_copy: planned.no_copy,
        },
        MountKind::Tmpfs | MountKind::Image => machine::MountSource::Tmpfs,
    };
    machine::Mount { target: point.destination.clone(), source, read_only: !point.rw }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications() {
        for (raw, expected) in [
            ("data:/data", Ok((MountKind::Volume, "data", "", "/data", true))),
            ("/host:/d:ro", Ok((MountKind::Bind, "", "/host", "/d", false))),
            ("/d", Ok((MountKind::Volume, "", "", "/d", true))),
            ("d:e:f:g", Err("invalid volume specification: 'd:e:f:g'")),
            (
                "vol1:relative",
                Err(
                    "invalid volume specification: 'vol1:relative': invalid mount config for type \
                     \"volume\": invalid mount path: 'relative' mount path must be absolute",
                ),
            ),
            ("/a:/b:bad", Err("invalid mode: bad")),
        ] {
            let got = parse_bind(raw);
            let got = got.as_ref().map(|p| {
                let p = &p.point;
                (p.kind, p.name.as_str(), p.source.as_str(), p.destination.as_str(), p.rw)
            });
            assert_eq!(got.map_err(String::as_str), expected, "{raw}");
        }
        assert_eq!(clean("/a/./b/../c//"), "/a/c");
    }
}
