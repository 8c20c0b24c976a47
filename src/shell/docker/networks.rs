//! `docker network …`.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::docker::api::{
    ApiError, EndpointConfig, IpamPool, NetworkConfig, NetworkInspect, Reply, Request,
};
use crate::docker::short;
use crate::net::Cidr;
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::{Each, One, filters, print_name, print_nothing};
use crate::shell::docker::format::{List, labels};
use crate::shell::docker::life::print_id;
use crate::shell::docker::text::{go_time, show};
use crate::shell::job::Io;

const fn spec(
    path: &'static str,
    usage: &'static str,
    about: &'static str,
    count: Count,
    flags: &'static [Flag],
) -> Spec {
    Spec { path, usage, about, count, stop_at_argument: false, flags }
}

pub(crate) const LS: Spec = spec(
    "network ls",
    "[OPTIONS]",
    "List networks",
    Count::None,
    &[
        flag("filter", 'f', Kind::List, "Provide filter values (e.g. \"driver=bridge\")"),
        flag("format", ' ', Kind::Text, "Format output using a custom template"),
        flag("no-trunc", ' ', Kind::Bool, "Do not truncate the output"),
        flag("quiet", 'q', Kind::Bool, "Only display network IDs"),
    ],
);
pub(crate) const CREATE: Spec = spec(
    "network create",
    "[OPTIONS] NETWORK",
    "Create a network",
    Count::Exactly(1),
    &[
        flag("attachable", ' ', Kind::Bool, "Enable manual container attachment"),
        flag(
            "aux-address",
            ' ',
            Kind::List,
            "Auxiliary IPv4 or IPv6 addresses used by Network driver (default map[])",
        ),
        flag("driver", 'd', Kind::Text, "Driver to manage the Network (default \"bridge\")"),
        flag("gateway", ' ', Kind::List, "IPv4 or IPv6 Gateway for the master subnet"),
        flag("ingress", ' ', Kind::Bool, "Create swarm routing-mesh network"),
        flag("internal", ' ', Kind::Bool, "Restrict external access to the network"),
        flag("ip-range", ' ', Kind::List, "Allocate container ip from a sub-range"),
        flag("ipam-driver", ' ', Kind::Text, "IP Address Management Driver (default \"default\")"),
        flag("ipam-opt", ' ', Kind::List, "Set IPAM driver specific options (default map[])"),
        flag("ipv6", ' ', Kind::Bool, "Enable or disable IPv6 address assignment"),
        flag("label", ' ', Kind::List, "Set metadata on a network"),
        flag("opt", 'o', Kind::List, "Set driver specific options (default map[])"),
        flag("scope", ' ', Kind::Text, "Control the network's scope"),
        flag("subnet", ' ', Kind::List, "Subnet in CIDR format that represents a network segment"),
    ],
);
pub(crate) const RM: Spec = spec(
    "network rm",
    "NETWORK [NETWORK...]",
    "Remove one or more networks",
    Count::AtLeast(1),
    &[flag("force", 'f', Kind::Bool, "Do not error if the network does not exist")],
);
pub(crate) const CONNECT: Spec = spec(
    "network connect",
    "[OPTIONS] NETWORK CONTAINER",
    "Connect a container to a network",
    Count::Exactly(2),
    &[
        flag("alias", ' ', Kind::List, "Add network-scoped alias for the container"),
        flag("driver-opt", ' ', Kind::List, "driver options for the network"),
        flag("gw-priority", ' ', Kind::Int, "Highest gw-priority provides the default gateway"),
        flag("ip", ' ', Kind::Text, "IPv4 address (e.g., \"172.30.100.104\")"),
        flag("ip6", ' ', Kind::Text, "IPv6 address (e.g., \"2001:db8::33\")"),
        flag("link", ' ', Kind::List, "Add link to another container"),
        flag("link-local-ip", ' ', Kind::List, "Add a link-local address for the container"),
    ],
);
pub(crate) const DISCONNECT: Spec = spec(
    "network disconnect",
    "[OPTIONS] NETWORK CONTAINER",
    "Disconnect a container from a network",
    Count::Exactly(2),
    &[flag("force", 'f', Kind::Bool, "Force the container to disconnect from a network")],
);

