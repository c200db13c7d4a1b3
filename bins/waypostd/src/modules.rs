//! Modules: protocols in shared objects, each installed by a record of its own.
//!
//! A record is a file `NAME.toml` in the folder of `--modules`. Records are kept beside the configuration and not in it, as
//! RRAS kept them: what code the router runs is for who administers the machine to say, not for who may set an option.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use waypost_api::parse_toml;
use waypost_host::table::TableHandle;
use waypost_manager::OpaqueCodec;
use waypost_routprot::{ConfigurationCodec, Refusal, RoutingProtocol, parse_text};
use waypost_routprot_abi::{
    Describes, IsolatedOptions, IsolatedProtocol, ModuleProtocol, Named, Privileges, codec_of, host_program,
};
use waypost_rtmv2::RouteTable;
use waypost_types::ProtocolId;

use crate::privileges::{self, Capability};

/// Octets of a record at most.
const RECORD: u64 = 64 << 10;

/// The modules that are installed.
#[derive(Debug, Default)]
pub(crate) struct Modules(BTreeMap<ProtocolId, Module>);

/// A module as it is installed.
#[derive(Clone, Debug)]
struct Module {
    name: &'static str,
    title: &'static str,
    file: PathBuf,
    run: Run,
    deadline: Duration,
    /// Of an isolated one.
    privileges: Privileges,
}

/// Where a module runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Run {
    /// In a process of its own, confined.
    #[default]
    Isolated,
    /// In the daemon: nothing stands between a fault of it and the router.
    InProcess,
}

/// What a record says.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Record {
    /// The shared object; relative to the record's folder.
    file: PathBuf,
    /// The protocol to register: a number, such as "0x000000c8".
    protocol: String,
    /// The protocol's name for people; the name of the record by default.
    title: Option<String>,
    /// Where it runs: "isolated" (the default) or "in-process".
    #[serde(default)]
    run: Run,
    /// How long a call may take before an isolated module counts as failed, in milliseconds.
    #[serde(default = "deadline")]
    deadline: u64,
    /// What the process of an isolated module may do of what takes privileges: "net-bind-service", "net-raw". None by default.
    #[serde(default)]
    capabilities: Vec<Capability>,
    /// It takes the place of the built-in protocol of this name and number. False by default.
    #[serde(default)]
    replaces_built_in: bool,
    /// The user that an isolated module runs as. By default, if the daemon is root, "waypost-module" or, where there is none,
    /// "nobody".
    user: Option<String>,
}

const fn deadline() -> u64 {
    5000
}

/// What is allowed for the deadline: a call takes the manager's thread, and a process needs time to start.
const DEADLINES: RangeInclusive<u64> = 100..=60_000;

impl Modules {
    /// Reads the records in a folder, which need not be there. A record that cannot be used is told of in the log and left
    /// out: the router runs without that protocol, and keeps what is configured for it.
    pub(crate) fn read(folder: &Path, built_in: &[(ProtocolId, &str)]) -> Result<Self> {
        let mut modules = Self::default();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(modules),
            Err(error) => return Err(error).with_context(|| format!("--modules {}", folder.display())),
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension() == Some(OsStr::new("toml")));
        files.sort();
        for file in files {
            if let Err(error) = modules.add(&file, built_in) {
                tracing::error!(file = %file.display(), "the module is left out: {error:#}");
            }
        }
        Ok(modules)
    }

    fn add(&mut self, file: &Path, built_in: &[(ProtocolId, &str)]) -> Result<()> {
        let name = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        ensure!(
            name.starts_with(|first: char| first.is_ascii_lowercase())
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "the record's name is the protocol's: lower-case letters, digits and '-'"
        );
        ensure!(fs::metadata(file)?.len() <= RECORD, "longer than {RECORD} octets");
        let record: Record = parse_toml(&fs::read_to_string(file)?).and_then(|text| parse_text(&text))?;
        let protocol: ProtocolId = record.protocol.parse()?;
        ensure!(
            !self.0.contains_key(&protocol),
            "there is another module of that number"
        );
        if record.replaces_built_in {
            ensure!(
                built_in.contains(&(protocol, name)),
                "replaces-built-in: no built-in protocol has this name and number"
            );
        } else {
            ensure!(
                !built_in
                    .iter()
                    .any(|known| known.0 == protocol || known.1 == name),
                "there is a built-in protocol of that name or number (replaces-built-in = true takes its place)"
            );
        }
        ensure!(
            DEADLINES.contains(&record.deadline),
            "deadline: {} (allowed: {}..={} milliseconds)",
            record.deadline,
            DEADLINES.start(),
            DEADLINES.end()
        );
        let privileges = if record.run == Run::Isolated {
            privileges::of_record(&record.capabilities, record.user.as_deref())?
        } else {
            ensure!(
                record.capabilities.is_empty() && record.user.is_none(),
                "capabilities, user: an isolated module has these; in the daemon it has the daemon's"
            );
            Privileges::default()
        };
        let object = file.with_file_name(&record.file);
        // A codec's names live as long as the daemon, and so do the records.
        let name: &'static str = name.to_owned().leak();
        let module = Module {
            name,
            title: record.title.map_or(name, |title| title.leak()),
            file: object,
            run: record.run,
            deadline: Duration::from_millis(record.deadline),
            privileges,
        };
        tracing::info!(protocol = name, file = %module.file.display(), "the module is installed");
        self.0.insert(protocol, module);
        Ok(())
    }

    /// How their configuration is written: as they describe it, or else as octets.
    pub(crate) fn codecs(&self) -> impl Iterator<Item = Arc<dyn ConfigurationCodec>> {
        self.0.iter().map(|(protocol, module)| module.codec(*protocol))
    }

    /// Whether a protocol is one of them.
    pub(crate) fn has(&self, protocol: ProtocolId) -> bool {
        self.0.contains_key(&protocol)
    }

    /// The protocols they are.
    pub(crate) fn protocols(&self) -> impl Iterator<Item = ProtocolId> {
        self.0.keys().copied()
    }

    /// A fresh instance, which has the routing table as a module has it. `died` is told when an isolated one fails.
    pub(crate) fn create(
        &self,
        protocol: ProtocolId,
        table: &TableHandle,
        died: impl FnOnce(String) + Send + 'static,
    ) -> Option<Box<dyn RoutingProtocol>> {
        let module = self.0.get(&protocol)?;
        let table = Some(table.for_module(protocol));
        let loaded = match module.run {
            Run::InProcess => module.in_process(table).map(|instance| Box::new(instance) as _),
            Run::Isolated => module
                .isolated(table, died)
                .map(|instance| Box::new(instance) as _),
        };
        loaded
            .inspect_err(
                |error| tracing::error!(protocol = module.name, %error, "the module cannot be loaded"),
            )
            .ok()
    }
}

