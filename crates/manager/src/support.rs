//! The eleven functions that the host does for its clients (routing-protocol-interface 4.5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use waypost_policy::Policies;
use waypost_routprot::{
    InterfaceType, OutputBuffer, ReceiveType, Refusal, RoutingProtocol, Status, SupportFunctions,
};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, RouteKind, RouterId};

use crate::client::SharedProtocol;
use crate::interfaces::InterfaceTable;
use crate::router::RouterConfig;

type WeakProtocol = Weak<std::sync::Mutex<Box<dyn RoutingProtocol>>>;

/// What clients may ask from any thread, in the state of the manager's last change.
#[derive(Default)]
pub(crate) struct HostServices {
    view: RwLock<View>,
}

#[derive(Default)]
struct View {
    router: RouterConfig,
    router_id: Option<RouterId>,
    policies: Arc<Policies>,
    interfaces: BTreeMap<InterfaceIndex, InterfaceType>,
    peers: BTreeMap<ProtocolId, WeakProtocol>,
    /// Who holds which receive mode on which interface.
    receive: BTreeSet<(InterfaceIndex, ReceiveType, ProtocolId)>,
}

impl HostServices {
    pub(crate) fn new(router: &RouterConfig) -> Self {
        let services = Self::default();
        services.set_router(router, router.id);
        services
    }

    fn write<R>(&self, change: impl FnOnce(&mut View) -> R) -> R {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<R>(&self, look: impl FnOnce(&View) -> R) -> R {
        look(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_router(&self, router: &RouterConfig, router_id: Option<RouterId>) {
        self.write(|view| {
            view.router = router.clone();
            view.router_id = router_id;
        });
    }

    pub(crate) fn set_policies(&self, policies: &Arc<Policies>) {
        self.write(|view| view.policies = Arc::clone(policies));
    }

    pub(crate) fn set_interfaces(&self, table: &InterfaceTable) {
        let interfaces = table
            .iter()
            .map(|interface| (interface.index, interface.connection))
            .collect();
        self.write(|view| view.interfaces = interfaces);
    }

    pub(crate) fn add_peer(&self, id: ProtocolId, protocol: &SharedProtocol) {
        self.write(|view| drop(view.peers.insert(id, Arc::downgrade(protocol))));
    }

    pub(crate) fn remove_peer(&self, id: ProtocolId) {
        self.write(|view| {
            view.peers.remove(&id);
            view.receive.retain(|(.., holder)| *holder != id);
        });
    }

    /// Runs a MIB call in another client. A client that is in the middle of a call, the caller itself above all, is not
    /// entered a second time (10.3 rule 4).
    fn peer<R>(
        &self,
        target: ProtocolId,
        call: impl FnOnce(&mut dyn RoutingProtocol) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        let protocol = self.read(|view| view.peers.get(&target).and_then(Weak::upgrade));
        let protocol = protocol.ok_or_else(|| Refusal::failed(format!("{target} is not running")))?;
        let mut protocol = protocol
            .try_lock()
            .map_err(|_| Refusal::failed(format!("{target} is in the middle of another call")))?;
        call(protocol.as_mut())
    }
}

impl SupportFunctions for HostServices {
    fn demand_dial_request(&self, _protocol: ProtocolId, interface: InterfaceIndex) -> Result<(), Refusal> {
        match self.read(|view| view.interfaces.get(&interface).copied()) {
            None => Err(Refusal::invalid("no such interface").with_value(interface)),
            Some(InterfaceType::DemandDial) => {
                Err(Refusal::failed("no dialler is configured for the interface"))
            }
            Some(_) => Err(Refusal::new(
                Status::ERROR_NOT_SUPPORTED,
                "not a demand-dial interface",
            )),
        }
    }

    fn set_interface_receive_type(
        &self,
        protocol: ProtocolId,
        interface: InterfaceIndex,
        kind: ReceiveType,
        active: bool,
    ) -> Result<(), Refusal> {
        self.write(|view| {
            if !view.interfaces.contains_key(&interface) {
                return Err(Refusal::invalid("no such interface").with_value(interface));
            }
            let held = (interface, kind, protocol);
            if active {
                view.receive.insert(held)
            } else {
                view.receive.remove(&held)
            };
            Ok(())
        })
    }

    fn validate_route(
        &self,
        protocol: ProtocolId,
        route: &Route,
        prefix: Option<Prefix>,
    ) -> Result<u8, Refusal> {
        if let Some(Prefix::V4(prefix)) = prefix
            && prefix.network().is_multicast()
        {
            return Err(Refusal::invalid("a multicast group is no unicast destination").with_value(prefix));
        }
        self.read(|view| {
            for hop in &route.next_hops {
                // The table finds the interface of a recursive one.
                if !hop.is_recursive() && !view.interfaces.contains_key(&hop.interface) {
                    return Err(
                        Refusal::invalid("a next hop is on no known interface").with_value(hop.interface)
                    );
                }
            }
            if route.kind == RouteKind::Unicast && route.next_hops.is_empty() {
                return Err(Refusal::invalid("a unicast route needs a next hop"));
            }
            Ok(view.router.preference_of(protocol))
        })
    }

    fn mib_entry_create(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.peer(target, |protocol| protocol.mib_create(input))
    }

    fn mib_entry_delete(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.peer(target, |protocol| protocol.mib_delete(input))
    }

    fn mib_entry_set(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.peer(target, |protocol| protocol.mib_set(input))
    }

    fn mib_entry_get(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.peer(target, |protocol| protocol.mib_get(input, out))
    }

    fn mib_entry_get_first(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.peer(target, |protocol| protocol.mib_get_first(input, out))
    }

    fn mib_entry_get_next(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.peer(target, |protocol| protocol.mib_get_next(input, out))
    }

    fn router_id(&self) -> Option<RouterId> {
        self.read(|view| view.router_id)
    }

    fn policies(&self) -> Arc<Policies> {
        self.read(|view| Arc::clone(&view.policies))
    }

    fn has_multicast_boundary(&self, _interface: InterfaceIndex, _group: Ipv4Addr) -> bool {
        // No boundary can be configured yet, so none blocks.
        false
    }
}
