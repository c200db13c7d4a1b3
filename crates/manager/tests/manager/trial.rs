//! Changes on trial: kept, taken back, prolonged, and through restarts, whatever the disk and the clock do.

use std::time::Duration;

use serde_json::json;
use waypost_infobase::{FileStore, Operation, StoreError, Tree};
use waypost_manager::{Applied, Edit, Terms};
use waypost_routprot::conformance::host::Request;
use waypost_routprot::{Refusal, Status};
use waypost_types::{Random, Seed, WallTime};

use crate::disk::{Disk, TestMedium, power_cut};
use crate::rig::{Rig, SAMPLE_METRIC, SharedStore, WALL, author, interface, set};
use crate::sample::{SAMPLE, metric};

fn within(seconds: u64) -> Terms {
    Terms {
        confirm_within: Some(Duration::from_secs(seconds)),
        seen: None,
    }
}

impl Rig {
    fn apply_on(&mut self, edits: &[Edit], terms: &Terms) -> Result<Applied, Vec<Refusal>> {
        let wall = self.wall();
        self.manager.apply_on(self.now, wall, edits, &author(), terms)
    }

    fn seconds_left(&self) -> Option<u64> {
        Some(self.manager.on_trial(self.wall())?.seconds_left)
    }
}

#[test]
fn what_is_confirmed_in_time_stays() {
    let mut rig = Rig::with_sample();
    let applied = rig
        .apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    let trial = applied.trial.unwrap();
    assert_eq!(
        (trial.back_to, trial.until, trial.seconds_left),
        (Some(1), WALL.0 + 60, 60)
    );
    rig.wait(59);
    assert_eq!((rig.sample_metric(), rig.seconds_left()), (Some(5), Some(1)));
    let other = rig.manager.keep(Some(1), &author()).unwrap_err();
    assert_eq!(other[0].status, Status::ERROR_REVISION_MISMATCH);
    let kept = rig.manager.keep(Some(2), &author()).unwrap();
    assert_eq!((kept.revision, kept.changed), (Some(2), false));
    rig.wait(1000);
    assert_eq!((rig.sample_metric(), rig.seconds_left()), (Some(5), None));
    assert_eq!(rig.manager.take_notes(), ["revision 2 was confirmed by alice"]);
    let refused = rig.manager.keep(None, &author()).unwrap_err();
    assert_eq!(refused[0].status, Status::ERROR_NOT_FOUND);
}

#[test]
fn what_nobody_confirms_is_taken_back() {
    let mut rig = Rig::with_sample();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    rig.wait(59);
    assert_eq!(rig.sample_metric(), Some(5));
    rig.wait(1);
    assert_eq!((rig.sample_metric(), rig.seconds_left()), (Some(1), None));
    let newest = rig.manager.revisions(1).unwrap().remove(0);
    assert_eq!((newest.number, newest.rollback_of), (3, Some(1)));
    assert_eq!(newest.note, "revision 2 was not confirmed in time");
    // The router is as free as before.
    rig.apply(&[set(SAMPLE_METRIC, json!(6))]).unwrap();
    assert_eq!(rig.sample_metric(), Some(6));
}

#[test]
fn the_first_revision_may_be_on_trial() {
    let mut rig = Rig::over(SharedStore::default(), &[interface(2, "eth0")]);
    let first = [set("protocols.sample", json!({})), set(SAMPLE_METRIC, json!(1))];
    let trial = rig.apply_on(&first, &within(10)).unwrap().trial.unwrap();
    assert_eq!(trial.back_to, None);
    rig.wait(10);
    assert!(rig.manager.tree().is_empty());
    rig.drain();
    assert_eq!(rig.state(SAMPLE), "not configured");
}

