//! Receiving: every check of RFC 2453 §3.9 and §4 and RFC 4822 before anything is believed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use waypost_engine::{Now, Outbox, PortId, RxMeta, Severity};
use waypost_types::{InterfaceIndex, Prefix4};

use crate::addresses::Addresses;
use crate::announce::Announcement;
use crate::authentication::verify;
use crate::config::{Accept, Adjustment, Announce, Authentication, TtlSecurity};
use crate::interface::{Interface, accepts, infer_prefix};
use crate::packet::{Command, Entry, FAMILY_IPV4, INFINITY, Message, PacketError, Version};
use crate::process::{Rip, listens_to};
use crate::redistribute::is_announceable;
use crate::table::{Heard, Table};

/// How often an interface at its maximum of routes is complained about.
const EXCESS_NOTICE_GAP: Duration = Duration::from_secs(60);
/// How often an interface where messages are not authentic is complained about as an error.
const AUTHENTICATION_NOTICE_GAP: Duration = Duration::from_secs(60);

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Drop {
    #[error("{0}")]
    Malformed(#[from] PacketError),
    #[error("the version is not accepted here")]
    Version,
    #[error("the packet crossed a router")]
    Ttl,
    #[error("{0}")]
    Authentication(#[from] crate::authentication::AuthenticationError),
    #[error("version 1 cannot be authenticated")]
    Unauthenticated,
    #[error("the sequence number was used before")]
    Replay,
    #[error("the peer filter excludes the sender")]
    Peer,
    #[error("a response from another port than RIP's")]
    Port,
    #[error("the sender is not on the link")]
    OffLink,
    #[error("there are too many neighbours")]
    TooManyNeighbors,
}

impl Rip {
    pub(crate) fn receive(&mut self, now: Now, port: PortId, meta: &RxMeta, octets: &[u8], out: &mut Outbox) {
        let index = InterfaceIndex(port.0);
        let SocketAddr::V4(source) = meta.source else {
            return;
        };
        // Our own multicasts and broadcasts come back: not worth a word (RFC 2453 §3.9.2).
        if self.addresses.contains(*source.ip()) {
            return;
        }
        let Some(interface) = self.interfaces.get(&index) else {
            return;
        };
        if !interface.is_active() || meta.interface != index || interface.effective.accept == Accept::None {
            return;
        }
        let result = match Message::decode(message_part(octets)).map_err(Drop::from) {
            Ok(message) => {
                self.count_received(index, message.command);
                self.admit(now, index, meta, message, octets)
                    .and_then(|message| match message.command {
                        Command::Request => {
                            self.answer(index, meta.source, message);
                            Ok(())
                        }
                        Command::Response => {
                            self.respond(now, index, (*source.ip(), source.port()), message, out)
                        }
                    })
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            let is_request = octets.first() == Some(&(Command::Request as u8));
            self.dropped(now, index, (*source.ip(), is_request), error, out);
        }
    }

    fn count_received(&mut self, index: InterfaceIndex, command: Command) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            let counter = match command {
                Command::Request => &mut interface.counters.requests_received,
                Command::Response => &mut interface.counters.responses_received,
            };
            *counter = counter.wrapping_add(1);
        }
    }

    fn dropped(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        (source, is_request): (Ipv4Addr, bool),
        error: Drop,
        out: &mut Outbox,
    ) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let counters = &mut interface.counters;
        let bad = if is_request {
            &mut counters.bad_request_packets
        } else {
            &mut counters.bad_response_packets
        };
        *bad = bad.wrapping_add(1);
        let reason = match error {
            Drop::Malformed(_) => &mut counters.malformed,
            Drop::Version => &mut counters.wrong_version,
            Drop::Ttl | Drop::Peer | Drop::Port | Drop::OffLink => &mut counters.wrong_source,
            Drop::Authentication(_) | Drop::Unauthenticated => &mut counters.authentication_failures,
            Drop::Replay => &mut counters.replays,
            Drop::TooManyNeighbors => &mut counters.excess_neighbors,
        };
        *reason = reason.wrapping_add(1);
        if !is_request && let Some(neighbor) = interface.neighbors.get_mut(source) {
            neighbor.bad_packets = neighbor.bad_packets.wrapping_add(1);
        }
        // Wrong keys look like a dead neighbour: said where it is seen by default, but no more often than helps.
        let mut severity = Severity::Info;
        let mut more = String::new();
        if matches!(
            error,
            Drop::Authentication(_) | Drop::Unauthenticated | Drop::Replay
        ) {
            if now.time < interface.next_authentication_notice {
                interface.unreported_forgeries = interface.unreported_forgeries.saturating_add(1);
            } else {
                severity = Severity::Error;
                interface.next_authentication_notice = now.time + AUTHENTICATION_NOTICE_GAP;
                let others = std::mem::take(&mut interface.unreported_forgeries);
                if others > 0 {
                    more = format!(" ({others} others since the last such line)");
                }
            }
        }
        self.notice(
            severity,
            Some(index),
            format!("message from {source} dropped: {error}{more}"),
            out,
        );
    }

    /// The checks that requests and responses share. Returns the message without its authentication.
    fn admit<'m>(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        meta: &RxMeta,
        message: Message<'m>,
        octets: &'m [u8],
    ) -> Result<Message<'m>, Drop> {
        // INVARIANT: receive() found the interface.
        let interface = self.interfaces.get_mut(&index).ok_or(Drop::OffLink)?;
        let effective = &interface.effective;
        let accepted = match effective.accept {
            Accept::None => false,
            Accept::V1 => message.version == Version::V1,
            Accept::V2 => message.version == Version::V2,
            Accept::Both => true,
        };
        if !accepted {
            return Err(Drop::Version);
        }
        if effective.ttl_security == TtlSecurity::On && meta.ttl.is_some_and(|ttl| ttl < 255) {
            return Err(Drop::Ttl);
        }
        // RFC 1058 §3.1: version 1 is ignored if they are not zero, in later versions they are ignored themselves.
        if message.version == Version::V1 && effective.check_zero && !message.header_is_clean {
            return Err(PacketError::NotZero.into());
        }
        if let IpAddr::V4(source) = meta.source.ip()
            && !listens_to(&self.global, source)
        {
            return Err(Drop::Peer);
        }
        if message.version == Version::V1 {
            // RFC 2453 §4.1: where authentication is configured, version 1 is ignored.
            return if effective.authentication == Authentication::None {
                Ok(message)
            } else {
                Err(Drop::Unauthenticated)
            };
        }
        let authentic = verify(octets, effective, now.wall)?;
        let message = Message::decode(authentic.message)?;
        let message = if authentic.has_entry {
            message.without_first_entry()
        } else {
            message
        };
        if let (Some((key, sequence)), IpAddr::V4(source)) = (authentic.sequence, meta.source.ip()) {
            let is_neighbor = interface.neighbors.get(source).is_some();
            if !interface.sequences.admit(source, key, sequence, is_neighbor) {
                return Err(Drop::Replay);
            }
            // The memory of a sender's numbers starts with its first response.
            let responds = message.command == Command::Response
                && meta.source.port() == interface.effective.port
                && interface.is_on_link(source);
            if responds || interface.sequences.knows(source, key) {
                interface
                    .sequences
                    .remember(now.time, source, key, sequence, &interface.neighbors);
            }
        }
        Ok(message)
    }

    /// A response (RFC 2453 §3.9.2).
    fn respond(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        (from, port): (Ipv4Addr, u16),
        message: Message<'_>,
        out: &mut Outbox,
    ) -> Result<(), Drop> {
        // INVARIANT: receive() found the interface.
        let interface = self.interfaces.get_mut(&index).ok_or(Drop::OffLink)?;
        if port != interface.effective.port {
            return Err(Drop::Port);
        }
        if !interface.is_on_link(from) {
            return Err(Drop::OffLink);
        }
        let Some(neighbor) = interface.neighbors.entry(from, now.time, message.version) else {
            return Err(Drop::TooManyNeighbors);
        };
        neighbor.last_update = now.time;
        neighbor.version = message.version;
        neighbor.updates = neighbor.updates.wrapping_add(1);
        let (mut bad, mut tag, mut excess) = (0_u32, None, 0_u32);
        for entry in message.entries() {
            let Some((prefix, metric, next_hop)) =
                route_of(interface, &self.addresses, message.version, from, &entry)
            else {
                bad += 1;
                continue;
            };
            tag = Some(entry.tag);
            if metric >= INFINITY {
                self.table.forget(now.time, prefix, index, from, out);
                continue;
            }
            let full = self.table.heard_on(index) >= interface.effective.maximum_routes;
            if full && !self.table.knows(prefix, index, from) {
                excess += 1;
                continue;
            }
            let mut heard = Heard {
                interface: index,
                from,
                next_hop,
                metric,
                tag: entry.tag,
                refreshed: now.time,
                permitted: false,
                adjustment: Adjustment::default(),
                selected: false,
            };
            heard.judge(accepts(&interface.effective, prefix, &heard));
            self.table.learn(prefix, heard, out);
        }
        let counters = &mut interface.counters;
        counters.bad_response_entries = counters.bad_response_entries.wrapping_add(bad);
        counters.excess_routes = counters.excess_routes.wrapping_add(excess);
        if let Some(neighbor) = interface.neighbors.get_mut(from) {
            neighbor.bad_entries = neighbor.bad_entries.wrapping_add(bad);
            neighbor.last_tag = tag.unwrap_or(neighbor.last_tag);
        }
        if excess > 0 && now.time >= interface.next_excess_notice {
            interface.next_excess_notice = now.time + EXCESS_NOTICE_GAP;
            let maximum = interface.effective.maximum_routes;
            self.notice(
                Severity::Warning,
                Some(index),
                format!("{from} announces more than maximum-routes ({maximum}); the rest is not taken"),
                out,
            );
        }
        self.watch_neighbors(now, index);
        self.demand_answered(now, index);
        Ok(())
    }

    /// A request (RFC 2453 §3.9.1).
    fn answer(&mut self, index: InterfaceIndex, to: SocketAddr, message: Message<'_>) {
        let Some(interface) = self.interfaces.get_mut(&index) else {
            return;
        };
        let IpAddr::V4(asker) = to.ip() else {
            return;
        };
        // A silent router answers only diagnostic programs, which ask from another port.
        if interface.effective.announce == Announce::None && to.port() == interface.effective.port {
            return;
        }
        if message.entries().len() == 0 {
            return;
        }
        // Nobody off the link learns our table, or has it sent to somebody who never asked.
        if !interface.is_on_link(asker) {
            return;
        }
        if message.asks_for_whole_table() {
            interface.sending.begin_answer(to, message.version);
        } else {
            interface
                .sending
                .begin_entries(to, message.version, message.entries());
        }
        self.answered(index);
    }

    fn answered(&mut self, index: InterfaceIndex) {
        self.counters.queries_answered = self.counters.queries_answered.wrapping_add(1);
        self.want_to_send(index);
    }
}

