//! What entities are told, and the thread that tells it: one a client, with no lock held (P-57).

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use waypost_routprot::Status;
use waypost_rtm::Family;

use super::Inner;
use super::handle::{Handle, Id};
use super::info::{EntityInfo, Event};
use super::lock::Key;
use super::state::{Deadline, Entity, Route, State};
use crate::table::Bell;

/// How long a route whose time is over waits while its destination is locked.
const LATER: Duration = Duration::from_millis(20);

/// Something that an entity is to be told.
pub(super) struct Pending {
    pub(super) entity: Handle,
    pub(super) news: News,
}

pub(super) enum News {
    /// The entity is pinned.
    Registered(Id<Entity>),
    /// The entity is pinned.
    Deregistered(Id<Entity>),
    Expired(Handle),
    Changed(Handle, usize),
}

/// Whose bell rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Registration(Handle),
    /// The client's own, by the place of the family.
    Own(usize),
}

/// What the thread has to look after. Nothing else is locked under it, so that a table may ring with its own locks held.
#[derive(Default)]
pub(super) struct Notes {
    notes: Mutex<Noted>,
    news: Condvar,
}

#[derive(Default)]
struct Noted {
    rung: BTreeSet<Source>,
    must_look: bool,
    is_over: bool,
}

struct OneBell {
    notes: Arc<Notes>,
    source: Source,
}

impl Bell for OneBell {
    fn ring(&self) {
        self.notes.lock().rung.insert(self.source);
        self.notes.news.notify_one();
    }
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bell(self: &Arc<Self>, source: Source) -> Arc<dyn Bell> {
        Arc::new(OneBell {
            notes: Arc::clone(self),
            source,
        })
    }

