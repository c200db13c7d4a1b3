//! What changing an option does to a running OSPF.
//!
//! Almost everything is applied in place. What two routers must agree on is applied in place, too, but neighbours that do not
//! follow within the dead interval are lost: such changes say so, and which.

use serde_json::Value;
use waypost_routprot::Scope;

use super::options::Key;

/// How far the effect of a change reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody is lost.
    Nobody,
    /// Neighbours of the interface that do not follow.
    Neighbors,
    /// The interface starts anew.
    Interface,
    /// Every neighbour.
    Everybody,
    /// It is no option.
    Unknown,
}

use Reach::{Everybody, Interface, Neighbors, Nobody, Unknown};

const NOTE: &str = "a note changes nothing";

/// The options of an interface.
const INTERFACE: &[(&str, Reach, &str)] = &[
    (
        "area",
        Interface,
        "the interface leaves the old area and starts anew in the other; other interfaces stay as they are",
    ),
    (
        "network-type",
        Interface,
        "the interface starts anew: who is spoken to, and how, is another matter on another kind of network",
    ),
    ("cost", Nobody, "the new cost is said and used for routes at once"),
    (
        "priority",
        Nobody,
        "it is said at once; who is Designated Router stays so, unless the priority is 0 now",
    ),
    (
        "hello-interval",
        Neighbors,
        "neighbours that do not change theirs within the dead interval are lost",
    ),
    (
        "dead-interval",
        Neighbors,
        "neighbours that do not change theirs within the dead interval are lost",
    ),
    (
        "hello-multiplier",
        Neighbors,
        "neighbours that do not change theirs within the dead interval are lost",
    ),
    (
        "wait-interval",
        Nobody,
        "it holds when the interface comes up the next time",
    ),
    ("poll-interval", Nobody, "it holds from the next poll on"),
    (
        "retransmit-interval",
        Nobody,
        "it holds for what is sent or waited for from now on",
    ),
    (
        "transmit-delay",
        Nobody,
        "LSAs are older by this when they leave from now on",
    ),
    (
        "mtu",
        Nobody,
        "packets are cut to the new length from now on; it is compared when an adjacency is formed the next time",
    ),
    (
        "mtu-ignore",
        Nobody,
        "it decides when an adjacency is formed the next time, and about one that waits for it",
    ),
    (
        "passive",
        Neighbors,
        "neighbours are lost when it is passive now, and looked for when it is not any more",
    ),
    (
        "prefix-suppression",
        Nobody,
        "the network is said, or no longer said, at once",
    ),
    (
        "ttl-security",
        Neighbors,
        "packets of neighbours that do not send with TTL 255 are not taken while it is on, and such neighbours are lost",
    ),
    ("dscp", Nobody, "the next packet carries the new codepoint"),
    (
        "receive-buffer",
        Nobody,
        "the buffer of the open socket is resized",
    ),
    (
        "authentication",
        Neighbors,
        "neighbours that do not change theirs within the dead interval are lost",
    ),
    (
        "neighbors",
        Nobody,
        "new neighbours are asked at once, those no longer listed are forgotten; the others stay",
    ),
    (
        "password",
        Neighbors,
        "neighbours that do not change theirs within the dead interval are lost",
    ),
    (
        "keys",
        Neighbors,
        "neighbours that do not know the key now sent, or send one that is not known here, are lost within the dead interval",
    ),
    (
        "enabled",
        Neighbors,
        "neighbours are lost when it does not run there any more, and looked for when it does",
    ),
    (
        "addresses",
        Interface,
        "the interface starts anew if it is to speak from another address; networks of the others are said, or no longer said, at once",
    ),
    ("annotate", Nobody, NOTE),
];

