//! A model of what the kernel does with routes and nexthop objects, its silences included.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use waypost_fib::{Failure, Mode, RTPROT_WAYPOST, Refused, Token};
use waypost_netlink::constants::{
    NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RT_TABLE_MAIN, RTM_DELNEXTHOP, RTPROT_UNSPEC,
};
use waypost_netlink::{
    Batch, Body, DecodeError, Header, Link, LinkFlags, Message, Nexthop, NexthopId, NexthopKind, Route,
    RouteNextHop, decode_all,
};
use waypost_types::{InterfaceIndex, Prefix};

const EEXIST: i32 = 17;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EINVAL: i32 = 22;
const ENETDOWN: i32 = 100;
/// The port of somebody who is not the daemon.
pub(crate) const HAND: u32 = 77;

pub(crate) struct Kernel {
    pub mode: Mode,
    /// Up, carrier.
    pub links: BTreeMap<u32, (bool, bool)>,
    pub objects: BTreeMap<u32, Nexthop>,
    pub routes: Vec<Route>,
    /// What the watching socket has not read yet.
    pub news: VecDeque<Message>,
}

fn failure(errno: i32) -> Failure {
    Failure {
        errno,
        text: format!("error {errno}"),
    }
}

pub(crate) fn is_v6(prefix: Prefix) -> bool {
    matches!(prefix, Prefix::V6(_))
}

