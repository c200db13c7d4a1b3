//! Many changes in one send.
//!
//! The kernel works through all messages of one send in order, and goes on after a refused one. So one acknowledgement,
//! of the last message, says that all are through; those refused before it have answered by then.

use std::fmt;

use crate::request::{set_acknowledge, set_sequence};
use crate::{Change, EncodeError};

/// A batch holds no more bytes than this.
pub const MAX_BATCH_BYTES: usize = 64 * 1024;
/// A batch holds no more messages than this, unless told otherwise. More in one send measured no faster.
pub const MAX_BATCH_MESSAGES: usize = 256;

/// Which messages of a batch the kernel is to acknowledge when they succeed. Refusals are always answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// The last one, which is enough to know that all are through.
    Last,
    /// Each one.
    All,
}

/// No room is left: send the batch, then push again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch is full")]
pub struct BatchFull;

/// Why a change is not in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// No room.
    #[error(transparent)]
    Full(#[from] BatchFull),
    /// The change cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Changes to be sent together; each comes with a token that names it in the results.
///
/// Sequence numbers are consecutive; [`Batch::number_from`] sets the first just before sending.
#[derive(Clone)]
pub struct Batch<T> {
    bytes: Vec<u8>,
    /// Where each message starts, and its token.
    entries: Vec<(usize, T)>,
    first_sequence: u32,
    acknowledge: Acknowledge,
    max_messages: usize,
}

impl<T> Batch<T> {
    /// An empty batch of at most `max_messages`.
    #[must_use]
    pub const fn new(acknowledge: Acknowledge, max_messages: usize) -> Self {
        Self {
            bytes: Vec::new(),
            entries: Vec::new(),
            first_sequence: 1,
            acknowledge,
            max_messages,
        }
    }

    /// Appends a change. The batch is as before on an error.
    pub fn push(&mut self, token: T, change: &Change<'_>) -> Result<(), PushError> {
        if self.entries.len() >= self.max_messages {
            return Err(BatchFull.into());
        }
        let start = self.bytes.len();
        change.encode(self.next_sequence(), true, &mut self.bytes)?;
        // One message alone always goes in, however long it is.
        if self.bytes.len() > MAX_BATCH_BYTES && start > 0 {
            self.bytes.truncate(start);
            return Err(BatchFull.into());
        }
        if let (Acknowledge::Last, Some((previous, _))) = (self.acknowledge, self.entries.last()) {
            set_acknowledge(&mut self.bytes, *previous, false);
        }
        self.entries.push((start, token));
        Ok(())
    }

    fn next_sequence(&self) -> u32 {
        self.first_sequence.wrapping_add(self.count())
    }

    fn count(&self) -> u32 {
        // INVARIANT: a message has at least 16 bytes and all of them fit 64 KiB.
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Renumbers the messages from `first` on and returns the number after the last.
    pub fn number_from(&mut self, first: u32) -> u32 {
        self.first_sequence = first;
        let mut sequence = first;
        for (start, _) in &self.entries {
            set_sequence(&mut self.bytes, *start, sequence);
            sequence = sequence.wrapping_add(1);
        }
        sequence
    }

    /// What to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The token of the message with this sequence number, if it is one of this batch.
    #[must_use]
    pub fn token(&self, sequence: u32) -> Option<&T> {
        let position = usize::try_from(sequence.wrapping_sub(self.first_sequence)).ok()?;
        self.entries.get(position).map(|(_, token)| token)
    }

    /// Whether an answer with this sequence number is the last one of the batch.
    #[must_use]
    pub fn is_last(&self, sequence: u32) -> bool {
        !self.is_empty() && sequence.wrapping_add(1) == self.next_sequence()
    }

    /// The tokens in order.
    pub fn tokens(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, token)| token)
    }

    /// How many messages there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

impl<T> Default for Batch<T> {
    /// Acknowledges the last and holds [`MAX_BATCH_MESSAGES`].
    fn default() -> Self {
        Self::new(Acknowledge::Last, MAX_BATCH_MESSAGES)
    }
}

impl<T: fmt::Debug> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("first_sequence", &self.first_sequence)
            .field("bytes", &self.bytes.len())
            .field("tokens", &self.tokens().collect::<Vec<_>>())
            .finish()
    }
}
