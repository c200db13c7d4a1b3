//! The machine: wishes in, batches out, results back.

use std::collections::{BTreeMap, BTreeSet};

use waypost_netlink::constants::{RT_SCOPE_LINK, RT_SCOPE_NOWHERE};
use waypost_netlink::{Batch, Change, NexthopId, PushError, Route, RouteType, Set};
use waypost_rtm::{Family, Forwarding, ForwardingChange, NextHopSetChange};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, RouteKind, Seed, Time};

use crate::object::{Index, Members, Objects, Presence, Sent as ObjectSent, Shape, Single};
use crate::ownership::{FIRST_ID, Mode, kernel_protocol};
use crate::report::{Counts, Failure, Installation, Statistics};
use crate::rows::{Form, Row, Rows};
use crate::work::{Retry, Sent, Work, Works, back_off};

// `asm-generic/errno-base.h`, the same on every architecture.
pub(crate) const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;

/// Routes not told yet are asked for again when fewer wait than this.
const BACKLOG: usize = 1024;

/// A batch that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(u64);

/// Names one request of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Token {
    /// A route set or deleted.
    Route(Prefix),
    /// A nexthop object made or changed.
    Make(NexthopId),
    /// A nexthop object deleted.
    Unmake(NexthopId),
}

/// A request the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The request.
    pub token: Token,
    /// Why.
    pub failure: Failure,
}

/// The reconcile machine.
pub struct Fib {
    pub(crate) mode: Mode,
    pub(crate) objects: Objects,
    pub(crate) rows: Rows,
    pub(crate) works: Works,
    /// Whether packets can leave through an interface, as far as the kernel said.
    pub(crate) links: BTreeMap<InterfaceIndex, bool>,
    pub(crate) loopback: InterfaceIndex,
    /// Destinations where someone else has a route of our priority.
    pub(crate) foreign: BTreeSet<Prefix>,
    /// Routes of someone else that the kernel prefers to ours, with destination and priority, and where they go out.
    pub(crate) shadows: BTreeMap<(Prefix, u32), Option<InterfaceIndex>>,
    /// Routes of someone else through objects of ours: table, destination, priority, type of service.
    pub(crate) borrowed: BTreeMap<(u32, Prefix, u32, u8), Index>,
    /// How often a route was deleted by hand of late, and when last.
    pub(crate) fights: BTreeMap<Prefix, (u32, Time)>,
    in_flight: Option<(BatchId, Vec<Token>)>,
    batches: u64,
    pub(crate) swept: bool,
    /// The kernel's state is to be read anew.
    pub(crate) resync: Option<Time>,
    pub(crate) last_resync: Option<Time>,
    /// How many resyncs in a row were disturbed.
    pub(crate) disturbed_resyncs: u32,
    pub(crate) mark: bool,
    pub(crate) statistics: Statistics,
    strays: usize,
}

impl Fib {
    /// A machine that knows nothing of the kernel yet and asks for a resync. The seed keys hash tables; what the machine
    /// does is the same for every seed.
    #[must_use]
    pub fn new(mode: Mode, seed: Seed) -> Self {
        Self {
            mode,
            objects: Objects::new(mode == Mode::Inline),
            rows: Rows::new(seed),
            works: Works::new(seed),
            links: BTreeMap::new(),
            loopback: InterfaceIndex(1),
            foreign: BTreeSet::new(),
            shadows: BTreeMap::new(),
            borrowed: BTreeMap::new(),
            fights: BTreeMap::new(),
            in_flight: None,
            batches: 0,
            swept: false,
            resync: Some(Time::ZERO),
            last_resync: None,
            disturbed_resyncs: 0,
            mark: false,
            statistics: Statistics::default(),
            strays: 0,
        }
    }

    // Wishes

    /// Takes over how to forward to a destination. Connected routes are the kernel's own and are not installed.
    pub fn want(&mut self, change: &ForwardingChange) {
        let wanted = change
            .forwarding
            .as_ref()
            .filter(|forwarding| forwarding.owner != ProtocolId::LOCAL)
            .and_then(|forwarding| self.form(change.prefix, forwarding));
        self.set_wanted(change.prefix, wanted);
    }

