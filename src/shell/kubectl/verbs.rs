//! The table of verbs.

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, GLOBAL, Takes};
use super::{
    annotate, api_resources, apply, auth, autoscale, cluster_info, config, cp, create,
    create_kinds, delete, describe, diff, drain, edit, events, exec, explain, expose, get,
    kustomize, logs, node, patch, port_forward, replace, rollout, rollout_status, run, scale, set,
    top, undo, version, wait,
};

/// One verb.
pub(super) struct Verb {
    /// `rollout status`.
    pub(super) path: &'static str,
    /// What follows it: `(TYPE NAME | TYPE/NAME) [flags]`.
    pub(super) usage: &'static str,
    /// What it does, in one sentence.
    pub(super) about: &'static str,
    /// Its own flags.
    pub(super) flags: &'static [&'static [Flag]],
    /// Flags that must be given.
    pub(super) required: &'static [&'static str],
    /// Its course.
    pub(super) run: fn(&mut Call<'_, '_>) -> Run<()>,
}

/// All verbs, in the order of the help text.
pub(super) const VERBS: &[Verb] = &[
    create::VERB,
    create_kinds::CLUSTER_ROLE,
    create_kinds::CONFIG_MAP,
    create_kinds::CRON_JOB,
    create_kinds::DEPLOYMENT,
    create_kinds::INGRESS,
    create_kinds::JOB,
    create_kinds::NAMESPACE,
    create_kinds::BUDGET,
    create_kinds::PRIORITY_CLASS,
    create_kinds::QUOTA,
    create_kinds::ROLE,
    create_kinds::ROLE_BINDING,
    create_kinds::SECRET_GENERIC,
    create_kinds::SECRET_TLS,
    create_kinds::SECRET_REGISTRY,
    create_kinds::SERVICE_CLUSTER_IP,
    create_kinds::SERVICE_EXTERNAL_NAME,
    create_kinds::SERVICE_LOAD_BALANCER,
    create_kinds::SERVICE_NODE_PORT,
    create_kinds::SERVICE_ACCOUNT,
    expose::VERB,
    run::VERB,
    set::IMAGE,
    set::ENV,
    set::RESOURCES,
    set::SELECTOR,
    set::SERVICE_ACCOUNT,
    explain::VERB,
    get::VERB,
    edit::VERB,
    delete::VERB,
    rollout::HISTORY,
    rollout::PAUSE,
    rollout::RESTART,
    rollout::RESUME,
    rollout_status::VERB,
    undo::VERB,
    scale::VERB,
    autoscale::VERB,
    cluster_info::VERB,
    top::NODE,
    top::POD,
    node::CORDON,
    node::UNCORDON,
    drain::VERB,
    node::TAINT,
    describe::VERB,
    logs::VERB,
    exec::ATTACH,
    exec::VERB,
    port_forward::VERB,
    cp::VERB,
    auth::CAN_I,
    auth::WHO_AM_I,
    events::VERB,
    diff::VERB,
    kustomize::VERB,
    apply::VERB,
    patch::VERB,
    replace::VERB,
    wait::VERB,
    annotate::LABEL,
    annotate::ANNOTATE,
    api_resources::VERB,
    api_resources::VERSIONS,
    config::CURRENT_CONTEXT,
    config::GET_CONTEXTS,
    config::SET_CONTEXT,
    config::USE_CONTEXT,
    config::VIEW,
    version::VERB,
];

/// Other names of words of a path.
const ALIASES: &[(&str, &str)] = &[
    ("create ns", "create namespace"),
    ("create cm", "create configmap"),
    ("create deploy", "create deployment"),
    ("create cj", "create cronjob"),
    ("create svc", "create service"),
    ("create ing", "create ingress"),
    ("create sa", "create serviceaccount"),
    ("create pdb", "create poddisruptionbudget"),
    ("create pc", "create priorityclass"),
    ("create resourcequota", "create quota"),
    ("top nodes", "top node"),
    ("top no", "top node"),
    ("top pods", "top pod"),
    ("top po", "top pod"),
    ("set sa", "set serviceaccount"),
];

