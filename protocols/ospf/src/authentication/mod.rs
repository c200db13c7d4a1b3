//! Authentication of packets: passwords and digests (RFC 2328 D, RFC 5709), extended sequence numbers (RFC 7474).
//!
//! The authentication field of the header, by AuType:
//!
//! ```text
//! 1  password(8)
//! 2  zero(2) key-id(1) digest-length(1) sequence(4)        and behind the packet: digest
//! 3  zero(3) length(1) key-id(4)                           and behind the packet: sequence(8) digest; length counts both
//! ```

mod keys;
mod replay;
mod sequence;

use std::net::Ipv4Addr;

pub use keys::{Key, sending_key};
pub use replay::Replay;
use schemars::JsonSchema;
pub use sequence::{SEQUENCE_KEY, SequenceNumbers};
use serde::{Deserialize, Serialize};
use waypost_types::WallTime;
use waypost_wire::{Digest, DigestAlgorithm, LongSecrets, Reader, Writer, digests_equal};

use crate::packet::{self, Packet};

/// Octets of a simple password (D.3).
pub const PASSWORD_LENGTH: usize = 8;
/// What stands in the digest's place while an HMAC is computed (RFC 5709 §3.3), repeated.
const APAD: [u8; 4] = [0x87, 0x8F, 0xE1, 0xF3];
/// What RFC 7474 §5 appends to a secret, so that other protocols' digests under it are worth nothing here.
const CRYPTOGRAPHIC_PROTOCOL: [u8; 2] = [0, 3];
/// Octets of an extended sequence number.
const EXTENDED_LENGTH: usize = 8;

/// How the packets of an interface are authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Not at all (D.2).
    #[default]
    None,
    /// By a password in the clear (D.3).
    Simple,
    /// By a digest (D.4, RFC 5709).
    Cryptographic,
    /// By a digest, with sequence numbers that survive restarts (RFC 7474).
    Extended,
}

impl Method {
    /// AuType.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Simple => 1,
            Self::Cryptographic => 2,
            Self::Extended => 3,
        }
    }
}

/// Authentication of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How.
    pub method: Method,
    /// The simple password, zero padded.
    pub password: [u8; PASSWORD_LENGTH],
    /// The keys of digests.
    pub keys: Vec<Key>,
}

impl Policy {
    /// Whether a neighbour that does not follow a change to another policy is believed after it: it is the same, or has more keys.
    #[must_use]
    pub fn goes_on_with(&self, next: &Self) -> bool {
        let keeps = self.keys.iter().all(|key| next.keys.contains(key));
        let more = keeps && (!self.keys.is_empty() || next.keys.is_empty());
        (self.method, self.password) == (next.method, next.password) && more
    }
}

/// Why a packet is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// It is authenticated in another way than the interface.
    #[error("authentication type {got} does not match the interface's {want}")]
    Type {
        /// The packet's AuType.
        got: u8,
        /// The interface's.
        want: u8,
    },
    /// The checksum is wrong.
    #[error("the checksum is wrong")]
    Checksum,
    /// The password is another.
    #[error("the password is wrong")]
    Password,
    /// There is no such key, or it may not be used now.
    #[error("key {0} is unknown or outside its lifetime")]
    Key(u32),
    /// The digest is not as long as its key's algorithm makes it.
    #[error("the digest under key {0} has a wrong length")]
    Length(u32),
    /// The digest is another.
    #[error("the digest under key {0} is wrong")]
    Digest(u32),
}

/// A packet that is believed, but for its sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentic<'a> {
    /// The number, to be checked against the sender's last one.
    pub sequence: Option<u64>,
    /// What follows packet and digest.
    pub rest: &'a [u8],
}

