//! The management API of the daemon: HTTP/1.1 over a unix socket, under `/v1`, described by `/v1/openapi.json`.
//!
//! [`Server`] is the daemon's side, [`client::Client`] the blocking client of the command line. Who may do what is decided
//! by the credentials the kernel gives of the peer ([`AccessPolicy`]). Everything that touches the router manager runs as a
//! job on the manager's own thread ([`Daemon::manage`]); the server itself holds no state.
//!
//! Whatever is turned down is answered with [`Refusals`]: each names the documented status, path, value, what is allowed
//! and the reason.

mod access;
mod call;
pub mod client;
mod daemon;
mod endpoints;
mod failure;
mod feed;
mod fib;
mod messages;
mod openapi;
mod routes;
mod server;
mod spot;
mod toml;

pub use access::{AccessPolicy, MembershipCheck, UserName};
pub use daemon::{Daemon, DaemonStatus, FibReply, LoadReply, ManagerJob, Phase, ReloadReply, RouteReply};
pub use fib::{FibObject, FibReport, FibRow, FibState};
pub use messages::{
    AutostaticAnswer, ChangeRequest, ConfirmRequest, CountersAnswer, DiffAnswer, DiffChange, DiffRequest,
    EditRequest, HeaderAnswer, HeaderEntry, HeaderRequest, InterfaceRow, LoadAnswer, LoadRequest, MAX_LOAD,
    NeighborRow, PolicyRow, ProtocolRow, Refusals, RevisionRow, RollbackRequest, ScheduleAnswer,
    ScheduleRequest, SetRequest, Snapshot, StatusAnswer, TroubleRow,
};
pub use openapi::document;
pub use routes::{
    Destination, Explanation, InactiveRow, Installed, KernelMatch, MAX_PAGE, NextHopRow, OwnerCounters,
    PageQuery, Recursion, RouteAnswer, RouteCounters, RoutePage, RouteQuery, RouteRow,
};
pub use server::{Limits, Server, bind, give_to_group};
pub use spot::{Spot, locate, spot_at};
pub use toml::{parse_toml, parse_value, write_toml};
pub use waypost_policy::{Action, ChangedOption, Explanation as PolicyExplanation, OptionValue, Tried};
pub use waypost_wire::hex;
