//! What needs what: an order in which nothing comes before what it needs, and rings that have none.
//!
//! On `petgraph`; nodes are places in a list, whose order decides where the needs leave a choice.
//! No walk is recursive, so a long chain of a learner's file does not exhaust the stack.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Incoming;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Dfs;

/// A list of things, some of which need others.
#[derive(Clone, Debug)]
pub struct Needs(DiGraph<(), ()>);

/// A ring of needs, and the way that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The first thing of the list from which the ring is reached.
    pub from: usize,
    /// The things of the ring, each needing the next and the last the first.
    pub members: Vec<usize>,
}

impl Needs {
    /// So many things, and pairs of which the first needs the second.
    #[must_use]
    pub fn new(count: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut graph = DiGraph::new();
        for _ in 0..count {
            graph.add_node(());
        }
        for (one, other) in pairs {
            if one < count && other < count {
                graph.update_edge(NodeIndex::new(one), NodeIndex::new(other), ());
            }
        }
        Self(graph)
    }

    /// Things with names, sorted, and the names that each needs; unknown ones count for nothing.
    #[must_use]
    pub fn by_name<'a, T: AsRef<str>, N: AsRef<str>, I: IntoIterator<Item = N>>(
        names: &'a [T],
        needs: impl Fn(&'a str) -> I,
    ) -> Self {
        let place = |name: &str| names.binary_search_by(|n| n.as_ref().cmp(name)).ok();
        let pairs = names.iter().enumerate().flat_map(|(at, name)| {
            let needed = needs(name.as_ref()).into_iter();
            needed.filter_map(|n| Some((at, place(n.as_ref())?))).collect::<Vec<_>>()
        });
        Self::new(names.len(), pairs)
    }

    /// A thing and all that it needs, by whatever many steps.
    #[must_use]
    pub fn reached(&self, from: usize) -> BTreeSet<usize> {
        if from >= self.0.node_count() {
            return BTreeSet::new();
        }
        let mut walk = Dfs::new(&self.0, NodeIndex::new(from));
        std::iter::from_fn(|| walk.next(&self.0)).map(NodeIndex::index).collect()
    }

    /// All things: again and again the first of the list all of whose needs are placed; the first
    /// of all that are left where a ring leaves none.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        // What is not placed, with how many needs that are not placed.
        let mut open: BTreeMap<NodeIndex, usize> =
            self.0.node_indices().map(|node| (node, self.0.neighbors(node).count())).collect();
        let mut free: BTreeSet<NodeIndex> =
            open.iter().filter(|(_, needs)| **needs == 0).map(|(node, _)| *node).collect();
        let mut placed = Vec::with_capacity(open.len());
        while let Some(next) = free.pop_first().or_else(|| open.keys().next().copied()) {
            open.remove(&next);
            placed.push(next.index());
            for user in self.0.neighbors_directed(next, Incoming) {
                if let Some(needs) = open.get_mut(&user) {
                    *needs -= 1;
                    if *needs == 0 {
                        free.insert(user);
                    }
                }
            }
        }
        placed
    }

    /// The first ring that a search meets which begins with each thing in turn and goes on to its
    /// needs in their order.
    #[must_use]
    pub fn ring(&self) -> Option<Ring> {
        let leading = self.leading_to_rings();
        let from = leading.first().copied()?;
        let (mut way, mut places) = (vec![from], BTreeMap::from([(from, 0)]));
        loop {
            let needs = self.0.neighbors(*way.last()?).filter(|need| leading.contains(need));
            let next = needs.min()?;
            if let Some(at) = places.insert(next, way.len()) {
                let members = way.split_off(at).into_iter().map(NodeIndex::index).collect();
                return Some(Ring { from: from.index(), members });
            }
            way.push(next);
        }
    }

    /// Things from which a ring is reached.
    fn leading_to_rings(&self) -> BTreeSet<NodeIndex> {
        let mut leading = BTreeSet::new();
        // Components come after those that they need.
        for component in kosaraju_scc(&self.0) {
            let leads = |node: &NodeIndex| {
                self.0.neighbors(*node).any(|need| need == *node || leading.contains(&need))
            };
            if component.len() > 1 || component.iter().any(leads) {
                leading.extend(component);
            }
        }
        leading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_decides_where_needs_do_not() {
        let needs = Needs::new(5, [(0, 4), (2, 1), (4, 3)]);
        assert_eq!(needs.order(), [1, 2, 3, 4, 0]);
        assert_eq!(needs.reached(0), BTreeSet::from([0, 3, 4]));
        assert_eq!(needs.ring(), None);
        assert_eq!(Needs::new(2, [(0, 7)]).order(), [0, 1], "unknown needs are no needs");
    }

    #[test]
    fn rings() {
        let needs = Needs::new(6, [(0, 1), (1, 0), (2, 2), (3, 1)]);
        assert_eq!(needs.ring(), Some(Ring { from: 0, members: vec![0, 1] }));
        assert_eq!(needs.order(), [4, 5, 0, 1, 3, 2]);
        let behind = Needs::new(5, [(0, 3), (0, 1), (1, 4), (3, 2), (2, 3)]);
        assert_eq!(behind.ring(), Some(Ring { from: 0, members: vec![3, 2] }));
        assert_eq!(Needs::new(1, [(0, 0)]).ring(), Some(Ring { from: 0, members: vec![0] }));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let count = 200_000;
        let mut pairs: Vec<_> = (1..count).map(|n| (n - 1, n)).collect();
        assert_eq!(Needs::new(count, pairs.clone()).order().first(), Some(&(count - 1)));
        pairs.push((count - 1, count - 2));
        let ring = Needs::new(count, pairs).ring();
        assert_eq!(ring.map(|r| (r.from, r.members.len())), Some((0, 2)));
    }
}
