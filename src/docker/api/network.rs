//! Networks and volumes in the API.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::base::time::SimTime;

/// How a container takes part in a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EndpointConfig {
    /// Additional names.
    pub aliases: Vec<String>,
    /// `container:alias`.
    pub links: Vec<String>,
    /// Wanted address, as the client wrote it; empty for any.
    pub ipv4_address: String,
    /// Wanted IPv6 address; empty for any.
    pub ipv6_address: String,
    /// Wanted MAC address; empty for any.
    pub mac_address: String,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Priority of the gateway.
    pub gw_priority: i64,
    /// Sent by `docker network connect`, which names empty settings where `run` names none.
    pub by_hand: bool,
}

/// An address pool of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IpamPool {
    /// `10.5.0.0/16`; empty lets the daemon pick.
    pub subnet: String,
    /// Part of the subnet from which addresses are given; may be empty.
    pub ip_range: String,
    /// Gateway; empty for the first address.
    pub gateway: String,
    /// Reserved addresses by name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// What `POST /networks/create` needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetworkConfig {
    /// Name.
    pub name: String,
    /// Driver; empty for `bridge`.
    pub driver: String,
    /// Scope, or empty.
    pub scope: String,
    /// No way out.
    pub internal: bool,
    /// Containers may be attached by hand (swarm).
    pub attachable: bool,
    /// The ingress network (swarm).
    pub ingress: bool,
    /// IPv6; `None` for the default.
    pub enable_ipv6: Option<bool>,
    /// Address driver; empty for `default`.
    pub ipam_driver: String,
    /// Options of the address driver.
    pub ipam_options: BTreeMap<String, String>,
    /// Pools; empty lets the daemon pick one.
    pub pools: Vec<IpamPool>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A container in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkMember {
    /// Name of the container.
    pub name: String,
    /// Id of the endpoint.
    pub endpoint_id: String,
    /// MAC address.
    pub mac: String,
    /// Address.
    pub ip: Ipv4Addr,
    /// Length of the prefix.
    pub prefix_len: u8,
}

/// Everything about one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInspect {
    /// Name.
    pub name: String,
    /// Full id.
    pub id: String,
    /// When it was made.
    pub created: SimTime,
    /// `local` or `swarm`.
    pub scope: String,
    /// `bridge`, `host`, `null`, …
    pub driver: String,
    /// IPv6.
    pub enable_ipv6: bool,
    /// Pools.
    pub pools: Vec<IpamPool>,
    /// Options of the address driver, if the client gave any.
    pub ipam_options: Option<BTreeMap<String, String>>,
    /// No way out.
    pub internal: bool,
    /// Containers may be attached by hand.
    pub attachable: bool,
    /// The ingress network.
    pub ingress: bool,
    /// Running containers by id; only with inspect.
    pub containers: BTreeMap<String, NetworkMember>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// What `POST /volumes/create` needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeConfig {
    /// Name; empty lets the daemon pick 64 hex.
    pub name: String,
    /// Driver; empty for `local`.
    pub driver: String,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Everything about one volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeInspect {
    /// Name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Path on the host.
    pub mountpoint: String,
    /// When it was made.
    pub created: SimTime,
    /// Labels; `None` if none were given.
    pub labels: Option<BTreeMap<String, String>>,
    /// Options of the driver; `None` if none were given.
    pub options: Option<BTreeMap<String, String>>,
    /// `local`.
    pub scope: String,
}