/// `key=value` texts as a map.
pub(crate) fn pairs(list: &[String]) -> BTreeMap<String, String> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (text.clone(), String::new()),
    };
    list.iter().map(pair).collect()
}

pub(crate) fn ls(parsed: Parsed, io: &mut Io<'_>) -> State {
    match filters(&parsed) {
        Ok(filters) => State::One(One::ask(parsed, Request::NetworkList { filters }, print, io)),
        Err(text) => State::fail(&text, 125, io),
    }
}

fn print(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Networks(networks) = reply else { return 1 };
    let trunc = !parsed.is("no-trunc");
    let entries: Vec<_> = networks.iter().map(|n| fields(n, trunc)).collect();
    let list = List {
        type_name: "*network.networkContext",
        headings: &[
            ("ID", "NETWORK ID"),
            ("Name", "NAME"),
            ("Driver", "DRIVER"),
            ("Scope", "SCOPE"),
            ("IPv4", "IPV4"),
            ("IPv6", "IPV6"),
            ("Internal", "INTERNAL"),
            ("Labels", "LABELS"),
            ("CreatedAt", "CREATED AT"),
        ],
        default_table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        raw: "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
        quiet_field: "ID",
    };
    show(list.print(parsed.text("format"), parsed.is("quiet"), &entries), io)
}

fn fields(network: &NetworkInspect, trunc: bool) -> BTreeMap<String, Value> {
    let id = if trunc { short(&network.id) } else { &network.id };
    let by_name: BTreeMap<String, Value> =
        network.labels.iter().map(|(k, v)| (k.clone(), Value::from(v))).collect();
    BTreeMap::from(
        [
            ("(Label)", Value::Map(by_name)),
            ("ID", Value::from(id)),
            ("Name", Value::from(&network.name)),
            ("Driver", Value::from(&network.driver)),
            ("Scope", Value::from(&network.scope)),
            ("IPv4", "true".into()),
            ("IPv6", network.enable_ipv6.to_string().into()),
            ("Internal", network.internal.to_string().into()),
            ("Labels", labels(&network.labels).into()),
            ("CreatedAt", go_time(network.created).into()),
        ]
        .map(|(k, v): (&str, Value)| (k.to_owned(), v)),
    )
}

/// Ranges, gateways and reserved addresses go to the subnets that hold them
/// (`consolidateIpam`).
fn pools(parsed: &Parsed) -> Result<Vec<IpamPool>, String> {
    let split = |name: &str| -> Vec<String> {
        let words = parsed.list(name).iter().flat_map(|text| text.split(','));
        words.map(str::to_owned).collect()
    };
    let (subnets, ranges, gateways) = (split("subnet"), split("ip-range"), split("gateway"));
    if subnets.len() < ranges.len() || subnets.len() < gateways.len() {
        return Err("every ip-range or gateway must have a corresponding subnet".to_owned());
    }
    let mut pools: Vec<IpamPool> =
        subnets.into_iter().map(|subnet| IpamPool { subnet, ..IpamPool::default() }).collect();
    let holds = |pool: &IpamPool, text: &str| {
        let address = text.split('/').next().unwrap_or(text);
        match (Cidr::parse(&pool.subnet), address.parse()) {
            (Some(range), Ok(address)) => range.contains(address),
            // Version 6 goes with version 6.
            _ => pool.subnet.contains(':') && address.contains(':'),
        }
    };
    for range in ranges {
        let pool = pools.iter_mut().find(|pool| holds(pool, &range));
        let pool = pool.ok_or_else(|| format!("no matching subnet for range {range}"))?;
        if !pool.ip_range.is_empty() {
            return Err(format!(
                "cannot configure multiple ranges ({range}, {}) on the same subnet ({})",
                pool.ip_range, pool.subnet
            ));
        }
        pool.ip_range = range;
    }
    for gateway in gateways {
        let pool = pools.iter_mut().find(|pool| holds(pool, &gateway));
        let pool = pool.ok_or_else(|| format!("no matching subnet for gateway {gateway}"))?;
        if !pool.gateway.is_empty() {
            return Err(format!(
                "cannot configure multiple gateways ({gateway}, {}) for the same subnet ({})",
                pool.gateway, pool.subnet
            ));
        }
        pool.gateway = gateway;
    }
    for (name, address) in pairs(parsed.list("aux-address")) {
        let pool = pools.iter_mut().find(|pool| holds(pool, &address));
        let pool = pool.ok_or_else(|| format!("no matching subnet for aux-address {address}"))?;
        pool.aux_addresses.insert(name, address);
    }
    Ok(pools)
}

