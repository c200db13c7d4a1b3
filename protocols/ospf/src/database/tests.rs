use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::lsa::{Freshness, Summary, build};

fn key(number: u8) -> LsaKey {
    LsaKey {
        kind: LsaType::Summary,
        id: [10, number, 0, 0].into(),
        router: [1, 1, 1, 1].into(),
    }
}

fn lsa(number: u8, age: u16, sequence: i32, metric: u32) -> Vec<u8> {
    let body = Summary {
        mask: [255, 255, 0, 0].into(),
        metric,
    };
    build(
        key(number),
        age,
        Options::EXTERNAL,
        SequenceNumber(sequence),
        |writer| {
            body.encode(writer);
        },
    )
}

fn install(database: &mut Database, lsa: &[u8], now: Time) -> Installed {
    let (raw, _) = RawLsa::split(lsa).unwrap();
    database.install(raw, now).unwrap()
}

#[test]
fn an_entry_takes_64_octets() {
    assert_eq!(size_of::<Option<Entry>>(), 64);
}

#[test]
fn lsas_age_with_the_clock_and_are_due_at_max_age() {
    let mut database = Database::new(Seed(1));
    let now = Time::from_millis(5_500);
    let Installed { slot, changed, .. } = install(&mut database, &lsa(1, 100, 1, 5), now);
    assert!(changed);
    let age = |database: &Database, at| database.header(slot, at).unwrap().age;
    assert_eq!(age(&database, now), 100);
    assert_eq!(age(&database, now + Duration::from_millis(999)), 100);
    assert_eq!(age(&database, now + Duration::from_secs(1)), 101);
    let end = now + Duration::from_secs(3500);
    assert_eq!(age(&database, end), MAX_AGE);
    assert_eq!(
        age(&database, end + Duration::from_secs(9)),
        MAX_AGE,
        "never more"
    );
    let due = database.next_due().unwrap();
    assert_eq!(due, Time::from_secs(3506), "the first whole second after it");
    assert_eq!(database.pop_due(end), None);
    assert_eq!(database.pop_due(due), Some(slot));
    assert_eq!(database.next_due(), None);
}

#[test]
fn a_boot_does_not_make_lsas_younger() {
    // The age is more than the time since the start of the clock.
    let mut database = Database::new(Seed(1));
    let slot = install(&mut database, &lsa(1, 3000, 1, 5), Time::ZERO).slot;
    assert_eq!(database.header(slot, Time::from_secs(10)).unwrap().age, 3010);
}

#[test]
fn what_changes_routes_and_what_does_not() {
    let mut database = Database::new(Seed(1));
    let now = Time::from_secs(100);
    let first = install(&mut database, &lsa(1, 0, 1, 5), now);
    for (lsa, changed) in [
        (lsa(1, 0, 2, 5), false),
        (lsa(1, 0, 3, 6), true),
        (lsa(1, MAX_AGE, 4, 6), true),
        (lsa(1, MAX_AGE, 5, 6), false),
        (lsa(1, 7, 6, 6), true),
    ] {
        let installed = install(&mut database, &lsa, now);
        assert_eq!(installed.slot, first.slot, "a new instance keeps its place");
        assert_eq!(installed.changed, changed, "{lsa:02x?}");
    }
    // What is new and already at its end changes nothing.
    assert!(!install(&mut database, &lsa(2, MAX_AGE, 1, 5), now).changed);
}

#[test]
fn what_is_sent_is_older_by_the_transit_time() {
    let mut database = Database::new(Seed(1));
    let now = Time::from_secs(100);
    let original = lsa(1, 10, 1, 5);
    let slot = install(&mut database, &original, now).slot;
    let write = |database: &Database, at: u64, transit| {
        let mut writer = Writer::new();
        let length = database.write(slot, Time::from_secs(at), transit, &mut writer);
        assert_eq!(length, original.len());
        writer.finish()
    };
    let sent = write(&database, 105, 2);
    assert_eq!(sent[..2], [0, 17]);
    assert_eq!(sent[2..], original[2..]);
    assert_eq!(write(&database, 3689, 5)[..2], MAX_AGE.to_be_bytes());
    assert!(database.flush(slot));
    assert!(!database.flush(slot));
    assert_eq!(write(&database, 105, 0)[..2], MAX_AGE.to_be_bytes());
    let mut writer = Writer::new();
    assert_eq!(database.write(Slot(9), now, 1, &mut writer), 0);
}

