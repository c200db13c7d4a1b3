//! Protocols that want news of other protocols' routes.

use std::collections::{BTreeMap, BTreeSet};

use waypost_rtm::{Rtm, RtmError, SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_types::{ProtocolId, RouteNotice};

use super::handle::Sink;

struct Listener {
    subscriber: SubscriberId,
    /// Whose routes it is told of.
    wanted: BTreeSet<ProtocolId>,
    /// Whose routes are subscribed to: also those it no longer wants, until it was told of each that there is none.
    subscribed: BTreeSet<ProtocolId>,
    sink: Sink,
}

/// The protocols that want news of routes, each with its subscription.
#[derive(Default)]
pub(super) struct Listeners {
    by_protocol: BTreeMap<ProtocolId, Listener>,
}

impl Listeners {
    /// From now on tells `sink` of the best routes of `owners`, in the place of what the protocol was told of before.
    ///
    /// A protocol that listens already keeps its subscription with what waits in it: whatever it was told of and is no
    /// longer so, it is told.
    pub(super) fn interest(
        &mut self,
        rtm: &mut Rtm,
        protocol: ProtocolId,
        owners: Vec<ProtocolId>,
        sink: Sink,
    ) {
        let owners: BTreeSet<ProtocolId> = owners.into_iter().filter(|owner| *owner != protocol).collect();
        let subscribed = match self.by_protocol.get_mut(&protocol) {
            Some(listener) => {
                listener.sink = sink;
                listener.subscribed.extend(&owners);
                listener.wanted = owners;
                resubscribe(rtm, listener.subscriber, &listener.subscribed)
            }
            None if owners.is_empty() => return,
            None => subscribe(rtm, &owners).map(|subscriber| {
                let listener = Listener {
                    subscriber,
                    subscribed: owners.clone(),
                    wanted: owners,
                    sink,
                };
                self.by_protocol.insert(protocol, listener);
            }),
        };
        if let Err(error) = subscribed {
            tracing::error!(%protocol, %error, "the protocol hears no news of routes");
        }
    }

    /// Tells a protocol nothing any more.
    pub(super) fn remove(&mut self, rtm: &mut Rtm, protocol: ProtocolId) {
        if let Some(listener) = self.by_protocol.remove(&protocol) {
            // INVARIANT: the subscription lives as long as the listener.
            let _ = rtm.unsubscribe(listener.subscriber);
        }
    }

    /// Tells everybody up to `most` of the news that wait; whether there is more.
    pub(super) fn drain(&mut self, rtm: &mut Rtm, most: usize) -> bool {
        let mut more = false;
        for listener in self.by_protocol.values_mut() {
            // INVARIANT: the subscription lives as long as the listener, and is of the kind that this call serves.
            let changes = rtm.drain(listener.subscriber, most).unwrap_or_default();
            let all = changes.len() < most;
            more |= !all;
            if !changes.is_empty() {
                let wanted = &listener.wanted;
                let notices = changes.into_iter().map(|change| RouteNotice {
                    prefix: change.notice.prefix,
                    best: change.notice.best.filter(|best| wanted.contains(&best.owner)),
                });
                (listener.sink)(notices.collect());
            }
            if all && listener.subscribed != listener.wanted {
                listener.subscribed.clone_from(&listener.wanted);
                let _ = rtm.set_owners(listener.subscriber, Some(listener.wanted.clone()));
            }
        }
        more
    }
}

fn subscribe(rtm: &mut Rtm, owners: &BTreeSet<ProtocolId>) -> Result<SubscriberId, RtmError> {
    let subscriber = rtm.subscribe(SubscriberConfig {
        kind: SubscriberKind::Best,
        family: None,
        owners: Some(owners.clone()),
        by_set: false,
    })?;
    rtm.replay(subscriber)?;
    Ok(subscriber)
}

fn resubscribe(
    rtm: &mut Rtm,
    subscriber: SubscriberId,
    owners: &BTreeSet<ProtocolId>,
) -> Result<(), RtmError> {
    rtm.set_owners(subscriber, Some(owners.clone()))?;
    rtm.replay(subscriber)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use waypost_rtm::{EntityConfig, EntityId};
    use waypost_types::{
        InterfaceIndex, NextHop, PathId, Prefix, Prefix4, Random, Route, RouteChange, RouteKind, Seed, Time,
    };

    use super::*;

    const LISTENER: ProtocolId = ProtocolId::RIP;
    const OWNERS: [ProtocolId; 3] = [ProtocolId::STATIC, ProtocolId::AUTOSTATIC, ProtocolId::OSPF];

    /// A table, what a protocol makes of its news, and what is on the way to it.
    struct Bench {
        rtm: Rtm,
        entities: [EntityId; 3],
        listeners: Listeners,
        inbox: Arc<Mutex<Vec<RouteNotice>>>,
        interested: Vec<ProtocolId>,
        believed: BTreeMap<Prefix, ProtocolId>,
    }

    impl Bench {
        fn new() -> Self {
            let mut rtm = Rtm::new(Seed(1));
            let entities = OWNERS.map(|owner| rtm.register(EntityConfig::new(owner)).unwrap());
            Self {
                rtm,
                entities,
                listeners: Listeners::default(),
                inbox: Arc::default(),
                interested: Vec::new(),
                believed: BTreeMap::new(),
            }
        }

        fn set(&mut self, owner: usize, number: u32, present: bool) {
            let prefix = Prefix::V4(Prefix4::host((0x0A00_0000 + number).into()));
            let path = PathId(0);
            let change = if present {
                let route = Route {
                    kind: RouteKind::Unicast,
                    next_hops: [NextHop::on(InterfaceIndex(1))].into_iter().collect(),
                    metric: 0,
                    tag: 0,
                    preference: None,
                };
                RouteChange::Set { prefix, path, route }
            } else {
                RouteChange::Delete { prefix, path }
            };
            self.rtm.set_interface_usable(InterfaceIndex(1), true);
            let report = self
                .rtm
                .apply(Time::ZERO, self.entities[owner], &[change])
                .unwrap();
            assert!(report.refused.is_empty());
        }

        /// As an engine does: what it is no longer interested in, it forgets itself.
        fn interest(&mut self, owners: &[ProtocolId]) {
            self.interested = owners.to_vec();
            self.believed.retain(|_, owner| owners.contains(owner));
            let inbox = self.inbox.clone();
            let sink = Box::new(move |notices: Vec<RouteNotice>| inbox.lock().unwrap().extend(notices));
            self.listeners
                .interest(&mut self.rtm, LISTENER, owners.to_vec(), sink);
        }

        /// What is in the inbox arrives.
        fn hear(&mut self) {
            for notice in std::mem::take(&mut *self.inbox.lock().unwrap()) {
                let owner = notice.best.map(|best| best.owner);
                match owner.filter(|owner| self.interested.contains(owner)) {
                    Some(owner) => drop(self.believed.insert(notice.prefix, owner)),
                    None => drop(self.believed.remove(&notice.prefix)),
                }
            }
        }

        fn settle(&mut self) {
            while self.listeners.drain(&mut self.rtm, 64) {}
            self.hear();
        }

        /// What there is of the routes it is interested in.
        fn truth(&self) -> BTreeMap<Prefix, ProtocolId> {
            let best = self.rtm.page(None, usize::MAX).into_iter();
            best.filter_map(|destination| Some((destination.prefix, destination.best?.owner)))
                .filter(|(_, owner)| self.interested.contains(owner))
                .collect()
        }
    }

    #[test]
    fn routes_that_go_while_the_interest_changes_are_not_believed_for_ever() {
        let mut bench = Bench::new();
        bench.interest(&[ProtocolId::STATIC]);
        (0..1000).for_each(|number| bench.set(0, number, true));
        bench.settle();
        assert_eq!(bench.believed.len(), 1000);
        (0..900).for_each(|number| bench.set(0, number, false));
        bench.interest(&[ProtocolId::STATIC, ProtocolId::AUTOSTATIC]);
        bench.settle();
        assert_eq!(bench.believed.len(), 100);
    }

    #[test]
    fn whoever_listens_to_nobody_and_then_again_believes_what_is_there() {
        let mut bench = Bench::new();
        bench.interest(&[ProtocolId::STATIC]);
        (0..100).for_each(|number| bench.set(0, number, true));
        while bench.listeners.drain(&mut bench.rtm, 64) {}
        // The news is still on its way when the interest goes and comes back.
        bench.interest(&[]);
        (0..50).for_each(|number| bench.set(0, number, false));
        bench.interest(&[ProtocolId::STATIC]);
        bench.settle();
        assert_eq!(bench.believed, bench.truth());
        assert_eq!(bench.believed.len(), 50);
    }

    #[test]
    fn in_whichever_order_things_happen_the_truth_is_believed_in_the_end() {
        for seed in 0..200 {
            let mut random: Random = Seed(seed).random();
            let mut bench = Bench::new();
            for _ in 0..300 {
                match random.below(20) {
                    0 => {
                        let wanted = random.below(8);
                        let owners: Vec<ProtocolId> = (0..3)
                            .filter(|bit| wanted >> bit & 1 == 1)
                            .map(|bit| OWNERS[bit])
                            .collect();
                        bench.interest(&owners);
                    }
                    1 => drop(bench.listeners.drain(&mut bench.rtm, 3)),
                    2 => bench.hear(),
                    _ => {
                        let owner = random.below(3) as usize;
                        bench.set(owner, random.below(20) as u32, random.chance(1, 2));
                    }
                }
            }
            bench.settle();
            assert_eq!(bench.believed, bench.truth(), "seed {seed}");
        }
    }

    #[test]
    fn who_is_gone_hears_nothing_and_holds_nothing() {
        let mut bench = Bench::new();
        bench.interest(&[ProtocolId::STATIC]);
        bench.listeners.remove(&mut bench.rtm, LISTENER);
        bench.set(0, 1, true);
        bench.settle();
        assert!(bench.believed.is_empty());
        // A slot that is not given back would be missed after 32 of these.
        for _ in 0..100 {
            bench.interest(&[ProtocolId::STATIC]);
            bench.listeners.remove(&mut bench.rtm, LISTENER);
        }
        bench.interest(&[ProtocolId::STATIC]);
        bench.settle();
        assert_eq!(bench.believed.len(), 1);
    }
}
