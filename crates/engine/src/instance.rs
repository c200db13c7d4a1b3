//! An engine together with what the routing protocol interface keeps for it: blocks, interfaces, events, lifecycle.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use waypost_policy::Policies;
use waypost_routprot::{
    BlockConfig, Event, Functionality, Impact, InfoBlock, InterfaceIdentity, InterfaceStatus, Layout,
    NotificationEvent, OptionChange, Prepared, Refusal, ReportArguments, Status, Topic, no_such_policy,
    option_changes,
};
use waypost_types::{InterfaceIndex, RouteNotice, RouterId, Seed, Time};

use crate::change::{Change, Held, Replaced};
use crate::{Engine, Input, MibOperation, MibReply, Now, Outbox, PortId, RxMeta, Target};

/// Where an instance is in its life (routing-protocol-interface 10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifecycle {
    Registered,
    Starting,
    Running,
    Stopping,
    Stopped,
}

/// An interface as the host described it, so that it can be described again.
struct Attached<C> {
    identity: InterfaceIdentity,
    held: Option<Held<C>>,
    binding: Option<InterfaceStatus>,
    media: Option<InterfaceStatus>,
    administration: Option<InterfaceStatus>,
}

impl<C> Attached<C> {
    fn remember(&mut self, status: &InterfaceStatus) {
        let latest = match status {
            InterfaceStatus::AddressChange(_) => &mut self.binding,
            InterfaceStatus::MediaPresent | InterfaceStatus::MediaAbsent => &mut self.media,
            InterfaceStatus::Enabled | InterfaceStatus::Disabled => &mut self.administration,
        };
        *latest = Some(status.clone());
    }

