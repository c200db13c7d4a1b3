//! Changes at a time: made, refused, cancelled, and through restarts.

use std::time::Duration;

use serde_json::json;
use waypost_infobase::{BlockKey, Store as _};
use waypost_manager::{Edit, Scheduled, Terms};
use waypost_routprot::conformance::host::Request;
use waypost_routprot::{Refusal, Status};
use waypost_types::WallTime;

use crate::rig::{Rig, SAMPLE_METRIC, WALL, author, set};
use crate::sample::{SAMPLE, metric as metric_block};

impl Rig {
    fn order(&mut self, seconds: u64, edits: Vec<Edit>, terms: &Terms) -> Result<Scheduled, Vec<Refusal>> {
        let wall = self.wall();
        self.manager
            .schedule(self.now, wall, wall.0 + seconds, edits, &author(), terms)
            .map(|(scheduled, _)| scheduled)
    }
}

#[test]
fn changes_are_made_in_their_second() {
    let mut rig = Rig::with_sample();
    let wall = rig.wall();
    let (scheduled, plan) = rig
        .manager
        .schedule(
            rig.now,
            wall,
            WALL.0 + 90,
            vec![set(SAMPLE_METRIC, json!(5))],
            &author(),
            &Terms::default(),
        )
        .unwrap();
    assert_eq!(
        (scheduled.id, scheduled.at, plan.changes.len()),
        (1, WALL.0 + 90, 1)
    );
    rig.order(30, vec![set(SAMPLE_METRIC, json!(3))], &Terms::default())
        .unwrap();
    let waiting: Vec<u64> = rig.manager.scheduled().iter().map(|row| row.id).collect();
    assert_eq!(waiting, [2, 1], "in order of time");
    rig.wait(29);
    assert_eq!(rig.sample_metric(), Some(1));
    rig.wait(1);
    assert_eq!(rig.sample_metric(), Some(3));
    rig.wait(59);
    assert_eq!(rig.sample_metric(), Some(3));
    rig.wait(1);
    assert_eq!(rig.sample_metric(), Some(5));
    assert_eq!(rig.manager.scheduled(), []);
    let newest = rig.manager.revisions(1).unwrap().remove(0);
    assert_eq!((newest.author.as_str(), newest.note.as_str()), ("alice", "test"));
    assert_eq!(
        rig.manager.next_deadline(),
        None,
        "nothing is waited for any more"
    );
}

#[test]
fn what_is_refused_in_its_time_stays_to_be_seen() {
    let mut rig = Rig::with_sample();
    rig.order(10, vec![set(SAMPLE_METRIC, json!(5))], &Terms::default())
        .unwrap();
    rig.script(SAMPLE)
        .refuse(Status::ERROR_CAN_NOT_COMPLETE, |request| {
            matches!(request, Request::SetInterface { .. })
        });
    rig.wait(10);
    let rows = rig.manager.scheduled();
    assert_eq!(rows[0].refusals[0].status, Status::ERROR_CAN_NOT_COMPLETE);
    assert!(
        rig.manager
            .take_log()
            .join("\n")
            .contains("change 1 was due and is refused")
    );
    rig.wait(1000);
    assert_eq!(rig.sample_metric(), Some(1), "it is not tried again");
    let again = rig.restarted(5);
    assert_eq!(again.manager.scheduled(), rows);
    let wall = rig.wall();
    assert_eq!(rig.manager.cancel(rig.now, wall, 1).unwrap(), rows[0]);
    assert_eq!(rig.manager.scheduled(), []);
    assert_eq!(
        rig.manager.cancel(rig.now, wall, 1).unwrap_err().status,
        Status::ERROR_NOT_FOUND
    );
}

#[test]
fn a_restart_loses_none() {
    let mut rig = Rig::with_sample();
    rig.order(100, vec![set(SAMPLE_METRIC, json!(5))], &Terms::default())
        .unwrap();
    rig.order(500, vec![set(SAMPLE_METRIC, json!(6))], &Terms::default())
        .unwrap();
    // Before it is due, and a little late.
    let mut early = rig.restarted(40);
    assert_eq!(early.sample_metric(), Some(1));
    early.wait(60);
    assert_eq!(early.sample_metric(), Some(5));
    let mut late = rig.restarted(160);
    late.wait(0);
    assert_eq!(late.sample_metric(), Some(5));
    // Numbers are not given twice.
    let next = late
        .order(900, vec![set(SAMPLE_METRIC, json!(7))], &Terms::default())
        .unwrap();
    assert_eq!(next.id, 3);
    // Too late for the first.
    let mut days = rig.restarted(86_400);
    days.wait(0);
    assert_eq!(days.sample_metric(), Some(1));
    let rows = days.manager.scheduled();
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .all(|row| row.refusals[0].reason.contains("did not run")),
        "{rows:?}"
    );
}

/// The clock on the wall counts, also when it is set.
#[test]
fn a_clock_that_is_set_counts() {
    let mut rig = Rig::with_sample();
    rig.order(3600, vec![set(SAMPLE_METRIC, json!(5))], &Terms::default())
        .unwrap();
    rig.wait(10);
    rig.wall_at_zero = WallTime(rig.wall_at_zero.0 + 3580);
    rig.wait(31);
    assert_eq!(rig.sample_metric(), Some(5), "noticed within half a minute");
}

#[test]
fn they_may_be_on_trial() {
    let mut rig = Rig::with_sample();
    let terms = Terms {
        confirm_within: Some(Duration::from_secs(60)),
        seen: None,
    };
    rig.order(10, vec![set(SAMPLE_METRIC, json!(5))], &terms).unwrap();
    rig.wait(10);
    assert_eq!(rig.sample_metric(), Some(5));
    assert!(rig.manager.on_trial(rig.wall()).is_some());
    rig.wait(60);
    assert_eq!(rig.sample_metric(), Some(1));
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let mut rig = Rig::with_sample();
    let none = Terms::default();
    let change = || vec![set(SAMPLE_METRIC, json!(5))];
    for seconds in [0, 400 * 86_400] {
        let refused = rig.order(seconds, change(), &none).unwrap_err();
        assert_eq!(
            (refused[0].path.as_str(), refused[0].status),
            ("at", Status::ERROR_INVALID_PARAMETER)
        );
    }
    let wrong = rig
        .order(10, vec![set(SAMPLE_METRIC, json!("x"))], &none)
        .unwrap_err();
    assert_eq!(wrong[0].path, SAMPLE_METRIC);
    let seen = Terms {
        seen: Some(1),
        ..none
    };
    assert!(rig.order(10, change(), &seen).is_err());
    let window = Terms {
        confirm_within: Some(Duration::ZERO),
        ..none
    };
    assert_eq!(
        rig.order(10, change(), &window).unwrap_err()[0].path,
        "confirm-within"
    );
    let block = vec![Edit::Block(
        BlockKey::interface("eth0", SAMPLE),
        Some(metric_block(4)),
    )];
    let refused = rig.order(10, block, &none).unwrap_err();
    assert_eq!(refused[0].status, Status::ERROR_NOT_SUPPORTED);
    for _ in 0..64 {
        rig.order(10, change(), &none).unwrap();
    }
    let full = rig.order(10, change(), &none).unwrap_err();
    assert_eq!(full[0].status, Status::ERROR_NO_SYSTEM_RESOURCES);
    assert_eq!(
        rig.store
            .get()
            .private_get_all(waypost_types::ProtocolId::ROUTER_MANAGER)
            .unwrap()
            .len(),
        64
    );
}
