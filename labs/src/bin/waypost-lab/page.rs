//! What is printed: sections, commands with their output, and a part that is drawn over while it changes.

use std::io::{self, IsTerminal, Write};

const BOLD: &str = "\x1b[1m";
const FAINT: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Standard output. Colours and redrawing are for terminals.
pub(crate) struct Page {
    terminal: bool,
    section: u32,
    /// Lines of the part that will be drawn over.
    drawn: usize,
}

impl Page {
    pub(crate) fn new() -> Self {
        Self {
            terminal: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            section: 0,
            drawn: 0,
        }
    }

    /// A closed pipe is no reason to break off: the lab is to be cleaned up in order.
    fn write(text: &str) {
        let mut out = io::stdout().lock();
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    /// A line on standard error.
    pub(crate) fn complain(text: &str) {
        drop(writeln!(io::stderr(), "{text}"));
    }

    fn ink(&self, ink: &str, text: &str) -> String {
        if self.terminal {
            format!("{ink}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, title: &str) {
        self.settle();
        self.section += 1;
        Self::write(&format!(
            "\n{}\n",
            self.ink(BOLD, &format!("== {}. {title}", self.section))
        ));
    }

    /// A line, or several.
    pub(crate) fn say(&mut self, text: &str) {
        self.settle();
        Self::write(&format!("{text}\n"));
    }

    /// A command typed at a router, and what it printed.
    pub(crate) fn command(&mut self, router: &str, command: &str, output: &str) {
        self.settle();
        let mut text = format!(
            "\n{}{}\n",
            self.ink(FAINT, &format!("{router}$ ")),
            self.ink(BOLD, command)
        );
        for line in output.lines() {
            text.push_str(format!("  {line}").trim_end());
            text.push('\n');
        }
        Self::write(&text);
    }

    /// Draws over what was drawn before. Elsewhere than on a terminal nothing is drawn until [`Page::settle`] is due:
    /// the caller says what is the last one with [`Page::drawn_last`].
    pub(crate) fn draw(&mut self, text: &str) {
        if !self.terminal {
            return;
        }
        let back = if self.drawn > 0 {
            format!("\x1b[{}A\x1b[J", self.drawn)
        } else {
            String::new()
        };
        Self::write(&format!("{back}{text}"));
        self.drawn = text.lines().count();
    }

    /// The last state of what was drawn; it stays.
    pub(crate) fn drawn_last(&mut self, text: &str) {
        if self.terminal {
            self.draw(text);
        } else {
            Self::write(text);
        }
        self.settle();
    }

    const fn settle(&mut self) {
        self.drawn = 0;
    }
}
