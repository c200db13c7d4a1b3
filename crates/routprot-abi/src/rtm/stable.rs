//! Memory that modules see their routes and next hops in. It stays where it is for as long as the object lives.

use waypost_routprot::Status;
use waypost_rtmv2::client::{Client, Handle, HopInfo, Memory, RouteInfo};
use waypost_types::MAX_NEXT_HOPS;

use super::convert::{hop_of, next_hop_info};
use super::layout::{NextHopInfo, RouteHead};
use super::pointer::{Out, RoutePointer};

/// An RTM_ROUTE_INFO with room for all next hops that a route may have.
#[repr(C)]
struct RouteSpace {
    head: RouteHead,
    next_hops: [u64; MAX_NEXT_HOPS],
}

/// Memory that a module holds a pointer to: only ever reached through that pointer.
struct Space<T>(*mut T);

// SAFETY: nothing of this thread is in it; who may look into it at a time is settled by the locks of the routing table, which
// the module has to keep.
unsafe impl<T> Send for Space<T> {}

impl<T> Space<T> {
    fn new(content: T) -> Self {
        Self(Box::into_raw(Box::new(content)))
    }
}

impl<T> Drop for Space<T> {
    fn drop(&mut self) {
        // SAFETY: it came from a box, once; the object it was of is gone, and the module's pointer with it.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

fn route_space(memory: &Memory) -> Option<RoutePointer> {
    let space = memory.as_ref()?.downcast_ref::<Space<RouteSpace>>()?;
    // SAFETY: the memory has a head and room for all next hops, and lives as long as the object.
    Some(unsafe { RoutePointer::new(space.0.cast()) })
}

fn hop_space(memory: &Memory) -> Option<Out<NextHopInfo>> {
    let space = memory.as_ref()?.downcast_ref::<Space<NextHopInfo>>()?;
    // SAFETY: the memory lives as long as the object.
    Some(unsafe { Out::new(space.0) })
}

/// Where the owner sees a route, which is written there unless the owner may be changing it.
pub(super) fn route_pointer(
    client: &Client,
    entity: Handle,
    route: Handle,
    is_edited: bool,
) -> Result<RoutePointer, Status> {
    let show = |memory: &mut Memory, info: &RouteInfo| {
        let is_new = memory.is_none();
        if is_new {
            *memory = Some(Box::new(Space::new(RouteSpace {
                // SAFETY: every pattern of bits is one, nothing but zeros included.
                head: unsafe { std::mem::zeroed() },
                next_hops: [0; MAX_NEXT_HOPS],
            })));
        }
        let space = route_space(memory)?;
        if is_new || !is_edited {
            space.put(info);
        }
        Some(space)
    };
    let shown = client.with_route(entity, route, show)?;
    shown.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)
}

/// Shows a change of a route to an owner that has a pointer to it.
pub(super) fn show_route(client: &Client, entity: Handle, route: Handle) {
    client.with_kept_route(entity, route, |memory, info| {
        if let Some(space) = route_space(memory) {
            space.put(info);
        }
    });
}

/// A route as its owner changed it in place.
pub(super) fn edited_route(client: &Client, entity: Handle, route: Handle) -> Result<RouteInfo, Status> {
    let read = |memory: &mut Memory, info: &RouteInfo| match route_space(memory) {
        Some(space) => space.get(),
        None => Ok(info.clone()),
    };
    client.with_route(entity, route, read)?
}

/// Where the owner sees a next hop, which is written there unless the owner may be changing it.
pub(super) fn hop_pointer(
    client: &Client,
    entity: Handle,
    hop: Handle,
    is_edited: bool,
) -> Result<*mut NextHopInfo, Status> {
    let show = |memory: &mut Memory, info: &HopInfo| {
        let is_new = memory.is_none();
        if is_new {
            *memory = Some(Box::new(Space::new(next_hop_info(info))));
        }
        let space = hop_space(memory)?;
        if !is_new && !is_edited {
            space.put(next_hop_info(info));
        }
        Some(space.pointer())
    };
    let shown = client.with_next_hop(entity, hop, show)?;
    shown.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)
}

/// Shows a change of a next hop to an owner that has a pointer to it.
pub(super) fn show_hop(client: &Client, entity: Handle, hop: Handle) {
    client.with_kept_next_hop(entity, hop, |memory, info| {
        if let Some(space) = hop_space(memory) {
            space.put(next_hop_info(info));
        }
    });
}

/// A next hop as its owner changed it in place; `None`: it was never shown.
pub(super) fn edited_hop(client: &Client, entity: Handle, hop: Handle) -> Result<Option<HopInfo>, Status> {
    let read = |memory: &mut Memory, _: &HopInfo| hop_space(memory).map(|space| hop_of(&space.get()?));
    client.with_next_hop(entity, hop, read)?.transpose()
}
