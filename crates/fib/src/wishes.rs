//! What is wanted: routes, sets of next hops, and nothing any more.

use waypost_rtm::{Family, Forwarding, ForwardingChange, NextHopSetChange};
use waypost_types::{Prefix, ProtocolId, RouteKind};

use crate::fib::Fib;
use crate::object::{Index, Single};
use crate::ownership::{Mode, kernel_protocol};
use crate::rows::{Form, Row};
use crate::work::Work;

impl Fib {
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
                [hop] if !forwarding.can_change => self.objects.acquire(Single::hop(hop, family)),
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
            (RouteKind::Unreachable | RouteKind::Prohibit, _) => self.objects.acquire(Single::Reject {
                family,
                kind: forwarding.kind,
                interface: self.loopback,
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
                        since: self.now,
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
            since: self.now,
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
}
