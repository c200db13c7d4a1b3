//! Router information: what a router can do and is called (RFC 7770, RFC 5642).

use waypost_wire::Writer;

use super::opaque::{self, Opaque};

const CAPABILITIES: u16 = 1;
const HOSTNAME: u16 = 7;
/// The longest host name (RFC 5642 §3.1).
pub const MAX_HOSTNAME: usize = 255;

bitflags::bitflags! {
    /// Informational capabilities (RFC 7770 §2.4); the first bit is the highest.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Capabilities: u32 {
        /// Can restart gracefully.
        const GRACEFUL_RESTART = 0x8000_0000;
        /// Helps others to.
        const GRACEFUL_RESTART_HELPER = 0x4000_0000;
        /// Can be a stub router (RFC 6987).
        const STUB_ROUTER = 0x2000_0000;
        /// Traffic engineering (RFC 3630).
        const TRAFFIC_ENGINEERING = 0x1000_0000;
    }
}

/// What an LSA of router information says, as far as it is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterInformation {
    /// What the router can do.
    pub capabilities: Option<Capabilities>,
    /// What it is called; anything but printable ASCII is shown as `?`, because it ends up on terminals.
    pub hostname: Option<String>,
}

impl RouterInformation {
    /// Reads what is understood; of two of a kind the first holds (RFC 7770 §2.3).
    #[must_use]
    pub fn decode(opaque: &Opaque<'_>) -> Self {
        let mut information = Self::default();
        for (kind, value) in opaque.tlvs() {
            match kind {
                CAPABILITIES if information.capabilities.is_none() => {
                    let bits = value.first_chunk().map(|word| u32::from_be_bytes(*word));
                    information.capabilities = bits.map(Capabilities::from_bits_retain);
                }
                HOSTNAME if information.hostname.is_none() && (1..=MAX_HOSTNAME).contains(&value.len()) => {
                    information.hostname = Some(value.iter().map(|octet| printable(*octet)).collect());
                }
                _ => {}
            }
        }
        information
    }

    /// Appends the body of the LSA. A host name is cut to [`MAX_HOSTNAME`] octets.
    pub fn encode(&self, writer: &mut Writer) {
        if let Some(capabilities) = self.capabilities {
            opaque::encode_tlv(writer, CAPABILITIES, &capabilities.bits().to_be_bytes());
        }
        if let Some(hostname) = self.hostname.as_ref().map(String::as_bytes) {
            opaque::encode_tlv(writer, HOSTNAME, hostname.get(..MAX_HOSTNAME).unwrap_or(hostname));
        }
    }
}

fn printable(octet: u8) -> char {
    if octet.is_ascii_graphic() {
        octet.into()
    } else {
        '?'
    }
}
