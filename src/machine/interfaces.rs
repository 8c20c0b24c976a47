//! `ip addr`, `ip route`, `ifconfig`, `hostname -i`: a namespace's interfaces as BusyBox prints
//! them (trace engine/27; BusyBox 1.37 in a container of Docker 28.5.2).
//!
//! Left out: changing anything; MAC addresses are made from the address.

use std::net::Ipv4Addr;

use crate::machine::traffic::Interface;

/// Interface numbers of the host's ends of the links begin here.
const FIRST_PEER: usize = 6;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// `ip addr`.
    Addresses,
    /// `ip route`.
    Routes,
    /// `ip link`.
    Links,
    /// `ifconfig`.
    Ifconfig,
}

/// The view that a command line asks for.
pub(super) fn view(name: &str, args: &[String]) -> Option<View> {
    if name == "ifconfig" {
        return Some(View::Ifconfig);
    }
    let mut words = args.iter().filter(|a| !a.starts_with('-')).map(String::as_str);
    let object = words.next()?;
    if !matches!(words.next(), None | Some("show" | "list" | "s" | "ls" | "sh")) {
        return None;
    }
    Some(match object {
        _ if "address".starts_with(object) => View::Addresses,
        _ if "route".starts_with(object) => View::Routes,
        _ if "link".starts_with(object) => View::Links,
        _ => return None,
    })
}

/// What is printed.
pub(super) fn print(view: View, all: &[Interface]) -> String {
    match view {
        View::Addresses => addresses(all, true),
        View::Links => addresses(all, false),
        View::Routes => routes(all),
        View::Ifconfig => ifconfig(all),
    }
}

fn mac(ip: Ipv4Addr) -> String {
    let [a, b, c, d] = ip.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn mask(bits: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0))
}

fn broadcast(of: &Interface) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(of.ip) | !u32::from(mask(of.bits)))
}

fn subnet(of: &Interface) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(of.ip) & u32::from(mask(of.bits)))
}

fn addresses(all: &[Interface], long: bool) -> String {
    const FOREVER: &str = "       valid_lft forever preferred_lft forever\n";
    let mut text = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    \
                    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
        .to_owned();
    if long {
        text.push_str(&format!(
            "    inet 127.0.0.1/8 scope host lo\n{FOREVER}    inet6 ::1/128 scope host \n{FOREVER}"
        ));
    }
    for (index, one) in all.iter().enumerate() {
        let (number, peer, ip) = (index + 2, index + FIRST_PEER, one.ip);
        text.push_str(&format!(
            "{number}: eth{index}@if{peer}: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 \
             qdisc noqueue \n    link/ether {} brd ff:ff:ff:ff:ff:ff\n",
            mac(ip)
        ));
        if long {
            let (bits, end) = (one.bits, broadcast(one));
            text.push_str(&format!(
                "    inet {ip}/{bits} brd {end} scope global eth{index}\n{FOREVER}"
            ));
        }
    }
    text
}

fn routes(all: &[Interface]) -> String {
    let mut text = String::new();
    let default = all.iter().enumerate().find_map(|(n, i)| Some((n, i.gateway?)));
    if let Some((index, gateway)) = default {
        text.push_str(&format!("default via {gateway} dev eth{index} \n"));
    }
    for (index, one) in all.iter().enumerate() {
        let (net, bits, ip) = (subnet(one), one.bits, one.ip);
        text.push_str(&format!("{net}/{bits} dev eth{index} scope link  src {ip} \n"));
    }
    text
}

fn ifconfig(all: &[Interface]) -> String {
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        let (ip, end, mask, mac) = (one.ip, broadcast(one), mask(one.bits), mac(one.ip));
        text.push_str(&format!(
            "eth{index}      Link encap:Ethernet  HWaddr {}  \n          inet addr:{ip}  \
             Bcast:{end}  Mask:{mask}\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  \
             Metric:1\n\n",
            mac.to_uppercase()
        ));
    }
    text.push_str(
        "lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  \
         Mask:255.0.0.0\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, expected) in [
            ("addr", Some(View::Addresses)),
            ("a", Some(View::Addresses)),
            ("route show", Some(View::Routes)),
            ("-4 r", Some(View::Routes)),
            ("link", Some(View::Links)),
            ("addr add 1.2.3.4/8 dev lo", None),
        ] {
            assert_eq!(view("ip", &words(line)), expected, "{line}");
        }
        let ip = Ipv4Addr::new(172, 18, 0, 2);
        let inside = Interface { ip, bits: 16, gateway: None };
        let open = Interface { gateway: Some(Ipv4Addr::new(172, 18, 0, 1)), ..inside };
        let own = "172.18.0.0/16 dev eth0 scope link  src 172.18.0.2 \n";
        assert_eq!(routes(&[inside]), own);
        assert_eq!(routes(&[open]), format!("default via 172.18.0.1 dev eth0 \n{own}"));
        assert!(addresses(&[open], true).contains("inet 172.18.0.2/16 brd 172.18.255.255 scope"));
    }
}