    /// The present state, in the order of routing-protocol-interface 8.3.
    fn statuses(&self) -> Vec<InterfaceStatus> {
        [&self.binding, &self.media, &self.administration]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

/// An engine with its configuration, its interfaces and its event queue.
///
/// Every method that may make the engine act takes the time and leaves what the host has to do in the outbox.
pub struct Instance<E: Engine> {
    engine: E,
    lifecycle: Lifecycle,
    persisted: Vec<(String, Vec<u8>)>,
    restart_hold: Duration,
    policies: Arc<Policies>,
    global: Option<Held<E::Global>>,
    interfaces: BTreeMap<InterfaceIndex, Attached<E::Interface>>,
    events: VecDeque<Event>,
    event: Option<Arc<dyn NotificationEvent>>,
    out: Outbox,
}

impl<E: Engine> Instance<E> {
    /// An instance that has not started. `persisted` is what an earlier life stored with [`Outbox::persist`].
    #[must_use]
    pub fn new(seed: Seed, persisted: Vec<(String, Vec<u8>)>) -> Self {
        Self {
            engine: E::new(seed),
            lifecycle: Lifecycle::Registered,
            persisted,
            restart_hold: Duration::ZERO,
            policies: Arc::default(),
            global: None,
            interfaces: BTreeMap::new(),
            events: VecDeque::new(),
            event: None,
            out: Outbox::new(),
        }
    }

    /// For an instance that starts while packets follow the routes of an earlier life, and for how long they do.
    #[must_use]
    pub const fn restarted(mut self, hold: Duration) -> Self {
        self.restart_hold = hold;
        self
    }

    /// The engine, for looking at.
    pub const fn engine(&self) -> &E {
        &self.engine
    }

    /// What the host has to do; it clears the outbox when it has done it.
    pub const fn outbox(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// StartProtocol.
    pub fn start(
        &mut self,
        now: Now,
        event: Arc<dyn NotificationEvent>,
        router_id: Option<RouterId>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        if self.lifecycle != Lifecycle::Registered {
            return Err(Refusal::failed("the protocol was started before"));
        }
        let held = Held::<E::Global>::decode(global)?;
        check_policies(&self.policies, &held.config)?;
        self.engine.check_global(&held.config)?;
        self.event = Some(event);
        self.lifecycle = Lifecycle::Starting;
        let persisted = std::mem::take(&mut self.persisted);
        let config = held.config.clone();
        self.global = Some(held);
        self.handle(
            now,
            Input::Start {
                global: config,
                router_id,
                persisted: &persisted,
                restart_hold: self.restart_hold,
            },
        );
        if !self.policies.is_empty() {
            self.handle(now, Input::Policies(Arc::clone(&self.policies)));
        }
        Ok(())
    }

    /// StartComplete.
    pub fn start_complete(&mut self, now: Now) -> Result<(), Refusal> {
        if self.lifecycle != Lifecycle::Starting {
            return Err(Refusal::failed("the protocol is not starting"));
        }
        self.lifecycle = Lifecycle::Running;
        self.handle(now, Input::StartComplete);
        Ok(())
    }

    /// StopProtocol: ERROR_PROTOCOL_STOP_PENDING while the engine still says good-bye.
    pub fn stop(&mut self, now: Now) -> Result<(), Refusal> {
        self.alive()?;
        self.lifecycle = Lifecycle::Stopping;
        self.handle(now, Input::Stop);
        if self.lifecycle == Lifecycle::Stopped {
            self.events.retain(|event| *event != Event::RouterStopped);
            return Ok(());
        }
        Err(Refusal::new(
            Status::ERROR_PROTOCOL_STOP_PENDING,
            "the protocol is stopping",
        ))
    }

    /// Whether nothing will ever happen here again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.lifecycle == Lifecycle::Stopped
    }

    fn alive(&self) -> Result<(), Refusal> {
        match self.lifecycle {
            Lifecycle::Starting | Lifecycle::Running => Ok(()),
            Lifecycle::Registered => Err(Refusal::failed("the protocol is not started")),
            Lifecycle::Stopping | Lifecycle::Stopped => Err(Refusal::failed("the protocol is stopping")),
        }
    }

    /// GetGlobalInfo.
    pub fn global_info(&self) -> Result<InfoBlock, Refusal> {
        self.alive()?;
        Ok(self
            .global
            .as_ref()
            .map_or_else(InfoBlock::absent, |held| held.config.encode(held.layout)))
    }

    /// SetGlobalInfo. The configuration in force already changes nothing.
    pub fn set_global_info(&mut self, now: Now, info: &InfoBlock) -> Result<Change<E>, Refusal> {
        self.alive()?;
        let held = Held::<E::Global>::decode(info)?;
        check_policies(&self.policies, &held.config)?;
        self.engine.check_global(&held.config)?;
        Ok(Change::new(Replaced::Global(self.replace_global(now, held))))
    }

    fn replace_global(&mut self, now: Now, held: Held<E::Global>) -> Option<Held<E::Global>> {
        let config = held.config.clone();
        let previous = self.global.replace(held);
        if previous.as_ref().is_none_or(|old| old.config != config) {
            self.handle(now, Input::SetGlobal(config));
        }
        previous
    }

    /// The host did its part of a change: it stays, and is announced if it did not come from the host.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a change is kept or undone, and that once"
    )]
    pub fn keep(&mut self, change: Change<E>) {
        if let Some(event) = change.announcement {
            self.queue(event);
        }
    }

    /// The host could not do its part of a change: what was in force before is in force again.
    pub fn undo(&mut self, now: Now, change: Change<E>) {
        match change.replaced {
            Replaced::Nothing | Replaced::Global(None) => {}
            Replaced::Global(Some(held)) => drop(self.replace_global(now, held)),
            Replaced::Interface(index, Some(held)) => drop(self.replace_interface(now, index, held)),
            Replaced::Interface(index, None) => self.unconfigure_interface(now, index),
            Replaced::Added(index) => {
                if self.interfaces.remove(&index).is_some() {
                    self.handle(now, Input::DeleteInterface(index));
                }
            }
        }
    }

    /// What [`Self::set_global_info`] would do.
    pub fn prepare_global_info(&self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.alive()?;
        let held = Held::<E::Global>::decode(info)?;
        self.engine.check_global(&held.config)?;
        self.impacts(
            Target::Global,
            self.global.as_ref().map(|held| &held.config),
            &held.config,
            &self.engine.global_cautions(&held.config),
        )
    }

