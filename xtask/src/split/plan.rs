//! Which function goes where. A pure decision over the facts of the module.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::{RefType, TableType};

use super::module::Module;
use crate::shell::Outcome;

/// Paths whose functions are of the page itself: what the profile cannot see whole, because it
/// runs without a document.
const PAGE: &[&str] = &[
    "drydock::ui",
    "drydock::view",
    "drydock::text",
    "yew",
    "wasm_bindgen",
    "js_sys",
    "web_sys",
    "gloo",
    "fluent",
    "intl_",
    "unic_langid",
];
/// Paths of the simulation: the profile knows them all.
const SIMULATION: &[&str] = &[
    "drydock::engine",
    "drydock::posix",
    "drydock::machine",
    "drydock::net",
    "drydock::docker",
    "drydock::compose",
    "drydock::kube",
    "drydock::shell",
    "drydock::world",
    "k8s_openapi",
];
/// Paths of this project's own types: a function without them is a library's, of any use.
const OWN: &[&str] = &["drydock::", "k8s_openapi"];

/// Where each function goes.
#[derive(Default)]
pub struct Plan {
    /// Functions of the rest.
    pub rest: BTreeSet<u32>,
    /// Functions of the rest that the first part calls, and their place in its table.
    pub slots: BTreeMap<u32, u32>,
    /// Functions of the first part that the rest calls.
    pub shared: BTreeSet<u32>,
    /// Type of a function without parameters and results.
    pub nothing: u32,
}

impl Plan {
    /// The table through which the first part calls the rest.
    pub fn table(&self) -> TableType {
        TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: self.slots.len() as u64,
            maximum: None,
            shared: false,
        }
    }
}

/// Decide: what was called while the profile ran stays, and what the page itself may call.
pub fn plan(module: &Module<'_>, called: &BTreeSet<u32>) -> Outcome<Plan> {
    let mut calls = BTreeMap::new();
    let mut first: BTreeSet<u32> = (0..module.imported).collect();
    let mut todo = Vec::new();
    for function in module.defined() {
        let (callees, bound) = module.calls(function)?;
        calls.insert(function, callees);
        let name = module.names.get(function as usize).map_or("", String::as_str);
        let page = has(name, PAGE);
        // Formatting and the like, called through tables, which no call tells of.
        let common = module.tabled.contains(&function) && !has(name, OWN);
        let exported = module.exported.contains(&function);
        if bound || page || common || exported || called.contains(&function) {
            first.insert(function);
        }
        if page || exported {
            todo.push(function);
        }
    }
    // Small helpers that only the page calls have no telling name: follow the page's calls.
    while let Some(function) = todo.pop() {
        for callee in calls.get(&function).into_iter().flatten() {
            let name = module.names.get(*callee as usize).map_or("", String::as_str);
            if !has(name, SIMULATION) && first.insert(*callee) {
                todo.push(*callee);
            }
        }
    }
    let rest: BTreeSet<u32> = module.defined().filter(|f| !first.contains(f)).collect();
    let mut plan = Plan { nothing: module.procedure(&[])?, rest, ..Plan::default() };
    let mut entries: BTreeSet<u32> = module.tabled.intersection(&plan.rest).copied().collect();
    for (function, callees) in &calls {
        let of_rest = plan.rest.contains(function);
        for callee in callees {
            match (of_rest, plan.rest.contains(callee)) {
                (true, false) => _ = plan.shared.insert(*callee),
                (false, true) => _ = entries.insert(*callee),
                _ => {}
            }
        }
    }
    plan.slots = entries.into_iter().zip(0..).collect();
    Ok(plan)
}

fn has(name: &str, paths: &[&str]) -> bool {
    paths.iter().any(|path| name.contains(path))
}
