//! The engine: configuration and interface events in, route changes out.

use waypost_engine::{Engine, Input, MibOperation, MibReply, Now, Outbox, Target};
use waypost_routprot::{Event, Functionality, Impact, Refusal, Topic};
use waypost_types::{InterfaceIndex, ProtocolId, Seed, Time};

use serde_json::Value;

use crate::config::{GlobalConfig, InterfaceConfig, fill_interface_index};
use crate::links::{Links, Touched};
use crate::show;
use crate::table::{Changes, RouteTable, Source, of_global, of_interface};

/// Static routes.
///
/// Routes are given to the routing table from [`Input::StartComplete`] on, when every interface is known, so that a restart
/// begins with the complete set. [`Input::Stop`] withdraws nothing: the routes belong to the protocol's registration and end
/// with it, and a router that restarts keeps forwarding meanwhile.
#[derive(Debug, Default)]
pub struct Static {
    pub(crate) links: Links,
    pub(crate) table: RouteTable,
    pub(crate) phase: Phase,
    pub(crate) changes: Changes,
    /// Inputs that could change routes.
    pub(crate) inputs: u64,
}

/// Where the engine is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Interfaces are still being added.
    #[default]
    Starting,
    /// Changes go out.
    Running,
    /// Nothing happens any more.
    Stopped,
}

impl Static {
    fn touch(&mut self, touched: Option<Touched>) {
        if let Some(touched) = touched {
            self.table.touch(&touched);
        }
    }

    fn set_interface(&mut self, index: InterfaceIndex, config: Option<InterfaceConfig>) {
        let Some(name) = self.links.name(index) else {
            return;
        };
        let routes = config.map_or_else(Vec::new, |config| config.routes);
        self.table
            .replace(Source::Interface(index), of_interface(name, routes));
    }

    fn set_global(&mut self, config: GlobalConfig) {
        self.table.replace(Source::Global, of_global(config.routes));
    }
}

impl Engine for Static {
    type Global = GlobalConfig;
    type Interface = InterfaceConfig;

    const PROTOCOL: ProtocolId = ProtocolId::STATIC;
    const NAME: &'static str = "static";
    const TITLE: &'static str = "Static routes";
    /// A gateway may be on any interface, so every interface has to be known.
    const FUNCTIONALITY: Functionality =
        Functionality::RF_ROUTING.union(Functionality::RF_ADD_ALL_INTERFACES);

    fn new(_seed: Seed) -> Self {
        Self::default()
    }

    fn impact(
        &self,
        _target: Target,
        option: &str,
        _old: Option<&Value>,
        _new: Option<&Value>,
    ) -> (Impact, String) {
        crate::impact::impact(option)
    }

    fn fill_read_only(&self, index: InterfaceIndex, block: &mut Vec<u8>) {
        fill_interface_index(index, block);
    }

    fn handle(&mut self, _now: Now, input: Input<'_, GlobalConfig, InterfaceConfig>, out: &mut Outbox) {
        if self.phase == Phase::Stopped {
            return;
        }
        self.inputs += 1;
        match input {
            Input::Start { global, .. } | Input::SetGlobal(global) => self.set_global(global),
            Input::StartComplete => self.phase = Phase::Running,
            Input::AddInterface { identity, config } => {
                let touched = self.links.add(identity.index, &identity.name);
                self.touch(Some(touched));
                self.set_interface(identity.index, config);
            }
            Input::DeleteInterface(index) => {
                self.set_interface(index, None);
                let touched = self.links.remove(index);
                self.touch(touched);
            }
            Input::SetInterface { index, config } => self.set_interface(index, Some(config)),
            Input::Status { index, status } => {
                let touched = self.links.update(index, status);
                self.touch(touched);
            }
            Input::Stop => {
                self.phase = Phase::Stopped;
                out.event(Event::RouterStopped);
                return;
            }
            // Nothing is sent, timed or redistributed here, so none of these say anything about a static route.
            Input::Packet { .. }
            | Input::PortFailed { .. }
            | Input::SendFailed { .. }
            | Input::Persisted { .. }
            | Input::Deadline
            | Input::Routes(_)
            | Input::UpdateRoutes(_)
            | Input::ConnectClient(..)
            | Input::DisconnectClient(..)
            | Input::RouterId(_)
            | Input::Policies(_)
            | Input::Continue => return,
        }
        if self.phase == Phase::Running {
            let changes = self.table.settle(&self.links, out);
            self.changes.set += changes.set;
            self.changes.deleted += changes.deleted;
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        None
    }

    fn show(&self, _now: Now, topic: Topic) -> Result<Value, Refusal> {
        show::show(self, topic)
    }

    fn mib(&mut self, _now: Now, _operation: MibOperation, _input: &[u8]) -> Result<MibReply, Refusal> {
        Err(Refusal::invalid(
            "static routes have no management tables of their own; the router manager's (10000) list them",
        )
        .at("TypeID"))
    }
}
