//! The password of plain authentication: its octets, and its special treatment in RRAS's blocks.

use waypost_wire::Secret;

use super::rras::KEY_OFFSET;
use super::{Authentication, InterfaceConfig};

/// Octets of the password field in messages (RFC 2453 §4.1) and in IPRIP_IF_CONFIG.
pub const PASSWORD_SIZE: usize = 16;

/// The password field of a message: the password's octets, padded with zeros.
///
/// What validation refuses comes out cut to size.
#[must_use]
pub fn password_octets(password: &Secret) -> [u8; PASSWORD_SIZE] {
    let mut field = [0; PASSWORD_SIZE];
    let octets = password.octets().unwrap_or_default();
    for (to, from) in field.iter_mut().zip(octets) {
        *to = from;
    }
    field
}

/// What is wrong with a password, in words that do not show it.
pub(super) fn password_error(password: &Secret) -> Option<&'static str> {
    match password.octets() {
        Err(error) => Some(error),
        Ok(octets) => match octets.as_slice() {
            [.., 0] => Some("a password cannot end in a zero octet, which is padding"),
            octets if (1..=PASSWORD_SIZE).contains(&octets.len()) => None,
            _ => Some("a password has 1 to 16 octets"),
        },
    }
}

/// The password in a zero-padded field; `None` when it is all zeros.
pub(super) fn password_from_octets(field: [u8; PASSWORD_SIZE]) -> Option<Secret> {
    let length = field.iter().rposition(|octet| *octet != 0)? + 1;
    let octets = field.get(..length).unwrap_or(&field);
    Some(Secret::from_octets(octets))
}

/// An all-zero key in an RRAS block that asks for plain authentication keeps the stored password (rras-blocks P-110).
pub fn inherit_secrets(old: &InterfaceConfig, new: &mut InterfaceConfig) {
    if new.options.authentication == Some(Authentication::Plain) && new.options.password.is_none() {
        new.options.password.clone_from(&old.options.password);
    }
}

/// Zeroes IC_AuthenticationKey in an IPRIP_IF_CONFIG that goes out through the MIB road (rras-blocks P-110).
pub fn blank_secrets(block: &mut [u8]) {
    if let Some(key) = block.get_mut(KEY_OFFSET..KEY_OFFSET + PASSWORD_SIZE) {
        key.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waypost_routprot::{BlockConfig, Layout};

    use super::*;

    proptest! {
        #[test]
        fn any_octets_are_a_password(mut field: [u8; PASSWORD_SIZE], text in "(hex:)?[0-9a-z]{1,12}", as_text: bool) {
            if as_text {
                field = [0; PASSWORD_SIZE];
                for (to, from) in field.iter_mut().zip(text.bytes()) {
                    *to = from;
                }
            }
            match password_from_octets(field) {
                Some(password) => {
                    prop_assert_eq!(password_error(&password), None);
                    prop_assert_eq!(password_octets(&password), field);
                }
                None => prop_assert_eq!(field, [0; PASSWORD_SIZE]),
            }
        }
    }

    #[test]
    fn passwords_that_are_none() {
        for bad in [
            "",
            "seventeen octets!",
            "hex:",
            "hex:6",
            "hex:6g",
            "a\0",
            "hex:6100",
        ] {
            assert!(password_error(&Secret::new(bad)).is_some(), "{bad:?}");
        }
        for good in ["a", "sixteen octets!!", "hex:ff", "a\0b"] {
            assert_eq!(password_error(&Secret::new(good)), None, "{good:?}");
        }
    }

    #[test]
    fn a_zero_key_keeps_the_password_and_the_mib_road_shows_none() {
        let mut old = InterfaceConfig::default();
        old.options.authentication = Some(Authentication::Plain);
        old.options.password = Some(Secret::new("waypost1"));
        let mut block = old.encode(Layout::Rras);
        blank_secrets(&mut block.bytes);
        assert!(!block.bytes.windows(7).any(|window| window == b"waypost"));
        let (mut new, _) = InterfaceConfig::decode(&block).unwrap();
        assert_eq!(new.options.password, None);
        inherit_secrets(&old, &mut new);
        assert_eq!(new.options.password, old.options.password);
        // Not asked for, not kept.
        new.options.password = None;
        new.options.authentication = Some(Authentication::None);
        inherit_secrets(&old, &mut new);
        assert_eq!(new.options.password, None);
        blank_secrets(&mut []);
    }
}
