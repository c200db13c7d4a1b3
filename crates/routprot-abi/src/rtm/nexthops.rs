//! Next hops (A6).

use waypost_routprot::Status;
use waypost_rtmv2::client::Handle;

use super::convert::{hop_of, next_hop_info};
use super::layout::NextHopInfo;
use super::pointer::{In, Out};
use super::registry::answer;
use super::routes::target;
use super::stable;

/// RTM_NEXTHOP_CHANGE_NEW.
const NEW: u32 = 1;

pub(super) extern "C" fn add_next_hop(
    entity: u64,
    info: In<NextHopInfo>,
    hop: Out<u64>,
    flags: Out<u32>,
) -> u32 {
    answer(entity, |client, entity| {
        flags.check()?;
        let info = hop_of(&info.get()?)?;
        let (handle, is_new) = client.add_next_hop(entity, target(hop)?, &info)?;
        if !is_new && !handle.is_null() {
            stable::show_hop(client, entity, handle);
        }
        hop.put(handle.0);
        flags.put(if is_new { NEW } else { 0 });
        Ok(())
    })
}

pub(super) extern "C" fn find_next_hop(
    entity: u64,
    info: In<NextHopInfo>,
    hop: Out<u64>,
    pointer: Out<*mut NextHopInfo>,
) -> u32 {
    answer(entity, |client, entity| {
        let info = hop_of(&info.get()?)?;
        let found = client.find_next_hop(entity, info.address, info.interface)?;
        if !pointer.is_null() {
            let shown = client
                .holds_next_hop(entity, found)
                .and_then(|is_edited| stable::hop_pointer(client, entity, found, is_edited));
            if shown.is_err() {
                client.release_next_hops(entity, &[found])?;
            }
            pointer.put(shown?);
        }
        if hop.is_null() {
            return client.release_next_hops(entity, &[found]);
        }
        hop.put(found.0);
        Ok(())
    })
}

pub(super) extern "C" fn delete_next_hop(entity: u64, hop: u64, info: In<NextHopInfo>) -> u32 {
    answer(entity, |client, entity| {
        if hop != 0 {
            client.delete_next_hop(entity, Handle(hop))?;
            stable::show_hop(client, entity, Handle(hop));
            return Ok(());
        }
        let info = hop_of(&info.get()?)?;
        client.delete_next_hop_at(entity, info.address, info.interface)
    })
}

pub(super) extern "C" fn get_next_hop_pointer(entity: u64, hop: u64, pointer: Out<*mut NextHopInfo>) -> u32 {
    answer(entity, |client, entity| {
        pointer.check()?;
        let is_edited = client.holds_next_hop(entity, Handle(hop))?;
        pointer.put(stable::hop_pointer(client, entity, Handle(hop), is_edited)?);
        Ok(())
    })
}

pub(super) extern "C" fn lock_next_hop(
    entity: u64,
    hop: u64,
    exclusive: i32,
    lock: i32,
    pointer: Out<*mut NextHopInfo>,
) -> u32 {
    answer(entity, |client, entity| {
        let hop = Handle(hop);
        let is_edited = client.holds_next_hop(entity, hop)?;
        if lock == 0 {
            // There is no function that updates: what was changed in place holds when it is unlocked.
            if is_edited && let Some(info) = stable::edited_hop(client, entity, hop)? {
                client.update_next_hop(entity, hop, &info)?;
            }
            return client.lock_next_hop(entity, hop, exclusive != 0, false);
        }
        client.lock_next_hop(entity, hop, exclusive != 0, true)?;
        if !pointer.is_null() {
            let shown = stable::hop_pointer(client, entity, hop, is_edited);
            if shown.is_err() {
                client.lock_next_hop(entity, hop, exclusive != 0, false)?;
            }
            pointer.put(shown?);
        }
        Ok(())
    })
}

pub(super) extern "C" fn get_next_hop_info(entity: u64, hop: u64, info: Out<NextHopInfo>) -> u32 {
    answer(entity, |client, entity| {
        info.check()?;
        info.put(next_hop_info(&client.next_hop_info(entity, Handle(hop))?));
        Ok(())
    })
}

pub(super) extern "C" fn release_next_hop_info(entity: u64, info: In<NextHopInfo>) -> u32 {
    answer(entity, |client, entity| {
        let given = info.get()?;
        // Of the address nothing is wanted, so it need not be one.
        let handles = [Handle(given.owner), Handle(given.remote)];
        let [owner, remote] = handles;
        let owner = client.release_entities(entity, &[owner]);
        let remote = if remote.is_null() {
            Ok(())
        } else {
            client.release_destinations(entity, &[remote])
        };
        owner.and(remote)
    })
}

pub(super) extern "C" fn release_next_hops(entity: u64, count: u32, hops: In<u64>) -> u32 {
    answer(entity, |client, entity| -> Result<(), Status> {
        client.release_next_hops(entity, &hops.handles(count)?)
    })
}
