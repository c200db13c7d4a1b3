//! Change notification (A9).

use waypost_rtmv2::ChangeTypes;
use waypost_rtmv2::client::Handle;

use super::lookup::{batch, check_room, put_destination, release};
use super::pointer::{DestinationPointer, In, Out};
use super::registry::answer;
use super::routes::made;

/// RTM_NOTIFY_ONLY_MARKED_DESTS.
const ONLY_MARKED: u32 = 0x0001_0000;

pub(super) extern "C" fn register_for_change_notification(
    entity: u64,
    views: u32,
    flags: u32,
    context: usize,
    registration: Out<u64>,
) -> u32 {
    made(entity, registration, |client, entity| {
        let types = ChangeTypes::from_bits_truncate(flags);
        client.register_for_changes(entity, views, types, flags & ONLY_MARKED != 0, context)
    })
}

pub(super) extern "C" fn get_changed_dests(
    entity: u64,
    registration: u64,
    count: Out<u32>,
    infos: DestinationPointer,
) -> u32 {
    answer(entity, |client, entity| {
        let max = check_room(count, infos.check().is_err())?;
        let found = client.changed_destinations(entity, Handle(registration), max);
        batch(count, found, |at, info| put_destination(infos, at, info))
    })
}

pub(super) extern "C" fn release_changed_dests(
    entity: u64,
    registration: u64,
    count: u32,
    infos: DestinationPointer,
) -> u32 {
    let known = answer(entity, |client, entity| {
        client.registered_views(entity, Handle(registration)).map(|_| ())
    });
    if known == 0 {
        release(entity, count, infos)
    } else {
        known
    }
}

pub(super) extern "C" fn ignore_changed_dests(
    entity: u64,
    registration: u64,
    count: u32,
    destinations: In<u64>,
) -> u32 {
    answer(entity, |client, entity| {
        client.ignore_changes(entity, Handle(registration), &destinations.handles(count)?)
    })
}

pub(super) extern "C" fn get_change_status(
    entity: u64,
    registration: u64,
    destination: u64,
    status: Out<i32>,
) -> u32 {
    answer(entity, |client, entity| {
        status.check()?;
        let has_changed = client.has_changed(entity, Handle(registration), Handle(destination))?;
        status.put(has_changed.into());
        Ok(())
    })
}

pub(super) extern "C" fn mark_dest_for_change_notification(
    entity: u64,
    registration: u64,
    destination: u64,
    mark: i32,
) -> u32 {
    answer(entity, |client, entity| {
        client.mark(entity, Handle(registration), Handle(destination), mark != 0)
    })
}

pub(super) extern "C" fn is_marked_for_change_notification(
    entity: u64,
    registration: u64,
    destination: u64,
    marked: Out<i32>,
) -> u32 {
    answer(entity, |client, entity| {
        marked.check()?;
        let is_marked = client.is_marked(entity, Handle(registration), Handle(destination))?;
        marked.put(is_marked.into());
        Ok(())
    })
}

pub(super) extern "C" fn deregister_from_change_notification(entity: u64, registration: u64) -> u32 {
    answer(entity, |client, entity| {
        client.deregister_from_changes(entity, Handle(registration))
    })
}
