//! LSAs of our own (RFC 2328 §12.4, §13.4, §14.1).
//!
//! What the router wants to have said is a wish: contents under a key. Originating is bringing the database to it, as soon as
//! the last instance is old enough; so a change that is undone in between is never said, and whatever others claim in our name
//! is put right or flushed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_engine::{Now, Outbox};
use waypost_types::Time;

use super::flooding::News;
use super::{Domain, Ospf, Timer};
use crate::database::Slot;
use crate::lsa::{LS_REFRESH_TIME, LsaHeader, LsaKey, LsaType, MAX_AGE, RawLsa, SequenceNumber, build};
use crate::options::Options;

/// What is to be said.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    options: Options,
    body: Vec<u8>,
    pace: Pace,
    /// To be said again even if it was said in the same words.
    again: bool,
    /// To be said no more, as soon as that is allowed.
    withdrawn: bool,
}

/// When the next instance may follow.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    last: Option<Time>,
    interval: Duration,
}

/// The last instances of what this router said under another identifier, until they are too old for anybody to have.
///
/// Neighbours do not take so soon after an instance that it is over (MinLSArrival). Whoever still has one gives it back when
/// databases are exchanged under the new identifier, and then hears again that it is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Former {
    said: BTreeMap<(Domain, LsaKey), SequenceNumber>,
    until: Time,
}

impl Wish {
    /// It is to be said even in the words it was said in by an earlier life, if it was not said in this one.
    pub(super) const fn say_once(&mut self) {
        self.again |= self.pace.last.is_none();
    }
}

impl Pace {
    /// Until when an instance waits; `None`: it may go.
    fn wait(&self, now: Time) -> Option<Time> {
        let free = self.last? + self.interval;
        (now < free).then_some(free)
    }

    /// One goes now. The first after quiet lets the next wait for `minimum`; each that follows closely doubles it.
    fn note(&mut self, now: Time, minimum: Duration, maximum: Duration) {
        let close = self.last.is_some_and(|last| now < last + self.interval * 2);
        self.interval = if close {
            (self.interval * 2).min(maximum).max(minimum)
        } else {
            minimum
        };
        self.last = Some(now);
    }
}

/// Refreshes are spread over so many seconds before they must happen, lest they come all at once (RFC 4222 §1).
const REFRESH_SPREAD: u64 = 300;

impl Ospf {
    /// Wants an LSA to say this from now on.
    pub(super) fn wish(
        &mut self,
        now: Now,
        domain: Domain,
        key: LsaKey,
        options: Options,
        body: Vec<u8>,
        out: &mut Outbox,
    ) {
        match self.wishes.get_mut(&(domain, key)) {
            Some(wish) if wish.options == options && wish.body == body && !wish.withdrawn => return,
            Some(wish) => {
                (wish.options, wish.body) = (options, body);
                wish.withdrawn = false;
            }
            None => {
                let wish = Wish {
                    options,
                    body,
                    pace: Pace::default(),
                    again: false,
                    withdrawn: false,
                };
                self.wishes.insert((domain, key), wish);
            }
        }
        self.realise(now, domain, key, out);
    }

    /// Wants an LSA to be said no more: it is flushed (premature ageing, RFC 2328 §14.1).
    ///
    /// That waits as long as another instance would: neighbours would not take it so soon after the last one, and one that it
    /// overtakes on its way would be believed after it.
    pub(super) fn withdraw(&mut self, now: Now, domain: Domain, key: LsaKey, out: &mut Outbox) {
        if let Some(wish) = self.wishes.get_mut(&(domain, key)) {
            wish.withdrawn = true;
            self.realise(now, domain, key, out);
        }
    }

    /// The same at once, whether or not everybody takes it.
    pub(super) fn withdraw_now(&mut self, now: Now, domain: Domain, key: LsaKey, out: &mut Outbox) {
        if let Some(wish) = self.wishes.get_mut(&(domain, key)) {
            wish.pace = Pace::default();
        }
        self.withdraw(now, domain, key, out);
    }

    /// Flushes everything this router says, now.
    pub(super) fn withdraw_all(&mut self, now: Now, out: &mut Outbox) {
        let wishes: Vec<_> = self.wishes.keys().copied().collect();
        for (domain, key) in wishes {
            self.withdraw_now(now, domain, key, out);
        }
    }

