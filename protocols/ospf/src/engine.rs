//! OSPF as an [`Engine`]: configuration, interfaces and redistribution around the process.

mod interfaces;
mod redistribution;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::de::DeserializeOwned;
use serde_json::Value;
use waypost_engine::{Engine, Input, MibOperation, MibReply, Now, Outbox, RxMeta, Target};
use waypost_policy::Policies;
use waypost_routprot::{
    AdapterBinding, Event, Functionality, Impact, InterfaceIdentity, Refusal, ReportArguments, Topic,
};
use waypost_types::{InterfaceIndex, ProtocolId, RouterId, Seed, Time};

use crate::area::AreaId;
use crate::authentication::SEQUENCE_KEY;
use crate::config::{
    Adapter, Address, GlobalConfig, InterfaceConfig, Reach, impact_of, interface_parameters,
    router_parameters, runs_in,
};
use crate::interface::{Interface, InterfaceId};
use crate::neighbor::machine::State;
use crate::process::{Arrival, Ospf};
use redistribution::Redistributed;

/// Where the engine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Told of interfaces, silent.
    Starting,
    Running,
    /// A stub until then, so that others find their ways around it (RFC 6987 §2).
    Stopping(Time),
    Stopped,
}

/// An interface as the host describes it.
#[derive(Clone, Debug)]
pub(crate) struct Attached {
    pub(crate) identity: InterfaceIdentity,
    pub(crate) config: Option<InterfaceConfig>,
    pub(crate) binding: AdapterBinding,
    pub(crate) enabled: bool,
    pub(crate) media: bool,
}

/// OSPF with its configuration.
#[derive(Debug)]
pub struct OspfEngine {
    pub(crate) process: Ospf,
    pub(crate) global: GlobalConfig,
    pub(crate) interfaces: BTreeMap<InterfaceIndex, Attached>,
    pub(crate) started: Time,
    /// The router's own identifier.
    own_id: Option<RouterId>,
    stage: Stage,
    redistributed: Redistributed,
}

impl OspfEngine {
    /// The protocol itself, for looking at.
    #[must_use]
    pub const fn process(&self) -> &Ospf {
        &self.process
    }

    /// The identifier in force: the configured one before the router's own. Without one nothing is said, which is what
    /// OSPF does that is switched off.
    fn identifier(&self) -> Option<Ipv4Addr> {
        self.identifier_with(self.own_id)
    }

    fn identifier_with(&self, own: Option<RouterId>) -> Option<Ipv4Addr> {
        let id = self.global.router_id.or_else(|| own.map(|id| id.address()));
        id.filter(|_| self.global.enabled != Some(false))
    }

    fn start(
        &mut self,
        now: Now,
        global: GlobalConfig,
        own_id: Option<RouterId>,
        persisted: &[(String, Vec<u8>)],
        has_routes: bool,
        out: &mut Outbox,
    ) {
        self.started = now.time;
        self.global = global;
        self.own_id = own_id;
        let stored = persisted.iter().find(|(key, _)| key == SEQUENCE_KEY);
        let stored = stored.map(|(_, octets)| octets.as_slice());
        let parameters = router_parameters(&self.global);
        if let Some(period) = parameters
            .grace_period
            .filter(|_| has_routes && parameters.opaque)
        {
            self.process.restart_gracefully(now, period);
        }
        self.process
            .start(now, self.identifier(), parameters, stored, out);
        self.redistribute(now, out);
    }

    fn set_global(&mut self, now: Now, global: GlobalConfig, out: &mut Outbox) {
        let old = std::mem::replace(&mut self.global, global);
        let parameters = router_parameters(&self.global);
        if parameters != router_parameters(&old) {
            self.process.set_parameters(now, parameters, out);
        }
        self.process.set_router(now, self.identifier(), out);
        self.apply_all(now, out);
        self.redistribute(now, out);
    }

    fn receive(&mut self, now: Now, port: InterfaceIndex, meta: &RxMeta, octets: &[u8], out: &mut Outbox) {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (meta.source.ip(), meta.destination) else {
            return;
        };
        if meta.interface == port {
            let id = InterfaceId::Physical(port);
            let arrival = Arrival {
                source,
                destination,
                ttl: meta.ttl,
            };
            self.process.receive(now, id, arrival, octets, out);
        }
    }

    /// Others are led around this router first, if that is configured; then it stops.
    fn prepare_stop(&mut self, now: Now, out: &mut Outbox) {
        match self.process.prepare_stop(now, out) {
            Some(until) => self.stage = Stage::Stopping(until),
            None => self.stop(now, out),
        }
    }

    fn stop(&mut self, now: Now, out: &mut Outbox) {
        self.stage = Stage::Stopped;
        self.process.stop(now, out);
        out.event(Event::RouterStopped);
    }

