//! A routing protocol on a router, whichever engine it is.

use std::sync::Arc;

use serde_json::Value;
use waypost_engine::{Engine, Instance, Now, Outbox, PortId, RxMeta, codec_of};
use waypost_routprot::{
    ConfigurationCodec, Event, InfoBlock, InterfaceIdentity, InterfaceStatus, NotificationEvent, Prepared,
    Refusal, Topic,
};
use waypost_types::{InterfaceIndex, ProtocolId, RouteNotice, RouterId, Seed, Time};

use crate::policy;

/// [`Instance`] without its type, so that one router can run several protocols. Methods are the instance's own.
#[allow(missing_docs)]
pub trait Process {
    fn start(
        &mut self,
        now: Now,
        event: Arc<dyn NotificationEvent>,
        router_id: Option<RouterId>,
        global: &InfoBlock,
    ) -> Result<(), Refusal>;
    fn start_complete(&mut self, now: Now) -> Result<(), Refusal>;
    fn stop(&mut self, now: Now) -> Result<(), Refusal>;
    fn is_stopped(&self) -> bool;
    fn prepare_global_info(&self, info: &InfoBlock) -> Result<Prepared, Refusal>;
    fn set_global_info(&mut self, now: Now, info: &InfoBlock) -> Result<(), Refusal>;
    fn global_info(&self) -> Result<InfoBlock, Refusal>;
    fn add_interface(
        &mut self,
        now: Now,
        identity: &InterfaceIdentity,
        info: &InfoBlock,
    ) -> Result<(), Refusal>;
    fn delete_interface(&mut self, now: Now, index: InterfaceIndex) -> Result<(), Refusal>;
    fn interface_status(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal>;
    fn prepare_interface_info(&self, index: InterfaceIndex, info: &InfoBlock) -> Result<Prepared, Refusal>;
    fn set_interface_info(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        info: &InfoBlock,
    ) -> Result<(), Refusal>;
    fn interface_info(&self, index: InterfaceIndex) -> Result<InfoBlock, Refusal>;
    fn packet(&mut self, now: Now, port: PortId, meta: &RxMeta, octets: &[u8]);
    fn port_failed(&mut self, now: Now, port: PortId, error: &str);
    fn persisted(&mut self, now: Now, key: &str, value: &[u8]);
    fn deadline(&mut self, now: Now);
    fn proceed(&mut self, now: Now);
    fn routes(&mut self, now: Now, notices: &[RouteNotice]);
    fn next_deadline(&self) -> Option<Time>;
    fn next_event(&mut self) -> Option<Event>;
    fn outbox(&mut self) -> &mut Outbox;
    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal>;
}

impl<E: Engine> Process for Instance<E> {
    fn start(
        &mut self,
        now: Now,
        event: Arc<dyn NotificationEvent>,
        router_id: Option<RouterId>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        self.policies(now, policy::policies());
        self.start(now, event, router_id, global)
    }

    fn start_complete(&mut self, now: Now) -> Result<(), Refusal> {
        self.start_complete(now)
    }

    fn stop(&mut self, now: Now) -> Result<(), Refusal> {
        self.stop(now)
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped()
    }

    fn prepare_global_info(&self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.prepare_global_info(info)
    }

    fn set_global_info(&mut self, now: Now, info: &InfoBlock) -> Result<(), Refusal> {
        self.set_global_info(now, info).map(drop)
    }

    fn global_info(&self) -> Result<InfoBlock, Refusal> {
        self.global_info()
    }

    fn add_interface(
        &mut self,
        now: Now,
        identity: &InterfaceIdentity,
        info: &InfoBlock,
    ) -> Result<(), Refusal> {
        self.add_interface(now, identity, info).map(drop)
    }

    fn delete_interface(&mut self, now: Now, index: InterfaceIndex) -> Result<(), Refusal> {
        self.delete_interface(now, index)
    }

    fn interface_status(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        self.interface_status(now, index, status)
    }

    fn prepare_interface_info(&self, index: InterfaceIndex, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.prepare_interface_info(Some(index), info)
    }

    fn set_interface_info(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        info: &InfoBlock,
    ) -> Result<(), Refusal> {
        self.set_interface_info(now, index, info).map(drop)
    }

    fn interface_info(&self, index: InterfaceIndex) -> Result<InfoBlock, Refusal> {
        self.interface_info(index)
    }

    fn packet(&mut self, now: Now, port: PortId, meta: &RxMeta, octets: &[u8]) {
        self.packet(now, port, meta, octets);
    }

    fn port_failed(&mut self, now: Now, port: PortId, error: &str) {
        self.port_failed(now, port, error);
    }

    fn persisted(&mut self, now: Now, key: &str, value: &[u8]) {
        self.persisted(now, key, value, true);
    }

    fn deadline(&mut self, now: Now) {
        self.deadline(now);
    }

    fn proceed(&mut self, now: Now) {
        self.proceed(now);
    }

    fn routes(&mut self, now: Now, notices: &[RouteNotice]) {
        self.routes(now, notices);
    }

    fn next_deadline(&self) -> Option<Time> {
        self.next_deadline()
    }

    fn next_event(&mut self) -> Option<Event> {
        self.next_event()
    }

    fn outbox(&mut self) -> &mut Outbox {
        self.outbox()
    }

    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        self.show(now, topic)
    }
}

/// What [`waypost_engine::Outbox::persist`] stored: keys and octets.
pub type Persisted = Vec<(String, Vec<u8>)>;

/// A protocol that can be installed on routers.
#[derive(Clone)]
pub struct Program {
    /// Its number.
    pub protocol: ProtocolId,
    /// The text form of its configuration.
    pub codec: Arc<dyn ConfigurationCodec>,
    pub(crate) create: Arc<Create>,
}

/// Makes a fresh instance from its seed and what the last one stored.
pub type Create = dyn Fn(Seed, Persisted) -> Box<dyn Process>;

impl Program {
    /// The protocol that an engine is.
    #[must_use]
    pub fn of<E: Engine>() -> Self {
        Self::new(E::PROTOCOL, codec_of::<E>(), |seed, persisted| {
            Box::new(Instance::<E>::new(seed, persisted))
        })
    }

    /// A protocol that is made in a way of its own.
    pub fn new(
        protocol: ProtocolId,
        codec: Arc<dyn ConfigurationCodec>,
        create: impl Fn(Seed, Persisted) -> Box<dyn Process> + 'static,
    ) -> Self {
        Self {
            protocol,
            codec,
            create: Arc::new(create),
        }
    }
}

/// The simulator drains events after every call, so that nobody need be woken.
pub(crate) struct Unheard;

impl NotificationEvent for Unheard {
    fn signal(&self) {}
}
