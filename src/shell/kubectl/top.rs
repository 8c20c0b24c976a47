//! `kubectl top`: without metrics-server there is nothing to show.
//!
//! Follows kubectl `pkg/cmd/top`.

use super::call::{Call, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::resources::SELECT;
use super::verbs::Verb;

pub(super) const NODE: Verb = Verb {
    path: "top node",
    usage: "[NAME | -l label]",
    about: "Show what nodes use",
    flags: &[SELECT, FLAGS],
    required: &[],
    run,
};

pub(super) const POD: Verb = Verb {
    path: "top pod",
    usage: "[NAME | -l label]",
    about: "Show what pods use",
    flags: &[SELECT, FLAGS],
    required: &[],
    run,
};

const FLAGS: &[Flag] = &[
    Flag::new("containers", Takes::Bool, "Each container of its own"),
    Flag::new("no-headers", Takes::Bool, "Without names of columns"),
    Flag::new("sort-by", Takes::Text, "cpu or memory"),
    Flag::new("sum", Takes::Bool, "With a sum"),
    Flag::new("show-capacity", Takes::Bool, "Shares of the capacity"),
];

fn run(_call: &mut Call<'_, '_>) -> Run<()> {
    let _ = crate::stub!("kubectl.top", "there is no metrics API");
    Err(Failure::plain("Metrics API not available").into())
}
