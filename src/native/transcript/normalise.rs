//! What differs from run to run in reality, and therefore does not count.
//!
//! Ages count within a tolerance; everything else in the table becomes a placeholder. What is not
//! in the table counts, to the character. Columns are wider or narrower with what stands in them:
//! where something was replaced, runs of blanks count as one width.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Stands for an age in the text of a line.
const AGE: char = '\u{1}';
/// Ages may be apart by this many seconds, or this share, and the unit they are rounded to.
const TOLERANCE_SECONDS: u64 = 3;
const TOLERANCE_PERCENT: u64 = 20;

/// Patterns and placeholders, in this order; each with the reason.
const RULES: [(&str, &str, &str); 27] = [
    (r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b", "<mac>", "hardware addresses are random"),
    (
        r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)?(?: UTC| CET)?(?: m=\+[\d.]+)?",
        "<time>",
        "the calendar",
    ),
    (
        r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d(?: \+\d{4}| UTC| GMT)?",
        "<time>",
        "the calendar",
    ),
    (
        r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)? (?:UTC )?\d{4}",
        "<time>",
        "the calendar",
    ),
    (
        r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} +\d\d:\d\d\b",
        "<time>",
        "the calendar",
    ),
    (r"\b[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ", "<klog> ", "the calendar and a process id"),
    (r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b", "<time>", "the clock"),
    (r"\b1[789]\d{8}(?:\.\d+|\d{9})?\b", "<time>", "the clock, since 1970"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uid>", "random"),
    (r"sha256:[0-9a-f]{12,64}", "<digest>", "of content that has times in it"),
    (r"\b[0-9a-f]{64}\b", "<id>", "random"),
    (r"SWMTKN-1-[0-9a-z]{40,}-[0-9a-z]{20,}", "<join-token>", "random"),
    (r"Bind for (?:0\.0\.0\.0|::|\[::\]):", "Bind for <any>:", "both are tried, in random order"),
    (
        r"(resourceVersion: ?\x22?|\x22resourceVersion\x22: ?\x22)\d+",
        "${1}<rv>",
        "counts all writes of a cluster",
    ),
    (r"\.18[0-9a-f]{14}\b", ".<event>", "the clock"),
    (
        r"-[bcdfghjklmnpqrstvwxz2456789]{7,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b",
        "-<hash>-<random>",
        "hash of a template, and random",
    ),
    (
        r"pod-template-hash([=:] ?\x22?)[bcdfghjklmnpqrstvwxz2456789]{6,10}",
        "pod-template-hash${1}<hash>",
        "hash of a template",
    ),
    (
        r"(-|controller-revision-hash=)[bcdfghjklmnpqrstvwxz2456789]{7,10}\b",
        "${1}<hash>",
        "hash of a template",
    ),
    (r":(?:3[2-9]\d{3}|4\d{4}|5\d{4}|6[0-5]\d{3})\b", ":<port>", "ports that the kernel picks"),
    (
        r"\b(172\.(?:1[6-9]|2\d|3[01])\.\d{1,3}\.)(?:[2-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])\b",
        "${1}<n>",
        "containers that start together get addresses in random order",
    ),
    (r"\b\d+\.\d+%", "<share>", "load of the machine"),
    (r"^#\d+ (?:\d+\.\d+ )?", "#<n> ", "steps of a build get their numbers and seconds at random"),
    (r" \d+\.\d+s done$", " done", "how long work took, shown if it took a while"),
    (r"\b\d+\.\d+s\b", "<seconds>", "how long work took"),
    (r"reading from stdin \S+", "reading from stdin <size>", "the paths of the machine are in it"),
    (r"\d[\d.]*[kM]?B / \d[\d.]*[kM]?B", "<size> / <size>", "what the network carried so far"),
    (
        r"^(.*\S) +\d+ +\d+ +\d+ +\d\d:\d\d +",
        "${1}  <pid>  <pid>  <load>  <time>  ",
        "processes of the machine",
    ),
];

/// Rules that hold for what comes from a cluster.
const CLUSTER_RULES: [(&str, &str, &str); 4] = [
    (r"\b(?:10\.\d{1,3}|192\.0)\.\d{1,3}\.\d{1,3}\b", "<ip>", "counters that all namespaces share"),
    (r"(:|[nN]odePort:.* )3[0-2]\d{3}(/|$)", "${1}<port>${2}", "node ports are random"),
    (r"-[bcdfghjklmnpqrstvwxz2456789]{5}(_|\b)", "-<random>${1}", "random suffixes of names"),
    (r"-2[0-9]{7}\b", "-<minute>", "the clock, since 1970"),
];

/// Words of five letters that look like a random suffix.
const NOT_RANDOM: [&str; 3] = ["https", "grpcs", "btrfs"];

/// Adjectives of the names that dockerd gives (`pkg/namesgenerator`).
const ADJECTIVES: &str = "admiring adoring affectionate agitated amazing angry awesome beautiful \
    blissful bold boring brave busy charming clever compassionate competent condescending \
    confident cool cranky crazy dazzling determined distracted dreamy eager ecstatic elastic \
    elated elegant eloquent epic exciting fervent festive flamboyant focused friendly frosty \
    funny gallant gifted goofy gracious great happy hardcore heuristic hopeful hungry infallible \
    inspiring intelligent interesting jolly jovial keen kind laughing loving lucid magical modest \
    musing mystifying naughty nervous nice nifty nostalgic objective optimistic peaceful pedantic \
    pensive practical priceless quirky quizzical recursing relaxed reverent romantic sad serene \
    sharp silly sleepy stoic strange stupefied suspicious sweet tender thirsty trusting unruffled \
    upbeat vibrant vigilant vigorous wizardly wonderful xenodochial youthful zealous zen";

/// Compiled patterns.
struct Table {
    rules: Vec<(Regex, &'static str)>,
    cluster: Vec<(Regex, &'static str)>,
    name: Regex,
    id: Regex,
    docker_age: Regex,
    kube_age: Regex,
    configured: Regex,
    event: Regex,
    node: Regex,
    blanks: Regex,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "the patterns are literals that a test compiles")]
    let regex = |pattern: &str| Regex::new(pattern).unwrap();
    let rules = |rules: &[(&'static str, &'static str, &str)]| {
        rules.iter().map(|(pattern, to, _)| (regex(pattern), *to)).collect()
    };
    let adjectives: Vec<&str> = ADJECTIVES.split_whitespace().collect();
    Table {
        rules: rules(&RULES),
        cluster: rules(&CLUSTER_RULES),
        name: regex(&format!(r"\b(?:{})_[a-z]+\d?\b", adjectives.join("|"))),
        id: regex(r"\b[0-9a-f]{12}\b|\b[0-9a-z]{25}\b"),
        docker_age: regex(
            r"(?i)\bless than a (?:second|minute)\b|\babout an? (?:second|minute|hour|day|week|month|year)\b|\b(?:\d+|an?) (?:second|minute|hour|day|week|month|year)s?\b",
        ),
        kube_age: regex(r"(?:\d+[ywdhms]){1,3}"),
        // Lines with durations that someone chose.
        configured: regex(
            r"(?i)delay=\S+ timeout=|op=Exists|interval|--\w|timed out after|within \d+s|for \d+s\b|grace period|exceeded timeout|TTL|\bcpu:? +\d+m?\b(?:[^%]|$)|cpu=|requests|limits",
        ),
        event: regex(r"\b(?:Normal|Warning)  "),
        node: regex(r"\bnode-\d+\b"),
        blanks: regex(r"  +"),
    }
});

