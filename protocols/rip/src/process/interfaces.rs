//! The lifecycle of an interface, and its configuration applied.

use std::time::Duration;

use waypost_engine::{Now, Outbox, PortId, Severity};
use waypost_routprot::{InterfaceIdentity, InterfaceStatus, Status};
use waypost_types::InterfaceIndex;

use super::timers::interface_asks;
use super::{Rip, Stage, Timer};
use crate::announce::Speaker;
use crate::authentication::sending_key;
use crate::autostatic::update_complete;
use crate::config::{Accept, Announce, Authentication, Effective, InterfaceConfig, UpdateMode, cautions};
use crate::interface::{Interface, Phase, accepts, version_of};

/// When a port that failed is asked for again.
const PORT_RETRY: Duration = Duration::from_secs(5);
/// How many interfaces that are gone are remembered: names that come and go fill no more.
const MAXIMUM_DEPARTED: usize = 1024;

impl Rip {
    pub(crate) fn add_interface(
        &mut self,
        now: Now,
        identity: &InterfaceIdentity,
        config: Option<InterfaceConfig>,
        out: &mut Outbox,
    ) {
        let index = identity.index;
        // The same number again while the old interface still says good-bye.
        if let Some(mut old) = self.remove_interface(index)
            && old.port.take().is_some()
        {
            out.close_port(old.port_id());
        }
        let mut interface = Interface::new(identity.clone(), config, &self.global, &self.policies);
        interface.sequences = self.departed.remove(&identity.name).unwrap_or_default();
        self.interfaces.insert(index, interface);
        // Before anything is sent, so that nothing has to wait.
        let _ = self.numbers_wait(now, index, out);
        self.reconsider(now, index, true, out);
    }

