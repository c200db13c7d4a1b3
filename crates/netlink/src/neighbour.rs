//! NEIGH messages: who answers on a link (`struct ndmsg`, `linux/neighbour.h`).

use std::net::IpAddr;

use bitflags::bitflags;
use waypost_types::InterfaceIndex;

use crate::attribute::{family_of, fixed};
use crate::constants::{AF_INET, AF_INET6, NDA_DST, NDA_LLADDR};
use crate::{Attributes, Family, HardwareAddress, Reason, Writer};

bitflags! {
    /// `ndm_state` (`NUD_*`); empty is NUD_NONE. Bits without a name here are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NeighbourState: u16 {
        /// Asked for, not answered yet.
        const INCOMPLETE = 0x1;
        /// Confirmed lately.
        const REACHABLE = 0x2;
        /// Not confirmed lately.
        const STALE = 0x4;
        /// About to be asked again.
        const DELAY = 0x8;
        /// Being asked again.
        const PROBE = 0x10;
        /// Did not answer.
        const FAILED = 0x20;
        /// Needs no asking.
        const NOARP = 0x40;
        /// Entered by hand.
        const PERMANENT = 0x80;
        const _ = !0;
    }
}

/// An entry of the neighbour table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The link.
    pub interface: InterfaceIndex,
    /// The neighbour.
    pub address: IpAddr,
    /// Its link-layer address; empty while unknown.
    pub hardware_address: HardwareAddress,
    /// How sure the kernel is.
    pub state: NeighbourState,
    /// `NTF_*`: 0x8 proxy, 0x80 the neighbour is a router (IPv6).
    pub flags: u8,
}

impl Neighbour {
    /// `None` for families other than IPv4 and IPv6, such as bridge forwarding entries.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, Reason> {
        let (&[family, _, _, _, i0, i1, i2, i3, s0, s1, flags, _], rest) = fixed::<12>(payload)?;
        let family = Family(family);
        if family != AF_INET && family != AF_INET6 {
            return Ok(None);
        }
        let (mut address, mut hardware_address) = (None, HardwareAddress::new());
        for attribute in Attributes::new(rest) {
            let attribute = attribute?;
            match attribute.kind {
                NDA_DST => address = Some(attribute.ip(family)?),
                NDA_LLADDR => hardware_address = attribute.value.into(),
                _ => {}
            }
        }
        Ok(Some(Self {
            interface: InterfaceIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
            address: address.ok_or(Reason::Missing { attribute: NDA_DST })?,
            hardware_address,
            state: NeighbourState::from_bits_retain(u16::from_ne_bytes([s0, s1])),
            flags,
        }))
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.fixed(&[family_of(self.address).0, 0, 0, 0]);
        writer.fixed(&self.interface.0.to_ne_bytes());
        writer.fixed(&self.state.bits().to_ne_bytes());
        // The kernel tells unicast neighbours by type RTN_UNICAST in its own messages and ignores it in requests.
        writer.fixed(&[self.flags, 0]);
        writer.ip(NDA_DST, self.address);
        if !self.hardware_address.is_empty() {
            writer.bytes(NDA_LLADDR, &self.hardware_address);
        }
    }
}