/// The options of the protocol as a whole.
const GLOBAL: &[(&str, Reach, &str)] = &[
    (
        "router-id",
        Everybody,
        "what this router said is taken back, and it meets every neighbour anew under its new name",
    ),
    (
        "preference",
        Nobody,
        "every route of OSPF is compared anew with the routes of others, without a gap",
    ),
    (
        "maximum-paths",
        Nobody,
        "next hops over the limit are withdrawn, and further ones used, at once",
    ),
    ("rfc1583", Nobody, "routes to externals are chosen anew at once"),
    (
        "reference-bandwidth",
        Nobody,
        "interfaces without a cost of their own say their new cost at once",
    ),
    (
        "stub-router",
        Nobody,
        "costs are said anew at once, and others route around this router, or through it again",
    ),
    (
        "opaque",
        Nobody,
        "it is said when an adjacency is formed the next time",
    ),
    (
        "instance",
        Everybody,
        "neighbours of another instance are not heard: every interface starts anew",
    ),
    (
        "minimum-arrival",
        Nobody,
        "it holds for LSAs that arrive from now on",
    ),
    ("originate-minimum", Nobody, "it holds for LSAs said from now on"),
    ("originate-maximum", Nobody, "it holds for LSAs said from now on"),
    (
        "acknowledge-delay",
        Nobody,
        "it holds for acknowledgments from now on",
    ),
    (
        "spf-initial-delay",
        Nobody,
        "it holds for calculations from now on",
    ),
    ("spf-short-delay", Nobody, "it holds for calculations from now on"),
    ("spf-long-delay", Nobody, "it holds for calculations from now on"),
    (
        "spf-learn-interval",
        Nobody,
        "it holds for calculations from now on",
    ),
    ("spf-hold-down", Nobody, "it holds for calculations from now on"),
    (
        "maximum-lsas",
        Nobody,
        "it holds for LSAs that arrive from now on; those that are there stay",
    ),
    (
        "originate-default",
        Nobody,
        "the default route is said, or taken back, at once",
    ),
    ("logging", Nobody, "it decides what is logged from now on"),
    ("stub-router-at-start", Nobody, "it holds from the next start on"),
    ("stub-router-at-stop", Nobody, "it holds for the next stop"),
    (
        "stub-router-externals",
        Nobody,
        "while the router is a stub, summaries and externals are said anew at once",
    ),
    (
        "restart-helper",
        Nobody,
        "neighbours that restart from now on are helped, or none is any more",
    ),
    (
        "strict-lsa-checking",
        Nobody,
        "it holds for neighbours that restart and for what changes from now on",
    ),
    (
        "router-information",
        Nobody,
        "it is said, or no longer said, at once; no route depends on it",
    ),
    ("graceful-restart", Nobody, "it holds from the next restart on"),
    ("grace-period", Nobody, "it holds from the next restart on"),
    (
        "areas",
        Nobody,
        "ranges and default routes are said anew at once, and what is translated of NSSAs; interfaces in areas that become stub areas or NSSAs, or none any more, start anew, and those in areas that are not enabled any more go down",
    ),
    (
        "virtual-links",
        Nobody,
        "new ones come up as soon as their ends are reachable, those no longer listed go down, and others stay, unless the other end does not follow",
    ),
    (
        "enabled",
        Everybody,
        "what this router said is taken back and neighbours are lost when OSPF does not run any more; they are looked for when it does",
    ),
    (
        "boundary-router",
        Nobody,
        "routes to the outside are said, or taken back, at once",
    ),
    (
        "listed-areas-only",
        Nobody,
        "interfaces in areas that are not listed go down, or come up; others stay",
    ),
    (
        "redistribute-unlisted",
        Nobody,
        "routes are said, said anew, or taken back at once",
    ),
    (
        "redistribute-filter",
        Nobody,
        "routes are said, said anew, or taken back at once",
    ),
    (
        "redistribute",
        Nobody,
        "routes are said, said anew, or taken back at once",
    ),
    ("annotate", Nobody, NOTE),
];

