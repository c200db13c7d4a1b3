//! The demonstration. Every claim it prints has been checked first; what does not hold ends it with an error.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use waypost_testkit::{Lab, Make, Node, Ping, RouteFeed, Router, in_user_namespace};

use crate::forward;
use crate::network::{
    HOST1, HOST3, LAN1, LAN3, R2_CHANGED, R2_OF_R1, R2_OF_R3, R3_DIRECT, R3_SPARE, nodes, routers,
};
use crate::page::Page;
use crate::view::{Sight, look, table};

/// How long the routers may take to find each other.
const CONVERGENCE: Duration = Duration::from_secs(20);
/// What must not wait for a timer, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Between two packets of the ping.
const PACE: Duration = Duration::from_millis(5);
/// How long packets flow undisturbed before and after each step, so that there is something to lose.
const FLOW: Duration = Duration::from_millis(400);
/// How long the daemon stays dead.
const DEAD: Duration = Duration::from_secs(2);

struct Stage {
    page: Page,
    nodes: [Node; 3],
    routers: [Router; 3],
}

/// Tells it all; with `keep`, does not return afterwards.
pub(crate) fn tell(lab: &Arc<Lab>, keep: bool) -> Result<()> {
    let mut page = Page::new();
    page.section("Three routers");
    page.say(
        "   192.0.2.0/24                                            198.51.100.0/24\n   \
         lan1 --- r1 ---- 10.0.12.0/24 ---- r2 ---- 10.0.23.0/24 ---- r3 --- lan3\n                                      \
         \x20     ---- 10.0.32.0/24 ----\n                                      \
         \x20        spare, cost 2\n",
    );
    let nodes = nodes(lab)?;
    let start = Instant::now();
    let routers = routers(&nodes)?;
    let mut stage = Stage { page, nodes, routers };
    stage.converge(start)?;
    let ping = stage.ping()?;
    stage.change()?;
    stage.report(&ping)?;
    stage.refusal()?;
    stage.report(&ping)?;
    stage.kill()?;
    stage.report(&ping)?;
    stage.undo()?;
    stage.end(ping)?;
    if keep {
        stage.keep();
    }
    Ok(())
}

impl Stage {
    fn looks(&self) -> Result<Vec<Sight>> {
        self.routers.iter().map(look).collect()
    }

