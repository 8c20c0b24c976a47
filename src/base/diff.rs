//! Differences of texts, as `diff -u` shows them.

/// Lines around a change.
const CONTEXT: usize = 3;
/// Most lines of one side that are compared.
const MAX_LINES: usize = 4_000;

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Both,
    Old,
    New,
}

/// A unified diff of two texts, without the names of files.
#[must_use]
pub fn unified(old: &str, new: &str) -> String {
    let old: Vec<&str> = old.lines().take(MAX_LINES).collect();
    let new: Vec<&str> = new.lines().take(MAX_LINES).collect();
    let lines = edits(&old, &new);
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, (s, _))| *s != Side::Both).map(|(i, _)| i).collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(first) = changed.get(at) {
        let start = first.saturating_sub(CONTEXT);
        let mut last = *first;
        while let Some(next) = changed.get(at).filter(|n| **n <= last + 2 * CONTEXT) {
            last = *next;
            at += 1;
        }
        let end = (last + CONTEXT + 1).min(lines.len());
        let count = |upto: usize, side: Side| {
            lines.iter().take(upto).filter(|(s, _)| *s == Side::Both || *s == side).count()
        };
        let range = |side: Side| {
            let (from, to) = (count(start, side), count(end, side));
            let len = to - from;
            let line = if len == 0 { from } else { from + 1 };
            if len == 1 { format!("{line}") } else { format!("{line},{len}") }
        };
        out.push_str(&format!("@@ -{} +{} @@\n", range(Side::Old), range(Side::New)));
        for (side, line) in lines.iter().take(end).skip(start) {
            let mark = match side {
                Side::Both => ' ',
                Side::Old => '-',
                Side::New => '+',
            };
            out.push_str(&format!("{mark}{line}\n"));
        }
    }
    out
}

/// Lines of both texts in one row, by the longest common subsequence.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Side, &'a str)> {
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let best = if old.get(i) == new.get(j) {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(slot) = lengths.get_mut(i * width + j) {
                *slot = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                lines.push((Side::Both, *a));
                i += 1;
                j += 1;
            }
            (Some(a), b) if b.is_none() || at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) => {
                lines.push((Side::Old, *a));
                i += 1;
            }
            (_, Some(b)) => {
                lines.push((Side::New, *b));
                j += 1;
            }
            (_, None) => break,
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks() {
        assert_eq!(unified("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replace("\n5\n", "\nfive\n").replace("\n18\n", "\n");
        assert_eq!(
            unified(&old, &new),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -15,6 +15,5 @@\n 15\n 16\n \
             17\n-18\n 19\n 20\n"
        );
        assert_eq!(unified("a\n", "a\n"), "");
    }
}
