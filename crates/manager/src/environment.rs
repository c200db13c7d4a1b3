//! What the manager needs from around it.

use std::time::Duration;

use waypost_routprot::RoutingProtocol;
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route};

/// Which instance of a protocol: no two that were made in one life of the manager have the same number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId(pub u64);

/// Where protocols come from: built in, or loaded.
pub trait Protocols: Send {
    /// A fresh, unregistered instance of a protocol; `None` when it is not installed or cannot be made.
    ///
    /// `instance` names it to [`crate::Manager::client_died`]: what dies may be told of when it is not the protocol's any more.
    /// `persisted` is what earlier instances had stored through [`crate::Manager::persist`].
    fn create(
        &mut self,
        protocol: ProtocolId,
        instance: InstanceId,
        persisted: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>>;

    /// Every protocol that is installed.
    fn installed(&self) -> Vec<ProtocolId>;
}

/// The routing table, as far as the manager deals with it. Routes of protocols do not pass through here.
pub trait RouteTable: Send {
    /// Sets the preference of a protocol's routes that state none, live.
    fn set_preference(&mut self, protocol: ProtocolId, preference: u8);

    /// Sets what a protocol may do in the table, live.
    fn set_terms(&mut self, protocol: ProtocolId, terms: RouteTerms);

    /// Sets the most mebibytes that the table may hold, live; `None` for as many as there are.
    fn set_memory_budget(&mut self, mebibytes: Option<u32>);

    /// Removes all routes of a protocol that has stopped.
    fn remove_protocol(&mut self, protocol: ProtocolId);

    /// Keeps a failed protocol's routes for a grace time; what it does not set again by then goes.
    fn keep_for_grace(&mut self, protocol: ProtocolId);

    /// The routes of `protocol` whose next hops all lie on `interface`.
    fn routes_through(&mut self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)>;

    /// Makes these the autostatic routes of an interface, in the place of all it had.
    fn set_autostatic(&mut self, interface: InterfaceIndex, routes: Autostatic);
}

/// What a protocol may do in the routing table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteTerms {
    /// The most routes it may have; more are refused.
    pub limit: Option<u32>,
    /// How long a destination is held down once the protocol's routes to it, the last there are, are gone.
    pub hold_down: Option<Duration>,
}

/// The autostatic routes of one interface.
pub type Autostatic = Vec<(Prefix, Route)>;
