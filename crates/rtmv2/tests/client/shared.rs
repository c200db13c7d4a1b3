//! A10: locks, slots and methods.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::client::{Client, Handle, Registration};

use crate::rig::{LONG, Rig, await_that, name, prefix, route};

/// So long something that must not happen is given time to happen.
const SOON: Duration = Duration::from_millis(30);

fn destination(rig: &Rig) -> (Handle, Handle) {
    let via = rig.hop("192.0.2.1", 1);
    let added = rig.add("10.0.0.0/8", &route(via, 1, &[via])).unwrap();
    let info = rig
        .client
        .exact_destination(rig.entity, prefix("10.0.0.0/8"), 0, 0);
    (info.unwrap().destination, added.route)
}

/// Does something on a thread: whether it has been done soon, and then what comes of it.
fn later<'scope, R: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> mpsc::Receiver<R> {
    let (done, result) = mpsc::channel();
    scope.spawn(move || done.send(work()));
    result
}

#[test]
fn locks_of_destinations() {
    let rig = Rig::new();
    let (it, added) = destination(&rig);
    let client = &rig.client;
    let lock = |is_exclusive| client.lock_destination(rig.entity, it, is_exclusive, true);
    let unlock = || client.lock_destination(rig.entity, it, true, false);
    assert_eq!(unlock(), Err(Status::ERROR_INVALID_PARAMETER));
    // Several times, and back as often.
    lock(true).unwrap();
    lock(false).unwrap();
    client.lock_route(rig.entity, added, true, true).unwrap();
    for _ in 0..3 {
        unlock().unwrap();
    }
    assert_eq!(unlock(), Err(Status::ERROR_INVALID_PARAMETER));
    // Shared with others, but then not alone.
    lock(false).unwrap();
    thread::scope(|scope| {
        let shared = later(scope, || lock(false).and_then(|()| unlock()));
        assert_eq!(shared.recv_timeout(LONG), Ok(Ok(())));
        let alone = later(scope, || lock(true).and_then(|()| unlock()));
        assert!(alone.recv_timeout(SOON).is_err());
        unlock().unwrap();
        assert_eq!(alone.recv_timeout(LONG), Ok(Ok(())));
    });
    // Who shares it with another one cannot have it alone: both would wait.
    lock(false).unwrap();
    thread::scope(|scope| {
        let both = later(scope, || {
            lock(false)?;
            let alone = lock(true);
            unlock()?;
            alone
        });
        assert_eq!(both.recv_timeout(LONG), Ok(Err(Status::ERROR_CAN_NOT_COMPLETE)));
    });
    lock(true).unwrap();
    // Whoever changes a route there waits.
    thread::scope(|scope| {
        let deleted = later(scope, || client.delete_route(rig.entity, added));
        assert!(deleted.recv_timeout(SOON).is_err());
        unlock().unwrap();
        unlock().unwrap();
        assert_eq!(deleted.recv_timeout(LONG), Ok(Ok(true)));
    });
}

#[test]
fn locks_of_next_hops() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    let other = rig.another(201);
    let lock = |entity, is_lock| rig.client.lock_next_hop(entity, via, true, is_lock);
    assert_eq!(lock(other, true), Err(Status::ERROR_ACCESS_DENIED));
    assert_eq!(lock(rig.entity, false), Err(Status::ERROR_INVALID_PARAMETER));
    lock(rig.entity, true).unwrap();
    assert!(rig.client.holds_next_hop(rig.entity, via).unwrap());
    thread::scope(|scope| {
        let waits = later(scope, || {
            lock(rig.entity, true)?;
            lock(rig.entity, false)
        });
        assert!(waits.recv_timeout(SOON).is_err());
        lock(rig.entity, false).unwrap();
        assert_eq!(waits.recv_timeout(LONG), Ok(Ok(())));
    });
}

#[test]
fn an_end_frees_who_waits() {
    let rig = Rig::new();
    let (it, _) = destination(&rig);
    let other = rig.another(201);
    rig.client.lock_destination(rig.entity, it, true, true).unwrap();
    thread::scope(|scope| {
        let waits = later(scope, || rig.client.lock_destination(other, it, true, true));
        assert!(waits.recv_timeout(SOON).is_err());
        rig.client.deregister(rig.entity).unwrap();
        assert!(waits.recv_timeout(LONG).is_ok());
    });
}

fn reserving(client: &Client, protocol: u32) -> Handle {
    let registration = Registration {
        reserves_slot: true,
        ..Registration::default()
    };
    client
        .register(Family::V4, name(protocol), &registration)
        .unwrap()
}

