//! Routers: what runs on a node.

mod bird;
mod frr;
mod waypost;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::lab::Question;
use crate::node::Node;
use crate::process::Process;

/// How long a daemon may take to start or end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose software a router runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Make {
    /// `waypostd` and `waypost`, from the directory in the environment's `WAYPOST_BIN` or from beside the running program.
    Waypost,
    /// Debian's FRR: `zebra`, `staticd` and `ripd`.
    Frr,
    /// Debian's BIRD 2.
    Bird,
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Waypost => "Waypost",
            Self::Frr => "FRR",
            Self::Bird => "BIRD",
        })
    }
}

impl Make {
    /// Where Waypost's programs are, if they have been built.
    #[must_use]
    pub fn program_directory() -> Option<PathBuf> {
        let program = waypost::program("waypost").ok()?;
        program.parent().map(Path::to_owned)
    }

    /// Whether its programs are on this machine.
    #[must_use]
    pub fn is_installed(self) -> bool {
        match self {
            Self::Waypost => waypost::program("waypostd").is_ok() && waypost::program("waypost").is_ok(),
            Self::Frr => frr::is_installed(),
            Self::Bird => Path::new(bird::PROGRAM).exists(),
        }
    }
}

/// The daemons of one make on one node; killed when this is dropped.
#[derive(Debug)]
pub struct Router {
    make: Make,
    node: Node,
    configuration: String,
    /// Waypost's, served at [`Router::PAGE`] of the node.
    page: bool,
    processes: Vec<Process>,
}

impl Router {
    /// Where the page of a Waypost router is served, in its node.
    pub const PAGE: &str = waypost::PAGE;

    /// Starts the daemons with a configuration in their own language, and waits until they answer.
    pub fn start(node: &Node, make: Make, configuration: &str) -> Result<Self> {
        Self::begin(node, make, configuration, false)
    }

    /// The same of Waypost, with its page.
    pub fn start_with_page(node: &Node, configuration: &str) -> Result<Self> {
        Self::begin(node, Make::Waypost, configuration, true)
    }

    fn begin(node: &Node, make: Make, configuration: &str, page: bool) -> Result<Self> {
        let mut router = Self {
            make,
            node: node.clone(),
            configuration: configuration.to_owned(),
            page,
            processes: Vec::new(),
        };
        router.launch()?;
        router.offer_answers()?;
        Ok(router)
    }

    /// Has the tool asked for the router's state when a wait fails.
    fn offer_answers(&self) -> Result<()> {
        let commands = match self.make {
            Make::Waypost => waypost::questions(self)?,
            Make::Frr => frr::questions(self)?,
            Make::Bird => bird::questions(self),
        };
        let mut questions = self
            .node
            .ground()
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        questions.extend(commands.into_iter().map(|command| Question {
            log: self.path("state.log"),
            command,
        }));
        Ok(())
    }

    fn launch(&mut self) -> Result<()> {
        match self.make {
            Make::Waypost => waypost::launch(self),
            Make::Frr => frr::launch(self),
            Make::Bird => bird::launch(self),
        }
        .with_context(|| format!("starting {} on {}", self.make, self.node.name()))
    }

    /// The node it runs on.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Whose software it is.
    #[must_use]
    pub const fn make(&self) -> Make {
        self.make
    }

    /// Process numbers of its daemons.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::pid).collect()
    }

    /// Ends the daemons as an operator would. What is stored stays.
    pub fn stop(&mut self) -> Result<()> {
        // A routing protocol first, so that it can still withdraw its routes.
        while let Some(process) = self.processes.last_mut() {
            process.stop(PATIENCE)?;
            self.processes.pop();
        }
        Ok(())
    }

    /// Sends a signal (`STOP`, `CONT`, ...) to each daemon.
    pub fn signal(&mut self, signal: &str) -> Result<()> {
        self.processes
            .iter_mut()
            .try_for_each(|process| process.signal(signal))
    }

    /// Kills the daemons with SIGKILL. What is stored and what is in the kernel stays.
    pub fn kill(&mut self) -> Result<()> {
        while let Some(process) = self.processes.last_mut() {
            process.kill()?;
            self.processes.pop();
        }
        Ok(())
    }

    /// Starts the daemons again after [`Router::stop`] or [`Router::kill`].
    pub fn start_again(&mut self) -> Result<()> {
        if !self.processes.is_empty() {
            bail!("{} on {} runs already", self.make, self.node.name());
        }
        self.launch()
    }

    /// Runs the make's own command-line tool and returns what it printed.
    ///
    /// Waypost: `waypost ARGUMENTS`; BIRD: `birdc ARGUMENTS`; FRR: `vtysh -c` with each argument a command.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        match self.make {
            Make::Waypost => waypost::command(self, arguments),
            Make::Frr => frr::command(self, arguments),
            Make::Bird => bird::command(self, arguments),
        }
        .with_context(|| format!("on {}", self.node.name()))
    }

    /// Runs Waypost's command line and returns how it ended and what it printed, standard error last: for commands that are
    /// to be refused.
    pub fn attempt(&self, arguments: &[&str]) -> Result<(ExitStatus, String)> {
        if self.make != Make::Waypost {
            bail!("{} has no exit codes to rely on", self.make);
        }
        outcome(waypost::tool(self)?.args(arguments))
    }

    /// Changes the running configuration.
    ///
    /// Waypost and BIRD take a whole new configuration. FRR takes lines as typed after `configure terminal`.
    pub fn reconfigure(&mut self, configuration: &str) -> Result<()> {
        match self.make {
            Make::Waypost => waypost::reconfigure(self, configuration),
            Make::Frr => frr::reconfigure(self, configuration),
            Make::Bird => bird::reconfigure(self, configuration),
        }
        .with_context(|| format!("changing {} on {}", self.make, self.node.name()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.node.directory().join(name)
    }

    /// Writes a file into the node's directory, and returns its path as text.
    fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        as_text(&path)
    }
}

fn as_text(path: &Path) -> Result<String> {
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Runs a control program in the caller's own network namespace: daemons listen on unix sockets. Returns whether it
/// succeeded and what it printed, standard error last.
fn control(command: &mut Command) -> Result<(bool, String)> {
    let (status, text) = outcome(command)?;
    Ok((status.success(), text))
}

fn outcome(command: &mut Command) -> Result<(ExitStatus, String)> {
    let output = command
        .output()
        .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok((output.status, text))
}