#[test]
fn other_changes_wait_for_the_confirmation_and_prolonging_is_none() {
    let mut rig = Rig::with_sample();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    rig.wait(20);
    let refused = rig.apply(&[set(SAMPLE_METRIC, json!(6))]).unwrap_err();
    assert_eq!(refused[0].status, Status::ERROR_UPDATE_IN_PROGRESS);
    assert!(refused[0].reason.contains("revision 2"), "{}", refused[0]);
    assert!(refused[0].reason.contains("40 s"), "{}", refused[0]);
    assert_eq!(rig.sample_metric(), Some(5));

    rig.apply_on(&[set(SAMPLE_METRIC, json!(6))], &within(100))
        .unwrap();
    assert_eq!((rig.sample_metric(), rig.seconds_left()), (Some(6), Some(100)));
    let wall = rig.wall();
    let elsewhere = rig
        .manager
        .rollback(rig.now, wall, 2, &author(), &Terms::default());
    assert_eq!(elsewhere.unwrap_err()[0].status, Status::ERROR_UPDATE_IN_PROGRESS);
    rig.wait(99);
    assert_eq!(rig.sample_metric(), Some(6));
    rig.wait(1);
    assert_eq!(
        rig.sample_metric(),
        Some(1),
        "back to where the first trial began"
    );
}

#[test]
fn a_trial_can_be_given_up() {
    let mut rig = Rig::with_sample();
    let refused = rig.manager.give_up(rig.now, WALL, &author()).unwrap_err();
    assert_eq!(refused[0].status, Status::ERROR_NOT_FOUND);
    for by_number in [false, true] {
        rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
            .unwrap();
        let base = rig.manager.on_trial(WALL).unwrap().back_to.unwrap();
        assert_eq!(rig.manager.plan_give_up().unwrap().changes.len(), 1);
        let back = if by_number {
            rig.manager
                .rollback(rig.now, WALL, base, &author(), &Terms::default())
        } else {
            rig.manager.give_up(rig.now, WALL, &author())
        };
        let back = back.unwrap();
        assert_eq!(
            (back.changed, back.trial, rig.sample_metric()),
            (true, None, Some(1))
        );
        rig.apply(&[set(SAMPLE_METRIC, json!(1))]).unwrap();
    }
    // What was changed to and fro on trial leaves nothing to take back, and the trial ends nevertheless.
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(1))], &within(60))
        .unwrap();
    assert_eq!(rig.manager.give_up(rig.now, WALL, &author()).unwrap().trial, None);
    rig.apply(&[set(SAMPLE_METRIC, json!(2))]).unwrap();
}

#[test]
fn windows_have_limits_and_what_changes_nothing_begins_none() {
    let mut rig = Rig::with_sample();
    for seconds in [0, 7 * 86_400 + 1] {
        let refused = rig
            .apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(seconds))
            .unwrap_err();
        assert_eq!(refused[0].path, "confirm-within");
        assert_eq!(refused[0].status, Status::ERROR_INVALID_PARAMETER);
    }
    let applied = rig
        .apply_on(&[set(SAMPLE_METRIC, json!(1))], &within(60))
        .unwrap();
    assert_eq!((applied.changed, applied.trial), (false, None));
}

#[test]
fn who_saw_another_revision_is_told() {
    let mut rig = Rig::with_sample();
    let seen = |number| Terms {
        seen: Some(number),
        ..Terms::default()
    };
    let refused = rig
        .apply_on(&[set(SAMPLE_METRIC, json!(5))], &seen(0))
        .unwrap_err();
    assert_eq!(refused[0].status, Status::ERROR_REVISION_MISMATCH);
    assert_eq!(rig.sample_metric(), Some(1));
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &seen(1)).unwrap();
    let refused = rig
        .apply_on(&[set(SAMPLE_METRIC, json!(6))], &seen(1))
        .unwrap_err();
    assert_eq!(
        refused[0].to_string(),
        "revision: this was said of revision 1, but revision 2 is in force by now: 1 (allowed: 2) \
         [ERROR_REVISION_MISMATCH 1306]"
    );
}

#[test]
fn a_restart_does_not_end_a_trial() {
    let mut rig = Rig::with_sample();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    rig.wait(20);
    let mut again = rig.restarted(10);
    assert_eq!((again.sample_metric(), again.seconds_left()), (Some(5), Some(30)));
    again.wait(30);
    assert_eq!(again.sample_metric(), Some(1));
}

#[test]
fn what_was_over_during_a_restart_is_taken_back_before_protocols_start() {
    let mut rig = Rig::with_sample();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    let again = rig.restarted(60);
    assert_eq!((again.sample_metric(), again.seconds_left()), (Some(1), None));
    let added: Vec<_> = again
        .calls()
        .into_iter()
        .filter_map(|call| match call.request {
            Request::AddInterface { info, .. } => Some(info),
            Request::SetInterface { .. } => panic!("the sample was told of the metric on trial"),
            _ => None,
        })
        .collect();
    assert_eq!(added, [metric(1)]);
    let mut manager = again.restarted(5).manager;
    assert_eq!(manager.revisions(1).unwrap()[0].rollback_of, Some(1));
}

