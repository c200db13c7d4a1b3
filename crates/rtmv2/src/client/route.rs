//! Routes of the client's entities (router-services A5).

use std::time::{Duration, Instant};

use waypost_routprot::Status;
use waypost_types::{MAX_NEXT_HOPS, PathId, Prefix};

use super::Target;
use super::handle::{Handle, Id};
use super::info::{self, RouteInfo, views_of};
use super::list::List;
use super::state::{Content, Deadline, Destination, Entity, Route, State};
use crate::table::Views;

/// A time to live that never ends.
pub const INFINITE: u32 = u32::MAX;

/// What RtmAddRouteToDest is asked for.
#[derive(Clone, Debug)]
pub struct RouteRequest<'a> {
    /// The route to update, or how to answer.
    pub target: Target,
    /// The destination.
    pub prefix: Prefix,
    /// What the caller supplies of a route (P-58).
    pub info: &'a RouteInfo,
    /// Milliseconds, or [`INFINITE`].
    pub time_to_live: u32,
    /// The list to put it on, or none.
    pub list: Handle,
    /// RTM_ROUTE_CHANGE_FIRST: a route by any neighbour will do.
    pub first: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The route, if its handle was asked for.
    pub route: Handle,
    /// It was created: RTM_ROUTE_CHANGE_NEW.
    pub is_new: bool,
    /// It is a best route, or the best one changed: RTM_ROUTE_CHANGE_BEST.
    pub is_best: bool,
}

