//! `kubectl explain`: kind, version and whether a field exists.
//!
//! Follows kubectl `pkg/explain`. The descriptions of fields are not part of the simulator.

use serde_json::{Value, json};

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::verbs::Verb;
use crate::kube::api::object::Object;
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "explain",
    usage: "TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] \
            [-o|--output=plaintext]",
    about: "Tell about kinds and their fields",
    flags: &[FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("recursive", Takes::Bool, "All fields of fields"),
    Flag::new("api-version", Takes::Text, "Version of the kind"),
    Flag::new("output", Takes::Text, "Output format").or("plaintext").short('o'),
];

/// Longest path that is looked up: each step may be a list or not.
const MAX_STEPS: usize = 10;

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let [path] = call.flags.args.as_slice() else {
        let message = "You must specify the type of resource to explain. Use \"kubectl \
                       api-resources\" for a complete list of supported resources.\n";
        return Err(Failure::Raw(format!("error: {message}"), 1).into());
    };
    let mut steps = path.split('.');
    let name = steps.next().unwrap_or("");
    let Some(kind) = Kind::parse(name) else {
        let text = format!("the server doesn't have a resource type \"{name}\"\n");
        return Err(Failure::Raw(text, 1).into());
    };
    let info = kind.info();
    let mut head = String::new();
    if !info.group.is_empty() {
        head.push_str(&format!("GROUP:      {}\n", info.group));
    }
    head.push_str(&format!("KIND:       {}\nVERSION:    {}\n\n", info.name, info.version));
    call.out(head);
    let fields: Vec<&str> = steps.collect();
    for end in 1..=fields.len() {
        let (Some(part), Some(name)) = (fields.get(..end), fields.get(end - 1)) else { break };
        if !exists(kind, part) {
            return Err(Failure::plain(format!("field \"{name}\" does not exist")).into());
        }
    }
    let _ = crate::stub!("kubectl.explain", "explain does not describe fields");
    if let Some(name) = fields.last() {
        call.out(format!("FIELD: {name}\n\n"));
    }
    call.out("DESCRIPTION:\n    The descriptions of fields are not part of this simulator.\n\n");
    Ok(())
}

/// Whether the type of a kind has a field at a path.
fn exists(kind: Kind, path: &[&str]) -> bool {
    if path.len() > MAX_STEPS {
        return false;
    }
    if matches!(path, ["apiVersion" | "kind" | "metadata"]) {
        return true;
    }
    // Each step is tried as an object, a list and a map.
    for shapes in 0..3_u32.pow(u32::try_from(path.len().saturating_sub(1)).unwrap_or(0)) {
        let mut value = Value::Null;
        let mut shape = shapes;
        for (i, name) in path.iter().rev().enumerate() {
            if i > 0 {
                value = match shape % 3 {
                    0 => value,
                    1 => json!([value]),
                    _ => json!({"x": value}),
                };
                shape /= 3;
            }
            value = json!({*name: value});
        }
        let read = Object::from_value(kind, &value);
        if read.is_ok_and(|r| r.unknown.is_empty()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known() {
        for (path, known) in [
            (&["spec", "containers", "image"][..], true),
            (&["spec", "containers", "nosuch"], false),
            (&["spec", "nodeName"], true),
            (&["nosuch"], false),
            (&["status", "conditions", "type"], true),
        ] {
            assert_eq!(exists(Kind::Pod, path), known, "{path:?}");
        }
    }
}
