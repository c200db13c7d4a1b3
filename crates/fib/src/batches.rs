//! What the kernel is asked to do next, in the order it must be done in.

use waypost_netlink::constants::{RT_SCOPE_LINK, RT_SCOPE_NOWHERE};
use waypost_netlink::{Batch, Change, PushError, Route, RouteType, Set};
use waypost_types::{Prefix, RouteKind, Time};

use crate::fib::{BatchId, Fib, Token, object_id};
use crate::object::{Index, Members, Presence, Sent as ObjectSent, Shape};
use crate::ownership::Mode;
use crate::report::Failure;
use crate::rows::Form;
use crate::work::Sent;

/// Routes not told yet are asked for again when fewer wait than this.
const BACKLOG: usize = 1024;

impl Fib {
    /// Whether there is room for more wishes before a batch is due. Wishes are always taken; this keeps memory small.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.works.queued() < BACKLOG
    }

    /// Fills `batch`, which is cleared first, with what is to be done next. `None` if there is nothing to do, if a batch
    /// is under way, or if the kernel's state must be read first.
    ///
    /// The batch is to be sent, and [`Self::completed`] or [`Self::batch_lost`] to be called.
    pub fn next_batch(&mut self, now: Time, batch: &mut Batch<Token>) -> Option<BatchId> {
        batch.clear();
        self.now = now;
        if self.in_flight.is_some() || self.resync.is_some() {
            return None;
        }
        self.push_doubtful(batch);
        // What is doubtful is in nobody's way only when it is deleted.
        if self.objects.doubtful.is_empty() {
            self.push_objects(now, batch);
            self.push_routes(now, batch);
            self.push_unmade(batch);
            self.push_superseded(batch);
        }
        if batch.is_empty() {
            return None;
        }
        self.batches += 1;
        self.statistics.batches += 1;
        let id = BatchId(self.batches);
        self.in_flight = Some((id, batch.tokens().copied().collect()));
        Some(id)
    }

    fn push_doubtful(&mut self, batch: &mut Batch<Token>) {
        while let Some(&index) = self.objects.doubtful.first() {
            let id = object_id(index);
            if batch.push(Token::Unmake(id), &Change::DeleteNexthop(id)).is_err() {
                return;
            }
            self.objects.doubtful.remove(&index);
            // Whether it was there or not, after this it is not; if the batch is lost, a resync tells.
            if let Some(object) = self.objects.get_mut(index) {
                object.presence = Presence::Absent;
            }
        }
    }

    fn push_objects(&mut self, now: Time, batch: &mut Batch<Token>) {
        while let Some(&(rank, index)) = self.objects.due_to_make.first() {
            let members = self.due_to_make(now, index);
            if let Some(members) = members
                && let Some(request) = self.objects.request(index, &members)
            {
                match batch.push(
                    Token::Make(request.id),
                    &Change::SetNexthop(Set::Replace, &request),
                ) {
                    Err(PushError::Full(_)) => return,
                    Err(PushError::Encode(error)) => self.object_unsendable(index, error.to_string()),
                    Ok(()) => {
                        self.statistics.objects_set += 1;
                        members
                            .iter()
                            .for_each(|&(member, _)| self.objects.retain(member));
                        if let Some(object) = self.objects.get_mut(index) {
                            object.sent = Some(ObjectSent::Make(members));
                            object.disturbed = None;
                        }
                    }
                }
            }
            self.objects.due_to_make.remove(&(rank, index));
        }
    }

    /// The members to make an object with (none for a single one), or `None` if there is nothing to do about it now.
    fn due_to_make(&mut self, now: Time, index: Index) -> Option<Members> {
        let object = self.objects.get(index)?;
        let waiting = object.retry.is_some_and(|at| at > now);
        if object.users == 0 || object.sent.is_some() || waiting || object.presence == Presence::Doubtful {
            return None;
        }
        if let Shape::Group(_) = object.shape {
            let ready = self.objects.ready_members(object);
            let right = object.presence == Presence::Present && object.held_members == ready;
            return (!ready.is_empty() && !right).then_some(ready);
        }
        let down = object
            .interface()
            .filter(|interface| self.links.get(interface) == Some(&false));
        if object.presence == Presence::Present {
            return None;
        }
        if let Some(interface) = down {
            let text = format!("interface {interface} is down or has no carrier");
            let failure = Some(Box::new(Failure { errno: 0, text }));
            if let Some(object) = self.objects.get_mut(index) {
                object.failure = failure;
            }
            return None;
        }
        Some(Members::new())
    }

    fn object_unsendable(&mut self, index: Index, text: String) {
        if let Some(object) = self.objects.get_mut(index) {
            object.failure = Some(Box::new(Failure { errno: 0, text }));
        }
    }

    fn push_routes(&mut self, now: Time, batch: &mut Batch<Token>) {
        while let Some(prefix) = self.works.dequeue() {
            let Some(sent) = self.due_to_send(prefix) else {
                continue;
            };
            let pushed = match sent {
                Sent::Set(form) => {
                    // A route that is not there for certain is added, so that nobody else's can be replaced.
                    let work = self.works.get(prefix);
                    let there = work.is_some_and(|work| work.held.is_some() && !work.shaken);
                    let set = if there { Set::Replace } else { Set::Add };
                    let route = self.route(prefix, form, false);
                    batch.push(Token::Route(prefix), &Change::SetRoute(set, &route))
                }
                Sent::Delete => {
                    let held = self.works.get(prefix).and_then(|work| work.held);
                    let Some(held) = held else { continue };
                    let route = self.route(prefix, held, true);
                    batch.push(Token::Route(prefix), &Change::DeleteRoute(&route))
                }
            };
            match pushed {
                Ok(()) => {
                    match sent {
                        Sent::Set(form) => {
                            self.objects.retain(form.object);
                            self.statistics.routes_set += 1;
                        }
                        Sent::Delete => self.statistics.routes_deleted += 1,
                    }
                    if let Some(work) = self.works.get_mut(prefix) {
                        work.sent = Some(sent);
                        work.disturbed = None;
                    }
                }
                Err(PushError::Full(_)) => {
                    self.works.requeue_front(prefix);
                    return;
                }
                Err(PushError::Encode(error)) => {
                    let failure = Failure {
                        errno: 0,
                        text: error.to_string(),
                    };
                    self.route_failed(now, prefix, failure);
                }
            }
        }
    }

    /// What to do about a destination now.
    fn due_to_send(&mut self, prefix: Prefix) -> Option<Sent> {
        let work = self.works.get(prefix)?;
        let (wanted, held, shaken) = (work.wanted, work.held, work.shaken);
        if work.sent.is_some() {
            return None;
        }
        match (wanted, held) {
            (None, None) => {
                self.works.remove(prefix);
                None
            }
            (None, Some(_)) => Some(Sent::Delete),
            (Some(wanted), Some(held)) if wanted == held && !shaken && !self.is_rewritten(wanted) => {
                self.settle(prefix);
                None
            }
            (Some(wanted), held) => {
                if !self.object_is_ready(wanted.object) {
                    if let Some(object) = self.objects.get_mut(wanted.object) {
                        object.awaited = true;
                    }
                    return None;
                }
                if self.foreign.contains(&prefix) && held.is_some() {
                    return Some(Sent::Delete);
                }
                // Someone else's may be gone without a word, with its link: adding ours shows that, and harms nothing.
                Some(Sent::Set(wanted))
            }
        }
    }

    /// Without objects a route can be unsettled although its form is the same: its next hops are others.
    fn is_rewritten(&self, form: Form) -> bool {
        self.mode == Mode::Inline
            && self
                .objects
                .get(form.object)
                .is_some_and(|object| matches!(object.shape, Shape::Group(_)))
    }

    pub(crate) fn object_is_ready(&self, index: Index) -> bool {
        self.objects
            .get(index)
            .is_some_and(crate::object::Object::is_ready)
    }

    fn push_unmade(&mut self, batch: &mut Batch<Token>) {
        while let Some(&(rank, index)) = self.objects.to_unmake.first() {
            let unmake = match self.objects.get(index) {
                Some(object) if object.is_kept() || object.sent.is_some() => false,
                Some(object) if object.presence == Presence::Absent || self.mode == Mode::Inline => {
                    self.objects.to_unmake.remove(&(rank, index));
                    self.objects.remove(index);
                    continue;
                }
                Some(_) => true,
                None => false,
            };
            if unmake {
                let id = object_id(index);
                if batch.push(Token::Unmake(id), &Change::DeleteNexthop(id)).is_err() {
                    return;
                }
                self.objects.doubtful.remove(&index);
                self.statistics.objects_deleted += 1;
                if let Some(object) = self.objects.get_mut(index) {
                    object.sent = Some(ObjectSent::Unmake);
                    object.disturbed = None;
                }
            }
            self.objects.to_unmake.remove(&(rank, index));
        }
    }

    /// The last of a life that used objects go when its successor, which does not, sweeps.
    fn push_superseded(&mut self, batch: &mut Batch<Token>) {
        while self.swept
            && let Some((&id, _)) = self.superseded.first_key_value()
        {
            if batch.push(Token::Unmake(id), &Change::DeleteNexthop(id)).is_err() {
                return;
            }
            self.superseded.remove(&id);
            self.statistics.objects_deleted += 1;
        }
    }

    fn route(&self, prefix: Prefix, form: Form, delete: bool) -> Route {
        let mut route = Route::new(prefix);
        route.protocol = form.protocol;
        route.kind = RouteType::from(form.kind);
        route.priority = self.mode.priority();
        if delete {
            route.scope = RT_SCOPE_NOWHERE;
        } else if matches!(prefix, Prefix::V4(_))
            && form.kind == RouteKind::Unicast
            && self.objects.is_on_link(form.object)
        {
            // The kernel accepts gateways found through a route only if it is of link scope.
            route.scope = RT_SCOPE_LINK;
        }
        match self.mode {
            Mode::Objects => route.nexthop = Some(object_id(form.object)),
            Mode::Inline if !delete && form.kind == RouteKind::Unicast => {
                route.next_hops = self.objects.next_hops(form.object);
            }
            Mode::Inline => {}
        }
        route
    }
}
