//! UDP sockets, and raw ones, for routing protocols: one per interface, never reopened for a change of options.

mod datagram;

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{SOL_SOCKET, c_int};
use waypost_types::InterfaceIndex;

use crate::option::{self, attempted};
use crate::{check, interface};

pub use datagram::{Datagram, MAX_BATCH, Outgoing, ReceiveBuffers};

/// IPPROTO_IP as the level of options.
const IP: c_int = libc::IPPROTO_IP;
const SO_BINDTOIFINDEX: c_int = 62;

/// Everything about a socket that can be changed while it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// TTL of multicast datagrams; 1 keeps them on the link.
    pub multicast_ttl: u8,
    /// TTL of unicast and broadcast datagrams, 1..=255.
    pub ttl: u8,
    /// Datagrams with a lower TTL are dropped; 0 accepts all. 255 accepts only what no router has forwarded (RFC 5082).
    pub min_ttl: u8,
    /// Whether this machine hears its own multicast. Its own broadcasts it always hears.
    pub multicast_loop: bool,
    /// The type of service octet; 0xC0 is internetwork control (DSCP CS6).
    pub tos: u8,
    /// Queueing priority on the way out, 0..=7; 7 needs CAP_NET_ADMIN.
    pub priority: u8,
    /// Whether datagrams may be sent to broadcast addresses.
    pub broadcast: bool,
    /// Octets the kernel may hold for reading, about; past the system's limit only with CAP_NET_ADMIN.
    pub receive_buffer: usize,
    /// Octets the kernel may hold for sending, about.
    pub send_buffer: usize,
}

impl Default for Options {
    /// Routing protocol traffic to neighbours on the link.
    fn default() -> Self {
        Self {
            multicast_ttl: 1,
            ttl: 64,
            min_ttl: 0,
            multicast_loop: false,
            tos: 0xC0,
            priority: 7,
            broadcast: true,
            receive_buffer: 512 * 1024,
            send_buffer: 256 * 1024,
        }
    }
}

/// One option in the kernel's terms.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    Number {
        level: c_int,
        name: c_int,
        text: &'static str,
        value: c_int,
    },
    ReceiveBuffer(usize),
    SendBuffer(usize),
}

impl Options {
    /// In the order in which they must be set: IP_TOS also sets the priority.
    fn settings(&self) -> [Setting; 8] {
        let number = |level, name, text, value| Setting::Number {
            level,
            name,
            text,
            value,
        };
        [
            number(
                IP,
                libc::IP_MULTICAST_TTL,
                "IP_MULTICAST_TTL",
                self.multicast_ttl.into(),
            ),
            number(IP, libc::IP_TTL, "IP_TTL", self.ttl.into()),
            number(
                IP,
                libc::IP_MULTICAST_LOOP,
                "IP_MULTICAST_LOOP",
                self.multicast_loop.into(),
            ),
            number(IP, libc::IP_TOS, "IP_TOS", self.tos.into()),
            number(SOL_SOCKET, libc::SO_PRIORITY, "SO_PRIORITY", self.priority.into()),
            number(
                SOL_SOCKET,
                libc::SO_BROADCAST,
                "SO_BROADCAST",
                self.broadcast.into(),
            ),
            Setting::ReceiveBuffer(self.receive_buffer),
            Setting::SendBuffer(self.send_buffer),
        ]
    }
}

impl Setting {
    fn apply(self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Self::Number {
                level,
                name,
                text,
                value,
            } => option::set(fd, level, name, value)
                .map_err(|error| attempted(&error, format_args!("setting {text} to {value}"))),
            Self::ReceiveBuffer(bytes) => option::set_receive_buffer(fd, bytes)
                .map(drop)
                .map_err(|error| attempted(&error, format_args!("setting SO_RCVBUF to {bytes}"))),
            Self::SendBuffer(bytes) => option::set_send_buffer(fd, bytes)
                .map(drop)
                .map_err(|error| attempted(&error, format_args!("setting SO_SNDBUF to {bytes}"))),
        }
    }
}

/// A UDP socket bound to one interface and one port of all addresses, or a raw one bound to an interface. Never blocks.
///
/// It hears unicast, broadcast and those multicast groups it joined itself, and nothing of other interfaces. A raw socket hears
/// every packet of its IP protocol there, and its ports are 0.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    interface: InterfaceIndex,
    options: Options,
    /// What is received begins with an IP header.
    is_raw: bool,
}

