//! IPv4 and IPv6 prefixes, canonical by construction: the bits past the length are always zero.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Why some text or a pair of numbers is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The length is larger than the address has bits.
    #[error("prefix length {length} is larger than {max}")]
    Length {
        /// The length that was asked for.
        length: u8,
        /// 32 or 128.
        max: u8,
    },
    /// Bits past the prefix length are set.
    #[error("{address}/{length} has bits set past its length")]
    HostBits {
        /// The address as given.
        address: IpAddr,
        /// The length as given.
        length: u8,
    },
    /// A netmask whose one bits are not one leading run.
    #[error("netmask {0} is not contiguous")]
    Netmask(Ipv4Addr),
    /// The text is not `ADDRESS/LENGTH`.
    #[error("'{0}' is not a prefix (expected ADDRESS/LENGTH)")]
    Text(String),
}

macro_rules! prefix {
    ($(#[$doc:meta])* $name:ident, $address:ty, $bits:ty, $max:literal, $variant:ident) => {
        $(#[$doc])*
        ///
        /// Ordered by address, then by length with the shorter first, which is the order of a prefix-tree walk.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            bits: $bits,
            length: u8,
        }

        impl $name {
            /// The prefix that covers everything.
            pub const DEFAULT: Self = Self { bits: 0, length: 0 };
            /// How many bits an address has.
            pub const MAX_LENGTH: u8 = $max;

            /// The prefix `address/length`; refuses host bits and a length over [`Self::MAX_LENGTH`].
            pub fn new(address: $address, length: u8) -> Result<Self, PrefixError> {
                let prefix = Self::containing(address, length)?;
                if prefix.network() == address {
                    Ok(prefix)
                } else {
                    Err(PrefixError::HostBits { address: IpAddr::$variant(address), length })
                }
            }

            /// The prefix of `length` bits that `address` lies in; only an excessive length is refused.
            pub fn containing(address: $address, length: u8) -> Result<Self, PrefixError> {
                if length > $max {
                    return Err(PrefixError::Length { length, max: $max });
                }
                Ok(Self { bits: <$bits>::from(address) & Self::mask(length), length })
            }

            /// The prefix that holds just this address.
            #[must_use]
            pub fn host(address: $address) -> Self {
                Self { bits: <$bits>::from(address), length: $max }
            }

            const fn mask(length: u8) -> $bits {
                if length == 0 { 0 } else { <$bits>::MAX << ($max - length) }
            }

            /// The lowest address of the prefix.
            #[must_use]
            pub fn network(self) -> $address {
                <$address>::from(self.bits)
            }

            /// The highest address of the prefix.
            #[must_use]
            pub fn last(self) -> $address {
                <$address>::from(self.bits | !Self::mask(self.length))
            }

            /// The network address as an integer in host order.
            #[must_use]
            pub const fn bits(self) -> $bits {
                self.bits
            }

            /// The number of leading bits that are fixed.
            #[must_use]
            pub const fn length(self) -> u8 {
                self.length
            }

            /// Whether `address` lies in the prefix.
            #[must_use]
            pub fn contains(self, address: $address) -> bool {
                <$bits>::from(address) & Self::mask(self.length) == self.bits
            }

            /// Whether `other` is this prefix or lies inside it.
            #[must_use]
            pub const fn covers(self, other: Self) -> bool {
                other.length >= self.length && other.bits & Self::mask(self.length) == self.bits
            }

            /// Whether this is the default route.
            #[must_use]
            pub const fn is_default(self) -> bool {
                self.length == 0
            }

            /// Whether the prefix holds a single address.
            #[must_use]
            pub const fn is_host(self) -> bool {
                self.length == $max
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Through `pad`, so that a width given by a table is honoured.
                f.pad(&format!("{}/{}", self.network(), self.length))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = PrefixError;

            /// Reads `ADDRESS/LENGTH`; a bare address is a host prefix.
            fn from_str(text: &str) -> Result<Self, PrefixError> {
                let bad = || PrefixError::Text(text.to_owned());
                let Some((address, length)) = text.split_once('/') else {
                    return text.parse::<$address>().map(Self::host).map_err(|_| bad());
                };
                let address = address.parse::<$address>().map_err(|_| bad())?;
                Self::new(address, length.parse::<u8>().map_err(|_| bad())?)
            }
        }

        text_form!($name);
    };
}

/// Serde and schema as text.
macro_rules! text_form {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }
        }
    };
}
pub(crate) use text_form;

prefix!(
    /// An IPv4 prefix.
    Prefix4, Ipv4Addr, u32, 32, V4
);
prefix!(
    /// An IPv6 prefix.
    Prefix6, Ipv6Addr, u128, 128, V6
);

impl Prefix4 {
    /// The prefix of an address and a netmask, both in the usual dotted sense; host bits are cleared.
    pub fn from_netmask(address: Ipv4Addr, netmask: Ipv4Addr) -> Result<Self, PrefixError> {
        let mask = u32::from(netmask);
        if mask.leading_ones() + mask.trailing_zeros().min(32 - mask.leading_ones()) != 32 {
            return Err(PrefixError::Netmask(netmask));
        }
        Self::containing(address, mask.leading_ones() as u8)
    }

    /// The netmask.
    #[must_use]
    pub fn netmask(self) -> Ipv4Addr {
        Ipv4Addr::from(Self::mask(self.length))
    }

