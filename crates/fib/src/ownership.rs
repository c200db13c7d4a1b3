//! What in the kernel is ours.
//!
//! # The rule
//! * A **nexthop object** is ours if its id lies in [`FIRST_ID`]`..=`[`LAST_ID`] and its protocol is [`RTPROT_WAYPOST`].
//! * A **route** is ours if it is in the main table, without source or type of service, has priority [`PRIORITY`], one of
//!   the protocol numbers of [`kernel_protocol`], and goes through a nexthop object of ours.
//! * On a kernel without nexthop objects a route is ours if, in the place of the object, it has priority
//!   [`INLINE_PRIORITY`].
//!
//! Protocol numbers alone would not do: `proto static` is also what an administrator writes by hand. Routes that drop
//! packets go through an object too, so that they bear the mark: a blackhole object, or one of
//! the loopback interface's, one for unreachable and one for prohibit, where the route's type decides what happens.
//!
//! Everything else is someone else's and is neither changed, replaced nor deleted. Where someone else has a route of our
//! priority to the same destination, ours gives way and is reported as failed. An object of ours that someone else's
//! route goes through is not deleted.

use waypost_netlink::constants::{
    RT_TABLE_MAIN, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE, RTPROT_BGP, RTPROT_KERNEL,
    RTPROT_OSPF, RTPROT_RIP, RTPROT_STATIC,
};
use waypost_netlink::{Nexthop, NexthopId, Route, RouteProtocol};
use waypost_types::{Prefix, ProtocolId, RouteKind};

/// The lowest id of a nexthop object of ours.
pub const FIRST_ID: u32 = 0x5750_0000;
/// The highest id of a nexthop object of ours.
pub const LAST_ID: u32 = 0x57FF_FFFF;
/// Who installed our nexthop objects, and the routes of owners without a number of their own.
pub const RTPROT_WAYPOST: RouteProtocol = RouteProtocol(87);
/// The priority of our routes: after the kernel's connected routes (0), before those of DHCP clients (100 and up).
pub const PRIORITY: u32 = 20;
/// The priority of our routes on a kernel without nexthop objects, where it is the mark that tells them from routes made
/// by hand.
pub const INLINE_PRIORITY: u32 = 87;

/// Whether the kernel has nexthop objects (Linux 5.3 and up).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It has: routes name them, and one message repoints all routes of a set.
    Objects,
    /// It has not: each route carries its gateways.
    Inline,
}

impl Mode {
    /// The mode of a kernel that answered a dump of nexthop objects with this error, or with none. `None` if the error
    /// says nothing about it.
    #[must_use]
    pub const fn from_probe(errno: Option<i32>) -> Option<Self> {
        match errno {
            None => Some(Self::Objects),
            // EINVAL, EOPNOTSUPP: the message type is not known.
            Some(22 | 95) => Some(Self::Inline),
            Some(_) => None,
        }
    }

    /// The priority of our routes.
    #[must_use]
    pub const fn priority(self) -> u32 {
        match self {
            Self::Objects => PRIORITY,
            Self::Inline => INLINE_PRIORITY,
        }
    }
}

/// The kernel's number for routes of an owner.
#[must_use]
pub const fn kernel_protocol(owner: ProtocolId) -> RouteProtocol {
    match owner {
        ProtocolId::RIP => RTPROT_RIP,
        ProtocolId::OSPF => RTPROT_OSPF,
        ProtocolId::BGP_ROUTES => RTPROT_BGP,
        ProtocolId::STATIC | ProtocolId::STATIC_NON_DOD | ProtocolId::AUTOSTATIC | ProtocolId::NETMGMT => {
            RTPROT_STATIC
        }
        _ => RTPROT_WAYPOST,
    }
}

fn is_our_protocol(protocol: RouteProtocol) -> bool {
    [RTPROT_RIP, RTPROT_OSPF, RTPROT_BGP, RTPROT_STATIC, RTPROT_WAYPOST].contains(&protocol)
}

/// The position of an id in our range.
pub(crate) fn index(id: NexthopId) -> Option<u32> {
    (FIRST_ID..=LAST_ID).contains(&id.0).then(|| id.0 - FIRST_ID)
}

/// Whether the object is ours.
pub(crate) fn is_our_object(nexthop: &Nexthop) -> bool {
    index(nexthop.id).is_some() && nexthop.protocol == RTPROT_WAYPOST
}

/// What happens to packets that follow a route; `None` for kinds that ours never are.
pub(crate) const fn kind_of(route: &Route) -> Option<RouteKind> {
    match route.kind {
        RTN_UNICAST => Some(RouteKind::Unicast),
        RTN_BLACKHOLE => Some(RouteKind::Blackhole),
        RTN_UNREACHABLE => Some(RouteKind::Unreachable),
        RTN_PROHIBIT => Some(RouteKind::Prohibit),
        _ => None,
    }
}

/// Whether the route competes with ours to its destination: table, selectors and priority are those of ours.
pub(crate) fn is_at_our_rank(mode: Mode, route: &Route) -> bool {
    route.table == RT_TABLE_MAIN
        && route.tos == 0
        && route.source.is_none()
        && route.priority == mode.priority()
}

/// Whether the route is ours, provided that the object it names is.
pub(crate) fn is_our_route(mode: Mode, route: &Route) -> bool {
    let marked = match mode {
        Mode::Objects => route.nexthop.is_some_and(|id| index(id).is_some()),
        Mode::Inline => route.nexthop.is_none(),
    };
    marked && is_at_our_rank(mode, route) && is_our_protocol(route.protocol)
}

