//! Networks of a host and the places of containers in them (moby `daemon/network.go`,
//! `daemon/container_operations.go`). Addresses and pools belong to the fabric.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::docker::api::{
    ApiError, EndpointConfig, Filters, IpamPool, NetworkConfig, NetworkInspect, NetworkMember,
    PruneReport, Reply,
};
use crate::docker::container::Endpoint;
use crate::docker::daemon::{Daemon, Env, Network};
use crate::docker::list::known_filters;
use crate::docker::names;
use crate::net::Cidr;
use crate::net::fabric::{Driver, NetError, NetworkSpec};

/// What is wrong with the wish of a container for a network, at create.
pub(crate) fn endpoint_problem(network: &Network, wish: &EndpointConfig) -> Option<String> {
    let name = network.config.name.as_str();
    let user_defined = !matches!(name, "bridge" | "host" | "none");
    if !user_defined && !wish.aliases.is_empty() {
        return Some("network-scoped aliases are only supported for user-defined networks".into());
    }
    let wanted = &wish.ipv4_address;
    if wanted.is_empty() {
        return None;
    }
    let mut problems = Vec::new();
    let address: Option<Ipv4Addr> = wanted.parse().ok();
    if address.is_none() {
        problems.push(format!("invalid IPv4 address: {wanted}"));
    }
    if !user_defined {
        let only = "user specified IP address is supported on user defined networks only";
        problems.push(only.to_owned());
    } else if !network.user_subnet {
        return Some(
            "user specified IP address is supported only when connecting to networks with user \
             configured subnets"
                .into(),
        );
    }
    let inside = address.zip(network.info).is_some_and(|(ip, info)| info.subnet.contains(ip));
    if !inside {
        problems.push(format!("no configured subnet or ip-range contain the IP address {wanted}"));
    }
    // Several problems are a list.
    match problems.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        all => Some(all.iter().map(|p| format!("* {p}")).collect::<Vec<_>>().join("\n")),
    }
}

/// A random locally administered unicast address, as the bridge driver makes since 28.
fn mac_address(env: &mut Env<'_, '_>) -> String {
    let host = env.host.clone();
    let hex = env.cx.stream("mac", host.as_str()).hex(12);
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap_or("00"), 16).unwrap_or(0);
    let first = byte(0) & 0xfe | 0x02;
    let rest: Vec<String> = (1..6).map(|n| format!("{:02x}", byte(n * 2))).collect();
    format!("{first:02x}:{}", rest.join(":"))
}

impl Daemon {
    /// `bridge`, `host` and `none`.
    pub(crate) fn default_networks(&mut self, env: &mut Env<'_, '_>) {
        let option =
            |key: &str, value: &str| (format!("com.docker.network.{key}"), value.to_owned());
        let bridge = NetworkConfig {
            name: "bridge".into(),
            driver: "bridge".into(),
            options: BTreeMap::from([
                option("bridge.default_bridge", "true"),
                option("bridge.enable_icc", "true"),
                option("bridge.enable_ip_masquerade", "true"),
                option("bridge.host_binding_ipv4", "0.0.0.0"),
                option("bridge.name", "docker0"),
                option("driver.mtu", "1500"),
            ]),
            pools: vec![IpamPool { subnet: "172.17.0.0/16".into(), ..IpamPool::default() }],
            ..NetworkConfig::default()
        };
        let plain = |name: &str, driver: &str| NetworkConfig {
            name: name.into(),
            driver: driver.into(),
            ..NetworkConfig::default()
        };
        for config in [bridge, plain("host", "host"), plain("none", "null")] {
            let _ = self.make_network(config, env);
        }
    }

    /// A network by name, id or unique prefix of the id.
    pub(crate) fn find_network(&self, text: &str) -> Option<&Network> {
        if text.is_empty() {
            return None;
        }
        if let Some(network) = self.networks.get(text) {
            return Some(network);
        }
        if let Some(network) = self.networks.values().find(|n| n.config.name == text) {
            return Some(network);
        }
        let mut hits = self.networks.values().filter(|n| n.id.starts_with(text));
        match (hits.next(), hits.next()) {
            (Some(hit), None) => Some(hit),
            _ => None,
        }
    }

