//! What the machine says is in the kernel, against what somebody finds there who asks the kernel anew.
//!
//! The machine knows the kernel from the answers to its own requests and from news. Whether that is still so is for the
//! kernel alone to say: an audit dumps it beside the machine, and compares.

use waypost_netlink::{
    Nexthop, NexthopId, NexthopKind, Route, RouteNextHop, RouteNextHopFlags, RouteProtocol,
};
use waypost_types::{Prefix, RouteKind, Time};

use crate::fib::{Fib, object_id};
use crate::object::{Object, Presence, Single};
use crate::ownership::{self, Mode, is_our_route};

/// A route with our mark that the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its destination.
    pub prefix: Prefix,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Whose it is, in the kernel's numbers.
    pub protocol: RouteProtocol,
    /// The object it goes through, on kernels that have them.
    pub object: Option<NexthopId>,
    /// Its next hops, on kernels without objects.
    pub next_hops: Box<[RouteNextHop]>,
}

impl Found {
    /// The route, if it bears our mark.
    #[must_use]
    pub fn of(mode: Mode, route: &Route) -> Option<Self> {
        if !is_our_route(mode, route) {
            return None;
        }
        let next_hops = match route.nexthop {
            Some(_) => Box::default(),
            None => route.next_hops.iter().copied().collect(),
        };
        Some(Self {
            prefix: route.destination,
            kind: ownership::kind_of(route)?,
            protocol: route.protocol,
            object: route.nexthop,
            next_hops,
        })
    }
}

/// A nexthop object that the kernel has otherwise than the machine thinks, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDifference {
    /// Its id.
    pub id: NexthopId,
    /// As the machine has it; `None` if it knows no such object.
    pub known: Option<Nexthop>,
    /// As the kernel has it; `None` if it has none.
    pub found: Option<Nexthop>,
}

impl Fib {
    /// How the machine programs the kernel.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// When the kernel was last read as a whole; until then at least it was as the machine says.
    #[must_use]
    pub const fn last_read(&self) -> Option<Time> {
        self.last_resync
    }

    /// Since when the kernel does not have what is wanted for a destination; `None` if it has, or nothing is wanted.
    #[must_use]
    pub fn unsettled_since(&self, prefix: Prefix) -> Option<Time> {
        self.works.get(prefix).map(|work| work.since)
    }

    /// Whether a route of the kernel is the one that the machine installed.
    #[must_use]
    pub fn is_as_installed(&self, found: &Found) -> bool {
        self.rows.get(found.prefix).is_some_and(|row| {
            let through = match found.object {
                Some(id) => ownership::index(id) == Some(row.form.object),
                None => {
                    found.kind != RouteKind::Unicast
                        || self.objects.has_next_hops(row.form.object, &found.next_hops)
                }
            };
            through && (row.form.kind, row.form.protocol) == (found.kind, found.protocol)
        })
    }

    /// The object that the installed route to a destination goes through.
    #[must_use]
    pub fn object_of(&self, prefix: Prefix) -> Option<NexthopId> {
        let row = self.rows.get(prefix).filter(|_| self.mode == Mode::Objects)?;
        Some(object_id(row.form.object))
    }

    /// The objects of ours that are not in the kernel as the machine thinks. What is on its way does not count. `found` are
    /// all objects of the kernel; on kernels without them there is nothing to compare.
    #[must_use]
    pub fn object_differences(&self, found: &[Nexthop]) -> Vec<ObjectDifference> {
        if self.mode == Mode::Inline {
            return Vec::new();
        }
        let ours = found.iter().filter(|nexthop| ownership::is_our_object(nexthop));
        let ours: std::collections::BTreeMap<NexthopId, &Nexthop> =
            ours.map(|nexthop| (nexthop.id, nexthop)).collect();
        let mut differences = Vec::new();
        for index in self.objects.indexes() {
            let Some(object) = self.objects.get(index).filter(|object| is_certain(object)) else {
                continue;
            };
            let id = object_id(index);
            let known = self
                .objects
                .request(index, &object.held_members)
                .filter(|_| object.presence == Presence::Present);
            let found = ours.get(&id).copied();
            let same = match (&known, found) {
                (Some(known), Some(found)) => is_same(known, found),
                (None, None) => true,
                _ => false,
            };
            if !same {
                differences.push(ObjectDifference {
                    id,
                    known,
                    found: found.cloned(),
                });
            }
        }
        let unknown = ours
            .iter()
            .filter(|(id, _)| ownership::index(**id).is_none_or(|index| self.objects.get(index).is_none()));
        differences.extend(unknown.map(|(id, nexthop)| ObjectDifference {
            id: *id,
            known: None,
            found: Some((*nexthop).clone()),
        }));
        differences
    }
}

