//! What changing an option does to a running RIP.
//!
//! RIP keeps no adjacency, and the engine applies every option in place: no change here restarts an interface or the
//! protocol. What differs is how soon a change shows, and what happens when the routers around do not follow. That is said
//! in words, because it depends on them.

use waypost_routprot::{Impact, Scope};

/// What a change of `option` (its path inside the block) does, and the reason in words.
///
/// A path that names no option gets the worst impact: better restarted needlessly than promised wrongly.
#[must_use]
pub fn impact_of(scope: Scope, option: &str) -> (Impact, &'static str) {
    let name = option.split('.').next().unwrap_or_default();
    let in_table = |table: &[(&str, &'static str)]| {
        table
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, reason)| *reason)
    };
    let reason = match scope {
        Scope::Interface => in_table(INTERFACE),
        Scope::Global => in_table(GLOBAL).or_else(|| in_table(DEFAULTS)),
    };
    match reason {
        Some(reason) => (Impact::Live, reason),
        None => (
            Impact::RestartsProtocol,
            "not an option of RIP that this version knows",
        ),
    }
}

/// The interface options twice: for one interface, and as a default for all.
macro_rules! interface_options {
    ($($option:literal => $reason:expr;)*) => {
        const INTERFACE: &[(&str, &str)] = &[
            $(($option, $reason),)*
            ("annotate", NOTE),
        ];
        const DEFAULTS: &[(&str, &str)] = &[
            $(($option, concat!("on every interface without a value of its own: ", $reason)),)*
        ];
    };
}

const NOTE: &str = "a note changes nothing";

interface_options! {
    "metric" => "routes heard here are recomputed at once and announced with their new metric; those that reach 16 are withdrawn";
    "metric-out" => "routes announced here are announced again with their new metric";
    "passive" => "announcing stops or starts; before it stops, routes announced here are announced as unreachable if graceful-shutdown is on, else neighbours lose them when they expire there";
    "announce" => "everything is announced the new way at once; what it cannot say, and everything at neighbours that do not accept it, is lost there when it expires";
    "accept" => "messages of versions no longer accepted are ignored and routes heard by them expire unless another message refreshes them; with none, routes heard here are withdrawn at once";
    "update-mode" => "periodic updates start or stop at once; before they stop, routes announced here are announced as unreachable if graceful-shutdown is on";
    "update-interval" => "the update timer is armed again with the new interval; neighbours must expire routes later than that";
    "expiration-interval" => "the age of every route heard here is measured against the new interval at once; older routes expire now";
    "removal-interval" => "routes heard here and networks of the interface that become unusable from now on are removed after the new interval; routes of other sources follow the interface they lead to, or the default for all";
    "split-horizon" => "routes to which the rule applies are announced anew at once";
    "poison-reverse" => "routes to which the rule applies are announced anew at once";
    "triggered-updates" => "changes are announced at once, or with the next full update";
    "graceful-shutdown" => "decides about the farewell when RIP stops here";
    "accept-host-routes" => "host routes heard here are withdrawn, or used again, at once";
    "announce-host-routes" => "host routes are announced as unreachable here, or announced, at once";
    "accept-default-route" => "a default route heard here is withdrawn, or used again, at once";
    "announce-default-route" => "the default route is announced as unreachable here, or announced, at once";
    "originate-default" => "the default route of our own is announced, announced with its new metric, or announced as unreachable, at once";
    "overwrite-static-routes" => "the choice between routes heard here and static routes is made again at once";
    "summarise" => "class networks or their subnets are announced, and the others as unreachable, at once";
    "route-tag" => "routes that carry no tag are announced anew at once";
    "neighbor-mode" => "the new set of receivers is told everything at once; those left out lose the routes heard from here when they expire there";
    "neighbors" => "the new set of receivers is told everything at once; those left out lose the routes heard from here when they expire there";
    "accept-filter" => "routes heard here that no longer pass are withdrawn at once; those that pass now, or with another metric or tag, are used so at once, without a new announcement";
    "announce-filter" => "routes that no longer pass are announced as unreachable here, those that pass now, or with another metric or tag, are announced, at once";
    "accept-policy" => "routes heard here that no longer pass are withdrawn at once; those that pass now, or with another metric, tag or preference, are used so at once, without a new announcement";
    "announce-policy" => "routes that no longer pass are announced as unreachable here, those that pass now, or with another metric or tag, are announced, at once";
    "authentication" => "neighbours must change too: those that have not done so within the expiration interval lose the routes heard from here, and we lose theirs";
    "password" => "neighbours must change too: those that have not done so within the expiration interval lose the routes heard from here, and we lose theirs";
    "keys" => "no route is lost while each side accepts the key that the other sends; otherwise routes expire at both ends; HMAC secrets longer than the digest need long-secrets = \"block\" for BIRD to accept them";
    "check-zero" => "holds from the next message on; neighbours that fill must-be-zero fields of version 1 are no longer heard while it is on, and their routes expire";
    "ttl-security" => "holds from the next message on; neighbours must send with TTL 255 while it is on, or their routes expire";
    "maximum-routes" => "routes beyond a lower limit are withdrawn at once; further ones are taken from the next message on";
    "dscp" => "the next packet carries the new codepoint";
    "port" => "sending and listening move to the new port at once; neighbours must move too or routes expire at both ends";
    "packet-length" => "the next update is cut into messages of the new length";
    "receive-buffer" => "the buffer of the open socket is resized";
    "ecmp-weight" => "routes over this interface are installed again with the new weight, without a gap";
    "check-link" => "while the interface has no carrier it counts as down, and routes heard there are withdrawn, or no longer does";
}

