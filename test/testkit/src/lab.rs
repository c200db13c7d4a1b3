//! A lab and its teardown.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;
use std::{env, fs, io, process};

use anyhow::{Context, Result};

use crate::anchor::Anchor;
use crate::fib;
use crate::node::{Node, Wire};
use crate::privileges;

/// How much of the end of each log is shown when a test fails.
const LOG_TAIL: usize = 6000;

/// The name of the directory with records of modules.
pub(crate) const MODULES: &str = "modules";

/// What nodes know about their lab.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) pid_namespace: String,
    /// When the lab began; times of events are told from here.
    pub(crate) start: Instant,
    /// What to ask when something did not happen, while those that know still run.
    pub(crate) questions: Mutex<Vec<Question>>,
}

/// A command whose answer helps to understand a failure.
#[derive(Debug)]
pub(crate) struct Question {
    /// Where the answer goes.
    pub(crate) log: PathBuf,
    pub(crate) command: Command,
}

impl Ground {
    /// Asks everybody and writes the answers to the logs, from which [`Lab::report`] takes them.
    pub(crate) fn ask(&self) {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        for question in questions.iter_mut() {
            let answer = match question.command.output() {
                Ok(output) => String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
                Err(error) => error.to_string(),
            };
            let text = format!("{:?}\n{answer}\n", question.command);
            let log = File::options().create(true).append(true).open(&question.log);
            // This is about another failure, which is to be reported whatever happens here.
            drop(log.and_then(|mut log| log.write_all(text.as_bytes())));
        }
    }
}

/// Nodes, the links between them and the processes on them. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Lab {
    name: String,
    ground: Arc<Ground>,
    nodes: Mutex<Vec<Node>>,
    /// Where the far ends of stubs and the bridges of segments are.
    wires: Node,
    wire_count: AtomicU32,
    // Last: processes and directory go when nothing uses them any more.
    anchor: Mutex<Anchor>,
}

impl Lab {
    /// An empty lab. `name` is for people only.
    pub fn new(name: &str) -> Result<Self> {
        Self::below(name, &env::temp_dir())
    }

    /// The same with its directory in `parent` rather than where temporary files are: on a certain disk. Keep its path
    /// short: those of sockets in it are limited to 107 octets.
    pub fn below(name: &str, parent: &Path) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = parent.join(format!("waypost-lab-{}-{number}", process::id()));
        let anchor = Anchor::cast(directory.clone())?;
        let ground = Arc::new(Ground {
            pid_namespace: anchor.pid_namespace(),
            start: Instant::now(),
            questions: Mutex::new(Vec::new()),
        });
        let wires = Node::new("wires", &directory, Arc::clone(&ground))?;
        Ok(Self {
            name: name.to_owned(),
            ground,
            nodes: Mutex::new(Vec::new()),
            wires,
            wire_count: AtomicU32::new(0),
            anchor: Mutex::new(anchor),
        })
    }

    /// A new node: a network namespace that forwards packets, with loopback up and nothing else. Its name must be a
    /// file name and new in the lab.
    pub fn node(&self, name: &str) -> Result<Node> {
        let directory = self.lock_anchor().directory().to_owned();
        let node = Node::new(name, &directory, Arc::clone(&self.ground))?;
        self.nodes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(node.clone());
        Ok(node)
    }

    /// A veth pair between two nodes. Each end is (node, interface name, address/length or ""); both are up.
    pub fn link(&self, near: (&Node, &str, &str), far: (&Node, &str, &str)) -> Result<()> {
        let (node, interface, address) = near;
        let (far_node, far_interface, far_address) = far;
        node.ip(&[
            "link",
            "add",
            interface,
            "type",
            "veth",
            "peer",
            "name",
            far_interface,
            "netns",
            &far_node.namespace_path(),
        ])?;
        node.raise(interface, address)?;
        far_node.raise(far_interface, far_address)
    }

    /// An interface with a network of its own behind it on which nobody else is. It has a carrier.
    pub fn stub(&self, node: &Node, interface: &str, address: &str) -> Result<()> {
        let wire = self.next_wire("stub");
        self.link((node, interface, address), (&self.wires, &wire, ""))
    }

    /// A network that several nodes share: a bridge without an address. An end of it is given as for [`Lab::link`].
    /// The wire of an end can be cut without the node noticing.
    pub fn segment(&self, ends: &[(&Node, &str, &str)]) -> Result<Vec<Wire>> {
        let bridge = self.next_wire("bridge");
        self.wires.ip(&[
            "link",
            "add",
            &bridge,
            "type",
            "bridge",
            "forward_delay",
            "0",
            "mcast_snooping",
            "0",
        ])?;
        self.wires.raise(&bridge, "")?;
        let mut wires = Vec::new();
        for end in ends {
            let port = self.next_wire("port");
            self.link(*end, (&self.wires, &port, ""))?;
            let wire = Wire::new(self.wires.clone(), port, bridge.clone());
            wire.join()?;
            wires.push(wire);
        }
        Ok(wires)
    }

    fn next_wire(&self, kind: &str) -> String {
        format!("{kind}{}", self.wire_count.fetch_add(1, Ordering::Relaxed))
    }

    fn lock_anchor(&self) -> std::sync::MutexGuard<'_, Anchor> {
        self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every process of the lab and removes its directory, as dropping it does.
    pub fn end(&self) {
        self.lock_anchor().weigh();
    }

    /// Where records of modules are for every Waypost router of the lab that has no `modules` in its own directory.
    #[must_use]
    pub fn modules(&self) -> PathBuf {
        self.directory().join(MODULES)
    }

    /// The directory of the lab; it goes with the lab. Each node has one in it, of its name, with logs and configurations.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.lock_anchor().directory().to_owned()
    }

    /// Everything worth knowing about the lab after a failure: routes of all nodes and the ends of all logs.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!("--- lab '{}' as it was left ---\n", self.name);
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        for node in nodes.iter() {
            let routes = match node.fib() {
                Ok(routes) => fib::describe(&routes),
                Err(error) => format!("  {error:#}\n"),
            };
            // Writing to a string does not fail.
            let _ = write!(text, "routes of {}:\n{routes}", node.name());
        }
        for node in nodes.iter() {
            for (log, tail) in logs(node.directory()) {
                let _ = write!(text, "{} of {}:\n{tail}\n", log, node.name());
            }
        }
        text
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end();
    }
}

