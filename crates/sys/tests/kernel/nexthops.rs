use serde_json::{Value, json};
use waypost_netlink::constants::{AF_INET, NEXTHOP_GRP_TYPE_MPATH, RTPROT_RIP};
use waypost_netlink::{
    Batch, Body, Change, GroupMember, Nexthop, NexthopId, NexthopKind, Query, RouteFilter, RouteNextHopFlags,
    Set,
};
use waypost_sys::netlink::{Client, RequestError};
use waypost_types::InterfaceIndex;

use crate::routes::{hop, rip, routes};
use crate::{TwoLinks, ip_json, isolated, two_links};

fn gateway(id: u32, interface: InterfaceIndex, address: &str) -> Nexthop {
    let address = address.parse().unwrap();
    Nexthop::new(
        NexthopId(id),
        RTPROT_RIP,
        NexthopKind::Gateway { address, interface },
    )
}

fn group(id: u32, members: &[(u32, u16)]) -> Nexthop {
    let members = members
        .iter()
        .map(|&(id, weight)| GroupMember {
            id: NexthopId(id),
            weight,
        })
        .collect();
    let group_type = NEXTHOP_GRP_TYPE_MPATH;
    Nexthop::new(
        NexthopId(id),
        RTPROT_RIP,
        NexthopKind::Group { group_type, members },
    )
}

fn install(client: &mut Client, nexthops: &[Nexthop]) {
    let mut batch = Batch::default();
    for nexthop in nexthops {
        batch
            .push(nexthop.id, &Change::SetNexthop(Set::Replace, nexthop))
            .unwrap();
    }
    let mut refused = Vec::new();
    client.execute(&mut batch, &mut refused).unwrap();
    assert_eq!(refused, []);
}

fn nexthops(client: &mut Client, query: &Query) -> Vec<Nexthop> {
    let answer = client.query(query).unwrap();
    answer
        .into_iter()
        .map(|message| match message.body {
            // The scope is the kernel's to choose.
            Body::NewNexthop(nexthop) => Nexthop {
                scope: Default::default(),
                ..nexthop
            },
            other => panic!("{other:?}"),
        })
        .collect()
}

fn every_kind(two: &TwoLinks) -> Vec<Nexthop> {
    let mut onlink = gateway(4, two.left, "203.0.113.9");
    onlink.flags = RouteNextHopFlags::ONLINK;
    let (id, family) = (NexthopId(6), AF_INET);
    vec![
        gateway(1, two.left, "10.0.0.2"),
        gateway(2, two.right, "10.0.1.2"),
        gateway(3, two.right, "fd00:1::2"),
        onlink,
        Nexthop::new(
            NexthopId(5),
            RTPROT_RIP,
            NexthopKind::Link {
                family,
                interface: two.left,
            },
        ),
        Nexthop::new(id, RTPROT_RIP, NexthopKind::Blackhole { family }),
        group(10, &[(1, 1), (2, 256)]),
    ]
}

#[test]
fn objects_read_back_as_written() {
    isolated(|| {
        let mut two = two_links();
        let wanted = every_kind(&two);
        install(&mut two.client, &wanted);
        assert_eq!(nexthops(&mut two.client, &Query::Nexthops), wanted);
        assert_eq!(
            nexthops(&mut two.client, &Query::Nexthop(NexthopId(10))),
            wanted[6..]
        );
        let missing = two.client.query(&Query::Nexthop(NexthopId(99)));
        assert!(matches!(missing, Err(RequestError::Refused(r)) if r.errno == libc::ENOENT));

        let theirs = ip_json("nexthop show");
        let find = |id: u32| -> &Value { theirs.iter().find(|their| their["id"] == json!(id)).unwrap() };
        assert_eq!(theirs.len(), wanted.len());
        assert!(theirs.iter().all(|their| their["protocol"] == "rip"));
        for (id, gateway, dev) in [
            (1, "10.0.0.2", "left"),
            (2, "10.0.1.2", "right"),
            (3, "fd00:1::2", "right"),
            (4, "203.0.113.9", "left"),
        ] {
            assert_eq!(
                (&find(id)["gateway"], &find(id)["dev"]),
                (&json!(gateway), &json!(dev))
            );
        }
        assert_eq!(find(4)["flags"], json!(["onlink"]));
        assert_eq!(find(5)["dev"], "left");
        assert!(find(6).get("blackhole").is_some());
        assert_eq!(find(10)["group"], json!([{"id": 1}, {"id": 2, "weight": 256}]));

        let mut batch = Batch::default();
        for nexthop in wanted.iter().rev() {
            batch.push((), &Change::DeleteNexthop(nexthop.id)).unwrap();
        }
        let mut refused = Vec::new();
        two.client.execute(&mut batch, &mut refused).unwrap();
        assert_eq!(refused, []);
        assert_eq!(nexthops(&mut two.client, &Query::Nexthops), []);
    });
}

/// What the FIB is built on: one message moves every route that uses a group.
#[test]
fn replacing_a_group_repoints_its_routes() {
    isolated(|| {
        let mut two = two_links();
        let wanted = every_kind(&two);
        install(&mut two.client, &wanted);
        let mut route = rip("10.1.0.0/16", &[]);
        route.nexthop = Some(NexthopId(10));
        two.client.change(&Change::SetRoute(Set::Add, &route)).unwrap();
        let filter = RouteFilter {
            protocol: RTPROT_RIP,
            ..RouteFilter::default()
        };
        let before = routes(&mut two.client, filter);
        assert_eq!(before[0].nexthop, Some(NexthopId(10)));
        assert_eq!(
            before[0].next_hops[..],
            [hop(two.left, "10.0.0.2", 1), hop(two.right, "10.0.1.2", 256)]
        );
        assert_eq!(ip_json("route show 10.1.0.0/16")[0]["nhid"], 10);

        install(&mut two.client, &[group(10, &[(2, 1), (4, 9)])]);
        let after = routes(&mut two.client, filter);
        let mut onlink = hop(two.left, "203.0.113.9", 9);
        onlink.flags = RouteNextHopFlags::ONLINK;
        assert_eq!(after[0].next_hops[..], [hop(two.right, "10.0.1.2", 1), onlink]);
        // The kernel takes the routes along with the object.
        two.client.change(&Change::DeleteNexthop(NexthopId(10))).unwrap();
        assert_eq!(routes(&mut two.client, filter), []);
    });
}

#[test]
fn a_group_of_nothing_is_refused_in_words() {
    isolated(|| {
        let mut two = two_links();
        let error = two
            .client
            .change(&Change::SetNexthop(Set::Add, &group(10, &[(77, 1)])))
            .unwrap_err();
        let RequestError::Refused(refusal) = error else {
            panic!("{error}")
        };
        assert_eq!(refusal.errno, libc::EINVAL);
        assert_eq!(refusal.explanation.text.as_deref(), Some("Invalid nexthop id"));
    });
}
