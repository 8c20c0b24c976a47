//! Names and ids as the real systems make them.

use crate::base::rng::Stream;

/// Letters of Kubernetes' random suffixes (handbook kubernetes-controllers §0).
const SUFFIX: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A random suffix of that many characters.
pub fn suffix(rng: &mut Stream, len: usize) -> String {
    (0..len).map(|_| char::from(*rng.pick(SUFFIX).unwrap_or(&b'x'))).collect()
}

/// Kubernetes' safe encoding of a 32-bit hash: each decimal digit becomes a letter.
#[must_use]
pub fn safe_encode(hash: u32) -> String {
    hash.to_string()
        .bytes()
        .map(|digit| char::from(*SUFFIX.get(usize::from(digit) % SUFFIX.len()).unwrap_or(&b'x')))
        .collect()
}

/// A random version-4 UUID.
pub fn uuid(rng: &mut Stream) -> String {
    let hex = rng.hex(32);
    let variant = ["8", "9", "a", "b"];
    let variant = rng.pick(&variant).unwrap_or(&"8");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("");
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// A container or network id: 64 hexadecimal digits whose first 12 are not all decimal.
pub fn docker_id(rng: &mut Stream) -> String {
    loop {
        let id = rng.hex(64);
        if id.bytes().take(12).any(|b| b.is_ascii_alphabetic()) {
            return id;
        }
    }
}

const ADJECTIVES: [&str; 36] = [
    "admiring", "amazing", "blissful", "bold", "brave", "busy", "charming", "clever", "cool",
    "dazzling", "eager", "elated", "epic", "fervent", "focused", "friendly", "gallant", "gifted",
    "happy", "hopeful", "jolly", "keen", "kind", "laughing", "lucid", "modest", "nifty", "quirky",
    "relaxed", "serene", "sharp", "silly", "stoic", "tender", "vibrant", "zealous",
];
const SURNAMES: [&str; 36] = [
    "archimedes",
    "babbage",
    "bohr",
    "carson",
    "curie",
    "darwin",
    "dijkstra",
    "einstein",
    "euclid",
    "euler",
    "faraday",
    "fermat",
    "feynman",
    "franklin",
    "galileo",
    "gauss",
    "germain",
    "goodall",
    "hamilton",
    "hawking",
    "hertz",
    "hopper",
    "kepler",
    "lamarr",
    "lovelace",
    "maxwell",
    "mendel",
    "newton",
    "noether",
    "pascal",
    "pasteur",
    "ritchie",
    "shannon",
    "tesla",
    "turing",
    "wozniak",
];

/// A name as dockerd gives to a container without one: `<adjective>_<surname>`.
/// The lists are shorter than dockerd's.
pub fn container_name(rng: &mut Stream) -> String {
    let left = rng.pick(&ADJECTIVES).unwrap_or(&"calm");
    let right = rng.pick(&SURNAMES).unwrap_or(&"hopper");
    format!("{left}_{right}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rngs;

    #[test]
    fn forms() {
        let mut rngs = Rngs::new(3);
        let rng = rngs.stream("t", "");
        assert_eq!(suffix(rng, 5).len(), 5);
        assert_eq!(docker_id(rng).len(), 64);
        let id = uuid(rng);
        assert_eq!((id.len(), id.as_bytes().get(14)), (36, Some(&b'4')));
        assert_eq!(safe_encode(1_234_567_890), "56789bcdf4");
    }
}
