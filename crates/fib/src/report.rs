//! What the machine says about itself.

use waypost_types::Time;

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
