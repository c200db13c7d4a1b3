//! The routing process: interfaces and their lifecycle, configuration applied to them, timers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_engine::{Now, Outbox, PortId, RouteInterest, Severity, Target, TimerQueue};
use waypost_routprot::{Event, InterfaceIdentity, InterfaceStatus, Status};
use waypost_types::{InterfaceIndex, ProtocolId, Random, RouteNotice, Seed, Time};

use crate::addresses::Addresses;
use crate::announce::Speaker;
use crate::authentication::{SEQUENCE_KEY, Sequence, sending_key};
use crate::autostatic::update_complete;
use crate::config::{
    Accept, Announce, Authentication, Effective, GlobalConfig, InterfaceConfig, Logging, NeighborMode,
    PeerFilter, UpdateMode, cautions,
};
use crate::interface::{Interface, Phase, accepts, version_of};
use crate::neighbor::Sequences;
use crate::redistribute::{Rules, external_of};
use crate::table::Table;
use crate::update::Environment;

/// How long good-byes may take when the protocol stops.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);
/// When a port that failed is asked for again.
const PORT_RETRY: Duration = Duration::from_secs(5);
/// The most a regular update is early or late (RFC 2453 §3.8).
const REGULAR_JITTER: Duration = Duration::from_secs(5);

/// How many interfaces that are gone are remembered: names that come and go fill no more.
const MAXIMUM_DEPARTED: usize = 1024;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Stop,
    Send(InterfaceIndex),
    Regular(InterfaceIndex),
    Neighbors(InterfaceIndex),
    Demand(InterfaceIndex),
    Port(InterfaceIndex),
    Keys(InterfaceIndex),
}

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Told of interfaces, silent.
    Starting,
    Running,
    /// Saying good-bye.
    Stopping,
    Stopped,
}

/// Counters of the protocol as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalCounters {
    /// Responses to requests of others (RFC 1724 rip2GlobalQueries).
    pub queries_answered: u32,
    /// Responses sent on interfaces that are gone.
    pub responses_sent_elsewhere: u32,
}

/// RIP: the state of one instance.
pub struct Rip {
    pub(crate) global: GlobalConfig,
    pub(crate) interfaces: BTreeMap<InterfaceIndex, Interface>,
    pub(crate) table: Table,
    pub(crate) sequence: Sequence,
    pub(crate) counters: GlobalCounters,
    pub(crate) started: Time,
    pub(crate) timers: TimerQueue<Timer>,
    random: Random,
    stage: Stage,
    owners: Vec<ProtocolId>,
    /// The last change of the table that all interfaces were given to announce.
    offered: u64,
    /// Every interface may have something to send.
    pending: bool,
    /// What changed since the last settling was changed by an operator.
    hurried: bool,
    /// Every address of ours, on whichever interface.
    pub(crate) addresses: Addresses,
    /// These have.
    wanting: BTreeSet<InterfaceIndex>,
    /// What was remembered of interfaces that are gone, by their names.
    departed: BTreeMap<String, Sequences>,
}

impl Rip {
    /// An instance that has not started.
    #[must_use]
    pub fn with_seed(seed: Seed) -> Self {
        Self {
            global: GlobalConfig::default(),
            interfaces: BTreeMap::new(),
            table: Table::new(),
            sequence: Sequence::default(),
            counters: GlobalCounters::default(),
            started: Time::ZERO,
            timers: TimerQueue::new(),
            random: seed.child("regular-update").random(),
            stage: Stage::Starting,
            owners: Vec::new(),
            offered: 0,
            pending: false,
            hurried: false,
            addresses: Addresses::default(),
            wanting: BTreeSet::new(),
            departed: BTreeMap::new(),
        }
    }

    pub(crate) fn start(
        &mut self,
        now: Now,
        global: GlobalConfig,
        persisted: &[(String, Vec<u8>)],
        out: &mut Outbox,
    ) {
        let stored = persisted.iter().find(|(key, _)| key == SEQUENCE_KEY);
        self.sequence = Sequence::resume(stored.map(|(_, octets)| octets.as_slice()));
        self.started = now.time;
        self.global = global;
        self.apply_policy(now, out);
    }

    pub(crate) fn start_complete(&mut self, now: Now, out: &mut Outbox) {
        self.stage = Stage::Running;
        for index in self.indices() {
            self.reconsider(now, index, true, out);
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self.stage, Stage::Stopping | Stage::Stopped)
    }

    fn indices(&self) -> Vec<InterfaceIndex> {
        self.interfaces.keys().copied().collect()
    }