    /// Everything said so far is somebody else's from now on.
    pub(super) fn leave_behind(&mut self, now: Now) {
        let said = self.wishes.keys().filter_map(|(domain, key)| {
            let database = self.databases.get(*domain)?;
            let header = database.header(database.find(*key)?, now.time)?;
            Some(((*domain, *key), header.sequence))
        });
        self.former = Former {
            said: said.collect(),
            until: now.time + Duration::from_secs(MAX_AGE.into()),
        };
    }

    /// Whether an LSA is one that this router said under its last identifier, or before it in the same name. Another router that
    /// has the identifier now goes on with higher numbers as soon as it hears of one.
    pub(super) fn was_own(&self, now: Now, domain: Domain, header: &LsaHeader) -> bool {
        let said = self.former.said.get(&(domain, header.key));
        now.time < self.former.until
            && self.router != Some(header.key.router)
            && said.is_some_and(|last| header.sequence <= *last)
    }

    /// Flushes the opaque LSAs this router says, now.
    pub(super) fn withdraw_opaque(&mut self, now: Now, out: &mut Outbox) {
        let opaque = self
            .wishes
            .iter()
            .filter(|((_, key), wish)| key.kind.is_opaque() && !wish.withdrawn);
        for (domain, key) in opaque.map(|(place, _)| *place).collect::<Vec<_>>() {
            self.withdraw_now(now, domain, key, out);
        }
    }

    /// Lets an LSA be at MaxAge and floods that.
    pub(super) fn flush(&mut self, now: Now, domain: Domain, slot: Slot, _out: &mut Outbox) {
        let Some(database) = self.databases.get_mut(domain) else {
            return;
        };
        let Some(key) = database.key(slot).filter(|_| database.flush(slot)) else {
            return;
        };
        let mask = database.mask(slot);
        self.note_change(domain, key, mask);
        self.forget_retransmissions(domain, key.kind.scope(), slot);
        let header = self
            .databases
            .get(domain)
            .and_then(|database| database.header(slot, now.time));
        if let Some(header) = header {
            let news = News {
                changed: true,
                owed: Vec::new(),
            };
            self.flood(now, domain, slot, &header, None, &news);
        }
    }

    /// Brings the database to a wish, now or as soon as that is allowed.
    pub(super) fn realise(&mut self, now: Now, domain: Domain, key: LsaKey, out: &mut Outbox) {
        let (minimum, maximum) = (
            self.parameters.originate_minimum,
            self.parameters.originate_maximum,
        );
        // RFC 3623 §2.2 (1): what it said in its earlier life holds until the restart is over.
        if self.restarts() && key.kind != LsaType::OpaqueLink {
            return;
        }
        let spread = self.random.below(REFRESH_SPREAD);
        let first = self.first_instance(key);
        let Some(wish) = self.wishes.get_mut(&(domain, key)) else {
            return;
        };
        if wish.withdrawn {
            if let Some(until) = wish.pace.wait(now.time) {
                self.timers.set(Timer::Originate(domain, key), until);
                return;
            }
            self.timers.cancel(&Timer::Originate(domain, key));
            self.wishes.remove(&(domain, key));
            let slot = self.databases.get(domain).and_then(|database| database.find(key));
            if let Some(slot) = slot {
                self.flush(now, domain, slot, out);
            }
            return;
        }
        let database = self.databases.ensure(domain);
        let known = database
            .find(key)
            .and_then(|slot| Some((slot, database.header(slot, now.time)?)));
        let said = known.is_some_and(|(slot, header)| {
            !header.is_max_age()
                && header.options == wish.options
                && database.body_octets(slot) == Some(wish.body.as_slice())
        });
        if said && !wish.again {
            return;
        }
        if let Some(until) = wish.pace.wait(now.time) {
            self.timers.set(Timer::Originate(domain, key), until);
            return;
        }
        let sequence = match known {
            None => Some(first),
            Some((_, header)) => header.sequence.next(),
        };
        let Some(sequence) = sequence else {
            // The numbers are used up: this instance has to be gone everywhere before they begin anew (§12.1.6). Its removal
            // comes back to this wish.
            if let Some((slot, _)) = known {
                self.flush(now, domain, slot, out);
            }
            return;
        };
        wish.again = false;
        wish.pace.note(now.time, minimum, maximum);
        let octets = build(key, 0, wish.options, sequence, |writer| {
            writer.slice(&wish.body);
        });
        let owed = known.map(|(slot, _)| self.forget_retransmissions(domain, key.kind.scope(), slot));
        let Some((lsa, _)) = RawLsa::split(&octets) else {
            return;
        };
        let (Ok(header), Some(database)) = (lsa.header(), self.databases.get_mut(domain)) else {
            return;
        };
        let Ok(installed) = database.install(lsa, now.time) else {
            return;
        };
        let refresh = Duration::from_secs(u64::from(LS_REFRESH_TIME) - spread);
        database.set_due(installed.slot, now.time + refresh);
        if installed.changed {
            self.note_change(domain, key, installed.mask);
        }
        self.counters.originated += 1;
        let news = News {
            changed: installed.changed,
            owed: owed.unwrap_or_default(),
        };
        self.flood(now, domain, installed.slot, &header, None, &news);
    }

