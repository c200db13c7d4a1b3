//! Lookups (A7) and enumerations (A8).

use waypost_routprot::Status;
use waypost_rtmv2::client::{
    self, Batch, DestinationInfo, Handle, MAX_HANDLES_IN_ENUM, Range, RouteEnumeration, match_flags,
};

use super::convert::{destination, handles_of, prefix_of};
use super::pointer::{DestinationPointer, In, Out, RoutePointer};
use super::registry::answer;
use super::routes::made;
use crate::layout::NetAddress;

/// RTM_ENUM_NEXT, RTM_ENUM_RANGE, RTM_ENUM_OWN_ROUTES, RTM_ENUM_OWN_DESTS.
const NEXT: u32 = 1;
const RANGE: u32 = 2;
const OWN_ROUTES: u32 = 0x0001_0000;
const OWN_DESTS: u32 = 0x0100_0000;

/// How many results a caller has room for; their number becomes 0 until there are some. Too many are
/// ERROR_INVALID_PARAMETER.
pub(super) fn check_room(count: Out<u32>, is_null: bool) -> Result<usize, Status> {
    let room = count.get()? as usize;
    if is_null || room == 0 || room > MAX_HANDLES_IN_ENUM {
        return Err(Status::ERROR_INVALID_PARAMETER);
    }
    count.put(0);
    Ok(room)
}

/// Writes results and their number; says ERROR_NO_MORE_ITEMS with the last ones (P-64).
pub(super) fn batch<T>(
    count: Out<u32>,
    found: Result<Batch<T>, Status>,
    put: impl Fn(usize, &T),
) -> Result<(), Status> {
    let found = found?;
    for (at, item) in found.items.iter().enumerate() {
        put(at, item);
    }
    // INVARIANT: at most as many as there is room for.
    count.put(found.items.len() as u32);
    if found.is_last {
        Err(Status::ERROR_NO_MORE_ITEMS)
    } else {
        Ok(())
    }
}

pub(super) fn put_destination(place: DestinationPointer, at: usize, info: &DestinationInfo) {
    let (head, views) = destination(info);
    place.put(at, head, &views);
}

fn found(info: DestinationPointer, found: Result<DestinationInfo, Status>) -> Result<(), Status> {
    put_destination(info, 0, &found?);
    Ok(())
}

pub(super) extern "C" fn get_exact_match_destination(
    entity: u64,
    address: In<NetAddress>,
    protocol: u32,
    views: u32,
    info: DestinationPointer,
) -> u32 {
    answer(entity, |client, entity| {
        info.check()?;
        let prefix = prefix_of(&address.get()?)?;
        found(info, client.exact_destination(entity, prefix, protocol, views))
    })
}

pub(super) extern "C" fn get_most_specific_destination(
    entity: u64,
    address: In<NetAddress>,
    protocol: u32,
    views: u32,
    info: DestinationPointer,
) -> u32 {
    answer(entity, |client, entity| {
        info.check()?;
        let prefix = prefix_of(&address.get()?)?;
        found(info, client.most_specific(entity, prefix, protocol, views))
    })
}

pub(super) extern "C" fn get_less_specific_destination(
    entity: u64,
    destination: u64,
    protocol: u32,
    views: u32,
    info: DestinationPointer,
) -> u32 {
    answer(entity, |client, entity| {
        info.check()?;
        let destination = Handle(destination);
        found(info, client.less_specific(entity, destination, protocol, views))
    })
}

pub(super) extern "C" fn get_dest_info(
    entity: u64,
    destination: u64,
    protocol: u32,
    views: u32,
    info: DestinationPointer,
) -> u32 {
    answer(entity, |client, entity| {
        info.check()?;
        let destination = Handle(destination);
        found(
            info,
            client.destination_info(entity, destination, protocol, views),
        )
    })
}

pub(super) fn release(entity: u64, count: u32, infos: DestinationPointer) -> u32 {
    answer(entity, |client, entity| {
        let mut released = Ok(());
        for (head, views) in infos.all(count)? {
            released = client
                .release_destination_info(entity, &handles_of(&head, &views))
                .and(released);
        }
        released
    })
}

pub(super) extern "C" fn release_dest_info(entity: u64, info: DestinationPointer) -> u32 {
    release(entity, 1, info)
}

pub(super) extern "C" fn release_dests(entity: u64, count: u32, infos: DestinationPointer) -> u32 {
    release(entity, count, infos)
}

