//! Options whose value is one word of a block: declared once, and everything else follows.

use std::net::Ipv4Addr;

use waypost_policy::MetricType;
use waypost_routprot::Refusal;
use waypost_wire::{DigestAlgorithm, LongSecrets};

use super::options::{AreaAuthentication, DefaultOrigin, FilterAction, Logging, TtlSecurity};
use crate::area::AreaId;
use crate::authentication::Method;
use crate::parameters::{AreaKind, NetworkType, TranslatorRole};

/// A value that a word of a block can hold.
pub(super) trait Word: Copy {
    /// The value as a word.
    fn word(self) -> u32;
    /// The value of a word; what would have been allowed if it is none.
    fn from_word(word: u32) -> Result<Self, String>;
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Word for $type {
            fn word(self) -> u32 {
                self.into()
            }

            fn from_word(word: u32) -> Result<Self, String> {
                Self::try_from(word).map_err(|_| format!("0..={}", Self::MAX))
            }
        })*
    };
}

numbers!(u8, u16, u32);

impl Word for bool {
    fn word(self) -> u32 {
        self.into()
    }

    fn from_word(word: u32) -> Result<Self, String> {
        match word {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err("0, 1".to_owned()),
        }
    }
}

impl Word for Ipv4Addr {
    /// The octets in the order of the network (rras-blocks 1.2).
    fn word(self) -> u32 {
        u32::from_le_bytes(self.octets())
    }

    fn from_word(word: u32) -> Result<Self, String> {
        Ok(word.to_le_bytes().into())
    }
}

impl Word for AreaId {
    fn word(self) -> u32 {
        self.address().word()
    }

    fn from_word(word: u32) -> Result<Self, String> {
        Ipv4Addr::from_word(word).map(Self::from)
    }
}

macro_rules! choices {
    ($($name:ident { $($code:literal = $value:ident),* $(,)? })*) => {
        $(impl Word for $name {
            fn word(self) -> u32 {
                match self { $(Self::$value => $code),* }
            }

            fn from_word(word: u32) -> Result<Self, String> {
                match word {
                    $($code => Ok(Self::$value),)*
                    _ => Err([$(stringify!($code)),*].join(", ")),
                }
            }
        })*
    };
}

choices! {
    NetworkType {
        1 = Broadcast, 2 = NonBroadcast, 3 = PointToPoint, 4 = PointToMultipoint, 5 = PointToMultipointNonBroadcast,
        6 = Loopback,
    }
    Method { 1 = None, 2 = Simple, 3 = Cryptographic, 4 = Extended }
    AreaAuthentication { 1 = None, 2 = Simple }
    TtlSecurity { 1 = Off, 2 = TxOnly, 3 = On }
    AreaKind { 1 = Normal, 2 = Stub, 3 = Nssa }
    TranslatorRole { 1 = Always, 2 = Candidate, 3 = Never }
    MetricType { 1 = Type1, 2 = Type2 }
    DefaultOrigin { 1 = Never, 2 = Conditional, 3 = Always }
    FilterAction { 0 = Ignore, 1 = Accept }
    Logging { 0 = None, 1 = Errors, 2 = Warnings, 3 = Information }
    LongSecrets { 1 = Rfc4822, 2 = Block }
    DigestAlgorithm { 1 = KeyedMd5, 2 = HmacSha1, 3 = HmacSha256, 4 = HmacSha384, 5 = HmacSha512 }
}

/// The bits that say which options a block gives, with the words of those that are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// A bit for each option that is given.
    pub(super) given: u64,
    /// A word for each option that has one; zero where it is not given.
    pub(super) words: Vec<u32>,
}

impl Words {
    /// The value of an option; refuses a word other than zero where none is given.
    pub(super) fn value<T: Word>(&self, number: usize, option: &str) -> Result<Option<T>, Refusal> {
        let word = self.words.get(number).copied().unwrap_or_default();
        if self.given >> number & 1 == 0 {
            return if word == 0 {
                Ok(None)
            } else {
                Err(
                    Refusal::invalid("the value must be zero, as the option is not given")
                        .at(option)
                        .with_value(word),
                )
            };
        }
        T::from_word(word)
            .map(Some)
            .map_err(|allowed| Refusal::out_of_range(option, word, allowed))
    }

    /// Sets the word of an option.
    pub(super) fn put<T: Word>(&mut self, number: usize, value: Option<T>) {
        if self.words.len() <= number {
            self.words.resize(number + 1, 0);
        }
        if let (Some(value), Some(word)) = (value, self.words.get_mut(number)) {
            self.given |= 1 << number;
            *word = value.word();
        }
    }

    /// Sets the bit of an option that lies behind the words.
    pub(super) fn mark<T>(&mut self, number: usize, value: Option<&T>) {
        self.given |= u64::from(value.is_some()) << number;
    }
}

/// Declares a structure of options.
///
/// `words` are options of one word each, in the order of their numbers from 0 on; `tails` lie behind them in the block, have
/// the numbers that `tails.rs` gives them, and are written there.
macro_rules! options {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            words { $(
                $(#[doc = $doc:literal])*
                $option:literal $field:ident: $type:ty $([$low:literal..=$high:literal])?;
            )* }
            tails { $(
                $(#[$tail_meta:meta])*
                $tail:ident: $tail_type:ty;
            )* }
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                $(#[schemars(range(min = $low, max = $high))])?
                pub $field: Option<$type>,
            )*
            $(
                $(#[$tail_meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $tail: Option<$tail_type>,
            )*
        }

        impl $name {
            /// The options of one word, in the order of their numbers.
            pub(in crate::config) const WORDS: &'static [&'static str] = &[$($option),*];

            /// The options of one word, as words.
            pub(in crate::config) fn words(&self) -> Words {
                let mut words = Words::default();
                let mut number = 0..;
                $(words.put(number.next().unwrap_or_default(), self.$field);)*
                words
            }

            /// The options of one word; the others are not there.
            pub(in crate::config) fn from_words(words: &Words) -> Result<Self, Refusal> {
                let mut number = 0..;
                Ok(Self {
                    $($field: words.value(number.next().unwrap_or_default(), $option)?,)*
                    $($tail: None,)*
                })
            }

            /// Whether every number is in its range.
            pub(in crate::config) fn check_ranges(&self) -> Result<(), Refusal> {
                $($(
                    if let Some(value) = self.$field
                        && !($low..=$high).contains(&value)
                    {
                        let allowed = concat!(stringify!($low), "..=", stringify!($high));
                        return Err(Refusal::out_of_range($option, value, allowed));
                    }
                )?)*
                Ok(())
            }

            /// What is given here, and otherwise there.
            #[must_use]
            pub fn or(&self, defaults: &Self) -> Self {
                Self {
                    $($field: self.$field.or(defaults.$field),)*
                    $($tail: self.$tail.clone().or_else(|| defaults.$tail.clone()),)*
                }
            }
        }
    };
}
pub(super) use options;
