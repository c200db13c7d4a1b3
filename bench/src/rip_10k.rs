//! Ten thousand routes by RIP, from one router's table to another's kernel.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use waypost_testkit::{Lab, Make, Node, Router, wait_for};
use waypost_types::Prefix4;

use crate::Context;
use crate::cost::{Cost, lost_datagrams};
use crate::generator::Generator;
use crate::report::{Row, Samples, Section};
use crate::watch::{Arrivals, Carrier, Watch};

const ROUTES: u32 = 10_000;
/// How long a receiver is waited for.
const BOUND: Duration = Duration::from_secs(60);
/// When the generator says everything once more (RFC 2453 §3.8).
const AGAIN: Duration = Duration::from_secs(30);
/// Milliseconds from one Waypost to another.
const BAR: f64 = 1000.0;
/// Processes that used less of a processor than this within [`LOOK`] are done.
const QUIET: Duration = Duration::from_millis(4);
const LOOK: Duration = Duration::from_millis(300);

const SENDER: Ipv4Addr = Ipv4Addr::new(10, 0, 12, 1);

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Router(Make),
    Generator,
}

impl Source {
    fn name(self) -> String {
        match self {
            Self::Router(make) => make.to_string(),
            Self::Generator => "generator".to_owned(),
        }
    }
}

/// What some runs of a pair gave.
#[derive(Default)]
struct Results {
    time: Samples,
    /// Until the kernels on both sides had announced the link.
    link: Samples,
    lost: Samples,
    cpu: Samples,
    memory: Samples,
    /// How many routes arrived in runs that were not complete.
    incomplete: Vec<usize>,
}

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("10 000 routes from a RIP router to another's kernel");
    let pairs = [
        (Source::Router(Make::Waypost), Make::Waypost, 7),
        (Source::Router(Make::Frr), Make::Frr, 1),
        (Source::Router(Make::Bird), Make::Bird, 1),
        (Source::Generator, Make::Waypost, 7),
        (Source::Generator, Make::Frr, 7),
        (Source::Generator, Make::Bird, 2),
    ];
    let mut measured = Vec::new();
    for (source, make, usual) in pairs {
        if !make.is_installed() {
            section.note(format!("{make} is not installed"));
            continue;
        }
        let mut results = Results::default();
        for _ in 0..context.runs.map_or(usual, |runs| runs.min(usual)) {
            one(context, source, make, &mut results)
                .with_context(|| format!("{} to {make}", source.name()))?;
        }
        measured.push((source, make, results));
    }
    let frr = |of: fn(&Results) -> &Samples| {
        let mut pairs = measured.iter();
        let found = pairs.find(|(source, make, _)| (*source, *make) == (Source::Generator, Make::Frr));
        found.map(|(.., results)| of(results).clone())
    };
    let (frr_time, frr_cpu, frr_memory) = (frr(|r| &r.time), frr(|r| &r.cpu), frr(|r| &r.memory));
    for (source, make, results) in &measured {
        let title = format!("{} -> {make}", source.name());
        let mut time = Row::time(format!("{title}: all in the kernel"), results.time.clone());
        let mut lost = Row::new(format!("{title}: datagrams lost"), "", results.lost.clone());
        let mut cpu = Row::time(format!("{title}: receiver's CPU"), results.cpu.clone());
        let mut memory = Row::new(
            format!("{title}: receiver's memory"),
            "MiB",
            results.memory.clone(),
        );
        match (source, make) {
            (Source::Router(Make::Waypost), Make::Waypost) => {
                time = time.at_most(BAR);
                lost = lost.bar("none", results.lost.max() == 0.0);
            }
            (Source::Generator, Make::Waypost) => {
                for (row, frr) in [
                    (&mut time, &frr_time),
                    (&mut cpu, &frr_cpu),
                    (&mut memory, &frr_memory),
                ] {
                    if let Some(frr) = frr {
                        *row = row.clone().beside(frr, "FRR").bar_below(frr, "FRR's");
                    }
                }
            }
            (Source::Generator, Make::Bird) => {
                for (row, frr) in [
                    (&mut time, &frr_time),
                    (&mut cpu, &frr_cpu),
                    (&mut memory, &frr_memory),
                ] {
                    if let Some(frr) = frr {
                        *row = row.clone().beside(frr, "FRR");
                    }
                }
            }
            _ => {}
        }
        let link = Row::time(
            format!("{title}: of it, until both kernels announced the link"),
            results.link.clone(),
        );
        let link = matches!(source, Source::Router(_)).then_some(link);
        [Some(time), link, Some(lost), Some(cpu), Some(memory)]
            .into_iter()
            .flatten()
            .for_each(|row| section.row(row));
        if !results.incomplete.is_empty() {
            section.note(format!(
                "{title}: {} of {} runs not complete within {} s, where counting ended: {:?} of {ROUTES} routes had arrived",
                results.incomplete.len(),
                results.time.len(),
                BOUND.as_secs(),
                results.incomplete
            ));
        }
    }
    section.note("between routers, time counts from setting up the link; the sender has the routes by then. Timers are at 30 s");
    section.note("the kernel announces links at most once a second, so that up to a second passes before any router can know of it");
    section.note("from the generator, time counts from its first datagram; it sends 25 routes each 0.2 ms, and again after 30 s");
    section
        .note("CPU and memory (peak resident) are of the receiver's daemons: waypostd; zebra and ripd; bird");
    Ok(section)
}

