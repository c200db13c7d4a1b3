//! What became of a batch.

use std::collections::BTreeMap;

use waypost_netlink::NexthopId;
use waypost_types::{Prefix, Time};

use crate::fib::{BatchId, Fib, Refused, Token};
use crate::object::{Index, Loss, Members, Presence, Sent as ObjectSent, Shape};
use crate::ownership::{FIRST_ID, Mode};
use crate::report::Failure;
use crate::rows::{Form, Row};
use crate::work::{Retry, Sent, back_off};

// `asm-generic/errno-base.h`, the same on every architecture.
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;

impl Fib {
    /// The kernel is through with a batch: these requests it refused, all others are done. Ignored unless `id` is the
    /// batch under way.
    pub fn completed(&mut self, now: Time, id: BatchId, refused: Vec<Refused>) {
        let Some((_, tokens)) = self.in_flight.take_if(|(in_flight, _)| *in_flight == id) else {
            return;
        };
        self.now = now;
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
                Token::Unmake(id) => self.object_unmade(now, id),
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
                if held.len() < members.len()
                    && let Some(object) = self.objects.get_mut(index)
                {
                    // Which members it has depends on what came first: their loss, or this.
                    object.presence = Presence::Altered;
                }
                let lost = disturbed.or_else(|| {
                    let all = is_group && held.is_empty();
                    all.then(|| self.loss_of(&members))
                });
                self.objects.set_held_members(index, &held);
                if let Some(loss) = lost {
                    self.objects_lost(now, &[index], loss);
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

    fn object_unmade(&mut self, now: Time, id: NexthopId) {
        let index = id.0.saturating_sub(FIRST_ID);
        // A doubtful object's deletion is not noted as sent: it may have been made again in the same batch.
        if let Some(object) = self.objects.get_mut(index)
            && object.sent == Some(ObjectSent::Unmake)
        {
            // The one reason to refuse is that it is not there.
            object.sent = None;
            object.presence = Presence::Absent;
            let in_use = object.users > 0;
            self.objects.set_held_members(index, &Members::new());
            if in_use {
                // Somebody's routes through it that were heard of meanwhile, if any, went with it.
                self.routes_lost(now, &BTreeMap::from([(index, Loss::Silent)]));
            }
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
                let held = (disturbed != Some(Loss::Silent)).then_some(form);
                self.foreign.remove(&prefix);
                self.set_held(prefix, held);
                if disturbed == Some(Loss::Told) {
                    self.shake(prefix);
                }
                self.objects.release(form.object);
                self.done_well(prefix, form);
            }
            (Sent::Delete, failure) => match failure {
                Some(failure) if failure.errno != ESRCH && failure.errno != ENOENT => {
                    self.route_failed(now, prefix, failure);
                }
                failure => {
                    if failure.is_some() && self.works.get(prefix).is_some_and(|work| work.shaken) {
                        // Not there, or not as it is said to be.
                        self.demand_resync(now);
                    }
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
                if changed || disturbed.is_some() {
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
                    if self.works.get(prefix).is_some_and(|work| work.shaken) {
                        // It was asked in order to know.
                        self.works.enqueue(prefix);
                    } else {
                        self.conflict(now, prefix);
                    }
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
        if work.wanted == Some(form) && work.held == Some(form) && !work.shaken && !work.queued && !outdated {
            self.settle(prefix);
        } else {
            self.works.enqueue(prefix);
        }
    }

    pub(crate) fn settle(&mut self, prefix: Prefix) {
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

    pub(crate) fn route_failed(&mut self, now: Time, prefix: Prefix, failure: Failure) {
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
}
