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
use waypost_types::{InterfaceIndex, NextHop, Time};

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
}

impl Single {
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
            Self::Hop { interface, .. } => Some(*interface),
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
        Some(match nexthop.kind {
            NexthopKind::Blackhole { family: f } => Self::Blackhole(family(f)),
            NexthopKind::Link { family: f, interface } => Self::Hop {
                family: family(f),
                interface,
                gateway: None,
                onlink,
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
    /// Something happened to it while a change was on its way.
    pub(crate) disturbed: bool,
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
            disturbed: false,
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
            Some(sent) => matches!(sent, Sent::Make(_)) && !self.disturbed,
            None => matches!(self.presence, Presence::Present | Presence::Altered),
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
