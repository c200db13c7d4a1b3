//! The routing process: its state, its life, and what goes out after every input.

mod interfaces;
mod timers;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use waypost_engine::{Now, Outbox, RouteInterest, Severity, Target, TimerQueue};
use waypost_policy::Policies;
use waypost_routprot::{Event, Status};
use waypost_types::{InterfaceIndex, ProtocolId, Random, RouteNotice, Seed, Time};

use crate::addresses::Addresses;
use crate::announce::Speaker;
use crate::authentication::{SEQUENCE_KEY, Sequence};
use crate::autostatic::update_complete;
use crate::config::{Authentication, Effective, GlobalConfig, Logging, NeighborMode, PeerFilter};
use crate::interface::{Interface, Phase, accepts, version_of};
use crate::neighbor::Sequences;
use crate::policy::{heard_otherwise, redistributed_otherwise};
use crate::redistribute::{Rules, external_of};
use crate::table::{Heard, Table};

pub(crate) use timers::Timer;

/// How long good-byes may take when the protocol stops.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

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
    /// Asked for at the start, and until when nothing is announced because of it.
    restart_hold: Duration,
    silent_until: Time,
    /// The policies that configuration may name.
    pub(crate) policies: Arc<Policies>,
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
            restart_hold: Duration::ZERO,
            silent_until: Time::ZERO,
            policies: Arc::default(),
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
        restart_hold: Duration,
        out: &mut Outbox,
    ) {
        self.restart_hold = restart_hold;
        let stored = persisted.iter().find(|(key, _)| key == SEQUENCE_KEY);
        self.sequence = Sequence::resume(stored.map(|(_, octets)| octets.as_slice()));
        self.started = now.time;
        self.global = global;
        self.apply_policy(now, out);
    }

    pub(crate) fn start_complete(&mut self, now: Now, out: &mut Outbox) {
        self.stage = Stage::Running;
        self.silent_until = now.time + self.restart_hold;
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
        let rules = self.rules(&self.policies);
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

    /// What is redistributed while these policies are in force.
    fn rules(&self, policies: &Policies) -> Rules {
        Rules::new(self.global.redistribute.as_deref().unwrap_or_default(), policies)
    }

    /// Puts other policies in force. What is decided alike stays as it is.
    pub(crate) fn set_policies(&mut self, now: Now, policies: Arc<Policies>, out: &mut Outbox) {
        self.policies = policies;
        for index in self.indices() {
            self.apply_options(now, index, out);
        }
        self.apply_policy(now, out);
        self.hurried = true;
    }

    /// What [`Self::set_policies`] would do, in words; `None` when it would do nothing.
    pub(crate) fn describe_policies(&self, policies: &Policies) -> Option<String> {
        let mut said = Vec::new();
        let rules = self.rules(policies);
        if rules != self.table.redistribution {
            let (changed, all) = redistributed_otherwise(&self.table, &self.table.redistribution, &rules);
            said.push(format!(
                "{changed} of {all} routes of other sources are redistributed otherwise"
            ));
        }
        for interface in self.interfaces.values() {
            let (old, name) = (&interface.effective, &interface.identity.name);
            let config = interface.config.clone().unwrap_or_default();
            let new = Effective::resolve(&config, &self.global, policies);
            if new.accept_policy != old.accept_policy {
                let accepts = |prefix, heard: &Heard| accepts(&new, prefix, heard);
                let (changed, all) = heard_otherwise(&self.table, interface.index(), accepts);
                said.push(format!(
                    "{changed} of {all} routes heard on {name} are taken otherwise"
                ));
            }
            if new.announce_policy != old.announce_policy {
                let speaker = |effective| Speaker {
                    interface,
                    effective,
                    version: version_of(effective),
                };
                let changed = speaker(&new).differences(&speaker(old), &self.table).len();
                said.push(format!("{changed} routes are announced otherwise on {name}"));
            }
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    pub(crate) fn routes(&mut self, now: Now, notices: &[RouteNotice], out: &mut Outbox) {
        for notice in notices {
            if let Some((prefix, external)) = external_of(notice) {
                let external = external.filter(|external| self.owners.contains(&external.owner));
                self.table.set_external(now.time, prefix, external, out);
            }
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

/// Whether the peer filter lets a router be heard.
pub(crate) fn listens_to(global: &GlobalConfig, from: Ipv4Addr) -> bool {
    let listed = || global.peers.as_ref().is_some_and(|peers| peers.contains(&from));
    match global.peer_filter.unwrap_or_default() {
        PeerFilter::Off => true,
        PeerFilter::Include => listed(),
        PeerFilter::Exclude => !listed(),
    }
}
