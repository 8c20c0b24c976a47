//! Values of `docker run` that are small languages: `--mount` and `--ulimit` (docker/cli `opts`).

use crate::docker::api::{Mount, MountKind, Ulimit};

/// `type=bind,src=/a,dst=/b,ro`.
pub(crate) fn mount(text: &str) -> Result<Mount, String> {
    let wrong = |why: String| format!("invalid argument {text:?} for \"--mount\" flag: {why}");
    if text.trim().is_empty() {
        return Err(wrong("EOF".to_owned()));
    }
    let truth = |key: &str, value: &str| match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(wrong(format!("invalid value for {key}: {value}"))),
    };
    let mut families: Vec<&str> = Vec::new();
    let mut mount = Mount::default();
    for field in text.split(',') {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.to_lowercase(), value),
            None => match field.to_lowercase().as_str() {
                key @ ("readonly" | "ro" | "volume-nocopy") => (key.to_owned(), "true"),
                _ => {
                    return Err(wrong(format!("invalid field '{field}' must be a key=value pair")));
                }
            },
        };
        let family = key.split_once('-').map(|(family, _)| family);
        if let Some(family) =
            ["volume", "bind", "image", "tmpfs"].into_iter().find(|f| family == Some(f))
        {
            families.push(family);
        }
        match key.as_str() {
            "type" => {
                mount.kind = match value.to_lowercase().as_str() {
                    "bind" => MountKind::Bind,
                    "tmpfs" => MountKind::Tmpfs,
                    "image" => MountKind::Image,
                    "volume" => MountKind::Volume,
                    // The client sends any type; the daemon refuses it.
                    _ => {
                        return Err(format!(
                            "Error response from daemon: invalid mount config for type \
                             \"{value}\": mount type unknown"
                        ));
                    }
                };
            }
            "source" | "src" => {
                value.clone_into(&mut mount.source);
            }
            "target" | "dst" | "destination" => value.clone_into(&mut mount.target),
            "readonly" | "ro" => mount.read_only = truth(&key, value)?,
            "bind-propagation" => value.clone_into(&mut mount.propagation),
            "volume-nocopy" => mount.no_copy = truth(&key, value)?,
            "volume-subpath" => value.clone_into(&mut mount.subpath),
            "volume-driver" => value.clone_into(&mut mount.driver),
            "volume-label" => {
                let (k, v) = value.split_once('=').unwrap_or((value, ""));
                mount.labels.insert(k.to_owned(), v.to_owned());
            }
            "volume-opt" => {
                let (k, v) = value.split_once('=').unwrap_or((value, ""));
                mount.driver_opts.insert(k.to_owned(), v.to_owned());
            }
            "tmpfs-size" => {
                mount.tmpfs_size = crate::docker::ram_in_bytes(value)
                    .map_err(|_| wrong(format!("invalid value for {key}: {value}")))?;
            }
            "tmpfs-mode" => {
                mount.tmpfs_mode = u32::from_str_radix(value, 8)
                    .map_err(|_| wrong(format!("invalid value for {key}: {value}")))?;
            }
            _ => return Err(wrong(format!("unexpected key '{key}' in '{field}'"))),
        }
    }
    check_mount(&mount, &families).map_err(wrong)?;
    Ok(mount)
}

/// What the parts of a mount together cannot be.
fn check_mount(mount: &Mount, families: &[&str]) -> Result<(), String> {
    if mount.target.is_empty() {
        return Err("target is required".to_owned());
    }
    let kind = mount.kind.as_str();
    match families.iter().find(|family| **family != kind) {
        Some(family) => Err(format!("cannot mix '{family}-*' options with mount type '{kind}'")),
        None => Ok(()),
    }
}

/// `nofile=64:128`.
pub(crate) fn ulimit(text: &str) -> Result<Ulimit, String> {
    const KNOWN: [&str; 15] = [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ];
    let wrong = |why: String| format!("invalid argument {text:?} for \"--ulimit\" flag: {why}");
    let syntax = || wrong(format!("invalid ulimit argument: {text}"));
    let (name, value) = text.split_once('=').ok_or_else(syntax)?;
    if !KNOWN.contains(&name) {
        return Err(wrong(format!("invalid ulimit type: {name}")));
    }
    let (soft, hard) = value.split_once(':').unwrap_or((value, value));
    let soft = soft.parse().map_err(|_| syntax())?;
    let hard = hard.parse().map_err(|_| syntax())?;
    if soft > hard && hard != -1 {
        return Err(wrong(format!(
            "ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        )));
    }
    Ok(Ulimit { name: name.to_owned(), soft, hard })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts() {
        let m = mount("type=bind,src=/a,dst=/b,readonly").unwrap();
        assert_eq!((m.kind, m.source.as_str(), m.read_only), (MountKind::Bind, "/a", true));
        assert!(mount("type=bind,src=/a").unwrap_err().ends_with("target is required"));
        assert!(ulimit("nofile=1:2").is_ok());
        assert!(ulimit("x").unwrap_err().ends_with("invalid ulimit argument: x"));
        assert!(ulimit("x=1").unwrap_err().ends_with("invalid ulimit type: x"));
    }
}
