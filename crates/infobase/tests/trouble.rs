//! Full disks, failing devices, damaged, foreign and newer files.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[allow(dead_code, reason = "each test uses a part of it")]
mod disk;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "disk/life.rs"]
mod life;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use disk::{Disk, Image, TestMedium};
use life::{HISTORY, Known, check, live, open};
use redb::{Database, TableDefinition};
use waypost_infobase::{
    BlockKey, CANDIDATE_FILE_NAME, Change, FILE_NAME, FORMAT_VERSION, FileStore, Origin, Store, StoreError,
    Tree, Trial, TrialChange,
};
use waypost_routprot::{InfoBlock, Status};
use waypost_types::{ProtocolId, Seed, WallTime};

fn block_of(octet: u8, length: usize) -> Change {
    let key = BlockKey::interface(format!("eth{octet}"), ProtocolId::RIP);
    (key, Some(InfoBlock::new(1, vec![octet; length])))
}

fn trial(back_to: u64) -> Trial {
    Trial {
        back_to: Some(back_to),
        begun: WallTime(100),
        until: WallTime(160),
    }
}

/// Every failing point of begin and confirm: refused, unchanged, and usable as soon as the device is.
fn fails_anywhere(kind: ErrorKind, expected: Status, retry: bool) {
    for allowed in 0.. {
        let disk = Disk::default();
        let mut store = open(&disk).unwrap();
        let first = store.begin(Origin::default(), [block_of(1, 50)].into()).unwrap();
        store.confirm(first).unwrap();
        let before = Arc::clone(store.running());

        let on_trial = TrialChange::Begin(trial(first));
        disk.fail_after(allowed, kind);
        let outcome = store
            .begin(Origin::default(), [block_of(2, 50)].into())
            .and_then(|number| store.confirm_with(number, on_trial).map(|()| number));
        let untroubled = disk.refused() == 0;
        match &outcome {
            Ok(_) => {
                assert!(
                    untroubled,
                    "acknowledged although the device failed after {allowed}"
                );
            }
            Err(error) => {
                assert_eq!(error.status(), expected, "{error}");
                assert_eq!(*store.running(), before, "after {allowed}");
                assert_eq!(store.head().unwrap().number, first);
                assert_eq!(store.trial(), None);
                // Still failing: a second attempt is refused in the same way.
                let pending = store.begin(Origin::default(), [].into()).unwrap_err();
                if let StoreError::Pending { number } = pending {
                    assert_eq!(store.confirm(number).unwrap_err().status(), expected);
                } else {
                    assert_eq!(pending.status(), expected);
                }
                disk.heal();
                let pending = match store.begin(Origin::default(), [block_of(2, 50)].into()) {
                    Err(StoreError::Pending { number }) => number,
                    begun => begun.unwrap(),
                };
                if retry {
                    store.confirm_with(pending, on_trial).unwrap();
                } else {
                    // A confirm that the disk kept although its sync failed must not come back.
                    store.abandon(pending).unwrap();
                }
            }
        }
        let mut running = Tree::clone(&before);
        if untroubled || retry {
            let (key, block) = block_of(2, 50);
            running.insert(key, block.unwrap());
        }
        let head = store.head().cloned();
        let on = (untroubled || retry).then(|| trial(first));
        assert_eq!(**store.running(), running);
        assert_eq!(store.trial(), on.as_ref());
        assert_eq!(store.revision(first).unwrap(), *before);
        drop(store);
        disk.heal();
        let mut store = open(&disk).unwrap();
        assert_eq!(**store.running(), running, "on the disk, after {allowed}");
        assert_eq!(store.head(), head.as_ref());
        assert_eq!(store.trial(), on.as_ref());
        assert_eq!(store.revision(first).unwrap(), *before);
        if untroubled {
            assert!(allowed > 10, "begin and confirm took only {allowed} operations");
            return;
        }
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    for retry in [true, false] {
        fails_anywhere(ErrorKind::StorageFull, Status::ERROR_DISK_FULL, retry);
    }
}

#[test]
fn a_failing_device_changes_nothing() {
    for retry in [true, false] {
        fails_anywhere(ErrorKind::Other, Status::ERROR_CAN_NOT_COMPLETE, retry);
    }
}

/// Wherever the device fails, the trial is on until its end is acknowledged, in memory and on the disk.
#[test]
fn a_trial_that_can_not_be_ended_is_still_on() {
    for allowed in 0.. {
        let disk = Disk::default();
        let mut store = open(&disk).unwrap();
        let number = store.begin(Origin::default(), [block_of(1, 50)].into()).unwrap();
        let on = Trial {
            back_to: None,
            ..trial(0)
        };
        store.confirm_with(number, TrialChange::Begin(on)).unwrap();
        disk.fail_after(allowed, ErrorKind::Other);
        let ended = store.end_trial();
        let untroubled = disk.refused() == 0;
        assert_eq!(ended.is_ok(), untroubled, "after {allowed}");
        disk.heal();
        let expected = (!untroubled).then_some(on);
        assert_eq!(store.trial(), expected.as_ref(), "after {allowed}");
        // Reading opens the file anew, which takes back what the disk kept of the attempt.
        assert_eq!(store.revisions(9).unwrap().len(), 1);
        drop(store);
        let store = open(&disk).unwrap();
        assert_eq!(store.trial(), expected.as_ref(), "on the disk, after {allowed}");
        if untroubled {
            assert!(allowed > 3, "the end of a trial took only {allowed} operations");
            return;
        }
    }
}

/// The history keeps what a trial may return to, however long it is.
#[test]
fn a_trial_keeps_its_way_back() {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let mut confirm = |octet: u8, trial: TrialChange| {
        let number = store
            .begin(Origin::default(), [block_of(octet, 20)].into())
            .unwrap();
        store.confirm_with(number, trial).unwrap();
        (
            number,
            Tree::clone(store.running()),
            store.revisions(100).unwrap().len() as u64,
        )
    };
    let (base, tree, _) = confirm(1, TrialChange::None);
    confirm(2, TrialChange::Begin(trial(base)));
    let (_, _, kept) = (3..HISTORY as u8 + 9)
        .map(|octet| confirm(octet, TrialChange::None))
        .last()
        .unwrap();
    assert_eq!(kept, HISTORY + 8);
    assert_eq!(store.revision(base).unwrap(), tree);
    store.end_trial().unwrap();
    let number = store.begin(Origin::default(), [block_of(99, 20)].into()).unwrap();
    store.confirm(number).unwrap();
    assert_eq!(store.revisions(100).unwrap().len() as u64, HISTORY);
}

#[test]
fn a_router_starts_on_a_full_disk() {
    let life = live(12, &mut Seed(3).random(), Disk::default());
    let known: Known = life.known.last().unwrap().1.clone();
    // Killed, so that the start has to recover, which writes.
    let disk = Disk::holding(life.disk.image());
    let mut store = open(&disk).unwrap();
    let pending = store.begin(Origin::default(), [block_of(9, 9)].into()).unwrap();
    let killed = Disk::holding(disk.image());
    drop(store);

    killed.fail_after(0, ErrorKind::StorageFull);
    check(&killed, &known).unwrap();
    let mut store = open(&killed).unwrap();
    assert_eq!(store.pending_at_start().unwrap().number, pending);
    let refused = store
        .begin(Origin::default(), [block_of(9, 9)].into())
        .unwrap_err();
    assert_eq!(refused.status(), Status::ERROR_DISK_FULL);
    killed.heal();
    let number = store.begin(Origin::default(), [block_of(9, 9)].into()).unwrap();
    store.confirm(number).unwrap();
    drop(store);
    assert_eq!(open(&killed).unwrap().head().unwrap().number, number);
}

#[test]
fn an_abandon_that_the_disk_refuses_is_an_abandon() {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let number = store.begin(Origin::default(), [block_of(1, 9)].into()).unwrap();
    disk.fail_after(0, ErrorKind::StorageFull);
    assert_eq!(
        store.abandon(number).unwrap_err().status(),
        Status::ERROR_DISK_FULL
    );
    assert_eq!(store.confirm(number), Err(StoreError::NotPending { number }));
    disk.heal();
    let next = store.begin(Origin::default(), [].into()).unwrap();
    assert!(next > number);
    store.confirm(next).unwrap();
    assert!(store.running().is_empty());
}

/// Flipped octets anywhere: refused with not one octet written, or, where nothing that counts was hit, all is there.
#[test]
fn damage_is_refused_and_never_written_over() {
    let seed = Seed(0xDA);
    let life = live(15, &mut seed.child("life").random(), Disk::default());
    let known = &life.known.last().unwrap().1;
    let whole = life.disk.image().infobase;
    let mut random = seed.child("damage").random();
    let (mut refused, mut harmless) = (0, 0);
    // redb asserts on some damage; the store turns that into an error, so the message would only be noise here.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut wrong = Vec::new();
    for round in 0..400 {
        let mut image = whole.clone();
        if round % 20 == 0 {
            image.truncate(random.below(image.len() as u64 - 1) as usize + 1);
        } else {
            // Mostly where there is something.
            let end = if round % 2 == 0 {
                8 * 4096
            } else {
                image.len() as u64
            };
            let at = random.below(end) as usize;
            let to = (at + 1 + random.below(40) as usize).min(image.len());
            for octet in &mut image[at..to] {
                *octet ^= 1 + random.below(255) as u8;
            }
        }
        let disk = Disk::with_infobase(image.clone());
        match open(&disk) {
            Err(error) => {
                refused += 1;
                if error.status() != Status::ERROR_INVALID_DATA || disk.image().infobase != image {
                    wrong.push(format!("round {round}: {error}"));
                }
            }
            Ok(store) => {
                drop(store);
                harmless += 1;
                if let Err(failure) = check(&disk, known) {
                    wrong.push(format!("round {round}: opened, but {failure}"));
                }
            }
        }
    }
    std::panic::set_hook(hook);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        refused > 40 && harmless > 0,
        "{refused} refused, {harmless} harmless"
    );
}

