//! Tables of `get`: the columns of a kind, and what the flags add to them.
//!
//! Follows cli-runtime `pkg/printers/tableprinter.go`.

use std::sync::Arc;

use super::flags::Flags;
use crate::base::table::tabwriter;
use crate::base::time::SimTime;
use crate::kube::api::object::Object;
use crate::kube::kinds::Kind;
use crate::kube::print::describe::or_none;
use crate::kube::print::table::cells;

/// Smallest width of a column, and the spaces behind it.
const MIN_WIDTH: usize = 6;
const PADDING: usize = 3;

/// What the flags ask of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    /// More columns.
    pub(super) wide: bool,
    /// No line with the names of the columns.
    pub(super) no_headers: bool,
    /// A column for the namespace.
    pub(super) namespaces: bool,
    /// Names with their kind before them.
    pub(super) kinds: bool,
    /// A column for all labels.
    pub(super) labels: bool,
    /// A column for each of these labels.
    pub(super) columns: Vec<String>,
}

impl Style {
    /// From the flags of a call.
    pub(super) fn of(flags: &Flags) -> Self {
        Self {
            wide: flags.text("output") == "wide",
            no_headers: flags.on("no-headers"),
            namespaces: flags.on("all-namespaces"),
            kinds: flags.on("show-kind"),
            labels: flags.on("show-labels"),
            columns: flags.all("label-columns").to_vec(),
        }
    }

    /// Names of the columns and one row per object.
    pub(super) fn rows(
        &self,
        kind: Kind,
        objects: &[Arc<Object>],
        now: SimTime,
    ) -> (Vec<String>, Vec<Vec<String>>) {
        let (mut heads, mut rows) = cells(kind, objects, now, self.wide);
        let name_at = heads.iter().position(|h| h == "NAME");
        for column in &self.columns {
            let name = column.rsplit('/').next().unwrap_or(column);
            heads.push(name.to_uppercase());
        }
        if self.labels {
            heads.push("LABELS".to_owned());
        }
        if self.namespaces && kind.namespaced() {
            heads.insert(0, "NAMESPACE".to_owned());
        }
        for (row, object) in rows.iter_mut().zip(objects) {
            if self.kinds
                && let Some(name) = name_at.and_then(|at| row.get_mut(at))
            {
                *name = format!("{}/{name}", kind.singular_resource());
            }
            let labels = object.meta().labels.clone().unwrap_or_default();
            for column in &self.columns {
                row.push(labels.get(column).cloned().unwrap_or_default());
            }
            if self.labels {
                let all: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
                row.push(or_none(&all.join(",")).to_owned());
            }
            if self.namespaces && kind.namespaced() {
                row.insert(0, object.namespace().to_owned());
            }
        }
        (heads, rows)
    }

    /// The whole table as text.
    pub(super) fn print(&self, kind: Kind, objects: &[Arc<Object>], now: SimTime) -> String {
        let (heads, mut rows) = self.rows(kind, objects, now);
        if !self.no_headers {
            rows.insert(0, heads);
        }
        tabwriter(&rows, MIN_WIDTH, PADDING)
    }
}

/// Widths of the columns of a table that grows row by row; they only grow.
#[derive(Clone, Debug, Default)]
pub(super) struct Widths(Vec<usize>);

impl Widths {
    /// Lay out one block of rows, remembering how wide the columns are.
    pub(super) fn print(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            for (i, cell) in row.iter().enumerate() {
                let width = (cell.chars().count() + PADDING).max(MIN_WIDTH);
                match self.0.get_mut(i) {
                    Some(known) => *known = width.max(*known),
                    None => self.0.push(width),
                }
            }
        }
        let mut out = String::new();
        for row in rows {
            for (i, cell) in row.iter().enumerate() {
                out.push_str(cell);
                if i + 1 < row.len() {
                    let width = self.0.get(i).copied().unwrap_or(0);
                    let pad = width.saturating_sub(cell.chars().count());
                    out.extend(std::iter::repeat_n(' ', pad));
                }
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_only_grow() {
        let row = |cells: &[&str]| vec![cells.iter().map(|c| (*c).to_owned()).collect()];
        let mut widths = Widths::default();
        assert_eq!(widths.print(&row(&["NAME", "AGE"])), "NAME   AGE\n");
        assert_eq!(widths.print(&row(&["longer", "1s"])), "longer   1s\n");
        assert_eq!(widths.print(&row(&["x", "1s"])), "x        1s\n");
    }
}
