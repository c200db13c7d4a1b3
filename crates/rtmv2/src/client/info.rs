//! What modules give and get: the structures of the interface, without their layout in C.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use smallvec::SmallVec;
use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{MAX_NEXT_HOPS, Prefix};

use super::Handle;
use crate::table::{EntityName, VIEWS, Views};

/// RTM_ROUTE_FLAGS_*, as far as the routing table looks at them.
pub mod route_flags {
    /// The route is not to be used (withdrawn from the table).
    pub const MARTIAN: u16 = 0x0001;
    /// Packets are dropped.
    pub const BLACKHOLE: u16 = 0x0002;
    /// Packets are dropped.
    pub const DISCARD: u16 = 0x0004;
    /// The route is not to be used (withdrawn from the table).
    pub const INACTIVE: u16 = 0x0008;
    /// The destination is on the link.
    pub const LOCAL: u16 = 0x0010;
}

/// RTM_NEXTHOP_FLAGS_*.
pub mod hop_flags {
    /// The next hop is reached through the route to another destination.
    pub const REMOTE: u16 = 0x0001;
    /// Reserved.
    pub const DOWN: u16 = 0x0002;
}

/// RTM_MATCH_*.
pub mod match_flags {
    /// Of the same owner.
    pub const OWNER: u32 = 0x01;
    /// Of the same neighbour.
    pub const NEIGHBOUR: u32 = 0x02;
    /// Of the same metric and preference.
    pub const PREF: u32 = 0x04;
    /// With the same next hops.
    pub const NEXTHOP: u32 = 0x08;
    /// With a next hop out of the interface.
    pub const INTERFACE: u32 = 0x10;
}

/// Where a route or a next hop is in its life; next hops know no DELETING.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It is there.
    #[default]
    Created,
    /// It is gone, and kept because it is referenced.
    Deleted,
}

/// Handles of next hops.
pub type Handles = SmallVec<[Handle; 2]>;

/// RTM_ROUTE_INFO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteInfo {
    /// The destination; given out only.
    pub destination: Handle,
    /// The owner; given out, and a criterion.
    pub owner: Handle,
    /// The next hop that the route was learned from, or none.
    pub neighbour: Handle,
    /// Given out only.
    pub state: State,
    /// Of the owner.
    pub flags1: u8,
    /// [`route_flags`], and others that are kept.
    pub flags: u16,
    /// Lower wins among equal preferences.
    pub metric: u32,
    /// Lower wins; 0 is that of the owner's protocol, and more than 255 is 255.
    pub preference: u32,
    /// A set of views.
    pub views: u32,
    /// Of the owner.
    pub specific: usize,
    /// Of equal cost, at most [`MAX_NEXT_HOPS`].
    pub next_hops: Handles,
}

/// RTM_NEXTHOP_INFO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopInfo {
    /// Its address; unspecified for a destination on the link.
    pub address: IpAddr,
    /// NumBits of its address, as given.
    pub bits: u16,
    /// Given out only.
    pub owner: Handle,
    /// The interface it is on.
    pub interface: u32,
    /// Given out only.
    pub state: State,
    /// [`hop_flags`].
    pub flags: u16,
    /// Of the owner.
    pub specific: usize,
    /// The destination to look up if it is [`hop_flags::REMOTE`].
    pub remote: Handle,
}

/// One view of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewInfo {
    /// RTM_VIEW_ID_*.
    pub view: u32,
    /// How many routes the destination has in the view.
    pub routes: u32,
    /// The one that was asked for, or none.
    pub route: Handle,
    /// Its owner.
    pub owner: Handle,
    /// RTM_DEST_FLAG_*.
    pub flags: u32,
    /// During a hold: the route whose deletion began it.
    pub hold_route: Handle,
}

/// RTM_DEST_INFO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationInfo {
    /// The destination.
    pub destination: Handle,
    /// Its prefix.
    pub prefix: Prefix,
    /// When its routes changed last.
    pub changed: SystemTime,
    /// The views in which it has a route.
    pub views: u32,
    /// One for each view that was asked for.
    pub view_infos: SmallVec<[ViewInfo; VIEWS]>,
}

/// RTM_ENTITY_INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityInfo {
    /// Which of the tables it is registered with.
    pub family: Family,
    /// Which entity it is.
    pub name: EntityName,
}

/// RTM_REGN_PROFILE: the limits of P-56.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Next hops that a route may have.
    pub next_hops: u32,
    /// Handles that one call gives out.
    pub handles: u32,
    /// A set of views.
    pub views: u32,
    /// How many views these are.
    pub view_count: u32,
}

/// Handles that one call gives out (MaxHandlesInEnum, P-56).
pub const MAX_HANDLES_IN_ENUM: usize = 256;

/// What every entity is told when it registers.
pub const PROFILE: Profile = Profile {
    next_hops: MAX_NEXT_HOPS as u32,
    handles: MAX_HANDLES_IN_ENUM as u32,
    views: Views::all().bits(),
    view_count: VIEWS as u32,
};

/// Something that an entity is told. The references in it are the table's: whoever keeps a handle takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another entity of the family has registered.
    EntityRegistered(Handle, EntityInfo),
    /// Another entity of the family has ended.
    EntityDeregistered(Handle, EntityInfo),
    /// The time of a route of its own is over. It is deleted if the answer is ERROR_NOT_SUPPORTED.
    RouteExpired(Handle, RouteInfo),
    /// There is something to ask for: the registration, and the context that was given with it.
    ChangeNotification(Handle, usize),
}

/// Hears the events of an entity: one after the other, on a thread of the client's, without any lock held.
pub trait Events: Send + Sync {
    /// Something happened. Only the answer to [`Event::RouteExpired`] matters.
    fn event(&self, entity: Handle, event: Event) -> Status;
}

/// How an entity registers.
#[derive(Clone, Default)]
pub struct Registration {
    /// Hears its events; without one there are none, and routes whose time is over are deleted (P-57).
    pub events: Option<Arc<dyn Events>>,
    /// Methods for other entities of the client, as whoever calls them knows them; at most 32.
    pub methods: Arc<[usize]>,
    /// Whether it wants a slot in every destination.
    pub reserves_slot: bool,
}

/// Whether a list of results is complete (P-64): a call that reaches the end says so, with or without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<T> {
    /// The results.
    pub items: Vec<T>,
    /// There are no more: ERROR_NO_MORE_ITEMS.
    pub is_last: bool,
}

/// The views of a set as the interface writes it; every bit is RTM_VIEW_MASK_ALL.
///
/// # Errors
/// `refusal` when there is a view that is not supported.
pub fn views_of(mask: u32, refusal: Status) -> Result<Views, Status> {
    match mask {
        u32::MAX => Ok(Views::all()),
        mask => Views::from_bits(mask).ok_or(refusal),
    }
}
