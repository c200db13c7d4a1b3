//! Questions and answers about the routing table as octets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::{
    ChangeTypes, DestinationSnapshot, DestinationView, EntityKey, EntityName, RouteView, VIEWS, Views,
};
use waypost_types::{
    BestRoute, InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, PathId, Prefix, Prefix4, Prefix6,
    ProtocolId, Route, RouteKind,
};
use waypost_wire::{ReadError, Reader, Writer};

/// What is asked: the calls of [`waypost_rtmv2::RouteTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Question {
    Register(Family, EntityName),
    Deregister(EntityKey),
    Entities(Family),
    Set(EntityKey, Prefix, PathId, Views, Route),
    Delete(EntityKey, Prefix, PathId),
    Hold(Prefix, Views, Duration),
    Destination(Prefix),
    Covering(Prefix, Views, bool),
    Page(Option<Prefix>, Prefix, u32),
    Watch(Family, Views, ChangeTypes),
    Changed(u32, u32),
    Unwatch(u32),
}

/// The octets are none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Garbage;

impl From<ReadError> for Garbage {
    fn from(_: ReadError) -> Self {
        Self
    }
}

type Read<T> = Result<T, Garbage>;

/// Writes the question for [`Question::Set`], which is asked a million times in a row, without making one.
pub(in super::super) fn put_set(
    to: &mut Writer,
    entity: EntityKey,
    prefix: Prefix,
    path: PathId,
    views: Views,
    route: &Route,
) {
    to.u8(3).u32(entity.0);
    put_prefix(to, prefix);
    to.u32(path.0).u8(views.bits() as u8);
    put_route(to, route);
}

impl Question {
    pub(in super::super) fn put(&self, to: &mut Writer) {
        match self {
            Self::Register(family, name) => {
                to.u8(0).u8(family_number(*family));
                put_name(to, *name);
            }
            Self::Deregister(entity) => drop(to.u8(1).u32(entity.0)),
            Self::Entities(family) => drop(to.u8(2).u8(family_number(*family))),
            Self::Set(entity, prefix, path, views, route) => {
                put_set(to, *entity, *prefix, *path, *views, route);
            }
            Self::Delete(entity, prefix, path) => {
                to.u8(4).u32(entity.0);
                put_prefix(to, *prefix);
                to.u32(path.0);
            }
            Self::Hold(prefix, views, duration) => {
                to.u8(5);
                put_prefix(to, *prefix);
                to.u8(views.bits() as u8);
                put_duration(to, *duration);
            }
            Self::Destination(prefix) => {
                to.u8(6);
                put_prefix(to, *prefix);
            }
            Self::Covering(prefix, views, shorter) => {
                to.u8(7);
                put_prefix(to, *prefix);
                to.u8(views.bits() as u8).u8((*shorter).into());
            }
            Self::Page(after, within, max) => {
                to.u8(8).u8(after.is_some().into());
                after.iter().for_each(|after| put_prefix(to, *after));
                put_prefix(to, *within);
                to.u32(*max);
            }
            Self::Watch(family, views, types) => {
                to.u8(9).u8(family_number(*family));
                to.u8(views.bits() as u8).u8(types.bits() as u8);
            }
            Self::Changed(watch, max) => drop(to.u8(10).u32(*watch).u32(*max)),
            Self::Unwatch(watch) => drop(to.u8(11).u32(*watch)),
        }
    }