impl State {
    /// Checks what an owner says about a route (P-58).
    pub(super) fn content(&self, caller: Id<Entity>, info: &RouteInfo) -> Result<Content, Status> {
        let own = |handle| match self.own_hop(caller, handle) {
            Err(Status::ERROR_ACCESS_DENIED) => Err(Status::ERROR_INVALID_PARAMETER),
            other => other,
        };
        let views = views_of(info.views, Status::ERROR_INVALID_PARAMETER)?;
        if views.is_empty() || info.next_hops.len() > MAX_NEXT_HOPS {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        Ok(Content {
            neighbour: if info.neighbour.is_null() {
                None
            } else {
                Some(own(info.neighbour)?)
            },
            flags1: info.flags1,
            flags: info.flags,
            metric: info.metric,
            preference: info.preference,
            views,
            specific: info.specific,
            hops: info
                .next_hops
                .iter()
                .map(|hop| own(*hop))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn path(&self, content: &Content) -> PathId {
        content
            .neighbour
            .map_or(PathId(0), |neighbour| self.hops[neighbour].path)
    }

    /// The caller's route to a destination, by this neighbour or by any.
    pub(super) fn find_own(
        &self,
        owner: Id<Entity>,
        at: Id<Destination>,
        path: Option<PathId>,
    ) -> Option<Id<Route>> {
        let routes = self.destinations[at].routes.iter().copied();
        routes.into_iter().find(|id| {
            let route = &self.routes[*id];
            route.is_own && route.owner == owner && path.is_none_or(|path| path == route.path)
        })
    }

    fn pin_content(&mut self, content: &Content) {
        if let Some(neighbour) = content.neighbour {
            self.hops.pin(neighbour);
        }
        for hop in &content.hops {
            self.hops.pin(*hop);
        }
    }

    pub(super) fn unpin_content(&mut self, content: Content) {
        if let Some(neighbour) = content.neighbour {
            self.unpin_hop(neighbour);
        }
        for hop in content.hops {
            self.unpin_hop(hop);
        }
    }

    /// Puts `content` into a route and gives what was there.
    fn exchange(&mut self, id: Id<Route>, content: Content) -> Content {
        let path = self.path(&content);
        let route = &mut self.routes[id];
        route.path = path;
        std::mem::replace(&mut route.content, content)
    }

    /// Makes a route to `prefix`, the object of which is `destination` if it has one.
    pub(super) fn create(
        &mut self,
        caller: Id<Entity>,
        prefix: Prefix,
        destination: Option<Id<Destination>>,
        content: Content,
    ) -> Result<(Id<Route>, Views), Status> {
        if !self.routes.has_room() || (destination.is_none() && !self.destinations.has_room()) {
            return Err(Status::ERROR_NOT_ENOUGH_MEMORY);
        }
        let key = self.registered(caller)?.key;
        let (path, views) = (self.path(&content), content.views);
        let wanted = self.wanted(None, &content);
        let is_in_table = wanted.is_some();
        let table = self.table.clone();
        let mut content = Some(content);
        let mut made = None;
        let mut make = || {
            if let Some(content) = content.take() {
                made = self.make(caller, prefix, destination, content, is_in_table);
            }
        };
        let best = match &wanted {
            Some(route) => table.set_while(key, prefix, path, views, route, &mut make),
            None => {
                make();
                Ok(Views::empty())
            }
        };
        // INVARIANT: there was room.
        let id = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        match best {
            Ok(best) => Ok((id, best)),
            Err(status) => {
                self.unpin_route(id);
                Err(status)
            }
        }
    }

    /// Makes the objects of a route, which the table has or not; `None`: there is no room.
    fn make(
        &mut self,
        owner: Id<Entity>,
        prefix: Prefix,
        destination: Option<Id<Destination>>,
        content: Content,
        is_in_table: bool,
    ) -> Option<Id<Route>> {
        let destination = match destination {
            Some(destination) => destination,
            None => self.intern_new(prefix).ok()?,
        };
        let path = self.path(&content);
        self.pin_content(&content);
        let id = self.routes.insert(Route {
            destination,
            owner,
            path,
            is_own: true,
            is_held: false,
            is_deleted: false,
            is_in_table,
            content,
            list: None,
            expires: None,
            is_expired: false,
            queued: None,
            attachment: None,
        })?;
        self.entities.pin(owner);
        self.destinations.pin(destination);
        self.destinations[destination].routes.push(id);
        self.routes.pin(id);
        if !is_in_table {
            self.count_withdrawn(id, true);
        }
        Some(id)
    }

    /// Gives a route another content; everything is as before when that fails.
    pub(super) fn update(&mut self, id: Id<Route>, content: Content) -> Result<Views, Status> {
        let route = &self.routes[id];
        let (owner, destination, path) = (route.owner, route.destination, route.path);
        let new_path = self.path(&content);
        if new_path != path && self.find_own(owner, destination, Some(new_path)).is_some() {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let was_in_table = self.routes[id].is_in_table;
        self.pin_content(&content);
        let before = self.exchange(id, content);
        if new_path != path {
            // To the table it is another route.
            self.note_in_table(id, false);
        }
        match self.sync(id) {
            Ok(mut best) => {
                if new_path != path && was_in_table {
                    let prefix = self.destinations[destination].prefix;
                    let key = self.registered(owner)?.key;
                    best |= self.table.delete(key, prefix, path)?;
                }
                self.unpin_content(before);
                Ok(best)
            }
            Err(status) => {
                let refused = self.exchange(id, before);
                self.note_in_table(id, was_in_table);
                self.unpin_content(refused);
                Err(status)
            }
        }
    }

    /// Deletes a route that is not deleted yet.
    pub(super) fn delete(&mut self, id: Id<Route>) -> Result<Views, Status> {
        let route = &self.routes[id];
        let (owner, destination, path) = (route.owner, route.destination, route.path);
        let best = if route.is_in_table {
            let prefix = self.destinations[destination].prefix;
            let key = self.registered(owner)?.key;
            self.table.delete(key, prefix, path)?
        } else {
            self.count_withdrawn(id, false);
            Views::empty()
        };
        self.take_off_list(id);
        let route = &mut self.routes[id];
        route.is_deleted = true;
        route.is_in_table = false;
        route.expires = None;
        self.destinations[destination].routes.retain(|other| *other != id);
        self.unpin_route(id);
        Ok(best)
    }

    /// Restarts the time of a route (P-59).
    pub(super) fn restart(&mut self, id: Id<Route>, time_to_live: u32) {
        let handle = self.routes.handle(id);
        let route = &mut self.routes[id];
        route.is_expired = false;
        if time_to_live == INFINITE {
            route.expires = None;
            return;
        }
        let expires = Instant::now() + Duration::from_millis(time_to_live.into());
        route.expires = Some(expires);
        // An earlier entry of the heap finds the later time by itself.
        if route.queued.is_none_or(|queued| queued > expires) {
            route.queued = Some(expires);
            let is_first = self.deadlines.peek().is_none_or(|first| first.0.0 > expires);
            self.deadlines.push(Deadline(std::cmp::Reverse(expires), handle));
            self.thin_deadlines();
            if is_first {
                self.notes.wake();
            }
        }
    }

    /// Drops entries that something earlier of the same route has made useless, once most are: whoever shortens the time of a
    /// route again and again must not fill the memory.
    fn thin_deadlines(&mut self) {
        const FEW: usize = 1024;
        if self.deadlines.len() <= FEW + 2 * self.routes.len() {
            return;
        }
        let routes = self.routes.iter();
        let queued = routes.filter_map(|(id, route)| Some((id, route.queued?)));
        self.deadlines = queued
            .map(|(id, queued)| Deadline(std::cmp::Reverse(queued), self.routes.handle(id)))
            .collect();
    }

    /// What a route is, with references for the entity.
    pub(super) fn route_info(&mut self, caller: Id<Entity>, id: Id<Route>) -> RouteInfo {
        let route = &self.routes[id];
        RouteInfo {
            destination: self.destinations.refer(route.destination, caller),
            owner: self.entities.refer(route.owner, caller),
            neighbour: route
                .content
                .neighbour
                .map_or(Handle::NULL, |neighbour| self.hops.refer(neighbour, caller)),
            next_hops: route
                .content
                .hops
                .iter()
                .map(|hop| self.hops.refer(*hop, caller))
                .collect(),
            ..self.bare_route_info(id)
        }
    }

    /// What a route is, without handles.
    fn bare_route_info(&self, id: Id<Route>) -> RouteInfo {
        let route = &self.routes[id];
        RouteInfo {
            state: if route.is_deleted {
                info::State::Deleted
            } else {
                info::State::Created
            },
            flags1: route.content.flags1,
            flags: route.content.flags,
            metric: route.content.metric,
            preference: route.content.preference,
            views: route.content.views.bits(),
            specific: route.content.specific,
            ..RouteInfo::default()
        }
    }

    /// What a route is, with handles that nobody was given a reference for.
    pub(super) fn plain_route_info(&self, id: Id<Route>) -> RouteInfo {
        let route = &self.routes[id];
        RouteInfo {
            destination: self.destinations.handle(route.destination),
            owner: self.entities.handle(route.owner),
            neighbour: route
                .content
                .neighbour
                .map_or(Handle::NULL, |neighbour| self.hops.handle(neighbour)),
            next_hops: route
                .content
                .hops
                .iter()
                .map(|hop| self.hops.handle(*hop))
                .collect(),
            ..self.bare_route_info(id)
        }
    }

    pub(super) fn list_or_none(&self, caller: Id<Entity>, list: Handle) -> Result<Option<Id<List>>, Status> {
        if list.is_null() {
            Ok(None)
        } else {
            self.own_list(caller, list).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use waypost_rtm::Family;
    use waypost_types::{ProtocolId, Seed};

    use super::*;
    use crate::client::{Client, Registration};
    use crate::{EntityName, LocalTable};

    #[test]
    fn shorter_and_shorter_times_do_not_pile_up() {
        let client = Client::new(Arc::new(LocalTable::new(Seed(1))), 1);
        let name = EntityName {
            protocol: ProtocolId(1),
            instance: 0,
        };
        let entity = client
            .register(Family::V4, name, &Registration::default())
            .unwrap();
        let info = RouteInfo {
            views: 1,
            ..RouteInfo::default()
        };
        let mut request = RouteRequest {
            target: Target::Unreferenced,
            prefix: Prefix::V4(waypost_types::Prefix4::DEFAULT),
            info: &info,
            time_to_live: 0,
            list: Handle::NULL,
            first: false,
        };
        for step in 0..10_000 {
            request.time_to_live = 1_000_000_000 - 1000 * step;
            client.add_route(entity, &request).unwrap();
        }
        let state = client.lock();
        assert!(state.deadlines.len() < 2000, "{}", state.deadlines.len());
        let (_, route) = state.routes.iter().next().unwrap();
        // The one that counts is among them.
        let first = state.deadlines.peek().unwrap();
        assert_eq!(Some(first.0.0), route.expires);
        assert_eq!(route.queued, route.expires);
    }
}
