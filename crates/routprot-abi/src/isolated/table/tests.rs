//! The table across the boundary is the table.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::{
    Bell, ChangeTypes, DestinationSnapshot, EntityName, LocalTable, RouteTable, Views, everything,
};
use waypost_types::{
    InterfaceIndex, NextHop, PathId, Prefix, Prefix4, ProtocolId, Random, Route, RouteKind, Seed,
};

use super::super::memory::Memory;
use super::{RemoteTable, Server};

const ETH0: InterfaceIndex = InterfaceIndex(2);
const NAME: EntityName = EntityName {
    protocol: ProtocolId(200),
    instance: 0,
};

fn far(table: Arc<dyn RouteTable>) -> (Server, RemoteTable) {
    let (here, file) = Memory::new().unwrap();
    let there = Arc::new(Memory::map(&file).unwrap());
    (
        Server::start(Arc::new(here), table).unwrap(),
        RemoteTable::new(there).unwrap(),
    )
}

fn local() -> Arc<LocalTable> {
    let table = Arc::new(LocalTable::new(Seed(1)));
    table.set_interface_usable(ETH0, true);
    table
}

fn route(preference: u8) -> Route {
    Route {
        kind: RouteKind::Unicast,
        next_hops: [NextHop::via([10, 0, 0, 1].into(), ETH0)].into_iter().collect(),
        metric: 1,
        tag: 0,
        preference: Some(preference),
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Bell for Count {
    fn ring(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What does not depend on when it is asked.
fn ageless(found: Option<DestinationSnapshot>) -> Option<DestinationSnapshot> {
    found.map(|found| DestinationSnapshot {
        age: Duration::ZERO,
        ..found
    })
}

#[test]
fn far_and_near_say_the_same() {
    let mut random: Random = Seed(7).random();
    let (near, behind) = (local(), local());
    let (_server, far) = far(behind);
    let tables: [&dyn RouteTable; 2] = [&*near, &far];
    let [one, other] = tables.map(|table| table.register(Family::V4, NAME).unwrap());
    assert_eq!(far.register(Family::V4, NAME), Err(Status::ERROR_ALREADY_EXISTS));
    assert_eq!(near.entities(Family::V4), far.entities(Family::V4));
    for _ in 0..2000 {
        let length = random.below(4) as u8 * 8;
        let address = [10, random.below(3) as u8, random.below(3) as u8, 0].into();
        let to = Prefix::V4(Prefix4::containing(address, length).unwrap());
        let path = PathId(random.below(2) as u32);
        let views = Views::from_bits_truncate(random.below(4) as u32);
        match random.below(6) {
            0 => assert_eq!(near.delete(one, to, path), far.delete(other, to, path)),
            1 => assert_eq!(ageless(near.destination(to)), ageless(far.destination(to))),
            2 => {
                let shorter = random.chance(1, 2);
                let [near, far] = tables.map(|table| table.covering(to, views, shorter));
                assert_eq!(ageless(near), ageless(far));
            }
            3 => {
                let pages = tables.map(|table| table.page(None, to, 100));
                let [near, far] =
                    pages.map(|page| page.into_iter().map(Some).map(ageless).collect::<Vec<_>>());
                assert_eq!(near, far);
            }
            4 => {
                let time = Duration::from_secs(random.below(2));
                assert_eq!(near.hold(to, views, time), far.hold(to, views, time));
            }
            _ => {
                let route = route(1 + random.below(3) as u8);
                assert_eq!(
                    near.set(one, to, path, views, &route),
                    far.set(other, to, path, views, &route)
                );
            }
        }
    }
    near.deregister(one);
    far.deregister(other);
    // What is left is held.
    let left = far.page(None, everything(Family::V4), 100);
    assert!(left.iter().all(|destination| destination.routed_in().is_empty()));
}

#[test]
fn long_answers_come_in_parts() {
    let (server, far) = far(local());
    let entity = far.register(Family::V4, NAME).unwrap();
    let bell = Arc::new(Count::default());
    let watch = far
        .watch(Family::V4, Views::UNICAST, ChangeTypes::BEST, bell.clone())
        .unwrap();
    for number in 0..5000_u32 {
        let to = Prefix::V4(Prefix4::host((0x0A00_0000 + number).into()));
        far.set(entity, to, PathId(0), Views::UNICAST, &route(1)).unwrap();
    }
    let until = Instant::now() + Duration::from_secs(10);
    while bell.0.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < until, "the bell is not heard");
        thread::yield_now();
    }
    assert_eq!(far.changed(watch, 4000).len(), 4000);
    assert_eq!(far.changed(watch, 4000).len(), 1000);
    let mut found = Vec::new();
    loop {
        let page = far.page(found.last().copied(), everything(Family::V4), 4000);
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|destination| destination.prefix));
    }
    assert_eq!(found.len(), 5000);
    assert!(found.is_sorted());
    far.unwatch(watch);
    assert_eq!(Arc::strong_count(&bell), 1);
    // The router goes: nothing waits for ever.
    drop(server);
    assert_eq!(
        far.register(Family::V6, NAME),
        Err(Status::ERROR_CAN_NOT_COMPLETE)
    );
    assert!(far.changed(watch, 10).is_empty());
}

#[test]
fn nobody_who_asks_on_keeps_the_router_waiting() {
    let (here, file) = Memory::new().unwrap();
    let there = Arc::new(Memory::map(&file).unwrap());
    let table = local();
    let server = Server::start(Arc::new(here), table.clone() as Arc<dyn RouteTable>).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let asker = thread::spawn({
        let (ends, there) = (ends.clone(), there.clone());
        move || {
            let remote = RemoteTable::new(there.clone()).unwrap();
            while !ends.load(Ordering::SeqCst) {
                drop(remote.entities(Family::V4));
                // Neither does it help to say that the connection is there.
                there.pretend_open();
            }
        }
    });
    let (done, dropped) = mpsc::channel();
    thread::spawn(move || {
        drop(server);
        done.send(()).unwrap();
    });
    let dropped = dropped.recv_timeout(Duration::from_secs(10));
    ends.store(true, Ordering::SeqCst);
    there.close();
    asker.join().unwrap();
    assert_eq!(dropped, Ok(()));
    // The test's own; what the server had is given back.
    assert_eq!(Arc::strong_count(&table), 1);
}