impl Module {
    /// How its configuration is written. One that describes it in a way that makes no sense is told of in the log: the router
    /// can do with the octets.
    fn codec(&self, protocol: ProtocolId) -> Arc<dyn ConfigurationCodec> {
        let named = Named {
            protocol,
            name: self.name,
            title: self.title,
        };
        let module = self.clone();
        let described = codec_of(named, Box::new(move || module.describer()));
        let described = described.unwrap_or_else(|error| {
            tracing::error!(protocol = self.name, %error, "the module's configuration is written as octets");
            None
        });
        described.unwrap_or_else(|| Arc::new(OpaqueCodec::new(protocol, self.name, self.title)))
    }

    /// An instance that is asked for its configuration and nothing else.
    fn describer(&self) -> Result<Box<dyn Describes>, Refusal> {
        Ok(match self.run {
            Run::InProcess => Box::new(self.in_process(None)?),
            // Whoever asks it is told that it failed.
            Run::Isolated => Box::new(self.isolated(None, |_| ())?),
        })
    }

    fn in_process(&self, table: Option<Arc<dyn RouteTable>>) -> Result<ModuleProtocol, Refusal> {
        ModuleProtocol::load(&self.file, table).map_err(|error| Refusal::failed(error.to_string()))
    }

    fn isolated(
        &self,
        table: Option<Arc<dyn RouteTable>>,
        died: impl FnOnce(String) + Send + 'static,
    ) -> Result<IsolatedProtocol, Refusal> {
        let options = IsolatedOptions {
            program: host_program(),
            deadline: self.deadline,
            table,
            privileges: self.privileges,
            died: Box::new(died),
        };
        IsolatedProtocol::load(&self.file, options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why a record with these lines is left out.
    fn refusal(lines: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sample.toml");
        let text = format!("file = 'sample.so'\nprotocol = '0x000000c8'\n{lines}\n");
        fs::write(&file, text).unwrap();
        match Modules::default().add(&file, &[(ProtocolId::RIP, "rip")]) {
            Ok(()) => String::new(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_built_in_protocol_is_replaced_on_purpose_only() {
        let folder = tempfile::tempdir().unwrap();
        let add = |name: &str, number: &str, replaces: bool| {
            let file = folder.path().join(format!("{name}.toml"));
            let text = format!("file = 'sample.so'\nprotocol = '{number}'\nreplaces-built-in = {replaces}\n");
            fs::write(&file, text).unwrap();
            let mut modules = Modules::default();
            let added = modules.add(&file, &[(ProtocolId::RIP, "rip"), (ProtocolId::OSPF, "ospf")]);
            added.map(|()| modules.has(ProtocolId::RIP)).ok()
        };
        assert_eq!(add("rip", "0x00000008", true), Some(true));
        assert_eq!(add("sample", "0x000000c8", false), Some(false));
        for (name, number, replaces) in [
            ("rip", "0x00000008", false),
            ("sample", "0x00000008", false),
            ("rip", "0x000000c8", false),
            ("sample", "0x00000008", true),
            ("ospf", "0x00000008", true),
            ("sample", "0x000000c8", true),
        ] {
            assert_eq!(add(name, number, replaces), None, "{name} {number} {replaces}");
        }
    }

    #[test]
    fn privileges_are_checked() {
        assert_eq!(refusal("capabilities = ['net-bind-service', 'net-raw']"), "");
        for (lines, words) in [
            (
                "capabilities = ['net-bindservice']",
                &["net-bindservice", "net-bind-service", "net-raw"][..],
            ),
            ("capabilities = ['net-admin']", &["net-admin", "net-raw"]),
            ("user = 'nobody-of-this-name'", &["user", "nobody-of-this-name"]),
            (
                "run = 'in-process'\ncapabilities = ['net-raw']",
                &["capabilities", "isolated"],
            ),
            ("run = 'in-process'\nuser = 'root'", &["user", "isolated"]),
        ] {
            let said = refusal(lines);
            for word in words {
                assert!(said.contains(word), "{lines}: {said}");
            }
        }
    }
}
