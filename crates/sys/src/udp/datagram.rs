//! Many datagrams in one call (`recvmmsg`, `sendmmsg`).

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use libc::c_int;
use waypost_types::InterfaceIndex;

use super::{Socket, in_addr, sockaddr};
use crate::check;

/// Datagrams in one call at most.
pub const MAX_BATCH: usize = 32;

/// Control messages of one datagram: the destination (32 octets with header) and the TTL (24) come in, the source and the
/// TTL go out. Aligned as `struct cmsghdr` must be.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

const CONTROL_HEADER: usize = size_of::<libc::cmsghdr>();

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddrV4,
    /// Where it was sent: an address of this machine, a broadcast address or a group.
    pub destination: Ipv4Addr,
    /// The interface it came in by.
    pub interface: InterfaceIndex,
    /// Its TTL on arrival.
    pub ttl: u8,
    /// It was longer than there was room for, and `bytes` is only its beginning.
    pub truncated: bool,
    /// What was sent.
    pub bytes: &'a [u8],
}

/// A datagram to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Where to: unicast, broadcast or a group.
    pub destination: SocketAddrV4,
    /// The source address; the kernel's choice if `None`.
    pub source: Option<Ipv4Addr>,
    /// Its TTL; the socket's if `None`.
    pub ttl: Option<u8>,
    /// What to send.
    pub bytes: &'a [u8],
}

/// Memory to receive into, used again and again.
#[derive(Debug)]
pub struct ReceiveBuffers {
    bytes: Vec<u8>,
    size: usize,
}

impl ReceiveBuffers {
    /// Room for `count` datagrams, 1..=[`MAX_BATCH`], of up to `size` octets each.
    #[must_use]
    pub fn new(count: usize, size: usize) -> Self {
        let size = size.max(1);
        Self {
            bytes: vec![0; count.clamp(1, MAX_BATCH) * size],
            size,
        }
    }
}