/// What the manager itself owns goes back with the rest: nothing of a trial that is over is in force after a start.
#[test]
fn policies_on_trial_are_taken_back_at_the_start() {
    let mut rig = Rig::with_sample();
    let list = set("policy.prefix-lists.near", json!([{ "permit": "10.0.0.0/8" }]));
    rig.apply_on(&[list], &within(60)).unwrap();
    let names = |rig: &Rig| -> Vec<String> {
        let names = rig.manager.policy().names();
        names.map(str::to_owned).collect()
    };
    assert_eq!(names(&rig), ["near"]);
    assert_eq!(names(&rig.restarted(30)), ["near"]);
    assert_eq!(names(&rig.restarted(60)), [""; 0]);
    rig.wait(60);
    assert_eq!(names(&rig), [""; 0]);
}

/// The clock on the wall may be set while the router runs, and while it does not.
#[test]
fn a_clock_that_is_set_makes_no_trial_longer() {
    let mut rig = Rig::with_sample();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    rig.wall_at_zero = WallTime(WALL.0 + 100_000);
    rig.wait(59);
    assert_eq!(rig.sample_metric(), Some(5), "the daemon's own clock counts");
    rig.wait(1);
    assert_eq!(rig.sample_metric(), Some(1));

    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    rig.wall_at_zero = WALL;
    let mut again = rig.restarted(0);
    assert_eq!(again.seconds_left(), Some(60), "set back by a day");
    again.wait(60);
    assert_eq!(again.sample_metric(), Some(1));
}

#[test]
fn what_can_not_be_taken_back_is_tried_again() {
    let mut rig = Rig::with_sample();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    for _ in 0..3 {
        let error = StoreError::Full { path: "/disk".into() };
        rig.store.get().fail(Operation::Begin, 0, error);
    }
    rig.wait(60);
    assert_eq!((rig.sample_metric(), rig.seconds_left()), (Some(5), Some(0)));
    let log = rig.manager.take_log().join("\n");
    assert!(
        log.contains("revision 2 was not confirmed in time, and could not be taken back"),
        "{log}"
    );
    assert!(log.contains("tried again in 1 s"), "{log}");
    // After 1, 2 and 4 seconds.
    rig.wait(6);
    assert_eq!(rig.sample_metric(), Some(5));
    rig.wait(1);
    assert_eq!((rig.sample_metric(), rig.seconds_left()), (Some(1), None));
}

#[test]
fn a_trial_that_can_not_be_kept_goes_on() {
    let mut rig = Rig::with_sample();
    rig.apply_on(&[set(SAMPLE_METRIC, json!(5))], &within(60))
        .unwrap();
    let error = StoreError::Full { path: "/disk".into() };
    rig.store.get().fail(Operation::EndTrial, 0, error);
    let refused = rig.manager.keep(None, &author()).unwrap_err();
    assert_eq!(refused[0].status, Status::ERROR_DISK_FULL);
    rig.wait(60);
    assert_eq!(rig.sample_metric(), Some(1));
}

/// What is in force after a start at `wall`, if this is what was acknowledged.
#[derive(Clone, Debug, Default)]
struct Known {
    kept: Tree,
    /// What is on trial, and until when.
    trial: Option<(Tree, u64)>,
}

impl Known {
    fn in_force(&self, wall: u64) -> &Tree {
        match &self.trial {
            Some((tree, until)) if wall < *until => tree,
            _ => &self.kept,
        }
    }
}

/// What a router on a disk lives through: at which position of the disk it began something that would make this known.
struct Moment {
    position: usize,
    wall: u64,
    known: Known,
    /// What it is about to do; the same when it does nothing.
    next: Known,
}

fn router_on(disk: &Disk, wall: u64) -> Rig {
    let store = FileStore::open_on(Box::new(TestMedium(disk.clone())), 4).unwrap();
    Rig::with_store(
        Box::new(store),
        SharedStore::default(),
        &[interface(2, "eth0")],
        |rig| rig.wall_at_zero = WallTime(wall),
    )
}