    pub(in super::super) fn get(octets: &[u8]) -> Read<Self> {
        let from = &mut Reader::new(octets);
        let question = match from.u8()? {
            0 => Self::Register(get_family(from)?, get_name(from)?),
            1 => Self::Deregister(EntityKey(from.u32()?)),
            2 => Self::Entities(get_family(from)?),
            3 => Self::Set(
                EntityKey(from.u32()?),
                get_prefix(from)?,
                PathId(from.u32()?),
                get_views(from)?,
                get_route(from)?,
            ),
            4 => Self::Delete(EntityKey(from.u32()?), get_prefix(from)?, PathId(from.u32()?)),
            5 => Self::Hold(get_prefix(from)?, get_views(from)?, get_duration(from)?),
            6 => Self::Destination(get_prefix(from)?),
            7 => Self::Covering(get_prefix(from)?, get_views(from)?, get_flag(from)?),
            8 => {
                let after = if get_flag(from)? {
                    Some(get_prefix(from)?)
                } else {
                    None
                };
                Self::Page(after, get_prefix(from)?, from.u32()?)
            }
            9 => Self::Watch(
                get_family(from)?,
                get_views(from)?,
                ChangeTypes::from_bits(from.u8()?.into()).ok_or(Garbage)?,
            ),
            10 => Self::Changed(from.u32()?, from.u32()?),
            11 => Self::Unwatch(from.u32()?),
            _ => return Err(Garbage),
        };
        if from.is_empty() {
            Ok(question)
        } else {
            Err(Garbage)
        }
    }
}

pub(in super::super) fn put_status(to: &mut Writer, status: Status) {
    to.u32(status.0);
}

/// What follows a status of success; otherwise the status.
pub(in super::super) fn get_success(from: &mut Reader<'_>) -> Result<(), Status> {
    match from.u32().map(Status) {
        Ok(Status::NO_ERROR) => Ok(()),
        Ok(status) => Err(status),
        Err(_) => Err(Status::ERROR_INVALID_DATA),
    }
}

const fn family_number(family: Family) -> u8 {
    match family {
        Family::V4 => 4,
        Family::V6 => 6,
    }
}

fn get_family(from: &mut Reader<'_>) -> Read<Family> {
    match from.u8()? {
        4 => Ok(Family::V4),
        6 => Ok(Family::V6),
        _ => Err(Garbage),
    }
}

fn get_flag(from: &mut Reader<'_>) -> Read<bool> {
    match from.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Garbage),
    }
}

pub(in super::super) fn put_views(to: &mut Writer, views: Views) {
    to.u8(views.bits() as u8);
}

pub(in super::super) fn get_views(from: &mut Reader<'_>) -> Read<Views> {
    Views::from_bits(from.u8()?.into()).ok_or(Garbage)
}

pub(in super::super) fn put_name(to: &mut Writer, name: EntityName) {
    to.u32(name.protocol.0).u32(name.instance);
}

pub(in super::super) fn get_name(from: &mut Reader<'_>) -> Read<EntityName> {
    Ok(EntityName {
        protocol: ProtocolId(from.u32()?),
        instance: from.u32()?,
    })
}

fn put_duration(to: &mut Writer, duration: Duration) {
    to.u64(duration.as_nanos().try_into().unwrap_or(u64::MAX));
}

fn get_duration(from: &mut Reader<'_>) -> Read<Duration> {
    Ok(Duration::from_nanos(from.u64()?))
}

fn put_address(to: &mut Writer, address: IpAddr) {
    match address {
        IpAddr::V4(address) => to.u8(4).slice(&address.octets()),
        IpAddr::V6(address) => to.u8(6).slice(&address.octets()),
    };
}

fn get_address(from: &mut Reader<'_>) -> Read<IpAddr> {
    Ok(match get_family(from)? {
        Family::V4 => Ipv4Addr::from(from.array::<4>()?).into(),
        Family::V6 => Ipv6Addr::from(from.array::<16>()?).into(),
    })
}

pub(in super::super) fn put_prefix(to: &mut Writer, prefix: Prefix) {
    put_address(to, prefix.network());
    to.u8(prefix.length());
}

pub(in super::super) fn get_prefix(from: &mut Reader<'_>) -> Read<Prefix> {
    let address = get_address(from)?;
    let length = from.u8()?;
    match address {
        IpAddr::V4(address) => Prefix4::new(address, length).map(Prefix::V4),
        IpAddr::V6(address) => Prefix6::new(address, length).map(Prefix::V6),
    }
    .map_err(|_| Garbage)
}

const KINDS: [RouteKind; 4] = [
    RouteKind::Unicast,
    RouteKind::Blackhole,
    RouteKind::Unreachable,
    RouteKind::Prohibit,
];

