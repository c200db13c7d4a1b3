//! The structures of rtmv2.h (router-services A3). Handles and pointers are numbers of their size here.

use std::mem::offset_of;

use crate::layout::{NetAddress, structure};

const _: () = assert!(
    size_of::<usize>() == size_of::<u64>(),
    "the interface is one of 64 bits"
);

structure! {
    /// RTM_REGN_PROFILE.
    Profile = "RTM_REGN_PROFILE", 16 {
        next_hops: u32 = "MaxNextHopsInRoute", 0;
        handles: u32 = "MaxHandlesInEnum", 4;
        views: u32 = "ViewsSupported", 8;
        view_count: u32 = "NumberOfViews", 12;
    }
}

structure! {
    /// RTM_ENTITY_INFO, the name of the entity in two words.
    EntityInfo = "RTM_ENTITY_INFO", 16 {
        instance: u16 = "RtmInstanceId", 0;
        family: u16 = "AddressFamily", 2;
        padding: u32 = "", 4;
        protocol: u32 = "EntityId", 8;
        entity_instance: u32 = "EntityId.EntityInstanceId", 12;
    }
}

structure! {
    /// RTM_NEXTHOP_INFO.
    NextHopInfo = "RTM_NEXTHOP_INFO", 56 {
        address: NetAddress = "NextHopAddress", 0;
        padding: u32 = "", 20;
        owner: u64 = "NextHopOwner", 24;
        interface: u32 = "InterfaceIndex", 32;
        state: u16 = "State", 36;
        flags: u16 = "Flags", 38;
        specific: usize = "EntitySpecificInfo", 40;
        remote: u64 = "RemoteNextHop", 48;
    }
}

impl NextHopInfo {
    /// To be written over.
    pub(crate) const NONE: Self = Self {
        address: NetAddress {
            family: 0,
            bits: 0,
            octets: [0; 16],
        },
        padding: 0,
        owner: 0,
        interface: 0,
        state: 0,
        flags: 0,
        specific: 0,
        remote: 0,
    };
}

/// RTM_ROUTE_INFO up to its next hops, of which there may be none.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RouteHead {
    pub(crate) destination: u64,
    pub(crate) owner: u64,
    pub(crate) neighbour: u64,
    pub(crate) state: u8,
    pub(crate) flags1: u8,
    pub(crate) flags: u16,
    pub(crate) metric: u32,
    pub(crate) preference: u32,
    pub(crate) views: u32,
    pub(crate) specific: usize,
    pub(crate) next_hop_count: u16,
    pub(crate) padding: [u16; 3],
}

const _: () = {
    use crate::layout::RouteInfo;
    assert!(size_of::<RouteHead>() == 56);
    assert!(offset_of!(RouteHead, neighbour) == offset_of!(RouteInfo, neighbour));
    assert!(offset_of!(RouteHead, state) == offset_of!(RouteInfo, state));
    assert!(offset_of!(RouteHead, flags) == offset_of!(RouteInfo, flags));
    assert!(offset_of!(RouteHead, metric) == offset_of!(RouteInfo, metric));
    assert!(offset_of!(RouteHead, preference) == offset_of!(RouteInfo, preference));
    assert!(offset_of!(RouteHead, views) == offset_of!(RouteInfo, views));
    assert!(offset_of!(RouteHead, specific) == offset_of!(RouteInfo, specific));
    assert!(offset_of!(RouteHead, next_hop_count) == offset_of!(RouteInfo, next_hops));
    assert!(size_of::<RouteHead>() == offset_of!(RouteInfo, next_hops) + size_of::<u64>());
};

/// One view of a destination.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ViewInfo {
    pub(crate) view: u32,
    pub(crate) routes: u32,
    pub(crate) route: u64,
    pub(crate) owner: u64,
    pub(crate) flags: u32,
    pub(crate) padding: u32,
    pub(crate) hold_route: u64,
}

const _: () = {
    assert!(size_of::<ViewInfo>() == 40);
    assert!(offset_of!(ViewInfo, route) == 8);
    assert!(offset_of!(ViewInfo, owner) == 16);
    assert!(offset_of!(ViewInfo, flags) == 24);
    assert!(offset_of!(ViewInfo, hold_route) == 32);
};

/// RTM_DEST_INFO up to its views, of which there may be none.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DestinationHead {
    pub(crate) destination: u64,
    pub(crate) address: NetAddress,
    /// LastChanged: a FILETIME, which is aligned to 4.
    pub(crate) changed: [u32; 2],
    pub(crate) views: u32,
    pub(crate) view_count: u32,
    pub(crate) padding: u32,
}

const _: () = {
    assert!(size_of::<DestinationHead>() == 48);
    assert!(offset_of!(DestinationHead, address) == 8);
    assert!(offset_of!(DestinationHead, changed) == 28);
    assert!(offset_of!(DestinationHead, views) == 36);
    assert!(offset_of!(DestinationHead, view_count) == 40);
};

/// RTM_ENTITY_METHOD_INPUT up to its octets.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct MethodInput {
    pub(crate) kind: u32,
    pub(crate) size: u32,
}

/// RTM_ENTITY_METHOD_OUTPUT up to its octets.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct MethodOutput {
    pub(crate) kind: u32,
    pub(crate) status: u32,
    pub(crate) size: u32,
}

const _: () = assert!(size_of::<MethodInput>() == 8 && size_of::<MethodOutput>() == 12);

/// RTM_EVENT_CALLBACK.
pub(crate) type EventCallback = unsafe extern "C" fn(u64, u32, usize, usize) -> u32;
/// RTM_ENTITY_EXPORT_METHOD.
pub(crate) type Method = unsafe extern "C" fn(u64, u64, *mut MethodInput, *mut MethodOutput);

/// What the list of the C headers says as well.
#[cfg(test)]
pub(crate) const PUBLISHED: [crate::layout::Published; 3] =
    [Profile::PUBLISHED, EntityInfo::PUBLISHED, NextHopInfo::PUBLISHED];

/// The structures that end in an array of any length: where it begins.
#[cfg(test)]
pub(crate) const ARRAYS: [(&str, &str, usize); 4] = [
    ("RTM_DEST_INFO", "ViewInfo", size_of::<DestinationHead>()),
    ("RTM_ENTITY_METHOD_INPUT", "InputData", size_of::<MethodInput>()),
    (
        "RTM_ENTITY_METHOD_OUTPUT",
        "OutputData",
        size_of::<MethodOutput>(),
    ),
    ("RTM_ENTITY_EXPORT_METHODS", "Methods", 8),
];