/// The options of the protocol as a whole.
const GLOBAL: &[(&str, &str)] = &[
    (
        "preference",
        "every route of RIP is compared anew with the routes of others, without a gap",
    ),
    (
        "ecmp",
        "next hops over the limit are withdrawn, and further ones used, at once",
    ),
    (
        "triggered-delay",
        "a waiting triggered update is sent at once; the new delay holds from then on",
    ),
    (
        "peer-filter",
        "routers no longer listened to are ignored, and routes heard from them withdrawn, at once",
    ),
    (
        "peers",
        "routers no longer listened to are ignored, and routes heard from them withdrawn, at once",
    ),
    (
        "redistribute",
        "routes that are no longer redistributed are announced as unreachable, new ones and new metrics are announced",
    ),
    ("logging", "decides what is logged from now on"),
    (
        "max-receive-queue",
        "kept and read back for RRAS; what waits is bounded by receive-buffer",
    ),
    (
        "max-send-queue",
        "kept and read back for RRAS; what waits to be sent is bounded by paced sending",
    ),
    ("annotate", NOTE),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use waypost_engine::options_of;

    use super::*;
    use crate::Rip;

    fn entries(tables: &[&[(&str, &str)]]) -> BTreeSet<String> {
        let names: Vec<String> = tables
            .iter()
            .flat_map(|table| table.iter().map(|(name, _)| (*name).to_owned()))
            .collect();
        let set: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(set.len(), names.len(), "an option is listed twice");
        set
    }

    #[test]
    fn every_option_has_an_entry_and_every_entry_is_an_option() {
        assert_eq!(entries(&[INTERFACE]), options_of::<Rip>(Scope::Interface));
        assert_eq!(entries(&[GLOBAL, DEFAULTS]), options_of::<Rip>(Scope::Global));
    }

    #[test]
    fn scope_decides() {
        let (impact, reason) = impact_of(Scope::Global, "port");
        assert_eq!(impact, Impact::Live);
        assert!(reason.starts_with("on every interface without a value of its own"));
        assert!(
            impact_of(Scope::Interface, "port")
                .1
                .starts_with("sending and listening")
        );
        assert_eq!(impact_of(Scope::Interface, "ecmp").0, Impact::RestartsProtocol);
        assert_eq!(
            impact_of(Scope::Interface, "keys.0.secret"),
            impact_of(Scope::Interface, "keys")
        );
    }
}
