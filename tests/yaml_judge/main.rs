//! Our reader of YAML beside `serde_yaml` (libyaml, of which go-yaml is a translation): on
//! generated documents both give the same tree, or both refuse.
//!
//! `YAML_DOCUMENTS=100000` reads more of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a generator of texts for a test; a person asks for more by the environment"
)]

mod generator;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use drydock::base::yaml::{self, Dialect, Kind, Node};
use generator::Generator;
use serde::Deserialize as _;
use serde_yaml::Value;

/// Texts of each kind, unless the environment says otherwise.
const DOCUMENTS: u64 = 4_000;

/// Whether a row is about a scalar.
type Fits = fn(&str) -> bool;

/// Plain scalars that the two rightly resolve differently, each with its reason
/// (handbook yaml-dialects; measured on kubectl and docker).
const SCALARS: &[(Fits, &str)] = &[
    (|t| t.contains('_') && digits(t), "go-yaml leaves `_` out of numbers; serde_yaml reads text"),
    (
        |t| t.trim_start_matches(['+', '-']).starts_with('0') && digits(t),
        "go-yaml reads leading zeros as octal, or as a decimal with an 8 or 9; serde_yaml reads text",
    ),
    (
        |t| t.trim_start_matches(['+', '-']).starts_with('.') && !digits(t),
        "JSON has no infinity, so neither has our tree",
    ),
];

/// Texts that only one of the two refuses, by its words, written on purpose too.
const GAPS: &[(&str, &str)] = &[
    (
        "wrongly indented line in block scalar",
        "the parser takes a comment behind a block scalar for its text where it stands further in",
    ),
    ("found a tab character where", "the parser takes a tab that begins a block scalar for text"),
];

/// The same, of damaged texts. They come of damage alone: no text that
/// is written on purpose has them.
const REFUSALS: &[(&str, &str)] = &[
    ("directive", "YAML 1.2 passes over directives that it does not know"),
    ("while scanning an anchor", "in YAML 1.2 an anchor's name has any characters"),
    ("could not find expected ':'", "the same: a `:` belongs to the name of an anchor before it"),
    ("expected <document start>", "in YAML 1.2 a block scalar at the top may stand at column 1"),
    ("while scanning a tag", "in YAML 1.2 a bracket ends a tag"),
    ("found unexpected ':'", "in YAML 1.2 a `:` before a bracket or comma ends a plain scalar"),
    (
        "invalid indentation",
        "the parser refuses a closing bracket in the first column within others",
    ),
    ("expected ',' or '}'", "the parser takes a lone carriage return within quotes for text"),
    ("cannot start any token", "the parser takes a tab after an indicator for a space"),
];

fn digits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || "_.+-".contains(c))
}

fn documents() -> u64 {
    let given = std::env::var("YAML_DOCUMENTS").ok().and_then(|n| n.parse().ok());
    given.unwrap_or(DOCUMENTS)
}

/// What the judge makes of a text.
fn judged(text: &str) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        found.push(Value::deserialize(document).map_err(|e| e.to_string())?);
    }
    Ok(found)
}

/// Why two readings of a text differ, but for what is excused; `None` if they do not.
fn difference(text: &str, damaged: bool) -> Option<String> {
    let why = any_difference(text)?;
    let refused = why.contains("refuse");
    let listed = GAPS.iter().chain(if damaged { REFUSALS } else { &[] });
    let excused = refused && listed.into_iter().any(|(words, _)| why.contains(words));
    (!excused).then_some(why)
}

fn any_difference(text: &str) -> Option<String> {
    match (yaml::parse(text), judged(text)) {
        (Ok(ours), Ok(theirs)) => {
            // A text without any document is one of nothing to the judge.
            if ours.is_empty() && theirs == [Value::Null] {
                return None;
            }
            if ours.len() != theirs.len() {
                return Some(format!("{} documents, not {}", ours.len(), theirs.len()));
            }
            let mut pairs = ours.iter().zip(&theirs);
            pairs.find_map(|(ours, theirs)| differ(ours, theirs, text).err())
        }
        (Err(_), Err(_)) => None,
        (Ok(_), Err(why)) => {
            // Whether a key may come twice is the platform's affair; go-yaml reads integers
            // beyond 64 bits as floats.
            let excused = why.contains("duplicate entry") || why.contains("128, expected any");
            (!excused).then(|| format!("the judge refuses: {why}"))
        }
        (Err(why), Ok(_)) => Some(format!("we refuse: {why} at {:?}", why.span)),
    }
}

