//! Sending: regular updates, triggered updates, answers and farewells, paced so that receivers can follow.
//!
//! Whole tables are walked in order with a cursor, changes by their numbers in the table's journal: an interface that
//! announced everything up to change N asks for what came after N. Messages leave in bursts of at most [`BURST`]
//! datagrams a [`BURST_GAP`], whatever they are and however many get each; ten thousand routes take 25 of those.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::Bound;
use std::time::Duration;

use waypost_engine::{Now, Outbox, PortId, TxOptions};
use waypost_types::{Prefix4, Time};
use waypost_wire::Writer;

use crate::announce::{Announcement, Speaker};
use crate::authentication::{SEQUENCE_KEY, Seal, Sequence};
use crate::config::Effective;
use crate::input::answer_to;
use crate::interface::{Audience, Counters, Interface, version_of};
use crate::packet::{Command, Entry, Version, encode_header};
use crate::table::Table;

/// Datagrams that leave one interface together.
pub const BURST: u32 = 16;
/// The least time between two bursts.
pub const BURST_GAP: Duration = Duration::from_millis(1);
/// How long a triggered update waits for more to say: changes that follow each other closely are one update.
const TRIGGERED_IDLE: Duration = Duration::from_millis(20);
/// How long a triggered update may go on in all.
const TRIGGERED_LIMIT: Duration = Duration::from_millis(250);
/// How many answers to whole-table requests wait on one interface; further requests are dropped, to be repeated.
const MAXIMUM_ANSWERS: usize = 8;

/// A walk over the whole table.
#[derive(Clone, Debug)]
pub struct Walk {
    kind: WalkKind,
    after: Bound<Prefix4>,
    /// The class network that was announced in place of what comes next.
    covered: Option<Prefix4>,
}

#[derive(Clone, Debug)]
enum WalkKind {
    /// A regular update.
    Regular,
    /// An answer to a request for the whole table.
    Answer { to: SocketAddr, version: Version },
    /// An answer to a request for these entries.
    Entries {
        to: SocketAddr,
        version: Version,
        asked: VecDeque<Entry>,
    },
    /// Everything is unreachable through us from now on, said under the configuration that announced it.
    Farewell(Box<Effective>),
}

impl Walk {
    const fn is_regular(&self) -> bool {
        matches!(self.kind, WalkKind::Regular)
    }

    /// Whom it answers.
    const fn asker(&self) -> Option<SocketAddr> {
        match self.kind {
            WalkKind::Answer { to, .. } | WalkKind::Entries { to, .. } => Some(to),
            WalkKind::Regular | WalkKind::Farewell(_) => None,
        }
    }
}

/// A message, and the receivers that still have to get it.
#[derive(Debug)]
pub struct Late {
    port: PortId,
    command: Command,
    octets: Vec<u8>,
    receivers: smallvec::IntoIter<[(SocketAddr, Option<IpAddr>); 2]>,
}

/// What an interface is sending.
#[derive(Debug, Default)]
pub struct Sending {
    walks: VecDeque<Walk>,
    /// Messages that some of their receivers still have to get, before anything else is sent.
    late: VecDeque<Late>,
    /// The last change that was announced here.
    announced: u64,
    /// Destinations to speak of although they did not change: the configuration did.
    resend: BTreeSet<Prefix4>,
    /// Destinations withdrawn by configuration, repeated as unreachable until then.
    pub withdrawn: BTreeMap<Prefix4, Time>,
    /// When the triggered update now open began.
    opened: Option<Time>,
    /// Until when it is open.
    open_until: Time,
    /// When the next may begin.
    next_triggered: Time,
    budget: u32,
    refill_at: Time,
}

/// What sending needs beside the interface.
pub struct Environment<'a> {
    /// The table.
    pub table: &'a Table,
    /// What time it is.
    pub now: Now,
    /// The numbers of authenticated messages.
    pub sequence: &'a mut Sequence,
    /// Least time between two triggered updates.
    pub triggered_delay: Duration,
}

impl Sending {
    /// Begins a regular update. It says everything, so nothing older is left to be announced (RFC 2453 §3.10.1).
    ///
    /// One that is still under way goes on instead. What changed behind it is not said by it: that stays to be announced.
    pub fn begin_regular(&mut self, now: Time, table: &Table) {
        self.withdrawn.retain(|_, until| now < *until);
        if !self.walks.iter().any(Walk::is_regular) {
            self.push(WalkKind::Regular);
            self.announced = table.last_change();
            self.resend.clear();
        }
    }

