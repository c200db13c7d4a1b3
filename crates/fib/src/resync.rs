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
/// Dumps that something keeps disturbing are read again after pauses that double up to this many times, to about a minute.
const MOST_DOUBLINGS: u32 = 6;

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
        self.now = now;
        self.batch_lost(now);
        self.mark = !self.mark;
        self.foreign.clear();
        self.shadows.clear();
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
            self.note_shadow(route);
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

    /// All routes were read. What was not among them is not there; unless what was dumped was not `complete`, because
    /// changes kept disturbing it: then it may be there, and all is read again, the later the more often this happens.
    pub fn resync_end(&mut self, now: Time, complete: bool) {
        self.resync = None;
        self.now = now;
        self.last_resync = Some(now);
        self.statistics.resyncs += 1;
        let mark = self.mark;
        if complete {
            self.disturbed_resyncs = 0;
            for prefix in self.rows.select(|row| row.mark != mark) {
                self.statistics.lost += 1;
                self.unsettle(prefix, false);
            }
            for prefix in self.works.select(|work| !work.seen && work.held.is_some()) {
                self.set_held(prefix, None);
            }
        } else {
            // What was not seen is kept, and told from what the next resync does not see.
            for prefix in self.rows.select(|row| row.mark != mark) {
                if let Some(row) = self.rows.get(prefix) {
                    self.rows.put(prefix, crate::rows::Row { mark, ..row });
                }
            }
            let pause = AT_MOST_EVERY * (1 << self.disturbed_resyncs.min(MOST_DOUBLINGS));
            self.disturbed_resyncs = self.disturbed_resyncs.saturating_add(1);
            self.works.add_retry(now + pause, Retry::Resync);
        }
        // Who waits out a failure or a fight goes on waiting.
        for prefix in self.works.select(|work| work.retry.is_none()) {
            self.works.enqueue(prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use waypost_netlink::RouteNextHop;
    use waypost_netlink::constants::RTPROT_RIP;
    use waypost_types::{InterfaceIndex, NextHop, Prefix, Seed};

    use super::*;
    use crate::{INLINE_PRIORITY, Installation};

    fn ours(prefix: Prefix) -> Route {
        Route {
            protocol: RTPROT_RIP,
            priority: INLINE_PRIORITY,
            next_hops: [RouteNextHop::from(NextHop::on(InterfaceIndex(2)))]
                .into_iter()
                .collect(),
            ..Route::new(prefix)
        }
    }

    /// A dump that was disturbed proves nothing, but it must not hide from the next one what is gone.
    #[test]
    fn what_a_disturbed_dump_leaves_out_is_kept_until_a_whole_one_leaves_it_out() {
        let mut fib = Fib::new(Mode::Inline, Seed(1));
        let prefix: Prefix = "10.1.0.0/16".parse().unwrap();
        let mut read = |seconds: u64, routes: &[Route], complete: bool| {
            let now = Time::from_secs(seconds);
            fib.resync_begin(now, &[], &[]);
            routes.iter().for_each(|route| fib.resync_route(route));
            fib.resync_end(now, complete);
            let again = fib.next_deadline().map(|at| at.since(now));
            fib.expire(Time::from_secs(seconds + 100));
            (fib.installation(prefix), again)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let stray = Some(Installation::Stray);
        assert_eq!(read(0, &[ours(prefix)], true), (stray.clone(), None));
        assert_eq!(read(1000, &[], false), (stray.clone(), seconds(1)));
        assert_eq!(read(2000, &[], false), (stray.clone(), seconds(2)));
        assert_eq!(read(3000, &[], false), (stray, seconds(4)));
        assert_eq!(read(4000, &[], true), (None, None));
        assert_eq!(read(5000, &[], false), (None, seconds(1)));
    }
}
