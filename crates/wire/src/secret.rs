//! Keys and passwords.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::hex;

/// A key or password: wiped when dropped and never shown by `Debug`.
///
/// Serialises as its text, because configuration is stored and read back whole; whoever shows configuration to a
/// reader without the right to see keys redacts it there.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

/// What a password that is not text starts with.
const HEX: &str = "hex:";

impl Secret {
    /// Wraps a key.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key itself, for computing a digest or storing it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The octets of a password: those of its text in UTF-8, or, written `hex:` and two digits each, any. The error says what
    /// is wrong.
    ///
    /// RRAS's blocks hold passwords that need not be text.
    pub fn octets(&self) -> Result<Vec<u8>, &'static str> {
        let Some(digits) = self.0.strip_prefix(HEX) else {
            return Ok(self.0.as_bytes().to_vec());
        };
        hex::read(digits).ok_or("'hex:' must be followed by an even number of hexadecimal digits")
    }

    /// The password that has these octets.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Self {
        match std::str::from_utf8(octets) {
            Ok(text) if !text.starts_with(HEX) => Self::new(text),
            _ => Self(HEX.to_owned() + &hex::write(octets)),
        }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
    }

    #[test]
    fn any_octets_are_a_password() {
        for octets in [
            &b""[..],
            b"a",
            b"hex:",
            b"hex:61",
            b"\xFF\x00",
            "h\u{e9}".as_bytes(),
        ] {
            assert_eq!(Secret::from_octets(octets).octets().unwrap(), octets);
        }
        for (text, octets) in [("a", &b"a"[..]), ("hex:", b""), ("hex:fF00", b"\xFF\x00")] {
            assert_eq!(Secret::new(text).octets().unwrap(), octets);
        }
        for bad in ["hex:6", "hex:6g", "hex:6\u{e9}0"] {
            assert!(Secret::new(bad).octets().is_err(), "{bad}");
        }
    }
}
