//! The kernel's routes and links as it announces them, with times of the clock that the rest of the benchmark uses.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use waypost_netlink::constants::{RT_TABLE_MAIN, RTNLGRP_IPV4_ROUTE, RTNLGRP_LINK, RTNLGRP_NEXTHOP};
use waypost_netlink::{Body, LinkFlags, NexthopId, NexthopKind, Route, RouteNextHop, decode_all};
use waypost_sys::netlink::{Received, Socket};
use waypost_sys::wait::{Interest, Poller, Waker};
use waypost_testkit::Node;
use waypost_types::{Prefix, Prefix4};

/// Room for the announcements of a few hundred thousand routes.
const RECEIVE_BUFFER: usize = 256 << 20;
const SOCKET: u64 = 0;
const STOP: u64 = 1;

/// What is made of announcements.
pub(crate) trait Listener: Send + 'static {
    /// One came.
    fn hear(&mut self, at: Instant, body: &Body);
}

/// A thread that hears a node's announcements; it ends when this is dropped.
pub(crate) struct Watch<L> {
    heard: Arc<Heard<L>>,
    stop: Waker,
    thread: Option<JoinHandle<()>>,
}

struct Heard<L> {
    listener: Mutex<L>,
    more: Condvar,
    /// Announcements were lost, or the socket failed: nothing that was measured is certain.
    broken: AtomicBool,
}

impl<L: Listener> Watch<L> {
    /// Listens from the return of this on.
    pub(crate) fn start(node: &Node, listener: L) -> Result<Self> {
        let socket = node
            .inside(|| {
                let socket = Socket::open(RECEIVE_BUFFER)?;
                socket.join(RTNLGRP_LINK)?;
                socket.join(RTNLGRP_IPV4_ROUTE)?;
                socket.join(RTNLGRP_NEXTHOP)?;
                Ok::<_, std::io::Error>(socket)
            })?
            .context("listening to the kernel's routes")?;
        let poller = Poller::new()?;
        let stop = Waker::new()?;
        poller.add(&socket, SOCKET, Interest::Read)?;
        poller.add(&stop, STOP, Interest::Read)?;
        let heard = Arc::new(Heard {
            listener: Mutex::new(listener),
            more: Condvar::new(),
            broken: AtomicBool::new(false),
        });
        let thread = std::thread::spawn({
            let heard = heard.clone();
            move || {
                if listen(&socket, &poller, &heard).is_err() {
                    heard.broken.store(true, Ordering::Release);
                }
            }
        });
        Ok(Self {
            heard,
            stop,
            thread: Some(thread),
        })
    }