fn tree_after(rig: &Rig, edits: &[Edit]) -> Tree {
    let mut tree = rig.manager.tree().clone();
    for (key, block) in rig.manager.configuration().changes(&tree, edits).unwrap() {
        match block {
            Some(block) => tree.insert(key, block),
            None => tree.remove(&key),
        };
    }
    tree
}

fn lived(steps: usize, random: &mut Random, disk: &Disk) -> Vec<Moment> {
    let mut rig = router_on(disk, WALL.0);
    let mut known = Known::default();
    let mut moments = Vec::new();
    for step in 0..steps {
        let edits = [
            set("protocols.sample", json!({})),
            set(SAMPLE_METRIC, json!(1 + random.below(9))),
        ];
        let target = tree_after(&rig, &edits);
        let wall = rig.wall().0;
        let kept = Known {
            kept: rig.manager.tree().clone(),
            trial: None,
        };
        let given_up = Known {
            trial: None,
            ..known.clone()
        };
        let mut about = |rig: &Rig, next: &Known| {
            moments.push(Moment {
                position: disk.position(),
                wall: rig.wall().0,
                known: known.clone(),
                next: next.clone(),
            });
        };
        let next = match (random.below(6), known.trial.is_some()) {
            (0 | 1, _) | (2, false) => {
                let window = 10 + random.below(20);
                let next = Known {
                    kept: known.kept.clone(),
                    trial: match (rig.manager.tree() == &target, &known.trial) {
                        // What changes nothing begins no trial and prolongs none.
                        (true, trial) => trial.clone(),
                        (false, _) => Some((target, wall + window)),
                    },
                };
                about(&rig, &next);
                rig.apply_on(&edits, &within(window)).unwrap();
                next
            }
            (_, false) => {
                let next = Known {
                    kept: target,
                    trial: None,
                };
                about(&rig, &next);
                rig.apply(&edits).unwrap();
                next
            }
            (2, true) => {
                about(&rig, &kept);
                rig.manager.keep(None, &author()).unwrap();
                kept
            }
            (3, true) => {
                about(&rig, &given_up);
                rig.manager.give_up(rig.now, WallTime(wall), &author()).unwrap();
                given_up
            }
            (_, true) => {
                about(&rig, &given_up);
                rig.wait(40);
                given_up
            }
        };
        known = next;
        moments.push(Moment {
            position: disk.position(),
            wall: rig.wall().0,
            known: known.clone(),
            next: known.clone(),
        });
        assert_eq!(rig.manager.tree(), known.in_force(rig.wall().0), "step {step}");
        if random.chance(1, 4) {
            let wall = rig.wall().0;
            drop(rig);
            rig = router_on(disk, wall);
        } else {
            rig.wait(random.below(3));
        }
    }
    moments
}

/// Power cuts at every operation of the disk, and a start at every time after: always the last configuration that was kept, or
/// the one on trial while it has its time, and nothing else; and the protocols have it.
#[test]
fn a_power_cut_leaves_what_was_kept_or_what_has_its_time() {
    let mut counts = [0; 2];
    for run in 0..3 {
        let seed = Seed(0x7121A1).nth(run);
        let disk = Disk::default();
        let moments = lived(30, &mut seed.child("life").random(), &disk);
        let mut random = seed.child("cuts").random();
        for (cut, (durable, unsynced)) in disk.tape().states().enumerate() {
            let after = moments.partition_point(|moment| moment.position <= cut);
            let Some(moment) = after.checked_sub(1).map(|last| &moments[last]) else {
                continue;
            };
            let image = power_cut(&durable, &unsynced, &mut random);
            let wall = moment.wall + [0, 1, 9, 15, 50][random.below(5) as usize];
            let rig = router_on(&Disk::holding(image), wall);
            let tree = rig.manager.tree();
            let allowed = [&moment.known, &moment.next].map(|known| known.in_force(wall));
            assert!(
                allowed.contains(&tree),
                "seed {seed:?}, cut {cut}: {tree:?} is in force, and not one of {allowed:?}"
            );
            assert_eq!(rig.observed(), rig.expected(), "seed {seed:?}, cut {cut}");
            counts[usize::from(rig.manager.on_trial(WallTime(wall)).is_some())] += 1;
        }
    }
    println!("{} starts without a trial, {} on trial", counts[0], counts[1]);
    assert!(counts[0] > 500 && counts[1] > 300, "{counts:?}");
}
