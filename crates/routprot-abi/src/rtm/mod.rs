//! The routing table for modules: the functions of rtmv2.h (router-services part A), for libwaypost-routprot to hand calls on to.
//!
//! A function finds the client by the handle of the entity that calls, converts what it is given, and lets the client do it.
//! `RtmRegisterEntity` has no such handle: there the library says which module the thread works for.

pub(crate) mod convert;
mod entity;
pub(crate) mod layout;
mod lookup;
mod methods;
mod nexthops;
mod notify;
pub(crate) mod pointer;
mod registry;
mod routes;
mod stable;

pub(crate) use registry::{Registered, Worker};

#[cfg(test)]
pub(crate) use layout::{ARRAYS, PUBLISHED};

use crate::layout::NetAddress;
use layout::{EntityInfo, EventCallback, MethodInput, NextHopInfo, Profile};
use pointer::{DestinationPointer, In, Octets, Out, RoutePointer};

/// WaypostTakeRtm (waypost.h).
pub(crate) type TakeRtm = unsafe extern "C" fn(u32, *const Functions);

/// Declares WAYPOST_RTM and fills it in.
macro_rules! functions {
    ($($field:ident: $module:ident($($argument:ty),*) = $called:literal;)*) => {
        /// WAYPOST_RTM (waypost.h): the functions in its order, behind the size of it all.
        #[repr(C)]
        pub struct Functions {
            pub(crate) size: u32,
            $(pub(crate) $field: extern "C" fn($($argument),*) -> u32,)*
        }

        /// The functions, valid for ever.
        pub(crate) static FUNCTIONS: Functions = Functions {
            size: size_of::<Functions>() as u32,
            $($field: $module::$field,)*
        };

        #[cfg(test)]
        const CALLED: &[&str] = &[$($called),*];
    };
}