    /// There is something to tell, or an earlier deadline.
    pub(super) fn wake(&self) {
        self.lock().must_look = true;
        self.news.notify_one();
    }

    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.news.notify_one();
    }

    /// Waits for something to do. `None`: it is over.
    fn next(&self, until: Option<Instant>) -> Option<BTreeSet<Source>> {
        let mut noted = self.lock();
        loop {
            if noted.is_over {
                return None;
            }
            let now = Instant::now();
            if noted.must_look || !noted.rung.is_empty() || until.is_some_and(|until| until <= now) {
                noted.must_look = false;
                return Some(std::mem::take(&mut noted.rung));
            }
            noted = match until {
                None => self.news.wait(noted).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let waited = self.news.wait_timeout(noted, until - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl State {
    /// Tells the other entities of a family about one.
    pub(super) fn tell_others(&mut self, about: Id<Entity>, news: fn(Id<Entity>) -> News) {
        let family = self.family(about);
        let others: Vec<_> = self
            .entities
            .iter()
            .filter(|(id, entity)| *id != about && entity.family == family)
            .filter(|(_, entity)| {
                let registered = entity.registered.as_ref();
                registered.is_some_and(|registered| registered.events.is_some())
            })
            .map(|(id, _)| id)
            .collect();
        for other in others {
            self.entities.pin(about);
            let entity = self.entities.handle(other);
            self.pending.push_back(Pending {
                entity,
                news: news(about),
            });
        }
        self.notes.wake();
    }

    fn forget_news(&mut self, news: &News) {
        if let News::Registered(about) | News::Deregistered(about) = news {
            self.unpin_entity(*about);
        }
    }

    /// What an entity is told now; `None` when it is of no interest any more.
    fn event_for(&mut self, entity: Id<Entity>, news: &News) -> Option<Event> {
        let about = |state: &Self, id: Id<Entity>| {
            let entity = &state.entities[id];
            let info = EntityInfo {
                family: entity.family,
                name: entity.name,
            };
            (state.entities.handle(id), info)
        };
        match news {
            News::Registered(id) => {
                let (handle, info) = about(self, *id);
                Some(Event::EntityRegistered(handle, info))
            }
            News::Deregistered(id) => {
                let (handle, info) = about(self, *id);
                Some(Event::EntityDeregistered(handle, info))
            }
            News::Expired(handle) => {
                let route = self.routes.find(*handle)?;
                if self.routes[route].is_deleted || !self.routes[route].is_expired {
                    return None;
                }
                let handle = self.routes.refer(route, entity);
                Some(Event::RouteExpired(handle, self.route_info(entity, route)))
            }
            News::Changed(handle, context) => {
                self.registrations.find(*handle)?;
                Some(Event::ChangeNotification(*handle, *context))
            }
        }
    }

    /// Looks after routes whose time is over.
    fn expire(&mut self, now: Instant) {
        while let Some(Deadline(std::cmp::Reverse(due), handle)) = self.deadlines.peek()
            && *due <= now
        {
            let handle = *handle;
            self.deadlines.pop();
            let Some(id) = self.routes.find(handle) else {
                continue;
            };
            let route = &mut self.routes[id];
            route.queued = None;
            let (destination, owner) = (route.destination, route.owner);
            let Some(expires) = route.expires else { continue };
            let has_events = self
                .registered(owner)
                .is_ok_and(|registered| registered.events.is_some());
            let is_locked = !has_events && self.locks.is_others(Key::Destination(destination));
            if expires > now || is_locked {
                self.queue(id, if expires > now { expires } else { now + LATER });
                continue;
            }
            self.routes[id].expires = None;
            self.routes[id].is_expired = true;
            if has_events {
                let entity = self.entities.handle(owner);
                self.pending.push_back(Pending {
                    entity,
                    news: News::Expired(handle),
                });
            } else {
                // INVARIANT: the entity is registered as long as it has routes, so the table knows it.
                let _ = self.delete(id);
            }
        }
    }

    fn queue(&mut self, id: Id<Route>, at: Instant) {
        let handle = self.routes.handle(id);
        self.routes[id].queued = Some(at);
        self.deadlines.push(Deadline(std::cmp::Reverse(at), handle));
    }
}

impl Inner {
    /// The client's thread.
    pub(super) fn run(&self) {
        let mut until = None;
        while let Some(rung) = self.notes.next(until) {
            let mut state = self.lock();
            for source in rung {
                match source {
                    Source::Registration(registration) => state.registration_news(registration),
                    Source::Own(0) => state.own_news(Family::V4),
                    Source::Own(_) => state.own_news(Family::V6),
                }
            }
            state.expire(Instant::now());
            while let Some(pending) = state.pending.pop_front() {
                state = self.tell(state, &pending);
                state.expire(Instant::now());
            }
            until = state.deadlines.peek().map(|first| first.0.0);
        }
    }

    fn tell<'a>(&'a self, mut state: MutexGuard<'a, State>, pending: &Pending) -> MutexGuard<'a, State> {
        let told = state.caller(pending.entity).ok().and_then(|entity| {
            let events = state.registered(entity).ok()?.events.clone()?;
            Some((entity, events, state.event_for(entity, &pending.news)?))
        });
        if let Some((entity, events, event)) = told {
            state.calling = Some(entity);
            drop(state);
            let answer = events.event(pending.entity, event.clone());
            state = self.lock();
            state.calling = None;
            self.news.notify_all();
            // It may have ended itself: then its references are gone already.
            if let (Event::RouteExpired(route, info), Ok(entity)) = (event, state.caller(pending.entity)) {
                if answer == Status::ERROR_NOT_SUPPORTED {
                    state = self.delete_expired(state, route);
                }
                state.release_route_info(entity, &info);
                state.release_handle(entity, route);
            }
        }
        state.forget_news(&pending.news);
        state
    }

    fn delete_expired<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        route: Handle,
    ) -> MutexGuard<'a, State> {
        let Some(id) = state.routes.find(route) else {
            return state;
        };
        // An update that came meanwhile gave it more time.
        if state.routes[id].is_deleted || !state.routes[id].is_expired {
            return state;
        }
        let key = Key::Destination(state.routes[id].destination);
        if state.locks.is_others(key) {
            // Asked for again later: whoever has the lock may be about to give it more time.
            let at = Instant::now() + LATER;
            state.routes[id].expires = Some(at);
            state.queue(id, at);
        } else {
            // INVARIANT: the entity is registered, so the table knows it.
            let _ = state.delete(id);
        }
        state
    }
}