    /// The number of the first instance. A grace-LSA must not look older than one of the last restart.
    fn first_instance(&self, key: LsaKey) -> SequenceNumber {
        let starts = match key.kind {
            LsaType::OpaqueLink => self.numbers.starts().min(i32::MAX as u32),
            _ => 0,
        };
        SequenceNumber(SequenceNumber::INITIAL.0.saturating_add_unsigned(starts))
    }

    /// What an LSA is wanted to say.
    pub(super) fn wish_of(&self, domain: Domain, key: LsaKey) -> Option<(Options, Vec<u8>)> {
        let wish = self.wishes.get(&(domain, key)).filter(|wish| !wish.withdrawn)?;
        Some((wish.options, wish.body.clone()))
    }

    /// The LSAs of a type that are wanted.
    pub(super) fn wished(&self, domain: Domain, kind: LsaType) -> impl Iterator<Item = LsaKey> {
        let end = |address| LsaKey {
            kind,
            id: address,
            router: address,
        };
        let (first, last) = (end(Ipv4Addr::UNSPECIFIED), end(Ipv4Addr::BROADCAST));
        let range = self.wishes.range((domain, first)..=(domain, last));
        range
            .filter(|(_, wish)| !wish.withdrawn)
            .map(|((_, key), _)| *key)
    }

    /// Something in a database is other than it was. What this router says of elsewhere it knows from its routes.
    fn note_change(&mut self, domain: Domain, key: LsaKey, mask: Option<Ipv4Addr>) {
        self.note_topology(domain, key);
        let inside = matches!(key.kind, LsaType::Router | LsaType::Network);
        if inside || self.router != Some(key.router) {
            self.note_routes(domain, key, mask);
        }
    }

    /// Whether an LSA says that it is ours: by router identifier, or a network-LSA for an address of ours (RFC 2328 §13.4).
    pub(super) fn is_own(&self, header: &LsaHeader) -> bool {
        let key = header.key;
        self.router == Some(key.router)
            || (key.kind == LsaType::Network
                && self
                    .interfaces
                    .values()
                    .any(|interface| interface.attachment.address == Some(key.id)))
    }

    /// Somebody flooded an instance of an LSA of ours that is newer than ours: from our earlier life, most likely. It is said
    /// anew with a higher number, or flushed when it is nothing we would say (RFC 2328 §13.4).
    pub(super) fn contradict(&mut self, now: Now, domain: Domain, key: LsaKey, slot: Slot, out: &mut Outbox) {
        // RFC 3623 §2.2 (1).
        if self.restarts() && key.kind != LsaType::OpaqueLink {
            return;
        }
        match self.wishes.get_mut(&(domain, key)) {
            Some(wish) => {
                wish.again = true;
                self.realise(now, domain, key, out);
            }
            None => self.flush(now, domain, slot, out),
        }
    }

    /// An LSA of ours is old enough to be said again. Whether it is ours and wanted.
    pub(super) fn refresh(&mut self, now: Now, domain: Domain, key: LsaKey, out: &mut Outbox) -> bool {
        let Some(wish) = self.wishes.get_mut(&(domain, key)) else {
            return false;
        };
        wish.again = true;
        self.realise(now, domain, key, out);
        true
    }
}
