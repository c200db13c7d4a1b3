//! A link state database: the LSAs of one scope (RFC 2328 §12.2).
//!
//! One database per area, one for what is flooded through the autonomous system, one per link for link-local opaque LSAs.
//!
//! An LSA takes one entry of 64 octets in a vector, five in the index, and four in the schedule; bodies of up to 16 octets
//! (summaries, externals) lie in the entry itself. Entries are named by their [`Slot`], which stays the same over all
//! instances of an LSA, so that lists of LSAs (retransmission, database description, the graph of the SPF calculation) are
//! lists of numbers.
//!
//! Nothing is scanned to let LSAs age: an entry knows when its age was zero, and the [`Schedule`] when something is to be done
//! with it next.

mod schedule;

use std::hash::BuildHasher;
use std::net::Ipv4Addr;

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use schedule::Schedule;
use smallvec::SmallVec;
use waypost_types::{Seed, Time};
use waypost_wire::Writer;

use crate::lsa::{
    Body, BodyError, LSA_HEADER_LENGTH, LsaHeader, LsaKey, LsaType, MAX_AGE, RawLsa, SequenceNumber,
};
use crate::options::Options;

/// The place of an LSA in its database, for as long as the LSA is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// Bodies up to this length need no memory of their own.
const INLINE_BODY: usize = 16;

/// The age is given by the clock.
const AGEING: u8 = 0;
/// The age is MaxAge and stays it: being flushed.
const FLUSHED: u8 = 1;

#[derive(Clone, Debug)]
struct Entry {
    body: SmallVec<[u8; INLINE_BODY]>,
    id: Ipv4Addr,
    router: Ipv4Addr,
    sequence: SequenceNumber,
    /// When the age was zero, in milliseconds modulo 2^32. No entry stays for as long as they take to come round.
    born: u32,
    /// When this instance was installed, in the same measure.
    installed: u32,
    /// The second at which it is due, and its place among those due then.
    due: u32,
    place: u32,
    /// How many retransmission lists it is on.
    held: u32,
    checksum: u16,
    kind: LsaType,
    options: Options,
    state: u8,
}

/// What [`Database::install`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Where it is.
    pub slot: Slot,
    /// Whether routes must be calculated anew: the LSA is new or its contents differ, in options, body, or being at MaxAge
    /// (RFC 2328 §13.2).
    pub changed: bool,
    /// The mask of the network that the instance before was about, if there was one and it was about one.
    pub mask: Option<Ipv4Addr>,
}

/// The LSAs of one scope.
#[derive(Clone, Debug)]
pub struct Database {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: FixedState,
    schedule: Schedule,
    counts: [u32; 12],
    checksum_sum: u32,
}

fn milliseconds(time: Time) -> u32 {
    (time.0 / 1_000_000) as u32
}