    pub(crate) fn delete_interface(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.deleted = true;
            if self.departed.len() >= MAXIMUM_DEPARTED {
                self.departed.pop_first();
            }
            self.departed.insert(
                interface.identity.name.clone(),
                std::mem::take(&mut interface.sequences),
            );
            self.addresses.replace(&interface.binding, None);
            self.reconsider(now, index, true, out);
        }
    }

    /// An interface is gone for good. What it sent still counts.
    pub(super) fn remove_interface(&mut self, index: InterfaceIndex) -> Option<Interface> {
        let interface = self.interfaces.remove(&index)?;
        let total = &mut self.counters.responses_sent_elsewhere;
        *total = total.wrapping_add(interface.counters.responses_sent);
        Some(interface)
    }

    /// Responses sent since the start, on every interface there was.
    pub(crate) fn responses_sent(&self) -> u32 {
        self.interfaces
            .values()
            .map(|interface| interface.counters.responses_sent)
            .fold(self.counters.responses_sent_elsewhere, u32::wrapping_add)
    }

    pub(crate) fn set_interface(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        config: InterfaceConfig,
        out: &mut Outbox,
    ) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.config = Some(config);
            interface.sending.hurry();
            self.apply_options(now, index, out);
            // Its neighbours hear of it in any case, everybody else when it changed a route.
            self.hurried = true;
            self.wanting.insert(index);
        }
    }

    pub(crate) fn status(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        status: &InterfaceStatus,
        out: &mut Outbox,
    ) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        match status {
            InterfaceStatus::AddressChange(binding) => {
                // RIP knows IPv4 only, and neither length nor speed of the link change what it says.
                let old = &interface.binding;
                let same = (&old.addresses, old.remote) == (&binding.addresses, binding.remote);
                self.addresses.replace(old, Some(binding));
                interface.binding.clone_from(binding);
                let goes_on = interface.is_active() && interface.should_run();
                if goes_on {
                    if !same {
                        self.readdress(now, index, out);
                    }
                    return;
                }
            }
            InterfaceStatus::Enabled => interface.enabled = true,
            InterfaceStatus::Disabled => interface.enabled = false,
            InterfaceStatus::MediaPresent => interface.media = true,
            InterfaceStatus::MediaAbsent => interface.media = false,
        }
        // Good-byes only reach somebody while there is an address and a carrier.
        let graceful = matches!(status, InterfaceStatus::Disabled);
        self.reconsider(now, index, graceful, out);
    }

    /// Brings the interface into the phase it should be in.
    pub(super) fn reconsider(&mut self, now: Now, index: InterfaceIndex, graceful: bool, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get(&index) else {
            return;
        };
        let should_run = self.stage == Stage::Running && interface.should_run();
        match interface.phase {
            Phase::Down | Phase::Leaving if should_run => self.activate(now, index, out),
            Phase::Active if !should_run => self.deactivate(now, index, graceful, out),
            _ => {
                if interface.deleted && interface.phase == Phase::Down {
                    self.remove_interface(index);
                }
            }
        }
    }

    fn activate(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        interface.phase = Phase::Active;
        interface.sending.clear();
        interface.sending.skip_changes(self.table.last_change());
        self.open_port(index, out);
        self.set_link(now, index, out);
        self.connect_networks(now, index, out);
        self.watch_keys(now, index, out);
        self.begin_announcing(now, index, out);
        self.notice(Severity::Info, Some(index), "RIP runs on the interface", out);
    }

    /// The first regular update and, to learn at once what there is, a request (RFC 2453 §3.9.1).
    pub(super) fn begin_announcing(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        if interface.announces() {
            interface.sending.restart_regular(now.time, &self.table);
            self.schedule_regular(now, index);
        }
        if interface_asks(&self.interfaces, index) {
            self.request(now, index, out);
        }
        self.pending = true;
    }

    pub(super) fn deactivate(&mut self, now: Now, index: InterfaceIndex, graceful: bool, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let says_goodbye = graceful && interface.announces() && interface.effective.graceful_shutdown;
        interface.phase = Phase::Leaving;
        interface.trouble = None;
        interface.neighbors.clear();
        if says_goodbye {
            interface.sending.begin_farewell(interface.effective.clone());
        } else {
            interface.sending.clear();
        }
        interface.connected.clear();
        if interface.demand.take().is_some() {
            update_complete(index, Status::ERROR_CAN_NOT_COMPLETE, out);
        }
        self.timers.retain(|timer| !timer.is_of(index));
        self.table.remove_link(now.time, index, out);
        self.pending = true;
        self.notice(
            Severity::Info,
            Some(index),
            "RIP no longer runs on the interface",
            out,
        );
    }

    /// The addresses of a running interface changed.
    fn readdress(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get(&index) else {
            return;
        };
        self.table
            .retain_senders(now.time, index, |from| interface.is_on_link(from), out);
        self.table
            .retain_next_hops(now.time, index, |next_hop| interface.is_on_link(next_hop), out);
        self.set_link(now, index, out);
        self.connect_networks(now, index, out);
        self.begin_announcing(now, index, out);
    }

    /// Applies the options in force on an interface after they may have changed. What need not be touched is not.
    pub(super) fn apply_options(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let config = interface.config.clone().unwrap_or_default();
        let new = Effective::resolve(&config, &self.global, &self.policies);
        let old = std::mem::replace(&mut interface.effective, new.clone());
        if !interface.is_active() || !interface.should_run() {
            self.reconsider(now, index, true, out);
            return;
        }
        if old == new {
            return;
        }
        if let ([(_, text), ..], []) = (cautions(&new).as_slice(), cautions(&old).as_slice()) {
            self.notice(Severity::Warning, Some(index), text, out);
        }
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let announced = old.announce != Announce::None && old.update_mode == UpdateMode::Periodic;
        let until = now.time + new.removal_interval;
        match (announced, interface.announces()) {
            (true, true) => {
                let old_speaker = Speaker {
                    interface,
                    effective: &old,
                    version: version_of(&old),
                };
                let speaker = Speaker {
                    interface,
                    effective: &new,
                    version: version_of(&new),
                };
                if !old.says_the_same(&new) {
                    let differences = speaker.differences(&old_speaker, &self.table);
                    interface.sending.resend(differences, until);
                }
                if reaches_others(&old, &new) {
                    interface.sending.restart_regular(now.time, &self.table);
                }
            }
            (true, false) if old.graceful_shutdown => interface.sending.begin_farewell(old.clone()),
            (true, false) => interface.sending.clear(),
            (false, _) => {}
        }
        if interface.port.as_ref() != Some(&interface.port_spec()) {
            self.open_port(index, out);
        }
        if new.accept == Accept::None {
            self.table.retain_senders(now.time, index, |_| false, out);
        }
        self.set_link(now, index, out);
        if new.expiration_interval != old.expiration_interval {
            self.expire_neighbors(now, index, out);
        }
        self.table.cap(now.time, index, new.maximum_routes, out);
        self.watch_keys(now, index, out);
        let announces = self.interfaces.get(&index).is_some_and(Interface::announces);
        if !announces {
            self.timers.cancel(&Timer::Regular(index));
        }
        if (announces && !announced) || (new.accept != Accept::None && old.accept == Accept::None) {
            self.begin_announcing(now, index, out);
        } else if announces && old.update_interval != new.update_interval {
            let old_time = self.timers.get(&Timer::Regular(index));
            self.schedule_regular(now, index);
            if let Some(old_time) = old_time {
                self.timers.set_at_latest(Timer::Regular(index), old_time);
            }
        }
        self.wanting.insert(index);
    }

    pub(super) fn open_port(&mut self, index: InterfaceIndex, out: &mut Outbox) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            let spec = interface.port_spec();
            if interface.port.as_ref() != Some(&spec) {
                out.open_port(interface.port_id(), spec.clone());
                interface.port = Some(spec);
                interface.trouble = None;
                interface.trouble_is_told = false;
            }
        }
    }

    pub(crate) fn port_failed(&mut self, now: Now, port: PortId, error: &str, out: &mut Outbox) {
        let index = InterfaceIndex(port.0);
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.port = None;
            interface.counters.port_failures = interface.counters.port_failures.wrapping_add(1);
            interface.trouble = Some(error.to_owned());
            if interface.is_active() {
                self.timers.set(Timer::Port(index), now.time + PORT_RETRY);
            }
            // Said once for as long as it lasts; how often it was tried is counted.
            if !std::mem::replace(&mut interface.trouble_is_told, true) {
                self.notice(
                    Severity::Error,
                    Some(index),
                    format!("no port, so RIP neither hears nor says anything there: {error}"),
                    out,
                );
            }
        }
    }

    /// The kernel refused datagrams that were counted as sent.
    pub(crate) fn send_failed(&mut self, port: PortId, datagrams: u32) {
        if let Some(interface) = self.interfaces.get_mut(&InterfaceIndex(port.0)) {
            let counters = &mut interface.counters;
            counters.send_failures = counters.send_failures.wrapping_add(datagrams);
        }
    }

    fn set_link(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        if let Some(interface) = self.interfaces.get(&index) {
            let effective = &interface.effective;
            self.table.set_link(
                now.time,
                index,
                interface.link_policy(),
                |prefix, heard| accepts(effective, prefix, heard),
                out,
            );
        }
    }

    /// Brings the table's connected networks of an interface up to date.
    fn connect_networks(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let networks = interface.networks();
        let old = std::mem::replace(&mut interface.connected, networks.clone());
        for gone in old.iter().filter(|prefix| !networks.contains(prefix)) {
            self.table.set_connected(now.time, *gone, index, false, out);
        }
        for new in networks.iter().filter(|prefix| !old.contains(prefix)) {
            self.table.set_connected(now.time, *new, index, true, out);
        }
    }

    /// Tells the operator when the last key of a chain ran out (RFC 2082 §4.3).
    pub(super) fn watch_keys(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        self.timers.cancel(&Timer::Keys(index));
        interface.keyless = false;
        if interface.effective.authentication != Authentication::Cryptographic {
            return;
        }
        let keys = &interface.effective.keys;
        let text = match sending_key(keys, now.wall) {
            Some((key, true)) => Some(format!(
                "every key has expired; key {} stays in use until the chain is renewed",
                key.id
            )),
            None => {
                interface.keyless = true;
                Some("no key is valid yet; nothing is sent".to_owned())
            }
            Some((_, false)) => None,
        };
        // The next moment at which a lifetime begins or ends.
        let next = keys
            .iter()
            .flat_map(|key| [key.send_from, key.send_until])
            .flatten()
            .filter(|at| *at > now.wall)
            .min();
        if let Some(at) = next {
            let wait = Duration::from_secs(at.0 - now.wall.0);
            self.timers.set(Timer::Keys(index), now.time + wait);
        }
        if let Some(text) = text {
            // The operator must be told (RFC 2082 §4.3): at the level that is logged unless nothing is.
            self.notice(Severity::Error, Some(index), text, out);
        }
    }
}

/// Whether a change of options makes others hear us who did not, so that they must be told everything.
fn reaches_others(old: &Effective, new: &Effective) -> bool {
    old.announce != new.announce
        || old.neighbor_mode != new.neighbor_mode
        || old.neighbors != new.neighbors
        || old.port != new.port
        || old.authentication != new.authentication
        || old.password != new.password
        || old.keys != new.keys
        || old.ttl_security != new.ttl_security
}