/// The criteria, which need not be there for those that do not look at a route.
fn criteria(flags: u32, route: RoutePointer) -> Result<client::RouteInfo, Status> {
    if route.is_null() && flags & !match_flags::INTERFACE == 0 {
        return Ok(client::RouteInfo::default());
    }
    route.get()
}

pub(super) extern "C" fn get_exact_match_route(
    entity: u64,
    address: In<NetAddress>,
    flags: u32,
    route_info: RoutePointer,
    interface: u32,
    views: u32,
    route: Out<u64>,
) -> u32 {
    answer(entity, |client, entity| {
        route.check()?;
        let prefix = prefix_of(&address.get()?)?;
        let criteria = criteria(flags, route_info)?;
        let found = client.exact_route(entity, prefix, flags, &criteria, interface, views)?;
        let told = client.route_info(entity, found);
        match told {
            Ok((info, _)) if !route_info.is_null() => route_info.put(&info),
            Ok((info, _)) => client.release_route_info(entity, &info)?,
            Err(status) => {
                client.release_routes(entity, &[found])?;
                return Err(status);
            }
        }
        route.put(found.0);
        Ok(())
    })
}

/// Where an enumeration begins and ends.
fn range(flags: u32, address: In<NetAddress>) -> Result<Range, Status> {
    Ok(match flags & (NEXT | RANGE) {
        0 => Range::Start,
        NEXT => Range::Next(prefix_of(&address.get()?)?),
        RANGE => Range::Within(prefix_of(&address.get()?)?),
        _ => return Err(Status::ERROR_INVALID_PARAMETER),
    })
}

pub(super) extern "C" fn create_dest_enum(
    entity: u64,
    views: u32,
    flags: u32,
    address: In<NetAddress>,
    protocol: u32,
    enumeration: Out<u64>,
) -> u32 {
    made(entity, enumeration, |client, entity| {
        let range = range(flags, address)?;
        client.enumerate_destinations(entity, views, range, flags & OWN_DESTS != 0, protocol)
    })
}

pub(super) extern "C" fn get_enum_dests(
    entity: u64,
    enumeration: u64,
    count: Out<u32>,
    infos: DestinationPointer,
) -> u32 {
    answer(entity, |client, entity| {
        let max = check_room(count, infos.check().is_err())?;
        let found = client.next_destinations(entity, Handle(enumeration), max);
        batch(count, found, |at, info| put_destination(infos, at, info))
    })
}

pub(super) extern "C" fn create_route_enum(
    entity: u64,
    destination: u64,
    views: u32,
    flags: u32,
    address: In<NetAddress>,
    matching: u32,
    route: RoutePointer,
    interface: u32,
    enumeration: Out<u64>,
) -> u32 {
    made(entity, enumeration, |client, entity| {
        client.enumerate_routes(
            entity,
            &RouteEnumeration {
                destination: Handle(destination),
                range: if destination == 0 {
                    range(flags, address)?
                } else {
                    Range::Start
                },
                views,
                is_own: flags & OWN_ROUTES != 0,
                flags: matching,
                criteria: &criteria(matching, route)?,
                interface,
            },
        )
    })
}

pub(super) extern "C" fn get_enum_routes(
    entity: u64,
    enumeration: u64,
    count: Out<u32>,
    routes: Out<u64>,
) -> u32 {
    answer(entity, |client, entity| {
        let max = check_room(count, routes.is_null())?;
        let found = client.next_routes(entity, Handle(enumeration), max);
        batch(count, found, |at, route| routes.put_at(at, route.0))
    })
}

pub(super) extern "C" fn create_next_hop_enum(
    entity: u64,
    flags: u32,
    address: In<NetAddress>,
    enumeration: Out<u64>,
) -> u32 {
    made(entity, enumeration, |client, entity| {
        client.enumerate_next_hops(entity, range(flags, address)?)
    })
}

pub(super) extern "C" fn get_enum_next_hops(
    entity: u64,
    enumeration: u64,
    count: Out<u32>,
    hops: Out<u64>,
) -> u32 {
    answer(entity, |client, entity| {
        let max = check_room(count, hops.is_null())?;
        let found = client.next_next_hops(entity, Handle(enumeration), max);
        batch(count, found, |at, hop| hops.put_at(at, hop.0))
    })
}

pub(super) extern "C" fn delete_enum_handle(entity: u64, enumeration: u64) -> u32 {
    answer(entity, |client, entity| {
        client.delete_enumeration(entity, Handle(enumeration))
    })
}
