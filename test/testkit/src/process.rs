//! Processes on nodes.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::node::Node;
use crate::wait::wait_for;

/// Goes to the lab's PID namespace, writes down its own number in ours, and becomes the program.
const LAUNCH: &str =
    r#"read -r pid _ < /proc/self/stat; echo "$pid" > "$0.new"; mv "$0.new" "$0"; exec "$@""#;

/// A program that runs on a node; killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    node: Node,
    /// `nsenter`, which ends when the program does.
    parent: Child,
    pid: u32,
}

impl Process {
    /// Starts a program. Its output goes to `NAME.log` in the node's directory, after what is there already.
    pub fn start(node: &Node, name: &str, program: &str, arguments: &[&str]) -> Result<Self> {
        let path = node.directory().join(format!("{name}.log"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        let errors = log.try_clone()?;
        Self::launch(node, name, program, arguments, log.into(), errors.into())
    }

    /// Starts a program whose output is read here.
    pub fn start_piped(
        node: &Node,
        name: &str,
        program: &str,
        arguments: &[&str],
    ) -> Result<(Self, ChildStdout)> {
        let mut process = Self::launch(node, name, program, arguments, Stdio::piped(), Stdio::null())?;
        let output = process
            .parent
            .stdout
            .take()
            .with_context(|| format!("{name} has no output"))?;
        Ok((process, output))
    }

    fn launch(
        node: &Node,
        name: &str,
        program: &str,
        arguments: &[&str],
        output: Stdio,
        errors: Stdio,
    ) -> Result<Self> {
        let note = node.directory().join(format!("{name}.started"));
        remove(&note)?;
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--pid={}", node.ground().pid_namespace))
            .args(["sh", "-c", LAUNCH])
            .arg(&note)
            .arg(program)
            .args(arguments)
            // Some daemons read times of day in configurations as local time.
            .env("TZ", "UTC0")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let parent = node
            .inside(|| command.spawn())?
            .with_context(|| format!("starting {program}"))?;
        let mut process = Self {
            name: name.to_owned(),
            node: node.clone(),
            parent,
            pid: 0,
        };
        process.pid = wait_for(
            Duration::from_secs(10),
            &format!("{name} starts on {}", node.name()),
            || {
                fs::read_to_string(&note)
                    .map_err(|error| error.to_string())
                    .and_then(|text| text.trim().parse().map_err(|_| text))
            },
        )?;
        Ok(process)
    }

    /// Its process number here, outside of the lab's PID namespace.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.parent.try_wait()?)
    }

    /// Sends a signal (`TERM`, `KILL`, `STOP`, ...); an error if it has ended.
    pub fn signal(&mut self, signal: &str) -> Result<()> {
        // While the parent lives, the number cannot be another process's.
        if let Some(status) = self.ended()? {
            bail!("{} on {} has ended: {status}", self.name, self.node.name());
        }
        let status = Command::new("kill")
            .args([format!("-{signal}"), self.pid.to_string()])
            .status()
            .context("starting kill")?;
        if !status.success() {
            bail!("kill -{signal} {}: {status}", self.pid);
        }
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn stop(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.signal("TERM")?;
        self.wait(deadline)
    }

    /// Kills it without a chance to say good-bye, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.signal("KILL")?;
        self.wait(Duration::from_secs(10))?;
        Ok(())
    }

    /// Waits until it has ended.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("{} on {} ends", self.name, self.node.name());
        wait_for(deadline, &what, || match self.parent.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(format!("process {} runs", self.pid)),
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.pid == 0 || self.kill().is_err() {
            // Ended already, or never started. The anchor has the last word.
            drop(self.parent.kill());
            drop(self.parent.wait());
        }
    }
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &PathBuf) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}
