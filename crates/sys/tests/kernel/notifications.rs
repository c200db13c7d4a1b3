use waypost_netlink::constants::{RTNLGRP_IPV4_ROUTE, RTNLGRP_LINK};
use waypost_netlink::{Batch, Body, Change, LinkFlags, Message, Set, decode_all};
use waypost_sys::interface;
use waypost_sys::netlink::{Client, Received, Socket};

use crate::routes::{hop, rip};
use crate::{isolated, two_links};

fn drain(socket: &Socket) -> Vec<Message> {
    let mut buffer = Vec::new();
    let mut all = Vec::new();
    while socket.try_recv(&mut buffer).unwrap() == Received::Messages {
        all.extend(decode_all(&buffer).map(Result::unwrap));
    }
    all
}

#[test]
fn links_and_routes_are_announced() {
    isolated(|| {
        let mut two = two_links();
        let socket = Socket::open(1 << 20).unwrap();
        socket.join(RTNLGRP_LINK).unwrap();
        socket.join(RTNLGRP_IPV4_ROUTE).unwrap();
        let route = rip("10.1.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        two.client.change(&Change::SetRoute(Set::Add, &route)).unwrap();
        two.client.change(&Change::DeleteRoute(&route)).unwrap();
        let heard = drain(&socket);
        assert_eq!(
            heard.iter().map(|message| &message.body).collect::<Vec<_>>(),
            [&Body::NewRoute(route.clone()), &Body::DelRoute(route.clone())]
        );
        two.client.set_link_up(two.left, false).unwrap();
        let heard = drain(&socket);
        assert!(heard.iter().any(|message| matches!(
            &message.body,
            Body::NewLink(link) if link.index == two.left && !link.flags.contains(LinkFlags::UP)
        )));
        socket.leave(RTNLGRP_LINK).unwrap();
        two.client.set_link_up(two.left, true).unwrap();
        let heard = drain(&socket);
        assert!(
            !heard
                .iter()
                .any(|message| matches!(message.body, Body::NewLink(_)))
        );
    });
}

/// The kernel does not announce the routes that die with their link: what `Body::DelRoute` warns of.
#[test]
fn routes_die_in_silence() {
    isolated(|| {
        let mut two = two_links();
        let route = rip("10.1.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        two.client.change(&Change::SetRoute(Set::Add, &route)).unwrap();
        let socket = Socket::open(1 << 20).unwrap();
        socket.join(RTNLGRP_IPV4_ROUTE).unwrap();
        two.client.set_link_up(two.left, false).unwrap();
        let heard = drain(&socket);
        assert!(
            !heard
                .iter()
                .any(|message| message.body == Body::DelRoute(route.clone()))
        );
        let error = two.client.change(&Change::DeleteRoute(&route)).unwrap_err();
        assert!(error.to_string().contains("No such process"), "{error}");
    });
}

#[test]
fn a_slow_listener_learns_that_it_lost_something() {
    isolated(|| {
        let mut two = two_links();
        let socket = Socket::open(1).unwrap();
        socket.join(RTNLGRP_IPV4_ROUTE).unwrap();
        let mut batch = Batch::default();
        for third in 0..200 {
            let route = rip(&format!("10.1.{third}.0/24"), &[hop(two.left, "10.0.0.2", 1)]);
            batch.push((), &Change::SetRoute(Set::Add, &route)).unwrap();
        }
        let mut refused = Vec::new();
        two.client.execute(&mut batch, &mut refused).unwrap();
        assert_eq!(refused, []);

        let mut buffer = Vec::new();
        let mut overruns = 0;
        let mut messages = 0;
        loop {
            match socket.try_recv(&mut buffer).unwrap() {
                Received::Messages => messages += decode_all(&buffer).count(),
                Received::Overrun => overruns += 1,
                Received::Nothing => break,
            }
        }
        assert_eq!(overruns, 1);
        assert!(messages < 200, "{messages}");
        // It goes on hearing.
        let route = rip("10.2.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        two.client.change(&Change::SetRoute(Set::Add, &route)).unwrap();
        assert_eq!(socket.recv(&mut buffer).unwrap(), Received::Messages);
        let heard: Vec<_> = decode_all(&buffer).map(|message| message.unwrap().body).collect();
        assert_eq!(heard, [Body::NewRoute(route)]);
        assert!(interface::name(two.left).is_ok());
    });
}

#[test]
fn changes_of_one_socket_can_be_ignored() {
    isolated(|| {
        let mut two = two_links();
        let socket = Socket::open(1 << 20).unwrap();
        socket.join(RTNLGRP_IPV4_ROUTE).unwrap();
        socket.ignore_changes_of(two.client.port().unwrap()).unwrap();
        let ours = rip("10.1.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        two.client.change(&Change::SetRoute(Set::Add, &ours)).unwrap();
        let theirs = rip("10.2.0.0/16", &[hop(two.left, "10.0.0.2", 1)]);
        let mut other = Client::open().unwrap();
        other.change(&Change::SetRoute(Set::Add, &theirs)).unwrap();
        let heard = drain(&socket);
        let [message] = &heard[..] else {
            panic!("{heard:?}")
        };
        assert_eq!(message.body, Body::NewRoute(theirs));
        assert_eq!(message.header.port, other.port().unwrap());
    });
}
