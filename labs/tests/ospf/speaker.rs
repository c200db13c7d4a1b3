//! OSPF on one router, in the languages of Waypost, FRR and BIRD.

use std::fmt::Write as _;

use anyhow::Result;
use waypost_testkit::{Make, Node, Router};

use crate::words::{bird_head, line};

/// A digest: its name for Waypost, and for BIRD. FRR has the first only.
pub(crate) type Digest = (&'static str, &'static str);
pub(crate) const MD5: Digest = ("md5", "keyed md5");
pub(crate) const SHA1: Digest = ("hmac-sha1", "hmac sha1");
pub(crate) const SHA256: Digest = ("hmac-sha256", "hmac sha256");
pub(crate) const SHA384: Digest = ("hmac-sha384", "hmac sha384");
pub(crate) const SHA512: Digest = ("hmac-sha512", "hmac sha512");

/// What kind of network a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    Broadcast,
    PointToPoint,
    NonBroadcast,
    PointToMultipoint,
    /// The same without multicast, which is the only kind that BIRD has.
    PointToMultipointNonBroadcast,
}

/// How packets are authenticated; the secret is `lab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    None,
    Simple,
    Digest(Digest),
}

/// Where OSPF speaks.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: &'static str,
    pub(crate) area: u8,
    pub(crate) cost: u16,
    pub(crate) priority: u8,
    pub(crate) network: Network,
    pub(crate) authentication: Authentication,
    /// Whom to ask where multicast does not reach.
    pub(crate) neighbors: &'static [&'static str],
}

impl Link {
    /// By broadcast, in the backbone, at a cost of 10.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            area: 0,
            cost: 10,
            priority: 1,
            network: Network::Broadcast,
            authentication: Authentication::None,
            neighbors: &[],
        }
    }
}

/// What comes into an area from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Stub,
    Nssa,
}

/// An area about which there is something to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) id: u8,
    pub(crate) kind: Kind,
    /// What others hear of in the place of its networks.
    pub(crate) range: Option<&'static str>,
}

/// What a router is to do. Hellos go every second, and who is silent for four is lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speaker {
    pub(crate) id: &'static str,
    pub(crate) links: Vec<Link>,
    /// Networks that are advertised only, with their areas.
    pub(crate) stubs: Vec<(&'static str, u8)>,
    pub(crate) areas: Vec<Area>,
    /// A static route that is redistributed: prefix and gateway.
    pub(crate) external: Option<(&'static str, &'static str)>,
}

impl Speaker {
    pub(crate) fn start(&self, node: &Node, make: Make) -> Result<Router> {
        let text = match make {
            Make::Waypost => self.for_waypost(),
            Make::Frr => self.for_frr(),
            Make::Bird => self.for_bird(),
        };
        Router::start(node, make, &text)
    }

    fn for_waypost(&self) -> String {
        let mut text = String::new();
        line!(text, "[router]\nid = \"{}\"\n[protocols.ospf]", self.id);
        let areas: Vec<String> = self.areas.iter().map(Area::for_waypost).collect();
        line!(text, "areas = [{}]", areas.join(", "));
        if let Some((prefix, via)) = self.external {
            line!(text, "redistribute = [{{ source = \"static\" }}]");
            line!(
                text,
                "[protocols.static]\nroutes = [{{ prefix = \"{prefix}\", via = \"{via}\" }}]"
            );
        }
        for link in &self.links {
            line!(text, "[interfaces.{}.ospf]\narea = {}", link.name, link.area);
            line!(
                text,
                "hello-interval = 1\ncost = {}\npriority = {}",
                link.cost,
                link.priority
            );
            let network = match link.network {
                Network::Broadcast => "broadcast",
                Network::PointToPoint => "point-to-point",
                Network::NonBroadcast => "non-broadcast",
                Network::PointToMultipoint => "point-to-multipoint",
                Network::PointToMultipointNonBroadcast => "point-to-multipoint-non-broadcast",
            };
            line!(text, "network-type = \"{network}\"");
            let neighbors: Vec<String> = link
                .neighbors
                .iter()
                .map(|address| format!("{{ address = \"{address}\" }}"))
                .collect();
            line!(text, "neighbors = [{}]", neighbors.join(", "));
            match link.authentication {
                Authentication::None => {}
                Authentication::Simple => {
                    line!(text, "authentication = \"simple\"\npassword = \"lab\"");
                }
                Authentication::Digest((algorithm, _)) => {
                    let key = format!("{{ id = 1, secret = \"lab\", algorithm = \"{algorithm}\" }}");
                    line!(text, "authentication = \"cryptographic\"\nkeys = [{key}]");
                }
            }
        }
        for (name, area) in &self.stubs {
            line!(text, "[interfaces.{name}.ospf]\narea = {area}\npassive = true");
        }
        text
    }

