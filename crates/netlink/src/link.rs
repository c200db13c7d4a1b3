//! LINK messages (`struct ifinfomsg`, `linux/if_link.h`).

use bitflags::bitflags;
use smallvec::SmallVec;
use waypost_types::InterfaceIndex;

use crate::attribute::fixed;
use crate::constants::{
    IFLA_ADDRESS, IFLA_CARRIER, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_MASTER, IFLA_MTU,
    IFLA_OPERSTATE,
};
use crate::{Attributes, Family, OperState, Reason, Writer};

bitflags! {
    /// `ifi_flags`; bits without a name here are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct LinkFlags: u32 {
        /// Administratively up.
        const UP = 0x1;
        /// Has a broadcast address.
        const BROADCAST = 0x2;
        /// The loopback interface.
        const LOOPBACK = 0x8;
        /// Has one peer.
        const POINTOPOINT = 0x10;
        /// Operationally able to pass packets (RFC 2863 up or unknown).
        const RUNNING = 0x40;
        /// Does no ARP.
        const NOARP = 0x80;
        /// Hears everything.
        const PROMISC = 0x100;
        /// Hears all multicast.
        const ALLMULTI = 0x200;
        /// Can do multicast.
        const MULTICAST = 0x1000;
        /// The driver signals a carrier.
        const LOWER_UP = 0x1_0000;
        /// The driver signals dormant.
        const DORMANT = 0x2_0000;
        const _ = !0;
    }
}

/// A link-layer address; six bytes on Ethernet, none on some tunnels, up to 32 elsewhere.
pub type HardwareAddress = SmallVec<[u8; 8]>;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Zero for interfaces proper. [`AF_BRIDGE`](crate::constants::AF_BRIDGE) when the message speaks of the interface
    /// as a port of a bridge: a DELLINK of that family says that it left the bridge, not that it is gone.
    pub family: Family,
    /// The interface's number.
    pub index: InterfaceIndex,
    /// What sort of hardware (`ARPHRD_*`): 1 Ethernet, 772 loopback.
    pub hardware: u16,
    /// Up, running, multicast and so on.
    pub flags: LinkFlags,
    /// The name; not in every message about bridge ports.
    pub name: Option<String>,
    /// The kind of a virtual interface, such as "veth"; `None` for hardware.
    pub kind: Option<String>,
    /// Largest packet, octets.
    pub mtu: Option<u32>,
    /// Whether there is a carrier.
    pub carrier: Option<bool>,
    /// RFC 2863 state.
    pub oper_state: Option<OperState>,
    /// The interface's own link-layer address.
    pub address: HardwareAddress,
    /// The bridge, bond or VRF it belongs to.
    pub master: Option<InterfaceIndex>,
    /// The link below (VLAN, macvlan) or the peer (veth), which can be in another namespace.
    pub lower: Option<InterfaceIndex>,
}

impl Link {
    /// An interface of which only the number is known.
    #[must_use]
    pub fn new(index: InterfaceIndex) -> Self {
        Self {
            family: Family::default(),
            index,
            hardware: 0,
            flags: LinkFlags::empty(),
            name: None,
            kind: None,
            mtu: None,
            carrier: None,
            oper_state: None,
            address: HardwareAddress::new(),
            master: None,
            lower: None,
        }
    }

    /// Whether packets can pass: administratively up and the RFC 2863 state is up, or unknown with a carrier.
    #[must_use]
    pub const fn is_operational(&self) -> bool {
        self.flags.contains(LinkFlags::UP) && self.flags.contains(LinkFlags::RUNNING)
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Reason> {
        let (&[family, _, h0, h1, i0, i1, i2, i3, f0, f1, f2, f3, _, _, _, _], rest) = fixed::<16>(payload)?;
        let mut link = Self {
            family: Family(family),
            hardware: u16::from_ne_bytes([h0, h1]),
            flags: LinkFlags::from_bits_retain(u32::from_ne_bytes([f0, f1, f2, f3])),
            ..Self::new(InterfaceIndex(u32::from_ne_bytes([i0, i1, i2, i3])))
        };
        for attribute in Attributes::new(rest) {
            let attribute = attribute?;
            match attribute.kind {
                IFLA_ADDRESS => link.address = attribute.value.into(),
                IFLA_IFNAME => link.name = Some(attribute.text()),
                IFLA_MTU => link.mtu = Some(attribute.u32()?),
                IFLA_LINK => link.lower = Some(InterfaceIndex(attribute.u32()?)),
                IFLA_MASTER => link.master = Some(InterfaceIndex(attribute.u32()?)),
                IFLA_OPERSTATE => link.oper_state = Some(OperState(attribute.u8()?)),
                IFLA_CARRIER => link.carrier = Some(attribute.u8()? != 0),
                IFLA_LINKINFO => {
                    for attribute in attribute.nested() {
                        let attribute = attribute?;
                        if attribute.kind == IFLA_INFO_KIND {
                            link.kind = Some(attribute.text());
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(link)
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        header(
            writer,
            self.family,
            self.hardware,
            self.index,
            self.flags,
            LinkFlags::empty(),
        );
        if let Some(name) = &self.name {
            writer.text(IFLA_IFNAME, name);
        }
        if let Some(mtu) = self.mtu {
            writer.u32(IFLA_MTU, mtu);
        }
        if let Some(OperState(state)) = self.oper_state {
            writer.bytes(IFLA_OPERSTATE, &[state]);
        }
        if let Some(carrier) = self.carrier {
            writer.bytes(IFLA_CARRIER, &[carrier.into()]);
        }
        if !self.address.is_empty() {
            writer.bytes(IFLA_ADDRESS, &self.address);
        }
        if let Some(master) = self.master {
            writer.u32(IFLA_MASTER, master.0);
        }
        if let Some(lower) = self.lower {
            writer.u32(IFLA_LINK, lower.0);
        }
        if let Some(kind) = &self.kind {
            writer.nested(IFLA_LINKINFO, |writer| writer.text(IFLA_INFO_KIND, kind));
        }
    }
}

/// `struct ifinfomsg`; only the flags in `change` are changed by a request.
pub(crate) fn header(
    writer: &mut Writer<'_>,
    family: Family,
    hardware: u16,
    index: InterfaceIndex,
    flags: LinkFlags,
    change: LinkFlags,
) {
    writer.fixed(&[family.0, 0]);
    writer.fixed(&hardware.to_ne_bytes());
    writer.fixed(&index.0.to_ne_bytes());
    writer.fixed(&flags.bits().to_ne_bytes());
    writer.fixed(&change.bits().to_ne_bytes());
}
