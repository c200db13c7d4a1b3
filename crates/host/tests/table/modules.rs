//! A module's way to the table: at once, for its own protocol, and with routes that outlive an instance that died.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use waypost_host::table::TableOptions;
use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::{Bell, ChangeTypes, EntityKey, EntityName, RouteTable, Views};
use waypost_testkit::{run, wait_for};
use waypost_types::{PathId, Prefix, ProtocolId};

use crate::machine::{Machine, PATIENCE, Table, options};

const MODULE: ProtocolId = ProtocolId(0xC8);
const NAME: EntityName = EntityName {
    protocol: MODULE,
    instance: 0,
};

#[derive(Default)]
struct Count(AtomicUsize);

impl Bell for Count {
    fn ring(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn set(table: &dyn RouteTable, entity: EntityKey, machine: &Machine, to: &str) -> Result<Views, Status> {
    let prefix: Prefix = to.parse().unwrap();
    let route = machine.via(&["10.0.1.2"]);
    table.set(entity, prefix, PathId(0), Views::UNICAST, &route)
}

fn shown(to: &str) -> String {
    format!("{to} proto 87 metric 20 via 10.0.1.2 dev left")
}

fn expect(machine: &Machine, routes: &[&str]) -> anyhow::Result<()> {
    let routes: Vec<String> = routes.iter().map(|to| shown(to)).collect();
    machine.expect(&routes.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_a_module_sets_is_in_the_kernel() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(options())?;
        let module = table.handle.for_module(MODULE);
        let other = table.handle.for_module(ProtocolId(0xC9));
        assert_eq!(
            other.register(Family::V4, NAME),
            Err(Status::ERROR_INVALID_PARAMETER),
            "nobody speaks for another protocol"
        );
        let entity = module.register(Family::V4, NAME).unwrap();
        assert_eq!(set(&*module, entity, &machine, "10.1.0.0/16"), Ok(Views::UNICAST));
        // What was set can be seen when the call returns, by others as well.
        let to: Prefix = "10.1.0.0/16".parse().unwrap();
        assert!(other.destination(to).is_some());
        assert_eq!(
            other.delete(entity, to, PathId(0)),
            Err(Status::ERROR_INVALID_HANDLE),
            "nor touches its routes"
        );
        other.deregister(entity);
        expect(&machine, &["10.1.0.0/16"])?;
        assert!(module.destination(to).unwrap().views[0].is_forwarded);

        // News of others' routes, with nobody asking the table's thread for anything.
        let bell = Arc::new(Count::default());
        let watch = module
            .watch(Family::V4, Views::UNICAST, ChangeTypes::BEST, bell.clone())
            .unwrap();
        table.set(&[("10.2.0.0/16", machine.via(&["10.0.2.2"]))]);
        wait_for(PATIENCE, "the bell", || {
            let rung = bell.0.load(Ordering::Relaxed);
            if rung > 0 {
                Ok(())
            } else {
                Err("silence".to_owned())
            }
        })?;
        assert_eq!(module.changed(watch, 10), ["10.2.0.0/16".parse().unwrap()]);
        assert!(other.changed(watch, 10).is_empty());

        assert_eq!(module.delete(entity, to, PathId(0)), Ok(Views::UNICAST));
        machine.expect(&["10.2.0.0/16 proto rip metric 20 via 10.0.2.2 dev right"])?;
        // What a module may take has an end, and is given back with it.
        let taken = (0..100).filter(|_| {
            let bell = bell.clone();
            let watch = module.watch(Family::V4, Views::UNICAST, ChangeTypes::BEST, bell);
            watch.is_ok()
        });
        assert_eq!(taken.count(), 7);
        drop(module);
        assert_eq!(Arc::strong_count(&bell), 1);
        Ok(())
    });
}

#[test]
fn routes_of_an_instance_that_died_wait_for_the_next() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table: Table<'_> = machine.start(TableOptions {
            restart_time: Duration::from_millis(1500),
            ..options()
        })?;
        let first = table.handle.for_module(MODULE);
        let entity = first.register(Family::V4, NAME).unwrap();
        for to in ["10.1.0.0/16", "10.2.0.0/16"] {
            set(&*first, entity, &machine, to).unwrap();
        }
        expect(&machine, &["10.1.0.0/16", "10.2.0.0/16"])?;
        drop(first);
        table.handle.keep_for_grace(MODULE);
        let second = table.handle.for_module(MODULE);
        let entity = second.register(Family::V4, NAME).unwrap();
        set(&*second, entity, &machine, "10.1.0.0/16").unwrap();
        table.handle.settled();
        assert_eq!(
            machine.routes()?.len(),
            2,
            "both are there until the time is over"
        );
        expect(&machine, &["10.1.0.0/16"])?;
        // Stopped: at once, and the next instance finds nothing in its way.
        table.handle.remove_protocol(MODULE);
        assert_eq!(
            set(&*second, entity, &machine, "10.3.0.0/16"),
            Err(Status::ERROR_INVALID_HANDLE)
        );
        drop(second);
        let third = table.handle.for_module(MODULE);
        third.register(Family::V4, NAME).unwrap();
        machine.expect(&[])
    });
}
