//! An engine behind its adapter conforms to the routing protocol interface.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

mod sample;

use std::cell::RefCell;
use std::sync::{Arc, Mutex, Weak};

use sample::{Global, Interface, Sample};
use waypost_engine::{Engine, EngineProtocol, Instance, InstanceCell, Now, Output, PortId, Transport};
use waypost_routprot::conformance::{Subject, run};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal};
use waypost_types::{InterfaceIndex, Seed, Time};

/// A UDP port that somebody else has.
const TAKEN: u16 = 666;

/// An instance and the clock it lives by.
struct World {
    now: Now,
    instance: Instance<Sample>,
}

impl World {
    /// Does what the outbox asks for. Returns the ports that could not be opened.
    fn carry_out(&mut self) -> Vec<String> {
        let mut failures = Vec::new();
        loop {
            let failed: Vec<PortId> = self
                .instance
                .outbox()
                .outputs()
                .iter()
                .filter_map(|output| match output {
                    Output::OpenPort(port, spec) if spec.transport == Transport::Udp(TAKEN) => Some(*port),
                    _ => None,
                })
                .collect();
            let again = self.instance.outbox().take_again();
            self.instance.outbox().clear();
            for port in failed {
                failures.push(format!("port {TAKEN} is taken"));
                self.instance.port_failed(self.now, port, "taken");
            }
            if again {
                self.instance.proceed(self.now);
            }
            if self.instance.outbox().is_empty() {
                return failures;
            }
        }
    }

    /// Moves the clock to the next deadline, if there is one.
    fn pass_time(&mut self) {
        if let Some(deadline) = self.instance.next_deadline() {
            self.now.time = deadline.max(self.now.time);
            self.instance.deadline(self.now);
            self.carry_out();
        }
    }
}

#[derive(Clone)]
struct Cell(Arc<Mutex<World>>);

impl InstanceCell<Sample> for Cell {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<Sample>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        let mut world = self.0.lock().unwrap();
        let now = world.now;
        let result = call(now, &mut world.instance);
        let failures = world.carry_out();
        Ok((result, failures))
    }
}

fn interface(metric: u32, port: u16, neighbours: &[u32]) -> Interface {
    Interface {
        metric,
        port: port.into(),
        neighbours: neighbours.to_vec(),
    }
}

fn global(interval: u32, query_port: u16) -> Global {
    Global { interval, query_port }
}

fn mib_input(index: InterfaceIndex, config: &Interface) -> Vec<u8> {
    let mut input = index.0.to_le_bytes().to_vec();
    input.extend(config.encode(Layout::Rras).bytes);
    input
}

fn conforms(name: &str, layout: Layout, fixed_part: usize, longer: Option<InfoBlock>) {
    let worlds: RefCell<Vec<Weak<Mutex<World>>>> = RefCell::default();
    let mut invalid = interface(3, 520, &[]);
    invalid.metric = 99;
    let mut subject = Subject::new(
        || {
            let world = Arc::new(Mutex::new(World {
                now: Now {
                    time: Time::from_secs(100),
                    ..Now::default()
                },
                instance: Instance::new(Seed(1), Vec::new()),
            }));
            worlds.borrow_mut().push(Arc::downgrade(&world));
            Box::new(EngineProtocol::<Sample, Cell>::new(Cell(world)))
        },
        Sample::PROTOCOL,
        global(30, 1000).encode(layout),
        [
            interface(3, 520, &[]).encode(layout),
            interface(5, 521, &[]).encode(layout),
        ],
        invalid.encode(layout),
    )
    .named(name)
    .other_global(global(60, 1001).encode(layout))
    .invalid_global(global(0, 1000).encode(layout))
    .failing_interface(interface(3, TAKEN, &[]).encode(layout))
    .failing_global(global(30, TAKEN).encode(layout))
    .fixed_part(fixed_part)
    .mib_set(|index| mib_input(index, &interface(7, 520, &[])))
    .failing_mib_set(|index| mib_input(index, &interface(7, TAKEN, &[])))
    .mib_get(|index| index.0.to_le_bytes().to_vec())
    .mib_table()
    .pass_time(|_| {
        let worlds: Vec<_> = worlds.borrow().iter().filter_map(Weak::upgrade).collect();
        for world in worlds {
            world.lock().unwrap().pass_time();
        }
    });
    if let Some(longer) = longer {
        subject = subject.longer_interface(longer);
    }
    let report = run(&subject);
    report.assert_conforms();
    let expected: &[&str] = if layout == Layout::Rras {
        &["4.3/update-routes", "6.3/4-longer", "7/neighbors"]
    } else {
        &["4.3/update-routes", "7/neighbors"]
    };
    let skipped: Vec<_> = report.skipped().map(|case| case.id).collect();
    assert_eq!(skipped, expected);
}

#[test]
fn an_engine_conforms_with_blocks_of_rras() {
    conforms("sample engine, RRAS blocks", Layout::Rras, 8, None);
}

#[test]
fn an_engine_conforms_with_blocks_of_waypost() {
    let layout = Layout::Waypost(2);
    conforms(
        "sample engine, Waypost blocks",
        layout,
        20,
        Some(interface(3, 520, &[1, 2, 3]).encode(layout)),
    );
}
