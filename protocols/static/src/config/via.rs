//! Next hops as an operator writes them.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Octets of the longest interface name that Linux allows (IFNAMSIZ without its final NUL).
pub const MAX_INTERFACE_NAME: usize = 15;

const EXPECTED: &str = "expected '[ADDRESS] [dev INTERFACE] [weight N] [onlink | recursive]'";

/// One next hop: `[ADDRESS] [dev INTERFACE] [weight N] [onlink | recursive]`, with an address, an interface or both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Via {
    /// The router to send to; `None` when the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The interface to send out of; `None` for the one whose network the gateway is in.
    pub device: Option<String>,
    /// Share of the traffic, 1..=256.
    pub weight: u16,
    /// The gateway is on the link although no network of the interface covers it.
    pub onlink: bool,
    /// The gateway may be anywhere: the routing table finds the way to it.
    pub recursive: bool,
}

impl Via {
    /// Through a router, wherever it is connected.
    #[must_use]
    pub const fn gateway(gateway: IpAddr) -> Self {
        Self {
            gateway: Some(gateway),
            device: None,
            weight: 1,
            onlink: false,
            recursive: false,
        }
    }

    /// Straight out of an interface.
    #[must_use]
    pub fn device(name: impl Into<String>) -> Self {
        Self {
            gateway: None,
            device: Some(name.into()),
            weight: 1,
            onlink: false,
            recursive: false,
        }
    }
}

/// Whether Linux takes `name` for an interface.
pub(super) fn is_interface_name(name: &str) -> bool {
    (1..=MAX_INTERFACE_NAME).contains(&name.len())
        && name != "."
        && name != ".."
        && !name
            .chars()
            .any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if let Some(gateway) = self.gateway {
            write!(f, "{gateway}")?;
            gap = " ";
        }
        if let Some(device) = &self.device {
            write!(f, "{gap}dev {device}")?;
            gap = " ";
        }
        if self.weight != 1 {
            write!(f, "{gap}weight {}", self.weight)?;
            gap = " ";
        }
        if self.onlink {
            write!(f, "{gap}onlink")?;
            gap = " ";
        }
        if self.recursive {
            write!(f, "{gap}recursive")?;
        }
        Ok(())
    }
}

impl FromStr for Via {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace().peekable();
        let mut via = Self {
            gateway: None,
            device: None,
            weight: 1,
            onlink: false,
            recursive: false,
        };
        match words.peek() {
            None => return Err(format!("a next hop cannot be empty; {EXPECTED}")),
            Some(&("dev" | "weight" | "onlink" | "recursive")) => {}
            Some(word) => {
                let gateway = word
                    .parse()
                    .map_err(|_| format!("'{word}' is not an address; {EXPECTED}"))?;
                via.gateway = Some(gateway);
                words.next();
            }
        }
        let mut weight = None;
        while let Some(word) = words.next() {
            let mut argument = || {
                words
                    .next()
                    .ok_or_else(|| format!("'{word}' needs a value after it; {EXPECTED}"))
            };
            let again = match word {
                "dev" => via.device.replace(argument()?.to_owned()).is_some(),
                "weight" => {
                    let number = argument()?;
                    let number = number
                        .parse::<u16>()
                        .map_err(|_| format!("'{number}' is not a weight (1..=256)"))?;
                    weight.replace(number).is_some()
                }
                "onlink" => std::mem::replace(&mut via.onlink, true),
                "recursive" => std::mem::replace(&mut via.recursive, true),
                other => {
                    return Err(format!(
                        "'{other}' is not 'dev', 'weight', 'onlink' or 'recursive'; {EXPECTED}"
                    ));
                }
            };
            if again {
                return Err(format!("'{word}' is given twice"));
            }
        }
        via.weight = weight.unwrap_or(1);
        if via.gateway.is_none() && via.device.is_none() {
            return Err(format!(
                "neither an address nor an interface is given; {EXPECTED}"
            ));
        }
        Ok(via)
    }
}

impl Serialize for Via {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Via {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Via {
    fn schema_name() -> Cow<'static, str> {
        "Via".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "[ADDRESS] [dev INTERFACE] [weight N] [onlink | recursive]",
            "examples": [
                "192.0.2.1", "192.0.2.5 weight 3", "192.0.2.9 dev eth1 onlink", "dev eth2", "203.0.113.7 recursive"
            ],
        })
    }
}

/// Reads a list of next hops, or one that stands for a list of one.
///
/// A visitor instead of an untagged enum, because that would lose the place of an error inside the list.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Via>, D::Error> {
    struct OneOrMore;

    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<Via>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a next hop or a list of next hops")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Via>, E> {
            Ok(vec![text.parse().map_err(E::custom)?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Via>, A::Error> {
            let mut hops = Vec::new();
            while let Some(via) = list.next_element()? {
                hops.push(via);
            }
            Ok(hops)
        }
    }

    deserializer.deserialize_any(OneOrMore)
}

/// The schema of what [`one_or_more`] reads.
pub(super) fn one_or_more_schema(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<Via>();
    json_schema!({
        "anyOf": [one, { "type": "array", "items": one, "maxItems": waypost_types::MAX_NEXT_HOPS }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        for text in [
            "192.0.2.1",
            "192.0.2.5 weight 3",
            "192.0.2.9 dev eth1 onlink",
            "dev eth2",
            "fe80::1 dev eth0 weight 256 onlink",
            "203.0.113.7 weight 2 recursive",
        ] {
            assert_eq!(text.parse::<Via>().unwrap().to_string(), text);
        }
        let loose = "  192.0.2.9   onlink weight 1 dev eth1 ".parse::<Via>().unwrap();
        assert_eq!(loose.to_string(), "192.0.2.9 dev eth1 onlink");
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |text: &str| text.parse::<Via>().unwrap_err();
        assert!(error("").starts_with("a next hop cannot be empty"));
        assert!(error("eth0").starts_with("'eth0' is not an address"));
        assert!(error("192.0.2.1 via eth0").starts_with("'via' is not 'dev'"));
        assert!(error("192.0.2.1 dev").starts_with("'dev' needs a value"));
        assert!(error("192.0.2.1 weight x").starts_with("'x' is not a weight"));
        assert!(error("192.0.2.1 dev a dev b").starts_with("'dev' is given twice"));
        assert!(error("weight 3").starts_with("neither an address nor an interface"));
    }

    #[test]
    fn interface_names() {
        for good in ["eth0", "br-lan.100", "a", "abcdefghijklmno"] {
            assert!(is_interface_name(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "a:b", "abcdefghijklmnop", "a\0"] {
            assert!(!is_interface_name(bad), "{bad}");
        }
    }
}
