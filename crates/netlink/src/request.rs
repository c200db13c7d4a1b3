//! Requests to the kernel: questions and changes.

use std::net::IpAddr;

use waypost_types::InterfaceIndex;

use crate::attribute::MESSAGE_HEADER;
use crate::constants::{
    AF_INET, AF_INET6, AF_UNSPEC, IFLA_MTU, NHA_ID, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP,
    NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, RTA_DST, RTA_OIF, RTA_TABLE, RTM_DELADDR, RTM_DELNEXTHOP,
    RTM_DELROUTE, RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETNEXTHOP, RTM_GETROUTE, RTM_NEWADDR,
    RTM_NEWLINK, RTM_NEWNEXTHOP, RTM_NEWROUTE, RTPROT_UNSPEC,
};
use crate::link::header as link_header;
use crate::nexthop::header as nexthop_header;
use crate::{
    Address, EncodeError, Family, LinkFlags, Nexthop, NexthopId, Route, RouteNextHopFlags, RouteProtocol,
    RouteType, Scope, Writer,
};

/// Which routes a dump is to bring. The default is all of them.
///
/// The kernel filters only on sockets with `NETLINK_GET_STRICT_CHK`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteFilter {
    /// IPv4, IPv6 or both.
    pub family: Family,
    /// One table. The kernel refuses the dump with ENOENT when there is no such table.
    pub table: Option<u32>,
    /// Of one protocol.
    pub protocol: RouteProtocol,
    /// Of one type.
    pub kind: RouteType,
    /// With a next hop on this interface.
    pub interface: Option<InterfaceIndex>,
}

/// `linux/rtnetlink.h`: the answer says in which table the route is, and is the route itself rather than what follows from
/// it for the one address.
const RTM_F_LOOKUP_TABLE: u32 = 0x1000;
const RTM_F_FIB_MATCH: u32 = 0x2000;

/// A question. All but the last three are dumps: answered by many messages and DONE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// All links.
    Links,
    /// All addresses of a family, or of both.
    Addresses(Family),
    /// The routes that pass the filter.
    Routes(RouteFilter),
    /// All next hop objects.
    Nexthops,
    /// All neighbours of a family, or of both.
    Neighbours(Family),
    /// One link; ENODEV when there is none.
    Link(InterfaceIndex),
    /// One next hop object; ENOENT when there is none.
    Nexthop(NexthopId),
    /// The route that packets of this machine to an address follow, as it is in its table (`RTM_F_FIB_MATCH`). ENETUNREACH
    /// or EHOSTUNREACH when there is none or it is an unreachable one, EINVAL for a blackhole, EACCES for a prohibit.
    Match(IpAddr),
}

impl Query {
    /// Whether DONE ends the answer; otherwise it is one message.
    #[must_use]
    pub const fn is_dump(&self) -> bool {
        !matches!(self, Self::Link(_) | Self::Nexthop(_) | Self::Match(_))
    }

    /// Appends the request to `out` under a sequence number, which comes back in every message of the answer.
    pub fn encode(&self, sequence: u32, out: &mut Vec<u8>) {
        let dump = if self.is_dump() { NLM_F_DUMP } else { 0 };
        let message_type = match self {
            Self::Links | Self::Link(_) => RTM_GETLINK,
            Self::Addresses(_) => RTM_GETADDR,
            Self::Routes(_) | Self::Match(_) => RTM_GETROUTE,
            Self::Nexthops | Self::Nexthop(_) => RTM_GETNEXTHOP,
            Self::Neighbours(_) => RTM_GETNEIGH,
        };
        let written = Writer::message(out, message_type, NLM_F_REQUEST | dump, sequence, 0, |writer| {
            self.encode_body(writer);
        });
        // INVARIANT: the body is a fixed part and a few numbers, none of which the writer can refuse.
        debug_assert_eq!(written, Ok(()));
    }

    /// Strict checking wants every field that is no filter to be zero.
    fn encode_body(&self, writer: &mut Writer<'_>) {
        let link = |writer: &mut Writer<'_>, index| {
            link_header(
                writer,
                AF_UNSPEC,
                0,
                index,
                LinkFlags::empty(),
                LinkFlags::empty(),
            );
        };
        let nexthop = |writer: &mut Writer<'_>| {
            nexthop_header(
                writer,
                AF_UNSPEC,
                Scope::default(),
                RTPROT_UNSPEC,
                RouteNextHopFlags::empty(),
            );
        };
        match *self {
            Self::Links => link(writer, InterfaceIndex(0)),
            Self::Link(index) => link(writer, index),
            Self::Addresses(family) => writer.fixed(&[family.0, 0, 0, 0, 0, 0, 0, 0]),
            Self::Neighbours(family) => writer.fixed(&[family.0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Self::Routes(filter) => {
                let (protocol, kind) = (filter.protocol.0, filter.kind.0);
                writer.fixed(&[filter.family.0, 0, 0, 0, 0, protocol, 0, kind, 0, 0, 0, 0]);
                if let Some(table) = filter.table {
                    writer.u32(RTA_TABLE, table);
                }
                if let Some(interface) = filter.interface {
                    writer.u32(RTA_OIF, interface.0);
                }
            }
            Self::Match(address) => {
                let (family, length) = match address {
                    IpAddr::V4(_) => (AF_INET, 32),
                    IpAddr::V6(_) => (AF_INET6, 128),
                };
                let [a, b, c, d] = (RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH).to_ne_bytes();
                writer.fixed(&[family.0, length, 0, 0, 0, 0, 0, 0, a, b, c, d]);
                writer.ip(RTA_DST, address);
            }
            Self::Nexthops => nexthop(writer),
            Self::Nexthop(id) => {
                nexthop(writer);
                writer.u32(NHA_ID, id.0);
            }
        }
    }
}