/// What is said of an entry that was asked for by itself: our metric and tag, or that it is unreachable.
pub(crate) fn answer_to(interface: &Interface, version: Version, asked: &Entry, table: &Table) -> Entry {
    let prefix = prefix_of(interface, version, asked);
    let current = prefix
        .and_then(|prefix| table.get(prefix))
        .and_then(|destination| destination.current.as_ref());
    match (prefix, current) {
        (Some(prefix), Some(current)) => Announcement {
            prefix,
            metric: current.metric,
            tag: current.tag,
            next_hop: Ipv4Addr::UNSPECIFIED,
        }
        .entry(version),
        _ => Entry {
            metric: INFINITY.into(),
            ..*asked
        },
    }
}

/// The part of received octets that can be looked at before authentication: header and whole entries.
///
/// A digest's trailer has any length; its message proper is decoded anew once it is believed.
fn message_part(octets: &[u8]) -> &[u8] {
    use crate::packet::{ENTRY_LENGTH, FAMILY_AUTHENTICATION, HEADER_LENGTH};
    let authenticated =
        octets.get(HEADER_LENGTH..HEADER_LENGTH + 2) == Some(FAMILY_AUTHENTICATION.to_be_bytes().as_slice());
    if authenticated {
        let whole = octets.len().saturating_sub(HEADER_LENGTH) / ENTRY_LENGTH * ENTRY_LENGTH;
        octets.get(..HEADER_LENGTH + whole).unwrap_or(octets)
    } else {
        octets
    }
}

