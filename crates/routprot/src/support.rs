//! What the host does for a protocol (routing-protocol-interface 4.5).

use std::net::Ipv4Addr;
use std::sync::Arc;

use waypost_policy::Policies;
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouterId};

use crate::{OutputBuffer, Refusal};

/// Signalled by a protocol when its event queue has something, any number of times, from any thread. Signals coalesce.
pub trait NotificationEvent: Send + Sync {
    /// Wakes whoever drains the queue.
    fn signal(&self);
}

/// A receive mode of an interface (IR_PROMISCUOUS, IR_PROMISCUOUS_MULTICAST).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum ReceiveType {
    /// Every frame.
    Promiscuous = 0,
    /// Every multicast frame.
    PromiscuousMulticast = 1,
}

/// The eleven host functions (SUPPORT_FUNCTIONS), callable from any thread from `start` until the protocol has stopped.
///
/// In the MIB functions the target comes first: the router manager or another running protocol.
pub trait SupportFunctions: Send + Sync {
    /// Starts a demand-dial connection. 87 unknown interface, 50 not a demand-dial interface, 1003 could not dial.
    fn demand_dial_request(&self, protocol: ProtocolId, interface: InterfaceIndex) -> Result<(), Refusal>;
    /// Turns a receive mode on or off; counted per protocol, interface and mode.
    fn set_interface_receive_type(
        &self,
        protocol: ProtocolId,
        interface: InterfaceIndex,
        kind: ReceiveType,
        active: bool,
    ) -> Result<(), Refusal>;
    /// Checks a route and returns its preference from the table of protocol preferences.
    fn validate_route(
        &self,
        protocol: ProtocolId,
        route: &Route,
        prefix: Option<Prefix>,
    ) -> Result<u8, Refusal>;
    /// Runs a MIB create in `target`.
    fn mib_entry_create(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal>;
    /// Runs a MIB delete in `target`.
    fn mib_entry_delete(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal>;
    /// Runs a MIB set in `target`.
    fn mib_entry_set(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal>;
    /// Runs a MIB get in `target`.
    fn mib_entry_get(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal>;
    /// Runs a MIB get-first in `target`.
    fn mib_entry_get_first(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal>;
    /// Runs a MIB get-next in `target`.
    fn mib_entry_get_next(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal>;
    /// The router identifier; `None` if there is none yet (the documented 0).
    fn router_id(&self) -> Option<RouterId>;
    /// The policies in force. An addition to the documented functions: a host without policies has none.
    fn policies(&self) -> Arc<Policies> {
        Arc::default()
    }
    /// Whether `group` is blocked at `interface`; false for an unknown interface.
    fn has_multicast_boundary(&self, interface: InterfaceIndex, group: Ipv4Addr) -> bool;
}