impl Kernel {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            links: BTreeMap::from([
                (1, (true, true)),
                (2, (true, true)),
                (3, (true, true)),
                (4, (true, true)),
            ]),
            objects: BTreeMap::new(),
            routes: Vec::new(),
            news: VecDeque::new(),
        }
    }

    pub(crate) fn alive(&self, interface: u32) -> bool {
        self.links
            .get(&interface)
            .is_some_and(|&(up, carrier)| up && carrier)
    }

    pub(crate) fn link(&self, index: u32) -> Link {
        let (up, carrier) = self.links[&index];
        let mut link = Link::new(InterfaceIndex(index));
        link.flags.set(LinkFlags::UP, up);
        link.flags
            .set(LinkFlags::RUNNING | LinkFlags::LOWER_UP, up && carrier);
        link.flags.set(LinkFlags::LOOPBACK, index == 1);
        link
    }

    pub(crate) fn tell(&mut self, port: u32, flags: u16, body: Body) {
        let header = Header {
            flags,
            port,
            ..Header::default()
        };
        self.news.push_back(Message { header, body });
    }

    pub(crate) fn set_link(&mut self, index: u32, up: bool, carrier: bool) {
        let before = self.links.insert(index, (up, carrier)).unwrap();
        if before.0 && before.1 && !(up && carrier) {
            // Objects vanish without a word; so do IPv4 routes through them.
            let gone: Vec<u32> = self
                .objects
                .values()
                .filter(|object| interface(object) == Some(index))
                .map(|object| object.id.0)
                .collect();
            gone.into_iter().for_each(|id| self.remove_object(id, None));
        }
        if before.0 && !up && self.mode == Mode::Inline {
            self.routes.retain(|route| {
                route.next_hops.is_empty()
                    || route
                        .next_hops
                        .iter()
                        .any(|hop| hop.interface != Some(InterfaceIndex(index)))
            });
        }
        if before != (up, carrier) {
            let link = self.link(index);
            self.tell(0, 0, Body::NewLink(link));
        }
    }

    /// Removes an object and what depends on it. Announced, but for its IPv4 routes, if somebody did it.
    pub(crate) fn remove_object(&mut self, id: u32, port: Option<u32>) {
        let Some(object) = self.objects.remove(&id) else {
            return;
        };
        if let Some(port) = port {
            self.tell(port, 0, Body::DelNexthop(object));
        }
        let groups: Vec<u32> = self.objects.keys().copied().collect();
        for group in groups {
            let NexthopKind::Group { members, .. } = &mut self.objects.get_mut(&group).unwrap().kind else {
                continue;
            };
            let before = members.len();
            members.retain(|member| member.id.0 != id);
            if members.is_empty() {
                self.remove_object(group, port);
            } else if members.len() < before
                && let Some(port) = port
            {
                let object = self.objects[&group].clone();
                self.tell(port, NLM_F_REPLACE, Body::NewNexthop(object));
            }
        }
        let (gone, kept) = self
            .routes
            .drain(..)
            .partition(|route| route.nexthop == Some(NexthopId(id)));
        self.routes = kept;
        let gone: Vec<Route> = gone;
        for route in gone {
            if is_v6(route.destination) {
                self.tell(0, 0, Body::DelRoute(route));
            }
        }
    }

    /// Somebody changes an object: another gateway or interface, or fewer members.
    pub(crate) fn change_object(&mut self, id: u32) {
        let Some(object) = self.objects.get_mut(&id) else {
            return;
        };
        match &mut object.kind {
            NexthopKind::Gateway { address, .. } => {
                *address = match address {
                    IpAddr::V4(_) => "198.51.100.77".parse().unwrap(),
                    IpAddr::V6(_) => "fe80::77".parse().unwrap(),
                };
            }
            NexthopKind::Link { interface, .. } => *interface = InterfaceIndex(1),
            NexthopKind::Group { members, .. } => members.truncate(1),
            NexthopKind::Blackhole { .. } => return,
        }
        let object = object.clone();
        self.tell(HAND, NLM_F_REPLACE, Body::NewNexthop(object));
    }

    /// Somebody makes an object that looks like ours.
    pub(crate) fn add_object(&mut self, id: u32) {
        if self.mode == Mode::Inline || self.objects.contains_key(&id) {
            return;
        }
        let kind = NexthopKind::Gateway {
            address: "198.51.100.78".parse().unwrap(),
            interface: InterfaceIndex(1),
        };
        let object = Nexthop::new(NexthopId(id), RTPROT_WAYPOST, kind);
        self.objects.insert(id, object.clone());
        self.tell(HAND, 0, Body::NewNexthop(object));
    }

    /// Works through a batch as the kernel does; `allowed` judges each route that is deleted or replaced.
    pub(crate) fn execute(&mut self, batch: &Batch<Token>, allowed: &mut dyn FnMut(&Route)) -> Vec<Refused> {
        let mut refused = Vec::new();
        for message in decode_all(batch.as_bytes()) {
            let (sequence, outcome) = match message {
                Ok(Message {
                    header,
                    body: Body::NewNexthop(object),
                }) => (header.sequence, self.set_object(object)),
                Ok(Message {
                    header,
                    body: Body::NewRoute(route),
                }) => (header.sequence, self.set_route(header.flags, route, allowed)),
                Ok(Message {
                    header,
                    body: Body::DelRoute(route),
                }) => (header.sequence, self.delete_route(&route, allowed)),
                // A deletion names no kind, which as a notification it would.
                Err(DecodeError::Body {
                    message_type: RTM_DELNEXTHOP,
                    sequence,
                    ..
                }) => {
                    let Some(Token::Unmake(id)) = batch.token(sequence) else {
                        panic!("not a deletion")
                    };
                    let there = self.objects.contains_key(&id.0);
                    let borrowed = self
                        .routes
                        .iter()
                        .any(|route| route.nexthop == Some(*id) && route.protocol == RTPROT_UNSPEC);
                    assert!(!borrowed, "deletes object {} that someone else uses", id.0);
                    self.remove_object(id.0, None);
                    (sequence, if there { Ok(()) } else { Err(ENOENT) })
                }
                other => panic!("{other:?}"),
            };
            if let Err(errno) = outcome {
                refused.push(Refused {
                    token: *batch.token(sequence).unwrap(),
                    failure: failure(errno),
                });
            }
        }
        refused
    }

    fn set_object(&mut self, object: Nexthop) -> Result<(), i32> {
        assert_eq!(self.mode, Mode::Objects);
        match &object.kind {
            NexthopKind::Group { members, .. } => {
                if members.is_empty() || members.iter().any(|m| !self.objects.contains_key(&m.id.0)) {
                    return Err(EINVAL);
                }
            }
            _ => {
                if interface(&object).is_some_and(|interface| !self.alive(interface)) {
                    return Err(ENETDOWN);
                }
            }
        }
        self.objects.insert(object.id.0, object);
        Ok(())
    }

    fn set_route(
        &mut self,
        flags: u16,
        mut route: Route,
        allowed: &mut dyn FnMut(&Route),
    ) -> Result<(), i32> {
        assert!(flags & NLM_F_CREATE != 0);
        match route.nexthop {
            Some(id) => {
                assert_eq!(self.mode, Mode::Objects);
                if !self.objects.contains_key(&id.0) {
                    return Err(EINVAL);
                }
                route.next_hops.clear();
            }
            None => {
                assert_eq!(self.mode, Mode::Inline);
                let down = |hop: &RouteNextHop| !self.links[&hop.interface.unwrap().0].0;
                if route.next_hops.iter().any(down) {
                    return Err(ENETDOWN);
                }
            }
        }
        let same = |other: &&mut Route| {
            other.destination == route.destination
                && other.priority == route.priority
                && other.table == route.table
        };
        match self.routes.iter_mut().find(same) {
            Some(_) if flags & NLM_F_EXCL != 0 => return Err(EEXIST),
            Some(old) => {
                assert!(flags & NLM_F_REPLACE != 0);
                allowed(old);
                *old = route;
            }
            None => self.routes.push(route),
        }
        Ok(())
    }

    fn delete_route(&mut self, wanted: &Route, allowed: &mut dyn FnMut(&Route)) -> Result<(), i32> {
        let position = self.routes.iter().position(|route| {
            route.destination == wanted.destination
                && route.priority == wanted.priority
                && route.protocol == wanted.protocol
                && (wanted.nexthop.is_none() || wanted.nexthop == route.nexthop)
        });
        let Some(position) = position else {
            return Err(ESRCH);
        };
        let old = self.routes.remove(position);
        allowed(&old);
        Ok(())
    }

    /// The next hops a route has in the end: interface and gateway.
    pub(crate) fn resolve(&self, route: &Route) -> Vec<(u32, Option<IpAddr>)> {
        let single = |id: &NexthopId| match &self.objects[&id.0].kind {
            NexthopKind::Gateway { address, interface } => Some((interface.0, Some(*address))),
            NexthopKind::Link { interface, .. } => Some((interface.0, None)),
            _ => None,
        };
        let mut hops: Vec<_> = match route.nexthop {
            Some(id) => match &self.objects[&id.0].kind {
                NexthopKind::Group { members, .. } => members.iter().filter_map(|m| single(&m.id)).collect(),
                _ => single(&id).into_iter().collect(),
            },
            None => route
                .next_hops
                .iter()
                .map(|hop| (hop.interface.unwrap().0, hop.gateway))
                .collect(),
        };
        hops.sort_unstable();
        hops
    }

    pub(crate) fn main_route(&self, prefix: Prefix, priority: u32) -> Option<&Route> {
        self.routes.iter().find(|route| {
            route.destination == prefix && route.priority == priority && route.table == RT_TABLE_MAIN
        })
    }
}

fn interface(object: &Nexthop) -> Option<u32> {
    match &object.kind {
        NexthopKind::Gateway { interface, .. } | NexthopKind::Link { interface, .. } => Some(interface.0),
        _ => None,
    }
}
