//! Power cuts at every write and every sync: nothing acknowledged is lost, nothing is ever half there.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[allow(dead_code, reason = "each test uses a part of it")]
mod disk;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "disk/life.rs"]
mod life;

use disk::{Disk, Image, Op, power_cut};
use life::{HISTORY, Known, Life, check, live, open};
use waypost_infobase::{BlockKey, Change, Origin, Store as _, TrialChange};
use waypost_routprot::InfoBlock;
use waypost_types::{ProtocolId, Random, Seed};

/// What came of many crash images.
#[derive(Debug, Default)]
struct Tally {
    images: usize,
    /// Images in which an unanswered confirm had taken effect, and in which it had not.
    ahead: usize,
    behind: usize,
    /// Images in which a trial was on.
    on_trial: usize,
    failures: Vec<String>,
}

/// Cuts the power after every operation of a life, `per_cut` times each.
fn crash_everywhere(life: &Life, per_cut: usize, random: &mut Random) -> Tally {
    let mut tally = Tally::default();
    for (cut, (durable, unsynced)) in life.disk.tape().states().enumerate() {
        let known = life.at(cut);
        for _ in 0..per_cut {
            let image = power_cut(&durable, &unsynced, random);
            crash_once(image, known, random, &mut tally, &format!("cut {cut}"));
        }
    }
    tally
}

fn crash_once(image: Image, known: &Known, random: &mut Random, tally: &mut Tally, place: &str) {
    tally.images += 1;
    let disk = Disk::holding(image);
    let found = match check(&disk, known) {
        Ok(found) => found,
        Err(failure) => return tally.failures.push(format!("{place}: {failure}")),
    };
    if known.confirming.is_some() {
        let ahead = found.revisions.len() > known.revisions.len();
        *(if ahead {
            &mut tally.ahead
        } else {
            &mut tally.behind
        }) += 1;
    }
    tally.on_trial += usize::from(found.trial.is_some());
    // Another cut while that start was recovering. What it found was on the disk, so it is no longer in doubt.
    if random.chance(1, 6) {
        let tape = disk.tape();
        let cut = random.below(tape.ops.len() as u64 + 1) as usize;
        let (durable, unsynced) = tape.at(cut);
        let image = power_cut(&durable, &unsynced, random);
        tally.images += 1;
        if let Err(failure) = check(&Disk::holding(image), &found) {
            tally
                .failures
                .push(format!("{place}, recovery cut at {cut}: {failure}"));
        }
    }
    // The recovered store is not only readable.
    if random.chance(1, 10) {
        let mut store = open(&disk).unwrap();
        let number = store.begin(Origin::default(), [].into()).unwrap();
        store.confirm(number).unwrap();
        assert_eq!(store.head().unwrap().number, number);
    }
}

#[test]
fn a_power_cut_never_loses_or_mixes_a_revision() {
    let mut images = 0;
    let (mut ahead, mut behind, mut on_trial) = (0, 0, 0);
    for run in 0..2 {
        let seed = Seed(0x1F0).nth(run);
        let life = live(40, &mut seed.child("life").random(), Disk::default());
        let tally = crash_everywhere(&life, 2, &mut seed.child("cuts").random());
        assert!(tally.failures.is_empty(), "seed {seed:?}: {:#?}", tally.failures);
        images += tally.images;
        ahead += tally.ahead;
        behind += tally.behind;
        on_trial += tally.on_trial;
    }
    assert!(on_trial > 500, "a trial was on in only {on_trial} images");
    println!(
        "{images} crash images, {on_trial} on trial, in-doubt confirms: {ahead} took effect, {behind} did not"
    );
    assert!(images > 2000, "only {images} crash images");
    // Both outcomes of a confirm in doubt must have been seen, or the images are not cut finely enough.
    assert!(ahead > 0 && behind > 0, "{ahead} ahead, {behind} behind");
}

