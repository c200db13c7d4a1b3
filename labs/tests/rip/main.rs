//! RIP between two makes of routers. Every lab is written once and run with several pairs; the first of a pair is the one
//! under test, `r1`.
//!
//! The pairs without Waypost prove the labs: what fails there is the lab's fault. They are `ignored` in everyday runs.

mod authentication;
mod exchange;
mod failure;
mod network;
mod routes;

/// Makes a module of tests for each pair of makes. The attribute in front goes to each of its tests.
macro_rules! labs {
    ($(#$note:tt $pair:ident($first:ident, $second:ident) $rip:ident: $($topic:ident :: {$($lab:ident),* $(,)?}),* $(,)?;)*) => {
        $(mod $pair {
            $($(
                #$note
                #[test]
                fn $lab() {
                    waypost_testkit::run_beside_others(|lab| {
                        crate::network::$rip(lab)?;
                        crate::$topic::$lab(
                            lab,
                            waypost_testkit::Make::$first,
                            waypost_testkit::Make::$second,
                        )?;
                        crate::network::was_it(lab)
                    });
                }
            )*)*
        })*
    };
}

labs! {
    #[doc = "against FRR"]
    waypost_frr(Waypost, Frr) built_in:
        exchange::{multicast, broadcast, version_1, unicast},
        authentication::{plain, md5, wrong_password, key_rollover},
        routes::{default_route_given, default_route_taken, filters, equal_cost, metric_change, redistribution},
        failure::{link_down_and_up, killed_peer_expires, killed_router_expires, good_bye, silent_wire};
    #[doc = "against BIRD"]
    waypost_bird(Waypost, Bird) built_in:
        exchange::{multicast, broadcast, version_1, unicast},
        authentication::{
            plain, md5, hmac_sha1, hmac_sha256, hmac_sha384, hmac_sha512, long_secret_sha1, long_secret_sha256,
            long_secret_sha384, long_secret_sha512, wrong_password, key_rollover,
        },
        routes::{default_route_given, default_route_taken, filters, equal_cost, metric_change, redistribution},
        failure::{link_down_and_up, killed_peer_expires, killed_router_expires, good_bye, silent_wire};
    #[doc = "against itself"]
    waypost_waypost(Waypost, Waypost) built_in:
        exchange::{multicast, broadcast, version_1, unicast},
        authentication::{plain, md5, hmac_sha256, wrong_password, key_rollover},
        routes::{default_route_given, default_route_taken, filters, equal_cost, metric_change, redistribution},
        failure::{
            link_down_and_up, killed_peer_expires, good_bye, silent_wire,
            restart_loses_no_packet, restart_of_both_loses_no_packet, restart_believes_no_echo,
        };
    #[doc = "as an isolated module, against FRR"]
    module_frr(Waypost, Frr) as_module:
        exchange::{multicast, broadcast, version_1, unicast},
        authentication::{md5, key_rollover},
        routes::{default_route_given, default_route_taken, filters, equal_cost, metric_change, redistribution},
        failure::{link_down_and_up, killed_peer_expires, killed_router_expires, good_bye};
    #[doc = "as an isolated module, against itself"]
    module_module(Waypost, Waypost) as_module:
        exchange::{multicast},
        authentication::{hmac_sha256, wrong_password},
        routes::{equal_cost, metric_change, redistribution},
        failure::{killed_peer_expires, good_bye};
    #[ignore = "proves the labs without Waypost"]
    frr_bird(Frr, Bird) built_in:
        exchange::{multicast, broadcast, version_1, unicast},
        authentication::{plain, md5, wrong_password, key_rollover},
        routes::{default_route_given, default_route_taken, filters, equal_cost, metric_change, redistribution},
        failure::{link_down_and_up, killed_peer_expires, killed_router_expires, silent_wire};
    #[ignore = "proves the labs without Waypost"]
    bird_bird(Bird, Bird) built_in:
        authentication::{hmac_sha1, hmac_sha256, hmac_sha384, hmac_sha512},
        routes::{metric_change};
}
