//! Which routes are to be announced and withdrawn next: counters, and of routes that flap those that are away.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use waypost_types::{Random, Seed, Time};

use crate::config::GlobalConfig;

/// Routes done in one go.
pub(crate) const SLICE: usize = 4096;

/// How often work at a rate is done.
const TICK: Duration = Duration::from_millis(10);

/// Work at a rate that could not be done for this long is not made up for.
const LATE: Duration = Duration::from_millis(200);

/// Most flapping routes that are away at a time.
const MOST_AWAY: usize = 1_000_000;

/// Of IPv4 and of IPv6 routes.
pub(crate) const FAMILIES: [usize; 2] = [0, 1];

/// What to do with the n-th route of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Announce it; `variant` 0 is how it is when nothing moves it.
    Announce {
        family: usize,
        number: u32,
        variant: u32,
    },
    /// Withdraw it.
    Withdraw { seed: Seed, family: usize, number: u32 },
}

/// How much may be done of something with a rate.
#[derive(Clone, Copy, Debug, Default)]
struct Allowance {
    /// Thousandths.
    left: u64,
}

impl Allowance {
    fn grow(&mut self, rate: u32, elapsed: Duration) {
        let rate = u64::from(rate);
        let elapsed = elapsed.min(LATE);
        let grown = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX) * rate / 1000;
        let most = (rate * u64::try_from(LATE.as_millis()).unwrap_or(u64::MAX)).max(1000);
        self.left = (self.left + grown).min(most);
    }

    fn take(&mut self) -> bool {
        let enough = self.left >= 1000;
        if enough {
            self.left -= 1000;
        }
        enough
    }
}

/// Routes of an earlier seed that are still to be withdrawn.
#[derive(Clone, Copy, Debug)]
struct Retiring {
    seed: Seed,
    left: [u32; 2],
}

/// A flapping route that is away.
#[derive(Clone, Copy, Debug)]
struct Away {
    until: Time,
    family: usize,
    number: u32,
}

/// The work of one instance.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) seed: Seed,
    random: Random,
    wanted: [u32; 2],
    announced: [u32; 2],
    /// How many of those announced are as they should be.
    right: [u32; 2],
    retiring: Vec<Retiring>,
    /// In the order in which they come back. Those that are not in `gone` any more do not.
    away: VecDeque<Away>,
    gone: BTreeSet<(usize, u32)>,
    rate: Option<u32>,
    flaps: u32,
    reroutes: u32,
    flap_down: Duration,
    allowances: [Allowance; 3],
    last: Time,
}

