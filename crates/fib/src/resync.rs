//! Reading the kernel's state anew: at the start, after lost notifications, and when something does not add up.

use std::time::Duration;

use waypost_netlink::{Link, LinkFlags, Nexthop, NexthopId, NexthopKind, Route};
use waypost_types::Time;

use crate::fib::Fib;
use crate::hear::is_alive;
use crate::object::{Members, Presence};
use crate::ownership::{self, Mode, is_our_object, is_our_route};
use crate::work::Retry;

/// Doubts that come faster than this are settled together.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

fn members(nexthop: &Nexthop) -> Vec<NexthopId> {
    match &nexthop.kind {
        NexthopKind::Group { members, .. } => members.iter().map(|member| member.id).collect(),
        _ => Vec::new(),
    }
}

impl Fib {
    /// Whether the kernel's state is to be read now: [`Self::resync_begin`], [`Self::resync_route`] for each route,
    /// [`Self::resync_end`]. No batch is handed out before that.
    #[must_use]
    pub const fn needs_resync(&self) -> bool {
        self.resync.is_some()
    }

    /// Notifications were lost.
    pub fn overrun(&mut self, now: Time) {
        self.resync = Some(now);
        self.statistics.overruns += 1;
    }

    pub(crate) fn demand_resync(&mut self, now: Time) {
        match self.last_resync.map(|last| last + AT_MOST_EVERY) {
            Some(earliest) if earliest > now => self.works.add_retry(earliest, Retry::Resync),
            _ => self.resync = self.resync.or(Some(now)),
        }
    }

    /// Begins to read the kernel's state, with all its links and nexthop objects; none on a kernel without objects.
    /// In [`Mode::Inline`] on a kernel that has them, those of an earlier life are deleted by the sweep.
    ///
    /// Links and objects are to be dumped before routes, and all of them after the last notification was read.
    pub fn resync_begin(&mut self, now: Time, links: &[Link], nexthops: &[Nexthop]) {
        self.batch_lost(now);
        self.mark = !self.mark;
        self.foreign.clear();
        self.objects.forget_taken();
        for index in std::mem::take(&mut self.borrowed).into_values() {
            if let Some(object) = self.objects.get_mut(index) {
                object.foreign_users = 0;
            }
        }
        for prefix in self.works.select(|_| true) {
            if let Some(work) = self.works.get_mut(prefix) {
                work.seen = false;
                work.shaken = false;
            }
        }
        self.links = links.iter().map(|link| (link.index, is_alive(link))).collect();
        if let Some(loopback) = links.iter().find(|link| link.flags.contains(LinkFlags::LOOPBACK)) {
            self.loopback = loopback.index;
        }
        match self.mode {
            Mode::Objects => self.resync_objects(nexthops),
            // An earlier life used objects: they serve until the sweep, and their routes go with them.
            Mode::Inline => {
                let ours = nexthops.iter().filter(|nexthop| is_our_object(nexthop));
                self.superseded = ours.map(|nexthop| (nexthop.id, members(nexthop))).collect();
            }
        }
    }

    fn resync_objects(&mut self, nexthops: &[Nexthop]) {
        for index in self.objects.indexes() {
            if let Some(object) = self.objects.get_mut(index) {
                object.seen = false;
            }
        }
        // The kernel lists objects by id, so a group can come before its members.
        let is_group = |nexthop: &&Nexthop| matches!(nexthop.kind, NexthopKind::Group { .. });
        let singles = nexthops.iter().filter(|nexthop| !is_group(nexthop));
        for nexthop in singles.chain(nexthops.iter().filter(is_group)) {
            let Some(index) = ownership::index(nexthop.id) else {
                continue;
            };
            if is_our_object(nexthop) {
                self.objects.read(nexthop);
            } else if let Some(object) = self.objects.get_mut(index) {
                (object.presence, object.seen) = (Presence::Altered, true);
                self.objects.touch(index);
            } else {
                self.objects.take_away(index);
            }
        }
        for index in self.objects.indexes() {
            let Some(object) = self.objects.get_mut(index) else {
                continue;
            };
            if !object.seen {
                object.presence = Presence::Absent;
                object.stray = false;
                self.objects.doubtful.remove(&index);
                self.objects.forget_stray_group(index);
                self.objects.set_held_members(index, &Members::new());
            } else if self.swept {
                object.stray = false;
            }
            self.objects.touch(index);
        }
    }

    /// One route the kernel has, of any table and owner.
    pub fn resync_route(&mut self, route: &Route) {
        let prefix = route.destination;
        let Some(form) = self.form_of(route) else {
            if self.mode == Mode::Inline || !is_our_route(self.mode, route) {
                self.borrow(route);
            }
            if self.is_taken(route) {
                self.foreign.insert(prefix);
            }
            return;
        };
        match self.rows.get(prefix) {
            Some(row) if row.form == form => {
                self.rows.put(
                    prefix,
                    crate::rows::Row {
                        mark: self.mark,
                        ..row
                    },
                );
            }
            Some(_) => {
                self.unsettle(prefix, true);
                self.set_held(prefix, Some(form));
            }
            None => match self.works.get_mut(prefix) {
                Some(work) => {
                    work.seen = true;
                    self.set_held(prefix, Some(form));
                }
                None => self.add_stray(prefix, form),
            },
        }
        self.objects.release(form.object);
    }

    /// All routes were read. What was not among them is not there; unless the dump was not `complete`, because changes
    /// kept disturbing it: then it is read again soon.
    pub fn resync_end(&mut self, now: Time, complete: bool) {
        self.resync = None;
        self.last_resync = Some(now);
        self.statistics.resyncs += 1;
        if complete {
            let mark = self.mark;
            for prefix in self.rows.select(|row| row.mark != mark) {
                self.statistics.lost += 1;
                self.unsettle(prefix, false);
            }
            for prefix in self.works.select(|work| !work.seen && work.held.is_some()) {
                self.set_held(prefix, None);
            }
        } else {
            self.demand_resync(now);
        }
        // Who waits out a failure or a fight goes on waiting.
        for prefix in self.works.select(|work| work.retry.is_none()) {
            self.works.enqueue(prefix);
        }
    }
}