/// What a cut in the middle of these writes may leave when only one thing goes wrong: each write alone lost, alone kept, torn
/// in either half among the others, and the last to come, half done; and all of them, in the reverse order.
fn single_faults<'t>(durable: &'t Image, writes: &'t [&'t Op]) -> impl Iterator<Item = (String, Image)> + 't {
    let image = move |parts: &mut dyn Iterator<Item = Op>| {
        let mut image = durable.clone();
        for op in parts {
            image.put(&op);
        }
        image
    };
    let others = move |place: usize| {
        let there = move |(at, op): (usize, &&'t Op)| (at != place).then(|| (*op).clone());
        writes.iter().enumerate().filter_map(there)
    };
    let single = writes.iter().enumerate().flat_map(move |(place, op)| {
        let mut images = vec![
            (format!("write {place} lost"), image(&mut others(place))),
            (
                format!("only write {place} kept"),
                image(&mut std::iter::once((*op).clone())),
            ),
        ];
        for (number, half) in op.halves().into_iter().enumerate() {
            let torn = writes.iter().enumerate();
            let mut torn = torn.map(|(at, op)| if at == place { half.clone() } else { (*op).clone() });
            images.push((
                format!("write {place} torn, half {number} kept"),
                image(&mut torn),
            ));
            let mut cut = writes
                .iter()
                .take(place)
                .map(|op| (*op).clone())
                .chain([half.clone()]);
            images.push((
                format!("cut in write {place}, half {number} done"),
                image(&mut cut),
            ));
        }
        images
    });
    let reverse = move || {
        let mut reversed = writes.iter().rev().map(|op| (*op).clone());
        ("the reverse order".to_owned(), image(&mut reversed))
    };
    single.chain(std::iter::once_with(reverse))
}

/// Chance decides what the store lives through here, but not where it is cut.
#[test]
fn no_single_fault_between_two_syncs_loses_or_mixes_a_revision() {
    let life = live(14, &mut Seed(0x51F).random(), Disk::default());
    let tape = life.disk.tape();
    let (mut images, mut syncs) = (0, 0);
    let mut failures = Vec::new();
    for (cut, (durable, unsynced)) in tape.states().enumerate() {
        if !tape.ops.get(cut).is_some_and(Op::is_sync) {
            continue;
        }
        let known = life.at(cut);
        for (fault, image) in single_faults(&durable, &unsynced) {
            images += 1;
            if let Err(failure) = check(&Disk::holding(image), known) {
                failures.push(format!("before sync {syncs}, {fault}: {failure}"));
            }
        }
        syncs += 1;
    }
    assert!(failures.is_empty(), "{failures:#?}");
    println!("{images} crash images before {syncs} syncs");
    assert!(images > 500 && syncs > 15, "{images} images, {syncs} syncs");
}

/// A start that makes the file smaller moves every page; cut anywhere, it loses nothing either.
#[test]
fn a_power_cut_while_the_file_shrinks_loses_nothing() {
    let seed = Seed(0x5B);
    let mut random = seed.random();
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let mut known = Known::default();
    // Large blocks first, then enough small revisions to push them out of the history.
    for revision in 0..HISTORY + 2 {
        let key = |number: u64| BlockKey::interface(format!("eth{number}"), ProtocolId::RIP);
        let block = |length| Some(InfoBlock::new(1, vec![revision as u8; length]));
        let changes: Vec<Change> = match revision {
            0 => (0..20).map(|number| (key(number), block(300_000))).collect(),
            1 => (0..20).map(|number| (key(number), None)).collect(),
            _ => vec![(key(revision), block(40))],
        };
        let number = store.begin(Origin::default(), changes.into()).unwrap();
        store.confirm(number).unwrap();
        let meta = store.head().unwrap().clone();
        known.confirming = Some((meta, store.running().as_ref().clone(), TrialChange::None));
        known = known.confirmed();
    }
    // Killed: a store that is closed leaves no free space at its end.
    let long = disk.image();
    drop(store);

    let shrinking = Disk::holding(long.clone());
    drop(open(&shrinking).unwrap());
    assert!(
        shrinking.image().infobase.len() < long.infobase.len() / 4,
        "nothing was compacted: {} octets became {}",
        long.infobase.len(),
        shrinking.image().infobase.len()
    );
    let tape = shrinking.tape();
    let mut tally = Tally::default();
    for _ in 0..40 {
        let cut = random.below(tape.ops.len() as u64 + 1) as usize;
        let (durable, unsynced) = tape.at(cut);
        let image = power_cut(&durable, &unsynced, &mut random);
        crash_once(
            image,
            &known,
            &mut random,
            &mut tally,
            &format!("cut {cut} of {}", tape.ops.len()),
        );
    }
    assert!(tally.failures.is_empty(), "{:#?}", tally.failures);
}

/// The control: the same checker over a disk that drops one sync in four.
#[test]
fn the_checker_catches_a_disk_that_lies() {
    let seed = Seed(0x11E);
    let disk = Disk::default();
    disk.lie(seed.child("lies"));
    let life = live(25, &mut seed.child("life").random(), disk);
    let tally = crash_everywhere(&life, 1, &mut seed.child("cuts").random());
    println!("{} of {} images caught", tally.failures.len(), tally.images);
    assert!(!tally.failures.is_empty(), "the checker believes everything");
    assert!(
        tally.failures.iter().any(|failure| failure.contains("head is")),
        "no lost acknowledged revision among {:#?}",
        tally.failures
    );
}