fn database_with(make: impl FnOnce(&redb::WriteTransaction)) -> Disk {
    let disk = Disk::default();
    let database = Database::builder()
        .create_with_backend(disk.infobase_file())
        .unwrap();
    let transaction = database.begin_write().unwrap();
    make(&transaction);
    transaction.commit().unwrap();
    drop(database);
    Disk::holding(disk.image())
}

#[test]
fn a_newer_format_and_a_foreign_file_are_left_alone() {
    let format: TableDefinition<'_, &str, u64> = TableDefinition::new("format");
    let newer = database_with(|transaction| {
        transaction
            .open_table(format)
            .unwrap()
            .insert("version", FORMAT_VERSION + 6)
            .unwrap();
    });
    let before = newer.image();
    let error = open(&newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/test/infobase.redb: written in format 9, but this version reads formats up to 3"
    );
    assert_eq!(error.status(), Status::ERROR_INVALID_DATA);
    assert!(newer.image() == before, "a newer file was written to");

    let other: TableDefinition<'_, u64, u64> = TableDefinition::new("accounts");
    let foreign = database_with(|transaction| drop(transaction.open_table(other).unwrap()));
    for image in [
        foreign.image().infobase,
        b"# not a database\n".to_vec(),
        vec![0; 5000],
    ] {
        let disk = Disk::with_infobase(image.clone());
        let error = open(&disk).unwrap_err();
        assert!(
            matches!(&error, StoreError::Unreadable { path, .. } if path.ends_with(FILE_NAME)),
            "{error}"
        );
        assert!(disk.image().infobase == image);
    }
}

