//! One transaction over many interfaces.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use waypost_api::{ChangeRequest, EditRequest, SetRequest};
use waypost_engine::{Engine, codec_of};
use waypost_infobase::{BlockKey, FileStore, MemoryStore, Store};
use waypost_manager::Edit;
use waypost_rip::Rip;
use waypost_routprot::{InfoBlock, Scope};
use waypost_testkit::{Lab, Node};

use crate::Context;
use crate::disk::BareFile;
use crate::report::{Row, Samples, Section};
use crate::rig::{Rig, address, name, told};
use crate::waypost::{Waypost, set};

/// Interfaces in a transaction, and how often it is measured.
const SIZES: [(u32, usize); 3] = [(1, 100), (100, 50), (10_000, 11)];
/// Interfaces there are.
const INTERFACES: u32 = 10_000;
/// Milliseconds that the largest may take, acknowledged and durable.
const BAR: f64 = 250.0;

/// In which form a change comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Blocks,
}

impl Form {
    const ALL: [Self; 2] = [Self::Text, Self::Blocks];

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Blocks => "blocks",
        }
    }
}

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("one RIP option (metric) of many interfaces changed in one transaction");
    let memory: Box<dyn Store> = Box::new(MemoryStore::new());
    through_manager(context, &mut section, "store in memory", memory)?;
    let directory = context.scratch().join("transaction-store");
    fs::create_dir(&directory).with_context(|| format!("making {}", directory.display()))?;
    let disk: Box<dyn Store> = Box::new(FileStore::open(&directory)?);
    through_manager(context, &mut section, "store on disk", disk)?;
    through_socket(context, &mut section)?;
    section.note(format!(
        "there are {INTERFACES} interfaces with an address each, on all of which RIP runs, passive; through the socket they \
         are the kernel's, ends of veth pairs"
    ));
    section.note("text is an edit a interface, such as interfaces.d7.rip.metric=3; blocks are whole information blocks");
    section.note("through the socket, time counts from the request as a value to the answer as a value");
    Ok(section)
}

fn interface_text(metric: u32) -> Value {
    json!({ "passive": true, "metric": metric })
}

fn configuration(metric: u32) -> Value {
    let interfaces: Map<String, Value> = (1..=INTERFACES)
        .map(|index| (name(index), json!({ "rip": interface_text(metric) })))
        .collect();
    json!({ "protocols": { "rip": {} }, "interfaces": interfaces })
}

fn block(metric: u32) -> Result<InfoBlock> {
    codec_of::<Rip>()
        .to_block(Scope::Interface, &interface_text(metric))
        .map_err(told)
}

/// Metrics that differ from one transaction to the next.
struct Metrics(u32);

impl Metrics {
    const FIRST: u32 = 1;

    fn next(&mut self) -> u32 {
        self.0 = self.0 % 14 + 1;
        self.0 + 1
    }
}

/// The interfaces of a transaction are spread over all there are.
fn members(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(move |number| 1 + number * (INTERFACES / count))
}

fn through_manager(
    context: &Context,
    section: &mut Section,
    place: &str,
    store: Box<dyn Store>,
) -> Result<()> {
    let mut rig = Rig::new(store, INTERFACES)?;
    rig.apply(&[Edit::Merge(configuration(Metrics::FIRST))])?;
    let mut metrics = Metrics(0);
    for form in Form::ALL {
        for (count, runs) in SIZES {
            let mut samples = Samples::default();
            for _ in 0..context.runs(runs) {
                let metric = metrics.next();
                let edits: Vec<Edit> = members(count)
                    .map(|index| edit(form, index, metric))
                    .collect::<Result<_>>()?;
                let start = Instant::now();
                let applied = rig.apply(&edits)?;
                samples.add(start.elapsed());
                check(applied.plan.changes.len(), count)?;
            }
            section.row(Row::time(
                format!("manager, {place}, {}, {count:>6} interfaces", form.name()),
                samples,
            ));
        }
    }
    Ok(())
}