fn put_route(to: &mut Writer, route: &Route) {
    let kind = KINDS.iter().position(|kind| *kind == route.kind);
    to.u8(kind.unwrap_or(0) as u8).u32(route.metric).u32(route.tag);
    to.u8(route.preference.unwrap_or(0))
        .u8(route.next_hops.len() as u8);
    for hop in &route.next_hops {
        let flags = u8::from(hop.onlink) | u8::from(hop.gateway.is_some()) << 1;
        to.u32(hop.interface.0).u16(hop.weight).u8(flags);
        hop.gateway.iter().for_each(|gateway| put_address(to, *gateway));
    }
}

fn get_route(from: &mut Reader<'_>) -> Read<Route> {
    let kind = *KINDS.get(usize::from(from.u8()?)).ok_or(Garbage)?;
    let (metric, tag) = (from.u32()?, from.u32()?);
    let preference = Some(from.u8()?).filter(|preference| *preference != 0);
    let count = usize::from(from.u8()?);
    if count > MAX_NEXT_HOPS {
        return Err(Garbage);
    }
    let mut next_hops = NextHops::new();
    for _ in 0..count {
        let (interface, weight, flags) = (InterfaceIndex(from.u32()?), from.u16()?, from.u8()?);
        if flags > 3 {
            return Err(Garbage);
        }
        next_hops.push(NextHop {
            interface,
            gateway: if flags & 2 == 0 {
                None
            } else {
                Some(get_address(from)?)
            },
            weight,
            onlink: flags & 1 != 0,
        });
    }
    Ok(Route {
        kind,
        next_hops,
        metric,
        tag,
        preference,
    })
}

/// Writes a destination into `room` octets at most: the best routes of each view, what was held, and of the others as many as
/// there is room for. False when not even that fits.
pub(in super::super) fn put_destination(
    to: &mut Writer,
    destination: &DestinationSnapshot,
    room: usize,
) -> bool {
    let begin = to.len();
    put_prefix(to, destination.prefix);
    put_duration(to, destination.age);
    for view in &destination.views {
        to.u8(view.is_forwarded.into()).u8(view.held.is_some().into());
        if let Some(held) = &view.held {
            to.u32(held.owner.0).u8(held.preference);
            put_route(to, &held.route);
        }
        let count = to.len();
        to.u32(0);
        let mut written = 0_u32;
        let mut routes: Vec<&RouteView> = view.routes.iter().collect();
        if routes.len() * MOST_OF_A_ROUTE > room / VIEWS {
            routes.sort_by_key(|route| !route.is_best);
        }
        for (place, route) in routes.into_iter().enumerate() {
            // The last view needs room for its own.
            if place > 0 && to.len() - begin + VIEWS * MOST_OF_A_ROUTE > room {
                break;
            }
            put_name(to, route.owner);
            to.u32(route.path.0).u8(route.preference).u8(route.is_best.into());
            put_route(to, &route.route);
            written += 1;
        }
        to.patch(count, &written.to_be_bytes());
    }
    to.len() - begin <= room
}

/// More octets than a route takes, with what stands around it.
const MOST_OF_A_ROUTE: usize = 1024;