/// Names and ends of the logs in a directory.
fn logs(directory: &Path) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut logs: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            if !name.ends_with(".log") {
                return None;
            }
            let text = fs::read(entry.path()).ok()?;
            let tail = text.get(text.len().saturating_sub(LOG_TAIL)..)?;
            Some((name, String::from_utf8_lossy(tail).into_owned()))
        })
        .collect();
    logs.sort();
    logs
}

/// Runs a test with a lab of its own: the whole body of a `#[test]`.
///
/// Without root, the test runs in another process, as root of a user namespace. Labs of one process run one after the
/// other. When the test fails, the lab's state and logs are written to standard error before it is torn down.
///
/// # Panics
///
/// When `test` fails or panics, or the lab cannot be made.
pub fn run(test: impl FnOnce(&Lab) -> Result<()>) {
    run_among(1, test);
}

/// Like [`run`], for a lab that mostly waits for timers of protocols: four of them run at once.
///
/// # Panics
///
/// When `test` fails or panics, or the lab cannot be made.
pub fn run_beside_others(test: impl FnOnce(&Lab) -> Result<()>) {
    run_among(FELLOWS, test);
}

/// Labs that run at once when they may.
const FELLOWS: usize = 4;

fn run_among(limit: usize, test: impl FnOnce(&Lab) -> Result<()>) {
    if let Err(error) = try_run(limit, test) {
        panic!("{error:#}");
    }
}

fn try_run<F: FnOnce(&Lab) -> Result<()>>(limit: usize, test: F) -> Result<()> {
    let _turn = Turn::wait(limit);
    if !privileges::here_or_there(&test)? {
        return Ok(());
    }
    let name = std::any::type_name::<F>();
    let lab = Lab::new(name).context("making a lab")?;
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| test(&lab)));
    if !matches!(outcome, Ok(Ok(()))) {
        // A closed standard error is no reason to fail differently.
        drop(io::stderr().write_all(lab.report().as_bytes()));
    }
    drop(lab);
    match outcome {
        Ok(result) => result,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// The right to run a lab now.
struct Turn;

static RUNNING: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

impl Turn {
    /// Waits until fewer than `limit` labs run.
    fn wait(limit: usize) -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        while *running >= limit {
            running = FREED.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        *running += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FREED.notify_one();
    }
}