    /// Says good-bye where that is wanted. The routes stay with the routing table manager: what becomes of a stopped
    /// protocol's routes is the host's business.
    pub(crate) fn stop(&mut self, now: Now, out: &mut Outbox) {
        self.stage = Stage::Stopping;
        for interface in self.interfaces.values_mut() {
            if interface.is_active() && interface.announces() && interface.effective.graceful_shutdown {
                interface.sending.begin_farewell(interface.effective.clone());
                interface.phase = Phase::Leaving;
            } else if interface.phase == Phase::Active {
                interface.sending.clear();
                interface.phase = Phase::Leaving;
            }
            if interface.demand.take().is_some() {
                update_complete(interface.index(), Status::ERROR_CAN_NOT_COMPLETE, out);
            }
        }
        self.timers = TimerQueue::new();
        self.timers.set(Timer::Stop, now.time + FAREWELL_LIMIT);
        self.pending = true;
    }

    fn stopped(&mut self, out: &mut Outbox) {
        for interface in self.interfaces.values_mut() {
            if interface.port.take().is_some() {
                out.close_port(interface.port_id());
            }
            interface.phase = Phase::Down;
        }
        self.timers = TimerQueue::new();
        self.stage = Stage::Stopped;
        out.event(Event::RouterStopped);
    }

    /// Applies global options that are not interface defaults.
    fn apply_policy(&mut self, now: Now, out: &mut Outbox) {
        let removal = self.global.defaults.removal_interval;
        self.table
            .set_removal(removal.map(|seconds| Duration::from_secs(seconds.into())));
        let rules = Rules::new(self.global.redistribute.as_deref().unwrap_or_default());
        let owners = rules.owners();
        if owners != self.owners {
            self.table
                .retain_external(now.time, |owner| owners.contains(&owner), out);
            self.owners.clone_from(&owners);
            out.interest(RouteInterest { owners });
        }
        self.table.set_policy(
            now.time,
            usize::from(self.global.ecmp.unwrap_or(16)),
            self.global.preference,
            rules,
            out,
        );
    }

