//! Routes (A5) and route lists (A10).

use waypost_routprot::Status;
use waypost_rtmv2::client::{Client, Handle, RouteRequest, Target};

use super::convert::{address_of, prefix_of};
use super::lookup::{batch, check_room};
use super::pointer::{In, Out, RoutePointer};
use super::registry::answer;
use super::stable;
use crate::layout::NetAddress;

/// RTM_ROUTE_CHANGE_FIRST, _NEW and _BEST.
const FIRST: u32 = 1;
const NEW: u32 = 2;
const BEST: u32 = 0x0001_0000;

/// What is meant by a pointer to a handle.
pub(super) fn target(handle: Out<u64>) -> Result<Target, Status> {
    Ok(if handle.is_null() {
        Target::Unreferenced
    } else {
        match Handle(handle.get()?) {
            Handle::NULL => Target::New,
            existing => Target::Existing(existing),
        }
    })
}

/// NotifyType and NotifyHandle are reserved.
const fn check_reserved(kind: u32, handle: u64) -> Result<(), Status> {
    if kind == 0 && handle == 0 {
        Ok(())
    } else {
        Err(Status::ERROR_INVALID_PARAMETER)
    }
}

const fn best(is_best: bool) -> u32 {
    if is_best { BEST } else { 0 }
}

pub(super) extern "C" fn add_route_to_dest(
    entity: u64,
    route: Out<u64>,
    address: In<NetAddress>,
    info: RoutePointer,
    time_to_live: u32,
    list: u64,
    notify_type: u32,
    notify: u64,
    flags: Out<u32>,
) -> u32 {
    answer(entity, |client, entity| {
        check_reserved(notify_type, notify)?;
        let given = flags.get()?;
        let target = target(route)?;
        let info = info.get()?;
        let change = client.add_route(
            entity,
            &RouteRequest {
                target,
                prefix: prefix_of(&address.get()?)?,
                info: &info,
                time_to_live,
                list: Handle(list),
                first: given & FIRST != 0,
            },
        )?;
        if !change.is_new && !change.route.is_null() {
            stable::show_route(client, entity, change.route);
        }
        route.put(change.route.0);
        flags.put(best(change.is_best) | if change.is_new { NEW } else { 0 });
        Ok(())
    })
}

pub(super) extern "C" fn delete_route_to_dest(entity: u64, route: u64, flags: Out<u32>) -> u32 {
    answer(entity, |client, entity| {
        flags.check()?;
        let is_best = client.delete_route(entity, Handle(route))?;
        stable::show_route(client, entity, Handle(route));
        flags.put(best(is_best));
        Ok(())
    })
}

pub(super) extern "C" fn hold_destination(
    entity: u64,
    destination: u64,
    views: u32,
    milliseconds: u32,
) -> u32 {
    answer(entity, |client, entity| {
        client.hold(entity, Handle(destination), views, milliseconds)
    })
}

pub(super) extern "C" fn get_route_pointer(entity: u64, route: u64, pointer: Out<RoutePointer>) -> u32 {
    answer(entity, |client, entity| {
        pointer.check()?;
        let is_edited = client.holds_route(entity, Handle(route))?;
        pointer.put(stable::route_pointer(client, entity, Handle(route), is_edited)?);
        Ok(())
    })
}

pub(super) extern "C" fn lock_route(
    entity: u64,
    route: u64,
    exclusive: i32,
    lock: i32,
    pointer: Out<RoutePointer>,
) -> u32 {
    answer(entity, |client, entity| {
        let route = Handle(route);
        // Who has it alone may have changed it already.
        let is_edited = client.holds_route(entity, route)?;
        client.lock_route(entity, route, exclusive != 0, lock != 0)?;
        if lock != 0 && !pointer.is_null() {
            let shown = stable::route_pointer(client, entity, route, is_edited);
            if shown.is_err() {
                client.lock_route(entity, route, exclusive != 0, false)?;
            }
            pointer.put(shown?);
        }
        Ok(())
    })
}

pub(super) extern "C" fn update_and_unlock_route(
    entity: u64,
    route: u64,
    time_to_live: u32,
    list: u64,
    notify_type: u32,
    notify: u64,
    flags: Out<u32>,
) -> u32 {
    answer(entity, |client, entity| {
        check_reserved(notify_type, notify)?;
        flags.check()?;
        let route = Handle(route);
        let info = stable::edited_route(client, entity, route)?;
        let is_best = client.update_and_unlock(entity, route, &info, time_to_live, Handle(list))?;
        stable::show_route(client, entity, route);
        flags.put(best(is_best));
        Ok(())
    })
}

pub(super) extern "C" fn get_route_info(
    entity: u64,
    route: u64,
    info: RoutePointer,
    address: Out<NetAddress>,
) -> u32 {
    answer(entity, |client, entity| {
        let (found, prefix) = client.route_info(entity, Handle(route))?;
        address.put(address_of(prefix));
        if info.is_null() {
            return client.release_route_info(entity, &found);
        }
        info.put(&found);
        Ok(())
    })
}

pub(super) extern "C" fn release_route_info(entity: u64, info: RoutePointer) -> u32 {
    answer(entity, |client, entity| {
        client.release_route_info(entity, &info.get()?)
    })
}

pub(super) extern "C" fn is_best_route(entity: u64, route: u64, views: Out<u32>) -> u32 {
    answer(entity, |client, entity| {
        views.check()?;
        views.put(client.best_in(entity, Handle(route))?.bits());
        Ok(())
    })
}

pub(super) extern "C" fn release_routes(entity: u64, count: u32, routes: In<u64>) -> u32 {
    answer(entity, |client, entity| {
        client.release_routes(entity, &routes.handles(count)?)
    })
}

pub(super) extern "C" fn create_route_list(entity: u64, list: Out<u64>) -> u32 {
    made(entity, list, Client::create_list)
}

/// Writes the handle of something new.
pub(super) fn made(
    entity: u64,
    place: Out<u64>,
    make: impl FnOnce(&Client, Handle) -> Result<Handle, Status>,
) -> u32 {
    answer(entity, |client, entity| {
        place.check()?;
        place.put(make(client, entity)?.0);
        Ok(())
    })
}

pub(super) extern "C" fn insert_in_route_list(entity: u64, list: u64, count: u32, routes: In<u64>) -> u32 {
    answer(entity, |client, entity| {
        client.insert_in_list(entity, Handle(list), &routes.handles(count)?)
    })
}

pub(super) extern "C" fn create_route_list_enum(entity: u64, list: u64, enumeration: Out<u64>) -> u32 {
    made(entity, enumeration, |client, entity| {
        client.enumerate_list(entity, Handle(list))
    })
}

pub(super) extern "C" fn get_list_enum_routes(
    entity: u64,
    enumeration: u64,
    count: Out<u32>,
    routes: Out<u64>,
) -> u32 {
    answer(entity, |client, entity| {
        let max = check_room(count, routes.is_null())?;
        let found = client.next_list_routes(entity, Handle(enumeration), max);
        batch(count, found, |at, route| routes.put_at(at, route.0))
    })
}

pub(super) extern "C" fn delete_route_list(entity: u64, list: u64) -> u32 {
    answer(entity, |client, entity| client.delete_list(entity, Handle(list)))
}