    /// Begins a regular update for receivers that were not there before: one under way told them only a part.
    pub fn restart_regular(&mut self, now: Time, table: &Table) {
        self.walks.retain(|walk| !walk.is_regular());
        self.late.clear();
        self.begin_regular(now, table);
    }

    /// Begins an answer with the whole table, unless the same asker has one coming or too many wait.
    pub fn begin_answer(&mut self, to: SocketAddr, version: Version) {
        if self.may_answer(to) {
            self.push(WalkKind::Answer { to, version });
        }
    }

    /// Begins an answer to a request for certain entries, within the same bounds.
    pub fn begin_entries(
        &mut self,
        to: SocketAddr,
        version: Version,
        asked: impl IntoIterator<Item = Entry>,
    ) {
        if self.may_answer(to) {
            let asked = asked.into_iter().collect();
            self.push(WalkKind::Entries { to, version, asked });
        }
    }

    fn may_answer(&self, to: SocketAddr) -> bool {
        let askers = || self.walks.iter().filter_map(Walk::asker);
        askers().count() < MAXIMUM_ANSWERS && askers().all(|other| other != to)
    }

    /// Sends what is left of a message before anything else.
    pub fn finish_first(&mut self, late: Option<Late>) {
        self.late.extend(late);
    }

    /// Drops everything under way and begins to say good-bye, also to what was withdrawn lately.
    pub fn begin_farewell(&mut self, effective: Effective) {
        let withdrawn = std::mem::take(&mut self.withdrawn);
        self.clear();
        self.withdrawn = withdrawn;
        self.push(WalkKind::Farewell(Box::new(effective)));
    }

    fn push(&mut self, kind: WalkKind) {
        self.walks.push_back(Walk {
            kind,
            after: Bound::Unbounded,
            covered: None,
        });
    }

    /// Drops everything under way.
    pub fn clear(&mut self) {
        self.walks.clear();
        self.late.clear();
        self.resend.clear();
        self.withdrawn.clear();
        self.opened = None;
        self.next_triggered = Time::ZERO;
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.walks.is_empty() && self.late.is_empty()
    }

    /// The last change that was announced.
    #[must_use]
    pub const fn announced(&self) -> u64 {
        self.announced
    }

    /// Starts announcing changes with the next one.
    pub const fn skip_changes(&mut self, last_change: u64) {
        self.announced = last_change;
    }

    /// Speaks of these destinations in the next triggered update; `withdrawn` ones are unreachable here until then.
    pub fn resend(&mut self, prefixes: Vec<(Prefix4, bool)>, until: Time) {
        for (prefix, withdrawn) in prefixes {
            self.resend.insert(prefix);
            if withdrawn {
                self.withdrawn.insert(prefix, until);
            } else {
                self.withdrawn.remove(&prefix);
            }
        }
    }

    /// Lets the next triggered update go at once: what an operator changed does not wait.
    pub const fn hurry(&mut self) {
        self.next_triggered = Time::ZERO;
    }

    fn has_changes(&self, table: &Table) -> bool {
        !self.resend.is_empty() || table.changes_after(self.announced).next().is_some()
    }

    /// Sends what may be sent now. Returns when to come again.
    pub fn run(
        &mut self,
        interface: &Interface,
        counters: &mut Counters,
        environment: &mut Environment<'_>,
        out: &mut Outbox,
    ) -> Option<Time> {
        if let Some(again) = self.run_begun(environment.now.time, counters, out) {
            return Some(again);
        }
        let triggered = self.run_triggered(interface, counters, environment, out);
        while self.budget > 0
            && let Some(mut walk) = self.walks.pop_front()
        {
            let ended = match &walk.kind {
                WalkKind::Entries { .. } => {
                    self.run_entries(&mut walk, interface, counters, environment, out)
                }
                _ => self.run_walk(&mut walk, interface, counters, environment, out),
            };
            if ended {
                continue;
            }
            self.walks.push_front(walk);
            break;
        }
        let walks = (!self.is_done()).then_some(self.refill_at);
        triggered.into_iter().chain(walks).min()
    }

    /// Sends what is left of messages that some have and others not, and requests. Returns when to come again, unless
    /// everybody has them.
    pub fn run_begun(&mut self, now: Time, counters: &mut Counters, out: &mut Outbox) -> Option<Time> {
        if now >= self.refill_at {
            self.budget = BURST;
            self.refill_at = now + BURST_GAP;
        }
        (!self.run_late(counters, out)).then_some(self.refill_at)
    }