fn check(changes: usize, wanted: u32) -> Result<()> {
    if changes != wanted as usize {
        bail!("the transaction changed {changes} options instead of {wanted}");
    }
    Ok(())
}

fn edit(form: Form, index: u32, metric: u32) -> Result<Edit> {
    Ok(match form {
        Form::Text => Edit::Set {
            path: format!("interfaces.{}.rip.metric", name(index))
                .parse()
                .map_err(told)?,
            value: metric.into(),
            typed: None,
        },
        Form::Blocks => Edit::Block(
            BlockKey::interface(name(index), Rip::PROTOCOL),
            Some(block(metric)?),
        ),
    })
}

fn request(form: Form, count: u32, metric: u32) -> Result<ChangeRequest> {
    let whole = block(metric)?;
    let hex = whole.bytes.iter().fold(String::new(), |mut hex, octet| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{octet:02x}");
        hex
    });
    let edit = |index| match form {
        Form::Text => set(format!("interfaces.{}.rip.metric", name(index)), metric),
        Form::Blocks => EditRequest::Set(SetRequest {
            path: format!("interfaces.{}.rip", name(index)),
            value: json!({ "version": whole.version, "hex": hex }),
            typed: None,
        }),
    };
    Ok(ChangeRequest {
        edits: Some(members(count).map(edit).collect()),
        ..ChangeRequest::default()
    })
}

/// Makes the interfaces; returns how long that took.
fn make_interfaces(node: &Node) -> Result<Duration> {
    let quiet = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    // What the kernel says of ten thousand link-local addresses is not what is measured; a machine may have no IPv6 at all.
    drop(node.inside(|| fs::write(quiet, "1"))?);
    let start = Instant::now();
    let mut batch = String::new();
    // Writing to a string does not fail.
    for index in (1..=INTERFACES).step_by(2) {
        let _ = writeln!(
            batch,
            "link add {} up type veth peer name {}",
            name(index),
            name(index + 1)
        );
    }
    for index in 1..=INTERFACES {
        let (name, address) = (name(index), address(index));
        let _ = writeln!(batch, "address add {address}/30 dev {name}");
        let _ = writeln!(batch, "link set {name} up");
    }
    let file = node.directory().join("interfaces.batch");
    fs::write(&file, batch)?;
    node.ip(&["-batch", &file.to_string_lossy()])?;
    Ok(start.elapsed())
}

fn through_socket(context: &Context, section: &mut Section) -> Result<()> {
    let lab = Lab::below("transaction", context.scratch())?;
    let node = lab.node("r")?;
    let made = make_interfaces(&node)?;
    let mut waypost = Waypost::start(&node, "")?;
    let start = Instant::now();
    waypost.apply(vec![EditRequest::Merge(configuration(Metrics::FIRST))])?;
    let configured = start.elapsed();
    let mut file = BareFile::create(context.scratch())?;
    let mut bare = Samples::default();
    let mut metrics = Metrics(0);
    for form in Form::ALL {
        for (count, runs) in SIZES {
            let mut samples = Samples::default();
            for _ in 0..context.runs(runs) {
                bare.add(file.write_and_sync()?);
                let request = request(form, count, metrics.next())?;
                let start = Instant::now();
                let applied = waypost.send(&request)?;
                samples.add(start.elapsed());
                check(applied.plan.changes.len(), count)?;
            }
            let row = Row::time(
                format!("socket, durable, {}, {count:>6} interfaces", form.name()),
                samples,
            );
            section.row(if count == INTERFACES {
                row.at_most(BAR)
            } else {
                row
            });
        }
    }
    section.row(Row::time("bare write + fdatasync of 4 KiB", bare));
    section.note(format!(
        "the kernel made the interfaces in {:.1} s; configuring RIP on all of them for the first time, which opens a \
         socket on each, took {:.2} s",
        made.as_secs_f64(),
        configured.as_secs_f64()
    ));
    Ok(())
}
