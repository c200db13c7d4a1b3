//! An engine that does what a test asks of it.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::{
    Engine, Input, MibOperation, MibReply, Now, Outbox, PortId, PortSpec, RouteInterest, Target, Transport,
    TxOptions,
};
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::{BlockConfig, Event, Functionality, Impact, InfoBlock, Layout, Refusal, Topic};
use waypost_types::{NextHop, PathId, Prefix4, ProtocolId, Route, RouteKind, Seed, Time};

use crate::rig::LOOPBACK;

/// Asked by the last octet of a dial-in client's address. All but the panic are answered with an event.
#[derive(Clone, Copy)]
pub(crate) enum Ask {
    /// To be called again.
    Again = 1,
    /// To be woken in a moment.
    Deadline = 2,
    /// To panic when that moment has come.
    Panic = 3,
    /// To open a port that somebody has when that moment has come.
    Taken = 4,
}

impl Ask {
    pub(crate) fn client(self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, self as u8)
    }
}

/// Where the probe sends a datagram whenever it is configured: its metric, through its port.
pub(crate) const EAR: u16 = 7000;
/// What tests give to somebody who does not share.
pub(crate) const TAKEN: u16 = 5666;
/// Its one port.
const PORT: PortId = PortId(1);

/// The answer to [`Ask`].
pub(crate) const DONE: Event = Event::SaveInterfaceConfigInfo(LOOPBACK);

#[derive(Default)]
pub(crate) struct Probe {
    port: u16,
    asked: Option<(Time, u8)>,
    failures: u32,
}

pub(crate) fn block(metric: u8, port: u16) -> InfoBlock {
    let config = InterfaceConfig::from_text(&json!({ "metric": metric, "port": port })).unwrap();
    config.encode(Layout::Waypost(InterfaceConfig::LAYOUT))
}

pub(crate) fn global() -> InfoBlock {
    GlobalConfig::default().encode(Layout::Waypost(GlobalConfig::LAYOUT))
}

pub(crate) fn prefix() -> Prefix4 {
    Prefix4::containing(Ipv4Addr::new(10, 9, 0, 0), 16).unwrap()
}

impl Probe {
    fn open(&self, out: &mut Outbox) {
        let spec = PortSpec {
            transport: Transport::Udp(self.port),
            interface: LOOPBACK,
            groups: Default::default(),
            broadcast: false,
            ttl: 64,
            multicast_ttl: 1,
            minimum_ttl: 0,
            dscp: 0,
            receive_buffer: 1 << 16,
        };
        out.open_port(PORT, spec);
    }

    fn configure(&mut self, config: &InterfaceConfig, out: &mut Outbox) {
        let metric = config.options.metric.unwrap_or_default();
        self.port = config.options.port.unwrap_or_default();
        self.open(out);
        let ear = (Ipv4Addr::LOCALHOST, EAR).into();
        out.send(PORT, ear, TxOptions::default(), &[metric]);
        let route = Route {
            kind: RouteKind::Unicast,
            next_hops: [NextHop::on(LOOPBACK)].into_iter().collect(),
            metric: metric.into(),
            tag: 0,
            preference: None,
        };
        out.set_route(prefix(), PathId(0), route);
    }
}

impl Engine for Probe {
    type Global = GlobalConfig;
    type Interface = InterfaceConfig;

    const PROTOCOL: ProtocolId = ProtocolId(200);
    const NAME: &'static str = "probe";
    const TITLE: &'static str = "Probe";
    const FUNCTIONALITY: Functionality = Functionality::RF_ROUTING;

    fn new(_seed: Seed) -> Self {
        Self::default()
    }

    fn impact(&self, _: Target, _: &str, _: Option<&Value>, _: Option<&Value>) -> (Impact, String) {
        (Impact::Live, String::new())
    }

    fn handle(&mut self, now: Now, input: Input<'_, GlobalConfig, InterfaceConfig>, out: &mut Outbox) {
        match input {
            Input::Start { .. } => out.interest(RouteInterest {
                owners: vec![ProtocolId::STATIC],
            }),
            Input::AddInterface {
                config: Some(config), ..
            }
            | Input::SetInterface { config, .. } => self.configure(&config, out),
            Input::DeleteInterface(_) => out.close_port(PORT),
            Input::PortFailed { .. } => self.failures += 1,
            Input::ConnectClient(_, client) => match client.octets()[3] {
                1 => out.again(),
                ask => self.asked = Some((now.time + Duration::from_micros(300), ask)),
            },
            Input::Continue | Input::Routes(_) => out.event(DONE),
            Input::Deadline => {
                match self.asked.take() {
                    Some((_, ask)) if ask == Ask::Panic as u8 => panic!("as the test asked"),
                    Some((_, ask)) if ask == Ask::Taken as u8 => {
                        self.port = TAKEN;
                        self.open(out);
                    }
                    _ => {}
                }
                out.event(DONE);
            }
            Input::Stop => out.event(Event::RouterStopped),
            _ => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.asked.map(|(time, _)| time)
    }

    fn show(&self, _: Now, _: Topic) -> Result<Value, Refusal> {
        Ok(json!({ "failures": self.failures }))
    }

    fn mib(&mut self, _: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        match operation {
            // Whatever the operation: an index and an RRAS block.
            MibOperation::Create | MibOperation::Delete | MibOperation::Set => {
                Ok(MibReply::SetInterface(LOOPBACK, input.to_vec()))
            }
            _ => Err(Refusal::invalid("no such row")),
        }
    }
}
