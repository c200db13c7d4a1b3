//! How a row is measured.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use waypost_testkit::{Change, Make, Ping, RouteFeed, Tapped, wait_for};

use crate::bench::{BOTH, Bench, DEFAULT, LAN1, LAN2, PAIRS};
use crate::case::At::{R1, R2, R3};
use crate::case::{At, Case, Effect, Has, Step};
use crate::known::{assert_no_reset, neighbors};
use crate::ospf::Packet;
use crate::peers::{self, PeerCase};
use crate::rip::Message;

/// Time for an effect, and for a route that the configuration takes away: the neighbours' expiration and a busy machine.
const SOON: Duration = Duration::from_secs(15);
/// Between two questions to a router.
const PAUSE: Duration = Duration::from_millis(100);
/// Packets this far apart run over the link that is changed.
const PING: Duration = Duration::from_millis(5);

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The impact that the plans stated.
    pub(crate) stated: String,
    /// From the start of the command to the effect.
    pub(crate) effect: Option<Duration>,
    /// From the start of the command until the last route that had to go was gone.
    pub(crate) gone: Option<Duration>,
    /// The longest that a route was gone that the change may interrupt.
    pub(crate) outage: Option<Duration>,
    /// Packets sent while everything stayed, none of which was lost.
    pub(crate) packets: u64,
}

/// Change and return of one row on a Waypost bench. An error says what was not as it has to be.
pub(crate) fn measure(bench: &mut Bench, case: &Case) -> Result<Outcome> {
    let undo = bench.arrange(&case.before)?;
    if let Some((at, interface)) = case.down {
        bench.node(at).set_link(interface, false)?;
    }
    let moved: Vec<Has> = bench
        .routes()
        .map(|(at, prefix, _)| (at, prefix))
        .filter(|has| case.moves_both && has.1 == BOTH)
        .collect();
    bench.wait_for(&moved)?;
    for (at, prefix) in &case.keeps {
        wait_until_there(bench, *at, prefix)?;
    }
    bench.subject.settle(bench, case, Instant::now(), &[])?;
    let outcome = change_and_return(bench, case)?;
    if let Some((at, interface)) = case.down {
        bench.node(at).set_link(interface, true)?;
    }
    bench.arrange(&undo)?;
    bench.converge()?;
    Ok(outcome)
}

fn change_and_return(bench: &mut Bench, case: &Case) -> Result<Outcome> {
    let feeds = [
        RouteFeed::start(bench.node(R1))?,
        RouteFeed::start(bench.node(R2))?,
        RouteFeed::start(bench.node(R3))?,
    ];
    let pings = pings(bench, case)?;
    let known = neighbors(bench)?;
    let mut outcome = Outcome::default();

    let mut undo = Vec::new();
    let mut start = Instant::now();
    let mut reasons = String::new();
    for step in &case.steps {
        reasons.push_str(&state(bench, step, &mut outcome)?);
        start = Instant::now();
        undo.push(bench.make(step)?);
    }
    let made = Instant::now();
    if !case.interrupts.is_empty() {
        // Those who are started anew are there again first.
        bench.subject.settle(bench, case, made, &case.deaf)?;
        for (at, prefix) in &case.interrupts {
            wait_until_there(bench, *at, prefix)?;
        }
    }
    let warns = bench.subject.warnings().iter().any(|word| reasons.contains(word));
    if !(warns || case.loses.is_empty() && case.interrupts.is_empty()) {
        bail!("the plan does not say that routes go: {reasons}");
    }
    for (at, prefix) in &case.loses {
        bench.node(*at).wait_for_no_route(prefix, SOON)?;
    }
    for effect in &case.effects {
        let took = wait_for_effect(bench, &feeds, effect, start)?;
        outcome.effect = outcome.effect.max(took);
    }
    bench.subject.settle(bench, case, made, &case.deaf)?;
    for (at, prefix) in &case.loses {
        let gaps = feeds[*at as usize].gaps(prefix)?;
        let Some(gap) = gaps.last() else {
            bail!("{} never lost {prefix}", at.name());
        };
        outcome.gone = outcome.gone.max(Some(gap.from.saturating_duration_since(start)));
    }

    for step in undo.iter().rev() {
        state(bench, step, &mut outcome)?;
        bench.make(step)?;
    }
    let returned = Instant::now();
    for (at, prefix) in case.loses.iter().chain(&case.interrupts) {
        wait_until_there(bench, *at, prefix)?;
    }
    bench.subject.settle(bench, case, returned, &[])?;
    for ping in pings {
        outcome.packets += ping.assert_nothing_lost()?.sent;
    }
    for at in At::ALL {
        let kept: Vec<&str> = bench
            .routes()
            .map(|(of, prefix, _)| (of, prefix))
            .chain(case.keeps.iter().copied())
            .filter(|has| has.0 == at && !case.loses.contains(has) && !case.interrupts.contains(has))
            .map(|(_, prefix)| prefix)
            .collect();
        feeds[at as usize].assert_kept(&kept)?;
    }
    for (at, prefix) in &case.interrupts {
        for gap in feeds[*at as usize].gaps(prefix)? {
            outcome.outage = outcome.outage.max(Some(gap.length()));
        }
    }
    assert_no_reset(&known, &neighbors(bench)?, case)?;
    Ok(outcome)
}

