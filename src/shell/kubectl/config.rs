//! The kubeconfig: which cluster, and which namespace calls go to.
//!
//! Follows client-go `tools/clientcmd` and kubectl `pkg/cmd/config`. Without a file there is one
//! context, that of a fresh cluster's administrator.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Flags, Takes};
use super::show::yaml as show;
use super::verbs::Verb;
use crate::base::table::tabwriter;
use crate::base::yaml::{self, Dialect};
use crate::posix::{FileSystem, normal, parent};
use crate::shell::job::Io;

pub(super) const CURRENT_CONTEXT: Verb = Verb {
    path: "config current-context",
    usage: "[flags]",
    about: "Show which context is used",
    flags: &[],
    required: &[],
    run: current_context,
};

pub(super) const GET_CONTEXTS: Verb = Verb {
    path: "config get-contexts",
    usage: "[(-o|--output=)name)]",
    about: "List the contexts",
    flags: &[LIST],
    required: &[],
    run: get_contexts,
};

pub(super) const SET_CONTEXT: Verb = Verb {
    path: "config set-context",
    usage: "[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] \
            [--namespace=namespace]",
    about: "Change a context, such as its namespace",
    flags: &[CURRENT],
    required: &[],
    run: set_context,
};

pub(super) const USE_CONTEXT: Verb = Verb {
    path: "config use-context",
    usage: "CONTEXT_NAME",
    about: "Use another context",
    flags: &[],
    required: &[],
    run: use_context,
};

pub(super) const VIEW: Verb = Verb {
    path: "config view",
    usage: "[flags]",
    about: "Show the kubeconfig",
    flags: &[VIEW_FLAGS],
    required: &[],
    run: view,
};

const LIST: &[Flag] = &[
    Flag::new("output", Takes::Text, "name").short('o'),
    Flag::new("no-headers", Takes::Bool, "Without names of columns"),
];

const CURRENT: &[Flag] = &[Flag::new("current", Takes::Bool, "The context that is used")];

const VIEW_FLAGS: &[Flag] = &[
    Flag::new("minify", Takes::Bool, "Only what the current context uses"),
    Flag::new("raw", Takes::Bool, "With secrets"),
    Flag::new("flatten", Takes::Bool, "With the contents of files"),
    Flag::new("merge", Takes::Bool, "All files together").or("true"),
    Flag::new("output", Takes::Text, "Output format").short('o').or("yaml"),
];

/// Home of the user when the environment does not tell it.
const HOME: &str = "/root";
const CLUSTER: &str = "kubernetes";
const USER: &str = "kubernetes-admin";
const CONTEXT: &str = "kubernetes-admin@kubernetes";
/// Address of the API server in a fresh kubeconfig.
const SERVER: &str = "https://127.0.0.1:6443";

fn path(flags: &Flags, io: &Io<'_>) -> String {
    let given = flags.some("kubeconfig").map(str::to_owned);
    let given = given.or_else(|| io.env.get("KUBECONFIG").filter(|p| !p.is_empty()).cloned());
    let home = io.env.get("HOME").map_or(HOME, String::as_str);
    let path = given.unwrap_or_else(|| format!("{home}/.kube/config"));
    normal(io.cwd, &path)
}

fn fresh() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": CONTEXT,
        "clusters": [{"name": CLUSTER, "cluster": {
            "certificate-authority-data": "DATA+OMITTED", "server": SERVER}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CLUSTER, "user": USER}}],
        "users": [{"name": USER, "user": {
            "client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED"}}]
    })
}

fn read(text: Option<&str>) -> Value {
    let nodes = text.and_then(|t| yaml::parse(t).ok());
    let value = nodes.and_then(|n| n.first().map(|n| n.value(Dialect::Kubectl)));
    value.filter(Value::is_object).unwrap_or_else(fresh)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The entry with a name in `contexts`, `clusters` or `users`.
fn entry<'a>(config: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    let items = config.get(list).and_then(Value::as_array)?;
    items.iter().find(|i| text(i, "/name") == name)
}

/// The namespace of a call: the flag's, the context's, or `default`.
pub(super) fn namespace(flags: &Flags, io: &Io<'_>) -> Arc<str> {
    if let Some(namespace) = flags.some("namespace") {
        return namespace.into();
    }
    let file = io.files.read(&path(flags, io)).ok();
    let config = read(file.as_deref());
    let current = text(&config, "/current-context");
    let name = flags.some("context").unwrap_or(current);
    let found = entry(&config, "contexts", name).map_or("", |c| text(c, "/context/namespace"));
    if found.is_empty() { "default".into() } else { found.into() }
}

fn load(call: &mut Call<'_, '_>) -> Run<Value> {
    let path = path(call.flags, call.io);
    let file = call.file(&path)?;
    Ok(read(file.as_deref()))
}

