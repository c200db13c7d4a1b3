//! Grace-LSAs: "I restart, go on as if I were there" (RFC 3623 A).

use std::net::Ipv4Addr;

use waypost_wire::Writer;

use super::opaque::{self, Opaque};

const PERIOD: u16 = 1;
const REASON: u16 = 2;
const ADDRESS: u16 = 3;

/// Why a router restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody said.
    Unknown,
    /// Its software restarts.
    SoftwareRestart,
    /// Its software is replaced.
    SoftwareUpgrade,
    /// Another control processor takes over.
    SwitchToRedundant,
    /// A number nobody gave a meaning to.
    Other(u8),
}

impl Reason {
    const fn read(number: u8) -> Self {
        match number {
            0 => Self::Unknown,
            1 => Self::SoftwareRestart,
            2 => Self::SoftwareUpgrade,
            3 => Self::SwitchToRedundant,
            other => Self::Other(other),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::SoftwareRestart => 1,
            Self::SoftwareUpgrade => 2,
            Self::SwitchToRedundant => 3,
            Self::Other(number) => number,
        }
    }
}

/// What a grace-LSA says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// For how many seconds, from the LSA's origination, neighbours should go on.
    pub period: u32,
    /// Why.
    pub reason: Reason,
    /// The restarting router's address on the link; needed on networks where neighbours are known by address.
    pub address: Option<Ipv4Addr>,
}

impl Grace {
    /// Reads one. Period and reason must be there (A); TLVs nobody knows are skipped, and of two of a kind the first holds.
    #[must_use]
    pub fn decode(opaque: &Opaque<'_>) -> Option<Self> {
        let (mut period, mut reason, mut address) = (None, None, None);
        for (kind, value) in opaque.tlvs() {
            match (kind, value) {
                (PERIOD, value) => {
                    let seconds = u32::from_be_bytes(value.try_into().ok()?);
                    period = period.or(Some(seconds));
                }
                (REASON, [number]) => reason = reason.or_else(|| Some(Reason::read(*number))),
                (ADDRESS, value) => {
                    let octets: [u8; 4] = value.try_into().ok()?;
                    address = address.or_else(|| Some(octets.into()));
                }
                _ => {}
            }
        }
        Some(Self {
            period: period?,
            reason: reason?,
            address,
        })
    }

    /// Appends the body of a grace-LSA.
    pub fn encode(&self, writer: &mut Writer) {
        opaque::encode_tlv(writer, PERIOD, &self.period.to_be_bytes());
        opaque::encode_tlv(writer, REASON, &[self.reason.number()]);
        if let Some(address) = self.address {
            opaque::encode_tlv(writer, ADDRESS, &address.octets());
        }
    }
}
