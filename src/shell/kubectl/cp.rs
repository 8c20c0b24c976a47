//! `kubectl cp`, for single files.
//!
//! Follows kubectl `pkg/cmd/cp/cp.go`, which runs `tar` in the container; here `cat` does it.

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::logs::default_container;
use super::verbs::Verb;
use crate::kube::api::request::{Options, Request, Response, Subresource, Verb as Ask};
use crate::kube::kinds::Kind;
use crate::posix::{FileSystem, normal};

pub(super) const VERB: Verb = Verb {
    path: "cp",
    usage: "<file-spec-src> <file-spec-dest>",
    about: "Copy a file from or to a container",
    flags: &[FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("container", Takes::Text, "Which container").short('c'),
    Flag::new("no-preserve", Takes::Bool, "Do not keep owner and mode"),
    Flag::new("retries", Takes::Int, "How often to try again").or("0"),
];

/// `ns/pod:path`, `pod:path` or a local path.
struct Place {
    namespace: Option<String>,
    pod: String,
    path: String,
}

fn place(text: &str) -> Place {
    let local = Place { namespace: None, pod: String::new(), path: text.to_owned() };
    if text.starts_with(['.', '/']) {
        return local;
    }
    let Some((pod, path)) = text.split_once(':') else { return local };
    let (namespace, pod) = match pod.split_once('/') {
        Some((ns, pod)) => (Some(ns.to_owned()), pod.to_owned()),
        None => (None, pod.to_owned()),
    };
    Place { namespace, pod, path: path.to_owned() }
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let _ = crate::stub!("kubectl.cp.directories", "cp copies single files only");
    let [from, to] = call.flags.args.as_slice() else {
        return Err(Failure::usage("cp", "source and destination are required").into());
    };
    let (from, to) = (place(from), place(to));
    let remote = match (from.pod.is_empty(), to.pod.is_empty()) {
        (true, true) => {
            let message = "one of src or dest must be a remote file specification";
            return Err(Failure::plain(message).into());
        }
        (false, false) => {
            return Err(
                Failure::plain("one of src or dest must be a local file specification").into()
            );
        }
        (false, true) => &from,
        (true, false) => &to,
    };
    let namespace = remote.namespace.clone().unwrap_or_else(|| call.namespace.to_string());
    let pod = call.object(Request::get(Kind::Pod, &namespace, &remote.pod))??;
    let named = call.flags.some("container").map(str::to_owned);
    let container = default_container(call, &pod, named.as_deref())?;
    let mut request = Request::new(Ask::Create, Kind::Pod, &namespace, &remote.pod);
    request.subresource = Subresource::Exec;
    request.options = Options { container: Some(container.into()), ..Options::default() };
    if to.pod.is_empty() {
        request.options.command = vec!["cat".to_owned(), from.path.clone()];
        let text = output(call, request)?;
        let path = into_directory(call, &to.path, &from.path)?;
        let now = call.moment()?;
        let path = normal(call.io.cwd, &path);
        if let Err(error) = call.io.files.write(&path, &text, now) {
            return Err(Failure::plain(format!("open {}: {error}", to.path)).into());
        }
        return Ok(());
    }
    let Some(text) = call.file(&from.path)? else {
        let message = format!("{} doesn't exist in local filesystem", from.path);
        return Err(Failure::plain(message).into());
    };
    let name = from.path.rsplit('/').next().unwrap_or("").to_owned();
    let script = "if [ -d \"$1\" ]; then cat > \"$1/$2\"; else cat > \"$1\"; fi";
    request.options.command =
        ["sh", "-c", script, "cp", &to.path, &name].map(str::to_owned).to_vec();
    request.options.stdin = Some(text.to_string());
    output(call, request)?;
    Ok(())
}

/// The path of a file, which may be named by its directory.
fn into_directory(call: &mut Call<'_, '_>, path: &str, from: &str) -> Run<String> {
    if call.dir(path)?.is_none() {
        return Ok(path.to_owned());
    }
    let name = from.rsplit('/').next().unwrap_or("");
    Ok(format!("{}/{name}", path.trim_end_matches('/')))
}

/// The output of a command in a container.
fn output(call: &mut Call<'_, '_>, request: Request) -> Run<String> {
    let ticket = call.open(request)?;
    let mut text = String::new();
    loop {
        match call.part(ticket, None)? {
            Some(Ok(Response::Text(part))) => text.push_str(&part),
            Some(Ok(Response::ErrText(part))) => call.err(part.trim_end()),
            Some(Ok(Response::Done { exit: 0 })) | None => break,
            Some(Ok(Response::Done { exit })) => {
                let message = format!("command terminated with exit code {exit}");
                return Err(Failure::plain(message).into());
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    call.close(ticket);
    Ok(text)
}