impl Socket {
    /// Receives what is there, as far as there is room, and hands each datagram to `handle` in order of arrival. Returns
    /// how many the kernel handed over; 0 when nothing is there.
    ///
    /// Datagrams under [`Options::min_ttl`](super::Options::min_ttl) are counted but not handed on: Linux heeds
    /// IP_MINTTL on TCP only.
    pub fn recv_batch(
        &self,
        buffers: &mut ReceiveBuffers,
        mut handle: impl FnMut(Datagram<'_>),
    ) -> io::Result<usize> {
        let mut names = [sockaddr(Ipv4Addr::UNSPECIFIED, 0); MAX_BATCH];
        let mut controls = [Control([0; 64]); MAX_BATCH];
        let mut parts = [libc::iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: 0,
        }; MAX_BATCH];
        // SAFETY: all-zero is a valid `mmsghdr`.
        let mut headers: [libc::mmsghdr; MAX_BATCH] = unsafe { mem::zeroed() };
        let mut room = 0;
        for (position, chunk) in buffers.bytes.chunks_exact_mut(buffers.size).enumerate() {
            parts[position] = libc::iovec {
                iov_base: chunk.as_mut_ptr().cast(),
                iov_len: chunk.len(),
            };
            let header = &mut headers[position].msg_hdr;
            header.msg_name = (&raw mut names[position]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut parts[position];
            header.msg_iovlen = 1;
            header.msg_control = controls[position].0.as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>();
            room += 1;
        }
        // SAFETY: the first `room` headers point to a name, a control buffer, and one chunk of `buffers` each, all with
        // their own lengths, all alive through the call, no two the same; `room` is at most MAX_BATCH.
        let received = check(unsafe {
            libc::recvmmsg(
                self.fd.as_raw_fd(),
                headers.as_mut_ptr(),
                room,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        });
        let count = match received {
            Ok(count) => usize::try_from(count).unwrap_or(0),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => 0,
            Err(error) => return Err(error),
        };
        for (position, chunk) in buffers.bytes.chunks_exact(buffers.size).enumerate().take(count) {
            let header = &headers[position];
            let control = controls[position].0;
            let arrival = Arrival::read(control.get(..header.msg_hdr.msg_controllen).unwrap_or_default());
            if arrival.ttl < self.options.min_ttl {
                continue;
            }
            let length = (header.msg_len as usize).min(chunk.len());
            let name = &names[position];
            handle(Datagram {
                source: SocketAddrV4::new(
                    Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes()),
                    u16::from_be(name.sin_port),
                ),
                destination: arrival.destination,
                interface: arrival.interface,
                ttl: arrival.ttl,
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
                bytes: payload(&chunk[..length], self.is_raw),
            });
        }
        Ok(count)
    }

    /// Sends datagrams in order, at most [`MAX_BATCH`], and returns how many went out. The error is that of the first
    /// one; when a later one fails, those before it are counted and the error comes when the rest is sent again.
    /// `WouldBlock` when the send buffer is full.
    pub fn send_batch(&self, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        let mut names = [sockaddr(Ipv4Addr::UNSPECIFIED, 0); MAX_BATCH];
        let mut controls = [Control([0; 64]); MAX_BATCH];
        let mut parts = [libc::iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: 0,
        }; MAX_BATCH];
        // SAFETY: all-zero is a valid `mmsghdr`.
        let mut headers: [libc::mmsghdr; MAX_BATCH] = unsafe { mem::zeroed() };
        let mut count = 0;
        for (position, datagram) in datagrams.iter().take(MAX_BATCH).enumerate() {
            names[position] = sockaddr(*datagram.destination.ip(), datagram.destination.port());
            parts[position] = libc::iovec {
                // The kernel only reads it.
                iov_base: datagram.bytes.as_ptr().cast_mut().cast(),
                iov_len: datagram.bytes.len(),
            };
            let header = &mut headers[position].msg_hdr;
            header.msg_name = (&raw mut names[position]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut parts[position];
            header.msg_iovlen = 1;
            let length = controls[position].fill(datagram, self.interface);
            if length > 0 {
                header.msg_control = controls[position].0.as_mut_ptr().cast();
                header.msg_controllen = length;
            }
            count += 1;
        }
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: the first `count` headers point to a name, the bytes of a datagram and maybe a control buffer, all with
        // their own lengths, all alive through the call; `count` is at most MAX_BATCH.
        let sent = check(unsafe {
            libc::sendmmsg(
                self.fd.as_raw_fd(),
                headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
            )
        })?;
        Ok(usize::try_from(sent).unwrap_or(0))
    }
}

/// What follows the IP header that raw sockets hand over; its length is in its first octet (RFC 791 §3.1).
fn payload(bytes: &[u8], is_raw: bool) -> &[u8] {
    match bytes.first() {
        Some(first) if is_raw => bytes.get(usize::from(first & 0x0F) * 4..).unwrap_or_default(),
        _ => bytes,
    }
}

impl Control {
    /// Writes what the datagram has of its own, IP_PKTINFO and IP_TTL; returns the octets used.
    fn fill(&mut self, datagram: &Outgoing<'_>, interface: InterfaceIndex) -> usize {
        let mut end = 0;
        if let Some(source) = datagram.source {
            let information = libc::in_pktinfo {
                ipi_ifindex: interface.0 as c_int,
                ipi_spec_dst: in_addr(source),
                ipi_addr: in_addr(Ipv4Addr::UNSPECIFIED),
            };
            let parts = [
                information.ipi_ifindex.to_ne_bytes(),
                information.ipi_spec_dst.s_addr.to_ne_bytes(),
                information.ipi_addr.s_addr.to_ne_bytes(),
            ];
            end = self.append(end, libc::IP_PKTINFO, &parts);
        }
        if let Some(ttl) = datagram.ttl {
            end = self.append(end, libc::IP_TTL, &[c_int::from(ttl).to_ne_bytes()]);
        }
        end
    }

