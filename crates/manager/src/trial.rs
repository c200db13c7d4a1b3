//! Changes on trial: in force and durable, and taken back unless somebody keeps them in time.
//!
//! The store remembers what to return to, so a restart of the router does not end a trial: what is over by then is taken back
//! before any protocol starts. While a trial is on, only changes that prolong it, keep it or take it back are accepted, so that
//! the router is always in the last configuration that was kept, or in one that still has its time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_infobase::{StoreError, Tree, Trial, TrialChange};
use waypost_routprot::{Refusal, Status};
use waypost_types::{Time, WallTime};

use crate::edit::Edit;
use crate::made::MadeRevision;
use crate::router::RouterConfig;
use crate::transaction::{Applied, Author};
use crate::{Manager, Plan};

/// How long a trial may be, in seconds: a week at most.
const WINDOW: std::ops::RangeInclusive<u64> = 1..=7 * 86_400;
/// How long it takes until something that could not be taken back is tried again; doubled each time, up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// On what terms a change is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Put it on trial: it is taken back unless [`Manager::keep`] comes within this time. Whole seconds count.
    pub confirm_within: Option<Duration>,
    /// The revision in force that the author saw, 0 before the first. If another one is in force now, the change is refused.
    pub seen: Option<u64>,
}

/// A configuration that is in force on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OnTrial {
    /// The revision to return to; absent when nothing was configured before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
    /// When it is taken back, in seconds since 1970-01-01 UTC.
    pub until: u64,
    /// How many seconds are left.
    pub seconds_left: u64,
}

/// When the trial is to be taken back, by the clock that nobody sets.
#[derive(Default)]
pub(crate) struct TrialTimer {
    deadline: Option<Time>,
    pause: Option<Duration>,
}

impl Manager {
    /// The trial that is on.
    #[must_use]
    pub fn on_trial(&self, wall: WallTime) -> Option<OnTrial> {
        let trial = self.store.trial()?;
        Some(OnTrial {
            back_to: trial.back_to,
            until: trial.until.0,
            seconds_left: left(trial, wall).as_secs(),
        })
    }

    /// Keeps the configuration that is on trial, if it is revision `seen` or none is given. Durable when this returns.
    ///
    /// # Errors
    /// ERROR_NOT_FOUND when no trial is on (any more), ERROR_REVISION_MISMATCH when another revision is in force, and what the
    /// store says; then the trial goes on.
    pub fn keep(&mut self, seen: Option<u64>, author: &Author) -> Result<Applied, Vec<Refusal>> {
        self.trial_or_refuse()?;
        self.check_seen(seen)?;
        self.store
            .end_trial()
            .map_err(|error| vec![Refusal::from(error)])?;
        self.trial = TrialTimer::default();
        let revision = self.revision_in_force();
        self.notes.push(format!(
            "revision {} was confirmed by {}",
            revision.unwrap_or_default(),
            author.name
        ));
        Ok(Applied {
            revision,
            changed: false,
            trial: None,
            plan: Plan::default(),
        })
    }

    /// Takes back what is on trial, before its time.
    ///
    /// # Errors
    /// ERROR_NOT_FOUND when no trial is on, and the refusals of [`Manager::rollback`]; then the trial goes on.
    pub fn give_up(&mut self, now: Time, wall: WallTime, author: &Author) -> Result<Applied, Vec<Refusal>> {
        let trial = self.trial_or_refuse()?;
        self.take_back(now, wall, &trial, author)
    }

    /// What [`Self::give_up`] would do.
    pub fn plan_give_up(&mut self) -> Result<Plan, Vec<Refusal>> {
        let trial = self.trial_or_refuse()?;
        let target = self
            .tree_before(&trial)
            .map_err(|error| vec![Refusal::from(error)])?;
        self.plan(&[Edit::ReplaceBlocks(target)])
    }

    fn trial_or_refuse(&self) -> Result<Trial, Vec<Refusal>> {
        self.store
            .trial()
            .copied()
            .ok_or_else(|| vec![nothing_on_trial()])
    }

    /// Whether the revision that somebody saw, if it is said, is the one in force.
    fn check_seen(&self, seen: Option<u64>) -> Result<(), Vec<Refusal>> {
        let head = self.revision_in_force().unwrap_or(0);
        match seen.filter(|seen| *seen != head) {
            None => Ok(()),
            Some(seen) => Err(vec![
                Refusal::new(
                    Status::ERROR_REVISION_MISMATCH,
                    format!("this was said of revision {seen}, but revision {head} is in force by now"),
                )
                .at("revision")
                .with_value(seen)
                .with_allowed(head.to_string()),
            ]),
        }
    }

    /// Whether a change may be made on these terms, and what it does to the trial. `returns_to` is the revision that the change
    /// returns to, if it is a roll-back.
    pub(crate) fn admit(
        &self,
        wall: WallTime,
        terms: &Terms,
        returns_to: Option<u64>,
    ) -> Result<TrialChange, Vec<Refusal>> {
        self.check_seen(terms.seen)?;
        let on = self.store.trial();
        let Some(window) = terms.confirm_within else {
            return match on {
                None => Ok(TrialChange::None),
                Some(trial) if returns_to.is_some() && trial.back_to == returns_to => Ok(TrialChange::End),
                Some(trial) => Err(vec![self.awaits_confirmation(trial, wall)]),
            };
        };
        check_window(window)?;
        Ok(TrialChange::Begin(Trial {
            // What is prolonged still returns to where it began.
            back_to: on.map_or_else(|| self.revision_in_force(), |trial| trial.back_to),
            begun: wall,
            until: WallTime(wall.0.saturating_add(window.as_secs())),
        }))
    }

