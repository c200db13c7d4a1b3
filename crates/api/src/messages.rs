//! Requests and answers beside those about routes. Keys are in kebab case; what is absent is left out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use waypost_infobase::RevisionMeta;
use waypost_manager::{OnTrial, Plan, Scheduled};
use waypost_routprot::Refusal;
use waypost_types::{ProtocolId, RouterId};

use crate::{DaemonStatus, RouteCounters, RoutePage};

/// Why a request was turned down: at least one refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusals {
    /// Each with status, path, value, what is allowed, and the reason.
    pub refusals: Vec<Refusal>,
}

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StatusAnswer {
    /// The daemon itself.
    pub daemon: DaemonStatus,
    /// The router identifier, unless there is no address to take it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router_id: Option<RouterId>,
    /// The revision in force; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionRow>,
    /// State of every installed or configured protocol, by name.
    pub protocols: BTreeMap<String, String>,
    /// How many interfaces the kernel has.
    pub interfaces: usize,
    /// The trial that the configuration in force is on: it is taken back unless somebody confirms it in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<OnTrial>,
    /// Whether the peer that asks may change anything.
    pub may_write: bool,
}

/// A row of `GET /v1/interfaces`. Of an interface that is configured but absent only the name, `enabled` and the empty
/// lists are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceRow {
    /// The name.
    pub name: String,
    /// `up`, `down`, `no carrier`, `disabled` or `absent`.
    pub state: String,
    /// Whether configuration lets protocols use it.
    pub enabled: bool,
    /// Addresses with prefix length, IPv4 first.
    pub addresses: Vec<String>,
    /// The protocols configured on it that run there.
    pub protocols: Vec<String>,
    /// What does not work there, each with the protocol in front.
    #[serde(default)]
    pub troubles: Vec<String>,
    /// The kernel's number.
    #[serde(default)]
    pub index: Option<u32>,
    /// The kernel's word for what it is.
    #[serde(default)]
    pub kind: Option<String>,
    /// How it comes to be connected.
    #[serde(default, rename = "type")]
    pub connection: Option<String>,
    /// Set up by the administrator of the machine.
    #[serde(default)]
    pub up: Option<bool>,
    /// Carrier is there.
    #[serde(default)]
    pub carrier: Option<bool>,
    /// Largest packet in octets.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Bits a second; 0 when unknown.
    #[serde(default)]
    pub speed: Option<u64>,
    /// Hardware address.
    #[serde(default)]
    pub mac: Option<String>,
}

/// A row of `GET /v1/protocols`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProtocolRow {
    /// The name in configuration paths.
    pub name: String,
    /// The number.
    pub id: ProtocolId,
    /// The name for people.
    #[serde(default)]
    pub title: Option<String>,
    /// `running`, `stopping`, `failed` or `not configured`.
    pub state: String,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<String>,
    /// How often it failed in a row.
    pub failures: u32,
    /// On how many present interfaces it is configured.
    pub interfaces: usize,
    /// Preference of its routes.
    pub preference: u8,
    /// Interfaces on which it does not work as it is configured.
    #[serde(default)]
    pub troubles: Vec<TroubleRow>,
    /// What the protocol says of itself.
    #[serde(default)]
    pub summary: Option<Value>,
}

/// An interface on which a protocol does not work as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TroubleRow {
    /// The interface.
    pub interface: String,
    /// Why.
    pub reason: String,
}

/// A row of `GET /v1/neighbors`: these four, and whatever else the protocol says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NeighborRow {
    /// Whose neighbour it is.
    pub protocol: String,
    /// The interface it is on.
    pub interface: String,
    /// Its address.
    pub address: String,
    /// The state of the relation, in the protocol's words.
    pub state: String,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// `GET /v1/counters`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CountersAnswer {
    /// The routing table's.
    pub routes: RouteCounters,
    /// Each running protocol's: `{ "global": {..}, "interfaces": { NAME: {..} } }`.
    pub protocols: BTreeMap<String, Value>,
    /// The kernel's, of every interface it has.
    #[serde(default)]
    pub interfaces: BTreeMap<String, LinkCounters>,
}

/// What went through an interface since it came to be, as the kernel counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LinkCounters {
    /// Octets received.
    pub rx_octets: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets received that were broken.
    pub rx_errors: u64,
    /// Packets received that there was no room for.
    pub rx_dropped: u64,
    /// Octets sent.
    pub tx_octets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
    /// Packets that there was no room for to be sent.
    pub tx_dropped: u64,
}

/// A row of `GET /v1/revisions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RevisionRow {
    /// The number, from 1 upwards.
    pub number: u64,
    /// Seconds since 1970-01-01 UTC.
    pub time: u64,
    /// Who made it.
    pub author: String,
    /// Why; may be empty.
    pub note: String,
    /// The earlier revision it returned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<u64>,
}

impl From<RevisionMeta> for RevisionRow {
    fn from(meta: RevisionMeta) -> Self {
        Self {
            number: meta.number,
            time: meta.time.0,
            author: meta.author,
            note: meta.note,
            rollback_of: meta.rollback_of,
        }
    }
}

