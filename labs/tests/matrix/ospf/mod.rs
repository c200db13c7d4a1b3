//! What the matrix of OSPF has of its own.

mod heard;
mod interface;
mod network;
mod packet;
mod peers;
mod probes;
mod process;

use std::time::Duration;

pub(crate) use heard::{life, settle};
pub(crate) use network::{base_options, peer_configuration};
pub(crate) use packet::Packet;
pub(crate) use peers::cases as peer_cases;

use crate::case::{At, Case};

/// OSPF's number among the protocols over IPv4 (RFC 2328 appendix A.1).
pub(crate) const PROTOCOL: u8 = 89;

/// Time between two Hellos, and after which a neighbour that is not heard is lost.
pub(crate) const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// Every row of Waypost's, in the order of the document.
pub(crate) fn cases() -> Vec<Case> {
    interface::cases().into_iter().chain(process::cases()).collect()
}

/// The routes of every make, and those that only Waypost is given.
pub(crate) const ROUTES: [&[(At, &str, &str)]; 2] = [network::COMMON, network::OWN];

/// Words of which a plan that takes routes away has one.
pub(crate) const WARNINGS: &[&str] = &[
    "lost",
    "starts anew",
    "taken back",
    "no longer said",
    "removed",
    "leaves",
    "said anew",
    "go down",
];

/// How the document begins.
pub(crate) const INTRODUCTION: &str = "\
# What a live change of OSPF does

Each row is one change of a running router and its return, with the routes, neighbours and packets that it cost. The bench:

    10.1.0.0/24 10.1.1.0/24 172.16.1.0/24 - r1 --eth0-- r2 - 10.2.0.0/24 10.2.1.0/24 10.2.6.0/24
                                           |  \\         |
                                        eth1  eth2  10.9.0.0/24
                                           |            |
                                           +----------- r3 - 10.3.0.0/24

All of it is the backbone, by broadcast, but for 172.16.1.0/24, which no router says, and static routes, which all
redistribute. 10.0.14.0/24 is the network of r1's `eth2`, where nobody else speaks. r1 is changed, `NAME` is its `eth0` unless the
row is about something else; \"both ends\" means r1 first, then r2, one command each. The routers of a bench are all of one
make. Routes are watched as the kernels announce them (netlink), packets on the wire; a packet runs from r1's network to r2's and
back every 5 ms. Hellos are sent every second, and a neighbour is lost after 4 s; after each change and each return every pair has
heard five of each other.

";
