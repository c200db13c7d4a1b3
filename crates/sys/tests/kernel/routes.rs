use std::net::IpAddr;

use serde_json::{Value, json};
use waypost_netlink::constants::{
    AF_INET, AF_INET6, AF_UNSPEC, RT_SCOPE_LINK, RTN_BLACKHOLE, RTN_UNREACHABLE, RTPROT_BOOT, RTPROT_OSPF,
    RTPROT_RIP,
};
use waypost_netlink::{
    Acknowledge, Batch, Body, Change, Query, Route, RouteFilter, RouteNextHop, RouteNextHopFlags, Set,
};
use waypost_sys::netlink::{Client, RequestError};
use waypost_types::InterfaceIndex;

use crate::{TwoLinks, ip, ip_json, isolated, two_links};

pub(crate) fn hop(interface: InterfaceIndex, gateway: &str, weight: u16) -> RouteNextHop {
    RouteNextHop {
        interface: Some(interface),
        gateway: gateway.parse().ok(),
        weight,
        flags: RouteNextHopFlags::empty(),
    }
}

pub(crate) fn rip(destination: &str, hops: &[RouteNextHop]) -> Route {
    let mut route = Route::new(destination.parse().unwrap());
    route.protocol = RTPROT_RIP;
    route.priority = 20;
    route.next_hops = hops.into();
    route
}

