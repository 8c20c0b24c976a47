//! The short form of published ports: `[[ip:]published:]target[/protocol]`, with ranges.
//!
//! Models `docker/go-connections` `nat.ParsePortSpec` as Compose 2.40 and `docker run` 28 use it.

use std::net::IpAddr;

/// One port of a container and where it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Address of the host, empty for all.
    pub host_ip: String,
    /// Port or range on the host, empty for any.
    pub published: String,
    /// Port in the container.
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// The ports that one entry means.
///
/// # Errors
/// The text of the real parser.
pub fn parse(spec: &str) -> Result<Vec<Port>, String> {
    let parts: Vec<&str> = spec.split(':').collect();
    let (ip, published, container) = match parts.as_slice() {
        [container] => (String::new(), "", *container),
        [published, container] => (String::new(), *published, *container),
        [ip @ .., published, container] => (ip.join(":"), *published, *container),
        [] => (String::new(), "", ""),
    };
    let (container, protocol) = split_protocol(container);
    let ip = address(&ip)?;
    if container.is_empty() {
        return Err(format!("No port specified: {spec}<empty>"));
    }
    let (start, end) =
        range(container).ok_or_else(|| format!("Invalid containerPort: {container}"))?;
    let host = match published {
        "" => None,
        text => Some(range(text).ok_or_else(|| format!("Invalid hostPort: {text}"))?),
    };
    if let Some((from, to)) = host
        && end - start != to - from
        && end != start
    {
        return Err(format!(
            "Invalid ranges specified for container and host Ports: {container} and {published}"
        ));
    }
    let protocol = protocol.to_lowercase();
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(format!("Invalid proto: {protocol}"));
    }
    let one = |target: u16| {
        let published = match host {
            None => String::new(),
            Some((from, to)) if start == end && from != to => format!("{from}-{to}"),
            Some((from, _)) => (u32::from(from) + u32::from(target - start)).to_string(),
        };
        Port { host_ip: ip.clone(), published, target, protocol: protocol.clone() }
    };
    Ok((start..=end).map(one).collect())
}

/// Whether an entry of `expose` in a stack file is a port.
pub(super) fn exposed(spec: &str) -> bool {
    let (port, protocol) = split_protocol(spec);
    range(port).is_some() && ["tcp", "udp", "sctp"].contains(&protocol)
}

fn split_protocol(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        None => (text, "tcp"),
        Some((port, "")) => (port, "tcp"),
        Some((port, protocol)) => (port, protocol),
    }
}

fn address(ip: &str) -> Result<String, String> {
    let bare = ip.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(ip);
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(format!("Invalid ip address: {bare}"));
    }
    Ok(bare.to_owned())
}

fn range(text: &str) -> Option<(u16, u16)> {
    let number = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse().ok()).flatten();
    let mut parts = text.split('-');
    let start: u16 = number(parts.next()?)?;
    let end = match parts.next() {
        None => start,
        Some(end) => number(end)?,
    };
    (start <= end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs() {
        let show = |spec: &str| match parse(spec) {
            Err(message) => message,
            Ok(ports) => ports
                .iter()
                .map(|p| format!("{}>{}>{}/{}", p.host_ip, p.published, p.target, p.protocol))
                .collect::<Vec<_>>()
                .join(" "),
        };
        for (spec, shown) in [
            ("80", ">>80/tcp"),
            ("8080:80/udp", ">8080>80/udp"),
            ("127.0.0.1::53", "127.0.0.1>>53/tcp"),
            ("8080-8081:80-81", ">8080>80/tcp >8081>81/tcp"),
            ("8080-8082:80", ">8080-8082>80/tcp"),
            ("[::1]:80:80", "::1>80>80/tcp"),
            ("abc:80", "Invalid hostPort: abc"),
            ("80:x", "Invalid containerPort: x"),
            ("80:80/foo", "Invalid proto: foo"),
            ("99999:80", "Invalid hostPort: 99999"),
        ] {
            assert_eq!(show(spec), shown, "{spec}");
        }
    }
}
