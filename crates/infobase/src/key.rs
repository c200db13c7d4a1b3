//! The place of a block: what it configures, and which protocol its bytes belong to.

use std::fmt;

use waypost_types::ProtocolId;
use waypost_wire::Reader;

/// What a block configures.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlockScope {
    /// The router as a whole.
    Router,
    /// A protocol's global information (routing-protocol-interface 5, `SetGlobalInfo`).
    Protocol,
    /// A protocol's information about the interface of this name, present or not. Names survive a restart, indices don't.
    Interface(String),
}

/// The key of a block in the infobase. Ordered by scope, then interface name, then protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockKey {
    /// What the block configures.
    pub scope: BlockScope,
    /// Whose bytes they are.
    pub kind: ProtocolId,
}

/// Octets that are not the canonical form of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("octets are not the canonical form of a block key: {0}")]
pub struct KeyError(&'static str);

const ROUTER: u8 = 0;
const PROTOCOL: u8 = 1;
const INTERFACE: u8 = 2;

// Inside a name, octet 0 is written as ESCAPE, ESCAPED_ZERO, and a name ends with ESCAPE, END: any text fits, no key is
// the beginning of another, and octet order stays key order because END is less than ESCAPED_ZERO.
const ESCAPE: u8 = 0;
const END: u8 = 1;
const ESCAPED_ZERO: u8 = 0xFF;

impl BlockKey {
    /// The key of the router-wide block of `kind`.
    #[must_use]
    pub const fn router(kind: ProtocolId) -> Self {
        Self {
            scope: BlockScope::Router,
            kind,
        }
    }

    /// The key of a protocol's global block.
    #[must_use]
    pub const fn protocol(kind: ProtocolId) -> Self {
        Self {
            scope: BlockScope::Protocol,
            kind,
        }
    }

    /// The key of a protocol's block on the interface `name`.
    #[must_use]
    pub fn interface(name: impl Into<String>, kind: ProtocolId) -> Self {
        Self {
            scope: BlockScope::Interface(name.into()),
            kind,
        }
    }

    /// The canonical octets: equal keys have equal octets, and octet order is key order.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(24);
        match &self.scope {
            BlockScope::Router => octets.push(ROUTER),
            BlockScope::Protocol => octets.push(PROTOCOL),
            BlockScope::Interface(name) => {
                octets.push(INTERFACE);
                for octet in name.bytes() {
                    octets.push(octet);
                    if octet == ESCAPE {
                        octets.push(ESCAPED_ZERO);
                    }
                }
                octets.extend([ESCAPE, END]);
            }
        }
        octets.extend(self.kind.0.to_be_bytes());
        octets
    }

    /// The key of canonical octets; refuses every other form, so that no key has two.
    pub fn from_octets(octets: &[u8]) -> Result<Self, KeyError> {
        let short = |_| KeyError("too short");
        let mut reader = Reader::new(octets);
        let scope = match reader.u8().map_err(short)? {
            ROUTER => BlockScope::Router,
            PROTOCOL => BlockScope::Protocol,
            INTERFACE => {
                let mut name = Vec::new();
                loop {
                    let octet = reader.u8().map_err(short)?;
                    if octet == ESCAPE {
                        match reader.u8().map_err(short)? {
                            END => break,
                            ESCAPED_ZERO => {}
                            _ => return Err(KeyError("unknown escape in a name")),
                        }
                    }
                    name.push(octet);
                }
                BlockScope::Interface(String::from_utf8(name).map_err(|_| KeyError("name is not UTF-8"))?)
            }
            _ => return Err(KeyError("unknown scope")),
        };
        let kind = ProtocolId(reader.u32().map_err(short)?);
        if reader.take_rest().is_empty() {
            Ok(Self { scope, kind })
        } else {
            Err(KeyError("too long"))
        }
    }
}

/// The path of the block in the configuration, such as `interfaces.eth0.rip`.
impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            BlockScope::Router if self.kind == ProtocolId::ROUTER_MANAGER => f.write_str("router"),
            BlockScope::Router => write!(f, "router.{}", self.kind),
            BlockScope::Protocol => write!(f, "protocols.{}", self.kind),
            BlockScope::Interface(name) => write!(f, "interfaces.{name}.{}", self.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn octets_and_path_of_one_key() {
        let key = BlockKey::interface("eth0", ProtocolId::RIP);
        assert_eq!(key.to_octets(), b"\x02eth0\x00\x01\x00\x00\x00\x08");
        assert_eq!(key.to_string(), "interfaces.eth0.rip");
        assert_eq!(BlockKey::protocol(ProtocolId::RIP).to_string(), "protocols.rip");
        assert_eq!(BlockKey::router(ProtocolId::ROUTER_MANAGER).to_string(), "router");
    }

    #[test]
    fn other_forms_are_refused() {
        let whole = BlockKey::interface("a\0b", ProtocolId::RIP).to_octets();
        for end in 0..whole.len() {
            assert!(BlockKey::from_octets(&whole[..end]).is_err(), "{end} octets");
        }
        for octets in [
            &b"\x03\0\0\0\x08"[..],
            b"\x00\0\0\0\x08\0",
            b"\x02\0\x02\0\x01\0\0\0\x08",
            b"\x02\xFF\0\x01\0\0\0\x08",
        ] {
            assert!(BlockKey::from_octets(octets).is_err(), "{octets:?}");
        }
    }

    fn any_key() -> impl Strategy<Value = BlockKey> {
        let name = prop::collection::vec(
            prop::sample::select(vec!['\0', '\u{1}', 'a', 'é', '\u{7F}']),
            0..4,
        );
        (0..3, name, prop_oneof![0..3_u32, any::<u32>()]).prop_map(|(scope, name, kind)| BlockKey {
            scope: match scope {
                0 => BlockScope::Router,
                1 => BlockScope::Protocol,
                _ => BlockScope::Interface(name.into_iter().collect()),
            },
            kind: ProtocolId(kind),
        })
    }

    proptest! {
        #[test]
        fn canonical_and_ordered(one in any_key(), other in any_key()) {
            prop_assert_eq!(BlockKey::from_octets(&one.to_octets()), Ok(one.clone()));
            prop_assert_eq!(one.to_octets().cmp(&other.to_octets()), one.cmp(&other));
        }

        #[test]
        fn no_octets_panic_and_what_is_read_is_canonical(octets in prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..16)) {
            if let Ok(key) = BlockKey::from_octets(&octets) {
                prop_assert_eq!(key.to_octets(), octets);
            }
        }
    }
}