impl Socket {
    /// Opens a socket on `interface` and `port` in the calling thread's network namespace. Port 0 takes any free one.
    ///
    /// Several sockets can share a port, as one per interface needs. A port under 1024 needs CAP_NET_BIND_SERVICE.
    pub fn open(interface: InterfaceIndex, port: u16, options: &Options) -> io::Result<Self> {
        let socket = Self::prepare(interface, libc::SOCK_DGRAM, 0, options)?;
        bind(socket.as_fd(), port).map_err(|error| {
            attempted(
                &error,
                format_args!("binding UDP port {port} on interface {interface}"),
            )
        })?;
        Ok(socket)
    }

    /// Opens a raw socket for an IP protocol on `interface`: it sends and receives what follows the IP header, which the kernel
    /// writes. Needs CAP_NET_RAW.
    pub fn open_raw(interface: InterfaceIndex, protocol: u8, options: &Options) -> io::Result<Self> {
        Self::prepare(interface, libc::SOCK_RAW, protocol.into(), options)
    }

    /// A socket with every option, on its interface but on no port.
    fn prepare(
        interface: InterfaceIndex,
        kind: c_int,
        protocol: c_int,
        options: &Options,
    ) -> io::Result<Self> {
        // SO_BINDTOIFINDEX takes numbers of no interface.
        interface::name(interface)
            .map_err(|error| attempted(&error, format_args!("interface {interface}")))?;
        let owned = option::socket(libc::AF_INET, kind | libc::SOCK_NONBLOCK, protocol)?;
        let fd = owned.as_fd();
        let index = c_int::try_from(interface.0).map_err(|_| io::ErrorKind::InvalidInput)?;
        for (level, name, text, value) in [
            (SOL_SOCKET, libc::SO_REUSEADDR, "SO_REUSEADDR", 1),
            // By number, not SO_BINDTODEVICE: a name can pass to another interface between look-up and use.
            (SOL_SOCKET, SO_BINDTOIFINDEX, "SO_BINDTOIFINDEX", index),
            // Or the socket would hear all groups that anybody on the machine joined.
            (IP, libc::IP_MULTICAST_ALL, "IP_MULTICAST_ALL", 0),
            (IP, libc::IP_PKTINFO, "IP_PKTINFO", 1),
            (IP, libc::IP_RECVTTL, "IP_RECVTTL", 1),
        ] {
            option::set(fd, level, name, value)
                .map_err(|error| attempted(&error, format_args!("setting {text} to {value}")))?;
        }
        option::set(
            fd,
            IP,
            libc::IP_MULTICAST_IF,
            membership(Ipv4Addr::UNSPECIFIED, interface),
        )
        .map_err(|error| attempted(&error, format_args!("setting IP_MULTICAST_IF to {interface}")))?;
        for setting in options.settings() {
            setting.apply(fd)?;
        }
        Ok(Self {
            fd: owned,
            interface,
            options: *options,
            is_raw: kind == libc::SOCK_RAW,
        })
    }

    /// The interface the socket is bound to.
    #[must_use]
    pub const fn interface(&self) -> InterfaceIndex {
        self.interface
    }

    /// The options in effect.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The port the socket is bound to.
    pub fn port(&self) -> io::Result<u16> {
        // SAFETY: all-zero is a valid `sockaddr_in`.
        let mut address: libc::sockaddr_in = unsafe { mem::zeroed() };
        let mut length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to `address`.
        check(unsafe { libc::getsockname(self.fd.as_raw_fd(), (&raw mut address).cast(), &raw mut length) })?;
        Ok(u16::from_be(address.sin_port))
    }

    /// Changes options without losing a datagram: only those that differ are touched. On an error those already changed
    /// are set back, and the error names the one that was refused.
    pub fn set_options(&mut self, options: &Options) -> io::Result<()> {
        let tos_changes = options.tos != self.options.tos;
        let pairs = || self.options.settings().into_iter().zip(options.settings());
        for (position, (old, new)) in pairs().enumerate() {
            let touched = |old, new: Setting| {
                old != new
                    || tos_changes
                        && matches!(
                            new,
                            Setting::Number {
                                name: libc::SO_PRIORITY,
                                ..
                            }
                        )
            };
            if !touched(old, new) {
                continue;
            }
            if let Err(error) = new.apply(self.fd.as_fd()) {
                for (old, new) in pairs().take(position + 1) {
                    if touched(old, new) {
                        // These values were in effect before, so the kernel accepts them; were it not to, the first
                        // error is still the one to tell.
                        let _ = old.apply(self.fd.as_fd());
                    }
                }
                return Err(error);
            }
        }
        self.options = *options;
        Ok(())
    }

