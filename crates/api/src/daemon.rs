//! What the server needs from the daemon around it.

use std::collections::BTreeMap;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_manager::{Applied, Manager};
use waypost_routprot::Refusal;
use waypost_types::{ProtocolId, RouteBatch, Time, WallTime};

use crate::{FibReport, LinkCounters, LoadAnswer, RouteAnswer, RouteQuery};

/// Something to do with the manager, on the thread that owns it, told what time it is.
pub type ManagerJob = Box<dyn FnOnce(&mut Manager, Time, WallTime) + Send>;

/// Where the answer to a [`RouteQuery`] goes. Dropping it unanswered is answered as "the router is stopped".
pub type RouteReply = Box<dyn FnOnce(RouteAnswer) + Send>;

/// Where the answer about the kernel goes. Dropping it unanswered is answered as "the router is stopped".
pub type FibReply = Box<dyn FnOnce(FibReport) + Send>;

/// Told when routes were changed, with how many their owner has then. Dropped untold, it is answered as "the router is stopped".
pub type LoadReply = Box<dyn FnOnce(LoadAnswer) + Send>;

/// Told what came of reading the file of `--config` again. Dropped untold, it is answered as "the router is stopped".
pub type ReloadReply = Box<dyn FnOnce(Result<Applied, Vec<Refusal>>) + Send>;

/// The daemon, as the management API sees it. None of these may block unless it says so: the server has one thread.
pub trait Daemon: Send + Sync + 'static {
    /// Runs a job on the manager's thread. A daemon that is stopping drops the job instead.
    fn manage(&self, job: ManagerJob);

    /// Has the routing table's thread answer a question.
    fn routes(&self, query: RouteQuery, reply: RouteReply);

    /// Compares the routing table, the view of the kernel and the kernel itself; lists up to `limit` destinations that differ.
    fn fib(&self, limit: usize, reply: FibReply);

    /// Changes routes of an owner, in order.
    fn change_routes(&self, owner: ProtocolId, changes: RouteBatch, reply: LoadReply);

    /// Removes all routes of an owner.
    fn remove_routes(&self, owner: ProtocolId, reply: LoadReply);

    /// Makes the file that the daemon was started with the configuration again, changed or not.
    fn reload(&self, reply: ReloadReply);

    /// What went through each interface. This one may block: it is asked on a thread where it holds nobody up.
    ///
    /// # Errors
    /// The kernel does not say.
    fn link_counters(&self) -> io::Result<BTreeMap<String, LinkCounters>>;

    /// How the daemon itself does.
    fn status(&self) -> DaemonStatus;
}

/// What the daemon says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DaemonStatus {
    /// The version of the program.
    pub version: String,
    /// Its process identifier.
    pub pid: u32,
    /// What it is doing.
    pub phase: Phase,
    /// Seconds since it was started.
    pub uptime_seconds: u64,
    /// Where the configuration is kept.
    pub infobase: String,
    /// What an operator should look at, in words; empty when all is well.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Where the daemon is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Protocols are being started, or have not converged yet: stray kernel routes are still kept.
    Starting,
    /// In service.
    Running,
    /// Protocols are being stopped.
    Stopping,
}
