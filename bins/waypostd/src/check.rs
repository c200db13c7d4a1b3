//! `--check`: what is wrong with a configuration, without a router.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use waypost_api::{Refusals, parse_toml};
use waypost_routprot::Refusal;

use crate::modules::Modules;
use crate::protocols;

/// Says what is wrong with the configuration in a file, `-` for standard input, as JSON on standard output. Whether nothing is.
///
/// Values, names and contradictions are looked at as when the file is applied. What depends on the router it is applied to, such
/// as whether a socket can be had, is not.
pub(crate) fn check(file: &Path, modules: &Path) -> Result<bool> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| file.display().to_string())?
    };
    let built_in = protocols::configuration();
    let known: Vec<_> = built_in.protocols().collect();
    let modules = Modules::read(modules, &known)?;
    let configuration = built_in.with(modules.codecs());
    let refusals: Vec<Refusal> = match parse_toml(&text) {
        Ok(tree) => configuration.blocks_of(&tree).err().unwrap_or_default(),
        Err(refusal) => vec![refusal],
    };
    let holds = refusals.is_empty();
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &Refusals { refusals })?;
    writeln!(out)?;
    Ok(holds)
}

#[cfg(test)]
mod tests {
    use waypost_import::{Imported, Links, bird, frr};

    use crate::protocols;

    /// What is translated from other routers' configurations is in the words of our protocols.
    fn accepted(imported: &Imported) {
        assert_eq!(
            imported.left,
            [],
            "every line of this test is one that is translated"
        );
        let refused = protocols::configuration()
            .blocks_of(&imported.configuration)
            .err();
        assert_eq!(refused, None, "{:#}", imported.configuration);
    }

    #[test]
    fn what_frr_says_can_be_said_here() {
        let text = "\
interface eth0
 ip address 10.0.0.1/24
 ip ospf cost 15
 ip ospf priority 0
 ip ospf hello-interval 5
 ip ospf dead-interval 20
 ip ospf retransmit-interval 7
 ip ospf transmit-delay 2
 ip ospf mtu-ignore
 ip ospf prefix-suppression
 ip ospf network non-broadcast
 ip ospf authentication message-digest
 ip ospf message-digest-key 7 md5 secret
 ip rip authentication mode text
 ip rip authentication string secret
 ip rip send version 1 2
 ip rip receive version 1 2
 ip rip split-horizon poisoned-reverse
interface eth1
 ip address 10.1.0.1/24
 ip ospf network point-to-multipoint non-broadcast
 ip ospf authentication key-chain ring
 ip ospf dead-interval minimal hello-multiplier 4
 ip rip authentication mode md5
 ip rip authentication key-chain ring
 ip rip v2-broadcast
interface eth2
 ip address 10.2.0.1/24
 ip ospf authentication
 ip ospf authentication-key secret
 ip ospf network point-to-point
 ip rip send version none
key chain ring
 key 1
  key-string one
  cryptographic-algorithm hmac-sha-1
 key 2
  key-string two
  cryptographic-algorithm hmac-sha-512
router ospf
 ospf router-id 192.0.2.1
 network 10.0.0.0/24 area 0
 network 10.1.0.0/24 area 1
 network 10.2.0.0/24 area 2
 passive-interface eth2
 neighbor 10.0.0.2 priority 3 poll-interval 60
 area 1 nssa no-summary translate-always metric-type 1 metric 5
 area 1 range 10.1.0.0/16 cost 50
 area 2 range 10.2.0.0/16 not-advertise
 area 2 virtual-link 192.0.2.9
 area 3 stub
 area 3 default-cost 9
 redistribute static metric 30 metric-type 1 route-map out
 redistribute connected
 default-information originate
 auto-cost reference-bandwidth 1000
 timers throttle spf 10 100 5000
 timers lsa min-arrival 500
 max-metric router-lsa on-shutdown 20
 maximum-paths 8
 distance 120
 compatible rfc1583
 graceful-restart grace-period 90
 graceful-restart helper enable
router rip
 version 2
 network 10.0.0.0/8
 neighbor 10.0.0.2
 no passive-interface eth1
 timers basic 5 15 10
 default-information originate
 redistribute ospf metric 3 route-map out
 distance 130
 allow-ecmp 4
 distribute-list prefix mine in eth0
 distribute-list prefix mine out
ip prefix-list mine permit 10.0.0.0/8 ge 16 le 24
route-map out permit 10
 match ip address prefix-list mine
 match tag 7
 set metric +3
 set metric-type type-2
route-map out deny 20
ip route 0.0.0.0/0 10.0.0.254 5 tag 3
ip route 172.16.0.0/12 198.51.100.1
ip route 172.16.0.0/12 10.0.0.3 eth0
ip route 203.0.113.0/24 blackhole
ip route 203.0.114.0/24 reject
ip route 192.0.2.0/24 eth1
";
        accepted(&frr(text, &Links::new()));
    }

    #[test]
    fn what_bird_says_can_be_said_here() {
        let text = r#"
router id 192.0.2.1;
protocol direct { ipv4; }
protocol static {
    ipv4;
    route 0.0.0.0/0 via 10.0.0.254 weight 3 via 10.0.0.3;
    route 192.0.2.0/24 recursive 198.51.100.1;
    route 203.0.113.0/24 blackhole;
    route 203.0.114.0/24 via "eth0";
    route 203.0.115.0/24 prohibit;
}
protocol ospf v2 {
    ipv4 { export where source ~ [ RTS_STATIC, RTS_DEVICE ]; };
    rfc1583compat yes; stub router no; ecmp yes limit 4; graceful restart on; graceful restart time 60; instance id 0;
    area 0 {
        networks { 10.0.0.0/8; 172.16.0.0/12 hidden; };
        interface "eth0" {
            cost 15; hello 5; dead 20; wait 20; retransmit 7; transmit delay 2; priority 0; poll 60; type nbma;
            authentication cryptographic; ttl security tx only; tx class 192; rx buffer 65536; tx length 1400;
            password "one" { id 7; algorithm hmac sha256; };
            neighbors { 10.0.0.2 eligible; 10.0.0.3; };
        };
        interface "lo" { stub yes; };
    };
    area 7 { interface "eth3" { type ptmp; authentication simple; password "secret"; }; virtual link 192.0.2.9 { hello 3; }; };
    area 5 {
        nssa yes; default nssa yes; translator yes; translator stability 30; summary no; default cost 5;
        external { 192.168.0.0/16 tag 9; };
        interface "eth1" { type ptp; };
    };
}
protocol rip {
    ipv4 { import all; export all; };
    ecmp yes limit 4;
    interface "eth2" {
        metric 3; mode broadcast; update time 5; timeout time 15; garbage time 10; port 1520; ecmp weight 3;
        authentication plaintext; password "secret"; version only; check zero off; check link yes; ttl security;
    };
    interface "eth1" { authentication cryptographic; password "s" { id 3; algorithm hmac sha384; }; passive; mode multicast; };
}
"#;
        accepted(&bird(text, &Links::new()));
    }
}