    fn for_frr(&self) -> String {
        let mut text = String::new();
        // First of all, so that FRR does not begin with another identifier: it works while it reads, and a neighbour that
        // is there already is adjacent before the last line. It does not recover from the change.
        line!(text, "router ospf\n ospf router-id {}", self.id);
        line!(text, " maximum-paths 16");
        for area in &self.areas {
            match area.kind {
                Kind::Normal => {}
                Kind::Stub => {
                    line!(text, " area {} stub", area.id);
                }
                Kind::Nssa => {
                    line!(text, " area {} nssa", area.id);
                }
            }
            if let Some(range) = area.range {
                line!(text, " area {} range {range}", area.id);
            }
        }
        if self.external.is_some() {
            line!(text, " redistribute static");
        }
        for link in &self.links {
            if link.network == Network::NonBroadcast {
                for address in link.neighbors {
                    line!(text, " neighbor {address}");
                }
            }
        }
        line!(text, "exit");
        for link in &self.links {
            // The area last: OSPF begins there with it, and waits for a Designated Router for as long as it knows of by then.
            line!(
                text,
                "interface {}\n ip ospf cost {}\n ip ospf priority {}",
                link.name,
                link.cost,
                link.priority
            );
            line!(
                text,
                " ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf retransmit-interval 2"
            );
            match link.network {
                Network::Broadcast => {}
                Network::PointToPoint => {
                    line!(text, " ip ospf network point-to-point");
                }
                Network::NonBroadcast => {
                    line!(text, " ip ospf network non-broadcast");
                }
                Network::PointToMultipoint | Network::PointToMultipointNonBroadcast => {
                    line!(text, " ip ospf network point-to-multipoint");
                }
            }
            match link.authentication {
                Authentication::None => {}
                Authentication::Simple => {
                    line!(text, " ip ospf authentication\n ip ospf authentication-key lab");
                }
                Authentication::Digest(_) => {
                    line!(
                        text,
                        " ip ospf authentication message-digest\n ip ospf message-digest-key 1 md5 lab"
                    );
                }
            }
            line!(text, " ip ospf area {}\nexit", link.area);
        }
        for (name, area) in &self.stubs {
            line!(
                text,
                "interface {name}\n ip ospf area {area}\n ip ospf passive\n ip ospf cost 10\nexit"
            );
        }
        if let Some((prefix, via)) = self.external {
            line!(text, "ip route {prefix} {via}");
        }
        text
    }

    fn for_bird(&self) -> String {
        let mut text = bird_head(self.id);
        if let Some((prefix, via)) = self.external {
            line!(text, "protocol static {{ ipv4; route {prefix} via {via}; }}");
        }
        // BIRD takes whoever may export anything for an AS boundary router, and refuses that in stub areas.
        let channel = if self.external.is_some() {
            "ipv4 { export where source = RTS_STATIC; };"
        } else if self.areas.iter().any(|area| area.kind == Kind::Stub) {
            "ipv4;"
        } else {
            "ipv4 { export none; };"
        };
        line!(text, "protocol ospf v2 {{ ecmp yes; {channel}");
        let mut ids: Vec<u8> = self.links.iter().map(|link| link.area).collect();
        ids.extend(self.stubs.iter().map(|(_, area)| *area));
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            line!(text, " area {id} {{");
            for area in self.areas.iter().filter(|area| area.id == id) {
                match area.kind {
                    Kind::Normal => {}
                    Kind::Stub => {
                        line!(text, "  stub yes;");
                    }
                    Kind::Nssa => {
                        // Unless told otherwise BIRD says a default route in the place of summaries.
                        line!(text, "  nssa; summary yes;");
                    }
                }
                if let Some(range) = area.range {
                    line!(text, "  networks {{ {range}; }};");
                }
            }
            for link in self.links.iter().filter(|link| link.area == id) {
                bird_link(&mut text, link);
            }
            for (name, _) in self.stubs.iter().filter(|(_, area)| *area == id) {
                line!(text, "  interface \"{name}\" {{ stub; }};");
            }
            line!(text, " }};");
        }
        line!(text, "}}");
        text
    }
}

impl Area {
    fn for_waypost(&self) -> String {
        let kind = match self.kind {
            Kind::Normal => "normal",
            Kind::Stub => "stub",
            Kind::Nssa => "nssa",
        };
        let ranges = self
            .range
            .map(|prefix| format!(", ranges = [{{ prefix = \"{prefix}\" }}]"))
            .unwrap_or_default();
        format!("{{ id = {}, kind = \"{kind}\"{ranges} }}", self.id)
    }
}

fn bird_link(text: &mut String, link: &Link) {
    line!(
        text,
        "  interface \"{}\" {{ cost {}; priority {}; hello 1; dead 4; retransmit 2;",
        link.name,
        link.cost,
        link.priority
    );
    match link.network {
        Network::Broadcast => {}
        Network::PointToPoint => {
            line!(text, "   type ptp;");
        }
        Network::NonBroadcast => {
            line!(text, "   type nbma;");
        }
        Network::PointToMultipoint | Network::PointToMultipointNonBroadcast => {
            line!(text, "   type ptmp;");
        }
    }
    if !link.neighbors.is_empty() {
        let eligible = if link.network == Network::NonBroadcast {
            " eligible"
        } else {
            ""
        };
        let neighbors: Vec<String> = link
            .neighbors
            .iter()
            .map(|address| format!("{address}{eligible};"))
            .collect();
        line!(text, "   neighbors {{ {} }};", neighbors.join(" "));
    }
    match link.authentication {
        Authentication::None => {}
        Authentication::Simple => {
            line!(text, "   authentication simple; password \"lab\";");
        }
        Authentication::Digest((_, algorithm)) => {
            line!(text, "   authentication cryptographic;");
            line!(text, "   password \"lab\" {{ id 1; algorithm {algorithm}; }};");
        }
    }
    line!(text, "  }};");
}
