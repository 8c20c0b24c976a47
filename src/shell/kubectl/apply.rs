//! `kubectl apply`.
//!
//! Follows kubectl `pkg/cmd/apply/apply.go` and `patcher.go`. Left out: `--prune`, `-k`, and the
//! subcommands about the last applied configuration.

use std::sync::Arc;

use serde_json::Value;

use super::call::{Call, Run};
use super::document::Manifest;
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::get::{Format, OUTPUT};
use super::manifest;
use super::prune;
use super::resources::{FILES, full_name};
use super::show::json;
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::api::patch::three_way::{self, LAST_APPLIED, last_applied, with_last_applied};
use crate::kube::api::request::{ApiError, Body, FieldValidation, PatchType, Request, Verb as Ask};

pub(super) const VERB: Verb = Verb {
    path: "apply",
    usage: "(-f FILENAME | -k DIRECTORY)",
    about: "Bring objects to the state that files describe",
    flags: &[FILES, OUTPUT, SEND, FLAGS],
    required: &[],
    run,
};

/// Flags of all verbs that send objects.
pub(super) const SEND: &[Flag] = &[
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
    Flag::new("validate", Takes::Maybe("strict"), "Unknown fields: strict, warn, ignore")
        .or("strict"),
    Flag::new("field-manager", Takes::Text, "Who manages the fields"),
];

const FLAGS: &[Flag] = &[
    Flag::new("server-side", Takes::Bool, "Let the server merge"),
    Flag::new("force-conflicts", Takes::Bool, "Take over fields of other managers"),
    Flag::new("force", Takes::Bool, "Delete and create where a change is refused"),
    Flag::new("overwrite", Takes::Bool, "Overrule changes that others made").or("true"),
    Flag::new("prune", Takes::Bool, "Delete what the files do not name any more"),
    Flag::new("all", Takes::Bool, "All objects, for --prune"),
    Flag::new("selector", Takes::Text, "Only objects with these labels").short('l'),
    Flag::new("wait", Takes::Bool, "Wait for what is deleted"),
    Flag::new("timeout", Takes::Time, "How long to wait").or("0s"),
    Flag::new("cascade", Takes::Maybe("background"), "Dependents of what is deleted")
        .or("background"),
    Flag::new("grace-period", Takes::Int, "Seconds until a kill").or("-1"),
];

const MANAGER: &str = "kubectl-client-side-apply";

/// `--dry-run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DryRun {
    /// Send.
    None,
    /// Only print.
    Client,
    /// The server answers as if.
    Server,
}

