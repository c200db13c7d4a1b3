//! What is checked of a module, and for it.

use waypost_routprot::{Functionality, InfoBlock, Refusal, Status};

use crate::layout::RoutingTable;

/// What must be there, and what must not, in a registration (4.3).
pub(crate) fn check_functions(table: &RoutingTable, functionality: Functionality) -> Result<(), Refusal> {
    let is_multicast = functionality.contains(Functionality::RF_MULTICAST);
    let updates = functionality.contains(Functionality::RF_DEMAND_UPDATE_ROUTES);
    let missing = [
        ("pfnStartProtocol", table.start_protocol.is_none()),
        ("pfnStartComplete", table.start_complete.is_none()),
        ("pfnStopProtocol", table.stop_protocol.is_none()),
        ("pfnGetGlobalInfo", table.get_global_info.is_none()),
        ("pfnSetGlobalInfo", table.set_global_info.is_none()),
        ("pfnAddInterface", table.add_interface.is_none()),
        ("pfnDeleteInterface", table.delete_interface.is_none()),
        ("pfnInterfaceStatus", table.interface_status.is_none()),
        ("pfnGetInterfaceInfo", table.get_interface_info.is_none()),
        ("pfnSetInterfaceInfo", table.set_interface_info.is_none()),
        ("pfnGetEventMessage", table.get_event_message.is_none()),
        ("pfnUpdateRoutes", updates && table.update_routes.is_none()),
        (
            "pfnConnectClient",
            table.connect_client.is_none() && table.disconnect_client.is_some(),
        ),
        (
            "pfnDisconnectClient",
            table.disconnect_client.is_none() && table.connect_client.is_some(),
        ),
        ("pfnGetNeighbors", is_multicast && table.get_neighbors.is_none()),
        ("pfnGetMfeStatus", is_multicast && table.get_mfe_status.is_none()),
        ("pfnMibCreateEntry", table.mib_create.is_none()),
        ("pfnMibDeleteEntry", table.mib_delete.is_none()),
        ("pfnMibGetEntry", table.mib_get.is_none()),
        ("pfnMibSetEntry", table.mib_set.is_none()),
        ("pfnMibGetFirstEntry", table.mib_get_first.is_none()),
        ("pfnMibGetNextEntry", table.mib_get_next.is_none()),
        ("pfnMibSetTrapInfo", table.mib_set_trap_info.is_none()),
        ("pfnMibGetTrapInfo", table.mib_get_trap_info.is_none()),
    ];
    let present = [
        ("pfnQueryPower", table.query_power.is_some()),
        ("pfnSetPower", table.set_power.is_some()),
    ];
    let refuse = |name: &str, value: &str, allowed: &str| {
        Err(
            Refusal::new(Status::ERROR_NOT_SUPPORTED, "the registration is not acceptable")
                .at(name)
                .with_value(value)
                .with_allowed(allowed),
        )
    };
    if let Some((name, _)) = missing.iter().find(|(_, is_missing)| *is_missing) {
        return refuse(name, "NULL", "a function");
    }
    if let Some((name, _)) = present.iter().find(|(_, is_present)| *is_present) {
        return refuse(name, "a function", "NULL");
    }
    Ok(())
}

/// A module believes what it is told of a block: a host never tells of more octets than there are.
pub(crate) fn check_described(info: &InfoBlock) -> Result<(), Refusal> {
    let described = u64::from(info.structure_size) * u64::from(info.structure_count);
    if info.is_absent() || described == info.bytes.len() as u64 {
        return Ok(());
    }
    Err(
        Refusal::invalid("StructureSize and StructureCount are not those of the data")
            .at("StructureSize")
            .with_value(info.structure_size)
            .with_allowed(info.bytes.len().to_string()),
    )
}