/// Notes the impact that the plan states; returns the reasons.
fn state(bench: &Bench, step: &Step, outcome: &mut Outcome) -> Result<String> {
    let (stated, reasons) = bench.stated(step)?;
    if stated > outcome.stated {
        outcome.stated = stated;
    }
    Ok(reasons)
}

/// Packets between the networks behind r1 and r2 if the row takes nothing from them, and those that the row asks for.
fn pings(bench: &Bench, case: &Case) -> Result<Vec<Ping>> {
    let usual = ((R1, "10.1.0.1"), (R2, "10.2.0.1"));
    let goes = |has: Has| case.loses.contains(&has) || case.interrupts.contains(&has);
    let usable = !goes((R1, LAN2)) && !goes((R2, LAN1));
    usable
        .then_some(usual)
        .into_iter()
        .chain(case.ping)
        .map(|((from, near), (to, far))| Ping::start((bench.node(from), near), (bench.node(to), far), PING))
        .collect()
}

fn wait_until_there(bench: &Bench, at: At, prefix: &str) -> Result<()> {
    let node = bench.node(at);
    wait_for(SOON, &format!("{} has {prefix}", node.name()), || {
        match node.routes_to(prefix) {
            Ok(routes) if routes.is_empty() => Err("no route".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error:#}")),
        }
    })
}

/// Waits for an effect; returns how long after `start` it came, if that can be told.
pub(crate) fn wait_for_effect(
    bench: &Bench,
    feeds: &[RouteFeed; 3],
    effect: &Effect,
    start: Instant,
) -> Result<Option<Duration>> {
    let last_change = |at: At, prefix: &str| -> Result<Option<Duration>> {
        // The kernel calls it so.
        let shown = if prefix == DEFAULT { "default" } else { prefix };
        let shown = shown.strip_suffix("/32").unwrap_or(shown);
        let about = |change: &Change| change.line.split_whitespace().any(|word| word == shown);
        let changes = feeds[at as usize].changes()?;
        let last = changes.iter().rfind(|change| about(change));
        Ok(last.map(|change| change.at.saturating_duration_since(start)))
    };
    match effect {
        Effect::Via(at, prefix, gateways) => {
            bench
                .node(*at)
                .wait_for_route(prefix, gateways, bench.patience())?;
            last_change(*at, prefix)
        }
        Effect::Gone(at, prefix) => {
            bench.node(*at).wait_for_no_route(prefix, bench.patience())?;
            last_change(*at, prefix)
        }
        Effect::Route(at, prefix, is) => {
            let node = bench.node(*at);
            wait_for(bench.patience(), "a route is as configured", || {
                let routes = node.routes_to(prefix).map_err(|error| format!("{error:#}"))?;
                match routes.as_slice() {
                    [route] if is(route) => Ok(()),
                    _ => Err(waypost_testkit::describe(&routes)),
                }
            })?;
            last_change(*at, prefix)
        }
        Effect::Message(hearer, speaker, is) => wait_for_wire(bench, (*hearer, *speaker), start, |tapped| {
            Message::read(tapped).is_some_and(|message| is(&message))
        }),
        Effect::Packet(hearer, speaker, is) => wait_for_wire(bench, (*hearer, *speaker), start, |tapped| {
            Packet::read(tapped).is_some_and(|packet| is(&packet))
        }),
        Effect::Shown(at, words, is) => {
            wait_for(SOON, "the router shows it", || {
                let shown: Value = bench.ask(*at, words).map_err(|error| format!("{error:#}"))?;
                if is(&shown) {
                    return Ok(());
                }
                thread::sleep(PAUSE);
                Err(shown.to_string())
            })?;
            Ok(None)
        }
        Effect::Configured(at, table, option, value) => {
            let shown = bench.ask(*at, &["get", &format!("{table}.{option}")])?;
            let found = shown.as_str().map_or_else(|| shown.to_string(), str::to_owned);
            if found != *value {
                bail!("{table}.{option} is {found}, not {value}");
            }
            Ok(None)
        }
        Effect::Probe(probe) => {
            probe(bench)?;
            Ok(None)
        }
    }
}

/// Waits until the first of two routers hears something of the second; returns how long after `start` it came.
fn wait_for_wire(
    bench: &Bench,
    pair: (At, At),
    start: Instant,
    is: impl Fn(&Tapped) -> bool,
) -> Result<Option<Duration>> {
    let speakers: Vec<&str> = PAIRS
        .iter()
        .filter(|(hearer, speaker, _)| (*hearer, *speaker) == pair)
        .map(|(.., address)| *address)
        .collect();
    wait_for(bench.patience(), "a message is as configured", || {
        let heard = bench.tap(pair.0).since(start);
        let from_speaker = |tapped: &&Tapped| speakers.contains(&tapped.from.to_string().as_str());
        match heard.iter().filter(from_speaker).find(|tapped| is(tapped)) {
            Some(tapped) => Ok(Some(tapped.at.saturating_duration_since(start))),
            None => Err(format!("{:?}", heard.iter().rfind(from_speaker))),
        }
    })
}

/// What a peer did.
#[derive(Debug, Default)]
pub(crate) struct PeerOutcome {
    /// From the start of the command to the effect.
    pub(crate) effect: Option<Duration>,
    /// An effect was looked for and not seen.
    pub(crate) no_effect: bool,
    /// Routes that were gone until the change was taken back.
    pub(crate) lost: Vec<Has>,
    /// From the start of the command until the last of them was gone.
    pub(crate) gone: Option<Duration>,
    /// Routes that were gone for a while.
    pub(crate) interrupted: Vec<Has>,
    /// The longest such while.
    pub(crate) outage: Duration,
}

/// Change and return of one row on a bench of FRR or BIRD; `None` if that make has no such thing. Nothing is expected of
/// it.
pub(crate) fn measure_peer(bench: &mut Bench, case: &PeerCase) -> Result<Option<PeerOutcome>> {
    let has_it = match bench.make {
        Make::Frr => !case.frr.is_empty(),
        _ => !case.bird.is_empty(),
    };
    if !has_it {
        return Ok(None);
    }
    let (update, expire) = bench.intervals();
    let prepared = Instant::now();
    reconfigure(bench, case, Stage::Before)?;
    if !(case.frr_before.is_empty() && case.bird_before.is_empty()) {
        // Whatever that breaks is over when everything has been heard again.
        rest(prepared, expire + update)?;
    }
    bench.converge()?;
    let feeds = [
        RouteFeed::start(bench.node(R1))?,
        RouteFeed::start(bench.node(R2))?,
        RouteFeed::start(bench.node(R3))?,
    ];
    let mut outcome = PeerOutcome::default();
    let start = Instant::now();
    reconfigure(bench, case, Stage::Changed)?;
    if let Some(effect) = &case.effect {
        match wait_for_effect(bench, &feeds, effect, start) {
            Ok(took) => outcome.effect = took,
            Err(_) => outcome.no_effect = true,
        }
    }
    rest(start, expire + 2 * update)?;
    let returned = Instant::now();
    reconfigure(bench, case, Stage::Returned)?;
    bench.converge()?;
    // What the return breaks shows within one interval.
    rest(returned, 2 * update)?;
    bench.converge()?;
    for (at, prefix, _) in bench.routes() {
        let gaps = feeds[at as usize].gaps(prefix)?;
        for gap in &gaps {
            let length = gap.length();
            if gap.from < returned && gap.until.is_none_or(|until| until > returned) {
                outcome.lost.push((at, prefix));
                outcome.gone = outcome.gone.max(Some(gap.from.saturating_duration_since(start)));
            } else {
                outcome.interrupted.push((at, prefix));
                outcome.outage = outcome.outage.max(length);
            }
        }
    }
    for list in [&mut outcome.lost, &mut outcome.interrupted] {
        list.sort_unstable();
        list.dedup();
    }
    reconfigure(bench, case, Stage::After)?;
    Ok(Some(outcome))
}

/// Back to the beginning, whatever went wrong in a row.
pub(crate) fn recover_peer(bench: &mut Bench, case: &PeerCase) -> Result<()> {
    // What was never there cannot be taken back; whether everything is well again is asked below.
    drop(reconfigure(bench, case, Stage::Returned));
    drop(reconfigure(bench, case, Stage::After));
    bench.converge()
}

/// Watches until so long after `start`.
fn rest(start: Instant, time: Duration) -> Result<()> {
    wait_for(time + PAUSE, "the time to watch is over", || {
        thread::sleep(PAUSE);
        if start.elapsed() >= time {
            Ok(())
        } else {
            Err(format!("{:?} so far", start.elapsed()))
        }
    })
}

/// How far a row is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Changed,
    Returned,
    After,
}

/// Brings the routers into the configuration of a stage, from that of the stage before.
fn reconfigure(bench: &mut Bench, case: &PeerCase, stage: Stage) -> Result<()> {
    if bench.make == Make::Frr {
        let (list, back) = match stage {
            Stage::Before => (&case.frr_before, false),
            Stage::Changed => (&case.frr, false),
            Stage::Returned => (&case.frr, true),
            Stage::After => (&case.frr_before, true),
        };
        for (at, to, from) in list {
            let lines = if back { from } else { to };
            bench.router_mut(*at).reconfigure(&lines.join("\n"))?;
        }
        return Ok(());
    }
    let none = Vec::new();
    let additions = match stage {
        Stage::Before | Stage::Returned => &case.bird_before,
        Stage::Changed => &case.bird,
        Stage::After => &none,
    };
    for at in At::ALL {
        if case.bird.iter().all(|(of, ..)| *of != at) {
            continue;
        }
        let mut text = bench.text(at).to_owned();
        for (_, slot, addition) in additions.iter().filter(|(of, ..)| *of == at) {
            text = peers::edited(&text, *slot, addition);
        }
        bench.router_mut(at).reconfigure(&text)?;
    }
    Ok(())
}