    pub(crate) fn set_global(&mut self, now: Now, global: GlobalConfig, out: &mut Outbox) {
        self.global = global;
        for index in self.indices() {
            self.apply_options(now, index, out);
        }
        self.apply_policy(now, out);
        if self.global.peer_filter.unwrap_or_default() != PeerFilter::Off {
            for index in self.indices() {
                let global = &self.global;
                self.table
                    .retain_senders(now.time, index, |from| listens_to(global, from), out);
            }
        }
        self.hurried = true;
        self.pending = true;
    }

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
        let mut interface = Interface::new(identity.clone(), config, &self.global);
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
    fn remove_interface(&mut self, index: InterfaceIndex) -> Option<Interface> {
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
    fn reconsider(&mut self, now: Now, index: InterfaceIndex, graceful: bool, out: &mut Outbox) {
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
    fn begin_announcing(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
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

    fn deactivate(&mut self, now: Now, index: InterfaceIndex, graceful: bool, out: &mut Outbox) {
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
    fn apply_options(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let config = interface.config.clone().unwrap_or_default();
        let new = Effective::resolve(&config, &self.global);
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

    fn open_port(&mut self, index: InterfaceIndex, out: &mut Outbox) {
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
                |prefix| accepts(effective, prefix),
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
    fn watch_keys(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
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

    fn schedule_regular(&mut self, now: Now, index: InterfaceIndex) {
        if let Some(interface) = self.interfaces.get(&index) {
            let interval = interface.effective.update_interval;
            // RFC 2453 §3.8: each update is offset by a small random time, lest all routers come to send together.
            let jitter = REGULAR_JITTER.min(interval / 6);
            let wait = self
                .random
                .between(interval.saturating_sub(jitter), interval + jitter);
            self.timers.set(Timer::Regular(index), now.time + wait);
        }
    }

    /// A neighbour was heard: look for its silence.
    pub(crate) fn watch_neighbors(&mut self, now: Now, index: InterfaceIndex) {
        if self.timers.get(&Timer::Neighbors(index)).is_none()
            && let Some(interface) = self.interfaces.get(&index)
        {
            let silence = interface.effective.expiration_interval;
            self.timers.set(Timer::Neighbors(index), now.time + silence);
        }
    }

    pub(crate) fn routes(&mut self, now: Now, notices: &[RouteNotice], out: &mut Outbox) {
        for notice in notices {
            if let Some((prefix, external)) = external_of(notice) {
                let external = external.filter(|external| self.owners.contains(&external.owner));
                self.table.set_external(now.time, prefix, external, out);
            }
        }
    }

    pub(crate) fn deadline(&mut self, now: Now, out: &mut Outbox) {
        self.table.expire(now.time, out);
        while let Some(timer) = self.timers.pop_due(now.time) {
            match timer {
                Timer::Stop => {
                    self.stopped(out);
                    return;
                }
                Timer::Send(index) => self.send(now, index, out),
                Timer::Regular(index) => {
                    if let Some(interface) = self.interfaces.get_mut(&index) {
                        interface.sending.begin_regular(now.time, &self.table);
                    }
                    self.schedule_regular(now, index);
                    self.send(now, index, out);
                }
                Timer::Neighbors(index) => self.expire_neighbors(now, index, out),
                Timer::Demand(index) => self.demand_goes_on(now, index, out),
                Timer::Port(index) => {
                    let active = |interface: &&Interface| interface.is_active();
                    if let Some(told) = self
                        .interfaces
                        .get(&index)
                        .filter(active)
                        .map(|i| i.trouble_is_told)
                    {
                        self.open_port(index, out);
                        if let Some(interface) = self.interfaces.get_mut(&index) {
                            interface.trouble_is_told = told;
                        }
                        self.begin_announcing(now, index, out);
                    }
                }
                Timer::Keys(index) => {
                    let is_keyless = |rip: &Self| {
                        let interface = rip.interfaces.get(&index);
                        interface.is_some_and(|interface| interface.keyless)
                    };
                    let was_keyless = is_keyless(self);
                    self.watch_keys(now, index, out);
                    if was_keyless && !is_keyless(self) {
                        self.begin_announcing(now, index, out);
                    }
                }
            }
        }
    }

    fn expire_neighbors(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let silence = interface.effective.expiration_interval;
        let (gone, next) = interface.neighbors.expire(now.time, silence);
        if let Some(at) = next {
            self.timers.set(Timer::Neighbors(index), at);
        }
        for address in gone {
            self.notice(
                Severity::Info,
                Some(index),
                format!("neighbour {address} is silent"),
                out,
            );
        }
    }

    /// Sees to it that there are sequence numbers for what is sent on an interface; until when it has to wait for them.
    pub(crate) fn numbers_wait(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) -> Option<Time> {
        let effective = &self.interfaces.get(&index)?.effective;
        if effective.authentication != Authentication::Cryptographic {
            return None;
        }
        if let Some(octets) = self.sequence.reserve(now) {
            out.persist(SEQUENCE_KEY, octets);
        }
        self.sequence.wait(now)
    }

    /// Sequence numbers were set aside, or could not be.
    pub(crate) fn persisted(&mut self, key: &str, value: &[u8], stored: bool, out: &mut Outbox) {
        if key != SEQUENCE_KEY {
            return;
        }
        self.sequence.answer(value, stored);
        self.pending = true;
        if !stored {
            let text = "sequence numbers could not be stored: if the clock goes back over a restart, \
                        neighbours will not believe this router";
            self.notice(Severity::Error, None, text, out);
        }
    }

    /// Sends what there is on one interface and lets a leaving one go when it has said all.
    fn send(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        if interface.phase == Phase::Down {
            return;
        }
        if let Some(until) = self.numbers_wait(now, index, out) {
            self.timers.set(Timer::Send(index), until);
            return;
        }
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        if std::mem::take(&mut interface.request_waits) && interface.is_active() {
            self.request(now, index, out);
        }
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let mut sending = std::mem::take(&mut interface.sending);
        let mut counters = interface.counters;
        let again = if interface.port.is_some() {
            let mut environment = Environment {
                table: &self.table,
                now,
                sequence: &mut self.sequence,
                triggered_delay: Duration::from_millis(self.global.triggered_delay.unwrap_or(1000).into()),
            };
            sending.run(interface, &mut counters, &mut environment, out)
        } else {
            // Nothing can be sent; when the port is back, everything will be.
            sending.clear();
            sending.skip_changes(self.table.last_change());
            None
        };
        interface.sending = sending;
        interface.counters = counters;
        if interface.phase == Phase::Leaving && interface.sending.is_done() {
            if interface.port.take().is_some() {
                out.close_port(interface.port_id());
            }
            interface.phase = Phase::Down;
            if interface.deleted {
                self.remove_interface(index);
            }
        }
        match again {
            Some(at) => self.timers.set(Timer::Send(index), at),
            None => self.timers.cancel(&Timer::Send(index)),
        }
    }

    /// An interface got something to send.
    pub(crate) fn want_to_send(&mut self, index: InterfaceIndex) {
        self.wanting.insert(index);
    }

    /// After every input: changes go out, on every interface, now.
    pub(crate) fn settle(&mut self, now: Now, out: &mut Outbox) {
        if self.stage == Stage::Starting {
            return;
        }
        let hurried = std::mem::take(&mut self.hurried);
        if self.pending || self.offered != self.table.last_change() {
            self.pending = false;
            self.offered = self.table.last_change();
            self.wanting.extend(self.interfaces.keys());
            if hurried {
                // What an operator changed goes out at once.
                for interface in self.interfaces.values_mut() {
                    interface.sending.hurry();
                }
            }
        }
        for index in std::mem::take(&mut self.wanting) {
            self.send(now, index, out);
        }
        if self.table.has_changes() {
            let told = self
                .interfaces
                .values()
                .filter(|interface| interface.triggers())
                .map(|interface| interface.sending.announced())
                .min()
                .unwrap_or_else(|| self.table.last_change());
            self.table.trim_changes(told);
        }
        if self.stage == Stage::Stopping
            && self
                .interfaces
                .values()
                .all(|interface| interface.phase == Phase::Down)
        {
            self.stopped(out);
        }
    }

    pub(crate) fn next_time(&self) -> Option<Time> {
        if self.stage == Stage::Stopped {
            return None;
        }
        let expiry = self.table.next_expiry().filter(|_| !self.is_stopping());
        self.timers.next_deadline().into_iter().chain(expiry).min()
    }

    /// Logs a line, if so much is wanted (GC_LoggingLevel).
    pub(crate) fn notice(
        &self,
        severity: Severity,
        interface: Option<InterfaceIndex>,
        text: impl Into<String>,
        out: &mut Outbox,
    ) {
        let wanted = match severity {
            Severity::Error => Logging::Errors,
            Severity::Warning => Logging::Warnings,
            Severity::Info | Severity::Debug => Logging::Information,
        };
        if self.global.logging.unwrap_or_default() >= wanted {
            out.notice(severity, interface, text);
        }
    }
}

impl Timer {
    fn is_of(self, index: InterfaceIndex) -> bool {
        match self {
            Self::Stop => false,
            Self::Send(of)
            | Self::Regular(of)
            | Self::Neighbors(of)
            | Self::Demand(of)
            | Self::Port(of)
            | Self::Keys(of) => of == index,
        }
    }
}

impl Rip {
    /// Why a change of `option` does nothing now: another option keeps it from being used. If that one changes in the same
    /// step, its own reason says what happens.
    pub(crate) fn unused(&self, target: Target, option: &str) -> Option<&'static str> {
        let concerned = |used: fn(&Effective) -> bool| match target {
            Target::Global => self
                .interfaces
                .values()
                .any(|interface| used(&interface.effective)),
            Target::Interface(Some(index)) => {
                let interface = self.interfaces.get(&index);
                interface.is_none_or(|interface| used(&interface.effective))
            }
            Target::Interface(None) => true,
        };
        match option {
            "password" if !concerned(|values| values.authentication == Authentication::Plain) => {
                Some("kept for later: authentication is not plain")
            }
            "keys" if !concerned(|values| values.authentication == Authentication::Cryptographic) => {
                Some("kept for later: authentication is not cryptographic")
            }
            "neighbors" if !concerned(|values| values.neighbor_mode != NeighborMode::Off) => {
                Some("kept for later: neighbor-mode is off")
            }
            "poison-reverse" if !concerned(|values| values.split_horizon) => {
                Some("kept for later: split-horizon is off")
            }
            "peers" if self.global.peer_filter.unwrap_or_default() == PeerFilter::Off => {
                Some("kept for later: peer-filter is off")
            }
            _ => None,
        }
    }
}

fn interface_asks(interfaces: &BTreeMap<InterfaceIndex, Interface>, index: InterfaceIndex) -> bool {
    interfaces
        .get(&index)
        .is_some_and(|interface| interface.announces() && interface.effective.accept != Accept::None)
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

/// Whether the peer filter lets a router be heard.
pub(crate) fn listens_to(global: &GlobalConfig, from: Ipv4Addr) -> bool {
    let listed = || global.peers.as_ref().is_some_and(|peers| peers.contains(&from));
    match global.peer_filter.unwrap_or_default() {
        PeerFilter::Off => true,
        PeerFilter::Include => listed(),
        PeerFilter::Exclude => !listed(),
    }
}
