//! An engine under configuration as operators write it.

use serde_json::Value;
use waypost_engine::{Engine, Input, Now, Outbox, Output, Target};
use waypost_routprot::{
    AdapterBinding, BlockConfig, Impact, InterfaceIdentity, InterfaceStatus, InterfaceType, LocalBinding,
    TROUBLES, Topic,
};
use waypost_types::{InterfaceIndex, Prefix4, ProtocolId, RouterId, Seed, Time, WallTime};

use crate::OspfEngine;
use crate::config::{GlobalConfig, InterfaceConfig};
use crate::interface::InterfaceId;
use crate::interface::machine::State;

/// Its number.
pub(crate) const ETH: InterfaceIndex = InterfaceIndex(3);
/// When everything happens.
pub(crate) const NOW: Now = Now {
    time: Time(100_000_000_000),
    wall: WallTime(1_700_000_000),
};

/// An engine with one interface that has 192.0.2.1/24 and 198.51.100.1/25.
pub(crate) struct Bench {
    pub(crate) engine: OspfEngine,
    /// Whose routes it asked for last.
    pub(crate) owners: Vec<ProtocolId>,
}

pub(crate) fn global(text: &Value) -> GlobalConfig {
    let config = GlobalConfig::from_text(text).unwrap();
    config.validate().unwrap();
    config
}

pub(crate) fn interface(text: &Value) -> InterfaceConfig {
    let config = InterfaceConfig::from_text(text).unwrap();
    config.validate().unwrap();
    config
}

impl Bench {
    pub(crate) fn new(global_text: &Value, interface_text: &Value) -> Self {
        let mut bench = Self {
            engine: OspfEngine::new(Seed(7)),
            owners: Vec::new(),
        };
        bench.handle(Input::Start {
            global: global(global_text),
            router_id: RouterId::new([192, 0, 2, 9].into()).ok(),
            persisted: &[],
            restart_hold: std::time::Duration::ZERO,
        });
        let identity = InterfaceIdentity {
            name: "eth0".to_owned(),
            index: ETH,
            kind: InterfaceType::Permanent,
        };
        bench.handle(Input::AddInterface {
            identity: &identity,
            config: Some(interface(interface_text)),
        });
        bench.handle(Input::StartComplete);
        let binding = |address: &str, prefix: &str| LocalBinding {
            address: address.parse().unwrap(),
            prefix: prefix.parse().unwrap(),
        };
        let addresses = vec![
            binding("192.0.2.1", "192.0.2.0/24"),
            binding("198.51.100.1", "198.51.100.0/25"),
        ];
        let binding = AdapterBinding {
            addresses,
            mtu: 1500,
            ..AdapterBinding::default()
        };
        for status in [
            InterfaceStatus::AddressChange(binding),
            InterfaceStatus::Enabled,
            InterfaceStatus::MediaPresent,
        ] {
            bench.handle(Input::Status {
                index: ETH,
                status: &status,
            });
        }
        bench
    }

    pub(crate) fn handle(&mut self, input: Input<'_, GlobalConfig, InterfaceConfig>) {
        let mut out = Outbox::new();
        self.engine.handle(NOW, input, &mut out);
        for output in out.outputs() {
            if let Output::Interest(interest) = output {
                self.owners.clone_from(&interest.owners);
            }
        }
    }

    pub(crate) fn set_global(&mut self, text: &Value) {
        self.handle(Input::SetGlobal(global(text)));
    }

    pub(crate) fn set_interface(&mut self, text: &Value) {
        let config = interface(text);
        self.handle(Input::SetInterface { index: ETH, config });
    }

    pub(crate) fn is_up(&self) -> bool {
        self.engine.process.interfaces()[&InterfaceId::Physical(ETH)].state > State::Down
    }

    pub(crate) fn attachment(&self) -> (String, Vec<String>) {
        let attachment = &self.engine.process.interfaces()[&InterfaceId::Physical(ETH)].attachment;
        let address = attachment
            .address
            .map_or_else(|| "none".to_owned(), |address| address.to_string());
        (
            address,
            attachment.others.iter().map(Prefix4::to_string).collect(),
        )
    }

    /// Why it does not run where it is configured.
    pub(crate) fn trouble(&self) -> Option<String> {
        let summary = self.engine.show(NOW, Topic::Summary).unwrap();
        let reason = summary[TROUBLES][0]["reason"].as_str();
        reason.map(str::to_owned)
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.engine
            .process
            .externals()
            .keys()
            .map(Prefix4::to_string)
            .collect()
    }

    pub(crate) fn impact(&self, target: Target, option: &str, new: &Value) -> Impact {
        self.engine.impact(target, option, None, Some(new)).0
    }
}
