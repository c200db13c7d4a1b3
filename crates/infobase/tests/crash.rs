//! Power cuts at every write and every sync: nothing acknowledged is lost, nothing is ever half there.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[allow(dead_code, reason = "each test uses a part of it")]
mod disk;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "disk/life.rs"]
mod life;

use disk::{Disk, Op, power_cut, put};
use life::{HISTORY, Known, Life, check, live, open};
use waypost_infobase::{BlockKey, Origin, Store as _};
use waypost_routprot::InfoBlock;
use waypost_types::{ProtocolId, Random, Seed};

/// What came of many crash images.
#[derive(Debug, Default)]
struct Tally {
    images: usize,
    /// Images in which an unanswered confirm had taken effect, and in which it had not.
    ahead: usize,
    behind: usize,
    failures: Vec<String>,
}

/// Cuts the power after every operation of a life, `per_cut` times each.
fn crash_everywhere(life: &Life, per_cut: usize, random: &mut Random) -> Tally {
    let mut tally = Tally::default();
    let (mut durable, ops) = life.disk.tape();
    let mut synced = 0;
    for cut in 0..=ops.len() {
        let known = life.at(cut);
        for _ in 0..per_cut {
            let image = power_cut(&durable, &ops[synced..cut], random);
            crash_once(image, known, random, &mut tally, &format!("cut {cut}"));
        }
        if let Some(Op::Sync) = ops.get(cut) {
            for op in &ops[synced..cut] {
                put(&mut durable, op);
            }
            synced = cut + 1;
        }
    }
    tally
}

fn crash_once(image: Vec<u8>, known: &Known, random: &mut Random, tally: &mut Tally, place: &str) {
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
    // Another cut while that start was recovering. What it found was on the disk, so it is no longer in doubt.
    if random.chance(1, 6) {
        let (start, ops) = disk.tape();
        let cut = random.below(ops.len() as u64 + 1) as usize;
        let synced = ops[..cut]
            .iter()
            .rposition(|op| matches!(op, Op::Sync))
            .map_or(0, |at| at + 1);
        let mut durable = start;
        for op in &ops[..synced] {
            put(&mut durable, op);
        }
        let image = power_cut(&durable, &ops[synced..cut], random);
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
        let number = store.begin(Origin::default(), &[]).unwrap();
        store.confirm(number).unwrap();
        assert_eq!(store.head().unwrap().number, number);
    }
}

#[test]
fn a_power_cut_never_loses_or_mixes_a_revision() {
    let mut images = 0;
    let (mut ahead, mut behind) = (0, 0);
    for run in 0..2 {
        let seed = Seed(0x1F0).nth(run);
        let life = live(40, &mut seed.child("life").random(), Disk::default());
        let tally = crash_everywhere(&life, 2, &mut seed.child("cuts").random());
        assert!(tally.failures.is_empty(), "seed {seed:?}: {:#?}", tally.failures);
        images += tally.images;
        ahead += tally.ahead;
        behind += tally.behind;
    }
    println!("{images} crash images, in-doubt confirms: {ahead} took effect, {behind} did not");
    assert!(images > 2000, "only {images} crash images");
    // Both outcomes of a confirm in doubt must have been seen, or the images are not cut finely enough.
    assert!(ahead > 0 && behind > 0, "{ahead} ahead, {behind} behind");
}

/// What a cut in the middle of these writes may leave when only one thing goes wrong: each write alone lost, alone kept, torn
/// in either half among the others, and the last to come, half done; and all of them, in the reverse order.
fn single_faults<'t>(durable: &'t [u8], writes: &'t [Op]) -> impl Iterator<Item = (String, Vec<u8>)> + 't {
    let image = move |parts: &mut dyn Iterator<Item = Op>| {
        let mut image = durable.to_vec();
        for op in parts {
            put(&mut image, &op);
        }
        image
    };
    let halves = |op: &Op| match op {
        Op::Write(offset, octets) if octets.len() > 1 => {
            let (first, second) = octets.split_at(octets.len() / 2);
            let rest = Op::Write(offset + first.len() as u64, second.to_vec());
            vec![Op::Write(*offset, first.to_vec()), rest]
        }
        _ => Vec::new(),
    };
    let others = move |place: usize| {
        let there = move |(at, op): (usize, &'t Op)| (at != place).then(|| op.clone());
        writes.iter().enumerate().filter_map(there)
    };
    let single = writes.iter().enumerate().flat_map(move |(place, op)| {
        let mut images = vec![
            (format!("write {place} lost"), image(&mut others(place))),
            (
                format!("only write {place} kept"),
                image(&mut std::iter::once(op.clone())),
            ),
        ];
        for (number, half) in halves(op).into_iter().enumerate() {
            let torn = writes.iter().enumerate();
            let mut torn = torn.map(|(at, op)| if at == place { half.clone() } else { op.clone() });
            images.push((
                format!("write {place} torn, half {number} kept"),
                image(&mut torn),
            ));
            let mut cut = writes.iter().take(place).cloned().chain([half]);
            images.push((
                format!("cut in write {place}, half {number} done"),
                image(&mut cut),
            ));
        }
        images
    });
    let reverse = move || {
        (
            "the reverse order".to_owned(),
            image(&mut writes.iter().rev().cloned()),
        )
    };
    single.chain(std::iter::once_with(reverse))
}

/// Chance decides what the store lives through here, but not where it is cut.
#[test]
fn no_single_fault_between_two_syncs_loses_or_mixes_a_revision() {
    let life = live(14, &mut Seed(0x51F).random(), Disk::default());
    let (mut durable, ops) = life.disk.tape();
    let (mut synced, mut images, mut syncs) = (0, 0, 0);
    let mut failures = Vec::new();
    for (cut, op) in ops.iter().enumerate() {
        if !matches!(op, Op::Sync) {
            continue;
        }
        let known = life.at(cut);
        for (fault, image) in single_faults(&durable, &ops[synced..cut]) {
            images += 1;
            if let Err(failure) = check(&Disk::holding(image), known) {
                failures.push(format!("before sync {syncs}, {fault}: {failure}"));
            }
        }
        for op in &ops[synced..cut] {
            put(&mut durable, op);
        }
        (synced, syncs) = (cut + 1, syncs + 1);
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
        let length = if revision == 0 { 5_000_000 } else { 40 };
        let key = BlockKey::interface("eth0", ProtocolId::RIP);
        let changes = [(key, Some(InfoBlock::new(1, vec![revision as u8; length])))];
        let number = store.begin(Origin::default(), &changes).unwrap();
        store.confirm(number).unwrap();
        let meta = store.head().unwrap().clone();
        known.revisions.push((meta, store.running().as_ref().clone()));
    }
    drop(store);

    let long = disk.octets();
    let shrinking = Disk::holding(long.clone());
    drop(open(&shrinking).unwrap());
    assert!(shrinking.octets().len() < long.len() / 4, "nothing was compacted");
    let (start, ops) = shrinking.tape();
    let mut tally = Tally::default();
    for _ in 0..60 {
        let cut = random.below(ops.len() as u64 + 1) as usize;
        let synced = ops[..cut]
            .iter()
            .rposition(|op| matches!(op, Op::Sync))
            .map_or(0, |at| at + 1);
        let mut durable = start.clone();
        for op in &ops[..synced] {
            put(&mut durable, op);
        }
        let image = power_cut(&durable, &ops[synced..cut], &mut random);
        crash_once(
            image,
            &known,
            &mut random,
            &mut tally,
            &format!("cut {cut} of {}", ops.len()),
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
