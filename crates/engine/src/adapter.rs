//! An engine as a routing protocol.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;
use waypost_policy::Policies;
use waypost_routprot::{
    ConfigurationCodec, Event, Impact, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus,
    NotificationEvent, OutputBuffer, Prepared, Refusal, ReportArguments, RoutingCharacteristics,
    RoutingProtocol, Scope, Status, SupportFunctions, Topic, TypedCodec, check_registration,
};
use waypost_types::{InterfaceIndex, RouterId};

use crate::{Change, Engine, Instance, MibOperation, Now};

/// Holds an instance and drives it. The daemon's cell shares it with a driver thread; a test's is a plain field.
pub trait InstanceCell<E: Engine>: Send {
    /// Runs `call` on the instance, then does what the outbox asks for.
    ///
    /// The second result lists the ports that could not be opened meanwhile, in words. A refusal means that the instance
    /// is no more, because it panicked.
    fn with<R>(&mut self, call: impl FnOnce(Now, &mut Instance<E>) -> R)
    -> Result<(R, Vec<String>), Refusal>;

    /// Runs a call that may change configuration, then does what the outbox asks for. When a port cannot be opened the
    /// change is undone and the answer is ERROR_CAN_NOT_COMPLETE with the reason; otherwise it is kept.
    ///
    /// A cell that others reach too does all of that before anybody else gets at the instance.
    fn attempt<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> Result<(R, Change<E>), Refusal>,
    ) -> Result<R, Refusal> {
        let (result, failures) = self.with(call)?;
        let (answer, change) = result?;
        if failures.is_empty() {
            self.with(|_, instance| instance.keep(change))?;
            return Ok(answer);
        }
        self.with(|now, instance| instance.undo(now, change))?;
        Err(cannot_open(&failures))
    }
}

/// Validation found nothing, but ports could not be had: ERROR_CAN_NOT_COMPLETE (routing-protocol-interface 6.3 rule 3).
#[must_use]
pub fn cannot_open(failures: &[String]) -> Refusal {
    Refusal::failed(failures.join("; "))
}

/// Makes the engine in a cell a [`RoutingProtocol`].
pub struct EngineProtocol<E, C> {
    cell: C,
    engine: std::marker::PhantomData<fn() -> E>,
}

impl<E: Engine, C: InstanceCell<E>> EngineProtocol<E, C> {
    /// Wraps a cell with a fresh instance.
    #[must_use]
    pub const fn new(cell: C) -> Self {
        Self {
            cell,
            engine: std::marker::PhantomData,
        }
    }

    /// The cell.
    pub const fn cell(&mut self) -> &mut C {
        &mut self.cell
    }

    fn call<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.cell.with(call)?.0
    }

    fn attempt(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> Result<Change<E>, Refusal>,
    ) -> Result<(), Refusal> {
        self.cell.attempt(|now, instance| Ok(((), call(now, instance)?)))
    }

    fn mib(&mut self, operation: MibOperation, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.cell
            .attempt(|now, instance| instance.mib(now, operation, input))
    }
}

/// The text codec of an engine's configuration.
#[must_use]
pub fn codec_of<E: Engine>() -> Arc<dyn ConfigurationCodec> {
    Arc::new(TypedCodec::<E::Global, E::Interface>::new(
        E::PROTOCOL,
        E::NAME,
        E::TITLE,
    ))
}