    /// AddInterface.
    pub fn add_interface(
        &mut self,
        now: Now,
        identity: &InterfaceIdentity,
        info: &InfoBlock,
    ) -> Result<Change<E>, Refusal> {
        self.alive()?;
        let index = identity.index;
        if self.interfaces.contains_key(&index) {
            return Err(Refusal::invalid("the interface was added before")
                .at("InterfaceIndex")
                .with_value(index));
        }
        let held = if info.is_absent() && E::FUNCTIONALITY.contains(Functionality::RF_ADD_ALL_INTERFACES) {
            None
        } else {
            let held = Held::<E::Interface>::decode(info)?;
            check_policies(&self.policies, &held.config)?;
            self.engine.check_interface(None, &held.config)?;
            Some(held)
        };
        let config = held.as_ref().map(|held| held.config.clone());
        self.interfaces.insert(
            index,
            Attached {
                identity: identity.clone(),
                held,
                binding: None,
                media: None,
                administration: None,
            },
        );
        self.handle(now, Input::AddInterface { identity, config });
        Ok(Change::new(Replaced::Added(index)))
    }

    /// DeleteInterface.
    pub fn delete_interface(&mut self, now: Now, index: InterfaceIndex) -> Result<(), Refusal> {
        self.alive()?;
        self.interfaces.remove(&index).ok_or_else(|| unknown(index))?;
        self.handle(now, Input::DeleteInterface(index));
        Ok(())
    }

    /// InterfaceStatus.
    pub fn interface_status(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        self.alive()?;
        let attached = self.interfaces.get_mut(&index).ok_or_else(|| unknown(index))?;
        attached.remember(status);
        self.handle(now, Input::Status { index, status });
        Ok(())
    }

    /// The configuration of an interface that the protocol has; `None` where it has none of its own.
    fn known(&self, index: InterfaceIndex) -> Result<Option<&Held<E::Interface>>, Refusal> {
        self.interfaces
            .get(&index)
            .map(|attached| attached.held.as_ref())
            .ok_or_else(|| unknown(index))
    }

    /// GetInterfaceInfo.
    pub fn interface_info(&self, index: InterfaceIndex) -> Result<InfoBlock, Refusal> {
        self.alive()?;
        let Some(held) = self.known(index)? else {
            return Ok(InfoBlock::absent());
        };
        let mut block = held.config.encode(held.layout);
        if held.layout == Layout::Rras {
            self.engine.fill_read_only(index, &mut block.bytes);
        }
        Ok(block)
    }

