//! The objects under test, and ways to load them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use waypost_routprot::RoutingProtocol;
use waypost_routprot_abi::{IsolatedOptions, IsolatedProtocol, ModuleProtocol, Privileges};
use waypost_rtmv2::RouteTable;

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
    Box::new(ModuleProtocol::load(&object(package), table).unwrap())
}

/// The same in a process of its own.
pub(crate) fn in_its_own_with(package: &str, table: Option<Arc<dyn RouteTable>>) -> Box<dyn RoutingProtocol> {
    let options = IsolatedOptions {
        program: env!("CARGO_BIN_EXE_waypost-module-host").into(),
        deadline: PATIENCE,
        table,
        privileges: Privileges::default(),
        died: Box::new(|reason| panic!("{reason}")),
    };
    Box::new(IsolatedProtocol::load(&object(package), options).unwrap())
}
