//! A9: change notification.

use std::sync::Arc;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::ChangeTypes;
use waypost_rtmv2::client::{Event, Events, Handle, Registration, Target};
use waypost_types::Prefix;

use crate::rig::{BOTH, MCAST, Rig, Told, UCAST, hop, name, prefix, route};

struct Listener {
    rig: Rig,
    told: Arc<Told>,
    entity: Handle,
    via: Handle,
}

fn listener() -> Listener {
    let rig = Rig::new();
    let told = Arc::new(Told::default());
    let registration = Registration {
        events: Some(Arc::clone(&told) as Arc<dyn Events>),
        ..Registration::default()
    };
    let entity = rig.client.register(Family::V4, name(201), &registration).unwrap();
    let via = rig.hop("192.0.2.1", 1);
    Listener {
        rig,
        told,
        entity,
        via,
    }
}

impl Listener {
    fn register(&self, types: ChangeTypes, only_marked: bool) -> Handle {
        self.rig
            .client
            .register_for_changes(self.entity, UCAST, types, only_marked, 77)
            .unwrap()
    }

    fn add(&self, destination: &str, metric: u32) -> Handle {
        let info = route(self.via, metric, &[self.via]);
        self.rig.add(destination, &info).unwrap().route
    }

    fn told(&self, registration: Handle) {
        let wanted = Event::ChangeNotification(registration, 77);
        self.told.wait("a change", |event| *event == wanted);
    }

    fn changed(&self, registration: Handle, max: usize) -> (Vec<Prefix>, bool) {
        let batch = self
            .rig
            .client
            .changed_destinations(self.entity, registration, max)
            .unwrap();
        for info in &batch.items {
            self.rig
                .client
                .release_destination_info(self.entity, info)
                .unwrap();
        }
        (
            batch.items.iter().map(|info| info.prefix).collect(),
            batch.is_last,
        )
    }

    fn destination(&self, text: &str) -> Handle {
        let info = self.rig.client.exact_destination(self.entity, prefix(text), 0, 0);
        info.unwrap().destination
    }
}

