//! NEXTHOP messages: next hop objects, which many routes can share (`struct nhmsg`, `linux/nexthop.h`).

use std::net::IpAddr;

use smallvec::SmallVec;
use waypost_types::InterfaceIndex;

use crate::attribute::{family_of, fixed};
use crate::constants::{
    AF_UNSPEC, NEXTHOP_GRP_TYPE_MPATH, NHA_BLACKHOLE, NHA_FDB, NHA_GATEWAY, NHA_GROUP, NHA_GROUP_TYPE,
    NHA_ID, NHA_OIF,
};
use crate::route::weight_field;
use crate::{Attributes, EncodeError, Family, Reason, RouteNextHopFlags, RouteProtocol, Scope, Writer};

/// The number of a next hop object; single ones and groups share the numbers. 0 lets the kernel choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NexthopId(pub u32);

/// A member of a next hop group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupMember {
    /// The member, a single next hop object that exists.
    pub id: NexthopId,
    /// Share of the flows, 1..=256.
    pub weight: u16,
}

/// What a next hop object does with packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NexthopKind {
    /// Drops them.
    Blackhole {
        /// The family of the routes that can use it.
        family: Family,
    },
    /// Puts them onto a link.
    Link {
        /// The family of the routes that can use it.
        family: Family,
        /// The link.
        interface: InterfaceIndex,
    },
    /// Hands them to a gateway. IPv4 routes can use an IPv6 one.
    Gateway {
        /// The gateway.
        address: IpAddr,
        /// The link it is on.
        interface: InterfaceIndex,
    },
    /// Spreads flows over members.
    Group {
        /// `NEXTHOP_GRP_TYPE_MPATH` or `NEXTHOP_GRP_TYPE_RES`.
        group_type: u16,
        /// The members.
        members: SmallVec<[GroupMember; 4]>,
    },
}

/// A next hop object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nexthop {
    /// Its number.
    pub id: NexthopId,
    /// What it does.
    pub kind: NexthopKind,
    /// Who installed it.
    pub protocol: RouteProtocol,
    /// From the kernel only: link or universe. A request must leave it 0.
    pub scope: Scope,
    /// On-link wish and, from the kernel, state. None on groups.
    pub flags: RouteNextHopFlags,
}

impl Nexthop {
    /// An object without flags.
    #[must_use]
    pub fn new(id: NexthopId, protocol: RouteProtocol, kind: NexthopKind) -> Self {
        Self {
            id,
            kind,
            protocol,
            scope: Scope::default(),
            flags: RouteNextHopFlags::empty(),
        }
    }

    /// The family of the message header: unspecified for groups.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self.kind {
            NexthopKind::Blackhole { family } | NexthopKind::Link { family, .. } => family,
            NexthopKind::Gateway { address, .. } => family_of(address),
            NexthopKind::Group { .. } => AF_UNSPEC,
        }
    }

    /// `None` for objects of bridge forwarding tables (`NHA_FDB`).
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, Reason> {
        let (&[family, scope, protocol, _, f0, f1, f2, f3], rest) = fixed::<8>(payload)?;
        let family = Family(family);
        let (mut id, mut interface, mut gateway, mut blackhole) = (None, None, None, false);
        let (mut members, mut group_type) = (None, NEXTHOP_GRP_TYPE_MPATH);
        for attribute in Attributes::new(rest) {
            let attribute = attribute?;
            match attribute.kind {
                NHA_ID => id = Some(NexthopId(attribute.u32()?)),
                NHA_GROUP => members = Some(decode_group(attribute.value)?),
                NHA_GROUP_TYPE => group_type = attribute.u16()?,
                NHA_BLACKHOLE => blackhole = true,
                NHA_OIF => interface = Some(InterfaceIndex(attribute.u32()?)),
                NHA_GATEWAY => gateway = Some(attribute.ip(family)?),
                NHA_FDB => return Ok(None),
                _ => {}
            }
        }
        let kind = match (members, interface, gateway) {
            (Some(members), ..) => NexthopKind::Group { group_type, members },
            (None, Some(interface), Some(address)) => NexthopKind::Gateway { address, interface },
            _ if blackhole => NexthopKind::Blackhole { family },
            (None, Some(interface), None) => NexthopKind::Link { family, interface },
            (None, None, _) => return Err(Reason::Missing { attribute: NHA_OIF }),
        };
        let [flags, ..] = u32::from_ne_bytes([f0, f1, f2, f3]).to_le_bytes();
        Ok(Some(Self {
            id: id.ok_or(Reason::Missing { attribute: NHA_ID })?,
            kind,
            protocol: RouteProtocol(protocol),
            scope: Scope(scope),
            flags: RouteNextHopFlags::from_bits_retain(flags),
        }))
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        header(writer, self.family(), self.scope, self.protocol, self.flags);
        writer.u32(NHA_ID, self.id.0);
        match &self.kind {
            NexthopKind::Blackhole { .. } => writer.flag(NHA_BLACKHOLE),
            NexthopKind::Link { interface, .. } => writer.u32(NHA_OIF, interface.0),
            NexthopKind::Gateway { address, interface } => {
                writer.u32(NHA_OIF, interface.0);
                writer.ip(NHA_GATEWAY, *address);
            }
            NexthopKind::Group { group_type, members } => {
                writer.bytes(NHA_GROUP_TYPE, &group_type.to_ne_bytes());
                writer.attribute(NHA_GROUP, |writer| encode_group(writer, members));
            }
        }
    }
}

/// `struct nhmsg`.
pub(crate) fn header(
    writer: &mut Writer<'_>,
    family: Family,
    scope: Scope,
    protocol: RouteProtocol,
    flags: RouteNextHopFlags,
) {
    writer.fixed(&[family.0, scope.0, protocol.0, 0]);
    writer.fixed(&u32::from(flags.bits()).to_ne_bytes());
}

/// An array of `struct nexthop_grp`.
fn decode_group(mut bytes: &[u8]) -> Result<SmallVec<[GroupMember; 4]>, Reason> {
    let mut members = SmallVec::new();
    while !bytes.is_empty() {
        let (&[i0, i1, i2, i3, low, high, _, _], rest) = fixed::<8>(bytes)?;
        members.push(GroupMember {
            id: NexthopId(u32::from_ne_bytes([i0, i1, i2, i3])),
            // Kernels from 6.12 on have a high byte, zero unless someone else asked for more than we do.
            weight: u16::from_le_bytes([low, high]).saturating_add(1),
        });
        bytes = rest;
    }
    Ok(members)
}

fn encode_group(writer: &mut Writer<'_>, members: &[GroupMember]) {
    for member in members {
        match weight_field(member.weight) {
            Some(weight) => {
                writer.fixed(&member.id.0.to_ne_bytes());
                writer.fixed(&[weight, 0, 0, 0]);
            }
            None => writer.fail(EncodeError::Weight {
                weight: member.weight,
            }),
        }
    }
}
