//! A small protocol, complete enough to be planned with, applied to and shown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waypost_routprot::{
    BlockConfig, ConfigurationCodec, Event, Functionality, Impact, InfoBlock, InfoBuffer, InterfaceIdentity,
    InterfaceStatus, Layout, NotificationEvent, OptionChange, OutputBuffer, Prepared, Refusal,
    RoutingCharacteristics, RoutingProtocol, Status, SupportFunctions, Topic, TypedCodec, UpdateComplete,
    UpdateKind, WaypostHeader, option_changes,
};
use waypost_types::{InterfaceIndex, ProtocolId};

/// `protocols.rip`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Global {
    update_interval: u32,
}

impl Default for Global {
    fn default() -> Self {
        Self { update_interval: 30 }
    }
}

/// `interfaces.IFNAME.rip`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct OnInterface {
    metric: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accept_filter: Vec<Rule>,
}

impl Default for OnInterface {
    fn default() -> Self {
        Self {
            metric: 1,
            password: None,
            accept_filter: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Rule {
    deny: String,
}

fn write<C: Serialize>(config: &C) -> InfoBlock {
    let mut writer = WaypostHeader::start(2);
    writer.slice(&serde_json::to_vec(config).unwrap());
    WaypostHeader::finish(2, writer)
}

fn read<C: BlockConfig>(block: &InfoBlock) -> Result<(C, Layout), Refusal> {
    let (_, mut reader) = WaypostHeader::read(block.payload()?)?;
    let config: C =
        serde_json::from_slice(reader.take_rest()).map_err(|error| Refusal::invalid(error.to_string()))?;
    config.validate()?;
    Ok((config, Layout::Waypost(2)))
}

impl BlockConfig for Global {
    const LAYOUT: u32 = 2;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        read(block)
    }

    fn encode(&self, _: Layout) -> InfoBlock {
        write(self)
    }

    fn validate(&self) -> Result<(), Refusal> {
        match self.update_interval {
            5..=3600 => Ok(()),
            other => Err(Refusal::out_of_range("update-interval", other, "5..=3600")),
        }
    }
}

impl BlockConfig for OnInterface {
    const LAYOUT: u32 = 2;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        read(block)
    }

    fn encode(&self, _: Layout) -> InfoBlock {
        write(self)
    }

    fn validate(&self) -> Result<(), Refusal> {
        match self.metric {
            1..=16 => Ok(()),
            other => Err(Refusal::out_of_range("metric", other, "1..=16")),
        }
    }
}

pub(crate) fn codec() -> Arc<dyn ConfigurationCodec> {
    Arc::new(TypedCodec::<Global, OnInterface>::new(
        ProtocolId::RIP,
        "rip",
        "RIP for tests",
    ))
}

/// A metric that is valid and that the protocol can nevertheless not set.
pub(crate) const CURSED_METRIC: u32 = 13;

/// The protocol.
#[derive(Default)]
pub(crate) struct SampleProtocol {
    event: Option<Arc<dyn NotificationEvent>>,
    global: Global,
    interfaces: BTreeMap<InterfaceIndex, (String, OnInterface)>,
    events: VecDeque<Event>,
}

impl SampleProtocol {
    fn on(&mut self, index: InterfaceIndex) -> Result<&mut OnInterface, Refusal> {
        let found = self.interfaces.get_mut(&index);
        found
            .map(|(_, config)| config)
            .ok_or_else(|| Refusal::invalid("no such interface"))
    }
}

fn stated(old: &impl Serialize, new: &impl Serialize) -> Prepared {
    let changes = option_changes(
        &serde_json::to_value(old).unwrap(),
        &serde_json::to_value(new).unwrap(),
    );
    let stated = changes.into_iter().map(|(path, old, new)| OptionChange {
        impact: if path == "password" {
            Impact::ResetsNeighbours {
                neighbours: vec!["192.0.2.7".parse().unwrap()],
            }
        } else {
            Impact::Live
        },
        reason: "used from the next update on".to_owned(),
        path,
        old,
        new,
    });
    Prepared {
        changes: stated.collect(),
    }
}

impl RoutingProtocol for SampleProtocol {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        Ok(RoutingCharacteristics {
            functionality: Functionality::RF_ROUTING | Functionality::RF_DEMAND_UPDATE_ROUTES,
            ..*offer
        })
    }

    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        _: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        self.event = Some(event);
        self.global = read::<Global>(global)?.0;
        Ok(())
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        buffer.put(&write(&self.global))
    }

    fn prepare_global_info(&mut self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        Ok(stated(&self.global, &read::<Global>(info)?.0))
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        self.global = read::<Global>(info)?.0;
        Ok(())
    }

    fn add_interface(&mut self, interface: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal> {
        let config = read::<OnInterface>(info)?.0;
        self.interfaces
            .insert(interface.index, (interface.name.clone(), config));
        Ok(())
    }

    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.interfaces.remove(&index);
        Ok(())
    }

    fn interface_status(&mut self, _: InterfaceIndex, _: bool, _: &InterfaceStatus) -> Result<(), Refusal> {
        Ok(())
    }

    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        let block = write(self.on(index)?);
        buffer.put(&block)
    }

    fn prepare_interface_info(
        &mut self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        let new = read::<OnInterface>(info)?.0;
        let old = index.map_or_else(|| Ok(OnInterface::default()), |index| self.on(index).cloned())?;
        Ok(stated(&old, &new))
    }

    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        let new = read::<OnInterface>(info)?.0;
        if new.metric == CURSED_METRIC {
            return Err(Refusal::failed("the socket would not have it").at("metric"));
        }
        *self.on(index)? = new;
        Ok(())
    }

    fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.events.push_back(Event::UpdateComplete(UpdateComplete {
            interface: index,
            kind: UpdateKind::Routes,
            status: Status::NO_ERROR,
        }));
        if let Some(event) = &self.event {
            event.signal();
        }
        Ok(())
    }

    fn connect_client(&mut self, _: InterfaceIndex, _: std::net::Ipv4Addr) -> Result<(), Refusal> {
        Err(Refusal::failed("no clients"))
    }

    fn disconnect_client(&mut self, _: InterfaceIndex, _: std::net::Ipv4Addr) -> Result<(), Refusal> {
        Err(Refusal::failed("no clients"))
    }

    fn mib_create(&mut self, _: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::invalid("no MIB"))
    }

    fn mib_delete(&mut self, _: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::invalid("no MIB"))
    }

    fn mib_set(&mut self, _: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::invalid("no MIB"))
    }

    fn mib_get(&mut self, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        Err(Refusal::invalid("no MIB"))
    }

    fn mib_get_first(&mut self, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        Err(Refusal::invalid("no MIB"))
    }

    fn mib_get_next(&mut self, _: &[u8], _: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        Err(Refusal::invalid("no MIB"))
    }

    fn show(&mut self, topic: Topic) -> Result<Value, Refusal> {
        let names = self
            .interfaces
            .values()
            .map(|(name, config)| (name, config.metric));
        Ok(match topic {
            Topic::Summary => json!({ "update-interval": self.global.update_interval }),
            Topic::Neighbors => names
                .map(|(name, metric)| json!({ "interface": name, "address": "192.0.2.7", "state": "heard", "metric": metric }))
                .collect(),
            Topic::Counters => json!({ "global": { "responses": 4 }, "interfaces": {} }),
            Topic::Database => json!([{ "prefix": "10.0.0.0/8", "metric": 2 }]),
            Topic::Interfaces => json!([]),
        })
    }
}