    /// The name of a network, or the text itself if there is none.
    pub(crate) fn network_name(&self, text: &str) -> String {
        self.find_network(text).map_or_else(|| text.to_owned(), |n| n.config.name.clone())
    }

    fn network_or_error(&self, text: &str) -> Result<&Network, ApiError> {
        self.find_network(text)
            .ok_or_else(|| ApiError::not_found(format!("network {text} not found")))
    }

    fn make_network(
        &mut self,
        mut config: NetworkConfig,
        env: &mut Env<'_, '_>,
    ) -> Result<String, ApiError> {
        if config.driver.is_empty() {
            "bridge".clone_into(&mut config.driver);
        }
        let id = env.fresh_id("network-id");
        let mut info = None;
        let user_subnet = config.pools.iter().any(|p| !p.subnet.is_empty());
        if config.driver == "bridge" {
            // Addresses of version 6 are noted, and nobody is reached by them.
            let (six, four): (Vec<IpamPool>, Vec<IpamPool>) =
                config.pools.drain(..).partition(|pool| pool.subnet.contains(':'));
            config.pools = four;
            let pool = config.pools.first().cloned().unwrap_or_default();
            let spec = NetworkSpec {
                id: id.as_str().into(),
                host: self.host.0.clone(),
                driver: Driver::Bridge,
                subnet: cidr(&pool.subnet)?,
                ip_range: cidr(&pool.ip_range)?,
                gateway: pool.gateway.parse().ok(),
                internal: config.internal,
                dns: config.name != "bridge",
            };
            let got = env.fabric.create_network(spec).map_err(|e| match e {
                NetError::Overlap => ApiError::new(403, format!("invalid pool request: {e}")),
                e @ (NetError::Exhausted
                | NetError::AddressInUse
                | NetError::OutOfRange(_)
                | NetError::NoAddress
                | NetError::NoNetwork(_)
                | NetError::BadGateway(_)
                | NetError::PortTaken(..)
                | NetError::PortInUse(..)
                | NetError::HasEndpoints) => ApiError::new(400, e.to_string()),
            })?;
            if pool.subnet.is_empty() {
                config.pools = vec![IpamPool {
                    subnet: got.subnet.to_string(),
                    gateway: got.gateway.to_string(),
                    ..pool
                }];
            } else if let Some(pool) = config.pools.first_mut()
                && (pool.gateway.is_empty() || config.name == "bridge")
            {
                pool.gateway = got.gateway.to_string();
            }
            info = Some(got);
            config.pools.extend(six);
        }
        let created = env.now();
        let network = Network { id: id.clone(), created, config, info, user_subnet };
        self.networks.insert(id.clone(), network);
        Ok(id)
    }

    /// Serve `POST /networks/create`.
    pub(crate) fn network_create(
        &mut self,
        config: NetworkConfig,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let name = config.name.clone();
        if name.trim().is_empty() {
            return Err(ApiError::bad("invalid name: name is empty"));
        }
        check_pools(&config.pools)?;
        if matches!(name.as_str(), "host" | "none" | "bridge" | "default" | "container") {
            return Err(ApiError::new(
                403,
                format!("operation is not permitted on predefined {name} network "),
            ));
        }
        if self.networks.values().any(|n| n.config.name == name) {
            return Err(ApiError::conflict(format!("network with name {name} already exists")));
        }
        match config.driver.as_str() {
            "" | "bridge" | "macvlan" | "ipvlan" => {}
            "host" => {
                return Err(ApiError::new(403, "only one instance of \"host\" network is allowed"));
            }
            "null" => {
                return Err(ApiError::new(403, "only one instance of \"null\" network is allowed"));
            }
            "overlay" => {
                return Err(ApiError::new(
                    503,
                    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm \
                     join\" to connect this node to swarm and try again.",
                ));
            }
            other => {
                return Err(ApiError::not_found(format!("plugin \"{other}\" not found")));
            }
        }
        let id = self.make_network(config, env)?;
        self.network_event(&id, "create", None, env);
        Ok(Reply::Created { id, warnings: Vec::new() })
    }

