//! Interfaces by name and number, and what only an ioctl tells.
//!
//! All of these look in the calling thread's network namespace.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsRawFd;

use waypost_types::InterfaceIndex;

use crate::{check, option};

/// The number of the interface called `name`; ENODEV when there is none.
pub fn index(name: &str) -> io::Result<InterfaceIndex> {
    let name = CString::new(name)?;
    // SAFETY: the pointer is to a string that ends with a zero byte.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(InterfaceIndex(index)),
    }
}

/// The name of an interface; ENXIO when there is none.
pub fn name(index: InterfaceIndex) -> io::Result<String> {
    let mut name = [0u8; libc::IF_NAMESIZE];
    // SAFETY: the call writes at most IF_NAMESIZE bytes, ended by a zero byte.
    let found = unsafe { libc::if_indextoname(index.0, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return Err(io::Error::last_os_error());
    }
    let name = CStr::from_bytes_until_nul(&name).map_err(io::Error::other)?;
    Ok(name.to_string_lossy().into_owned())
}

/// Whether an error of a socket on an interface says that the interface is gone or down.
#[must_use]
pub fn is_away(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENODEV | libc::ENXIO | libc::ENETDOWN | libc::ENETUNREACH | libc::EADDRNOTAVAIL)
    )
}

/// The speed of an interface, bits per second; `None` when its driver does not know or it has none.
///
/// Asked by ETHTOOL_GLINKSETTINGS and not read from `/sys/class/net`, which shows the interfaces of the namespace that
/// mounted it.
pub fn speed(index: InterfaceIndex) -> io::Result<Option<u64>> {
    let name = name(index)?;
    let socket = option::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut settings = LinkSettings::new();
    // The kernel answers the first call with how many words its masks have, negated; the second must give that number.
    for _ in 0..2 {
        match settings.ask(&socket, &name) {
            Ok(()) => {}
            Err(error) => {
                return match error.raw_os_error() {
                    Some(libc::EOPNOTSUPP | libc::EINVAL) => Ok(None),
                    _ => Err(error),
                };
            }
        }
    }
    Ok(settings
        .megabits()
        .map(|megabits| u64::from(megabits) * 1_000_000))
}

const ETHTOOL_GLINKSETTINGS: u32 = 0x4C;
const SIOCETHTOOL: libc::Ioctl = 0x8946;
/// `struct ethtool_link_settings` has 12 words; the count of mask words is a signed byte, and there are three masks.
const LINK_SETTINGS_WORDS: usize = 12 + 3 * i8::MAX as usize;

/// `struct ethtool_link_settings` with room for its masks.
struct LinkSettings([u32; LINK_SETTINGS_WORDS]);

impl LinkSettings {
    const fn new() -> Self {
        Self([0; LINK_SETTINGS_WORDS])
    }

    fn ask(&mut self, socket: &impl AsRawFd, name: &str) -> io::Result<()> {
        let mask_words = self.0[3].to_ne_bytes()[3] as i8;
        self.0 = [0; LINK_SETTINGS_WORDS];
        self.0[0] = ETHTOOL_GLINKSETTINGS;
        self.0[3] = u32::from_ne_bytes([0, 0, 0, mask_words.unsigned_abs()]);
        // SAFETY: all-zero is a valid `ifreq`.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        let room = &mut request.ifr_name[..libc::IF_NAMESIZE - 1];
        for (slot, byte) in room.iter_mut().zip(name.bytes()) {
            *slot = byte as libc::c_char;
        }
        request.ifr_ifru.ifru_data = self.0.as_mut_ptr().cast();
        // SAFETY: the kernel writes the settings and three masks of the number of words given, at most 127, or only the
        // settings when the number is wrong: never more than the array has.
        check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) })?;
        Ok(())
    }

    fn megabits(&self) -> Option<u32> {
        let speed = self.0[1];
        // SPEED_UNKNOWN is -1.
        (speed != 0 && speed <= i32::MAX as u32).then_some(speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_number_one() {
        assert_eq!(index("lo").unwrap(), InterfaceIndex(1));
        assert_eq!(name(InterfaceIndex(1)).unwrap(), "lo");
        assert_eq!(speed(InterfaceIndex(1)).unwrap(), None);
    }

    #[test]
    fn nothing_by_that_name() {
        let error = index("waypost-no-such-interface").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
        assert_eq!(
            name(InterfaceIndex(u32::MAX)).unwrap_err().raw_os_error(),
            Some(libc::ENXIO)
        );
        assert!(index("nul\0byte").is_err());
    }
}
