//! A guide as a script: what it sets up, the files it shows, the commands it has the reader type, and what it says comes of them.
//!
//! ```text
//! <!-- lab
//! link r1 eth0 10.0.12.1/24 r2 eth0 10.0.12.2/24
//! stub r1 lan 192.0.2.1/24
//! run r1 r1.toml
//! -->
//! ```
//!
//! A block of `toml` or `text` whose first line is `# NAME` is a file of that name, on every node. A block of `console` has
//! lines `NODE$ COMMAND`, or `$ COMMAND` for the first node, and what they print. In a table behind `<!-- commands NODE -->` each
//! `` `waypost ...` `` in the last column is a command that must work.

use anyhow::{Context, Result, bail};

/// What the test does, in the order of the text.
#[derive(Debug)]
pub(crate) enum Step {
    Node(String),
    Link([String; 6]),
    Stub([String; 3]),
    /// A daemon on a node with a file.
    Run(String, String),
    File {
        name: String,
        text: String,
    },
    Command(Command),
}

/// A command, and where it stands.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) line: usize,
    /// Empty: the first node there is.
    pub(crate) node: String,
    pub(crate) words: Vec<String>,
    /// `> FILE`: where its output goes.
    pub(crate) to: Option<String>,
    /// `None`: whatever it prints.
    pub(crate) output: Option<Vec<String>>,
}

impl Command {
    fn new(line: usize, node: &str, text: &str, output: Option<Vec<String>>) -> Result<Self> {
        let (text, to) = match text.rsplit_once(" > ") {
            Some((text, file)) => (text, Some(file.to_owned())),
            None => (text, None),
        };
        Ok(Self {
            line,
            node: node.to_owned(),
            words: words(text)?,
            to,
            output,
        })
    }
}

/// Reads a guide.
pub(crate) fn read(text: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut lines = text.lines().enumerate();
    let mut commands: Option<String> = None;
    while let Some((at, line)) = lines.next() {
        let body =
            |lines: &mut dyn Iterator<Item = (usize, &str)>, end: &str| -> Result<Vec<(usize, String)>> {
                let mut body = Vec::new();
                for (at, line) in lines {
                    if line == end {
                        return Ok(body);
                    }
                    body.push((at + 1, line.to_owned()));
                }
                bail!("line {}: nothing ends with {end}", at + 1);
            };
        match line {
            "<!-- lab" => {
                for (at, line) in body(&mut lines, "-->")? {
                    steps.push(setting(&line).with_context(|| format!("line {at}: {line}"))?);
                }
            }
            "```toml" | "```text" => {
                let body = body(&mut lines, "```")?;
                let name = body.first().and_then(|(_, line)| line.strip_prefix("# "));
                if let Some(name) = name.filter(|name| name.contains('.') && !name.contains(' ')) {
                    let lines: Vec<&str> = body.iter().skip(1).map(|(_, line)| line.as_str()).collect();
                    steps.push(Step::File {
                        name: name.to_owned(),
                        text: lines.join("\n") + "\n",
                    });
                }
            }
            "```console" => steps.extend(session(body(&mut lines, "```")?)?),
            _ => {
                if let Some(node) = line.strip_prefix("<!-- commands ") {
                    commands = Some(node.trim_end_matches(" -->").to_owned());
                } else if let Some(node) = &commands {
                    if let Some(row) = line.strip_prefix('|') {
                        steps.extend(row_commands(at + 1, node, row)?);
                    } else if !line.is_empty() {
                        commands = None;
                    }
                }
            }
        }
    }
    Ok(steps)
}

fn setting(line: &str) -> Result<Step> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let (kind, rest) = words.split_first().context("an empty line")?;
    let rest = rest.to_vec();
    let wrong = |rest: Vec<String>| anyhow::anyhow!("{} words after {kind}", rest.len());
    Ok(match kind.as_str() {
        "node" => Step::Node(rest.concat()),
        "link" => Step::Link(rest.try_into().map_err(wrong)?),
        "stub" => Step::Stub(rest.try_into().map_err(wrong)?),
        "run" => {
            let [node, file]: [String; 2] = rest.try_into().map_err(wrong)?;
            Step::Run(node, file)
        }
        other => bail!("no such word: {other}"),
    })
}

/// The commands of a session, each with what is printed until the next one.
fn session(lines: Vec<(usize, String)>) -> Result<Vec<Step>> {
    let mut commands: Vec<Command> = Vec::new();
    for (at, line) in lines {
        let prompt = line.split_once("$ ").filter(|(node, _)| {
            node.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        });
        if let Some((node, command)) = prompt {
            let command = Command::new(at, node, command, Some(Vec::new()));
            commands.push(command.with_context(|| format!("line {at}"))?);
        } else {
            let command = commands.last_mut();
            let command = command.with_context(|| format!("line {at}: no command printed this"))?;
            command.output.get_or_insert_default().push(line);
        }
    }
    Ok(commands.into_iter().map(Step::Command).collect())
}

/// The commands in the last column of a table's row.
fn row_commands(line: usize, node: &str, row: &str) -> Result<Vec<Step>> {
    let column = row.trim_end().trim_end_matches('|').rsplit(" | ").next();
    let quoted = column.unwrap_or_default().split('`').skip(1).step_by(2);
    let quoted = quoted.filter(|text| text.starts_with("waypost "));
    quoted
        .map(|text| {
            let command = Command::new(line, node, text, None);
            Ok(Step::Command(command.with_context(|| format!("line {line}"))?))
        })
        .collect()
}

/// The words of a command line, with single and double quotes, as a shell takes them apart.
fn words(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '|' | '>' | '<' | ';' | '&' | '$' | '`') => {
                bail!("{letter} is for a shell, and there is none")
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        bail!("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}
