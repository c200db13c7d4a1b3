//! A client of the manager: one hosted protocol, its life and the interfaces it was told of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_infobase::{BlockKey, Tree};
use waypost_routprot::{
    Functionality, InfoBlock, InterfaceStatus, NotificationEvent, Refusal, RoutingCharacteristics,
    RoutingProtocol, Status, SupportFunctions, check_registration,
};
use waypost_types::{InterfaceIndex, ProtocolId, RouterId, Time};

use crate::environment::InstanceId;
use crate::interfaces::{Interface, InterfaceTable};
use crate::offers::Offers;

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

/// What a client was last told of an interface it has. All three start as every protocol starts them (10.2).
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    /// The name whose configuration the client has for it.
    pub(crate) name: String,
    enabled: bool,
    bound: bool,
    media: bool,
}

impl Membership {
    const fn new(name: String) -> Self {
        Self {
            name,
            enabled: false,
            bound: false,
            media: true,
        }
    }

    /// Takes note of a status; gives InterfaceActive, bound and media present once the status holds (8.1).
    const fn told(&mut self, status: &InterfaceStatus) -> bool {
        match status {
            InterfaceStatus::AddressChange(binding) => self.bound = !binding.addresses.is_empty(),
            InterfaceStatus::Enabled => self.enabled = true,
            InterfaceStatus::Disabled => self.enabled = false,
            InterfaceStatus::MediaPresent => self.media = true,
            InterfaceStatus::MediaAbsent => self.media = false,
        }
        self.bound && self.media
    }
}

/// One hosted protocol.
pub(crate) struct Client {
    pub(crate) protocol: SharedProtocol,
    /// Which instance of the protocol it is.
    pub(crate) instance: InstanceId,
    pub(crate) state: ClientState,
    pub(crate) functionality: Functionality,
    /// Interfaces added.
    pub(crate) interfaces: BTreeMap<InterfaceIndex, Membership>,
    /// Interfaces it was to get and did not take, by name, with the reason. Their configuration is kept.
    pub(crate) refused: BTreeMap<String, Refusal>,
    /// When they are offered again.
    pub(crate) offers: Offers,
    /// How often it had failed in a row when it was started.
    pub(crate) failures: u32,
    pub(crate) started: Time,
    /// The router identifier it started with, or was told of last.
    pub(crate) router_id: Option<RouterId>,
}

impl Client {
    /// Registers and starts a protocol, tells it of all its interfaces and lets it go.
    ///
    /// An interface that it does not take is left out and noted in [`Self::refused`]; the others are not held up by it.
    /// The second result is what StartComplete said, which changes nothing (P-13).
    #[expect(
        clippy::too_many_arguments,
        reason = "everything a protocol is given at its start"
    )]
    pub(crate) fn start(
        now: Time,
        id: ProtocolId,
        instance: InstanceId,
        mut protocol: Box<dyn RoutingProtocol>,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        tree: &Tree,
        table: &InterfaceTable,
        enabled: impl Fn(&Interface) -> bool,
    ) -> Result<(Self, Result<(), Refusal>), Refusal> {
        let offer = RoutingCharacteristics::offer(id);
        let answer = protocol.register(&offer)?;
        check_registration(&offer, &answer)?;
        let global = tree
            .get(&BlockKey::protocol(id))
            .cloned()
            .unwrap_or_else(InfoBlock::absent);
        let router_id = support.router_id();
        protocol.start(event, support, &global)?;
        let mut client = Self {
            protocol: Arc::new(Mutex::new(protocol)),
            instance,
            state: ClientState::Running,
            functionality: answer.functionality,
            interfaces: BTreeMap::new(),
            refused: BTreeMap::new(),
            offers: Offers::default(),
            failures: 0,
            started: now,
            router_id,
        };
        for interface in table.iter() {
            if let Some(block) = client.block_for(id, &interface.name, tree)
                && let Err(refusal) = client.add_interface(interface, enabled(interface), &block)
            {
                client.refused.insert(interface.name.clone(), refusal);
            }
        }
        let complete = client.lock().start_complete();
        Ok((client, complete))
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
        let mut membership = Membership::new(interface.name.clone());
        let media = if interface.carrier {
            InterfaceStatus::MediaPresent
        } else {
            InterfaceStatus::MediaAbsent
        };
        let mut present = vec![InterfaceStatus::AddressChange(interface.binding()), media];
        if enabled {
            present.push(InterfaceStatus::Enabled);
        }
        for status in &present {
            let active = membership.told(status);
            if let Err(refusal) = protocol.interface_status(interface.index, active, status) {
                // All or nothing: a client that cannot be told of the interface's state does not keep it.
                drop(protocol.delete_interface(interface.index));
                return Err(refusal);
            }
        }
        drop(protocol);
        self.refused.remove(&interface.name);
        self.interfaces.insert(interface.index, membership);
        Ok(())
    }

    /// DeleteInterface; the pairing is forgotten whatever the protocol says (P-17).
    pub(crate) fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        // While it stops, a client is asked for its messages and nothing else (10.1).
        if self.interfaces.remove(&index).is_none() || !self.is_running() {
            return Ok(());
        }
        self.lock().delete_interface(index)
    }

    /// InterfaceStatus, to a client that has the interface. It is not enabled or disabled twice.
    pub(crate) fn status(&mut self, index: InterfaceIndex, status: &InterfaceStatus) -> Result<(), Refusal> {
        if !self.is_running() {
            return Ok(());
        }
        let Some(membership) = self.interfaces.get_mut(&index) else {
            return Ok(());
        };
        let enabled = membership.enabled;
        let active = membership.told(status);
        let switch = matches!(status, InterfaceStatus::Enabled | InterfaceStatus::Disabled);
        if switch && membership.enabled == enabled {
            return Ok(());
        }
        self.lock().interface_status(index, active, status)
    }
}

/// Whether a refusal says that a protocol cannot tell, which is no objection.
pub(crate) fn cannot_tell(refusal: &Refusal) -> bool {
    refusal.status == Status::ERROR_NOT_SUPPORTED
}