fn covering() -> Result<Prefix4> {
    Ok(Prefix4::containing(Ipv4Addr::new(10, 128, 0, 0), 9)?)
}

fn prefixes() -> Result<Vec<Prefix4>> {
    let first = Ipv4Addr::new(10, 128, 0, 0).to_bits();
    (0..ROUTES)
        .map(|number| {
            Ok(Prefix4::containing(
                Ipv4Addr::from_bits(first + (number << 8)),
                24,
            )?)
        })
        .collect()
}

/// One transfer into a fresh receiver.
fn one(context: &Context, source: Source, make: Make, results: &mut Results) -> Result<()> {
    let lab = Lab::below("rip-10k", context.scratch())?;
    let (sender, receiver) = (lab.node("s")?, lab.node("r")?);
    lab.link(
        (&sender, "eth0", "10.0.12.1/24"),
        (&receiver, "eth0", "10.0.12.2/24"),
    )?;
    lab.stub(&sender, "lan0", "10.9.0.1/24")?;
    let router = Router::start(&receiver, make, &receiving(make))?;
    let pids = measured(&router);
    let prefixes = prefixes()?;
    let watch = Watch::start(&receiver, Arrivals::of(covering()?, prefixes.len()))?;
    // It goes when the transfer is over.
    let mut sending = None;
    let mut generator = None;
    match source {
        Source::Router(make) => {
            sender.set_link("eth0", false)?;
            let router = Router::start(&sender, make, &announcing(make, &prefixes))?;
            wait_for(
                Duration::from_secs(60),
                "the sender has its routes",
                || match sender.fib().map(|routes| routes.len()) {
                    Ok(count) if count > prefixes.len() => Ok(()),
                    other => Err(format!("{other:?}")),
                },
            )?;
            quiet(&router.pids(), Duration::from_secs(60))?;
            sending = Some(router);
        }
        Source::Generator => {
            generator = Some(sender.inside(|| Generator::new(SENDER, &prefixes))??);
            hears(&receiver, &router)?;
        }
    }
    quiet(&pids, Duration::from_secs(60))?;
    let before = Cost::of(&pids)?;
    let first = *pids.first().context("the receiver runs no daemon")?;
    let lost_before = lost_datagrams(first)?;
    let carriers = [&sender, &receiver].map(|node| Watch::start(node, Carrier::of("eth0")));
    let start = Instant::now();
    let complete = match &generator {
        None => {
            sender.set_link("eth0", true)?;
            let complete = watch.wait(BOUND, Arrivals::complete)?;
            let mut link = Duration::ZERO;
            for carrier in carriers {
                let since = carrier?.wait(Duration::ZERO, Carrier::since)?;
                link = link.max(since.context("the link has no carrier")? - start);
            }
            results.link.add(link);
            complete
        }
        Some(generator) => {
            generator.send()?;
            match watch.wait(AGAIN.saturating_sub(start.elapsed()), Arrivals::complete)? {
                None => {
                    generator.send()?;
                    watch.wait(BOUND.saturating_sub(start.elapsed()), Arrivals::complete)?
                }
                complete => complete,
            }
        }
    };
    if complete.is_some() {
        quiet(&pids, Duration::from_secs(10))?;
    }
    let after = Cost::of(&pids)?;
    match complete {
        Some(complete) => results.time.add(complete - start),
        None => {
            results.time.add(BOUND);
            results.incomplete.push(watch.listener().count());
        }
    }
    let lost = lost_datagrams(first)? - lost_before;
    results.lost.add_number(f64::from(u32::try_from(lost)?));
    results.cpu.add(after.cpu - before.cpu);
    results
        .memory
        .add_number(f64::from(u32::try_from(after.peak_kib)?) / 1024.0);
    drop(sending);
    Ok(())
}

