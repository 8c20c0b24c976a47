//! `ping`: whether an address answers. Messages follow iputils.

use crate::net::{Answer, Outcome, Request};
use crate::shell::unix::{Plan, Print, Printed};

/// Read ping's arguments.
pub(super) fn ping(args: &[String]) -> Result<Plan, String> {
    let mut rounds = u32::MAX;
    let mut host = None;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-c" => rounds = rest.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            "-W" | "-i" | "-w" | "-s" => {
                rest.next();
            }
            flag if flag.starts_with('-') => {}
            name => host = Some(name.to_owned()),
        }
    }
    let host = host.ok_or("ping: usage error: Destination address required\n")?;
    let request = Request::ping(&host);
    Ok(Plan {
        intro: format!("PING {host} 56(84) bytes of data.\n"),
        request,
        rounds,
        print: Print::Ping,
    })
}

/// Print an answer as ping does.
pub(super) fn print(number: u32, request: &Request, answer: &Answer) -> Printed {
    let mut printed = Printed::default();
    let peer = answer.peer.map_or_else(|| request.host.to_string(), |p| p.to_string());
    match &answer.outcome {
        Outcome::Connected(_) => {
            let us = answer.latency.0;
            let time = format!("{}.{:03}", us / 1000, us % 1000);
            printed.out =
                format!("64 bytes from {peer}: icmp_seq={number} ttl=64 time={time} ms\n");
        }
        Outcome::UnknownName => {
            printed.exit = 2;
            printed.err = format!("ping: {}: Name or service not known\n", request.host);
        }
        Outcome::Unreachable => {
            printed.exit = 1;
            printed.out = format!("From {peer} icmp_seq={number} Destination Host Unreachable\n");
        }
        Outcome::Http { .. }
        | Outcome::Resolved(_)
        | Outcome::Refused
        | Outcome::Timeout
        | Outcome::Reset => printed.exit = 1,
    }
    printed
}

/// The closing lines.
pub(super) fn summary(host: &str, sent: u32, received: u32) -> String {
    let lost = (sent - received.min(sent)) * 100 / sent.max(1);
    format!(
        "\n--- {host} ping statistics ---\n\
         {sent} packets transmitted, {received} received, {lost}% packet loss\n"
    )
}
