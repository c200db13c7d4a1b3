//! One option of one interface: through the trait, the manager, the store, the socket and the command line.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;
use waypost_engine::codec_of;
use waypost_infobase::{FileStore, MemoryStore};
use waypost_manager::Edit;
use waypost_rip::Rip;
use waypost_routprot::{InfoBlock, RoutingProtocol, Scope};
use waypost_testkit::Lab;
use waypost_types::InterfaceIndex;

use crate::Context;
use crate::disk::BareFile;
use crate::report::{Row, Samples, Section};
use crate::rig::{Rig, told};
use crate::waypost::{Waypost, set};

/// Measurements of each thing that does not wait for a disk.
const MANY: usize = 2000;
/// Measurements of each thing that does.
const SOME: usize = 200;
/// Where memory is a file system, on every Linux.
const MEMORY: &str = "/dev/shm";
const BARE: &str = "bare";

/// The metric of run `number`: never that of the run before, or nothing would change.
fn metric(number: usize) -> u32 {
    u32::try_from(number % 14).unwrap_or(0) + 2
}

fn edit(interface: &str, metric: u32) -> Result<Edit> {
    Ok(Edit::Set {
        path: format!("interfaces.{interface}.rip.metric")
            .parse()
            .map_err(told)?,
        value: metric.into(),
        typed: None,
    })
}

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("SetInterfaceInfo of one RIP option (metric) on a running interface");
    let many = context.runs(MANY);
    section.row(Row::time("through the trait", through_trait(many)?));
    section.row(Row::time(
        "through the manager, store in memory",
        through_manager(many)?,
    ));
    durable(context, &mut section)?;
    volatile(context, &mut section)?;
    section.note("a durable change is two device syncs: the candidate, then its confirmation");
    section.note("the bare write is 4 KiB in place in a file that is there, so no metadata is written; taken in turn with the others");
    Ok(section)
}

fn configured(mut rig: Rig) -> Result<Rig> {
    rig.apply(&[Edit::Merge(
        json!({ "protocols": { "rip": {} }, "interfaces": { "d1": { "rip": {} } } }),
    )])?;
    Ok(rig)
}

/// The protocol alone: the block is there, the protocol validates it and takes it over.
fn through_trait(runs: usize) -> Result<Samples> {
    let rig = configured(Rig::new(Box::new(MemoryStore::new()), 1)?)?;
    let mut protocol = rig.protocol();
    let codec = codec_of::<Rip>();
    let block = |metric: u32| codec.to_block(Scope::Interface, &json!({ "metric": metric }));
    let blocks: Vec<InfoBlock> = (0..14)
        .map(|number| block(metric(number)).map_err(told))
        .collect::<Result<_>>()?;
    let mut samples = Samples::default();
    for number in 0..runs {
        let block = &blocks[number % blocks.len()];
        let start = Instant::now();
        protocol
            .set_interface_info(InterfaceIndex(1), block)
            .map_err(told)?;
        samples.add(start.elapsed());
    }
    Ok(samples)
}

fn through_manager(runs: usize) -> Result<Samples> {
    let mut rig = configured(Rig::new(Box::new(MemoryStore::new()), 1)?)?;
    let mut samples = Samples::default();
    for number in 0..runs {
        let edits = [edit("d1", metric(number))?];
        let start = Instant::now();
        rig.apply(&edits)?;
        samples.add(start.elapsed());
    }
    Ok(samples)
}

/// A daemon that runs RIP on `eth0`, its state below `directory`.
fn daemon(directory: &Path) -> Result<(Lab, Waypost)> {
    let lab = Lab::below("set", directory)?;
    let node = lab.node("r")?;
    lab.stub(&node, "eth0", "10.0.1.1/24")?;
    let waypost = Waypost::start(&node, "[protocols.rip]\n[interfaces.eth0.rip]\nmetric = 1\n")?;
    Ok((lab, waypost))
}

fn through_socket(waypost: &mut Waypost, number: usize) -> Result<Duration> {
    let edits = vec![set("interfaces.eth0.rip.metric".to_owned(), metric(number))];
    let start = Instant::now();
    waypost.apply(edits)?;
    Ok(start.elapsed())
}

fn through_command(waypost: &Waypost, number: usize) -> Result<Duration> {
    let assignment = format!("interfaces.eth0.rip.metric={}", metric(number));
    let start = Instant::now();
    waypost.router.command(&["set", &assignment])?;
    Ok(start.elapsed())
}

fn durable(context: &Context, section: &mut Section) -> Result<()> {
    let store = context.scratch().join("set-store");
    std::fs::create_dir(&store).with_context(|| format!("making {}", store.display()))?;
    let mut rig = configured(Rig::new(Box::new(FileStore::open(&store)?), 1)?)?;
    let (_lab, mut waypost) = daemon(context.scratch())?;
    let mut file = BareFile::create(context.scratch())?;
    let (mut bare, mut manager) = (Samples::default(), Samples::default());
    let (mut socket, mut command) = (Samples::default(), Samples::default());
    for number in 0..context.runs(SOME) {
        // In turn, because what a device does next depends on what it did before.
        bare.add(file.write_and_sync()?);
        let edits = [edit("d1", metric(number))?];
        let start = Instant::now();
        rig.apply(&edits)?;
        manager.add(start.elapsed());
        bare.add(file.write_and_sync()?);
        socket.add(through_socket(&mut waypost, 2 * number)?);
        command.add(through_command(&waypost, 2 * number + 1)?);
    }
    let limit = 2.0 * bare.median() + 1.0;
    section.row(Row::time("bare write + fdatasync of 4 KiB", bare.clone()));
    section.row(Row::time("through the manager, store on disk", manager).beside(&bare, BARE));
    section.row(
        Row::time("through the socket, durable", socket)
            .beside(&bare, BARE)
            .at_most(limit),
    );
    section.row(Row::time("through the command line, durable", command).beside(&bare, BARE));
    section.note(format!("the bar is 2 x the bare write + 1 ms = {limit:.3} ms"));
    Ok(())
}

/// The same daemon where a sync costs nothing.
fn volatile(context: &Context, section: &mut Section) -> Result<()> {
    let (_lab, mut waypost) = daemon(Path::new(MEMORY))?;
    let [mut socket, mut command] = [Samples::default(), Samples::default()];
    for number in 0..context.runs(SOME) {
        socket.add(through_socket(&mut waypost, 2 * number)?);
        command.add(through_command(&waypost, 2 * number + 1)?);
    }
    section.row(Row::time("through the socket, state in memory", socket));
    section.row(Row::time("through the command line, state in memory", command));
    Ok(())
}
