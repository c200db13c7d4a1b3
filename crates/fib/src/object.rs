//! Nexthop objects: which there should be, which the kernel has, and who uses them.
//!
//! An object's index is its kernel id less [`FIRST_ID`](crate::FIRST_ID). Objects are counted references: a route that
//! is wanted, or in the kernel, or on its way there refers to its object, and a group to its members, those it should
//! have and those it has in the kernel.
//!
//! On a kernel without objects they are kept all the same, as interned next hops that are always there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use smallvec::SmallVec;
use waypost_netlink::constants::AF_INET6;
use waypost_netlink::{Nexthop, NexthopKind, RouteNextHopFlags};
use waypost_rtm::{Family, NextHopSetId};
use waypost_types::{InterfaceIndex, NextHop, RouteKind, Time};

use crate::ownership::{FIRST_ID, LAST_ID, index as index_of};
use crate::report::Failure;

/// Position of an object in our range of ids.
pub(crate) type Index = u32;

/// Members of a group in the order of their indexes, which is also the order flows are spread in.
pub(crate) type Members = SmallVec<[(Index, u16); 4]>;

/// What a single object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Single {
    Hop {
        /// The gateway's, or that of the routes if there is no gateway: the kernel keeps those apart.
        family: Family,
        interface: InterfaceIndex,
        gateway: Option<IpAddr>,
        onlink: bool,
    },
    Blackhole(Family),
    /// For routes that drop packets and say so. The type of the route decides what is said, and the interface, which is
    /// loopback, is not used; but the kernel caches what became of an IPv6 packet with the object, so that routes that
    /// say different things must not share one.
    Reject {
        family: Family,
        kind: RouteKind,
        interface: InterfaceIndex,
    },
}

/// The objects of routes that reject have ids of their own at the end of our range, by which they are known again.
const REJECTS: [(Family, RouteKind, Index); 4] = [
    (Family::V4, RouteKind::Unreachable, LAST_ID - FIRST_ID),
    (Family::V4, RouteKind::Prohibit, LAST_ID - FIRST_ID - 1),
    (Family::V6, RouteKind::Unreachable, LAST_ID - FIRST_ID - 2),
    (Family::V6, RouteKind::Prohibit, LAST_ID - FIRST_ID - 3),
];

impl Single {
    /// The place in our range that is kept for the object, if one is.
    pub(crate) fn reserved(&self) -> Option<Index> {
        let Self::Reject { family, kind, .. } = self else {
            return None;
        };
        let of_both = REJECTS
            .iter()
            .find(|reject| (reject.0, reject.1) == (*family, *kind));
        of_both.map(|&(_, _, index)| index)
    }

    /// The next hop as routes of `family` need it.
    pub(crate) const fn hop(hop: &NextHop, family: Family) -> Self {
        Self::Hop {
            family: match hop.gateway {
                Some(IpAddr::V4(_)) => Family::V4,
                Some(IpAddr::V6(_)) => Family::V6,
                None => family,
            },
            interface: hop.interface,
            gateway: hop.gateway,
            onlink: hop.onlink,
        }
    }

    pub(crate) const fn interface(&self) -> Option<InterfaceIndex> {
        match self {
            Self::Hop { interface, .. } | Self::Reject { interface, .. } => Some(*interface),
            Self::Blackhole(_) => None,
        }
    }