/// `POST /v1/plan` and `POST /v1/apply`: either edits or a whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChangeRequest {
    /// Edits, applied in order and as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<Vec<EditRequest>>,
    /// A whole configuration as TOML text, in the place of everything there is but autostatic routes that it does not name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toml: Option<String>,
    /// A note for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Put the change on trial for this many seconds: it is taken back unless `POST /v1/confirm` comes in time. A plan does
    /// not need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u64>,
    /// The revision that the change was made from, 0 before the first. If another one is in force the change is refused (412).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

/// `POST /v1/schedule`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScheduleRequest {
    /// When the change is to be made, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// The change. It can not depend on a revision.
    pub change: ChangeRequest,
}

/// The answer to `POST /v1/schedule`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ScheduleAnswer {
    /// What waits for its time now.
    pub scheduled: Scheduled,
    /// What it would do if it were made now.
    pub plan: Plan,
}

/// `POST /v1/confirm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConfirmRequest {
    /// The revision that is to be kept; whatever is on trial unless given. If another one is in force nothing is confirmed (412).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

/// One edit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EditRequest {
    /// Set an option, or a whole table, to a value.
    Set(SetRequest),
    /// Unset the option, or the whole table, at this path.
    Unset(String),
    /// Make this text tree the whole configuration. Autostatic routes stay where it names none.
    Replace(Value),
    /// Merge this text tree: the tables it names are replaced, others stay.
    Merge(Value),
    /// Take over a container of RRAS's blocks (RTR_INFO_BLOCK_HEADER): what it has an entry for is set, entries without
    /// octets remove, and what it has no entry for stays.
    Header(HeaderRequest),
}

/// A container to take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeaderRequest {
    /// The interface that it configures; absent for the router as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its octets, two hexadecimal digits each.
    pub hex: String,
}

/// `GET /v1/header`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HeaderAnswer {
    /// The interface that it configures; absent for the router as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its directory, in order.
    pub entries: Vec<HeaderEntry>,
    /// The octets of the whole container, two hexadecimal digits each. Hidden from peers that may not write, for they may
    /// hold keys.
    pub hex: String,
}

/// One entry of a container's directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HeaderEntry {
    /// InfoType: a protocol's number, or from 4294901760 (0xffff0000) up a type of the router manager's.
    #[serde(rename = "type")]
    pub kind: u32,
    /// The protocol's name in configuration paths, or the published name of the type.
    pub name: String,
    /// InfoSize: octets of one item.
    pub item_octets: u32,
    /// Count: how many items.
    pub items: u32,
}

/// What to set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SetRequest {
    /// Where, such as `interfaces.eth0.rip.metric`.
    pub path: String,
    /// To what.
    pub value: Value,
    /// The value as it was typed, for options that are text although the value looks like a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
}

/// `POST /v1/diff`: from one configuration to another. Either side is the configuration in force unless it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DiffRequest {
    /// A whole configuration as TOML text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toml: Option<String>,
    /// An earlier revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The revision to compare with, in the place of the configuration in force. 0 is the empty configuration before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_revision: Option<u64>,
    /// A whole configuration as TOML text to compare with, in the place of the configuration in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_toml: Option<String>,
}

/// The answer to `POST /v1/diff`: from the configuration in force, or the one asked for, to the other one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DiffAnswer {
    /// Every option in which they differ, in path order.
    pub changes: Vec<DiffChange>,
    /// A unified diff of the two as TOML text; empty when they are the same.
    pub text: String,
}

/// An option in which two configurations differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DiffChange {
    /// Its path.
    pub path: String,
    /// In force, or in the one compared with; absent when it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// In the other configuration; absent when it is not set there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// `POST /v1/rollback`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RollbackRequest {
    /// The revision to return to; unless given, the one before the change that is on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Put it on trial for this many seconds, as `POST /v1/apply` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u64>,
    /// A note for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Only say what it would do.
    #[serde(default)]
    pub plan: bool,
}

/// How many lines a `POST /v1/routes/load` may have.
pub const MAX_LOAD: usize = 10_000;

/// `POST /v1/routes/load`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LoadRequest {
    /// A route each, up to 10000, much as `ip route` prints them: `10.0.0.0/8 via 192.0.2.1 dev eth0 metric 3`. Routes to
    /// destinations that are there are replaced, others stay.
    pub lines: Vec<String>,
}

/// The answer to `POST /v1/routes/load` and `POST /v1/routes/unload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LoadAnswer {
    /// How many loaded routes there are now.
    pub routes: u64,
    /// How many were refused since the daemon started, for want of room that `router.route-limits` leaves.
    pub refused: u64,
}

/// A row of `GET /v1/policies`: a prefix list or a route map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyRow {
    /// Its name.
    pub name: String,
    /// `prefix-list` or `route-map`.
    pub kind: String,
    /// Of a prefix list its rules, of a route map its clauses, as configuration has them.
    pub rules: Vec<Value>,
    /// The paths at which it is referred to.
    pub used_by: Vec<String>,
}

/// The answer to `POST /v1/autostatic/{interface}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AutostaticAnswer {
    /// How many routes the interface has now.
    pub routes: usize,
}

/// One event of `GET /v1/watch`: the state after something changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    /// As `GET /v1/interfaces`.
    pub interfaces: Vec<InterfaceRow>,
    /// As `GET /v1/protocols`.
    pub protocols: Vec<ProtocolRow>,
    /// As `GET /v1/neighbors`.
    pub neighbors: Vec<NeighborRow>,
    /// The first page of the routes.
    pub routes: RoutePage,
}
