//! Help texts, from the table of verbs.

use super::flags::{Flag, GLOBAL, Takes};
use super::verbs::{VERBS, Verb};
use crate::base::table::{rows, tabwriter};

/// `kubectl` without a verb.
pub(super) fn overview() -> String {
    let mut lines = String::new();
    let mut last = "";
    for verb in VERBS {
        let first = verb.path.split(' ').next().unwrap_or("");
        if first != last {
            let about = if verb.path == first { verb.about } else { group_about(first) };
            lines.push_str(&format!("  {first}\t{about}\n"));
        }
        last = first;
    }
    let table = tabwriter(&rows(&lines), 0, 3);
    format!(
        "kubectl controls the Kubernetes cluster.\n\nCommands:\n{table}\nUsage:\n  \
         kubectl [flags] [options]\n\nUse \"kubectl <command> --help\" for more information about \
         a given command.\n"
    )
}

fn group_about(group: &str) -> &'static str {
    match group {
        "rollout" => "Manage the rollout of a workload",
        "set" => "Set single fields of objects",
        "top" => "Show what nodes and pods use",
        "config" => "Change the kubeconfig",
        "auth" => "Ask about rights",
        _ => "",
    }
}

/// A group without one of its verbs, such as `kubectl rollout`.
pub(super) fn group(group: &str) -> String {
    let mut lines = String::new();
    let prefix = format!("{group} ");
    for verb in VERBS {
        if let Some(rest) = verb.path.strip_prefix(&prefix) {
            lines.push_str(&format!("  {rest}\t{}\n", verb.about));
        }
    }
    let table = tabwriter(&rows(&lines), 0, 3);
    format!(
        "{}.\n\nAvailable Commands:\n{table}\nUsage:\n  kubectl {group} SUBCOMMAND [options]\n\n\
         Use \"kubectl {group} <command> --help\" for more information about a given command.\n",
        group_about(group)
    )
}

/// `kubectl get --help`.
pub(super) fn verb(verb: &Verb) -> String {
    let mut options = String::new();
    let mut flags: Vec<&Flag> = verb.flags.iter().copied().flatten().collect();
    flags.sort_by_key(|f| f.long);
    for flag in flags {
        let short = if flag.short == '\0' { String::new() } else { format!("-{}, ", flag.short) };
        let value = match flag.takes {
            Takes::Bool if flag.default.is_empty() => "=false".to_owned(),
            Takes::List | Takes::Each => "=[]".to_owned(),
            Takes::Bool | Takes::Int => format!("={}", flag.default),
            Takes::Time => {
                format!("={}", if flag.default.is_empty() { "0s" } else { flag.default })
            }
            Takes::Text | Takes::Maybe(_) => format!("='{}'", flag.default),
        };
        options.push_str(&format!("    {short}--{}{value}:\n\t{}\n\n", flag.long, flag.help));
    }
    let options = if options.is_empty() { String::new() } else { format!("Options:\n{options}") };
    let globals: Vec<String> = GLOBAL.iter().map(|f| format!("--{}", f.long)).collect();
    format!(
        "{}.\n\n{options}Usage:\n  kubectl {} {}\n\nFlags of all commands: {}\n",
        verb.about,
        verb.path,
        verb.usage,
        globals.join(" ")
    )
}
