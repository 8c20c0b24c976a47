//! A hash that is the same on every platform and in every version, for names and seeds.
//! Content is hashed by [`crate::base::mixer`].

use std::hash::Hasher;

/// 64-bit FNV-1a. Every integer is hashed as eight little-endian bytes, so that a `usize` gives the
/// same digest on 32 and 64 bit.
#[derive(Clone, Debug)]
pub struct Digester(u64);

impl Digester {
    /// A fresh hash.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Add text, with its length, so that neighbouring texts cannot run together.
    pub fn text(&mut self, text: &str) {
        self.write_u64(text.len() as u64);
        self.write(text.as_bytes());
    }
}

impl Default for Digester {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher for Digester {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.write(&n.to_le_bytes());
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

/// 64-bit digest of one text.
#[must_use]
pub fn of_text(text: &str) -> u64 {
    let mut digester = Digester::new();
    digester.text(text);
    digester.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_value() {
        let mut d = Digester::new();
        d.write(b"a");
        assert_eq!(d.finish(), 0xaf63_dc4c_8601_ec8c, "published FNV-1a test vector");
        assert_ne!(of_text("ab"), of_text("a"));
    }
}