    fn awaits_confirmation(&self, trial: &Trial, wall: WallTime) -> Refusal {
        Refusal::new(
            Status::ERROR_UPDATE_IN_PROGRESS,
            format!(
                "revision {} awaits its confirmation for another {} s: confirm it, take it back, or make this change on trial, too",
                self.revision_in_force().unwrap_or_default(),
                left(trial, wall).as_secs()
            ),
        )
    }

    /// Sets the timer after a change was confirmed.
    pub(crate) fn trial_changed(&mut self, now: Time, change: TrialChange) {
        match change {
            TrialChange::None => {}
            TrialChange::Begin(trial) => {
                self.trial = TrialTimer {
                    deadline: Some(now + left(&trial, trial.begun)),
                    pause: None,
                };
            }
            TrialChange::End => self.trial = TrialTimer::default(),
        }
    }

    /// Goes on with a trial that was on when the router stopped, or takes it back if it is over. No protocol runs yet.
    pub(crate) fn resume_trial(&mut self, now: Time, wall: WallTime) {
        let Some(trial) = self.store.trial().copied() else {
            return;
        };
        let left = left(&trial, wall);
        self.trial.deadline = Some(now + left);
        if !left.is_zero() {
            return;
        }
        match self.take_back_stored(wall, &trial) {
            Ok(()) => {
                self.router = RouterConfig::from_tree(self.tree());
                self.load_policies();
                self.trial = TrialTimer::default();
            }
            Err(error) => self.log.push(format!(
                "a change that was not confirmed could not be taken back: {error}"
            )),
        }
    }

    fn take_back_stored(&mut self, wall: WallTime, trial: &Trial) -> Result<(), StoreError> {
        let target = self.tree_before(trial)?;
        let running = self.tree();
        let gone = running.keys().filter(|key| !target.contains_key(*key));
        let gone = gone.map(|key| (key.clone(), None));
        let there = target
            .iter()
            .filter(|(key, block)| running.get(*key) != Some(*block));
        let changes: Vec<_> = gone
            .chain(there.map(|(key, block)| (key.clone(), Some(block.clone()))))
            .collect();
        let (author, count) = (self.not_confirmed(), changes.len());
        let number = self.begin(wall, &author, trial.back_to, changes.into())?;
        if let Err(error) = self.store.confirm_with(number, TrialChange::End) {
            self.abandon(number);
            return Err(error);
        }
        self.made.push(MadeRevision {
            number,
            author,
            rollback_of: trial.back_to,
            changes: count,
        });
        Ok(())
    }

    fn tree_before(&mut self, trial: &Trial) -> Result<Tree, StoreError> {
        match trial.back_to {
            Some(number) => self.store.revision(number),
            None => Ok(Tree::new()),
        }
    }

    fn not_confirmed(&self) -> Author {
        Author {
            name: "waypostd".to_owned(),
            note: format!(
                "revision {} was not confirmed in time",
                self.revision_in_force().unwrap_or_default()
            ),
        }
    }

    fn take_back(
        &mut self,
        now: Time,
        wall: WallTime,
        trial: &Trial,
        author: &Author,
    ) -> Result<Applied, Vec<Refusal>> {
        let target = self
            .tree_before(trial)
            .map_err(|error| vec![Refusal::from(error)])?;
        let edits = [Edit::ReplaceBlocks(target)];
        self.make(now, wall, &edits, author, trial.back_to, TrialChange::End)
    }

    /// When a trial is over.
    pub(crate) const fn trial_deadline(&self) -> Option<Time> {
        self.trial.deadline
    }

    /// Takes back a trial that is over. What can not be taken back now is tried again: a restart would do it.
    pub(crate) fn tick_trial(&mut self, now: Time, wall: WallTime) {
        if self.trial.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        let Some(trial) = self.store.trial().copied() else {
            self.trial = TrialTimer::default();
            return;
        };
        let author = self.not_confirmed();
        let Err(refusals) = self.take_back(now, wall, &trial, &author) else {
            return;
        };
        let pause = self.trial.pause.map_or(FIRST_PAUSE, |pause| pause * 2);
        let pause = pause.min(LONGEST_PAUSE);
        self.trial = TrialTimer {
            deadline: Some(now + pause),
            pause: Some(pause),
        };
        for refusal in refusals {
            self.log.push(format!(
                "{}, and could not be taken back: {refusal}; tried again in {} s",
                author.note,
                pause.as_secs()
            ));
        }
    }
}

pub(crate) fn check_window(window: Duration) -> Result<(), Vec<Refusal>> {
    if WINDOW.contains(&window.as_secs()) {
        return Ok(());
    }
    Err(vec![
        Refusal::invalid("a change can not be on trial for that long")
            .at("confirm-within")
            .with_value(window.as_secs())
            .with_allowed(format!("{}..={} s", WINDOW.start(), WINDOW.end())),
    ])
}

fn nothing_on_trial() -> Refusal {
    Refusal::new(Status::ERROR_NOT_FOUND, "no change awaits confirmation")
}

/// How much is left of a trial. A clock that was set back does not make it longer than it was.
fn left(trial: &Trial, wall: WallTime) -> Duration {
    let whole = trial.until.0.saturating_sub(trial.begun.0);
    Duration::from_secs(trial.until.0.saturating_sub(wall.0).min(whole))
}