/// Whether the machine has a firm opinion of what the kernel has.
fn is_certain(object: &Object) -> bool {
    let settled = object.sent.is_none() && object.disturbed.is_none();
    settled
        && matches!(object.presence, Presence::Present | Presence::Absent)
        && object.members == object.held_members
}

/// Whether the kernel's object is the one that was asked for. The kernel adds flags that tell its state.
fn is_same(known: &Nexthop, found: &Nexthop) -> bool {
    match (&known.kind, &found.kind) {
        (NexthopKind::Group { members: known, .. }, NexthopKind::Group { members: found, .. }) => {
            let sorted = |members: &[waypost_netlink::GroupMember]| {
                let mut members: Vec<_> = members.iter().map(|member| (member.id, member.weight)).collect();
                members.sort_unstable();
                members
            };
            sorted(known) == sorted(found)
        }
        _ => {
            let onlink = |nexthop: &Nexthop| nexthop.flags.contains(RouteNextHopFlags::ONLINK);
            Single::of(known) == Single::of(found) && onlink(known) == onlink(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use waypost_netlink::constants::RTPROT_STATIC;
    use waypost_netlink::{Batch, Link, LinkFlags};
    use waypost_rtm::{Forwarding, ForwardingChange, NextHopSetId};
    use waypost_types::{InterfaceIndex, NextHop, ProtocolId, Seed};

    use super::*;
    use crate::FIRST_ID;
    use crate::fib::Token;

    fn forwarding(last: u8) -> Forwarding {
        let hop = NextHop::via([192, 0, 2, last].into(), InterfaceIndex(2));
        Forwarding {
            kind: RouteKind::Unicast,
            owner: ProtocolId::STATIC,
            preference: 1,
            metric: 1,
            set: Some(NextHopSetId {
                index: last.into(),
                generation: 0,
            }),
            can_change: false,
            next_hops: std::iter::once(hop).collect(),
        }
    }

    #[test]
    fn the_kernel_is_compared_with_what_was_installed() {
        let mut fib = Fib::new(Mode::Objects, Seed(1));
        let mut link = Link::new(InterfaceIndex(2));
        link.flags = LinkFlags::UP | LinkFlags::RUNNING;
        fib.resync_begin(Time::from_secs(1), &[link], &[]);
        fib.resync_end(Time::from_secs(1), true);
        assert_eq!(fib.last_read(), Some(Time::from_secs(1)));
        let prefix: Prefix = "10.0.0.0/8".parse().unwrap();
        fib.want(&ForwardingChange {
            generation: 1,
            prefix,
            forwarding: Some(forwarding(1)),
        });
        assert_eq!(fib.unsettled_since(prefix), Some(Time::from_secs(1)));
        let mut batch: Batch<Token> = Batch::default();
        while let Some(id) = fib.next_batch(Time::from_secs(2), &mut batch) {
            fib.completed(Time::from_secs(2), id, Vec::new());
        }
        assert_eq!(fib.unsettled_since(prefix), None);
        let id = NexthopId(FIRST_ID);
        assert_eq!(fib.object_of(prefix), Some(id));
        let route = |object: u32, protocol| {
            let mut route = Route::new(prefix);
            route.protocol = protocol;
            route.priority = fib.priority();
            route.nexthop = Some(NexthopId(object));
            Found::of(fib.mode(), &route)
        };
        assert!(fib.is_as_installed(&route(FIRST_ID, RTPROT_STATIC).unwrap()));
        assert!(!fib.is_as_installed(&route(FIRST_ID + 1, RTPROT_STATIC).unwrap()));
        assert!(!fib.is_as_installed(&route(FIRST_ID, waypost_netlink::constants::RTPROT_RIP).unwrap()));
        assert_eq!(route(7, RTPROT_STATIC), None, "not ours");

        let gateway = |id: NexthopId, last: u8| {
            let kind = NexthopKind::Gateway {
                address: [192, 0, 2, last].into(),
                interface: InterfaceIndex(2),
            };
            Nexthop::new(id, crate::RTPROT_WAYPOST, kind)
        };
        let right = gateway(id, 1);
        assert_eq!(fib.object_differences(std::slice::from_ref(&right)), []);
        let missing = fib.object_differences(&[]);
        assert_eq!((missing.len(), &missing[0].found), (1, &None));
        assert_eq!(
            missing[0].known.as_ref().map(|known| &known.kind),
            Some(&right.kind)
        );
        let changed = fib.object_differences(&[gateway(id, 9), gateway(NexthopId(FIRST_ID + 5), 1)]);
        let ids: Vec<_> = changed
            .iter()
            .map(|difference| (difference.id.0, difference.known.is_some()))
            .collect();
        assert_eq!(ids, [(FIRST_ID, true), (FIRST_ID + 5, false)]);
    }
}
