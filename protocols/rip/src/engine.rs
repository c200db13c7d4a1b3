//! RIP as an [`Engine`].

use serde_json::Value;
use waypost_engine::{Engine, Input, MibOperation, MibReply, Now, Outbox, Target};
use waypost_policy::Policies;
use waypost_routprot::{Functionality, Impact, Refusal, Topic};
use waypost_types::{InterfaceIndex, ProtocolId, Seed, Time};

use crate::config::{
    Effective, GlobalConfig, InterfaceConfig, blank_secrets, cautions, check_effective, impact_of,
    inherit_secrets,
};
use crate::process::Rip;

impl Engine for Rip {
    type Global = GlobalConfig;
    type Interface = InterfaceConfig;

    const PROTOCOL: ProtocolId = ProtocolId::RIP;
    const NAME: &'static str = "rip";
    const TITLE: &'static str = "RIP version 2 for IPv4";
    const FUNCTIONALITY: Functionality =
        Functionality::RF_ROUTING.union(Functionality::RF_DEMAND_UPDATE_ROUTES);

    fn new(seed: Seed) -> Self {
        Self::with_seed(seed)
    }

    /// Defaults hold for every interface: none may become contradictory through them.
    fn check_global(&self, config: &GlobalConfig) -> Result<(), Refusal> {
        let interfaces = self.interfaces.values().filter_map(|interface| {
            let config = interface.config.as_ref()?;
            Some((interface.identity.name.as_str(), config))
        });
        for (name, interface) in interfaces {
            check_effective(&Effective::resolve(interface, config, &self.policies)).map_err(|refusal| {
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
        check_effective(&Effective::resolve(config, &self.global, &self.policies))
    }

    fn check_update_routes(&self, index: InterfaceIndex) -> Result<(), Refusal> {
        match self.interfaces.get(&index) {
            Some(interface) if interface.demand.is_some() => {
                Err(Refusal::failed("an update of this interface is running already"))
            }
            _ => Ok(()),
        }
    }

    fn impact(
        &self,
        target: Target,
        option: &str,
        _old: Option<&Value>,
        _new: Option<&Value>,
    ) -> (Impact, String) {
        let (impact, reason) = impact_of(target.scope(), option);
        let reason = self.unused(target, option).unwrap_or(reason);
        (impact, reason.to_owned())
    }

    fn interface_cautions(&self, config: &InterfaceConfig) -> Vec<(&'static str, String)> {
        cautions(&Effective::resolve(config, &self.global, &self.policies))
    }

    fn global_cautions(&self, config: &GlobalConfig) -> Vec<(&'static str, String)> {
        cautions(&Effective::resolve(
            &InterfaceConfig::default(),
            config,
            &self.policies,
        ))
    }

    fn policies_impact(&self, policies: &Policies) -> Option<(Impact, String)> {
        self.describe_policies(policies)
            .map(|reason| (Impact::Live, reason))
    }

    fn inherit_secrets(old: &InterfaceConfig, new: &mut InterfaceConfig) {
        inherit_secrets(old, new);
    }

    fn with_defaults(&self, config: &InterfaceConfig) -> InterfaceConfig {
        InterfaceConfig {
            options: config.options.or(&self.global.defaults),
            annotate: config.annotate.clone(),
        }
    }

    fn fill_read_only(&self, index: InterfaceIndex, block: &mut Vec<u8>) {
        if let (Some(interface), Some(state)) = (self.interfaces.get(&index), block.first_chunk_mut::<4>()) {
            *state = interface.state_bits().to_le_bytes();
        }
    }

    fn blank_secrets(block: &mut [u8]) {
        blank_secrets(block);
    }

    fn handle(&mut self, now: Now, input: Input<'_, GlobalConfig, InterfaceConfig>, out: &mut Outbox) {
        // While good-byes are said nothing else matters any more.
        if self.is_stopping() && !matches!(input, Input::Deadline | Input::Persisted { .. }) {
            return;
        }
        match input {
            Input::Start {
                global,
                persisted,
                restart_hold,
                ..
            } => self.start(now, global, persisted, restart_hold, out),
            Input::StartComplete => self.start_complete(now, out),
            Input::SetGlobal(global) => self.set_global(now, global, out),
            Input::AddInterface { identity, config } => self.add_interface(now, identity, config, out),
            Input::DeleteInterface(index) => self.delete_interface(now, index, out),
            Input::SetInterface { index, config } => self.set_interface(now, index, config, out),
            Input::Status { index, status } => self.status(now, index, status, out),
            Input::Packet { port, meta, octets } => self.receive(now, port, meta, octets, out),
            Input::PortFailed { port, error } => self.port_failed(now, port, error, out),
            Input::SendFailed { port, datagrams } => self.send_failed(port, datagrams),
            Input::Persisted { key, value, stored } => self.persisted(key, value, stored, out),
            Input::Deadline => self.deadline(now, out),
            Input::Routes(notices) => self.routes(now, notices, out),
            Input::Policies(policies) => self.set_policies(now, policies, out),
            Input::UpdateRoutes(index) => self.update_routes(now, index, out),
            Input::Stop => self.stop(now, out),
            // RIP has no use for a router identifier or for dial-in clients, and asks for no further calls.
            Input::ConnectClient(..) | Input::DisconnectClient(..) | Input::RouterId(_) | Input::Continue => {
            }
        }
        self.settle(now, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        self.next_time()
    }

    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        Ok(self.describe(now, topic))
    }

    fn mib(&mut self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        self.query(now, operation, input)
    }
}
