//! Published ports (libnetwork's bridge driver and port allocator).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::docker::api::{Port, PortBinding, PortSummary, Protocol};
use crate::docker::container::Container;
use crate::docker::daemon::{Daemon, Env};
use crate::net::Proto;
use crate::net::api::NetError;

const fn proto(protocol: Protocol) -> Proto {
    match protocol {
        Protocol::Tcp => Proto::Tcp,
        Protocol::Udp => Proto::Udp,
        Protocol::Sctp => Proto::Sctp,
    }
}

/// Host ports of a binding: `8080`, `7000-7002`, or 0 for any.
fn candidates(host_port: &str) -> Vec<u16> {
    match host_port.split_once('-') {
        Some((low, high)) => match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) => (low..=high).collect(),
            _ => vec![0],
        },
        None => vec![host_port.parse().unwrap_or(0)],
    }
}

impl Daemon {
    /// Publish the ports of a container that is being started.
    pub(crate) fn publish_ports(&mut self, id: &str, env: &mut Env<'_, '_>) -> Result<(), String> {
        let Some(c) = self.containers.get(id) else { return Ok(()) };
        // The endpoint with a way out.
        let outward = c.endpoints.iter().find(|(name, endpoint)| {
            endpoint.ip.is_some() && self.find_network(name).is_some_and(|n| !n.config.internal)
        });
        let Some((_, endpoint)) = outward else { return Ok(()) };
        let endpoint_id = endpoint.id.clone();
        let mut wanted: BTreeMap<Port, Vec<PortBinding>> = BTreeMap::new();
        for port in &c.config.exposed_ports {
            wanted.insert(*port, Vec::new());
        }
        for (port, bindings) in &c.host.port_bindings {
            wanted.insert(*port, bindings.clone());
        }
        if c.host.publish_all_ports {
            for bindings in wanted.values_mut().filter(|b| b.is_empty()) {
                bindings.push(PortBinding::default());
            }
        }
        let name = c.name.clone();
        // Addresses that the host itself has: its own and those of its bridges.
        let bridges = self.networks.values().filter_map(|n| n.info).map(|info| info.gateway);
        let own: Vec<Ipv4Addr> =
            env.fabric.host_addr(self.host.as_str()).into_iter().chain(bridges).collect();
        let mut published = BTreeMap::new();
        for (port, bindings) in wanted {
            let mut actual = Vec::new();
            for binding in bindings {
                let got = publish(id, port, &binding, &own, env).map_err(|why| {
                    format!(
                        "driver failed programming external connectivity on endpoint {name} \
                         ({endpoint_id}): {why}"
                    )
                })?;
                actual.extend(got);
            }
            published.insert(port, actual);
        }
        if let Some(c) = self.containers.get_mut(id) {
            c.ports = published;
        }
        Ok(())
    }

    /// Withdraw the ports of a container.
    pub(crate) fn unpublish_ports(&mut self, id: &str, env: &mut Env<'_, '_>) {
        let place = env.place(id);
        env.fabric.unpublish(&place);
        if let Some(c) = self.containers.get_mut(id) {
            c.ports.clear();
        }
    }
}

fn publish(
    id: &str,
    port: Port,
    binding: &PortBinding,
    own: &[Ipv4Addr],
    env: &mut Env<'_, '_>,
) -> Result<Vec<PortBinding>, String> {
    let place = env.place(id);
    let everywhere = matches!(binding.host_ip.as_str(), "" | "0.0.0.0" | "::" | "[::]");
    let ip = if everywhere {
        Ipv4Addr::UNSPECIFIED
    } else {
        binding.host_ip.parse().unwrap_or(Ipv4Addr::LOCALHOST)
    };
    if !everywhere && !ip.is_loopback() && !own.contains(&ip) {
        let to = env.fabric.addresses(&place).into_values().next().unwrap_or(ip);
        let host_port = &binding.host_port;
        return Err(format!(
            "failed to bind host port for {ip}:{host_port}:{to}:{port}: cannot assign requested \
             address"
        ));
    }
    let candidates = candidates(&binding.host_port);
    let range = candidates.len() > 1;
    let mut last = String::new();
    for candidate in candidates {
        match env.fabric.publish(&place, port.number, ip, candidate, proto(port.protocol)) {
            Ok(got) => {
                let made = |host_ip: &str| PortBinding {
                    host_ip: host_ip.to_owned(),
                    host_port: got.to_string(),
                };
                return Ok(match binding.host_ip.as_str() {
                    "" => vec![made("0.0.0.0"), made("::")],
                    host_ip => vec![made(host_ip)],
                });
            }
            // The allocator's word for a range none of whose ports is left.
            Err(NetError::PortTaken(..)) if range => last = "all ports are allocated".to_owned(),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// Ports of a list entry, as the daemon builds them.
pub(crate) fn summaries(c: &Container) -> Vec<PortSummary> {
    let mut all = Vec::new();
    for (port, bindings) in &c.ports {
        let entry = |ip: &str, public: u16| PortSummary {
            ip: ip.to_owned(),
            private: port.number,
            public,
            protocol: port.protocol,
        };
        if bindings.is_empty() {
            all.push(entry("", 0));
        }
        for binding in bindings {
            all.push(entry(&binding.host_ip, binding.host_port.parse().unwrap_or(0)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(candidates("8080"), [8080]);
        assert_eq!(candidates("7000-7002"), [7000, 7001, 7002]);
        assert_eq!(candidates(""), [0]);
    }
}