/// The processes of a receiver whose cost counts.
fn measured(router: &Router) -> Vec<u32> {
    let pids = router.pids();
    match (router.make(), pids.as_slice()) {
        // The second is staticd, which has nothing to do here.
        (Make::Frr, [zebra, _, ripd]) => vec![*zebra, *ripd],
        _ => pids,
    }
}

/// Waits until processes have nothing to do.
fn quiet(pids: &[u32], patience: Duration) -> Result<()> {
    let end = Instant::now() + patience;
    let mut before = Cost::of(pids)?.cpu;
    loop {
        std::thread::sleep(LOOK);
        let now = Cost::of(pids)?.cpu;
        if now.saturating_sub(before) < QUIET {
            return Ok(());
        }
        if Instant::now() >= end {
            bail!("the daemons {pids:?} were busy for {} s", patience.as_secs());
        }
        before = now;
    }
}

/// Waits until the receiver has joined 224.0.0.9 on its interface.
fn hears(receiver: &Node, router: &Router) -> Result<()> {
    let pid = *router.pids().first().context("the receiver runs no daemon")?;
    let what = format!("{} hears 224.0.0.9", receiver.name());
    wait_for(Duration::from_secs(10), &what, || {
        let groups = std::fs::read_to_string(format!("/proc/{pid}/net/igmp")).unwrap_or_default();
        // In the kernel's hexadecimal, the octets in the machine's order.
        let group = format!("{:08X}", u32::from_ne_bytes([224, 0, 0, 9]));
        let mut eth0 = groups.lines().skip_while(|line| !line.contains("eth0")).skip(1);
        let mut own = eth0.by_ref().take_while(|line| line.starts_with('\t'));
        if own.any(|line| line.contains(&group)) {
            Ok(())
        } else {
            Err(groups)
        }
    })
}

fn receiving(make: Make) -> String {
    match make {
        Make::Waypost => "[protocols.rip]\n[interfaces.eth0.rip]\n".to_owned(),
        Make::Frr => "router rip\n network eth0\n".to_owned(),
        Make::Bird => bird("", "none"),
    }
}

fn announcing(make: Make, prefixes: &[Prefix4]) -> String {
    let mut routes = String::new();
    for prefix in prefixes {
        // Writing to a string does not fail.
        let _ = match make {
            Make::Waypost => writeln!(routes, "  {{ prefix = \"{prefix}\", via = \"10.9.0.2\" }},"),
            Make::Frr => writeln!(routes, "ip route {prefix} 10.9.0.2"),
            Make::Bird => writeln!(routes, "  route {prefix} via 10.9.0.2;"),
        };
    }
    match make {
        Make::Waypost => format!(
            "[protocols.static]\nroutes = [\n{routes}]\n[protocols.rip]\nredistribute = [{{ source = \"static\" }}]\n\
             [interfaces.eth0.rip]\n"
        ),
        Make::Frr => format!("{routes}router rip\n network eth0\n redistribute static\n"),
        Make::Bird => bird(
            &format!("protocol static st {{ ipv4;\n{routes}}}\n"),
            "where source = RTS_STATIC",
        ),
    }
}

fn bird(more: &str, export: &str) -> String {
    format!(
        "router id 192.0.2.2;\nprotocol device {{ }}\nprotocol direct {{ ipv4; }}\n\
         protocol kernel {{ ipv4 {{ import none; export where source != RTS_DEVICE; }}; }}\n{more}\
         protocol rip rip1 {{\n  ipv4 {{ import all; export {export}; }};\n  interface \"eth0\" {{ version 2; }};\n}}\n"
    )
}
