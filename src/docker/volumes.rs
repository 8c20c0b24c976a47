//! Volumes (moby `daemon/volume`).

use std::collections::BTreeMap;

use crate::docker::api::{ApiError, Filters, PruneReport, Reply, VolumeConfig, VolumeInspect};
use crate::docker::daemon::{Daemon, Env, Volume};
use crate::docker::list::{boolean_filter, known_filters, label_matches, prune_matches};
use crate::docker::mounts::volume_path;

/// Whether a name may be given to a volume.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = chars.as_str();
    if name.len() == 1 {
        return Err(ApiError::bad(format!(
            "create {name}: volume name is too short, names should be at least two alphanumeric \
             characters"
        )));
    }
    if first && rest.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        return Ok(());
    }
    Err(ApiError::bad(format!(
        "create {name}: \"{name}\" includes invalid characters for a local volume name, only \
         \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use \
         absolute path"
    )))
}

impl Daemon {
    /// Make a volume unless it exists.
    pub(crate) fn ensure_volume(
        &mut self,
        name: &str,
        anonymous: bool,
        labels: &BTreeMap<String, String>,
        options: &BTreeMap<String, String>,
        env: &mut Env<'_, '_>,
    ) {
        if self.volumes.contains_key(name) {
            return;
        }
        let some = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
        let mut own_labels = some(labels);
        if anonymous {
            own_labels
                .get_or_insert_with(BTreeMap::new)
                .insert("com.docker.volume.anonymous".into(), String::new());
        }
        let now = env.now();
        let volume = Volume { created: now, labels: own_labels, options: some(options), anonymous };
        self.volumes.insert(name.to_owned(), volume);
        env.machines.create_volume(&self.host, name, false, now);
        self.volume_event(name, "create", &[], env);
    }

    /// Remove a volume that nothing uses.
    pub(crate) fn drop_volume(&mut self, name: &str, env: &mut Env<'_, '_>) -> u64 {
        let bytes = self.volume_bytes(name, env);
        env.machines.remove_volume(&self.host, name);
        self.volumes.remove(name);
        self.volume_event(name, "destroy", &[], env);
        bytes
    }

    /// Bytes in a volume.
    pub(crate) fn volume_bytes(&self, name: &str, env: &Env<'_, '_>) -> u64 {
        env.machines.volume(&self.host, name).map_or(0, |v| v.files.used_below("/"))
    }

    /// Ids of containers that mount a volume.
    pub(crate) fn volume_users(&self, name: &str) -> Vec<String> {
        let uses =
            |c: &&crate::docker::container::Container| c.mounts.iter().any(|m| m.name == name);
        self.containers.values().filter(uses).map(|c| c.id.clone()).collect()
    }

    /// Serve `POST /volumes/create`.
    pub(crate) fn volume_create(
        &mut self,
        config: &VolumeConfig,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let anonymous = config.name.is_empty();
        let name = if anonymous { env.fresh_id("volume-id") } else { config.name.clone() };
        check_name(&name)?;
        if !matches!(config.driver.as_str(), "" | "local") {
            let driver = &config.driver;
            return Err(ApiError::not_found(format!(
                "create {name}: error looking up volume plugin {driver}: plugin \"{driver}\" not \
                 found"
            )));
        }
        const OPTIONS: [&str; 4] = ["device", "o", "size", "type"];
        if let Some(option) =
            config.driver_opts.keys().find(|option| !OPTIONS.contains(&option.as_str()))
        {
            return Err(ApiError::bad(format!("create {name}: invalid option: {option:?}")));
        }
        self.ensure_volume(&name, anonymous, &config.labels, &config.driver_opts, env);
        self.volume_inspect(&name)
    }

    /// Serve `GET /volumes/{name}`.
    pub(crate) fn volume_inspect(&self, name: &str) -> Result<Reply, ApiError> {
        match self.volumes.get(name) {
            Some(volume) => Ok(Reply::Volume(Box::new(view(name, volume)))),
            None => Err(ApiError::not_found(format!("get {name}: no such volume"))),
        }
    }

    /// Serve `GET /volumes`.
    pub(crate) fn volume_list(&self, filters: &Filters) -> Result<Vec<VolumeInspect>, ApiError> {
        known_filters(filters, &["dangling", "driver", "label", "name"])?;
        boolean_filter(filters, "dangling")?;
        let matches = |name: &str, volume: &Volume| {
            filters.iter().all(|(key, values)| {
                values.iter().any(|value| match key.as_str() {
                    "name" => name.contains(value.as_str()),
                    "driver" => value == "local",
                    "label" => label_matches(&volume.labels.clone().unwrap_or_default(), value),
                    "dangling" => {
                        let wanted = value == "true" || value == "1";
                        wanted == self.volume_users(name).is_empty()
                    }
                    _ => false,
                })
            })
        };
        let hits = self.volumes.iter().filter(|(n, v)| matches(n, v));
        Ok(hits.map(|(n, v)| view(n, v)).collect())
    }

    /// Serve `DELETE /volumes/{name}`.
    pub(crate) fn volume_remove(
        &mut self,
        name: &str,
        force: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        if !self.volumes.contains_key(name) {
            if force {
                return Ok(Reply::Done);
            }
            return Err(ApiError::not_found(format!("get {name}: no such volume")));
        }
        let users = self.volume_users(name);
        if !users.is_empty() {
            return Err(ApiError::conflict(format!(
                "remove {name}: volume is in use - [{}]",
                users.join(", ")
            )));
        }
        self.drop_volume(name, env);
        Ok(Reply::Done)
    }

    /// Serve `POST /volumes/prune`.
    pub(crate) fn volumes_prune(
        &mut self,
        filters: &Filters,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        known_filters(filters, &["all", "label", "label!"])?;
        let all = filters.get("all").is_some_and(|v| v.iter().any(|v| v == "true" || v == "1"));
        let mut rest = filters.clone();
        rest.remove("all");
        let now = env.now();
        let unused: Vec<String> = self
            .volumes
            .iter()
            // A volume with options of its driver is a mount that somebody set up: it stays.
            .filter(|(_, v)| (all || v.anonymous) && v.options.is_none())
            .filter(|(name, _)| self.volume_users(name).is_empty())
            .filter(|(_, v)| {
                prune_matches(&v.labels.clone().unwrap_or_default(), v.created, &rest, now)
            })
            .map(|(name, _)| name.clone())
            .collect();
        let reclaimed = unused.iter().map(|name| self.drop_volume(name, env)).sum();
        self.prune_event("volume", reclaimed, env);
        Ok(Reply::Pruned(PruneReport { deleted: unused, reclaimed }))
    }
}

/// A volume as the API shows it.
pub(crate) fn view(name: &str, volume: &Volume) -> VolumeInspect {
    VolumeInspect {
        name: name.to_owned(),
        driver: "local".into(),
        mountpoint: volume_path(name),
        created: volume.created,
        labels: volume.labels.clone(),
        options: volume.options.clone(),
        scope: "local".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(check_name("data_1").is_ok());
        assert!(check_name("rel/x").unwrap_err().message.starts_with("create rel/x: \"rel/x\""));
        assert!(check_name("a").unwrap_err().message.contains("too short"));
    }
}
