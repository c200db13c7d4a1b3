//! The process that a lab's other processes cannot outlive.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

/// The outer shell stays in our PID namespace and tidies up last, so it ignores the signals that a terminal sends to
/// everybody in the foreground. The inner one is the first process of the new PID namespace. It reports its number in
/// our PID namespace, which it reads from our `/proc`, and then waits for the end of its input.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
unshare --pid --fork --kill-child sh -c '
    read -r pid _ < /proc/self/stat
    echo "$pid"
    exec > /dev/null
    while read -r _; do :; done
'
rm -rf -- "$0"
"#;

/// A PID namespace and a directory; both end with this process or with [`Anchor::weigh`].
#[derive(Debug)]
pub(crate) struct Anchor {
    shell: Child,
    line: Option<ChildStdin>,
    first: u32,
    directory: PathBuf,
}

impl Anchor {
    /// Makes them; `directory` must not exist yet.
    pub(crate) fn cast(directory: PathBuf) -> Result<Self> {
        fs::create_dir(&directory)
            .with_context(|| format!("making the lab's directory {}", directory.display()))?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a shell")?;
        let line = shell.stdin.take();
        let mut first = String::new();
        if let Some(output) = shell.stdout.take() {
            BufReader::new(output).read_line(&mut first)?;
        }
        // Made before the number is looked at, so that the shell is waited for in any case.
        let mut anchor = Self {
            shell,
            line,
            first: 0,
            directory,
        };
        anchor.first = first
            .trim()
            .parse()
            .context("making a PID namespace (unshare --pid)")?;
        Ok(anchor)
    }

    /// Path of the PID namespace.
    pub(crate) fn pid_namespace(&self) -> String {
        format!("/proc/{}/ns/pid", self.first)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends every process in the namespace, and removes the directory when they are gone.
    pub(crate) fn weigh(&mut self) {
        if self.line.take().is_some() {
            // Nothing can be done about a shell that cannot be waited for.
            drop(self.shell.wait());
        }
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        self.weigh();
    }
}