/// An age in seconds and the unit to which it is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Age {
    seconds: u64,
    unit: u64,
}

impl Age {
    fn near(self, other: Self) -> bool {
        let (low, high) = (self.seconds.min(other.seconds), self.seconds.max(other.seconds));
        let share = high * TOLERANCE_PERCENT / 100;
        high - low <= TOLERANCE_SECONDS.max(share) + self.unit.max(other.unit)
    }
}

/// A line without what does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    text: String,
    ages: Vec<Age>,
}

impl Line {
    /// Whether both lines say the same.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.text == other.text
            && self.ages.len() == other.ages.len()
            && self.ages.iter().zip(&other.ages).all(|(a, b)| a.near(*b))
    }

    /// The line to read, ages in braces.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut parts = self.text.split(AGE);
        let mut out = parts.next().unwrap_or("").to_owned();
        for (age, part) in self.ages.iter().zip(parts) {
            out.push_str(&format!("{{{} s}}{part}", age.seconds));
        }
        out
    }
}

/// Which rules hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Those of what comes from a cluster.
    pub cluster: bool,
    /// Nodes that are alike are taken by chance.
    pub any_node: bool,
    /// Ages are those of the machine.
    pub any_age: bool,
}

/// Two texts without what does not count.
#[must_use]
pub fn both(one: &str, other: &str, rules: Rules) -> (Vec<Line>, Vec<Line>) {
    let mut lines = [one, other]
        .map(|text| -> Vec<(bool, Line)> { text.lines().map(|text| line(text, rules)).collect() });
    let replaced = lines.iter().flatten().any(|(replaced, _)| *replaced);
    if replaced {
        for (_, line) in lines.iter_mut().flatten() {
            line.text = TABLE.blanks.replace_all(line.text.trim_end(), "  ").into_owned();
        }
    }
    lines.map(|lines| lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>()).into()
}

