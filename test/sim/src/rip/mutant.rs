//! RIP with faults built in, to prove that the oracles find them.

use serde_json::Value;
use waypost_engine::{Engine, Input, MibOperation, MibReply, Now, Outbox, RxMeta, Target};
use waypost_rip::Rip;
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::{Functionality, Impact, InterfaceIdentity, InterfaceStatus, Refusal, Topic};
use waypost_types::{InterfaceIndex, ProtocolId, Seed, Time};

/// Does not hear that something is unreachable.
pub const IGNORES_INFINITY: u8 = 1;
/// Keeps what nobody refreshes.
pub const NEVER_EXPIRES: u8 = 2;
/// Takes every link for one of metric 1.
pub const FORGETS_METRIC: u8 = 3;
/// Restarts an interface to configure it.
pub const RESTARTS_TO_CONFIGURE: u8 = 4;
/// Announces changes with the next regular update.
pub const NEVER_TRIGGERS: u8 = 5;
/// Sends the whole table every second.
pub const CHATTERS: u8 = 6;

/// RIP with the fault `FAULT`.
pub struct Mutant<const FAULT: u8> {
    rip: Rip,
    interfaces: Vec<(InterfaceIdentity, Vec<InterfaceStatus>)>,
}

impl<const FAULT: u8> Mutant<FAULT> {
    fn corrupt(mut config: InterfaceConfig) -> InterfaceConfig {
        let options = &mut config.options;
        match FAULT {
            NEVER_EXPIRES => options.expiration_interval = Some(259_200),
            FORGETS_METRIC => options.metric = None,
            NEVER_TRIGGERS => options.triggered_updates = Some(false),
            CHATTERS => options.update_interval = Some(1),
            _ => {}
        }
        config
    }

    /// Takes an interface away and brings it back with another configuration.
    fn restart_interface(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        config: InterfaceConfig,
        out: &mut Outbox,
    ) {
        let known = self
            .interfaces
            .iter()
            .find(|(identity, _)| identity.index == index);
        let Some((identity, statuses)) = known else { return };
        self.rip.handle(now, Input::DeleteInterface(index), out);
        let config = Some(config);
        self.rip
            .handle(now, Input::AddInterface { identity, config }, out);
        for status in statuses {
            self.rip.handle(now, Input::Status { index, status }, out);
        }
    }
}

/// The entries of a message without those of metric 16.
fn without_infinity(octets: &[u8]) -> Vec<u8> {
    let (header, entries) = octets.split_at(octets.len().min(4));
    let mut kept = header.to_vec();
    for entry in entries.chunks(20) {
        if entry.get(16..20) != Some(&[0, 0, 0, 16]) {
            kept.extend_from_slice(entry);
        }
    }
    kept
}

impl<const FAULT: u8> Engine for Mutant<FAULT> {
    type Global = GlobalConfig;
    type Interface = InterfaceConfig;

    const PROTOCOL: ProtocolId = Rip::PROTOCOL;
    const NAME: &'static str = Rip::NAME;
    const TITLE: &'static str = Rip::TITLE;
    const FUNCTIONALITY: Functionality = Rip::FUNCTIONALITY;

    fn new(seed: Seed) -> Self {
        Self {
            rip: Rip::new(seed),
            interfaces: Vec::new(),
        }
    }

    fn impact(
        &self,
        target: Target,
        option: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> (Impact, String) {
        self.rip.impact(target, option, old, new)
    }

    fn handle(&mut self, now: Now, input: Input<'_, GlobalConfig, InterfaceConfig>, out: &mut Outbox) {
        let input = match input {
            Input::AddInterface { identity, config } => {
                self.interfaces.push((identity.clone(), Vec::new()));
                Input::AddInterface {
                    identity,
                    config: config.map(Self::corrupt),
                }
            }
            Input::Status { index, status } => {
                let known = self
                    .interfaces
                    .iter_mut()
                    .find(|(identity, _)| identity.index == index);
                if let Some((_, statuses)) = known {
                    statuses.push(status.clone());
                }
                Input::Status { index, status }
            }
            Input::SetInterface { index, config } if FAULT == RESTARTS_TO_CONFIGURE => {
                self.restart_interface(now, index, config, out);
                return;
            }
            Input::SetInterface { index, config } => Input::SetInterface {
                index,
                config: Self::corrupt(config),
            },
            Input::Packet { port, meta, octets } if FAULT == IGNORES_INFINITY => {
                let meta: &RxMeta = meta;
                let octets = without_infinity(octets);
                let input = Input::Packet {
                    port,
                    meta,
                    octets: &octets,
                };
                return self.rip.handle(now, input, out);
            }
            other => other,
        };
        self.rip.handle(now, input, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        self.rip.next_deadline()
    }

    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        self.rip.show(now, topic)
    }

    fn mib(&mut self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        self.rip.mib(now, operation, input)
    }
}