    /// The form of a route, with one more reference to its object. None while no next hop is usable.
    fn form(&mut self, prefix: Prefix, forwarding: &Forwarding) -> Option<Form> {
        let family = Family::of(prefix);
        let object = match (forwarding.kind, forwarding.set) {
            (RouteKind::Unicast, Some(set)) => match forwarding.next_hops.as_slice() {
                [] => return None,
                [hop] if forwarding.members <= 1 => self.objects.acquire(Single::hop(hop, family)),
                hops => {
                    let (object, changed) = self.objects.acquire_group(set, family, hops);
                    if changed {
                        self.group_changed(object);
                    }
                    object
                }
            },
            (RouteKind::Unicast, None) => return None,
            (RouteKind::Blackhole, _) => self.objects.acquire(Single::Blackhole(family)),
            // The type of the route decides; the object bears the mark that the route is ours.
            (RouteKind::Unreachable | RouteKind::Prohibit, _) => self.objects.acquire(Single::Hop {
                family,
                interface: self.loopback,
                gateway: None,
                onlink: false,
            }),
        };
        Some(Form {
            object,
            protocol: kernel_protocol(forwarding.owner),
            kind: forwarding.kind,
        })
    }

    /// Takes over which next hops of a set are usable. With nexthop objects that is one message.
    pub fn set_changed(&mut self, change: &NextHopSetChange) {
        if change.next_hops.is_empty() {
            // The destinations that use it change as well, and take the object away.
            return;
        }
        for family in [Family::V4, Family::V6] {
            if let Some(object) = self.objects.group(change.set, family)
                && self.objects.set_hops(object, family, &change.next_hops)
            {
                self.group_changed(object);
            }
        }
    }

    /// Without objects every route of a set has to be written anew.
    fn group_changed(&mut self, object: Index) {
        if self.mode == Mode::Objects {
            return;
        }
        for prefix in self.rows.select(|row| row.form.object == object) {
            self.unsettle(prefix, true);
        }
        for prefix in self
            .works
            .select(|work| work.wanted.is_some_and(|form| form.object == object))
        {
            if let Some(work) = self.works.get_mut(prefix) {
                work.outdated = work.sent.is_some();
            }
            self.works.enqueue(prefix);
        }
    }

    /// `wanted` comes with a reference to its object.
    fn set_wanted(&mut self, prefix: Prefix, wanted: Option<Form>) {
        if let Some(work) = self.works.get_mut(prefix) {
            let old = std::mem::replace(&mut work.wanted, wanted);
            if old != wanted {
                work.attempts = 0;
                work.failure = None;
                // Who fights for a destination waits, whatever is wanted.
                if self.fights.get(&prefix).is_none_or(|fight| fight.0 < 2) || work.retry.is_none() {
                    self.works.enqueue(prefix);
                }
            }
            if let Some(old) = old {
                self.objects.release(old.object);
            }
            return;
        }
        match (self.rows.get(prefix), wanted) {
            // A stray that nobody wants stays until the sweep.
            (None, None) => {}
            (Some(row), None) if row.stray => {}
            (Some(row), Some(wanted)) if row.form == wanted => {
                if row.stray {
                    self.rows.put(prefix, Row { stray: false, ..row });
                    self.strays -= 1;
                    self.statistics.adopted += 1;
                }
                self.objects.release(wanted.object);
            }
            (row, wanted) => {
                if let Some(row) = row {
                    self.rows.take(prefix);
                    self.strays -= usize::from(row.stray);
                }
                let held = row.map(|row| row.form);
                self.works.insert(
                    prefix,
                    Work {
                        wanted,
                        held,
                        ..Work::default()
                    },
                );
                self.works.enqueue(prefix);
            }
        }
    }

    /// Makes unsettled what is a row: the kernel has it or not, and it is still wanted unless it is a stray.
    pub(crate) fn unsettle(&mut self, prefix: Prefix, held: bool) {
        let Some(row) = self.rows.take(prefix) else {
            return;
        };
        self.strays -= usize::from(row.stray);
        if !held && row.stray {
            self.objects.release(row.form.object);
            return;
        }
        let wanted = (!row.stray).then_some(row.form);
        if held && wanted.is_some() {
            self.objects.retain(row.form.object);
        }
        let work = Work {
            wanted,
            held: held.then_some(row.form),
            seen: true,
            ..Work::default()
        };
        self.works.insert(prefix, work);
        self.works.enqueue(prefix);
    }

    /// Notes what the kernel has for an unsettled destination.
    pub(crate) fn set_held(&mut self, prefix: Prefix, held: Option<Form>) {
        if let Some(form) = held {
            self.objects.retain(form.object);
        }
        let old = match self.works.get_mut(prefix) {
            Some(work) => {
                work.shaken = false;
                std::mem::replace(&mut work.held, held)
            }
            None => held,
        };
        if let Some(form) = old {
            self.objects.release(form.object);
        }
    }

