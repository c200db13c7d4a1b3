//! How often somebody may be wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use waypost_types::Time;

/// What one wrong attempt costs.
const PRICE: Duration = Duration::from_secs(10);
/// How much may be owed: five wrong attempts in a row.
const CREDIT: Duration = Duration::from_secs(50);
/// How many users are remembered; the others share what those have whose number is not known.
const MOST: usize = 1024;

/// Wrong attempts by user, each as the time when all of them are paid for. Users are apart, so that nobody keeps another out by
/// being wrong.
#[derive(Default)]
pub(crate) struct Throttle {
    paid: BTreeMap<Option<u32>, Time>,
}

impl Throttle {
    /// How long a user has to wait before another attempt.
    pub(crate) fn wait(&mut self, now: Time, user: Option<u32>) -> Option<Duration> {
        self.paid.retain(|_, paid| *paid > now);
        let owed = self.paid.get(&self.known(user))?.since(now);
        // There must be credit left for one more.
        let over = (owed + PRICE).saturating_sub(CREDIT);
        (!over.is_zero()).then_some(over)
    }

    /// Notes a wrong attempt.
    pub(crate) fn wrong(&mut self, now: Time, user: Option<u32>) {
        let user = self.known(user);
        let paid = self.paid.entry(user).or_insert(now);
        *paid = (*paid).max(now) + PRICE;
    }

    fn known(&self, user: Option<u32>) -> Option<u32> {
        user.filter(|_| self.paid.contains_key(&user) || self.paid.len() < MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_free_and_one_more_every_ten_seconds() {
        let mut throttle = Throttle::default();
        let (mine, other) = (Some(1000), Some(1001));
        for _ in 0..5 {
            assert_eq!(throttle.wait(Time::ZERO, mine), None);
            throttle.wrong(Time::ZERO, mine);
        }
        assert_eq!(throttle.wait(Time::ZERO, mine), Some(PRICE));
        assert_eq!(throttle.wait(Time::ZERO, other), None, "somebody else");
        assert_eq!(throttle.wait(Time::ZERO, None), None);
        let later = Time::from_secs(10);
        assert_eq!(throttle.wait(later, mine), None);
        throttle.wrong(later, mine);
        assert!(throttle.wait(later, mine).is_some());
        assert_eq!(throttle.wait(Time::from_secs(200), mine), None);
        assert!(throttle.paid.is_empty(), "what is paid is forgotten");
    }

    #[test]
    fn no_more_users_are_remembered_than_there_is_room_for() {
        let mut throttle = Throttle::default();
        for user in 0..2 * MOST as u32 {
            throttle.wrong(Time::ZERO, Some(user));
        }
        assert!(throttle.paid.len() <= MOST + 1);
        assert!(throttle.wait(Time::ZERO, Some(3 * MOST as u32)).is_some());
        assert_eq!(throttle.wait(Time::ZERO, Some(1)), None);
    }
}