impl Database {
    /// An empty database. The seed decides how keys are spread, so that nobody outside knows which collide.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: FixedState::with_seed(seed.child("database").0),
            schedule: Schedule::default(),
            counts: [0; 12],
            checksum_sum: 0,
        }
    }

    fn hash(hasher: &FixedState, key: LsaKey) -> u64 {
        let id = u64::from(key.id.to_bits()) << 32 | u64::from(key.router.to_bits());
        hasher.hash_one((id, key.kind as u8))
    }

    fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot.0 as usize)?.as_ref()
    }

    fn entry_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(slot.0 as usize)?.as_mut()
    }

    /// The slot of an LSA.
    #[must_use]
    pub fn find(&self, key: LsaKey) -> Option<Slot> {
        let found = self.index.find(Self::hash(&self.hasher, key), |slot| {
            self.entry(Slot(*slot)).is_some_and(|entry| entry.key() == key)
        });
        found.copied().map(Slot)
    }

    /// What tells the LSA in a slot from others.
    #[must_use]
    pub fn key(&self, slot: Slot) -> Option<LsaKey> {
        self.entry(slot).map(Entry::key)
    }

    /// The header of an LSA, as old as it is now.
    #[must_use]
    pub fn header(&self, slot: Slot, now: Time) -> Option<LsaHeader> {
        self.entry(slot).map(|entry| entry.header(now))
    }

    /// The options of an LSA.
    #[must_use]
    pub fn options(&self, slot: Slot) -> Option<Options> {
        self.entry(slot).map(|entry| entry.options)
    }

    /// What follows the header.
    #[must_use]
    pub fn body_octets(&self, slot: Slot) -> Option<&[u8]> {
        self.entry(slot).map(|entry| entry.body.as_slice())
    }

    /// What an LSA says. `None` only for an empty slot: what is installed was read once.
    #[must_use]
    pub fn body(&self, slot: Slot) -> Option<Body<'_>> {
        let entry = self.entry(slot)?;
        Body::decode(entry.key(), &entry.body).ok()
    }

    /// The mask of the network that an LSA is about, if it is about one.
    #[must_use]
    pub fn mask(&self, slot: Slot) -> Option<Ipv4Addr> {
        self.entry(slot)?.mask()
    }

    /// Appends the LSA as it is sent: older by `transit` seconds, at most MaxAge (RFC 2328 §13.3). The octets appended, 0 for
    /// an empty slot.
    pub fn write(&self, slot: Slot, now: Time, transit: u16, writer: &mut Writer) -> usize {
        let Some(entry) = self.entry(slot) else { return 0 };
        let mut header = entry.header(now);
        header.age = header.age.saturating_add(transit).min(MAX_AGE);
        header.encode(writer);
        writer.slice(&entry.body);
        usize::from(header.length)
    }

    /// The length of an LSA with its header, 0 for an empty slot.
    #[must_use]
    pub fn length(&self, slot: Slot) -> usize {
        self.entry(slot)
            .map_or(0, |entry| LSA_HEADER_LENGTH + entry.body.len())
    }

    /// How long ago the instance in the database was installed, in milliseconds.
    #[must_use]
    pub fn installed_ago(&self, slot: Slot, now: Time) -> Option<u32> {
        let entry = self.entry(slot)?;
        Some(milliseconds(now).wrapping_sub(entry.installed))
    }

    /// Puts an LSA in, in the place of an older instance (RFC 2328 §13.2). It is due when it reaches MaxAge, at once if it has.
    ///
    /// Neither the checksum nor which instance is newer is looked at; a body that is not what its type asks for is refused.
    pub fn install(&mut self, lsa: RawLsa<'_>, now: Time) -> Result<Installed, InstallError> {
        let header = lsa.header().map_err(InstallError::Type)?;
        let body = lsa.body_octets();
        Body::decode(header.key, body)?;
        let milliseconds = milliseconds(now);
        let entry = Entry {
            body: SmallVec::from_slice(body),
            id: header.key.id,
            router: header.key.router,
            sequence: header.sequence,
            born: milliseconds.wrapping_sub(u32::from(header.age) * 1000),
            installed: milliseconds,
            due: 0,
            place: 0,
            held: 0,
            checksum: header.checksum,
            kind: header.key.kind,
            options: header.options,
            state: if header.is_max_age() { FLUSHED } else { AGEING },
        };
        let slot = self.find(header.key);
        let installed = match slot {
            Some(slot) => self.replace(slot, entry, now),
            None => Installed {
                slot: self.insert(entry),
                changed: !header.is_max_age(),
                mask: None,
            },
        };
        let left = u64::from(MAX_AGE - header.age);
        self.set_due(installed.slot, now + std::time::Duration::from_secs(left));
        Ok(installed)
    }

    fn replace(&mut self, slot: Slot, mut entry: Entry, now: Time) -> Installed {
        let (mut changed, mut mask) = (false, None);
        let mut sums = (0, 0);
        if let Some(old) = self.entry_mut(slot) {
            let flushed = |entry: &Entry| entry.header(now).is_max_age();
            changed =
                old.options != entry.options || old.body != entry.body || flushed(old) != flushed(&entry);
            mask = old.mask();
            (entry.due, entry.place, entry.held) = (old.due, old.place, old.held);
            sums = (old.checksum, entry.checksum);
            *old = entry;
        }
        self.checksum_sum = self
            .checksum_sum
            .wrapping_sub(sums.0.into())
            .wrapping_add(sums.1.into());
        Installed { slot, changed, mask }
    }

    fn insert(&mut self, entry: Entry) -> Slot {
        let key = entry.key();
        self.checksum_sum = self.checksum_sum.wrapping_add(entry.checksum.into());
        if let Some(count) = self.counts.get_mut(key.kind as usize) {
            *count += 1;
        }
        let number = self.free.pop().unwrap_or(self.entries.len() as u32);
        match self.entries.get_mut(number as usize) {
            Some(place) => *place = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.index.insert_unique(Self::hash(hasher, key), number, |slot| {
            let entry = entries.get(*slot as usize).and_then(Option::as_ref);
            entry.map_or(0, |entry| Self::hash(hasher, entry.key()))
        });
        Slot(number)
    }

    /// Takes an LSA out. It must be on no retransmission list: lists name it by its slot.
    pub fn remove(&mut self, slot: Slot) {
        self.unschedule(slot);
        let Some(entry) = self.entries.get_mut(slot.0 as usize).and_then(Option::take) else {
            return;
        };
        debug_assert_eq!(entry.held, 0, "an LSA that a list holds is removed");
        let key = entry.key();
        if let Ok(found) = self
            .index
            .find_entry(Self::hash(&self.hasher, key), |number| *number == slot.0)
        {
            found.remove();
        }
        self.free.push(slot.0);
        self.checksum_sum = self.checksum_sum.wrapping_sub(entry.checksum.into());
        if let Some(count) = self.counts.get_mut(key.kind as usize) {
            *count -= 1;
        }
    }

    /// Lets an LSA be at MaxAge from now on, whatever its age was: premature ageing, or the end of its life
    /// (RFC 2328 §14, §14.1). Whether it was not before.
    pub fn flush(&mut self, slot: Slot) -> bool {
        let Some(entry) = self.entry_mut(slot) else {
            return false;
        };
        std::mem::replace(&mut entry.state, FLUSHED) != FLUSHED
    }

    /// Whether the LSA is at MaxAge.
    #[must_use]
    pub fn is_flushed(&self, slot: Slot) -> bool {
        self.entry(slot).is_some_and(|entry| entry.state == FLUSHED)
    }

    /// The LSA came onto one more retransmission list.
    pub fn hold(&mut self, slot: Slot) {
        if let Some(entry) = self.entry_mut(slot) {
            entry.held += 1;
        }
    }

    /// It left one. Whether it is on none any more.
    pub fn release(&mut self, slot: Slot) -> bool {
        let Some(entry) = self.entry_mut(slot) else {
            return false;
        };
        debug_assert!(entry.held > 0, "an LSA that no list holds is released");
        entry.held = entry.held.saturating_sub(1);
        entry.held == 0
    }

    /// Whether a retransmission list holds it.
    #[must_use]
    pub fn is_held(&self, slot: Slot) -> bool {
        self.entry(slot).is_some_and(|entry| entry.held > 0)
    }

    /// Sets when something is to be done with the LSA next, to the second.
    pub fn set_due(&mut self, slot: Slot, at: Time) {
        self.unschedule(slot);
        let second = Schedule::second(at);
        let Some(entry) = self.entries.get_mut(slot.0 as usize).and_then(Option::as_mut) else {
            return;
        };
        entry.due = second;
        entry.place = self.schedule.add(second, slot);
    }

    fn unschedule(&mut self, slot: Slot) {
        let Some((due, place)) = self.entry(slot).map(|entry| (entry.due, entry.place)) else {
            return;
        };
        if let Some(moved) = self.schedule.remove(due, place, slot)
            && let Some(entry) = self.entry_mut(moved)
        {
            entry.place = place;
        }
    }

    /// When the next LSA is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.schedule.next()
    }

    /// Takes an LSA that is due. It is not due again before [`Self::set_due`].
    pub fn pop_due(&mut self, now: Time) -> Option<Slot> {
        self.schedule.pop(now)
    }

    /// Every LSA, in no order that means anything but the same one each time.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        (0..self.entries.len() as u32)
            .map(Slot)
            .filter(|slot| self.entry(*slot).is_some())
    }

    /// One more than the highest slot there ever was: as long as an array by slots must be.
    #[must_use]
    pub fn slot_bound(&self) -> usize {
        self.entries.len()
    }

    /// How many LSAs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many LSAs of a type there are.
    #[must_use]
    pub fn count(&self, kind: LsaType) -> u32 {
        self.counts.get(kind as usize).copied().unwrap_or_default()
    }

    /// The sum of all checksums (RFC 4750, ospfAreaLsaCksumSum): the same in every router of the scope.
    #[must_use]
    pub const fn checksum_sum(&self) -> u32 {
        self.checksum_sum
    }
}

