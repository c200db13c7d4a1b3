#![allow(clippy::print_stdout, reason = "what the writer of a guide asks for")]
#![allow(clippy::unwrap_used, reason = "a test")]
//! Every command of the guides is run, and prints what they say.
//!
//! With `WAYPOST_GUIDES=print` each command's output is printed as it comes, for who writes a guide.

mod expect;
mod script;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use waypost_testkit::{Lab, Make, Node, Router, run_beside_others, wait_for};

use script::{Command, Step};

/// How long a router may take until it shows what a guide says.
const SOON: Duration = Duration::from_secs(60);

/// The nodes of a guide and what runs there.
struct Guide<'a> {
    name: &'a str,
    lab: &'a Lab,
    nodes: BTreeMap<String, Node>,
    first: Option<String>,
    files: BTreeMap<String, String>,
    routers: Vec<Router>,
}

impl Guide<'_> {
    fn node(&mut self, name: &str) -> Result<Node> {
        if let Some(node) = self.nodes.get(name) {
            return Ok(node.clone());
        }
        let node = self.lab.node(name)?;
        for (name, text) in &self.files {
            fs::write(node.directory().join(name), text)?;
        }
        self.first.get_or_insert_with(|| name.to_owned());
        self.nodes.insert(name.to_owned(), node.clone());
        Ok(node)
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Node(name) => drop(self.node(name)?),
            Step::Link([near, near_name, near_address, far, far_name, far_address]) => {
                let (near, far) = (self.node(near)?, self.node(far)?);
                self.lab
                    .link((&near, near_name, near_address), (&far, far_name, far_address))?;
            }
            Step::Stub([node, name, address]) => {
                let node = self.node(node)?;
                self.lab.stub(&node, name, address)?;
            }
            Step::Run(node, file) => {
                let text = self
                    .files
                    .get(file)
                    .with_context(|| format!("there is no {file}"))?;
                let text = text.clone();
                let node = self.node(node)?;
                self.routers.push(Router::start(&node, Make::Waypost, &text)?);
            }
            Step::File { name, text } => {
                for node in self.nodes.values() {
                    fs::write(node.directory().join(name), text)?;
                }
                self.files.insert(name.clone(), text.clone());
            }
            Step::Command(command) => self
                .command(command)
                .with_context(|| format!("line {}: {}", command.line, command.words.join(" ")))?,
        }
        Ok(())
    }

    fn patience(&self) -> Duration {
        if is_draft() { SOON / 6 } else { SOON }
    }

    /// Whether a command printed what the guide says; of a draft that is shown.
    fn judge(&self, command: &Command, printed: &Printed) -> Result<()> {
        if is_draft() {
            println!(
                "{}:{}$ {}\n{}",
                self.name,
                command.line,
                command.words.join(" "),
                printed.text
            );
            return Ok(());
        }
        said(command, printed)
    }

    fn command(&self, command: &Command) -> Result<()> {
        let name = if command.node.is_empty() {
            self.first.as_ref().context("there is no node")?
        } else {
            &command.node
        };
        let node = self
            .nodes
            .get(name)
            .with_context(|| format!("there is no {name}"))?;
        // What only looks may look again until routers have found each other.
        let looks = matches!(
            command.words.get(1).map(String::as_str),
            Some("show" | "explain" | "route" | "-c")
        );
        if !looks {
            let printed = printed(node, command)?;
            return self.judge(command, &printed);
        }
        let found = wait_for(self.patience(), "what the guide says", || {
            let shown = printed(node, command).map_err(|error| format!("{error:#}"))?;
            said(command, &shown).map_err(|error| format!("{error:#}"))
        });
        if is_draft() {
            return self.judge(command, &printed(node, command)?);
        }
        found
    }
}

/// With `WAYPOST_GUIDES=print` a guide is followed to its end whatever is printed.
fn is_draft() -> bool {
    std::env::var_os("WAYPOST_GUIDES").is_some()
}

fn said(command: &Command, printed: &Printed) -> Result<()> {
    let text = &printed.text;
    match &command.output {
        Some(output) => ensure!(expect::matches(output, text), "it printed\n{text}"),
        // In a table it must be a command that does something here.
        None => ensure!(printed.status.success(), "{}: it printed\n{text}", printed.status),
    }
    Ok(())
}

/// How a command ended, and what it printed.
struct Printed {
    status: std::process::ExitStatus,
    text: String,
}

/// Runs a command in the directory of a node, with its router; what it prints, errors last.
fn printed(node: &Node, command: &Command) -> Result<Printed> {
    let (program, arguments) = command.words.split_first().context("no command")?;
    let mut process = match program.as_str() {
        "waypost" => {
            let programs = Make::program_directory().context("waypost is not built")?;
            let mut process = std::process::Command::new(programs.join(program));
            process.env("WAYPOST_SOCKET", node.directory().join("waypost.sock"));
            process
        }
        "ip" | "ping" | "cat" => std::process::Command::new(program),
        other => bail!("{other} is not a command that guides may use"),
    };
    process.args(arguments).current_dir(node.directory());
    let output = node.inside(|| process.output())??;
    let printed = match &command.to {
        Some(file) => {
            fs::write(node.directory().join(file), output.stdout)?;
            output.stderr
        }
        None => [output.stdout, output.stderr].concat(),
    };
    Ok(Printed {
        status: output.status,
        text: String::from_utf8(printed).context("it printed what is no text")?,
    })
}

fn follow(name: &str) {
    run_beside_others(|lab| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs/guides")
            .join(name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut guide = Guide {
            name,
            lab,
            nodes: BTreeMap::new(),
            first: None,
            files: BTreeMap::new(),
            routers: Vec::new(),
        };
        for step in script::read(&text).with_context(|| name.to_owned())? {
            guide.step(&step).with_context(|| format!("docs/guides/{name}"))?;
        }
        Ok(())
    });
}

/// A test for each guide, and one that none was forgotten.
macro_rules! guides {
    ($($test:ident: $file:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                follow($file);
            }
        )*

        #[test]
        fn every_guide_is_followed() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides");
            for entry in fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!([$($file),*].contains(&name.as_str()), "{name} has no test");
            }
        }
    };
}

guides! {
    start: "start.md",
    from_frr: "from-frr.md",
    from_bird: "from-bird.md",
    cookbook: "cookbook.md",
    operations: "operations.md",
}
