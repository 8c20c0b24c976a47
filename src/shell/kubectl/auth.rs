//! `kubectl auth`: the user may do everything.

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::verbs::Verb;
use crate::base::table::tabwriter;

pub(super) const CAN_I: Verb = Verb {
    path: "auth can-i",
    usage: "VERB [TYPE | TYPE/NAME | NONRESOURCEURL]",
    about: "Ask whether something is allowed",
    flags: &[FLAGS],
    required: &[],
    run: can_i,
};

pub(super) const WHO_AM_I: Verb = Verb {
    path: "auth whoami",
    usage: "[flags]",
    about: "Show the name of the user",
    flags: &[],
    required: &[],
    run: who_am_i,
};

const FLAGS: &[Flag] = &[
    Flag::new("all-namespaces", Takes::Bool, "In all namespaces").short('A'),
    Flag::new("list", Takes::Bool, "Show all that is allowed"),
    Flag::new("no-headers", Takes::Bool, "Without names of columns"),
    Flag::new("quiet", Takes::Bool, "Only the exit code").short('q'),
    Flag::new("subresource", Takes::Text, "Part of the object"),
];

fn can_i(call: &mut Call<'_, '_>) -> Run<()> {
    let _ = crate::stub!("kubectl.auth", "rights (RBAC) are not checked");
    if call.flags.args.len() < 2 && !call.flags.on("list") {
        let message = "you must specify two arguments: verb resource or verb \
                       resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples";
        return Err(Failure::plain(message).into());
    }
    if !call.flags.on("quiet") {
        call.line("yes");
    }
    Ok(())
}

fn who_am_i(call: &mut Call<'_, '_>) -> Run<()> {
    let rows = [
        ["ATTRIBUTE", "VALUE"],
        ["Username", "kubernetes-admin"],
        ["Groups", "[kubeadm:cluster-admins system:authenticated]"],
    ];
    let rows: Vec<Vec<String>> = rows.iter().map(|r| r.map(str::to_owned).to_vec()).collect();
    call.out(tabwriter(&rows, 6, 3));
    Ok(())
}
