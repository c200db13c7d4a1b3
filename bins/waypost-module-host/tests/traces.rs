//! What modules trace, log and print is in the log of who runs them, and never more than anybody wants to read.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod build;

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use build::{isolated, module};
use waypost_exported_samples::{ECHO, Function};
use waypost_routprot::conformance::host::EmptyRouter;
use waypost_routprot::{
    InfoBlock, InterfaceIdentity, InterfaceType, RoutingCharacteristics, RoutingProtocol,
};
use waypost_routprot_abi::{ModuleProtocol, Privileges};
use waypost_testkit::wait_for;
use waypost_types::{InterfaceIndex, ProtocolId};

const SAMPLE: ProtocolId = ProtocolId(200);
const INDEX: InterfaceIndex = InterfaceIndex(7);
const PATIENCE: Duration = Duration::from_secs(20);
/// The metric with which the module traces thousands of lines.
const FLOODS: u32 = 9;

/// The log of this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn here() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let written = log.clone();
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(move || written.clone())
                .init();
            log
        })
    }

    /// The lines so far in the name of a module.
    fn of(&self, module: &str) -> Vec<String> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&log);
        let end = format!("module={module}");
        let lines = text.lines().filter(|line| line.ends_with(&end));
        lines.map(str::to_owned).collect()
    }

    fn expect(&self, module: &str, what: &str) -> String {
        wait_for(PATIENCE, &format!("the log says '{what}'"), || {
            let lines = self.of(module);
            let found = lines.iter().find(|line| line.contains(what));
            found.cloned().ok_or_else(|| lines.join("\n"))
        })
        .unwrap()
    }
}

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

fn start(module: &mut dyn RoutingProtocol) {
    module.register(&RoutingCharacteristics::offer(SAMPLE)).unwrap();
    let router = Arc::new(EmptyRouter { router_id: None });
    module.start(router.clone(), router, &words(&[30, 0])).unwrap();
    let identity = InterfaceIdentity {
        name: "eth0".to_owned(),
        index: INDEX,
        kind: InterfaceType::Permanent,
    };
    module.add_interface(&identity, &words(&[3, 0, 0])).unwrap();
    module.start_complete().unwrap();
}

/// A module that talks, and then more than it may, is heard, but not with everything.
fn talks(mut module: Box<dyn RoutingProtocol>, name: &str) {
    let log = Log::here();
    start(&mut *module);
    module.set_interface_info(INDEX, &words(&[5, 0, 0])).unwrap();
    let line = log.expect(name, "the metric is 5");
    assert!(line.contains(" INFO ") && line.contains("talk"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");
    log.expect(name, "error 20103: eth0");
    module.set_interface_info(INDEX, &words(&[FLOODS, 0, 0])).unwrap();
    drop(module);
    log.expect(name, "lines more, which are left out");
    let said = log.of(name).len();
    assert!((100..1500).contains(&said), "{said} lines");
}

#[test]
fn in_this_process() {
    Log::here();
    let file = module("talk", &["-DINSIDE"]);
    let loaded = ModuleProtocol::load(&file, None).unwrap();
    talks(Box::new(loaded), "talk-DINSIDE");
    // The next instance is heard as well.
    let mut next = ModuleProtocol::load(&file, None).unwrap();
    start(&mut next);
    next.set_interface_info(INDEX, &words(&[6, 0, 0])).unwrap();
    Log::here().expect("talk-DINSIDE", "the metric is 6");
}

#[test]
fn in_a_process_of_its_own() {
    Log::here();
    let file = module("talk", &["-DOUTSIDE"]);
    let died = |reason| panic!("{reason}");
    let loaded = isolated(&file, PATIENCE, None, Privileges::default(), died).unwrap();
    talks(Box::new(loaded), "talk-DOUTSIDE");
    let line = Log::here().expect("talk-DOUTSIDE", "on its own account");
    assert!(!line.contains('\u{7}'), "{line}");
}

#[test]
fn a_panic_in_a_process_of_its_own() {
    Log::here();
    let name = "libwaypost_exported_samples";
    let file = std::env::current_exe()
        .unwrap()
        .with_file_name(format!("{name}.so"));
    let mut module = isolated(&file, PATIENCE, None, Privileges::default(), |reason| {
        panic!("{reason}")
    })
    .unwrap();
    module.register(&RoutingCharacteristics::offer(ECHO)).unwrap();
    let router = Arc::new(EmptyRouter { router_id: None });
    let global = InfoBlock::new(1, vec![Function::StartComplete as u8]);
    module.start(router.clone(), router, &global).unwrap();
    module.start_complete().unwrap_err();
    Log::here().expect(name, "asked to panic in StartComplete");
}
