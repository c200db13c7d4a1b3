//! Links: point-to-point lines and LANs, and everything that can be wrong with them.

use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_types::{InterfaceIndex, Prefix4, Random, Time};

use crate::NodeId;

/// How good a link is. Chances are in 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Time a datagram takes at least.
    pub latency: Duration,
    /// It takes up to this much longer. Order is kept all the same.
    pub jitter: Duration,
    /// Chance that a receiver does not get a datagram.
    pub loss: u16,
    /// Chance that it gets it twice.
    pub duplication: u16,
    /// Chance that it gets it up to 50 ms later than its successors.
    pub reordering: u16,
}

impl Quality {
    /// A link that delivers everything once, in order, after 2 ms.
    pub const GOOD: Self = Self {
        latency: Duration::from_millis(2),
        jitter: Duration::ZERO,
        loss: 0,
        duplication: 0,
        reordering: 0,
    };
}

/// The most a reordered datagram is late.
const REORDERED_LATE: Duration = Duration::from_millis(50);

/// One end of a link.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The router.
    pub node: NodeId,
    /// Its interface.
    pub interface: InterfaceIndex,
    /// Its address on the link.
    pub address: Ipv4Addr,
    /// Members of different parts do not hear each other.
    pub part: u8,
    /// When the last datagram arrives here that keeps its place.
    last_arrival: Time,
}

/// A link with any number of ends and a network of its own.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The network.
    pub prefix: Prefix4,
    /// Its ends.
    pub members: Vec<Member>,
    /// How good it is.
    pub quality: Quality,
    /// Whether its ends have carrier.
    pub carrier: bool,
    /// Largest IP packet.
    pub mtu: u32,
}

impl Segment {
    /// A link without ends.
    #[must_use]
    pub const fn new(prefix: Prefix4, quality: Quality) -> Self {
        Self {
            prefix,
            members: Vec::new(),
            quality,
            carrier: true,
            mtu: 1500,
        }
    }

    /// Adds an end and gives it the next address.
    pub(crate) fn join(&mut self, node: NodeId, interface: InterfaceIndex) -> Ipv4Addr {
        let host = self.members.len() as u32 + 1;
        let address = Ipv4Addr::from(u32::from(self.prefix.network()) + host);
        self.members.push(Member {
            node,
            interface,
            address,
            part: 0,
            last_arrival: Time::ZERO,
        });
        address
    }

    /// The end of a router.
    #[must_use]
    pub fn member(&self, node: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.node == node)
    }

    /// The end with an address.
    #[must_use]
    pub fn owner(&self, address: Ipv4Addr) -> Option<&Member> {
        self.members.iter().find(|member| member.address == address)
    }

    /// Whether a datagram can get from one router to another.
    #[must_use]
    pub fn connects(&self, from: NodeId, to: NodeId) -> bool {
        self.carrier
            && match (self.member(from), self.member(to)) {
                (Some(from), Some(to)) => from.part == to.part,
                _ => false,
            }
    }

    /// When copies of a datagram sent `now` arrive at the `position`th end: none when it is lost, two when duplicated.
    pub(crate) fn arrivals(&mut self, now: Time, position: usize, random: &mut Random) -> [Option<Time>; 2] {
        let quality = self.quality;
        let Some(member) = self.members.get_mut(position) else {
            return [None; 2];
        };
        let mut once = |random: &mut Random| {
            let arrival = now + quality.latency + random.between(Duration::ZERO, quality.jitter);
            if random.chance(quality.reordering.into(), 1000) {
                return arrival + random.between(Duration::from_millis(1), REORDERED_LATE);
            }
            member.last_arrival = member.last_arrival.max(arrival);
            member.last_arrival
        };
        let first = once(random);
        let twice = random.chance(quality.duplication.into(), 1000);
        let second = twice.then(|| once(random).max(first));
        if random.chance(quality.loss.into(), 1000) {
            return [None, second];
        }
        [Some(first), second]
    }
}

#[cfg(test)]
mod tests {
    use waypost_types::Seed;

    use super::*;

    fn segment(quality: Quality) -> Segment {
        let mut segment = Segment::new("10.0.0.0/24".parse().unwrap(), quality);
        for node in 0..3 {
            segment.join(NodeId(node), InterfaceIndex(1));
        }
        segment
    }

    #[test]
    fn a_good_link_keeps_order_whatever_its_jitter() {
        let mut segment = segment(Quality {
            jitter: Duration::from_millis(20),
            ..Quality::GOOD
        });
        let mut random = Seed(1).random();
        let arrivals: Vec<Time> = (0..200)
            .map(|n| match segment.arrivals(Time::from_millis(n), 1, &mut random) {
                [Some(at), None] => at,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(arrivals.is_sorted());
        assert!(arrivals[199] >= Time::from_millis(201) && arrivals[199] <= Time::from_millis(221));
    }

    #[test]
    fn a_bad_link_loses_doubles_and_reorders_about_as_often_as_told() {
        let mut segment = segment(Quality {
            loss: 100,
            duplication: 200,
            reordering: 300,
            ..Quality::GOOD
        });
        let mut random = Seed(2).random();
        let (mut lost, mut twice, mut late) = (0, 0, 0);
        for n in 0..2000 {
            let sent = Time::from_millis(n * 100);
            let [first, second] = segment.arrivals(sent, 0, &mut random);
            lost += u32::from(first.is_none());
            twice += u32::from(second.is_some());
            late += u32::from(first.is_some_and(|at| at > sent + Quality::GOOD.latency));
        }
        assert!((120..280).contains(&lost), "{lost}");
        assert!((300..500).contains(&twice), "{twice}");
        assert!((440..700).contains(&late), "{late}");
    }

    #[test]
    fn parts_and_carrier_decide_who_hears_whom() {
        let mut segment = segment(Quality::GOOD);
        assert!(segment.connects(NodeId(0), NodeId(2)));
        segment.members[2].part = 1;
        assert!(!segment.connects(NodeId(0), NodeId(2)));
        assert!(segment.connects(NodeId(0), NodeId(1)));
        segment.carrier = false;
        assert!(!segment.connects(NodeId(0), NodeId(1)));
        assert!(!segment.connects(NodeId(0), NodeId(7)));
    }
}
