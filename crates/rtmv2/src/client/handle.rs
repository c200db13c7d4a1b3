//! Handles, the objects behind them, and who counts on which.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// What a module names an object of the routing table by; zero is none.
///
/// Never an address: the highest octet is the client's number, 1..=254, which no pointer of this machine has there. A
/// generation tells the objects apart that had the same place one after the other.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub u64);

impl Handle {
    /// No object.
    pub const NULL: Self = Self(0);

    /// Whether it names no object.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The number of the client that gave it out, if one did.
    #[must_use]
    pub const fn client(self) -> u8 {
        (self.0 >> CLIENT_SHIFT) as u8
    }

    const fn kind(self) -> u64 {
        self.0 >> KIND_SHIFT & 0xF
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

const GENERATION_SHIFT: u32 = 24;
const KIND_SHIFT: u32 = 52;
const CLIENT_SHIFT: u32 = 56;
const PLACES: u32 = 1 << GENERATION_SHIFT;
const GENERATIONS: u32 = 1 << (KIND_SHIFT - GENERATION_SHIFT);

/// What a handle can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Entity = 1,
    Destination,
    Route,
    NextHop,
    Enumeration,
    Registration,
    List,
}

impl Kind {
    pub(crate) fn of(handle: Handle) -> Option<Self> {
        [
            Self::Entity,
            Self::Destination,
            Self::Route,
            Self::NextHop,
            Self::Enumeration,
            Self::Registration,
            Self::List,
        ]
        .into_iter()
        .find(|kind| *kind as u64 == handle.kind())
    }
}

/// The place of an object among those of its type; valid for as long as the object is counted on.
pub(crate) struct Id<T>(u32, PhantomData<fn() -> T>);

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// References that entities hold, each by its place; nearly always one entity does.
#[derive(Default)]
struct References {
    first: (u32, u32),
    #[expect(clippy::box_collection, reason = "rarely any: a pointer keeps objects small")]
    others: Option<Box<Vec<(u32, u32)>>>,
}

impl References {
    const fn is_empty(&self) -> bool {
        self.first.1 == 0 && self.others.is_none()
    }

    fn add(&mut self, entity: u32) {
        if self.first.1 == 0 || self.first.0 == entity {
            self.first = (entity, self.first.1.saturating_add(1));
            return;
        }
        let others = self.others.get_or_insert_default();
        match others.iter_mut().find(|(other, _)| *other == entity) {
            Some(other) => other.1 = other.1.saturating_add(1),
            None => others.push((entity, 1)),
        }
    }

    /// Takes one of the entity's, or else one of another's: a handle may be handed over.
    fn remove(&mut self, entity: u32) -> bool {
        if self.remove_own(entity) {
            return true;
        }
        if self.first.1 > 0 {
            self.first.1 -= 1;
            return true;
        }
        let other = self.others.as_ref().and_then(|others| others.first());
        let other = other.map(|(other, _)| *other);
        other.is_some_and(|other| self.remove_own(other))
    }

    fn remove_own(&mut self, entity: u32) -> bool {
        if self.first.0 == entity && self.first.1 > 0 {
            self.first.1 -= 1;
            return true;
        }
        let Some(others) = &mut self.others else {
            return false;
        };
        let Some(at) = others.iter().position(|(other, _)| *other == entity) else {
            return false;
        };
        others[at].1 -= 1;
        if others[at].1 == 0 {
            others.swap_remove(at);
        }
        if others.is_empty() {
            self.others = None;
        }
        true
    }