    /// The class A, B or C network an address lies in; `None` for classes D and E and for 0.0.0.0/8.
    ///
    /// RIPv1 knows no masks and needs this (RFC 1058 §3.2).
    #[must_use]
    pub fn natural(address: Ipv4Addr) -> Option<Self> {
        let length = match address.octets()[0] {
            1..=127 => 8,
            128..=191 => 16,
            192..=223 => 24,
            _ => return None,
        };
        Self::containing(address, length).ok()
    }
}

/// A prefix of either family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prefix {
    /// IPv4.
    V4(Prefix4),
    /// IPv6.
    V6(Prefix6),
}

impl Prefix {
    /// The lowest address of the prefix.
    #[must_use]
    pub fn network(self) -> IpAddr {
        match self {
            Self::V4(prefix) => prefix.network().into(),
            Self::V6(prefix) => prefix.network().into(),
        }
    }

    /// The number of leading bits that are fixed.
    #[must_use]
    pub const fn length(self) -> u8 {
        match self {
            Self::V4(prefix) => prefix.length(),
            Self::V6(prefix) => prefix.length(),
        }
    }

    /// Whether `address` is of this family and lies in the prefix.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(prefix), IpAddr::V4(address)) => prefix.contains(address),
            (Self::V6(prefix), IpAddr::V6(address)) => prefix.contains(address),
            _ => false,
        }
    }
}

impl From<Prefix4> for Prefix {
    fn from(prefix: Prefix4) -> Self {
        Self::V4(prefix)
    }
}

impl From<Prefix6> for Prefix {
    fn from(prefix: Prefix6) -> Self {
        Self::V6(prefix)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(prefix) => fmt::Display::fmt(prefix, f),
            Self::V6(prefix) => fmt::Display::fmt(prefix, f),
        }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        if text.contains(':') {
            text.parse().map(Self::V6)
        } else {
            text.parse().map(Self::V4)
        }
    }
}

text_form!(Prefix);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn p(text: &str) -> Prefix4 {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_what_is_no_prefix() {
        assert!(matches!(
            "10.0.0.1/8".parse::<Prefix4>(),
            Err(PrefixError::HostBits { .. })
        ));
        assert!(matches!(
            "10.0.0.0/33".parse::<Prefix4>(),
            Err(PrefixError::Length { length: 33, max: 32 })
        ));
        assert!(matches!("10.0.0/8".parse::<Prefix4>(), Err(PrefixError::Text(_))));
        assert!(matches!(
            "2001:db8::/129".parse::<Prefix6>(),
            Err(PrefixError::Length { .. })
        ));
    }

    #[test]
    fn netmasks() {
        let net = Ipv4Addr::new(192, 0, 2, 77);
        assert_eq!(
            Prefix4::from_netmask(net, Ipv4Addr::new(255, 255, 255, 0)),
            Ok(p("192.0.2.0/24"))
        );
        assert_eq!(
            Prefix4::from_netmask(net, Ipv4Addr::UNSPECIFIED),
            Ok(Prefix4::DEFAULT)
        );
        assert_eq!(
            Prefix4::from_netmask(net, Ipv4Addr::BROADCAST),
            Ok(Prefix4::host(net))
        );
        assert!(Prefix4::from_netmask(net, Ipv4Addr::new(255, 0, 255, 0)).is_err());
        assert!(Prefix4::from_netmask(net, Ipv4Addr::new(0, 0, 0, 255)).is_err());
    }

    #[test]
    fn natural_networks() {
        assert_eq!(
            Prefix4::natural(Ipv4Addr::new(10, 9, 8, 7)),
            Some(p("10.0.0.0/8"))
        );
        assert_eq!(
            Prefix4::natural(Ipv4Addr::new(172, 16, 8, 7)),
            Some(p("172.16.0.0/16"))
        );
        assert_eq!(
            Prefix4::natural(Ipv4Addr::new(192, 0, 2, 7)),
            Some(p("192.0.2.0/24"))
        );
        assert_eq!(Prefix4::natural(Ipv4Addr::new(224, 0, 0, 9)), None);
    }

    proptest! {
        #[test]
        fn text_is_the_identity(bits: u32, length in 0u8..=32) {
            let prefix = Prefix4::containing(bits.into(), length).unwrap();
            prop_assert_eq!(prefix.to_string().parse::<Prefix4>().unwrap(), prefix);
            prop_assert_eq!(Prefix4::from_netmask(prefix.network(), prefix.netmask()).unwrap(), prefix);
            prop_assert!(prefix.contains(bits.into()));
            prop_assert!(prefix.contains(prefix.last()));
        }

        #[test]
        fn text_is_the_identity_v6(bits: u128, length in 0u8..=128) {
            let prefix = Prefix6::containing(bits.into(), length).unwrap();
            prop_assert_eq!(prefix.to_string().parse::<Prefix>().unwrap(), Prefix::V6(prefix));
        }

        #[test]
        fn covering_is_containing_both_ends(a: u32, b: u32, l in 0u8..=32, m in 0u8..=32) {
            let outer = Prefix4::containing(a.into(), l).unwrap();
            let inner = Prefix4::containing(b.into(), m).unwrap();
            let by_ends = outer.contains(inner.network()) && outer.contains(inner.last());
            prop_assert_eq!(outer.covers(inner), by_ends && inner.length() >= outer.length());
        }
    }
}
