//! Whose options a bench changes: RIP's or OSPF's.

use std::time::{Duration, Instant};

use anyhow::Result;
use waypost_testkit::{Make, Node, Tap};

use crate::bench::Bench;
use crate::case::{At, Case, Step};
use crate::known::Life;
use crate::peers::PeerCase;
use crate::{ospf, rip};

/// The protocol that the routers of a bench speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Rip,
    Ospf,
}

impl Subject {
    pub(crate) const ALL: [Self; 2] = [Self::Rip, Self::Ospf];

    /// The name of its document in `docs/`.
    pub(crate) const fn document(self) -> &'static str {
        match self {
            Self::Rip => "live-matrix-rip.md",
            Self::Ospf => "live-matrix-ospf.md",
        }
    }

    /// How the document begins: the bench, and the timers.
    pub(crate) const fn introduction(self) -> &'static str {
        match self {
            Self::Rip => rip::INTRODUCTION,
            Self::Ospf => ospf::INTRODUCTION,
        }
    }

    /// The tables of options that rows of the document change, by their paths in the schema.
    pub(crate) const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Rip => &["router", "protocols.rip", "protocols.static"],
            Self::Ospf => &["protocols.ospf"],
        }
    }

    /// The protocols whose options of an interface rows of the document change.
    pub(crate) const fn protocols(self) -> &'static [&'static str] {
        match self {
            Self::Rip => &["rip", "static"],
            Self::Ospf => &["ospf"],
        }
    }

    /// Every row of Waypost's, in the order of the document.
    pub(crate) fn cases(self) -> Vec<Case> {
        match self {
            Self::Rip => rip::cases(),
            Self::Ospf => ospf::cases(),
        }
    }

    /// Every row of FRR's and BIRD's.
    pub(crate) fn peer_cases(self) -> Vec<PeerCase> {
        match self {
            Self::Rip => rip::peer_cases(),
            Self::Ospf => ospf::peer_cases(),
        }
    }

    /// What Waypost is configured with in the beginning.
    pub(crate) fn base_options(self, at: At) -> Vec<Step> {
        match self {
            Self::Rip => rip::base_options(at),
            Self::Ospf => ospf::base_options(at),
        }
    }

    /// What FRR or BIRD is configured with in the beginning.
    pub(crate) fn peer_configuration(self, at: At, make: Make) -> String {
        match self {
            Self::Rip => rip::peer_plan(at, make).configuration(make),
            Self::Ospf => ospf::peer_configuration(at, make),
        }
    }

    /// The routes that there are while nothing is changed, with the gateway of each: those of every make, and those that
    /// only Waypost is given.
    fn all_routes(self) -> [&'static [(At, &'static str, &'static str)]; 2] {
        match self {
            Self::Rip => rip::ROUTES,
            Self::Ospf => ospf::ROUTES,
        }
    }

    pub(crate) fn routes(self, make: Make) -> impl Iterator<Item = (At, &'static str, &'static str)> + use<> {
        let [common, own] = self.all_routes();
        let own = if make == Make::Waypost { own } else { &[] };
        common.iter().chain(own).copied()
    }

    /// Whether the routers of every make are given a route.
    pub(crate) fn is_common(self, router: &str, prefix: &str) -> bool {
        let [common, _] = self.all_routes();
        common
            .iter()
            .any(|(at, of, _)| at.name() == router && *of == prefix)
    }

    /// Records what arrives at a node.
    pub(crate) fn tap(self, node: &Node) -> Result<Tap> {
        match self {
            Self::Rip => Tap::udp(node, &[520, rip::OTHER_PORT]),
            Self::Ospf => Tap::protocol(node, ospf::PROTOCOL),
        }
    }

    /// Time between two updates or Hellos, and after which a neighbour that is not heard is lost.
    pub(crate) const fn intervals(self, make: Make) -> (Duration, Duration) {
        match self {
            Self::Rip => rip::intervals(make),
            Self::Ospf => ospf::INTERVALS,
        }
    }

    /// Words of which a plan that takes routes away has one.
    pub(crate) const fn warnings(self) -> &'static [&'static str] {
        match self {
            Self::Rip => rip::WARNINGS,
            Self::Ospf => ospf::WARNINGS,
        }
    }

    /// Waits until all those who are not deaf have heard each other since `from`, and everything that there is to hear.
    pub(crate) fn settle(self, bench: &Bench, case: &Case, from: Instant, deaf: &[(At, At)]) -> Result<()> {
        match self {
            Self::Rip => rip::settle(bench, case, from, deaf),
            Self::Ospf => ospf::settle(bench, from, deaf),
        }
    }

    /// What tells a neighbour from one that was lost and found again, from its row in `show neighbors`, which was asked for
    /// at some time between two.
    pub(crate) fn life(self, row: &serde_json::Value, asked: (Instant, Instant)) -> Life {
        match self {
            Self::Rip => rip::life(row, asked),
            Self::Ospf => ospf::life(row),
        }
    }
}
