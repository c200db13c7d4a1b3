//! Nodes: network namespaces with names for people.

use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use waypost_sys::namespace::{self, NetworkNamespace};

use crate::fib::{self, Route};
use crate::lab::Ground;
use crate::wait::wait_for;

/// A network namespace of a lab. Clones are the same node.
#[derive(Clone, Debug)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    namespace: NetworkNamespace,
    directory: PathBuf,
    ground: Arc<Ground>,
}

impl Node {
    pub(crate) fn new(name: &str, lab: &Path, ground: Arc<Ground>) -> Result<Self> {
        let directory = lab.join(name);
        fs::create_dir(&directory).with_context(|| format!("making the directory of node {name}"))?;
        let namespace = namespace::in_new_network_namespace(NetworkNamespace::current)
            .and_then(|namespace| namespace)
            .with_context(|| format!("making node {name}"))?;
        let node = Self(Arc::new(Inner {
            name: name.to_owned(),
            namespace,
            directory,
            ground,
        }));
        // Packets may come back another way than they went.
        for (setting, value) in [
            ("ip_forward", "1"),
            ("conf/all/rp_filter", "0"),
            ("conf/default/rp_filter", "0"),
        ] {
            node.set_ipv4(setting, value)?;
        }
        Ok(node)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its directory: configurations, sockets, logs (`*.log`).
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    pub(crate) fn ground(&self) -> &Ground {
        &self.0.ground
    }

    /// A path that names the namespace for as long as this process has the node.
    #[must_use]
    pub fn namespace_path(&self) -> String {
        format!(
            "/proc/{}/fd/{}",
            process::id(),
            self.0.namespace.as_fd().as_raw_fd()
        )
    }

    /// Runs `body` on a thread inside the namespace: its sockets and the programs it starts are there.
    pub fn inside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.0.namespace.enter()?;
                Ok::<_, std::io::Error>(body())
            });
            match inside.join() {
                Ok(result) => result.with_context(|| format!("going to node {}", self.name())),
                Err(payload) => std::panic::resume_unwind(payload),
            }
        })
    }

    /// Runs a program in the namespace to its end and returns what it printed; an error when it fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self
            .inside(|| Command::new(program).args(arguments).output())?
            .with_context(|| format!("starting {program}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!(
                "on {}: {program} {}: {}\n{text}{}",
                self.name(),
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(text)
    }

    /// Runs `ip` in the namespace.
    pub fn ip(&self, arguments: &[&str]) -> Result<String> {
        self.run("ip", arguments)
    }

    /// Sets a value below `/proc/sys/net/ipv4`.
    pub fn set_ipv4(&self, setting: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/net/ipv4/{setting}");
        self.inside(|| fs::write(&path, value))?
            .with_context(|| format!("setting {path}"))
    }

    /// Gives an interface an address unless that is empty, and sets it up.
    pub(crate) fn raise(&self, interface: &str, address: &str) -> Result<()> {
        if !address.is_empty() {
            self.add_address(interface, address)?;
        }
        self.set_link(interface, true)
    }

    /// Adds an address (address/length).
    pub fn add_address(&self, interface: &str, address: &str) -> Result<()> {
        self.ip(&["address", "add", address, "dev", interface])?;
        Ok(())
    }

    /// Sets an interface up or down. With the end of a link down, the other end has no carrier.
    pub fn set_link(&self, interface: &str, up: bool) -> Result<()> {
        self.ip(&["link", "set", interface, if up { "up" } else { "down" }])?;
        Ok(())
    }

    /// The IPv4 routes of the main table.
    pub fn fib(&self) -> Result<Vec<Route>> {
        fib::parse(&self.ip(&["-j", "-4", "route", "show"])?)
    }

    /// The routes to one prefix (address/length): none, one, or several that differ in metric.
    pub fn routes_to(&self, prefix: &str) -> Result<Vec<Route>> {
        let mut routes = self.fib()?;
        routes.retain(|route| route.destination == prefix);
        Ok(routes)
    }

    /// Waits until there is exactly one route to `prefix` and its gateways are `gateways`, in any order.
    pub fn wait_for_route(&self, prefix: &str, gateways: &[&str], deadline: Duration) -> Result<Route> {
        let mut wanted = gateways
            .iter()
            .map(|text| text.parse::<Ipv4Addr>())
            .collect::<Result<Vec<_>, _>>()
            .context("a gateway is no address")?;
        wanted.sort_unstable();
        let what = format!("{} has {prefix} via {}", self.name(), gateways.join(" and "));
        wait_for(deadline, &what, || {
            let routes = self.fib().map_err(|error| format!("{error:#}"))?;
            let mut found = routes.iter().filter(|route| route.destination == prefix);
            match (found.next(), found.next()) {
                (Some(route), None) if route.gateways() == wanted => Ok(route.clone()),
                _ => Err(fib::describe(&routes)),
            }
        })
        .inspect_err(|_| self.ground().ask())
    }

    /// Waits until there is no route to `prefix`; returns how long that took.
    pub fn wait_for_no_route(&self, prefix: &str, deadline: Duration) -> Result<Duration> {
        let start = Instant::now();
        let what = format!("{} has no route to {prefix}", self.name());
        wait_for(deadline, &what, || {
            let routes = self.fib().map_err(|error| format!("{error:#}"))?;
            if routes.iter().any(|route| route.destination == prefix) {
                Err(fib::describe(&routes))
            } else {
                Ok(start.elapsed())
            }
        })
        .inspect_err(|_| self.ground().ask())
    }
}

/// The wire from a node to a segment.
#[derive(Debug)]
pub struct Wire {
    wires: Node,
    port: String,
    bridge: String,
}

impl Wire {
    pub(crate) const fn new(wires: Node, port: String, bridge: String) -> Self {
        Self { wires, port, bridge }
    }

    /// Cuts it; the node keeps its carrier and is not told.
    pub fn cut(&self) -> Result<()> {
        self.wires.ip(&["link", "set", &self.port, "nomaster"])?;
        Ok(())
    }

    /// Mends it.
    pub fn join(&self) -> Result<()> {
        self.wires
            .ip(&["link", "set", &self.port, "master", &self.bridge])?;
        Ok(())
    }
}
