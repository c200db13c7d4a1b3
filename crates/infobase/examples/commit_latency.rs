//! How long a change of configuration takes to become durable, beside what the disk takes for one bare sync.
//!
//! `cargo run --release -p waypost-infobase --example commit_latency -- DIRECTORY`, on the disk in question. The two are
//! measured in turns, so that what else the disk is doing hits both.
#![allow(clippy::print_stdout, reason = "it is a program")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::error::Error;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use waypost_infobase::{BlockKey, Change, FileStore, Origin, Store};
use waypost_routprot::InfoBlock;
use waypost_types::ProtocolId;

const ROUNDS: usize = 500;

fn change(interface: usize, octet: u8) -> Change {
    let key = BlockKey::interface(format!("eth{interface}"), ProtocolId::RIP);
    (key, Some(InfoBlock::new(1, vec![octet; 120])))
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |percent: usize| {
        times
            .get((times.len() - 1) * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    (at(50), at(95))
}

fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let directory = tempfile::tempdir_in(parent)?;
    let mut store = FileStore::open(directory.path())?;
    let bare = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(directory.path().join("bare"))?;
    // Overwritten in place later, so that the bare sync writes no metadata.
    bare.write_all_at(&vec![1; ROUNDS * 4096], 0)?;
    bare.sync_all()?;

    for blocks in [1, 10_000] {
        let all: Vec<Change> = (0..blocks).map(|interface| change(interface, 0)).collect();
        let started = Instant::now();
        let number = store.begin(Origin::default(), all.as_slice().into())?;
        store.confirm(number)?;
        println!("{blocks} new blocks in one revision: {:.2?}", started.elapsed());

        let (mut commits, mut syncs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let started = Instant::now();
            bare.write_all_at(&[round as u8; 4096], (round * 4096) as u64)?;
            bare.sync_data()?;
            syncs.push(started.elapsed());

            let one = [change(round % blocks, round as u8 | 1)];
            let started = Instant::now();
            let number = store.begin(Origin::default(), one.as_slice().into())?;
            store.confirm(number)?;
            commits.push(started.elapsed());
        }
        let (commit, slow_commit) = percentiles(commits);
        let (sync, slow_sync) = percentiles(syncs);
        println!(
            "{blocks} blocks held: begin + confirm of one block p50 {commit:.2?} p95 {slow_commit:.2?}; \
             bare 4 KiB write + fdatasync p50 {sync:.2?} p95 {slow_sync:.2?}; ratio {:.2}",
            commit.as_secs_f64() / sync.as_secs_f64()
        );
    }
    for round in 1..6_u8 {
        let all: Vec<Change> = (0..10_000).map(|interface| change(interface, round)).collect();
        let started = Instant::now();
        let number = store.begin(Origin::default(), all.as_slice().into())?;
        let begun = started.elapsed();
        store.confirm(number)?;
        println!(
            "10000 changed blocks: begin {begun:.2?}, with confirm {:.2?}",
            started.elapsed()
        );
    }
    Ok(())
}