#[test]
fn bad_bodies_are_refused() {
    let mut database = Database::new(Seed(1));
    let short = build(key(1), 0, Options::default(), SequenceNumber(1), |writer| {
        writer.u32(0);
    });
    let (raw, _) = RawLsa::split(&short).unwrap();
    assert!(matches!(
        database.install(raw, Time::ZERO),
        Err(InstallError::Body(_))
    ));
    let mut unknown = lsa(1, 0, 1, 1);
    unknown[3] = 77;
    let (raw, _) = RawLsa::split(&unknown).unwrap();
    assert_eq!(database.install(raw, Time::ZERO), Err(InstallError::Type(77)));
    assert!(database.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Install {
        number: u8,
        age: u16,
        sequence: i32,
        metric: u8,
    },
    Remove(u8),
    Flush(u8),
    Hold(u8),
    Due {
        number: u8,
        after: u16,
    },
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0_u8..12;
    prop_oneof![
        4 => (number.clone(), 0..=MAX_AGE, 1..5_i32, 0..3_u8)
            .prop_map(|(number, age, sequence, metric)| Step::Install { number, age, sequence, metric }),
        1 => number.clone().prop_map(Step::Remove),
        1 => number.clone().prop_map(Step::Flush),
        1 => number.clone().prop_map(Step::Hold),
        1 => (number, 0..4000_u16).prop_map(|(number, after)| Step::Due { number, after }),
        1 => (0..2000_u16).prop_map(Step::Wait),
    ]
}

/// What a naive database knows of an LSA.
#[derive(Clone, Debug)]
struct Known {
    octets: Vec<u8>,
    at: u64,
    flushed: bool,
    held: u32,
    due: Option<u64>,
}

impl Known {
    fn age(&self, now: u64) -> u16 {
        let age = u64::from(u16::from_be_bytes([self.octets[0], self.octets[1]])) + now - self.at;
        if self.flushed {
            MAX_AGE
        } else {
            age.min(MAX_AGE.into()) as u16
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_a_plain_map(steps in prop::collection::vec(step(), 1..120)) {
        let mut database = Database::new(Seed(3));
        let mut model: BTreeMap<u8, Known> = BTreeMap::new();
        let mut now = 0_u64;
        for step in steps {
            let time = Time::from_secs(now);
            match step {
                Step::Install { number, age, sequence, metric } => {
                    let octets = lsa(number, age, sequence, metric.into());
                    let installed = install(&mut database, &octets, time);
                    let old = model.get(&number);
                    let changed = old.map_or(age < MAX_AGE, |old| {
                        old.octets[20..] != octets[20..] || (old.age(now) == MAX_AGE) != (age == MAX_AGE)
                    });
                    prop_assert_eq!(installed.changed, changed);
                    let held = old.map_or(0, |old| old.held);
                    let due = Some(now + u64::from(MAX_AGE - age));
                    model.insert(number, Known { octets, at: now, flushed: age == MAX_AGE, held, due });
                }
                Step::Remove(number) => {
                    if let Some(slot) = database.find(key(number)) {
                        while database.is_held(slot) {
                            database.release(slot);
                        }
                        database.remove(slot);
                    }
                    model.remove(&number);
                }
                Step::Flush(number) => {
                    let flushed = database.find(key(number)).is_some_and(|slot| database.flush(slot));
                    let expected = model.get_mut(&number).is_some_and(|known| {
                        !std::mem::replace(&mut known.flushed, true)
                    });
                    prop_assert_eq!(flushed, expected);
                }
                Step::Hold(number) => {
                    if let (Some(slot), Some(known)) = (database.find(key(number)), model.get_mut(&number)) {
                        database.hold(slot);
                        known.held += 1;
                    }
                }
                Step::Due { number, after } => {
                    if let (Some(slot), Some(known)) = (database.find(key(number)), model.get_mut(&number)) {
                        database.set_due(slot, time + Duration::from_secs(after.into()));
                        known.due = Some(now + u64::from(after));
                    }
                }
                Step::Wait(seconds) => {
                    now += u64::from(seconds);
                    let mut due = Vec::new();
                    while let Some(slot) = database.pop_due(Time::from_secs(now)) {
                        due.push(database.key(slot).unwrap().id.octets()[1]);
                    }
                    due.sort_unstable();
                    let mut expected = Vec::new();
                    for (number, known) in &mut model {
                        if known.due.is_some_and(|at| at <= now) {
                            known.due = None;
                            expected.push(*number);
                        }
                    }
                    prop_assert_eq!(due, expected);
                }
            }
            let time = Time::from_secs(now);
            prop_assert_eq!(database.len(), model.len());
            prop_assert_eq!(database.count(LsaType::Summary) as usize, model.len());
            prop_assert_eq!(database.slots().count(), model.len());
            let next = model.values().filter_map(|known| known.due).min();
            prop_assert_eq!(database.next_due(), next.map(Time::from_secs));
            let mut sum = 0_u32;
            for (number, known) in &model {
                let slot = database.find(key(*number)).unwrap();
                let header = database.header(slot, time).unwrap();
                let (raw, _) = RawLsa::split(&known.octets).unwrap();
                let expected = LsaHeader { age: known.age(now), ..raw.header().unwrap() };
                prop_assert_eq!(header, expected);
                prop_assert_eq!(header.freshness(&expected), Freshness::Same);
                prop_assert_eq!(database.body_octets(slot), Some(raw.body_octets()));
                prop_assert_eq!(database.is_held(slot), known.held > 0);
                sum = sum.wrapping_add(header.checksum.into());
            }
            prop_assert_eq!(database.checksum_sum(), sum);
        }
    }
}
