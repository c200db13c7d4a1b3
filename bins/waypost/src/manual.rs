//! `waypost man`: the manual pages, for packages.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::fault::Fault;

/// What ends every page.
const ENVIRONMENT: &str = "\
.SH ENVIRONMENT
.TP
\\fBWAYPOST_SOCKET\\fR
The daemon's socket, unless \\fB\\-\\-socket\\fR names one.
.TP
\\fBNO_COLOR\\fR
Set to anything, it turns colours off unless \\fB\\-\\-color always\\fR is given.
.TP
\\fBTERM\\fR
With the value \\fBdumb\\fR there are no colours either.
.SH FILES
.TP
\\fI/run/waypost/waypost.sock\\fR
Where the daemon listens.
";

const EXIT_STATUS: &str = "\
.SH \"EXIT STATUS\"
.TP
\\fB0\\fR
Done.
.TP
\\fB1\\fR
Refused, and nothing was changed; the reasons are on standard error, as JSON with \\fB\\-\\-json\\fR.
.TP
\\fB2\\fR
The command line makes no sense.
.TP
\\fB3\\fR
No daemon answers.
";

/// Writes a page for the program and one for every command that is not hidden.
pub(crate) fn write(directory: &Path) -> Result<String, Fault> {
    let mut command = Arguments::command();
    command.build();
    fs::create_dir_all(directory).map_err(|error| Fault::file(directory, &error))?;
    let mut written = String::new();
    pages(&command, "waypost", None, &mut |name, page| {
        let path = directory.join(format!("{name}.1"));
        fs::write(&path, page).map_err(|error| Fault::file(&path, &error))?;
        written.push_str(&format!("{}\n", path.display()));
        Ok(())
    })?;
    Ok(written)
}

