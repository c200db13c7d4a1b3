//! A host that offers nothing.

use std::net::Ipv4Addr;

use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouterId};

use crate::{NotificationEvent, OutputBuffer, ReceiveType, Refusal, SupportFunctions};

/// What a protocol is started with where nobody is interested in what it says or asks: a router without interfaces and
/// without other protocols, whose event nobody waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmptyRouter {
    /// The router identifier, if it has one.
    pub router_id: Option<RouterId>,
}

impl NotificationEvent for EmptyRouter {
    fn signal(&self) {}
}

fn no_such_interface() -> Result<(), Refusal> {
    Err(Refusal::invalid("no such interface"))
}

fn nobody_there() -> Result<(), Refusal> {
    Err(Refusal::failed("no such protocol is running"))
}

impl SupportFunctions for EmptyRouter {
    fn demand_dial_request(&self, _: ProtocolId, _: InterfaceIndex) -> Result<(), Refusal> {
        no_such_interface()
    }

    fn set_interface_receive_type(
        &self,
        _: ProtocolId,
        _: InterfaceIndex,
        _: ReceiveType,
        _: bool,
    ) -> Result<(), Refusal> {
        no_such_interface()
    }

    fn validate_route(&self, _: ProtocolId, _: &Route, _: Option<Prefix>) -> Result<u8, Refusal> {
        Ok(1)
    }

    fn mib_entry_create(&self, _: ProtocolId, _: &[u8]) -> Result<(), Refusal> {
        nobody_there()
    }

    fn mib_entry_delete(&self, _: ProtocolId, _: &[u8]) -> Result<(), Refusal> {
        nobody_there()
    }

    fn mib_entry_set(&self, _: ProtocolId, _: &[u8]) -> Result<(), Refusal> {
        nobody_there()
    }

    fn mib_entry_get(&self, _: ProtocolId, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        nobody_there()
    }

    fn mib_entry_get_first(&self, _: ProtocolId, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        nobody_there()
    }

    fn mib_entry_get_next(&self, _: ProtocolId, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        nobody_there()
    }

    fn router_id(&self) -> Option<RouterId> {
        self.router_id
    }

    fn has_multicast_boundary(&self, _: InterfaceIndex, _: Ipv4Addr) -> bool {
        false
    }
}
