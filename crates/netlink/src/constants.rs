//! The kernel's numbers under the kernel's names; those of one kind share a type.

use std::fmt;

macro_rules! numbers {
    (
        $(#[$type_doc:meta])* $type:ident($repr:ty);
        $( $(#[$doc:meta])* $name:ident = $value:literal, $text:literal; )*
    ) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub $repr);

        $( $(#[$doc])* pub const $name: $type = $type($value); )*

        /// The name `ip` prints, or the number where there is none.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $( $value => f.pad($text), )*
                    number => fmt::Display::fmt(&number, f),
                }
            }
        }
    };
}

numbers! {
    /// An address family as rtnetlink headers carry it.
    Family(u8);
    /// Any family; in dumps: all of them.
    AF_UNSPEC = 0, "unspec";
    /// IPv4.
    AF_INET = 2, "inet";
    /// Bridge ports and forwarding entries, which travel in LINK and NEIGH messages.
    AF_BRIDGE = 7, "bridge";
    /// IPv6.
    AF_INET6 = 10, "inet6";
}

numbers! {
    /// Who installed a route or next hop object (`rtm_protocol`). The kernel gives no meaning to those from 4 up.
    RouteProtocol(u8);
    /// Nobody said.
    RTPROT_UNSPEC = 0, "unspec";
    /// An ICMP redirect.
    RTPROT_REDIRECT = 1, "redirect";
    /// The kernel itself, for the addresses of its interfaces.
    RTPROT_KERNEL = 2, "kernel";
    /// A command without `proto`, as at boot.
    RTPROT_BOOT = 3, "boot";
    /// Static routes of the administrator.
    RTPROT_STATIC = 4, "static";
    /// IPv6 router advertisements.
    RTPROT_RA = 9, "ra";
    /// FRR and Zebra.
    RTPROT_ZEBRA = 11, "zebra";
    /// BIRD.
    RTPROT_BIRD = 12, "bird";
    /// A DHCP client.
    RTPROT_DHCP = 16, "dhcp";
    /// Babel.
    RTPROT_BABEL = 42, "babel";
    /// BGP.
    RTPROT_BGP = 186, "bgp";
    /// IS-IS.
    RTPROT_ISIS = 187, "isis";
    /// OSPF.
    RTPROT_OSPF = 188, "ospf";
    /// RIP.
    RTPROT_RIP = 189, "rip";
    /// EIGRP.
    RTPROT_EIGRP = 192, "eigrp";
}

numbers! {
    /// How far away the destination of a route, or the reach of an address, is.
    Scope(u8);
    /// Everywhere.
    RT_SCOPE_UNIVERSE = 0, "global";
    /// Inside the site.
    RT_SCOPE_SITE = 200, "site";
    /// On the attached link.
    RT_SCOPE_LINK = 253, "link";
    /// This host.
    RT_SCOPE_HOST = 254, "host";
    /// Nowhere; in a route deletion it matches every scope.
    RT_SCOPE_NOWHERE = 255, "nowhere";
}

numbers! {
    /// What a route does with packets (`rtm_type`).
    RouteType(u8);
    /// No type; in a route deletion or dump it matches every type.
    RTN_UNSPEC = 0, "unspec";
    /// To a gateway or straight onto a link.
    RTN_UNICAST = 1, "unicast";
    /// To this host.
    RTN_LOCAL = 2, "local";
    /// Accepted as broadcast and sent as broadcast.
    RTN_BROADCAST = 3, "broadcast";
    /// Accepted as broadcast, sent as unicast.
    RTN_ANYCAST = 4, "anycast";
    /// A multicast route.
    RTN_MULTICAST = 5, "multicast";
    /// Dropped in silence.
    RTN_BLACKHOLE = 6, "blackhole";
    /// Dropped; the sender hears "host unreachable".
    RTN_UNREACHABLE = 7, "unreachable";
    /// Dropped; the sender hears "administratively prohibited".
    RTN_PROHIBIT = 8, "prohibit";
    /// Look-up goes on in the next policy rule.
    RTN_THROW = 9, "throw";
}