/// The verb that words name, and the words that are left to it; `None` to show the overview.
pub(super) fn pick(words: &[String]) -> Result<Option<(&'static Verb, Vec<String>)>, Failure> {
    // Where the words that are no flags are; flags before the verb are global ones.
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word == "--" || places.len() == 3 {
            break;
        }
        if !word.starts_with('-') {
            places.push(at);
        } else if !word.contains('=') && takes_value(word) {
            at += 1;
        }
        at += 1;
    }
    let named: Vec<&str> =
        places.iter().filter_map(|p| words.get(*p)).map(String::as_str).collect();
    let (Some(first), rest) = (named.first(), named.get(1..).unwrap_or(&[])) else {
        return Ok(None);
    };
    for take in (1..=named.len()).rev() {
        let path = named.get(..take).unwrap_or(&[]).join(" ");
        let path = canonical(&path);
        if let Some(verb) = VERBS.iter().find(|v| v.path == path) {
            let used = places.get(..take).unwrap_or(&[]);
            let left = words.iter().enumerate().filter(|(i, _)| !used.contains(i));
            return Ok(Some((verb, left.map(|(_, w)| w.clone()).collect())));
        }
    }
    let group =
        |p: &str| VERBS.iter().any(|v| v.path.strip_prefix(p).is_some_and(|r| r.starts_with(' ')));
    if *first == "help" {
        return Ok(None);
    }
    if !group(first) {
        return Err(unknown(first));
    }
    match rest.first() {
        Some(second) if !group(&canonical(&format!("{first} {second}"))) => {
            let message = format!("unknown command \"{second}\"");
            Err(Failure::usage(first, message))
        }
        _ => Err(Failure::Raw(super::help::group(first), 0)),
    }
}

fn canonical(path: &str) -> String {
    for (alias, name) in ALIASES {
        if let Some(rest) = path.strip_prefix(alias)
            && (rest.is_empty() || rest.starts_with(' '))
        {
            return format!("{name}{rest}");
        }
    }
    path.to_owned()
}

/// Whether a flag before or behind the verb takes the next word.
fn takes_value(word: &str) -> bool {
    let own = VERBS.iter().flat_map(|v| v.flags.iter().copied().flatten());
    let mut all = GLOBAL.iter().chain(own);
    let found = match word.strip_prefix("--") {
        Some(long) => all.find(|f| f.long == long),
        None => {
            let mut chars = word.chars().skip(1);
            let (short, more) = (chars.next(), chars.next());
            all.find(|f| Some(f.short) == short && more.is_none())
        }
    };
    found.is_some_and(|f| !matches!(f.takes, Takes::Bool | Takes::Maybe(_)))
}

/// `unknown command "x" for "kubectl"`, with names that are near.
fn unknown(word: &str) -> Failure {
    let mut text = format!("error: unknown command \"{word}\" for \"kubectl\"\n");
    let mut near: Vec<&str> = VERBS
        .iter()
        .filter_map(|v| v.path.split(' ').next())
        .filter(|name| distance(name, word) <= 2 || name.starts_with(word))
        .collect();
    near.dedup();
    if !near.is_empty() {
        text.push_str("\nDid you mean this?\n");
        near.iter().for_each(|n| text.push_str(&format!("\t{n}\n")));
    }
    Failure::Raw(text, 1)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(0);
            left = (above + 1).min(left + 1).min(corner + usize::from(x != *y));
            corner = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match pick(&words) {
            Ok(Some((verb, rest))) => format!("{}|{}", verb.path, rest.join(" ")),
            Ok(None) => "overview".to_owned(),
            Err(failure) => failure.shown().0,
        }
    }

    #[test]
    fn words_name_verbs() {
        for (line, expected) in [
            ("get pods -n x", "get|pods -n x"),
            ("-n x get pods", "get|-n x pods"),
            ("rollout status deploy/web", "rollout status|deploy/web"),
            ("create -f x.yaml", "create|-f x.yaml"),
            ("create ns a", "create namespace|a"),
            ("create svc clusterip q --tcp=80", "create service clusterip|q --tcp=80"),
            ("top pods", "top pod|"),
            ("", "overview"),
            ("getpods", "error: unknown command \"getpods\" for \"kubectl\"\n"),
            (
                "desribe",
                "error: unknown command \"desribe\" for \"kubectl\"\n\nDid you mean this?\n\
                 \tdescribe\n",
            ),
            (
                "rollout stat",
                "error: unknown command \"stat\"\nSee 'kubectl rollout -h' for help and examples\n",
            ),
        ] {
            assert_eq!(picked(line), expected, "{line}");
        }
    }

    #[test]
    fn flags_of_a_verb_are_not_ambiguous() {
        for verb in VERBS {
            let all: Vec<&Flag> = verb.flags.iter().copied().flatten().collect();
            for (i, flag) in all.iter().enumerate() {
                let twice = all
                    .iter()
                    .skip(i + 1)
                    .any(|f| f.long == flag.long || f.short == flag.short && f.short != '\0');
                assert!(!twice, "{} --{}", verb.path, flag.long);
            }
        }
    }
}
