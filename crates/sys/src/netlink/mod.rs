//! rtnetlink sockets.
//!
//! A [`Socket`] hears notifications; a [`Client`] asks and changes and waits for the answers. Use one socket for each:
//! notifications that pile up while a large change runs must not cost the answers.

mod client;

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::c_int;

use crate::option;
use crate::{check, check_length};

pub use client::{Client, Dump, Refusal, Refused, RequestError};

/// Room for one receive call. The kernel fills dumps in pieces of at most 32 KiB.
const RECEIVE_SIZE: usize = 64 * 1024;

// `linux/netlink.h`; older C libraries have no names for some of these.
const NETLINK_ADD_MEMBERSHIP: c_int = 1;
const NETLINK_DROP_MEMBERSHIP: c_int = 2;
const NETLINK_CAP_ACK: c_int = 10;
const NETLINK_EXT_ACK: c_int = 11;
const NETLINK_GET_STRICT_CHK: c_int = 12;

/// What a receive call found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The buffer holds messages.
    Messages,
    /// The socket's buffer ran over: an unknown number of notifications is lost, and what they were about must be read
    /// anew. Receiving goes on.
    Overrun,
    /// Nothing is there. Only from [`Socket::try_recv`].
    Nothing,
}

/// A NETLINK_ROUTE socket, with strict checking of dump requests and explanations in refusals.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace, with a receive buffer of about `receive_buffer` octets.
    pub fn open(receive_buffer: usize) -> io::Result<Self> {
        let fd = option::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
        option::set_receive_buffer(fd.as_fd(), receive_buffer)?;
        for name in [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] {
            option::set(fd.as_fd(), libc::SOL_NETLINK, name, 1)?;
        }
        // SAFETY: all-zero is a valid `sockaddr_nl`.
        let mut address: libc::sockaddr_nl = unsafe { mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        // SAFETY: the pointer is to a `sockaddr_nl` that lives through the call, and the length is its own.
        check(unsafe {
            libc::bind(
                fd.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_nl>() as libc::socklen_t,
            )
        })?;
        Ok(Self { fd })
    }

    /// Starts to hear a group's notifications, such as `RTNLGRP_LINK`.
    pub fn join(&self, group: u32) -> io::Result<()> {
        option::set(self.as_fd(), libc::SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    }

    /// Stops hearing a group's notifications.
    pub fn leave(&self, group: u32) -> io::Result<()> {
        option::set(self.as_fd(), libc::SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group)
    }

    /// The socket's own port, which notifications of changes it asked for bear in their header.
    pub fn port(&self) -> io::Result<u32> {
        // SAFETY: all-zero is a valid `sockaddr_nl`.
        let mut address: libc::sockaddr_nl = unsafe { mem::zeroed() };
        let mut length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to the address, which is as long.
        check(unsafe { libc::getsockname(self.fd.as_raw_fd(), (&raw mut address).cast(), &raw mut length) })?;
        Ok(address.nl_pid)
    }

    /// Does not hear any more of what the socket with this port asked for: the kernel drops it before it counts against
    /// the receive buffer. For a socket that hears notifications only.
    pub fn ignore_changes_of(&self, port: u32) -> io::Result<()> {
        const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        /// Where `nlmsg_pid` is in a message.
        const PORT_OFFSET: u32 = 12;
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let mut steps = [
            step(LOAD_WORD, 0, 0, PORT_OFFSET),
            // The filter loads in network order, netlink headers are in the machine's.
            step(JUMP_IF_EQUAL, 0, 1, port.to_be()),
            step(RETURN, 0, 0, 0),
            step(RETURN, 0, 0, u32::MAX),
        ];
        option::attach_filter(self.as_fd(), &mut steps)
    }

    /// Sends requests. The kernel works through all of them before this returns.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: pointer and length are those of `bytes`.
        let sent =
            check_length(unsafe { libc::send(self.fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) })?;
        if sent == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    /// Waits for messages and replaces the contents of `buffer` with them.
    pub fn recv(&self, buffer: &mut Vec<u8>) -> io::Result<Received> {
        self.receive(buffer, 0)
    }

    /// Like [`Self::recv`], but says [`Received::Nothing`] rather than wait.
    pub fn try_recv(&self, buffer: &mut Vec<u8>) -> io::Result<Received> {
        self.receive(buffer, libc::MSG_DONTWAIT)
    }

    fn receive(&self, buffer: &mut Vec<u8>, flags: c_int) -> io::Result<Received> {
        buffer.clear();
        buffer.reserve(RECEIVE_SIZE);
        loop {
            let (length, port) = match self.receive_one(buffer.spare_capacity_mut(), flags) {
                Ok(received) => received,
                Err(error) => match error.raw_os_error() {
                    Some(libc::ENOBUFS) => return Ok(Received::Overrun),
                    Some(libc::EAGAIN) => return Ok(Received::Nothing),
                    Some(libc::EINTR) => continue,
                    _ => return Err(error),
                },
            };
            if length > buffer.capacity() {
                // Cut messages are lost messages.
                return Ok(Received::Overrun);
            }
            // Another process can send to this socket too; only the kernel is believed.
            if port == 0 {
                // SAFETY: the kernel wrote that many bytes to the spare capacity of the empty vector.
                unsafe { buffer.set_len(length) };
                return Ok(Received::Messages);
            }
        }
    }

    /// The true length of what was received, which may be more than there was room for, and the sender's port.
    fn receive_one(&self, room: &mut [MaybeUninit<u8>], flags: c_int) -> io::Result<(usize, u32)> {
        // SAFETY: all-zero is a valid `sockaddr_nl`.
        let mut address: libc::sockaddr_nl = unsafe { mem::zeroed() };
        let mut address_length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `room.len()` bytes to `room` and `address_length` bytes to `address`.
        let length = check_length(unsafe {
            libc::recvfrom(
                self.fd.as_raw_fd(),
                room.as_mut_ptr().cast(),
                room.len(),
                flags | libc::MSG_TRUNC,
                (&raw mut address).cast(),
                &raw mut address_length,
            )
        })?;
        Ok((length, address.nl_pid))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
