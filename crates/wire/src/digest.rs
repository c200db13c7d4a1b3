//! The message digests of RFC 2082/4822 (RIP) and RFC 2328/5709 (OSPF).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest as _, Md5};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// How a message is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DigestAlgorithm {
    /// MD5 over the message followed by the key (RFC 2082 §3.2.2, RFC 2328 D.4.3): not an HMAC.
    #[serde(rename = "md5")]
    KeyedMd5,
    /// HMAC-SHA-1.
    HmacSha1,
    /// HMAC-SHA-256.
    HmacSha256,
    /// HMAC-SHA-384.
    HmacSha384,
    /// HMAC-SHA-512.
    HmacSha512,
}

/// Which secrets are hashed to become the key of an HMAC, rather than used as they are.
///
/// The two agree on secrets of at most the digest's length and on those longer than the hash function's block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LongSecrets {
    /// Those longer than the digest (RFC 4822 §2.5, RFC 5709 §3.3).
    #[default]
    #[serde(rename = "rfc4822")]
    Rfc4822,
    /// Those longer than the hash function's block (RFC 2104 §2), as BIRD does.
    Block,
}

/// A computed digest of up to 64 octets.
#[derive(Clone, Copy)]
pub struct Digest {
    octets: [u8; 64],
    length: usize,
}

impl Digest {
    fn from_slice(slice: &[u8]) -> Self {
        let mut octets = [0; 64];
        let length = slice.len().min(64);
        for (to, from) in octets.iter_mut().zip(slice) {
            *to = *from;
        }
        Self { octets, length }
    }

    /// The octets of the digest.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or(&self.octets)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", self.as_slice())
    }
}

impl DigestAlgorithm {
    /// The length of the digest in octets, `L` of RFC 4822 §2.5.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::KeyedMd5 => 16,
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }

    /// The 16-octet padded key that keyed MD5 appends (RFC 2082 §3.2.2); longer keys are cut.
    fn md5_key(key: &[u8]) -> [u8; 16] {
        let mut padded = [0; 16];
        for (to, from) in padded.iter_mut().zip(key) {
            *to = *from;
        }
        padded
    }

    /// The key as RFC 4822 §2.5 and RFC 5709 §3.3 prepare it (`Ko`): of the digest's length, zero padded, or hashed when
    /// it is longer. For keyed MD5 the padded key of RFC 2082.
    fn prepared_key(self, key: &[u8]) -> Digest {
        let long = key.len() > self.length();
        match self {
            Self::KeyedMd5 => Digest::from_slice(&Self::md5_key(key)),
            Self::HmacSha1 if long => Digest::from_slice(&Sha1::digest(key)),
            Self::HmacSha256 if long => Digest::from_slice(&Sha256::digest(key)),
            Self::HmacSha384 if long => Digest::from_slice(&Sha384::digest(key)),
            Self::HmacSha512 if long => Digest::from_slice(&Sha512::digest(key)),
            _ => {
                let mut padded = Digest::from_slice(key);
                padded.length = self.length();
                padded
            }
        }
    }

    /// Whether the two rules of [`LongSecrets`] make different keys of a secret of `length` octets.
    #[must_use]
    pub const fn is_ambiguous(self, length: usize) -> bool {
        let block = match self {
            Self::KeyedMd5 => return false,
            Self::HmacSha1 | Self::HmacSha256 => 64,
            Self::HmacSha384 | Self::HmacSha512 => 128,
        };
        length > self.length() && length <= block
    }

    /// The digest of the concatenated `parts` under `key`, which RFC 4822 prepares.
    #[must_use]
    pub fn compute(self, key: &[u8], parts: &[&[u8]]) -> Digest {
        self.compute_with(LongSecrets::Rfc4822, key, parts)
    }

    /// The digest of the concatenated `parts` under `key`.
    ///
    /// The caller appends what its RFC wants inside the digest (RFC 4822 appends `Apad` for the HMACs). For keyed MD5 the
    /// padded key is appended here.
    #[must_use]
    pub fn compute_with(self, long_secrets: LongSecrets, key: &[u8], parts: &[&[u8]]) -> Digest {
        let prepared = self.prepared_key(key);
        // An HMAC by itself does what RFC 2104 says.
        let key = match (self, long_secrets) {
            (Self::KeyedMd5, _) | (_, LongSecrets::Rfc4822) => prepared.as_slice(),
            (_, LongSecrets::Block) => key,
        };
        match self {
            Self::KeyedMd5 => {
                let mut md5 = Md5::new();
                for part in parts {
                    md5.update(part);
                }
                md5.update(key);
                Digest::from_slice(&md5.finalize())
            }
            Self::HmacSha1 => hmac::<Hmac<Sha1>>(key, parts),
            Self::HmacSha256 => hmac::<Hmac<Sha256>>(key, parts),
            Self::HmacSha384 => hmac::<Hmac<Sha384>>(key, parts),
            Self::HmacSha512 => hmac::<Hmac<Sha512>>(key, parts),
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KeyedMd5 => "md5",
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        })
    }
}