/// One line, and whether something in it was replaced.
fn line(text: &str, holds: Rules) -> (bool, Line) {
    let table = &*TABLE;
    let mut out = text.trim_end().to_owned();
    for (regex, to) in &table.rules {
        replace(&mut out, regex, |captures, found| {
            captures.expand(to, found);
            true
        });
    }
    let digits = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    replace(&mut out, &table.id, |captures, found| {
        let id = captures.get(0).map_or("", |m| m.as_str());
        found.push_str("<id>");
        digits(id) && (id.len() == 12 || id.bytes().any(|b| b.is_ascii_alphabetic()))
    });
    replace(&mut out, &table.name, |_, found| {
        found.push_str("<name>");
        true
    });
    if holds.any_node {
        out = table.node.replace_all(&out, "<node>").into_owned();
    }
    if holds.cluster {
        for (regex, to) in &table.cluster {
            replace(&mut out, regex, |captures, found| {
                captures.expand(to, found);
                let whole = captures.get(0).map_or("", |m| m.as_str());
                !NOT_RANDOM.contains(&whole.trim_start_matches('-'))
            });
        }
    }
    let mut ages = take_ages(&mut out, holds.cluster);
    if holds.any_age {
        ages.clear();
    }
    (out != text.trim_end(), Line { text: out, ages })
}

/// Replace the ages in a line by marks.
fn take_ages(out: &mut String, cluster: bool) -> Vec<Age> {
    let table = &*TABLE;
    let mut ages = Vec::new();
    if !cluster {
        replace(out, &table.docker_age, |captures, found| {
            let words = captures.get(0).map_or("", |m| m.as_str()).to_lowercase();
            ages.push(docker_age(&words));
            found.push(AGE);
            true
        });
    } else if table.event.is_match(out) || !table.configured.is_match(out) {
        let whole = out.clone();
        replace(out, &table.kube_age, |captures, found| {
            let Some(place) = captures.get(0) else { return false };
            let before = whole.get(..place.start()).and_then(|text| text.chars().last());
            let after = whole.get(place.end()..).and_then(|text| text.chars().next());
            let part_of_word =
                |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_.:/=-".contains(c));
            if part_of_word(before) || part_of_word(after) {
                return false;
            }
            ages.push(kube_age(place.as_str()));
            found.push(AGE);
            true
        });
    }
    ages
}

