//! Requests and their answers.

use std::fmt;
use std::io;
use std::thread;
use std::time::Duration;

use waypost_netlink::constants::{NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR};
use waypost_netlink::{Batch, Body, Change, DecodeError, Explanation, Message, Query, decode_all};
use waypost_types::InterfaceIndex;

use super::{Received, Socket};

/// Holds the refusals of a whole batch: the kernel counts about 1 KiB for each.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// How often a dump is tried that changes disturb.
const DUMP_ATTEMPTS: u32 = 8;
/// The pause before the second attempt; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// Why the kernel did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The positive error number.
    pub errno: i32,
    /// The kernel's own words.
    pub explanation: Explanation,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = io::Error::from_raw_os_error(self.errno);
        match &self.explanation.text {
            Some(text) => write!(f, "{error}: {text}"),
            None => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// A change of a batch that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<T> {
    /// The change.
    pub token: T,
    /// Why.
    pub refusal: Refusal,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The kernel said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The socket failed.
    #[error("netlink socket: {0}")]
    Io(#[from] io::Error),
    /// The socket's buffer ran over: it is not known what was done. Read the kernel's state anew.
    #[error("answers were lost because the netlink socket's buffer ran over")]
    Overrun,
    /// Changes kept disturbing a dump.
    #[error("the table changed during each of {0} attempts to read it")]
    Interrupted(u32),
    /// The answer is no message.
    #[error("answer of the kernel: {0}")]
    Decode(#[from] DecodeError),
    /// The request cannot be written.
    #[error("request to the kernel: {0}")]
    Encode(#[from] waypost_netlink::EncodeError),
}

/// Whether a dump shows one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Dump {
    /// It does.
    Consistent,
    /// The table changed meanwhile: entries may be missing or there twice.
    Interrupted,
}

/// Asks the kernel and changes it; one request or batch at a time.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

impl Client {
    /// A client of the calling thread's network namespace.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            socket: Socket::open(RECEIVE_BUFFER)?,
            sequence: 1,
            buffer: Vec::new(),
            request: Vec::new(),
        })
    }

    /// The port that notifications of this client's changes bear.
    pub fn port(&self) -> io::Result<u32> {
        self.socket.port()
    }

    /// Everything a query brings, as of one moment; an error where something changes all the time. See [`Self::snapshot`].
    pub fn query(&mut self, query: &Query) -> Result<Vec<Message>, RequestError> {
        match self.snapshot(query)? {
            (found, Dump::Consistent) => Ok(found),
            (_, Dump::Interrupted) => Err(RequestError::Interrupted(DUMP_ATTEMPTS)),
        }
    }

    /// Everything a query brings. A dump of a table that does not exist is empty.
    ///
    /// A dump that changes disturb is repeated a few times, after pauses that grow to an eighth of a second in all. Where
    /// something changes all the time that does not help: then this is the last attempt, marked [`Dump::Interrupted`].
    pub fn snapshot(&mut self, query: &Query) -> Result<(Vec<Message>, Dump), RequestError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let mut found = Vec::new();
            match self.visit(query, |message| found.push(message)) {
                Ok(Dump::Interrupted) if attempt < DUMP_ATTEMPTS => {
                    thread::sleep(pause);
                    pause *= 2;
                    attempt += 1;
                }
                Ok(dump) => return Ok((found, dump)),
                Err(RequestError::Refused(refusal))
                    if refusal.errno == libc::ENOENT
                        && matches!(query, Query::Routes(filter) if filter.table.is_some()) =>
                {
                    return Ok((Vec::new(), Dump::Consistent));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Hands each message a query brings to `visit`, once, without keeping them.
    pub fn visit(&mut self, query: &Query, mut visit: impl FnMut(Message)) -> Result<Dump, RequestError> {
        let sequence = self.next_sequence();
        self.request.clear();
        query.encode(sequence, &mut self.request);
        self.socket.send(&self.request)?;
        let mut dump = Dump::Consistent;
        let mut wrong = None;
        loop {
            self.receive()?;
            for message in decode_all(&self.buffer) {
                let message = match message {
                    Ok(message) => message,
                    // A dump must be read to its end: until then the kernel refuses the next one with EBUSY.
                    Err(error) if query.is_dump() && is_entry(&error) => {
                        wrong.get_or_insert(error);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                if message.header.sequence != sequence {
                    continue;
                }
                if message.header.flags & NLM_F_DUMP_INTR != 0 {
                    dump = Dump::Interrupted;
                }
                match message.body {
                    Body::Done(done) if done.errno == 0 => {
                        return wrong.map_or(Ok(dump), |error| Err(error.into()));
                    }
                    Body::Done(done) => return Err(refusal(done.errno, done.explanation).into()),
                    Body::Acknowledgement(ack) if ack.errno == 0 => return Ok(dump),
                    Body::Acknowledgement(ack) => return Err(refusal(ack.errno, ack.explanation).into()),
                    Body::Overrun => return Err(RequestError::Overrun),
                    Body::Noop => {}
                    _ if query.is_dump() => visit(message),
                    _ => {
                        visit(message);
                        return Ok(dump);
                    }
                }
            }
        }
    }

    /// Sends a batch and waits until the kernel is through with it. What it refused is appended to `refused`; all the
    /// rest is done. After an error it is not known how much is done.
    pub fn execute<T: Clone>(
        &mut self,
        batch: &mut Batch<T>,
        refused: &mut Vec<Refused<T>>,
    ) -> Result<(), RequestError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.sequence = batch.number_from(self.sequence);
        self.socket.send(batch.as_bytes())?;
        loop {
            self.receive()?;
            for message in decode_all(&self.buffer) {
                let message = message?;
                let Some(token) = batch.token(message.header.sequence) else {
                    continue;
                };
                match message.body {
                    Body::Acknowledgement(ack) => {
                        if ack.errno != 0 {
                            refused.push(Refused {
                                token: token.clone(),
                                refusal: refusal(ack.errno, ack.explanation),
                            });
                        }
                        if batch.is_last(message.header.sequence) {
                            return Ok(());
                        }
                    }
                    Body::Overrun => return Err(RequestError::Overrun),
                    _ => {}
                }
            }
        }
    }

    /// Makes one change.
    pub fn change(&mut self, change: &Change<'_>) -> Result<(), RequestError> {
        let mut batch = Batch::default();
        match batch.push((), change) {
            Ok(()) => {}
            Err(waypost_netlink::PushError::Encode(error)) => return Err(error.into()),
            // INVARIANT: an empty batch takes any one change.
            Err(waypost_netlink::PushError::Full(_)) => unreachable!("an empty batch is not full"),
        }
        let mut refused = Vec::new();
        self.execute(&mut batch, &mut refused)?;
        match refused.pop() {
            Some(refused) => Err(refused.refusal.into()),
            None => Ok(()),
        }
    }

    /// Sets an interface administratively up or down.
    pub fn set_link_up(&mut self, interface: InterfaceIndex, up: bool) -> Result<(), RequestError> {
        self.change(&Change::SetLinkUp { interface, up })
    }

    fn next_sequence(&mut self) -> u32 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }

    /// Waits for the next part of the answer.
    fn receive(&mut self) -> Result<(), RequestError> {
        match self.socket.recv(&mut self.buffer)? {
            Received::Messages => Ok(()),
            // The kernel makes all answers before a send returns, and sets ENOBUFS when it had to drop one.
            Received::Overrun => Err(RequestError::Overrun),
            // INVARIANT: the socket has no receive timeout, so a receive that waits never finds nothing.
            Received::Nothing => Err(io::Error::from(io::ErrorKind::WouldBlock).into()),
        }
    }
}

/// Whether the error is about one entry of a dump, so that its end can still be found.
const fn is_entry(error: &DecodeError) -> bool {
    matches!(error, DecodeError::Body { message_type, .. } if *message_type != NLMSG_DONE && *message_type != NLMSG_ERROR)
}

const fn refusal(errno: i32, explanation: Explanation) -> Refusal {
    Refusal { errno, explanation }
}
