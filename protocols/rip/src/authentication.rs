//! Authentication of messages: plain passwords (RFC 2453 §4.1) and digests (RFC 2082, RFC 4822).
//!
//! An authenticated message starts with an entry of family 0xFFFF. For a digest that entry tells where the message proper
//! ends; there a trailer follows, `0xFFFF 0x0001` and the digest:
//!
//! ```text
//! 0xFFFF(2) 0x0003(2) packet-length(2) key-id(1) data-length(1) sequence(4) zero(8)
//! ```

use std::time::Duration;

use waypost_engine::Now;
use waypost_types::{Time, WallTime};
use waypost_wire::{LongSecrets, Reader, Secret, Writer, digests_equal};

use crate::config::{Authentication, Effective, Key, PASSWORD_SIZE, password_octets};
use crate::packet::{ENTRY_LENGTH, FAMILY_AUTHENTICATION, HEADER_LENGTH};

/// The type of a plain password (RFC 2453 §4.1).
const TYPE_PLAIN: u16 = 2;
/// The type of a keyed digest (RFC 2082 §3.1).
const TYPE_CRYPTOGRAPHIC: u16 = 3;
/// What precedes the digest in the trailer.
const TRAILER_HEADER: [u8; 4] = [0xFF, 0xFF, 0x00, 0x01];
/// What stands in the digest's place while an HMAC is computed (RFC 4822 §2.5), repeated.
const APAD: [u8; 4] = [0x87, 0x8F, 0xE1, 0xF3];

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// It carries no authentication and should.
    #[error("the message is not authenticated")]
    Missing,
    /// It carries authentication and none is configured (RFC 2453 §4.1: discarded).
    #[error("the message is authenticated, the interface is not configured for that")]
    Unexpected,
    /// It carries another kind of authentication.
    #[error("the message is authenticated in another way (type {0})")]
    Type(u16),
    /// The password is another.
    #[error("the password is wrong")]
    Password,
    /// There is no such key, or it may not be used now.
    #[error("key {0} is unknown or outside its lifetime")]
    Key(u8),
    /// Lengths that do not fit together.
    #[error("the authentication trailer is malformed")]
    Trailer,
    /// The digest is another.
    #[error("the digest under key {0} is wrong")]
    Digest(u8),
}

/// A message that is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentic<'a> {
    /// The message without its trailer, still with its authentication entry.
    pub message: &'a [u8],
    /// Whether the first entry is authentication.
    pub has_entry: bool,
    /// Key and sequence number, to be checked against the sender's last one.
    pub sequence: Option<(u8, u32)>,
}

/// Checks a received version 2 message against the configuration.
pub fn verify<'a>(
    octets: &'a [u8],
    effective: &Effective,
    now: WallTime,
) -> Result<Authentic<'a>, AuthenticationError> {
    let mut reader = Reader::new(octets.get(HEADER_LENGTH..).unwrap_or_default());
    let kind = match (reader.u16(), reader.u16()) {
        (Ok(FAMILY_AUTHENTICATION), Ok(kind)) => Some(kind),
        _ => None,
    };
    let plain = Authentic {
        message: octets,
        has_entry: kind.is_some(),
        sequence: None,
    };
    match (effective.authentication, kind) {
        (Authentication::None, None) => Ok(plain),
        (Authentication::None, Some(_)) => Err(AuthenticationError::Unexpected),
        (_, None) => Err(AuthenticationError::Missing),
        (Authentication::Plain, Some(TYPE_PLAIN)) => {
            let password = password_octets(&effective.password);
            let received = reader
                .take(PASSWORD_SIZE)
                .map_err(|_| AuthenticationError::Trailer)?;
            if digests_equal(&password, received) {
                Ok(plain)
            } else {
                Err(AuthenticationError::Password)
            }
        }
        (Authentication::Cryptographic, Some(TYPE_CRYPTOGRAPHIC)) => {
            verify_digest(octets, &mut reader, &effective.keys, now)
        }
        (_, Some(other)) => Err(AuthenticationError::Type(other)),
    }
}

