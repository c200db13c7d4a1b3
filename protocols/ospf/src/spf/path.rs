//! What the routing table has of a destination (RFC 2328 §11).

use std::net::Ipv4Addr;

use super::hops::{HopSets, SetId};
use crate::area::AreaId;
use crate::lsa::body::RouterFlags;

/// How a destination is reached, best first (RFC 2328 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathType {
    /// Inside an area this router is in.
    IntraArea,
    /// Through other areas.
    InterArea,
    /// Outside the autonomous system, at a cost that adds to those inside.
    External1,
    /// Outside, at a cost above all inside.
    External2,
}

/// The best paths to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// What kind of path.
    pub kind: PathType,
    /// The area whose LSAs say so.
    pub area: AreaId,
    /// The cost inside the autonomous system; for type 1 externals the whole cost.
    pub cost: u32,
    /// The cost outside, of type 2.
    pub type_2: u32,
    /// The tag of an external.
    pub tag: u32,
    /// Whose LSA it is, of several as good the highest identifier; 0.0.0.0 for paths inside an area.
    pub origin: Ipv4Addr,
    /// The next hops.
    pub hops: SetId,
    /// Whether the boundary router is reached without the backbone (§16.4.1); decides among externals only.
    pub(super) avoids_backbone: bool,
}

impl Path {
    /// Smaller is better; equal ones are used together (§16.1, §16.2, §16.4 step 6).
    pub(super) fn rank(&self, rfc1583: bool) -> (PathType, u32, bool, u32) {
        (
            self.kind,
            self.type_2,
            !rfc1583 && !self.avoids_backbone,
            self.cost,
        )
    }
}

/// The best paths to a router, in one area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterPath {
    /// Inside the area or through others.
    pub kind: PathType,
    /// The cost.
    pub cost: u32,
    /// The next hops.
    pub hops: SetId,
    /// What the router says of itself; of one behind an area border, that it is a boundary router.
    pub flags: RouterFlags,
}

/// The best of paths that are added one after the other: of several as good one with the next hops of all, in the name of the
/// highest identifier, or of the lowest area where that is the same.
pub(super) fn best(paths: impl IntoIterator<Item = Path>, rfc1583: bool, sets: &mut HopSets) -> Option<Path> {
    paths
        .into_iter()
        .reduce(|known, path| match path.rank(rfc1583).cmp(&known.rank(rfc1583)) {
            std::cmp::Ordering::Less => path,
            std::cmp::Ordering::Greater => known,
            std::cmp::Ordering::Equal => {
                let hops = sets.union(known.hops, path.hops);
                let name = |path: &Path| (path.origin, std::cmp::Reverse((path.area, path.tag)));
                let named = if name(&path) > name(&known) { path } else { known };
                Path { hops, ..named }
            }
        })
}