fn pages(
    command: &clap::Command,
    name: &str,
    parent: Option<&str>,
    write: &mut impl FnMut(&str, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    write(name, &page(command, name, parent).map_err(Fault::Output)?)?;
    for inner in shown(command) {
        pages(inner, &format!("{name}-{}", inner.get_name()), Some(name), write)?;
    }
    Ok(())
}

fn shown(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command.get_subcommands().filter(|inner| !inner.is_hide_set())
}

/// A page: what clap knows of the command, and below it what the text after its help says, as sections of their own.
fn page(command: &clap::Command, name: &str, parent: Option<&str>) -> std::io::Result<Vec<u8>> {
    let titled = command.clone().display_name(name.to_owned());
    let man = Man::new(titled)
        .title(name.to_uppercase())
        .manual("Waypost Manual");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    let after = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let sections = sections(&after);
    for section in sections.iter().filter(|section| section.heading.is_empty()) {
        page.extend(format!(".PP\n{}\n", escaped(&section.text.replace('\n', " "))).into_bytes());
    }
    man.render_options_section(&mut page)?;
    if shown(command).next().is_some() {
        page.extend(b".SH COMMANDS\n");
        for inner in shown(command) {
            let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
            let entry = format!(
                ".TP\n\\fB{}\\fR(1)\n{}\n",
                escaped(&format!("{name}-{}", inner.get_name())),
                escaped(&about)
            );
            page.extend(entry.into_bytes());
        }
    }
    for section in &sections {
        match section.heading.as_str() {
            // Said as a list, below.
            "" | "EXIT CODES" => {}
            heading => {
                page.extend(format!(".SH {heading:?}\n.nf\n{}\n.fi\n", escaped(&section.text)).into_bytes());
            }
        }
    }
    page.extend(EXIT_STATUS.as_bytes());
    page.extend(ENVIRONMENT.as_bytes());
    let mut see: Vec<String> = parent.into_iter().map(|parent| format!("{parent}(1)")).collect();
    if parent.is_some_and(|parent| parent != "waypost") {
        see.insert(0, "waypost(1)".to_owned());
    }
    see.push("waypostd(8)".to_owned());
    let see: Vec<String> = see
        .iter()
        .filter_map(|page| page.split_once('('))
        .map(|(name, section)| format!("\\fB{}\\fR({section}", escaped(name)))
        .collect();
    page.extend(format!(".SH \"SEE ALSO\"\n{}\n", see.join(", ")).into_bytes());
    Ok(page)
}

/// A part of the text after a command's help.
struct Section {
    /// In capitals; empty for a paragraph without one.
    heading: String,
    text: String,
}

/// Takes the text after a help apart: headings end in a colon, and what belongs to them is indented.
fn sections(after: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in after.lines() {
        match (line.strip_prefix("  "), line.strip_suffix(':')) {
            (Some(indented), _) => {
                if let Some(section) = sections.last_mut() {
                    if !section.text.is_empty() {
                        section.text.push('\n');
                    }
                    section.text.push_str(indented);
                }
            }
            (None, Some(heading)) => {
                // One example or several: the section is called the same.
                let heading = heading.split(" (").next().unwrap_or(heading).to_uppercase();
                let heading = if heading == "EXAMPLE" {
                    "EXAMPLES".to_owned()
                } else {
                    heading
                };
                sections.push(Section {
                    heading,
                    text: String::new(),
                });
            }
            (None, None) if line.is_empty() => {}
            (None, None) => match sections.last_mut() {
                Some(section) if section.heading.is_empty() => {
                    section.text.push('\n');
                    section.text.push_str(line);
                }
                _ => sections.push(Section {
                    heading: String::new(),
                    text: line.to_owned(),
                }),
            },
        }
    }
    sections
}

/// Text that roff prints as it is: no request, no escape, hyphens that can be copied into a shell.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            escaped.push('\n');
        }
        if line.starts_with(['.', '\'']) {
            escaped.push_str("\\&");
        }
        for c in line.chars() {
            match c {
                '\\' => escaped.push_str("\\e"),
                '-' => escaped.push_str("\\-"),
                '\'' => escaped.push_str("\\(aq"),
                '`' => escaped.push_str("\\(ga"),
                '^' => escaped.push_str("\\(ha"),
                '~' => escaped.push_str("\\(ti"),
                c => escaped.push(c),
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_page_for_every_command() {
        let directory = tempfile::tempdir().unwrap();
        let written = write(directory.path()).unwrap();
        assert!(written.contains("waypost-show-routes.1"), "{written}");
        assert!(
            !written.contains("waypost-man.1"),
            "the command that writes them is for packages only"
        );
        let page = fs::read_to_string(directory.path().join("waypost-set.1")).unwrap();
        assert!(
            page.contains("waypost\\-set") && page.contains("PATH=VALUE"),
            "{page}"
        );
        assert!(
            page.contains(".SH \"EXAMPLES\"\n.nf\nwaypost set protocols.rip={} "),
            "{page}"
        );
        for path in written.lines() {
            let page = fs::read_to_string(path).unwrap();
            let sections: Vec<&str> = page.lines().filter(|line| line.starts_with(".SH ")).collect();
            let end = [
                ".SH \"EXIT STATUS\"",
                ".SH ENVIRONMENT",
                ".SH FILES",
                ".SH \"SEE ALSO\"",
            ];
            assert!(sections.ends_with(&end), "{path}: {sections:?}");
        }
        let program = fs::read_to_string(directory.path().join("waypost.1")).unwrap();
        assert_eq!(program.matches("EXIT STATUS").count(), 1, "{program}");
        assert!(program.contains("\\fBwaypost\\-show\\fR(1)"), "{program}");
    }

    /// Where there is a groff, it has nothing to say about any page.
    #[test]
    fn groff_takes_them() {
        let directory = tempfile::tempdir().unwrap();
        for page in write(directory.path()).unwrap().lines() {
            let Ok(output) = Command::new("groff")
                .args(["-man", "-Tutf8", "-ww", "-z", page])
                .output()
            else {
                return;
            };
            assert!(output.status.success());
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{page}");
        }
    }

    #[test]
    fn roff_sees_neither_requests_nor_escapes_in_text() {
        assert_eq!(escaped(".a -b\n'c' \\d"), "\\&.a \\-b\n\\&\\(aqc\\(aq \\ed");
    }
}