/// The names of an engine's options in a scope, as its schema has them.
#[must_use]
pub fn options_of<E: Engine>(scope: Scope) -> BTreeSet<String> {
    let schema = codec_of::<E>().schema(scope);
    let properties = schema["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

impl<E: Engine, C: InstanceCell<E>> RoutingProtocol for EngineProtocol<E, C> {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        let answer = RoutingCharacteristics {
            functionality: E::FUNCTIONALITY,
            ..*offer
        };
        if offer.protocol != E::PROTOCOL {
            return Err(
                Refusal::new(Status::ERROR_NOT_SUPPORTED, "this is another protocol")
                    .at("dwProtocolId")
                    .with_value(offer.protocol)
                    .with_allowed(E::PROTOCOL.to_string()),
            );
        }
        check_registration(offer, &answer)?;
        Ok(answer)
    }

    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        let (router_id, policies) = (support.router_id(), support.policies());
        let (started, failures) = self.cell.with(|now, instance| {
            instance.policies(now, policies);
            instance.start(now, event, router_id, global)
        })?;
        started?;
        // An instance that did not start is put away, and what it has with it (P-13).
        if failures.is_empty() {
            Ok(())
        } else {
            Err(cannot_open(&failures))
        }
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        self.call(|now, instance| instance.start_complete(now))
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        self.call(|now, instance| instance.stop(now))
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        buffer.put(&self.call(|_, instance| instance.global_info())?)
    }

    fn prepare_global_info(&mut self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.call(|_, instance| instance.prepare_global_info(info))
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        self.attempt(|now, instance| instance.set_global_info(now, info))
    }

    fn add_interface(&mut self, interface: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal> {
        self.attempt(|now, instance| instance.add_interface(now, interface, info))
    }

    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.call(|now, instance| instance.delete_interface(now, index))
    }

    fn interface_status(
        &mut self,
        index: InterfaceIndex,
        _active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        self.call(|now, instance| instance.interface_status(now, index, status))
    }

    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        buffer.put(&self.call(|_, instance| instance.interface_info(index))?)
    }

    fn prepare_interface_info(
        &mut self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        self.call(|_, instance| instance.prepare_interface_info(index, info))
    }

    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        self.attempt(|now, instance| instance.set_interface_info(now, index, info))
    }

    fn next_event(&mut self) -> Option<Event> {
        self.cell.with(|_, instance| instance.next_event()).ok()?.0
    }

    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.call(|now, instance| instance.update_routes(now, index))
    }

    fn connect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        self.call(|now, instance| instance.client(now, index, client, true))
    }

    fn disconnect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        self.call(|now, instance| instance.client(now, index, client, false))
    }

    fn mib_create(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib(MibOperation::Create, input).map(drop)
    }

    fn mib_delete(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib(MibOperation::Delete, input).map(drop)
    }

    fn mib_set(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib(MibOperation::Set, input).map(drop)
    }

    fn mib_get(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&self.mib(MibOperation::Get, input)?)
    }

    fn mib_get_first(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&self.mib(MibOperation::GetFirst, input)?)
    }

    fn mib_get_next(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&self.mib(MibOperation::GetNext, input)?)
    }

    fn router_id_changed(&mut self, id: Option<RouterId>) {
        // An instance that is no more is started anew, and asks for the identifier then.
        drop(self.cell.with(|now, instance| instance.router_id(now, id)));
    }

    fn prepare_router_id(&mut self, id: Option<RouterId>) -> Option<(Impact, String)> {
        let answer = self.cell.with(|_, instance| instance.prepare_router_id(id));
        answer.ok()?.0
    }

    fn policies_changed(&mut self, policies: &Arc<Policies>) {
        // An instance that is no more is started anew, and asks for the policies then.
        let policies = Arc::clone(policies);
        drop(self.cell.with(|now, instance| instance.policies(now, policies)));
    }

    fn prepare_policies(&mut self, policies: &Arc<Policies>) -> Option<(Impact, String)> {
        let answer = self.cell.with(|_, instance| instance.prepare_policies(policies));
        answer.ok()?.0
    }

    fn describe(&self) -> Option<Arc<dyn ConfigurationCodec>> {
        Some(codec_of::<E>())
    }

    fn show(&mut self, topic: Topic) -> Result<Value, Refusal> {
        self.call(|now, instance| instance.show(now, topic))
    }

    fn report(&mut self, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        self.call(|now, instance| instance.report(now, name, arguments))
    }
}
