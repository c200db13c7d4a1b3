//! Help for a neighbour that restarts gracefully (RFC 3623 §3).

use std::fmt;

use waypost_types::Time;

/// How the last help for a neighbour ended (RFC 4750, ospfNbrRestartHelperExitReason).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It said that it is done.
    Completed,
    /// Its time was over.
    TimedOut,
    /// Something changed that it could not hear of, so that packets might go around in circles.
    TopologyChanged,
    /// Help is not wanted any more.
    Forbidden,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "it has restarted",
            Self::TimedOut => "its grace period is over",
            Self::TopologyChanged => "the network changed",
            Self::Forbidden => "help is not wanted any more",
        })
    }
}

/// Whether a neighbour is helped, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Help {
    /// It never asked.
    #[default]
    Never,
    /// It is said to be adjacent until then, whatever its state.
    Until(Time),
    /// Not any more.
    Ended(Exit),
}