    /// Neighbours that a change may lose.
    fn neighbors_of(&self, index: Option<InterfaceIndex>) -> Vec<IpAddr> {
        let interfaces = self.process.interfaces().values();
        let concerned = interfaces.filter(|interface| index.is_none() || interface.id.index() == index);
        concerned
            .flat_map(|interface| interface.neighbors.values())
            .filter(|neighbor| neighbor.state >= State::TwoWay)
            .map(|neighbor| neighbor.address.into())
            .collect()
    }

    /// Neighbours on virtual links that go, or that the other end has to change as well.
    fn neighbors_on_other_virtual_links(&self, new: Option<&Value>) -> Vec<IpAddr> {
        let virtual_links = option(new);
        let new = router_parameters(&GlobalConfig {
            virtual_links,
            ..self.global.clone()
        });
        let stays = |interface: &&Interface| match interface.id {
            InterfaceId::Physical(_) => true,
            InterfaceId::Virtual(area, router) => new.virtual_links.get(&(area, router)).is_some_and(|new| {
                let old = &interface.parameters;
                (old.hello_field, old.dead) == (new.hello_field, new.dead)
                    && old.authentication.goes_on_with(&new.authentication)
            }),
        };
        let interfaces = self.process.interfaces().values();
        interfaces
            .filter(|interface| !stays(interface))
            .flat_map(|interface| interface.neighbors.values())
            .filter(|neighbor| neighbor.state >= State::TwoWay)
            .map(|neighbor| neighbor.address.into())
            .collect()
    }

    /// Neighbours in areas that become of another kind, or that OSPF does not run in any more.
    fn neighbors_in_other_areas(&self, global: &GlobalConfig) -> Vec<IpAddr> {
        let (old, new) = (router_parameters(&self.global), router_parameters(global));
        let changes = |area: AreaId| {
            old.area(area).capability() != new.area(area).capability() || !runs_in(global, area)
        };
        let interfaces = self.process.interfaces().values();
        interfaces
            .filter(|interface| changes(interface.parameters.area))
            .flat_map(|interface| interface.neighbors.values())
            .filter(|neighbor| neighbor.state >= State::TwoWay)
            .map(|neighbor| neighbor.address.into())
            .collect()
    }

    /// What a change of `addresses` does: nothing to the interface while it speaks from the same address.
    fn addresses_impact(&self, index: Option<InterfaceIndex>, new: Option<&Value>) -> Impact {
        let Some(attached) = index.and_then(|index| self.interfaces.get(&index)) else {
            return Impact::Live;
        };
        let spoken = |addresses: Option<Vec<Address>>| attached.used(addresses.as_deref()).first().copied();
        let old = attached
            .config
            .as_ref()
            .and_then(|config| config.addresses.clone());
        let new = option(new);
        if spoken(old) == spoken(new) {
            Impact::Live
        } else {
            Impact::RestartsInterface
        }
    }
}

/// An option's value from JSON; what is not given is `None`.
fn option<T: DeserializeOwned>(value: Option<&Value>) -> Option<T> {
    serde_json::from_value(value.cloned().unwrap_or_default()).unwrap_or_default()
}

/// What losing these neighbours is called.
fn loss(neighbours: Vec<IpAddr>) -> Impact {
    if neighbours.is_empty() {
        Impact::Live
    } else {
        Impact::ResetsNeighbours { neighbours }
    }
}

impl Engine for OspfEngine {
    type Global = GlobalConfig;
    type Interface = InterfaceConfig;

    const PROTOCOL: ProtocolId = ProtocolId::OSPF;
    const NAME: &'static str = "ospf";
    const TITLE: &'static str = "OSPF version 2 for IPv4";
    const FUNCTIONALITY: Functionality = Functionality::RF_ROUTING;

    fn new(seed: Seed) -> Self {
        Self {
            process: Ospf::new(seed),
            global: GlobalConfig::default(),
            interfaces: BTreeMap::new(),
            started: Time::ZERO,
            own_id: None,
            stage: Stage::Starting,
            redistributed: Redistributed::default(),
        }
    }

    /// Defaults hold for every interface: none may become contradictory through them.
    fn check_global(&self, config: &GlobalConfig) -> Result<(), Refusal> {
        for attached in self.interfaces.values() {
            let Some(interface) = &attached.config else {
                continue;
            };
            interface_parameters(interface, config, Adapter::default()).map_err(|refusal| {
                let name = &attached.identity.name;
                let reason = format!("{} (with the options of interface {name})", refusal.reason);
                Refusal { reason, ..refusal }
            })?;
        }
        Ok(())
    }

    fn check_interface(
        &self,
        _index: Option<InterfaceIndex>,
        config: &InterfaceConfig,
    ) -> Result<(), Refusal> {
        interface_parameters(config, &self.global, Adapter::default()).map(drop)
    }

    fn check_update_routes(&self, _index: InterfaceIndex) -> Result<(), Refusal> {
        Err(Refusal::failed("OSPF has no updates on request"))
    }

