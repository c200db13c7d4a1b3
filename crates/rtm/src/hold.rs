//! Hold-down: a destination that lost its last route is advertised as gone for a while, whatever comes after
//! (router-services A5, P-60).
//!
//! A hold is armed while the destination has routes and begins when the last of them is deleted. While it runs, newer
//! routes are used for forwarding but not advertised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use waypost_types::{BestRoute, Time};

#[derive(Clone, Debug)]
pub(crate) struct Hold {
    /// The longest time anyone asked for.
    duration: Duration,
    /// When the last route went, once it has.
    since: Option<Time>,
    /// The route that was deleted last.
    pub(crate) last: Option<BestRoute>,
}

impl Hold {
    pub(crate) fn until(&self) -> Option<Time> {
        self.since.map(|since| since + self.duration)
    }
}

/// The holds of one table, by destination row.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    rows: BTreeMap<u32, Hold>,
    running: BTreeSet<(Time, u32)>,
}

impl Holds {
    /// Arms a hold or prolongs the one there is to the maximum of the times asked for.
    pub(crate) fn request(&mut self, destination: u32, duration: Duration) {
        let hold = self.rows.entry(destination).or_insert(Hold {
            duration,
            since: None,
            last: None,
        });
        if let Some(until) = hold.until() {
            self.running.remove(&(until, destination));
        }
        hold.duration = hold.duration.max(duration);
        if let Some(until) = hold.until() {
            self.running.insert((until, destination));
        }
    }

    /// Remembers the route that was deleted last.
    pub(crate) fn remember(&mut self, destination: u32, route: BestRoute) {
        if let Some(hold) = self.rows.get_mut(&destination) {
            hold.last = Some(route);
        }
    }

    pub(crate) fn begin(&mut self, destination: u32, now: Time) {
        if let Some(hold) = self.rows.get_mut(&destination) {
            hold.since = Some(now);
            self.running.insert((now + hold.duration, destination));
        }
    }

    pub(crate) fn get(&self, destination: u32) -> Option<&Hold> {
        self.rows.get(&destination)
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.running.first().map(|&(until, _)| until)
    }

    /// Takes out one hold that is over.
    pub(crate) fn pop_over(&mut self, now: Time) -> Option<(u32, Hold)> {
        let &(until, destination) = self.running.first()?;
        if until > now {
            return None;
        }
        self.running.pop_first();
        Some((destination, self.rows.remove(&destination)?))
    }
}