#[test]
fn slots() {
    let rig = Rig::new();
    let (it, _) = destination(&rig);
    let client = &rig.client;
    assert_eq!(client.slot(rig.entity, it).unwrap_err(), Status::ERROR_NOT_FOUND);
    let (one, two) = (reserving(client, 201), reserving(client, 202));
    let get = |entity| client.slot(entity, it).unwrap();
    assert_eq!(get(one).load(Ordering::Relaxed), 0);
    get(one).store(11, Ordering::Relaxed);
    get(two).store(22, Ordering::Relaxed);
    assert_eq!(get(one).load(Ordering::Relaxed), 11);
    // Whoever has the slot next finds it empty.
    client.deregister(one).unwrap();
    let three = reserving(client, 203);
    assert_eq!(get(three).load(Ordering::Relaxed), 0);
    assert_eq!(get(two).load(Ordering::Relaxed), 22);
}

#[test]
fn what_is_in_a_slot_lives_as_long_as_the_destination() {
    let rig = Rig::new();
    let others = Rig::over(Arc::clone(&rig.table), 2, 7);
    let theirs = others.hop("192.0.2.3", 3);
    let added = others.add("10.0.0.0/8", &route(theirs, 1, &[theirs])).unwrap();
    let entity = reserving(&rig.client, 201);
    // What is in the slot, and something else for it.
    let exchange = |value| {
        let info = rig
            .client
            .exact_destination(entity, prefix("10.0.0.0/8"), 0, 0)
            .unwrap();
        let slot = rig.client.slot(entity, info.destination).unwrap();
        let before = slot.swap(value, Ordering::Relaxed);
        rig.client.release_destination_info(entity, &info).unwrap();
        before
    };
    assert_eq!(exchange(11), 0);
    // No reference is left, but the table has it.
    assert_eq!(exchange(12), 11);
    // It goes, and what comes next is another one.
    others.client.delete_route(others.entity, added.route).unwrap();
    await_that("the slot stays", || rig.known().0 == 0);
    others.add("10.0.0.0/8", &route(theirs, 1, &[theirs])).unwrap();
    assert_eq!(exchange(0), 0);
    assert_eq!(rig.known().0, 0);
}

fn exporting(client: &Client, protocol: u32) -> Handle {
    let registration = Registration {
        methods: vec![100, 200].into(),
        ..Registration::default()
    };
    client
        .register(Family::V4, name(protocol), &registration)
        .unwrap()
}

#[test]
fn methods() {
    let rig = Rig::new();
    let client = &rig.client;
    let callee = exporting(client, 201);
    assert_eq!(*client.methods(rig.entity, callee).unwrap(), [100, 200]);
    assert!(client.methods(callee, rig.entity).unwrap().is_empty());
    let invocation = client.invoke(rig.entity, callee).unwrap();
    assert_eq!(invocation.methods(), [100, 200]);
    // From inside a method of its own (P-67): this thread runs one.
    let block = |is_block| client.block_methods(callee, Handle::NULL, is_block);
    assert_eq!(block(true), Err(Status::ERROR_CAN_NOT_COMPLETE));
    drop(invocation);
    block(true).unwrap();
    assert_eq!(
        client.invoke(callee, callee).map(|_| ()),
        Err(Status::ERROR_CAN_NOT_COMPLETE)
    );
    let stale = Err(Status::ERROR_INVALID_HANDLE);
    assert_eq!(client.block_methods(callee, Handle(8), true), stale);
    assert_eq!(
        client.block_methods(callee, rig.entity, true),
        Err(Status::ERROR_NOT_SUPPORTED)
    );
    thread::scope(|scope| {
        let called = later(scope, || client.invoke(rig.entity, callee).map(|_| ()));
        assert!(called.recv_timeout(SOON).is_err());
        block(false).unwrap();
        assert_eq!(called.recv_timeout(LONG), Ok(Ok(())));
    });
}

#[test]
fn blocking_and_ending_wait_for_methods_that_run() {
    let rig = Rig::new();
    let client = &rig.client;
    let callee = exporting(client, 201);
    let ended = AtomicBool::new(false);
    let invocation = client.invoke(rig.entity, callee).unwrap();
    thread::scope(|scope| {
        let blocked = later(scope, || client.block_methods(callee, Handle::NULL, true));
        assert!(blocked.recv_timeout(SOON).is_err());
        drop(invocation);
        assert_eq!(blocked.recv_timeout(LONG), Ok(Ok(())));
        client.block_methods(callee, Handle::NULL, false).unwrap();
        let invocation = client.invoke(rig.entity, callee).unwrap();
        let gone = later(scope, || {
            client.deregister(callee).unwrap();
            ended.store(true, Ordering::SeqCst);
        });
        // Calls into an entity that ends are refused.
        await_that("a call is not refused", || {
            client.invoke(rig.entity, callee).map(|_| ()) == Err(Status::ERROR_INVALID_HANDLE)
        });
        assert!(!ended.load(Ordering::SeqCst));
        drop(invocation);
        gone.recv_timeout(LONG).unwrap();
    });
}