pub(in super::super) fn get_destination(from: &mut Reader<'_>) -> Read<DestinationSnapshot> {
    let (prefix, age) = (get_prefix(from)?, get_duration(from)?);
    let mut view = || {
        let is_forwarded = get_flag(from)?;
        let held = if get_flag(from)? {
            Some(BestRoute {
                owner: ProtocolId(from.u32()?),
                preference: from.u8()?,
                route: get_route(from)?,
            })
        } else {
            None
        };
        let mut routes = Vec::new();
        for _ in 0..from.u32()? {
            routes.push(RouteView {
                owner: get_name(from)?,
                path: PathId(from.u32()?),
                preference: from.u8()?,
                is_best: get_flag(from)?,
                route: get_route(from)?,
            });
        }
        Read::Ok(DestinationView {
            routes,
            held,
            is_forwarded,
        })
    };
    Ok(DestinationSnapshot {
        prefix,
        age,
        views: [view()?, view()?],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(hops: u32) -> Route {
        Route {
            kind: RouteKind::Unicast,
            next_hops: (0..hops)
                .map(|hop| NextHop {
                    interface: InterfaceIndex(hop),
                    gateway: (hop % 3 != 0).then(|| match hop % 2 {
                        0 => Ipv4Addr::from(hop).into(),
                        _ => Ipv6Addr::from(u128::from(hop)).into(),
                    }),
                    weight: hop as u16 + 1,
                    onlink: hop % 2 == 0,
                })
                .collect(),
            metric: 7,
            tag: 9,
            preference: (hops > 1).then_some(3),
        }
    }

    fn questions() -> Vec<Question> {
        let name = EntityName {
            protocol: ProtocolId(200),
            instance: 7,
        };
        let four: Prefix = "10.0.0.0/8".parse().unwrap();
        let six: Prefix = "2001:db8::/32".parse().unwrap();
        let key = EntityKey(4711);
        vec![
            Question::Register(Family::V6, name),
            Question::Deregister(key),
            Question::Entities(Family::V4),
            Question::Set(key, four, PathId(3), Views::all(), route(16)),
            Question::Set(key, six, PathId(0), Views::UNICAST, route(1)),
            Question::Delete(key, six, PathId(3)),
            Question::Hold(four, Views::MULTICAST, Duration::from_millis(1500)),
            Question::Destination(six),
            Question::Covering(four, Views::all(), true),
            Question::Page(None, four, 10),
            Question::Page(Some(six), six, u32::MAX),
            Question::Watch(Family::V4, Views::UNICAST, ChangeTypes::BEST),
            Question::Changed(3, 100),
            Question::Unwatch(3),
        ]
    }

    #[test]
    fn questions_there_and_back_and_damaged() {
        for question in questions() {
            let mut octets = Writer::new();
            question.put(&mut octets);
            let octets = octets.finish();
            assert_eq!(Question::get(&octets), Ok(question));
            for cut in 0..octets.len() {
                assert_eq!(Question::get(&octets[..cut]), Err(Garbage));
            }
            for place in 0..octets.len() {
                for bit in 0..8 {
                    let mut flipped = octets.clone();
                    flipped[place] ^= 1 << bit;
                    // Another question or none; nothing panics.
                    drop(Question::get(&flipped));
                }
            }
        }
    }

    #[test]
    fn destinations_there_and_back() {
        let mut destination = DestinationSnapshot {
            prefix: "10.0.0.0/8".parse().unwrap(),
            age: Duration::from_secs(5),
            views: Default::default(),
        };
        let view = |number: u32| RouteView {
            owner: EntityName {
                protocol: ProtocolId(number),
                instance: 1,
            },
            path: PathId(number),
            preference: 9,
            route: route(number % 17),
            is_best: number == 0,
        };
        destination.views[0].routes = (0..20).map(view).collect();
        destination.views[0].is_forwarded = true;
        destination.views[1].held = Some(BestRoute {
            owner: ProtocolId(1),
            preference: 1,
            route: route(2),
        });
        let mut octets = Writer::new();
        assert!(put_destination(&mut octets, &destination, 1 << 16));
        let octets = octets.finish();
        assert_eq!(
            get_destination(&mut Reader::new(&octets)),
            Ok(destination.clone())
        );
        for cut in 0..octets.len() {
            assert_eq!(get_destination(&mut Reader::new(&octets[..cut])), Err(Garbage));
        }
        // Too many for the room: the best one is there whatever else is not.
        let mut octets = Writer::new();
        destination.views[0].routes.rotate_left(1);
        assert!(put_destination(&mut octets, &destination, 4096));
        let octets = octets.finish();
        assert!(octets.len() <= 4096);
        let cut = get_destination(&mut Reader::new(&octets)).unwrap();
        assert!(cut.views[0].routes[0].is_best);
        assert!(cut.views[0].routes.len() < 20);
    }
}