    /// Goes on with messages that some have and others not; whether everybody has them.
    fn run_late(&mut self, counters: &mut Counters, out: &mut Outbox) -> bool {
        while let Some(late) = self.late.front_mut() {
            let sent = match late.command {
                Command::Request => &mut counters.requests_sent,
                Command::Response => &mut counters.responses_sent,
            };
            while self.budget > 0
                && let Some((destination, source)) = late.receivers.next()
            {
                let options = TxOptions {
                    source,
                    ..TxOptions::default()
                };
                out.send(late.port, destination, options, &late.octets);
                self.budget -= 1;
                *sent = sent.wrapping_add(1);
            }
            if late.receivers.len() > 0 {
                return false;
            }
            self.late.pop_front();
        }
        true
    }

    /// What was sent counts, and what was not is sent next.
    fn account(&mut self, sent: Sent, counters: &mut Counters) -> u32 {
        self.budget = self.budget.saturating_sub(sent.datagrams);
        counters.responses_sent = counters.responses_sent.wrapping_add(sent.datagrams);
        self.late.extend(sent.late);
        sent.datagrams
    }

    fn run_triggered(
        &mut self,
        interface: &Interface,
        counters: &mut Counters,
        environment: &mut Environment<'_>,
        out: &mut Outbox,
    ) -> Option<Time> {
        let now = environment.now.time;
        let table = environment.table;
        if !interface.announces() {
            self.announced = table.last_change();
            self.resend.clear();
            return None;
        }
        if !interface.triggers() {
            // The next regular update will say it. What an operator changed here does not wait for that.
            self.announced = table.last_change();
        }
        if !self.has_changes(table) {
            return None;
        }
        let opened = match self.opened.filter(|_| now < self.open_until) {
            Some(opened) => opened,
            None if now < self.next_triggered => return Some(self.next_triggered),
            None => now,
        };
        let speaker = Speaker {
            interface,
            effective: &interface.effective,
            version: interface.version(),
        };
        let Some(mut messages) = Messages::new(
            speaker,
            interface.audience(&interface.effective),
            self.budget,
            environment.now,
        ) else {
            counters.send_failures += 1;
            self.announced = table.last_change();
            self.resend.clear();
            return None;
        };
        let mut sequence = |out: &mut Outbox| next_sequence(environment.sequence, environment.now, out);
        let mut summarised = BTreeSet::new();
        while messages.have_room()
            && let Some(prefix) = self.resend.pop_first()
        {
            // An option may have turned a route into nothing at all: say that it is gone, if this version can.
            let gone = || {
                speaker
                    .is_expressible(prefix)
                    .then(|| Announcement::unreachable(prefix))
            };
            if let Some(said) = speaker.statement(prefix, table).or_else(gone) {
                messages.add(&said.entry(speaker.version), &mut sequence, out);
            }
        }
        for (number, prefix) in table.changes_after(self.announced) {
            if !messages.have_room() {
                break;
            }
            self.announced = number;
            let said = match speaker.summary_of(prefix) {
                Some(natural) if summarised.insert(natural) => speaker.summarise(natural, table),
                Some(_) => None,
                None => speaker.say_change(prefix, table.get(prefix)),
            };
            if let Some(said) = said {
                messages.add(&said.entry(speaker.version), &mut sequence, out);
            }
        }
        let sent = messages.end(&mut sequence, out);
        if self.account(sent, counters) > 0 {
            if self.opened != Some(opened) {
                counters.triggered_updates_sent = counters.triggered_updates_sent.wrapping_add(1);
                self.opened = Some(opened);
                self.next_triggered = opened + environment.triggered_delay;
            }
            self.open_until =
                (now + TRIGGERED_IDLE).min(opened + TRIGGERED_LIMIT.min(environment.triggered_delay));
        }
        if !self.has_changes(table) {
            return None;
        }
        // The update goes on until all is said, even beyond its limit: what is left is older than that.
        self.open_until = self.open_until.max(self.refill_at + Duration::from_nanos(1));
        Some(self.refill_at)
    }

