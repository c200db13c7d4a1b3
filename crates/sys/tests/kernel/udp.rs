use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use waypost_sys::interface;
use waypost_sys::namespace::{NetworkNamespace, in_new_network_namespace};
use waypost_sys::udp::{Datagram, Options, Outgoing, ReceiveBuffers, Socket};
use waypost_sys::wait::{Interest, Poller};

use crate::{await_operational, ip, isolated};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 9);
const PORT: u16 = 520;

#[derive(Debug, PartialEq, Eq)]
struct Heard {
    source: SocketAddrV4,
    destination: Ipv4Addr,
    ttl: u8,
    truncated: bool,
    bytes: Vec<u8>,
}

/// Waits for `count` datagrams that get past the socket's filter.
fn hear(socket: &Socket, count: usize) -> Vec<Heard> {
    let poller = Poller::new().unwrap();
    poller.add(socket, 0, Interest::Read).unwrap();
    let mut buffers = ReceiveBuffers::new(4, 64);
    let mut heard = Vec::new();
    let mut ready = Vec::new();
    while heard.len() < count {
        poller.wait(Some(Duration::from_secs(5)), &mut ready).unwrap();
        assert!(!ready.is_empty(), "only {heard:?}");
        let note = |datagram: Datagram<'_>| {
            assert_eq!(datagram.interface, socket.interface());
            heard.push(Heard {
                source: datagram.source,
                destination: datagram.destination,
                ttl: datagram.ttl,
                truncated: datagram.truncated,
                bytes: datagram.bytes.to_vec(),
            });
        };
        socket.recv_batch(&mut buffers, note).unwrap();
    }
    heard
}

fn silent(socket: &Socket) -> bool {
    let mut count = 0;
    let mut buffers = ReceiveBuffers::new(4, 64);
    socket.recv_batch(&mut buffers, |_| count += 1).unwrap();
    count == 0
}

fn to(destination: Ipv4Addr, bytes: &[u8]) -> Outgoing<'_> {
    Outgoing {
        destination: SocketAddrV4::new(destination, PORT),
        source: None,
        ttl: None,
        bytes,
    }
}

fn send(socket: &Socket, datagrams: &[Outgoing<'_>]) {
    assert_eq!(socket.send_batch(datagrams).unwrap(), datagrams.len());
}

/// Two routers, each in a namespace of its own, on one link: 10.0.0.1 and 10.0.0.2. The test runs in the far one.
fn two_routers(test: impl FnOnce(Socket, Socket) + Send) {
    isolated(|| {
        let near_namespace = NetworkNamespace::current().unwrap();
        in_new_network_namespace(|| {
            use std::os::fd::{AsFd, AsRawFd};
            let far_namespace = NetworkNamespace::current().unwrap();
            near_namespace.enter().unwrap();
            ip("link add near type veth peer name far");
            let fd = far_namespace.as_fd().as_raw_fd();
            ip(&format!(
                "link set far netns /proc/{}/fd/{fd}",
                std::process::id()
            ));
            let open = |name: &str, address: &str| {
                ip(&format!("address add {address} broadcast 10.0.0.255 dev {name}"));
                ip(&format!("link set {name} up"));
                Socket::open(interface::index(name).unwrap(), PORT, &Options::default()).unwrap()
            };
            let near = open("near", "10.0.0.1/24");
            far_namespace.enter().unwrap();
            let far = open("far", "10.0.0.2/24");
            await_operational(far.interface());
            near_namespace.enter().unwrap();
            await_operational(near.interface());
            far_namespace.enter().unwrap();
            // Once the neighbour is resolved, nothing overtakes a unicast datagram any more.
            send(&near, &[to(Ipv4Addr::new(10, 0, 0, 2), b"hello")]);
            hear(&far, 1);
            test(near, far);
        })
        .unwrap();
    });
}

#[test]
fn multicast_unicast_and_broadcast() {
    two_routers(|near, far| {
        assert_eq!(near.port().unwrap(), PORT);
        far.join(GROUP).unwrap();
        assert!(far.join(GROUP).is_err());
        let broadcast = Ipv4Addr::new(10, 0, 0, 255);
        send(
            &near,
            &[
                to(GROUP, b"to all routers"),
                to(Ipv4Addr::new(10, 0, 0, 2), b"to you"),
                to(broadcast, b"to everyone"),
                to(Ipv4Addr::BROADCAST, &[7; 100]),
                to(GROUP, b""),
            ],
        );
        let heard = hear(&far, 5);
        let source = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), PORT);
        let found: Vec<_> = heard
            .iter()
            .map(|h| (h.destination, h.ttl, h.truncated))
            .collect();
        assert_eq!(
            found,
            [
                (GROUP, 1, false),
                (Ipv4Addr::new(10, 0, 0, 2), 64, false),
                (broadcast, 64, false),
                (Ipv4Addr::BROADCAST, 64, true),
                (GROUP, 1, false),
            ]
        );
        assert!(heard.iter().all(|heard| heard.source == source));
        assert_eq!(heard[0].bytes, b"to all routers");
        assert_eq!(heard[3].bytes, [7; 64]);
        assert_eq!(heard[4].bytes, b"");
        // Linux gives broadcasts to their sender too, multicast only when asked to.
        let own: Vec<_> = hear(&near, 2).iter().map(|h| h.destination).collect();
        assert_eq!(own, [broadcast, Ipv4Addr::BROADCAST]);
        near.join(GROUP).unwrap();
        send(&near, &[to(GROUP, b"again")]);
        hear(&far, 1);
        assert!(silent(&near));

        far.leave(GROUP).unwrap();
        assert!(far.leave(GROUP).is_err());
        // Somebody else's membership lets the group into the machine, but not into this socket.
        let somebody = Socket::open(far.interface(), 0, far.options()).unwrap();
        somebody.join(GROUP).unwrap();
        send(
            &near,
            &[to(GROUP, b"unheard"), to(Ipv4Addr::new(10, 0, 0, 2), b"heard")],
        );
        assert_eq!(hear(&far, 1)[0].bytes, b"heard");
    });
}

