//! `nc`: whether a TCP port accepts connections. Messages follow OpenBSD netcat.

use crate::base::time::SimDuration;
use crate::net::{Answer, Outcome, Request};
use crate::shell::unix::{Plan, Print, Printed};

/// Read nc's arguments.
pub(super) fn nc(args: &[String]) -> Result<Plan, String> {
    let mut verbose = false;
    let mut timeout = SimDuration::from_secs(120);
    let mut places = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-w" => {
                let text = format!("{}s", rest.next().map_or("120", String::as_str));
                timeout = SimDuration::parse_go(&text).unwrap_or(timeout);
            }
            flag if flag.starts_with('-') => verbose |= flag.contains('v'),
            place => places.push(place),
        }
    }
    let usage = "usage: nc [-vz] [-w timeout] destination port\n";
    let [host, port] = places.as_slice() else { return Err(usage.to_owned()) };
    let port: u16 = port.parse().map_err(|_| format!("nc: port number invalid: {port}\n"))?;
    let request = Request::tcp(host, port).with_timeout(timeout);
    Ok(Plan { intro: String::new(), request, rounds: 1, print: Print::Nc { verbose } })
}

/// Print an answer as nc does.
pub(super) fn print(verbose: bool, request: &Request, answer: &Answer) -> Printed {
    let (host, port) = (&request.host, request.port);
    let mut printed = Printed::default();
    let peer = answer.peer.map_or_else(|| host.to_string(), |p| p.to_string());
    let text = match &answer.outcome {
        Outcome::Connected(greeting) => {
            printed.out = greeting.to_string();
            format!("Connection to {host} ({peer}) {port} port [tcp/*] succeeded!\n")
        }
        Outcome::Http { .. } | Outcome::Resolved(_) => String::new(),
        Outcome::UnknownName => {
            printed.exit = 1;
            format!("nc: getaddrinfo for host \"{host}\" port {port}: Name or service not known\n")
        }
        other @ (Outcome::Refused | Outcome::Timeout | Outcome::Unreachable | Outcome::Reset) => {
            printed.exit = 1;
            let why = match other {
                Outcome::Refused => "Connection refused",
                Outcome::Timeout => "Operation timed out",
                Outcome::Unreachable => "No route to host",
                Outcome::Http { .. }
                | Outcome::Connected(_)
                | Outcome::Resolved(_)
                | Outcome::UnknownName
                | Outcome::Reset => "Connection reset by peer",
            };
            format!("nc: connect to {host} ({peer}) port {port} (tcp) failed: {why}\n")
        }
    };
    if verbose || matches!(answer.outcome, Outcome::UnknownName) {
        printed.err = text;
    }
    printed
}