    /// Goes on with an answer entry by entry, without split horizon and filters: this is for diagnosis (RFC 2453 §3.9.1).
    /// Whether it has ended.
    fn run_entries(
        &mut self,
        walk: &mut Walk,
        interface: &Interface,
        counters: &mut Counters,
        environment: &mut Environment<'_>,
        out: &mut Outbox,
    ) -> bool {
        let WalkKind::Entries { to, version, asked } = &mut walk.kind else {
            return true;
        };
        let speaker = Speaker {
            interface,
            effective: &interface.effective,
            version: *version,
        };
        let audience = only(interface, *to);
        let Some(mut messages) = Messages::new(speaker, audience, self.budget, environment.now) else {
            counters.send_failures += 1;
            return true;
        };
        let mut sequence = |out: &mut Outbox| next_sequence(environment.sequence, environment.now, out);
        while messages.have_room()
            && let Some(asked) = asked.pop_front()
        {
            let said = answer_to(interface, *version, &asked, environment.table);
            messages.add(&said, &mut sequence, out);
        }
        let ended = asked.is_empty();
        let sent = messages.end(&mut sequence, out);
        self.account(sent, counters);
        ended
    }

    /// Where a walk comes by, in order: every destination, what was withdrawn, and a default route of our own. The table
    /// need not know the latter two any more, nor class networks ever.
    fn places<'a>(
        &'a self,
        speaker: Speaker<'_>,
        table: &'a Table,
        after: Bound<Prefix4>,
    ) -> impl Iterator<Item = Prefix4> + 'a {
        let originated = after == Bound::Unbounded && speaker.effective.originate_default.is_some();
        let mut withdrawn = self
            .withdrawn
            .range((after, Bound::Unbounded))
            .map(|(prefix, _)| *prefix)
            .peekable();
        let mut known = originated
            .then_some(Prefix4::DEFAULT)
            .into_iter()
            .chain(
                table
                    .range(after, Bound::Unbounded)
                    .map(|(prefix, _)| *prefix)
                    .skip_while(move |prefix| originated && prefix.is_default()),
            )
            .peekable();
        std::iter::from_fn(move || {
            let next = match (known.peek(), withdrawn.peek()) {
                (Some(known), Some(withdrawn)) => *known.min(withdrawn),
                (Some(place), None) | (None, Some(place)) => *place,
                (None, None) => return None,
            };
            known.next_if_eq(&next);
            withdrawn.next_if_eq(&next);
            Some(next)
        })
    }

    /// That a destination is unreachable, if it was withdrawn here lately and the version can say so.
    fn withdrawal(&self, speaker: Speaker<'_>, prefix: Prefix4, now: Time) -> Option<Announcement> {
        self.withdrawn
            .get(&prefix)
            .filter(|until| now < **until && speaker.is_expressible(prefix))
            .map(|_| Announcement::unreachable(prefix))
    }

    /// Goes on with a walk; whether it has ended.
    fn run_walk(
        &mut self,
        walk: &mut Walk,
        interface: &Interface,
        counters: &mut Counters,
        environment: &mut Environment<'_>,
        out: &mut Outbox,
    ) -> bool {
        let table = environment.table;
        let effective = match &walk.kind {
            WalkKind::Farewell(effective) => effective.as_ref(),
            _ => &interface.effective,
        };
        let (version, audience): (Version, Audience) = match &walk.kind {
            WalkKind::Answer { to, version } => (*version, only(interface, *to)),
            _ => (version_of(effective), interface.audience(effective)),
        };
        let speaker = Speaker {
            interface,
            effective,
            version,
        };
        let Some(mut messages) = Messages::new(speaker, audience, self.budget, environment.now) else {
            counters.send_failures += 1;
            return true;
        };
        let now = environment.now.time;
        let mut sequence = |out: &mut Outbox| next_sequence(environment.sequence, environment.now, out);
        let farewell = matches!(walk.kind, WalkKind::Farewell(_));
        let mut ended = true;
        for prefix in self.places(speaker, table, walk.after) {
            let known = walk.covered.filter(|covered| covered.covers(prefix));
            let covered = known.or_else(|| speaker.summary_of(prefix));
            let said = match (known, covered) {
                (Some(_), _) => None,
                (None, Some(natural)) => speaker.summarise(natural, table),
                (None, None) => speaker.say(prefix, table.get(prefix)),
            };
            let silent = said.is_none_or(|said| said.prefix != prefix);
            let gone = silent.then(|| self.withdrawal(speaker, prefix, now)).flatten();
            if (said.is_some() || gone.is_some()) && !messages.have_room() {
                ended = false;
                break;
            }
            walk.covered = covered;
            if let Some(said) = said {
                let said = if farewell {
                    Announcement::unreachable(said.prefix)
                } else {
                    said
                };
                messages.add(&said.entry(version), &mut sequence, out);
            }
            if let Some(gone) = gone {
                if !messages.have_room() {
                    // Its summary is said, so that it counts as covered when the walk comes back to it.
                    ended = false;
                    break;
                }
                messages.add(&gone.entry(version), &mut sequence, out);
            }
            walk.after = Bound::Excluded(prefix);
        }
        let sent = messages.end(&mut sequence, out);
        self.account(sent, counters);
        ended
    }
}

