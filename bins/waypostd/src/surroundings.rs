//! What protocols and the manager reach: the routing table and the manager's signals.

use std::sync::Arc;
use std::time::Duration;

use waypost_host::daemon::Signals;
use waypost_host::protocol::{Stored, Surroundings};
use waypost_host::table::TableHandle;
use waypost_manager::{Autostatic, InstanceId, RouteTable, RouteTerms};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouteBatch, RouteNotice};

/// Around a protocol's thread, that of one instance.
#[derive(Clone)]
pub(crate) struct Around {
    table: TableHandle,
    signals: Arc<Signals>,
    instance: InstanceId,
}

impl Around {
    pub(crate) const fn new(table: TableHandle, signals: Arc<Signals>) -> Self {
        Self {
            table,
            signals,
            instance: InstanceId(0),
        }
    }

    /// The same around a certain instance.
    pub(crate) fn of(&self, instance: InstanceId) -> Self {
        Self {
            instance,
            ..self.clone()
        }
    }
}

impl Surroundings for Around {
    fn routes(&self, protocol: ProtocolId, batch: RouteBatch) {
        self.table.batch(protocol, batch);
    }

    fn interest(
        &self,
        protocol: ProtocolId,
        owners: Vec<ProtocolId>,
        sink: Box<dyn Fn(Vec<RouteNotice>) + Send>,
    ) {
        self.table.interest(protocol, owners, sink);
    }

    fn persist(&self, protocol: ProtocolId, key: String, value: Vec<u8>, done: Stored) {
        self.signals.persist(protocol, key, value, done);
    }

    fn restart_hold(&self) -> Duration {
        self.table.restart_hold()
    }

    fn died(&self, protocol: ProtocolId, reason: String) {
        self.signals.died(protocol, self.instance, reason);
    }
}

/// The manager's view of the routing table.
pub(crate) struct Routes(TableHandle);

impl Routes {
    pub(crate) const fn new(table: TableHandle) -> Self {
        Self(table)
    }
}

impl RouteTable for Routes {
    fn set_preference(&mut self, protocol: ProtocolId, preference: u8) {
        self.0.set_preference(protocol, preference);
    }

    fn set_terms(&mut self, protocol: ProtocolId, terms: RouteTerms) {
        self.0.set_terms(protocol, terms);
    }

    fn set_memory_budget(&mut self, mebibytes: Option<u32>) {
        self.0.set_memory_budget(mebibytes);
    }

    fn remove_protocol(&mut self, protocol: ProtocolId) {
        self.0.remove_protocol(protocol);
    }

    fn keep_for_grace(&mut self, protocol: ProtocolId) {
        self.0.keep_for_grace(protocol);
    }

    fn routes_through(&mut self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        self.0.routes_through(protocol, interface)
    }

    fn set_autostatic(&mut self, interface: InterfaceIndex, routes: Autostatic) {
        self.0.set_autostatic(interface, routes);
    }
}
