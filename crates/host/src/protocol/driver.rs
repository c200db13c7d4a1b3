//! The thread of an instance.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use waypost_engine::{Engine, Instance, PortId};
use waypost_sys::udp::ReceiveBuffers;
use waypost_sys::wait::{Interest, Poller, Ready, Waker};
use waypost_sys::{clock, process};
use waypost_types::{Seed, Time};

use super::Surroundings;
use super::shared::{Inner, Shared, ThreadCell, now};

/// The token of the waker; ports have theirs below.
const WAKER: u64 = u64::MAX;
/// Datagrams taken from a port in one round, so that a flood on one does not starve the others or the manager.
const ROUND: usize = 64;
/// The longest datagram that is taken whole.
const LONGEST: usize = 65_536;

pub(super) fn spawn<E: Engine>(
    seed: Seed,
    persisted: Vec<(String, Vec<u8>)>,
    surroundings: Arc<dyn Surroundings>,
) -> io::Result<ThreadCell<E>> {
    let poller = Arc::new(Poller::new()?);
    let waker = Waker::new()?;
    poller.add(&waker, WAKER, Interest::Read)?;
    let instance = Instance::new(seed, persisted).restarted(surroundings.restart_hold());
    let shared = Arc::new(Shared::<E>::new(instance, poller, waker, surroundings));
    let driver = shared.clone();
    std::thread::Builder::new()
        .name(E::NAME.to_owned())
        .spawn(move || {
            process::name_thread(E::NAME);
            drive(&driver);
        })?;
    Ok(ThreadCell { shared })
}

fn drive<E: Engine>(shared: &Arc<Shared<E>>) {
    let mut ready: Vec<Ready> = Vec::new();
    let mut buffers = ReceiveBuffers::new(ROUND, LONGEST);
    let mut until = Time::ZERO;
    while !shared.ended.load(Ordering::Acquire) {
        let timeout = (until != Time::MAX).then(|| until.since(clock::now()));
        if let Err(error) = shared.poller.wait(timeout, &mut ready) {
            tracing::error!(protocol = E::NAME, %error, "waiting for sockets failed");
            return;
        }
        shared.waker.take();
        match shared.round(|inner| round(shared, inner, &ready, &mut buffers)) {
            Some(next) => until = next,
            None => return,
        }
    }
    // Sockets close with the last reference to the instance; close them now, for a protocol that starts again at once.
    shared.close();
}

/// One round of work: what waits at the ports, what was stored, news of routes, timers, and what the engine put off.
fn round<E: Engine>(shared: &Shared<E>, inner: &mut Inner<E>, ready: &[Ready], buffers: &mut ReceiveBuffers) {
    for port in ready.iter().filter(|ready| ready.token != WAKER) {
        let Ok(number) = u32::try_from(port.token) else {
            continue;
        };
        let Inner { instance, ports, .. } = inner;
        ports.receive(PortId(number), buffers, |meta, octets| {
            instance.packet(now(), PortId(number), meta, octets);
        });
    }
    for answer in shared.take_answers() {
        inner
            .instance
            .persisted(now(), &answer.key, &answer.value, answer.stored);
    }
    for notices in shared.take_inbox() {
        inner.instance.routes(now(), &notices);
    }
    if inner
        .instance
        .next_deadline()
        .is_some_and(|deadline| deadline <= clock::now())
    {
        inner.instance.deadline(now());
    }
    if std::mem::take(&mut inner.again) {
        inner.instance.proceed(now());
    }
}
