//! Modules that misbehave in every way there is end in a clear message, and the next one runs.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod build;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use build::{isolated, module};
use waypost_routprot::conformance::host::EmptyRouter;
use waypost_routprot::{
    InfoBlock, InterfaceIdentity, InterfaceType, Refusal, RoutingCharacteristics, RoutingProtocol, Status,
    read_info,
};
use waypost_routprot_abi::Privileges;
use waypost_types::{InterfaceIndex, ProtocolId};

const SAMPLE: ProtocolId = ProtocolId(200);
/// How long a module that hangs is waited for; the others answer long before.
const DEADLINE: Duration = Duration::from_secs(5);
const INDEX: InterfaceIndex = InterfaceIndex(7);

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// A whole life of a module: what the first call that it refuses is refused with.
fn live(name: &str, died: impl FnOnce(String) + Send + 'static) -> Result<(), Refusal> {
    let option = format!("-DMISBEHAVIOUR={name}");
    let file = module(
        "hostile",
        &[&option, "-Wno-use-after-free", "-Wno-free-nonheap-object"],
    );
    let mut module = isolated(&file, DEADLINE, None, Privileges::default(), died)?;
    module.register(&RoutingCharacteristics::offer(SAMPLE))?;
    let router = Arc::new(EmptyRouter {
        router_id: "192.0.2.1".parse().ok(),
    });
    module.start(router.clone(), router, &words(&[30, 0]))?;
    let identity = InterfaceIdentity {
        name: "eth0".to_owned(),
        index: INDEX,
        kind: InterfaceType::Permanent,
    };
    module.add_interface(&identity, &words(&[3, 0, 0]))?;
    module.start_complete()?;
    module.set_interface_info(INDEX, &words(&[5, 0, 0]))?;
    let read = read_info(|buffer| module.interface_info(INDEX, buffer))?;
    if read != words(&[5, 0, 0]) {
        return Err(Refusal::failed(format!(
            "something else was read back: {:?}",
            read.bytes
        )));
    }
    for _ in 0..10 {
        if module.next_event().is_none() {
            break;
        }
    }
    match module.stop() {
        Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => Ok(()),
        other => other,
    }
}

/// What is expected of one.
enum Expected {
    /// It fails, in these words, and its host is told.
    Fails(&'static str),
    /// A call of it is refused, in these words, and it lives on.
    Refused(&'static str),
    /// What it tries does nothing, and it lives on.
    Nothing,
}

use Expected::{Fails, Nothing, Refused};

const KINDS: &[(&str, Expected)] = &[
    ("CRASHES_IN_SET", Fails("SIGSEGV")),
    ("DIVIDES_BY_ZERO", Fails("SIGFPE")),
    ("OVERFLOWS_ITS_STACK", Fails("SIG")),
    ("ABORTS_IN_START", Fails("SIGABRT")),
    ("EXITS_IN_SET", Fails("exit status: 3")),
    ("HANGS_IN_SET", Fails("no answer to SetInterfaceInfo within 5s")),
    ("HANGS_IN_STOP", Fails("no answer to Stop within 5s")),
    ("WRITES_PAST_THE_BUFFER", Refused("wrote past the buffer")),
    ("WRITES_BEFORE_THE_BLOCK", Refused("wrote outside of the octets")),
    ("CLAIMS_TO_HAVE_WRITTEN_MORE", Refused("claims to have written")),
    (
        "WANTS_GIGABYTES",
        Refused("asks for a buffer of 4294967295 octets"),
    ),
    ("SAYS_MEANINGLESS_EVENTS", Nothing),
    ("CLAIMS_A_NEWER_VERSION", Refused("dwVersion")),
    ("LEAVES_OUT_A_FUNCTION", Refused("pfnInterfaceStatus")),
    ("OFFERS_POWER", Refused("pfnSetPower")),
    ("REGISTERS_ANOTHER_PROTOCOL", Refused("dwProtocolId")),
    ("CLAIMS_MORE_FUNCTIONALITY", Refused("fSupportedFunctionality")),
    ("CRASHES_IN_REGISTER", Fails("SIGSEGV")),
    ("CRASHES_WHEN_LOADED", Fails("SIGSEGV")),
    ("KILLS_ITS_PARENT", Nothing),
    ("MAKES_PROCESSES", Nothing),
    ("RUNS_PROGRAMS", Nothing),
    ("WRITES_FILES", Nothing),
    ("CLOSES_EVERYTHING", Fails("its process ended")),
    ("TALKS_NONSENSE_TO_THE_HOST", Fails("does not speak as agreed")),
    ("FREES_WHAT_IS_NOT_ITS_OWN", Fails("SIG")),
    ("EATS_MEMORY", Fails("SIGSEGV")),
    ("CRASHES_IN_A_THREAD", Fails("SIGSEGV")),
    ("ASKS_FROM_MANY_THREADS", Nothing),
    ("PASSES_BAD_POINTERS", Nothing),
    ("SIGNALS_ENDLESSLY", Nothing),
    ("LEAKS_EVERYTHING", Nothing),
    ("CHANGES_LIMITS", Nothing),
];

#[test]
fn every_misbehaviour_ends_in_a_message() {
    let mut wrong = Vec::new();
    for (name, expected) in KINDS {
        let (died, told) = mpsc::channel();
        let refusal = live(name, move |reason| died.send(reason).unwrap()).err();
        let said = refusal.map_or_else(String::new, |refusal| refusal.to_string());
        let reason = match expected {
            Fails(_) => told.recv_timeout(Duration::from_secs(10)).ok(),
            _ => told.try_recv().ok(),
        };
        let fine = match (expected, &reason) {
            (Fails(words), Some(reason)) => said.contains(words) && reason.contains(words),
            (Refused(words), None) => said.contains(words),
            (Nothing, None) => said.is_empty(),
            _ => false,
        };
        if !fine {
            wrong.push(format!("{name}: said '{said}', told {reason:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
