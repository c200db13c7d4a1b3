//! Area identifiers (RFC 2328 §3).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The number of an area; 0.0.0.0 is the backbone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AreaId(pub u32);

/// The text is neither a number nor a dotted quad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an area (expected a number up to 4294967295 or a dotted quad)")]
pub struct AreaIdError(pub String);

impl AreaId {
    /// Area 0.0.0.0, through which all other areas talk (RFC 2328 §3.1).
    pub const BACKBONE: Self = Self(0);

    /// Whether this is the backbone.
    #[must_use]
    pub const fn is_backbone(self) -> bool {
        self.0 == 0
    }

    /// As it stands in packets and in text.
    #[must_use]
    pub const fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0)
    }
}

impl From<Ipv4Addr> for AreaId {
    fn from(address: Ipv4Addr) -> Self {
        Self(address.to_bits())
    }
}

impl fmt::Display for AreaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address(), f)
    }
}

impl FromStr for AreaId {
    type Err = AreaIdError;

    fn from_str(text: &str) -> Result<Self, AreaIdError> {
        let number = text.parse::<u32>().map(Self).ok();
        number
            .or_else(|| text.parse::<Ipv4Addr>().map(Self::from).ok())
            .ok_or_else(|| AreaIdError(text.to_owned()))
    }
}

impl Serialize for AreaId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AreaId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// `area = 1` and `area = "0.0.0.1"` mean the same.
        struct Either;

        impl de::Visitor<'_> for Either {
            type Value = AreaId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an area: a number or a dotted quad")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<AreaId, E> {
                u32::try_from(number)
                    .map(AreaId)
                    .map_err(|_| E::custom(AreaIdError(number.to_string())))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<AreaId, E> {
                u32::try_from(number)
                    .map(AreaId)
                    .map_err(|_| E::custom(AreaIdError(number.to_string())))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AreaId, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for AreaId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AreaId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "minimum": 0, "maximum": u32::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_are_read_and_one_is_written() {
        for (text, number) in [("0", 0), ("1", 1), ("0.0.0.1", 1), ("10.0.0.0", 0x0A00_0000)] {
            assert_eq!(text.parse(), Ok(AreaId(number)), "{text}");
        }
        assert_eq!(serde_json::to_string(&AreaId(1)).unwrap(), "\"0.0.0.1\"");
        for (json, number) in [
            ("1", 1),
            ("\"1\"", 1),
            ("\"0.0.0.1\"", 1),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(serde_json::from_str::<AreaId>(json).unwrap(), AreaId(number));
        }
        for json in ["-1", "4294967296", "\"\"", "\"area\"", "1.5", "true"] {
            assert!(serde_json::from_str::<AreaId>(json).is_err(), "{json}");
        }
    }
}