    /// What the kernel's object is; `None` for groups.
    pub(crate) fn of(nexthop: &Nexthop) -> Option<Self> {
        let family = |family| {
            if family == AF_INET6 {
                Family::V6
            } else {
                Family::V4
            }
        };
        let onlink = nexthop.flags.contains(RouteNextHopFlags::ONLINK);
        let place = index_of(nexthop.id);
        let reject = REJECTS.iter().find(|&&(_, _, index)| Some(index) == place);
        Some(match nexthop.kind {
            NexthopKind::Blackhole { family: f } => Self::Blackhole(family(f)),
            NexthopKind::Link { family: f, interface } => match reject {
                Some(&(of, kind, _)) if of == family(f) => Self::Reject {
                    family: of,
                    kind,
                    interface,
                },
                _ => Self::Hop {
                    family: family(f),
                    interface,
                    gateway: None,
                    onlink,
                },
            },
            NexthopKind::Gateway { address, interface } => Self::Hop {
                family: family(nexthop.family()),
                interface,
                gateway: Some(address),
                onlink,
            },
            NexthopKind::Group { .. } => return None,
        })
    }
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Single(Single),
    /// For routes of a family through a next-hop set; no set if it is left from an earlier life.
    Group(Option<(NextHopSetId, Family)>),
}

/// What is known of an object in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Absent,
    /// As [`Object::shape`] and [`Object::held_members`] say.
    Present,
    /// There, but somebody changed it.
    Altered,
    /// It went with its link, most likely; it is deleted to be sure before it is made anew.
    Doubtful,
    /// Somebody is said to have deleted it. The news may be older than our last request, so that it is there after all:
    /// making it anew is right either way, and so is deleting it.
    Shaken,
}

/// How it is known that an object is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// Somebody deleted it, at a time that may be before our last request: the object may be there, with its routes.
    Told,
    /// Its link went. It is deleted before it is made anew, so that it is certain that it and its routes are gone.
    Silent,
}

/// What is on its way to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Make(Members),
    Unmake,
}

pub(crate) struct Object {
    pub(crate) shape: Shape,
    pub(crate) users: u32,
    pub(crate) presence: Presence,
    /// The members a group should have.
    pub(crate) members: Members,
    /// The members it has in the kernel.
    pub(crate) held_members: Members,
    /// The groups that should have it or have it as a member.
    pub(crate) groups: BTreeSet<Index>,
    /// Left from an earlier life: not deleted until the sweep.
    pub(crate) stray: bool,
    /// Routes of someone else that go through it.
    pub(crate) foreign_users: u32,
    pub(crate) sent: Option<Sent>,
    /// It was lost while a change was on its way.
    pub(crate) disturbed: Option<Loss>,
    pub(crate) seen: bool,
    /// Routes wait for it.
    pub(crate) awaited: bool,
    pub(crate) attempts: u32,
    pub(crate) retry: Option<Time>,
    pub(crate) failure: Option<Box<Failure>>,
    /// How often it was deleted by hand of late, and when last.
    pub(crate) fights: (u32, Time),
}

impl Object {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            users: 0,
            presence: Presence::Absent,
            members: Members::new(),
            held_members: Members::new(),
            groups: BTreeSet::new(),
            stray: false,
            foreign_users: 0,
            sent: None,
            disturbed: None,
            seen: false,
            awaited: false,
            attempts: 0,
            retry: None,
            failure: None,
            fights: (0, Time::ZERO),
        }
    }

    /// Whether routes sent from now on find it.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.sent {
            Some(sent) => matches!(sent, Sent::Make(_)) && self.disturbed.is_none(),
            None => matches!(self.presence, Presence::Present | Presence::Altered),
        }
    }

    /// Whether there can be routes through it in the kernel that stay there.
    pub(crate) const fn can_have_routes(&self) -> bool {
        match self.presence {
            Presence::Present | Presence::Altered | Presence::Shaken => true,
            Presence::Absent => self.sent.is_some(),
            Presence::Doubtful => false,
        }
    }

    pub(crate) const fn interface(&self) -> Option<InterfaceIndex> {
        match &self.shape {
            Shape::Single(single) => single.interface(),
            Shape::Group(_) => None,
        }
    }

    pub(crate) const fn is_group(&self) -> bool {
        matches!(self.shape, Shape::Group(_))
    }

    pub(crate) const fn is_kept(&self) -> bool {
        self.users > 0 || self.stray || self.foreign_users > 0
    }
}
