//! What a module's process may do, and as whom it does it.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]
#![allow(clippy::print_stderr, reason = "a test that is left out says so")]

mod build;

use std::sync::Arc;
use std::time::Duration;

use build::{isolated as load, module};
use waypost_routprot::conformance::host::EmptyRouter;
use waypost_routprot::{
    InfoBlock, InterfaceIdentity, InterfaceType, RoutingCharacteristics, RoutingProtocol, Status,
};
use waypost_routprot_abi::{Capabilities, IsolatedProtocol, Privileges, User};
use waypost_testkit::{in_user_namespace, isolated};
use waypost_types::{InterfaceIndex, ProtocolId};

const SAMPLE: ProtocolId = ProtocolId(200);
const INDEX: InterfaceIndex = InterfaceIndex(7);
const PATIENCE: Duration = Duration::from_secs(60);
const NOBODY: User = User {
    uid: 65534,
    gid: 65533,
};

// What the module tries.
const BINDS_A_LOW_PORT: u32 = 1;
const OPENS_A_RAW_SOCKET: u32 = 2;
const READS_SHADOW: u32 = 3;
const BECOMES_ROOT: u32 = 4;
const TAKES_ALL_CAPABILITIES: u32 = 5;
const IS_ROOT: u32 = 6;
const IS_USER_OF_THE_BLOCK: u32 = 7;
const DIES_WITH_ITS_HOST: u32 = 8;
const SHOWS_ITSELF: u32 = 9;

fn words(words: &[u32]) -> InfoBlock {
    InfoBlock::new(1, words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// A module that runs.
struct Running(IsolatedProtocol);

impl Running {
    fn new(privileges: Privileges) -> Self {
        let file = module("privileged", &[]);
        let died = |reason| panic!("{reason}");
        let mut module = load(&file, PATIENCE, None, privileges, died).unwrap();
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
        Self(module)
    }

    fn can(&mut self, attempt: u32) -> bool {
        self.can_with(attempt, 0, 0)
    }

    fn can_with(&mut self, attempt: u32, first: u32, second: u32) -> bool {
        match self
            .0
            .set_interface_info(INDEX, &words(&[attempt, first, second]))
        {
            Ok(()) => true,
            Err(refusal) if refusal.status == Status::ERROR_CAN_NOT_COMPLETE => false,
            Err(refusal) => panic!("{refusal}"),
        }
    }
}

/// In a network namespace of its own: the port is nobody's there.
fn alone(test: impl FnOnce() + Send) {
    isolated(test).unwrap();
}

#[test]
fn a_module_may_do_what_it_is_granted_and_nothing_else() {
    alone(|| {
        for capabilities in [
            Capabilities::empty(),
            Capabilities::NET_BIND_SERVICE,
            Capabilities::NET_RAW,
            Capabilities::all(),
        ] {
            let mut running = Running::new(Privileges {
                capabilities,
                user: None,
            });
            let granted = |capability| capabilities.contains(capability);
            for (attempt, wanted) in [
                (BINDS_A_LOW_PORT, granted(Capabilities::NET_BIND_SERVICE)),
                (OPENS_A_RAW_SOCKET, granted(Capabilities::NET_RAW)),
                (TAKES_ALL_CAPABILITIES, false),
                (DIES_WITH_ITS_HOST, true),
                (IS_ROOT, true),
            ] {
                assert_eq!(running.can(attempt), wanted, "{attempt} with {capabilities:?}");
            }
        }
    });
}

#[test]
fn a_module_runs_as_somebody_else() {
    alone(|| {
        if in_user_namespace() {
            eprintln!("left out: there is only one user here");
            return;
        }
        for capabilities in [Capabilities::empty(), Capabilities::NET_BIND_SERVICE] {
            let mut running = Running::new(Privileges {
                capabilities,
                user: Some(NOBODY),
            });
            for (attempt, wanted) in [
                (BINDS_A_LOW_PORT, !capabilities.is_empty()),
                (OPENS_A_RAW_SOCKET, false),
                (READS_SHADOW, false),
                (BECOMES_ROOT, false),
                (TAKES_ALL_CAPABILITIES, false),
                (IS_ROOT, false),
                (DIES_WITH_ITS_HOST, true),
                (SHOWS_ITSELF, false),
            ] {
                assert_eq!(running.can(attempt), wanted, "{attempt} with {capabilities:?}");
            }
            assert!(running.can_with(IS_USER_OF_THE_BLOCK, NOBODY.uid, NOBODY.gid));
        }
        // What fails above is because of the user: root's own module can.
        let mut running = Running::new(Privileges::default());
        assert!(running.can(READS_SHADOW) && running.can(BECOMES_ROOT));
    });
}
