//! ADDR messages (`struct ifaddrmsg`, `linux/if_addr.h`).

use std::net::{IpAddr, Ipv4Addr};

use bitflags::bitflags;
use waypost_types::InterfaceIndex;

use crate::attribute::{family_of, fixed};
use crate::constants::{
    AF_INET, AF_INET6, IFA_ADDRESS, IFA_BROADCAST, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, RT_SCOPE_UNIVERSE,
};
use crate::{Attributes, Family, Reason, Scope, Writer};

bitflags! {
    /// `IFA_FLAGS`; bits without a name here are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct AddressFlags: u32 {
        /// IPv4: another address of the same prefix came first. IPv6: a temporary address.
        const SECONDARY = 0x1;
        /// IPv6: added without duplicate address detection.
        const NODAD = 0x2;
        /// IPv6: found to be a duplicate, so not usable.
        const DADFAILED = 0x8;
        /// IPv6: preferred lifetime is over.
        const DEPRECATED = 0x20;
        /// IPv6: duplicate address detection is not done, so not usable yet.
        const TENTATIVE = 0x40;
        /// Has no lifetime.
        const PERMANENT = 0x80;
        /// Made without a route for its prefix.
        const NOPREFIXROUTE = 0x200;
        const _ = !0;
    }
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The interface.
    pub interface: InterfaceIndex,
    /// The interface's own address.
    pub local: IpAddr,
    /// How many leading bits of [`Self::peer`], or else of [`Self::local`], are on the link.
    pub prefix_length: u8,
    /// The other end of a point-to-point link, when it is not `local`.
    pub peer: Option<IpAddr>,
    /// IPv4 broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// Global, link or host.
    pub scope: Scope,
    /// Permanent, tentative and so on.
    pub flags: AddressFlags,
    /// IPv4 interface alias such as "eth0:1"; the interface's name where there is none.
    pub label: Option<String>,
}

impl Address {
    /// A permanent address of global scope, as `ip address add` makes it.
    #[must_use]
    pub const fn new(interface: InterfaceIndex, local: IpAddr, prefix_length: u8) -> Self {
        Self {
            interface,
            local,
            prefix_length,
            peer: None,
            broadcast: None,
            scope: RT_SCOPE_UNIVERSE,
            flags: AddressFlags::PERMANENT,
            label: None,
        }
    }

    /// IPv4 or IPv6.
    #[must_use]
    pub const fn family(&self) -> Family {
        family_of(self.local)
    }

    /// `None` for a family that is neither IPv4 nor IPv6.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, Reason> {
        let (&[family, prefix_length, flags, scope, i0, i1, i2, i3], rest) = fixed::<8>(payload)?;
        let family = Family(family);
        let max = match family {
            AF_INET => 32,
            AF_INET6 => 128,
            _ => return Ok(None),
        };
        if prefix_length > max {
            return Err(Reason::PrefixLength {
                length: prefix_length,
                max,
            });
        }
        let mut flags = AddressFlags::from_bits_retain(flags.into());
        let (mut address, mut local, mut broadcast, mut label) = (None, None, None, None);
        for attribute in Attributes::new(rest) {
            let attribute = attribute?;
            match attribute.kind {
                IFA_ADDRESS => address = Some(attribute.ip(family)?),
                IFA_LOCAL => local = Some(attribute.ip(family)?),
                IFA_LABEL => label = Some(attribute.text()),
                IFA_BROADCAST if family == AF_INET => broadcast = Some(attribute.ipv4()?),
                // The header only has room for the low eight.
                IFA_FLAGS => flags = AddressFlags::from_bits_retain(attribute.u32()?),
                _ => {}
            }
        }
        // IPv6 leaves IFA_LOCAL out unless there is a peer.
        let own = local
            .or(address)
            .ok_or(Reason::Missing { attribute: IFA_LOCAL })?;
        Ok(Some(Self {
            interface: InterfaceIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
            local: own,
            prefix_length,
            peer: address.filter(|&address| address != own),
            broadcast,
            scope: Scope(scope),
            flags,
            label,
        }))
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        let family = self.family();
        let [low_flags, ..] = self.flags.bits().to_le_bytes();
        writer.fixed(&[family.0, self.prefix_length, low_flags, self.scope.0]);
        writer.fixed(&self.interface.0.to_ne_bytes());
        writer.ip_of(IFA_ADDRESS, family, self.peer.unwrap_or(self.local));
        writer.ip(IFA_LOCAL, self.local);
        if let Some(broadcast) = self.broadcast {
            writer.ip_of(IFA_BROADCAST, family, broadcast.into());
        }
        if let Some(label) = &self.label {
            writer.text(IFA_LABEL, label);
        }
        writer.u32(IFA_FLAGS, self.flags.bits());
    }
}
