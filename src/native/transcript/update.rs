//! Writing what the simulation prints into a transcript.

use crate::native::transcript::run::Outcome;
use crate::native::transcript::{Transcript, parse};

/// The text of a transcript in which the lines that differ print what they did. Sections with a
/// known gap stay as they are: they say what is right.
#[must_use]
pub fn text(transcript: &Transcript, outcomes: &[Outcome]) -> String {
    let mut changes = Vec::new();
    for outcome in outcomes {
        let Some(section) = transcript.sections.get(outcome.section) else { continue };
        if section.known_gap.is_some() {
            continue;
        }
        for difference in &outcome.differences {
            let typed = section.typed_at(difference.line);
            let lines = parse::write_printed(&difference.printed);
            changes.extend(typed.map(|typed| (typed.range.clone(), lines)));
        }
    }
    changes.sort_by_key(|(range, _)| range.start);
    let mut out = String::new();
    let mut at = 0;
    let copy = |out: &mut String, upto: usize, from: usize| {
        for line in transcript.lines.iter().take(upto).skip(from) {
            out.push_str(line);
            out.push('\n');
        }
    };
    for (range, lines) in changes {
        copy(&mut out, range.start, at);
        for line in lines {
            out.push_str(&line);
            out.push('\n');
        }
        // Blank lines between the output and what follows stay.
        let blank = transcript.lines.iter().take(range.end).skip(range.start).rev();
        let blank = blank.take_while(|line| line.is_empty()).count();
        at = range.end - blank;
    }
    copy(&mut out, transcript.lines.len(), at);
    out
}
