//! News that nobody read in time is lost, and the kernel's state is read anew.

use std::fmt::Write as _;
use std::fs;

use waypost_host::table::TableOptions;
use waypost_testkit::run;
use waypost_types::{PathId, Prefix, Prefix4, ProtocolId, RouteChange};

use crate::machine::{Machine, options};

#[test]
fn what_happened_in_a_flood_is_found() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(TableOptions {
            // The kernel makes a few kilobytes of it.
            receive_buffer: 1,
            ..options()
        })?;
        table.set(&[
            ("10.1.0.0/16", machine.via(&["10.0.1.2"])),
            ("10.2.0.0/16", machine.via(&["10.0.1.2", "10.0.2.2"])),
            ("10.3.0.0/16", machine.via(&["10.0.2.2"])),
            ("2001:db8:1::/48", machine.via(&["fd00:1::2"])),
        ]);
        let ours = [
            "10.1.0.0/16 proto rip metric 20 via 10.0.1.2 dev left",
            "10.2.0.0/16 proto rip metric 20 via 10.0.1.2 dev left via 10.0.2.2 dev right",
            "10.3.0.0/16 proto rip metric 20 via 10.0.2.2 dev right",
            "2001:db8:1::/48 proto rip metric 20 via fd00:1::2 dev left",
        ];
        machine.expect(&ours)?;
        let group = machine.object_of("10.2.0.0/16")?;
        let before = table.statistics()?;
        let mut flood = String::new();
        for number in 0..3000u32 {
            let (high, low) = (number >> 8, number & 255);
            writeln!(
                flood,
                "route add 172.{}.{low}.0/24 via 10.0.1.9 metric 7",
                16 + high
            )?;
        }
        writeln!(flood, "route del 10.1.0.0/16 metric 20\nnexthop del id {group}")?;
        for number in 0..3000u32 {
            let (high, low) = (number >> 8, number & 255);
            writeln!(flood, "route del 172.{}.{low}.0/24 metric 7", 16 + high)?;
        }
        let file = machine.node.directory().join("flood");
        fs::write(&file, flood)?;
        let flood = format!("-batch {}", file.display());
        // Nobody reads while it lasts, so that it is certain that what was done to ours is among what is lost.
        table.hold(|| machine.ip(&flood))?;
        machine.expect(&ours)?;
        let after = table.statistics()?;
        assert!(after.overruns > before.overruns, "{after:?}");
        assert!(after.resyncs > before.resyncs, "{after:?}");
        assert_eq!(after.meddled, before.meddled, "the news was not lost: {after:?}");
        Ok(())
    });
}

/// What we change ourselves does not fill the buffer: the kernel does not even queue it.
#[test]
fn our_own_changes_are_no_news() {
    run(|lab| {
        let machine = Machine::new(lab)?;
        let table = machine.start(TableOptions {
            receive_buffer: 1,
            ..options()
        })?;
        let before = table.statistics()?;
        let route = machine.via(&["10.0.1.2"]);
        let changes = (0..20_000u32).map(|number| RouteChange::Set {
            prefix: Prefix::V4(Prefix4::containing((0x0A80_0000 + (number << 8)).into(), 24).unwrap()),
            path: PathId(0),
            route: route.clone(),
        });
        table.handle.batch(ProtocolId::RIP, changes.collect());
        table.handle.settled();
        assert_eq!(machine.ip("-4 -o route show proto rip")?.lines().count(), 20_000);
        let after = table.statistics()?;
        assert_eq!((after.overruns, after.resyncs), (before.overruns, before.resyncs));
        assert_eq!(after.routes_set, 20_000);
        Ok(())
    });
}
