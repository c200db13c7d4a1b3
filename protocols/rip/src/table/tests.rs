use std::collections::BTreeMap as Map;

use proptest::prelude::*;
use waypost_types::{Prefix, RouteChange};

use super::*;

fn policy(cost: u8) -> LinkPolicy {
    LinkPolicy {
        cost,
        weight: 1,
        overwrite_static: false,
        expiration: Duration::from_secs(30),
        removal: Duration::from_secs(20),
        networks: vec!["10.0.0.0/8".parse().unwrap()],
    }
}

#[derive(Clone, Debug)]
enum Step {
    Learn {
        prefix: u8,
        link: u32,
        from: u8,
        metric: u8,
        permitted: bool,
    },
    Forget {
        prefix: u8,
        link: u32,
        from: u8,
    },
    Cost {
        link: u32,
        cost: u8,
    },
    Wait {
        seconds: u64,
    },
    RemoveLink {
        link: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let learn = (0u8..3, 1u32..3, 0u8..3, 1u8..16, prop::bool::weighted(0.8)).prop_map(
        |(prefix, link, from, metric, permitted)| Step::Learn {
            prefix,
            link,
            from,
            metric,
            permitted,
        },
    );
    prop_oneof![
        6 => learn,
        2 => (0u8..3, 1u32..3, 0u8..3).prop_map(|(prefix, link, from)| Step::Forget { prefix, link, from }),
        1 => (1u32..3, 1u8..17).prop_map(|(link, cost)| Step::Cost { link, cost }),
        3 => (0u64..25).prop_map(|seconds| Step::Wait { seconds }),
        1 => (1u32..3).prop_map(|link| Step::RemoveLink { link }),
    ]
}

fn prefix_of(number: u8) -> Prefix4 {
    Prefix4::containing(Ipv4Addr::new(192, 0, number, 0), 24).unwrap()
}

proptest! {
    /// The table against a plain list of everything heard, evaluated anew after every step.
    #[test]
    fn agrees_with_a_plain_list(steps in prop::collection::vec(step(), 0..60), ecmp in 1usize..4) {
        let mut table = Table::new();
        let mut out = Outbox::new();
        let mut now = Time::from_secs(1);
        let mut costs: Map<u32, u8> = Map::from([(1, 1), (2, 1)]);
        table.set_policy(now, ecmp, None, Rules::default(), &mut out);
        for link in [1, 2] {
            table.set_link(now, InterfaceIndex(link), policy(1), |_, _| Some(Adjustment::default()), &mut out);
        }
        // (prefix, link, from) -> (metric, permitted, refreshed)
        let mut model: Map<(u8, u32, u8), (u8, bool, Time)> = Map::new();
        let mut installed: Map<Prefix4, Route> = Map::new();
        let mut announced = 0;
        let mut heard_of: Map<Prefix4, u8> = Map::new();
        for step in steps {
            match step {
                Step::Learn { prefix, link, from, metric, permitted } => {
                    let heard = Heard {
                        interface: InterfaceIndex(link),
                        from: Ipv4Addr::new(10, 0, 0, from),
                        next_hop: Ipv4Addr::new(10, 0, 0, from),
                        metric,
                        tag: 0,
                        refreshed: now,
                        permitted,
                        adjustment: Adjustment::default(),
                        selected: false,
                    };
                    if costs.contains_key(&link) {
                        table.learn(prefix_of(prefix), heard, &mut out);
                        model.insert((prefix, link, from), (metric, permitted, now));
                    }
                }
                Step::Forget { prefix, link, from } => {
                    table.forget(now, prefix_of(prefix), InterfaceIndex(link), Ipv4Addr::new(10, 0, 0, from), &mut out);
                    model.remove(&(prefix, link, from));
                }
                Step::Cost { link, cost } => {
                    costs.insert(link, cost);
                    table.set_link(now, InterfaceIndex(link), policy(cost), |_, _| Some(Adjustment::default()), &mut out);
                    for ((_, on, _), heard) in &mut model {
                        if *on == link { heard.1 = true; }
                    }
                }
                Step::Wait { seconds } => {
                    now += Duration::from_secs(seconds);
                    while table.next_expiry().is_some_and(|at| at <= now) {
                        table.expire(now, &mut out);
                    }
                    model.retain(|_, (_, _, refreshed)| now < *refreshed + Duration::from_secs(30));
                }
                Step::RemoveLink { link } => {
                    table.remove_link(now, InterfaceIndex(link), &mut out);
                    costs.remove(&link);
                    model.retain(|(_, on, _), _| *on != link);
                }
            }
            for change in out.take_routes() {
                match change {
                    RouteChange::Set { prefix: Prefix::V4(prefix), route, .. } => {
                        prop_assert_ne!(installed.insert(prefix, route.clone()), Some(route), "told twice");
                    }
                    RouteChange::Delete { prefix: Prefix::V4(prefix), .. } => {
                        prop_assert!(installed.remove(&prefix).is_some(), "deleted twice");
                    }
                    other => panic!("{other:?}"),
                }
            }
            // Whoever follows the journal knows every metric.
            let changes: Vec<_> = table.changes_after(announced).collect();
            for (number, prefix) in changes {
                announced = number;
                let metric = table.get(prefix).and_then(|d| d.current.as_ref()).map_or(16, |c| c.metric);
                heard_of.insert(prefix, metric);
            }
            for link in [1, 2] {
                let count = model.keys().filter(|(_, on, _)| *on == link).count();
                prop_assert_eq!(table.heard_on(InterfaceIndex(link)) as usize, count);
            }
            for number in 0..3 {
                let totals: Vec<u8> = model
                    .iter()
                    .filter(|((prefix, ..), (_, permitted, _))| *prefix == number && *permitted)
                    .map(|((_, link, _), (metric, ..))| (metric + costs[link]).min(16))
                    .collect();
                let best = totals.iter().min().copied().filter(|metric| *metric < 16);
                let route = installed.get(&prefix_of(number));
                prop_assert_eq!(route.map(|route| route.metric), best.map(u32::from));
                if let (Some(best), Some(route)) = (best, route) {
                    let equal = totals.iter().filter(|total| **total == best).count();
                    prop_assert_eq!(route.next_hops.len(), equal.min(ecmp));
                }
                prop_assert_eq!(heard_of.get(&prefix_of(number)).copied().unwrap_or(16), best.unwrap_or(16));
            }
        }
        // Left alone, everything goes.
        now += Duration::from_secs(100);
        while table.next_expiry().is_some_and(|at| at <= now) {
            table.expire(now, &mut out);
        }
        now += Duration::from_secs(100);
        while table.next_expiry().is_some_and(|at| at <= now) {
            table.expire(now, &mut out);
        }
        prop_assert!(table.is_empty() && table.checks.is_empty() && table.journal.is_empty());
    }
}