fn verify_digest<'a>(
    octets: &'a [u8],
    reader: &mut Reader<'_>,
    keys: &[Key],
    now: WallTime,
) -> Result<Authentic<'a>, AuthenticationError> {
    let malformed = AuthenticationError::Trailer;
    let length = usize::from(reader.u16().map_err(|_| malformed)?);
    let id = reader.u8().map_err(|_| malformed)?;
    let digest_length = usize::from(reader.u8().map_err(|_| malformed)?);
    let sequence = reader.u32().map_err(|_| malformed)?;
    let (message, trailer) = octets.split_at_checked(length).ok_or(malformed)?;
    if length < HEADER_LENGTH + ENTRY_LENGTH || !(length - HEADER_LENGTH).is_multiple_of(ENTRY_LENGTH) {
        return Err(malformed);
    }
    let (head, digest) = trailer.split_at_checked(TRAILER_HEADER.len()).ok_or(malformed)?;
    if head != TRAILER_HEADER {
        return Err(malformed);
    }
    let mut error = AuthenticationError::Key(id);
    // Two keys may share a number while one replaces the other: whichever fits is good (RFC 2082 §4.1).
    for key in keys
        .iter()
        .filter(|key| key.id == id && key_is_acceptable(key, keys, now))
    {
        let expected = key.algorithm.length();
        // Some implementations count the trailer's header in the length (the ambiguity of RFC 2082 §3.2.2).
        if digest.len() != expected || (digest_length != expected && digest_length != expected + 4) {
            error = malformed;
            continue;
        }
        let rules: &[LongSecrets] = if key.algorithm.is_ambiguous(key.secret.expose().len()) {
            &[LongSecrets::Rfc4822, LongSecrets::Block]
        } else {
            &[LongSecrets::Rfc4822]
        };
        // BIRD reads RFC 4822 §2.5 in another way for such secrets; who knows the secret may use either.
        if rules
            .iter()
            .any(|rule| digests_equal(digest_of(key, *rule, message).as_slice(), digest))
        {
            return Ok(Authentic {
                message,
                has_entry: true,
                sequence: Some((id, sequence)),
            });
        }
        error = AuthenticationError::Digest(id);
    }
    Err(error)
}

/// The digest over the message and the trailer (RFC 4822 §2.5 for the HMACs, RFC 2082 §3.2.2 for keyed MD5).
fn digest_of(key: &Key, long_secrets: LongSecrets, message: &[u8]) -> waypost_wire::Digest {
    use waypost_wire::DigestAlgorithm::KeyedMd5;
    let secret = key.secret.expose().as_bytes();
    if key.algorithm == KeyedMd5 {
        return key.algorithm.compute(secret, &[message, &TRAILER_HEADER]);
    }
    let mut apad = [0; 64];
    for (octet, pad) in apad.iter_mut().zip(APAD.iter().cycle()) {
        *octet = *pad;
    }
    let apad = apad.get(..key.algorithm.length()).unwrap_or(&apad);
    key.algorithm
        .compute_with(long_secrets, secret, &[message, &TRAILER_HEADER, apad])
}

fn within(from: Option<WallTime>, until: Option<WallTime>, now: WallTime) -> bool {
    from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until)
}

/// Whether a message under `key` may be taken now.
///
/// A chain whose every key is out of date goes on with the last one (RFC 2082 §4.3: treated as having no end).
fn key_is_acceptable(key: &Key, keys: &[Key], now: WallTime) -> bool {
    within(key.accept_from, key.accept_until, now)
        || (!keys
            .iter()
            .any(|key| within(key.accept_from, key.accept_until, now))
            && last_to_expire(keys, now, |key| (key.accept_from, key.accept_until))
                .is_some_and(|last| std::ptr::eq(last, key)))
}

/// The key that expired last, among those whose time had begun.
fn last_to_expire(
    keys: &[Key],
    now: WallTime,
    lifetime: impl Fn(&Key) -> (Option<WallTime>, Option<WallTime>),
) -> Option<&Key> {
    keys.iter()
        .filter(|key| lifetime(key).0.is_none_or(|from| from <= now))
        .max_by_key(|key| lifetime(key).1)
}

/// The key to send with, and whether it is one whose time is over because there is no other.
///
/// Of several valid keys the one whose time began last, so that a new key takes over when its time comes
/// (RFC 2082 §4.1); equal beginnings: the higher number.
#[must_use]
pub fn sending_key(keys: &[Key], now: WallTime) -> Option<(&Key, bool)> {
    keys.iter()
        .filter(|key| within(key.send_from, key.send_until, now))
        .max_by_key(|key| (key.send_from, key.id))
        .map(|key| (key, false))
        .or_else(|| last_to_expire(keys, now, |key| (key.send_from, key.send_until)).map(|key| (key, true)))
}

