//! The sockets to the kernel: one that asks and changes, one that listens.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use waypost_fib::{Failure, Fib, Mode, Refused, Token};
use waypost_netlink::constants::{
    AF_UNSPEC, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
    RTNLGRP_LINK, RTNLGRP_NEXTHOP,
};
use waypost_netlink::{Address, Batch, Body, Link, Message, Nexthop, Query, RouteFilter, decode_all};
use waypost_sys::netlink::{Client, Dump, Received, RequestError, Socket};
use waypost_types::Time;

/// Room for the notifications of somebody who changes tens of thousands of routes at once. Ours do not count.
const RECEIVE_BUFFER: usize = 64 << 20;
/// How often a dump of the routes is tried while others keep changing them.
const ATTEMPTS: u32 = 4;
/// Receive calls between other work.
const RECEIVES: u32 = 64;

pub(super) struct Kernel {
    client: Client,
    socket: Socket,
    buffer: Vec<u8>,
    refused: Vec<waypost_sys::netlink::Refused<Token>>,
}

/// Links and addresses, as read.
pub(super) struct Surroundings {
    pub(super) links: Vec<Link>,
    pub(super) addresses: Vec<Address>,
}

/// What the listening socket had.
pub(super) enum Heard {
    Nothing,
    /// Messages, and perhaps more.
    Messages,
    /// An unknown number of notifications is lost.
    Overrun,
}

fn failed(error: RequestError) -> io::Error {
    match error {
        RequestError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

impl Kernel {
    /// Opens the sockets and finds out whether there are nexthop objects.
    pub(super) fn open() -> io::Result<(Self, Mode)> {
        let socket = Socket::open(RECEIVE_BUFFER)?;
        let mut client = Client::open()?;
        socket.ignore_changes_of(client.port()?)?;
        for group in [
            RTNLGRP_LINK,
            RTNLGRP_IPV4_IFADDR,
            RTNLGRP_IPV6_IFADDR,
            RTNLGRP_IPV4_ROUTE,
            RTNLGRP_IPV6_ROUTE,
        ] {
            socket.join(group)?;
        }
        let errno = match client.query(&Query::Nexthops) {
            Ok(_) => None,
            Err(RequestError::Refused(refusal)) => Some(refusal.errno),
            Err(error) => return Err(failed(error)),
        };
        let Some(mode) = Mode::from_probe(errno) else {
            let error = io::Error::from_raw_os_error(errno.unwrap_or(0));
            return Err(io::Error::new(error.kind(), format!("asking for nexthop objects: {error}")));
        };
        if mode == Mode::Objects {
            socket.join(RTNLGRP_NEXTHOP)?;
        }
        let kernel = Self {
            client,
            socket,
            buffer: Vec::new(),
            refused: Vec::new(),
        };
        Ok((kernel, mode))
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Hands over what others changed, a bounded number of messages.
    pub(super) fn hear(&mut self, mut hear: impl FnMut(&Message)) -> io::Result<Heard> {
        let mut heard = Heard::Nothing;
        for _ in 0..RECEIVES {
            match self.socket.try_recv(&mut self.buffer)? {
                Received::Nothing => return Ok(heard),
                Received::Overrun => {
                    self.drop_news()?;
                    return Ok(Heard::Overrun);
                }
                Received::Messages => {
                    heard = Heard::Messages;
                    for message in decode_all(&self.buffer) {
                        match message {
                            Ok(message) => hear(&message),
                            Err(error) => tracing::warn!(%error, "a notification of the kernel is unreadable"),
                        }
                    }
                }
            }
        }
        Ok(heard)
    }

    /// What waits is older than what is about to be read.
    fn drop_news(&mut self) -> io::Result<()> {
        while self.socket.try_recv(&mut self.buffer)? != Received::Nothing {}
        Ok(())
    }

    /// Reads links, addresses, objects and routes, the latter two into the machine.
    pub(super) fn resync(&mut self, now: Time, mode: Mode, fib: &mut Fib) -> io::Result<Surroundings> {
        for attempt in 1..=ATTEMPTS {
            self.drop_news()?;
            let mut links = Vec::new();
            let mut addresses = Vec::new();
            let mut nexthops: Vec<Nexthop> = Vec::new();
            for message in self.client.query(&Query::Links).map_err(failed)? {
                if let Body::NewLink(link) = message.body {
                    links.push(link);
                }
            }
            for message in self.client.query(&Query::Addresses(AF_UNSPEC)).map_err(failed)? {
                if let Body::NewAddress(address) = message.body {
                    addresses.push(address);
                }
            }
            if mode == Mode::Objects {
                for message in self.client.query(&Query::Nexthops).map_err(failed)? {
                    if let Body::NewNexthop(nexthop) = message.body {
                        nexthops.push(nexthop);
                    }
                }
            }
            fib.resync_begin(now, &links, &nexthops);
            let dump = self.client.visit(&Query::Routes(RouteFilter::default()), |message| {
                if let Body::NewRoute(route) = &message.body {
                    fib.resync_route(route);
                }
            });
            let complete = dump.map_err(failed)? == Dump::Consistent;
            if complete || attempt == ATTEMPTS {
                fib.resync_end(now, complete);
                return Ok(Surroundings { links, addresses });
            }
        }
        // INVARIANT: the last attempt returns.
        unreachable!("there is a last attempt")
    }

    /// Sends a batch; the kernel is through with it when this returns.
    pub(super) fn execute(&mut self, batch: &mut Batch<Token>) -> io::Result<Vec<Refused>> {
        self.refused.clear();
        self.client.execute(batch, &mut self.refused).map_err(failed)?;
        let refused = self.refused.drain(..).map(|refused| Refused {
            token: refused.token,
            failure: Failure {
                errno: refused.refusal.errno,
                text: refused.refusal.to_string(),
            },
        });
        Ok(refused.collect())
    }
}