pub(crate) fn create(parsed: Parsed, io: &mut Io<'_>) -> State {
    let pools = match pools(&parsed) {
        Ok(pools) => pools,
        Err(text) => return State::fail(&text, 1, io),
    };
    let config = NetworkConfig {
        name: parsed.args.first().cloned().unwrap_or_default(),
        driver: parsed.text("driver").to_owned(),
        scope: parsed.text("scope").to_owned(),
        internal: parsed.is("internal"),
        attachable: parsed.is("attachable"),
        ingress: parsed.is("ingress"),
        enable_ipv6: parsed.has("ipv6").then(|| parsed.is("ipv6")),
        ipam_driver: parsed.text("ipam-driver").to_owned(),
        ipam_options: pairs(parsed.list("ipam-opt")),
        pools,
        options: pairs(parsed.list("opt")),
        labels: pairs(parsed.list("label")),
    };
    let request = Request::NetworkCreate(Box::new(config));
    State::One(One::ask(parsed, request, print_id, io))
}

pub(crate) fn rm(parsed: Parsed, io: &mut Io<'_>) -> State {
    let requests = parsed
        .args
        .iter()
        .map(|id| (id.clone(), Request::NetworkRemove { id: id.clone() }))
        .collect();
    State::Each(
        Each::new(parsed, requests, print_name).forgive(missing_is_fine).summary(status).begin(io),
    )
}

/// The command fails with a bare status, which the client prints (engine 28.5.2; traces swarm).
fn status(_: &[String]) -> Option<String> {
    Some("exit status 1".to_owned())
}

fn missing_is_fine(parsed: &Parsed, error: &ApiError) -> bool {
    parsed.is("force") && error.status == 404
}

pub(crate) fn connect(parsed: Parsed, io: &mut Io<'_>) -> State {
    let arg = |at: usize| parsed.args.get(at).cloned().unwrap_or_default();
    let config = EndpointConfig {
        aliases: parsed.list("alias").to_vec(),
        links: parsed.list("link").to_vec(),
        ipv4_address: parsed.text("ip").to_owned(),
        ipv6_address: parsed.text("ip6").to_owned(),
        driver_opts: pairs(parsed.list("driver-opt")),
        gw_priority: parsed.int("gw-priority").unwrap_or(0),
        by_hand: true,
        ..EndpointConfig::default()
    };
    let request = Request::NetworkConnect { id: arg(0), container: arg(1), config };
    let name = arg(1);
    State::Each(Each::new(parsed, vec![(name, request)], print_nothing).begin(io))
}

pub(crate) fn disconnect(parsed: Parsed, io: &mut Io<'_>) -> State {
    let arg = |at: usize| parsed.args.get(at).cloned().unwrap_or_default();
    let force = parsed.is("force");
    let request = Request::NetworkDisconnect { id: arg(0), container: arg(1), force };
    let name = arg(1);
    State::Each(Each::new(parsed, vec![(name, request)], print_nothing).begin(io))
}
