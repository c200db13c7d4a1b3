//! The thread of an instance: it wakes for what calls set off, and ends cleanly however it ends.

use waypost_routprot::{InterfaceStatus, RoutingProtocol, Topic};
use waypost_testkit::wait_for;
use waypost_types::RouteNotice;

use crate::probe::{Ask, DONE, Probe, block, global, prefix};
use crate::rig::{Hosted, LOOPBACK, PATIENCE, isolated, udp_ports};

const PORT: u16 = 5520;

fn probe() -> Hosted<Probe> {
    let mut probe = Hosted::start(&global());
    probe.add_up(LOOPBACK, &block(1, PORT));
    probe
}

/// Nothing but the call itself makes the driver wake: no packet comes and no timer runs.
#[test]
fn work_that_a_call_puts_off_is_done() {
    isolated(|| {
        let mut probe = probe();
        for _ in 0..200 {
            probe
                .protocol
                .connect_client(LOOPBACK, Ask::Again.client())
                .unwrap();
            assert_eq!(probe.event(), DONE);
        }
    });
}

/// A call may set a timer at any point of the driver's round, the moment between its last look and its sleep included.
#[test]
fn a_timer_that_a_call_sets_is_never_missed() {
    isolated(|| {
        let mut probe = probe();
        for _ in 0..3000 {
            probe
                .protocol
                .connect_client(LOOPBACK, Ask::Deadline.client())
                .unwrap();
            // Taken without a pause, so that the next call meets the driver on its way to sleep.
            let deadline = std::time::Instant::now() + PATIENCE;
            while probe.protocol.next_event().is_none() {
                assert!(std::time::Instant::now() < deadline, "the timer was missed");
                std::thread::yield_now();
            }
        }
    });
}

#[test]
fn news_of_routes_wake_it() {
    isolated(|| {
        let mut probe = probe();
        let notice = RouteNotice {
            prefix: prefix().into(),
            best: None,
        };
        let sink = probe.notes.sink.lock().unwrap().take().unwrap();
        for _ in 0..100 {
            sink(vec![notice.clone()]);
            assert_eq!(probe.event(), DONE);
        }
        drop(probe);
        // News for an instance that is no more go nowhere.
        sink(vec![notice]);
    });
}

#[test]
fn a_panic_on_its_own_thread_ends_the_instance_and_nothing_else() {
    isolated(|| {
        let mut probe = probe();
        assert!(udp_ports().contains(&PORT));
        probe
            .protocol
            .connect_client(LOOPBACK, Ask::Panic.client())
            .unwrap();
        let notes = probe.notes.clone();
        let reason = wait_for(PATIENCE, "the host to be told", || {
            let mut deaths = notes.deaths.lock().unwrap();
            deaths.pop().ok_or_else(String::new)
        })
        .unwrap();
        assert_eq!(reason, "panicked: as the test asked");
        assert!(!udp_ports().contains(&PORT), "its socket is still open");
        let refusal = probe
            .protocol
            .interface_status(LOOPBACK, true, &InterfaceStatus::Enabled)
            .unwrap_err();
        assert!(refusal.reason.contains("as the test asked"), "{refusal}");
        assert_eq!(probe.protocol.next_event(), None);
        assert!(probe.notes.deaths.lock().unwrap().is_empty(), "told twice");
    });
}

#[test]
fn sockets_close_with_it() {
    isolated(|| {
        let mut stopped = probe();
        stopped.protocol.stop().unwrap();
        // Within the call: whoever starts the protocol again at once finds its ports free.
        assert!(!udp_ports().contains(&PORT));
        assert!(stopped.protocol.show(Topic::Summary).is_err());

        drop(probe());
        wait_for(PATIENCE, "the socket of a dropped instance to close", || {
            if udp_ports().contains(&PORT) {
                return Err(format!("{:?}", udp_ports()));
            }
            Ok(())
        })
        .unwrap();
    });
}
