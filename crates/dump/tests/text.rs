//! Lines of text: there and back, and what is wrong with those that are no routes.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::IpAddr;

use proptest::prelude::*;
use waypost_dump::text::{Hop, Line, MAX_LINE, parse_line};
use waypost_types::{Prefix4, RouteKind};

#[test]
fn lines() {
    let line = |text: &str| parse_line(text).unwrap().unwrap().to_string();
    for text in [
        "10.0.0.0/8 via 192.0.2.1 dev eth0 metric 3",
        "10.1.0.0/16 via 192.0.2.1 weight 2 via 192.0.2.2 tag 7",
        "10.2.0.0/16 dev eth0",
        "10.2.0.0/16 dev eth0 dev eth1 weight 256",
        "10.2.0.0/16 via 192.0.2.1 dev eth0 onlink",
        "blackhole 10.3.0.0/16",
        "2001:db8::/32 via fe80::1 dev eth0",
        "10.4.0.0/16",
    ] {
        assert_eq!(line(text), text);
    }
    assert_eq!(
        line("  default  via 192.0.2.1   # the way out"),
        "0.0.0.0/0 via 192.0.2.1"
    );
    assert_eq!(line("192.0.2.7 dev lo"), "192.0.2.7/32 dev lo");
    assert_eq!(line("unicast 10.0.0.0/8 dev lo"), "10.0.0.0/8 dev lo");
    for nothing in ["", "   ", "# a comment"] {
        assert_eq!(parse_line(nothing), Ok(None));
    }
    for (text, complaint) in [
        ("10.0.0.1/8", "'10.0.0.1/8' is not a prefix such as 10.0.0.0/8"),
        ("blackhole", "a prefix is missing"),
        ("10.0.0.0/8 via", "an address is missing"),
        ("10.0.0.0/8 via eth0", "'eth0' is not an address"),
        (
            "10.0.0.0/8 dev abcdefghijklmnop",
            "'abcdefghijklmnop' is not the name of an interface: up to 15 octets",
        ),
        ("10.0.0.0/8 dev lo weight 257", "'257' is not a weight: 1..=256"),
        ("10.0.0.0/8 weight 1", "a weight belongs to a next hop"),
        ("10.0.0.0/8 dev lo onlink", "'onlink' belongs to a gateway"),
        (
            "10.0.0.0/8 proto rip",
            "'proto' is not via, dev, weight, onlink, recursive, metric or tag",
        ),
        (
            "blackhole 10.0.0.0/8 dev lo",
            "only unicast routes have next hops",
        ),
    ] {
        assert_eq!(parse_line(text).unwrap_err().to_string(), complaint);
    }
    assert!(parse_line(&"x".repeat(MAX_LINE + 1)).is_err());
    assert!(parse_line(&format!("10.0.0.0/8{}", " dev lo".repeat(17))).is_err());
}

fn hop() -> impl Strategy<Value = Hop> {
    let weight = prop::option::of(1..=256_u16);
    (
        any::<[u8; 4]>(),
        prop::option::of("[a-z0-9.]{1,15}"),
        weight,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(gateway, device, weight, onlink, recursive)| Hop {
            gateway: Some(IpAddr::from(gateway)),
            weight,
            onlink,
            recursive: recursive && device.is_none() && !onlink,
            device,
        })
}

proptest! {
    #[test]
    fn there_and_back(
        bits in any::<u32>(), length in 0..=32_u8, hops in prop::collection::vec(hop(), 0..4),
        metric in prop::option::of(any::<u32>()), tag in prop::option::of(any::<u32>()),
    ) {
        let line = Line {
            prefix: Prefix4::containing(bits.into(), length).unwrap().into(),
            kind: if hops.is_empty() { RouteKind::Prohibit } else { RouteKind::Unicast },
            hops,
            metric,
            tag,
        };
        prop_assert_eq!(parse_line(&line.to_string()), Ok(Some(line)));
    }

    #[test]
    fn no_text_does_harm(text in "\\PC{0,80}") {
        if let Ok(Some(line)) = parse_line(&text) {
            prop_assert_eq!(parse_line(&line.to_string()), Ok(Some(line)));
        }
    }
}