    /// Serve `DELETE /networks/{id}`.
    pub(crate) fn network_remove(
        &mut self,
        text: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let network = self.network_or_error(text)?;
        let (id, name) = (network.id.clone(), network.config.name.clone());
        if matches!(name.as_str(), "bridge" | "host" | "none") {
            return Err(ApiError::new(
                403,
                format!("{name} is a pre-defined network and cannot be removed"),
            ));
        }
        let members: Vec<String> = self
            .containers
            .values()
            .filter_map(|c| {
                let endpoint = c.endpoints.get(&name).filter(|e| !e.id.is_empty())?;
                let id = names::short(&endpoint.id);
                Some(format!("name:\"{}\" id:\"{id}\"", c.name))
            })
            .collect();
        if !members.is_empty() {
            return Err(ApiError::new(
                403,
                format!(
                    "error while removing network: network {name} has active endpoints ({})",
                    members.join(", ")
                ),
            ));
        }
        self.drop_network(&id, env);
        Ok(Reply::Done)
    }

    fn drop_network(&mut self, id: &str, env: &mut Env<'_, '_>) {
        let _ = env.fabric.remove_network(id);
        self.network_event(id, "destroy", None, env);
        self.networks.remove(id);
    }

    /// Connect a running container to one of its networks; the event comes later.
    pub(crate) fn attach_endpoint(
        &mut self,
        id: &str,
        name: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<(), String> {
        let Some(network) = self.find_network(name) else {
            // A network that was there when the container was made is looked up by its id.
            let known = self.containers.get(id).and_then(|c| c.endpoints.get(name));
            let known = known.map(|e| e.network_id.as_str()).filter(|id| !id.is_empty());
            return Err(format!("network {} not found", known.unwrap_or(name)));
        };
        let (network_id, info) = (network.id.clone(), network.info);
        let driver = network.config.driver.clone();
        let place = env.place(id);
        let Some(c) = self.containers.get(id) else { return Ok(()) };
        let wish = c.endpoints.get(name).map(|e| e.config.clone()).unwrap_or_default();
        let names = dns_names(&c.name, id, &wish.aliases, name);
        let mut endpoint =
            Endpoint { config: wish, network_id: network_id.clone(), ..Endpoint::default() };
        endpoint.id = env.fresh_id("endpoint-id");
        if driver == "host" {
            env.fabric.join_host(&place);
        } else if let Some(info) = info {
            let ip = endpoint.config.ipv4_address.parse().ok();
            let names: Vec<Arc<str>> = names.iter().map(|n| n.as_str().into()).collect();
            let got = env.fabric.attach(&network_id, &place, ip, &names);
            let got = got.map_err(|e| match e {
                NetError::NoAddress => format!("{e}: {name} ({network_id})"),
                e @ (NetError::Exhausted
                | NetError::Overlap
                | NetError::AddressInUse
                | NetError::OutOfRange(_)
                | NetError::NoNetwork(_)
                | NetError::BadGateway(_)
                | NetError::PortTaken(..)
                | NetError::PortInUse(..)
                | NetError::HasEndpoints) => e.to_string(),
            })?;
            endpoint.ip = Some(got);
            endpoint.gateway = Some(info.gateway);
            endpoint.prefix_len = info.subnet.bits;
            endpoint.mac = if endpoint.config.mac_address.is_empty() {
                mac_address(env)
            } else {
                endpoint.config.mac_address.clone()
            };
        }
        if let Some(c) = self.containers.get_mut(id) {
            c.endpoints.insert(name.to_owned(), endpoint);
        }
        Ok(())
    }

    /// Take a container out of a network; the event is sent if the network is known.
    pub(crate) fn detach_endpoint(&mut self, id: &str, name: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get_mut(id) else { return };
        let Some(endpoint) = c.endpoints.get_mut(name) else { return };
        let network_id = endpoint.network_id.clone();
        endpoint.clear();
        let place = env.place(id);
        if self.networks.contains_key(&network_id) {
            env.fabric.detach(&network_id, &place);
            self.network_event(&network_id, "disconnect", Some(id), env);
        }
    }

    /// Serve `POST /networks/{id}/connect`.
    pub(crate) fn network_connect(
        &mut self,
        text: &str,
        container: &str,
        config: EndpointConfig,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(container)?;
        let network = self.network_or_error(text)?;
        let (network_id, name) = (network.id.clone(), network.config.name.clone());
        let problem = endpoint_problem(network, &config);
        if let Some(problem) = problem {
            return Err(ApiError::bad(format!("invalid endpoint settings:\n{problem}")));
        }
        let mode = self.containers.get(&id).map_or("", |c| c.host.network_mode.as_str());
        let lives = self.find_network(mode).is_some();
        let Some(c) = self.containers.get_mut(&id) else { return Ok(Reply::Done) };
        let mode = c.host.network_mode.as_str();
        if name == "host" || mode == "host" {
            let what = if name == "host" {
                "cannot connect container to host network - container must be created in host \
                 network mode"
            } else {
                "container sharing network namespace with another container or host cannot be \
                 connected to any other network"
            };
            return Err(ApiError::new(403, what));
        }
        if name == "none" || c.endpoints.contains_key("none") {
            return Err(ApiError::new(
                403,
                "container cannot be connected to multiple networks with one of the networks in \
                 private (none) mode",
            ));
        }
        let lost = !mode.starts_with("container:") && !lives;
        if lost {
            return Err(ApiError::internal(format!(
                "could not find a network matching network mode {mode}: network {mode} not found"
            )));
        }
        if c.endpoints.get(&name).is_some_and(|e| !e.id.is_empty() || !c.running) {
            let c_name = &c.name;
            return Err(ApiError::new(
                403,
                format!("endpoint with name {c_name} already exists in network {name}"),
            ));
        }
        let endpoint = Endpoint { config, network_id: network_id.clone(), ..Endpoint::default() };
        c.endpoints.insert(name.clone(), endpoint);
        if c.is_live() {
            if let Err(error) = self.attach_endpoint(&id, &name, env) {
                if let Some(c) = self.containers.get_mut(&id) {
                    c.endpoints.remove(&name);
                }
                return Err(ApiError::internal(error));
            }
            self.network_event(&network_id, "connect", Some(&id), env);
            self.write_hosts(&id, env);
        }
        Ok(Reply::Done)
    }

    /// Serve `POST /networks/{id}/disconnect`.
    pub(crate) fn network_disconnect(
        &mut self,
        text: &str,
        container: &str,
        force: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(container)?;
        // By force even from a network that is no more.
        let name = match self.network_or_error(text) {
            Err(_) if force => text.to_owned(),
            found => found?.config.name.clone(),
        };
        let Some(c) = self.containers.get_mut(&id) else { return Ok(Reply::Done) };
        if c.host.network_mode == "host" && name == "host" {
            return Err(ApiError::new(403, "container cannot be disconnected from host network"));
        }
        if !c.endpoints.contains_key(&name) {
            let the = if c.running { "" } else { "the " };
            let why = format!("container {id} is not connected to {the}network {name}");
            return Err(ApiError::new(403, why));
        }
        if c.is_live() {
            self.detach_endpoint(&id, &name, env);
        }
        if let Some(c) = self.containers.get_mut(&id) {
            c.endpoints.remove(&name);
        }
        self.write_hosts(&id, env);
        Ok(Reply::Done)
    }

    /// Serve `GET /networks`.
    pub(crate) fn network_list(&self, filters: &Filters) -> Result<Vec<NetworkInspect>, ApiError> {
        const KNOWN: [&str; 7] = ["dangling", "driver", "id", "label", "name", "scope", "type"];
        known_filters(filters, &KNOWN)?;
        let mut all: Vec<&Network> =
            self.networks.values().filter(|n| self.network_matches(n, filters)).collect();
        all.sort_by(|a, b| a.config.name.cmp(&b.config.name));
        Ok(all.into_iter().map(|n| self.network_view(n, false)).collect())
    }

    fn network_matches(&self, network: &Network, filters: &Filters) -> bool {
        let config = &network.config;
        filters.iter().all(|(key, values)| {
            values.iter().any(|value| match key.as_str() {
                "name" => config.name.contains(value.as_str()),
                "id" => network.id.starts_with(value.as_str()),
                "driver" => config.driver == *value,
                "scope" => value == "local",
                "label" => crate::docker::list::label_matches(&config.labels, value),
                "type" => {
                    let builtin = matches!(config.name.as_str(), "bridge" | "host" | "none");
                    (value == "builtin") == builtin
                }
                "dangling" => {
                    let used = self
                        .containers
                        .values()
                        .any(|c| c.endpoints.get(&config.name).is_some_and(|e| !e.id.is_empty()));
                    let builtin = matches!(config.name.as_str(), "bridge" | "host" | "none");
                    (value == "true" || value == "1") == (!used && !builtin)
                }
                _ => false,
            })
        })
    }

    /// Serve `GET /networks/{id}`.
    pub(crate) fn network_inspect(&self, text: &str) -> Result<Reply, ApiError> {
        let network = self.network_or_error(text)?;
        Ok(Reply::Network(Box::new(self.network_view(network, true))))
    }

    fn network_view(&self, network: &Network, members: bool) -> NetworkInspect {
        let config = &network.config;
        let mut containers = BTreeMap::new();
        for c in self.containers.values().filter(|_| members) {
            let Some(endpoint) = c.endpoints.get(&config.name) else { continue };
            if endpoint.id.is_empty() {
                continue;
            }
            let member = NetworkMember {
                name: c.name.clone(),
                endpoint_id: endpoint.id.clone(),
                mac: endpoint.mac.clone(),
                ip: endpoint.ip.unwrap_or(Ipv4Addr::UNSPECIFIED),
                prefix_len: endpoint.prefix_len,
            };
            containers.insert(c.id.clone(), member);
        }
        let builtin = matches!(config.name.as_str(), "bridge" | "host" | "none");
        NetworkInspect {
            name: config.name.clone(),
            id: network.id.clone(),
            created: network.created,
            scope: "local".into(),
            driver: config.driver.clone(),
            enable_ipv6: config.enable_ipv6 == Some(true),
            pools: config.pools.clone(),
            ipam_options: (!builtin).then(|| config.ipam_options.clone()),
            internal: config.internal,
            attachable: config.attachable,
            ingress: config.ingress,
            containers,
            options: config.options.clone(),
            labels: config.labels.clone(),
        }
    }

    /// Serve `POST /networks/prune`.
    pub(crate) fn networks_prune(
        &mut self,
        filters: &Filters,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        known_filters(filters, &["label", "label!", "until"])?;
        let mut unused: Vec<(String, String)> = self
            .networks
            .values()
            .filter(|n| !matches!(n.config.name.as_str(), "bridge" | "host" | "none"))
            .filter(|n| {
                let name = &n.config.name;
                !self.containers.values().any(|c| c.running && c.endpoints.contains_key(name))
            })
            .filter(|n| {
                crate::docker::list::prune_matches(&n.config.labels, n.created, filters, env.now())
            })
            .map(|n| (n.config.name.clone(), n.id.clone()))
            .collect();
        unused.sort();
        for (_, id) in &unused {
            self.drop_network(id, env);
        }
        self.prune_event("network", 0, env);
        let deleted = unused.into_iter().map(|(name, _)| name).collect();
        Ok(Reply::Pruned(PruneReport { deleted, reclaimed: 0 }))
    }
}

/// Names under which others in a network find a container.
pub(crate) fn dns_names(name: &str, id: &str, aliases: &[String], network: &str) -> Vec<String> {
    if network == "bridge" {
        return Vec::new();
    }
    let mut names = vec![name.to_owned()];
    for alias in aliases {
        if !names.contains(alias) {
            names.push(alias.clone());
        }
    }
    let short = names::short(id).to_owned();
    if !names.contains(&short) {
        names.push(short);
    }
    names
}

/// Subnets that are none (moby `api/types/network.ValidateIPAM`).
fn check_pools(pools: &[IpamPool]) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    for pool in pools.iter().filter(|pool| !pool.subnet.contains(':')) {
        let text = &pool.subnet;
        match (text.is_empty(), text.split_once('/').and_then(|_| Cidr::parse(text))) {
            (true, _) => {}
            (false, None) => {
                problems.push(format!("invalid subnet {text}: invalid CIDR block notation"));
            }
            (false, Some(range)) => {
                let should = range.to_string();
                if should != *text {
                    problems.push(format!("invalid subnet {text}: it should be {should}"));
                }
            }
        }
    }
    match problems.as_slice() {
        [] => Ok(()),
        all => Err(ApiError::bad(format!("invalid network config:\n{}", all.join("\n")))),
    }
}

fn cidr(text: &str) -> Result<Option<Cidr>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    match Cidr::parse(text) {
        Some(range) => Ok(Some(range)),
        None => Err(ApiError::bad(format!("invalid CIDR address: {text}"))),
    }
}
