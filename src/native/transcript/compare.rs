//! Holding what was printed against what should have been.

use crate::base::diff;
use crate::native::transcript::normalise::{self, Line, Rules};
use crate::native::transcript::{Printed, Tags, Typed, parse};

/// A line that prints something else than it should.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Index of the typed line in the file.
    pub line: usize,
    /// What it printed.
    pub printed: Printed,
    /// Both sides, to read.
    pub report: String,
}

/// Compare what a typed line printed with what it should have.
#[must_use]
pub fn typed(line: usize, typed: &Typed, printed: Printed, cluster: bool) -> Option<Difference> {
    let mut report = String::new();
    let Tags { any_node, any_age, .. } = typed.tags;
    let rules = Rules { cluster, any_node, any_age };
    let expected = &typed.printed;
    if expected.exit != printed.exit {
        report.push_str(&format!("exit code {} instead of {}\n", printed.exit, expected.exit));
    }
    if !typed.tags.any_output {
        for (name, expected, printed) in [
            ("standard output", &expected.stdout, &printed.stdout),
            ("standard error", &expected.stderr, &printed.stderr),
        ] {
            if let Some(difference) = texts(expected, printed, typed.tags.any_order, rules) {
                report.push_str(&format!("{name}:\n{difference}"));
            }
        }
    }
    (!report.is_empty()).then_some(Difference { line, printed, report })
}

/// The difference of two texts, if there is one that counts.
#[must_use]
pub fn texts(expected: &str, printed: &str, any_order: bool, rules: Rules) -> Option<String> {
    let (mut expected, mut printed) = (expected.to_owned(), printed.to_owned());
    parse::trim_end(&mut expected);
    parse::trim_end(&mut printed);
    if expected == printed {
        return None;
    }
    let (mut old, mut new) = normalise::both(&expected, &printed, rules);
    if any_order {
        old.sort();
        new.sort();
    }
    // Lines that are the same within tolerance are shown as the same.
    for (old, new) in old.iter().zip(&mut new) {
        if old.same(new) {
            *new = old.clone();
        }
    }
    let text = |lines: &[Line]| lines.iter().map(|line| line.shown() + "\n").collect::<String>();
    (old != new).then(|| diff::unified(&text(&old), &text(&new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_does_not_count_and_the_rest_does() {
        let head = "CONTAINER ID   STATUS         NAMES\n";
        let (a, b) = (
            format!("{head}0a1b2c3d4e5f   Up 9 seconds    web\n"),
            format!("{head}ffffffffff00   Up 10 seconds   web\n"),
        );
        assert_eq!(texts(&a, &b, false, Rules::default()), None);
        let late = format!("{head}ffffffffff00   Up 30 seconds   web\n");
        assert!(
            texts(&a, &late, false, Rules::default()).is_some_and(|d| d.contains("Up {30 s}")),
            "{late}"
        );
        let other = format!("{head}ffffffffff00   Up 9 seconds   api\n");
        assert!(texts(&a, &other, false, Rules::default()).is_some());
        assert!(texts("a\nb\n", "b\na\n", false, Rules::default()).is_some());
        assert_eq!(texts("a\nb\n", "b\na\n", true, Rules::default()), None);
        assert!(texts("a\nb\n", "b\na\na\n", true, Rules::default()).is_some());
    }
}