#[test]
fn codes_of_registration() {
    let it = listener();
    let register = |views, types| {
        it.rig
            .client
            .register_for_changes(it.entity, views, types, false, 0)
    };
    assert_eq!(
        register(UCAST, ChangeTypes::empty()),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    assert_eq!(register(4, ChangeTypes::BEST), Err(Status::ERROR_NOT_SUPPORTED));
    let mut made = Vec::new();
    let refused = loop {
        match register(UCAST, ChangeTypes::BEST) {
            Ok(handle) => made.push(handle),
            Err(status) => break status,
        }
    };
    assert_eq!(refused, Status::ERROR_NO_SYSTEM_RESOURCES);
    assert!(made.len() <= 32, "{}", made.len());
    it.rig.client.deregister_from_changes(it.entity, made[0]).unwrap();
    register(UCAST, ChangeTypes::BEST).unwrap();
    // Of another entity it is none.
    let changed = it.rig.client.changed_destinations(it.rig.entity, made[1], 1);
    assert_eq!(changed, Err(Status::ERROR_INVALID_HANDLE));
    for wrong in [0, 257] {
        let changed = it.rig.client.changed_destinations(it.entity, made[1], wrong);
        assert_eq!(changed, Err(Status::ERROR_INVALID_PARAMETER));
    }
}

#[test]
fn a_hint_and_then_what_changed() {
    let it = listener();
    it.add("9.0.0.0/8", 1);
    let registration = it.register(ChangeTypes::BEST, false);
    // Nothing of before.
    assert_eq!(it.changed(registration, 9), (vec![], true));
    for (destination, metric) in [
        ("10.2.0.0/16", 1),
        ("10.1.0.0/16", 1),
        ("10.1.0.0/16", 2),
        ("10.3.0.0/16", 1),
    ] {
        it.add(destination, metric);
    }
    it.told(registration);
    // One after the other, each once.
    let (first, is_last) = it.changed(registration, 2);
    assert_eq!(
        (first, is_last),
        (vec![prefix("10.1.0.0/16"), prefix("10.2.0.0/16")], false)
    );
    it.add("10.4.0.0/16", 1);
    assert_eq!(
        it.changed(registration, 9),
        (vec![prefix("10.3.0.0/16"), prefix("10.4.0.0/16")], true)
    );
    // Told once until everything was asked for, and then again.
    assert_eq!(it.told.count(), 0);
    it.add("10.5.0.0/16", 1);
    it.told(registration);
    it.rig
        .client
        .deregister_from_changes(it.entity, registration)
        .unwrap();
    assert_eq!(
        it.rig.client.changed_destinations(it.entity, registration, 1),
        Err(Status::ERROR_INVALID_HANDLE)
    );
}

#[test]
fn the_end_of_a_destination() {
    let it = listener();
    let handle = it.add("10.0.0.0/8", 1);
    let registration = it.register(ChangeTypes::ALL, false);
    it.rig.client.delete_route(it.rig.entity, handle).unwrap();
    let batch = it
        .rig
        .client
        .changed_destinations(it.entity, registration, 9)
        .unwrap();
    let info = &batch.items[0];
    assert_eq!((info.prefix, info.views), (prefix("10.0.0.0/8"), 0));
    let view = &info.view_infos[0];
    assert_eq!(
        (view.routes, view.route, view.owner),
        (0, Handle::NULL, Handle::NULL)
    );
    assert_eq!(it.changed(registration, 9), (vec![], true));
}

#[test]
fn types_and_views() {
    let it = listener();
    it.add("10.0.0.0/8", 1);
    let all = it.register(ChangeTypes::ALL, false);
    let best = it.register(ChangeTypes::BEST, false);
    let multicast = it
        .rig
        .client
        .register_for_changes(it.entity, MCAST, ChangeTypes::ALL, false, 77)
        .unwrap();
    let both = it
        .rig
        .client
        .register_for_changes(it.entity, BOTH, ChangeTypes::FORWARDING, false, 77)
        .unwrap();
    // Another route that is worse changes nothing for who wants the best.
    let other = it.rig.hop("192.0.2.2", 2);
    it.rig.add("10.0.0.0/8", &route(other, 9, &[other])).unwrap();
    let one = vec![prefix("10.0.0.0/8")];
    assert_eq!(it.changed(all, 9), (one.clone(), true));
    for registration in [best, multicast, both] {
        assert_eq!(it.changed(registration, 9), (vec![], true));
    }
    // Another gateway is one for who forwards.
    it.rig.add("10.0.0.0/8", &route(it.via, 1, &[other])).unwrap();
    assert_eq!(it.changed(both, 9), (one, true));
    assert_eq!(it.changed(multicast, 9), (vec![], true));
}

#[test]
fn pending_changes_can_be_asked_for_and_dropped() {
    let it = listener();
    it.add("10.0.0.0/8", 1);
    it.add("11.0.0.0/8", 1);
    let (ten, eleven) = (it.destination("10.0.0.0/8"), it.destination("11.0.0.0/8"));
    let registration = it.register(ChangeTypes::ALL, false);
    let has_changed = |destination| {
        it.rig
            .client
            .has_changed(it.entity, registration, destination)
            .unwrap()
    };
    assert!(!has_changed(ten));
    it.add("10.0.0.0/8", 2);
    it.add("11.0.0.0/8", 2);
    assert!(has_changed(ten) && has_changed(eleven));
    let stale = Err(Status::ERROR_INVALID_HANDLE);
    let ignore = |handles: &[Handle]| it.rig.client.ignore_changes(it.entity, registration, handles);
    assert_eq!(ignore(&[ten, Handle(5)]), stale);
    assert!(has_changed(ten));
    ignore(&[ten]).unwrap();
    assert!(!has_changed(ten) && has_changed(eleven));
    assert_eq!(it.changed(registration, 9), (vec![prefix("11.0.0.0/8")], true));
}

#[test]
fn marked_destinations() {
    let it = listener();
    it.add("10.0.0.0/8", 1);
    it.add("11.0.0.0/8", 1);
    let ten = it.destination("10.0.0.0/8");
    let registration = it.register(ChangeTypes::ALL, true);
    let client = &it.rig.client;
    // Without a mark there is silence: what comes first is the change of the marked one.
    it.add("10.0.0.0/8", 2);
    assert_eq!(it.changed(registration, 9), (vec![], true));
    assert!(!client.is_marked(it.entity, registration, ten).unwrap());
    client.mark(it.entity, registration, ten, true).unwrap();
    assert!(client.is_marked(it.entity, registration, ten).unwrap());
    it.add("11.0.0.0/8", 3);
    it.add("10.0.0.0/8", 3);
    it.told(registration);
    assert_eq!(it.changed(registration, 9), (vec![prefix("10.0.0.0/8")], true));
    client.mark(it.entity, registration, ten, false).unwrap();
    it.add("10.0.0.0/8", 4);
    assert_eq!(it.changed(registration, 9), (vec![], true));
    assert_eq!(it.told.count(), 0);
}

#[test]
fn changes_of_the_other_family_are_of_no_interest() {
    let it = listener();
    let registration = it.register(ChangeTypes::ALL, false);
    let six = it
        .rig
        .client
        .register(Family::V6, name(9), &Registration::default())
        .unwrap();
    let (via, _) = it
        .rig
        .client
        .add_next_hop(six, Target::New, &hop("2001:db8::1", 1))
        .unwrap();
    it.rig
        .add_as(six, "2001:db8::/32", &route(via, 1, &[via]))
        .unwrap();
    assert_eq!(it.changed(registration, 9), (vec![], true));
}
