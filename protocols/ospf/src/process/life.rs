//! Parameters of the router as a whole, and the end of its work.

use waypost_engine::{Now, Outbox};

use super::{Ospf, RestartExit};
use crate::area::AreaId;
use crate::interface::InterfaceId;
use crate::interface::machine::{Event, State};
use crate::parameters::RouterParameters;

impl Ospf {
    /// Other parameters of the router as a whole. Only interfaces in areas of another kind start anew: there, neighbours would
    /// not talk to us any more (RFC 2328 §10.5, the E bit).
    pub fn set_parameters(&mut self, now: Now, parameters: RouterParameters, out: &mut Outbox) {
        if self.parameters.opaque && !parameters.opaque {
            // Nobody would hear afterwards that they are over.
            self.withdraw_opaque(now, out);
            self.settle(now, out);
        }
        let old = std::mem::replace(&mut self.parameters, parameters);
        let other = |area: AreaId| old.area(area).capability() != self.parameters.area(area).capability();
        let restarting: Vec<InterfaceId> = self
            .interfaces
            .values()
            .filter(|interface| other(interface.parameters.area) || old.instance != self.parameters.instance)
            .filter(|interface| interface.state > State::Down)
            .map(|interface| interface.id)
            .collect();
        for id in &restarting {
            self.interface_event(now, *id, Event::InterfaceDown, out);
        }
        for id in restarting {
            self.bring_up(now, id, out);
        }
        self.set_virtual_links(now, out);
        self.look_at_help();
        self.router_lsas.extend(self.databases.areas.keys());
        self.calculate_anew();
        self.say_externals(now, out);
        self.settle_at_once(now, out);
    }

    /// The end: neighbours are told that what this router said holds no longer, and every interface goes down. Routes stay as
    /// they are.
    pub fn stop(&mut self, now: Now, out: &mut Outbox) {
        self.end_restart(now, RestartExit::Abandoned, out);
        self.stopped = true;
        self.withdraw_all(now, out);
        self.settle(now, out);
        // Virtual links first, while there is something to carry them.
        let ids: Vec<InterfaceId> = self.interfaces.keys().rev().copied().collect();
        for id in ids {
            self.hello_timer(now, id, out);
            self.interface_event(now, id, Event::InterfaceDown, out);
        }
        self.deferred.clear();
        self.router_lsas.clear();
        self.network_lsas.clear();
        self.floods.clear();
        self.timers.retain(|_| false);
    }
}