/// The destination of an entry; `None` when there is no such destination.
fn prefix_of(interface: &Interface, version: Version, entry: &Entry) -> Option<Prefix4> {
    let prefix = if version == Version::V1 || (entry.mask.is_unspecified() && !entry.address.is_unspecified())
    {
        // RFC 2453 §4.3: a zero mask says that none was given.
        infer_prefix(interface, entry.address)?
    } else {
        let prefix = Prefix4::from_netmask(entry.address, entry.mask).ok()?;
        if prefix.network() != entry.address {
            return None;
        }
        prefix
    };
    is_announceable(prefix).then_some(prefix)
}

/// Checks a received entry: destination, metric as received and next hop. `None`: it is invalid.
fn route_of(
    interface: &Interface,
    addresses: &Addresses,
    version: Version,
    from: Ipv4Addr,
    entry: &Entry,
) -> Option<(Prefix4, u8, Ipv4Addr)> {
    if entry.family != FAMILY_IPV4
        || (version == Version::V1 && interface.effective.check_zero && !entry.is_version_1_clean())
    {
        return None;
    }
    let metric = u8::try_from(entry.metric)
        .ok()
        .filter(|metric| (1..=INFINITY).contains(metric))?;
    let prefix = prefix_of(interface, version, entry)?;
    if prefix.is_host() && interface.is_broadcast(prefix.network()) {
        return None;
    }
    let named = entry.next_hop;
    if version == Version::V2 && addresses.contains(named) {
        // The neighbour would have us forward to ourselves: it has no route for us.
        return Some((prefix, INFINITY, from));
    }
    // RFC 2453 §4.4: what is not on the link counts as 0.0.0.0, the sender.
    let honoured = version == Version::V2
        && !named.is_unspecified()
        && interface.is_on_link(named)
        && !interface.is_broadcast(named)
        && !interface.is_network(named);
    Some((prefix, metric, if honoured { named } else { from }))
}