fn save(call: &mut Call<'_, '_>, config: &Value) -> Run<()> {
    let path = path(call.flags, call.io);
    let text = show::print(config);
    let now = call.io.now;
    let mut missing = vec![parent(&path).to_owned()];
    while let Some(dir) = missing.last().filter(|d| call.io.files.stat(d).is_err()).cloned() {
        missing.push(parent(&dir).to_owned());
    }
    for dir in missing.into_iter().rev() {
        // What exists already needs no making; any other trouble shows when the file is written.
        let _ = call.io.files.make_dir(&dir);
    }
    call.io
        .files
        .write(&path, &text, now)
        .map_err(|e| Failure::plain(format!("open {path}: {e}")).into())
}

/// Address of the API server.
pub(super) fn server(call: &mut Call<'_, '_>) -> Run<String> {
    let config = load(call)?;
    let context = entry(&config, "contexts", text(&config, "/current-context"));
    let cluster = context.map_or("", |c| text(c, "/context/cluster"));
    let found = entry(&config, "clusters", cluster).map_or("", |c| text(c, "/cluster/server"));
    Ok(if found.is_empty() { SERVER.to_owned() } else { found.to_owned() })
}

fn current_context(call: &mut Call<'_, '_>) -> Run<()> {
    let config = load(call)?;
    let current = text(&config, "/current-context");
    if current.is_empty() {
        return Err(Failure::plain("current-context is not set").into());
    }
    call.line(current);
    Ok(())
}

fn get_contexts(call: &mut Call<'_, '_>) -> Run<()> {
    let config = load(call)?;
    let current = text(&config, "/current-context").to_owned();
    let contexts = config.get("contexts").and_then(Value::as_array).cloned().unwrap_or_default();
    if call.flags.text("output") == "name" {
        for context in &contexts {
            call.line(text(context, "/name"));
        }
        return Ok(());
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    if !call.flags.on("no-headers") {
        let heads = ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"];
        rows.push(heads.map(str::to_owned).to_vec());
    }
    for context in &contexts {
        let name = text(context, "/name");
        let mark = if name == current { "*" } else { "" };
        let cells = [
            mark,
            name,
            text(context, "/context/cluster"),
            text(context, "/context/user"),
            text(context, "/context/namespace"),
        ];
        rows.push(cells.map(str::to_owned).to_vec());
    }
    call.out(tabwriter(&rows, 6, 3));
    Ok(())
}

fn set_context(call: &mut Call<'_, '_>) -> Run<()> {
    let mut config = load(call)?;
    let name = match (call.flags.on("current"), call.flags.args.as_slice()) {
        (true, []) => text(&config, "/current-context").to_owned(),
        (false, [name]) => name.clone(),
        _ => {
            let message = "you must specify a non-empty context name or --current";
            return Err(Failure::plain(message).into());
        }
    };
    let known = entry(&config, "contexts", &name).is_some();
    let changes: Vec<(&str, String)> = ["cluster", "user", "namespace"]
        .into_iter()
        .filter_map(|key| Some((key, call.flags.some(key)?.to_owned())))
        .collect();
    if let Some(map) = config.as_object_mut() {
        let list = map.entry("contexts").or_insert_with(|| json!([]));
        if let Some(items) = list.as_array_mut() {
            if !known {
                items.push(json!({"name": name, "context": {}}));
            }
            let item = items.iter_mut().find(|i| text(i, "/name") == name);
            if let Some(context) = item.and_then(|i| i.get_mut("context")?.as_object_mut()) {
                for (key, value) in changes {
                    context.insert(key.to_owned(), json!(value));
                }
            }
        }
    }
    save(call, &config)?;
    let done = if known { "modified" } else { "created" };
    call.line(format!("Context \"{name}\" {done}."));
    Ok(())
}

fn use_context(call: &mut Call<'_, '_>) -> Run<()> {
    let mut config = load(call)?;
    let [name] = call.flags.args.as_slice() else {
        return Err(Failure::usage("config use-context", "Unexpected args").into());
    };
    if entry(&config, "contexts", name).is_none() {
        let message = format!("no context exists with the name: \"{name}\"");
        return Err(Failure::plain(message).into());
    }
    if let Some(map) = config.as_object_mut() {
        map.insert("current-context".to_owned(), json!(name));
    }
    save(call, &config)?;
    call.line(format!("Switched to context \"{name}\"."));
    Ok(())
}

fn view(call: &mut Call<'_, '_>) -> Run<()> {
    let config = load(call)?;
    let text = match call.flags.text("output") {
        "json" => super::show::json::print(&config),
        "yaml" => show::print(&config),
        path => match path.strip_prefix("jsonpath=") {
            Some(template) => {
                let read = super::show::jsonpath::Template::parse(template);
                let read = read.map_err(Failure::plain)?;
                read.print(&config).map_err(Failure::plain)?
            }
            None => show::print(&config),
        },
    };
    call.out(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_config_is_read_back() {
        let text = show::print(&fresh());
        let config = read(Some(&text));
        assert_eq!(config, fresh());
        let context = entry(&config, "contexts", CONTEXT).unwrap();
        assert_eq!(super::text(context, "/context/user"), USER);
        assert_eq!(read(Some("[broken")), fresh());
    }
}
