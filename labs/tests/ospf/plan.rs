//! OSPF on one router, in the languages of Waypost, FRR and BIRD.

use std::fmt::Write as _;

use anyhow::Result;
use waypost_testkit::{Make, Node, Router};

use crate::words::{bird_head, line};

/// A digest: its name for Waypost, and for BIRD. FRR has the first only.
pub(crate) const MD5: (&str, &str) = ("md5", "keyed md5");
pub(crate) const SHA256: (&str, &str) = ("hmac-sha256", "hmac sha256");

/// What the router is to do. `eth0` speaks OSPF, `lan0` is advertised only.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: &'static str,
    pub(crate) area: u8,
    /// The area lets no externals in.
    pub(crate) stub: bool,
    pub(crate) point_to_point: bool,
    pub(crate) digest: Option<(&'static str, &'static str)>,
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
            point_to_point: false,
            digest: None,
            external: None,
        }
    }

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
        line!(text, "[router]\nid = \"{}\"", self.id);
        line!(text, "[protocols.ospf]");
        if self.stub {
            line!(text, "areas = [{{ id = {}, kind = \"stub\" }}]", self.area);
        }
        if let Some((prefix, via)) = self.external {
            line!(text, "redistribute = [{{ source = \"static\" }}]");
            line!(
                text,
                "[protocols.static]\nroutes = [{{ prefix = \"{prefix}\", via = \"{via}\" }}]"
            );
        }
        line!(
            text,
            "[interfaces.eth0.ospf]\narea = {}\nhello-interval = 1",
            self.area
        );
        if self.point_to_point {
            line!(text, "network-type = \"point-to-point\"");
        }
        if let Some((algorithm, _)) = self.digest {
            let key = format!("{{ id = 1, secret = \"lab\", algorithm = \"{algorithm}\" }}");
            line!(text, "authentication = \"cryptographic\"\nkeys = [{key}]");
        }
        line!(
            text,
            "[interfaces.lan0.ospf]\narea = {}\npassive = true",
            self.area
        );
        text
    }

    fn for_frr(&self) -> String {
        let mut text = String::new();
        // First of all, so that FRR does not begin with another identifier: it works while it reads, and a neighbour that
        // is there already is adjacent before the last line. It does not recover from the change.
        line!(text, "router ospf\n ospf router-id {}", self.id);
        if self.stub {
            line!(text, " area {} stub", self.area);
        }
        if self.external.is_some() {
            line!(text, " redistribute static");
        }
        line!(text, "exit");
        line!(text, "interface eth0\n ip ospf area {}", self.area);
        line!(text, " ip ospf hello-interval 1\n ip ospf dead-interval 4");
        if self.point_to_point {
            line!(text, " ip ospf network point-to-point");
        }
        if self.digest.is_some() {
            line!(
                text,
                " ip ospf authentication message-digest\n ip ospf message-digest-key 1 md5 lab"
            );
        }
        line!(
            text,
            "exit\ninterface lan0\n ip ospf area {}\n ip ospf passive\nexit",
            self.area
        );
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
        let export = if self.external.is_some() {
            "source = RTS_STATIC"
        } else {
            "false"
        };
        let channel = if self.stub {
            "ipv4;".to_owned()
        } else {
            format!("ipv4 {{ export where {export}; }};")
        };
        line!(text, "protocol ospf v2 {{ ecmp yes; {channel}");
        line!(text, " area {} {{", self.area);
        if self.stub {
            line!(text, "  stub yes;");
        }
        line!(text, "  interface \"eth0\" {{ hello 1; dead 4; retransmit 2;");
        if self.point_to_point {
            line!(text, "   type ptp;");
        }
        if let Some((_, algorithm)) = self.digest {
            line!(text, "   authentication cryptographic;");
            line!(text, "   password \"lab\" {{ id 1; algorithm {algorithm}; }};");
        }
        line!(text, "  }};\n  interface \"lan0\" {{ stub; }};\n }};\n}}");
        text
    }
}
