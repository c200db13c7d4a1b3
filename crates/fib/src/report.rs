//! What the machine says about itself.

use waypost_types::{Prefix, Time};

use crate::fib::Fib;
use crate::work::Work;

/// Why the kernel, or the machine, did not install something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kernel's error number; 0 if the kernel was not asked.
    pub errno: i32,
    /// In words, the kernel's where it had some.
    pub text: String,
}

/// What became of one destination in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installation {
    /// The kernel has the route as it is wanted.
    Installed,
    /// It is on its way.
    Pending,
    /// It is not wanted any more and on its way out.
    Leaving,
    /// It could not be installed.
    Failed {
        /// Why.
        failure: Failure,
        /// When it is tried next; `None` when an event is waited for, such as a link coming up.
        retry: Option<Time>,
        /// The kernel still has the route as it was wanted before.
        outdated: bool,
    },
    /// Left from an earlier life; nobody has asked for it yet, and it stays until the sweep.
    Stray,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Batches sent.
    pub batches: u64,
    /// Routes added or replaced.
    pub routes_set: u64,
    /// Routes deleted.
    pub routes_deleted: u64,
    /// Nexthop objects made or changed.
    pub objects_set: u64,
    /// Nexthop objects deleted.
    pub objects_deleted: u64,
    /// Requests the kernel refused.
    pub refused: u64,
    /// Routes found in the kernel just as they came to be wanted.
    pub adopted: u64,
    /// Strays deleted.
    pub swept: u64,
    /// Routes and objects of ours that someone deleted or changed.
    pub meddled: u64,
    /// Routes that went with a link or an object.
    pub lost: u64,
    /// Times the kernel's state was read anew.
    pub resyncs: u64,
    /// Times the kernel's news ran over; each asks for the state to be read anew.
    pub overruns: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Routes in the kernel as wanted.
    pub installed: usize,
    /// Routes on their way, in, out or changing, and failed ones.
    pub unsettled: usize,
    /// Of the unsettled ones, those that failed or wait.
    pub failed: usize,
    /// Routes left from an earlier life.
    pub strays: usize,
    /// Nexthop objects.
    pub objects: usize,
    /// Bytes that hold all this.
    pub bytes: usize,
}

impl Fib {
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
            && (self.superseded.is_empty() || !self.swept)
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