#[test]
fn the_source_can_be_chosen() {
    two_routers(|near, far| {
        let near_address = Ipv4Addr::new(10, 0, 0, 22);
        ip("address add 10.0.0.22/24 dev far");
        near.join(GROUP).unwrap();
        let mut datagram = to(GROUP, b"from my other address");
        datagram.source = Some(near_address);
        send(&far, &[datagram, to(GROUP, b"from my own")]);
        let sources: Vec<_> = hear(&near, 2).iter().map(|h| *h.source.ip()).collect();
        assert_eq!(sources, [near_address, Ipv4Addr::new(10, 0, 0, 2)]);
        datagram.source = Some(Ipv4Addr::new(192, 0, 2, 1));
        assert!(far.send_batch(&[datagram]).is_err());
        // The good one goes out, the bad one is for the next call.
        assert_eq!(far.send_batch(&[to(GROUP, b"x"), datagram]).unwrap(), 1);
        assert_eq!(far.send_batch(&[]).unwrap(), 0);
    });
}

#[test]
fn the_ttl_can_be_chosen() {
    two_routers(|near, far| {
        let there = Ipv4Addr::new(10, 0, 0, 2);
        let mut datagram = to(there, b"from afar");
        datagram.ttl = Some(200);
        let mut both = datagram;
        both.source = Some(Ipv4Addr::new(10, 0, 0, 1));
        send(&near, &[to(there, b"as ever"), datagram, both]);
        let ttls: Vec<_> = hear(&far, 3).iter().map(|h| h.ttl).collect();
        assert_eq!(ttls, [64, 200, 200]);
        // The same where the kernel writes no header of a transport protocol.
        ip("link set lo up");
        let lo = interface::index("lo").unwrap();
        let raw = Socket::open_raw(lo, 253, far.options()).unwrap();
        let mut datagram = to(Ipv4Addr::LOCALHOST, b"to myself");
        datagram.destination.set_port(0);
        datagram.ttl = Some(200);
        send(&raw, &[datagram]);
        assert_eq!(hear(&raw, 1)[0].ttl, 200);
    });
}

#[test]
fn options_change_live() {
    two_routers(|mut near, mut far| {
        far.join(GROUP).unwrap();
        let other = Ipv4Addr::new(10, 0, 0, 2);
        let relaxed = *far.options();
        // What waits in the buffer survives a change, and is judged by the options in effect when it is read.
        send(&near, &[to(other, b"ttl 64")]);
        far.set_options(&Options {
            min_ttl: 64,
            tos: 0x10,
            receive_buffer: 8192,
            ..relaxed
        })
        .unwrap();
        assert_eq!(hear(&far, 1)[0].bytes, b"ttl 64");

        let loud = Options {
            ttl: 255,
            multicast_ttl: 7,
            ..*near.options()
        };
        near.set_options(&loud).unwrap();
        far.set_options(&Options {
            min_ttl: 255,
            ..relaxed
        })
        .unwrap();
        send(&near, &[to(GROUP, b"ttl 7"), to(other, b"ttl 255")]);
        assert_eq!(hear(&far, 1)[0].bytes, b"ttl 255");
        far.set_options(&relaxed).unwrap();
        send(&near, &[to(GROUP, b"ttl 7")]);
        assert_eq!(hear(&far, 1)[0].ttl, 7);

        let before = *near.options();
        let error = near
            .set_options(&Options {
                multicast_ttl: 3,
                ttl: 0,
                ..before
            })
            .unwrap_err();
        assert!(error.to_string().starts_with("setting IP_TTL to 0: "), "{error}");
        assert_eq!(*near.options(), before);
        // What had been changed before the error is as it was.
        send(&near, &[to(GROUP, b"still 7")]);
        assert_eq!(hear(&far, 1)[0].ttl, 7);
    });
}

#[test]
fn sockets_hear_only_their_interface() {
    isolated(|| {
        let lo = interface::index("lo").unwrap();
        ip("link add left type veth peer name left-far");
        ip("link set left up");
        let options = Options::default();
        let on_lo = Socket::open(lo, PORT, &options).unwrap();
        let on_left = Socket::open(interface::index("left").unwrap(), PORT, &options).unwrap();
        send(&on_lo, &[to(Ipv4Addr::LOCALHOST, b"to lo")]);
        assert_eq!(hear(&on_lo, 1)[0].bytes, b"to lo");
        assert!(silent(&on_left));
        let error = Socket::open(waypost_types::InterfaceIndex(4242), PORT, &options).unwrap_err();
        assert_eq!(
            error.to_string(),
            "interface 4242: No such device or address (os error 6)"
        );
    });
}
