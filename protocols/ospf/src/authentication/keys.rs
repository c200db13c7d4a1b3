//! Keys with lifetimes (RFC 2328 D.3, RFC 7474 §4).

use waypost_types::WallTime;
use waypost_wire::{DigestAlgorithm, LongSecrets, Secret};

/// A key of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its number: below 256, but for extended sequence numbers.
    pub id: u32,
    /// The secret.
    pub secret: Secret,
    /// The algorithm.
    pub algorithm: DigestAlgorithm,
    /// How secrets longer than the digest are used; `None`: as RFC 5709 has it when sending, either way when receiving.
    pub long_secrets: Option<LongSecrets>,
    /// Packets under it are taken from this date on.
    pub accept_from: Option<WallTime>,
    /// Up to this one.
    pub accept_until: Option<WallTime>,
    /// Packets are sent under it from this date on.
    pub send_from: Option<WallTime>,
    /// Up to this one.
    pub send_until: Option<WallTime>,
}

type Lifetime = (Option<WallTime>, Option<WallTime>);

impl Key {
    const fn accepting(&self) -> Lifetime {
        (self.accept_from, self.accept_until)
    }

    const fn sending(&self) -> Lifetime {
        (self.send_from, self.send_until)
    }
}

fn within((from, until): Lifetime, now: WallTime) -> bool {
    from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until)
}

/// The key that expired last, among those whose time had begun.
fn last_to_expire(keys: &[Key], now: WallTime, lifetime: impl Fn(&Key) -> Lifetime) -> Option<&Key> {
    keys.iter()
        .filter(|key| lifetime(key).0.is_none_or(|from| from <= now))
        .max_by_key(|key| lifetime(key).1)
}

/// Whether a packet under `key` may be taken now. A chain whose every key is out of date goes on with the last one: the end
/// of a lifetime must not partition a network (D.3).
pub(super) fn is_acceptable(key: &Key, keys: &[Key], now: WallTime) -> bool {
    within(key.accepting(), now)
        || (!keys.iter().any(|key| within(key.accepting(), now))
            && last_to_expire(keys, now, Key::accepting).is_some_and(|last| std::ptr::eq(last, key)))
}

/// The key to send with, and whether it is one whose time is over because there is no other.
///
/// Of several valid keys the one whose time began last, so that a new key takes over when its time comes; of equal
/// beginnings the higher number.
#[must_use]
pub fn sending_key(keys: &[Key], now: WallTime) -> Option<(&Key, bool)> {
    keys.iter()
        .filter(|key| within(key.sending(), now))
        .max_by_key(|key| (key.send_from, key.id))
        .map(|key| (key, false))
        .or_else(|| last_to_expire(keys, now, Key::sending).map(|key| (key, true)))
}
