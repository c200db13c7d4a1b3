//! What the matrix of RIP has of its own.

mod heard;
mod message;
mod network;
mod options;
mod peers;
mod probes;
mod router;

pub(crate) use heard::{life, settle};
pub(crate) use message::Message;
pub(crate) use network::{OTHER_PORT, base_options, intervals, peer_plan};
pub(crate) use peers::cases as peer_cases;

use crate::case::{At, Case};

/// Every row of Waypost's, in the order of the document.
pub(crate) fn cases() -> Vec<Case> {
    options::cases().into_iter().chain(router::cases()).collect()
}

/// The routes of every make, and those that only Waypost is given.
pub(crate) const ROUTES: [&[(At, &str, &str)]; 2] = [network::PEER_ROUTES, network::WAYPOST_ROUTES];

/// Words of which a plan that takes routes away has one.
pub(crate) const WARNINGS: &[&str] = &[
    "unreachable",
    "withdrawn",
    "expire",
    "lose",
    "removed",
    "leaves",
    "ignored",
];

/// How the document begins.
pub(crate) const INTRODUCTION: &str = "\
# What a live change does

Each row is one change of a running router and its return, with the routes, neighbours and packets that it cost. The bench:

    10.1.0.0/24 10.1.1.0/24 172.16.1.0/24 - r1 --eth0-- r2 - 10.2.0.0/24 10.2.1.0/24 10.2.6.0/24
                                             |           |
                                            eth1    10.9.0.0/24
                                             |           |
                                             +---------- r3 - 10.3.0.0/24

r1 is changed, `NAME` is its `eth0` unless the row is about something else; \"both ends\" means r1 first, then the others on
the link, one command each. The routers of a bench are all of one make. Routes are watched as the kernels announce them
(netlink), updates on the wire; a packet runs from r1's network to r2's and back every 5 ms. Timers (update, expiration,
removal): Waypost and BIRD 1, 6 and 2 s, FRR 5, 15 and 5 s, the shortest that it takes.

";