    fn decode_interface(
        &self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Held<E::Interface>, Refusal> {
        let old = index.map(|index| self.known(index)).transpose()?.flatten();
        let mut held = Held::<E::Interface>::decode(info)?;
        if let (Layout::Rras, Some(old)) = (held.layout, old) {
            E::inherit_secrets(&old.config, &mut held.config);
        }
        self.engine.check_interface(index, &held.config)?;
        Ok(held)
    }

    /// What [`Self::set_interface_info`] would do.
    pub fn prepare_interface_info(
        &self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        self.alive()?;
        let held = self.decode_interface(index, info)?;
        let old = index.map(|index| self.known(index)).transpose()?.flatten();
        self.impacts(
            Target::Interface(index),
            old.map(|held| &held.config),
            &held.config,
            &self.engine.interface_cautions(&held.config),
        )
    }

    fn impacts<C: BlockConfig>(
        &self,
        target: Target,
        old: Option<&C>,
        new: &C,
        cautions: &[(&str, String)],
    ) -> Result<Prepared, Refusal> {
        let text =
            |config: &C| serde_json::to_value(config).map_err(|error| Refusal::failed(error.to_string()));
        let old = old.map_or(Ok(Value::Null), text)?;
        let changes = option_changes(&old, &text(new)?)
            .into_iter()
            .map(|(path, old, new)| {
                let (impact, mut reason) = self.engine.impact(target, &path, old.as_ref(), new.as_ref());
                for (_, caution) in cautions.iter().filter(|(option, _)| *option == path) {
                    reason.push_str("; caution: ");
                    reason.push_str(caution);
                }
                OptionChange {
                    path,
                    old,
                    new,
                    impact,
                    reason,
                }
            })
            .collect();
        Ok(Prepared { changes })
    }

    /// SetInterfaceInfo. The configuration in force already changes nothing and resets nothing (6.3 rule 6).
    pub fn set_interface_info(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        info: &InfoBlock,
    ) -> Result<Change<E>, Refusal> {
        self.alive()?;
        self.known(index)?;
        let held = self.decode_interface(Some(index), info)?;
        check_policies(&self.policies, &held.config)?;
        let previous = self.replace_interface(now, index, held);
        Ok(Change::new(Replaced::Interface(index, previous)))
    }

    /// Takes the configuration off an interface. Engines know no such input, so the interface leaves and comes back.
    fn unconfigure_interface(&mut self, now: Now, index: InterfaceIndex) {
        let Some(attached) = self.interfaces.get_mut(&index) else {
            return;
        };
        attached.held = None;
        let (identity, statuses) = (attached.identity.clone(), attached.statuses());
        self.handle(now, Input::DeleteInterface(index));
        self.handle(
            now,
            Input::AddInterface {
                identity: &identity,
                config: None,
            },
        );
        for status in &statuses {
            self.handle(now, Input::Status { index, status });
        }
    }

    fn replace_interface(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        held: Held<E::Interface>,
    ) -> Option<Held<E::Interface>> {
        let config = held.config.clone();
        let previous = self
            .interfaces
            .get_mut(&index)
            .and_then(|attached| attached.held.replace(held));
        if previous.as_ref().is_none_or(|old| old.config != config) {
            self.handle(now, Input::SetInterface { index, config });
        }
        previous
    }

    /// GetEventMessage.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// DoUpdateRoutes.
    pub fn update_routes(&mut self, now: Now, index: InterfaceIndex) -> Result<(), Refusal> {
        self.alive()?;
        self.known(index)?;
        if !E::FUNCTIONALITY.contains(Functionality::RF_DEMAND_UPDATE_ROUTES)
            || self.lifecycle != Lifecycle::Running
        {
            return Err(Refusal::failed(
                "the protocol cannot update routes on request now",
            ));
        }
        self.engine.check_update_routes(index)?;
        self.handle(now, Input::UpdateRoutes(index));
        Ok(())
    }

    /// ConnectClient (`connected`) and DisconnectClient.
    pub fn client(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        client: Ipv4Addr,
        connected: bool,
    ) -> Result<(), Refusal> {
        self.alive()?;
        self.known(index)?;
        self.handle(
            now,
            if connected {
                Input::ConnectClient(index, client)
            } else {
                Input::DisconnectClient(index, client)
            },
        );
        Ok(())
    }

    /// The six MIB calls. A change of configuration raises the matching save event once it is kept, as it did not come
    /// from the host.
    pub fn mib(
        &mut self,
        now: Now,
        operation: MibOperation,
        input: &[u8],
    ) -> Result<(Vec<u8>, Change<E>), Refusal> {
        self.alive()?;
        let octets = match self.engine.mib(now, operation, input)? {
            MibReply::Octets(octets) => octets,
            MibReply::GlobalConfig(mut octets) => {
                if let Some(held) = &self.global {
                    octets.extend_from_slice(&held.config.encode(Layout::Rras).bytes);
                }
                octets
            }
            MibReply::InterfaceConfig(index, mut octets) => {
                if let Some(held) = self.known(index)? {
                    let mut block = self.engine.with_defaults(&held.config).encode(Layout::Rras);
                    self.engine.fill_read_only(index, &mut block.bytes);
                    E::blank_secrets(&mut block.bytes);
                    octets.extend_from_slice(&block.bytes);
                }
                octets
            }
            MibReply::SetGlobal(octets) => {
                let change = self.set_global_info(now, &InfoBlock::new(1, octets))?;
                return Ok((Vec::new(), change.announced(Event::SaveGlobalConfigInfo)));
            }
            MibReply::SetInterface(index, octets) => {
                let change = self.set_interface_info(now, index, &InfoBlock::new(1, octets))?;
                return Ok((
                    Vec::new(),
                    change.announced(Event::SaveInterfaceConfigInfo(index)),
                ));
            }
        };
        Ok((octets, Change::new(Replaced::Nothing)))
    }

    /// Structured state for `show`.
    pub fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        self.alive()?;
        self.engine.show(now, topic)
    }

