//! The network on which every row is measured.
//!
//! ```text
//! 10.1.0.0/24 10.1.1.0/24 172.16.1.0/24 - r1 -eth0- 10.0.12.0/24 -eth0- r2 - 10.2.0.0/24 10.2.1.0/24 10.2.6.0/24
//!                                         |  \                          |
//!                                      eth1  eth2 (on r1 only)        10.9.0.0/24
//!                                         |    \                        |
//!                                  10.0.13.0/24 10.0.14.0/24 --------- r3 - 10.3.0.0/24
//! ```
//!
//! What is behind r2 has no other way than the link between r1 and r2, so that whatever resets something there shows.
//! Only 10.9.0.0/24 has two: r2, and r3 at a higher cost.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use waypost_testkit::{Lab, Make, Node, Router, Tap, wait_for};

use crate::case::At::{R1, R2, R3};
use crate::case::{At, Case, Has, Step};
use crate::subject::Subject;

pub(crate) const LAN1: &str = "10.1.0.0/24";
pub(crate) const LAN2: &str = "10.2.0.0/24";
pub(crate) const LAN3: &str = "10.3.0.0/24";
/// The network behind both r2 and r3.
pub(crate) const BOTH: &str = "10.9.0.0/24";
pub(crate) const DEFAULT: &str = "0.0.0.0/0";
/// r1 has a static route to it and hears of it from r2.
pub(crate) const CONTESTED: &str = "10.2.6.0/24";
pub(crate) const HOST1: &str = "10.1.7.7/32";
pub(crate) const HOST2: &str = "10.2.7.7/32";
/// The addresses by which the routers know each other.
pub(crate) const TO_R1: &str = "10.0.12.1";
pub(crate) const TO_R2: &str = "10.0.12.2";
pub(crate) const R3_TO_R1: &str = "10.0.13.1";
pub(crate) const TO_R3: &str = "10.0.13.3";
/// Who hears whom, and by which address.
pub(crate) const PAIRS: [(At, At, &str); 4] = [
    (R1, R2, TO_R2),
    (R2, R1, TO_R1),
    (R1, R3, TO_R3),
    (R3, R1, R3_TO_R1),
];
/// A host behind r1's `lan0`.
pub(crate) const HOST: &str = "10.1.0.9";

/// Enough for the first updates, or adjacencies, and the next ones, of every make.
const SOON: Duration = Duration::from_secs(45);

/// r1's static routes.
pub(crate) const STATIC_ROUTES: [&str; 4] = [
    r#"{ prefix = "10.2.6.0/24", via = "10.1.0.9" }"#,
    r#"{ prefix = "172.31.1.0/24", via = "10.1.0.9" }"#,
    r#"{ prefix = "172.31.2.0/24", via = "10.1.0.9" }"#,
    r#"{ prefix = "10.1.7.7/32", via = "10.1.0.9" }"#,
];

/// Three routers and what is known of them.
pub(crate) struct Bench {
    pub(crate) subject: Subject,
    pub(crate) make: Make,
    nodes: [Node; 3],
    routers: [Router; 3],
    taps: [Tap; 3],
    /// Waypost: the value of every option that is set.
    options: BTreeMap<(At, String), String>,
    /// The other makes: the whole configuration, and for Waypost the file that brings it back.
    texts: [String; 3],
}

