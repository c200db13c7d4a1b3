//! The numbers of enumerations in blocks. Where RRAS numbers a choice, Waypost's layout uses the same number.

use waypost_routprot::Refusal;
use waypost_wire::{DigestAlgorithm, LongSecrets};

use super::{Accept, Announce, Authentication, Logging, NeighborMode, PeerFilter, TtlSecurity, UpdateMode};

/// A choice with a number for each value.
pub(super) trait Coded: Copy + PartialEq + 'static {
    /// Every value with its number.
    const CODES: &'static [(u8, Self)];

    /// The number of this value.
    fn code(self) -> u8 {
        // INVARIANT: CODES lists every value (tested); the fallback is never taken.
        Self::CODES
            .iter()
            .find(|(_, value)| *value == self)
            .map_or(u8::MAX, |(code, _)| *code)
    }

    /// The value of a number read from `field`.
    fn from_code(code: u32, field: &str) -> Result<Self, Refusal> {
        Self::CODES
            .iter()
            .find(|(known, _)| u32::from(*known) == code)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let known: Vec<String> = Self::CODES.iter().map(|(code, _)| code.to_string()).collect();
                Refusal::out_of_range(field, code, known.join(", "))
            })
    }
}

macro_rules! coded {
    ($($name:ident { $($code:literal = $value:ident),* $(,)? })*) => {
        $(impl Coded for $name {
            const CODES: &'static [(u8, Self)] = &[$(($code, Self::$value)),*];
        })*

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn numbers_and_values_are_a_bijection() {
                $(
                    for (code, value) in $name::CODES {
                        // Not compiled when a value is missing above.
                        match value { $($name::$value => ()),* }
                        assert_eq!(value.code(), *code);
                        assert!($name::from_code((*code).into(), "field").unwrap() == *value);
                    }
                    let after = $name::CODES.iter().map(|(code, _)| u32::from(*code)).max().unwrap() + 1;
                    assert_eq!($name::from_code(after, "field").err().unwrap().path, "field");
                )*
            }
        }
    };
}

coded! {
    Announce { 0 = None, 1 = V1, 2 = V1Compatible, 3 = V2Multicast }
    Accept { 0 = None, 1 = V1, 2 = Both, 3 = V2 }
    UpdateMode { 0 = Periodic, 1 = Demand }
    NeighborMode { 0 = Off, 1 = Also, 2 = Only }
    Authentication { 1 = None, 2 = Plain, 3 = Cryptographic }
    TtlSecurity { 0 = Off, 1 = TxOnly, 2 = On }
    Logging { 0 = None, 1 = Errors, 2 = Warnings, 3 = Information }
    PeerFilter { 0 = Off, 1 = Include, 2 = Exclude }
    LongSecrets { 1 = Rfc4822, 2 = Block }
    DigestAlgorithm { 1 = KeyedMd5, 2 = HmacSha1, 3 = HmacSha256, 4 = HmacSha384, 5 = HmacSha512 }
}