    /// Adds a route that nobody asked for.
    pub(crate) fn add_stray(&mut self, prefix: Prefix, form: Form) {
        self.objects.retain(form.object);
        let row = Row {
            form,
            stray: true,
            mark: self.mark,
        };
        self.rows.put(prefix, row);
        self.strays += 1;
        if self.swept {
            self.unsettle(prefix, true);
        }
    }

    /// Deletes what is left from an earlier life and was not asked for, now and from now on.
    pub fn sweep_strays(&mut self) {
        self.swept = true;
        for prefix in self.rows.select(|row| row.stray) {
            self.statistics.swept += 1;
            self.unsettle(prefix, true);
        }
        self.objects.release_strays();
    }

    /// Nothing is wanted any more: everything of ours goes.
    pub fn withdraw_all(&mut self) {
        for prefix in self.rows.select(|row| !row.stray) {
            self.set_wanted(prefix, None);
        }
        for prefix in self.works.select(|work| work.wanted.is_some()) {
            self.set_wanted(prefix, None);
        }
        self.sweep_strays();
    }

    // Batches

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
        if self.in_flight.is_some() || self.resync.is_some() {
            return None;
        }
        self.push_doubtful(batch);
        // What is doubtful is in nobody's way only when it is deleted.
        if self.objects.doubtful.is_empty() {
            self.push_objects(now, batch);
            self.push_routes(now, batch);
            self.push_unmade(batch);
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
                            object.disturbed = false;
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
            let Some(sent) = self.due_to_send(now, prefix) else {
                continue;
            };
            let pushed = match sent {
                Sent::Set(form) => {
                    // A route that is not there is added, so that nobody else's can be replaced.
                    let held = self.works.get(prefix).is_some_and(|work| work.held.is_some());
                    let set = if held { Set::Replace } else { Set::Add };
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
                        work.disturbed = false;
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
    fn due_to_send(&mut self, now: Time, prefix: Prefix) -> Option<Sent> {
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
                if self.foreign.contains(&prefix) {
                    if held.is_some() {
                        return Some(Sent::Delete);
                    }
                    self.conflict(now, prefix);
                    return None;
                }
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

    fn object_is_ready(&self, index: Index) -> bool {
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
                    object.disturbed = false;
                }
            }
            self.objects.to_unmake.remove(&(rank, index));
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

    // Results

    /// The kernel is through with a batch: these requests it refused, all others are done. Ignored unless `id` is the
    /// batch under way.
    pub fn completed(&mut self, now: Time, id: BatchId, refused: Vec<Refused>) {
        let Some((_, tokens)) = self.in_flight.take_if(|(in_flight, _)| *in_flight == id) else {
            return;
        };
        self.statistics.refused += refused.len() as u64;
        let mut failures: BTreeMap<Token, Failure> = refused
            .into_iter()
            .map(|refused| (refused.token, refused.failure))
            .collect();
        for token in tokens {
            let failure = failures.remove(&token);
            match token {
                Token::Route(prefix) => self.route_done(now, prefix, failure),
                Token::Make(id) => self.object_made(now, id, failure),
                Token::Unmake(id) => self.object_unmade(id, failure),
            }
        }
    }

    /// It is not known what became of the batch under way, if one is: the kernel's state must be read.
    pub fn batch_lost(&mut self, now: Time) {
        let Some((_, tokens)) = self.in_flight.take() else {
            return;
        };
        self.resync = Some(now);
        for token in tokens {
            match token {
                Token::Route(prefix) => {
                    let sent = self.works.get_mut(prefix).and_then(|work| work.sent.take());
                    if let Some(Sent::Set(form)) = sent {
                        self.objects.release(form.object);
                    }
                    self.works.enqueue(prefix);
                }
                Token::Make(id) | Token::Unmake(id) => {
                    let index = id.0.saturating_sub(FIRST_ID);
                    let sent = self.objects.get_mut(index).and_then(|object| object.sent.take());
                    if let Some(ObjectSent::Make(members)) = sent {
                        members
                            .iter()
                            .for_each(|&(member, _)| self.objects.release(member));
                    }
                    self.objects.touch(index);
                }
            }
        }
    }

    fn object_made(&mut self, now: Time, id: NexthopId, failure: Option<Failure>) {
        let index = id.0.saturating_sub(FIRST_ID);
        let Some(object) = self.objects.get_mut(index) else {
            return;
        };
        let Some(ObjectSent::Make(members)) = object.sent.take() else {
            return;
        };
        let disturbed = std::mem::take(&mut object.disturbed);
        let is_group = matches!(object.shape, Shape::Group(_));
        match failure {
            None => {
                object.presence = Presence::Present;
                object.failure = None;
                object.attempts = 0;
                if let Some(at) = object.retry.take() {
                    self.works.remove_retry(at, Retry::Object(index));
                }
                let held = self.still_ready(&members);
                let lost = disturbed || held.len() < members.len() && held.is_empty();
                self.objects.set_held_members(index, &held);
                if lost {
                    self.object_lost(index, true);
                }
                self.objects
                    .groups_of(index)
                    .into_iter()
                    .for_each(|group| self.objects.touch(group));
                self.wake(index);
            }
            Some(failure) => {
                let blame = !is_group || members.iter().all(|&(member, _)| self.object_is_ready(member));
                if is_group && blame && matches!(failure.errno, EINVAL | ENOENT) {
                    self.demand_resync(now);
                }
                if blame && let Some(object) = self.objects.get_mut(index) {
                    object.failure = Some(Box::new(failure));
                    object.attempts = object.attempts.saturating_add(1);
                    let at = now + back_off(object.attempts);
                    if let Some(old) = object.retry.replace(at) {
                        self.works.remove_retry(old, Retry::Object(index));
                    }
                    self.works.add_retry(at, Retry::Object(index));
                }
                self.objects
                    .groups_of(index)
                    .into_iter()
                    .for_each(|group| self.objects.touch(group));
            }
        }
        members
            .iter()
            .for_each(|&(member, _)| self.objects.release(member));
        self.objects.touch(index);
    }

    fn object_unmade(&mut self, id: NexthopId, _failure: Option<Failure>) {
        let index = id.0.saturating_sub(FIRST_ID);
        // A doubtful object's deletion is not noted as sent: it may have been made again in the same batch.
        if let Some(object) = self.objects.get_mut(index)
            && object.sent == Some(ObjectSent::Unmake)
        {
            // The one reason to refuse is that it is not there.
            object.sent = None;
            object.presence = Presence::Absent;
            self.objects.set_held_members(index, &Members::new());
            self.objects.touch(index);
        }
    }

    fn route_done(&mut self, now: Time, prefix: Prefix, failure: Option<Failure>) {
        let Some(work) = self.works.get_mut(prefix) else {
            return;
        };
        let Some(sent) = work.sent.take() else { return };
        let disturbed = std::mem::take(&mut work.disturbed);
        match (sent, failure) {
            (Sent::Set(form), None) => {
                let held = (!disturbed).then_some(form);
                self.set_held(prefix, held);
                self.objects.release(form.object);
                self.done_well(prefix, form);
            }
            (Sent::Delete, failure) => match failure {
                Some(failure) if failure.errno != ESRCH && failure.errno != ENOENT => {
                    self.route_failed(now, prefix, failure);
                }
                _ => {
                    self.set_held(prefix, None);
                    self.works.enqueue(prefix);
                }
            },
            (Sent::Set(form), Some(failure)) => {
                self.objects.release(form.object);
                let changed = self
                    .works
                    .get(prefix)
                    .is_some_and(|work| work.wanted != Some(form));
                if changed || disturbed {
                    // A stale failure says nothing about what is wanted now.
                    self.works.enqueue(prefix);
                } else if !self.object_is_ready(form.object) {
                    // Its object failed before it, in the same batch: that one's failure is the reason.
                    self.works.enqueue(prefix);
                } else if failure.errno == EEXIST {
                    if !self.foreign.contains(&prefix) {
                        // Either ours or someone else's of which no news came. A resync tells, and nothing is done
                        // before it: if it is ours, its object must stay.
                        self.resync = Some(now);
                    }
                    self.conflict(now, prefix);
                } else {
                    if matches!(failure.errno, EINVAL | ENOENT) && self.mode == Mode::Objects {
                        self.demand_resync(now);
                    }
                    self.route_failed(now, prefix, failure);
                }
            }
        }
    }

    /// A route was set. If it is the one wanted, the destination is settled.
    fn done_well(&mut self, prefix: Prefix, form: Form) {
        let Some(work) = self.works.get_mut(prefix) else {
            return;
        };
        let outdated = std::mem::take(&mut work.outdated);
        if work.wanted == Some(form) && work.held == Some(form) && !work.queued && !outdated {
            self.settle(prefix);
        } else {
            self.works.enqueue(prefix);
        }
    }

    fn settle(&mut self, prefix: Prefix) {
        let Some(work) = self.works.remove(prefix) else {
            return;
        };
        // INVARIANT: only called with `wanted` and `held` the same; the row keeps one of the two references.
        if let Some(form) = work.held {
            self.objects.release(form.object);
            self.rows.put(
                prefix,
                Row {
                    form,
                    stray: false,
                    mark: self.mark,
                },
            );
        }
    }

    fn conflict(&mut self, now: Time, prefix: Prefix) {
        let text = format!(
            "someone else's route of priority {} to the same destination is there",
            self.mode.priority()
        );
        self.route_failed(now, prefix, Failure { errno: EEXIST, text });
    }

    fn route_failed(&mut self, now: Time, prefix: Prefix, failure: Failure) {
        let Some(work) = self.works.get_mut(prefix) else {
            return;
        };
        work.attempts = work.attempts.saturating_add(1);
        work.failure = Some(Box::new(failure));
        let at = now + back_off(work.attempts);
        self.works.retry_at(prefix, at);
    }

    /// Queues the routes that waited for an object.
    fn wake(&mut self, index: Index) {
        let Some(object) = self.objects.get_mut(index) else {
            return;
        };
        if !std::mem::take(&mut object.awaited) {
            return;
        }
        for prefix in self
            .works
            .select(|work| work.wanted.is_some_and(|form| form.object == index))
        {
            self.works.enqueue(prefix);
        }
    }

    // Time

    /// When [`Self::expire`] is wanted next; `None` means never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.works.next_deadline()
    }

    /// Tries again what is due.
    pub fn expire(&mut self, now: Time) {
        while let Some(due) = self.works.next_due(now) {
            match due {
                Retry::Route(prefix) => self.works.enqueue(prefix),
                Retry::Object(index) => {
                    if let Some(object) = self.objects.get_mut(index) {
                        object.retry = None;
                        self.objects.touch(index);
                    }
                }
                Retry::Resync => self.resync = self.resync.or(Some(now)),
            }
        }
        self.fights
            .retain(|_, (_, last)| now.since(*last) <= crate::work::PEACE);
    }

    // Reports

    /// What became of a destination; `None` if nothing is wanted for it and nothing of ours is there.
    #[must_use]
    pub fn installation(&self, prefix: Prefix) -> Option<Installation> {
        if let Some(row) = self.rows.get(prefix) {
            return Some(if row.stray {
                Installation::Stray
            } else {
                Installation::Installed
            });
        }
        let work = self.works.get(prefix)?;
        let Some(wanted) = work.wanted else {
            return Some(Installation::Leaving);
        };
        let outdated = work.held.is_some() && !work.shaken;
        let failed = |failure: &Failure, retry| Installation::Failed {
            failure: failure.clone(),
            retry,
            outdated,
        };
        if let Some(failure) = &work.failure {
            return Some(failed(failure, work.retry));
        }
        let object = self.objects.get(wanted.object)?;
        if !object.is_ready() && work.sent.is_none() {
            // A group fails with its members.
            let members = object
                .members
                .iter()
                .filter_map(|&(member, _)| self.objects.get(member));
            let mut all = std::iter::once(object).chain(members);
            if let Some((failure, retry)) = all.find_map(|o| Some((o.failure.as_deref()?, o.retry))) {
                return Some(failed(failure, retry));
            }
        }
        Some(Installation::Pending)
    }

    /// Whether everything wanted so far is in the kernel, has failed, or waits for something to happen.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.in_flight.is_none()
            && self.resync.is_none()
            && self.works.queued() == 0
            && !self.objects.has_work()
    }

    /// Counts since the start.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// How much there is. Looks at every unsettled destination.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let unsettled = self.works.len();
        let waits = |work: &Work| work.sent.is_none() && !work.queued;
        Counts {
            installed: self.rows.len() - self.strays,
            unsettled,
            failed: self.works.select(waits).len(),
            strays: self.strays,
            objects: self.objects.len(),
            bytes: self.rows.bytes() + self.works.bytes() + self.objects.bytes(),
        }
    }
}

pub(crate) const fn object_id(index: Index) -> NexthopId {
    NexthopId(FIRST_ID.saturating_add(index))
}