impl Bench {
    /// Builds the network with nodes whose names begin with `name`, and starts routers that know each other.
    pub(crate) fn new(lab: &Lab, name: &str, subject: Subject, make: Make) -> Result<Self> {
        let node = |at: At| lab.node(&format!("{name}-{}", at.name()));
        let nodes = [node(R1)?, node(R2)?, node(R3)?];
        let [r1, r2, r3] = &nodes;
        lab.link((r1, "eth0", "10.0.12.1/24"), (r2, "eth0", "10.0.12.2/24"))?;
        lab.link((r1, "eth1", "10.0.13.1/24"), (r3, "eth1", "10.0.13.3/24"))?;
        lab.link((r1, "eth2", "10.0.14.1/24"), (r3, "eth2", "10.0.14.3/24"))?;
        lab.link((r2, "lan9", "10.9.0.2/24"), (r3, "lan9", "10.9.0.3/24"))?;
        for (node, interface, address) in [
            (r1, "lan0", "10.1.0.1/24"),
            (r1, "lan1", "10.1.1.1/24"),
            (r1, "lan2", "172.16.1.1/24"),
            (r1, "lan5", "10.1.5.1/24"),
            (r2, "lan0", "10.2.0.1/24"),
            (r2, "lan1", "10.2.1.1/24"),
            (r2, "lan5", "10.2.5.1/24"),
            (r2, "lan6", "10.2.6.1/24"),
            (r3, "lan0", "10.3.0.1/24"),
        ] {
            lab.stub(node, interface, address)?;
        }
        let texts = At::ALL.map(|at| match make {
            Make::Waypost => String::new(),
            make => subject.peer_configuration(at, make),
        });
        let start = |at: usize| Router::start(&nodes[at], make, &texts[at]);
        let routers = [start(0)?, start(1)?, start(2)?];
        let tap = |at: usize| subject.tap(&nodes[at]);
        let taps = [tap(0)?, tap(1)?, tap(2)?];
        let mut bench = Self {
            subject,
            make,
            nodes,
            routers,
            taps,
            options: BTreeMap::new(),
            texts,
        };
        if make == Make::Waypost {
            for at in At::ALL {
                let steps = subject.base_options(at);
                bench.arrange(&steps)?;
                bench.texts[at as usize] = bench.router(at).command(&["show", "config"])?;
            }
        }
        bench.converge()?;
        Ok(bench)
    }

    pub(crate) const fn node(&self, at: At) -> &Node {
        &self.nodes[at as usize]
    }

    pub(crate) const fn router(&self, at: At) -> &Router {
        &self.routers[at as usize]
    }

    pub(crate) const fn router_mut(&mut self, at: At) -> &mut Router {
        &mut self.routers[at as usize]
    }

    pub(crate) const fn tap(&self, at: At) -> &Tap {
        &self.taps[at as usize]
    }

    /// The configuration that a router of another make began with.
    pub(crate) fn text(&self, at: At) -> &str {
        &self.texts[at as usize]
    }

    /// Time between two updates or Hellos, and after which a neighbour that is not heard is lost.
    pub(crate) const fn intervals(&self) -> (Duration, Duration) {
        self.subject.intervals(self.make)
    }

    /// How long an effect may take: a periodic update and what follows from it.
    pub(crate) fn patience(&self) -> Duration {
        SOON.max(3 * self.intervals().0)
    }