    fn forget(&mut self, entity: u32) -> u64 {
        let mut count = 0;
        if self.first.0 == entity {
            count += u64::from(self.first.1);
            self.first.1 = 0;
        }
        if let Some(others) = &mut self.others {
            others.retain(|(other, held)| {
                if *other == entity {
                    count += u64::from(*held);
                }
                *other != entity
            });
            if others.is_empty() {
                self.others = None;
            }
        }
        count
    }
}

struct Place<T> {
    generation: u32,
    /// How often something within the client counts on the object.
    pins: u32,
    references: References,
    object: Option<T>,
}

/// The objects of one type.
pub(crate) struct Slab<T> {
    kind: Kind,
    client: u8,
    /// The generation that places begin with: clients after one another have different ones.
    first_generation: u32,
    limit: u32,
    places: Vec<Place<T>>,
    /// Places to use again, the one that was left longest ago first.
    free: std::collections::VecDeque<u32>,
}

impl<T> Slab<T> {
    pub(crate) fn new(kind: Kind, client: u8, first_generation: u32, limit: u32) -> Self {
        Self {
            kind,
            client,
            first_generation: first_generation % GENERATIONS,
            limit: limit.min(PLACES),
            places: Vec::new(),
            free: std::collections::VecDeque::new(),
        }
    }

    /// Takes a place for an object that nobody counts on yet; gives it back when there is none.
    pub(crate) fn insert(&mut self, object: T) -> Option<Id<T>> {
        if let Some(at) = self.free.pop_front() {
            self.places[at as usize].object = Some(object);
            return Some(Id(at, PhantomData));
        }
        let at = u32::try_from(self.places.len())
            .ok()
            .filter(|at| *at < self.limit)?;
        self.places.push(Place {
            generation: self.first_generation,
            pins: 0,
            references: References::default(),
            object: Some(object),
        });
        Some(Id(at, PhantomData))
    }

    /// Whether another object finds a place.
    pub(crate) fn has_room(&self) -> bool {
        !self.free.is_empty() || self.places.len() < self.limit as usize
    }

    pub(crate) fn handle(&self, id: Id<T>) -> Handle {
        let generation = u64::from(self.places[id.0 as usize].generation);
        Handle(
            u64::from(self.client) << CLIENT_SHIFT
                | (self.kind as u64) << KIND_SHIFT
                | generation << GENERATION_SHIFT
                | u64::from(id.0),
        )
    }

    /// The object that a handle names, if it still does.
    pub(crate) fn find(&self, handle: Handle) -> Option<Id<T>> {
        let at = (handle.0 & u64::from(PLACES - 1)) as u32;
        let place = self.places.get(at as usize)?;
        let id = Id(at, PhantomData);
        (place.object.is_some() && self.handle(id) == handle).then_some(id)
    }

    pub(crate) fn pin(&mut self, id: Id<T>) {
        self.places[id.0 as usize].pins += 1;
    }

    /// Says whether nobody counts on the object any more.
    #[must_use]
    pub(crate) fn unpin(&mut self, id: Id<T>) -> bool {
        let place = &mut self.places[id.0 as usize];
        place.pins = place.pins.saturating_sub(1);
        self.is_unused(id)
    }

    pub(crate) fn pins(&self, id: Id<T>) -> u32 {
        self.places[id.0 as usize].pins
    }

    pub(crate) fn is_unused(&self, id: Id<T>) -> bool {
        let place = &self.places[id.0 as usize];
        place.pins == 0 && place.references.is_empty()
    }

    /// Whether an entity holds a reference.
    #[cfg(test)]
    pub(crate) fn is_referenced(&self, id: Id<T>) -> bool {
        !self.places[id.0 as usize].references.is_empty()
    }

    /// Gives an entity a reference, which its module drops: the handle.
    pub(crate) fn refer<E>(&mut self, id: Id<T>, entity: Id<E>) -> Handle {
        self.places[id.0 as usize].references.add(entity.0);
        self.handle(id)
    }

    /// Takes a reference back; false when there is none.
    pub(crate) fn release<E>(&mut self, id: Id<T>, entity: Id<E>) -> bool {
        self.places[id.0 as usize].references.remove(entity.0)
    }

    /// Takes a reference of the entity's own back, if it has one.
    pub(crate) fn consume<E>(&mut self, id: Id<T>, entity: Id<E>) {
        self.places[id.0 as usize].references.remove_own(entity.0);
    }

