//! `waypost module`: what authors of modules need.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use waypost_api::{hex, parse_toml};
use waypost_routprot::conformance::{Outcome, Report, Subject, run};
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, RoutingProtocol, parse_text};
use waypost_routprot_abi::{
    Describes, IsolatedOptions, IsolatedProtocol, ModuleProtocol, Named, Privileges, codec_of, host_program,
};
use waypost_rtmv2::{LocalTable, RouteTable};
use waypost_types::{InterfaceIndex, ProtocolId, Seed};

use crate::arguments::Module;
use crate::fault::Fault;

/// How long a module that has announced something is left alone before it is asked again.
const MOMENT: Duration = Duration::from_millis(5);
/// More interfaces than a module is told of.
const INTERFACES: u32 = 64;
/// How long a call may take; a protocol that takes longer would stop the router's manager.
const DEADLINE: Duration = Duration::from_secs(5);

/// Blocks of a module to try on it: octets as hexadecimal digits.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Blocks {
    /// The number that the module registers, such as "0x000000c8".
    protocol: String,
    /// A valid global block.
    global: String,
    /// Another one.
    other_global: Option<String>,
    /// A global block of a size that is accepted, with contents that are not.
    invalid_global: Option<String>,
    /// A valid global block that cannot be carried out.
    failing_global: Option<String>,
    /// Two valid blocks of an interface, with different contents.
    interface: [String; 2],
    /// A block of an interface of a size that is accepted, with contents that are not.
    invalid_interface: String,
    /// A valid block of an interface that is longer than the fixed part.
    longer_interface: Option<String>,
    /// A valid block of an interface that cannot be carried out.
    failing_interface: Option<String>,
    /// Octets of an interface's block without its variable tail. By default the blocks above have none.
    fixed_part: Option<usize>,
    /// Input for MibSetEntry that changes the configuration of the interface whose number stands for INDEX.
    mib_set: Option<String>,
    /// Input for MibSetEntry that is valid and cannot be carried out.
    failing_mib_set: Option<String>,
    /// Input for MibGetEntry that is answered for the interface whose number stands for INDEX.
    mib_get: Option<String>,
    /// Whether what `mib-get` names is a row of a table of interfaces.
    #[serde(default)]
    mib_table: bool,
}

/// The octets that digits stand for; blanks between them do not count, and INDEX is an interface's number.
fn octets(option: &str, text: &str, index: InterfaceIndex) -> Result<Vec<u8>, Refusal> {
    let number = hex::write(&index.0.to_ne_bytes());
    let digits: String = text
        .replace("INDEX", &number)
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    hex::read(&digits).ok_or_else(|| {
        Refusal::invalid("not octets")
            .at(option)
            .with_value(text)
            .with_allowed("an even number of hexadecimal digits")
    })
}

impl Blocks {
    fn read(path: &Path) -> Result<Self, Fault> {
        let text = fs::read_to_string(path).map_err(|error| Fault::file(path, &error))?;
        let described = parse_toml(&text).and_then(|text| parse_text(&text));
        described.map_err(|refusal| Fault::Usage(format!("{}: {refusal}", path.display())))
    }

    fn protocol(&self) -> Result<ProtocolId, Refusal> {
        self.protocol
            .parse()
            .map_err(|error| Refusal::invalid(format!("{error}")).at("protocol"))
    }

