//! Waiting for something to become true.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Pause between two looks.
const POLL: Duration = Duration::from_millis(20);

/// Looks until `look` gives a value, at most for `deadline`, and returns the value.
///
/// `look` says with `Err` what it saw instead; the last of these is part of the error, after `what`, the condition in
/// words.
pub fn wait_for<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Result<T, String>) -> Result<T> {
    let start = Instant::now();
    loop {
        // The time is taken before the look: a look that began in time counts.
        let waited = start.elapsed();
        match look() {
            Ok(value) => return Ok(value),
            Err(seen) if waited >= deadline => {
                bail!(
                    "not within {:.1} s: {what}\nwhat was there instead:\n{seen}",
                    deadline.as_secs_f64()
                )
            }
            Err(_) => thread::sleep(POLL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_returns_as_soon_as_it_is_true() {
        let mut looks = 0;
        let value = wait_for(Duration::from_secs(60), "the third look", || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(String::new()) }
        });
        assert_eq!(value.unwrap(), 3);
    }

    #[test]
    fn it_says_what_it_saw_last() {
        let mut looks = 0;
        let error = wait_for(Duration::ZERO, "something impossible", || {
            looks += 1;
            Err::<(), _>(format!("look {looks}"))
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "not within 0.0 s: something impossible\nwhat was there instead:\nlook 1"
        );
    }
}
