//! RIP engines with one fault each.

use serde_json::Value;
use waypost_engine::{Engine, Input, MibOperation, MibReply, Now, Outbox, PortId, Target, TxOptions};
use waypost_fuzzing::engine::{live, rip::RipScenario};
use waypost_rip::Rip;
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::{BlockConfig, Event, Functionality, Impact, Refusal, Topic};
use waypost_types::{InterfaceIndex, ProtocolId, RouteChange, Seed, Time};

use super::finds;

/// RIP that does something wrong.
struct Faulty<const FAULT: u8> {
    rip: Rip,
    handled: u64,
}

/// Tells of a route a second time.
const REPEATS_ROUTES: u8 = 0;
/// Withdraws a route a second time.
const WITHDRAWS_TWICE: u8 = 1;
/// Sends while interfaces are still being added.
const SPEAKS_EARLY: u8 = 2;
/// Never says that it has stopped.
const NEVER_STOPS: u8 = 3;
/// Wants to be woken now, always.
const SPINS: u8 = 4;
/// Knows no maximum-routes.
const GREEDY: u8 = 5;
/// Says twice that an update has ended.
const ENDS_TWICE: u8 = 6;
/// Asks for more work, always.
const NEVER_DONE: u8 = 7;
/// Dies of a packet.
const DIES: u8 = 8;
/// A question changes what is sent.
const TALKS_WHEN_ASKED: u8 = 9;

impl<const FAULT: u8> Faulty<FAULT> {
    /// The input as the faulty engine sees it.
    fn misread<'a>(
        input: Input<'a, GlobalConfig, InterfaceConfig>,
    ) -> Input<'a, GlobalConfig, InterfaceConfig> {
        let own = |mut config: InterfaceConfig| {
            config.options.maximum_routes = None;
            config
        };
        let all = |mut config: GlobalConfig| {
            config.defaults.maximum_routes = None;
            config
        };
        match input {
            Input::Start {
                global,
                router_id,
                persisted,
                restart_hold,
            } => Input::Start {
                global: all(global),
                router_id,
                persisted,
                restart_hold,
            },
            Input::SetGlobal(config) => Input::SetGlobal(all(config)),
            Input::AddInterface { identity, config } => Input::AddInterface {
                identity,
                config: config.map(own),
            },
            Input::SetInterface { index, config } => Input::SetInterface {
                index,
                config: own(config),
            },
            other => other,
        }
    }
}

impl<const FAULT: u8> Engine for Faulty<FAULT> {
    type Global = GlobalConfig;
    type Interface = InterfaceConfig;

    const PROTOCOL: ProtocolId = Rip::PROTOCOL;
    const NAME: &'static str = Rip::NAME;
    const TITLE: &'static str = Rip::TITLE;
    const FUNCTIONALITY: Functionality = Rip::FUNCTIONALITY;

    fn new(seed: Seed) -> Self {
        Self {
            rip: Rip::new(seed),
            handled: 0,
        }
    }

    fn check_global(&self, config: &GlobalConfig) -> Result<(), Refusal> {
        self.rip.check_global(config)
    }

    fn check_interface(
        &self,
        index: Option<InterfaceIndex>,
        config: &InterfaceConfig,
    ) -> Result<(), Refusal> {
        self.rip.check_interface(index, config)
    }

    fn check_update_routes(&self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.rip.check_update_routes(index)
    }

    fn with_defaults(&self, config: &InterfaceConfig) -> InterfaceConfig {
        self.rip.with_defaults(config)
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

    fn inherit_secrets(old: &InterfaceConfig, new: &mut InterfaceConfig) {
        Rip::inherit_secrets(old, new);
    }

    fn fill_read_only(&self, index: InterfaceIndex, block: &mut Vec<u8>) {
        self.rip.fill_read_only(index, block);
    }

    fn handle(&mut self, now: Now, input: Input<'_, GlobalConfig, InterfaceConfig>, out: &mut Outbox) {
        self.handled += 1;
        let added = match &input {
            Input::AddInterface { identity, .. } => Some(identity.index),
            Input::Packet { octets, .. } if FAULT == DIES => {
                // An entry count taken for granted.
                let _ = octets[20];
                None
            }
            _ => None,
        };
        let input = if FAULT == GREEDY {
            Self::misread(input)
        } else {
            input
        };
        self.rip.handle(now, input, out);
        let last = out.routes().last().cloned();
        match (FAULT, last) {
            (REPEATS_ROUTES, Some(RouteChange::Set { prefix, path, route })) => {
                out.set_route(prefix, path, route);
            }
            (WITHDRAWS_TWICE, Some(RouteChange::Delete { prefix, path })) => out.delete_route(prefix, path),
            (SPEAKS_EARLY, _) => {
                if let Some(index) = added {
                    out.send(
                        PortId(index.0),
                        ([224, 0, 0, 9], 520).into(),
                        TxOptions::default(),
                        &[1, 2, 0, 0],
                    );
                }
            }
            (NEVER_STOPS, _) => drop(out.take_events()),
            (NEVER_DONE, _) => out.again(),
            (ENDS_TWICE, _) => {
                let events = out.take_events();
                for event in events {
                    out.event(event);
                    if matches!(event, Event::UpdateComplete(_)) {
                        out.event(event);
                    }
                }
            }
            _ => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        if FAULT == SPINS && self.handled > 3 {
            return Some(Time::ZERO);
        }
        self.rip.next_deadline()
    }

    fn show(&self, now: Now, topic: Topic) -> Result<Value, Refusal> {
        self.rip.show(now, topic)
    }

    fn mib(&mut self, now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        let reply = self.rip.mib(now, operation, input);
        match reply {
            // A question is answered by a change.
            Ok(MibReply::GlobalConfig(_)) if FAULT == TALKS_WHEN_ASKED => {
                let global = GlobalConfig::from_text(&Value::Object(serde_json::Map::new()))?;
                Ok(MibReply::SetGlobal(
                    global.encode(waypost_routprot::Layout::Rras).bytes,
                ))
            }
            other => other,
        }
    }
}

fn finds_fault<const FAULT: u8>(law: &str) {
    finds("rip_engine", law, live::<Faulty<FAULT>, RipScenario>);
}

#[test]
fn one_that_repeats_routes() {
    finds_fault::<REPEATS_ROUTES>("is set to what it is");
}

#[test]
fn one_that_withdraws_twice() {
    finds_fault::<WITHDRAWS_TWICE>("is deleted and was not there");
}

#[test]
fn one_that_speaks_too_early() {
    finds_fault::<SPEAKS_EARLY>("a packet is sent while the protocol is Starting");
}

#[test]
fn one_that_never_stops() {
    finds_fault::<NEVER_STOPS>("the protocol never stops");
}

#[test]
fn one_that_spins() {
    finds_fault::<SPINS>("again and again");
}

#[test]
fn one_that_takes_any_number_of_routes() {
    finds_fault::<GREEDY>("are allowed");
}

#[test]
fn one_that_ends_an_update_twice() {
    finds_fault::<ENDS_TWICE>("an update ends that was not begun");
}

#[test]
fn one_that_is_never_done() {
    finds_fault::<NEVER_DONE>("never stops asking to go on");
}

#[test]
fn one_that_dies_of_a_packet() {
    finds_fault::<DIES>("index out of bounds");
}

#[test]
fn one_that_changes_when_asked() {
    finds_fault::<TALKS_WHEN_ASKED>("a question, or a refused change, did something");
}