    /// The module as the suite's subject.
    fn subject<'a>(
        &'a self,
        name: &str,
        load: impl Fn() -> Box<dyn RoutingProtocol> + 'a,
    ) -> Result<Subject<'a>, Refusal> {
        let block = |option: &str, text: &str| {
            octets(option, text, InterfaceIndex(0)).map(|octets| InfoBlock::new(1, octets))
        };
        let [first, second] = &self.interface;
        let mut subject = Subject::new(
            load,
            self.protocol()?,
            block("global", &self.global)?,
            [block("interface.0", first)?, block("interface.1", second)?],
            block("invalid-interface", &self.invalid_interface)?,
        )
        .named(name)
        // A module may have threads, which say later that it has stopped.
        .pass_time(|_| leave_alone());
        type Take<'a> = fn(Subject<'a>, InfoBlock) -> Subject<'a>;
        let blocks: [(&str, &Option<String>, Take<'a>); 5] = [
            ("other-global", &self.other_global, Subject::other_global),
            ("invalid-global", &self.invalid_global, Subject::invalid_global),
            ("failing-global", &self.failing_global, Subject::failing_global),
            (
                "longer-interface",
                &self.longer_interface,
                Subject::longer_interface,
            ),
            (
                "failing-interface",
                &self.failing_interface,
                Subject::failing_interface,
            ),
        ];
        for (option, text, take) in blocks {
            if let Some(text) = text {
                subject = take(subject, block(option, text)?);
            }
        }
        if let Some(fixed_part) = self.fixed_part {
            subject = subject.fixed_part(fixed_part);
        }
        // What is asked for later was read once, so that it cannot fail then.
        let input = |option: &str, text: &'a Option<String>| {
            let text = text.as_deref();
            text.map(|text| octets(option, text, InterfaceIndex(0)).map(|_| text))
                .transpose()
        };
        fn of(text: &str, index: InterfaceIndex) -> Vec<u8> {
            octets("", text, index).unwrap_or_default()
        }
        if let Some(text) = input("mib-set", &self.mib_set)? {
            subject = subject.mib_set(move |index| of(text, index));
        }
        if let Some(text) = input("failing-mib-set", &self.failing_mib_set)? {
            subject = subject.failing_mib_set(move |index| of(text, index));
        }
        if let Some(text) = input("mib-get", &self.mib_get)? {
            subject = subject.mib_get(move |index| of(text, index));
        }
        Ok(if self.mib_table {
            subject.mib_table()
        } else {
            subject
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the suite asks for time to pass; what it waits for it looks for itself, as often as it has patience"
)]
fn leave_alone() {
    std::thread::sleep(MOMENT);
}

/// A routing table for one instance, in which every interface can be used.
fn table() -> Arc<dyn RouteTable> {
    let table = LocalTable::new(Seed(0));
    (1..INTERFACES).for_each(|index| table.set_interface_usable(InterfaceIndex(index), true));
    Arc::new(table)
}

/// An instance that has failed says so in the call during which it did.
fn isolated(file: &Path, table: Option<Arc<dyn RouteTable>>) -> Result<IsolatedProtocol, Refusal> {
    let options = IsolatedOptions {
        program: host_program(),
        deadline: DEADLINE,
        table,
        privileges: Privileges::default(),
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
    is_in_process: bool,
) -> Result<Option<Arc<dyn ConfigurationCodec>>, Refusal> {
    let named = Named {
        protocol,
        name: "module",
        title: "Module",
    };
    let file = file.to_owned();
    let load = move || -> Result<Box<dyn Describes>, Refusal> {
        Ok(if is_in_process {
            Box::new(in_process(&file, None)?)
        } else {
            Box::new(isolated(&file, None)?)
        })
    };
    codec_of(named, Box::new(load))
}

/// A fresh instance.
fn load(
    file: &Path,
    is_in_process: bool,
    codec: Option<Arc<dyn ConfigurationCodec>>,
) -> Result<Box<dyn RoutingProtocol>, Refusal> {
    let table = Some(table());
    Ok(if is_in_process {
        Box::new(in_process(file, table)?.described_by(codec))
    } else {
        Box::new(isolated(file, table)?.described_by(codec))
    })
}

/// Does what is asked for.
pub(crate) fn run_command(module: &Module, as_json: bool) -> Result<String, Fault> {
    let Module::Check {
        file,
        blocks,
        in_process,
    } = module;
    let described = Blocks::read(blocks)?;
    let protocol = described
        .protocol()
        .map_err(|refusal| Fault::Usage(format!("{}: {refusal}", blocks.display())))?;
    // Whether it can be loaded at all, and describes its configuration in a way that makes sense, is no question of conformance.
    let codec = codec(file, protocol, *in_process).map_err(Fault::refused)?;
    let fresh = || match load(file, *in_process, codec.clone()) {
        Ok(instance) => instance,
        // The suite catches it, and the case fails with these words.
        Err(refusal) => panic!("{refusal}"),
    };
    let subject = described
        .subject(&file.display().to_string(), fresh)
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