/// In the first format the candidate was a row of the infobase.
#[test]
fn a_file_of_the_first_format_is_taken_over() {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let number = store.begin(Origin::default(), [block_of(1, 9)].into()).unwrap();
    store.confirm(number).unwrap();
    let (running, head) = (Arc::clone(store.running()), store.head().cloned());
    drop(store);

    let database = Database::builder()
        .create_with_backend(disk.infobase_file())
        .unwrap();
    let transaction = database.begin_write().unwrap();
    let format: TableDefinition<'_, &str, u64> = TableDefinition::new("format");
    let pending: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pending");
    let candidate = [
        &7_u64.to_le_bytes()[..],
        &99_u64.to_le_bytes(),
        &[3, 0, 0, 0, 0, 0, 0, 0],
        b"ann",
        &[0; 9],
    ];
    for (name, value) in [("version", 1), ("last-number", 7)] {
        transaction
            .open_table(format)
            .unwrap()
            .insert(name, value)
            .unwrap();
    }
    transaction
        .open_table(pending)
        .unwrap()
        .insert(7, candidate.concat().as_slice())
        .unwrap();
    transaction.commit().unwrap();
    drop(database);

    for start in 0..2 {
        let mut store = open(&Disk::with_infobase(disk.image().infobase)).unwrap();
        let left = store.pending_at_start().cloned();
        assert_eq!(
            left.map(|meta| (meta.number, meta.author)),
            (start == 0).then(|| (7, "ann".to_owned()))
        );
        assert_eq!((store.running(), store.head()), (&running, head.as_ref()));
        assert_eq!(store.begin(Origin::default(), [].into()).unwrap(), 8);
        // The first start made it a file of this format.
        drop(open(&disk).unwrap());
    }
}