    /// A report of the engine's own.
    pub fn report(&self, now: Now, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        self.alive()?;
        self.engine.report(now, name, arguments)
    }

    /// When [`Self::deadline`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        if self.is_stopped() {
            None
        } else {
            self.engine.next_deadline()
        }
    }

    /// The time of [`Self::next_deadline`] has come.
    pub fn deadline(&mut self, now: Now) {
        self.drive(now, Input::Deadline);
    }

    /// A packet arrived.
    pub fn packet(&mut self, now: Now, port: PortId, meta: &RxMeta, octets: &[u8]) {
        self.drive(now, Input::Packet { port, meta, octets });
    }

    /// A port could not be opened or changed.
    pub fn port_failed(&mut self, now: Now, port: PortId, error: &str) {
        self.drive(now, Input::PortFailed { port, error });
    }

    /// Datagrams could not be sent.
    pub fn send_failed(&mut self, now: Now, port: PortId, datagrams: u32) {
        self.drive(now, Input::SendFailed { port, datagrams });
    }

    /// Private octets were stored, or could not be.
    pub fn persisted(&mut self, now: Now, key: &str, value: &[u8], stored: bool) {
        self.drive(now, Input::Persisted { key, value, stored });
    }

    /// News of routes.
    pub fn routes(&mut self, now: Now, notices: &[RouteNotice]) {
        self.drive(now, Input::Routes(notices));
    }

    /// What [`Self::router_id`] would do.
    #[must_use]
    pub fn prepare_router_id(&self, router_id: Option<RouterId>) -> Option<(Impact, String)> {
        self.alive().ok()?;
        self.engine.router_id_impact(router_id)
    }

    /// Another router identifier is in force.
    pub fn router_id(&mut self, now: Now, router_id: Option<RouterId>) {
        self.drive(now, Input::RouterId(router_id));
    }

    /// What [`Self::policies`] would do.
    #[must_use]
    pub fn prepare_policies(&self, policies: &Policies) -> Option<(Impact, String)> {
        self.alive().ok()?;
        self.engine.policies_impact(policies)
    }

    /// Other policies are in force; before the start, the ones that are.
    pub fn policies(&mut self, now: Now, policies: Arc<Policies>) {
        self.policies = Arc::clone(&policies);
        self.drive(now, Input::Policies(policies));
    }

    /// The work that the engine put off.
    pub fn proceed(&mut self, now: Now) {
        self.drive(now, Input::Continue);
    }

    /// Hands over an input that may come late: nothing reaches an engine before its start or after its end.
    fn drive(&mut self, now: Now, input: Input<'_, E::Global, E::Interface>) {
        if !matches!(self.lifecycle, Lifecycle::Registered | Lifecycle::Stopped) {
            self.handle(now, input);
        }
    }

    fn handle(&mut self, now: Now, input: Input<'_, E::Global, E::Interface>) {
        self.engine.handle(now, input, &mut self.out);
        for event in self.out.take_events() {
            if event == Event::RouterStopped {
                self.lifecycle = Lifecycle::Stopped;
            }
            self.queue(event);
        }
    }

    fn queue(&mut self, event: Event) {
        // Appended before the signal, so that a drain after the wake sees it (routing-protocol-interface 9.1).
        self.events.push_back(event);
        if let Some(event) = &self.event {
            event.signal();
        }
    }
}

/// Whether configuration names only policies that there are. What would be done is not checked so: the policies may come with
/// the same transaction, and the router manager knows.
fn check_policies<C: BlockConfig>(policies: &Policies, config: &C) -> Result<(), Refusal> {
    let named = config.policies();
    let missing = named.iter().find(|named| policies.get(&named.name).is_none());
    missing.map_or(Ok(()), |missing| Err(no_such_policy(policies, missing)))
}

fn unknown(index: InterfaceIndex) -> Refusal {
    Refusal::invalid("no such interface")
        .at("InterfaceIndex")
        .with_value(index)
}
