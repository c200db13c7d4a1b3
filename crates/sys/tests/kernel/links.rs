use std::io;

use waypost_netlink::constants::{AF_INET, AF_UNSPEC, IF_OPER_UP, RT_SCOPE_LINK};
use waypost_netlink::{Address, AddressFlags, Body, Change, Link, LinkFlags, NeighbourState, Query, Set};
use waypost_sys::interface;
use waypost_sys::netlink::{Client, RequestError};
use waypost_types::InterfaceIndex;

use crate::{ip, ip_json, isolated, two_links};

fn links(client: &mut Client) -> Vec<Link> {
    let answer = client.query(&Query::Links).unwrap();
    answer
        .into_iter()
        .map(|message| match message.body {
            Body::NewLink(link) => link,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn addresses(client: &mut Client, query: &Query) -> Vec<Address> {
    let answer = client.query(query).unwrap();
    answer
        .into_iter()
        .map(|message| match message.body {
            Body::NewAddress(address) => address,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn colons(address: &[u8]) -> String {
    let bytes: Vec<_> = address.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

#[test]
fn links_are_those_ip_shows() {
    isolated(|| {
        let mut two = two_links();
        ip("link add bridge type bridge");
        ip("link set right master bridge");
        ip("link set bridge up");
        let ours = links(&mut two.client);
        let theirs = ip_json("-d link show");
        assert_eq!(ours.len(), theirs.len());
        assert!(ours.len() >= 6);
        let name_of = |index: InterfaceIndex| interface::name(index).unwrap();
        for their in &theirs {
            let name = their["ifname"].as_str().unwrap();
            let our = ours
                .iter()
                .find(|link| link.name.as_deref() == Some(name))
                .unwrap();
            assert_eq!(u64::from(our.index.0), their["ifindex"]);
            assert_eq!(u64::from(our.mtu.unwrap()), their["mtu"]);
            assert_eq!(our.oper_state.unwrap().to_string(), their["operstate"]);
            assert_eq!(colons(&our.address), their["address"].as_str().unwrap());
            assert_eq!(our.kind.as_deref(), their["linkinfo"]["info_kind"].as_str());
            assert_eq!(our.master.map(name_of).as_deref(), their["master"].as_str());
            let flags: Vec<_> = their["flags"].as_array().unwrap().iter().collect();
            for (flag, text) in [
                (LinkFlags::UP, "UP"),
                (LinkFlags::LOWER_UP, "LOWER_UP"),
                (LinkFlags::LOOPBACK, "LOOPBACK"),
                (LinkFlags::MULTICAST, "MULTICAST"),
            ] {
                assert_eq!(
                    our.flags.contains(flag),
                    flags.iter().any(|f| **f == text),
                    "{name} {text}"
                );
            }
        }
        let left = ours.iter().find(|link| link.index == two.left).unwrap();
        assert!(left.is_operational() && left.oper_state == Some(IF_OPER_UP) && left.carrier == Some(true));
        assert_eq!(left.lower, Some(interface::index("left-far").unwrap()));
    });
}

#[test]
fn links_change() {
    isolated(|| {
        let mut two = two_links();
        let far = interface::index("left-far").unwrap();
        two.client.set_link_up(far, false).unwrap();
        let mtu = Change::SetLinkMtu {
            interface: two.left,
            mtu: 1400,
        };
        two.client.change(&mtu).unwrap();
        let answer = two.client.query(&Query::Link(two.left)).unwrap();
        let [message] = &answer[..] else {
            panic!("{answer:?}")
        };
        let Body::NewLink(left) = &message.body else {
            panic!("{message:?}")
        };
        // Up, but the other end is not.
        assert_eq!((left.mtu, left.carrier), (Some(1400), Some(false)));
        assert!(left.flags.contains(LinkFlags::UP) && !left.is_operational());

        let missing = InterfaceIndex(4242);
        assert!(matches!(
            two.client.query(&Query::Link(missing)),
            Err(RequestError::Refused(refusal)) if refusal.errno == libc::ENODEV
        ));
        assert!(matches!(
            two.client.set_link_up(missing, true),
            Err(RequestError::Refused(refusal)) if refusal.errno == libc::ENODEV
        ));
        // A veth claims 10 Gbit/s.
        assert_eq!(interface::speed(two.right).unwrap(), Some(10_000_000_000));
        assert_eq!(
            interface::index("left-further").unwrap_err().kind(),
            io::Error::from_raw_os_error(libc::ENODEV).kind()
        );
    });
}

#[test]
fn addresses_are_those_ip_shows() {
    isolated(|| {
        let mut two = two_links();
        ip("address add 10.9.0.1 peer 10.9.0.2/32 dev left");
        ip("address add 10.0.0.7/24 broadcast 10.0.0.255 label left:x dev left");
        let ours = addresses(&mut two.client, &Query::Addresses(AF_UNSPEC));
        let mut seen = 0;
        for link in ip_json("address show") {
            for their in link["addr_info"].as_array().unwrap() {
                let local: std::net::IpAddr = their["local"].as_str().unwrap().parse().unwrap();
                let our = ours
                    .iter()
                    .find(|our| our.local == local && u64::from(our.interface.0) == link["ifindex"])
                    .unwrap();
                assert_eq!(u64::from(our.prefix_length), their["prefixlen"]);
                assert_eq!(our.scope.to_string(), their["scope"]);
                assert_eq!(
                    our.peer.map(|peer| peer.to_string()).as_deref(),
                    their["address"].as_str()
                );
                assert_eq!(
                    our.broadcast.map(|b| b.to_string()).as_deref(),
                    their["broadcast"].as_str()
                );
                assert_eq!(our.label.as_deref(), their["label"].as_str());
                assert_eq!(
                    our.flags.contains(AddressFlags::SECONDARY),
                    their["secondary"] == true,
                    "{our:?}"
                );
                assert!(our.flags.contains(AddressFlags::PERMANENT));
                seen += 1;
            }
        }
        assert_eq!(seen, ours.len());
        let v4 = addresses(&mut two.client, &Query::Addresses(AF_INET));
        assert!(v4.iter().all(|address| address.family() == AF_INET));
        assert_eq!(v4.len(), ours.iter().filter(|a| a.local.is_ipv4()).count());
    });
}

#[test]
fn addresses_come_and_go() {
    isolated(|| {
        let mut two = two_links();
        let mut address = Address::new(two.left, "192.0.2.1".parse().unwrap(), 32);
        address.peer = Some("192.0.2.2".parse().unwrap());
        address.scope = RT_SCOPE_LINK;
        let count = addresses(&mut two.client, &Query::Addresses(AF_UNSPEC)).len();
        two.client
            .change(&Change::SetAddress(Set::Add, &address))
            .unwrap();
        let error = two
            .client
            .change(&Change::SetAddress(Set::Add, &address))
            .unwrap_err();
        assert!(matches!(&error, RequestError::Refused(refusal) if refusal.errno == libc::EEXIST));
        let now = addresses(&mut two.client, &Query::Addresses(AF_UNSPEC));
        // The kernel names an address without a label after its interface.
        address.label = Some("left".to_owned());
        assert!(now.contains(&address), "{now:?}");
        two.client.change(&Change::DeleteAddress(&address)).unwrap();
        assert_eq!(
            addresses(&mut two.client, &Query::Addresses(AF_UNSPEC)).len(),
            count
        );
    });
}

#[test]
fn neighbours_are_those_ip_shows() {
    isolated(|| {
        let mut two = two_links();
        for (address, device, more) in [
            ("10.0.0.7", "left", "lladdr 02:00:00:00:00:07 nud permanent"),
            ("10.0.1.8", "right", "lladdr 02:00:00:00:00:08 nud stale"),
            ("fd00::9", "left", "lladdr 02:00:00:00:00:09 nud permanent router"),
        ] {
            ip(&format!("neigh add {address} dev {device} {more}"));
        }
        let mut seen = 0;
        for their in ip_json("neigh show") {
            let address: std::net::IpAddr = their["dst"].as_str().unwrap().parse().unwrap();
            let answer = two.client.query(&Query::Neighbours(AF_UNSPEC)).unwrap();
            let our = answer.into_iter().find_map(|message| match message.body {
                Body::NewNeighbour(neighbour) => Some(neighbour).filter(|our| our.address == address),
                other => panic!("{other:?}"),
            });
            let Some(our) = our else {
                panic!("{their} is missing");
            };
            assert_eq!(
                interface::name(our.interface).unwrap(),
                their["dev"].as_str().unwrap()
            );
            assert_eq!(
                colons(&our.hardware_address),
                their["lladdr"].as_str().unwrap_or_default()
            );
            let states: Vec<String> = our.state.iter_names().map(|(name, _)| name.to_owned()).collect();
            assert_eq!(their["state"], serde_json::json!(states), "{our:?}");
            // `ip` says it by the key alone.
            assert_eq!(our.flags & 0x80 != 0, their.get("router").is_some());
            seen += usize::from(our.state != NeighbourState::NOARP);
        }
        assert!(seen >= 3);
    });
}
