//! What time it is.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use waypost_types::{Time, WallTime};

/// CLOCK_MONOTONIC: nanoseconds since the machine started, without the time it was suspended. Never goes back, and
/// all processes of the machine share it.
#[must_use]
pub fn now() -> Time {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the kernel writes one `timespec` to the pointer. It cannot fail: the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr()) };
    // SAFETY: written above.
    let now = unsafe { now.assume_init() };
    // INVARIANT: this clock starts at zero and goes up, so neither field is negative.
    Time(now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs())
}

/// Seconds since 1970-01-01 UTC; 0 when the clock is set before that. Jumps when someone sets it.
#[must_use]
pub fn wall() -> WallTime {
    WallTime(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_forward_and_agrees_with_uptime() {
        let (first, second) = (now(), now());
        assert!(first <= second);
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        // /proc/uptime also counts suspension.
        assert!(second.0 as f64 <= (uptime + 2.0) * 1e9);
        assert!(wall().0 > 1_700_000_000);
    }
}