/// Replace what a pattern finds by what `with` writes, if it says so.
fn replace(
    text: &mut String,
    regex: &Regex,
    mut with: impl FnMut(&Captures<'_>, &mut String) -> bool,
) {
    if !regex.is_match(text) {
        return;
    }
    let replaced = regex.replace_all(text, |captures: &Captures<'_>| {
        let mut found = String::new();
        if with(captures, &mut found) {
            found
        } else {
            captures.get(0).map_or("", |m| m.as_str()).to_owned()
        }
    });
    *text = replaced.into_owned();
}

/// `Less than a second`, `About a minute`, `3 hours`.
fn docker_age(words: &str) -> Age {
    let units = [
        ("second", 1),
        ("minute", 60),
        ("hour", 3_600),
        ("day", 86_400),
        ("week", 604_800),
        ("month", 2_592_000),
        ("year", 31_536_000),
    ];
    let unit = units.iter().find(|(name, _)| words.contains(name)).map_or(1, |(_, unit)| *unit);
    let number = words.split(' ').find_map(|word| word.parse().ok()).unwrap_or(1);
    let number: u64 = if words.starts_with("less") { 0 } else { number };
    Age { seconds: number.saturating_mul(unit), unit }
}

/// `2m5s`, `3d`.
fn kube_age(text: &str) -> Age {
    let (mut seconds, mut number, mut unit) = (0_u64, 0_u64, 1);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = number.saturating_mul(10).saturating_add(u64::from(digit));
            continue;
        }
        unit = match c {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            'y' => 31_536_000,
            _ => 1,
        };
        seconds = seconds.saturating_add(number.saturating_mul(unit));
        number = 0;
    }
    Age { seconds, unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        for (cluster, text, shown) in [
            (false, "shop-web-run-0a1b2c3d4e5f  Up", "shop-web-run-<id>  Up"),
            (false, "Up About a minute (healthy)", "Up {60 s} (healthy)"),
            (false, "Exited (0) Less than a second ago", "Exited (0) {0 s} ago"),
            (false, "interval: 5s", "interval: 5s"),
            (false, "0.0.0.0:32768->80/tcp", "0.0.0.0:<port>->80/tcp"),
            (false, "0.0.0.0:8080->80/tcp", "0.0.0.0:8080->80/tcp"),
            (false, "172.18.0.3 172.18.0.1 10.5.0.3", "172.18.0.<n> 172.18.0.1 10.5.0.3"),
            (false, "happy_hopper shop_default", "<name> shop_default"),
            (false, "cafecafecafe 123456789012", "cafecafecafe <id>"),
            (false, "#7 0.345 hello", "#<n> hello"),
            (true, "web-7d876db474-84ssw   1/1   2m5s", "web-<hash>-<random>  1/1  {125 s}"),
            (true, "my-https pi-x7k2p", "my-https pi-<random>"),
            (true, "cpu 100m", "cpu 100m"),
            (true, "web  cpu: 22%/50%  37s", "web  cpu: 22%/50%  {37 s}"),
            (
                true,
                "Liveness: http-get delay=5s timeout=1s",
                "Liveness: http-get delay=5s timeout=1s",
            ),
        ] {
            let (one, _) = both(text, "", Rules { cluster, ..Rules::default() });
            assert_eq!(one.first().map(Line::shown).as_deref(), Some(shown));
        }
    }

    #[test]
    fn ages_are_near_or_not() {
        let near = |one: &str, other: &str| {
            let (one, other) = both(one, other, Rules { cluster: true, ..Rules::default() });
            one.iter().zip(&other).all(|(a, b)| a.same(b))
        };
        assert!(near("5s", "8s"));
        assert!(!near("5s", "15s"));
        assert!(near("5m", "5m40s"));
        assert!(!near("5m", "8m"));
        assert!(!near("5s", "<none>"));
    }
}
