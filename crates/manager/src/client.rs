//! A client of the manager: one hosted protocol, its life and the interfaces it was told of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_infobase::{BlockKey, Tree};
use waypost_routprot::{
    Functionality, InfoBlock, InterfaceStatus, NotificationEvent, Refusal, RoutingCharacteristics,
    RoutingProtocol, Status, SupportFunctions, check_registration,
};
use waypost_types::{InterfaceIndex, ProtocolId, Time};

use crate::interfaces::{Interface, InterfaceTable};

/// The protocol itself, shared with the support functions that reach a peer's MIB.
pub(crate) type SharedProtocol = Arc<Mutex<Box<dyn RoutingProtocol>>>;

/// Where a client is in its life (routing-protocol-interface 10.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// Started, and told of every interface.
    Running,
    /// Asked to stop; ROUTER_STOPPED is to come, until the manager stops waiting for it.
    Stopping(Time),
}

/// A configured protocol that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// When it is tried again; `None` when its configuration has to change first.
    pub(crate) retry: Option<Time>,
    /// How often it failed in a row.
    pub(crate) count: u32,
}

/// One hosted protocol.
pub(crate) struct Client {
    pub(crate) protocol: SharedProtocol,
    pub(crate) state: ClientState,
    pub(crate) functionality: Functionality,
    /// Interfaces added, with the name whose configuration they have.
    pub(crate) interfaces: BTreeMap<InterfaceIndex, String>,
    /// How often it had failed in a row when it was started.
    pub(crate) failures: u32,
    pub(crate) started: Time,
}

impl Client {
    /// Registers and starts a protocol, tells it of all its interfaces and lets it go.
    ///
    /// An interface whose block it refuses is left out and reported; the others are not held up by it.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything a protocol is given at its start"
    )]
    pub(crate) fn start(
        now: Time,
        id: ProtocolId,
        mut protocol: Box<dyn RoutingProtocol>,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        tree: &Tree,
        table: &InterfaceTable,
        enabled: impl Fn(&Interface) -> bool,
    ) -> Result<(Self, Vec<Refusal>), Refusal> {
        let offer = RoutingCharacteristics::offer(id);
        let answer = protocol.register(&offer)?;
        check_registration(&offer, &answer)?;
        let global = tree
            .get(&BlockKey::protocol(id))
            .cloned()
            .unwrap_or_else(InfoBlock::absent);
        protocol.start(event, support, &global)?;
        let mut client = Self {
            protocol: Arc::new(Mutex::new(protocol)),
            state: ClientState::Running,
            functionality: answer.functionality,
            interfaces: BTreeMap::new(),
            failures: 0,
            started: now,
        };
        let mut refused = Vec::new();
        for interface in table.iter() {
            if let Some(block) = client.block_for(id, &interface.name, tree)
                && let Err(refusal) = client.add_interface(interface, enabled(interface), &block)
            {
                refused.push(refusal.under(&interface_path(&interface.name, id)));
            }
        }
        if let Err(refusal) = client.lock().start_complete() {
            refused.push(refusal);
        }
        Ok((client, refused))
    }

    /// The protocol, for one call.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Box<dyn RoutingProtocol>> {
        // A panic inside a protocol is caught below this lock; should one poison it, the protocol refuses by itself.
        self.protocol.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether calls may be made.
    pub(crate) fn is_running(&self) -> bool {
        self.state == ClientState::Running
    }

    /// The block with which the client gets an interface of this name; `None` if it does not get it.
    pub(crate) fn block_for(&self, id: ProtocolId, name: &str, tree: &Tree) -> Option<InfoBlock> {
        match tree.get(&BlockKey::interface(name, id)) {
            Some(block) if !block.is_absent() => Some(block.clone()),
            _ if self.functionality.contains(Functionality::RF_ADD_ALL_INTERFACES) => {
                Some(InfoBlock::absent())
            }
            _ => None,
        }
    }

    /// AddInterface, then the calls that describe the present state (8.3).
    pub(crate) fn add_interface(
        &mut self,
        interface: &Interface,
        enabled: bool,
        block: &InfoBlock,
    ) -> Result<(), Refusal> {
        let mut protocol = self.lock();
        protocol.add_interface(&interface.identity(), block)?;
        let binding = interface.binding();
        let bound = !binding.addresses.is_empty() || !binding.addresses6.is_empty();
        let active = bound && interface.carrier;
        let media = if interface.carrier {
            InterfaceStatus::MediaPresent
        } else {
            InterfaceStatus::MediaAbsent
        };
        let mut told =
            protocol.interface_status(interface.index, active, &InterfaceStatus::AddressChange(binding));
        told = told.and_then(|()| protocol.interface_status(interface.index, active, &media));
        if enabled {
            told = told
                .and_then(|()| protocol.interface_status(interface.index, active, &InterfaceStatus::Enabled));
        }
        if told.is_err() {
            // All or nothing: a client that cannot be told of the interface's state does not keep it.
            drop(protocol.delete_interface(interface.index));
            return told;
        }
        drop(protocol);
        self.interfaces.insert(interface.index, interface.name.clone());
        Ok(())
    }

    /// DeleteInterface; the pairing is forgotten whatever the protocol says (P-17).
    pub(crate) fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        if self.interfaces.remove(&index).is_none() {
            return Ok(());
        }
        self.lock().delete_interface(index)
    }

    /// InterfaceStatus, to a client that has the interface.
    pub(crate) fn status(
        &self,
        index: InterfaceIndex,
        active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        if self.is_running() && self.interfaces.contains_key(&index) {
            self.lock().interface_status(index, active, status)
        } else {
            Ok(())
        }
    }
}

/// The configuration path of a protocol on an interface.
pub(crate) fn interface_path(name: &str, protocol: ProtocolId) -> String {
    crate::Path::new(["interfaces", name, &protocol.to_string()]).to_string()
}

/// The configuration path of a protocol.
pub(crate) fn protocol_path(protocol: ProtocolId) -> String {
    crate::Path::new(["protocols", &protocol.to_string()]).to_string()
}

/// Whether a refusal says that a protocol cannot tell, which is no objection.
pub(crate) fn cannot_tell(refusal: &Refusal) -> bool {
    refusal.status == Status::ERROR_NOT_SUPPORTED
}