    /// What has been heard.
    pub(crate) fn listener(&self) -> MutexGuard<'_, L> {
        self.heard.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` finds what it looks for, or the time is up.
    pub(crate) fn wait<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&L) -> Option<T>,
    ) -> Result<Option<T>> {
        let end = Instant::now() + patience;
        let mut listener = self.listener();
        loop {
            if self.heard.broken.load(Ordering::Acquire) {
                bail!("announcements of the kernel were lost");
            }
            if let Some(found) = look(&listener) {
                return Ok(Some(found));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let waited = self.heard.more.wait_timeout(listener, left);
            listener = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<L> Drop for Watch<L> {
    fn drop(&mut self) {
        self.stop.wake();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn listen<L: Listener>(socket: &Socket, poller: &Poller, heard: &Heard<L>) -> std::io::Result<()> {
    let mut ready = Vec::new();
    let mut buffer = Vec::new();
    loop {
        poller.wait(None, &mut ready)?;
        if ready.iter().any(|ready| ready.token == STOP) {
            return Ok(());
        }
        let mut listener = heard.listener.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match socket.try_recv(&mut buffer)? {
                Received::Nothing => break,
                Received::Overrun => heard.broken.store(true, Ordering::Release),
                Received::Messages => {
                    let at = Instant::now();
                    for message in decode_all(&buffer).flatten() {
                        listener.hear(at, &message.body);
                    }
                }
            }
        }
        drop(listener);
        heard.more.notify_all();
    }
}

/// When the best route to one prefix got which gateway.
pub(crate) struct Gateways {
    prefix: Prefix4,
    /// Gateways of nexthop objects.
    objects: BTreeMap<NexthopId, Ipv4Addr>,
    /// The routes to the prefix by the kernel's metric, of which the lowest counts.
    routes: BTreeMap<u32, Way>,
    history: Vec<(Instant, Option<Ipv4Addr>)>,
}

#[derive(Clone, Copy)]
enum Way {
    Object(NexthopId, Option<Ipv4Addr>),
    Direct(Option<Ipv4Addr>),
}

impl Gateways {
    /// Of this prefix.
    pub(crate) const fn of(prefix: Prefix4) -> Self {
        Self {
            prefix,
            objects: BTreeMap::new(),
            routes: BTreeMap::new(),
            history: Vec::new(),
        }
    }

    /// When the gateway was first this one after a time.
    pub(crate) fn moved(&self, gateway: Ipv4Addr, after: Instant) -> Option<Instant> {
        let mut since = self.history.iter().filter(|(at, _)| *at >= after);
        since.find(|(_, now)| *now == Some(gateway)).map(|(at, _)| *at)
    }

    fn gateway(&self) -> Option<Ipv4Addr> {
        match *self.routes.first_key_value()?.1 {
            Way::Object(object, told) => self.objects.get(&object).copied().or(told),
            Way::Direct(gateway) => gateway,
        }
    }
}

fn v4(hop: &RouteNextHop) -> Option<Ipv4Addr> {
    match hop.gateway {
        Some(IpAddr::V4(gateway)) => Some(gateway),
        _ => None,
    }
}

fn main_v4(route: &Route) -> Option<Prefix4> {
    match route.destination {
        Prefix::V4(prefix) if route.table == RT_TABLE_MAIN => Some(prefix),
        _ => None,
    }
}

impl Listener for Gateways {
    fn hear(&mut self, at: Instant, body: &Body) {
        match body {
            Body::NewRoute(route) if main_v4(route) == Some(self.prefix) => {
                let gateway = route.next_hops.first().and_then(v4);
                let way = match route.nexthop {
                    Some(object) => Way::Object(object, gateway),
                    None => Way::Direct(gateway),
                };
                self.routes.insert(route.priority, way);
            }
            Body::DelRoute(route) if main_v4(route) == Some(self.prefix) => {
                self.routes.remove(&route.priority);
            }
            Body::NewNexthop(object) => {
                if let NexthopKind::Gateway {
                    address: IpAddr::V4(gateway),
                    ..
                } = object.kind
                {
                    self.objects.insert(object.id, gateway);
                }
            }
            _ => return,
        }
        let gateway = self.gateway();
        if self.history.last().map(|(_, last)| *last) != Some(gateway) {
            self.history.push((at, gateway));
        }
    }
}

/// How many prefixes inside one have a route.
pub(crate) struct Arrivals {
    within: Prefix4,
    present: HashSet<Prefix4>,
    wanted: usize,
    first: Option<Instant>,
    complete: Option<Instant>,
}

impl Arrivals {
    /// Until `wanted` of them are there.
    pub(crate) fn of(within: Prefix4, wanted: usize) -> Self {
        Self {
            within,
            present: HashSet::with_capacity(wanted),
            wanted,
            first: None,
            complete: None,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.present.len()
    }

    /// When the first came.
    pub(crate) const fn first(&self) -> Option<Instant> {
        self.first
    }

    /// When all were there.
    pub(crate) const fn complete(&self) -> Option<Instant> {
        self.complete
    }
}

impl Listener for Arrivals {
    fn hear(&mut self, at: Instant, body: &Body) {
        match body {
            Body::NewRoute(route) => {
                if let Some(prefix) = main_v4(route).filter(|prefix| self.within.covers(*prefix)) {
                    self.present.insert(prefix);
                    self.first.get_or_insert(at);
                    if self.present.len() == self.wanted {
                        self.complete.get_or_insert(at);
                    }
                }
            }
            Body::DelRoute(route) => {
                if let Some(prefix) = main_v4(route) {
                    self.present.remove(&prefix);
                }
            }
            _ => {}
        }
    }
}

/// When an interface was last told to have a carrier.
pub(crate) struct Carrier {
    name: &'static str,
    since: Option<Instant>,
}

impl Carrier {
    /// Of the interface of this name.
    pub(crate) const fn of(name: &'static str) -> Self {
        Self { name, since: None }
    }

    /// When it was; `None` while it has none.
    pub(crate) const fn since(&self) -> Option<Instant> {
        self.since
    }
}

impl Listener for Carrier {
    fn hear(&mut self, at: Instant, body: &Body) {
        let Body::NewLink(link) = body else {
            return;
        };
        if link.name.as_deref() == Some(self.name) {
            let up = link.flags.contains(LinkFlags::UP | LinkFlags::RUNNING);
            self.since = up.then(|| self.since.unwrap_or(at));
        }
    }
}
