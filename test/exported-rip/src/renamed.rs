//! RIP under another number: a router that has RIP itself installs no module of the same.

use serde_json::Value;
use waypost_engine::{Engine, Input, MibOperation, MibReply, Now, Outbox, Target};
use waypost_rip::Rip;
use waypost_routprot::{Functionality, Impact, Refusal, Topic};
use waypost_types::{InterfaceIndex, ProtocolId, RouterId, Seed, Time};

/// RIP, but for its number and name.
pub struct ModuleRip(Rip);

type Global = <Rip as Engine>::Global;
type Interface = <Rip as Engine>::Interface;

impl Engine for ModuleRip {
    type Global = Global;
    type Interface = Interface;

    const PROTOCOL: ProtocolId = ProtocolId(0x3FFF_0520);
    const NAME: &'static str = "module-rip";
    const TITLE: &'static str = "RIP as a module";
    const FUNCTIONALITY: Functionality = Rip::FUNCTIONALITY;

    fn new(seed: Seed) -> Self {
        Self(Rip::new(seed))
    }

    fn check_global(&self, config: &Global) -> Result<(), Refusal> {
        self.0.check_global(config)
    }

    fn check_interface(&self, index: Option<InterfaceIndex>, config: &Interface) -> Result<(), Refusal> {
        self.0.check_interface(index, config)
    }

    fn check_update_routes(&self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.0.check_update_routes(index)
    }

    fn impact(
        &self,
        target: Target,
        option: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> (Impact, String) {
        self.0.impact(target, option, old, new)
    }

    fn router_id_impact(&self, id: Option<RouterId>) -> Option<(Impact, String)> {
        self.0.router_id_impact(id)
    }

    fn interface_cautions(&self, config: &Interface) -> Vec<(&'static str, String)> {
        self.0.interface_cautions(config)
    }

    fn global_cautions(&self, config: &Global) -> Vec<(&'static str, String)> {
        self.0.global_cautions(config)
    }

    fn inherit_secrets(old: &Interface, new: &mut Interface) {
        Rip::inherit_secrets(old, new);
    }

    fn with_defaults(&self, config: &Interface) -> Interface {
        self.0.with_defaults(config)
    }

    fn fill_read_only(&self, index: InterfaceIndex, block: &mut Vec<u8>) {
        self.0.fill_read_only(index, block);
    }

    fn blank_secrets(block: &mut [u8]) {
        Rip::blank_secrets(block);
    }

    fn handle(&mut self, now: Now, input: Input<'_, Global, Interface>, out: &mut Outbox) {
        self.0.handle(now, input, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        self.0.next_deadline()
    }

    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        self.0.show(now, topic)
    }

    fn mib(&mut self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        self.0.mib(now, operation, input)
    }
}