impl Work {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            seed,
            random: seed.child("changes").random(),
            wanted: [0; 2],
            announced: [0; 2],
            right: [0; 2],
            retiring: Vec::new(),
            away: VecDeque::new(),
            gone: BTreeSet::new(),
            rate: None,
            flaps: 0,
            reroutes: 0,
            flap_down: Duration::from_secs(1),
            allowances: [Allowance::default(); 3],
            last: Time::ZERO,
        }
    }

    /// Takes over rates and the seed.
    pub(crate) fn configure(&mut self, now: Time, config: &GlobalConfig) {
        let seed = Seed(config.seed.unwrap_or(1));
        if seed != self.seed {
            if self.announced != [0; 2] {
                self.retiring.push(Retiring {
                    seed: self.seed,
                    left: self.announced,
                });
            }
            self.announced = [0; 2];
            self.right = [0; 2];
            self.away.clear();
            self.gone.clear();
            self.seed = seed;
            self.random = seed.child("changes").random();
        }
        self.rate = config.rate;
        self.flaps = config.flaps.unwrap_or(0);
        self.reroutes = config.reroutes.unwrap_or(0);
        self.flap_down = Duration::from_secs(config.flap_down.unwrap_or(1).into());
        if self.flaps == 0 {
            for away in &mut self.away {
                away.until = now;
            }
        }
        self.last = now;
    }

    /// How many routes of each family there should be.
    pub(crate) fn want(&mut self, wanted: [u32; 2]) {
        self.wanted = wanted;
    }

    /// The routes of a family are to look another way.
    pub(crate) fn refresh(&mut self, family: usize) {
        self.right[family] = 0;
    }

    pub(crate) fn announced(&self) -> [u32; 2] {
        self.announced
    }

    pub(crate) fn wanted(&self) -> [u32; 2] {
        self.wanted
    }

    pub(crate) fn away(&self) -> usize {
        self.gone.len()
    }

    /// How many routes are announced and not yet as they should be, or to be announced or withdrawn.
    pub(crate) fn waiting(&self) -> u64 {
        let retiring = self.retiring.iter().flat_map(|retiring| retiring.left);
        let open = FAMILIES.iter().map(|&family| {
            let common = self.announced[family].min(self.wanted[family]);
            self.announced[family].abs_diff(self.wanted[family]) + common.saturating_sub(self.right[family])
        });
        retiring.chain(open).map(u64::from).sum()
    }

    /// Does what is due, up to a slice. Says whether more could be done at once.
    pub(crate) fn run(&mut self, now: Time, mut each: impl FnMut(Step)) -> bool {
        let elapsed = now.since(self.last);
        self.last = now;
        let [pace, flaps, reroutes] = &mut self.allowances;
        pace.grow(self.rate.unwrap_or(0), elapsed);
        flaps.grow(self.flaps, elapsed);
        reroutes.grow(self.reroutes, elapsed);
        let mut left = SLICE;
        while left > 0 && (self.rate.is_none() || self.allowances[0].left >= 1000) {
            let Some(step) = self.next_step() else {
                break;
            };
            if self.rate.is_some() {
                self.allowances[0].take();
            }
            left -= 1;
            let absent = match step {
                Step::Withdraw { family, number, .. } if self.retiring.is_empty() => {
                    self.gone.remove(&(family, number))
                }
                _ => false,
            };
            if !absent {
                each(step);
            }
        }
        while left > 0 && self.away.front().is_some_and(|away| away.until <= now) {
            if let Some(away) = self.away.pop_front()
                && self.gone.remove(&(away.family, away.number))
            {
                each(Step::Announce {
                    family: away.family,
                    number: away.number,
                    variant: 0,
                });
                left -= 1;
            }
        }
        // A route must be there before it can flap or move.
        let total = self.announced.map(u64::from).iter().sum::<u64>();
        if total > 0 {
            while left > 0 && self.away.len() < MOST_AWAY && self.allowances[1].take() {
                let (family, number) = self.any_route(total);
                left -= 1;
                if !self.gone.insert((family, number)) {
                    continue;
                }
                each(Step::Withdraw {
                    seed: self.seed,
                    family,
                    number,
                });
                self.away.push_back(Away {
                    until: now + self.flap_down,
                    family,
                    number,
                });
            }
            while left > 0 && self.allowances[2].take() {
                let (family, number) = self.any_route(total);
                let variant = self.random.next_u64() as u32;
                each(Step::Announce {
                    family,
                    number,
                    variant,
                });
                left -= 1;
            }
        }
        left == 0 || (self.rate.is_none() && self.waiting() > 0)
    }

    /// What is to be done until there are as many routes as wanted, all as they should be.
    fn next_step(&mut self) -> Option<Step> {
        while let Some(retiring) = self.retiring.first_mut() {
            for family in FAMILIES {
                if let Some(number) = retiring.left[family].checked_sub(1) {
                    retiring.left[family] = number;
                    let seed = retiring.seed;
                    return Some(Step::Withdraw { seed, family, number });
                }
            }
            self.retiring.remove(0);
        }
        for family in FAMILIES {
            let announced = self.announced[family];
            if announced > self.wanted[family] {
                self.announced[family] -= 1;
                self.right[family] = self.right[family].min(announced - 1);
                return Some(Step::Withdraw {
                    seed: self.seed,
                    family,
                    number: announced - 1,
                });
            }
            let number = self.right[family];
            if number < self.wanted[family] {
                self.right[family] += 1;
                self.announced[family] = announced.max(number + 1);
                return Some(Step::Announce {
                    family,
                    number,
                    variant: 0,
                });
            }
        }
        None
    }

    fn any_route(&mut self, total: u64) -> (usize, u32) {
        let number = self.random.below(total);
        let first = u64::from(self.announced[0]);
        // INVARIANT: both counts are 32-bit numbers.
        match number.checked_sub(first) {
            None => (0, number as u32),
            Some(number) => (1, number as u32),
        }
    }

    /// When [`Self::run`] is wanted next.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let some = self.announced != [0; 2];
        let paced = (self.rate.is_some() && self.waiting() > 0) || (some && self.flaps + self.reroutes > 0);
        let back = self.away.front().map(|away| away.until);
        paced.then(|| self.last + TICK).into_iter().chain(back).min()
    }
}