impl DryRun {
    /// From the flags of a call.
    pub(super) fn of(call: &Call<'_, '_>) -> Result<Self, Failure> {
        match call.flags.text("dry-run") {
            "none" | "false" | "" => Ok(Self::None),
            "client" | "unchanged" | "true" => Ok(Self::Client),
            "server" => Ok(Self::Server),
            other => Err(Failure::plain(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }

    /// What stands behind the line.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }
}

/// `--validate`.
pub(super) fn validation(call: &Call<'_, '_>) -> FieldValidation {
    match call.flags.text("validate") {
        "warn" => FieldValidation::Warn,
        "ignore" | "false" => FieldValidation::Ignore,
        _ => FieldValidation::Strict,
    }
}

/// `Warning: …` before the name of a file (`AddSourceToErr`).
pub(super) fn with_source(doing: &str, source: &str, mut error: ApiError) -> Failure {
    error.message = format!("error when {doing} \"{source}\": {}", error.message);
    error.into()
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    if !call.has_files() {
        return Err(Failure::plain("must specify one of -f and -k").into());
    }
    prune::precondition(call)?;
    if !call.flags.args.is_empty() {
        let args = call.flags.args.join(" ");
        let text = format!(
            "error: Unexpected args: [{args}]\nSee 'kubectl apply -h' for help and examples\n"
        );
        return Err(Failure::Raw(text, 1).into());
    }
    let dry = DryRun::of(call)?;
    let format = Format::of(call)?;
    let read = manifest::read(call)?;
    let (manifests, unread) = (&read.found, &read.failures());
    if read.is_empty() {
        return Err(Failure::plain("no objects passed to apply").into());
    }
    let done = call.each(manifests, |call, one| {
        let applied = if call.flags.on("server-side") {
            server_side(call, one, dry)?
        } else {
            client_side(call, one, dry)?
        };
        Ok(applied.map(|(object, what)| {
            if matches!(format, Format::Table) {
                let name = object_name(one, object.as_deref());
                call.line(format!("{name} {what}{}", dry.mark()));
            }
            object
        }))
    })?;
    let (objects, mut failures) = Failure::sort(unread, &done);
    if call.flags.on("prune") && failures.is_empty() {
        failures = prune::run(call, manifests, &objects, dry)?;
    }
    if !matches!(format, Format::Table) && !objects.is_empty() {
        let text = format.print(&objects, objects.len() == 1, call.flags)?;
        call.out(text);
    }
    match Failure::of(failures) {
        None => Ok(()),
        Some(failure) => Err(failure.into()),
    }
}

fn object_name(one: &Manifest, object: Option<&Object>) -> String {
    object.map_or_else(|| format!("{}/{}", one.kind.singular_resource(), one.name), full_name)
}

type Applied = Result<(Option<Arc<Object>>, &'static str), Failure>;

fn client_side(call: &mut Call<'_, '_>, one: &Manifest, dry: DryRun) -> Run<Applied> {
    let wanted = with_last_applied(&one.value);
    if one.name.is_empty() {
        return Ok(Err(nameless(one)));
    }
    let live = match call.object(Request::get(one.kind, &one.namespace, &one.name))? {
        Ok(live) => live,
        Err(error) if error.is_not_found() => {
            if dry == DryRun::Client {
                return Ok(Ok((None, "created")));
            }
            let made = call.object(create_request(call, one, wanted, dry))?;
            return Ok(match made {
                Ok(object) => Ok((Some(object), "created")),
                Err(error) => Err(with_source("creating", &one.source, error)),
            });
        }
        Err(error) => return Ok(Err(error.into())),
    };
    let before = live.to_value();
    let last = last_applied(&before);
    if last.is_none() {
        call.err(format!(
            "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required \
             by kubectl apply. kubectl apply should only be used on resources created \
             declaratively by either kubectl create --save-config or kubectl apply. The missing \
             annotation will be patched automatically.",
            one.kind.plural(),
            one.name
        ));
    }
    let patch = three_way::patch(last.as_ref(), &wanted, &before);
    if patch.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(Ok((Some(live), "unchanged")));
    }
    if dry == DryRun::Client {
        return Ok(Ok((Some(live), "configured")));
    }
    let shown = json::compact(&patch);
    let mut request =
        Request::patch(one.kind, &one.namespace, &one.name, PatchType::Strategic, patch);
    request.options.field_manager = Some(MANAGER.into());
    request.options.field_validation = validation(call);
    request.options.dry_run = dry == DryRun::Server;
    Ok(match call.object(request)? {
        Ok(object) => Ok((Some(object), "configured")),
        Err(mut error) => {
            error.message = format!(
                "error when applying patch:\n{shown}\nto:\n{}for: \"{}\": error when patching \
                 \"{}\": {}",
                about(one),
                one.source,
                one.source,
                error.message
            );
            Err(error.into())
        }
    })
}

/// `Resource: …`, `Name: …` as errors of apply name an object.
fn about(one: &Manifest) -> String {
    let info = one.kind.info();
    let version = format!("{}/{}", info.group, info.version);
    format!(
        "Resource: \"{version}, Resource={}\", GroupVersionKind: \"{version}, Kind={}\"\nName: \
         \"{}\", Namespace: \"{}\"\n",
        info.plural, info.name, one.name, one.namespace
    )
}

/// What is said of an object without a name.
pub(super) fn nameless(one: &Manifest) -> Failure {
    let generate = one.value.pointer("/metadata/generateName").and_then(Value::as_str);
    if let Some(prefix) = generate.filter(|p| !p.is_empty()) {
        return Failure::plain(format!("from {prefix}: cannot use generate name with apply"));
    }
    Failure::plain(format!(
        "error when retrieving current configuration of:\n{}from server for: \"{}\": resource \
         name may not be empty",
        about(one),
        one.source
    ))
}

/// A create request of a manifest.
pub(super) fn create_request(
    call: &Call<'_, '_>,
    one: &Manifest,
    value: Value,
    dry: DryRun,
) -> Request {
    let mut request = Request::new(Ask::Create, one.kind, &one.namespace, "");
    request.body = Body::Value(value);
    request.options.field_manager =
        Some(call.flags.some("field-manager").unwrap_or(MANAGER).into());
    request.options.field_validation = validation(call);
    request.options.dry_run = dry == DryRun::Server;
    request
}

fn server_side(call: &mut Call<'_, '_>, one: &Manifest, dry: DryRun) -> Run<Applied> {
    if one.name.is_empty() {
        return Ok(Err(nameless(one)));
    }
    if dry == DryRun::Client {
        let text = "--dry-run=client doesn't work with --server-side (did you mean \
                    --dry-run=server instead?)";
        return Ok(Err(Failure::plain(text)));
    }
    let patch = one.value.clone();
    let mut request = Request::patch(one.kind, &one.namespace, &one.name, PatchType::Apply, patch);
    request.options.field_manager =
        Some(call.flags.some("field-manager").unwrap_or("kubectl").into());
    request.options.force = call.flags.on("force-conflicts");
    request.options.field_validation = validation(call);
    request.options.dry_run = dry == DryRun::Server;
    Ok(match call.object(request)? {
        Ok(object) => Ok((Some(object), "serverside-applied")),
        Err(error) if error.is_conflict() => Err(Failure::plain(format!(
            "{}\nPlease review the fields above--they currently have other managers. Here\nare \
             the ways you can resolve this warning:\n* If you intend to manage all of these \
             fields, please re-run the apply\n  command with the `--force-conflicts` flag.\n* If \
             you do not intend to manage all of the fields, please edit your\n  manifest to \
             remove references to the fields that should keep their\n  current managers.\n* You \
             may co-own fields by updating your manifest to match the existing\n  value; in this \
             case, you'll become the manager if the other manager(s)\n  stop managing the field \
             (remove it from their configuration).\nSee \
             https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
            error.message
        ))),
        Err(error) => Err(error.into()),
    })
}
