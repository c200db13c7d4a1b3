//! The manager's state, its start, and what the kernel and the clients tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use waypost_infobase::{BlockKey, Origin, RevisionMeta, Store, StoreError, Tree};
use waypost_routprot::{Event, InterfaceStatus, NotificationEvent, Refusal, read_info};
use waypost_types::{InterfaceIndex, ProtocolId, RouterId, Time, WallTime};

use crate::autostatic::Update;
use crate::client::{Client, Failure};
use crate::configuration::BlockChange;
use crate::configuration::Configuration;
use crate::environment::{Protocols, RouteTable};
use crate::interfaces::{Interface, InterfaceChange, InterfaceTable};
use crate::made::MadeRevision;
use crate::policy::InForce;
use crate::router::{RouterConfig, is_enabled};
use crate::schedule::Schedule;
use crate::support::HostServices;
use crate::transaction::Author;
use crate::trial::TrialTimer;

/// The router manager.
pub struct Manager {
    pub(crate) store: Box<dyn Store>,
    pub(crate) protocols: Box<dyn Protocols>,
    /// How many instances it has made.
    pub(crate) instances: u64,
    pub(crate) routes: Box<dyn RouteTable>,
    pub(crate) configuration: Configuration,
    pub(crate) event: Arc<dyn NotificationEvent>,
    pub(crate) services: Arc<HostServices>,
    /// The router stops: nothing is started again.
    pub(crate) stopping: bool,
    pub(crate) router: RouterConfig,
    /// The router identifier in force: the one that clients know.
    router_id: Option<RouterId>,
    /// The one that was taken from an address, in force where none is configured.
    taken_id: Option<RouterId>,
    pub(crate) policy: InForce,
    pub(crate) table: InterfaceTable,
    pub(crate) clients: BTreeMap<ProtocolId, Client>,
    /// Protocols that are configured but do not run. Never at the same time among the clients.
    pub(crate) failed: BTreeMap<ProtocolId, Failure>,
    pub(crate) updates: BTreeMap<InterfaceIndex, Update>,
    /// Answers to updates that were given up; they are still to come, and are no answers to later updates.
    pub(crate) owed: BTreeMap<(InterfaceIndex, ProtocolId), u32>,
    /// Route sources whose preference the routing table was told.
    ranked: BTreeSet<ProtocolId>,
    pub(crate) log: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) made: Vec<MadeRevision>,
    pub(crate) trial: TrialTimer,
    pub(crate) scheduled: Schedule,
}

impl Manager {
    /// A manager over a store, with nothing started. `event` is what clients signal when their queues have something;
    /// whoever owns the manager then calls [`Self::drain_events`].
    pub fn new(
        store: Box<dyn Store>,
        protocols: Box<dyn Protocols>,
        routes: Box<dyn RouteTable>,
        configuration: Configuration,
        event: Arc<dyn NotificationEvent>,
    ) -> Result<Self, Refusal> {
        let router = RouterConfig::from_tree(store.running());
        let services = Arc::new(HostServices::new(&router));
        let mut manager = Self {
            store,
            protocols,
            instances: 0,
            routes,
            configuration,
            event,
            services,
            stopping: false,
            router_id: router.id,
            taken_id: None,
            router,
            policy: InForce::default(),
            table: InterfaceTable::default(),
            clients: BTreeMap::new(),
            failed: BTreeMap::new(),
            updates: BTreeMap::new(),
            owed: BTreeMap::new(),
            ranked: BTreeSet::new(),
            log: Vec::new(),
            notes: Vec::new(),
            made: Vec::new(),
            trial: TrialTimer::default(),
            scheduled: Schedule::default(),
        };
        for refusal in RouterConfig::unreadable(manager.store.running()) {
            manager.log.push(format!("kept, but not in force: {refusal}"));
        }
        manager.load_policies();
        if let Some(lost) = manager.store.pending_at_start() {
            manager.log.push(format!(
                "revision {} by {} was being applied when the router stopped; it was never acknowledged and is dropped",
                lost.number, lost.author
            ));
        }
        Ok(manager)
    }

    /// Starts every configured protocol with the interfaces known by now.
    ///
    /// A protocol that refuses its stored configuration keeps it and is shown as failed (P-13). What was on trial when the
    /// router stopped, and was not kept in time, is taken back first.
    pub fn start(&mut self, now: Time, wall: WallTime) {
        self.resume_trial(now, wall);
        self.read_schedule(now, wall);
        self.apply_router();
        let ids: Vec<ProtocolId> = self.configured().collect();
        for id in ids {
            self.start_or_fail(now, id);
        }
    }