numbers! {
    /// The operational state of a link, RFC 2863 `ifOperStatus`.
    OperState(u8);
    /// The driver does not say; such a link works when its carrier is on.
    IF_OPER_UNKNOWN = 0, "UNKNOWN";
    /// A component is missing.
    IF_OPER_NOTPRESENT = 1, "NOTPRESENT";
    /// Down.
    IF_OPER_DOWN = 2, "DOWN";
    /// Down because the link below is.
    IF_OPER_LOWERLAYERDOWN = 3, "LOWERLAYERDOWN";
    /// In a test mode.
    IF_OPER_TESTING = 4, "TESTING";
    /// Waits for an outer event, such as 802.1X.
    IF_OPER_DORMANT = 5, "DORMANT";
    /// Passes packets.
    IF_OPER_UP = 6, "UP";
}

macro_rules! plain {
    ($repr:ty: $( $(#[$doc:meta])* $name:ident = $value:expr; )*) => {
        $( $(#[$doc])* pub const $name: $repr = $value; )*
    };
}

plain! { u32:
    /// Table 0: in a dump, all tables.
    RT_TABLE_UNSPEC = 0;
    /// What `rtm_table` says when the number only fits `RTA_TABLE`.
    RT_TABLE_COMPAT = 252;
    /// The table looked up last.
    RT_TABLE_DEFAULT = 253;
    /// The table routes are in unless something else is said.
    RT_TABLE_MAIN = 254;
    /// The host's own addresses; the kernel keeps it.
    RT_TABLE_LOCAL = 255;
}

// Multicast groups a socket joins to hear notifications (`enum rtnetlink_groups`).
plain! { u32:
    /// Links.
    RTNLGRP_LINK = 1;
    /// Neighbours.
    RTNLGRP_NEIGH = 3;
    /// IPv4 addresses.
    RTNLGRP_IPV4_IFADDR = 5;
    /// IPv4 routes.
    RTNLGRP_IPV4_ROUTE = 7;
    /// IPv6 addresses.
    RTNLGRP_IPV6_IFADDR = 9;
    /// IPv6 routes.
    RTNLGRP_IPV6_ROUTE = 11;
    /// Next hop objects.
    RTNLGRP_NEXTHOP = 32;
}

plain! { u16:
    /// Nothing; skipped.
    NLMSG_NOOP = 1;
    /// An acknowledgement, good or bad.
    NLMSG_ERROR = 2;
    /// The end of a dump.
    NLMSG_DONE = 3;
    /// Lost messages.
    NLMSG_OVERRUN = 4;
    /// A link appeared or changed.
    RTM_NEWLINK = 16;
    /// A link went away.
    RTM_DELLINK = 17;
    /// Asks for links.
    RTM_GETLINK = 18;
    /// An address appeared or changed.
    RTM_NEWADDR = 20;
    /// An address went away.
    RTM_DELADDR = 21;
    /// Asks for addresses.
    RTM_GETADDR = 22;
    /// A route appeared or changed.
    RTM_NEWROUTE = 24;
    /// A route went away.
    RTM_DELROUTE = 25;
    /// Asks for routes.
    RTM_GETROUTE = 26;
    /// A neighbour appeared or changed.
    RTM_NEWNEIGH = 28;
    /// A neighbour went away.
    RTM_DELNEIGH = 29;
    /// Asks for neighbours.
    RTM_GETNEIGH = 30;
    /// A next hop object appeared or changed.
    RTM_NEWNEXTHOP = 104;
    /// A next hop object went away.
    RTM_DELNEXTHOP = 105;
    /// Asks for next hop objects.
    RTM_GETNEXTHOP = 106;
}

// `nlmsg_flags`. Bits from 0x100 up mean different things in GET, NEW and ERROR messages.
plain! { u16:
    /// A request to the kernel.
    NLM_F_REQUEST = 0x001;
    /// One of several messages; DONE ends them.
    NLM_F_MULTI = 0x002;
    /// Asks for an acknowledgement also on success.
    NLM_F_ACK = 0x004;
    /// The table changed while it was dumped: what was read may be inconsistent.
    NLM_F_DUMP_INTR = 0x010;
    /// The kernel honoured the dump's filter.
    NLM_F_DUMP_FILTERED = 0x020;
    /// GET: all objects (ROOT and MATCH).
    NLM_F_DUMP = 0x300;
    /// NEW: replace what is there.
    NLM_F_REPLACE = 0x100;
    /// NEW: fail with EEXIST if it is there.
    NLM_F_EXCL = 0x200;
    /// NEW: create it if it is not there.
    NLM_F_CREATE = 0x400;
    /// NEW: add after those with the same key.
    NLM_F_APPEND = 0x800;
    /// ERROR: only the header of the request is repeated (`NETLINK_CAP_ACK`).
    NLM_F_CAPPED = 0x100;
    /// ERROR and DONE: attributes with an explanation follow (`NETLINK_EXT_ACK`).
    NLM_F_ACK_TLVS = 0x200;
}

plain! { u16:
    /// The value is a sequence of attributes.
    NLA_F_NESTED = 0x8000;
    /// The part of an attribute type that is the type.
    NLA_TYPE_MASK = 0x3FFF;
    /// Text: what was wrong.
    NLMSGERR_ATTR_MSG = 1;
    /// Offset in the request of the attribute that was wrong.
    NLMSGERR_ATTR_OFFS = 2;
    /// Type of a required attribute that was missing.
    NLMSGERR_ATTR_MISS_TYPE = 5;
}

plain! { u16:
    /// Hardware address.
    IFLA_ADDRESS = 1;
    /// Name.
    IFLA_IFNAME = 3;
    /// MTU, octets.
    IFLA_MTU = 4;
    /// The link below or the peer.
    IFLA_LINK = 5;
    /// The bridge, bond or VRF the link belongs to.
    IFLA_MASTER = 10;
    /// Operational state.
    IFLA_OPERSTATE = 16;
    /// Nested: kind and what the kind says.
    IFLA_LINKINFO = 18;
    /// Whether there is a carrier.
    IFLA_CARRIER = 33;
    /// In IFLA_LINKINFO: "veth", "bridge", ...
    IFLA_INFO_KIND = 1;
}

plain! { u16:
    /// The address, or the peer's on a point-to-point link.
    IFA_ADDRESS = 1;
    /// The interface's own address.
    IFA_LOCAL = 2;
    /// Interface alias.
    IFA_LABEL = 3;
    /// Broadcast address.
    IFA_BROADCAST = 4;
    /// All 32 flag bits.
    IFA_FLAGS = 8;
}

plain! { u16:
    /// Destination.
    RTA_DST = 1;
    /// Source the packets must have.
    RTA_SRC = 2;
    /// Outgoing interface.
    RTA_OIF = 4;
    /// Gateway of the route's own family.
    RTA_GATEWAY = 5;
    /// Rank among routes to one destination, lower wins.
    RTA_PRIORITY = 6;
    /// Source address for packets that have none yet.
    RTA_PREFSRC = 7;
    /// Several next hops.
    RTA_MULTIPATH = 9;
    /// Table, 32 bits.
    RTA_TABLE = 15;
    /// Gateway of another family.
    RTA_VIA = 18;
    /// Next hop object.
    RTA_NH_ID = 30;
}

plain! { u16:
    /// Identifier.
    NHA_ID = 1;
    /// Members of a group.
    NHA_GROUP = 2;
    /// How a group spreads flows.
    NHA_GROUP_TYPE = 3;
    /// Drops packets.
    NHA_BLACKHOLE = 4;
    /// Outgoing interface.
    NHA_OIF = 5;
    /// Gateway.
    NHA_GATEWAY = 6;
    /// In a dump: groups only.
    NHA_GROUPS = 9;
    /// Belongs to a bridge's forwarding table.
    NHA_FDB = 11;
    /// A group spreads flows by hash threshold.
    NEXTHOP_GRP_TYPE_MPATH = 0;
    /// A resilient group: flows keep their member while it lives.
    NEXTHOP_GRP_TYPE_RES = 1;
}

plain! { u16:
    /// The neighbour's address.
    NDA_DST = 1;
    /// The neighbour's hardware address.
    NDA_LLADDR = 2;
}
