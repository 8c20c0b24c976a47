//! What `kubectl apply --dry-run=server` would say of a manifest, for the editor.

use crate::shell::kubectl::check::{self, Namespaces};
use crate::view::editor::{Verdict, complaint};

/// Check a file. `source` is its name as the user gives it.
#[must_use]
pub fn check(source: &str, text: &str, namespaces: Namespaces) -> Verdict {
    let found = check::check(text, source, namespaces);
    let complaints = found.complaints.into_iter();
    let warning = |line: &&str| line.starts_with("Warning: ");
    Verdict {
        accepted: found.accepted,
        complaints: complaints.map(|c| complaint(c.span.line, c.span.column, c.message)).collect(),
        notes: found.stderr.lines().filter(warning).map(str::to_owned).collect(),
    }
}
