//! OSPF on one of a pair of routers.

use anyhow::Result;
use waypost_testkit::{Make, Node, Router};

use crate::speaker::{Area, Authentication, Digest, Kind, Link, Network, Speaker};

/// What the router is to do. `eth0` speaks OSPF, `lan0` is advertised only.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: &'static str,
    pub(crate) area: u8,
    /// The area lets no externals in.
    pub(crate) stub: bool,
    pub(crate) network: Network,
    /// Whom to ask where multicast does not reach.
    pub(crate) neighbors: &'static [&'static str],
    pub(crate) digest: Option<Digest>,
    /// A static route that is redistributed: prefix and gateway.
    pub(crate) external: Option<(&'static str, &'static str)>,
}

impl Plan {
    /// The backbone, by broadcast, without authentication.
    pub(crate) const fn new(id: &'static str) -> Self {
        Self {
            id,
            area: 0,
            stub: false,
            network: Network::Broadcast,
            neighbors: &[],
            digest: None,
            external: None,
        }
    }

    pub(crate) fn start(&self, node: &Node, make: Make) -> Result<Router> {
        let kind = if self.stub { Kind::Stub } else { Kind::Normal };
        let area = Area {
            id: self.area,
            kind,
            range: None,
        };
        Speaker {
            id: self.id,
            links: vec![Link {
                area: self.area,
                network: self.network,
                authentication: self.digest.map_or(Authentication::None, Authentication::Digest),
                neighbors: self.neighbors,
                ..Link::new("eth0")
            }],
            stubs: vec![("lan0", self.area)],
            areas: if self.stub { vec![area] } else { Vec::new() },
            external: self.external,
        }
        .start(node, make)
    }
}