/// How the messages of an interface are sealed.
#[derive(Clone, Copy, Debug)]
pub enum Seal<'a> {
    /// Not at all.
    None,
    /// With a password.
    Plain(&'a Secret),
    /// With a digest under this key.
    Digest(&'a Key),
}

impl<'a> Seal<'a> {
    /// The seal in force now. `None`: authentication is wanted and there is no key to send with, so nothing may be sent.
    #[must_use]
    pub fn of(effective: &'a Effective, now: WallTime) -> Option<Self> {
        match effective.authentication {
            Authentication::None => Some(Self::None),
            Authentication::Plain => Some(Self::Plain(&effective.password)),
            Authentication::Cryptographic => {
                sending_key(&effective.keys, now).map(|(key, _)| Self::Digest(key))
            }
        }
    }

    /// How many octets a message has beside its header and routes.
    #[must_use]
    pub fn overhead(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Plain(_) => ENTRY_LENGTH,
            Self::Digest(key) => ENTRY_LENGTH + TRAILER_HEADER.len() + key.algorithm.length(),
        }
    }

    /// How many route entries fit into a message of `length` octets; at least one. Configuration with which that would be
    /// too long is refused, a link with such an MTU has to send fragments.
    #[must_use]
    pub fn capacity(&self, length: usize) -> usize {
        (length.saturating_sub(HEADER_LENGTH + self.overhead()) / ENTRY_LENGTH).max(1)
    }

    /// Appends the authentication entry; right after the header.
    pub fn begin(&self, writer: &mut Writer) {
        match self {
            Self::None => {}
            Self::Plain(password) => {
                writer
                    .u16(FAMILY_AUTHENTICATION)
                    .u16(TYPE_PLAIN)
                    .slice(&password_octets(password));
            }
            Self::Digest(key) => {
                writer
                    .u16(FAMILY_AUTHENTICATION)
                    .u16(TYPE_CRYPTOGRAPHIC)
                    .u16(0)
                    .u8(key.id)
                    // At most 64.
                    .u8(key.algorithm.length() as u8)
                    .zeros(12);
            }
        }
    }

    /// Completes a message: fills in length and sequence number and appends the trailer.
    pub fn finish(&self, writer: &mut Writer, sequence: u32) {
        if let Self::Digest(key) = self {
            // A UDP payload is shorter than 65 536 octets.
            let length = writer.len() as u16;
            writer.patch(HEADER_LENGTH + 4, &length.to_be_bytes());
            writer.patch(HEADER_LENGTH + 8, &sequence.to_be_bytes());
            let digest = digest_of(key, key.long_secrets.unwrap_or_default(), writer.as_slice());
            writer.slice(&TRAILER_HEADER).slice(digest.as_slice());
        }
    }
}

/// How many sequence numbers are set aside with one write to durable storage.
const SEQUENCE_BLOCK: u32 = 65_536;
/// With so many left the next are set aside, long before they are needed: the date takes hours to use them up.
const SEQUENCE_LOW: u32 = SEQUENCE_BLOCK / 2;
/// How many numbers one burst may take.
const SEQUENCE_BURST: u32 = 1024;
/// How long messages wait for numbers to be stored. Neighbours must not be lost because a disk is slow or full.
const STORE_PATIENCE: Duration = Duration::from_secs(2);
/// When storing is tried again after it failed.
const STORE_RETRY: Duration = Duration::from_secs(60);
/// Under which key.
pub const SEQUENCE_KEY: &str = "sequence";

/// The sequence numbers of sent messages: they never decrease, not even over a restart (RFC 2082 §3.2.1).
///
/// Numbers are set aside on durable storage before they are used. A number follows the date, so that a machine that lost its
/// storage still goes on above its old numbers; what is stored matters when the clock goes back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequence {
    last: u32,
    /// Numbers up to here are known to be set aside.
    stored: u32,
    /// Up to here was asked for,
    asked: u32,
    /// then.
    asked_at: Time,
    /// What was asked for last could not be stored.
    failed: bool,
}

impl Sequence {
    /// Continues after what an earlier life set aside.
    #[must_use]
    pub fn resume(persisted: Option<&[u8]>) -> Self {
        let stored = persisted.and_then(number).unwrap_or(0);
        Self {
            last: stored,
            stored,
            asked: stored,
            ..Self::default()
        }
    }

    fn upcoming(&self, now: Now) -> u32 {
        let date = u32::try_from(now.wall.0).unwrap_or(u32::MAX);
        self.last.saturating_add(1).max(date)
    }

    /// What to store durably now, so that there are always numbers to use.
    pub fn reserve(&mut self, now: Now) -> Option<Vec<u8>> {
        let upcoming = self.upcoming(now);
        let failed = self.failed && now.time >= self.asked_at + STORE_RETRY;
        if self.asked == u32::MAX || (upcoming.saturating_add(SEQUENCE_LOW) <= self.asked && !failed) {
            return None;
        }
        self.asked = upcoming.saturating_add(SEQUENCE_BLOCK);
        self.asked_at = now.time;
        Some(self.asked.to_le_bytes().to_vec())
    }

    /// What became of what was to be stored.
    pub fn answer(&mut self, value: &[u8], stored: bool) {
        let Some(number) = number(value) else { return };
        if stored {
            self.stored = self.stored.max(number);
        }
        if number == self.asked {
            self.failed = !stored;
        }
    }

    /// Until when messages wait because the numbers they need are not stored; `None`: they need not wait, because the
    /// numbers are, or because they cannot be.
    #[must_use]
    pub fn wait(&self, now: Now) -> Option<Time> {
        let end = self.asked_at + STORE_PATIENCE;
        let needed = self.upcoming(now).saturating_add(SEQUENCE_BURST);
        (needed > self.stored && self.stored < u32::MAX && !self.failed && now.time < end).then_some(end)
    }

    /// The next number.
    pub fn next(&mut self, now: Now) -> u32 {
        self.last = self.upcoming(now);
        self.last
    }
}

fn number(octets: &[u8]) -> Option<u32> {
    octets.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests;