    /// Takes all references of an entity back: how many, and the objects that nobody counts on any more.
    pub(crate) fn forget<E>(&mut self, entity: Id<E>) -> (u64, Vec<Id<T>>) {
        let mut count = 0;
        let mut unused = Vec::new();
        for (at, place) in self.places.iter_mut().enumerate() {
            if place.object.is_none() {
                continue;
            }
            let forgotten = place.references.forget(entity.0);
            count += forgotten;
            if forgotten > 0 && place.pins == 0 && place.references.is_empty() {
                // INVARIANT: places are numbered by u32.
                unused.push(Id(at as u32, PhantomData));
            }
        }
        (count, unused)
    }

    /// Takes an object out, whoever counts on it: its handles become invalid.
    pub(crate) fn remove(&mut self, id: Id<T>) -> Option<T> {
        let place = &mut self.places[id.0 as usize];
        let object = place.object.take()?;
        place.generation = (place.generation + 1) % GENERATIONS;
        place.pins = 0;
        place.references = References::default();
        self.free.push_back(id.0);
        Some(object)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        let places = self.places.iter().enumerate();
        // INVARIANT: places are numbered by u32.
        places.filter_map(|(at, place)| Some((Id(at as u32, PhantomData), place.object.as_ref()?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

impl<T> Index<Id<T>> for Slab<T> {
    type Output = T;

    fn index(&self, id: Id<T>) -> &T {
        match &self.places[id.0 as usize].object {
            Some(object) => object,
            None => unreachable!("an identifier outlived its object"),
        }
    }
}

impl<T> IndexMut<Id<T>> for Slab<T> {
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        match &mut self.places[id.0 as usize].object {
            Some(object) => object,
            None => unreachable!("an identifier outlived its object"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entity;

    fn entity(at: u32) -> Id<Entity> {
        Id(at, PhantomData)
    }

    #[test]
    fn handles_are_told_apart() {
        let mut slab: Slab<u32> = Slab::new(Kind::Route, 7, 3, 2);
        let one = slab.insert(11).unwrap();
        let two = slab.insert(22).unwrap();
        assert!(slab.insert(33).is_none());
        assert!(!slab.has_room());
        let (first, second) = (slab.handle(one), slab.handle(two));
        assert_eq!(first.client(), 7);
        assert_eq!(Kind::of(first), Some(Kind::Route));
        assert_eq!(slab.find(first), Some(one));
        assert_eq!(slab.remove(one), Some(11));
        assert_eq!(slab.find(first), None);
        let three = slab.insert(33).unwrap();
        assert_eq!(three, one);
        assert_ne!(slab.handle(three), first);
        assert_eq!(slab.find(first), None);
        assert_eq!(slab[slab.find(second).unwrap()], 22);
        for garbage in [
            0,
            1,
            u64::MAX,
            first.0 ^ 1 << 60,
            first.0 ^ 1 << 53,
            second.0 ^ 1 << 40,
        ] {
            assert_eq!(slab.find(Handle(garbage)), None, "{garbage:#x}");
        }
        let other: Slab<u32> = Slab::new(Kind::Route, 7, 4, 2);
        assert_eq!(other.find(second), None);
    }

    #[test]
    fn references_belong_to_entities() {
        let mut slab: Slab<u32> = Slab::new(Kind::Route, 7, 0, 9);
        let id = slab.insert(1).unwrap();
        slab.refer(id, entity(1));
        slab.refer(id, entity(2));
        slab.refer(id, entity(2));
        slab.pin(id);
        assert!(slab.release(id, entity(2)));
        assert_eq!(slab.forget(entity(1)).0, 1);
        // The last one was handed over.
        assert!(slab.is_referenced(id));
        assert!(slab.release(id, entity(3)));
        assert!(!slab.release(id, entity(2)));
        assert!(!slab.is_unused(id));
        assert!(slab.unpin(id));
        slab.refer(id, entity(4));
        slab.refer(id, entity(4));
        assert_eq!(slab.forget(entity(4)), (2, vec![id]));
    }
}