/// The next sequence number. More are set aside when few are left.
pub fn next_sequence(sequence: &mut Sequence, now: Now, out: &mut Outbox) -> u32 {
    if let Some(octets) = sequence.reserve(now) {
        out.persist(SEQUENCE_KEY, octets);
    }
    sequence.next(now)
}

/// Fills messages with entries and sends each that is full.
pub struct Messages<'a> {
    seal: Seal<'a>,
    version: Version,
    command: Command,
    port: PortId,
    audience: Audience,
    capacity: usize,
    writer: Writer,
    entries: usize,
    budget: u32,
    datagrams: u32,
    late: Option<Late>,
}

/// What [`Messages`] sent.
#[derive(Debug)]
pub struct Sent {
    /// Datagrams, one a receiver and message.
    pub datagrams: u32,
    /// The last message, for those for whom the budget did not suffice.
    pub late: Option<Late>,
}

/// An audience of one.
fn only(interface: &Interface, to: SocketAddr) -> Audience {
    let source = match to.ip() {
        IpAddr::V4(to) => interface.source_for(to),
        IpAddr::V6(_) => None,
    };
    [(to, source)].into_iter().collect()
}

impl<'a> Messages<'a> {
    /// Responses to `audience`; `None` when there is no key to send with.
    #[must_use]
    pub fn new(speaker: Speaker<'a>, audience: Audience, budget: u32, now: Now) -> Option<Self> {
        // Version 1 has no place for authentication.
        let seal = match speaker.version {
            Version::V1 => Seal::None,
            Version::V2 => Seal::of(speaker.effective, now.wall)?,
        };
        Some(Self {
            seal,
            version: speaker.version,
            command: Command::Response,
            port: speaker.interface.port_id(),
            audience,
            capacity: seal.capacity(speaker.interface.payload_length()),
            writer: Writer::new(),
            entries: 0,
            budget,
            datagrams: 0,
            late: None,
        })
    }

    /// Sends requests instead of responses.
    #[must_use]
    pub fn requests(self) -> Self {
        Self {
            command: Command::Request,
            ..self
        }
    }

    /// Whether another entry may be added within the budget.
    #[must_use]
    pub fn have_room(&self) -> bool {
        self.entries > 0 || (self.datagrams < self.budget && self.late.is_none())
    }

    /// Adds an entry; sends the message when that fills it.
    pub fn add(&mut self, entry: &Entry, sequence: &mut impl FnMut(&mut Outbox) -> u32, out: &mut Outbox) {
        if self.entries == 0 {
            self.writer = Writer::with_capacity(512);
            encode_header(&mut self.writer, self.command, self.version);
            self.seal.begin(&mut self.writer);
        }
        entry.encode(&mut self.writer);
        self.entries += 1;
        if self.entries >= self.capacity {
            self.send(sequence, out);
        }
    }

    fn send(&mut self, sequence: &mut impl FnMut(&mut Outbox) -> u32, out: &mut Outbox) {
        let number = if matches!(self.seal, Seal::Digest(_)) {
            sequence(out)
        } else {
            0
        };
        self.seal.finish(&mut self.writer, number);
        let room = self.budget.saturating_sub(self.datagrams) as usize;
        let (at_once, later) = self
            .audience
            .split_at_checked(room)
            .unwrap_or((&self.audience, &[]));
        for (destination, source) in at_once {
            out.send(
                self.port,
                *destination,
                TxOptions {
                    source: *source,
                    ..TxOptions::default()
                },
                self.writer.as_slice(),
            );
            self.datagrams += 1;
        }
        if !later.is_empty() {
            self.late = Some(Late {
                port: self.port,
                command: self.command,
                octets: self.writer.as_slice().to_vec(),
                receivers: Audience::from(later).into_iter(),
            });
        }
        self.entries = 0;
    }

    /// Sends what is left.
    pub fn end(mut self, sequence: &mut impl FnMut(&mut Outbox) -> u32, out: &mut Outbox) -> Sent {
        if self.entries > 0 {
            self.send(sequence, out);
        }
        Sent {
            datagrams: self.datagrams,
            late: self.late,
        }
    }
}

#[cfg(test)]
mod tests;
