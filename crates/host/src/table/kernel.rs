//! The kernel's side: batches out, notifications and dumps in.

use std::io;
use std::os::fd::AsFd;

use waypost_fib::{Failure, Fib, Mode, Refused, Token};
use waypost_netlink::constants::{
    AF_INET, AF_INET6, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK, RTNLGRP_NEXTHOP,
};
use waypost_netlink::{Batch, Body, Change, NexthopId, Query, RouteFilter, decode_all};
use waypost_sys::clock;
use waypost_sys::netlink::{Client, Dump, Received, RequestError, Socket};
use waypost_types::Time;

use crate::trouble::Trouble;

use super::TableOptions;

/// Messages of other programs read in one round, so that their changes cannot starve ours.
const ROUND: usize = 64;

pub(super) struct Kernel {
    client: Client,
    monitor: Socket,
    batch: Batch<Token>,
    buffer: Vec<u8>,
    trouble: Trouble,
}

fn failed(error: RequestError) -> io::Error {
    io::Error::other(error)
}

/// Whether the kernel lets this process change routes. It is asked by a request that could not do anything: the kernel checks
/// the permission first, and there is no nexthop object 0.
fn may_program(client: &mut Client) -> io::Result<bool> {
    match client.change(&Change::DeleteNexthop(NexthopId(0))) {
        Err(RequestError::Refused(refusal)) => {
            Ok(io::Error::from_raw_os_error(refusal.errno).kind() != io::ErrorKind::PermissionDenied)
        }
        Ok(()) => Ok(true),
        Err(error) => Err(failed(error)),
    }
}