    /// Shows the routers until each has a way to every network, in its own table and in its kernel.
    fn converge(&mut self, start: Instant) -> Result<()> {
        loop {
            let sights = self.looks()?;
            let seconds = start.elapsed().as_secs_f64();
            let text = table(&format!("after {seconds:.1} s"), &sights);
            let complete = sights.iter().all(|sight| {
                sight.routes.len() == 5
                    && sight
                        .routes
                        .values()
                        .all(|way| way.in_kernel || way.owner == "connected")
            });
            if complete {
                self.page.drawn_last(&text);
                break;
            }
            self.page.draw(&text);
            if start.elapsed() > CONVERGENCE {
                bail!(
                    "the routers did not converge within {} s:\n{text}",
                    CONVERGENCE.as_secs()
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
        let [r1, r2, r3] = &self.nodes;
        r1.wait_for_route(LAN3, &[R2_OF_R1], AT_ONCE)?;
        r2.wait_for_route(LAN3, &[R3_DIRECT], AT_ONCE)?;
        r3.wait_for_route(LAN1, &[R2_OF_R3], AT_ONCE)?;
        self.page
            .say("\nEach line: next hop, interface, RIP metric. The kernels of all three have these routes.");
        let [first, ..] = &self.routers;
        let shown = first.command(&["show", "routes"])?;
        self.page.command("r1", "waypost show routes", &shown);
        Ok(())
    }

    fn ping(&mut self) -> Result<Ping> {
        self.page.section("Packets flow from r1 to r3 and back");
        let [r1, _, r3] = &self.nodes;
        let output = r1.run("ping", &["-c", "3", "-i", "0.2", "-I", HOST1, HOST3])?;
        self.page
            .command("r1", &format!("ping -c 3 -i 0.2 -I {HOST1} {HOST3}"), &output);
        let ping = Ping::start((r1, HOST1), (r3, HOST3), PACE)?;
        self.page.say(&format!(
            "\nFrom now on one packet every {} ms, to the end of the lab.",
            PACE.as_millis()
        ));
        thread::sleep(FLOW);
        Ok(ping)
    }

    /// What the ping lost so far: nothing, or the demonstration has failed.
    fn report(&mut self, ping: &Ping) -> Result<()> {
        thread::sleep(FLOW);
        let (sent, lost) = ping.settled();
        self.page
            .say(&format!("\nping: {sent} packets sent, {lost} lost"));
        if lost > 0 {
            bail!("{lost} packets were lost");
        }
        Ok(())
    }

    fn change(&mut self) -> Result<()> {
        self.page
            .section("An interface of a running router is changed: first what it would do");
        let [_, r2, _] = &self.routers;
        let file = r2.node().directory().join("changed.toml");
        std::fs::write(&file, R2_CHANGED).with_context(|| format!("writing {}", file.display()))?;
        let path = file.to_string_lossy().into_owned();
        let diff = r2.command(&["diff", &path])?;
        self.page.command("r2", "waypost diff changed.toml", &diff);
        let plan = r2.command(&["plan", &path])?;
        self.page.command("r2", "waypost plan changed.toml", &plan);

        self.page.section("... then for real");
        let before = self.looks()?;
        let feeds = [
            RouteFeed::start(&self.nodes[0])?,
            RouteFeed::start(&self.nodes[1])?,
        ];
        let start = Instant::now();
        let applied = self.routers[1].command(&["apply", &path])?;
        let acknowledged = Instant::now();
        self.page
            .command("r2", "waypost apply changed.toml", &mend(&applied, &path));
        self.nodes[1].wait_for_route(LAN3, &[R3_SPARE], AT_ONCE)?;
        let after = self.settled(&before)?;
        let moved = feeds[1].changes()?.first().map(|change| change.at);
        self.page.say(&format!(
            "\nAcknowledged, and durable, {} after the command was typed. What moved:\n",
            milliseconds(acknowledged.saturating_duration_since(start))
        ));
        for (before, after) in before.iter().zip(&after) {
            for line in differences(before, after) {
                self.page.say(&format!("  {line}"));
            }
        }
        if let Some(moved) = moved {
            let when = if moved <= acknowledged {
                format!(
                    "{} before the command returned",
                    milliseconds(acknowledged - moved)
                )
            } else {
                format!(
                    "{} after the command returned",
                    milliseconds(moved - acknowledged)
                )
            };
            self.page
                .say(&format!("\nThe kernel of r2 sent packets the other way {when}."));
        }
        // Nothing may have been without a route, not for a moment.
        feeds[0].assert_kept(&[LAN3])?;
        feeds[1].assert_kept(&[LAN1, LAN3])?;
        self.page
            .say("No route to either network was missing from a kernel for a moment.");
        Ok(())
    }

    /// The routers' views once r1 has heard of the new metric.
    fn settled(&self, before: &[Sight]) -> Result<Vec<Sight>> {
        let start = Instant::now();
        loop {
            let after = self.looks()?;
            let metric = |sights: &[Sight]| {
                sights
                    .first()
                    .and_then(|sight| sight.routes.get(LAN3))
                    .map(|way| way.metric)
            };
            if metric(&after) != metric(before) {
                return Ok(after);
            }
            if start.elapsed() > AT_ONCE {
                bail!("r1 did not hear of the new metric within {} s", AT_ONCE.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn refusal(&mut self) -> Result<()> {
        self.page.section("Mistakes change nothing");
        for (command, expected) in [
            ("interfaces.to-r3.rip.metric=99", "allowed"),
            ("interfaces.to-r3.rip.metrik=3", "metric"),
        ] {
            let (status, output) =
                self.routers[1].attempt(&["set", "interfaces.spare.rip.metric=7", command])?;
            self.page.command(
                "r2",
                &format!("waypost set interfaces.spare.rip.metric=7 {command}"),
                &output,
            );
            if status.code() != Some(1) || !output.contains(expected) {
                bail!("the mistake was not refused as it should be: {status}\n{output}");
            }
        }
        let kept = self.routers[1].command(&["get", "interfaces.spare.rip.metric"])?;
        self.page
            .command("r2", "waypost get interfaces.spare.rip.metric", &kept);
        if kept.trim() != "2" {
            bail!("half of a refused change was applied: {kept}");
        }
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        self.page
            .section("The daemon of the router in the middle is killed");
        let [_, r2, _] = &mut self.routers;
        let feeds = self
            .nodes
            .iter()
            .map(RouteFeed::start)
            .collect::<Result<Vec<_>>>()?;
        let pid = r2.pids().first().copied().unwrap_or(0);
        r2.kill()?;
        self.page
            .command("r2", &format!("kill -9 {pid}    # waypostd"), "");
        thread::sleep(DEAD);
        let start = Instant::now();
        r2.start_again()?;
        self.page.say(&format!(
            "\n{} later it is started again; it answers after {}, in the configuration it had acknowledged:",
            seconds(DEAD),
            milliseconds(start.elapsed())
        ));
        let cost = r2.command(&["get", "interfaces.to-r3.rip.metric"])?;
        self.page
            .command("r2", "waypost get interfaces.to-r3.rip.metric", &cost);
        if cost.trim() != "5" {
            bail!("the acknowledged configuration is not in force after the restart: {cost}");
        }
        // It has heard its neighbours again when the route is its own, not only the kernel's.
        let start = Instant::now();
        while look(r2)?.routes.get(LAN3).is_none_or(|way| !way.in_kernel) {
            if start.elapsed() > AT_ONCE {
                bail!("r2 did not learn the way to {LAN3} again");
            }
            thread::sleep(Duration::from_millis(10));
        }
        for feed in &feeds {
            feed.assert_kept(&[LAN1, LAN3])?;
        }
        self.page
            .say("\nNo kernel lost a route meanwhile, its own included.");
        Ok(())
    }

    fn undo(&mut self) -> Result<()> {
        self.page.section("Back to how it was");
        let [_, r2, _] = &self.routers;
        let undone = r2.command(&["rollback", "1"])?;
        self.page.command("r2", "waypost rollback 1", &undone);
        self.nodes[1].wait_for_route(LAN3, &[R3_DIRECT], AT_ONCE)?;
        let revisions = r2.command(&["show", "revisions"])?;
        let path = r2.node().directory().to_string_lossy().into_owned() + "/";
        self.page
            .command("r2", "waypost show revisions", &mend(&revisions, &path));
        let sights = self.looks()?;
        self.page
            .say(&format!("\n{}", table("in the end", &sights).trim_end()));
        Ok(())
    }

    fn end(&mut self, ping: Ping) -> Result<()> {
        thread::sleep(FLOW);
        let loss = ping.assert_nothing_lost()?;
        self.page.section("In short");
        self.page.say(&format!(
            "ping: {} packets sent, 0 lost: through a live change, two refused ones, kill -9, a restart and a rollback.",
            loss.sent
        ));
        Ok(())
    }

    /// Prints how to talk to the lab, and waits for ever: the lab goes with this process.
    fn keep(&mut self) {
        let mut text = String::from("\nThe lab runs until Ctrl-C. In another terminal:\n");
        for router in &self.routers {
            let directory = router.node().directory();
            let pid = router.pids().first().copied().unwrap_or(0);
            text.push_str(&format!(
                "\n  {name}: export WAYPOST_SOCKET={socket}\n      nsenter --target {pid} {namespaces} bash    # a shell on {name}\n",
                name = router.node().name(),
                socket = directory.join("waypost.sock").display(),
                namespaces = namespaces(),
            ));
        }
        if let Some(bin) = Make::program_directory() {
            text.push_str(&format!("\n  export PATH={}:$PATH\n", bin.display()));
        }
        text.push_str(&self.where_the_page_is());
        text.push_str(
            "  waypost show routes\n  waypost watch\n  waypost set interfaces.to-r3.rip.metric=7 --plan\n",
        );
        self.page.say(&text);
        loop {
            thread::park();
        }
    }
}

impl Stage {
    /// The page of r2: at an address of the machine, if that can be had.
    fn where_the_page_is(&self) -> String {
        let [_, r2, _] = &self.routers;
        let url = r2.command(&["page"]).unwrap_or_default();
        let url = url.trim();
        match forward::serve(r2.node()) {
            Ok(()) => format!("\n  the page of r2, for a browser on this machine:\n      {url}\n\n"),
            Err(error) => format!(
                "\n  the page of r2, for a browser in its namespace (not on this machine: {error:#}):\n      {url}\n\n"
            ),
        }
    }
}

/// How another terminal gets into a node: without root the lab is in a user namespace as well.
fn namespaces() -> &'static str {
    if in_user_namespace() {
        "--user --preserve-credentials --net"
    } else {
        "--net"
    }
}

/// Output with the lab's directory, which is of no interest, taken out.
fn mend(output: &str, path: &str) -> String {
    let directory = path.trim_end_matches("changed.toml");
    output.replace(directory, "")
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

/// What is different in the ways of one router.
fn differences(before: &Sight, after: &Sight) -> Vec<String> {
    let mut lines = Vec::new();
    for (network, new) in &after.routes {
        let old = before
            .routes
            .get(network)
            .map_or_else(|| "-".to_owned(), |way| way.short());
        if old != new.short() {
            lines.push(format!(
                "{}  {network:<16} {old:<19} ->  {}",
                after.name,
                new.short()
            ));
        }
    }
    lines
}