    /// Starts to hear a multicast group on the socket's interface; EADDRINUSE if it does already.
    pub fn join(&self, group: Ipv4Addr) -> io::Result<()> {
        self.set_membership(libc::IP_ADD_MEMBERSHIP, group)
            .map_err(|error| {
                attempted(
                    &error,
                    format_args!("joining {group} on interface {}", self.interface),
                )
            })
    }

    /// Stops hearing a multicast group; EADDRNOTAVAIL if it does not.
    pub fn leave(&self, group: Ipv4Addr) -> io::Result<()> {
        self.set_membership(libc::IP_DROP_MEMBERSHIP, group)
            .map_err(|error| {
                attempted(
                    &error,
                    format_args!("leaving {group} on interface {}", self.interface),
                )
            })
    }

    fn set_membership(&self, name: c_int, group: Ipv4Addr) -> io::Result<()> {
        option::set(self.fd.as_fd(), IP, name, membership(group, self.interface))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn membership(group: Ipv4Addr, interface: InterfaceIndex) -> libc::ip_mreqn {
    libc::ip_mreqn {
        imr_multiaddr: in_addr(group),
        imr_address: in_addr(Ipv4Addr::UNSPECIFIED),
        imr_ifindex: interface.0 as c_int,
    }
}

fn bind(fd: BorrowedFd<'_>, port: u16) -> io::Result<()> {
    let address = sockaddr(Ipv4Addr::UNSPECIFIED, port);
    // SAFETY: the pointer is to a `sockaddr_in` that lives through the call, and the length is its own.
    check(unsafe {
        libc::bind(
            fd.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

fn sockaddr(address: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: in_addr(address),
        sin_zero: [0; 8],
    }
}

const fn in_addr(address: Ipv4Addr) -> libc::in_addr {
    libc::in_addr {
        s_addr: u32::from_ne_bytes(address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(socket: &Socket, level: c_int, name: c_int) -> c_int {
        option::get(socket.as_fd(), level, name, -1).unwrap()
    }

    /// Priority 6 is the highest that needs no privilege.
    fn options() -> Options {
        Options {
            priority: 6,
            ..Options::default()
        }
    }

    #[test]
    fn every_option_reaches_the_kernel() {
        let mut socket = Socket::open(InterfaceIndex(1), 0, &options()).unwrap();
        let read = |socket: &Socket| {
            [
                effective(socket, IP, libc::IP_MULTICAST_TTL),
                effective(socket, IP, libc::IP_TTL),
                effective(socket, IP, libc::IP_MULTICAST_LOOP),
                effective(socket, IP, libc::IP_TOS),
                effective(socket, SOL_SOCKET, libc::SO_PRIORITY),
                effective(socket, SOL_SOCKET, libc::SO_BROADCAST),
                // The kernel doubles buffer sizes for its bookkeeping.
                effective(socket, SOL_SOCKET, libc::SO_RCVBUF) / 2,
                effective(socket, SOL_SOCKET, libc::SO_SNDBUF) / 2,
            ]
        };
        let first = read(&socket);
        assert_eq!(first[..6], [1, 64, 0, 0xC0, 6, 1]);
        let other = Options {
            multicast_ttl: 2,
            ttl: 3,
            min_ttl: 4,
            multicast_loop: true,
            tos: 0x10,
            priority: 5,
            broadcast: false,
            receive_buffer: 9000,
            send_buffer: 10_000,
        };
        socket.set_options(&other).unwrap();
        assert_eq!(read(&socket), [2, 3, 1, 0x10, 5, 0, 9000, 10_000]);
        assert_eq!(*socket.options(), other);
        socket.set_options(&options()).unwrap();
        assert_eq!(read(&socket), first);
    }

    /// IP_TOS sets the priority as a side effect (to 2 for 0x08), so that one is set again although it does not change.
    #[test]
    fn the_priority_outlives_a_change_of_tos() {
        let mut socket = Socket::open(InterfaceIndex(1), 0, &options()).unwrap();
        let tos = |tos| Options { tos, ..options() };
        socket.set_options(&tos(0x08)).unwrap();
        assert_eq!(effective(&socket, SOL_SOCKET, libc::SO_PRIORITY), 6);
        // Nor does it change when another option is refused later and all is set back.
        let refused = Options {
            tos: 0xC0,
            priority: u8::MAX,
            ..options()
        };
        match socket.set_options(&refused) {
            Err(_) => assert_eq!(effective(&socket, IP, libc::IP_TOS), 0x08),
            // With CAP_NET_ADMIN any priority goes.
            Ok(()) => socket.set_options(&tos(0x08)).unwrap(),
        }
        assert_eq!(effective(&socket, SOL_SOCKET, libc::SO_PRIORITY), 6);
    }
}
