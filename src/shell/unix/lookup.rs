//! `nslookup` and `dig`: names to addresses.

use crate::net::{Answer, Outcome, Request};
use crate::shell::unix::{Plan, Print, Printed};

fn plan(args: &[String], print: Print, usage: &str) -> Result<Plan, String> {
    let name = args.iter().find(|a| !a.starts_with(['-', '+', '@']));
    let name = name.ok_or_else(|| usage.to_owned())?;
    Ok(Plan { intro: String::new(), request: Request::lookup(name), rounds: 1, print })
}

/// Read nslookup's arguments.
pub(super) fn nslookup(args: &[String]) -> Result<Plan, String> {
    plan(args, Print::Nslookup, "usage: nslookup name\n")
}

/// Read dig's arguments.
pub(super) fn dig(args: &[String]) -> Result<Plan, String> {
    let short = args.iter().any(|a| a == "+short");
    plan(args, Print::Dig { short }, "usage: dig [+short] name\n")
}

/// Print an answer as nslookup does.
pub(super) fn print_nslookup(request: &Request, answer: &Answer) -> Printed {
    let name = &request.host;
    let mut printed = Printed::default();
    match &answer.outcome {
        Outcome::Resolved(addresses) => {
            for address in addresses {
                printed.out.push_str(&format!("Name:\t{name}\nAddress: {address}\n"));
            }
        }
        Outcome::UnknownName => {
            printed.exit = 1;
            printed.out = format!("** server can't find {name}: NXDOMAIN\n");
        }
        Outcome::Http { .. }
        | Outcome::Connected(_)
        | Outcome::Refused
        | Outcome::Timeout
        | Outcome::Unreachable
        | Outcome::Reset => {
            printed.exit = 1;
            printed.out = ";; connection timed out; no servers could be reached\n".to_owned();
        }
    }
    printed
}

/// Print an answer as dig does, in its short form or with the answer section only.
pub(super) fn print_dig(short: bool, request: &Request, answer: &Answer) -> Printed {
    let mut printed = Printed::default();
    if let Outcome::Resolved(addresses) = &answer.outcome {
        for address in addresses {
            let line = if short {
                format!("{address}\n")
            } else {
                format!("{}.\t30\tIN\tA\t{address}\n", request.host)
            };
            printed.out.push_str(&line);
        }
    }
    printed
}