fn hmac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Digest {
    // An HMAC takes a key of any length; the empty digest cannot equal a real one.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return Digest::from_slice(&[]);
    };
    for part in parts {
        mac.update(part);
    }
    Digest::from_slice(&mac.finalize().into_bytes())
}

/// Compares without telling through timing where two digests differ.
#[must_use]
pub fn digests_equal(computed: &[u8], received: &[u8]) -> bool {
    computed.ct_eq(received).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: &Digest) -> String {
        digest
            .as_slice()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect()
    }

    #[test]
    fn rfc_2202_and_4231_vectors() {
        // Case 2 of both: key "Jefe", which is shorter than every digest, so preparation only pads it.
        let of = |algorithm: DigestAlgorithm| {
            hex(&algorithm.compute(b"Jefe", &[b"what do ya want ", b"for nothing?"]))
        };
        assert_eq!(
            of(DigestAlgorithm::HmacSha1),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            of(DigestAlgorithm::HmacSha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            of(DigestAlgorithm::HmacSha384),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
             8e2240ca5e69e2c78b3239ecfab21649"
        );
        assert_eq!(
            of(DigestAlgorithm::HmacSha512),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        );
    }

    #[test]
    fn rfc_4231_vectors_with_a_secret_over_the_block() {
        // Case 6: a key of 131 octets, which both rules hash.
        let key = [0xAA; 131];
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        for (algorithm, expected) in [
            (
                DigestAlgorithm::HmacSha256,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                DigestAlgorithm::HmacSha384,
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6\
                 0c2ef6ab4030fe8296248df163f44952",
            ),
            (
                DigestAlgorithm::HmacSha512,
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
                 6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ),
        ] {
            for rule in [LongSecrets::Rfc4822, LongSecrets::Block] {
                assert_eq!(hex(&algorithm.compute_with(rule, &key, &[message])), expected);
            }
        }
    }

    #[test]
    fn the_rules_for_long_secrets_differ_between_digest_and_block() {
        for (algorithm, block) in [
            (DigestAlgorithm::KeyedMd5, 64),
            (DigestAlgorithm::HmacSha1, 64),
            (DigestAlgorithm::HmacSha256, 64),
            (DigestAlgorithm::HmacSha384, 128),
            (DigestAlgorithm::HmacSha512, 128),
        ] {
            let digest = algorithm.length();
            for length in [1, digest, digest + 1, block, block + 1, 255] {
                let secret = vec![b'k'; length];
                let [rfc, block] = [LongSecrets::Rfc4822, LongSecrets::Block]
                    .map(|rule| hex(&algorithm.compute_with(rule, &secret, &[b"m"])));
                assert_eq!(
                    rfc != block,
                    algorithm.is_ambiguous(length),
                    "{algorithm}, {length} octets"
                );
            }
        }
    }

    #[test]
    fn keyed_md5_is_the_digest_of_message_and_padded_key() {
        let by_hand = Md5::digest(b"hellosecret\0\0\0\0\0\0\0\0\0\0");
        let ours = DigestAlgorithm::KeyedMd5.compute(b"secret", &[b"hello"]);
        assert_eq!(ours.as_slice(), &by_hand[..]);
    }

    #[test]
    fn long_keys_are_hashed_to_the_digest_length_not_the_block_length() {
        // RFC 4822 §2.5 hashes keys over L octets, where plain HMAC would only hash those over the block size.
        let key = [b'k'; 40];
        let hashed = Sha256::digest(key);
        let ours = DigestAlgorithm::HmacSha256.compute(&key, &[b"m"]);
        let by_hand = DigestAlgorithm::HmacSha256.compute(&hashed, &[b"m"]);
        assert!(digests_equal(ours.as_slice(), by_hand.as_slice()));
    }

    #[test]
    fn lengths_agree() {
        for algorithm in [
            DigestAlgorithm::KeyedMd5,
            DigestAlgorithm::HmacSha1,
            DigestAlgorithm::HmacSha256,
            DigestAlgorithm::HmacSha384,
            DigestAlgorithm::HmacSha512,
        ] {
            assert_eq!(
                algorithm.compute(b"key", &[b"text"]).as_slice().len(),
                algorithm.length()
            );
        }
        assert!(!digests_equal(&[1, 2], &[1, 2, 3]));
    }
}