functions! {
    register_entity: entity(u32, In<EntityInfo>, In<[u32; 2]>, Option<EventCallback>, i32, Out<Profile>, Out<u64>) = "RegisterEntity";
    deregister_entity: entity(u64) = "DeregisterEntity";
    get_registered_entities: entity(u64, Out<u32>, Out<u64>, Out<EntityInfo>) = "GetRegisteredEntities";
    release_entities: entity(u64, u32, In<u64>) = "ReleaseEntities";
    lock_destination: methods(u64, u64, i32, i32) = "LockDestination";
    get_opaque_information_pointer: methods(u64, u64, Out<*mut usize>) = "GetOpaqueInformationPointer";
    get_entity_methods: methods(u64, u64, Out<u32>, Out<usize>) = "GetEntityMethods";
    invoke_method: methods(u64, u64, In<MethodInput>, Out<u32>, Octets) = "InvokeMethod";
    block_methods: methods(u64, u64, u8, u32) = "BlockMethods";
    get_entity_info: entity(u64, u64, Out<EntityInfo>) = "GetEntityInfo";
    get_dest_info: lookup(u64, u64, u32, u32, DestinationPointer) = "GetDestInfo";
    get_route_info: routes(u64, u64, RoutePointer, Out<NetAddress>) = "GetRouteInfo";
    get_next_hop_info: nexthops(u64, u64, Out<NextHopInfo>) = "GetNextHopInfo";
    release_entity_info: entity(u64, In<EntityInfo>) = "ReleaseEntityInfo";
    release_dest_info: lookup(u64, DestinationPointer) = "ReleaseDestInfo";
    release_route_info: routes(u64, RoutePointer) = "ReleaseRouteInfo";
    release_next_hop_info: nexthops(u64, In<NextHopInfo>) = "ReleaseNextHopInfo";
    add_route_to_dest: routes(u64, Out<u64>, In<NetAddress>, RoutePointer, u32, u64, u32, u64, Out<u32>) = "AddRouteToDest";
    delete_route_to_dest: routes(u64, u64, Out<u32>) = "DeleteRouteToDest";
    hold_destination: routes(u64, u64, u32, u32) = "HoldDestination";
    get_route_pointer: routes(u64, u64, Out<RoutePointer>) = "GetRoutePointer";
    lock_route: routes(u64, u64, i32, i32, Out<RoutePointer>) = "LockRoute";
    update_and_unlock_route: routes(u64, u64, u32, u64, u32, u64, Out<u32>) = "UpdateAndUnlockRoute";
    get_exact_match_destination: lookup(u64, In<NetAddress>, u32, u32, DestinationPointer) = "GetExactMatchDestination";
    get_most_specific_destination: lookup(u64, In<NetAddress>, u32, u32, DestinationPointer) = "GetMostSpecificDestination";
    get_less_specific_destination: lookup(u64, u64, u32, u32, DestinationPointer) = "GetLessSpecificDestination";
    get_exact_match_route: lookup(u64, In<NetAddress>, u32, RoutePointer, u32, u32, Out<u64>) = "GetExactMatchRoute";
    is_best_route: routes(u64, u64, Out<u32>) = "IsBestRoute";
    add_next_hop: nexthops(u64, In<NextHopInfo>, Out<u64>, Out<u32>) = "AddNextHop";
    find_next_hop: nexthops(u64, In<NextHopInfo>, Out<u64>, Out<*mut NextHopInfo>) = "FindNextHop";
    delete_next_hop: nexthops(u64, u64, In<NextHopInfo>) = "DeleteNextHop";
    get_next_hop_pointer: nexthops(u64, u64, Out<*mut NextHopInfo>) = "GetNextHopPointer";
    lock_next_hop: nexthops(u64, u64, i32, i32, Out<*mut NextHopInfo>) = "LockNextHop";
    create_dest_enum: lookup(u64, u32, u32, In<NetAddress>, u32, Out<u64>) = "CreateDestEnum";
    get_enum_dests: lookup(u64, u64, Out<u32>, DestinationPointer) = "GetEnumDests";
    release_dests: lookup(u64, u32, DestinationPointer) = "ReleaseDests";
    create_route_enum: lookup(u64, u64, u32, u32, In<NetAddress>, u32, RoutePointer, u32, Out<u64>) = "CreateRouteEnum";
    get_enum_routes: lookup(u64, u64, Out<u32>, Out<u64>) = "GetEnumRoutes";
    release_routes: routes(u64, u32, In<u64>) = "ReleaseRoutes";
    create_next_hop_enum: lookup(u64, u32, In<NetAddress>, Out<u64>) = "CreateNextHopEnum";
    get_enum_next_hops: lookup(u64, u64, Out<u32>, Out<u64>) = "GetEnumNextHops";
    release_next_hops: nexthops(u64, u32, In<u64>) = "ReleaseNextHops";
    delete_enum_handle: lookup(u64, u64) = "DeleteEnumHandle";
    register_for_change_notification: notify(u64, u32, u32, usize, Out<u64>) = "RegisterForChangeNotification";
    get_changed_dests: notify(u64, u64, Out<u32>, DestinationPointer) = "GetChangedDests";
    release_changed_dests: notify(u64, u64, u32, DestinationPointer) = "ReleaseChangedDests";
    ignore_changed_dests: notify(u64, u64, u32, In<u64>) = "IgnoreChangedDests";
    get_change_status: notify(u64, u64, u64, Out<i32>) = "GetChangeStatus";
    mark_dest_for_change_notification: notify(u64, u64, u64, i32) = "MarkDestForChangeNotification";
    is_marked_for_change_notification: notify(u64, u64, u64, Out<i32>) = "IsMarkedForChangeNotification";
    deregister_from_change_notification: notify(u64, u64) = "DeregisterFromChangeNotification";
    create_route_list: routes(u64, Out<u64>) = "CreateRouteList";
    insert_in_route_list: routes(u64, u64, u32, In<u64>) = "InsertInRouteList";
    create_route_list_enum: routes(u64, u64, Out<u64>) = "CreateRouteListEnum";
    get_list_enum_routes: routes(u64, u64, Out<u32>, Out<u64>) = "GetListEnumRoutes";
    delete_route_list: routes(u64, u64) = "DeleteRouteList";
    reference_handles: entity(u64, u32, In<u64>) = "ReferenceHandles";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_same_functions_in_the_same_order() {
        let header = include_str!("../../../../include/waypost/waypost.h");
        let (_, list) = header.split_once("#define WAYPOST_RTM_FUNCTIONS(F)").unwrap();
        let (list, _) = list.split_once("\n\n").unwrap();
        let names = list.split("F(").skip(1);
        let names: Vec<_> = names.map(|name| name.split(')').next().unwrap()).collect();
        assert_eq!(CALLED[0], "RegisterEntity");
        assert_eq!(CALLED[1..], names);
        assert_eq!(size_of::<Functions>(), 8 * (1 + CALLED.len()));
    }
}