pub(crate) fn routes(client: &mut Client, filter: RouteFilter) -> Vec<Route> {
    let answer = client.query(&Query::Routes(filter)).unwrap();
    answer
        .into_iter()
        .map(|message| match message.body {
            Body::NewRoute(route) => route,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn of_rip() -> RouteFilter {
    RouteFilter {
        protocol: RTPROT_RIP,
        ..RouteFilter::default()
    }
}

/// A bit of everything that a protocol installs.
fn every_kind(two: &TwoLinks) -> Vec<Route> {
    let (left, right) = (two.left, two.right);
    let mut onlink = rip("198.51.100.0/24", &[hop(left, "203.0.113.9", 1)]);
    onlink.next_hops[0].flags = RouteNextHopFlags::ONLINK;
    let mut direct = rip("192.0.2.0/25", &[hop(right, "", 1)]);
    direct.scope = RT_SCOPE_LINK;
    let mut blackhole = rip("10.66.0.0/16", &[]);
    blackhole.kind = RTN_BLACKHOLE;
    let mut unreachable = rip("10.67.0.0/16", &[]);
    unreachable.kind = RTN_UNREACHABLE;
    let mut elsewhere = rip("10.3.0.0/16", &[hop(left, "10.0.0.2", 1)]);
    elsewhere.table = 1000;
    let mut from = rip("10.4.0.0/16", &[hop(left, "10.0.0.2", 1)]);
    from.preferred_source = Some("10.0.1.1".parse().unwrap());
    vec![
        rip("0.0.0.0/0", &[hop(left, "10.0.0.2", 1)]),
        rip("10.1.0.0/16", &[hop(left, "10.0.0.2", 1)]),
        rip(
            "10.2.0.0/16",
            &[hop(left, "10.0.0.2", 1), hop(right, "10.0.1.2", 256)],
        ),
        rip("10.5.0.0/16", &[hop(left, "fd00::2", 1)]),
        rip(
            "10.6.0.0/16",
            &[hop(left, "fd00::2", 3), hop(right, "10.0.1.2", 7)],
        ),
        onlink,
        direct,
        blackhole,
        unreachable,
        elsewhere,
        from,
        rip("::/0", &[hop(left, "fd00::2", 1)]),
        rip("2001:db8::/32", &[hop(right, "fd00:1::2", 1)]),
        rip(
            "2001:db8:1::/48",
            &[hop(left, "fd00::2", 2), hop(right, "fd00:1::2", 5)],
        ),
    ]
}

fn sorted(mut routes: Vec<Route>) -> Vec<Route> {
    routes.sort_by_key(|route| (route.table, route.destination));
    routes
}

#[test]
fn routes_read_back_as_written() {
    isolated(|| {
        let mut two = two_links();
        let wanted = every_kind(&two);
        let mut batch = Batch::default();
        for route in &wanted {
            batch.push((), &Change::SetRoute(Set::Add, route)).unwrap();
        }
        let mut refused = Vec::new();
        two.client.execute(&mut batch, &mut refused).unwrap();
        assert_eq!(refused, []);
        let found = routes(&mut two.client, of_rip());
        assert_eq!(sorted(found), sorted(wanted.clone()));

        // The same in the words of `ip`.
        for (family, v6) in [("-4", false), ("-6", true)] {
            let theirs = ip_json(&format!("{family} route show table all proto rip"));
            let ours: Vec<_> = wanted
                .iter()
                .filter(|route| (route.family() == AF_INET6) == v6)
                .collect();
            assert_eq!(theirs.len(), ours.len());
            for their in theirs {
                let text = their["dst"].as_str().unwrap();
                let our = ours
                    .iter()
                    .find(|our| as_ip_prints(our) == text)
                    .unwrap_or_else(|| panic!("{their}"));
                compare(our, &their);
            }
        }

        // And gone again.
        batch.clear();
        for route in &wanted {
            batch.push((), &Change::DeleteRoute(route)).unwrap();
        }
        two.client.execute(&mut batch, &mut refused).unwrap();
        assert_eq!(refused, []);
        assert_eq!(routes(&mut two.client, of_rip()), []);
    });
}

fn as_ip_prints(route: &Route) -> String {
    match route.destination.length() {
        0 => "default".to_owned(),
        _ => route.destination.to_string(),
    }
}

fn compare(our: &Route, their: &Value) {
    assert_eq!(their["metric"], json!(our.priority));
    let kind = their["type"].as_str().unwrap_or("unicast");
    assert_eq!(kind, our.kind.to_string());
    let table = their["table"]
        .as_str()
        .map_or(254, |table| table.parse().unwrap());
    assert_eq!(table, our.table);
    assert_eq!(
        their["prefsrc"].as_str(),
        our.preferred_source.map(|a| a.to_string()).as_deref()
    );
    let hops: Vec<_> = match (their["nexthops"].as_array(), their["dev"].as_str()) {
        (Some(hops), _) => hops.iter().map(their_hop).collect(),
        (None, Some("lo") | None) => Vec::new(),
        (None, Some(_)) => vec![their_hop(their)],
    };
    let ours: Vec<_> = our
        .next_hops
        .iter()
        .map(|hop| {
            (
                waypost_sys::interface::name(hop.interface.unwrap()).unwrap(),
                hop.gateway,
                u64::from(hop.weight),
                hop.flags.contains(RouteNextHopFlags::ONLINK),
            )
        })
        .collect();
    assert_eq!(hops, ours, "{their}");
}

fn their_hop(hop: &Value) -> (String, Option<IpAddr>, u64, bool) {
    let gateway = hop["gateway"].as_str().or_else(|| hop["via"]["host"].as_str());
    (
        hop["dev"].as_str().unwrap().to_owned(),
        gateway.map(|gateway| gateway.parse().unwrap()),
        hop["weight"].as_u64().unwrap_or(1),
        hop["flags"]
            .as_array()
            .is_some_and(|flags| flags.contains(&json!("onlink"))),
    )
}

#[test]
fn routes_of_others_are_read() {
    isolated(|| {
        let mut two = two_links();
        ip("route add 10.7.0.0/16 via 10.0.0.9 metric 5 table 77 proto ospf");
        ip("route add 10.8.0.0/16 tos 0x10 nexthop via 10.0.0.9 weight 4 nexthop dev right weight 2");
        ip("-6 route add 2001:db8::/32 from fd00::/16 via fd00::9 dev left");
        let all = routes(&mut two.client, RouteFilter::default());
        let find = |destination: &str| {
            all.iter()
                .find(|route| route.destination == destination.parse().unwrap())
                .unwrap()
        };
        let seventh = find("10.7.0.0/16");
        assert_eq!(
            (seventh.table, seventh.priority, seventh.protocol),
            (77, 5, RTPROT_OSPF)
        );
        assert_eq!(seventh.next_hops[..], [hop(two.left, "10.0.0.9", 1)]);
        let eighth = find("10.8.0.0/16");
        assert_eq!((eighth.tos, eighth.protocol), (0x10, RTPROT_BOOT));
        assert_eq!(
            eighth.next_hops[..],
            [hop(two.left, "10.0.0.9", 4), hop(two.right, "", 2)]
        );
        assert_eq!(find("2001:db8::/32").source, Some("fd00::/16".parse().unwrap()));
    });
}

#[test]
fn the_kernel_filters() {
    isolated(|| {
        let mut two = two_links();
        ip("route add 10.7.0.0/16 via 10.0.0.9 table 77 proto ospf");
        ip("route add 10.8.0.0/16 via 10.0.1.9 proto ospf");
        let mut count = |filter| routes(&mut two.client, filter).len();
        let ospf = RouteFilter {
            protocol: RTPROT_OSPF,
            ..RouteFilter::default()
        };
        assert_eq!(count(ospf), 2);
        for (filter, expected) in [
            (
                RouteFilter {
                    table: Some(77),
                    family: AF_INET,
                    ..ospf
                },
                1,
            ),
            (
                RouteFilter {
                    interface: Some(two.right),
                    ..ospf
                },
                1,
            ),
            (
                RouteFilter {
                    family: AF_INET6,
                    ..ospf
                },
                0,
            ),
            (
                RouteFilter {
                    kind: RTN_BLACKHOLE,
                    ..ospf
                },
                0,
            ),
            // No such table: no error either.
            (
                RouteFilter {
                    table: Some(4711),
                    family: AF_INET,
                    ..ospf
                },
                0,
            ),
            (
                RouteFilter {
                    table: Some(4711),
                    family: AF_UNSPEC,
                    ..ospf
                },
                0,
            ),
        ] {
            assert_eq!(count(filter), expected, "{filter:?}");
        }
    });
}

#[test]
fn refusals_come_with_token_and_words() {
    isolated(|| {
        let mut two = two_links();
        let good = rip("10.1.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        let no_way = rip("10.2.0.0/16", &[hop(two.left, "203.0.113.1", 1)]);
        let last = rip("10.3.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        for acknowledge in [Acknowledge::Last, Acknowledge::All] {
            let mut batch = Batch::new(acknowledge, 16);
            for (token, route) in [
                ("good", &good),
                ("no way", &no_way),
                ("again", &good),
                ("last", &last),
            ] {
                batch.push(token, &Change::SetRoute(Set::Add, route)).unwrap();
            }
            let mut refused = Vec::new();
            two.client.execute(&mut batch, &mut refused).unwrap();
            let found: Vec<_> = refused.iter().map(|r| (r.token, r.refusal.errno)).collect();
            assert_eq!(found, [("no way", libc::ENETUNREACH), ("again", libc::EEXIST)]);
            assert_eq!(
                refused[0].refusal.to_string(),
                "Network is unreachable (os error 101): Nexthop has invalid gateway"
            );
            let installed = routes(&mut two.client, of_rip());
            assert_eq!(sorted(installed), [good.clone(), last.clone()]);
            two.client.change(&Change::DeleteRoute(&good)).unwrap();
            two.client.change(&Change::DeleteRoute(&last)).unwrap();
        }
        // The last message of a batch can be the one refused.
        let error = two
            .client
            .change(&Change::SetRoute(Set::Add, &no_way))
            .unwrap_err();
        assert!(matches!(error, RequestError::Refused(_)));
        // And what cannot be written is not sent.
        let mut mixed = good;
        mixed.preferred_source = Some("::1".parse().unwrap());
        assert!(matches!(
            two.client.change(&Change::SetRoute(Set::Add, &mixed)),
            Err(RequestError::Encode(_))
        ));
    });
}

#[test]
fn replace_change_append() {
    isolated(|| {
        let mut two = two_links();
        let first = rip("10.1.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        let second = rip("10.1.0.0/16", &[hop(two.right, "10.0.1.2", 1)]);
        let absent = two
            .client
            .change(&Change::SetRoute(Set::Change, &first))
            .unwrap_err();
        assert!(matches!(absent, RequestError::Refused(refusal) if refusal.errno == libc::ENOENT));
        two.client
            .change(&Change::SetRoute(Set::Replace, &first))
            .unwrap();
        two.client
            .change(&Change::SetRoute(Set::Replace, &second))
            .unwrap();
        assert_eq!(routes(&mut two.client, of_rip()), std::slice::from_ref(&second));
        two.client.change(&Change::SetRoute(Set::Append, &first)).unwrap();
        assert_eq!(routes(&mut two.client, of_rip()), [second, first]);
    });
}
