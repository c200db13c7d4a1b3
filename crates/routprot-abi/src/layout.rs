//! The published structures (routing-protocol-interface 11), field by field in their order.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;

/// HANDLE: an opaque token of the size of a pointer.
pub(crate) type Handle = *mut c_void;

pub(crate) type StartProtocol =
    unsafe extern "C" fn(Handle, *const SupportTable, *mut c_void, u32, u32, u32) -> u32;
pub(crate) type NoArguments = unsafe extern "C" fn() -> u32;
pub(crate) type GetGlobalInfo =
    unsafe extern "C" fn(*mut c_void, *mut u32, *mut u32, *mut u32, *mut u32) -> u32;
pub(crate) type SetGlobalInfo = unsafe extern "C" fn(*mut c_void, u32, u32, u32) -> u32;
pub(crate) type Power = unsafe extern "C" fn(u32) -> u32;
pub(crate) type AddInterface =
    unsafe extern "C" fn(*mut u16, u32, u32, u32, u16, u16, *mut c_void, u32, u32, u32) -> u32;
pub(crate) type OfInterface = unsafe extern "C" fn(u32) -> u32;
pub(crate) type InterfaceStatusFn = unsafe extern "C" fn(u32, i32, u32, *mut c_void) -> u32;
pub(crate) type GetInterfaceInfo =
    unsafe extern "C" fn(u32, *mut c_void, *mut u32, *mut u32, *mut u32, *mut u32) -> u32;
pub(crate) type SetInterfaceInfo = unsafe extern "C" fn(u32, *mut c_void, u32, u32, u32) -> u32;
pub(crate) type GetEventMessage = unsafe extern "C" fn(*mut u32, *mut Message) -> u32;
pub(crate) type Client = unsafe extern "C" fn(u32, *mut c_void) -> u32;
pub(crate) type GetNeighbors = unsafe extern "C" fn(u32, *mut u32, *mut u32, *mut u8) -> u32;
pub(crate) type GetMfeStatus = unsafe extern "C" fn(u32, u32, u32, *mut u8) -> u32;
pub(crate) type MibChange = unsafe extern "C" fn(u32, *mut c_void) -> u32;
pub(crate) type MibRead = unsafe extern "C" fn(u32, *mut c_void, *mut u32, *mut c_void) -> u32;
pub(crate) type MibSetTrapInfo = unsafe extern "C" fn(Handle, u32, *mut c_void, *mut u32, *mut c_void) -> u32;
/// PrepareInfo, which a module may export (`include/waypost/prepare.h`): protocol, scope, interface, block and answer.
pub(crate) type PrepareInfo =
    unsafe extern "C" fn(u32, u32, u32, *mut c_void, u32, u32, u32, *mut c_void, *mut u32) -> u32;
/// The scopes of PrepareInfo.
pub(crate) mod prepare_scope {
    pub(crate) const GLOBAL: u32 = 0;
    pub(crate) const INTERFACE: u32 = 1;
    pub(crate) const NEW_INTERFACE: u32 = 2;
    pub(crate) const ROUTER_ID: u32 = 3;
}
/// ShowState, which a module may export (`include/waypost/state.h`): protocol, topic and answer.
pub(crate) type ShowState = unsafe extern "C" fn(u32, u32, *mut c_void, *mut u32) -> u32;
/// MakeReport of the same: protocol, name, arguments and answer.
pub(crate) type MakeReport =
    unsafe extern "C" fn(u32, *const c_char, *const c_char, *mut c_void, *mut u32) -> u32;
/// RouterIdChanged of the same: protocol and identifier.
pub(crate) type RouterIdChanged = unsafe extern "C" fn(u32, u32) -> u32;
/// RegisterProtocol.
pub(crate) type RegisterProtocol = unsafe extern "C" fn(*mut RoutingTable, *mut ServiceTable) -> u32;