/// Whether the kernel prefers the route to ours to the same destination. What the kernel made by itself for an address does
/// not count: we do not want routes to networks that we are connected to.
pub(crate) fn is_before_ours(mode: Mode, route: &Route) -> bool {
    route.table == RT_TABLE_MAIN
        && route.tos == 0
        && route.source.is_none()
        && route.priority < mode.priority()
        && route.protocol != RTPROT_KERNEL
}

impl crate::Fib {
    /// Whether a route of the kernel is ours.
    #[must_use]
    pub fn is_ours(&self, route: &Route) -> bool {
        is_our_route(self.mode, route)
    }

    /// The priority of our routes in the kernel.
    #[must_use]
    pub const fn priority(&self) -> u32 {
        self.mode.priority()
    }

    /// The priority of someone else's route to this destination that the kernel prefers to ours; `None` if it knows none.
    #[must_use]
    pub fn shadow(&self, prefix: Prefix) -> Option<u32> {
        let mut shadows = self.shadows.range((prefix, 0)..=(prefix, u32::MAX));
        shadows.next().map(|(&(_, priority), _)| priority)
    }

    /// Takes note of a route of someone else.
    pub(crate) fn note_shadow(&mut self, route: &Route) {
        if is_before_ours(self.mode, route) {
            let interface = route.next_hops.first().and_then(|hop| hop.interface);
            self.shadows
                .insert((route.destination, route.priority), interface);
        }
    }

    /// It is gone.
    pub(crate) fn forget_shadow(&mut self, route: &Route) {
        if is_before_ours(self.mode, route) {
            self.shadows.remove(&(route.destination, route.priority));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost_netlink::constants::{RTPROT_BOOT, RTPROT_ZEBRA};

    fn route(protocol: RouteProtocol, priority: u32, nexthop: Option<u32>) -> Route {
        Route {
            protocol,
            priority,
            nexthop: nexthop.map(NexthopId),
            ..Route::new("10.0.0.0/8".parse().unwrap())
        }
    }

    #[test]
    fn handmade_routes_are_nobodys_but_the_hands() {
        let ours = |route: &Route| is_our_route(Mode::Objects, route);
        assert!(ours(&route(RTPROT_STATIC, 20, Some(FIRST_ID))));
        assert!(ours(&route(RTPROT_RIP, 20, Some(LAST_ID))));
        for other in [
            route(RTPROT_STATIC, 20, None),
            route(RTPROT_STATIC, 0, Some(FIRST_ID)),
            route(RTPROT_STATIC, 20, Some(FIRST_ID - 1)),
            route(RTPROT_STATIC, 20, Some(LAST_ID + 1)),
            route(RTPROT_BOOT, 20, Some(FIRST_ID)),
            route(RTPROT_ZEBRA, 20, Some(FIRST_ID)),
            Route {
                table: 100,
                ..route(RTPROT_RIP, 20, Some(FIRST_ID))
            },
            Route {
                tos: 8,
                ..route(RTPROT_RIP, 20, Some(FIRST_ID))
            },
        ] {
            assert!(!ours(&other), "{other:?}");
        }
        assert!(is_our_route(
            Mode::Inline,
            &route(RTPROT_STATIC, INLINE_PRIORITY, None)
        ));
        assert!(!is_our_route(Mode::Inline, &route(RTPROT_STATIC, PRIORITY, None)));
    }

    #[test]
    fn probes() {
        assert_eq!(Mode::from_probe(None), Some(Mode::Objects));
        assert_eq!(Mode::from_probe(Some(95)), Some(Mode::Inline));
        assert_eq!(Mode::from_probe(Some(22)), Some(Mode::Inline));
        assert_eq!(Mode::from_probe(Some(1)), None);
    }

    #[test]
    fn routes_of_others_that_come_before_ours_are_known_while_they_are_there() {
        use waypost_netlink::{Body, Header, Link, Message};
        use waypost_types::{InterfaceIndex, NextHop, Seed, Time};

        let mut fib = crate::Fib::new(Mode::Objects, Seed(1));
        let message = |body| Message {
            header: Header::default(),
            body,
        };
        let prefix = "10.0.0.0/8".parse().unwrap();
        let by = |priority, interface| Route {
            next_hops: [NextHop::on(InterfaceIndex(interface)).into()]
                .into_iter()
                .collect(),
            ..route(RTPROT_BOOT, priority, None)
        };
        let mut hear = |body| {
            fib.hear(Time::ZERO, &message(body));
            fib.shadow(prefix)
        };
        assert_eq!(hear(Body::NewRoute(by(21, 2))), None, "after ours");
        assert_eq!(
            hear(Body::NewRoute(by(20, 2))),
            None,
            "in the place of ours, which fails"
        );
        assert_eq!(hear(Body::NewRoute(by(5, 2))), Some(5));
        assert_eq!(hear(Body::NewRoute(by(0, 3))), Some(0));
        assert_eq!(hear(Body::DelRoute(by(0, 3))), Some(5));
        let kernel = Route {
            protocol: RTPROT_KERNEL,
            ..by(0, 3)
        };
        assert_eq!(hear(Body::NewRoute(kernel)), Some(5));
        // The kernel does not say that the IPv4 routes of a link go with it.
        assert_eq!(hear(Body::NewLink(Link::new(InterfaceIndex(2)))), None);
        // A resync tells anew.
        fib.resync_begin(Time::ZERO, &[], &[]);
        fib.resync_route(&by(7, 2));
        fib.resync_end(Time::ZERO, true);
        assert_eq!(fib.shadow(prefix), Some(7));
    }
}