/// Checks a packet that `source` sent (D.5, RFC 7474 §6), at this date.
pub fn verify<'a>(
    packet: &Packet<'a>,
    policy: &Policy,
    source: Ipv4Addr,
    now: WallTime,
) -> Result<Authentic<'a>, AuthenticationError> {
    let (got, want) = (packet.header.authentication_type, policy.method.number());
    if got != want {
        return Err(AuthenticationError::Type { got, want });
    }
    let field = packet.header.authentication;
    match policy.method {
        Method::None | Method::Simple => {
            if !packet.checksum_is_right() {
                return Err(AuthenticationError::Checksum);
            }
            if policy.method == Method::Simple && !digests_equal(&policy.password, &field) {
                return Err(AuthenticationError::Password);
            }
            Ok(Authentic {
                sequence: None,
                rest: packet.trailer(),
            })
        }
        Method::Cryptographic => {
            let [_, _, id, length, s0, s1, s2, s3] = field;
            let sequence = u64::from(u32::from_be_bytes([s0, s1, s2, s3]));
            let trailer = packet.trailer();
            let rest = verify_digest(
                packet,
                policy,
                u32::from(id),
                length.into(),
                now,
                |key, length| {
                    let split = trailer.split_at_checked(length);
                    split.map(|(digest, rest)| (digest, rest, digests_of(key, packet.octets())))
                },
            )?;
            Ok(Authentic {
                sequence: Some(sequence),
                rest,
            })
        }
        Method::Extended => {
            let [_, _, _, length, k0, k1, k2, k3] = field;
            let id = u32::from_be_bytes([k0, k1, k2, k3]);
            let mut reader = Reader::new(packet.trailer());
            let sequence = reader.u64().map_err(|_| AuthenticationError::Length(id))?;
            let trailer = reader.take_rest();
            let length = usize::from(length).saturating_sub(EXTENDED_LENGTH);
            let rest = verify_digest(packet, policy, id, length, now, |key, length| {
                let split = trailer.split_at_checked(length);
                split.map(|(digest, rest)| {
                    let computed = extended_digest(key, packet.octets(), sequence, source);
                    (digest, rest, [Some(computed), None])
                })
            })?;
            Ok(Authentic {
                sequence: Some(sequence),
                rest,
            })
        }
    }
}

type Computed<'a> = (&'a [u8], &'a [u8], [Option<Digest>; 2]);

/// Tries the keys of this number; `compute` gives the digest received, what follows it, and the digests that would be right.
fn verify_digest<'a>(
    packet: &Packet<'a>,
    policy: &Policy,
    id: u32,
    length: usize,
    now: WallTime,
    compute: impl Fn(&Key, usize) -> Option<Computed<'a>>,
) -> Result<&'a [u8], AuthenticationError> {
    let mut error = AuthenticationError::Key(id);
    // Two keys may share a number while one replaces the other: whichever fits is good.
    for key in policy.keys.iter().filter(|key| key.id == id) {
        if !keys::is_acceptable(key, &policy.keys, now) {
            continue;
        }
        if key.algorithm.length() != length {
            error = AuthenticationError::Length(id);
            continue;
        }
        let Some((received, rest, computed)) = compute(key, length) else {
            error = AuthenticationError::Length(id);
            continue;
        };
        if computed
            .iter()
            .flatten()
            .any(|digest| digests_equal(digest.as_slice(), received))
        {
            return Ok(rest);
        }
        error = AuthenticationError::Digest(id);
    }
    debug_assert_eq!(packet.header.authentication_type, policy.method.number());
    Err(error)
}

/// The first `length` octets of Apad.
fn apad(length: usize) -> ([u8; 64], usize) {
    let mut pad = [0; 64];
    for (octet, value) in pad.iter_mut().zip(APAD.iter().cycle()) {
        *octet = *value;
    }
    (pad, length.min(64))
}

/// The digest of AuType 2: keyed MD5 over the packet (D.4.3), or an HMAC over packet and Apad (RFC 5709 §3.3).
fn digest(key: &Key, rule: LongSecrets, packet: &[u8]) -> Digest {
    let secret = key.secret.expose().as_bytes();
    if key.algorithm == DigestAlgorithm::KeyedMd5 {
        return key.algorithm.compute(secret, &[packet]);
    }
    let (pad, length) = apad(key.algorithm.length());
    let pad = pad.get(..length).unwrap_or(&pad);
    key.algorithm.compute_with(rule, secret, &[packet, pad])
}