    fn impact(
        &self,
        target: Target,
        name: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> (Impact, String) {
        let (reach, reason) = impact_of(target.scope(), name, old, new);
        let index = match target {
            Target::Global => None,
            Target::Interface(index) => index,
        };
        let in_use = match target {
            Target::Interface(None) => false,
            Target::Interface(Some(_)) | Target::Global => true,
        };
        let impact = match reach {
            Reach::Nobody if name == "areas" => loss(self.neighbors_in_other_areas(&GlobalConfig {
                areas: option(new),
                ..self.global.clone()
            })),
            Reach::Nobody if name == "listed-areas-only" => {
                loss(self.neighbors_in_other_areas(&GlobalConfig {
                    listed_areas_only: option(new),
                    ..self.global.clone()
                }))
            }
            Reach::Interface if name == "addresses" => self.addresses_impact(index, new),
            Reach::Nobody if name == "virtual-links" => loss(self.neighbors_on_other_virtual_links(new)),
            Reach::Nobody => Impact::Live,
            Reach::Neighbors | Reach::Everybody if in_use => loss(self.neighbors_of(index)),
            Reach::Neighbors | Reach::Everybody => Impact::Live,
            Reach::Interface => Impact::RestartsInterface,
            Reach::Unknown => Impact::RestartsProtocol,
        };
        (impact, reason.to_owned())
    }

    fn router_id_impact(&self, id: Option<RouterId>) -> Option<(Impact, String)> {
        let (impact, reason) = if self.identifier_with(id) == self.identifier() {
            (Impact::Live, "OSPF keeps the identifier it has")
        } else {
            let lost = loss(self.neighbors_of(None));
            (
                lost,
                "what this router said is taken back, and it meets every neighbour anew under its new name",
            )
        };
        Some((impact, reason.to_owned()))
    }

    fn policies_impact(&self, policies: &Policies) -> Option<(Impact, String)> {
        self.describe_policies(policies)
            .map(|reason| (Impact::Live, reason))
    }

    fn with_defaults(&self, config: &InterfaceConfig) -> InterfaceConfig {
        match &self.global.defaults {
            Some(defaults) => config.or(defaults),
            None => config.clone(),
        }
    }

    fn handle(&mut self, now: Now, input: Input<'_, GlobalConfig, InterfaceConfig>, out: &mut Outbox) {
        if self.stage == Stage::Stopped {
            return;
        }
        match input {
            Input::Start {
                global,
                router_id,
                persisted,
                restart_hold,
            } => {
                // Packets are held to routes of an earlier life only where there are any.
                let has_routes = !restart_hold.is_zero();
                self.start(now, global, router_id, persisted, has_routes, out);
            }
            Input::StartComplete => {
                self.stage = Stage::Running;
                self.apply_all(now, out);
            }
            Input::SetGlobal(global) => self.set_global(now, global, out),
            Input::AddInterface { identity, config } => self.add_interface(now, identity, config, out),
            Input::DeleteInterface(index) => self.delete_interface(now, index, out),
            Input::SetInterface { index, config } => self.set_interface(now, index, config, out),
            Input::Status { index, status } => self.status(now, index, status, out),
            Input::Packet { port, meta, octets } => {
                self.receive(now, InterfaceIndex(port.0), meta, octets, out);
            }
            Input::PortFailed { port, error } => {
                let id = InterfaceId::Physical(InterfaceIndex(port.0));
                self.process.port_failed(id, error, out);
            }
            Input::SendFailed { port, datagrams } => {
                let id = InterfaceId::Physical(InterfaceIndex(port.0));
                self.process.send_failed(id, datagrams);
            }
            Input::Persisted { key, value, stored } => {
                if key == SEQUENCE_KEY {
                    self.process.persisted(now, value, stored, out);
                }
            }
            Input::Deadline => match self.stage {
                Stage::Stopping(until) if now.time >= until => self.stop(now, out),
                _ => self.process.deadline(now, out),
            },
            Input::Routes(notices) => self.routes(now, notices, out),
            Input::RouterId(id) => {
                self.own_id = id;
                self.process.set_router(now, self.identifier(), out);
            }
            Input::Policies(policies) => self.set_policies(now, policies, out),
            Input::Stop => self.prepare_stop(now, out),
            // OSPF has no use for dial-in clients or updates on request, and asks for no further calls.
            Input::UpdateRoutes(_)
            | Input::ConnectClient(..)
            | Input::DisconnectClient(..)
            | Input::Continue => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let stop = match self.stage {
            Stage::Stopping(until) => Some(until),
            Stage::Starting | Stage::Running | Stage::Stopped => None,
        };
        self.process.next_time().into_iter().chain(stop).min()
    }

    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        Ok(self.describe(now, topic))
    }

    fn report(&self, now: Now, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        self.make_report(now, name, arguments)
    }

    fn mib(&mut self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        self.query(now, operation, input)
    }
}
