//! What the manager needs from around it.

use waypost_routprot::RoutingProtocol;
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route};

/// Where protocols come from: built in, or loaded.
pub trait Protocols: Send {
    /// A fresh, unregistered instance of a protocol; `None` when it is not installed or cannot be made.
    ///
    /// `persisted` is what earlier instances had stored through [`crate::Manager::persist`].
    fn create(
        &mut self,
        protocol: ProtocolId,
        persisted: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>>;

    /// Every protocol that is installed.
    fn installed(&self) -> Vec<ProtocolId>;
}

/// The routing table, as far as the manager deals with it. Routes of protocols do not pass through here.
pub trait RouteTable: Send {
    /// Sets the preference of a protocol's routes that state none, live.
    fn set_preference(&mut self, protocol: ProtocolId, preference: u8);

    /// Removes all routes of a protocol that has stopped.
    fn remove_protocol(&mut self, protocol: ProtocolId);

    /// Keeps a failed protocol's routes for a grace time; what it does not set again by then goes.
    fn keep_for_grace(&mut self, protocol: ProtocolId);

    /// The routes of `protocol` whose next hops all lie on `interface`.
    fn routes_through(&mut self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)>;

    /// Makes these the autostatic routes of an interface, in the place of all it had.
    fn set_autostatic(&mut self, interface: InterfaceIndex, routes: Autostatic);
}

/// The autostatic routes of one interface.
pub type Autostatic = Vec<(Prefix, Route)>;
