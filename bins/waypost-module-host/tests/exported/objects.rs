//! The objects under test, and ways to load them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use waypost_routprot::{ConfigurationCodec, Refusal, RoutingProtocol};
use waypost_routprot_abi::{
    Describes, IsolatedOptions, IsolatedProtocol, ModuleProtocol, Named, Privileges, codec_of,
};
use waypost_rtmv2::RouteTable;
use waypost_types::ProtocolId;

/// The number of the samples in examples/.
pub(crate) const BEACON: ProtocolId = ProtocolId(0x3FFF_0001);
/// No call takes so long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An object that is built with this test because the package of this name is among what it depends on.
pub(crate) fn object(package: &str) -> PathBuf {
    let name = format!("lib{}.so", package.replace('-', "_"));
    let file = std::env::current_exe().unwrap().with_file_name(name);
    assert!(file.exists(), "{} was not built", file.display());
    file
}

pub(crate) fn in_process(package: &str) -> Box<dyn RoutingProtocol> {
    in_process_with(package, None)
}

pub(crate) fn in_its_own(package: &str) -> Box<dyn RoutingProtocol> {
    in_its_own_with(package, None)
}

/// One that has a routing table.
pub(crate) fn in_process_with(package: &str, table: Option<Arc<dyn RouteTable>>) -> Box<dyn RoutingProtocol> {
    let load = |package: &str, table| ModuleProtocol::load(&object(package), table).unwrap();
    let codec = codec(package, move |package| Ok(Box::new(load(package, None))));
    Box::new(load(package, table).described_by(codec))
}

/// The same in a process of its own.
pub(crate) fn in_its_own_with(package: &str, table: Option<Arc<dyn RouteTable>>) -> Box<dyn RoutingProtocol> {
    let load = |package: &str, table| {
        let options = IsolatedOptions {
            program: env!("CARGO_BIN_EXE_waypost-module-host").into(),
            deadline: PATIENCE,
            table,
            privileges: Privileges::default(),
            died: Box::new(|reason| panic!("{reason}")),
        };
        IsolatedProtocol::load(&object(package), options).unwrap()
    };
    let codec = codec(package, move |package| Ok(Box::new(load(package, None))));
    Box::new(load(package, table).described_by(codec))
}

/// The text form of the protocols with engines.
fn codec(
    package: &str,
    load: impl Fn(&str) -> Result<Box<dyn Describes>, Refusal> + Send + Sync + 'static,
) -> Option<Arc<dyn ConfigurationCodec>> {
    let protocol = match package {
        "waypost-exported-rip" => ProtocolId::RIP,
        "waypost-rust-sample" => BEACON,
        _ => return None,
    };
    let named = Named {
        protocol,
        name: "module",
        title: "Module",
    };
    let package = package.to_owned();
    let described = codec_of(named, Box::new(move || load(&package))).unwrap();
    assert!(described.is_some(), "{protocol} describes nothing");
    described
}