impl Entry {
    const fn key(&self) -> LsaKey {
        LsaKey {
            kind: self.kind,
            id: self.id,
            router: self.router,
        }
    }

    /// Network-LSAs, summaries and externals begin with it (RFC 2328 A.4.3 to A.4.5).
    fn mask(&self) -> Option<Ipv4Addr> {
        let network = match self.kind {
            LsaType::Network | LsaType::Summary | LsaType::AsExternal | LsaType::Nssa => true,
            LsaType::Router
            | LsaType::AsbrSummary
            | LsaType::OpaqueLink
            | LsaType::OpaqueArea
            | LsaType::OpaqueAs => false,
        };
        let octets = self.body.first_chunk::<4>().filter(|_| network)?;
        Some(Ipv4Addr::from(*octets))
    }

    fn header(&self, now: Time) -> LsaHeader {
        let age = if self.state == FLUSHED {
            MAX_AGE
        } else {
            let seconds = milliseconds(now).wrapping_sub(self.born) / 1000;
            seconds.min(MAX_AGE.into()) as u16
        };
        LsaHeader {
            age,
            options: self.options,
            key: self.key(),
            sequence: self.sequence,
            checksum: self.checksum,
            length: (LSA_HEADER_LENGTH + self.body.len()) as u16,
        }
    }
}

/// Why an LSA is not taken into a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// A type nobody knows.
    #[error("LS type {0} is unknown")]
    Type(u8),
    /// Its body is not what its type asks for.
    #[error(transparent)]
    Body(#[from] BodyError),
}

#[cfg(test)]
mod tests;