/// What a structure is called, its size, and what its fields are called with their offsets.
#[cfg(test)]
pub(crate) type Published = (&'static str, usize, &'static [(&'static str, usize)]);

/// Declares a structure of the C ABI, and what its fields are called where it was published.
macro_rules! structure {
    ($(#[$doc:meta])* $name:ident = $published:literal, $size:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $called:literal, $offset:literal;)*
    }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub(crate) struct $name {
            $($(#[$field_doc])* pub(crate) $field: $type,)*
        }

        const _: () = assert!(size_of::<$name>() == $size);
        $(const _: () = assert!(offset_of!($name, $field) == $offset);)*

        #[cfg(test)]
        impl $name {
            pub(crate) const PUBLISHED: crate::layout::Published =
                ($published, $size, &[$(($called, $offset)),*]);
        }
    };
}

pub(crate) use structure;

structure! {
    /// MPR50_ROUTING_CHARACTERISTICS: the registration, with a protocol's functions.
    RoutingTable = "MPR50_ROUTING_CHARACTERISTICS", 224 {
        version: u32 = "dwVersion", 0;
        protocol: u32 = "dwProtocolId", 4;
        functionality: u32 = "fSupportedFunctionality", 8;
        start_protocol: Option<StartProtocol> = "pfnStartProtocol", 16;
        start_complete: Option<NoArguments> = "pfnStartComplete", 24;
        stop_protocol: Option<NoArguments> = "pfnStopProtocol", 32;
        get_global_info: Option<GetGlobalInfo> = "pfnGetGlobalInfo", 40;
        set_global_info: Option<SetGlobalInfo> = "pfnSetGlobalInfo", 48;
        query_power: Option<Power> = "pfnQueryPower", 56;
        set_power: Option<Power> = "pfnSetPower", 64;
        add_interface: Option<AddInterface> = "pfnAddInterface", 72;
        delete_interface: Option<OfInterface> = "pfnDeleteInterface", 80;
        interface_status: Option<InterfaceStatusFn> = "pfnInterfaceStatus", 88;
        get_interface_info: Option<GetInterfaceInfo> = "pfnGetInterfaceInfo", 96;
        set_interface_info: Option<SetInterfaceInfo> = "pfnSetInterfaceInfo", 104;
        get_event_message: Option<GetEventMessage> = "pfnGetEventMessage", 112;
        update_routes: Option<OfInterface> = "pfnUpdateRoutes", 120;
        connect_client: Option<Client> = "pfnConnectClient", 128;
        disconnect_client: Option<Client> = "pfnDisconnectClient", 136;
        get_neighbors: Option<GetNeighbors> = "pfnGetNeighbors", 144;
        get_mfe_status: Option<GetMfeStatus> = "pfnGetMfeStatus", 152;
        mib_create: Option<MibChange> = "pfnMibCreateEntry", 160;
        mib_delete: Option<MibChange> = "pfnMibDeleteEntry", 168;
        mib_get: Option<MibRead> = "pfnMibGetEntry", 176;
        mib_set: Option<MibChange> = "pfnMibSetEntry", 184;
        mib_get_first: Option<MibRead> = "pfnMibGetFirstEntry", 192;
        mib_get_next: Option<MibRead> = "pfnMibGetNextEntry", 200;
        mib_set_trap_info: Option<MibSetTrapInfo> = "pfnMibSetTrapInfo", 208;
        mib_get_trap_info: Option<MibRead> = "pfnMibGetTrapInfo", 216;
    }
}

impl RoutingTable {
    /// All zero, as the host hands it over but for the first three fields (P-3).
    pub(crate) const fn offer(version: u32, protocol: u32, functionality: u32) -> Self {
        Self {
            version,
            protocol,
            functionality,
            start_protocol: None,
            start_complete: None,
            stop_protocol: None,
            get_global_info: None,
            set_global_info: None,
            query_power: None,
            set_power: None,
            add_interface: None,
            delete_interface: None,
            interface_status: None,
            get_interface_info: None,
            set_interface_info: None,
            get_event_message: None,
            update_routes: None,
            connect_client: None,
            disconnect_client: None,
            get_neighbors: None,
            get_mfe_status: None,
            mib_create: None,
            mib_delete: None,
            mib_get: None,
            mib_set: None,
            mib_get_first: None,
            mib_get_next: None,
            mib_set_trap_info: None,
            mib_get_trap_info: None,
        }
    }
}

structure! {
    /// MPR50_SERVICE_CHARACTERISTICS (stm.h): never offered, and what comes back is ignored (P-5).
    ServiceTable = "MPR50_SERVICE_CHARACTERISTICS", 112 {
        version: u32 = "dwVersion", 0;
        protocol: u32 = "dwProtocolId", 4;
        functionality: u32 = "fSupportedFunctionality", 8;
        /// Twelve functions, the first of which is IsService.
        functions: [usize; 12] = "", 16;
    }
}

structure! {
    /// SUPPORT_FUNCTIONS: what the host does for a protocol.
    SupportTable = "SUPPORT_FUNCTIONS", 96 {
        version: u32 = "dwVersion", 0;
        reserved: u32 = "dwReserved", 4;
        demand_dial_request: unsafe extern "C" fn(u32, u32) -> u32 = "DemandDialRequest", 8;
        set_interface_receive_type: unsafe extern "C" fn(u32, u32, u32, i32) -> u32 = "SetInterfaceReceiveType", 16;
        validate_route: unsafe extern "C" fn(u32, *mut c_void, *mut c_void) -> u32 = "ValidateRoute", 24;
        mib_entry_create: SupportMibChange = "MIBEntryCreate", 32;
        mib_entry_delete: SupportMibChange = "MIBEntryDelete", 40;
        mib_entry_set: SupportMibChange = "MIBEntrySet", 48;
        mib_entry_get: SupportMibRead = "MIBEntryGet", 56;
        mib_entry_get_first: SupportMibRead = "MIBEntryGetFirst", 64;
        mib_entry_get_next: SupportMibRead = "MIBEntryGetNext", 72;
        get_router_id: unsafe extern "C" fn() -> u32 = "GetRouterId", 80;
        has_multicast_boundary: unsafe extern "C" fn(u32, u32) -> i32 = "HasMulticastBoundary", 88;
    }
}

/// Target, size, octets: the target comes first here, unlike in a protocol's own functions.
pub(crate) type SupportMibChange = unsafe extern "C" fn(u32, u32, *mut c_void) -> u32;
pub(crate) type SupportMibRead = unsafe extern "C" fn(u32, u32, *mut c_void, *mut u32, *mut c_void) -> u32;

structure! {
    /// MESSAGE: three words, of which InterfaceIndex alone, or all of an UPDATE_COMPLETE_MESSAGE, are used.
    Message = "UPDATE_COMPLETE_MESSAGE", 12 {
        interface: u32 = "InterfaceIndex", 0;
        update_type: u32 = "UpdateType", 4;
        update_status: u32 = "UpdateStatus", 8;
    }
}

structure! {
    /// The head of IP_ADAPTER_BINDING_INFO; IP_LOCAL_BINDINGs, each an address and a mask in network order, follow.
    BindingHead = "IP_ADAPTER_BINDING_INFO", 24 {
        address_count: u32 = "AddressCount", 0;
        remote_address: u32 = "RemoteAddress", 4;
        mtu: u32 = "Mtu", 8;
        speed: u64 = "Speed", 16;
    }
}

structure! {
    /// RTM_NET_ADDRESS: a prefix.
    NetAddress = "RTM_NET_ADDRESS", 20 {
        family: u16 = "AddressFamily", 0;
        bits: u16 = "NumBits", 2;
        octets: [u8; 16] = "AddrBits", 4;
    }
}

structure! {
    /// RTM_ROUTE_INFO, as far as the host looks into it.
    RouteInfo = "RTM_ROUTE_INFO", 64 {
        destination: Handle = "DestHandle", 0;
        owner: Handle = "RouteOwner", 8;
        neighbour: Handle = "Neighbour", 16;
        state: u8 = "State", 24;
        flags1: u8 = "Flags1", 25;
        flags: u16 = "Flags", 26;
        /// The first word of RTM_PREF_INFO.
        metric: u32 = "PrefInfo", 28;
        /// The second.
        preference: u32 = "PrefInfo.Preference", 32;
        views: u32 = "BelongsToViews", 36;
        specific: Handle = "EntitySpecificInfo", 40;
        next_hops: [usize; 2] = "NextHopsList", 48;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The sizes and offsets that the C headers are held to.
    const LIST: &str = include_str!("../../routprot/tests/headers/layout.def");

    #[test]
    fn the_list_of_the_headers_says_the_same() {
        let mut sizes = BTreeMap::new();
        let mut offsets = BTreeMap::new();
        for line in LIST.lines() {
            let Some((kind, rest)) = line.split_once('(') else {
                continue;
            };
            let words: Vec<&str> = rest.trim_end_matches(')').split(", ").collect();
            match (kind, words.as_slice()) {
                ("SIZE", [name, size]) => {
                    sizes.insert(*name, size.parse().unwrap());
                }
                ("OFFSET", [name, field, offset]) => {
                    offsets.insert((*name, *field), offset.parse::<usize>().unwrap());
                }
                _ => {}
            }
        }
        for (name, size, fields) in [
            RoutingTable::PUBLISHED,
            ServiceTable::PUBLISHED,
            SupportTable::PUBLISHED,
            Message::PUBLISHED,
            BindingHead::PUBLISHED,
            NetAddress::PUBLISHED,
            RouteInfo::PUBLISHED,
        ]
        .into_iter()
        .chain(crate::rtm::PUBLISHED)
        {
            assert_eq!(sizes.get(name), Some(&size), "{name}");
            for (field, offset) in fields
                .iter()
                .filter(|(field, _)| !field.is_empty() && !field.contains('.'))
            {
                assert_eq!(offsets.get(&(name, *field)), Some(offset), "{name}.{field}");
            }
        }
        for (name, field, offset) in crate::rtm::ARRAYS {
            assert_eq!(offsets.get(&(name, field)), Some(&offset), "{name}.{field}");
        }
        assert_eq!(sizes.get("MESSAGE"), Some(&size_of::<Message>()));
        assert_eq!(offsets.get(&("RTM_PREF_INFO", "Metric")), Some(&0));
        assert_eq!(offsets.get(&("RTM_PREF_INFO", "Preference")), Some(&4));
        let functions = RoutingTable::PUBLISHED.2.len();
        let listed = offsets
            .keys()
            .filter(|(name, _)| *name == RoutingTable::PUBLISHED.0);
        assert_eq!(listed.count(), functions);
    }
}