    /// Writes one message at `start`; returns where the next one begins.
    fn append(&mut self, start: usize, kind: c_int, value: &[[u8; 4]]) -> usize {
        let length = CONTROL_HEADER + value.as_flattened().len();
        let mut end = start;
        for part in [
            &length.to_ne_bytes()[..],
            &libc::IPPROTO_IP.to_ne_bytes(),
            &kind.to_ne_bytes(),
            value.as_flattened(),
        ] {
            self.0[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        start + length.next_multiple_of(align_of::<usize>())
    }
}

/// How a datagram arrived.
struct Arrival {
    destination: Ipv4Addr,
    interface: InterfaceIndex,
    ttl: u8,
}

impl Arrival {
    /// Reads control messages: `struct cmsghdr` (length, level, type), value, padding.
    fn read(mut control: &[u8]) -> Self {
        let mut arrival = Self {
            destination: Ipv4Addr::UNSPECIFIED,
            interface: InterfaceIndex(0),
            ttl: 0,
        };
        while let Some((head, _)) = control.split_first_chunk::<{ CONTROL_HEADER }>() {
            let (length, kind) = head.split_at(size_of::<usize>());
            let length = length.try_into().map_or(0, usize::from_ne_bytes);
            let Some(value) = control.get(CONTROL_HEADER..length) else {
                break;
            };
            let (level, kind) = kind.split_at(size_of::<c_int>());
            if level == libc::IPPROTO_IP.to_ne_bytes() {
                if kind == libc::IP_TTL.to_ne_bytes() {
                    if let Some(bytes) = value.first_chunk() {
                        arrival.ttl = u8::try_from(c_int::from_ne_bytes(*bytes)).unwrap_or(0);
                    }
                } else if kind == libc::IP_PKTINFO.to_ne_bytes() {
                    // `struct in_pktinfo`: interface, local address, destination in the header.
                    if let Some([i0, i1, i2, i3, _, _, _, _, destination @ ..]) = value.first_chunk::<12>() {
                        arrival.interface = InterfaceIndex(u32::from_ne_bytes([*i0, *i1, *i2, *i3]));
                        arrival.destination = Ipv4Addr::from(*destination);
                    }
                }
            }
            control = control
                .get(length.next_multiple_of(align_of::<usize>())..)
                .unwrap_or_default();
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(source: Option<Ipv4Addr>, ttl: Option<u8>) -> Outgoing<'static> {
        Outgoing {
            destination: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
            source,
            ttl,
            bytes: &[],
        }
    }

    #[test]
    fn source_and_ttl_read_back_as_written() {
        let source = Some(Ipv4Addr::new(192, 0, 2, 9));
        for (source, ttl) in [(source, None), (None, Some(9)), (source, Some(9)), (None, None)] {
            let mut control = Control([0xFF; 64]);
            let length = control.fill(&with(source, ttl), InterfaceIndex(5));
            let arrival = Arrival::read(&control.0[..length]);
            let index = source.map_or(0, |_| 5);
            assert_eq!(arrival.interface, InterfaceIndex(index));
            assert_eq!(arrival.destination, Ipv4Addr::UNSPECIFIED);
            assert_eq!(arrival.ttl == 9, ttl.is_some());
        }
    }

    #[test]
    fn control_messages_that_lie() {
        let mut control = Control([0; 64]);
        let length = control.fill(&with(Some(Ipv4Addr::LOCALHOST), Some(9)), InterfaceIndex(5));
        for wrong in [0usize, 1, 15, 29, 57, 1000, usize::MAX] {
            let mut bytes = control.0;
            bytes[..8].copy_from_slice(&wrong.to_ne_bytes());
            for end in 0..=length {
                let _ = Arrival::read(&bytes[..end]).ttl;
            }
        }
    }
}
