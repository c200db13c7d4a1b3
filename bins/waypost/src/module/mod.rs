//! `waypost module`: what authors of modules need.

mod blocks;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use waypost_routprot::conformance::{Outcome, Report, run};
use waypost_routprot::{ConfigurationCodec, Refusal, RoutingProtocol};
use waypost_routprot_abi::{
    Capabilities, Describes, IsolatedOptions, IsolatedProtocol, ModuleProtocol, Named, Privileges, codec_of,
    host_program,
};
use waypost_rtmv2::{LocalTable, RouteTable};
use waypost_types::{InterfaceIndex, ProtocolId, Seed};

use crate::arguments::{Capability, Module};
use crate::fault::Fault;

use blocks::Blocks;

/// More interfaces than a module is told of.
const INTERFACES: u32 = 64;
/// How long a call may take; a protocol that takes longer would stop the router's manager.
const DEADLINE: Duration = Duration::from_secs(5);

/// A routing table for one instance, in which every interface can be used.
fn table() -> Arc<dyn RouteTable> {
    let table = LocalTable::new(Seed(0));
    (1..INTERFACES).for_each(|index| table.set_interface_usable(InterfaceIndex(index), true));
    Arc::new(table)
}

/// Where a module runs.
#[derive(Clone, Copy)]
enum Place {
    Here,
    Isolated(Privileges),
}

impl Place {
    fn of(in_process: bool, capabilities: &[Capability]) -> Self {
        if in_process {
            return Self::Here;
        }
        let granted = capabilities.iter().map(|capability| match capability {
            Capability::NetBindService => Capabilities::NET_BIND_SERVICE,
            Capability::NetRaw => Capabilities::NET_RAW,
        });
        Self::Isolated(Privileges {
            capabilities: granted.collect(),
            user: None,
        })
    }
}

/// An instance that has failed says so in the call during which it did.
fn isolated(
    file: &Path,
    privileges: Privileges,
    table: Option<Arc<dyn RouteTable>>,
) -> Result<IsolatedProtocol, Refusal> {
    let options = IsolatedOptions {
        program: host_program(),
        deadline: DEADLINE,
        table,
        privileges,
        died: Box::new(|_| ()),
    };
    IsolatedProtocol::load(file, options)
}

fn in_process(file: &Path, table: Option<Arc<dyn RouteTable>>) -> Result<ModuleProtocol, Refusal> {
    ModuleProtocol::load(file, table).map_err(|error| Refusal::failed(error.to_string()))
}

/// The names of its options, if it describes them.
fn codec(
    file: &Path,
    protocol: ProtocolId,
    place: Place,
) -> Result<Option<Arc<dyn ConfigurationCodec>>, Refusal> {
    let named = Named {
        protocol,
        name: "module",
        title: "Module",
    };
    let file = file.to_owned();
    let load = move || -> Result<Box<dyn Describes>, Refusal> {
        Ok(match place {
            Place::Here => Box::new(in_process(&file, None)?),
            Place::Isolated(privileges) => Box::new(isolated(&file, privileges, None)?),
        })
    };
    codec_of(named, Box::new(load))
}

/// A fresh instance.
fn load(
    file: &Path,
    place: Place,
    codec: Option<Arc<dyn ConfigurationCodec>>,
) -> Result<Box<dyn RoutingProtocol>, Refusal> {
    let table = Some(table());
    Ok(match place {
        Place::Here => Box::new(in_process(file, table)?.described_by(codec)),
        Place::Isolated(privileges) => Box::new(isolated(file, privileges, table)?.described_by(codec)),
    })
}

/// Does what is asked for.
pub(crate) fn run_command(module: &Module, as_json: bool) -> Result<String, Fault> {
    let Module::Check {
        file,
        blocks,
        in_process,
        capabilities,
    } = module;
    let place = Place::of(*in_process, capabilities);
    let described = Blocks::read(blocks)?;
    let protocol = described
        .protocol()
        .map_err(|refusal| Fault::Usage(format!("{}: {refusal}", blocks.display())))?;
    // Whether it can be loaded at all, and describes its configuration in a way that makes sense, is no question of conformance.
    let codec = codec(file, protocol, place).map_err(Fault::refused)?;
    let fresh = || match load(file, place, codec.clone()) {
        Ok(instance) => instance,
        // The suite catches it, and the case fails with these words.
        Err(refusal) => panic!("{refusal}"),
    };
    let subject = described
        .subject(&file.display().to_string(), fresh, codec.as_deref())
        .map_err(|refusal| Fault::Usage(format!("{}: {refusal}", blocks.display())))?;
    let report = run(&subject);
    let text = if as_json {
        json_of(&report)
    } else {
        format!("{report}\n")
    };
    if report.conforms() {
        Ok(text)
    } else {
        Err(Fault::Failed(text))
    }
}

fn json_of(report: &Report) -> String {
    let cases: Vec<_> = report
        .cases
        .iter()
        .map(|case| {
            let mut row = json!({ "id": case.id, "title": case.title });
            match &case.outcome {
                Outcome::Passed => row["outcome"] = "passed".into(),
                Outcome::Failed { expected, seen } => {
                    row["outcome"] = "failed".into();
                    row["expected"] = expected.as_str().into();
                    row["seen"] = seen.as_str().into();
                }
                Outcome::Skipped(reason) => {
                    row["outcome"] = "skipped".into();
                    row["reason"] = reason.as_str().into();
                }
            }
            row
        })
        .collect();
    format!(
        "{:#}\n",
        json!({ "subject": report.subject, "conforms": report.conforms(), "cases": cases })
    )
}