/// What a change of `option` (its path inside the block) reaches, and the reason in words.
///
/// A path that names no option gets the worst: better restarted needlessly than promised wrongly.
#[must_use]
pub fn impact_of(
    scope: Scope,
    option: &str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> (Reach, &'static str) {
    let mut parts = option.split('.');
    let mut name = parts.next().unwrap_or_default();
    let mut table = if scope == Scope::Global { GLOBAL } else { INTERFACE };
    if scope == Scope::Global && name == "defaults" {
        let Some(inner) = parts.next() else {
            return (
                Everybody,
                "every interface without options of its own takes over the new ones",
            );
        };
        (name, table) = (inner, INTERFACE);
    }
    let Some((_, reach, reason)) = table.iter().find(|(known, ..)| *known == name) else {
        return (Unknown, "not an option of OSPF that this version knows");
    };
    match name {
        "keys" if parts.next().is_none() && adds_only(old, new) => (
            Nobody,
            "the keys there were are still there, so that nobody is lost while all have the new ones in time",
        ),
        "enabled" if new.and_then(Value::as_bool) != Some(false) => {
            (Nobody, "neighbours are looked for at once")
        }
        "passive" if new.and_then(Value::as_bool) != Some(true) => {
            (Nobody, "neighbours are looked for at once")
        }
        "ttl-security" if new.and_then(Value::as_str) != Some("on") => (
            Nobody,
            "packets of neighbours are taken whatever their TTL; neighbours that ask for 255 must be sent it",
        ),
        _ => (*reach, reason),
    }
}

/// Whether every key there was is there still.
fn adds_only(old: Option<&Value>, new: Option<&Value>) -> bool {
    let keys = |value: Option<&Value>| -> Option<Vec<Key>> {
        serde_json::from_value(value.cloned().unwrap_or(Value::Array(Vec::new()))).ok()
    };
    match (keys(old), keys(new)) {
        (Some(old), Some(new)) => !old.is_empty() && old.iter().all(|key| new.contains(key)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use waypost_engine::options_of;

    use super::*;
    use crate::OspfEngine;

    fn entries(table: &[(&str, Reach, &str)]) -> BTreeSet<String> {
        let set: BTreeSet<String> = table.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(set.len(), table.len(), "an option is listed twice");
        set
    }

    #[test]
    fn every_option_has_an_entry_and_every_entry_is_an_option() {
        assert_eq!(entries(INTERFACE), options_of::<OspfEngine>(Scope::Interface));
        let mut global = entries(GLOBAL);
        global.insert("defaults".to_owned());
        assert_eq!(global, options_of::<OspfEngine>(Scope::Global));
    }

    #[test]
    fn values_decide() {
        let impact =
            |option, old: Value, new: Value| impact_of(Scope::Interface, option, Some(&old), Some(&new)).0;
        assert_eq!(impact("passive", json!(false), json!(true)), Neighbors);
        assert_eq!(impact("passive", json!(true), json!(false)), Nobody);
        assert_eq!(impact("enabled", json!(true), json!(false)), Neighbors);
        assert_eq!(impact("enabled", json!(false), json!(true)), Nobody);
        let global = |new: bool| impact_of(Scope::Global, "enabled", None, Some(&json!(new))).0;
        assert_eq!([global(true), global(false)], [Nobody, Everybody]);
        let key = |id: u32| json!({ "id": id, "secret": "a", "algorithm": "hmac-sha256" });
        assert_eq!(impact("keys", json!([key(1)]), json!([key(1), key(2)])), Nobody);
        assert_eq!(
            impact("keys", json!([key(1), key(2)]), json!([key(2)])),
            Neighbors
        );
        assert_eq!(impact("keys", json!([]), json!([key(2)])), Neighbors);
        assert_eq!(impact_of(Scope::Global, "defaults.cost", None, None).0, Nobody);
        assert_eq!(
            impact_of(Scope::Interface, "maximum-paths", None, None).0,
            Unknown
        );
    }
}