/// What to do when the object is there already, and when it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Create it; EEXIST if it is there.
    Add,
    /// Create it, or replace what is there with the same key.
    Replace,
    /// Replace what is there; ENOENT if it is not.
    Change,
    /// Create it behind those with the same key. Routes only; on IPv6 it adds a next hop.
    Append,
}

impl Set {
    const fn flags(self) -> u16 {
        match self {
            Self::Add => NLM_F_CREATE | NLM_F_EXCL,
            Self::Replace => NLM_F_CREATE | NLM_F_REPLACE,
            Self::Change => NLM_F_REPLACE,
            Self::Append => NLM_F_CREATE | NLM_F_APPEND,
        }
    }
}

/// A change. The kernel answers with an acknowledgement: always when it refuses, otherwise if it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Install a route. With a next hop object it must not list `next_hops`.
    SetRoute(Set, &'a Route),
    /// Remove the first route that matches what is given: destination, table, priority (unless 0), protocol (unless
    /// unspecified), type (unless unspecified), scope (unless nowhere), next hops or object (unless none).
    DeleteRoute(&'a Route),
    /// Install a next hop object; replacing a group repoints every route that uses it.
    SetNexthop(Set, &'a Nexthop),
    /// Remove a next hop object. The routes that use it go with it, unannounced.
    DeleteNexthop(NexthopId),
    /// Give an interface an address.
    SetAddress(Set, &'a Address),
    /// Take an address from an interface.
    DeleteAddress(&'a Address),
    /// Set a link administratively up or down.
    SetLinkUp {
        /// The link.
        interface: InterfaceIndex,
        /// Up or down.
        up: bool,
    },
    /// Set a link's largest packet.
    SetLinkMtu {
        /// The link.
        interface: InterfaceIndex,
        /// Octets.
        mtu: u32,
    },
}

impl Change<'_> {
    /// Appends the request to `out` under a sequence number; `acknowledge` asks for an answer on success too. Leaves
    /// `out` as it was on an error.
    pub fn encode(&self, sequence: u32, acknowledge: bool, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (message_type, set) = match self {
            Self::SetRoute(set, _) => (RTM_NEWROUTE, set.flags()),
            Self::DeleteRoute(_) => (RTM_DELROUTE, 0),
            Self::SetNexthop(set, _) => (RTM_NEWNEXTHOP, set.flags()),
            Self::DeleteNexthop(_) => (RTM_DELNEXTHOP, 0),
            Self::SetAddress(set, _) => (RTM_NEWADDR, set.flags()),
            Self::DeleteAddress(_) => (RTM_DELADDR, 0),
            Self::SetLinkUp { .. } | Self::SetLinkMtu { .. } => (RTM_NEWLINK, 0),
        };
        let acknowledge = if acknowledge { NLM_F_ACK } else { 0 };
        let flags = NLM_F_REQUEST | set | acknowledge;
        Writer::message(out, message_type, flags, sequence, 0, |writer| match *self {
            Self::SetRoute(_, route) | Self::DeleteRoute(route) => route.encode(writer),
            Self::SetNexthop(_, nexthop) => nexthop.encode(writer),
            Self::DeleteNexthop(id) => Query::Nexthop(id).encode_body(writer),
            Self::SetAddress(_, address) | Self::DeleteAddress(address) => address.encode(writer),
            Self::SetLinkUp { interface, up } => {
                let flags = if up { LinkFlags::UP } else { LinkFlags::empty() };
                link_header(writer, AF_UNSPEC, 0, interface, flags, LinkFlags::UP);
            }
            Self::SetLinkMtu { interface, mtu } => {
                link_header(
                    writer,
                    AF_UNSPEC,
                    0,
                    interface,
                    LinkFlags::empty(),
                    LinkFlags::empty(),
                );
                writer.u32(IFLA_MTU, mtu);
            }
        })
    }
}

/// Sets or clears `NLM_F_ACK` in the message that starts at `start`.
pub(crate) fn set_acknowledge(out: &mut [u8], start: usize, acknowledge: bool) {
    with_header(out, start, |header| {
        let [.., f0, f1, _, _, _, _, _, _, _, _] = header;
        let flags = u16::from_ne_bytes([*f0, *f1]) & !NLM_F_ACK;
        [*f0, *f1] = (flags | if acknowledge { NLM_F_ACK } else { 0 }).to_ne_bytes();
    });
}

/// Sets the sequence number of the message that starts at `start`.
pub(crate) fn set_sequence(out: &mut [u8], start: usize, sequence: u32) {
    with_header(out, start, |header| {
        let [.., s0, s1, s2, s3, _, _, _, _] = header;
        [*s0, *s1, *s2, *s3] = sequence.to_ne_bytes();
    });
}

fn with_header(out: &mut [u8], start: usize, change: impl FnOnce(&mut [u8; MESSAGE_HEADER])) {
    if let Some(header) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        change(header);
    }
}