/// The digests to accept. BIRD reads "longer than the hash" of RFC 5709 §3.3 as "longer than the block", and who knows the
/// secret may use either.
fn digests_of(key: &Key, packet: &[u8]) -> [Option<Digest>; 2] {
    let ambiguous = key.algorithm.is_ambiguous(key.secret.expose().len());
    [
        Some(digest(key, LongSecrets::Rfc4822, packet)),
        ambiguous.then(|| digest(key, LongSecrets::Block, packet)),
    ]
}

/// The digest of AuType 3, over packet, sequence number and an Apad that begins with the source address (RFC 7474 §5).
fn extended_digest(key: &Key, packet: &[u8], sequence: u64, source: Ipv4Addr) -> Digest {
    let mut secret = key.secret.expose().as_bytes().to_vec();
    secret.extend(CRYPTOGRAPHIC_PROTOCOL);
    let (mut pad, length) = apad(key.algorithm.length());
    if let Some(head) = pad.first_chunk_mut() {
        *head = source.octets();
    }
    let pad = pad.get(..length).unwrap_or(&pad);
    let digest = key
        .algorithm
        .compute(&secret, &[packet, &sequence.to_be_bytes(), pad]);
    zeroize::Zeroize::zeroize(&mut secret);
    digest
}

/// How packets of an interface are sealed at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Seal<'a> {
    method: Method,
    password: [u8; PASSWORD_LENGTH],
    key: Option<&'a Key>,
}

impl<'a> Seal<'a> {
    /// The seal in force now. `None`: a digest is wanted and there is no key to send with, so nothing may be sent.
    #[must_use]
    pub fn of(policy: &'a Policy, now: WallTime) -> Option<Self> {
        let key = match policy.method {
            Method::None | Method::Simple => None,
            Method::Cryptographic | Method::Extended => Some(sending_key(&policy.keys, now)?.0),
        };
        Some(Self {
            method: policy.method,
            password: policy.password,
            key,
        })
    }

    /// Octets behind the packet.
    #[must_use]
    pub fn trailer_length(&self) -> usize {
        let digest = self.key.map_or(0, |key| key.algorithm.length());
        match self.method {
            Method::Extended => EXTENDED_LENGTH + digest,
            _ => digest,
        }
    }

    /// Completes a packet of which header and body are written. `sequence` is of AuTypes 2 and 3 only, `source` the address
    /// it will be sent from.
    pub fn finish(&self, writer: &mut Writer, sequence: u64, source: Ipv4Addr) {
        let kind = self.method.number();
        let Some(key) = self.key else {
            let field = match self.method {
                Method::Simple => self.password,
                _ => [0; PASSWORD_LENGTH],
            };
            packet::seal(writer, kind, field, true);
            return;
        };
        // At most 64, with the sequence number 72.
        let length = self.trailer_length() as u8;
        let id = key.id.to_be_bytes();
        if self.method == Method::Extended {
            packet::seal(writer, kind, [0, 0, 0, length, id[0], id[1], id[2], id[3]], false);
            let digest = extended_digest(key, writer.as_slice(), sequence, source);
            writer.u64(sequence).slice(digest.as_slice());
        } else {
            // Configuration keeps numbers of keys below 256 and sequence numbers are 32 bits long here.
            let [s0, s1, s2, s3] = (sequence as u32).to_be_bytes();
            packet::seal(writer, kind, [0, 0, id[3], length, s0, s1, s2, s3], false);
            let digest = digest(key, key.long_secrets.unwrap_or_default(), writer.as_slice());
            writer.slice(digest.as_slice());
        }
    }
}

#[cfg(test)]
mod tests;
