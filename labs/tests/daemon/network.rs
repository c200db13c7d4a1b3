//! Daemons that are started by hand: with options of their own, and to fail.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use waypost_testkit::{Make, Node, Process, wait_for};

/// Enough for a daemon to start, stop or notice something on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The path of one of Waypost's programs.
pub(crate) fn program(name: &str) -> Result<String> {
    let directory = Make::program_directory().context("Waypost is not built")?;
    let path = directory.join(name);
    Ok(path.to_str().context("the path is not UTF-8")?.to_owned())
}

/// A daemon with a state directory and a socket of its own in the node's directory.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    node: Node,
    name: String,
}

impl Daemon {
    /// Starts it without waiting. `before` are words in front of its command line, such as `env` and `setpriv` take.
    pub(crate) fn launch(node: &Node, name: &str, before: &[&str], arguments: &[&str]) -> Result<Self> {
        let path = |suffix: &str| {
            let path = node.directory().join(format!("{name}.{suffix}"));
            path.to_str().map(str::to_owned).context("the path is not UTF-8")
        };
        let (state, socket) = (path("state")?, path("sock")?);
        let daemon = program("waypostd")?;
        let mut words = before.to_vec();
        words.extend([daemon.as_str(), "--state-dir", &state, "--socket", &socket]);
        words.extend(arguments);
        let (first, rest) = words.split_first().context("no program")?;
        Ok(Self {
            process: Process::start(node, name, first, rest)?,
            node: node.clone(),
            name: name.to_owned(),
        })
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(node: &Node, name: &str, arguments: &[&str]) -> Result<Self> {
        let mut daemon = Self::launch(node, name, &[], arguments)?;
        daemon.answers()?;
        Ok(daemon)
    }

    /// Waits until it answers.
    pub(crate) fn answers(&mut self) -> Result<()> {
        wait_for(SOON, &format!("{} answers", self.name), || {
            if let Ok(Some(status)) = self.process.ended() {
                return Err(format!("it ended: {status}\n{}", self.log()));
            }
            self.waypost(&["show", "status"])
                .map(drop)
                .map_err(|error| format!("{error:#}"))
        })
    }

    /// Waits until it has ended.
    pub(crate) fn ends(&mut self) -> Result<ExitStatus> {
        self.process.wait(SOON)
    }

    /// Runs the command line tool on its socket.
    pub(crate) fn waypost(&self, arguments: &[&str]) -> Result<String> {
        let socket = self.file("sock");
        let socket = socket.to_str().context("the path is not UTF-8")?;
        let words: Vec<&str> = ["--socket", socket]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        self.node.run(&program("waypost")?, &words)
    }

    /// The same with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        let words: Vec<&str> = ["--json"].into_iter().chain(arguments.iter().copied()).collect();
        Ok(serde_json::from_str(&self.waypost(&words)?)?)
    }

    /// Lets a stopped daemon go on, and the program that waits for it, which stops with it.
    pub(crate) fn go_on(&mut self) -> Result<()> {
        self.process.signal("CONT")?;
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        let parent = parent.context("it has no parent")?.trim();
        let sent = Command::new("kill").args(["-CONT", parent]).status()?;
        anyhow::ensure!(sent.success(), "kill -CONT {parent}: {sent}");
        Ok(())
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.node.directory().join(format!("{}.log", self.name))).unwrap_or_default()
    }

    /// A file of its own: `state`, `sock`.
    pub(crate) fn file(&self, suffix: &str) -> PathBuf {
        self.node.directory().join(format!("{}.{suffix}", self.name))
    }
}
