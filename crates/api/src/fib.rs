//! The routing table, the router's view of the kernel and the kernel itself, side by side.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_types::Prefix;

/// What differs between the routing table, the router's view of the kernel and the kernel, read anew for this answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FibReport {
    /// Destinations whose best route is for the kernel.
    pub wanted: u64,
    /// Of these, those that the kernel has as the router thinks.
    pub agreeing: u64,
    /// Routes with the router's mark that the kernel has; absent when it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<u64>,
    /// Why the kernel could not be asked; the rows are then of table and view alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_error: Option<String>,
    /// Seconds since the router read the whole kernel by itself; in between it goes by news and answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_seconds: Option<u64>,
    /// Destinations that differ.
    pub differing: u64,
    /// The first of them, in the order of the table.
    pub rows: Vec<FibRow>,
    /// Nexthop objects that are not in the kernel as the router thinks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<FibObject>,
}

/// A destination that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FibRow {
    /// The destination.
    pub prefix: Prefix,
    /// How it differs.
    pub state: FibState,
    /// What the table wants, as `ip route` would write it; absent when nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// What the kernel has; absent when nothing, or when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Seconds for which it has been so. Of what the kernel did without a word: for so many at most, because then the router
    /// read it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How table, view and kernel differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FibState {
    /// The route is on its way into the kernel.
    Pending,
    /// The router has just been restarted and leaves the kernel as it is for the moment.
    Held,
    /// The route is on its way out of the kernel.
    Leaving,
    /// The kernel refused the route, or it cannot be installed.
    Refused,
    /// Left from an earlier life of the router, and nobody has asked for it yet.
    Stray,
    /// The router takes it for installed, and the kernel does not have it.
    Missing,
    /// The router takes it for installed, and the kernel has another route with the router's mark.
    Other,
    /// The kernel has a route with the router's mark that the router does not know.
    Unknown,
}

/// A nexthop object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FibObject {
    /// Its id.
    pub id: u32,
    /// As the router has it; absent when it knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// As the kernel has it; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
}
