//! `kubectl patch`.
//!
//! Follows kubectl `pkg/cmd/patch/patch.go`.

use serde_json::Value;

use super::apply::DryRun;
use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::get::Format;
use super::resources::{FILES, full_name};
use super::verbs::Verb;
use crate::base::yaml::{self, Dialect};
use crate::kube::api::request::{ApiError, PatchType, Request, Subresource};

pub(super) const VERB: Verb = Verb {
    path: "patch",
    usage: "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
    about: "Change single fields of objects",
    flags: &[FILES, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("patch", Takes::Text, "The patch as JSON or YAML").short('p'),
    Flag::new("patch-file", Takes::Text, "A file with the patch"),
    Flag::new("type", Takes::Text, "json, merge or strategic").or("strategic"),
    Flag::new("subresource", Takes::Text, "Part of the object: status, scale, resize"),
    Flag::new("dry-run", Takes::Maybe("unchanged"), "Send nothing: none, server, client")
        .or("none"),
    Flag::new("field-manager", Takes::Text, "Who manages the fields").or("kubectl-patch"),
    Flag::new("local", Takes::Bool, "Only change the file's objects, send nothing"),
    Flag::new("output", Takes::Text, "Output format").short('o'),
    Flag::new("template", Takes::Text, "Template of -o go-template or -o jsonpath"),
    Flag::new("show-managed-fields", Takes::Bool, "Keep managedFields"),
];

/// A part of an object by its name.
pub(super) fn subresource(name: &str) -> Result<Subresource, Failure> {
    match name {
        "" => Ok(Subresource::None),
        "status" => Ok(Subresource::Status),
        "scale" => Ok(Subresource::Scale),
        "resize" => Ok(Subresource::Resize),
        other => Err(Failure::plain(format!(
            "invalid subresource value: \"{other}\". Must be one of [status scale resize]"
        ))),
    }
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let text = match (call.flags.has("patch"), call.flags.some("patch-file").map(str::to_owned)) {
        (true, Some(_)) => {
            let message = "cannot specify --patch and --patch-file together";
            return Err(Failure::plain(message).into());
        }
        (true, None) => call.flags.text("patch").to_owned(),
        (false, Some(path)) => match call.file(&path)? {
            Some(text) => text.to_string(),
            None => {
                let message =
                    format!("unable to read patch file: open {path}: no such file or directory");
                return Err(Failure::plain(message).into());
            }
        },
        (false, None) => {
            let message =
                "must specify --patch or --patch-file containing the contents of the patch";
            return Err(Failure::plain(message).into());
        }
    };
    let how = match call.flags.text("type") {
        "strategic" => PatchType::Strategic,
        "merge" => PatchType::Merge,
        "json" => PatchType::Json,
        other => {
            let message = format!("--type must be one of [json merge strategic], not \"{other}\"");
            return Err(Failure::plain(message).into());
        }
    };
    let part = subresource(call.flags.text("subresource"))?;
    let dry = DryRun::of(call)?;
    let format = Format::of(call)?;
    let patch = read(&text)?;
    let args = call.flags.args.clone();
    let mut found = call.find(&args, true)?;
    for object in std::mem::take(&mut found.objects) {
        let patch = match &patch {
            Ok(patch) => patch.clone(),
            Err(error) => {
                found.failures.push(error.clone().into());
                continue;
            }
        };
        let (kind, namespace, name) = (object.kind(), object.namespace(), object.name());
        if dry == DryRun::Client {
            call.line(format!("{} patched{}", full_name(&object), dry.mark()));
            continue;
        }
        let mut request = Request::patch(kind, namespace, name, how, patch).on(part);
        request.options.dry_run = dry == DryRun::Server;
        request.options.field_manager = call.flags.some("field-manager").map(Into::into);
        match call.object(request)? {
            Ok(after) if matches!(format, Format::Table) => {
                let same = after.revision() == object.revision() && dry == DryRun::None;
                let done = if same { "patched (no change)" } else { "patched" };
                call.line(format!("{} {done}{}", full_name(&object), dry.mark()));
            }
            Ok(after) => {
                let text = format.print(&[after], true, call.flags)?;
                call.out(text);
            }
            Err(error) => found.failures.push(error.into()),
        }
    }
    found.end()
}

/// JSON goes to the server as it is, so that the server complains about it; YAML is read here.
fn read(text: &str) -> Result<Result<Value, ApiError>, Failure> {
    if text.trim_start().starts_with(['{', '[']) {
        return Ok(match serde_json::from_str(text) {
            Ok(value) => Ok(value),
            Err(_) => Err(ApiError::bad_request(json_error(text))),
        });
    }
    let nodes = yaml::parse(text)
        .map_err(|e| Failure::plain(format!("unable to parse \"{text}\": {e}")))?;
    Ok(Ok(nodes.first().map_or(Value::Null, |n| n.value(Dialect::Kubectl))))
}

/// What Go's `encoding/json` says about a text that is no JSON.
#[expect(clippy::too_many_lines, reason = "a table of cases, one after the other")]
fn json_error(text: &str) -> String {
    let end = || "unexpected end of JSON input".to_owned();
    let bad = |c: char, looking: &str| {
        let shown = match c {
            '\'' => "'\\''".to_owned(),
            c => format!("'{c}'"),
        };
        format!("invalid character {shown} {looking}")
    };
    let mut open: Vec<char> = Vec::new();
    // What may come next.
    let mut state = Next::Value;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        state = match (state, c) {
            (Next::Value | Next::ValueOrEnd, '{') => {
                open.push('{');
                Next::KeyOrEnd
            }
            (Next::Value | Next::ValueOrEnd, '[') => {
                open.push('[');
                Next::ValueOrEnd
            }
            (Next::ValueOrEnd | Next::Comma, ']') if open.last() == Some(&'[') => {
                open.pop();
                Next::Comma
            }
            (Next::KeyOrEnd | Next::Comma, '}') if open.last() == Some(&'{') => {
                open.pop();
                Next::Comma
            }
            (Next::Value | Next::ValueOrEnd | Next::Key | Next::KeyOrEnd, '"') => {
                let mut escaped = false;
                let closed = chars.by_ref().any(|c| match c {
                    _ if escaped => {
                        escaped = false;
                        false
                    }
                    '\\' => {
                        escaped = true;
                        false
                    }
                    c => c == '"',
                });
                if !closed {
                    return end();
                }
                if matches!(state, Next::Key | Next::KeyOrEnd) { Next::Colon } else { Next::Comma }
            }
            (Next::Value | Next::ValueOrEnd, '-' | '0'..='9' | 't' | 'f' | 'n') => {
                let word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
                while chars.next_if(word).is_some() {}
                Next::Comma
            }
            (Next::Colon, ':') => Next::Value,
            (Next::Comma, ',') => match open.last() {
                Some('{') => Next::Key,
                Some(_) => Next::Value,
                None => return bad(c, "after top-level value"),
            },
            (Next::Key | Next::KeyOrEnd, c) => {
                return bad(c, "looking for beginning of object key string");
            }
            (Next::Colon, c) => return bad(c, "after object key"),
            (Next::Comma, c) => {
                let after = match open.last() {
                    Some('{') => "after object key:value pair",
                    Some(_) => "after array element",
                    None => "after top-level value",
                };
                return bad(c, after);
            }
            (Next::Value | Next::ValueOrEnd, c) => {
                return bad(c, "looking for beginning of value");
            }
        };
    }
    end()
}

#[derive(Clone, Copy, PartialEq)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    Comma,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_about_json() {
        for (text, message) in [
            ("{bad", "invalid character 'b' looking for beginning of object key string"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("{\"a\":x}", "invalid character 'x' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{\"a\":1}}", "invalid character '}' after top-level value"),
        ] {
            assert_eq!(json_error(text), message, "{text}");
        }
    }
}