    /// The protocols that configuration wants to run.
    pub(crate) fn configured(&self) -> impl Iterator<Item = ProtocolId> + '_ {
        let global =
            |key: &BlockKey| (key.scope == waypost_infobase::BlockScope::Protocol).then_some(key.kind);
        self.tree()
            .iter()
            .filter(|(_, block)| !block.is_absent())
            .filter_map(move |(key, _)| global(key))
    }

    /// Takes over preferences and router identifier.
    pub(crate) fn apply_router(&mut self) {
        let known = self.configuration.protocols().map(|(id, _)| id);
        let known = known.chain([
            ProtocolId::LOCAL,
            ProtocolId::AUTOSTATIC,
            ProtocolId::STATIC_NON_DOD,
        ]);
        // A source that was named once stays in the set, so that it gets its default back when it is named no more.
        self.ranked.extend(known.chain(self.router.ranked()));
        for id in &self.ranked {
            self.routes.set_preference(*id, self.router.preference_of(*id));
            self.routes.set_terms(*id, self.router.terms_of(*id));
        }
        self.routes.set_memory_budget(self.router.memory_budget);
        self.refresh_router_id();
    }

    /// The router identifier in force: the configured one, or else one taken from an address: the highest of a loopback
    /// interface, or else the highest of all.
    ///
    /// One that was taken stays for as long as the address does, and for as long as there is no other: a change may cost
    /// every adjacency.
    #[must_use]
    pub const fn router_id(&self) -> Option<RouterId> {
        self.router_id
    }

    /// The identifier that is in force when this one is configured.
    pub(crate) fn router_id_with(&self, configured: Option<RouterId>) -> Option<RouterId> {
        configured.or(self.taken_id)
    }

    /// Takes an identifier from an address, unless there is one whose address is still there.
    fn take_router_id(&mut self) {
        let highest = |loopback: bool| {
            let interfaces = self
                .table
                .iter()
                .filter(|interface| (interface.kind == "loopback") == loopback);
            let addresses =
                interfaces.flat_map(|interface| interface.addresses.iter().map(|(address, _)| *address));
            addresses
                .filter(|address| !address.is_loopback())
                .max()
                .and_then(|address| RouterId::new(address).ok())
        };
        let is_there = |id: &RouterId| {
            let mut addresses = self.table.iter().flat_map(|interface| &interface.addresses);
            addresses.any(|(address, _)| *address == id.address())
        };
        let before = self.taken_id;
        self.taken_id = before
            .filter(is_there)
            .or_else(|| highest(true))
            .or_else(|| highest(false))
            .or(before);
    }

    /// Puts the router identifier in force, and tells the clients when it is another one.
    fn refresh_router_id(&mut self) {
        let id = self.router_id_with(self.router.id);
        self.router_id = id;
        // First for those that start from now on, then for those that run and know another.
        self.services.set_router(&self.router, id);
        let running = self.clients.values_mut().filter(|client| client.is_running());
        for client in running.filter(|client| client.router_id != id) {
            client.router_id = id;
            client.lock().router_id_changed(id);
        }
    }

    /// The number of the revision in force; `None` before the first.
    #[must_use]
    pub fn revision_in_force(&self) -> Option<u64> {
        self.store.head().map(|head| head.number)
    }

    /// Every interface of the kernel.
    #[must_use]
    pub const fn interfaces(&self) -> &InterfaceTable {
        &self.table
    }

    /// The configuration in force: the last acknowledged revision.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        self.store.running()
    }

    /// [`Self::tree`], shared: it does not follow later revisions, and the next one has to copy it if it is still held.
    #[must_use]
    pub fn shared_tree(&self) -> Arc<Tree> {
        Arc::clone(self.store.running())
    }

    /// The codecs of the installed protocols.
    #[must_use]
    pub const fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The newest revisions, newest first.
    pub fn revisions(&mut self, most: usize) -> Result<Vec<RevisionMeta>, Refusal> {
        self.store.revisions(most).map_err(Refusal::from)
    }

    /// The configuration of an earlier revision.
    pub fn revision(&mut self, number: u64) -> Result<Tree, Refusal> {
        self.store.revision(number).map_err(Refusal::from)
    }

    /// Takes the lines that went to nobody in particular; the owner logs them.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// Takes what is worth a line in the log and nobody's trouble.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Whether protocols may use an interface: up in the kernel and not disabled in the configuration.
    pub(crate) fn usable(&self, interface: &Interface) -> bool {
        interface.up && is_enabled(self.tree(), &interface.name)
    }

    /// Takes in what the kernel reports of interfaces.
    pub fn interfaces_changed(&mut self, changes: impl IntoIterator<Item = InterfaceChange>) {
        for change in changes {
            match change {
                InterfaceChange::Present(interface) => self.interface_present(&interface),
                InterfaceChange::Gone(index) => self.interface_gone(index),
            }
        }
        self.services.set_interfaces(&self.table);
        self.refresh_policies();
        self.take_router_id();
        self.refresh_router_id();
    }

    fn interface_present(&mut self, interface: &Interface) {
        match self.table.insert(interface.clone()) {
            Some(old) if old.name == interface.name => self.interface_differs(&old, interface),
            Some(old) => {
                // Configuration belongs to the name: under its new name the interface is another one.
                self.leave_clients(&old);
                self.join_clients(interface);
            }
            None => self.join_clients(interface),
        }
    }

    fn interface_differs(&mut self, old: &Interface, new: &Interface) {
        if old.binding() != new.binding() {
            self.tell(new.index, &InterfaceStatus::AddressChange(new.binding()));
        }
        if old.carrier != new.carrier {
            let media = if new.carrier {
                InterfaceStatus::MediaPresent
            } else {
                InterfaceStatus::MediaAbsent
            };
            self.tell(new.index, &media);
        }
        if self.usable(old) != self.usable(new) {
            let status = if self.usable(new) {
                InterfaceStatus::Enabled
            } else {
                InterfaceStatus::Disabled
            };
            self.tell(new.index, &status);
        }
    }

    /// Tells every client that has the interface.
    pub(crate) fn tell(&mut self, index: InterfaceIndex, status: &InterfaceStatus) {
        for (id, client) in &mut self.clients {
            if let Err(refusal) = client.status(index, status) {
                self.log.push(format!(
                    "{id} refused status {} of interface {index}: {refusal}",
                    status.number()
                ));
            }
        }
    }

    fn join_clients(&mut self, interface: &Interface) {
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            self.join(id, interface);
        }
        self.restore_autostatic(interface);
    }

    /// Gives an interface to a client that is configured for it.
    pub(crate) fn join(&mut self, id: ProtocolId, interface: &Interface) {
        let enabled = self.usable(interface);
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.is_running()) else {
            return;
        };
        let Some(block) = client.block_for(id, &interface.name, self.store.running()) else {
            return;
        };
        if let Err(refusal) = client.add_interface(interface, enabled, &block) {
            let refusal = refusal.under(&self.configuration.interface_path(&interface.name, id));
            let known = client.refused.insert(interface.name.clone(), refusal.clone());
            // That it is still so is no news.
            if known.as_ref() != Some(&refusal) {
                self.log.push(format!("an interface was not taken: {refusal}"));
            }
        }
    }

    fn leave_clients(&mut self, interface: &Interface) {
        self.abort_update(interface.index, "the interface is gone");
        self.tell(interface.index, &InterfaceStatus::MediaAbsent);
        self.tell(interface.index, &InterfaceStatus::AddressChange(<_>::default()));
        for (id, client) in &mut self.clients {
            client.refused.remove(&interface.name);
            if let Err(refusal) = client.delete_interface(interface.index) {
                self.log.push(format!(
                    "{id} did not let go of interface {}: {refusal}",
                    interface.name
                ));
            }
        }
        self.routes.set_autostatic(interface.index, Vec::new());
    }

    fn interface_gone(&mut self, index: InterfaceIndex) {
        if let Some(interface) = self.table.remove(index) {
            // Its configuration stays under its name; a device that comes back has a new number.
            self.leave_clients(&interface);
        }
    }

    /// Empties the event queues of all clients and does what the events ask for.
    pub fn drain_events(&mut self, now: Time, wall: WallTime) {
        let ids: Vec<ProtocolId> = self.clients.keys().copied().collect();
        for id in ids {
            // The lock is not held while an event is handled: handling calls the client again.
            while let Some(event) = self
                .clients
                .get(&id)
                .and_then(|client| client.lock().next_event())
            {
                self.event(now, wall, id, event);
            }
        }
    }

    fn event(&mut self, now: Time, wall: WallTime, id: ProtocolId, event: Event) {
        match event {
            Event::RouterStopped => self.router_stopped(now, id),
            Event::SaveGlobalConfigInfo => self.save(wall, id, None),
            Event::SaveInterfaceConfigInfo(index) => self.save(wall, id, Some(index)),
            Event::UpdateComplete(complete) => self.update_complete(wall, id, complete),
        }
    }

    /// Stores configuration that a protocol changed by itself.
    fn save(&mut self, wall: WallTime, id: ProtocolId, index: Option<InterfaceIndex>) {
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        if !client.is_running() {
            return self.log.push(format!(
                "{id} asks to save configuration, but it stops and cannot be asked for it"
            ));
        }
        let (key, block) = match index {
            None => (
                BlockKey::protocol(id),
                read_info(|buffer| client.lock().global_info(buffer)),
            ),
            Some(index) => match client.interfaces.get(&index) {
                Some(membership) => (
                    BlockKey::interface(&membership.name, id),
                    read_info(|buffer| client.lock().interface_info(index, buffer)),
                ),
                None => {
                    return self.log.push(format!(
                        "{id} asks to save interface {index}, which it does not have"
                    ));
                }
            },
        };
        let saved = block.and_then(|block| {
            // A client that has every interface holds no configuration for some of them.
            let block = (!block.is_absent()).then_some(block);
            if index.is_none() && block.is_none() {
                return Err(Refusal::invalid("global configuration cannot be saved away"));
            }
            if self.tree().get(&key) == block.as_ref() {
                return Ok(());
            }
            let author = Author {
                name: format!("protocol {}", self.configuration.name_of(id)),
                note: "changed by the protocol itself".to_owned(),
            };
            self.commit(wall, &author, (key, block))
        });
        if let Err(refusal) = saved {
            self.log
                .push(format!("what {id} changed could not be stored: {refusal}"));
        }
    }

    /// Stores private octets of a protocol; empty ones remove the key. They are no part of any revision.
    pub fn persist(&mut self, protocol: ProtocolId, key: &str, value: Vec<u8>) -> Result<(), Refusal> {
        let value = (!value.is_empty()).then_some(value);
        Ok(self.store.private_put(protocol, key.as_bytes(), value)?)
    }

    /// Begins and confirms a revision of a change that is in force already.
    pub(crate) fn commit(
        &mut self,
        wall: WallTime,
        author: &Author,
        change: BlockChange,
    ) -> Result<(), Refusal> {
        let number = self.begin(wall, author, None, Arc::new([change]))?;
        if let Err(error) = self.store.confirm(number) {
            self.abandon(number);
            return Err(error.into());
        }
        self.note_made(number, author, None, 1);
        Ok(())
    }

    /// Drops the pending revision: one that stayed would stand in the way of every later one.
    pub(crate) fn abandon(&mut self, number: u64) {
        if let Err(error) = self.store.abandon(number) {
            self.log
                .push(format!("revision {number} could not be dropped: {error}"));
        }
    }

    pub(crate) fn begin(
        &mut self,
        wall: WallTime,
        author: &Author,
        rollback_of: Option<u64>,
        changes: Arc<[BlockChange]>,
    ) -> Result<u64, StoreError> {
        let origin = Origin {
            time: wall,
            author: author.name.clone(),
            note: author.note.clone(),
            rollback_of,
        };
        self.store.begin(origin, changes)
    }

    /// When [`Self::tick`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let clients = self.clients.values().filter_map(Client::deadline);
        let failed = self.failed.values().filter_map(|failure| failure.retry);
        let offers = self.clients.values().filter_map(Client::offer_deadline);
        clients
            .chain(failed)
            .chain(offers)
            .chain(self.updates.values().map(|update| update.deadline))
            .chain(self.trial_deadline())
            .chain(self.scheduled.deadline())
            .min()
    }

    /// Time has passed: stop waiting for what does not come, try again what failed.
    pub fn tick(&mut self, now: Time, wall: WallTime) {
        self.tick_clients(now);
        self.tick_trial(now, wall);
        self.tick_schedule(now, wall);
        let late: Vec<InterfaceIndex> = self
            .updates
            .iter()
            .filter(|(_, update)| update.deadline <= now)
            .map(|(index, _)| *index)
            .collect();
        for index in late {
            self.abort_update(index, "no answer in time");
        }
    }
}
