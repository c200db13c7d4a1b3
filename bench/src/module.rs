//! Modules in C: what a SetInterfaceInfo of one costs, in this process and in one of its own, and how fast it adds routes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use waypost_clibrary::{Library, root};
use waypost_routprot::conformance::host::EmptyRouter;
use waypost_routprot::{
    InfoBlock, InterfaceIdentity, InterfaceType, Refusal, RoutingCharacteristics, RoutingProtocol,
};
use waypost_routprot_abi::{IsolatedOptions, IsolatedProtocol, ModuleProtocol, Privileges, host_program};
use waypost_rtmv2::{LocalTable, RouteTable};
use waypost_types::{InterfaceIndex, ProtocolId, Seed};

use crate::Context;
use crate::report::{Row, Samples, Section};

/// The number of the protocol in the module.
const SAMPLE: ProtocolId = ProtocolId(200);
const INDEX: InterfaceIndex = InterfaceIndex(7);
/// Calls a measurement.
const IN_PROCESS: u32 = 1_000_000;
const ISOLATED: u32 = 20_000;
/// What `fill.c` adds at a time: in this process, and in one of its own.
const ROUTES: u32 = 200_000;
const ROUTES_ISOLATED: u32 = 1_000_000;

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// Starts a module with an interface.
fn started(mut module: impl RoutingProtocol) -> Result<impl RoutingProtocol> {
    let interface = InterfaceIdentity {
        name: "eth0".to_owned(),
        index: INDEX,
        kind: InterfaceType::Permanent,
    };
    let mut start = || {
        module.register(&RoutingCharacteristics::offer(SAMPLE))?;
        module.start(
            Arc::new(EmptyRouter::default()),
            Arc::new(EmptyRouter::default()),
            &words(&[30, 0]),
        )?;
        module.add_interface(&interface, &words(&[3, 0, 0]))?;
        module.start_complete()
    };
    start().map_err(|refusal: Refusal| anyhow::anyhow!("{refusal}"))?;
    Ok(module)
}

/// Time of one of so many calls, each with another block than the one before.
fn per_call(module: &mut impl RoutingProtocol, calls: u32) -> Result<Duration> {
    let blocks = [words(&[5, 0, 1, 1]), words(&[6, 1, 1, 2])];
    let start = Instant::now();
    for call in 0..calls {
        let set = module.set_interface_info(INDEX, &blocks[call as usize % 2]);
        ensure!(set.is_ok(), "{set:?}");
    }
    Ok(start.elapsed() / calls)
}

fn built(folder: &Path, name: &str, options: &[&str]) -> Result<std::path::PathBuf> {
    let library = Library::build(&folder.join("library"), &["-O2"])?;
    let source = root()
        .join("bins/waypost-module-host/tests/modules")
        .join(format!("{name}.c"));
    let called = [&[name], options].concat().join("");
    let options = [&["-std=c11", "-fvisibility=hidden", "-O2"], options].concat();
    library.module_named(&called, &source, &options)
}

/// A module in a process of its own.
fn isolated(file: &Path, table: Option<Arc<dyn RouteTable>>) -> Result<IsolatedProtocol> {
    let options = IsolatedOptions {
        program: host_program(),
        deadline: Duration::from_secs(60),
        table,
        privileges: Privileges::default(),
        died: Box::new(|_| ()),
    };
    IsolatedProtocol::load(file, options).map_err(|refusal| anyhow::anyhow!("{refusal}"))
}

/// An empty table in this process.
fn table() -> Arc<dyn RouteTable> {
    let table = LocalTable::new(Seed(1));
    table.set_interface_usable(InterfaceIndex(1), true);
    Arc::new(table)
}

/// So many routes, which the module adds at a time, in millions a second.
fn adds(module: &mut impl RoutingProtocol, routes: u32) -> Result<f64> {
    let start = Instant::now();
    let added = module.set_interface_info(INDEX, &words(&[5, 0, 0]));
    let took = start.elapsed();
    ensure!(added.is_ok(), "{added:?}");
    let deleted = module.set_interface_info(INDEX, &words(&[6, 0, 0]));
    ensure!(deleted.is_ok(), "{deleted:?}");
    Ok(f64::from(routes) / took.as_secs_f64() / 1e6)
}

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("a module in C: SetInterfaceInfo of 16 octets, checked and in force");
    let file = built(context.scratch(), "correct", &[])?;
    ensure!(
        host_program().exists(),
        "{} was not built",
        host_program().display()
    );
    let mut in_process = started(ModuleProtocol::load(&file, None)?)?;
    let mut alone = started(isolated(&file, None)?).context("the isolated module does not start")?;
    let (mut here, mut there) = (Samples::default(), Samples::default());
    for _ in 0..context.runs(5) {
        here.add_number(per_call(&mut in_process, IN_PROCESS)?.as_nanos() as f64);
        there.add_number(per_call(&mut alone, ISOLATED)?.as_nanos() as f64 / 1000.0);
    }
    let filling = built(context.scratch(), "fill", &[])?;
    let mut filling = started(ModuleProtocol::load(&filling, Some(table()))?)?;
    let many = format!("-DROUTES={ROUTES_ISOLATED}u");
    let many = built(context.scratch(), "fill", &[&many])?;
    let mut filling_alone = started(isolated(&many, Some(table()))?)?;
    let (mut added, mut added_alone) = (Samples::default(), Samples::default());
    for _ in 0..context.runs(5) {
        added.add_number(adds(&mut filling, ROUTES)?);
        added_alone.add_number(adds(&mut filling_alone, ROUTES_ISOLATED)?);
    }
    // The module's own work is in the figure: what the call across the boundary adds is less.
    section.row(Row::new("in this process", "ns", here).at_most(200.0));
    section.row(Row::new("in a process of its own, there and back", "us", there).at_most(30.0));
    for (place, added) in [
        ("in this process", added),
        ("in a process of its own", added_alone),
    ] {
        let met = added.median() >= 0.5;
        let title = format!("RtmAddRouteToDest of new routes, {place}");
        section.row(Row::new(title, "M/s", added).bar(">= 0.5 M/s", met));
    }
    Ok(section)
}