fn differ(ours: &Node, theirs: &Value, source: &str) -> Result<(), String> {
    let theirs = if let Value::Tagged(tagged) = theirs { &tagged.value } else { theirs };
    let at = ours.span;
    match (&ours.kind, theirs) {
        (Kind::Sequence(items), Value::Sequence(others)) => {
            if items.len() != others.len() {
                return Err(format!("{at:?}: {} items, not {}", items.len(), others.len()));
            }
            items.iter().zip(others).try_for_each(|(a, b)| differ(a, b, source))
        }
        (Kind::Mapping(entries), Value::Mapping(others)) => {
            if entries.len() != others.len() {
                return Err(format!("{at:?}: {} entries, not {}", entries.len(), others.len()));
            }
            entries.iter().zip(others).try_for_each(|((key, value), (k, v))| {
                differ(key, k, source)?;
                differ(value, v, source)
            })
        }
        (Kind::Scalar { text, plain }, theirs) => {
            let tag = &ours.tag;
            let ours = ours.value(Dialect::Compose);
            let same = match (&ours, theirs) {
                (serde_json::Value::Null, Value::Null) => true,
                (serde_json::Value::Bool(a), Value::Bool(b)) => a == b,
                (serde_json::Value::String(a), Value::String(b)) => a == b,
                (serde_json::Value::Number(a), Value::Number(b)) => {
                    a.as_f64() == b.as_f64()
                        && a.as_u64().zip(b.as_u64()).is_none_or(|(a, b)| a == b)
                }
                _ => false,
            };
            // kubectl ends a block scalar with a line's end that the file lacks (handbook).
            let ended = !source.ends_with('\n')
                && theirs.as_str().is_some_and(|theirs| *text == format!("{theirs}\n"));
            // A local tag makes a string in go-yaml and nothing different in serde_yaml.
            let bang =
                tag.as_deref().is_some_and(|tag| tag.starts_with('!') && !tag.contains("yaml.org"));
            if same || ended || bang || (*plain && SCALARS.iter().any(|(fits, _)| fits(text))) {
                return Ok(());
            }
            Err(format!("{at:?}: {text:?} is {ours}, not {theirs:?}"))
        }
        _ => Err(format!("{at:?}: {:?}, not {theirs:?}", ours.kind)),
    }
}

/// A difference without what is particular to its text, so that like ones are counted together.
fn like(why: &str) -> String {
    let why = why.split(" at ").next().unwrap_or(why);
    let quoted = why.split('"').step_by(2).collect::<Vec<_>>().join("…");
    quoted.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// The text with everything taken out that the difference does not need: lines, then characters.
fn shrunk(text: &str, damaged: bool) -> String {
    let wanted = difference(text, damaged).map(|why| like(&why));
    let differs = |text: &str| difference(text, damaged).map(|why| like(&why)) == wanted;
    let mut text = text.to_owned();
    for lines in [true, false] {
        let split = |text: &str| -> Vec<String> {
            match lines {
                true => text.split_inclusive('\n').map(str::to_owned).collect(),
                false => text.chars().map(String::from).collect(),
            }
        };
        let mut size = split(&text).len() / 2;
        while size > 0 {
            let mut at = 0;
            loop {
                let mut parts = split(&text);
                if at >= parts.len() {
                    break;
                }
                parts.drain(at..parts.len().min(at + size));
                let smaller = parts.concat();
                if differs(&smaller) {
                    text = smaller;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
    }
    text
}

fn judge(mut next: impl FnMut(u64) -> String, damaged: bool, fewest_accepted: u64) {
    let mut found: BTreeMap<String, (u32, u64, String)> = BTreeMap::new();
    let mut accepted = 0;
    for seed in 0..documents() {
        let text = next(seed);
        accepted += u64::from(judged(&text).is_ok());
        if let Some(why) = difference(&text, damaged) {
            let (count, _, _) = found.entry(like(&why)).or_insert((0, seed, text));
            *count += 1;
        }
    }
    let mut report = String::new();
    for (count, seed, text) in found.values() {
        let text = shrunk(text, damaged);
        let why = difference(&text, damaged).unwrap_or_default();
        let _ = writeln!(report, "== {count} times, first for seed {seed}: {why}\n{text:?}");
    }
    assert!(found.is_empty(), "texts that are read differently, shortened:\n{report}");
    let share = accepted * 100 / documents();
    assert!(share >= fewest_accepted, "the judge accepts only {share} % of the texts");
}

#[test]
fn generated_documents_read_the_same() {
    judge(|seed| Generator::new(seed).stream(), false, 85);
}

#[test]
fn damaged_documents_read_the_same_or_are_refused_by_both() {
    judge(|seed| Generator::new(seed).damaged(), true, 20);
}

/// Merge keys, where the judge merges on demand.
#[test]
fn merge_keys_merge_the_same() {
    for text in [
        "b: &b {x: 1, y: 2}\nw:\n  <<: *b\n  y: 3\n",
        "b: &b {x: 1, y: 2}\nw:\n  y: 3\n  <<: *b\n",
        "a: &a {x: 1, z: 1}\nb: &b {x: 2, y: 2}\nw:\n  <<: [*a, *b]\n  y: 3\n",
        "w: {<<: {x: {y: 1}}, x: {z: 2}}\n",
    ] {
        let ours = yaml::parse(text).unwrap().remove(0).value(Dialect::Compose);
        let mut theirs: Value = serde_yaml::from_str(text).unwrap();
        theirs.apply_merge().unwrap();
        assert_eq!(ours, serde_json::to_value(&theirs).unwrap(), "{text}");
    }
}