    /// The routes that there are while nothing is changed, with the gateway of each.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (At, &'static str, &'static str)> + use<> {
        self.subject.routes(self.make)
    }

    /// Waits until all of them are there.
    pub(crate) fn converge(&self) -> Result<()> {
        self.wait_for(&[])
    }

    /// Waits until all of them are there, some of which may have any gateway.
    pub(crate) fn wait_for(&self, anyhow: &[Has]) -> Result<()> {
        for at in At::ALL {
            let wanted: Vec<_> = self.routes().filter(|(of, ..)| *of == at).collect();
            let node = self.node(at);
            let what = format!("{} has the routes it began with", node.name());
            wait_for(SOON, &what, || {
                let routes = node.fib().map_err(|error| format!("{error:#}"))?;
                let missing: Vec<_> = wanted
                    .iter()
                    .filter(|(at, prefix, gateway)| {
                        !routes.iter().any(|route| {
                            let gateways: Vec<_> = route.gateways().iter().map(ToString::to_string).collect();
                            route.destination == *prefix
                                && (gateways == [*gateway] || anyhow.contains(&(*at, prefix)))
                        })
                    })
                    .collect();
                if missing.is_empty() {
                    Ok(())
                } else {
                    Err(format!(
                        "missing: {missing:?}\n{}",
                        waypost_testkit::describe(&routes)
                    ))
                }
            })?;
        }
        Ok(())
    }

    /// What Waypost's tool prints with `--json`.
    pub(crate) fn ask(&self, at: At, words: &[&str]) -> Result<Value> {
        let text = self.router(at).command(&[&["--json"], words].concat())?;
        serde_json::from_str(&text)
            .with_context(|| format!("reading the answer to {}: {text}", words.join(" ")))
    }

    /// Waypost: makes steps that nothing is said about, each router's as one change. Returns the steps that undo them.
    pub(crate) fn arrange(&mut self, steps: &[Step]) -> Result<Vec<Step>> {
        let mut undo = Vec::new();
        for at in At::ALL {
            let mine: Vec<&Step> = steps.iter().filter(|step| step.at == at).collect();
            let (set, unset): (Vec<&Step>, _) = mine.iter().partition(|step| !step.value.is_empty());
            let back: Vec<Step> = mine.iter().map(|step| self.back(step)).collect();
            if !set.is_empty() {
                let assignments: Vec<_> = set
                    .iter()
                    .map(|step| format!("{}={}", step.path, step.value))
                    .collect();
                let words: Vec<&str> = ["set"]
                    .into_iter()
                    .chain(assignments.iter().map(String::as_str))
                    .collect();
                self.router(at).command(&words)?;
            }
            if !unset.is_empty() {
                let words: Vec<&str> = ["unset"]
                    .into_iter()
                    .chain(unset.iter().map(|step| step.path.as_str()))
                    .collect();
                self.router(at).command(&words)?;
            }
            mine.into_iter().for_each(|step| self.note(step));
            undo.extend(back);
        }
        Ok(undo)
    }

    /// Waypost: makes one step. Returns the step that undoes it.
    pub(crate) fn make(&mut self, step: &Step) -> Result<Step> {
        let back = self.back(step);
        self.router(step.at)
            .command(&words(step).iter().map(String::as_str).collect::<Vec<_>>())?;
        self.note(step);
        Ok(back)
    }

    /// Waypost: the worst impact that the plan of a step states, and all reasons.
    pub(crate) fn stated(&self, step: &Step) -> Result<(String, String)> {
        let mut words = words(step);
        words.push("--plan".to_owned());
        let plan = self.ask(step.at, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
        let changes = plan["changes"].as_array().cloned().unwrap_or_default();
        if changes.is_empty() {
            bail!("the plan of {} changes nothing: {plan}", step.path);
        }
        let mut impacts: Vec<String> = changes
            .iter()
            .map(|change| match &change["impact"] {
                Value::String(impact) => impact.clone(),
                Value::Object(impact) => impact.keys().next().cloned().unwrap_or_default(),
                other => other.to_string(),
            })
            .collect();
        // In alphabetical order, the one that hurts least comes first.
        impacts.sort();
        let reasons: Vec<&str> = changes
            .iter()
            .filter_map(|change| change["reason"].as_str())
            .collect();
        Ok((impacts.pop().unwrap_or_default(), reasons.join("\n")))
    }

    fn back(&self, step: &Step) -> Step {
        let value = self.options.get(&(step.at, step.path.clone())).cloned();
        Step {
            value: value.unwrap_or_default(),
            ..step.clone()
        }
    }

    fn note(&mut self, step: &Step) {
        let key = (step.at, step.path.clone());
        if step.value.is_empty() {
            self.options.remove(&key);
        } else {
            self.options.insert(key, step.value.clone());
        }
    }

    /// Waypost: back to the beginning, whatever went wrong in a row.
    pub(crate) fn recover(&mut self, case: &Case) -> Result<()> {
        if let Some((at, interface)) = case.down {
            self.node(at).set_link(interface, true)?;
        }
        self.options.clear();
        for at in At::ALL {
            let text = self.texts[at as usize].clone();
            self.router_mut(at).reconfigure(&text)?;
            for step in self.subject.base_options(at) {
                self.note(&step);
            }
        }
        self.converge()
    }
}

fn words(step: &Step) -> Vec<String> {
    if step.value.is_empty() {
        vec!["unset".to_owned(), step.path.clone()]
    } else {
        vec!["set".to_owned(), format!("{}={}", step.path, step.value)]
    }
}