impl Kernel {
    /// Opens the sockets and finds out what the kernel can do.
    pub(super) fn open(options: &TableOptions) -> io::Result<(Self, Fib)> {
        let mut client = Client::open()?;
        // Listening starts before the first dump, so that nothing is missed in between.
        let monitor = Socket::open(options.receive_buffer)?;
        // What we change ourselves is known from the answers, and would fill the buffer first of all.
        monitor.ignore_changes_of(client.port()?)?;
        for group in [
            RTNLGRP_LINK,
            RTNLGRP_IPV4_ROUTE,
            RTNLGRP_IPV6_ROUTE,
            RTNLGRP_NEXTHOP,
        ] {
            monitor.join(group)?;
        }
        if !may_program(&mut client)? {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "CAP_NET_ADMIN is missing in this network namespace: the kernel would refuse every route; run as root, or give \
                 the daemon that capability and CAP_NET_BIND_SERVICE",
            ));
        }
        let errno = match client.snapshot(&Query::Nexthops) {
            Ok(_) => None,
            Err(RequestError::Refused(refusal)) => Some(refusal.errno),
            Err(error) => return Err(failed(error)),
        };
        let mut mode =
            Mode::from_probe(errno).ok_or_else(|| io::Error::from_raw_os_error(errno.unwrap_or_default()))?;
        if mode == Mode::Inline {
            tracing::info!("the kernel has no nexthop objects: each route carries its gateways");
        } else if !options.nexthop_objects {
            mode = Mode::Inline;
            tracing::info!("nexthop objects are not used, as configured: each route carries its gateways");
        }
        let kernel = Self {
            client,
            monitor,
            batch: Batch::default(),
            buffer: Vec::new(),
            trouble: Trouble::default(),
        };
        Ok((kernel, Fib::new(mode, options.seed.child("fib"))))
    }

    /// The socket to wait for.
    pub(super) fn monitor(&self) -> impl AsFd {
        &self.monitor
    }

    /// Reads notifications; returns whether more may wait.
    pub(super) fn hear(&mut self, fib: &mut Fib) -> io::Result<bool> {
        for _ in 0..ROUND {
            match self.monitor.try_recv(&mut self.buffer)? {
                Received::Nothing => return Ok(false),
                Received::Overrun => {
                    tracing::debug!("the kernel's news of routes overran; reading everything anew");
                    fib.overrun(clock::now());
                }
                Received::Messages => {
                    for message in decode_all(&self.buffer) {
                        match message {
                            Ok(message) => fib.hear(clock::now(), &message),
                            Err(error) => {
                                tracing::debug!(%error, "a message of the kernel was not understood");
                            }
                        }
                    }
                }
            }
        }
        Ok(true)
    }

    /// Reads the kernel's state, if the machine asks for it, and sends what is to be done. Returns whether more is to be done.
    pub(super) fn reconcile(&mut self, fib: &mut Fib) -> io::Result<bool> {
        if fib.needs_resync() && !self.read_in_time(fib) {
            return Ok(false);
        }
        let Some(id) = fib.next_batch(clock::now(), &mut self.batch) else {
            return Ok(false);
        };
        let mut refused = Vec::new();
        match self.client.execute(&mut self.batch, &mut refused) {
            Ok(()) => {
                let refused = refused.into_iter().map(|refused| Refused {
                    token: refused.token,
                    failure: Failure {
                        errno: refused.refusal.errno,
                        text: refused.refusal.to_string(),
                    },
                });
                fib.completed(clock::now(), id, refused.collect());
            }
            Err(error) => {
                tracing::warn!(%error, "a batch for the kernel broke off; reading its state anew");
                fib.batch_lost(clock::now());
            }
        }
        Ok(true)
    }

    /// Reads the kernel's state unless that failed a moment ago; returns whether it is read now.
    fn read_in_time(&mut self, fib: &mut Fib) -> bool {
        if self.trouble.waits(clock::now()) {
            return false;
        }
        match self.read(fib) {
            Ok(()) => {
                self.trouble.over();
                true
            }
            Err(error) => {
                let pause = self.trouble.again(clock::now());
                tracing::error!(%error, ?pause, "the kernel's routes cannot be read; trying again after a pause");
                false
            }
        }
    }

    /// When reading is tried again that failed.
    pub(super) const fn next_deadline(&self) -> Option<Time> {
        self.trouble.until
    }

    /// Reads the kernel's state anew. What changes disturbed is taken as it is and read again soon.
    pub(super) fn read(&mut self, fib: &mut Fib) -> io::Result<()> {
        // What is told already is older than what is about to be read.
        while self.hear(fib)? {}
        let mut complete = true;
        let mut links = Vec::new();
        let (messages, dump) = self.client.snapshot(&Query::Links).map_err(failed)?;
        complete &= dump == Dump::Consistent;
        for message in messages {
            if let Body::NewLink(link) = message.body {
                links.push(link);
            }
        }
        let mut nexthops = Vec::new();
        match self.client.snapshot(&Query::Nexthops) {
            Ok((messages, dump)) => {
                complete &= dump == Dump::Consistent;
                nexthops.extend(messages.into_iter().filter_map(|message| match message.body {
                    Body::NewNexthop(nexthop) => Some(nexthop),
                    _ => None,
                }));
            }
            Err(RequestError::Refused(_)) => {}
            Err(error) => return Err(failed(error)),
        }
        fib.resync_begin(clock::now(), &links, &nexthops);
        let mut ended = Ok(());
        for family in [AF_INET, AF_INET6] {
            let filter = RouteFilter {
                family,
                ..RouteFilter::default()
            };
            let dump = self.client.visit(&Query::Routes(filter), |message| {
                if let Body::NewRoute(route) = message.body {
                    fib.resync_route(&route);
                }
            });
            match dump {
                Ok(dump) => complete &= dump == Dump::Consistent,
                // A machine without IPv6 has no such table.
                Err(RequestError::Refused(_)) if family == AF_INET6 => {}
                Err(error) => {
                    complete = false;
                    ended = Err(failed(error));
                }
            }
        }
        fib.resync_end(clock::now(), complete);
        ended
    }
}
