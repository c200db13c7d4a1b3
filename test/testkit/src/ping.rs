//! Packets sent all the time, and which of them got through and back.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::node::Node;

/// The echo port (RFC 862).
const PORT: u16 = 7;
/// How long a packet may be under way before it counts as lost.
const GRACE: Duration = Duration::from_secs(2);
/// How long threads wait before they look whether they should stop.
const LOOK: Duration = Duration::from_millis(50);

/// What was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Packets sent.
    pub sent: u64,
    /// When the lost ones were sent, counted from the start.
    pub lost: Vec<Duration>,
    /// The longest time without a packet that got through.
    pub longest: Duration,
}

/// A stream of UDP packets from one node to another that sends them back.
#[derive(Debug)]
pub struct Ping {
    interval: Duration,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    stop_sending: AtomicBool,
    stop: AtomicBool,
    sent: AtomicU64,
    /// Which packets came back, by number.
    back: Mutex<Vec<bool>>,
}

impl Ping {
    /// Starts to send from an address of one node to an address of another, a packet each `interval`.
    pub fn start(from: (&Node, &str), to: (&Node, &str), interval: Duration) -> Result<Self> {
        let bind = |(node, address): (&Node, &str), port| -> Result<(UdpSocket, SocketAddrV4)> {
            let address: Ipv4Addr = address.parse().context("an end of a ping is no address")?;
            let address = SocketAddrV4::new(address, port);
            let socket = node
                .inside(|| UdpSocket::bind(address))?
                .with_context(|| format!("opening {address} on {}", node.name()))?;
            socket.set_read_timeout(Some(LOOK))?;
            Ok((socket, address))
        };
        let (near, _) = bind(from, 0)?;
        let (far, destination) = bind(to, PORT)?;
        let sender = near.try_clone()?;
        let shared = Arc::new(Shared {
            start: Instant::now(),
            stop_sending: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            back: Mutex::new(Vec::new()),
        });
        let threads = vec![
            thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.echo(&far)
            }),
            thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.receive(&near)
            }),
            thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.send(&sender, destination, interval)
            }),
        ];
        Ok(Self {
            interval,
            shared,
            threads,
        })
    }

    /// Packets sent and come back so far. The last ones may still be under way.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        (self.shared.sent.load(Ordering::Acquire), self.shared.returned())
    }

    /// Packets sent until now, and how many of them did not come back. Waits for those that are under way.
    #[must_use]
    pub fn settled(&self) -> (u64, u64) {
        let sent = self.shared.sent.load(Ordering::Acquire);
        let end = Instant::now() + GRACE;
        loop {
            let missing = self.shared.missing(sent);
            if missing == 0 || Instant::now() >= end {
                return (sent, missing);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops sending, waits for what is under way, and says what was lost.
    pub fn finish(mut self) -> Loss {
        self.shared.stop_sending.store(true, Ordering::Release);
        if let Some(sender) = self.threads.pop() {
            drop(sender.join());
        }
        let end = Instant::now() + GRACE;
        let sent = self.shared.sent.load(Ordering::Acquire);
        while self.shared.returned() < sent && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let back = self.shared.back.lock().unwrap_or_else(PoisonError::into_inner);
        loss(&back, sent, self.interval)
    }

    /// [`Ping::finish`], and an error if anything was lost.
    pub fn assert_nothing_lost(self) -> Result<Loss> {
        let loss = self.finish();
        if loss.sent == 0 {
            bail!("no packet was sent");
        }
        if !loss.lost.is_empty() {
            bail!(
                "{} of {} packets lost, {:.3} s without any; the first was sent {:.3} s after the start",
                loss.lost.len(),
                loss.sent,
                loss.longest.as_secs_f64(),
                loss.lost.first().map_or(0.0, Duration::as_secs_f64)
            );
        }
        Ok(loss)
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        self.shared.stop_sending.store(true, Ordering::Release);
        self.shared.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn returned(&self) -> u64 {
        let back = self.back.lock().unwrap_or_else(PoisonError::into_inner);
        back.iter().map(|&back| u64::from(back)).sum()
    }

    /// How many of the first `sent` packets are not back.
    fn missing(&self, sent: u64) -> u64 {
        let back = self.back.lock().unwrap_or_else(PoisonError::into_inner);
        let returned = back.iter().take(usize::try_from(sent).unwrap_or(usize::MAX));
        sent - returned.map(|&back| u64::from(back)).sum::<u64>()
    }

    /// Sends packet after packet on time; one that cannot be sent counts as sent and lost.
    fn send(&self, socket: &UdpSocket, destination: SocketAddrV4, interval: Duration) {
        let mut due = self.start;
        let mut number: u64 = 0;
        while !self.stop_sending.load(Ordering::Acquire) {
            // Without a route there is an error; the packet has not come back, which is all there is to record.
            drop(socket.send_to(&number.to_be_bytes(), destination));
            number += 1;
            self.sent.store(number, Ordering::Release);
            due += interval;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    fn receive(&self, socket: &UdpSocket) {
        let mut buffer = [0; 8];
        while !self.stop.load(Ordering::Acquire) {
            if let Ok((8, _)) = socket.recv_from(&mut buffer) {
                let number = u64::from_be_bytes(buffer);
                // A stray packet must not make the list long. The packet may be back before it is counted as sent.
                if number > self.sent.load(Ordering::Acquire) {
                    continue;
                }
                let Ok(number) = usize::try_from(number) else {
                    continue;
                };
                let mut back = self.back.lock().unwrap_or_else(PoisonError::into_inner);
                if back.len() <= number {
                    back.resize(number + 1, false);
                }
                if let Some(slot) = back.get_mut(number) {
                    *slot = true;
                }
            }
        }
    }

    fn echo(&self, socket: &UdpSocket) {
        let mut buffer = [0; 64];
        while !self.stop.load(Ordering::Acquire) {
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) => drop(socket.send_to(buffer.get(..length).unwrap_or(&[]), from)),
                // Time to look, or an ICMP error of an earlier answer.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => {}
            }
        }
    }
}

fn loss(back: &[bool], sent: u64, interval: Duration) -> Loss {
    let (mut lost, mut run, mut longest) = (Vec::new(), 0u32, 0u32);
    for number in 0..sent {
        let returned = usize::try_from(number)
            .ok()
            .and_then(|number| back.get(number))
            .copied()
            .unwrap_or(false);
        if returned {
            run = 0;
        } else {
            lost.push(interval.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX)));
            run += 1;
            longest = longest.max(run);
        }
    }
    Loss {
        sent,
        lost,
        longest: interval.saturating_mul(longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_and_measured() {
        let interval = Duration::from_millis(10);
        let found = loss(&[true, false, true, false, false], 6, interval);
        assert_eq!(found.sent, 6);
        assert_eq!(found.lost, [10, 30, 40, 50].map(Duration::from_millis));
        assert_eq!(found.longest, Duration::from_millis(30));
        assert!(loss(&[true, true], 2, interval).lost.is_empty());
    }
}
