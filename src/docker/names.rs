//! Names of containers, volumes and networks, and the short forms of ids.

use crate::base::name;
use crate::base::rng::Stream;

/// First 12 digits of an id, without `sha256:`.
#[must_use]
pub fn short(id: &str) -> &str {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.get(..12).unwrap_or(id)
}

/// Whether a name keeps to `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
#[must_use]
pub(crate) fn is_valid(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = chars.as_str();
    first
        && !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Tries with a random name before the id is taken (`daemon/names.go`).
const TRIES: u32 = 6;

/// A name for a container without one.
pub(crate) fn generate(rng: &mut Stream, id: &str, taken: impl Fn(&str) -> bool) -> String {
    for attempt in 0..TRIES {
        let mut candidate = name::container_name(rng);
        if candidate == "boring_wozniak" {
            // Steve Wozniak is not boring (upstream's rule).
            continue;
        }
        if attempt > 0 {
            candidate.push_str(&rng.between(0, 9).to_string());
        }
        if !taken(&candidate) {
            return candidate;
        }
    }
    short(id).to_owned()
}

/// Number of a signal by name (`TERM`, `SIGTERM`) or number.
#[must_use]
pub fn signal_number(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse::<u8>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    SIGNALS.iter().find(|(name, _)| *name == bare).map(|(_, number)| *number)
}

/// Linux signals (`moby/sys/signal`).
const SIGNALS: [(&str, u8); 33] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
    ("RTMIN", 34),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rngs;

    #[test]
    fn rules() {
        for (name, ok) in
            [("web", true), ("w", false), ("bad name", false), ("_x", false), ("a.b-c_1", true)]
        {
            assert_eq!(is_valid(name), ok, "{name}");
        }
        assert_eq!(short("sha256:0123456789abcdef"), "0123456789ab");
        assert_eq!(signal_number("SIGQUIT"), Some(3));
        assert_eq!(signal_number("term"), Some(15));
        assert_eq!(signal_number("9"), Some(9));
        assert_eq!(signal_number("NOPE"), None);
    }

    #[test]
    fn a_taken_name_is_drawn_again() {
        let mut rngs = Rngs::new(1);
        let rng = rngs.stream("t", "");
        assert!(generate(rng, "abc", |_| false).contains('_'));
        assert_eq!(generate(rng, "0123456789abcdef", |_| true), "0123456789ab");
    }
}