/// Before the third format there were no trials.
#[test]
fn a_file_of_the_second_format_is_taken_over() {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let first = store.begin(Origin::default(), [block_of(1, 9)].into()).unwrap();
    store.confirm(first).unwrap();
    let running = Arc::clone(store.running());
    drop(store);
    let database = Database::builder()
        .create_with_backend(disk.infobase_file())
        .unwrap();
    let transaction = database.begin_write().unwrap();
    let format: TableDefinition<'_, &str, u64> = TableDefinition::new("format");
    let trials: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("trial");
    transaction
        .open_table(format)
        .unwrap()
        .insert("version", 2)
        .unwrap();
    assert!(transaction.delete_table(trials).unwrap());
    transaction.commit().unwrap();
    drop(database);

    let mut store = open(&disk).unwrap();
    assert_eq!((store.running(), store.trial()), (&running, None));
    let number = store.begin(Origin::default(), [block_of(2, 9)].into()).unwrap();
    store
        .confirm_with(number, TrialChange::Begin(trial(first)))
        .unwrap();
    drop(store);
    assert_eq!(open(&disk).unwrap().trial(), Some(&trial(first)));
}

/// Only the infobase counts; of the candidate nothing is lost that anyone was promised.
#[test]
fn a_candidate_that_is_damaged_or_gone_is_none() {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let number = store.begin(Origin::default(), [block_of(1, 900)].into()).unwrap();
    drop(store);
    let whole = disk.image();
    assert_eq!(
        open(&Disk::holding(whole.clone()))
            .unwrap()
            .pending_at_start()
            .map(|meta| meta.number),
        Some(number)
    );
    let mut images: Vec<Vec<u8>> = [0, 1, 16, 48, 60, 700]
        .map(|at| {
            let mut octets = whole.candidate.clone();
            octets[at] ^= 0x10;
            octets
        })
        .into();
    images.extend([0, 10, 47, 48, 500].map(|length| whole.candidate[..length].to_vec()));
    images.push(vec![0xFF; 5000]);
    for candidate in images {
        let disk = Disk::holding(Image {
            candidate,
            ..whole.clone()
        });
        let mut store = open(&disk).unwrap();
        assert_eq!(store.pending_at_start(), None);
        let number = store.begin(Origin::default(), [block_of(1, 9)].into()).unwrap();
        store.confirm(number).unwrap();
        drop(store);
        let store = open(&disk).unwrap();
        assert_eq!(store.pending_at_start(), None);
        assert_eq!(store.head().unwrap().number, number);
    }
}

/// A number is given out once, also when its candidate was abandoned, or left by a crash, and its file is lost.
#[test]
fn no_number_is_given_out_twice() {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let first = store.begin(Origin::default(), [].into()).unwrap();
    store.abandon(first).unwrap();
    let second = store.begin(Origin::default(), [].into()).unwrap();
    drop(store);
    drop(open(&disk).unwrap());
    let mut store = open(&Disk::with_infobase(disk.image().infobase)).unwrap();
    let third = store.begin(Origin::default(), [].into()).unwrap();
    assert!(first < second && second < third, "{first} {second} {third}");
}

