//! The sample in C (examples/c-sample), as its reader would run it: three routers on a segment, each with the module,
//! compiled against our headers or against those published for Windows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use waypost_clibrary::Library;
use waypost_testkit::{Lab, Make, Node, RouteFeed, Router, run, wait_for};

use crate::modules::module_process;
use crate::rip_module::object;

const SOON: Duration = Duration::from_secs(30);

/// Numbers of a block, as the machine writes them.
fn hex(numbers: &[u32]) -> String {
    let octets = numbers.iter().flat_map(|number| number.to_ne_bytes());
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// A block of an interface: a beacon every second that holds for five, and what is announced.
fn block(metric: u32, prefixes: &[[u8; 4]]) -> String {
    let fixed = hex(&[metric, 1, 5, prefixes.len() as u32]);
    let mask = u32::from_ne_bytes([255, 255, 255, 0]);
    let tail = prefixes
        .iter()
        .map(|prefix| hex(&[u32::from_ne_bytes(*prefix), mask]));
    fixed + &tail.collect::<String>()
}

/// Where Debian has the headers of mingw-w64.
const PUBLISHED_HEADERS: &str = "/usr/share/mingw-w64/include";

/// Whose declarations of the interface the sample is compiled against.
#[derive(Clone, Copy)]
enum Headers {
    Ours,
    /// The public-domain ones, for Windows, on Linux.
    Published,
}

fn module(lab: &Lab, headers: Headers) -> Result<PathBuf> {
    let library = Library::build(&lab.directory().join("library"), &["-O1"])?;
    let sources = waypost_clibrary::root().join("examples/c-sample");
    let ours = waypost_clibrary::include().join("waypost").display().to_string();
    let (name, headers) = match headers {
        Headers::Ours => ("beacon", vec!["-fvisibility=hidden", "-I", &ours]),
        // These say of nothing that it is to be seen, so that everything is.
        Headers::Published => (
            "published",
            vec![
                "-Wl,-Bsymbolic",
                "-fshort-wchar",
                "-fms-extensions",
                "-include",
                "waypost/mingw.h",
                "-isystem",
                PUBLISHED_HEADERS,
            ],
        ),
    };
    // What is the system's and not the interface's is compiled without either.
    let system = ["socket", "json"].map(|file| library.object(&sources.join(file).with_extension("c")));
    let system: Vec<String> = system
        .into_iter()
        .map(|object| Ok(object?.display().to_string()))
        .collect::<Result<_>>()?;
    let others = ["describe.c", "prepare.c", "routes.c", "speaker.c", "state.c"];
    let others = others.map(|file| sources.join(file).display().to_string());
    let mut options = vec!["-std=gnu11"];
    options.extend(headers);
    options.extend(others.iter().chain(&system).map(String::as_str));
    library.module_named(name, &sources.join("beacon.c"), &options)
}

/// As its author would try it; isolated, it is granted what `isolated` says.
pub(crate) fn check(module: &Path, blocks: &str, isolated: &[&str]) -> Result<()> {
    let blocks = waypost_clibrary::root().join(blocks);
    for options in [isolated, &["--in-process"]] {
        let program = Make::program_directory().context("no waypost")?.join("waypost");
        let checked = Command::new(program)
            .args(["module", "check"])
            .arg(module)
            .arg("--blocks")
            .arg(&blocks)
            .args(options)
            .output()?;
        let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
        ensure!(checked.status.success(), "{options:?}: {said}");
        ensure!(said.contains(" 0 failed"), "{options:?}: {said}");
    }
    Ok(())
}

fn router(node: &Node, module: &Path, run: &str, announced: &[[u8; 4]]) -> Result<Router> {
    let folder = node.directory().join("modules");
    fs::create_dir_all(&folder)?;
    let record = format!(
        "file = \"{}\"\nprotocol = \"0x3fff0001\"\ntitle = \"Beacon\"\nrun = \"{run}\"\n",
        module.display()
    );
    fs::write(folder.join("beacon.toml"), record)?;
    let configuration = format!(
        "[protocols.beacon]\nhex = '{}'\n[interfaces.lan0.beacon]\nhex = '{}'\n",
        hex(&[0]),
        block(1, announced)
    );
    Router::start(node, Make::Waypost, &configuration)
}

/// The metric of a route in the routing table.
pub(crate) fn await_metric(router: &Router, prefix: &str, metric: u32) -> Result<()> {
    wait_for(SOON, &format!("{prefix} with metric {metric}"), || {
        let text = router
            .command(&["show", "routes", "--json"])
            .map_err(|error| format!("{error:#}"))?;
        let routes: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mut rows = routes["rows"].as_array().into_iter().flatten();
        let is_there = rows.any(|row| row["prefix"] == prefix && row["metric"] == metric);
        if is_there { Ok(()) } else { Err(text) }
    })
}

/// Options have names: in the schema, in a plan, in what is set and read back, and in what is refused.
fn by_name(router: &Router) -> Result<()> {
    const METRIC: &str = "interfaces.lan0.beacon.metric";
    let schema = router.command(&["schema", "beacon"])?;
    ensure!(
        schema.contains("metric") && schema.contains("1..=255") && schema.contains("(seconds)"),
        "{schema}"
    );
    for (value, words) in [("256", "1..=255"), ("fast", "a whole number is expected")] {
        let (status, said) = router.attempt(&["set", &format!("{METRIC}={value}")])?;
        ensure!(
            !status.success() && said.contains(METRIC) && said.contains(words),
            "{said}"
        );
    }
    let change = format!("{METRIC}=7");
    for command in [&["set", "--plan", &change][..], &["set", &change]] {
        let said = router.command(command)?;
        let is_told = said.contains("beacon.metric: 1 -> 7") && said.contains("live: ");
        ensure!(is_told, "{command:?}: {said}");
    }
    let metric = router.command(&["get", METRIC])?;
    ensure!(metric.trim() == "7", "{metric}");
    let configured = router.command(&["get", "interfaces.lan0.beacon"])?;
    ensure!(
        configured.contains("announce") && configured.contains("prefixes") && !configured.contains("hex"),
        "{configured}"
    );
    Ok(())
}

#[test]
fn three_routers_hear_each_other() {
    run(|lab| {
        let nodes = [lab.node("r1")?, lab.node("r2")?, lab.node("r3")?];
        let addresses = ["10.1.0.1/24", "10.1.0.2/24", "10.1.0.3/24"];
        let ends: Vec<_> = nodes
            .iter()
            .zip(addresses)
            .map(|(node, address)| (node, "lan0", address))
            .collect();
        let _wires = lab.segment(&ends)?;
        let ours = module(lab, Headers::Ours)?;
        let published = module(lab, Headers::Published)?;
        for module in [&ours, &published] {
            check(module, "examples/c-sample/beacon.check.toml", &[])?;
        }
        let r1 = router(&nodes[0], &ours, "isolated", &[[198, 51, 100, 0], [192, 0, 2, 0]])?;
        let r2 = router(&nodes[1], &published, "in-process", &[])?;
        // One of the other kind: the sample in Rust.
        let in_rust = object("waypost-rust-sample")?;
        let _r3 = router(&nodes[2], &in_rust, "isolated", &[[203, 0, 113, 0]])?;
        for (node, prefix, gateway) in [
            (1, "198.51.100.0/24", "10.1.0.1"),
            (2, "198.51.100.0/24", "10.1.0.1"),
            (1, "192.0.2.0/24", "10.1.0.1"),
            (0, "203.0.113.0/24", "10.1.0.3"),
            (1, "203.0.113.0/24", "10.1.0.3"),
        ] {
            nodes[node].wait_for_route(prefix, &[gateway], SOON)?;
        }

        // Live: a metric, in the daemon and in a process of its own, without any route going away.
        let feeds = [RouteFeed::start(&nodes[0])?, RouteFeed::start(&nodes[1])?];
        for (router, prefix) in [(&r1, "203.0.113.0/24"), (&r2, "198.51.100.0/24")] {
            await_metric(router, prefix, 1)?;
            by_name(router)?;
            await_metric(router, prefix, 7)?;
        }

        // Its process dies: it is back before anybody misses it, and its own routes wait for it.
        let pid = module_process(&r1)?.context("no process of the module")?;
        nodes[0].run("kill", &["-9", &pid.to_string()])?;
        wait_for(SOON, "another process of the module", || {
            match module_process(&r1).map_err(|error| error.to_string())? {
                Some(again) if again != pid => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })?;
        await_metric(&r1, "203.0.113.0/24", 7)?;
        for feed in &feeds {
            feed.sync()?;
        }
        feeds[0].assert_kept(&["203.0.113.0/24"])?;
        feeds[1].assert_kept(&["198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24"])?;

        // Less is announced, and what is not any more grows old.
        let less = block(7, &[[198, 51, 100, 0]]);
        r1.command(&["set", &format!("interfaces.lan0.beacon={{hex=\"{less}\"}}")])?;
        nodes[1].wait_for_no_route("192.0.2.0/24", SOON)?;
        nodes[1].wait_for_route("198.51.100.0/24", &["10.1.0.1"], SOON)?;
        // Good-bye: nobody waits for old age.
        r1.command(&["unset", "interfaces.lan0.beacon", "protocols.beacon"])?;
        let gone = nodes[1].wait_for_no_route("198.51.100.0/24", SOON)?;
        ensure!(gone < Duration::from_secs(4), "gone after {gone:?}");
        nodes[0].wait_for_no_route("203.0.113.0/24", SOON)?;
        Ok(())
    });
}

/// The sample in Rust (examples/rust-sample) speaks with the one in C, and does as it does.
#[test]
fn the_samples_in_c_and_in_rust_hear_each_other() {
    run(|lab| {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "lan0", "10.1.0.1/24"), (&r2, "lan0", "10.1.0.2/24"))?;
        let in_c = router(
            &r1,
            &module(lab, Headers::Ours)?,
            "isolated",
            &[[198, 51, 100, 0], [192, 0, 2, 0]],
        )?;
        let in_rust = object("waypost-rust-sample")?;
        let in_rust = router(&r2, &in_rust, "isolated", &[[203, 0, 113, 0]])?;
        r1.wait_for_route("203.0.113.0/24", &["10.1.0.2"], SOON)?;
        r2.wait_for_route("198.51.100.0/24", &["10.1.0.1"], SOON)?;
        r2.wait_for_route("192.0.2.0/24", &["10.1.0.1"], SOON)?;

        // Live: a metric, without any route going away.
        let feed = RouteFeed::start(&r2)?;
        await_metric(&in_rust, "198.51.100.0/24", 1)?;
        by_name(&in_rust)?;
        await_metric(&in_rust, "198.51.100.0/24", 7)?;
        feed.sync()?;
        feed.assert_kept(&["198.51.100.0/24", "192.0.2.0/24"])?;

        // What one of them says no longer grows old with the other, and a good-bye is understood.
        let less = block(1, &[[198, 51, 100, 0]]);
        in_c.command(&["set", &format!("interfaces.lan0.beacon={{hex=\"{less}\"}}")])?;
        r2.wait_for_no_route("192.0.2.0/24", SOON)?;
        r2.wait_for_route("198.51.100.0/24", &["10.1.0.1"], SOON)?;
        in_rust.command(&["unset", "interfaces.lan0.beacon", "protocols.beacon"])?;
        let gone = r1.wait_for_no_route("203.0.113.0/24", SOON)?;
        ensure!(gone < Duration::from_secs(4), "gone after {gone:?}");
        r2.wait_for_no_route("198.51.100.0/24", SOON)?;
        Ok(())
    });
}
