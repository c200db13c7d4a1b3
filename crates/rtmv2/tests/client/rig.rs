//! A client over a table of its own, and short words for what tests say often.

use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::client::{
    Change, Client, Event, Events, Handle, HopInfo, INFINITE, LifeState, Registration, RouteInfo,
    RouteRequest, Target,
};
use waypost_rtmv2::{EntityName, LocalTable, RouteTable};
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Seed};

/// Nothing waits so long unless the test fails.
pub(crate) const LONG: Duration = Duration::from_secs(60);
pub(crate) const UCAST: u32 = 1;
pub(crate) const MCAST: u32 = 2;
pub(crate) const BOTH: u32 = 3;

pub(crate) struct Rig {
    pub(crate) table: Arc<LocalTable>,
    pub(crate) client: Client,
    pub(crate) entity: Handle,
}

pub(crate) fn name(protocol: u32) -> EntityName {
    EntityName {
        protocol: ProtocolId(protocol),
        instance: 0,
    }
}

pub(crate) fn table() -> Arc<LocalTable> {
    let table = LocalTable::new(Seed(1));
    for interface in 1..10 {
        table.set_interface_usable(InterfaceIndex(interface), true);
    }
    Arc::new(table)
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::over(table(), 1, 200)
    }

    /// Another client over the same table.
    pub(crate) fn over(table: Arc<LocalTable>, number: u8, protocol: u32) -> Self {
        let client = Client::new(Arc::clone(&table) as Arc<dyn RouteTable>, number);
        let entity = client
            .register(Family::V4, name(protocol), &Registration::default())
            .unwrap();
        Self {
            table,
            client,
            entity,
        }
    }

    /// Another entity of the same client.
    pub(crate) fn another(&self, protocol: u32) -> Handle {
        self.client
            .register(Family::V4, name(protocol), &Registration::default())
            .unwrap()
    }

    pub(crate) fn hop(&self, address: &str, interface: u32) -> Handle {
        let info = hop(address, interface);
        let (handle, _) = self.client.add_next_hop(self.entity, Target::New, &info).unwrap();
        handle
    }

    pub(crate) fn add(&self, destination: &str, info: &RouteInfo) -> Result<Change, Status> {
        self.add_as(self.entity, destination, info)
    }

    pub(crate) fn add_as(
        &self,
        entity: Handle,
        destination: &str,
        info: &RouteInfo,
    ) -> Result<Change, Status> {
        self.client.add_route(entity, &request(destination, info))
    }

    /// What nobody holds any more is gone: destinations, routes and next hops that the client knows.
    pub(crate) fn known(&self) -> (usize, usize, usize) {
        let usage = self.client.usage();
        (usage.destinations, usage.routes, usage.next_hops)
    }
}

pub(crate) fn request<'a>(destination: &str, info: &'a RouteInfo) -> RouteRequest<'a> {
    RouteRequest {
        target: Target::New,
        prefix: prefix(destination),
        info,
        time_to_live: INFINITE,
        list: Handle::NULL,
        first: false,
    }
}

pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub(crate) fn hop(address: &str, interface: u32) -> HopInfo {
    let address: IpAddr = address.parse().unwrap();
    HopInfo {
        address,
        bits: if address.is_ipv4() { 32 } else { 128 },
        owner: Handle::NULL,
        interface,
        state: LifeState::Created,
        flags: 0,
        specific: 0,
        remote: Handle::NULL,
    }
}

pub(crate) fn route(neighbour: Handle, metric: u32, hops: &[Handle]) -> RouteInfo {
    RouteInfo {
        neighbour,
        metric,
        preference: 10,
        views: UCAST,
        next_hops: hops.iter().copied().collect(),
        ..RouteInfo::default()
    }
}

/// What an entity was told.
#[derive(Default)]
pub(crate) struct Told {
    events: Mutex<Vec<(Handle, Event)>>,
    news: Condvar,
    /// What is answered.
    pub(crate) answer: Mutex<u32>,
}

impl Events for Told {
    fn event(&self, entity: Handle, event: Event) -> Status {
        self.events.lock().unwrap().push((entity, event));
        self.news.notify_all();
        Status(*self.answer.lock().unwrap())
    }
}

impl Told {
    /// Waits for an event that is as it should be.
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let end = Instant::now() + LONG;
        let mut events = self.events.lock().unwrap();
        loop {
            if let Some(at) = events.iter().position(|(_, event)| wanted(event)) {
                return events.remove(at).1;
            }
            let rest = end.saturating_duration_since(Instant::now());
            assert!(!rest.is_zero(), "{what} was not told: {events:?}");
            events = self.news.wait_timeout(events, rest).unwrap().0;
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.events.lock().unwrap().len()
    }
}

/// Waits until something is so.
pub(crate) fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}