#[test]
fn a_directory_holds_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let candidate = directory.path().join(CANDIDATE_FILE_NAME);
    let mode_of = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mode = || (mode_of(&path), mode_of(&candidate));
    let mut store = FileStore::open(directory.path()).unwrap();
    assert_eq!(mode(), (0o600, 0o600));
    let number = store.begin(Origin::default(), [block_of(1, 9)].into()).unwrap();
    store.confirm(number).unwrap();
    store
        .private_put(ProtocolId::OSPF, b"sequence", Some(vec![1, 2]))
        .unwrap();

    let error = FileStore::open(directory.path()).unwrap_err();
    assert_eq!(error, StoreError::InUse { path: path.clone() });
    drop(store);

    // A copy restored by hand, open to all, is closed again.
    for path in [&path, &candidate] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let mut store = FileStore::open(directory.path()).unwrap();
    assert_eq!(mode(), (0o600, 0o600));
    assert_eq!(store.running().len(), 1);
    assert_eq!(
        store.private_get_all(ProtocolId::OSPF).unwrap()[&b"sequence"[..]],
        [1, 2]
    );
    assert!(store.private_get_all(ProtocolId::RIP).unwrap().is_empty());
    store.private_put(ProtocolId::OSPF, b"sequence", None).unwrap();
    assert!(store.private_get_all(ProtocolId::OSPF).unwrap().is_empty());
    drop(store);

    fs::write(&path, []).unwrap();
    let error = FileStore::open(directory.path()).unwrap_err();
    assert_eq!(error.status(), Status::ERROR_INVALID_DATA, "{error}");
    assert!(
        fs::read(&path).unwrap().is_empty(),
        "an emptied file must not become a new store"
    );

    let error = FileStore::open(&directory.path().join("missing")).unwrap_err();
    assert!(
        error.to_string().contains("missing/infobase.redb: can not open"),
        "{error}"
    );
}

#[test]
fn begin_and_confirm_take_two_syncs_whatever_the_size() {
    let disk = Disk::default();
    let mut store = FileStore::open_on(Box::new(TestMedium(disk.clone())), 40).unwrap();
    let many: Vec<Change> = (0..10_000)
        .map(|number| {
            let key = BlockKey::interface(format!("vlan{number}"), ProtocolId::RIP);
            (key, Some(InfoBlock::new(1, vec![number as u8; 80])))
        })
        .collect();
    let mut growths = 0;
    for size in [1, 10_000] {
        let number = store.begin(Origin::default(), many[..size].into()).unwrap();
        store.confirm(number).unwrap();
        for round in 0..60 {
            let position = disk.position();
            let number = store
                .begin(Origin::default(), [block_of(round, 80)].into())
                .unwrap();
            store.confirm(number).unwrap();
            // redb syncs once more when the file has to grow, which doubles it.
            let grown = disk.grown_since(position);
            growths += grown;
            assert_eq!(
                disk.syncs_since(position),
                2 + grown,
                "{size} blocks, round {round}"
            );
        }
    }
    assert!(growths <= 3, "the file grew {growths} times in 120 changes");
    assert_eq!(store.revisions(usize::MAX).unwrap().len(), 40);
}

#[test]
fn a_mostly_empty_file_shrinks_at_the_start() {
    let disk = Disk::default();
    let opened = |disk: &Disk| FileStore::open_on(Box::new(TestMedium(disk.clone())), 2).unwrap();
    let mut store = opened(&disk);
    let large: Vec<Change> = (0..20).map(|octet| block_of(octet, 300_000)).collect();
    let none: Vec<Change> = large.iter().map(|(key, _)| (key.clone(), None)).collect();
    for changes in [&large, &none, &vec![block_of(1, 9)], &vec![block_of(2, 9)]] {
        let number = store.begin(Origin::default(), changes.as_slice().into()).unwrap();
        store.confirm(number).unwrap();
    }
    let running = Arc::clone(store.running());
    // Killed: a store that is closed leaves no free space at its end.
    let disk = Disk::holding(disk.image());
    drop(store);
    let before = disk.image().infobase.len();
    let mut store = opened(&disk);
    let after = disk.image().infobase.len();
    assert!(
        before > 8 << 20 && after < before / 4,
        "{before} octets became {after}"
    );
    assert!(Arc::ptr_eq(store.running(), &Arc::clone(store.running())));
    assert_eq!(*store.running(), running);
    assert_eq!(store.revisions(9).unwrap().len(), 2);
}
